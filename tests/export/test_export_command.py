"""`strategy-ledger export`: what it writes, says and ends with."""

import json
import re
import resource
import subprocess
from pathlib import Path

import pytest

from cli.ledgers import SCRIPT, Call, in_terminal, of_csv
from export.books import pyarrow
from ledger_cli.failures import REFUSED, UNKNOWN, UNREADABLE, USAGE
from ledger_core import open_ledger
from support import market_order


def test_tables_go_into_a_folder(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """The answer lists the files, stderr says as of which entry; the manifest has the same."""
    result = call("export", ledger_file, "--to", tmp_path / "out", "--format", "csv")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[2:]] == [
        *("orders", "fills", "trades", "positions", "adjustments", "journal"),
    ]
    assert "alpha: as of entry 17, recorded 2026-01-05 09:" in result.stderr
    fills = of_csv((tmp_path / "out" / "fills.csv").read_text())
    assert [(row["strategy_id"], row["order_id"], row["price"]) for row in fills] == [
        *(("alpha", "A1", "100.25"), ("alpha", "A4", "3000.000000000000000001"), ("alpha", "A5", "3100")),
        ("beta", "A1", "101"),
    ]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["tables"]["fills"]["rows"] == 4


def test_the_suffix_says_what_it_is(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """One table goes into one file, whose name says its form; --json has what a manifest has."""
    result = call(
        "export", ledger_file, "--to", tmp_path / "x.jsonl", "--table", "orders", "--strategy", "beta", "--json"
    )
    assert json.loads(result.stdout)["tables"]["orders"]["rows"] == 2
    assert [json.loads(line)["order_id"] for line in (tmp_path / "x.jsonl").read_text().splitlines()] == ["A1", "B2"]
    assert result.stderr == ""


def test_parquet_is_written(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """The default is every table, with the places that each column needs, or those that were stated."""
    pa = pyarrow()
    assert call("export", ledger_file, "--to", tmp_path / "out", "--format", "parquet").exit_code == 0
    path = tmp_path / "out" / "fills.parquet"
    assert pa.parquet.read_schema(path).field("price").type == pa.decimal128(38, 18)
    again = ("export", ledger_file, "--to", path, "--table", "fills", "--places", 20, "--force")
    assert call(*again).exit_code == 0
    assert pa.parquet.read_schema(path).field("price").type == pa.decimal128(38, 20)


def test_times_bound_what_happened(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """--since and --until are read in the zone of --tz, and positions have no time."""
    bounds = ("--since", "2026-01-05T10:04", "--until", "2026-01-05T10:09", "--tz", "Europe/Berlin")
    call("export", ledger_file, "--to", tmp_path / "out", "--format", "csv", *bounds)
    fills = of_csv((tmp_path / "out" / "fills.csv").read_text())
    assert [(row["order_id"], row["executed_at"]) for row in fills] == [("A1", "2026-01-05T09:04:00.000000Z")]
    assert len(of_csv((tmp_path / "out" / "positions.csv").read_text())) == 3
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["since"] == "2026-01-05T09:04:00.000000Z"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--to", "out"), USAGE, "say with --format what out is to be"),
        (("--to", "x.csv"), USAGE, "x.csv has room for one table: choose it with --table, or name a folder"),
        (("--to", "x.csv", "--table", "fils"), USAGE, "fils"),
        (("--to", "x.beancount", "--table", "fills"), USAGE, "it takes no tables"),
        (("--to", "x.csv", "--table", "fills", "--strategy", "gamma"), UNKNOWN, "it holds alpha, beta"),
        (("--to", "x.csv", "--table", "fills", "--since", "soon"), USAGE, "--since is no ISO 8601 time"),
        (("--to", "none/there/x.csv", "--table", "fills"), UNREADABLE, "cannot be written: No such file"),
        (
            ("--to", "there.csv", "--table", "fills"),
            REFUSED,
            "there.csv is there already, and nothing was replaced; --force",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    call: Call,
    ledger_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    """Each way to misuse it has its exit code and says what to do; nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.csv").write_text("mine")
    before = sorted(tmp_path.iterdir())
    result = call("export", ledger_file, *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_a_number_that_does_not_fit_is_one_line(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """The line names the column and the number; as JSON it has a word for programs."""
    pyarrow()
    arguments = ("export", ledger_file, "--to", tmp_path / "x.parquet", "--table", "fills", "--places", 2)
    result = call(*arguments, "--json")
    assert result.exit_code == UNREADABLE
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "DOES_NOT_FIT"
    assert error["message"].startswith("fills.price has 3000.000000000000000001, which decimal128 with 2 places")


def test_a_missing_extra_is_one_line(
    call: Call,
    ledger_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where pyarrow is not installed the line says what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = call("export", ledger_file, "--to", tmp_path / "out", "--format", "arrow")
    assert (result.exit_code, (tmp_path / "out").exists()) == (UNREADABLE, False)
    assert result.stderr == ('strategy-ledger: Arrow and Parquet needs pyarrow: pip install "strategy-ledger[arrow]"\n')


def test_a_person_sees_how_far_it_is(ledger_file: Path, tmp_path: Path) -> None:
    """On a terminal a bar comes and goes; where nobody looks there is none."""
    shown, code = in_terminal("export", ledger_file, "--to", tmp_path / "out", "--format", "csv")
    assert code == 0
    assert "exporting out" in shown
    assert re.search("[0-9]+/10000", shown)


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("form", ["parquet", "arrow", "csv", "jsonl", "beancount"])
def test_a_disk_that_is_full_is_one_line(demo_file: Path, tmp_path: Path, form: str) -> None:
    """Where not all of it has room, nothing of it is left under any name."""
    pyarrow()
    target = tmp_path / f"all.{form}" if form == "beancount" else tmp_path / "out"
    done = subprocess.run(
        [SCRIPT, "export", demo_file, "--to", target, "--format", form],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert (done.returncode, done.stdout) == (UNREADABLE, "")
    assert f"{target} cannot be written" in done.stderr
    assert "File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_in_use_is_exported_as_it_was(call: Call, tmp_path: Path) -> None:
    """A ledger whose writer lives is read beside it, and left as it is."""
    with open_ledger(f"sqlite:///{tmp_path}/ledger.db?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A", market_order())
        head = ledger.head()
        result = call("export", tmp_path / "ledger.db", "--to", tmp_path / "out", "--format", "csv", "--json")
        assert json.loads(result.stdout)["snapshot"][0]["digest"] == head.digest
        assert ledger.head() == head
