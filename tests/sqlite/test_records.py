"""Records as rows: every field comes back, numbers as the same text, and wrong types are refused."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_core.codec import field_names
from ledger_core.errors import StorageCorrupt, StorageError
from ledger_core.lifecycle import OrderState, RequestState, TradeState
from ledger_core.model import Fee, Fill, Order, OrderRequest, Position, Record, RecordKind, Side, Trade
from ledger_core.numbers import decimal_text, price_text
from ledger_core.repository import Query
from ledger_core.testing.samples import (
    MINIMAL,
    NOON,
    assert_same_record,
    entry,
    every_shape,
    fill,
    later,
    leg,
    order,
    position,
    request,
    trade,
)
from ledger_storage_memory import MemoryRepository
from ledger_storage_sqlite import SqliteRepository
from ledger_storage_sqlite._columns import CODECS, TABLES, RowCodec
from sqlite.conftest import Opener
from sqlite.files import append, open_at, query, raw

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19)
prices = st.builds(
    lambda whole, places: Decimal(whole).scaleb(-places),
    st.integers(-(10**37), 10**37),
    st.integers(0, 18),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteRepository]:
    """Return a repository that all examples of the property tests write to."""
    repository = open_at(tmp_path_factory.mktemp("shared") / "orders.db")
    yield repository
    repository.close()


def _stored(repository: SqliteRepository, record: Record) -> Record:
    append(repository, record)
    found = repository.load(record.kind, record.key)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", list(RecordKind))
def test_every_field_has_a_column(repository: SqliteRepository, path: Path, kind: RecordKind) -> None:
    """Each stored field of a kind is declared, its column is in the file, of its type; so is each computed one."""
    table = attrs.evolve(TABLES[kind])
    assert {column.path.partition(".")[0] for column in table.columns} == set(field_names(kind))
    found = {name for (name,) in query(path, f"SELECT name FROM pragma_table_info('{table.name}')")}
    assert found == {*table.bound, "strategy_id"}
    types = query(path, f"SELECT name, type FROM pragma_table_info('{table.name}')")
    storage = {"JSON": "TEXT", "BOOLEAN": "INTEGER"}
    assert {(one.name, storage.get(one.sql_type, one.sql_type)) for one in table.columns} <= set(types)


@pytest.mark.parametrize("kind", list(RecordKind))
def test_every_shape_comes_back_by_an_update_too(repository: SqliteRepository, kind: RecordKind) -> None:
    """A record of any shape comes back equal also where it replaces an earlier version of itself."""
    born = append(repository, *(attrs.evolve(shape, version=1) for shape in every_shape(kind))).records
    bare = [attrs.evolve(_with_key_of(MINIMAL[kind], one), sequence=one.sequence, version=2) for one in born]
    for images in (bare, *([attrs.evolve(one, version=version) for one in born] for version in (3, 4))):
        append(repository, *images)
        for image in images:
            assert_same_record(repository.load(kind, image.key), image)


def _with_key_of(record: Record, other: Record) -> Record:
    names = {
        RecordKind.POSITION: ("symbol", "venue", "account", "position_side"),
        RecordKind.INSTRUMENT: ("symbol", "venue"),
        RecordKind.ORDER: ("order_id",),
        RecordKind.REQUEST: ("order_id", "request_id"),
        RecordKind.FILL: ("order_id", "fill_id"),
        RecordKind.TRADE: ("trade_id",),
        RecordKind.QUARANTINE: ("quarantine_id",),
        RecordKind.ADJUSTMENT: ("adjustment_id",),
        RecordKind.COMMAND: ("operation", "target", "command_id"),
        RecordKind.ARCHIVED: ("record_kind", "record_key"),
        RecordKind.CHECKPOINT: ("name",),
    }[record.kind]
    return attrs.evolve(record, **{name: getattr(other, name) for name in names})


@settings(max_examples=150, deadline=None)
@given(number=numbers, price=prices, other=numbers)
def test_numbers_come_back_as_the_same_text(
    shared: SqliteRepository, number: Decimal, price: Decimal, other: Decimal
) -> None:
    """Any number that a ledger accepts is stored as its canonical text, digit by digit, and comes back as it."""
    made = attrs.evolve(
        fill(f"F-{shared.head().sequence}"),
        quantity=number,
        price=price,
        flat_realized_pnl=other,
        fees=(Fee("USD", number), Fee("EUR", other)),
    )
    found = _stored(shared, made)
    assert isinstance(found, Fill)
    assert price_text(found.price) == price_text(price)
    assert decimal_text(found.quantity) == decimal_text(number)
    assert [decimal_text(fee.amount) for fee in found.fees] == [decimal_text(number), decimal_text(other)]
    assert found.flat_realized_pnl is not None
    rows = shared._reader.fetch(
        "SELECT quantity, price, flat_realized_pnl, TYPEOF(quantity) || TYPEOF(price) FROM fills WHERE fill_id = ?",
        (made.fill_id,),
    )
    assert rows == [(decimal_text(number), price_text(price), decimal_text(other), "texttext")]


@settings(max_examples=100, deadline=None)
@given(quantity=numbers, cost=numbers, realized=numbers)
def test_positions_keep_their_digits(
    shared: SqliteRepository, quantity: Decimal, cost: Decimal, realized: Decimal
) -> None:
    """A position's figures come back equal, and it is found among what is held exactly if something is."""
    made = position(f"S-{shared.head().sequence}", quantity=quantity, cost=cost, realized_pnl=realized)
    assert_same_record(_stored(shared, made), attrs.evolve(made, sequence=shared.head().sequence))
    held = shared.find(Query(kind=RecordKind.POSITION, where={"symbol": made.symbol, "is_flat": False}))
    assert len(held) == (quantity != 0)


@pytest.mark.parametrize(
    ("record", "column", "found"),
    [
        (order(cum_quantity=1.5), "cum_quantity", "float"),
        (order(limit_price=50), "limit_price", "int"),
        (order(details={"quantity": "1.5"}), "ordered_quantity", "str"),
        (order(reason=5), "reason", "int"),
        (order(triggered=1), "triggered", "int"),
        (order(request_count=True), "request_count", "bool"),
        (order(placed_at="2026-03-02T12:00:00.000000Z"), "placed_at", "str"),
        (order(state="FILLED"), "state", "str"),
        (order(venue_order_ids="V-1"), "venue_order_ids", "str"),
        (fill(price=50.0), "price", "float"),
        (position(quantity=1), "quantity", "int"),
    ],
)
def test_a_value_of_another_type_is_refused(
    repository: SqliteRepository, record: Record, column: str, found: str
) -> None:
    """A float, or anything but what the field holds, raises StorageError, and nothing is written."""
    sound = entry(repository.head(), MINIMAL[record.kind])
    table = attrs.evolve(TABLES[record.kind])
    with pytest.raises(StorageError, match=rf"^{table.name}\.{column} holds .*, not {found}; nothing was written"):
        RowCodec(table).encode(record)
    with pytest.raises(StorageError, match="nothing was written") as caught:
        repository.append([attrs.evolve(sound, records=(record,))])
    assert (caught.value.column, caught.value.found) == (column, found)
    assert repository.head().sequence == 0


def test_computed_columns_repeat_the_properties(repository: SqliteRepository, path: Path) -> None:
    """Status, what is open and what is left stand beside the fields, for queries and for people."""
    working = order(
        "O-1",
        quantity=Decimal("10.50"),
        cum_quantity=Decimal("0.25"),
        cancels_in_flight=1,
        state=OrderState.PARTIALLY_FILLED,
    )
    ended = order("O-2", quantity=Decimal(10), state=OrderState.CANCELED)
    cash = order("O-3")
    append(repository, working, ended, cash)
    assert query(path, "SELECT status, is_open, leaves_quantity FROM orders ORDER BY order_id") == [
        ("PENDING_CANCEL", 1, "10.25"),
        ("CANCELED", 0, "0"),
        ("PLACED", 1, None),
    ]
    bought = leg(bought_quantity=Decimal(3), bought_value=Decimal(30), sold_quantity=Decimal(1), sold_value=Decimal(12))
    append(repository, trade("T-1", legs=(bought,)), trade("T-2", legs=(leg("A"), leg("B"))))
    assert query(path, "SELECT symbol, direction, open_quantity, realized_pnl FROM trades ORDER BY trade_id") == [
        ("AAPL", "BUY", "2", "2"),
        (None, "BUY", None, "0"),
    ]


def test_a_field_that_is_not_given_is_null(repository: SqliteRepository, path: Path) -> None:
    """What was not given is NULL, not an empty text; what is at its default is written out."""
    append(repository, order())
    assert query(
        path, "SELECT venue, limit_price, metadata, cum_quantity, venue_order_ids, position_side FROM orders"
    ) == [(None, None, None, "0", "[]", "NET")]


def test_a_row_that_was_tampered_with_is_corrupt(repository: SqliteRepository, path: Path) -> None:
    """Text that is no number, no JSON or no state raises StorageCorrupt rather than passing for a record."""
    append(repository, order("O-1"), fill("F-1"), trade("T-1"))
    for table, change, kind, key in (
        ("orders", "cum_quantity = 'ten'", RecordKind.ORDER, ("O-1",)),
        ("fills", "fees = '{broken'", RecordKind.FILL, ("O-1", "F-1")),
        ("trades", "state = 'ANY'", RecordKind.TRADE, ("T-1",)),
    ):
        connection = raw(path)
        connection.execute(f"UPDATE {table} SET {change}")
        connection.close()
        with pytest.raises(StorageCorrupt):
            repository.load(kind, key)


def test_text_that_is_not_utf8_is_corrupt(repository: SqliteRepository, path: Path) -> None:
    """Damaged text, which Python cannot decode, is StorageCorrupt; in the journal too."""
    append(repository, order("O-1"), subject="O-1")
    connection = raw(path)
    connection.execute("UPDATE orders SET reason = CAST(X'FF' AS TEXT)")
    connection.execute("DROP TRIGGER journal_no_update")
    connection.execute("UPDATE journal SET body = CAST(X'7BFF7D' AS TEXT)")
    connection.close()
    with pytest.raises(StorageCorrupt):
        repository.load(RecordKind.ORDER, ("O-1",))
    with pytest.raises(StorageCorrupt):
        repository.read(0)


def test_text_that_utf8_cannot_say_is_refused(repository: SqliteRepository) -> None:
    """A lone surrogate raises InvalidValue, a refusal, and nothing is written; looking for one finds nothing."""
    with pytest.raises(ValueError, match=r"UTF-8|surrogate"):
        append(repository, order("O-1"), order("O-\ud800"))
    with pytest.raises(ValueError, match="UTF-8"):
        repository.load(RecordKind.ORDER, ("O-\ud800",))
    assert repository.head().sequence == 0


images = st.lists(
    st.fixed_dictionaries(
        {
            "version": st.integers(1, 3),
            "sequence": st.integers(1, 2),
            "state": st.sampled_from([OrderState.PLACED, OrderState.ACCEPTED, OrderState.FILLED]),
            "venue_order_ids": st.lists(st.sampled_from(["V-1", "V-2"]), unique=True, max_size=2).map(tuple),
            "reason": st.sampled_from([None, "a", "b"]),
            "group": st.sampled_from([None, "G-1", "G-2"]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(images=images)
def test_whatever_follows_whatever_the_last_image_stands(
    shared: SqliteRepository, images: list[dict[str, Any]]
) -> None:
    """After any sequence of after-images of an order, every query answers as the memory adapter does."""
    memory = MemoryRepository(strategy_id=shared.strategy_id)
    name = f"I-{shared.head().sequence}"
    for image in images:
        made = _image(name, **image)
        append(shared, made)
        append_to_memory(memory, made)
        assert shared.load(RecordKind.ORDER, made.key) == memory.load(RecordKind.ORDER, made.key) == made
        for where in (
            {"is_open": True},
            {"is_open": False},
            {"venue_order_id": "V-1"},
            {"venue_order_id": "V-2"},
            {"execution_group_id": "G-1"},
            {"execution_group_id": None},
            {"is_open": True, "execution_group_id": "G-2"},
        ):
            wanted = Query(kind=RecordKind.ORDER, where=where)
            assert [one for one in shared.find(wanted) if one.key == (name,)] == list(memory.find(wanted))


def _image(name: str, *, group: str | None, **fields: Any) -> Order:
    return order(name, details={"execution_group_id": group}, **fields)


def append_to_memory(memory: MemoryRepository, record: Record) -> None:
    """Append one entry with the record to a repository in memory."""
    memory.append([entry(memory.head(), record, strategy_id=memory.strategy_id)])


@pytest.mark.parametrize("quantity", ["0", "1"])
def test_positions_open_and_close_again_and_again(repository: SqliteRepository, quantity: str) -> None:
    """A position that alternates between flat and held is found among what is held exactly when it is."""
    held = Query(kind=RecordKind.POSITION, where={"is_flat": False})
    born = append(repository, position(quantity=Decimal(quantity), version=1)).records[0]
    assert isinstance(born, Position)
    for version in range(2, 8):
        present = attrs.evolve(born, quantity=Decimal(version // 2 % 2), version=version)
        append(repository, present)
        assert list(repository.find(held)) == ([present] if present.quantity else [])


def test_trades_and_requests_leave_what_is_open(repository: SqliteRepository) -> None:
    """A closed trade and an answered request are no longer found among what is open, a reopened one is again."""
    from ledger_core.repository import Query

    born = append(repository, trade(), request()).records
    made, asked = born
    assert isinstance(made, Trade)
    assert isinstance(asked, OrderRequest)
    trades = Query(kind=RecordKind.TRADE, where={"state": "OPEN"})
    requests = Query(kind=RecordKind.REQUEST, where={"is_in_flight": True})
    for version, (state, request_state) in enumerate(
        [
            (TradeState.CLOSED, RequestState.REJECTED),
            (TradeState.OPEN, RequestState.REQUESTED),
            (TradeState.OPEN, RequestState.REQUESTED),
            (TradeState.CLOSED, RequestState.ACCEPTED),
        ],
        2,
    ):
        append(
            repository,
            attrs.evolve(made, state=state, version=version),
            attrs.evolve(asked, state=request_state, version=version),
        )
        assert len(repository.find(trades)) == (state is TradeState.OPEN)
        assert len(repository.find(requests)) == (request_state is RequestState.REQUESTED)


def test_a_filter_of_another_type_finds_nothing(repository: SqliteRepository) -> None:
    """A number is not equal to the text of it, nor a text to a flag, though SQL's affinities may think so."""
    append(repository, order("O-1", details={"symbol": "1"}), fill("1"))
    for where in ({"symbol": 1}, {"symbol": Decimal(1)}, {"is_open": "1"}, {"is_open": None}, {"venue_order_id": None}):
        assert list(repository.find(Query(kind=RecordKind.ORDER, where=where))) == []
    assert len(repository.find(Query(kind=RecordKind.ORDER, where={"symbol": "1", "is_open": 1}))) == 1
    assert repository.load(RecordKind.FILL, ("O-1", 1)) is None  # type: ignore[arg-type]  # on purpose
    assert repository.load(RecordKind.FILL, ("O-1",)) is None


def test_one_process_writes_the_times_of_another_zone_the_same(opener: Opener) -> None:
    """Bounds in any zone select by the moment they mean."""
    repository = opener()
    append(repository, order("O-1", placed_at=NOON), order("O-2", placed_at=later(60)))
    east = later(30).astimezone(timezone(timedelta(hours=9)))
    assert [one.key for one in repository.find(Query(kind=RecordKind.ORDER, since=east))] == [("O-2",)]
    assert [one.key for one in repository.find(Query(kind=RecordKind.ORDER, until=east))] == [("O-1",)]


def test_encoding_touches_no_float() -> None:
    """No parameter of any sample record is a float, or of any type but str, int, bool and None."""
    for kind in RecordKind:
        for shape in every_shape(kind):
            assert {type(value) for value in CODECS[kind].encode(shape)} <= {str, int, bool, type(None)}


def test_strict_text_would_take_a_float() -> None:
    """The reason for checking types before binding: a STRICT TEXT column takes 1.5 without a word."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a TEXT) STRICT")
    connection.execute("INSERT INTO t VALUES (?)", (0.1 + 0.2,))
    assert connection.execute("SELECT a FROM t").fetchall() == [("0.3",)]
    connection.close()


def test_sides_are_stored_by_their_words(repository: SqliteRepository, path: Path) -> None:
    """Enumerations stand in the file as the words that people know."""
    append(repository, order(details={"side": Side.SELL_SHORT}))
    assert query(path, "SELECT side, order_type, state FROM orders") == [("SELL_SHORT", "LIMIT", "PLACED")]


def test_an_order_may_lose_and_regain_a_venue_id(repository: SqliteRepository) -> None:
    """An id that comes twice, goes and comes back finds the order exactly while the order has it."""
    ids = [("V-1", "V-1", "V-2"), (), ("V-2",), ("V-1", "V-2"), ()]
    for version, venue_order_ids in enumerate(ids, 1):
        append(repository, order(venue_order_ids=venue_order_ids, version=version, sequence=1))
        for name in ("V-1", "V-2"):
            wanted = Query(kind=RecordKind.ORDER, where={"venue_order_id": name})
            assert len(repository.find(wanted)) == (name in venue_order_ids)
