"""The tree of errors: each answers whose fault it was, whether anything was written, and whether to retry.

    LedgerError                        .code .retryable .context
      CommandRefused                   the command was refused: orders, trades and positions are unchanged;
                                       .quarantine_id names where a fact was filed, None = nothing was written
        InvalidValue (ValueError)      a malformed argument: the caller's bug          .argument .value
        UnknownOrder (LookupError)     no such order
        UnknownTrade (LookupError)     no such trade
        UnknownFill (LookupError)      no such fill of that order
        Archived (LookupError)         what it is about moved to an archive            .archive_id .is_repeat
        IllegalTransition              the lifecycle table has no such row             .state .event .allowed
        OverfillError                  more was filled than was ordered                .limit .cum_quantity .quantity
        FactMismatch                   a fact contradicts the order it names           .field .recorded .given
        IdempotencyConflict            a known id with other content                   .recorded .given
        InstrumentTermsConflict        other terms for a known (venue, symbol)         .recorded .given
        AllocationConflict             an order's fills are spoken for by another trade
        TradeNotFlat                   closing a trade that still holds or works something
        BatchUsage                     a batch that was left, or a command that a batch cannot hold
      StorageError                     the adapter could not do its one job
        Conflict (retryable)           another writer took this place in the journal
        BatchConflict (retryable)      another writer changed what a batch had been told; nothing was written
        SubscriberInUse                another owner holds this subscriber's cursor
        StorageBusy (retryable)        the store was locked for longer than the busy timeout
        StorageFull                    no room; nothing of the command was written
        StorageCorrupt                 what was read is not what was written
        OutcomeUnknown                 a commit failed in the air and could not be looked up: neither refused nor done
        SchemaTooNew                   the store was made by a newer program
        ReadOnlyLedger                 a command was given to a ledger opened for reading
        LedgerClosed                   the ledger was closed before this call
      UnknownStorage (LookupError)     the URL names no installed adapter

Adapters translate their driver's errors into this tree in exactly one place.
"""

from collections.abc import Iterable
from typing import Any, ClassVar


class LedgerError(Exception):
    """The root: `except LedgerError` catches whatever this package raises on purpose.

    `code` is a stable word for programs, `retryable` says whether the same call may succeed later, and
    `context` holds the data behind the message.
    """

    code: ClassVar[str] = "LEDGER_ERROR"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **context: Any) -> None:
        """Keep the message for people and the context for programs; each context key is an attribute too."""
        assert message is not None, "an error says in words what was found"
        super().__init__(message)
        self.context: dict[str, Any] = context

    def __getattr__(self, name: str) -> Any:
        """Offer the context's entries as attributes."""
        context = self.__dict__.get("context", {})
        if name in context:
            return context[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0]) if self.args else ""


class CommandRefused(LedgerError):
    """A command that changed no order, trade or position."""

    code = "COMMAND_REFUSED"

    def __init__(self, message: str, *, quarantine_id: str | None = None, **context: Any) -> None:
        """Keep the context; `quarantine_id` is set by the ledger when the refused fact was filed."""
        super().__init__(message, **context)
        self.quarantine_id = quarantine_id


class InvalidValue(CommandRefused, ValueError):
    """An argument is malformed; nothing was written."""

    code = "INVALID_VALUE"

    def __init__(self, message: str, *, argument: str = "", value: Any = None, **context: Any) -> None:
        """Keep the path of the offending value, such as `fill_data.price`, and the value."""
        assert argument is not None, "a path, or empty where no argument is to blame"
        super().__init__(message, **context)
        self.argument = argument
        self.value = value
        self.context.update(argument=argument, value=value)


class UnknownOrder(CommandRefused, LookupError):
    """No order has this id in this strategy."""

    code = "UNKNOWN_ORDER"


class UnknownTrade(CommandRefused, LookupError):
    """No trade has this id in this strategy."""

    code = "UNKNOWN_TRADE"


class UnknownFill(CommandRefused, LookupError):
    """The order has no fill of this id."""

    code = "UNKNOWN_FILL"


class Archived(CommandRefused, LookupError):
    """What it is about moved to an archive: restore `.archive_id`, or look there.

    `.is_repeat` says that it was a repeat of what is known: nothing is lost by leaving it.
    """

    code = "ARCHIVED"

    def __init__(self, message: str, *, archive_id: str = "", is_repeat: bool = False, **context: Any) -> None:
        """Keep the archive, and whether the command was a repeat."""
        super().__init__(message, **context)
        self.archive_id = archive_id
        self.is_repeat = is_repeat


class IllegalTransition(CommandRefused):
    """The lifecycle table has no row for this event in this state."""

    code = "ILLEGAL_TRANSITION"

    def __init__(
        self, message: str, *, state: str = "", event: str = "", allowed: Iterable[str] = (), **context: Any
    ) -> None:
        """Keep the state, the event, and in `allowed` the events that are legal in that state."""
        super().__init__(message, **context)
        self.state = state
        self.event = event
        self.allowed = tuple(allowed)
        self.context.update(state=state, event=event, allowed=self.allowed)


class OverfillError(CommandRefused):
    """The fill would take the order beyond every quantity it may have."""

    code = "OVERFILL"


class FactMismatch(CommandRefused):
    """The fact names an order whose symbol, side or requests say otherwise."""

    code = "FACT_MISMATCH"


class IdempotencyConflict(CommandRefused):
    """The id is known with other content; `.recorded` and `.given` hold both."""

    code = "IDEMPOTENCY_CONFLICT"


class InstrumentTermsConflict(CommandRefused):
    """Multiplier, inverse or currencies differ from those recorded for this (venue, symbol)."""

    code = "INSTRUMENT_TERMS_CONFLICT"


class AllocationConflict(CommandRefused):
    """An order belongs to another trade already."""

    code = "ALLOCATION_CONFLICT"


class TradeNotFlat(CommandRefused):
    """The trade still has open quantity or open orders, and no residual was stated that accounts for it."""

    code = "TRADE_NOT_FLAT"


class BatchUsage(CommandRefused):
    """A batch was used outside its block."""

    code = "BATCH_USAGE"


class StorageError(LedgerError):
    """The adapter could not do its job; the subclass says what is known of the outcome."""

    code = "STORAGE_ERROR"


class Conflict(StorageError):
    """The place in the journal is taken: read what was missed and decide again."""

    code = "CONFLICT"
    retryable = True


class BatchConflict(StorageError):
    """On deciding again, a command of the batch had another outcome; nothing was written."""

    code = "BATCH_CONFLICT"
    retryable = True


class SubscriberInUse(StorageError):
    """Another process, or another ledger of this one, owns the subscriber's cursor."""

    code = "SUBSCRIBER_IN_USE"


class StorageBusy(StorageError):
    """The store stayed locked, or other writers stayed ahead, for longer than the busy timeout."""

    code = "STORAGE_BUSY"
    retryable = True


class StorageFull(StorageError):
    """The disk or the quota is full; the command was rolled back."""

    code = "STORAGE_FULL"


class StorageCorrupt(StorageError):
    """The store does not hold what was written to it, or is no ledger at all."""

    code = "STORAGE_CORRUPT"


class OutcomeUnknown(StorageError):
    """A commit failed and its entry could not be looked up: it is neither refused nor done."""

    code = "OUTCOME_UNKNOWN"


class SchemaTooNew(StorageError):
    """The store was written by a newer program than this one; `.found` and `.supported` hold the versions."""

    code = "SCHEMA_TOO_NEW"


class ReadOnlyLedger(StorageError):
    """A command was given to a ledger that was opened for reading."""

    code = "READ_ONLY_LEDGER"


class LedgerClosed(StorageError):
    """The ledger was closed before this call."""

    code = "LEDGER_CLOSED"


class UnknownStorage(LedgerError, LookupError):
    """The URL names no installed adapter; `.known` lists those that are. There is no fallback."""

    code = "UNKNOWN_STORAGE"
