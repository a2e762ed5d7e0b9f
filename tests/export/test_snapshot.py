"""One moment: what is exported is the ledger as it was when the export began, whatever its bot writes meanwhile."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger_core import InvalidValue, StrategyLedger
from ledger_core.model import RecordKind
from ledger_core.repository import occurred_at_of
from ledger_interop.exporting import TABLES, Snapshot, Table, snapshot, snapshot_of
from ledger_interop.exporting.snapshot import is_within
from reliability.workload import StepClock, run_step, steps_of, time_of
from support import START, Store, fill, market_order

RECORDS = [table for table in TABLES.values() if table.kind is not None]
BEFORE, DURING = 120, 60


class _Bot:
    """Writes one more step of a random day whenever it is asked to."""

    def __init__(self, store: Store, seed: int) -> None:
        self._clock = StepClock()
        self._steps = iter(steps_of(seed, BEFORE + 40 * DURING))
        self.ledger = store.open("alpha", clock=self._clock)
        for _ in range(BEFORE):
            self.write()

    def write(self) -> None:
        run_step(self.ledger, self._clock, next(self._steps))


def _rows(table: Table, records: Iterator[Any]) -> list[list[Any]]:
    return sorted((table.row("alpha", record) for record in records), key=repr)


def _then(ledger: StrategyLedger, table: Table, since: datetime | None, until: datetime | None) -> list[list[Any]]:
    """Return the rows as `as_of` has them, which folds all of the journal."""
    assert table.kind is not None
    records = ledger.as_of(recorded=ledger.head().recorded_at).records(table.kind)
    is_bound = table.time is not None
    return _rows(table, (one for one in records if not is_bound or is_within(occurred_at_of(one), since, until)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bounds", [(None, None), (20, 90)])
def test_records_are_those_of_the_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch, seed: int, bounds: tuple[int | None, int | None]
) -> None:
    """A bot that writes after every row changes nothing: no record of later, no change of later, none left out."""
    monkeypatch.setattr(snapshot, "PAGE_SIZE_MAX", 7)
    bot = _Bot(store, seed)
    since, until = (None if bound is None else time_of(bound) for bound in bounds)
    reader = store.reader()
    for table in RECORDS:
        expected = _then(bot.ledger, table, since, until)
        taken = snapshot_of(reader, since=since, until=until)
        found = []
        for strategy_id, record in taken.rows(table.kind):
            found.append(table.row(strategy_id, record))
            bot.write()
        assert sorted(found, key=repr) == expected, table.name
        again = [table.row(*row) for row in taken.rows(table.kind)]
        assert sorted(again, key=repr) == expected, f"{table.name}, read again after all of it"


def test_the_bot_of_these_tests_changes_what_is_read(store: Store) -> None:
    """Read without a moment, the same records are others afterwards: else the test above would prove nothing."""
    bot = _Bot(store, 1)
    for table in RECORDS:
        before = _then(bot.ledger, table, None, None)
        for _ in range(DURING):
            bot.write()
        assert _then(bot.ledger, table, None, None) != before, table.name


@pytest.mark.parametrize("rows_before", range(0, 40, 3))
def test_what_goes_to_an_archive_meanwhile_is_still_of_the_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch, rows_before: int
) -> None:
    """Wherever the reading is when history goes, each record of the moment is read once."""
    monkeypatch.setattr(snapshot, "PAGE_SIZE_MAX", 7)
    for kind in (RecordKind.ORDER, RecordKind.FILL):
        ledger = store.open(f"alpha-{kind.lower()}")
        for number in range(10):
            for side in ("BUY", "SELL"):
                ledger.record_order(f"{side}{number}", market_order(side, 10), occurred_at=START)
                ledger.update_order_fill(f"{side}{number}", fill("F", 10, 100), occurred_at=START)
        expected = {record.key for record in _records(ledger, kind)}
        found: list[Any] = []
        for _, record in snapshot_of(store.reader(), strategies=[ledger.strategy_id]).rows(kind):
            if len(found) == min(rows_before, 19):
                groups = list(ledger.archivist.archivable(START + timedelta(days=1)))
                assert {reason for _, reason in ledger.archivist.let_go("A1", groups)} == {None}
            found.append(record.key)
        assert sorted(found) == sorted(expected)
        assert list(snapshot_of(store.reader(), strategies=[ledger.strategy_id]).rows(kind)) == []


def _records(ledger: StrategyLedger, kind: RecordKind) -> list[Any]:
    return list((ledger.find_orders if kind is RecordKind.ORDER else ledger.find_fills)(limit=None))


def test_entries_are_those_of_the_moment(store: Store) -> None:
    """The journal ends where it ended when the moment was taken."""
    bot = _Bot(store, 3)
    taken = snapshot_of(store.reader())
    expected = list(bot.ledger.read_journal())
    found = []
    for _, entry in taken.rows(None):
        found.append(entry)
        bot.write()
    assert found == expected
    assert len(list(bot.ledger.read_journal())) > len(expected)


def test_nothing_is_folded_while_nothing_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a ledger at rest the journal is not read for orders, fills, trades and adjustments."""
    bot = _Bot(store, 2)
    taken = snapshot_of(store.reader())

    def read_journal(self: StrategyLedger, after: int = 0) -> Iterator[Any]:
        assert after == self.head().sequence, "only a look at what is new"
        return iter(())

    monkeypatch.setattr(StrategyLedger, "read_journal", read_journal)
    for table in RECORDS:
        if table.kind is not None and table.kind is not RecordKind.POSITION:
            assert len(list(taken.rows(table.kind))) == len(
                {record.key for record in bot.ledger.as_of(recorded=time_of(10**6)).records(table.kind)}
            )


def test_strategies_are_chosen_by_name(store: Store) -> None:
    """Only those named are read; a name that is not there is refused, with those that are."""
    for name in ("alpha", "beta"):
        with store.open(name) as ledger:
            ledger.record_order("A", {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "quantity": 1})
    reader = store.reader()
    both: Snapshot = snapshot_of(reader)
    assert [part.strategy_id for part in both.parts] == ["alpha", "beta"]
    assert [name for name, _ in snapshot_of(reader, strategies=["beta"]).rows(RecordKind.ORDER)] == ["beta"]
    with pytest.raises(InvalidValue, match="no strategy 'gamma' here; there is alpha, beta"):
        snapshot_of(reader, strategies=["gamma"])
    with pytest.raises(InvalidValue, match="since is naive"):
        snapshot_of(reader, since=datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point
