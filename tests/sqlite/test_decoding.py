"""The function written out for a table reads every row as the codec does, field by field, which is what it saves."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from ledger_core.errors import StorageCorrupt
from ledger_core.model import Order, Record, RecordKind
from ledger_core.testing import assert_same_record, every_shape
from ledger_storage_sqlite._columns import CODECS, TABLES, RowCodec
from sqlite.files import run

DAMAGED: tuple[object, ...] = (
    *(None, "", "x", "0", "1", "-1", "1.50", "1e5", "nan", "2026-01-31", "2026-01-31T23:59:59.000000Z", "BUY"),
    *(0, 1, 2, -(2**63), 1.0, 1.5, b"", b"x", b"\xff"),
    *("[]", "{}", "null", "true", "1.0", '""', '["x"]', "[1]", "[{}]", '{"x":1}', '{"x":"1"}', " []", "[] ", "[", "]"),
    *('"\\ud800"', "[" * 10_000, '{"quantity":"1"}', '[{"amount":"1","currency":"USD"}]'),
)
"""What a damaged page may hold in a column, of whatever type that column is."""


@pytest.mark.parametrize("kind", RecordKind)
def test_every_shape_of_a_record_is_read_without_the_codec(kind: RecordKind) -> None:
    """What we write never takes the long way."""
    codec = RowCodec(attrs.evolve(TABLES[kind]))
    codec._decode_carefully = _no_long_way  # type: ignore[method-assign]
    for shape in every_shape(kind):
        assert_same_record(codec.decode(_row(codec, shape)), _stored(shape))


@pytest.mark.parametrize("kind", RecordKind)
def test_every_shape_of_a_record_is_read_by_the_codec_itself(kind: RecordKind) -> None:
    """The long way, which a row takes that is unlike ours in one column, comes to the same in all others."""
    codec = RowCodec(attrs.evolve(TABLES[kind]))
    for shape in every_shape(kind):
        assert_same_record(codec._decode_carefully(_row(CODECS[kind], shape)), _stored(shape))


@pytest.mark.parametrize("kind", RecordKind)
def test_whatever_stands_in_a_column_is_read_as_the_codec_reads_it(kind: RecordKind) -> None:
    """The same record, or the same sentence about what is wrong."""
    codec = CODECS[kind]
    for shape in every_shape(kind)[:2]:
        row = _row(codec, shape)
        for place in range(len(row)):
            for damage in DAMAGED:
                damaged = (*row[:place], damage, *row[place + 1 :])
                assert _outcome(codec.decode, damaged) == _outcome(codec._decode_carefully, damaged)
        for wrong in (row[:-1], (*row, None), ()):
            assert _outcome(codec.decode, wrong) == _outcome(codec._decode_carefully, wrong)


def test_threads_that_read_the_first_row_together_read_the_same(path: Path) -> None:
    """What is made when it is first needed may be asked for by many threads at once."""
    run(
        """
import sys, threading
from ledger_core import codec
from ledger_core.testing import every_shape
from ledger_core.model import RecordKind
from ledger_storage_sqlite._columns import CODECS
sys.setswitchinterval(1e-6)
shapes = [shape for kind in RecordKind for shape in every_shape(kind)[:1]]
begin, wrong = threading.Barrier(8), []
def read():
    begin.wait()
    for shape in shapes:
        table = CODECS[shape.kind].table
        bound = dict(zip(table.bound, CODECS[shape.kind].encode(shape)))
        row = [bound[name] for name in table.column_names]
        stored = codec.dump_record(shape)
        try:
            assert codec.dump_record(CODECS[shape.kind].decode(row)) == stored
            assert codec.dump_record(codec.load_record(shape.kind, stored)) == stored
            values = codec.load_values(shape.kind, stored)
            assert codec.dump_values(shape.kind, values) == stored
        except BaseException as error:
            wrong.append(error)
threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not wrong, wrong
""",
        path,
    )


def _row(codec: RowCodec, record: Record) -> tuple[Any, ...]:
    bound = dict(zip(codec.table.bound, codec.encode(record), strict=True))
    return tuple(bound[name] for name in codec.table.column_names)


def _stored(record: Record) -> Record:
    return attrs.evolve(record, requests=()) if isinstance(record, Order) else record


def _outcome(decode: Callable[[Sequence[Any]], Record], row: Sequence[Any]) -> tuple[str, str]:
    try:
        return "read", repr(decode(row))
    except StorageCorrupt as error:
        return "corrupt", str(error)


def _no_long_way(row: Sequence[Any]) -> Record:
    raise AssertionError(f"{row} was read the long way")
