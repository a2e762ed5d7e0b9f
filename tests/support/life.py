"""A short life of a strategy in which every kind of record comes into being, and most change afterwards."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from ledger_core import FactMismatch, OverfillError, StrategyLedger, UnknownOrder
from ledger_core.archivable import Group
from ledger_core.changes import Head
from support.clock import START
from support.details import fill, limit_order, market_order


def live(ledger: StrategyLedger) -> None:
    """Give the commands; the ledger is empty before."""
    full: dict[str, Any] = {
        "venue": "XNAS", "account": "main", "currency": "USD", "multiplier": "1", "time_in_force": "GTC",
        "trade_plan_id": "plan", "execution_group_id": "group", "metadata": {"signal": ["a", 1.5, None, True]},
        "arrival_price": "99.50", "origin": "test", "order_list_id": "list", "stop_price": "99.10",
    }  # fmt: skip
    ledger.record_order("O1", limit_order(**full, limit_price="100.00"), command_id="C1", occurred_at=_at(1))
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"}, occurred_at=_at(2))
    fee = {"fees": [{"currency": "USD", "amount": "0.35"}], "liquidity": "MAKER", "trade_date": "2026-01-05"}
    ledger.update_order_fill("O1", fill("F1", 4, "99.90", venue_order_id="V1b", **fee), occurred_at=_at(3))
    ledger.update_order_fill("O1", fill("F2", 6, "100.00"), occurred_at=_at(4))
    ledger.update_fill_fee("O1", "F2", [{"currency": "BNB", "amount": "-0.0001"}], occurred_at=_at(5))
    ledger.create_trade("T1", ["O1"], {"stop_price": "95.50", "tags": ["x"], "metadata": {"a": 1}}, occurred_at=_at(6))
    ledger.record_order("O2", limit_order("SELL", parent_order_id="O1", **full), occurred_at=_at(7))
    ledger.update_order_acceptance("O2", {"venue_order_id": "V2"}, occurred_at=_at(8))
    ledger.request_order_replace("O2", {"limit_price": "101.50"}, occurred_at=_at(9))
    ledger.update_order_replacement("O2", occurred_at=_at(10))
    ledger.request_order_cancel("O2", occurred_at=_at(11))
    ledger.update_order_fill("O2", fill("F1", 10, "101.50"), occurred_at=_at(12))
    ledger.correct_order_fill("O2", "F1", {"fill_id": "F1c", "quantity": 10, "price": "101.25"}, occurred_at=_at(13))
    ledger.close_trade("T1", {"order_ids": ["O2"]}, occurred_at=_at(14))
    ledger.record_order("O3", market_order("SELL", 5, time_in_force="IOC"), occurred_at=_at(15))
    ledger.update_order_fill("O3", fill("F1", 5, 98), occurred_at=_at(16))
    ledger.bust_order_fill("O3", "F1", "erroneous", occurred_at=_at(17))
    ledger.report_order_status("O3", {"status": "CANCELED", "cum_quantity": 0}, occurred_at=_at(18))
    ledger.record_order("O4", market_order("BUY", 3, symbol="SPLT"), occurred_at=_at(19))
    ledger.update_order_fill("O4", fill("F1", 1, 50), occurred_at=_at(20))
    funding = {"kind": "FUNDING", "symbol": "ACME", "venue": "XNAS", "account": "main", "amount": "1.5"}
    ledger.record_adjustment("A1", {**funding, "currency": "USD", "metadata": {"a": 1}}, occurred_at=_at(21))
    ledger.record_adjustment("A2", {"kind": "SPLIT", "symbol": "SPLT", "ratio": 2}, occurred_at=_at(22))
    ledger.update_order_fill("O4", fill("F2", 4, 25), occurred_at=_at(23))
    for order_id, quantity in (("O9", 1), ("O4", 500)):
        with suppress(UnknownOrder, OverfillError, FactMismatch):
            ledger.update_order_fill(order_id, fill("F9", quantity, venue_order_id="V9"), occurred_at=_at(24))
    ledger.update_order_in_doubt("O4", "no answer", occurred_at=_at(25))
    ledger.record_order("O5", limit_order(expire_at=_at(600), time_in_force="GTD"), occurred_at=_at(26))
    ledger.update_order_rejection("O5", "no such account", occurred_at=_at(27))
    _archive(ledger)


def _archive(ledger: StrategyLedger) -> None:
    """Let two rounds of one symbol go to two archives, and take the second back."""
    groups: list[Group] = []
    for number, minute in ((1, 30), (2, 40)):
        for side, later in (("BUY", 0), ("SELL", 1)):
            order_id = f"GONE{number}{side}"
            ledger.record_order(
                order_id, market_order(side, 2, symbol="GONE"), command_id="C", occurred_at=_at(minute + later)
            )
            ledger.update_order_fill(order_id, fill("F", 2, 10 + later), occurred_at=_at(minute + later + 0.5))
        groups = [
            group
            for group in ledger.archivist.archivable(_at(minute + 9))
            if any(record.key[0].startswith(f"GONE{number}") for record in group)
        ]
        list(ledger.archivist.let_go(f"A{number}", groups))
    ledger.archivist.take_back("A2", groups)
    middle = list(ledger.read_journal())[20]
    ledger.archivist.set_checkpoint("A1", Head(middle.sequence, middle.digest))


def _at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)
