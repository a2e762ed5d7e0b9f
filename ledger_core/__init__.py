"""StrategyLedger: durable, legal, published records of a strategy's orders, fills, trades and positions.

A map for newcomers, in reading order:

    lifecycle   every state, event and legal transition, on one screen
    model       the records          commands, details, checks   what may be asked, and how it is checked
    decide/     (records, command) -> changes or a refusal, pure
    changes     what is stored       evolve   (record, change) -> record      positions   folding fills
    repository  the port that adapters implement                              codec       records <-> JSON
    current, writing, batch          load, decide, append                     publishing, events   deliver
    grouping                         many callers, one write                  asynchronous, turns  the same for asyncio
    findings, replaying, verifying   compare what is stored with the journal, and rebuild it
    lots, explaining, netting, money where realized PnL comes from, by every cost method, gross and net
    past, views                      the ledger as of a moment                reconciling what a broker says
    ledger      StrategyLedger, the face (methods: its commands, answers: its questions)
    reader      LedgerReader over all strategies                              testing     the laws of an adapter
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ledger_core.batch import Batch
from ledger_core.changes import Change, Cursor, Entry, EventType, Head
from ledger_core.commands import FillDetails, TradeDetails
from ledger_core.errors import (
    AllocationConflict,
    BatchConflict,
    BatchUsage,
    CommandRefused,
    Conflict,
    FactMismatch,
    IdempotencyConflict,
    IllegalTransition,
    InstrumentTermsConflict,
    InvalidValue,
    LedgerClosed,
    LedgerError,
    OutcomeUnknown,
    OverfillError,
    ReadOnlyLedger,
    SchemaTooNew,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    SubscriberInUse,
    TradeNotFlat,
    UnknownFill,
    UnknownOrder,
    UnknownStorage,
    UnknownTrade,
)
from ledger_core.events import STRATEGY_LEDGER_UPDATED, EventPublisher, StrategyCache
from ledger_core.findings import Difference, Finding, Verification
from ledger_core.ledger import StrategyLedger, open_ledger
from ledger_core.lifecycle import OrderState, OrderStatus, RequestKind, RequestState, TradeState
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    CashFlow,
    CostMethod,
    Execution,
    Exposure,
    Fee,
    Fill,
    Liquidity,
    Order,
    OrderChanges,
    OrderDay,
    OrderDetails,
    OrderRequest,
    OrderType,
    Position,
    PositionSide,
    QuarantinedFact,
    RecordKind,
    ResidualReason,
    Side,
    Split,
    StatusReport,
    TimeInForce,
    Trade,
    TradeLeg,
    Unresolved,
)
from ledger_core.netting import NetPnl, RealizedPnl
from ledger_core.reader import LedgerReader, open_reader
from ledger_core.repository import LedgerRepository, Query, open_repository

if TYPE_CHECKING:
    from ledger_core.asynchronous import AsyncStrategyLedger, open_ledger_async
    from ledger_core.explaining import AdjustmentRef, FillRef, LotMatch, OpenLot, PnlCycle, PnlExplanation, PnlPart
    from ledger_core.reconciling import Proposal, Reconciliation
    from ledger_core.trade_statistics import Mark, TradeStatistics
    from ledger_core.views import LedgerView

__all__ = [
    "STRATEGY_LEDGER_UPDATED",
    "Adjustment",
    "AdjustmentKind",
    "AdjustmentRef",
    "AllocationConflict",
    "AsyncStrategyLedger",
    "Batch",
    "BatchConflict",
    "BatchUsage",
    "CashFlow",
    "Change",
    "CommandRefused",
    "Conflict",
    "CostMethod",
    "Cursor",
    "Difference",
    "Entry",
    "EventPublisher",
    "EventType",
    "Execution",
    "Exposure",
    "FactMismatch",
    "Fee",
    "Fill",
    "FillDetails",
    "FillRef",
    "Finding",
    "Head",
    "IdempotencyConflict",
    "IllegalTransition",
    "InstrumentTermsConflict",
    "InvalidValue",
    "LedgerClosed",
    "LedgerError",
    "LedgerReader",
    "LedgerRepository",
    "LedgerView",
    "Liquidity",
    "LotMatch",
    "Mark",
    "NetPnl",
    "OpenLot",
    "Order",
    "OrderChanges",
    "OrderDay",
    "OrderDetails",
    "OrderRequest",
    "OrderState",
    "OrderStatus",
    "OrderType",
    "OutcomeUnknown",
    "OverfillError",
    "PnlCycle",
    "PnlExplanation",
    "PnlPart",
    "Position",
    "PositionSide",
    "Proposal",
    "QuarantinedFact",
    "Query",
    "ReadOnlyLedger",
    "RealizedPnl",
    "Reconciliation",
    "RecordKind",
    "RequestKind",
    "RequestState",
    "ResidualReason",
    "SchemaTooNew",
    "Side",
    "Split",
    "StatusReport",
    "StorageBusy",
    "StorageCorrupt",
    "StorageError",
    "StorageFull",
    "StrategyCache",
    "StrategyLedger",
    "SubscriberInUse",
    "TimeInForce",
    "Trade",
    "TradeDetails",
    "TradeLeg",
    "TradeNotFlat",
    "TradeState",
    "TradeStatistics",
    "UnknownFill",
    "UnknownOrder",
    "UnknownStorage",
    "UnknownTrade",
    "Unresolved",
    "Verification",
    "open_ledger",
    "open_ledger_async",
    "open_reader",
    "open_repository",
]


# Imported when they are first asked for: what few programs need, and asyncio, which takes longer than all the rest.
_LATE = {
    name: module
    for module, names in {
        "asynchronous": ("AsyncStrategyLedger", "open_ledger_async"),
        "explaining": ("AdjustmentRef", "FillRef", "LotMatch", "OpenLot", "PnlCycle", "PnlExplanation", "PnlPart"),
        "reconciling": ("Proposal", "Reconciliation"),
        "trade_statistics": ("Mark", "TradeStatistics"),
        "views": ("LedgerView",),
    }.items()
    for name in names
}


def __dir__() -> list[str]:
    """Name what is imported late, too."""
    return sorted({*globals(), *_LATE})


def __getattr__(name: str) -> Any:
    """Import what is imported late."""
    if name in _LATE:
        return getattr(import_module(f"ledger_core.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
