"""Laws of records: the after-image that was stored last comes back, equal to the last digit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import pytest

from ledger_core._machine import SAME, Row
from ledger_core.changes import GENESIS_DIGEST, Change, Head
from ledger_core.lifecycle import ORDER_ROWS, REQUEST_ROWS, TRADE_ROWS, OrderState, OrderStatus, TradeState
from ledger_core.model import Order, OrderRequest, Record, RecordKind, Trade, archived_key
from ledger_core.repository import FILTERS, LedgerRepository, Query, all_pages, matches
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import (
    KEY_FIELDS,
    MINIMAL,
    archived,
    assert_same_record,
    change_of,
    entries,
    entry,
    every_shape,
    fill,
    order,
    position,
    request,
    trade,
)

EMPTY = Head(0, GENESIS_DIGEST)

_Living = Order | OrderRequest | Trade

_STATES: Mapping[str, Sequence[Any]] = {
    "state": (*OrderState, *TradeState),
    "status": tuple(OrderStatus),
    "is_open": (False, True),
    "is_in_flight": (False, True),
}


def _row_name(row: Any) -> str:
    sources, event, to = row
    return f"{event}-from-{'birth' if sources is None else len(sources)}-to-{'same' if to == SAME else to}"


class RecordLaws(Setting):
    """What `load` promises of records."""

    @pytest.mark.parametrize("kind", RecordKind)
    def test_records_come_back_equal_in_every_shape(self, open_repository: Opener, kind: RecordKind) -> None:
        """`load` returns each record as appended: every enum, None or set, extreme digits, zeros, texts."""
        repository = open_repository()
        given = entry(EMPTY, *every_shape(kind))
        repository.append([given])
        for record in given.records:
            assert_same_record(repository.load(kind, record.key), record)

    @pytest.mark.parametrize("kind", RecordKind)
    def test_records_survive_reopening_in_every_shape(self, open_repository: Opener, kind: RecordKind) -> None:
        """`find`, after the store was closed and opened again, returns each record as appended."""
        repository = open_repository()
        given = entry(EMPTY, *every_shape(kind))
        repository.append([given])
        repository.close()
        found = all_pages(open_repository().find, Query(kind=kind))
        assert len(found) == len(given.records)
        for record, expected in zip(found, sorted(given.records, key=lambda one: one.key), strict=True):
            assert_same_record(record, expected)

    @pytest.mark.parametrize("kind", RecordKind)
    def test_every_shape_replaces_every_other(self, open_repository: Opener, kind: RecordKind) -> None:
        """A record replaced by one of another shape is the new one: nothing of the old remains."""
        repository = open_repository()
        born = MINIMAL[kind]
        shapes = [_as(born, shape) for shape in every_shape(kind)][::7]
        given = entries(EMPTY, [born], *([shape] for shape in shapes))
        repository.append(given[:1])
        for following in given[1:]:
            repository.append([following])
            assert_same_record(repository.load(kind, born.key), following.records[0])
        assert len(repository.find(Query(kind=kind))) == 1

    @pytest.mark.parametrize("row", ORDER_ROWS, ids=_row_name)
    def test_an_order_follows_every_row_of_its_lifecycle(self, open_repository: Opener, row: Row[Any, Any]) -> None:
        """An order goes from each from-state of the row to its to-state, for `load` and for `find`."""
        _follows_row(open_repository(), row, order)

    @pytest.mark.parametrize("row", REQUEST_ROWS, ids=_row_name)
    def test_a_request_follows_every_row_of_its_lifecycle(self, open_repository: Opener, row: Row[Any, Any]) -> None:
        """A request goes from each from-state of the row to its to-state, for `load` and for `find`."""
        _follows_row(open_repository(), row, request)

    @pytest.mark.parametrize("row", TRADE_ROWS, ids=_row_name)
    def test_a_trade_follows_every_row_of_its_lifecycle(self, open_repository: Opener, row: Row[Any, Any]) -> None:
        """A trade goes from each from-state of the row to its to-state, for `load` and for `find`."""
        _follows_row(open_repository(), row, trade)

    def test_the_last_after_image_of_an_append_wins(self, open_repository: Opener) -> None:
        """Of several after-images of one record in one append the last stands, within one entry too."""
        repository = open_repository()
        images = [order("O-1", reason=f"{number}", version=number, sequence=1) for number in range(1, 5)]
        given = entries(EMPTY, images[:2], images[2:])
        repository.append(given[:1])
        assert repository.load(RecordKind.ORDER, ("O-1",)) == given[0].records[-1]
        repository.append(given[1:])
        assert repository.load(RecordKind.ORDER, ("O-1",)) == given[1].records[-1]
        assert list(repository.find(Query(kind=RecordKind.ORDER))) == [given[1].records[-1]]

    @pytest.mark.parametrize("kind", [RecordKind.ORDER, RecordKind.REQUEST, RecordKind.FILL, RecordKind.COMMAND])
    def test_what_stays_of_an_archived_record_takes_its_place(self, open_repository: Opener, kind: RecordKind) -> None:
        """Storing it removes the record in the same append, and no other; its look-ups go with it."""
        repository = open_repository()
        another: dict[str, Any] = {KEY_FIELDS[kind][0]: "another"}
        leaves, stays = MINIMAL[kind], attrs.evolve(MINIMAL[kind], **another)
        if isinstance(leaves, Order) and isinstance(stays, Order):
            leaves = attrs.evolve(leaves, venue_order_ids=("V-1", "V-2"))
            stays = attrs.evolve(stays, venue_order_ids=("V-1", "V-3"))
        repository.append([entry(EMPTY, leaves, stays)])
        left = repository.load(kind, stays.key)
        _, text = archived_key(kind, leaves.key)
        gone = archived(text, record_kind=kind)
        repository.append([entry(repository.head(), gone)])
        assert repository.load(kind, leaves.key) is None
        assert repository.find(Query(kind=kind)) == [left]
        assert [one.key for one in repository.scan(kind)] == [stays.key]
        assert repository.load(RecordKind.ARCHIVED, gone.key) == attrs.evolve(gone, sequence=2)
        assert list(repository.audit()) == []
        if kind is RecordKind.ORDER:
            assert repository.find(Query(kind=kind, where={"venue_order_id": "V-1"})) == [left]

    def test_a_record_comes_back_and_goes_again(self, open_repository: Opener) -> None:
        """Marked as restored it removes nothing; changed to archived again it does; a position always stays."""
        repository = open_repository()
        held = position()
        repository.append([entry(EMPTY, order("O-0"), held)])
        first = archived(sequence=2)
        kept = archived('["AR","AAPL","","","NET"]', record_kind=RecordKind.POSITION)
        repository.append([entry(repository.head(), first, kept)])
        back = attrs.evolve(first, is_restored=True, version=2)
        again = order("O-0", sequence=1, version=2)
        repository.append([entry(repository.head(), again, back, changes=[change_of(back), change_of(again)])])
        assert_same_record(repository.load(RecordKind.ORDER, ("O-0",)), again)
        gone = attrs.evolve(first, archive_id="another", version=3)
        values = {"archive_id": "another", "is_restored": False}
        change = Change(kind=RecordKind.ARCHIVED, key=gone.key, version=3, values=values)
        repository.append([entry(repository.head(), gone, changes=[change])])
        assert repository.load(RecordKind.ORDER, ("O-0",)) is None
        assert repository.load(RecordKind.POSITION, held.key) is not None

    @pytest.mark.parametrize("kind", RecordKind)
    def test_an_unknown_key_is_none(self, open_repository: Opener, kind: RecordKind) -> None:
        """`load` of a key that no record of this kind has is None, however similar others are."""
        repository = open_repository()
        key = MINIMAL[kind].key
        assert repository.load(kind, key) is None
        repository.append([entry(EMPTY, *MINIMAL.values())])
        assert repository.load(kind, key) is not None
        for part in range(len(key)):
            for other in (key[part].lower() + "x", key[part].swapcase(), key[part] + " ", key[part][:-1]):
                if other != key[part]:
                    assert repository.load(kind, (*key[:part], other, *key[part + 1 :])) is None

    def test_kinds_do_not_share_keys(self, open_repository: Opener) -> None:
        """Records of two kinds with the same key stand beside each other."""
        repository = open_repository()
        given = entry(EMPTY, order("X"), trade("X"), request("X", order_id="X"), fill("X", order_id="X"))
        repository.append([given])
        for record in given.records:
            assert repository.load(record.kind, record.key) == record

    def test_orders_come_without_their_requests(self, open_repository: Opener) -> None:
        """`load` and `find` return orders with `requests == ()`: requests are records of their own."""
        repository = open_repository()
        bare = order(cancels_in_flight=1, request_count=1, sequence=1)
        given = entry(EMPTY, attrs.evolve(bare, requests=(request(),)), request())
        repository.append([given])
        loaded = repository.load(RecordKind.ORDER, ("O-1",))
        assert loaded == bare
        assert list(repository.find(Query(kind=RecordKind.ORDER))) == [loaded]
        assert list(repository.find(Query(kind=RecordKind.REQUEST))) == [given.records[1]]


def _as(born: Record, shape: Record) -> Record:
    """Return the shape as a later version of the record that was born in entry 1."""
    key = {name: getattr(born, name) for name in KEY_FIELDS[born.kind]}
    return attrs.evolve(shape, **key, sequence=1, version=2)


def _follows_row(repository: LedgerRepository, row: Row[Any, Any], make: Callable[..., _Living]) -> None:
    """For each from-state of the row, store a record in it, then in the row's to-state, and look for it."""
    sources, _, to = row
    for source in [None] if sources is None else sorted(sources):
        target = source if to == SAME else to
        born = entry(repository.head(), make(f"from {source}", state=source or target))
        repository.append([born])
        expected = born.records[0]
        if source is not None:
            expected = attrs.evolve(make(f"from {source}", state=target), sequence=born.sequence, version=2)
            repository.append([entry(repository.head(), expected)])
        assert_same_record(repository.load(expected.kind, expected.key), expected)
        for name in FILTERS[expected.kind] & set(_STATES):
            for value in _STATES[name]:
                found = repository.find(Query(kind=expected.kind, where={name: value}))
                assert (expected in found) == matches(expected, {name: value})
                assert not [one for one in found if one.key == expected.key and one != expected]
