"""Archive closed history: let it go once it is safe elsewhere, and take it back.

An archive is somebody else's business to write (`ledger_interop.archive` writes Parquet). In this order, nothing is
ever lost: `archivable` generates groups of records that belong together; the caller copies them, reads the copy back
and compares; `let_go` then removes them, each only if it still is what was copied. Groups go entry by entry, so
whatever stops in between goes on with what is left. `take_back` takes the records of an archive in again, the last
archive first.

The journal goes as a whole, up to an entry: once an archive holds its entries, `set_checkpoint` notes what they come
to, and `cut` removes them. From there on the rest is verified and folded from the checkpoint.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import cast

import attrs

from ledger_core import checks as check
from ledger_core.archivable import Group, Search, stays_of
from ledger_core.changes import Entry, Head
from ledger_core.checkpoints import Sum, base_of, checkpoint_of, has_pages, pages_of, records_at
from ledger_core.commands import (
    AnyCommand,
    ArchiveRecords,
    Operation,
    ReopenPositions,
    RestoreRecords,
    SetCheckpoint,
)
from ledger_core.decide.archiving import ARCHIVABLE
from ledger_core.errors import CommandRefused, InvalidValue, ReadOnlyLedger, StorageBusy, StorageCorrupt
from ledger_core.model import (
    RECORD_TYPES,
    ArchivedRecord,
    Checkpoint,
    Key,
    Opening,
    Position,
    Record,
    RecordKind,
    key_behind,
)
from ledger_core.replaying import folded_runs
from ledger_core.repository import LedgerRepository, Query, all_pages, archived_in
from ledger_core.verifying import verify
from ledger_core.writing import Writer

GROUPS_MAX = 100
"""How many groups go in one entry at most."""

RECORDS_MAX = 1_000
"""How many records go in one entry, unless a single group is larger: it is written in one transaction."""

_RECORDS = frozenset(RECORD_TYPES.values())


@attrs.frozen
class Cut:
    """How far a journal is cut: the checkpoint, the first entry that is left, and who holds up the rest."""

    checkpoint: Checkpoint
    first_left: int
    held_by: tuple[str, ...]


class Archivist:
    """Finds what may go from a ledger to an archive, lets it go, and takes it back."""

    def __init__(
        self,
        repository: LedgerRepository,
        writer: Writer,
        execute: Callable[[AnyCommand], Record],
        deliver: Callable[[], None],
    ) -> None:
        """Serve one ledger; use its `archivist`."""
        self._repository = repository
        self._writer = writer
        self._execute = execute
        self._deliver = deliver

    @property
    def has_archived(self) -> bool:
        """Whether anything of this ledger ever went to an archive."""
        return bool(self._repository.find(Query(kind=RecordKind.ARCHIVED, limit=1)))

    @property
    def is_missing_records(self) -> bool:
        """Whether anything of this ledger is in an archive now."""
        where = {"is_restored": False}
        return bool(self._repository.find(Query(kind=RecordKind.ARCHIVED, where=where, limit=1)))

    def live_openings(self) -> dict[Key, Opening]:
        """Return where the live history of positions begins, by their keys, of those whose history is in archives."""
        if not self.has_archived:
            return {}
        found = all_pages(self._repository.find, Query(kind=RecordKind.POSITION))
        positions = (one for one in found if isinstance(one, Position))
        return {one.key: one.opening for one in positions if one.opening is not None}

    def archivable(self, before: datetime) -> Iterator[Group]:
        """Generate the groups that may go: all over, with nothing in them that happened at `before` or later.

        Fills must lie at or before a point, itself before `before`, at which their position was flat. Others may write
        meanwhile: `let_go` looks again at each record.
        """
        moment = check.check_time(before, "before")
        self._writer.catch_up()
        return Search(self._repository, self._writer, moment).groups()

    def let_go(self, archive_id: str, groups: Iterable[Group]) -> Iterator[tuple[Group, str | None]]:
        """Let groups go that an archive holds; generate each, with None, or with the reason for which it stayed.

        A group stays if a record of it changed since it was copied, or something that came since needs it. What went
        already is passed over, so a run that was stopped may simply begin again.
        """
        named = check.check_id(archive_id, "archive_id")
        waiting: list[Group] = []
        size = 0
        for given in groups:
            group = _checked(given)
            if waiting and (size + len(group) > RECORDS_MAX or len(waiting) == GROUPS_MAX):
                yield from self._let_go(named, waiting)
                waiting, size = [], 0
            waiting.append(group)
            size += len(group)
        if waiting:
            yield from self._let_go(named, waiting)

    def has_gone(self, archive_id: str, record: Record) -> bool:
        """Say whether a record went to this archive and did not come back."""
        known = archived_in(self._repository, record.kind, record.key)
        return known is not None and known.archive_id == archive_id

    def openings(self, archive_id: str) -> dict[Key, Opening]:
        """Return where the positions begin that an archive moved on last, by their keys."""
        return {key: self._opening_of(key) for key in self._moved_by(archive_id)}

    def take_back(self, archive_id: str, groups: Iterable[Group]) -> int:
        """Take all records of an archive in again, and positions back to where they began before it; count the records.

        `groups` are all that went. Raises InvalidValue where a record is not the one that went, where one is left out,
        or where a later archive is to be restored first; what came back until then stays, and the call may be repeated.
        """
        named = check.check_id(archive_id, "archive_id")
        self._refuse_out_of_turn(named)
        restored = 0
        for given in groups:
            group = _checked(given)
            self._execute(
                RestoreRecords(
                    operation=Operation.RESTORE_RECORDS,
                    occurred_at=self._writer.now(),
                    archive_id=named,
                    records=group,
                )
            )
            restored += len(group)
        for kind in sorted(ARCHIVABLE):
            for missing in self._repository.find(_gone_to(named, kind)):
                raise InvalidValue(
                    f"{kind.lower()} {cast(ArchivedRecord, missing).record_key} of archive {named!r} is not among the"
                    " groups",
                    argument="groups",
                )
        keys = self._moved_by(named)
        if keys:
            self._execute(
                ReopenPositions(
                    operation=Operation.REOPEN_POSITIONS,
                    occurred_at=self._writer.now(),
                    archive_id=named,
                    keys=tuple(keys),
                )
            )
        return restored

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint, whether or not the journal was cut there."""
        return checkpoint_of(self._repository)

    @property
    def base(self) -> Checkpoint | None:
        """The checkpoint that the journal is folded from, as what lies before was cut; None where it is whole."""
        return base_of(self._repository)

    def journal_before(self, before: datetime) -> Head | None:
        """Return the last entry before a moment that a new checkpoint may be set at, if there is one."""
        moment = check.check_time(before, "before")
        checkpoint = self.checkpoint
        first = 0 if checkpoint is None else checkpoint.cut_sequence
        low, high = first, self._repository.head().sequence
        while low < high:  # times of entries do not go back
            middle = (low + high + 1) // 2
            if self._entry(middle).recorded_at < moment:
                low = middle
            else:
                high = middle - 1
        if low == first:
            return None
        entry = self._entry(low)
        return Head(entry.sequence, entry.digest, entry.recorded_at)

    def set_checkpoint(self, archive_id: str, through: Head) -> Checkpoint:
        """Note what the journal comes to up to an entry, all of which an archive holds; see `journal_before`.

        The journal is verified and folded up to there, which takes as long as to rebuild from it; commands go on
        meanwhile. What is kept of it is read back before it counts. The same again changes nothing. Raises InvalidValue
        for an entry that is not the journal's, or that lies before the last checkpoint; StorageCorrupt for a journal
        whose chain is broken, or whose entries come to no records.
        """
        named, known = check.check_id(archive_id, "archive_id"), self.checkpoint
        if type(through) is not Head:
            raise InvalidValue("through must be a Head", argument="through", value=through)
        sequence = check.check_count(through.sequence, "through.sequence", minimum=1)
        if self._repository.read_only:
            raise ReadOnlyLedger("a checkpoint needs a ledger opened for writing")
        if known is not None and Head(known.cut_sequence, known.cut_digest) == through:
            return known
        if self._digest_at(sequence) != through.digest:
            raise InvalidValue("through is no entry of the journal", argument="through", value=through)
        chain = verify(self._repository, chain_only=True, chain_key=self._writer.chain_key)
        if not chain.is_intact:
            raise StorageCorrupt(
                f"the journal is damaged, so no checkpoint is made of it: {chain.differences[0]}",
                differences=chain.differences,
            )
        made = self._kept(named, self._entry(sequence))
        command = SetCheckpoint(
            operation=Operation.SET_CHECKPOINT,
            occurred_at=self._writer.now(),
            archive_id=made.archive_id,
            cut_sequence=made.cut_sequence,
            cut_digest=made.cut_digest,
            cut_at=made.cut_at,
            stage=made.stage,
            runs=made.runs,
            digest=made.digest,
        )
        # Alone: whoever sets another, or cuts, removes pages that no checkpoint has yet.
        with self._writer.lock, self._repository.alone():
            if not has_pages(self._repository, made):
                raise StorageBusy("the pages of the checkpoint were written by another at the same time: begin again")
            self._writer.execute(command)
        self._deliver()
        set_now = self.checkpoint
        assert set_now is not None, "it was just set"
        return set_now

    def cut(self) -> Cut:
        """Remove the journal up to the checkpoint, as far as every subscriber has come; say how far that is.

        Raises InvalidValue where there is no checkpoint, StorageCorrupt, with nothing removed, where it is damaged.
        """
        checkpoint = self.checkpoint
        if checkpoint is None:
            raise InvalidValue("there is no checkpoint to cut the journal at")
        if not has_pages(self._repository, checkpoint):
            raise StorageCorrupt("the pages of the checkpoint are not those that were written: nothing was cut")
        self._writer.store_cursors()
        holding = self._repository.cut(checkpoint.cut_sequence)
        first = self._repository.read_raw(0, 1)
        return Cut(checkpoint, first[0].sequence, tuple(cursor.subscriber for cursor in holding))

    def records_at_cut(self, kind: RecordKind) -> Iterator[Record]:
        """Generate the records of a kind that the journal, as far as it is left, begins with: none if it is whole."""
        base = self.base
        if base is not None:
            yield from (one.record() for one in records_at(self._repository, base) if one.kind is kind)

    def _kept(self, archive_id: str, entry: Entry) -> Checkpoint:
        """Keep what the journal comes to up to an entry, and read it back."""
        stage, runs, found, count = f"{entry.sequence} {archive_id}", list[int](), Sum(), 0

        def pages() -> Iterator[bytes]:
            nonlocal count
            for run in folded_runs(self._repository, entry.sequence):
                count += len(run)
                runs.append(0)
                for page in pages_of(run):
                    runs[-1] += 1
                    found.add(page)
                    yield page

        self._repository.stage(stage, pages())
        made = Checkpoint(
            archive_id=archive_id,
            cut_sequence=entry.sequence,
            cut_digest=entry.digest,
            cut_at=entry.recorded_at,
            stage=stage,
            runs=tuple(runs),
            digest=found.digest,
        )
        if has_pages(self._repository, made) and sum(1 for _ in records_at(self._repository, made)) != count:
            raise StorageCorrupt(  # pragma: no cover  # what is left out of pages is a mistake of ours
                "the pages of the checkpoint are not read as they were written"
            )
        return made

    def _entry(self, sequence: int) -> Entry:
        found = self._repository.read(sequence - 1, 1)
        if not found or found[0].sequence != sequence:
            raise StorageBusy("the journal was cut while it was read: begin again")
        return found[0]

    def _digest_at(self, sequence: int) -> str | None:
        found = self._repository.read_raw(sequence - 1, 1)
        return found[0].digest if found and found[0].sequence == sequence else None

    def _let_go(self, archive_id: str, groups: list[Group]) -> Iterator[tuple[Group, str | None]]:
        """Let some groups go in one entry; where that is refused, one by one."""
        command = ArchiveRecords(
            operation=Operation.ARCHIVE_RECORDS,
            occurred_at=self._writer.now(),
            archive_id=archive_id,
            records=tuple(stays_of(record, archive_id) for group in groups for record in group),
        )
        try:
            self._execute(command)
        except CommandRefused as refusal:
            if len(groups) == 1:
                yield groups[0], refusal.message
                return
            for group in groups:
                yield from self._let_go(archive_id, [group])
            return
        for group in groups:
            yield group, None

    def _refuse_out_of_turn(self, archive_id: str) -> None:
        for key in self._moved_by(archive_id):
            later = self._opening_of(key).archive_id
            if later != archive_id:
                raise InvalidValue(
                    f"archive {later!r} is later than {archive_id!r}: restore it first",
                    argument="archive_id",
                    value=archive_id,
                )

    def _opening_of(self, key: Key) -> Opening:
        """Return where a position begins that an archive moved on."""
        position = self._repository.load(RecordKind.POSITION, key)
        if not isinstance(position, Position) or position.opening is None:
            raise StorageCorrupt(
                f"the position {'/'.join(key)!r}, or where it begins since it was archived, is not there: verify the"
                " ledger",
                key=key,
            )
        return position.opening

    def _moved_by(self, archive_id: str) -> list[Key]:
        """Return the keys of the positions whose history was archived."""
        found = all_pages(self._repository.find, _gone_to(archive_id, RecordKind.POSITION))
        return [(key_behind(cast(ArchivedRecord, one).record_key) or ())[1:] for one in found]


def _checked(group: object) -> Group:
    """Return a group; raise InvalidValue for what is no tuple of records, or an empty one."""
    if type(group) is not tuple or not group or not all(type(record) in _RECORDS for record in group):
        raise InvalidValue(
            "groups must be tuples of records, as `archivable` or an archive gives them",
            argument="groups",
            value=group,
        )
    return group


def _gone_to(archive_id: str, kind: RecordKind) -> Query:
    where = {"archive_id": archive_id, "record_kind": kind, "is_restored": False}
    return Query(kind=RecordKind.ARCHIVED, where=where)
