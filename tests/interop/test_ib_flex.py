"""Flex statements of Interactive Brokers, and XML that is none."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from interop.imports import brief, fills, imported_file, reasons
from ledger_core import StrategyLedger
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing import ImportReport, import_file

TRADE = {
    "accountId": "U1",
    "assetCategory": "STK",
    "symbol": "AAPL",
    "currency": "USD",
    "multiplier": "1",
    "tradeID": "9001",
    "ibOrderID": "501",
    "ibExecID": "0000.01",
    "buySell": "BUY",
    "quantity": "40",
    "tradePrice": "150.1",
    "ibCommission": "-1.05",
    "ibCommissionCurrency": "USD",
    "dateTime": "20260302;143000",
    "tradeDate": "20260302",
    "levelOfDetail": "EXECUTION",
}


def statement(*elements: tuple[str, dict[str, str]]) -> str:
    """Return a statement with these elements, one a line."""
    lines = [f"<{name} {' '.join(f'{key}={value!r}' for key, value in fields.items())}/>" for name, fields in elements]
    body = "\n".join(lines)
    return (
        '<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">\n'
        f'<FlexStatement accountId="U1">\n{body}\n</FlexStatement></FlexStatements></FlexQueryResponse>'
    )


def imported(ledger: StrategyLedger, folder: Path, *elements: tuple[str, dict[str, str]]) -> ImportReport:
    """Import a statement, twice."""
    path = folder / "flex.xml"
    path.write_text(statement(*elements), "utf-8")
    return imported_file(ledger, "ib-flex", path)


def trade(**more: str) -> tuple[str, dict[str, str]]:
    """Return an execution."""
    return "Trade", {**TRADE, **more}


def test_executions_of_an_order_are_its_fills(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Commissions are negative where they were paid; sums of executions are passed over."""
    told = [trade(), trade(ibExecID="0001.01", quantity="60"), trade(levelOfDetail="ORDER", quantity="100")]
    report = imported(ledger, tmp_path, *told)
    assert brief(ledger, "501") == "FILLED 100 of 100"
    assert fills(ledger, "501") == ["0000.01: 40 @ 150.1 - 1.05 USD", "0001.01: 60 @ 150.1 - 1.05 USD"]
    assert report.passed_over == 1


def test_a_sale_and_a_canceled_trade(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A cancellation is a row of its own with the opposite quantity."""
    canceled = trade(buySell="BUY (Ca.)", quantity="-40", transactionType="TradeCancel", origTradeID="0000.01")
    sold = trade(buySell="SELL", quantity="-10", ibExecID="0002.01", ibOrderID="502")
    imported(ledger, tmp_path, trade(), sold, canceled)
    assert (fills(ledger, "501"), fills(ledger, "502")) == ([], ["0002.01: 10 @ 150.1 - 1.05 USD"])


@pytest.mark.parametrize("more", [{"origTradeID": "9001"}, {"origTransactionID": "31", "origTradeID": ""}])
def test_a_cancellation_names_the_trade_by_another_id(
    more: dict[str, str], ledger: StrategyLedger, tmp_path: Path
) -> None:
    """Executions are known by ibExecID; a cancellation has the number of the trade or of the transaction."""
    canceled = trade(buySell="BUY (Ca.)", quantity="-40", tradeID="9002", ibExecID="", **more)
    report = imported(ledger, tmp_path, trade(transactionID="31"), canceled)
    assert (fills(ledger, "501"), report.needs_attention) == ([], False)


def test_rows_without_ids_are_what_they_say(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Two alike are two fills; the same statement again is known."""
    unnamed = dict.fromkeys(("tradeID", "ibOrderID", "ibExecID"), "")
    imported(ledger, tmp_path, trade(**unnamed), trade(**unnamed))
    assert ledger.get_position("AAPL").quantity == 80


def test_a_bond_is_priced_in_per_cent(ledger: StrategyLedger, tmp_path: Path) -> None:
    """10,000 at 98.5 cost 9,850."""
    imported(ledger, tmp_path, trade(assetCategory="BOND", quantity="10000", tradePrice="98.5", tradeMoney="9850"))
    assert ledger.get_position("AAPL").cost == 9850


def test_dividends_splits_and_transfers_are_adjustments(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Withheld tax is a dividend below zero; what is not read is told with its kind."""
    paid = {"accountId": "U1", "symbol": "AAPL", "currency": "USD", "dateTime": "20260310", "transactionID": "D1"}
    cash = {**paid, "type": "Dividends", "amount": "9.6"}
    split = {**paid, "transactionID": "S1", "type": "FS", "description": "AAPL(US0) SPLIT 4 FOR 1 (AAPL)"}
    moved = {**paid, "transactionID": "T1", "type": "ACATS", "direction": "IN", "quantity": "5", "transferPrice": "40"}
    tax = {**cash, "transactionID": "D2", "type": "Withholding Tax", "amount": "-1.44"}
    interest = {**cash, "type": "Broker Interest Paid", "transactionID": "I1"}
    merged = {**split, "type": "TC", "transactionID": "M1"}
    told = [("CashTransaction", cash), ("CashTransaction", tax), ("CashTransaction", interest)]
    report = imported(
        ledger, tmp_path, trade(), *told, ("CorporateAction", split), ("CorporateAction", merged), ("Transfer", moved)
    )
    assert ledger.get_position("AAPL").quantity == 165
    amounts = [one.amount for one in ledger.find_adjustments(limit=None) if one.amount is not None]
    assert sorted(amounts) == [Decimal("-1.44"), Decimal("9.6")]
    assert reasons(report, "not understood") == [
        "corporate actions of the kind 'TC' are not read: book them as adjustments"
    ]
    assert report.passed_over == 1


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;&x;">]><FlexQueryResponse>&y;</FlexQueryResponse>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><FlexQueryResponse/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><FlexQueryResponse a="&x;"/>',
        "<FlexQueryResponse " + " ".join(f'a{number}="1"' for number in range(501)) + "/>",
        "<FlexQueryResponse><FlexStatement>",
        "<FlexQueryResponse a='&nothing;'/>",
        "no XML at all",
        "",
    ],
    ids=["entities", "external", "external entity", "attributes", "cut off", "unknown entity", "text", "nothing"],
)
def test_what_is_no_statement_is_refused_with_its_line(hostile: str, ledger: StrategyLedger, tmp_path: Path) -> None:
    """No entity is expanded and nothing is fetched; the error names the line."""
    path = tmp_path / "flex.xml"
    path.write_text(hostile, "utf-8")
    with pytest.raises(UnreadableSource, match="line 1: "):
        import_file(ledger, "ib-flex", path)


def test_what_came_before_a_broken_line_is_booked(ledger: StrategyLedger, tmp_path: Path) -> None:
    """The import of the whole file goes on from there."""
    path = tmp_path / "flex.xml"
    whole = statement(trade(), trade(ibExecID="0001.01", quantity="60"))
    path.write_text(whole[: whole.index("0001.01")], "utf-8")
    with pytest.raises(UnreadableSource, match="line 4: no XML"):
        import_file(ledger, "ib-flex", path)
    assert brief(ledger, "501") == "FILLED 40 of 40"
    path.write_text(whole, "utf-8")
    imported_file(ledger, "ib-flex", path)
    assert brief(ledger, "501") == "FILLED 100 of 100"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"quantity": ""}, "the trade has no quantity"),
        ({"tradePrice": ""}, "the trade has no price"),
        ({"quantity": "many"}, "quantity is no number: 'many'"),
    ],
)
def test_a_trade_that_lacks_something_is_told(
    more: dict[str, Any], reason: str, ledger: StrategyLedger, tmp_path: Path
) -> None:
    """With the line it stands on."""
    report = imported(ledger, tmp_path, trade(**more))
    assert reasons(report, "not understood") == [reason]
    assert report.reasons["not understood"][reason].places == ["line 3: Trade"]
