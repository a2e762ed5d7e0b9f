"""`doctor` and `backup`: what keeps a file from being sound, and a copy that is proven."""

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.ledgers import START, Call, fingerprint, parsed
from cli.test_files import KILLED_WRITER
from ledger_cli import health
from ledger_cli.wal import wal_of
from ledger_core import Head, open_ledger, open_reader
from support import limit_order, market_order

PINNING = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT COUNT(*) FROM orders").fetchone()
print("reading", flush=True)
sys.stdin.readline()
"""


def verdicts(call: Call, path: Path, *more: str) -> dict[str, list[tuple[str, str]]]:
    """Return (verdict, what) of each check by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for check in parsed(call("doctor", path, "--json", *more).stdout):
        found.setdefault(check["check"], []).append((check["verdict"], check["what"]))
    return found


def test_a_sound_file_has_no_problem(call: Call, tmp_path: Path) -> None:
    """Every check says what it looked at; with --full every record was compared."""
    path = tmp_path / "sound.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", limit_order())
        ledger.update_order_acceptance("A1")
    result = call("doctor", path, "--full")
    assert result.exit_code == 0
    assert " 0 problems" in result.stderr
    found = verdicts(call, path, "--full")
    assert {"file", "wal", "writers", "schema", "pages", "open orders", "invariants"} <= set(found)
    assert found["invariants"] == [("ok", "alpha: 2 entries in an unbroken chain, 2 records are what they say")]
    assert found["pages"] == [("ok", "integrity_check")]


@pytest.mark.parametrize(("version", "verdict"), [((3, 51, 2), "warning"), ((3, 51, 3), "ok"), ((3, 60, 0), "ok")])
def test_an_sqlite_with_the_wal_reset_bug_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], verdict: str
) -> None:
    """Before 3.51.3 two writers at one instant may damage a file."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    assert health.check_library().verdict == verdict


def test_what_hangs_is_a_problem(call: Call, ledger_file: Path) -> None:
    """Orders in doubt, requests without an answer, facts in quarantine; day orders of last week are warned of."""
    assert call("doctor", ledger_file).exit_code == 1
    stuck = verdicts(call, ledger_file)["stuck"]
    assert next(what for verdict, what in stuck if verdict == "PROBLEM") == "1 order in doubt: A2"
    assert any("B2 is a day order" in what for verdict, what in stuck if verdict == "warning")


def test_orders_that_should_have_ended_are_asked_about(call: Call, tmp_path: Path) -> None:
    """What was to expire, or to be filled at once, cannot still be working."""
    path = tmp_path / "old.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha", clock=lambda: START) as ledger:
        for order_id, terms in (
            ("gtc", {"time_in_force": "GTC"}),
            ("gtd", {"time_in_force": "GTD", "expire_at": START}),
            ("ioc", {"time_in_force": "IOC"}),
        ):
            ledger.record_order(order_id, limit_order(**terms))
            ledger.update_order_acceptance(order_id)
    stuck = [what.split()[0] for _, what in verdicts(call, path)["stuck"]]
    assert stuck == ["gtd", "ioc"]


def test_a_file_that_others_may_use_is_warned_of(call: Call, ledger_file: Path) -> None:
    """A ledger is its owner's alone."""
    ledger_file.chmod(0o644)
    assert verdicts(call, ledger_file)["file"][0][0] == "warning"


def test_a_record_that_was_edited_is_found(call: Call, ledger_file: Path) -> None:
    """Quickly where the order is open; anywhere with --full."""
    with sqlite3.connect(ledger_file) as connection:
        connection.execute("UPDATE orders SET cum_quantity = '5' WHERE strategy_id = 'alpha' AND order_id = 'A1'")
    connection.close()
    assert "A1" in next(what for verdict, what in verdicts(call, ledger_file)["open orders"] if verdict == "PROBLEM")
    full = verdicts(call, ledger_file, "--full")["invariants"]
    assert [verdict for verdict, _ in full] == ["PROBLEM", "ok"]


@pytest.mark.parametrize("nobody", ["", "mallory"])
def test_rows_of_a_strategy_without_a_journal_are_found(call: Call, ledger_file: Path, nobody: str) -> None:
    """Plain SQL shows an order that was slipped in under a name for which nobody opens, or can open, a ledger."""
    assert "strays" not in verdicts(call, ledger_file)
    with sqlite3.connect(ledger_file) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(orders)")][1:]
        listed = ", ".join(columns)
        connection.execute(
            f"INSERT INTO orders (strategy_id, {listed}) SELECT ?, {listed} FROM orders"
            " WHERE strategy_id = 'alpha' AND order_id = 'A1'",
            (nobody,),
        )
    connection.close()
    assert ("PROBLEM", f"orders has rows of {nobody!r}, which has no journal: no command of a ledger wrote them") in (
        verdicts(call, ledger_file)["strays"]
    )


def test_a_subscriber_that_came_before_the_first_entry_is_no_stray(call: Call, tmp_path: Path) -> None:
    """Its place is kept; the strategy has nothing else yet."""
    path = tmp_path / "early.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.subscribe("monitor", lambda name, payload: None)
    assert "strays" not in verdicts(call, path)


def test_a_journal_with_a_key_is_not_called_broken_for_want_of_it(call: Call, tmp_path: Path) -> None:
    """Without the key nobody can tell; with it, it is sound."""
    path, key = tmp_path / "keyed.db", tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha", chain_key=key.read_bytes()) as ledger:
        ledger.record_order("A1", limit_order())
        ledger.update_order_acceptance("A1")
    assert verdicts(call, path)["journal"][0][0] == "warning"
    assert verdicts(call, path, "--key-file", str(key))["journal"][0][0] == "ok"


def test_subscribers_that_are_behind_are_told(call: Call, tmp_path: Path) -> None:
    """What a subscriber has yet to take is delivered when its bot opens again."""
    path = tmp_path / "behind.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", market_order())
        ledger.subscribe("monitor", lambda name, payload: None)
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A2", market_order())
    assert verdicts(call, path)["subscriber"] == [("note", "monitor of alpha has taken 1 of 2 entries")]


def test_a_reader_that_keeps_the_log_from_being_used_anew_is_named(call: Call, tmp_path: Path) -> None:
    """The process that pins the WAL is seen with the place that it reads at."""
    path = tmp_path / "pinned.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", market_order())
        command = [sys.executable, "-c", PINNING, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reading\n"
            ledger.record_order("A2", market_order())
            ((verdict, what),) = _in_another_process(path)
            reader.communicate("\n")
    if not Path("/proc/locks").exists():
        pytest.skip("this machine does not tell who has a file open")
    assert verdict == "note"
    assert f"process {reader.pid}" in what


def _in_another_process(path: Path) -> list[tuple[str, str]]:
    """Return what the doctor says of the WAL: not here, where the file is open."""
    from cli.ledgers import SCRIPT

    done = subprocess.run([str(SCRIPT), "doctor", str(path), "--json"], capture_output=True, text=True, check=False)
    return [(one["verdict"], one["what"]) for one in parsed(done.stdout) if one["check"] == "wal"]


def test_the_log_of_a_killed_bot_is_measured(tmp_path: Path) -> None:
    """How many pages wait to be copied, as SQLite's own index says."""
    path = tmp_path / "killed.db"
    assert subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], timeout=60, check=False).returncode == 9
    wal = wal_of(path)
    assert wal is not None
    assert wal.page_size == 4096
    assert wal.size == 32 + wal.frames * (4096 + 24)
    assert wal.copied <= wal.frames
    path.with_name("killed.db-shm").write_bytes(b"short")
    broken = wal_of(path)
    assert broken is not None
    assert (broken.size, broken.frames) == (wal.size, 0)
    assert wal_of(tmp_path / "nothing.db") is None


# --- backup


def test_a_backup_is_proven_and_can_be_checked_later(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """The copy has every entry of every strategy, its own permissions, and a checksum that sha256sum takes."""
    out = tmp_path / "out" / "copy.db"
    out.parent.mkdir()
    (made,) = parsed(call("backup", ledger_file, out, "--json").stdout)
    assert made["file"] == str(out)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == made["sha256"]
    assert (out.parent / "copy.db.sha256").read_text() == f"{made['sha256']}  copy.db\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(path.name for path in out.parent.iterdir()) == ["copy.db", "copy.db.sha256"]
    with open_reader(ledger_file) as ours, open_reader(out) as copied:
        for one in made["heads"]:
            head = Head(one["sequence"], one["digest"])
            assert ours.strategy(one["strategy_id"]).head() == copied.strategy(one["strategy_id"]).head() == head
            assert copied.strategy(one["strategy_id"]).verify(head).is_intact


def test_a_backup_is_of_one_moment_while_the_bot_writes(call: Call, run_script: object, tmp_path: Path) -> None:
    """What is committed meanwhile is not in it, and nothing of it is half there."""
    path, out = tmp_path / "bot.db", tmp_path / "copy.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        for index in range(50):
            ledger.record_order(f"before-{index}", market_order())
        assert callable(run_script)
        done = run_script("backup", path, out)
        assert done.returncode == 0, done.stderr
        ledger.record_order("after", market_order())
    with open_reader(out) as reader:
        copied = reader.strategy("alpha")
        assert copied.head().sequence == 50
        assert copied.verify().is_intact


def test_a_backup_of_a_killed_bots_file_has_what_is_in_its_log(call: Call, tmp_path: Path) -> None:
    """The WAL that was never copied into the file is in the copy, which needs none; the original stays as it was."""
    folder = tmp_path / "killed"
    folder.mkdir()
    path = folder / "ledger.db"
    assert subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], timeout=60, check=False).returncode == 9
    before = fingerprint(folder)
    assert call("backup", path, tmp_path / "copy.db").exit_code == 0
    assert fingerprint(folder) == before
    with open_reader(path) as ours, open_reader(tmp_path / "copy.db") as copied:
        assert ours.strategy("bot").head() == copied.strategy("bot").head()


def test_a_backup_into_a_folder_is_named_after_the_moment(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """So that one can be made every night."""
    folder = tmp_path / "backups"
    folder.mkdir()
    assert call("backup", ledger_file, folder).exit_code == 0
    (made,) = folder.glob("*.db")
    moment = datetime.strptime(made.name, "ledger-%Y%m%dT%H%M%SZ.db").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 600


def test_a_backup_replaces_nothing(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """Neither a file, nor the checksum of another one, nor the ledger itself."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.db").write_text("mine")
    (out / "other.db.sha256").write_text("mine")
    before = fingerprint(out)
    for target in (out / "mine.db", out / "other.db", ledger_file):
        assert call("backup", ledger_file, target).exit_code == 5
    assert call("backup", ledger_file, out / "no" / "folder.db").exit_code == 3
    assert call("backup", "memory://x", out / "x.db").exit_code == 2
    assert fingerprint(out) == before


def test_a_copy_that_is_not_sound_is_not_kept(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """Proving it can fail: of a damaged ledger there is no backup, and nothing half-made is left behind."""
    damaged, out = tmp_path / "damaged.db", tmp_path / "copy.db"
    content = bytearray(ledger_file.read_bytes())
    with sqlite3.connect(ledger_file) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'orders_by_id'").fetchone()
    connection.close()
    content[(page - 1) * 4096 + 8 : page * 4096] = os.urandom(4088)
    damaged.write_bytes(content)
    result = call("backup", damaged, out)
    assert result.exit_code == 3
    assert "damaged" in result.stderr
    assert not list(tmp_path.glob("copy.db*"))
