"""`query`: it reads whatever is asked, writes nothing whatever is asked, and ends when it is told to."""

import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from cli.ledgers import SCRIPT, Call, fingerprint, of_csv, parsed
from ledger_cli import query
from ledger_core import open_ledger
from support import market_order

ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"


def test_the_views_can_be_asked(call: Call, ledger_file: Path) -> None:
    """Text is printed as it is stored, in every form."""
    sql = "SELECT order_id, quantity FROM v_open_orders WHERE status = 'IN_DOUBT'"
    assert of_csv(call("query", ledger_file, sql, "-o", "csv").stdout) == [{"order_id": "A2", "quantity": "0.0000004"}]
    assert parsed(call("query", ledger_file, sql, "--json").stdout) == [{"order_id": "A2", "quantity": "0.0000004"}]
    assert "0.0000004" in call("query", ledger_file, sql).stdout


def test_values_of_every_kind_are_told_apart(call: Call, ledger_file: Path) -> None:
    """Nothing, a whole number, a blob and a text that looks like a number."""
    (row,) = parsed(call("query", ledger_file, "SELECT NULL AS n, 7 AS i, x'00ff' AS b, '007' AS t", "--json").stdout)
    assert row == {"n": None, "i": 7, "b": "00ff", "t": "007"}


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO cursors VALUES ('a', 'b', 1)",
        "UPDATE orders SET state = 'FILLED'",
        "DELETE FROM fills",
        "REPLACE INTO cursors VALUES ('a', 'b', 1)",
        "WITH x AS (SELECT 1) DELETE FROM orders",
        "CREATE TABLE mine (x)",
        "CREATE TEMP TABLE mine (x)",
        "DROP TABLE journal",
        "ALTER TABLE orders RENAME TO mine",
        "ATTACH 'other.db' AS other",
        "VACUUM",
        "VACUUM INTO 'other.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "SAVEPOINT x",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 7",
        "PRAGMA writable_schema = 1",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "SELECT load_extension('x')",
        "SELECT writefile('x', 'y')",
        "SELECT edit('x')",
    ],
)
def test_nothing_can_be_written(call: Call, ledger_file: Path, sql: str) -> None:
    """Whatever would write, here or elsewhere, is refused in one line, and no byte changes."""
    before = fingerprint(ledger_file.parent)
    result = call("query", ledger_file, sql)
    assert result.exit_code in (2, 5)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert fingerprint(ledger_file.parent) == before


@pytest.mark.parametrize("sql", ["CREATE TABLE more (x)", "INSERT INTO notes VALUES (1)", "PRAGMA user_version = 7"])
def test_writing_is_denied_before_the_file_would_refuse_it(sql: str) -> None:
    """Even of a connection that could write, SQLite's authorizer lets nothing but reading through."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE notes (x)")
    refused: list[str] = []
    query._bound(connection, refused)
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        connection.execute(sql)
    assert refused
    assert connection.execute("SELECT COUNT(*) FROM notes").fetchall() == [(0,)]
    connection.close()


@pytest.mark.parametrize(
    "sql", ["", " ", "-- nothing", "SELECT 1; SELECT 2", "SELEC 1", "SELECT * FROM nothing", "SELECT ?", "SELECT :x"]
)
def test_what_is_no_query_is_a_usage_error(call: Call, ledger_file: Path, sql: str) -> None:
    """SQLite's own words, in one line."""
    result = call("query", ledger_file, sql)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


def test_an_endless_answer_is_cut_and_said_to_be(call: Call, ledger_file: Path) -> None:
    """Fifty rows for a person, ten thousand for a program, as many as were asked for, and no count of the rest."""
    result = call("query", ledger_file, ENDLESS)
    assert len(result.stdout.splitlines()) == 52
    assert result.stderr == "showing 50 rows of more; --all\n"
    assert len(of_csv(call("query", ledger_file, ENDLESS, "-o", "csv").stdout)) == 10_000
    three = call("query", ledger_file, ENDLESS, "--limit", "3", "-o", "jsonl")
    assert [parsed(line) for line in three.stdout.splitlines()] == [{"x": 1}, {"x": 2}, {"x": 3}]
    whole = call("query", ledger_file, f"{ENDLESS} LIMIT 60", "--all")
    assert (len(whole.stdout.splitlines()), whole.stderr) == (62, "")


def test_a_query_that_takes_too_long_is_stopped(call: Call, ledger_file: Path) -> None:
    """After the time that it was given, with an exit code of its own."""
    result = call("query", ledger_file, ENDLESS.replace("SELECT x FROM", "SELECT MAX(x) FROM"), "--timeout", "1s")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "stopped after 1 s" in result.stderr


def test_ctrl_c_stops_a_query(ledger_file: Path) -> None:
    """A query that was a mistake is stopped at once, without a traceback."""
    sql = ENDLESS.replace("SELECT x FROM", "SELECT MAX(x) FROM")
    command = [str(SCRIPT), "query", str(ledger_file), sql, "--timeout", "0s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        spent = 0.0
        while spent < 0.5:  # until it computes: before, Ctrl-C would meet an import
            time.sleep(0.05)
            spent = _seconds_of(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err


def _seconds_of(pid: int) -> float:
    """Return the processor time that a process has used, on top of what starting took: by its open ledger."""
    opened = any("ledger.db" in str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink())
    if not opened:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1.0 if int(fields[11]) > 0 else 0.0


def test_a_value_and_a_sort_cannot_take_the_machine(
    call: Call, ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot runs on the same machine: what one query may use is bounded."""
    result = call("query", ledger_file, "SELECT LENGTH(zeroblob(1000000000))")
    assert result.exit_code == 2
    assert "too big" in result.stderr


def test_a_file_that_a_bot_opens_meanwhile_is_asked_again(
    call: Call, ledger_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer from a file that was taken for unchanging, and changed, is not to be trusted: that is said."""
    alone = tmp_path / "alone.db"
    alone.write_bytes(ledger_file.read_bytes())
    printed = query._Query._print

    def print_and_write(*arguments: object) -> None:
        with open_ledger(f"sqlite:///{alone}?durability=none", strategy_id="alpha") as ledger:
            ledger.record_order("meanwhile", market_order())
        printed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(query._Query, "_print", print_and_write)
    result = call("query", alone, "SELECT 1 AS one")
    assert result.exit_code == 130
    assert "ask again" in result.stderr
