"""What a refusal tells a program: its type, and everything that stands behind its words, case by case."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import (
    AllocationConflict,
    CommandRefused,
    FactMismatch,
    IdempotencyConflict,
    IllegalTransition,
    InstrumentTermsConflict,
    InvalidValue,
    OverfillError,
    StrategyLedger,
    TradeNotFlat,
    UnknownFill,
    UnknownOrder,
    UnknownTrade,
    details,
)
from ledger_core.commands import Correction
from ledger_core.errors import Archived
from ledger_core.lifecycle import ORDER_MACHINE, OrderEvent, OrderState
from ledger_core.model import Record, RecordKind, archived_key
from ledger_storage_memory import MemoryRepository
from support import SteppingClock, fill, limit_order, market_order
from support.trading import at

Told = Callable[[StrategyLedger], object]
Known = Callable[[StrategyLedger], Mapping[str, Any]]


@attrs.frozen
class Refusal:
    """What was told before, what is refused then, and what the error says; `known` looks up what the ledger has."""

    told: Told
    error: type[CommandRefused]
    said: Mapping[str, Any]
    before: tuple[Told, ...] = ()
    known: Known = lambda _: {}


def placed(ledger: StrategyLedger) -> None:
    """Place an order of 10 at 100."""
    ledger.record_order("O1", limit_order())


def filled(ledger: StrategyLedger) -> None:
    """Fill 4 of it at 100, and 6 at 110."""
    placed(ledger)
    ledger.update_order_fill("O1", fill("F1", 4, fee="1", fee_currency="USD"))
    ledger.update_order_fill("O1", fill("F2", 6, 110))


def asked(ledger: StrategyLedger) -> None:
    """Ask to cancel it, and to make it 12."""
    placed(ledger)
    ledger.request_order_cancel("O1", "C1")
    ledger.request_order_replace("O1", {"quantity": 12}, "R1")


def answered(ledger: StrategyLedger) -> None:
    """Grant the replace."""
    asked(ledger)
    ledger.update_order_replacement("O1", "R1")


def overfilled(ledger: StrategyLedger) -> None:
    """Have a fill in quarantine, one too many, that was corrected there."""
    filled(ledger)
    with suppress(OverfillError):
        ledger.update_order_fill("O1", fill("F3", 5))
    ledger.correct_order_fill("O1", "F3", {"fill_id": "C3", "quantity": 3, "price": 99})


def traded(ledger: StrategyLedger) -> None:
    """Make a trade of the whole order, and one of a share of another."""
    filled(ledger)
    ledger.create_trade("T1", ["O1"])
    ledger.record_order("O2", limit_order())
    ledger.update_order_fill("O2", fill("F1", 10))
    ledger.create_trade("T2", {"O2": 4})


def closed(ledger: StrategyLedger) -> None:
    """Sell what T1 bought, all but 1, which is written off."""
    traded(ledger)
    ledger.record_order("X1", market_order("SELL", 9))
    ledger.update_order_fill("X1", fill("F1", 9))
    ledger.close_trade(
        "T1", {"order_ids": ["X1"], "residual": {"ACME": 1}, "residual_reason": "WRITTEN_OFF", "reason": "done"}
    )


def adjusted(ledger: StrategyLedger) -> None:
    """Pay funding."""
    ledger.record_adjustment("A1", funding())


def gone(ledger: StrategyLedger) -> None:
    """Let an order, its opposite and their trade go to an archive."""
    for order_id, side, second in (("O1", "BUY", 1), ("X1", "SELL", 2)):
        ledger.record_order(order_id, market_order(side), command_id="K")
        ledger.update_order_fill(order_id, fill("F1", 10), occurred_at=at(second))
    ledger.create_trade("T1", ["O1", "X1"])
    ledger.close_trade("T1")
    groups = list(ledger.archivist.archivable(at(10**6)))
    assert [reason for _, reason in ledger.archivist.let_go("A1", groups)] == [None] * len(groups)


def funding(**more: Any) -> dict[str, Any]:
    """Return the data of a funding payment."""
    return {"kind": "FUNDING", "symbol": "ACME", "amount": 1, "currency": "USD", **more}


def order_details(ledger: StrategyLedger) -> Mapping[str, Any]:
    """Return what is recorded of the order as it was placed."""
    return {"recorded": ledger.get_order("O1").details}


def first_fill(ledger: StrategyLedger) -> Mapping[str, Any]:
    """Return what is recorded of its first fill."""
    return {"recorded": ledger.get_fill("O1", "F1")}


def request(number: int) -> Known:
    """Return what looks up a request of the order."""
    return lambda ledger: {"recorded": ledger.get_order("O1").requests[number]}


def stays(kind: RecordKind, *key: str) -> Known:
    """Return what looks up what stayed of a record that is in an archive."""
    return lambda ledger: {"recorded": _stored(ledger, RecordKind.ARCHIVED, archived_key(kind, key))}


def _stored(ledger: StrategyLedger, kind: RecordKind, key: tuple[str, ...]) -> Record | None:
    return ledger._repository.load(kind, key)


def in_archive(kind: str, *key: str, is_repeat: bool = False) -> Mapping[str, Any]:
    """Return what is said of a record that is in the archive."""
    return {"archive_id": "A1", "is_repeat": is_repeat, "kind": kind, "key": key}


def given_fill(*arguments: Any, **more: Any) -> Mapping[str, Any]:
    """Return what is said of a fill that was given."""
    return {"given": details.fill_details(fill(*arguments, **more))[0]}


def correction(fill_id: str, quantity: int, price: int) -> Correction:
    """Return a correction."""
    return Correction(fill_id=fill_id, quantity=Decimal(quantity), price=Decimal(price))


def legal_in(state: OrderState) -> tuple[OrderEvent, ...]:
    """Return what may happen to an order in a state."""
    return ORDER_MACHINE.allowed(state)


CASES = {
    # -- ids that are not known ---------------------------------------------------------------------------------------
    "unknown order": Refusal(lambda ledger: ledger.request_order_cancel("O9"), UnknownOrder, {"order_id": "O9"}),
    "unknown trade": Refusal(lambda ledger: ledger.close_trade("T9"), UnknownTrade, {"trade_id": "T9"}),
    "bust of an unknown fill": Refusal(
        lambda ledger: ledger.bust_order_fill("O1", "F9"),
        UnknownFill, {"order_id": "O1", "fill_id": "F9"}, (filled,),
    ),
    "correction of an unknown fill": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F9", {"fill_id": "C9", "quantity": 1, "price": 1}),
        UnknownFill, {"order_id": "O1", "fill_id": "F9"}, (filled,),
    ),
    "fee of an unknown fill": Refusal(
        lambda ledger: ledger.update_fill_fee("O1", "F9", []),
        UnknownFill, {"order_id": "O1", "fill_id": "F9"}, (filled,),
    ),
    "fill by a venue's id that no order has": Refusal(
        lambda ledger: ledger.update_order_fill(None, fill("F1", 1, venue_order_id="V9")),
        UnknownOrder, {"venue_order_id": "V9", "order_ids": ()}, (placed,),
    ),
    "fill by a venue's id that two orders have": Refusal(
        lambda ledger: ledger.update_order_fill(None, fill("F1", 1, venue_order_id="V1")),
        UnknownOrder, {"venue_order_id": "V1", "order_ids": ("O1", "O2")},
        (lambda ledger: [ledger.record_order(name, limit_order(venue_order_id="V1")) for name in ("O1", "O2")],),
    ),
    "fill that names no order at all": Refusal(
        lambda ledger: ledger.update_order_fill(None, fill("F1", 1)),
        InvalidValue, {"argument": "order_id", "value": None},
    ),
    "resolution of what is not in quarantine": Refusal(
        lambda ledger: ledger.resolve_quarantined("Q9", {"dismiss": True, "reason": "x"}),
        InvalidValue, {"argument": "quarantine_id", "value": "Q9"},
    ),
    # -- ids that are known with other content ------------------------------------------------------------------------
    "order with other details": Refusal(
        lambda ledger: ledger.record_order("O1", limit_order(quantity=11)),
        IdempotencyConflict, {"order_id": "O1", "given": details.order_details(limit_order(quantity=11))[0]},
        (placed,), order_details,
    ),
    "order with the id of a trade": Refusal(
        lambda ledger: ledger.record_order("T1", limit_order()),
        IdempotencyConflict, {"given": "T1"}, (traded,), lambda ledger: {"recorded": ledger.get_trade("T1")},
    ),
    "trade with the id of an order": Refusal(
        lambda ledger: ledger.create_trade("O1", ["O1"]),
        IdempotencyConflict, {"given": "O1"}, (filled,), lambda ledger: {"recorded": ledger.get_order("O1")},
    ),
    "trade with other orders": Refusal(
        lambda ledger: ledger.create_trade("T1", ["O2"]),
        IdempotencyConflict, {"recorded": ("O1",), "given": ("O2",)}, (traded,),
    ),
    "trade with other shares": Refusal(
        lambda ledger: ledger.create_trade("T2", {"O2": 5}),
        IdempotencyConflict, {"recorded": {"O2": 4}, "given": {"O2": 5}}, (traded,),
    ),
    "trade that was closed otherwise": Refusal(
        lambda ledger: ledger.close_trade("T1", {"order_ids": ["O2"]}),
        IdempotencyConflict,
        {"recorded": {"order_ids": ("X1",), "residual": {"ACME": 1}}, "given": {"order_ids": ("O2",), "residual": {}}},
        (closed,),
    ),
    "trade that was closed with another residual": Refusal(
        lambda ledger: ledger.close_trade("T1", {"residual": {"ACME": 2}, "residual_reason": "DUST"}),
        IdempotencyConflict,
        {"recorded": {"order_ids": ("X1",), "residual": {"ACME": 1}}, "given": {"order_ids": (), "residual": {"ACME": 2}}},
        (closed,),
    ),
    "request with other changes": Refusal(
        lambda ledger: ledger.request_order_replace("O1", {"quantity": 13}, "R1"),
        IdempotencyConflict, {"given": {"kind": "REPLACE", "changes": details.order_changes({"quantity": 13})}},
        (asked,), request(1),
    ),
    "request of the other kind": Refusal(
        lambda ledger: ledger.request_order_cancel("O1", "R1"),
        IdempotencyConflict, {"given": {"kind": "CANCEL", "changes": None}}, (asked,), request(1),
    ),
    "replacement with other values": Refusal(
        lambda ledger: ledger.update_order_replacement("O1", "R1", {"quantity": 13}),
        IdempotencyConflict, {"given": {"state": "ACCEPTED", "changes": details.order_changes({"quantity": 13})}},
        (answered,), request(1),
    ),
    "rejection of what was granted": Refusal(
        lambda ledger: ledger.update_order_request_rejection("O1", "no", "R1"),
        IdempotencyConflict, {"given": {"state": "REJECTED"}}, (answered,), request(1),
    ),
    "correction with the id of another fill": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "F2", "quantity": 3, "price": 100}),
        IdempotencyConflict, {"given": correction("F2", 3, 100)}, (filled,), first_fill,
    ),
    "correction with other figures": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 2, "price": 100}),
        IdempotencyConflict, {"given": correction("C1", 2, 100)},
        (filled, lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 100})),
        lambda ledger: {"recorded": ledger.get_fill("O1", "F1").chain[1]},
    ),
    "correction of a fill in quarantine with other figures": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F3", {"fill_id": "C3", "quantity": 2, "price": 99}),
        IdempotencyConflict,
        {"recorded": correction("C3", 3, 99), "given": correction("C3", 2, 99)},
        (overfilled,),
    ),
    "adjustment with other content": Refusal(
        lambda ledger: ledger.record_adjustment("A1", funding(kind="DIVIDEND", amount=2, venue="XNAS")),
        IdempotencyConflict,
        {
            "fields": ("venue", "amount", "kind"),
            "given": details.adjustment(funding(kind="DIVIDEND", amount=2, venue="XNAS"))[0],
        },
        (adjusted,),
        lambda ledger: {"recorded": _stored(ledger, RecordKind.ADJUSTMENT, ("A1",))},
    ),
    **{
        f"fill with other {', '.join(fields)}": Refusal(
            lambda ledger, again=again: ledger.update_order_fill("O1", fill("F1", **again)),  # type: ignore[misc]
            IdempotencyConflict, {"fields": fields, **given_fill("F1", **again)}, (filled,), first_fill,
        )
        for fields, again in (
            (("quantity",), {"quantity": 5}),
            (("price",), {"quantity": 4, "price": 101}),
            (("side",), {"quantity": 4, "side": "SELL"}),
            (("symbol",), {"quantity": 4, "symbol": "OTHER"}),
            (("fees",), {"quantity": 4, "fee": 2, "fee_currency": "USD"}),
            (("quantity", "price", "symbol"), {"quantity": 5, "price": 101, "symbol": "OTHER"}),
        )
    },
    # -- what contradicts what is known -------------------------------------------------------------------------------
    "fill of another symbol": Refusal(
        lambda ledger: ledger.update_order_fill("O1", fill("F1", 1, symbol="OTHER")),
        FactMismatch, {"field": "symbol", "recorded": "ACME", "given": "OTHER"}, (placed,),
    ),
    "fill by a venue's id, of another symbol": Refusal(
        lambda ledger: ledger.update_order_fill(None, fill("F1", 1, symbol="OTHER", venue_order_id="V1")),
        FactMismatch, {"field": "symbol", "recorded": "ACME", "given": "OTHER"},
        (lambda ledger: ledger.record_order("O1", limit_order(venue_order_id="V1")),),
    ),
    "fill of the other side": Refusal(
        lambda ledger: ledger.update_order_fill("O1", fill("F1", 1, side="SELL")),
        FactMismatch, {"field": "side", "recorded": "BUY", "given": "SELL"}, (placed,),
    ),
    "replacement of a cancel": Refusal(
        lambda ledger: ledger.update_order_replacement("O1", "C1"),
        FactMismatch, {"field": "request_id", "recorded": "CANCEL", "given": "REPLACE"}, (asked,),
    ),
    "rejection of what nobody asked": Refusal(
        lambda ledger: ledger.update_order_request_rejection("O1", "no", "R9"),
        FactMismatch, {"field": "request_id", "recorded": ("C1", "R1"), "given": "R9"}, (asked,),
    ),
    "rejection of what nobody asked, after another": Refusal(
        lambda ledger: ledger.update_order_request_rejection("O1", "no", "R9"),
        FactMismatch, {"field": "request_id", "recorded": ("C1",), "given": "R9"},
        (
            placed,
            lambda ledger: ledger.request_order_cancel("O1", "C1"),
            lambda ledger: ledger.update_order_request_rejection("O1", "no", "C1"),
        ),
    ),
    "rejection with no request in flight": Refusal(
        lambda ledger: ledger.update_order_request_rejection("O1", "no"),
        FactMismatch, {"field": "request_id", "recorded": (), "given": None}, (placed,),
    ),
    "correction of a busted fill": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 100}),
        FactMismatch, {"field": "fill_id", "given": "F1"},
        (filled, lambda ledger: ledger.bust_order_fill("O1", "F1")), first_fill,
    ),
    "correction of what was corrected since": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C2", "quantity": 2, "price": 100}),
        FactMismatch, {"field": "fill_id", "given": "F1"},
        (filled, lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 100})),
        first_fill,
    ),
    **{
        f"order with another {name}": Refusal(
            lambda ledger, name=name, value=value: ledger.record_order("O2", limit_order(**{"currency": "USD", name: value})),  # type: ignore[misc]
            InstrumentTermsConflict, {"field": name, "recorded": recorded, "given": value},
            (
                lambda ledger: ledger.record_order(
                    "O1", limit_order(multiplier=50, inverse=True, currency="USD", base_currency="BTC")
                ),
            ),
        )
        for name, recorded, value in (
            ("multiplier", 50, 1), ("inverse", True, False), ("currency", "USD", "EUR"), ("base_currency", "BTC", "ETH"),
        )
    },
    # -- quantities and prices ----------------------------------------------------------------------------------------
    "fill beyond the order": Refusal(
        lambda ledger: ledger.update_order_fill("O1", fill("F3", 2)),
        OverfillError,
        {"order_id": "O1", "fill_id": "F3", "limit": 10, "cum_quantity": 9, "quantity": 2},
        (placed, lambda ledger: ledger.update_order_fill("O1", fill("F1", 9))),
    ),
    "correction beyond the order": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 5, "price": 100}),
        OverfillError,
        {"order_id": "O1", "fill_id": "F1", "limit": 10, "cum_quantity": 10, "quantity": 1}, (filled,),
    ),
    "fill of an inverse contract at zero": Refusal(
        lambda ledger: ledger.update_order_fill("O1", fill("F1", 1, 0)),
        InvalidValue, {"argument": "fill_data.price", "value": 0},
        (lambda ledger: ledger.record_order("O1", market_order(inverse=True)),),
    ),
    "correction of an inverse contract to zero": Refusal(
        lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 1, "price": 0}),
        InvalidValue, {"argument": "correction.price", "value": 0},
        (
            lambda ledger: ledger.record_order("O1", market_order(inverse=True, venue="XNAS")),
            lambda ledger: ledger.update_order_fill("O1", fill("F1", 1)),
        ),
    ),
    "transfer of an inverse contract at zero": Refusal(
        lambda ledger: ledger.record_adjustment(
            "A1", {"kind": "TRANSFER", "symbol": "ACME", "venue": "XNAS", "quantity": 1, "price": 0}
        ),
        InvalidValue, {"argument": "adjustment.price", "value": 0},
        (lambda ledger: ledger.record_order("O1", market_order(inverse=True, venue="XNAS")),),
    ),
    "no fee of a fill that paid in its own quantity": Refusal(
        lambda ledger: ledger.update_fill_fee("O1", "F1", []),
        InvalidValue, {"argument": "fees", "value": ()},
        (
            placed,
            lambda ledger: ledger.update_order_fill(
                "O1", fill("F1", 4, fee="0.1", fee_currency="ACM", fee_in_base=True)
            ),
        ),
    ),
    # -- trades -------------------------------------------------------------------------------------------------------
    "trade without a fill": Refusal(
        lambda ledger: ledger.create_trade("T1", ["O1"]),
        InvalidValue, {"argument": "order_ids", "value": ("O1",)}, (placed,),
    ),
    "order of another trade": Refusal(
        lambda ledger: ledger.create_trade("T3", ["O1"]),
        AllocationConflict, {"order_id": "O1", "trade_ids": ("T1",), "given": "T3"}, (traded,),
    ),
    "order of another trade, added": Refusal(
        lambda ledger: ledger.update_trade("T2", {"order_ids": ["O1"]}),
        AllocationConflict, {"order_id": "O1", "trade_ids": ("T1",), "given": "T2"}, (traded,),
    ),
    "share of an order that another trade has whole": Refusal(
        lambda ledger: ledger.create_trade("T3", {"O1": 2}),
        AllocationConflict, {"order_id": "O1", "trade_ids": ("T1",), "given": 2}, (traded,),
    ),
    "share beyond what is filled": Refusal(
        lambda ledger: ledger.create_trade("T3", {"O2": 7}),
        AllocationConflict, {"order_id": "O2", "trade_ids": ("T2",), "given": 7}, (traded,),
    ),
    "other share of an order": Refusal(
        lambda ledger: ledger.update_trade("T2", {"order_ids": {"O2": 5}}),
        AllocationConflict, {"order_id": "O2", "trade_ids": ("T2",), "recorded": 4, "given": 5}, (traded,),
    ),
    "trade that still holds something": Refusal(
        lambda ledger: ledger.close_trade("T1"),
        TradeNotFlat, {"trade_id": "T1", "open_quantities": {"ACME": 10}, "open_order_ids": ()}, (traded,),
    ),
    "residual that is not what is held": Refusal(
        lambda ledger: ledger.close_trade("T1", {"residual": {"ACME": 9}, "residual_reason": "DUST"}),
        TradeNotFlat, {"trade_id": "T1", "open_quantities": {"ACME": 10}, "residual": {"ACME": 9}}, (traded,),
    ),
    "update of a closed trade": Refusal(
        lambda ledger: ledger.update_trade("T1", {"stop_price": 1}),
        IllegalTransition, {"state": "CLOSED", "event": "UPDATE", "allowed": ("RESTATEMENT",)}, (closed,),
    ),
    # -- what the lifecycle does not allow ----------------------------------------------------------------------------
    "fact that no row of the table has": Refusal(
        lambda ledger: ledger.update_order_resumption("O1"),
        IllegalTransition,
        {"state": "PLACED", "event": "RESUMPTION_UNFILLED", "allowed": legal_in(OrderState.PLACED)}, (placed,),
    ),
    "end of a day order whose day is over": Refusal(
        lambda ledger: ledger.update_order_cancellation("O1"),
        IllegalTransition,
        {
            "state": "DONE_FOR_DAY", "event": "CANCELLATION",
            "allowed": tuple(event for event in legal_in(OrderState.DONE_FOR_DAY) if event not in (
                "REJECTION", "CANCELLATION", "EXPIRY", "SUSPENSION", "NEXT_DAY_PARTIAL_FILL", "NEXT_DAY_COMPLETING_FILL"
            )),
        },
        (placed, lambda ledger: ledger.update_order_done_for_day("O1")),
    ),
    # -- what is in an archive ----------------------------------------------------------------------------------------
    **{
        name: Refusal(told, Archived, said, (gone,))
        for name, told, said in (
            ("order that is in an archive",
             lambda ledger: ledger.request_order_cancel("O1"), in_archive("ORDER", "O1")),
            ("trade that is in an archive", lambda ledger: ledger.close_trade("T1"), in_archive("TRADE", "T1")),
            ("trade with the id of one that is in an archive",
             lambda ledger: ledger.create_trade("T1", ["O1"]), in_archive("TRADE", "T1")),
            ("order with the id of a trade that is in an archive",
             lambda ledger: ledger.record_order("T1", market_order()), in_archive("TRADE", "T1")),
            ("order that is in an archive, told again",
             lambda ledger: ledger.record_order("O1", market_order(metadata={"again": True})),
             in_archive("ORDER", "O1", is_repeat=True)),
            ("command whose order is in an archive, given again",
             lambda ledger: ledger.record_order("O1", market_order(), command_id="K"),
             in_archive("COMMAND", "record_order", "O1", "K", is_repeat=True)),
            ("fill that is in an archive, told again",
             lambda ledger: ledger.update_order_fill("O1", fill("F1", 10)),
             in_archive("FILL", "O1", "F1", is_repeat=True)),
            ("fill that is in an archive, told otherwise",
             lambda ledger: ledger.update_order_fill("O1", fill("F1", 9)), in_archive("ORDER", "O1")),
        )
    },
    "execution older than what is in archives": Refusal(
        lambda ledger: ledger.update_order_fill("O2", fill("F1", 1), occurred_at=at(0)),
        Archived, in_archive("POSITION", "ACME", "", "", "NET"),
        (gone, lambda ledger: ledger.record_order("O2", market_order())),
    ),
    "order that is in an archive, with other details": Refusal(
        lambda ledger: ledger.record_order("O1", market_order(quantity=11)),
        IdempotencyConflict, {"order_id": "O1", "given": details.order_details(market_order(quantity=11))[0]},
        (gone,), stays(RecordKind.ORDER, "O1"),
    ),
    "command whose order is in an archive, with other content": Refusal(
        lambda ledger: ledger.record_order("O1", market_order(quantity=11), command_id="K"),
        IdempotencyConflict,
        {"given": {"order_id": "O1", "details": {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "quantity": "11"}}},
        (gone,), stays(RecordKind.COMMAND, "record_order", "O1", "K"),
    ),
    # -- commands with an id ------------------------------------------------------------------------------------------
    "command with other content": Refusal(
        lambda ledger: ledger.request_order_cancel("O1", "C2", command_id="K"),
        IdempotencyConflict,
        {"recorded": {"order_id": "O1", "request_id": "C1"}, "given": {"order_id": "O1", "request_id": "C2"}},
        (placed, lambda ledger: ledger.request_order_cancel("O1", "C1", command_id="K")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusal_says_everything_that_a_program_needs(case: Refusal) -> None:
    """All attributes of the error, no more and no less, and of those that are records the records themselves."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for told in case.before:
        told(ledger)
    with pytest.raises(CommandRefused) as refused:
        case.told(ledger)
    assert type(refused.value) is case.error
    assert said_by(refused.value) == {**case.said, **case.known(ledger)}


def said_by(error: CommandRefused) -> Mapping[str, Any]:
    """Return what an error says beside its words and where the fact was filed."""
    own = {name: value for name, value in vars(error).items() if name not in ("context", "quarantine_id")}
    return {**own, **error.context}
