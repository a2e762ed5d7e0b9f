"""The port's own words: what a query's names mean, how pages follow each other, and what a URL or path names."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import attrs
import pytest

from ledger_core.errors import InvalidValue, UnknownStorage
from ledger_core.model import Order, Record, RecordKind, Side
from ledger_core.repository import (
    FILTERS,
    Ordering,
    Query,
    all_pages,
    archived_in,
    field_of,
    matches,
    occurred_at_of,
    open_repository,
    sort_key,
    storage_url,
)
from ledger_core.testing.samples import MINIMAL, NOON, adjustment, archived, fill, later, leg, order, request, trade
from ledger_storage_memory import MemoryRepository

PLACED = order(
    venue_order_ids=("V-1", "V-2"),
    details={"parent_order_id": "P", "execution_group_id": "G", "trade_plan_id": "T", "venue": "X"},
)


@pytest.mark.parametrize(
    ("record", "name", "value"),
    [
        (PLACED, "venue_order_id", ("V-1", "V-2")),
        (PLACED, "parent_order_id", "P"),
        (PLACED, "execution_group_id", "G"),
        (PLACED, "trade_plan_id", "T"),
        (PLACED, "symbol", "AAPL"),
        (PLACED, "is_open", True),
        (fill(), "is_flat", False),
        (fill(flat_realized_pnl=0), "is_flat", True),
        (trade(legs=(leg("A"), leg("B"))), "symbol", ("A", "B")),
        (trade(), "state", "OPEN"),
        (adjustment(), "adjustment_kind", "FUNDING"),
    ],
)
def test_a_filter_means_what_the_port_says(record: Record, name: str, value: object) -> None:
    """Of several, such as the venue's ids of an order, any may match."""
    assert field_of(record, name) == value
    assert name in FILTERS[record.kind]


def test_every_filter_can_be_asked_of_its_kind() -> None:
    """None is a word that records of that kind do not know."""
    for kind, names in FILTERS.items():
        for name in names:
            field_of(MINIMAL[kind], name)


@pytest.mark.parametrize(
    ("where", "is_match"),
    [
        ({}, True),
        ({"symbol": "AAPL"}, True),
        ({"symbol": "OTHER"}, False),
        ({"symbol": "AAPL", "side": Side.BUY, "venue": "X"}, True),
        ({"symbol": "AAPL", "side": Side.SELL}, False),
        ({"side": Side.SELL, "symbol": "AAPL"}, False),
        ({"venue_order_id": "V-2"}, True),
        ({"venue_order_id": "V-3"}, False),
        ({"account": None}, True),
        ({"venue": None}, False),
    ],
)
def test_a_record_matches_where_everything_is_as_asked(where: dict[str, Any], is_match: bool) -> None:
    """None asks for what was not given."""
    assert matches(PLACED, where) is is_match


def test_each_kind_happened_at_a_time_or_at_none() -> None:
    """It is this time that since and until are about."""
    happened: tuple[Record, ...] = (
        order(placed_at=later(5)),
        fill(executed_at=later(5)),
        trade(opened_at=later(5)),
        request(requested_at=later(5)),
        adjustment(occurred_at=later(5)),
        attrs.evolve(MINIMAL[RecordKind.QUARANTINE], occurred_at=later(5)),  # type: ignore[arg-type]  # of that kind
    )
    assert [occurred_at_of(one) for one in happened] == [later(5)] * 6
    assert occurred_at_of(MINIMAL[RecordKind.POSITION]) is None
    assert occurred_at_of(MINIMAL[RecordKind.INSTRUMENT]) is None


def test_pages_are_in_the_order_of_the_journal_or_of_events() -> None:
    """By entry and key, or as fills are folded."""
    one = fill(sequence=7, index=2)
    assert sort_key(one) == (7, "O-1", "F-1")
    assert sort_key(one, Ordering.ECONOMIC) == sort_key(one, Ordering.ECONOMIC_DESCENDING) == (NOON, 7, 2)


def test_all_pages_of_a_query_are_read_to_the_last() -> None:
    """Each behind the last record of the one before, in the query's own order; one that is not full is the last."""
    records = [fill(f"F-{number}", sequence=number, executed_at=later(9 - number)) for number in range(1, 7)]
    asked: list[Query] = []

    def find(query: Query) -> Sequence[Record]:
        asked.append(query)
        ordered = sorted(records, key=lambda record: sort_key(record, query.ordering))
        return [one for one in ordered if query.after is None or sort_key(one, query.ordering) > query.after][
            : query.limit
        ]

    for ordering, expected in ((Ordering.SEQUENCE, records), (Ordering.ECONOMIC, records[::-1])):
        for limit, pages in ((4, 2), (6, 2), (7, 1), (2, 4)):
            asked.clear()
            query = Query(kind=RecordKind.FILL, where={"symbol": "AAPL"}, ordering=ordering, limit=limit)
            assert all_pages(find, query) == expected
            assert len(asked) == pages
            assert asked[0] == query
            assert {(one.kind, one.limit, one.ordering, one.where["symbol"]) for one in asked} == {
                (RecordKind.FILL, limit, ordering, "AAPL")
            }


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("memory://", "memory://"),
        ("sqlite:///a b.db", "sqlite:///a b.db"),
        ("orders.db", "sqlite:///orders.db"),
        ("/var/a b?.db", "sqlite:////var/a%20b%3F.db"),
        (PurePosixPath("/var/x.db"), "sqlite:////var/x.db"),
        ("f\udcfcnf.db", "sqlite:///f%FCnf.db"),
    ],
)
def test_a_path_is_a_sqlite_file(given: str | os.PathLike[str], url: str) -> None:
    """A URL is taken as it is."""
    assert storage_url(given) == url


class Pathless(os.PathLike[str]):
    """A path that breaks when it is asked what it is."""

    def __fspath__(self) -> str:
        """Break."""
        raise RuntimeError("gone")


@pytest.mark.parametrize(
    "given",
    [7, None, b"x.db", "", "a\0b", "\ud800", Pathless(), object()],
    ids=["number", "nothing", "bytes", "empty", "nul", "surrogate", "pathless", "object"],
)
def test_what_names_no_storage_is_refused_and_shown(given: Any) -> None:
    """Bytes, nothing, what no system can open, and what is no path."""
    for name in (storage_url, lambda value: open_repository(value, strategy_id="S")):
        with pytest.raises(InvalidValue) as refused:
            name(given)
        assert refused.value.argument == "url_or_path"
        assert refused.value.value is given


def test_a_scheme_that_nobody_installed_is_named_with_those_there_are() -> None:
    """There is no fallback."""
    with pytest.raises(UnknownStorage) as refused:
        open_repository("nowhere://x", strategy_id="S")
    assert refused.value.scheme == "nowhere"
    assert list(refused.value.known) == sorted(refused.value.known)
    assert {"memory", "sqlite"} <= set(refused.value.known)
    for known in ("memory", "sqlite"):
        assert repr("nowhere") in refused.value.message
        assert known in refused.value.message


@pytest.mark.parametrize(
    ("options", "argument"), [({"strategy_id": ""}, "strategy_id"), ({"strategy_id": "S", "read_only": 1}, "read_only")]
)
def test_options_of_an_opening_are_checked(tmp_path: Path, options: dict[str, Any], argument: str) -> None:
    """Before anything is opened or made."""
    with pytest.raises(InvalidValue) as refused:
        open_repository(tmp_path / "x.db", **options)
    assert (refused.value.argument, refused.value.value) == (argument, options[argument])
    assert list(tmp_path.iterdir()) == []


def test_a_scheme_ends_at_the_first_colon(tmp_path: Path) -> None:
    """A path may have one, too; what names nothing is shown."""
    open_repository(f"sqlite:///{tmp_path}/a:b.db", strategy_id="S").close()
    assert (tmp_path / "a:b.db").exists()
    for nothing in ("", "a\0b"):
        with pytest.raises(InvalidValue) as refused:
            storage_url(nothing)
        assert refused.value.message == f"url_or_path names nothing: {nothing!r}"


def test_a_storage_is_opened_for_writing_unless_it_says_otherwise(tmp_path: Path) -> None:
    """For one strategy."""
    with_writing = open_repository(tmp_path / "x.db", strategy_id="S")
    assert (with_writing.strategy_id, with_writing.read_only) == ("S", False)
    with_writing.close()
    reading = open_repository(tmp_path / "x.db", strategy_id="S", read_only=True)
    assert reading.read_only
    reading.close()


def test_what_is_in_an_archive_now_is_known_by_its_key() -> None:
    """What came back is not, nor what never went."""
    gone, back = archived('["O-1"]'), archived('["O-2"]', is_restored=True)
    repository = MemoryRepository(strategy_id="S")
    repository.restore([gone, back])
    assert archived_in(repository, RecordKind.ORDER, ("O-1",)) == gone
    for key in (("O-2",), ("O-3",)):
        assert archived_in(repository, RecordKind.ORDER, key) is None
    assert archived_in(repository, RecordKind.TRADE, ("O-1",)) is None
    assert isinstance(PLACED, Order)
