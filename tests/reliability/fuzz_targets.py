"""What is fuzzed: each decoder of bytes that may be anybody's, as a plain function of some bytes.

A target returns, whatever the bytes are, and raises only where a promise is broken: another exception than the one
that its subject promises, or something that was decoded and comes back otherwise after it was encoded.
"""

import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import attrs

from ledger_core import (
    InvalidValue,
    LedgerError,
    LedgerRepository,
    RecordKind,
    StorageCorrupt,
    StorageError,
    StrategyLedger,
    checkpoints,
    codec,
    open_repository,
)
from ledger_core import details as read
from ledger_core.changes import GENESIS_DIGEST, Entry, Head, chain
from ledger_core.checks import check_metadata
from ledger_core.commands import (
    AcceptOrder,
    AnyCommand,
    BookFill,
    CloseTrade,
    CorrectFill,
    CreateTrade,
    Operation,
    RecordAdjustment,
    RecordOrder,
    ReportStatus,
    RequestReplace,
    ResolveQuarantined,
    UpdateFee,
    UpdateTrade,
)
from ledger_core.model import Checkpoint, Key, Record
from ledger_core.reconciling import broker_snapshot
from ledger_core.replaying import folded_records
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry, storage_url
from ledger_core.verifying import verify
from ledger_core.views import view_as_of
from ledger_storage_memory import MemoryRepository
from ledger_storage_sqlite._location import CHECKS, DURABILITIES, Location, parse_url
from support import START, SteppingClock
from support.life import live
from support.repositories import AroundRepository

STRATEGY = "alpha"
ENTRIES_MAX = 64
"""How many lines of a fuzzed journal are read."""


class BrokenPromise(AssertionError):
    """Something came back otherwise than it went."""


def require(holds: object, what: str) -> None:
    """Raise BrokenPromise unless it holds; an assert would vanish under -O."""
    if not holds:
        raise BrokenPromise(what)


# -- the codec ----------------------------------------------------------------------------------------------------


def entry(data: bytes) -> None:
    """Decode a journal entry: StorageCorrupt, or an entry whose changes survive being written and read again."""
    try:
        loaded = codec.load_entry(data, GENESIS_DIGEST)
    except StorageCorrupt:
        return
    written = _rewritten(loaded)
    again = codec.load_entry(written, GENESIS_DIGEST)
    require(_told(again) == _told(loaded), "an entry comes back otherwise")
    require(_rewritten(again) == written, "an entry is written otherwise the second time")


def _told(loaded: Entry) -> tuple[object, ...]:
    return (loaded.subject, loaded.command_id, loaded.occurred_at, loaded.recorded_at, loaded.changes)


def _rewritten(loaded: Entry) -> bytes:
    return codec.dump_body(
        strategy_id=loaded.strategy_id,
        sequence=loaded.sequence,
        operation=loaded.operation,
        subject=loaded.subject,
        command_id=loaded.command_id,
        occurred_at=loaded.occurred_at,
        recorded_at=loaded.recorded_at,
        documents=[codec.dump_change(change) for change in loaded.changes],
    )


def record(data: bytes) -> None:
    """Decode a stored record, of the kind that the first byte says: StorageCorrupt, or one that comes back as it is."""
    stored = _json(data[1:])
    kinds = list(RecordKind)
    kind = kinds[data[0] % len(kinds)] if data else kinds[0]
    try:
        loaded = codec.load_record(kind, stored)
    except StorageCorrupt:
        return
    written = codec.canonical_json(codec.dump_record(loaded))
    again = codec.load_record(kind, json.loads(written))
    require(again == loaded, f"a {kind} comes back otherwise")
    require(codec.canonical_json(codec.dump_record(again)) == written, f"a {kind} is written otherwise the second time")


def command(data: bytes) -> None:
    """Decode a command, as quarantine keeps it: StorageCorrupt, or one that comes back as it is."""
    try:
        loaded = codec.load_command(_json(data))
    except StorageCorrupt:
        return
    _require_kept(loaded)


def _require_kept(given: AnyCommand) -> None:
    written = codec.canonical_json(codec.dump_command(given))
    require(codec.load_command(json.loads(written)) == given, f"a {given.operation} comes back otherwise")


# -- the journal --------------------------------------------------------------------------------------------------


class FuzzedJournal(AroundRepository):
    """A repository whose journal is these lines, chained as a journal is, with the records of an honest life."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        """Chain the lines."""
        super().__init__(_lived())
        self.entries: list[RawEntry] = []
        digest = GENESIS_DIGEST
        for sequence, body in enumerate(lines, 1):
            digest = chain(digest, body)
            self.entries.append(RawEntry(sequence, _of(body, "recorded_at") or "", _of(body, "subject"), body, digest))

    def head(self) -> Head:
        """Return the last line's digest."""
        return Head(len(self.entries), self.entries[-1].digest if self.entries else GENESIS_DIGEST)

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return lines as they are."""
        return self.entries[after : after + limit]

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return lines decoded, which must be where they say that they are, as in every adapter."""
        found = [codec.load_entry(raw.body, raw.digest) for raw in self.entries[after : after + limit]]
        for sequence, one in enumerate(found, after + 1):
            if (one.strategy_id, one.sequence) != (STRATEGY, sequence):
                raise StorageCorrupt(f"entry {sequence} is another's")
        return found


def journal(data: bytes) -> None:
    """Read a journal of one body a line: differences, or a typed error, whoever reads it."""
    repository = FuzzedJournal(data.split(b"\n")[:ENTRIES_MAX])
    verification = verify(repository)
    require(verification.entries == len(repository.entries), "an entry was not verified")
    for reader in (_rebuilt, _looked_back):
        try:
            reader(repository)
        except StorageError:
            continue


class FuzzedCheckpoint(AroundRepository):
    """A repository whose journal was cut, with a page of the checkpoint that is these bytes, compressed."""

    def __init__(self, content: bytes) -> None:
        """Make a checkpoint that vouches for the page."""
        super().__init__(_cut())
        self._page = zlib.compress(content)
        self._sum = checkpoints.Sum()
        self._sum.add(self._page)

    def staged(self, stage: str, page: int) -> bytes | None:
        """Return the page."""
        return self._page if page == 0 else None

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the checkpoint that has this page, and all else as it is."""
        found = super().load(kind, key)
        return attrs.evolve(found, runs=(1,), digest=self._sum.digest) if isinstance(found, Checkpoint) else found


def page(data: bytes) -> None:
    """Read a journal that begins with a checkpoint of these bytes: differences, or a typed error, whoever reads it."""
    repository = FuzzedCheckpoint(data)
    verify(repository)
    for reader in (_rebuilt, lambda one: view_as_of(one, recorded=datetime.max.replace(tzinfo=UTC))):
        try:
            reader(repository)
        except StorageError:
            continue


def _rebuilt(repository: LedgerRepository) -> None:
    for one in folded_records(repository):
        codec.canonical_json(codec.dump_record(one))


def _looked_back(repository: LedgerRepository) -> None:
    view_as_of(repository, recorded=datetime.max.replace(tzinfo=UTC))
    view_as_of(repository, occurred=datetime.max.replace(tzinfo=UTC))


@lru_cache(maxsize=1)
def _lived() -> MemoryRepository:
    """Return the records of the life that the corpus has the journal of."""
    repository = MemoryRepository(strategy_id=STRATEGY)
    live(StrategyLedger(repository, clock=SteppingClock()))
    return repository


@lru_cache(maxsize=1)
def _cut() -> MemoryRepository:
    """Return such a life whose journal was cut at its checkpoint."""
    repository = MemoryRepository(strategy_id=STRATEGY)
    ledger = StrategyLedger(repository, clock=SteppingClock())
    live(ledger)
    ledger.archivist.cut()
    return repository


def _of(body: bytes, name: str) -> str | None:
    stored = _json(body)
    found = stored.get(name) if isinstance(stored, dict) else None
    return found if isinstance(found, str) else None


# -- URLs ---------------------------------------------------------------------------------------------------------


def url(data: bytes) -> None:
    """Take a URL or path apart, and open it for reading where nothing is: a typed error, or a place that comes back."""
    text = _text(data)
    try:
        full = storage_url(text)
        if not full.startswith("sqlite:"):
            return
        location = parse_url(full)
    except InvalidValue:
        return
    _require_named_again(location)
    if os.path.lexists(location.path):
        return  # somebody's file, which is none of ours to open
    try:
        open_repository(text, strategy_id=STRATEGY, read_only=True)
    except LedgerError:
        return
    raise BrokenPromise("a ledger was opened where nothing is")


def _text(data: bytes) -> str:
    """Return bytes as text, lone surrogates included, which a str may hold."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _require_named_again(location: Location) -> None:
    require(location.path.is_absolute(), "a ledger's path is relative")
    require(location.durability in DURABILITIES, "a durability is none")
    require(location.check in CHECKS, "a check is none")
    options = f"durability={location.durability}&busy_timeout={location.busy_timeout!r}&check={location.check}"
    named = f"sqlite:///{quote(os.fsencode(location.path))}?{options}"
    require(parse_url(named) == location, "a place is another when it is named again")


# -- what an importer hands in ------------------------------------------------------------------------------------

_WHEN: dict[str, Any] = {"occurred_at": START}


def _order(operation: Operation) -> dict[str, Any]:
    return {**_WHEN, "operation": operation, "order_id": "O1"}


def _trade(operation: Operation) -> dict[str, Any]:
    return {**_WHEN, "operation": operation, "trade_id": "T1"}


def _order_details(given: object) -> AnyCommand:
    details, placed_at = read.order_details(given)
    require(read.order_details(details) == (details, None), "checked details are others when they are checked again")
    return RecordOrder(**{**_order(Operation.RECORD_ORDER), "occurred_at": placed_at or START}, details=details)


def _fill_details(given: object) -> AnyCommand:
    fill, executed_at = read.fill_details(given)
    require(read.fill_details(fill) == (fill, None), "a checked fill is another when it is checked again")
    return BookFill(**{**_order(Operation.UPDATE_ORDER_FILL), "occurred_at": executed_at or START}, fill=fill)


def _order_changes(given: object) -> AnyCommand | None:
    changes = read.order_changes(given, required=False)
    return None if changes is None else RequestReplace(**_order(Operation.REQUEST_ORDER_REPLACE), changes=changes)


def _status_report(given: object) -> AnyCommand:
    report, venue_order_id = read.status_report(given)
    return ReportStatus(**_order(Operation.REPORT_ORDER_STATUS), report=report, venue_order_id=venue_order_id)


def _adjustment(given: object) -> AnyCommand:
    adjustment, _ = read.adjustment(given)
    common = {**_WHEN, "operation": Operation.RECORD_ADJUSTMENT}
    return RecordAdjustment(**common, adjustment_id="A1", adjustment=adjustment)


def _resolution(given: object) -> AnyCommand:
    order_id, details, reason = read.resolution(given)
    common = {**_WHEN, "operation": Operation.RESOLVE_QUARANTINED, "quarantine_id": "Q-1"}
    return ResolveQuarantined(**common, order_id=order_id, order_details=details, reason=reason)


def _trade_updates(given: object) -> AnyCommand:
    details, order_ids, shares = read.trade_updates(given)
    return UpdateTrade(**_trade(Operation.UPDATE_TRADE), details=details, order_ids=order_ids, shares=shares)


def _exit_data(given: object) -> AnyCommand:
    return CloseTrade(**_trade(Operation.CLOSE_TRADE), **read.exit_data(given)[0])


def _snapshot(given: object) -> None:
    told = broker_snapshot(given)
    require(broker_snapshot(told) == told, "a checked snapshot is another when it is checked again")


def _metadata(given: object) -> None:
    kept = check_metadata(given, "metadata")
    require(json.loads(codec.canonical_json(kept)) == given, "metadata come back otherwise")


PARSERS: Mapping[str, Callable[[Any], AnyCommand | None]] = {
    "acceptance_data": lambda given: AcceptOrder(**_order(Operation.UPDATE_ORDER_ACCEPTANCE), **read.acceptance_data(given)),
    "adjustment": _adjustment,
    "correction": lambda given: CorrectFill(
        **_order(Operation.CORRECT_ORDER_FILL), fill_id="F1", correction=read.correction(given)
    ),
    "exit_data": _exit_data,
    "fees": lambda given: UpdateFee(**_order(Operation.UPDATE_FILL_FEE), fill_id="F1", fees=read.fees(given)),
    "fill_details": _fill_details,
    "metadata": _metadata,
    "order_changes": _order_changes,
    "order_details": _order_details,
    "resolution": _resolution,
    "snapshot": _snapshot,
    "status_report": _status_report,
    "trade_details": lambda given: CreateTrade(
        **_trade(Operation.CREATE_TRADE), order_ids=("O1",), details=read.trade_details(given)
    ),
    "trade_updates": _trade_updates,
}  # fmt: skip
"""What each argument that is a mapping comes to, as a command where there is one."""


def details(data: bytes) -> None:
    """Check what was given, by the parser that the first byte says: InvalidValue, or a command that can be stored."""
    parsers = list(PARSERS.values())
    parse = parsers[data[0] % len(parsers)] if data else parsers[0]
    try:
        made = parse(_foreign_json(data[1:]))
    except InvalidValue:
        return
    if made is not None:
        _require_kept(made)


def _json(data: bytes) -> Any:
    """Return the value behind JSON as the ledger reads its own; of what is none, None."""
    try:
        return codec.load_json(data)
    except ValueError:
        return None


def _foreign_json(data: bytes) -> Any:
    """Return the value behind JSON as Python reads anybody's, NaN included; of what is none, None."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


Target = Callable[[bytes], None]
TARGETS: Mapping[str, Target] = {
    "command": command,
    "details": details,
    "entry": entry,
    "journal": journal,
    "page": page,
    "record": record,
    "url": url,
}
"""Every target by its name."""
