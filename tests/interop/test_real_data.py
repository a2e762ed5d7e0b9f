"""Real FIX logs, venue messages, Flex statements and fills: what is in them arrives, as counted independently."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from interop.archives import Survey, surveys, tables
from interop.imports import imported_file, reasons
from ledger_core import StrategyLedger
from ledger_core.lifecycle import OrderState
from ledger_interop.importing import Defaults
from ledger_interop.importing.times import zone_named
from support import data_folder

ROOT = data_folder("data")
pytestmark = [
    pytest.mark.data,
    pytest.mark.once,
    pytest.mark.skipif(ROOT is None, reason="STRATEGY_LEDGER_TEST_DATA has no folder data"),
]

# fmt: off
COUNTS = {
    #               files  read  understood  passed over  not understood  files not readable
    "architect":   (   29,   33,    19,    14,    0,    0),
    "betfair":     (  103,  185,   146,    26,   13,    0),
    "binance":     (  102,  132,    64,    68,    0,    6),
    "bithumb":     (   21,   27,    13,    14,    0,    0),
    "bitmex":      (   65,   74,    16,    43,   15,    7),
    "bybit":       (   43,   47,    25,    22,    0,    0),
    "coinbase":    (    8,   10,     6,     4,    0,    0),
    "coinone":     (   18,   25,     2,    11,   12,    1),
    "deribit":     (   16,   16,     6,    10,    0,    0),
    "derive":      (   21,   21,     6,    15,    0,    0),
    "dydx":        (   11,   16,     8,     8,    0,    0),
    "fix":         (    4, 3484,  2893,   591,    0,    0),
    "hyperliquid": (    3,    9,     6,     3,    0,    0),
    "ib":          (    2,  134,     0,   134,    0,    0),
    "ib-flex":     (   17,  216,    53,   145,   18,    1),
    "korbit":      (   21,   91,    70,    21,    0,    1),
    "kraken":      (   35,   45,    30,    15,    0,    0),
    "lighter":     (   23,   23,     3,    20,    0,    0),
    "okx":         (   34,   38,    25,    13,    0,    0),
    "poloniex":    (   37,   46,    20,    21,    5,    0),
    "polymarket":  (   34,   43,    23,    17,    3,    0),
    "zerodha":     (   11,   30,    24,     6,    0,    0),
}
# fmt: on


@pytest.fixture(scope="module")
def found() -> dict[str, Survey]:
    """Return what became of every file of the archives."""
    assert ROOT is not None
    return surveys(ROOT)


def test_every_message_is_accounted_for(found: dict[str, Survey]) -> None:
    """By venue: how many are understood, passed over as none of an order, and not understood."""
    assert {kind: survey.counts for kind, survey in found.items()} == COUNTS
    for survey in found.values():
        assert survey.read == survey.understood + survey.passed_over + survey.not_understood


def test_no_second_import_changes_anything(found: dict[str, Survey]) -> None:
    """Every file was imported twice; the second time the journal stood where it was, and every record as it says."""
    assert {kind: survey.changed for kind, survey in found.items() if survey.changed} == {}


def test_the_page_shows_what_was_found(found: dict[str, Survey]) -> None:
    """The tables of the documentation are those of this run."""
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "import-history.md"
    assert page.read_text("utf-8").endswith("\n".join(tables(found)) + "\n")


def _log(name: str) -> Path:
    assert ROOT is not None
    return ROOT / "fix" / name


def test_a_session_of_602_orders_that_were_all_canceled(ledger: StrategyLedger) -> None:
    """301 bought at 99, 301 sold at 101, ten lots each, none filled; one message came twice."""
    imported_file(ledger, "fix", _log("FIX.4.2-KOD-BON.messages.log.gz"))
    orders = list(ledger.find_orders(limit=None))
    assert Counter((order.side.value, order.limit_price, order.state) for order in orders) == {
        ("BUY", Decimal(99), OrderState.CANCELED): 301,
        ("SELL", Decimal(101), OrderState.CANCELED): 301,
    }
    assert {(order.quantity, order.cum_quantity) for order in orders} == {(Decimal(10), Decimal(0))}


def test_two_orders_pending_new_and_filled(ledger: StrategyLedger) -> None:
    """A QuickFIX/J log with its own lines between the messages."""
    imported_file(ledger, "fix", _log("Montran_order_messages.log"))
    assert [(order.state, order.cum_quantity) for order in ledger.find_orders()] == [
        (OrderState.FILLED, Decimal(100)),
        (OrderState.FILLED, Decimal(100)),
    ]


def test_reports_that_came_in_and_went_out(ledger: StrategyLedger) -> None:
    """Each is there twice; the orders ended canceled with what was filled, as CumQty says. What contradicts is told."""
    report = imported_file(ledger, "fix", _log("sackfix_example.fix.log"))
    cums = {54000, 3297, 8838, 537743, 42000}
    assert {order.cum_quantity for order in ledger.find_orders()} == {Decimal(cum) for cum in cums}
    assert {order.state for order in ledger.find_orders()} == {OrderState.CANCELED}
    assert report.refused == 14  # the copies that went out have prices in pounds, and later lines another symbol
    assert reasons(report, "refused") == [
        "it contradicts the order that it names",
        "what is recorded under its id says otherwise",
    ]


def test_a_block_that_stands_there_39_times_is_booked_once(ledger: StrategyLedger) -> None:
    """After the first block nothing changes: rejected, filled, canceled after a part."""
    report = imported_file(ledger, "fix", _log("quickfix-logviewer.log.gz"))
    assert report.booked == 10
    assert [(order.state, order.cum_quantity) for order in ledger.find_orders()] == [
        (OrderState.REJECTED, Decimal(0)),
        (OrderState.FILLED, Decimal(100)),
        (OrderState.CANCELED, Decimal(100)),
    ]


def test_fills_of_a_csv_come_to_the_positions_that_they_make(ledger: StrategyLedger) -> None:
    """9,367 signed fills without ids in seven symbols."""
    assert ROOT is not None
    columns = {"symbol": "symbol", "quantity": "amount", "price": "price", "executed_at": ""}
    path = ROOT / "pyfolio" / "test_txn.csv.gz"
    report = imported_file(ledger, "csv", path, columns=columns, defaults=Defaults(zone=zone_named("UTC")))
    assert (report.booked, report.needs_attention) == (9_367, False)
    nets = {position.symbol: int(position.quantity) for position in ledger.get_open_positions()}
    assert nets == {"AMD": 2299, "CERN": 484, "COST": 955, "DELL": 3817, "GPS": 1466, "INTC": 1120, "MMM": -27}
