"""What may be asked of the ledger: one frozen value per kind of command, checked and ready to decide.

Intent is ours and comes before the venue is called; a fact is the venue's and can be quarantined. `Operation`
values are the names of the public methods and the stored form.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs

from ledger_core._frozen import EMPTY, quick
from ledger_core._words import Word
from ledger_core.model import (
    AdjustmentKind,
    ArchivedRecord,
    Fee,
    Key,
    Liquidity,
    OrderChanges,
    OrderDetails,
    PositionSide,
    Record,
    ResidualReason,
    Side,
    StatusReport,
)
from ledger_core.numbers import Price


class Operation(Word):
    """The commands, by the name of the method that takes them."""

    RECORD_ORDER = "record_order"
    REQUEST_ORDER_CANCEL = "request_order_cancel"
    REQUEST_ORDER_REPLACE = "request_order_replace"
    UPDATE_ORDER_ACCEPTANCE = "update_order_acceptance"
    UPDATE_ORDER_FILL = "update_order_fill"
    UPDATE_ORDER_REJECTION = "update_order_rejection"
    UPDATE_ORDER_CANCELLATION = "update_order_cancellation"
    UPDATE_ORDER_EXPIRY = "update_order_expiry"
    UPDATE_ORDER_IN_DOUBT = "update_order_in_doubt"
    UPDATE_ORDER_TRIGGER = "update_order_trigger"
    UPDATE_ORDER_GUARANTEE = "update_order_guarantee"
    UPDATE_ORDER_SUSPENSION = "update_order_suspension"
    UPDATE_ORDER_RESUMPTION = "update_order_resumption"
    UPDATE_ORDER_DONE_FOR_DAY = "update_order_done_for_day"
    UPDATE_ORDER_RESTATEMENT = "update_order_restatement"
    UPDATE_ORDER_REPLACEMENT = "update_order_replacement"
    UPDATE_ORDER_REQUEST_REJECTION = "update_order_request_rejection"
    BUST_ORDER_FILL = "bust_order_fill"
    CORRECT_ORDER_FILL = "correct_order_fill"
    UPDATE_FILL_FEE = "update_fill_fee"
    REPORT_ORDER_STATUS = "report_order_status"
    RECORD_ADJUSTMENT = "record_adjustment"
    CREATE_TRADE = "create_trade"
    UPDATE_TRADE = "update_trade"
    CLOSE_TRADE = "close_trade"
    RESOLVE_QUARANTINED = "resolve_quarantined"
    SKIP_ENTRY = "skip_entry"
    NOTE_UPKEEP = "note_upkeep"
    ARCHIVE_RECORDS = "archive_records"
    RESTORE_RECORDS = "restore_records"
    REOPEN_POSITIONS = "reopen_positions"
    SET_CHECKPOINT = "set_checkpoint"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Command:
    """What every command carries: when it happened (venue time, or the clock's) and the caller's id for it."""

    operation: Operation
    occurred_at: datetime
    command_id: str | None = None

    @property
    def target(self) -> str | None:
        """The order or trade that it is about."""
        raise NotImplementedError


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class OrderCommand(Command):
    """A command about an order."""

    order_id: str

    @property
    def target(self) -> str | None:
        """The order."""
        return self.order_id


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class TradeCommand(Command):
    """A command about a trade."""

    trade_id: str

    @property
    def target(self) -> str | None:
        """The trade."""
        return self.trade_id


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RecordOrder(OrderCommand):
    """Make the intent to order durable."""

    details: OrderDetails


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RequestCancel(OrderCommand):
    """Note that the venue is about to be asked to cancel."""

    request_id: str | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RequestReplace(OrderCommand):
    """Note that the venue is about to be asked for other terms (totals)."""

    changes: OrderChanges
    request_id: str | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class AcceptOrder(OrderCommand):
    """The venue acknowledged the order; perhaps with its id, perhaps with the quantity of a cash order."""

    venue_order_id: str | None = None
    quantity: Decimal | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class NoteOrder(OrderCommand):
    """A fact that brings nothing but itself and a reason: rejection, cancellation, expiry, doubt, ..."""

    reason: str | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class EndOrderDay(OrderCommand):
    """The venue is done with the order for the day."""

    trade_date: date | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RestateOrder(OrderCommand):
    """The venue changed or renewed the order unasked."""

    changes: OrderChanges | None = None
    reason: str | None = None
    trade_date: date | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ReplaceOrder(OrderCommand):
    """The venue accepted a replace, perhaps with its own values."""

    request_id: str | None = None
    changes: OrderChanges | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RejectRequest(OrderCommand):
    """The venue refused a request to cancel or replace."""

    reason: str | None
    request_id: str | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class FillDetails:
    """One execution as the venue reported it; `side` and `symbol` are checked against the order when given."""

    fill_id: str
    quantity: Decimal
    price: Price
    side: Side | None = None
    symbol: str | None = None
    fees: tuple[Fee, ...] | None = None
    fee_in_base: bool = False
    liquidity: Liquidity | None = None
    trade_date: date | None = None
    venue_order_id: str | None = None
    inferred: bool = False
    metadata: Mapping[str, Any] | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class BookFill(Command):
    """The venue executed; `order_id` None means that the order is found by the venue's id in the fill."""

    order_id: str | None
    fill: FillDetails

    @property
    def target(self) -> str | None:
        """The order, where the caller knows it."""
        return self.order_id


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class BustFill(OrderCommand):
    """The venue took an execution back; `reinstated` says whether it works the freed quantity again."""

    fill_id: str
    reason: str | None = None
    reinstated: bool | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Correction:
    """What an execution was in truth; `fill_id` is the correction's own id."""

    fill_id: str
    quantity: Decimal
    price: Price


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class CorrectFill(OrderCommand):
    """The venue corrected an execution; `fill_id` is the last of its chain."""

    fill_id: str
    correction: Correction
    reinstated: bool | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class UpdateFee(OrderCommand):
    """The venue said what an execution cost, after the execution or before it."""

    fill_id: str
    fees: tuple[Fee, ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ReportStatus(OrderCommand):
    """The venue answered a poll."""

    report: StatusReport
    venue_order_id: str | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class AdjustmentDetails:
    """What moved a position or its money; which keys go with which kind, `details.adjustment` checks."""

    kind: AdjustmentKind
    symbol: str
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide | None = None
    amount: Decimal | None = None
    currency: str | None = None
    quantity: Decimal | None = None
    price: Price | None = None
    ratio: Decimal | None = None
    base_currency: str | None = None
    multiplier: Decimal | None = None
    inverse: bool | None = None
    metadata: Mapping[str, Any] | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RecordAdjustment(Command):
    """Funding, interest, a dividend, a split, a transfer, an opening position."""

    adjustment_id: str
    adjustment: AdjustmentDetails

    @property
    def target(self) -> str | None:
        """The adjustment."""
        return self.adjustment_id


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ResolveQuarantined(Command):
    """A person decides on a fact in quarantine: book it onto an order, perhaps a new one, or dismiss it."""

    quarantine_id: str
    reason: str | None = None
    order_id: str | None = None
    order_details: OrderDetails | None = None

    @property
    def target(self) -> str | None:
        """The quarantined fact."""
        return self.quarantine_id


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class TradeDetails:
    """What may be said of a trade beside its orders; None means not given."""

    stop_price: Price | None = None
    target_price: Price | None = None
    tags: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class CreateTrade(TradeCommand):
    """Group filled orders into a trade; `shares` names, of orders that several trades share, the units meant."""

    order_ids: tuple[str, ...]
    details: TradeDetails
    shares: Mapping[str, Decimal] = EMPTY


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class UpdateTrade(TradeCommand):
    """Change what is said of a trade, or add further orders."""

    details: TradeDetails
    order_ids: tuple[str, ...] = ()
    shares: Mapping[str, Decimal] = EMPTY


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class CloseTrade(TradeCommand):
    """Close a trade, perhaps naming the orders that left it, perhaps with a residual."""

    order_ids: tuple[str, ...] = ()
    shares: Mapping[str, Decimal] = EMPTY
    reason: str | None = None
    residual: Mapping[str, Decimal] = EMPTY
    residual_reason: ResidualReason | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class SkipEntry(Command):
    """A person decided that a subscriber does not get an entry that it cannot take."""

    subscriber: str
    entry_sequence: int
    reason: str

    @property
    def target(self) -> str | None:
        """None: it is about no order or trade."""
        return None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class NoteUpkeep(Command):
    """A person did something to the store that no command tells of."""

    upkeep: str
    reason: str

    @property
    def target(self) -> str | None:
        """None: it is about no order or trade."""
        return None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ArchiveCommand(Command):
    """A command about an archive; it names no order or trade of its own."""

    archive_id: str

    @property
    def target(self) -> str | None:
        """None."""
        return None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ArchiveRecords(ArchiveCommand):
    """Let records go that an archive holds; each as it was when it was copied there."""

    records: tuple[ArchivedRecord, ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class RestoreRecords(ArchiveCommand):
    """Take records back from an archive."""

    records: tuple[Record, ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ReopenPositions(ArchiveCommand):
    """Move positions back to the openings that they had before an archive, all of whose records are back."""

    keys: tuple[Key, ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class SetCheckpoint(ArchiveCommand):
    """Note what the journal came to up to an entry, all of which an archive holds; see `Checkpoint`."""

    cut_sequence: int
    cut_digest: str
    cut_at: datetime
    stage: str
    runs: tuple[int, ...]
    digest: str


AnyCommand = (
    RecordOrder
    | RequestCancel
    | RequestReplace
    | AcceptOrder
    | NoteOrder
    | EndOrderDay
    | RestateOrder
    | ReplaceOrder
    | RejectRequest
    | BookFill
    | BustFill
    | CorrectFill
    | UpdateFee
    | ReportStatus
    | RecordAdjustment
    | CreateTrade
    | UpdateTrade
    | CloseTrade
    | ResolveQuarantined
    | SkipEntry
    | NoteUpkeep
    | ArchiveRecords
    | RestoreRecords
    | ReopenPositions
    | SetCheckpoint
)
"""Every command there is; `decide.decide` takes this union apart."""

Fact = (
    AcceptOrder
    | NoteOrder
    | EndOrderDay
    | RestateOrder
    | ReplaceOrder
    | RejectRequest
    | BookFill
    | BustFill
    | CorrectFill
    | UpdateFee
    | ReportStatus
)
"""The commands that report what the venue did: refused ones are quarantined, not dropped."""

FACT_TYPES: tuple[type[Fact], ...] = (
    AcceptOrder,
    NoteOrder,
    EndOrderDay,
    RestateOrder,
    ReplaceOrder,
    RejectRequest,
    BookFill,
    BustFill,
    CorrectFill,
    UpdateFee,
    ReportStatus,
)

_O = Operation
COMMAND_TYPES: Mapping[Operation, type[AnyCommand]] = {
    _O.RECORD_ORDER: RecordOrder,
    _O.REQUEST_ORDER_CANCEL: RequestCancel,
    _O.REQUEST_ORDER_REPLACE: RequestReplace,
    _O.UPDATE_ORDER_ACCEPTANCE: AcceptOrder,
    _O.UPDATE_ORDER_FILL: BookFill,
    _O.UPDATE_ORDER_REJECTION: NoteOrder,
    _O.UPDATE_ORDER_CANCELLATION: NoteOrder,
    _O.UPDATE_ORDER_EXPIRY: NoteOrder,
    _O.UPDATE_ORDER_IN_DOUBT: NoteOrder,
    _O.UPDATE_ORDER_TRIGGER: NoteOrder,
    _O.UPDATE_ORDER_GUARANTEE: NoteOrder,
    _O.UPDATE_ORDER_SUSPENSION: NoteOrder,
    _O.UPDATE_ORDER_RESUMPTION: NoteOrder,
    _O.UPDATE_ORDER_DONE_FOR_DAY: EndOrderDay,
    _O.UPDATE_ORDER_RESTATEMENT: RestateOrder,
    _O.UPDATE_ORDER_REPLACEMENT: ReplaceOrder,
    _O.UPDATE_ORDER_REQUEST_REJECTION: RejectRequest,
    _O.BUST_ORDER_FILL: BustFill,
    _O.CORRECT_ORDER_FILL: CorrectFill,
    _O.UPDATE_FILL_FEE: UpdateFee,
    _O.REPORT_ORDER_STATUS: ReportStatus,
    _O.RECORD_ADJUSTMENT: RecordAdjustment,
    _O.CREATE_TRADE: CreateTrade,
    _O.UPDATE_TRADE: UpdateTrade,
    _O.CLOSE_TRADE: CloseTrade,
    _O.RESOLVE_QUARANTINED: ResolveQuarantined,
    _O.SKIP_ENTRY: SkipEntry,
}
"""The commands that may have an id, and so are written down to know a repeat; those about the store never do."""
