"""Every kind of entry is shown, whichever command shows it, in whichever form."""

import json
from pathlib import Path

import pytest

from cli.ledgers import Call, of_csv
from ledger_cli.event_words import ORDERS_MAX, what_it_says
from ledger_cli.live_parts import parts_of
from ledger_cli.picture import Picture
from ledger_cli.reading import Found
from ledger_core import open_ledger, open_reader
from ledger_core.changes import Entry, EventType
from ledger_core.commands import Operation
from ledger_core.events import events_of
from support import fill, market_order
from support.every_event import live_fully

FORMS = ("table", "json", "jsonl", "csv", "md")

# What some events say beside their state: those that hold a part of a record, and those that said nothing before.
SAID = [
    ("O2", "FILL_CORRECTED", "fill F1 by F1c, 10 at 101.50 > 10 at 101.25"),
    ("O1", "FILL_FEE_UPDATED", "fill F2, fee -0.0001 BNB"),
    ("revised", "FILL_CORRECTED", "fill R1 by R1b, 4 at 10 > 4 at 11"),
    ("revised", "FILL_CORRECTED", "fill R1 by R1c, 4 at 11 > 3 at 11"),
    ("revised", "FILL_FEE_UPDATED", "fill R1, no fee"),
    ("revised", "ORDER_PARTIALLY_FILLED", "1 at 10, late"),
    ("revised", "FILL_BUSTED", "fill R1, erroneous"),
    ("inferred", "FILL_BUSTED", "fill guess, replaced by real, REPLACED_INFERRED"),
    ("O2", "ORDER_ACCEPTED", "the venue's id is V2"),
    ("O2", "ORDER_REPLACE_REQUESTED", "limit 101.50, O2#1"),
    ("O2", "ORDER_REPLACED", "limit 101.50, O2#1"),
    ("days", "ORDER_RESTATED", "quantity 9, limit 99.5, price band"),
    ("days", "ORDER_UPDATED", "the venue says ACCEPTED, 2 executed at 99"),
    ("paid", "ORDER_PLACED", "BUY 50 USD ACME MARKET"),
    ("trade", "TRADE_CREATED", "stop 9, of trade-BUY"),
    ("trade", "TRADE_UPDATED", "stop 8, target 15"),
    ("trade", "TRADE_RESTATED", "average exit price 12 > 11, realized pnl 10 > 5"),
    ("A1", "ADJUSTMENT_RECORDED", "FUNDING 1.5 USD ACME"),
    ("A2", "ADJUSTMENT_RECORDED", "SPLIT 2 SPLT"),
    ("adjusted-TRANSFER", "ADJUSTMENT_RECORDED", "TRANSFER 3 ACME, at 5"),
    ("", "ENTRY_SKIPPED", "its broker is gone, monitor goes on behind entry 1"),
    ("", "UPKEEP_NOTED", "rebuild, a damaged page"),
    ("", "", "reopen_positions, nothing published"),
]  # fmt: skip


@pytest.fixture(scope="module")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file whose journal has every kind of entry; tests only read it."""
    path = tmp_path_factory.mktemp("every_event") / "full.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        live_fully(ledger)
    return path


@pytest.fixture(scope="module")
def entries(full_file: Path) -> list[Entry]:
    """Return its journal."""
    with open_reader(full_file) as reader:
        return list(reader.strategy("alpha").read_journal())


def test_the_ledger_has_every_kind_of_entry(entries: list[Entry]) -> None:
    """Every event type there is, and every command: whoever adds one adds it to `support.every_event`."""
    assert {event["event_type"] for entry in entries for event in events_of(entry)} == set(EventType)
    assert {entry.operation for entry in entries} == set(Operation)


@pytest.mark.parametrize("form", FORMS)
def test_the_journal_shows_every_kind_of_entry(call: Call, full_file: Path, entries: list[Entry], form: str) -> None:
    """No entry is left out, and every event has its row."""
    shown = call("journal", full_file, "--limit", "0", "--wide", "-o", form)
    assert shown.exit_code == 0
    published = [event["event_type"] for entry in entries for event in events_of(entry)]
    if form == "csv":
        rows = of_csv(shown.stdout)
        assert {row["sequence"] for row in rows} == {str(entry.sequence) for entry in entries}
        assert [row["event_type"] for row in rows if row["event_type"]] == published
    elif form == "json":
        assert [entry["body"]["sequence"] for entry in json.loads(shown.stdout)] == [one.sequence for one in entries]
    elif form == "jsonl":
        assert len(shown.stdout.splitlines()) == len(entries)
    else:
        assert [word for word in shown.stdout.split() if word in set(EventType)] == published


@pytest.mark.parametrize("form", FORMS)
def test_every_history_is_shown(call: Call, full_file: Path, entries: list[Entry], form: str) -> None:
    """That of every order and trade, by `history` and by `journal`."""
    about = {record_id for entry in entries for event in events_of(entry) if (record_id := _order_or_trade(event))}
    for record_id in sorted(about - {"O9", "nobody"}):  # which nobody recorded
        told = call("history", full_file, record_id, "-o", form)
        assert told.exit_code == 0, told.stderr
        assert told.stdout == call("journal", full_file, record_id, "-o", form).stdout
        assert told.stdout


def test_the_live_view_has_a_row_for_every_entry(full_file: Path, entries: list[Entry]) -> None:
    """For those, too, that published nothing."""
    empty = Picture(
        moment=entries[-1].recorded_at,
        ledgers=(), in_doubt=(), requests=(), working=(), positions=(), exposures=(), facts=(),
    )  # fmt: skip
    events = parts_of(empty, (), [Found(str(full_file), "alpha", entry) for entry in entries], {})[-1]
    assert events.name == "events"
    assert {row.key[2] for row in events.rows} == {str(entry.sequence) for entry in entries}


@pytest.mark.parametrize(("record_id", "event_type", "what"), SAID)
def test_what_an_event_says(call: Call, full_file: Path, record_id: str, event_type: str, what: str) -> None:
    """In words, with what the event holds."""
    rows = of_csv(call("journal", full_file, "--limit", "0", "-o", "csv").stdout)
    assert (record_id, event_type, what) in [(row["id"], row["event_type"], row["what"]) for row in rows]


def test_a_trade_of_many_orders_names_some(tmp_path: Path) -> None:
    """And says how many more there are."""
    with open_ledger(f"sqlite:///{tmp_path / 'many.db'}?durability=none", strategy_id="alpha") as ledger:
        order_ids = [f"o{number}" for number in range(ORDERS_MAX + 3)]
        for order_id in order_ids:
            ledger.record_order(order_id, market_order())
            ledger.update_order_fill(order_id, fill("F", 10))
        ledger.create_trade("trade", order_ids)
        (entry,) = list(ledger.read_journal(ledger.head().sequence - 1))
        (event,) = events_of(entry)
        assert (what_it_says(entry, event) or "").endswith("o7 and 3 more")


def _order_or_trade(event: dict[str, str]) -> str | None:
    return event["order_id"] or event["trade_id"]
