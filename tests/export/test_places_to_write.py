"""Files: whole or not there, never over another, with a manifest that proves them."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from export.books import library, pyarrow
from ledger_core import InvalidValue, LedgerReader
from ledger_interop.exporting import (
    TABLES,
    AlreadyThere,
    Format,
    MissingExtra,
    export,
    files,
    running,
    to_pandas,
    to_polars,
)
from ledger_interop.exporting import arrow as arrow_files


def test_a_folder_has_a_manifest_that_proves_its_files(rich: LedgerReader, tmp_path: Path) -> None:
    """Names, rows, sizes and SHA-256 of all files, and where each journal ended; and nothing else is left there."""
    done = export(rich, tmp_path / "out", "csv")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest == done.document()
    for one in manifest["tables"].values():
        content = (tmp_path / "out" / one["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one["bytes"], one["sha256"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*(one["file"] for one in manifest["tables"].values()), "manifest.json"]
    )
    assert [one["strategy_id"] for one in manifest["snapshot"]] == list(rich.strategies())


def test_the_same_moment_gives_the_same_bytes(rich: LedgerReader, tmp_path: Path) -> None:
    """Whoever exports a moment twice can compare the files."""
    pyarrow()
    for form in Format:
        first, second = (export(rich, tmp_path / f"{form}{number}", form) for number in (1, 2))
        assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files], form


def test_one_table_is_one_file(rich: LedgerReader, tmp_path: Path) -> None:
    """A single table needs no folder and gets no manifest; its file is for the owner alone."""
    export(rich, tmp_path / "fills.csv", "csv", tables=["fills"])
    assert [path.name for path in tmp_path.iterdir()] == ["fills.csv"]
    assert (tmp_path / "fills.csv").stat().st_mode & 0o777 == 0o600
    (tmp_path / "there").mkdir()
    export(rich, tmp_path / "there", "csv", tables=["fills"])
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["fills.csv", "manifest.json"]


@pytest.mark.parametrize("name", ["fills.csv", "orders.csv", "manifest.json"])
def test_nothing_is_replaced_unless_told(rich: LedgerReader, tmp_path: Path, name: str) -> None:
    """A file of the name of any that would be written is left as it is, and so is the folder."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(AlreadyThere, match=name):
        export(rich, tmp_path, "csv")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]
    export(rich, tmp_path, "csv", force=True)
    assert (tmp_path / name).read_text() != "mine"


def test_what_was_made_meanwhile_is_not_replaced(
    rich: LedgerReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that somebody makes while the export runs is left as it is."""
    seal = files.seal

    def slow(partial: Path) -> tuple[int, str]:
        (tmp_path / "fills.csv").write_text("mine")
        return seal(partial)

    monkeypatch.setattr(running, "seal", slow)
    with pytest.raises(AlreadyThere):
        export(rich, tmp_path / "fills.csv", "csv", tables=["fills"])
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("fills.csv", "mine")]


@pytest.mark.parametrize("form", list(Format))
def test_a_failure_half_way_leaves_nothing(
    rich: LedgerReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Format
) -> None:
    """Whatever is raised in the middle, no file is there under its own name or another, and old ones are as they were."""
    pyarrow()
    done = export(rich, tmp_path / "old", form)
    before = (
        {path.name: path.read_bytes() for path in (tmp_path / "old").glob("*")} if done.files[0].table != form else {}
    )

    def fails(partial: Path) -> tuple[int, str]:
        if fails.calls:  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")
        fails.calls += 1  # type: ignore[attr-defined]
        return (0, "")

    for force, target in ((False, "new"), (True, "old")):
        fails.calls = int(form is Format.BEANCOUNT)  # type: ignore[attr-defined]
        monkeypatch.setattr(running, "seal", fails)
        with pytest.raises(OSError, match="No space left"):
            export(rich, tmp_path / target, form, force=force)
        monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").glob("*")} == before


def test_a_broken_replacement_has_no_manifest(
    rich: LedgerReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While files are replaced one by one there is no manifest, so a folder that has one is of one moment."""
    export(rich, tmp_path / "out", "csv")
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if Path(target).name == "trades.csv":
            raise OSError(5, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="Input/output error"):
        export(rich, tmp_path / "out", "csv", force=True)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted(f"{name}.csv" for name in TABLES)


def test_files_are_durable_before_they_have_their_names(
    rich: LedgerReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is synced before it is named, and its folder afterwards."""
    calls: list[str] = []
    fsync, link = os.fsync, os.link

    def synced(descriptor: int) -> None:
        calls.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().suffix or 'folder'}")
        fsync(descriptor)

    def linked(source: Any, target: Any) -> None:
        calls.append("name")
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    export(rich, tmp_path / "fills.csv", "csv", tables=["fills"])
    assert calls == ["sync .partial", "name", "sync folder"]


def test_progress_goes_from_nothing_to_all(rich: LedgerReader, tmp_path: Path) -> None:
    """What is told never goes back, and ends at 1."""
    pyarrow()
    for form in Format:
        told: list[float] = []
        export(rich, tmp_path / form, form, progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xls"}, "no format 'xls'; there are parquet, arrow, csv, jsonl, beancount"),
        ({"format": "csv", "tables": ["fill"]}, "no table 'fill'; there are orders, fills"),
        ({"format": "csv", "tables": []}, "no table is named"),
        ({"format": "csv", "places": 2}, "csv writes every number as it is"),
        ({"format": "arrow", "places": 99}, "places is 0 to 36, not 99"),
        ({"format": "arrow", "decimals": "float"}, "no decimals 'float'"),
        ({"format": "beancount", "tables": ["fills"]}, "it takes no tables"),
    ],
)
def test_what_makes_no_sense_is_refused(
    rich: LedgerReader, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    """The message names what there is."""
    with pytest.raises(InvalidValue, match=message):
        export(rich, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named_with_its_extra(
    rich: LedgerReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pyarrow, pandas or polars one sentence says what to install; text needs none of them."""
    import sys

    for name in ("pyarrow", "pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r'needs pyarrow: pip install "strategy-ledger\[arrow\]"'):
        export(rich, tmp_path / "out", "parquet")
    with pytest.raises(MissingExtra, match=r"strategy-ledger\[pandas\]"):
        to_pandas(rich, "fills")
    with pytest.raises(MissingExtra, match=r"strategy-ledger\[polars\]"):
        to_polars(rich, "fills")
    assert list(tmp_path.iterdir()) == []
    for form in ("csv", "jsonl", "beancount"):
        export(rich, tmp_path / form, form)


def test_large_tables_are_written_in_groups(
    rich: LedgerReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows than one batch or group holds are all there, in order."""
    pa = pyarrow()
    monkeypatch.setattr(arrow_files, "BATCH_ROWS", 7)
    monkeypatch.setattr(arrow_files, "ROW_GROUP_BATCHES", 2)
    expected = [record.order_id for name in rich.strategies() for record in rich.strategy(name).find_orders(limit=None)]
    done = export(rich, tmp_path / "orders.parquet", "parquet", tables=["orders"])
    file = pa.parquet.ParquetFile(tmp_path / "orders.parquet")
    assert file.metadata.num_row_groups == -(-len(expected) // 14)
    assert file.read()["order_id"].to_pylist() == expected
    assert done.files[0].rows == len(expected)
    export(rich, tmp_path / "orders.arrow", "arrow", tables=["orders"])
    with pa.memory_map(str(tmp_path / "orders.arrow")) as source:
        assert pa.ipc.open_file(source).read_all()["order_id"].to_pylist() == expected


def test_no_library_is_imported_before_it_is_needed() -> None:
    """The package imports none of them by itself."""
    import subprocess
    import sys

    library("pyarrow")
    code = (
        "import sys, ledger_interop.exporting;"
        "print({'pyarrow', 'pandas', 'polars', 'numpy', 'click'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("set()\n", "")
