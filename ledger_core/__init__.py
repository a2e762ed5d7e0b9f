"""StrategyLedger: durable, legal, published records of a strategy's orders, fills, trades and positions.

A map for newcomers, in reading order:

    lifecycle   every state, event and legal transition, on one screen
    model       the records          commands, details   what may be asked, and how it is checked
    decide/     (records, command) -> changes or a refusal, pure
    changes     what is stored       evolve   (record, change) -> record      positions   folding fills
    repository  the port that adapters implement                              codec       records <-> JSON
    current, writing, batch          load, decide, append                     publishing, events   deliver
    ledger      StrategyLedger, the face (methods: its commands, answers: its questions)
    reader      LedgerReader over all strategies                              testing     the laws of an adapter
"""

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
from ledger_core.ledger import StrategyLedger, open_ledger
from ledger_core.lifecycle import OrderState, OrderStatus, RequestKind, RequestState, TradeState
from ledger_core.model import (
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
    TimeInForce,
    Trade,
    TradeLeg,
    Unresolved,
)
from ledger_core.reader import LedgerReader, open_reader
from ledger_core.repository import LedgerRepository, Query, open_repository

__all__ = [
    "STRATEGY_LEDGER_UPDATED",
    "AllocationConflict",
    "Batch",
    "BatchConflict",
    "BatchUsage",
    "Change",
    "CommandRefused",
    "Conflict",
    "Cursor",
    "Entry",
    "EventPublisher",
    "EventType",
    "Exposure",
    "FactMismatch",
    "Fee",
    "Fill",
    "FillDetails",
    "Head",
    "IdempotencyConflict",
    "IllegalTransition",
    "InstrumentTermsConflict",
    "InvalidValue",
    "LedgerClosed",
    "LedgerError",
    "LedgerReader",
    "LedgerRepository",
    "Liquidity",
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
    "Position",
    "PositionSide",
    "QuarantinedFact",
    "Query",
    "ReadOnlyLedger",
    "RecordKind",
    "RequestKind",
    "RequestState",
    "ResidualReason",
    "SchemaTooNew",
    "Side",
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
    "UnknownFill",
    "UnknownOrder",
    "UnknownStorage",
    "UnknownTrade",
    "Unresolved",
    "open_ledger",
    "open_reader",
    "open_repository",
]
