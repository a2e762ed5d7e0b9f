"""CSV by a map of its columns: numbers as spreadsheets write them, and rows that are their own identity."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from interop.imports import brief, fills, imported_file, reasons
from ledger_core import StrategyLedger
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing import Defaults, ImportReport
from ledger_interop.importing.times import zone_named

COLUMNS = {"symbol": "Ticker", "quantity": "Shares", "price": "Px", "executed_at": "Time"}


def imported(
    ledger: StrategyLedger, folder: Path, *rows: str, columns: dict[str, str] | None = None, **options: Any
) -> ImportReport:
    """Import rows below the headings that are the first of them, twice."""
    path = folder / "fills.csv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return imported_file(ledger, "csv", path, columns=columns or COLUMNS, **options)


def test_rows_without_ids_are_fills_of_orders_of_their_own(ledger: StrategyLedger, tmp_path: Path) -> None:
    """The sign tells the side; the same row twice is two fills, the same file twice is known."""
    row = "AAPL,-5,150.5,2026-03-02T14:30:00Z"
    imported(ledger, tmp_path, "Ticker,Shares,Px,Time", "AAPL,40,150.1,2026-03-02T14:00:00Z", row, row)
    assert ledger.get_position("AAPL").quantity == 30
    assert len(list(ledger.find_orders(limit=None))) == 3


def test_columns_tell_orders_fills_and_fees(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Each name of the map is read from its column; other columns are left alone."""
    names = (
        "order_id",
        "fill_id",
        "side",
        "fee",
        "currency",
        "order_quantity",
        "order_type",
        "trade_date",
        "liquidity",
    )
    columns = {**COLUMNS, **{name: name.upper() for name in names}}
    heading = "Note,Ticker,Shares,Px,Time," + ",".join(name.upper() for name in names)
    imported(
        ledger,
        tmp_path,
        heading,
        "x,AAPL,40,150.1,2026-03-02T14:30:00Z,O1,F1,Sell short,1.05,USD,100,limit,2026-03-01,maker",
        "y,AAPL,60,150.2,2026-03-02T14:31:00Z,O1,F2,Sell short,,USD,100,limit,,",
        columns=columns,
    )
    assert brief(ledger, "O1") == "FILLED 100 of 100"
    assert fills(ledger, "O1") == ["F1: 40 @ 150.1 - 1.05 USD", "F2: 60 @ 150.2"]
    first = ledger.get_fill("O1", "F1")
    assert (first.trade_date, first.liquidity) == (date(2026, 3, 1), "MAKER")


@pytest.mark.parametrize(
    ("quantity", "price", "shown"),
    [("1,200", "$150.10", "1200 @ 150.1"), ("(40)", "150", "40 @ 150"), ('"1 200"', "€ 9.5", "1200 @ 9.5")],
)
def test_numbers_are_read_as_spreadsheets_write_them(
    quantity: str, price: str, shown: str, ledger: StrategyLedger, tmp_path: Path
) -> None:
    """Thousands, currencies, negative numbers in brackets."""
    quoted = quantity if quantity.startswith('"') else f'"{quantity}"'
    imported(ledger, tmp_path, "Ticker,Shares,Px,Time", f"AAPL,{quoted},{price},2026-03-02T14:30:00Z")
    (order,) = ledger.find_orders()
    assert fills(ledger, order.order_id)[0].partition(": ")[2] == shown


@pytest.mark.parametrize(
    ("quantity", "decimal_comma"),
    [("12,5", False), ("1,2345", False), ("1.234,5", False), ("12.5", True), ("1,234.5", True)],
)
def test_a_decimal_point_of_another_country_is_told(
    quantity: str, decimal_comma: bool, ledger: StrategyLedger, tmp_path: Path
) -> None:
    """A mark that parts no thousands is not left out: 12,5 would become 125."""
    rows = ("Ticker;Shares;Px;Time", f"AAPL;{quantity};10;2026-03-02T14:30:00Z")
    report = imported(ledger, tmp_path, *rows, delimiter=";", decimal_comma=decimal_comma)
    assert (report.booked, report.not_understood) == (0, 1)


def test_a_decimal_comma_another_delimiter_and_a_zone(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A European file: 1.234,50 is a number, and its times are those of Berlin."""
    told: dict[str, Any] = {
        "decimal_comma": True,
        "delimiter": ";",
        "defaults": Defaults(zone=zone_named("Europe/Berlin")),
    }
    imported(ledger, tmp_path, "Ticker;Shares;Px;Time", "SAP;10;1.234,50;02.03.2026 15:30:00", **told)
    (order,) = ledger.find_orders()
    (one,) = ledger.find_fills()
    assert fills(ledger, order.order_id)[0].endswith(": 10 @ 1234.5")
    assert one.executed_at == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("AAPL,40,150.1", "the row has 3 cells, the headings are 4"),
        ("AAPL,40,dear,2026-03-02", "price is no number: 'dear'"),
        ("AAPL,0,150.1,2026-03-02T14:30Z", "the row has no quantity, no price, or no time"),
        ("AAPL,40,150.1,2026-03-02", "executed_at has no time zone: 2026-03-02 00:00:00; name the zone that it is of"),
        ("AAPL,40,150.1,yesterday", "executed_at is no time: 'yesterday'"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_with_its_line(
    row: str, reason: str, ledger: StrategyLedger, tmp_path: Path
) -> None:
    """The rows around it are booked."""
    good = "AAPL,1,150.1,2026-03-02T14:30:00Z"
    report = imported(ledger, tmp_path, "Ticker,Shares,Px,Time", good, row, good)
    assert report.reasons["not understood"][reason].places == ["line 3: row"]
    assert ledger.get_position("AAPL").quantity == 2


@pytest.mark.parametrize(
    ("heading", "columns", "reason"),
    [
        ("Ticker,Shares,Px", COLUMNS, "line 1: no column 'Time', which executed_at is to be read from"),
        ("Ticker,Ticker,Shares,Px,Time", COLUMNS, "line 1: more than one column 'Ticker'"),
        ("Ticker,Shares,Px,Time", {"symbol": "Ticker"}, "leaves out quantity, price, executed_at"),
        ("Ticker,Shares,Px,Time", {**COLUMNS, "colour": "Px"}, "no column can be mapped to 'colour'"),
        ("", COLUMNS, "no column 'Ticker'"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(
    heading: str, columns: dict[str, str], reason: str, ledger: StrategyLedger, tmp_path: Path
) -> None:
    """Before anything is booked."""
    with pytest.raises(UnreadableSource, match=reason):
        imported(ledger, tmp_path, heading, columns=columns)


def test_a_cell_that_never_ends_is_refused(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A quote that is never closed would swallow the file."""
    with pytest.raises(UnreadableSource, match="no CSV: field larger than field limit"):
        imported(ledger, tmp_path, "Ticker,Shares,Px,Time", '"', *["x" * 10_000] * 40)


def test_reasons_name_no_more_than_they_must(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A thousand broken rows are one reason with a count and its first places."""
    rows = ["AAPL,40,dear,2026-03-02"] * 1_000
    report = imported(ledger, tmp_path, "Ticker,Shares,Px,Time", *rows)
    assert reasons(report, "not understood") == ["price is no number: 'dear'"]
    told = report.reasons["not understood"]["price is no number: 'dear'"]
    assert (told.count, len(told.places)) == (1_000, 20)
