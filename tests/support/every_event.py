"""A ledger with an event of every type, and with every command that leaves an entry: what shows entries shows these."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date

from ledger_core import CommandRefused, StrategyLedger
from support.details import fill, limit_order, market_order
from support.life import live


def live_fully(ledger: StrategyLedger) -> None:
    """Give the commands; the ledger is empty before."""
    live(ledger)
    _requests_and_days(ledger)
    _endings(ledger)
    _revisions(ledger)
    _trades(ledger)
    _facts_by_hand(ledger)
    ledger.skip_entry("monitor", 1, "its broker is gone")
    ledger.note_upkeep("rebuild", "a damaged page")


def _requests_and_days(ledger: StrategyLedger) -> None:
    ledger.record_order("days", limit_order(time_in_force="GTC", currency="USD"))
    ledger.update_order_acceptance("days", {"venue_order_id": "D1"})
    ledger.update_order_acceptance("days", {"venue_order_id": "D2"})
    ledger.update_order_trigger("days")
    ledger.update_order_guarantee("days")
    ledger.update_order_suspension("days", "halt")
    ledger.update_order_resumption("days")
    ledger.update_order_restatement("days", {"limit_price": "99.5", "quantity": 9}, "price band")
    ledger.update_order_done_for_day("days")
    ledger.update_order_restatement("days", None, "renewed", date(2026, 1, 6))
    ledger.request_order_replace("days", {"limit_price": "98", "quantity": 8}, "asked")
    ledger.update_order_request_rejection("days", "too late", "asked")
    ledger.report_order_status("days", {"status": "ACCEPTED", "cum_quantity": 2, "average_price": "99"})


def _endings(ledger: StrategyLedger) -> None:
    ledger.record_order("canceled", limit_order())
    ledger.update_order_cancellation("canceled", "by the venue")
    ledger.record_order("expired", limit_order())
    ledger.update_order_expiry("expired")
    ledger.record_order("doubted", limit_order())
    ledger.update_order_in_doubt("doubted", "timeout")
    ledger.record_order("paid", {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "cash_quantity": 50,
                                 "cash_currency": "USD"})  # fmt: skip


def _revisions(ledger: StrategyLedger) -> None:
    """Correct the price alone, the quantity alone; take fees back; let a real fill replace an inferred one."""
    ledger.record_order("revised", market_order(currency="USD"))
    ledger.update_order_fill("revised", fill("R1", 4, 10, fee="1", fee_currency="USD"))
    ledger.correct_order_fill("revised", "R1", {"fill_id": "R1b", "quantity": 4, "price": 11})
    ledger.correct_order_fill("revised", "R1b", {"fill_id": "R1c", "quantity": 3, "price": 11})
    ledger.update_fill_fee("revised", "R1", [])
    ledger.update_order_cancellation("revised")
    ledger.update_order_fill("revised", fill("R3", 1, 10))
    ledger.bust_order_fill("revised", "R1", "erroneous")
    ledger.record_order("inferred", market_order())
    ledger.update_order_fill("inferred", fill("guess", 10, 10, inferred=True))
    ledger.update_order_fill("inferred", fill("real", 10, 10))


def _trades(ledger: StrategyLedger) -> None:
    for side, price in (("BUY", 10), ("SELL", 12)):
        ledger.record_order(f"trade-{side}", market_order(side, 5, currency="USD"))
        ledger.update_order_fill(f"trade-{side}", fill("T", 5, price))
    ledger.create_trade("trade", ["trade-BUY"], {"stop_price": 9})
    ledger.update_trade("trade", {"target_price": 15, "stop_price": 8})
    ledger.close_trade("trade", {"order_ids": ["trade-SELL"], "reason": "target"})
    ledger.correct_order_fill("trade-SELL", "T", {"fill_id": "Tb", "quantity": 5, "price": 11})
    for adjustment in (
        {"kind": "TRANSFER", "symbol": "ACME", "quantity": 3, "price": 5},
        {"kind": "INTEREST", "symbol": "ACME", "amount": 1, "currency": "USD"},
    ):
        ledger.record_adjustment(f"adjusted-{adjustment['kind']}", adjustment)


def _facts_by_hand(ledger: StrategyLedger) -> None:
    """File facts of an order that nobody knows: executions, their busts, corrections and fees; resolve one."""
    tried: tuple[Callable[[], object], ...] = (
        lambda: ledger.update_order_fill("nobody", fill("N1", 1, 10)),
        lambda: ledger.bust_order_fill("nobody", "N2"),
        lambda: ledger.correct_order_fill("nobody", "N3", {"fill_id": "N3b", "quantity": 1, "price": 2}),
        lambda: ledger.update_fill_fee("nobody", "N4", [{"amount": 1, "currency": "USD"}]),
        lambda: ledger.update_order_cancellation("nobody", "gone"),
        lambda: ledger.update_fill_fee("days", "not-yet", [{"amount": 1, "currency": "USD"}]),
    )
    for told in tried:
        with suppress(CommandRefused):
            told()
    waiting = [fact for fact in ledger.quarantined() if fact.order_id == "nobody"]
    ledger.resolve_quarantined(waiting[0].quarantine_id, {"dismiss": True, "reason": "not ours"})
