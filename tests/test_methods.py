"""Every method of a ledger that changes something: what it hands on as a command, and what it says of a malformed call."""

import inspect
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import InvalidValue
from ledger_core._frozen import freeze
from ledger_core.commands import (
    AcceptOrder,
    AdjustmentDetails,
    AnyCommand,
    BookFill,
    BustFill,
    CloseTrade,
    CorrectFill,
    Correction,
    CreateTrade,
    EndOrderDay,
    FillDetails,
    NoteOrder,
    Operation,
    RecordAdjustment,
    RecordOrder,
    RejectRequest,
    ReplaceOrder,
    ReportStatus,
    RequestCancel,
    RequestReplace,
    ResolveQuarantined,
    RestateOrder,
    TradeDetails,
    UpdateFee,
    UpdateTrade,
)
from ledger_core.lifecycle import OrderStatus
from ledger_core.methods import Commands
from ledger_core.model import (
    AdjustmentKind,
    Fee,
    OrderChanges,
    OrderDetails,
    OrderType,
    Record,
    ResidualReason,
    Side,
    StatusReport,
)
from ledger_core.testing.samples import NOON, later, order

NOW = later(60)
DAY = date(2026, 3, 3)


class Told(Commands):
    """Commands that go nowhere: it keeps the last of them, and answers them all alike."""

    def __init__(self) -> None:
        """Be told nothing yet."""
        self.command: AnyCommand | None = None
        self.answer = order()

    def _execute(self, command: AnyCommand) -> Record:
        self.command = command
        return self.answer

    def _now(self) -> datetime:
        return NOW


BUY = {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "quantity": 3}
BOUGHT = OrderDetails(symbol="ACME", side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(3))
FILL = {"fill_id": "F", "quantity": 2, "price": "7.50"}
FILLED: dict[str, Any] = {"quantity": Decimal(2), "price": Decimal("7.50")}
TERMS, CHANGED = {"limit_price": "7.50"}, OrderChanges(limit_price=Decimal("7.50"))
STOP, STOPPED = {"stop_price": 5}, TradeDetails(stop_price=Decimal(5))
FUNDING = {"kind": "FUNDING", "symbol": "ACME", "amount": 4, "currency": "USD"}
PAID = AdjustmentDetails(kind=AdjustmentKind.FUNDING, symbol="ACME", amount=Decimal(4), currency="USD")
SHARED: dict[str, Any] = {"order_ids": ("A",), "shares": freeze({"A": Decimal(2)})}
WHY = {"reason": "because"}
ORDER = {"order_id": "O"}
TRADE = {"trade_id": "T"}

Row = tuple[type[AnyCommand], dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]
# fmt: off
METHODS: Mapping[str, Row] = {
    # what is called: the command, what must be given and what comes of it, what may be given and what comes of that
    "record_order": (RecordOrder, {**ORDER, "order_details": BUY}, {**ORDER, "details": BOUGHT}, {}, {}),
    "request_order_cancel": (RequestCancel, ORDER, ORDER, {"request_id": "R"}, {"request_id": "R"}),
    "request_order_replace": (RequestReplace, {**ORDER, "changes": TERMS}, {**ORDER, "changes": CHANGED},
                              {"request_id": "R"}, {"request_id": "R"}),
    "update_order_acceptance": (AcceptOrder, ORDER, ORDER, {"acceptance_data": {"venue_order_id": "V", "quantity": 3}},
                                {"venue_order_id": "V", "quantity": Decimal(3)}),
    "update_order_fill": (BookFill, {**ORDER, "fill_data": FILL},
                          {**ORDER, "fill": FillDetails(fill_id="F", **FILLED)}, {}, {}),
    "update_order_rejection": (NoteOrder, {**ORDER, **WHY}, {**ORDER, **WHY}, {}, {}),
    "update_order_cancellation": (NoteOrder, ORDER, ORDER, WHY, WHY),
    "update_order_expiry": (NoteOrder, ORDER, ORDER, WHY, WHY),
    "update_order_in_doubt": (NoteOrder, ORDER, ORDER, WHY, WHY),
    "update_order_trigger": (NoteOrder, ORDER, ORDER, {}, {}),
    "update_order_guarantee": (NoteOrder, ORDER, ORDER, {}, {}),
    "update_order_suspension": (NoteOrder, ORDER, ORDER, WHY, WHY),
    "update_order_resumption": (NoteOrder, ORDER, ORDER, {}, {}),
    "update_order_done_for_day": (EndOrderDay, ORDER, ORDER, {"trade_date": DAY}, {"trade_date": DAY}),
    "update_order_restatement": (RestateOrder, ORDER, ORDER, {"changes": TERMS, **WHY, "trade_date": DAY},
                                 {"changes": CHANGED, **WHY, "trade_date": DAY}),
    "update_order_replacement": (ReplaceOrder, ORDER, ORDER, {"request_id": "R", "changes": TERMS},
                                 {"request_id": "R", "changes": CHANGED}),
    "update_order_request_rejection": (RejectRequest, {**ORDER, **WHY}, {**ORDER, **WHY},
                                       {"request_id": "R"}, {"request_id": "R"}),
    "bust_order_fill": (BustFill, {**ORDER, "fill_id": "F"}, {**ORDER, "fill_id": "F"},
                        {**WHY, "reinstated": True}, {**WHY, "reinstated": True}),
    "correct_order_fill": (CorrectFill, {**ORDER, "fill_id": "F", "correction": {**FILL, "fill_id": "C"}},
                           {**ORDER, "fill_id": "F", "correction": Correction(fill_id="C", **FILLED)},
                           {"reinstated": False}, {"reinstated": False}),
    "update_fill_fee": (UpdateFee, {**ORDER, "fill_id": "F", "fees": {"amount": 1, "currency": "USD"}},
                        {**ORDER, "fill_id": "F", "fees": (Fee("USD", Decimal(1)),)}, {}, {}),
    "report_order_status": (ReportStatus, {**ORDER, "report": {"status": "FILLED", "venue_order_id": "V"}},
                            {**ORDER, "report": StatusReport(status=OrderStatus.FILLED), "venue_order_id": "V"}, {}, {}),
    "record_adjustment": (RecordAdjustment, {"adjustment_id": "A", "adjustment": FUNDING},
                          {"adjustment_id": "A", "adjustment": PAID}, {}, {}),
    "resolve_quarantined": (ResolveQuarantined,
                            {"quarantine_id": "Q", "resolution": {**ORDER, "order_details": BUY, **WHY}},
                            {"quarantine_id": "Q", **ORDER, "order_details": BOUGHT, **WHY}, {}, {}),
    "create_trade": (CreateTrade, {**TRADE, "order_ids": {"A": 2}}, {**TRADE, **SHARED, "details": TradeDetails()},
                     {"details": STOP}, {"details": STOPPED}),
    "update_trade": (UpdateTrade, {**TRADE, "updates": {**STOP, "order_ids": {"A": 2}}},
                     {**TRADE, **SHARED, "details": STOPPED}, {}, {}),
    "close_trade": (CloseTrade, TRADE, TRADE, {"exit_data": {
        "order_ids": {"A": 2}, **WHY, "residual": {"ACME": 1}, "residual_reason": "DUST",
    }}, {**SHARED, **WHY, "residual": freeze({"ACME": Decimal(1)}), "residual_reason": ResidualReason.DUST}),
}
# fmt: on


def told(method: str, arguments: Mapping[str, Any]) -> AnyCommand:
    """Return the command that a call comes to."""
    ledger = Told()
    assert getattr(ledger, method)(**arguments) is ledger.answer
    assert ledger.command is not None
    return ledger.command


def expected(method: str, **values: Any) -> AnyCommand:
    """Return the command that it must be."""
    made: Any = METHODS[method][0]
    return made(operation=Operation(method), **values)  # type: ignore[no-any-return]


def test_every_method_is_in_the_table() -> None:
    """One that is added later fails here until it is known what it hands on."""
    assert set(METHODS) == {name for name in vars(Commands) if not name.startswith("_")}


@pytest.mark.parametrize("method", METHODS)
def test_every_argument_is_handed_on(method: str) -> None:
    """All of them, as the plain values that they mean."""
    _, required, of_required, optional, of_optional = METHODS[method]
    common: dict[str, Any] = {"occurred_at": NOON, "command_id": "C"}
    command = told(method, {**required, **optional, **common})
    assert command == expected(method, **{**of_required, **of_optional, **common})


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_given_is_at_its_default(method: str) -> None:
    """The time is the clock's, and a command without an id has none; None is as good as nothing."""
    _, required, of_required, optional, _ = METHODS[method]
    wanted = expected(method, **of_required, occurred_at=NOW)
    assert told(method, required) == wanted
    absent = dict.fromkeys([*optional, "occurred_at", "command_id"])
    assert told(method, {**required, **absent}) == wanted


@pytest.mark.parametrize("method", METHODS)
def test_a_malformed_argument_is_named_and_shown(method: str) -> None:
    """Whichever it is, the error says which, and has what was given for it."""
    _, required, _, optional, _ = METHODS[method]
    junk = object()
    for name in list(inspect.signature(getattr(Commands, method)).parameters)[1:]:
        ledger = Told()
        with pytest.raises(InvalidValue) as refused:
            getattr(ledger, method)(**{**required, **optional, name: junk})
        assert (refused.value.argument, refused.value.value) == (name, junk)
        assert ledger.command is None


@pytest.mark.parametrize(
    ("method", "argument", "name"),
    [
        ("record_order", "order_details", "placed_at"),
        ("update_order_fill", "fill_data", "executed_at"),
        ("record_adjustment", "adjustment", "occurred_at"),
        ("close_trade", "exit_data", "closed_at"),
    ],
)
def test_the_time_in_the_data_is_that_of_the_command(method: str, argument: str, name: str) -> None:
    """Where both are given they must agree, in whatever zone."""
    _, required, _, optional, _ = METHODS[method]
    given = {**required, **optional}
    given[argument] = {**given[argument], name: NOON}
    assert told(method, given).occurred_at == NOON
    assert told(method, {**given, "occurred_at": NOON.isoformat()}).occurred_at == NOON
    with pytest.raises(InvalidValue) as refused:
        told(method, {**given, "occurred_at": later(1)})
    assert (refused.value.argument, refused.value.value) == (f"{argument}.{name}", NOON)


def test_a_fill_may_name_its_order_by_the_venues_id_alone() -> None:
    """Then the command is about no order yet."""
    command = told("update_order_fill", {"order_id": None, "fill_data": {**FILL, "venue_order_id": "V"}})
    assert isinstance(command, BookFill)
    assert (command.order_id, command.target, command.fill.venue_order_id) == (None, None, "V")
