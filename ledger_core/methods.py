"""The commands as methods: check what was handed in, once, and execute it.

A `StrategyLedger` and its `Batch` share these methods; they differ in what executing means. Every command takes
`occurred_at` (the venue's time, aware; the clock's by default) and `command_id` (the caller's id of this command:
given again with the same content, it is a repeat, whatever has happened since), and returns the new record.

Raises that every command shares: InvalidValue for a malformed argument, IdempotencyConflict for a known id with
other content, ReadOnlyLedger, LedgerClosed, and the storage errors. Facts (`update_*`) that cannot be booked
(UnknownOrder, OverfillError, IllegalTransition, FactMismatch) are filed in the durable quarantine before the error
is raised; its `quarantine_id` names where.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

from ledger_core import checks as check
from ledger_core import details as read
from ledger_core._frozen import maker
from ledger_core.commands import (
    AcceptOrder,
    AnyCommand,
    BookFill,
    BustFill,
    CloseTrade,
    CorrectFill,
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
from ledger_core.model import Adjustment, Order, OrderChanges, OrderDetails, QuarantinedFact, Record, Trade

Given = Mapping[str, Any]

# The commands that nearly all calls come to.
_record_order = maker(RecordOrder)
_accept_order = maker(AcceptOrder)
_book_fill = maker(BookFill)
_note_order = maker(NoteOrder)


class Commands(ABC):
    """Everything that changes a ledger. Orders, trades and positions change through these methods only."""

    @abstractmethod
    def _execute(self, command: AnyCommand) -> Record:
        """Decide the command and make it durable, or add it to the batch."""

    @abstractmethod
    def _now(self) -> datetime:
        """Return the ledger's clock."""

    # -- orders: intent -------------------------------------------------------------------------------------------

    def record_order(
        self,
        order_id: str,
        order_details: Given | OrderDetails,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Make the intent to order durable: call it BEFORE the venue.

        Required keys: symbol, side, order_type, and quantity (units) or cash_quantity with cash_currency.
        Raises InstrumentTermsConflict when multiplier, inverse or a currency differs from what is recorded for the
        (venue, symbol). The same id with the same details is a repeat and returns the order as it is now.
        """
        placed_id = check.check_id(order_id, "order_id")
        details, placed_at = read.order_details(order_details)
        return self._order(
            _record_order(
                operation=Operation.RECORD_ORDER,
                occurred_at=check.one_time(occurred_at, placed_at, "order_details.placed_at", self._now),
                command_id=None if command_id is None else check.check_id(command_id, "command_id"),
                order_id=placed_id,
                details=details,
            )
        )

    def request_order_cancel(
        self,
        order_id: str,
        request_id: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Note that the venue is about to be asked to cancel; the status turns PENDING_CANCEL at once.

        Without `request_id` the request is named `<order_id>#<n>`. Raises UnknownOrder, and IllegalTransition for
        an order that is CANCELED, EXPIRED or REJECTED.
        """
        return self._order(
            RequestCancel(
                **self._common(Operation.REQUEST_ORDER_CANCEL, order_id, occurred_at, command_id),
                request_id=check.check_optional_id(request_id, "request_id"),
            )
        )

    def request_order_replace(
        self,
        order_id: str,
        changes: Given | OrderChanges,
        request_id: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Note that the venue is about to be asked for other terms: totals, not open amounts (FIX 35=G).

        Raises as `request_order_cancel`. Fills in the meantime count against the old quantity.
        """
        asked = read.order_changes(changes)
        assert asked is not None, "required"
        return self._order(
            RequestReplace(
                **self._common(Operation.REQUEST_ORDER_REPLACE, order_id, occurred_at, command_id),
                changes=asked,
                request_id=check.check_optional_id(request_id, "request_id"),
            )
        )

    # -- orders: facts --------------------------------------------------------------------------------------------

    def update_order_acceptance(
        self,
        order_id: str,
        acceptance_data: Given | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book the venue's acknowledgement: {venue_order_id, quantity}, both optional.

        A late one (the order has moved on) brings its id and changes no state.
        """
        data = read.acceptance_data(acceptance_data)
        return self._order(
            _accept_order(
                operation=Operation.UPDATE_ORDER_ACCEPTANCE,
                order_id=check.check_id(order_id, "order_id"),
                occurred_at=check.given_time(occurred_at, self._now),
                command_id=None if command_id is None else check.check_id(command_id, "command_id"),
                **data,
            )
        )

    def update_order_fill(
        self,
        order_id: str | None,
        fill_data: Given | FillDetails,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book an execution: fill, order, position and trades change together or not at all.

        Required keys: fill_id, quantity (units, positive), price. With `order_id` None the order is found by
        `venue_order_id` in the data. A fill after the order's end is booked and marked late; a fill beyond the
        order's quantity is an OverfillError unless the ledger was opened with overfill="book".
        """
        known_id = None if order_id is None else check.check_id(order_id, "order_id")
        fill, executed_at = read.fill_details(fill_data)
        return self._order(
            _book_fill(
                operation=Operation.UPDATE_ORDER_FILL,
                occurred_at=check.one_time(occurred_at, executed_at, "fill_data.executed_at", self._now),
                command_id=None if command_id is None else check.check_id(command_id, "command_id"),
                order_id=known_id,
                fill=fill,
            )
        )

    def update_order_rejection(
        self,
        order_id: str,
        reason: str | None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that the venue refused the order; fills it had are kept."""
        return self._note(Operation.UPDATE_ORDER_REJECTION, order_id, reason, occurred_at, command_id)

    def update_order_cancellation(
        self,
        order_id: str,
        reason: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that the venue canceled the order, asked for or not; also the rest of an IOC or FOK."""
        return self._note(Operation.UPDATE_ORDER_CANCELLATION, order_id, reason, occurred_at, command_id)

    def update_order_expiry(
        self,
        order_id: str,
        reason: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that the order expired."""
        return self._note(Operation.UPDATE_ORDER_EXPIRY, order_id, reason, occurred_at, command_id)

    def update_order_in_doubt(
        self,
        order_id: str,
        reason: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Note that the order was sent and its outcome is unknown (a timeout); only the venue's facts end that."""
        return self._note(Operation.UPDATE_ORDER_IN_DOUBT, order_id, reason, occurred_at, command_id)

    def update_order_trigger(
        self,
        order_id: str,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that a stop was triggered: a flag, no state."""
        return self._note(Operation.UPDATE_ORDER_TRIGGER, order_id, None, occurred_at, command_id)

    def update_order_guarantee(
        self,
        order_id: str,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that the venue guarantees a price (FIX Stopped, 39=7); it is no execution."""
        return self._note(Operation.UPDATE_ORDER_GUARANTEE, order_id, None, occurred_at, command_id)

    def update_order_suspension(
        self,
        order_id: str,
        reason: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that the venue suspended the order."""
        return self._note(Operation.UPDATE_ORDER_SUSPENSION, order_id, reason, occurred_at, command_id)

    def update_order_resumption(
        self,
        order_id: str,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that a suspended order works again."""
        return self._note(Operation.UPDATE_ORDER_RESUMPTION, order_id, None, occurred_at, command_id)

    def update_order_done_for_day(
        self,
        order_id: str,
        trade_date: date | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that the order is not worked any more today; a GTC or GTD order stays open."""
        common = self._common(Operation.UPDATE_ORDER_DONE_FOR_DAY, order_id, occurred_at, command_id)
        return self._order(EndOrderDay(**common, trade_date=check.check_optional_date(trade_date, "trade_date")))

    def update_order_restatement(
        self,
        order_id: str,
        changes: Given | OrderChanges | None = None,
        reason: str | None = None,
        trade_date: date | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book terms that the venue changed unasked, or the renewal of a good-till order (FIX 150=D)."""
        common = self._common(Operation.UPDATE_ORDER_RESTATEMENT, order_id, occurred_at, command_id)
        return self._order(
            RestateOrder(
                **common,
                changes=read.order_changes(changes, required=False),
                reason=check.check_reason(reason),
                trade_date=check.check_optional_date(trade_date, "trade_date"),
            )
        )

    def update_order_replacement(
        self,
        order_id: str,
        request_id: str | None = None,
        changes: Given | OrderChanges | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book an accepted replace, perhaps with the venue's own values, perhaps with a new venue_order_id.

        Without `request_id` it answers the oldest replace in flight; with none in flight it is one that nobody
        here asked for. A quantity below what is filled is clamped up to it, which fills the order.
        """
        common = self._common(Operation.UPDATE_ORDER_REPLACEMENT, order_id, occurred_at, command_id)
        return self._order(
            ReplaceOrder(
                **common,
                request_id=check.check_optional_id(request_id, "request_id"),
                changes=read.order_changes(changes, required=False),
            )
        )

    def update_order_request_rejection(
        self,
        order_id: str,
        reason: str | None,
        request_id: str | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Book that the venue refused a request to cancel or replace (FIX 35=9): the order lives on as it was."""
        common = self._common(Operation.UPDATE_ORDER_REQUEST_REJECTION, order_id, occurred_at, command_id)
        return self._order(
            RejectRequest(
                **common,
                reason=check.check_reason(reason),
                request_id=check.check_optional_id(request_id, "request_id"),
            )
        )

    # -- what the venue takes back, changes or tells later --------------------------------------------------------

    def bust_order_fill(
        self,
        order_id: str,
        fill_id: str,
        reason: str | None = None,
        reinstated: bool | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Take an execution back (FIX 150=H): order, trades and position are derived from what still stands.

        Works on open and on ended orders. `reinstated` False (the default for IOC and FOK) says that the venue does
        not work the freed quantity again: a FILLED order is CANCELED then. A bust of a fill that waits in quarantine
        dismisses it there. Raises UnknownOrder, UnknownFill.
        """
        common = self._common(Operation.BUST_ORDER_FILL, order_id, occurred_at, command_id)
        return self._order(
            BustFill(
                **common,
                fill_id=check.check_id(fill_id, "fill_id"),
                reason=check.check_reason(reason),
                reinstated=check.check_optional_bool(reinstated, "reinstated"),
            )
        )

    def correct_order_fill(
        self,
        order_id: str,
        fill_id: str,
        correction: Given,
        reinstated: bool | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Correct an execution (FIX 150=G): {fill_id: the correction's own id, quantity, price}.

        `fill_id` names the last execution of the chain: the fill, or its last correction. The fill keeps its id and
        its place in time. Raises UnknownOrder, UnknownFill, OverfillError, and FactMismatch for a fill that was busted
        or corrected since.
        """
        common = self._common(Operation.CORRECT_ORDER_FILL, order_id, occurred_at, command_id)
        return self._order(
            CorrectFill(
                **common,
                fill_id=check.check_id(fill_id, "fill_id"),
                correction=read.correction(correction),
                reinstated=check.check_optional_bool(reinstated, "reinstated"),
            )
        )

    def update_fill_fee(
        self,
        order_id: str,
        fill_id: str,
        fees: Sequence[Given] | Given,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Set what an execution cost: [{amount, currency}], all of its fees; negative amounts are rebates.

        One that comes before its fill waits in quarantine for it. Raises UnknownOrder, UnknownFill.
        """
        common = self._common(Operation.UPDATE_FILL_FEE, order_id, occurred_at, command_id)
        return self._order(UpdateFee(**common, fill_id=check.check_id(fill_id, "fill_id"), fees=read.fees(fees)))

    def report_order_status(
        self,
        order_id: str,
        report: Given,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Order:
        """Keep the answer of a poll: {status, cum_quantity, average_price, venue_order_id}, any of them.

        It changes no quantity: `missing_quantity` of the order shows what was filled and has not arrived. ACCEPTED,
        CANCELED, EXPIRED and REJECTED change the state of an order that is still waiting for them.
        """
        common = self._common(Operation.REPORT_ORDER_STATUS, order_id, occurred_at, command_id)
        answer, venue_order_id = read.status_report(report)
        return self._order(ReportStatus(**common, report=answer, venue_order_id=venue_order_id))

    def record_adjustment(
        self,
        adjustment_id: str,
        adjustment: Given,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Adjustment:
        """Book what moves a position or its money without an execution: {kind, symbol, ...}.

        FUNDING and DIVIDEND (positive = received) and INTEREST (positive = paid) take amount and currency; interest in
        the base currency leaves the quantity. TRANSFER and OPENING_POSITION take a signed quantity and a price; SPLIT
        takes ratio, new units for each old one, and restates open orders and open trades too. The same id with the
        same content is a repeat; two ids at the same moment both count.
        """
        details, named = read.adjustment(adjustment)
        command = RecordAdjustment(
            operation=Operation.RECORD_ADJUSTMENT,
            occurred_at=check.one_time(occurred_at, named, "adjustment.occurred_at", self._now),
            command_id=check.check_optional_id(command_id, "command_id"),
            adjustment_id=check.check_id(adjustment_id, "adjustment_id"),
            adjustment=details,
        )
        return cast(Adjustment, self._execute(command))

    def resolve_quarantined(
        self,
        quarantine_id: str,
        resolution: Given,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> QuarantinedFact:
        """Decide on a fact in quarantine by hand, with a reason: {order_id, reason} or {dismiss: True, reason}.

        `order_id` books it onto that order, with `order_details` onto a new one; a fill beyond the order's quantity
        becomes its overfill. Raises InvalidValue for an id that nothing in quarantine has, and what booking raises.
        """
        order_id, order_details, reason = read.resolution(resolution)
        command = ResolveQuarantined(
            operation=Operation.RESOLVE_QUARANTINED,
            occurred_at=check.given_time(occurred_at, self._now),
            command_id=check.check_optional_id(command_id, "command_id"),
            quarantine_id=check.check_id(quarantine_id, "quarantine_id"),
            order_id=order_id,
            order_details=order_details,
            reason=reason,
        )
        return cast(QuarantinedFact, self._execute(command))

    # -- trades ---------------------------------------------------------------------------------------------------

    def create_trade(
        self,
        trade_id: str,
        order_ids: Sequence[str] | Mapping[str, Any],
        details: Given | TradeDetails | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Trade:
        """Group orders, at least one of them filled, into a trade: {stop_price, target_price, tags, metadata}.

        A list of `order_ids` takes the orders whole; {order_id: quantity} takes a share of what each has filled, so
        that several trades can share one order. Raises UnknownOrder, and AllocationConflict for an order that belongs
        to another trade, or has less filled than would be shared out.
        """
        ids, shares = check.check_shares(order_ids, "order_ids")
        return self._trade(
            CreateTrade(
                operation=Operation.CREATE_TRADE,
                occurred_at=check.given_time(occurred_at, self._now),
                command_id=check.check_optional_id(command_id, "command_id"),
                trade_id=check.check_id(trade_id, "trade_id"),
                order_ids=ids,
                shares=shares,
                details=read.trade_details(details),
            )
        )

    def update_trade(
        self,
        trade_id: str,
        updates: Given,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Trade:
        """Change {stop_price, target_price, tags, metadata} of an open trade, or add {order_ids}, whole or shares."""
        details, order_ids, shares = read.trade_updates(updates)
        return self._trade(
            UpdateTrade(
                operation=Operation.UPDATE_TRADE,
                occurred_at=check.given_time(occurred_at, self._now),
                command_id=check.check_optional_id(command_id, "command_id"),
                trade_id=check.check_id(trade_id, "trade_id"),
                details=details,
                order_ids=order_ids,
                shares=shares,
            )
        )

    def close_trade(
        self,
        trade_id: str,
        exit_data: Given | None = None,
        *,
        occurred_at: datetime | None = None,
        command_id: str | None = None,
    ) -> Trade:
        """Close a trade: {order_ids: exits, reason, closed_at, residual: {symbol: quantity}, residual_reason}.

        Raises TradeNotFlat while it holds something or works an order, unless the residual states exactly what is
        left and why (DUST, TRANSFERRED, WRITTEN_OFF); the position keeps it. A fact on its orders after the close
        leaves it CLOSED and publishes TRADE_RESTATED.
        """
        trade = check.check_id(trade_id, "trade_id")
        data, closed_at = read.exit_data(exit_data)
        return self._trade(
            CloseTrade(
                operation=Operation.CLOSE_TRADE,
                occurred_at=check.one_time(occurred_at, closed_at, "exit_data.closed_at", self._now),
                command_id=check.check_optional_id(command_id, "command_id"),
                trade_id=trade,
                **data,
            )
        )

    # -- shared ---------------------------------------------------------------------------------------------------

    def _common(
        self, operation: Operation, order_id: object, occurred_at: object, command_id: object
    ) -> dict[str, Any]:
        return {
            "operation": operation,
            "order_id": check.check_id(order_id, "order_id"),
            "occurred_at": check.given_time(occurred_at, self._now),
            "command_id": check.check_optional_id(command_id, "command_id"),
        }

    def _note(
        self, operation: Operation, order_id: object, reason: object, occurred_at: object, command_id: object
    ) -> Order:
        common = self._common(operation, order_id, occurred_at, command_id)
        return self._order(_note_order(**common, reason=check.check_reason(reason)))

    def _order(self, command: AnyCommand) -> Order:
        answer: Any = self._execute(command)
        return answer  # type: ignore[no-any-return]  # an order, as the command is about one; cast() would be a call

    def _trade(self, command: AnyCommand) -> Trade:
        return cast(Trade, self._execute(command))
