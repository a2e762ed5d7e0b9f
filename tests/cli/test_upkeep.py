"""What writes: it asks first, leaves an entry, and refuses what cannot be without having changed anything."""

import json
import re
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.ledgers import Call, fingerprint, parsed
from ledger_cli.main import main
from ledger_core import Entry, open_ledger, open_reader
from ledger_storage_sqlite import schema
from support import fill, limit_order, market_order


def entries(path: Path, strategy: str = "alpha") -> list[Entry]:
    """Return the journal of a strategy."""
    with open_reader(path) as reader:
        return list(reader.strategy(strategy).read_journal())


def order_of(path: Path, order_id: str, strategy: str = "alpha") -> Any:
    """Return an order of a file."""
    with open_reader(path) as reader:
        return reader.strategy(strategy).get_order(order_id)


def quarantine_ids(path: Path) -> dict[str, str]:
    """Return the ids of the facts that wait, by what is wrong with each."""
    with open_reader(path) as reader:
        return {fact.code: fact.quarantine_id for _, fact in reader.quarantined()}


# --- asking


WRITES: dict[str, tuple[object, ...]] = {
    "resolve": ("A2", "rejected", "--reason", "never arrived"),
    "skip": ("publisher", "1", "--reason", "poison", "--strategy", "alpha"),
    "rebuild": ("--strategy", "alpha"),
    "reconcile": ("SNAPSHOT", "--apply", "--strategy", "alpha"),
}


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Return a broker's snapshot that differs from the ledger in one order."""
    path = tmp_path / "snapshot.json"
    path.write_text(
        '{"open_orders": [{"order_id": "A2", "venue_order_id": "V-2", "symbol": "BTC-USD", "side": "BUY",'
        ' "quantity": 0.0000004, "venue": "XNAS"}]}'
    )
    return path


@pytest.mark.parametrize("command", WRITES)
def test_nothing_is_written_without_being_confirmed(
    call: Call, ledger_file: Path, snapshot: Path, command: str
) -> None:
    """In a pipe nobody can be asked: without --yes it is refused, and no byte changes."""
    before = fingerprint(ledger_file.parent)
    arguments = [snapshot if one == "SNAPSHOT" else one for one in WRITES[command]]
    result = call(command, ledger_file, *arguments)
    assert result.exit_code == 5
    assert "--yes" in result.stderr
    assert fingerprint(ledger_file.parent) == before


@pytest.mark.parametrize("command", WRITES)
def test_what_is_confirmed_leaves_an_entry_in_the_journal(
    call: Call, ledger_file: Path, snapshot: Path, command: str
) -> None:
    """Whoever reads the journal sees what the operator did."""
    known = len(entries(ledger_file))
    arguments = [snapshot if one == "SNAPSHOT" else one for one in WRITES[command]]
    result = call(command, ledger_file, *arguments, "--yes")
    assert result.exit_code in (0, 1), result.stderr
    assert len(entries(ledger_file)) == known + 1
    assert "done: " in result.stderr
    assert call("verify", ledger_file).exit_code == 0


# --- resolve


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (("accepted", "--venue-id", "V-2"), "ACCEPTED"),
        (("canceled", "--reason", "by the broker"), "CANCELED"),
        (("rejected", "--reason", "no margin"), "REJECTED"),
        (("expired", "--reason", "end of day"), "EXPIRED"),
        (("filled", "--price", "64000.5"), "FILLED"),
        (("filled", "--price", "64000.5", "--quantity", "0.0000001", "--fill-id", "F-9"), "PARTIALLY_FILLED"),
    ],
)
def test_an_order_in_doubt_becomes_what_the_venue_says(
    call: Call, ledger_file: Path, outcome: tuple[str, ...], state: str
) -> None:
    """The order leaves the doubt, and what was said about it is kept."""
    result = call("resolve", ledger_file, "A2", *outcome, "--yes", "--json")
    assert result.exit_code == 0, result.stderr
    (shown,) = parsed(result.stdout)
    assert shown["state"] == state
    order = order_of(ledger_file, "A2")
    assert order.state == state
    if "--reason" in outcome:
        assert order.reason == outcome[-1]
    if "--venue-id" in outcome:
        assert order.venue_order_ids == ("V-2",)


def test_a_fill_without_an_id_gives_way_to_the_real_one(call: Call, ledger_file: Path) -> None:
    """What a person heard by phone is marked as inferred, and is not counted twice when the report comes."""
    call("resolve", ledger_file, "A2", "filled", "--price", "64000", "--fee", "0.1", "--fee-currency", "USD", "--yes")
    with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
        (inferred,) = ledger.find_fills(order_id="A2")
        assert inferred.inferred
        assert inferred.fees[0].amount == Decimal("0.1")
        ledger.update_order_fill("A2", fill("real-1", "0.0000004", "64001"))
        assert ledger.get_order("A2").cum_quantity == Decimal("0.0000004")


def test_the_time_of_the_venue_is_kept(call: Call, ledger_file: Path) -> None:
    """--at says when it happened there."""
    call("resolve", ledger_file, "A2", "canceled", "--reason", "x", "--at", "2026-01-05T10:00:00Z", "--yes")
    assert order_of(ledger_file, "A2").ended_at.isoformat() == "2026-01-05T10:00:00+00:00"


def test_a_refused_request_is_told(call: Call, ledger_file: Path) -> None:
    """The order lives on as it was."""
    result = call(
        "resolve", ledger_file, "A1", "request-refused", "--reason", "too late", "--strategy", "alpha", "--yes"
    )
    assert result.exit_code == 0, result.stderr
    order = order_of(ledger_file, "A1")
    assert (order.status, order.requests[0].reason) == ("PARTIALLY_FILLED", "too late")


def test_facts_in_quarantine_are_decided_on(call: Call, ledger_file: Path) -> None:
    """Booked onto the order that it names, or that a person names; or dismissed, with the reason on record."""
    ids = quarantine_ids(ledger_file)
    assert call("resolve", ledger_file, ids["OVERFILL"], "book", "--reason", "broker confirms", "--yes").exit_code == 0
    assert order_of(ledger_file, "A1").overfill_quantity == 1
    no_order = call("resolve", ledger_file, ids["UNKNOWN_ORDER"], "book", "--reason", "x", "--yes")
    assert (no_order.exit_code, "--order" in no_order.stderr) == (2, True)
    assert call("resolve", ledger_file, ids["UNKNOWN_ORDER"], "dismiss", "--reason", "not ours", "--yes").exit_code == 0
    assert quarantine_ids(ledger_file) == {}
    assert entries(ledger_file)[-1].operation == "resolve_quarantined"


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("A2", "rejected"), 2),  # no reason
        (("A2", "filled"), 2),  # no price
        (("A2", "filled", "--price", "1e400"), 2),
        (("A2", "melted"), 2),
        (("A2", "accepted", "--at", "noon"), 2),
        (("nobody", "canceled", "--reason", "x"), 4),
        (("Q-0000", "dismiss", "--reason", "x"), 4),
        (("A1", "canceled", "--reason", "x"), 2),  # two strategies have it
        (("A2", "canceled", "--reason", "x", "--strategy", "gamma"), 4),
        (("A3", "canceled", "--reason", "x"), 5),  # was rejected long ago
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    call: Call, ledger_file: Path, arguments: tuple[str, ...], exit_code: int
) -> None:
    """No order, trade or position changes; what the lifecycle refuses is kept in quarantine, as ever."""
    known = len(entries(ledger_file))
    result = call("resolve", ledger_file, *arguments, "--yes")
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.count("\n") == 1
    assert len(entries(ledger_file)) == known + (exit_code == 5)
    if exit_code == 5:
        assert "it waits in quarantine as Q-" in result.stderr


def test_a_strategy_can_be_preferred(call: Call, ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several have the id, the configuration decides; it never narrows what is read."""
    monkeypatch.setenv("STRATEGY_LEDGER_STRATEGY", "alpha")
    assert call("resolve", ledger_file, "A1", "canceled", "--reason", "x", "--yes").exit_code == 0
    assert order_of(ledger_file, "A1").state == "CANCELED"
    assert len(parsed(call("positions", ledger_file, "--json").stdout)) == 2


# --- skip


def test_only_the_entry_that_is_next_can_be_skipped(call: Call, ledger_file: Path) -> None:
    """Nobody skips what nobody looked at."""
    with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="beta") as ledger:
        ledger.subscribe("monitor", lambda name, payload: None)
    too_far = call("skip", ledger_file, "monitor", "3", "--reason", "x", "--strategy", "beta", "--yes")
    assert too_far.exit_code == 2
    assert call("skip", ledger_file, "monitor", "99", "--reason", "x", "--strategy", "beta", "--yes").exit_code == 4
    result = call("skip", ledger_file, "other", "1", "--reason", "poison", "--strategy", "beta", "--yes")
    assert result.exit_code == 0
    assert entries(ledger_file, "beta")[-1].operation == "skip_entry"


def test_a_cursor_that_somebody_owns_is_left_alone(call: Call, run_script: Any, ledger_file: Path) -> None:
    """While the bot runs, its subscribers are its own."""
    url = f"sqlite:///{ledger_file}?durability=none"
    with open_ledger(url, strategy_id="alpha") as ledger:
        ledger.subscribe("monitor", lambda name, payload: None)
        done = run_script("skip", ledger_file, "monitor", "1", "--reason", "x", "--strategy", "alpha", "--yes")
    assert done.returncode == 5
    assert "owned by process" in done.stderr


# --- verify, rebuild


def test_verification_says_what_differs_and_ends_with_one(call: Call, ledger_file: Path) -> None:
    """An edited record is named; the journal is sound, so rebuilding is proposed, and helps."""
    intact = call("verify", ledger_file)
    assert intact.exit_code == 0
    assert [one["is_intact"] for one in parsed(call("verify", ledger_file, "--json").stdout)] == [True, True]
    with sqlite3.connect(ledger_file) as connection:
        connection.execute("UPDATE orders SET leaves_quantity = '600' WHERE strategy_id = 'alpha' AND order_id = 'A1'")
    connection.close()
    result = call("verify", ledger_file)
    assert result.exit_code == 1
    assert "RECORD_DIFFERS, ORDER A1, entry 1, leaves_quantity: expected '6', found '600'" in result.stdout
    assert "rebuild restores" in result.stderr
    assert call("verify", ledger_file, "--chain-only").exit_code == 0
    alpha, beta = parsed(call("verify", ledger_file, "--json").stdout)
    assert (alpha["difference_count"], beta["difference_count"]) == (1, 0)
    assert alpha["differences"][0]["field"] == "leaves_quantity"
    done = call("rebuild", ledger_file, "--strategy", "alpha", "--yes")
    noted = entries(ledger_file, "alpha")[-1]
    assert (done.exit_code, f"entry {noted.sequence} says so" in done.stderr) == (0, True)
    assert noted.operation == "note_upkeep"
    told = call("journal", ledger_file, "--strategy", "alpha").stdout
    assert "UPKEEP_NOTED" in told
    assert "rebuild" in told
    assert call("verify", ledger_file).exit_code == 0


def test_a_remembered_head_finds_a_journal_that_was_made_anew(call: Call, ledger_file: Path) -> None:
    """What is printed as the head can be given back, per strategy; another history has another digest."""
    heads = [
        f"{one['strategy_id']}={one['head']['sequence']}:{one['head']['digest']}"
        for one in _verified(call, ledger_file)
    ]
    given = [part for head in heads for part in ("--head", head)]
    assert call("verify", ledger_file, *given).exit_code == 0
    with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="beta") as ledger:
        ledger.record_order("B9", market_order())
    assert call("verify", ledger_file, *given).exit_code == 0  # it has only grown
    forged = re.sub("[0-9a-f]$", lambda found: "0" if found[0] != "0" else "1", heads[1])
    assert call("verify", ledger_file, "--head", forged).exit_code == 1
    only = heads[1].removeprefix("beta=")
    assert call("verify", ledger_file, "--strategy", "beta", "--head", only).exit_code == 0
    assert call("verify", ledger_file, "--head", only).exit_code == 2
    for bad in ("", "4", "4:", "4:xyz", "x:" + "0" * 64, f"4:{'0' * 63}"):
        assert call("verify", ledger_file, "--head", bad).exit_code == 2


def _verified(call: Call, path: Path) -> Any:
    return parsed(call("verify", path, "--chain-only", "--json").stdout)


@pytest.fixture
def keyed(tmp_path: Path) -> tuple[Path, Path]:
    """Return a ledger whose chain has a key, and the file that holds it."""
    path, key = tmp_path / "keyed.db", tmp_path / "chain.key"
    key.write_bytes(b"sixteen bytes or more, and \x00\xff too")
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha", chain_key=key.read_bytes()) as ledger:
        ledger.record_order("A1", limit_order())
        ledger.update_order_in_doubt("A1")
    return path, key


def test_the_key_comes_from_a_file_or_the_environment(
    call: Call, keyed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from the command line, which every process of the machine can see; and it is shown nowhere."""
    path, key = keyed
    assert call("verify", path).exit_code == 1
    assert "--key-file" in call("verify", path).stderr
    assert call("verify", path, "--key-file", key).exit_code == 0
    monkeypatch.setenv("STRATEGY_LEDGER_CHAIN_KEY_FILE", str(key))
    assert call("verify", path).exit_code == 0
    monkeypatch.delenv("STRATEGY_LEDGER_CHAIN_KEY_FILE")
    monkeypatch.setenv("STRATEGY_LEDGER_CHAIN_KEY", "another key of sixteen bytes")
    result = call("verify", path)
    assert result.exit_code == 1
    assert "another key" not in result.stdout + result.stderr
    assert call("verify", path, "--key-file", key).exit_code == 0  # the argument wins
    assert call("verify", path, "--key-file", key.parent / "nothing").exit_code == 3
    short = key.with_name("short.key")
    short.write_bytes(b"short")
    told = call("verify", path, "--key-file", short)
    assert told.exit_code == 2
    assert "b'short'" not in told.stderr


def test_whoever_writes_needs_the_key_too(call: Call, keyed: tuple[Path, Path]) -> None:
    """Else the chain would break: without the key nothing is written, with it the chain goes on."""
    path, key = keyed
    before = fingerprint(path.parent)
    refused = call("resolve", path, "A1", "canceled", "--reason", "x", "--yes")
    assert refused.exit_code == 3
    assert fingerprint(path.parent)[str(path)][0] == before[str(path)][0]
    assert call("resolve", path, "A1", "canceled", "--reason", "x", "--yes", "--key-file", key).exit_code == 0
    assert call("verify", path, "--key-file", key).exit_code == 0


def test_a_journal_that_is_damaged_rebuilds_nothing(call: Call, ledger_file: Path) -> None:
    """Records made from a broken journal would be no better than those there are."""
    with sqlite3.connect(ledger_file) as connection:
        connection.execute("DROP TRIGGER journal_no_update")
        connection.execute("UPDATE journal SET digest = REPLACE(digest, 'a', 'b') WHERE sequence = 3")
    connection.close()
    before = fingerprint(ledger_file.parent)[str(ledger_file)][0]
    result = call("rebuild", ledger_file, "--strategy", "alpha", "--yes")
    assert result.exit_code == 3
    assert "damaged" in result.stderr or "schema" in result.stderr
    assert fingerprint(ledger_file.parent)[str(ledger_file)][0] == before


# --- reconcile


def test_a_snapshot_is_compared_and_nothing_is_changed(call: Call, ledger_file: Path, snapshot: Path) -> None:
    """What differs, what is proposed, and the exit code of a difference; numbers never pass through floating point."""
    before = fingerprint(ledger_file.parent)
    result = call("reconcile", ledger_file, snapshot, "--strategy", "alpha")
    assert result.exit_code == 1
    for part in ("missing there", "A1", "update_order_acceptance", "V-2"):
        assert part in result.stdout
    found = parsed(call("reconcile", ledger_file, snapshot, "--strategy", "alpha", "--json").stdout)
    assert found["agrees"] is False
    (proposal,) = found["proposals"]
    assert (proposal["operation"], proposal["arguments"]["order_id"]) == ("update_order_acceptance", "A2")
    assert fingerprint(ledger_file.parent) == before
    assert call("reconcile", ledger_file, snapshot, "--strategy", "alpha", "-o", "csv").stdout.count("\n") == 3


def test_proposals_are_applied_once(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """All of them or none; given again, nothing is proposed any more."""
    snapshot = tmp_path / "snapshot.json"
    execution = {"fill_id": "F9", "order_id": "B2", "symbol": "ACME", "side": "BUY", "quantity": "3", "price": "101.5"}
    snapshot.write_text(json.dumps({"executions": [{"fill_id": "F1", "order_id": "A1", **_sold()}, execution]}))
    applied = call("reconcile", ledger_file, snapshot, "--strategy", "beta", "--apply", "--yes")
    assert applied.exit_code == 0, applied.stderr
    assert order_of(ledger_file, "B2", "beta").cum_quantity == 3
    known = len(entries(ledger_file, "beta"))
    again = call("reconcile", ledger_file, snapshot, "--strategy", "beta", "--apply", "--yes", "--json")
    assert (again.exit_code, parsed(again.stdout)["proposals"]) == (0, [])
    assert len(entries(ledger_file, "beta")) == known


def _sold() -> dict[str, str]:
    return {"symbol": "ACME", "side": "SELL_SHORT", "quantity": "5", "price": "101"}


@pytest.mark.parametrize(
    ("content", "exit_code"),
    [
        ("{", 2),
        ("[]", 2),
        ('{"positions": [{"symbol": 7}]}', 2),
        ('{"nonsense": []}', 2),
        ("[" * 100_000, 2),
        (None, 3),
    ],
)
def test_a_snapshot_that_is_none_gets_one_line(
    call: Call, ledger_file: Path, tmp_path: Path, content: str | None, exit_code: int
) -> None:
    """What is no JSON, or no snapshot, is told apart from what cannot be read."""
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    result = call("reconcile", ledger_file, path, "--strategy", "alpha")
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.count("\n") == 1


def test_a_snapshot_can_come_from_a_pipe(ledger_file: Path) -> None:
    """`-` is stdin."""
    arguments = ["reconcile", str(ledger_file), "-", "--strategy", "beta", "--json"]
    result = CliRunner().invoke(main, arguments, input='{"positions": [{"symbol": "ACME", "quantity": -5}]}')
    assert (result.exit_code, json.loads(result.stdout)["agrees"]) == (0, True)


# --- init, migrate


def test_an_empty_ledger_is_made_where_nothing_is(call: Call, tmp_path: Path) -> None:
    """It can be read at once, and what is there already is never touched."""
    path = tmp_path / "new.db"
    assert call("init", path).exit_code == 5
    assert not path.exists()
    assert call("init", path, "--yes").exit_code == 0
    assert parsed(call("orders", path, "--json").stdout) == []
    before = fingerprint(tmp_path)
    assert call("init", path, "--yes").exit_code == 5
    assert call("init", tmp_path, "--yes").exit_code == 5
    assert call("init", tmp_path / "no" / "folder.db", "--yes").exit_code == 3
    assert fingerprint(tmp_path) == before


def test_a_file_of_the_present_schema_needs_no_migration(call: Call, ledger_file: Path) -> None:
    """That is said, and nothing is done."""
    before = fingerprint(ledger_file.parent)
    for options in ((), ("--check",), ("--yes",)):
        result = call("migrate", ledger_file, *options)
        assert (result.exit_code, "nothing to do" in result.stdout) == (0, True)
    assert fingerprint(ledger_file.parent) == before


def test_an_older_schema_is_seen_and_brought_up_to_date(
    call: Call, ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--check says what would be done, with exit code 1; the migration itself is asked for."""

    def add_a_table(database: Any) -> None:
        database.execute("CREATE TABLE notes (text TEXT) STRICT")

    steps = {**schema.MIGRATIONS, "9999_notes": add_a_table}
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", len(steps))
    monkeypatch.setattr(schema.migrate, "__defaults__", (steps,))
    before = fingerprint(ledger_file.parent)
    check = call("migrate", ledger_file, "--check")
    assert (check.exit_code, f"the present one is {len(steps)}" in check.stdout) == (1, True)
    assert call("migrate", ledger_file).exit_code == 5
    assert fingerprint(ledger_file.parent) == before
    assert call("migrate", ledger_file, "--yes").exit_code == 0
    assert call("migrate", ledger_file, "--check").exit_code == 0
