"""What is in the tables: the records themselves, to the last digit, in every form and library."""

import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from export.books import (
    as_python,
    exported,
    library,
    of_csv,
    of_jsonl,
    pyarrow,
    read_back,
    totals,
    wanted,
)
from ledger_core import LedgerReader, StrategyLedger, open_ledger, open_reader
from ledger_core.model import RecordKind
from ledger_interop.exporting import TABLES, Format, Table, to_arrow, to_pandas, to_polars
from ledger_interop.exporting.columns import Form

NAMES = sorted(TABLES)


def _python(table: Table, rows: list[list[Any]]) -> list[list[Any]]:
    return [[as_python(column, value) for column, value in zip(table.columns, row, strict=True)] for row in rows]


def _of_arrow(table: Table, found: Any) -> list[list[Any]]:
    assert found.schema.names == [column.name for column in table.columns]
    return [[read_back(column, row[column.name]) for column in table.columns] for row in found.to_pylist()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_text_is_read_back_as_it_was(rich: LedgerReader, tmp_path: Path, name: str, form: str) -> None:
    """Every value of CSV and JSON Lines is the ledger's own, nested ones included."""
    table = TABLES[name]
    path = exported(rich, tmp_path / "out", form, tables=[name])[name]
    found = (of_csv if form == "csv" else of_jsonl)(path, table)
    assert found == _python(table, wanted(rich, table))
    assert found, "the ledger has some of everything"


@pytest.mark.parametrize("name", NAMES)
def test_parquet_and_arrow_are_read_back_as_they_were(rich: LedgerReader, tmp_path: Path, name: str) -> None:
    """Every value that pyarrow reads is the ledger's own, from either file and from memory."""
    pa = pyarrow()
    table = TABLES[name]
    expected = _python(table, wanted(rich, table))
    parquet = exported(rich, tmp_path / "parquet", "parquet", tables=[name])[name]
    assert _of_arrow(table, pa.parquet.read_table(parquet)) == expected
    arrow = exported(rich, tmp_path / "arrow", "arrow", tables=[name])[name]
    with pa.memory_map(str(arrow)) as source:
        assert _of_arrow(table, pa.ipc.open_file(source).read_all()) == expected
    assert _of_arrow(table, to_arrow(rich, name)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_frames_hold_the_same(rich: LedgerReader, name: str) -> None:
    """The columns of pandas and polars frames hold the ledger's own values; what is nested is compared by Arrow."""
    library("pandas")
    library("polars")
    table = TABLES[name]
    rows = _python(table, wanted(rich, table))
    pandas, polars = to_pandas(rich, name), to_polars(rich, name)
    assert list(pandas.columns) == polars.columns == [column.name for column in table.columns]
    for place, column in enumerate(table.columns):
        if column.form in (Form.LIST, Form.ROWS, Form.JSON):
            continue
        expected = [row[place] for row in rows]
        assert polars[column.name].to_list() == expected, column.name
        series = pandas[column.name]
        assert [None if missing else one for one, missing in zip(series, series.isna(), strict=True)] == expected


@pytest.mark.parametrize("name", NAMES)
def test_polars_reads_the_parquet_file_without_pyarrow(rich: LedgerReader, tmp_path: Path, name: str) -> None:
    """Another implementation of Parquet reads the same numbers, structures included."""
    pyarrow()
    pl = library("polars")
    table = TABLES[name]
    path = exported(rich, tmp_path / "out", "parquet", tables=[name])[name]
    found = pl.read_parquet(path, use_pyarrow=False)
    rows = [[read_back(column, row[column.name]) for column in table.columns] for row in found.to_dicts()]
    assert rows == _python(table, wanted(rich, table))


def test_sums_are_the_ledgers(rich: LedgerReader) -> None:
    """Fees by currency, quantities and realized PnL by symbol of the export equal those that the ledger answers with."""
    pyarrow()
    fills = [row for row in to_arrow(rich, "fills").to_pylist() if not row["busted"]]
    positions = to_arrow(rich, "positions").to_pylist()
    orders = to_arrow(rich, "orders").to_pylist()
    for strategy_id in rich.strategies():
        ledger = rich.strategy(strategy_id)
        own = [row for row in fills if row["strategy_id"] == strategy_id]
        held = [row for row in positions if row["strategy_id"] == strategy_id]
        paid = totals((fee["currency"], fee["amount"]) for row in own for fee in row["fees"])
        assert paid == totals((fee["currency"], fee["amount"]) for row in held for fee in row["fees"])
        assert paid, strategy_id
        for symbol in {row["symbol"] for row in held}:
            explained = ledger.explain_pnl(symbol=symbol)
            of_symbol = [row for row in held if row["symbol"] == symbol]
            assert totals((fee["currency"], fee["amount"]) for row in of_symbol for fee in row["fees"]) == {
                fee.currency: fee.amount for fee in explained.fees
            }
            assert totals((None, row["realized_pnl"]) for row in of_symbol) == totals(
                (None, part.realized_pnl) for part in explained.parts
            )
            assert totals((None, row["quantity"]) for row in of_symbol) == totals(
                (None, part.quantity) for part in explained.parts
            )
        executed = totals((row["order_id"], row["quantity"]) for row in own)
        split = {"buy"}  # whose executions count double since
        assert {key: amount for key, amount in executed.items() if key not in split} == {
            row["order_id"]: row["cum_quantity"]
            for row in orders
            if row["strategy_id"] == strategy_id and row["cum_quantity"] and row["order_id"] not in split
        }


def test_sums_in_the_frames_libraries_are_exact(rich: LedgerReader) -> None:
    """What pandas and polars themselves add up is the exact sum, not one of Python's 28 digits or of floats."""
    library("pandas")
    pl = library("polars")
    exact = totals((position.symbol, position.realized_pnl) for position in _positions(rich))
    pandas = to_pandas(rich, "positions").groupby("symbol")["realized_pnl"].sum()
    assert {symbol: Decimal(amount) for symbol, amount in pandas.items() if amount} == exact
    polars = to_polars(rich, "positions").group_by("symbol").agg(pl.col("realized_pnl").sum())
    assert {symbol: amount for symbol, amount in polars.iter_rows() if amount} == exact


def _positions(reader: LedgerReader) -> list[Any]:
    found = []
    for strategy_id in reader.strategies():
        ledger = reader.strategy(strategy_id)
        recorded = ledger.head().recorded_at
        found += ledger.as_of(recorded=recorded).records(RecordKind.POSITION)
    return found


def test_the_journal_is_the_ledger(rich: LedgerReader, tmp_path: Path) -> None:
    """From the exported entries alone every digest can be computed again."""
    before = "0" * 64
    for row in of_jsonl(exported(rich, tmp_path / "out", "jsonl", tables=["journal"])["journal"], TABLES["journal"]):
        names = [column.name for column in TABLES["journal"].columns]
        entry = dict(zip(names, row, strict=True))
        before = "0" * 64 if entry["sequence"] == 1 else before
        assert hashlib.sha256(bytes.fromhex(before) + entry["body"].encode()).hexdigest() == entry["digest"]
        before = entry["digest"]


def _in_parquet(kind: Any) -> str:
    """Return a type without what older pyarrow does not read back: names of list items, the width of indices."""
    return re.sub(r"indices=int\d+", "indices", str(kind).replace("element:", "item:"))


@pytest.mark.parametrize("name", NAMES)
def test_a_table_without_rows_keeps_its_schema(tmp_path: Path, name: str) -> None:
    """An empty ledger gives files of 0 rows with the columns and types of a full one."""
    pa = pyarrow()
    with open_ledger(f"sqlite:///{tmp_path}/empty.db", strategy_id="alpha"):
        pass
    with open_reader(tmp_path / "empty.db") as reader:
        paths = {
            form: exported(reader, tmp_path / form, form, tables=[name])[name] for form in Format if form != "beancount"
        }
    found = pa.parquet.read_table(paths[Format.PARQUET])
    assert found.num_rows == 0
    with pa.memory_map(str(paths[Format.ARROW])) as source:
        of_arrow = pa.ipc.open_file(source).schema
    assert of_arrow.names == found.schema.names
    assert [_in_parquet(field.type) for field in of_arrow] == [_in_parquet(field.type) for field in found.schema]
    for column, field in zip(TABLES[name].columns, found.schema, strict=True):
        assert field.name == column.name
        if column.form.is_decimal:
            assert field.type == pa.decimal128(38, 18)
    assert paths[Format.CSV].read_text() == ",".join(found.schema.names) + "\n"
    assert paths[Format.JSONL].read_text() == ""


def test_types_are_what_the_documentation_says(rich: LedgerReader) -> None:
    """Decimals are decimal128 of 38 digits, times are UTC to the microsecond, words are dictionaries of all words."""
    pa = pyarrow()
    schema = to_arrow(rich, "fills").schema
    assert schema.field("price").type == pa.decimal128(38, 5)  # of BTC/USDT, whose price has the most places
    assert schema.field("executed_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("side").type == pa.dictionary(pa.int8(), pa.string())
    fees = schema.field("fees").type.value_type
    assert fees.field("amount").type == pa.decimal128(38, 7)
    assert to_arrow(rich, "fills").column("side").chunk(0).dictionary.to_pylist() == ["BUY", "SELL", "SELL_SHORT"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_what_it_is(rich: LedgerReader, tmp_path: Path, name: str) -> None:
    """Each field has its meaning and unit, and the file where each journal ended, so that `verify` can be told."""
    pa = pyarrow()
    schema = pa.parquet.read_schema(exported(rich, tmp_path / "out", "parquet", tables=[name])[name])
    for column, field in zip(TABLES[name].columns, schema, strict=True):
        assert field.metadata[b"description"].decode() == column.description
        assert field.metadata.get(b"unit", b"").decode() == (column.unit or "")
    moment = json.loads(schema.metadata[b"strategy_ledger"])
    heads = {strategy_id: rich.strategy(strategy_id).head() for strategy_id in rich.strategies()}
    assert {one["strategy_id"]: (one["sequence"], one["digest"]) for one in moment["snapshot"]} == {
        strategy_id: (head.sequence, head.digest) for strategy_id, head in heads.items()
    }
    assert moment["table"] == name
    for strategy_id, head in heads.items():
        assert rich.strategy(strategy_id).verify(head=head).is_intact


def test_what_a_ledger_writes_itself_is_exported_too(ledger: StrategyLedger) -> None:
    """A StrategyLedger, on any adapter, is exported as a reader is."""
    pyarrow()
    from export.books import fill_with_everything

    fill_with_everything(ledger)
    assert to_arrow(ledger, "orders").num_rows == len(list(ledger.find_orders(limit=None)))
    assert {row["order_id"] for row in to_arrow(ledger, "orders").to_pylist()} >= {"buy", "perp out"}
