"""Decide whether a command with a command_id was given before: the same content is a repeat, other is a conflict."""

from collections.abc import Mapping
from typing import Any

from ledger_core._frozen import FrozenDict, freeze
from ledger_core.changes import EventType
from ledger_core.commands import AnyCommand, NoteUpkeep, SkipEntry
from ledger_core.decide.draft import Draft, archived_error
from ledger_core.errors import IdempotencyConflict
from ledger_core.model import CommandRecord, Key, RecordKind

_IGNORED = frozenset({"operation", "occurred_at", "command_id", "reason", "liquidity", "metadata"})


def content(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what of a command, as JSON, counts when a repeat is compared: never times, reasons, metadata."""
    counted = {name: _counted(value) for name, value in stored.items() if name not in _IGNORED}
    if counted.get("order_ids"):  # a set: in which order a trade's orders are named says nothing
        counted["order_ids"] = tuple(sorted(counted["order_ids"]))
    return FrozenDict(counted)


def _counted(value: Any) -> Any:
    return content(value) if isinstance(value, Mapping) else freeze(value)


def known_command(draft: Draft, command: AnyCommand) -> tuple[RecordKind, Key] | None:
    """Return what answers a repeat of a command that has an id; None for one not seen before."""
    key = _key(command)
    known = draft.get(RecordKind.COMMAND, key)
    if known is None:
        _refuse_archived(draft, command, key)
        return None
    assert isinstance(known, CommandRecord), "kind COMMAND"
    given = content(draft.json_of(command))
    recorded = dict(known.content)
    answer = recorded.pop("answer")
    if recorded != given:
        raise IdempotencyConflict(
            f"command {command.command_id!r} of {command.operation} is known with other content",
            recorded=recorded,
            given=given,
        )
    return RecordKind(answer[0]), (answer[1],)


def _refuse_archived(draft: Draft, command: AnyCommand, key: Key) -> None:
    """Raise Archived for a repeat of a command that was archived, IdempotencyConflict where it says otherwise."""
    known = draft.archived(RecordKind.COMMAND, key)
    if known is None:
        return
    given = content(draft.json_of(command))
    if draft.digest_of(given) not in known.contents:
        raise IdempotencyConflict(
            f"command {command.command_id!r} of {command.operation} is known with other content; what it was is in"
            f" archive {known.archive_id!r}",
            recorded=known,
            given=given,
        )
    raise archived_error(RecordKind.COMMAND, key, known, is_repeat=True)


def remember_command(draft: Draft, command: AnyCommand, answer: tuple[RecordKind, Key]) -> None:
    """Stage what makes a repeat of this command, which has an id, known for ever."""
    stored = {**content(draft.json_of(command)), "answer": (answer[0].value, *answer[1])}
    draft.create(RecordKind.COMMAND, _key(command), {"content": FrozenDict(stored)})


def skip_entry(draft: Draft, command: SkipEntry) -> tuple[RecordKind, Key]:
    """Stage the note that a subscriber does not get an entry; its command is known by both, so it is noted once."""
    key = (command.operation.value, command.subscriber, str(command.entry_sequence))
    if draft.get(RecordKind.COMMAND, key) is None:
        facts = {"subscriber": command.subscriber, "skipped": command.entry_sequence, "reason": command.reason}
        draft.create(
            RecordKind.COMMAND,
            key,
            {"content": FrozenDict({"reason": command.reason})},
            event_type=EventType.ENTRY_SKIPPED,
            facts=facts,
        )
    return RecordKind.COMMAND, key


def note_upkeep(draft: Draft, command: NoteUpkeep) -> tuple[RecordKind, Key]:
    """Stage the note of what was done to the store."""
    key = (command.operation.value, command.upkeep, str(draft.sequence))
    draft.create(
        RecordKind.COMMAND,
        key,
        {"content": FrozenDict({"reason": command.reason})},
        event_type=EventType.UPKEEP_NOTED,
        facts={"upkeep": command.upkeep, "reason": command.reason},
    )
    return RecordKind.COMMAND, key


def _key(command: AnyCommand) -> Key:
    assert command.command_id is not None, "a command without an id is not looked for"
    return (command.operation.value, command.target or "", command.command_id)
