"""Laws of queries: filters, times, orderings and pages."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from itertools import combinations, cycle
from typing import Any

import attrs
import pytest

from ledger_core.changes import GENESIS_DIGEST, Entry, Head
from ledger_core.errors import InvalidValue
from ledger_core.lifecycle import OrderState, RequestState, TradeState
from ledger_core.model import (
    AdjustmentKind,
    Fill,
    PositionSide,
    QuarantineState,
    Record,
    RecordKind,
    Side,
    TimeInForce,
)
from ledger_core.repository import (
    FILTERS,
    PAGE_SIZE_MAX,
    LedgerRepository,
    Ordering,
    Query,
    matches,
    occurred_at_of,
    sort_key,
)
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import (
    TEXTS,
    adjustment,
    archived,
    command,
    entries,
    entry,
    fill,
    instrument,
    later,
    leg,
    order,
    position,
    quarantined,
    request,
    trade,
)

EMPTY = Head(0, GENESIS_DIGEST)
ABSENT = "no such value"

SYMBOLS = ("AAPL", "aapl", "BTC/USD", TEXTS[2], TEXTS[3])
VENUES = (None, "XNAS", "BINANCE", "xnas")
ACCOUNTS = (None, "main", "hedge 2")


class QueryLaws(Setting):
    """What `find` promises."""

    @pytest.mark.parametrize("kind", RecordKind)
    def test_find_returns_every_record_of_the_kind(self, open_repository: Opener, kind: RecordKind) -> None:
        """`find` without a filter returns every record of the kind, and no other, by (sequence, key)."""
        repository, population = _populated(open_repository)
        assert list(repository.find(Query(kind=kind))) == _in_order(population[kind])

    @pytest.mark.parametrize(
        ("kind", "name"), [(kind, name) for kind in RecordKind for name in sorted(FILTERS[kind])], ids=str
    )
    def test_each_filter_returns_what_matches(self, open_repository: Opener, kind: RecordKind, name: str) -> None:
        """Each filter returns exactly what matches, for each value, None (not given) and an absent one."""
        repository, population = _populated(open_repository)
        answers = set()
        for value in _values(population[kind], name):
            expected = [record for record in _in_order(population[kind]) if matches(record, {name: value})]
            assert list(repository.find(Query(kind=kind, where={name: value}))) == expected
            answers.add(len(expected))
        assert answers - {len(population[kind])} - {0}, "the samples do not try this filter"

    @pytest.mark.parametrize("kind", [kind for kind in RecordKind if len(FILTERS[kind]) > 1])
    def test_two_filters_are_joined_by_and(self, open_repository: Opener, kind: RecordKind) -> None:
        """Two filters at once return the records that match both."""
        repository, population = _populated(open_repository)
        for one, other in combinations(sorted(FILTERS[kind]), 2):
            firsts, seconds = _values(population[kind], one), _values(population[kind], other)
            for first, second in zip(firsts, cycle(seconds), strict=False):
                where = {one: first, other: second}
                expected = [record for record in _in_order(population[kind]) if matches(record, where)]
                assert list(repository.find(Query(kind=kind, where=where))) == expected

    def test_filters_mean_what_they_say(self, open_repository: Opener) -> None:
        """The filters of orders name their state, status, openness, groups and any of their venue ids."""
        repository = open_repository()
        _store(
            repository,
            order("A", venue_order_ids=("v1", "v2"), details={"execution_group_id": "G", "trade_plan_id": "P"}),
            order("B", state=OrderState.ACCEPTED, cancels_in_flight=1, details={"execution_group_id": "G"}),
            order("C", state=OrderState.DONE_FOR_DAY, time_in_force=TimeInForce.GTC, venue_order_ids=("v2",)),
            order("D", state=OrderState.DONE_FOR_DAY, details={"venue": "X"}),
            order("E", state=OrderState.FILLED, replaces_in_flight=2),
        )
        for where, expected in (
            ({"venue_order_id": "v2"}, "AC"),
            ({"venue_order_id": "v"}, ""),
            ({"execution_group_id": "G"}, "AB"),
            ({"execution_group_id": "G", "trade_plan_id": None}, "B"),
            ({"is_open": True}, "ABC"),
            ({"is_open": False}, "DE"),
            ({"state": OrderState.DONE_FOR_DAY, "is_open": True}, "C"),
            ({"status": "PENDING_CANCEL"}, "B"),
            ({"status": "ACCEPTED"}, ""),
            ({"status": "PENDING_REPLACE"}, "E"),
            ({"venue": None}, "ABCE"),
        ):
            found = repository.find(Query(kind=RecordKind.ORDER, where=where))
            assert "".join(record.key[0] for record in found) == expected, where

    @pytest.mark.parametrize("kind", RecordKind)
    def test_unknown_filters_are_refused(self, open_repository: Opener, kind: RecordKind) -> None:
        """A filter that FILTERS does not have for the kind raises InvalidValue, though others have it."""
        repository, _ = _populated(open_repository)
        every = frozenset().union(*FILTERS.values())
        for name in sorted({"price", "sequence", "1=1; --", ""} | every - FILTERS[kind]):
            with pytest.raises(InvalidValue):
                repository.find(Query(kind=kind, where={name: None}))

    @pytest.mark.parametrize("limit", [0, -1, PAGE_SIZE_MAX + 1])
    def test_find_refuses_limits_outside_a_page(self, open_repository: Opener, limit: int) -> None:
        """A limit of `find` below 1 or above PAGE_SIZE_MAX raises InvalidValue."""
        repository, _ = _populated(open_repository)
        with pytest.raises(InvalidValue):
            repository.find(Query(kind=RecordKind.ORDER, limit=limit))

    @pytest.mark.parametrize("kind", [kind for kind in RecordKind if kind is not RecordKind.FILL])
    @pytest.mark.parametrize("ordering", [Ordering.ECONOMIC, Ordering.ECONOMIC_DESCENDING])
    def test_only_fills_have_an_economic_order(
        self, open_repository: Opener, kind: RecordKind, ordering: Ordering
    ) -> None:
        """An economic ordering of any other kind than fills raises InvalidValue, whatever is stored."""
        repository = open_repository()
        with pytest.raises(InvalidValue):
            repository.find(Query(kind=kind, ordering=ordering))

    def test_find_returns_at_most_the_limit(self, open_repository: Opener) -> None:
        """`find` returns the first `limit` records, PAGE_SIZE_MAX by default."""
        repository = open_repository()
        _store(repository, *(order(f"O-{number:05}") for number in range(PAGE_SIZE_MAX + 1)))
        found = repository.find(Query(kind=RecordKind.ORDER))
        assert [record.key for record in found] == [(f"O-{number:05}",) for number in range(PAGE_SIZE_MAX)]
        few = repository.find(Query(kind=RecordKind.ORDER, limit=2))
        assert [record.key for record in few] == [("O-00000",), ("O-00001",)]

    @pytest.mark.parametrize("kind", RecordKind)
    def test_since_is_inclusive_and_until_exclusive(self, open_repository: Opener, kind: RecordKind) -> None:
        """`since` and `until` bound the time it happened, to the microsecond; what has none is left out."""
        repository, population = _populated(open_repository)
        times = {occurred_at_of(record) for record in population[kind]} - {None} or {later(0)}
        moments = sorted(moment for moment in times if moment is not None)
        tick = timedelta(microseconds=1)
        for moment in (moments[0], moments[len(moments) // 2], moments[-1]):
            ranges: tuple[dict[str, Any], ...] = (
                {"since": moment},
                {"since": moment + tick},
                {"until": moment},
                {"until": moment + tick},
                {"since": moment, "until": moment},
                {"since": moment, "until": moment + tick},
                {"since": moments[0], "until": moments[-1]},
            )
            for bounds in ranges:
                expected = [record for record in _in_order(population[kind]) if _within(record, **bounds)]
                assert list(repository.find(Query(kind=kind, **bounds))) == expected

    @pytest.mark.parametrize("kind", RecordKind)
    @pytest.mark.parametrize("limit", [1, 2, 5, 1000])
    def test_paging_yields_each_record_once(self, open_repository: Opener, kind: RecordKind, limit: int) -> None:
        """Following `after` page by page yields each record exactly once and in order, with a filter too."""
        repository, population = _populated(open_repository)
        expected = _in_order(population[kind])
        assert _paged(repository, Query(kind=kind, limit=limit)) == expected
        for name in sorted(FILTERS[kind]):
            where = {name: _values(population[kind], name)[0]}
            matching = [record for record in expected if matches(record, where)]
            assert _paged(repository, Query(kind=kind, where=where, limit=limit)) == matching

    @pytest.mark.parametrize("ordering", [Ordering.ECONOMIC, Ordering.ECONOMIC_DESCENDING])
    @pytest.mark.parametrize("limit", [1, 2, 5, 1000])
    def test_paging_in_economic_order(self, open_repository: Opener, ordering: Ordering, limit: int) -> None:
        """Fills page in economic order (executed_at, sequence, index), up and down, filtered or not."""
        repository, population = _populated(open_repository)
        expected = _in_order(population[RecordKind.FILL], ordering)
        query = Query(kind=RecordKind.FILL, ordering=ordering, limit=limit)
        assert _paged(repository, query) == expected
        where = {"symbol": SYMBOLS[0], "venue": None}
        matching = [record for record in expected if matches(record, where)]
        assert _paged(repository, attrs.evolve(query, where=where)) == matching
        bounds: dict[str, Any] = {"since": later(2), "until": later(5)}
        within = [record for record in expected if _within(record, **bounds)]
        assert _paged(repository, attrs.evolve(query, **bounds)) == within
        assert len(expected) > len(matching) > 1 < len(within) < len(expected)

    @pytest.mark.parametrize("kind", RecordKind)
    def test_after_may_be_a_prefix_of_the_key(self, open_repository: Opener, kind: RecordKind) -> None:
        """`after` cut to its first parts leaves out each record whose key, cut alike, is not beyond it."""
        repository, population = _populated(open_repository)
        expected = _in_order(population[kind])
        for record in expected:
            full = sort_key(record)
            for parts in range(1, len(full) + 1):
                beyond = [one for one in expected if sort_key(one)[:parts] > full[:parts]]
                assert list(repository.find(Query(kind=kind, after=full[:parts]))) == beyond

    @pytest.mark.parametrize("ordering", [Ordering.ECONOMIC, Ordering.ECONOMIC_DESCENDING])
    def test_after_may_be_a_prefix_in_economic_order(self, open_repository: Opener, ordering: Ordering) -> None:
        """In economic order too, up and down, `after` may be (executed_at,) or (executed_at, sequence)."""
        repository, population = _populated(open_repository)
        expected = _in_order(population[RecordKind.FILL], ordering)
        downward = ordering is Ordering.ECONOMIC_DESCENDING
        for record in expected:
            for parts in (1, 2, 3):
                mark = sort_key(record, ordering)[:parts]
                cut = [(sort_key(one, ordering)[:parts], one) for one in expected]
                beyond = [one for key, one in cut if (key < mark if downward else key > mark)]
                query = Query(kind=RecordKind.FILL, ordering=ordering, after=mark)
                assert list(repository.find(query)) == beyond

    def test_after_need_not_name_a_record(self, open_repository: Opener) -> None:
        """`after` is a place in the order, whether or not a record stands there."""
        repository = open_repository()
        _store(repository, order("B"), order("D"))
        for after, expected in (((1, "A"), "BD"), ((1, "C"), "D"), ((1, "E"), ""), ((0,), "BD"), ((2,), "")):
            found = repository.find(Query(kind=RecordKind.ORDER, after=after))
            assert "".join(record.key[0] for record in found) == expected

    def test_records_of_one_entry_have_one_order(self, open_repository: Opener) -> None:
        """Records born in one entry come by key, by code point, however they were given or replaced."""
        repository = open_repository()
        names = ("b", "B", "a", "é", "e", "10", "9", "\uffee", "\U0001f680", "_", "a b", "aa", "Z")
        given = _store(repository, *(order(name) for name in names))
        expected = sorted(given, key=lambda record: record.key)
        assert list(repository.find(Query(kind=RecordKind.ORDER))) == expected
        replaced = attrs.evolve(expected[5], version=2)
        repository.append([entry(repository.head(), replaced)])
        assert list(repository.find(Query(kind=RecordKind.ORDER))) == [*expected[:5], replaced, *expected[6:]]
        assert _paged(repository, Query(kind=RecordKind.ORDER, limit=1)) == [
            *expected[:5],
            replaced,
            *expected[6:],
        ]

    def test_a_changed_record_keeps_its_place(self, open_repository: Opener) -> None:
        """A changed record keeps its place, where it was born: paging misses and repeats nothing."""
        repository = open_repository()
        first = _store(repository, order("Z"))[0]
        second = _store(repository, order("A"))[0]
        changed = attrs.evolve(first, version=2)
        repository.append([entry(repository.head(), changed)])
        assert list(repository.find(Query(kind=RecordKind.ORDER))) == [changed, second]


def _populated(open_repository: Opener) -> tuple[LedgerRepository, Mapping[RecordKind, Sequence[Record]]]:
    """Store samples of every kind over several entries; return them as stored, by kind."""
    repository = open_repository()
    stored = _stored_samples()
    repository.append(stored)
    population: dict[RecordKind, list[Record]] = {kind: [] for kind in RecordKind}
    for one in stored:
        for record in one.records:
            population[record.kind].append(record)
    return repository, population


@cache
def _stored_samples() -> tuple[Entry, ...]:
    given = tuple(_samples())
    # Entries of twenty, three and one record: some of a kind are born together, and in no sorted order.
    sizes = cycle((20, 3, 1))
    parts: list[tuple[Record, ...]] = []
    while given:
        size = next(sizes)
        parts.append(given[:size])
        given = given[size:]
    return tuple(entries(EMPTY, *parts))


def _samples() -> Iterator[Record]:
    """Generate records whose filtered fields go through their values in cycles of different lengths."""
    symbols, venues, accounts = cycle(SYMBOLS), cycle(VENUES), cycle(ACCOUNTS)
    sides, position_sides, groups = (
        cycle(Side),
        cycle((*PositionSide, PositionSide.NET)),
        cycle((None, "G-1", "G-2")),
    )
    states, quarantine, trades = cycle(OrderState), cycle(QuarantineState), cycle(TradeState)
    in_flight, time_in_force = cycle((0, 1, 0, 0, 2)), cycle((None, *TimeInForce))
    venue_ids = cycle(((), ("V-1",), ("V-2", "V-1"), ("V-3", "V-2", "V-4")))
    requests = cycle(RequestState)
    kinds = cycle((AdjustmentKind.FUNDING, AdjustmentKind.SPLIT, AdjustmentKind.FUNDING, AdjustmentKind.TRANSFER))
    archived_kinds = cycle(
        (RecordKind.ORDER, RecordKind.FILL, RecordKind.TRADE, RecordKind.COMMAND, RecordKind.POSITION)
    )
    for number in range(45):
        name = f"{(number * 17) % 45:02}"
        happened = later(number % 7 + (number % 3) / 1_000_000)
        symbol, venue, account, side = next(symbols), next(venues), next(accounts), next(sides)
        position_side, group, ids = next(position_sides), next(groups), next(venue_ids)
        yield order(
            name,
            details={
                "symbol": symbol,
                "venue": venue,
                "account": account,
                "side": side,
                "position_side": position_side,
                "execution_group_id": group,
                "trade_plan_id": next(groups),
                "parent_order_id": next(groups),
            },
            state=next(states),
            cancels_in_flight=next(in_flight),
            replaces_in_flight=next(in_flight),
            time_in_force=next(time_in_force),
            venue_order_ids=ids,
            placed_at=happened,
        )
        yield request(f"{name}#{number % 4}", order_id=f"{number % 11}", state=next(requests), requested_at=happened)
        yield fill(
            f"F-{number % 23}",
            order_id=f"{number % 11}",
            symbol=symbol,
            venue=venue,
            account=account,
            side=side,
            position_side=position_side,
            flat_realized_pnl=None if number % 4 else Decimal(number % 3),
            executed_at=happened,
        )
        legs = tuple(leg(name) for name in dict.fromkeys((symbol, SYMBOLS[number % 2])))
        yield trade(name, state=next(trades), legs=legs, opened_at=happened)
        yield position(
            f"{symbol}{number // 9}",
            venue=venue,
            account=account,
            position_side=position_side,
            quantity=Decimal(number % 3 - 1),
        )
        yield instrument(f"{symbol}{number // 9}", venue=venue)
        yield quarantined(
            name,
            state=next(quarantine),
            order_id=group,
            venue_order_id=next(groups),
            symbol=next(symbols),
            occurred_at=happened,
        )
        yield adjustment(name, symbol=next(symbols), adjustment_kind=next(kinds), occurred_at=happened)
        yield command(name, operation=f"operation {number % 3}", target=f"{symbol}")
        yield archived(
            f"gone {name}",
            record_kind=next(archived_kinds),
            archive_id=f"archive {number % 4}",
            is_restored=number % 3 == 0,
        )


def _values(population: Sequence[Record], name: str) -> list[Any]:
    """Return what the records have under a filter's name, None, and a value that none of them has."""
    values: dict[Any, None] = {}
    for record in population:
        for query_value in _field_values(record, name):
            values[query_value] = None
    return [*values, *([] if None in values else [None]), ABSENT]


def _field_values(record: Record, name: str) -> tuple[Any, ...]:
    if name == "venue_order_id" and record.kind is RecordKind.ORDER:
        return record.venue_order_ids  # type: ignore[union-attr]  # an order
    if name == "symbol" and record.kind is RecordKind.TRADE:
        return tuple(one.symbol for one in record.legs)  # type: ignore[union-attr]  # a trade
    if name == "is_flat" and isinstance(record, Fill):
        return (record.flat_realized_pnl is not None,)
    found = getattr(record, name, None)
    return (getattr(getattr(record, "details", None), name, None) if found is None else found,)


def _within(record: Record, since: Any = None, until: Any = None) -> bool:
    moment = occurred_at_of(record)
    if moment is None:
        return False
    return (since is None or since <= moment) and (until is None or moment < until)


def _in_order(records: Sequence[Record], ordering: Ordering = Ordering.SEQUENCE) -> list[Record]:
    downward = ordering is Ordering.ECONOMIC_DESCENDING
    return sorted(records, key=lambda record: sort_key(record, ordering), reverse=downward)


def _paged(repository: LedgerRepository, query: Query) -> list[Record]:
    """Follow a query to its end; a page that is not full is the last."""
    found: list[Record] = []
    while True:
        page = repository.find(query)
        assert len(page) <= query.limit
        found.extend(page)
        if len(page) < query.limit:
            return found
        query = attrs.evolve(query, after=sort_key(page[-1], query.ordering))


def _store(repository: LedgerRepository, *records: Record) -> Sequence[Record]:
    given = entry(repository.head(), *records)
    repository.append([given])
    return given.records
