"""`ledger_rescue`: the status by the standard library alone, for the day when the environment is broken."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import ledger_rescue
from cli.ledgers import fill_file, fingerprint
from cli.test_files import BAD, KILLED_WRITER
from ledger_core import open_ledger
from ledger_storage_sqlite import schema
from ledger_storage_sqlite.schema import SCHEMA_VERSION
from support import market_order

SOURCE = Path(ledger_rescue.__file__)


def run(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a copy of the one file with a Python that finds no installed package at all."""
    command = [sys.executable, "-I", "-S", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


def test_the_one_file_runs_anywhere_without_any_package(ledger_file: Path, tmp_path: Path) -> None:
    """Copied to an empty folder, with an interpreter that has no site-packages."""
    copy = tmp_path / "elsewhere" / "rescue.py"
    copy.parent.mkdir()
    shutil.copy(SOURCE, copy)
    before = fingerprint(ledger_file.parent)
    done = run(copy, ledger_file, cwd=copy.parent)
    assert (done.returncode, done.stderr) == (0, "")
    for part in (
        "alpha: last recorded 2026-01-05T09:33:00.000000Z",
        "A2  venue's id none; BUY 0.0000004 BTC-USD MARKET; filled 0, leaves 0.0000004; IN_DOUBT",
        "no answer within 2 s",
        "CANCEL of A1; request C-1",
        "A1  venue's id V-1; BUY 10 ACME LIMIT limit 100.50; filled 4, leaves 6; PENDING_CANCEL",
        "ACME  4; cost 401 USD; strategy alpha at XNAS",
        "ACME  -5",
        "no order has the venue's id 'V-?'",
        "Next: ask the venue",
    ):
        assert " ".join(part.split()) in " ".join(done.stdout.split()), part
    assert fingerprint(ledger_file.parent) == before


def test_a_file_whose_name_is_no_utf_8_is_read(ledger_file: Path, tmp_path: Path) -> None:
    """As a disk of an older system names it."""
    copy = tmp_path / os.fsdecode(b"f\xfcnf.db")
    shutil.copy(ledger_file, copy)
    done = run(SOURCE, copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"f\udcfcnf.db" in done.stdout


def test_the_installed_module_runs_by_its_name(ledger_file: Path) -> None:
    """`python -m ledger_rescue FILE`."""
    command = [sys.executable, "-m", "ledger_rescue", str(ledger_file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "In doubt" in done.stdout


def test_it_imports_nothing_but_the_standard_library() -> None:
    """What it needs is there on the day on which nothing else is."""
    probe = f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); import ledger_rescue; print(*sorted(sys.modules))"
    loaded = {name.partition(".")[0] for name in run("-c", probe).stdout.split()}
    assert loaded - set(sys.stdlib_module_names) <= {"ledger_rescue", "__main__"}


def test_the_file_of_a_killed_bot_is_read_with_its_log(tmp_path: Path) -> None:
    """The last acknowledged order is in the WAL alone; without shared memory it is read from a copy."""
    path = tmp_path / "killed.db"
    assert subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], timeout=60, check=False).returncode == 9
    before = fingerprint(tmp_path)
    assert "LAST" in run(SOURCE, path).stdout
    assert fingerprint(tmp_path) == before
    path.with_name("killed.db-shm").unlink()
    before = fingerprint(tmp_path)
    assert "LAST" in run(SOURCE, path).stdout
    assert fingerprint(tmp_path) == before


def test_it_reads_beside_a_bot_that_writes(ledger_file: Path) -> None:
    """Nothing is touched, and what was committed a moment ago is there."""
    with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("just-now", market_order())
        before = fingerprint(ledger_file.parent)
        assert "just-now" in run(SOURCE, ledger_file).stdout
        assert fingerprint(ledger_file.parent) == before


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "a newer schema"])
def test_what_is_no_ledger_gets_one_line(kind: str, tmp_path: Path) -> None:
    """As from the command line: a sentence and exit code 3, also beside a file that can be read."""
    make, _ = BAD[kind]
    path = tmp_path / "bad" / "file.db"
    path.parent.mkdir()
    make(path)
    before = fingerprint(path.parent)
    done = run(SOURCE, path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("ledger_rescue: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert fingerprint(path.parent) == before
    good = tmp_path / "good.db"
    fill_file(good)
    both = run(SOURCE, path, good)
    assert both.returncode == 3
    assert "In doubt" in both.stdout


def test_a_newer_schema_is_read_as_far_as_it_is_known(ledger_file: Path) -> None:
    """In an emergency half an answer is better than none; it says so."""
    with sqlite3.connect(ledger_file) as connection:
        connection.execute("PRAGMA user_version = 4711")
    connection.close()
    done = run(SOURCE, ledger_file)
    assert done.returncode == 0
    assert "WARNING: the file has schema 4711" in done.stdout
    assert "A2" in done.stdout


def test_an_older_schema_is_read_too(tmp_path: Path) -> None:
    """A file that was never opened by this program has no view that spells bodies out; it has them whole."""
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path, isolation_level=None)
    schema.migrate(connection, dict(list(schema.MIGRATIONS.items())[:3]))
    body = '{"changes":[],"operation":"record_order"}'
    row = ("alpha", 1, "2026-01-05T09:00:00.000000Z", "A1", body, "0" * 64)
    connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    done = run(SOURCE, path)
    assert done.returncode == 0
    assert "record_order A1 (entry 1)" in " ".join(done.stdout.split())


def test_it_knows_the_schema_that_is_written() -> None:
    """Whoever adds a migration looks at the queries of the rescue, too."""
    assert ledger_rescue.SCHEMA_KNOWN == SCHEMA_VERSION


def test_without_a_file_it_says_how_it_is_used() -> None:
    """Exit code 2, and the first lines of its own text."""
    for arguments in ((), ("--help",)):
        done = run(SOURCE, *arguments)
        assert done.returncode == 2
        assert "python -m ledger_rescue FILE" in done.stderr


def test_a_file_that_changes_while_it_is_read_is_read_again(
    ledger_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without a log is taken for unchanging, until it is seen to have changed."""
    alone = tmp_path / "alone.db"
    shutil.copy(ledger_file, alone)
    told = ledger_rescue.status
    looks: list[int] = []

    def status_and_write(reading: ledger_rescue.Reading) -> list[str]:
        lines = list(told(reading))
        if not looks:
            os.utime(alone)
        looks.append(1)
        return lines

    monkeypatch.setattr(ledger_rescue, "status", status_and_write)
    assert any("A2" in line for line in ledger_rescue.read(str(alone)))
    assert len(looks) == 2


def test_an_error_that_a_change_explains_is_no_error(ledger_file: Path, tmp_path: Path) -> None:
    """What fails because a bot opened the file meanwhile is asked again; what fails on its own is told."""
    alone = tmp_path / "alone.db"
    shutil.copy(ledger_file, alone)
    with pytest.raises(sqlite3.OperationalError), ledger_rescue.Reading(alone) as reading:
        reading.connection.execute("SELECT nothing")
    reading = ledger_rescue.Reading(alone)
    with pytest.raises(ledger_rescue.Changed), reading:
        _change_and_ask(reading)


def _change_and_ask(reading: ledger_rescue.Reading) -> None:
    os.utime(reading.path)
    reading.connection.execute("SELECT nothing")


def test_a_log_that_was_only_begun_is_no_obstacle(ledger_file: Path, tmp_path: Path) -> None:
    """A bot that died before its first write leaves a header alone."""
    path = tmp_path / "begun.db"
    for suffix in ("", "-shm"):
        shutil.copy(ledger_file.with_name(ledger_file.name + suffix), path.with_name(path.name + suffix))
    path.with_name("begun.db-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(28))
    before = fingerprint(tmp_path)
    done = run(SOURCE, path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "A2" in done.stdout
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_nothing_beside_a_file_is_followed_or_waited_for(ledger_file: Path, tmp_path: Path, suffix: str) -> None:
    """A link leads elsewhere, a FIFO would keep whoever opens it for ever: both are named and left alone."""
    for make in (lambda one: one.symlink_to(ledger_file), os.mkfifo):
        path = tmp_path / f"{make.__name__.strip('<>')}.db"
        shutil.copy(ledger_file, path)
        beside = path.with_name(path.name + suffix)
        make(beside)
        done = run(SOURCE, path)
        assert (done.returncode, done.stdout) == (3, "")
        assert f"{beside} is no plain file" in done.stderr


def test_nothing_that_a_ledger_holds_commands_the_terminal() -> None:
    """Escapes are shown as what they are."""
    assert ledger_rescue._printable("\x1b[2J") == "\\x1b[2J"
