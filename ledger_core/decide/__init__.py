"""Decide: (records, command) -> changes, or a refusal. Pure: the clock, the sequence and the records are passed in.

`decide` takes the union of commands apart; each idea has its module. A decision that stages no change is a
no-op: the command was a repeat. Refusals are raised before or while staging; a draft is thrown away with them.
"""

from typing import assert_never

from ledger_core.commands import (
    AcceptOrder,
    AnyCommand,
    ArchiveRecords,
    BookFill,
    BustFill,
    CloseTrade,
    CorrectFill,
    CreateTrade,
    EndOrderDay,
    NoteOrder,
    NoteUpkeep,
    RecordAdjustment,
    RecordOrder,
    RejectRequest,
    ReopenPositions,
    ReplaceOrder,
    ReportStatus,
    RequestCancel,
    RequestReplace,
    ResolveQuarantined,
    RestateOrder,
    RestoreRecords,
    SetCheckpoint,
    SkipEntry,
    UpdateFee,
    UpdateTrade,
)
from ledger_core.decide import (
    adjustments,
    archiving,
    fills,
    orders,
    quarantine,
    repeats,
    reports,
    requests,
    revisions,
    trades,
)
from ledger_core.decide.draft import Draft
from ledger_core.model import Key, RecordKind

Answer = tuple[RecordKind, Key]
"""Which record a command answers with."""


def decide(draft: Draft, command: AnyCommand) -> Answer:
    """Stage what the command changes, retries of quarantined facts included, and say which record answers."""
    has_id = command.command_id is not None
    repeated = repeats.known_command(draft, command) if has_id else None
    if repeated is not None:
        return repeated
    answer = _decide_one(draft, command)
    if draft.changes:
        if draft.has_waiting_facts():
            quarantine.retry_waiting(draft, _decide_one)
        if has_id:
            repeats.remember_command(draft, command, answer)
    return answer


def _decide_one(draft: Draft, command: AnyCommand) -> Answer:
    match command:  # the most frequent first
        case BookFill():
            return fills.book_fill(draft, command)
        case AcceptOrder():
            return orders.accept(draft, command)
        case RecordOrder():
            return orders.record_order(draft, command)
        case NoteOrder():
            return orders.note(draft, command)
        case RequestCancel() | RequestReplace():
            return requests.request(draft, command)
        case ReplaceOrder():
            return requests.replace(draft, command)
        case RejectRequest():
            return requests.reject(draft, command)
        case RestateOrder():
            return orders.restate(draft, command)
        case EndOrderDay():
            return orders.end_day(draft, command)
        case BustFill():
            return revisions.bust(draft, command)
        case CorrectFill():
            return revisions.correct(draft, command)
        case UpdateFee():
            return revisions.update_fee(draft, command)
        case ReportStatus():
            return reports.report(draft, command)
        case RecordAdjustment():
            return adjustments.record_adjustment(draft, command)
        case ResolveQuarantined():
            return quarantine.resolve(draft, command, _decide_one)
        case SkipEntry():
            return repeats.skip_entry(draft, command)
        case NoteUpkeep():
            return repeats.note_upkeep(draft, command)
        case CreateTrade():
            return trades.create(draft, command)
        case UpdateTrade():
            return trades.update(draft, command)
        case CloseTrade():
            return trades.close(draft, command)
        case ArchiveRecords():
            return archiving.archive(draft, command)
        case RestoreRecords():
            return archiving.restore(draft, command)
        case ReopenPositions():
            return archiving.reopen(draft, command)
        case SetCheckpoint():
            return archiving.set_checkpoint(draft, command)
        case _:
            assert_never(command)
