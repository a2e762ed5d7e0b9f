"""Laws of whose a store is: several writers, several strategies, readers, and the closed."""

from collections.abc import Callable, Sequence

import pytest

from ledger_core.changes import GENESIS_DIGEST, Cursor, Entry, Head
from ledger_core.errors import Conflict, InvalidValue, LedgerClosed, ReadOnlyLedger, SubscriberInUse
from ledger_core.model import Record, RecordKind
from ledger_core.repository import LedgerRepository, Query
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import STRATEGY, TEXTS, entries, entry, fill, head_after, order

EMPTY = Head(0, GENESIS_DIGEST)
OTHER = "momentum-2"


class OwnershipLaws(Setting):
    """What repositories on one store owe each other."""

    def test_a_repository_says_what_it_was_opened_for(self, open_repository: Opener) -> None:
        """`strategy_id` and `read_only` are those that it was opened with."""
        writer = open_repository()
        writer.append([entry(EMPTY)])
        reader = open_repository(OTHER, read_only=True)
        assert (writer.strategy_id, writer.read_only) == (STRATEGY, False)
        assert (reader.strategy_id, reader.read_only) == (OTHER, True)

    def test_commits_are_seen_at_once(self, open_repository: Opener) -> None:
        """What one repository appended every other one on the store sees at its next call of any method."""
        first, second = open_repository(), open_repository()
        watchers = (second, open_repository(read_only=True))
        writers = (first, second, first)
        for number, writer in enumerate(writers, 1):
            record = order("O-1", reason=f"{number}", version=number, sequence=1)
            given = entry(writer.head(), record, order(f"P-{number}"), subject="O-1")
            writer.append([given])
            for watcher in watchers:
                assert watcher.head() == head_after(given)
                assert watcher.load(RecordKind.ORDER, ("O-1",)) == record
                assert len(watcher.find(Query(kind=RecordKind.ORDER))) == number + 1
                assert watcher.read(number - 1)[0] == given
                assert len(watcher.read(0, subject="O-1")) == number

    def test_a_stale_writer_gets_a_conflict(self, open_repository: Opener) -> None:
        """A writer that another has passed gets Conflict, stores nothing, and may go on from the new head."""
        first, second = open_repository(), open_repository()
        stale = second.head()
        given = entry(EMPTY, order("O-1", reason="first"))
        first.append([given])
        with pytest.raises(Conflict):
            second.append(entries(stale, [order("O-1", reason="second")], [order("O-2")]))
        for repository in (first, second):
            assert list(repository.read(0)) == [given]
            assert list(repository.find(Query(kind=RecordKind.ORDER))) == list(given.records)
        second.append([entry(second.head(), order("O-2"))])
        assert first.head().sequence == 2

    def test_strategies_do_not_see_each_other(self, open_repository: Opener) -> None:
        """Strategies in one store have heads, entries and records of their own, even under equal ids."""
        mine, theirs = open_repository(), open_repository(OTHER)
        ours: dict[str, list[Entry]] = {}
        for repository, reason in ((mine, "mine"), (theirs, "theirs")):
            name = repository.strategy_id
            parts: list[Sequence[Record]] = [
                [order("O-1", reason=reason), fill("F-1", venue=reason)],
                [order(f"{reason}")],
            ]
            ours[name] = entries(EMPTY, *parts, strategy_id=name, subject="O-1")
            repository.append(ours[name])
        theirs.append([entry(theirs.head(), order("O-9"), strategy_id=OTHER)])
        for repository, reason, count in ((mine, "mine", 2), (theirs, "theirs", 3)):
            given = ours[repository.strategy_id]
            assert repository.head().sequence == count
            assert list(repository.read(0))[:2] == given
            assert list(repository.read(0, subject="O-1")) == given
            assert repository.load(RecordKind.ORDER, ("O-1",)) == given[0].records[0]
            assert repository.load(RecordKind.FILL, ("O-1", "F-1")) == given[0].records[1]
            assert len(repository.find(Query(kind=RecordKind.ORDER))) == count
            assert [one.key for one in repository.find(Query(kind=RecordKind.FILL, where={"venue": reason}))] == [
                ("O-1", "F-1")
            ]
            assert len(repository.find(Query(kind=RecordKind.FILL))) == 1
        assert mine.load(RecordKind.ORDER, ("O-9",)) is None

    def test_entries_of_another_strategy_are_refused(self, open_repository: Opener) -> None:
        """An append with an entry of another strategy raises InvalidValue and stores nothing in either."""
        mine, theirs = open_repository(), open_repository(OTHER)
        given = entry(EMPTY, order("O-1"))
        foreign = entry(head_after(given), order("O-2"), strategy_id=OTHER)
        for entries_given in ([given, foreign], [entry(EMPTY, order("O-2"), strategy_id=OTHER)]):
            with pytest.raises(InvalidValue):
                mine.append(entries_given)
        for repository in (mine, theirs):
            assert repository.head() == EMPTY
            assert list(repository.find(Query(kind=RecordKind.ORDER))) == []

    def test_strategies_have_cursors_of_their_own(self, open_repository: Opener) -> None:
        """A subscriber's name is free in every strategy, and stands in each where it was put there."""
        mine, theirs = open_repository(), open_repository(OTHER)
        assert mine.claim("monitor") == theirs.claim("monitor") == Cursor("monitor", 0)
        mine.append([entry(EMPTY)], [Cursor("monitor", 1)])
        assert theirs.claim("monitor").sequence == 0
        mine.close()
        with pytest.raises(LedgerClosed):
            mine.claim("monitor")
        assert open_repository().claim("monitor").sequence == 1

    def test_strategies_lists_those_with_an_entry(self, open_repository: Opener) -> None:
        """`strategies` lists, sorted, the ids of every strategy that has an entry, and of no other."""
        first = open_repository()
        assert list(first.strategies()) == []
        names = (STRATEGY, OTHER, *TEXTS, "Z")
        opened = [open_repository(name) for name in names]
        opened[0].claim("monitor")
        assert list(first.strategies()) == []
        for count, repository in enumerate(opened, 1):
            repository.append([entry(EMPTY, strategy_id=repository.strategy_id)])
            assert list(first.strategies()) == sorted(names[:count])
        assert list(open_repository(OTHER, read_only=True).strategies()) == sorted(names)

    def test_read_only_reads(self, open_repository: Opener) -> None:
        """A repository opened read-only answers head, load, find, read and strategies."""
        given = entry(EMPTY, order())
        open_repository().append([given])
        reader = open_repository(read_only=True)
        assert reader.head() == head_after(given)
        assert reader.load(RecordKind.ORDER, ("O-1",)) == given.records[0]
        assert list(reader.find(Query(kind=RecordKind.ORDER))) == list(given.records)
        assert list(reader.read(0)) == [given]
        assert list(reader.strategies()) == [STRATEGY]

    def test_read_only_writes_nothing(self, open_repository: Opener) -> None:
        """Opened read-only, append and claim raise ReadOnlyLedger and change nothing."""
        writer = open_repository()
        given = entry(EMPTY, order())
        writer.append([given])
        reader = open_repository(read_only=True)
        for refused in (
            lambda: reader.append([entry(reader.head(), order("O-2"))]),
            lambda: reader.append([entry(EMPTY, order("O-2"))]),
            lambda: reader.append([], [Cursor("monitor", 1)]),
            lambda: reader.claim("monitor"),
            reader.confirm_end,
            reader.alone,
        ):
            with pytest.raises(ReadOnlyLedger):
                refused()
        assert list(writer.read(0)) == [given]
        assert list(writer.find(Query(kind=RecordKind.ORDER))) == list(given.records)
        assert writer.claim("monitor") == Cursor("monitor", 0)

    def test_closed_is_closed(self, open_repository: Opener) -> None:
        """After `close` every method raises LedgerClosed, also of a reader, and nothing has changed."""
        other = open_repository()
        given = entry(EMPTY, order())
        other.append([given])
        for read_only in (False, True):
            repository = open_repository(read_only=read_only)
            repository.close()
            for call in _calls(repository, head_after(given)):
                with pytest.raises(LedgerClosed):
                    call()
        assert list(other.read(0)) == [given]
        assert other.claim("monitor") == Cursor("monitor", 0)

    def test_who_closes_ends_well(self, open_repository: Opener) -> None:
        """A store whose writers were closed, or are idle, ended well, and so says whoever opens it; readers too."""
        first, second = open_repository(), open_repository()
        assert not first.ended_uncleanly
        first.append([entry(EMPTY, order())])
        first.close()
        for read_only in (False, True):
            assert not open_repository(read_only=read_only).ended_uncleanly
        second.confirm_end()
        second.append([entry(second.head(), order("O-2"))])
        assert not second.ended_uncleanly

    def test_close_may_be_repeated(self, open_repository: Opener) -> None:
        """A second `close` does nothing, not even to who has claimed in the meantime."""
        first, second, third = open_repository(), open_repository(), open_repository()
        first.claim("monitor")
        first.close()
        second.claim("monitor")
        first.close()
        first.close()
        with pytest.raises(SubscriberInUse):
            third.claim("monitor")
        second.append([entry(EMPTY, order())])
        assert second.head().sequence == 1

    def test_close_leaves_others_open(self, open_repository: Opener) -> None:
        """Closing one repository leaves every other one on the store at work."""
        first, second = open_repository(), open_repository()
        reader = open_repository(read_only=True)
        first.append([entry(EMPTY, order("O-1"))])
        first.close()
        second.append([entry(second.head(), order("O-2"))])
        assert reader.head() == second.head()
        assert len(reader.find(Query(kind=RecordKind.ORDER))) == 2


def _calls(repository: LedgerRepository, head: Head) -> Sequence[Callable[[], object]]:
    return (
        repository.head,
        lambda: repository.load(RecordKind.ORDER, ("O-1",)),
        lambda: repository.find(Query(kind=RecordKind.ORDER)),
        lambda: repository.read(0),
        lambda: repository.append([entry(head, order("O-2"))]),
        lambda: repository.append([]),
        lambda: repository.claim("monitor"),
        lambda: repository.ended_uncleanly,
        repository.alone,
        repository.strategies,
        lambda: repository.read_raw(0),
        lambda: repository.scan(RecordKind.ORDER),
        lambda: list(repository.audit()),
        lambda: repository.restore([]),
    )
