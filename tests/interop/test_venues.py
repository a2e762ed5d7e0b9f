"""The venues' own messages: one or two of each, and that none of the venues is without a test."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from interop.imports import brief, fills, imported, reasons
from interop.venue_messages import EXPECTED
from ledger_core import StrategyLedger
from ledger_interop.importing.venues import BY_KIND


@pytest.mark.parametrize(
    ("kind", "messages", "order_id", "state", "executions"), EXPECTED, ids=[one[0] for one in EXPECTED]
)
def test_a_venues_messages_are_understood(
    kind: str, messages: list[dict[str, Any]], order_id: str, state: str, executions: list[str], ledger: StrategyLedger
) -> None:
    """Orders and executions as the venue's interface sends them come to one order, of that venue."""
    report = imported(ledger, kind, messages)
    assert not report.needs_attention, list(report.lines())
    assert (brief(ledger, order_id), fills(ledger, order_id)) == (state, executions)
    assert ledger.get_order(order_id).details.venue is not None


def test_every_venue_has_its_messages() -> None:
    """A venue without a message of its own would pass for a tested one."""
    assert {one[0] for one in EXPECTED} | {"binance"} == set(BY_KIND)


def test_what_is_backed_is_sold_and_what_is_laid_is_bought(ledger: StrategyLedger) -> None:
    """Backed at 3.5 and laid at 3.4: what is left is the gain, as of any other instrument."""
    terms = {
        "marketId": "1.23",
        "selectionId": 7,
        "handicap": 0.0,
        "orderType": "LIMIT",
        "placedDate": "2026-03-02T14:30Z",
    }
    done = {"sizeMatched": 10.0, "status": "EXECUTION_COMPLETE", "matchedDate": "2026-03-02T14:31:00Z"}
    odds = {"BACK": 3.5, "LAY": 3.4}
    bets = [
        {
            **terms,
            **done,
            "betId": side,
            "side": side,
            "averagePriceMatched": price,
            "priceSize": {"price": price, "size": 10},
        }
        for side, price in odds.items()
    ]
    imported(ledger, "betfair", bets)
    assert ledger.get_position("1.23-7").realized_pnl == 1


@pytest.mark.parametrize("kind", ["deribit", "derive"])
def test_a_label_leads_to_the_order_whose_id_it_is_and_to_no_other(kind: str, ledger: StrategyLedger) -> None:
    """A label may stand on every order of a strategy, so two with one label are two."""
    (messages,) = (one[1] for one in EXPECTED if one[0] == kind)
    again = json.loads(json.dumps(messages).replace("ETH-1", "ETH-2").replace("uuid-1", "uuid-2").replace("T1", "T2"))
    imported(ledger, kind, [*messages, *again])
    assert len(list(ledger.find_orders())) == 2


def test_times_without_a_zone_are_those_of_the_venue(ledger: StrategyLedger) -> None:
    """Kite writes Indian time; a user may say otherwise."""
    trade = {"trade_id": "T1", "order_id": "151", "tradingsymbol": "SBIN", "transaction_type": "BUY", "quantity": 4}
    imported(ledger, "zerodha", [{**trade, "average_price": 420.5, "fill_timestamp": "2026-03-02 20:00:00"}])
    assert ledger.get_fill("151", "T1").executed_at == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def test_a_trade_that_was_not_settled_is_void(ledger: StrategyLedger) -> None:
    """Polymarket: a trade that failed on the chain is taken back."""
    trade = {"id": "T1", "taker_order_id": "0xdef", "asset_id": "77", "side": "BUY", "size": "40", "price": "0.6"}
    state = {"match_time": "1772461800", "trader_side": "TAKER", "owner": "me", "maker_orders": []}
    told = [{**trade, **state, "status": status} for status in ("MATCHED", "MINED", "FAILED")]
    imported(ledger, "polymarket", told)
    assert fills(ledger, "0xdef") == []


def test_a_contract_size_that_was_told_makes_money_of_contracts(ledger: StrategyLedger) -> None:
    """OKX counts contracts: what one is worth is not in its messages."""
    own = {"instId": "BTC-USDT-SWAP", "ordId": "5", "clOrdId": "", "ordType": "market", "sz": "3", "posSide": "net"}
    prices = {"buy": "50000", "sell": "50100"}
    done = [
        {**own, "ordId": side, "side": side, "tradeId": side, "fillSz": "3", "fillPx": price, "ts": "1772461800000"}
        for side, price in prices.items()
    ]
    imported(ledger, "okx", done, terms={"BTC-USDT-SWAP": {"multiplier": Decimal("0.01")}})
    assert ledger.get_position("BTC-USDT-SWAP").realized_pnl == 3


def test_a_fee_without_its_currency_is_told_and_the_fill_booked(ledger: StrategyLedger) -> None:
    """Bithumb's fills do not say in what their fee is."""
    order = {"order_id": "C1", "order_currency": "BTC", "payment_currency": "KRW", "type": "bid", "price": "50000000"}
    contract = {"cont_id": "8", "units": "0.1", "price": "50000000", "fee": "0.0001"}
    placed = {**order, "units": "0.3", "units_remaining": "0.3", "order_date": "1772461800000000"}
    report = imported(ledger, "bithumb", [placed, {"status": "0000", "order_id": "C1", "data": [contract]}])
    assert reasons(report, "not understood") == ["it does not say in which currency the fee is"]
    assert fills(ledger, "C1") == ["8: 0.1 @ 50000000"]
