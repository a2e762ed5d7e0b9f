"""Laws of threads: any may call any method at any time, and each sees whole entries or nothing of them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier, Event
from typing import cast

from ledger_core.changes import GENESIS_DIGEST, Cursor, Entry, Head, chain
from ledger_core.errors import Conflict, LedgerError, StorageBusy
from ledger_core.model import Order, RecordKind
from ledger_core.repository import LedgerRepository, Query
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import entry, head_after, order

WRITERS = 4
ENTRIES_EACH = 15
ATTEMPTS_MAX = 20_000
ROUNDS = 40


class ConcurrencyLaws(Setting):
    """What every method promises to threads."""

    def test_writers_with_repositories_of_their_own(self, open_repository: Opener) -> None:
        """Threads that append through their own repositories, and retry, make one chain, each entry once."""
        repositories = [open_repository() for _ in range(WRITERS)]
        _race(repositories)
        _check_one_chain(repositories[0])

    def test_writers_that_share_a_repository(self, open_repository: Opener) -> None:
        """Threads that append through one repository, and retry, make one chain, each entry once."""
        repository = open_repository()
        _race([repository] * WRITERS)
        _check_one_chain(repository)

    def test_a_head_is_never_seen_without_its_records(self, open_repository: Opener) -> None:
        """Whoever sees a head finds its entry and records at least as new, from any thread or repository."""
        writer = open_repository()
        writer.append([entry(writer.head(), order("O-1"), order("O-2"))])
        readers = [writer, open_repository(), open_repository(read_only=True)]
        started, failed = Barrier(len(readers) + 1), Event()

        def write() -> None:
            started.wait()
            try:
                for version in range(2, ROUNDS + 2):
                    both = (order(name, version=version, sequence=1) for name in ("O-1", "O-2"))
                    writer.append([entry(writer.head(), *both)], [Cursor("monitor", version - 1)])
            except BaseException:  # pragma: no cover  # an adapter that cannot write beside readers
                failed.set()
                raise

        def read(repository: LedgerRepository) -> None:
            started.wait()
            head = repository.head()
            while head.sequence <= ROUNDS and not failed.is_set():
                head = repository.head()
                page = repository.read(head.sequence - 1, 1)
                assert (page[0].sequence, page[0].digest) == (head.sequence, head.digest)
                loaded = cast(Order, repository.load(RecordKind.ORDER, ("O-1",)))
                assert loaded.version >= head.sequence
                found = repository.find(Query(kind=RecordKind.ORDER))
                versions = [record.version for record in found]
                assert len(versions) == 2
                assert versions[0] == versions[1] >= loaded.version

        with ThreadPoolExecutor(len(readers) + 1) as threads:
            for task in [threads.submit(write), *(threads.submit(read, one) for one in readers)]:
                task.result()

    def test_who_is_alone_is_not_overtaken(self, open_repository: Opener) -> None:
        """While one repository is alone no other stores anything, in the same process or not; it may itself."""
        first, second = open_repository(), open_repository()
        before = first.head()
        given = entry(before, order("O-1"))

        def overtake() -> bool:
            try:
                second.append([entry(before, order("O-2"))])
            except (Conflict, StorageBusy):
                return False
            return True

        with ThreadPoolExecutor(1) as threads:
            with first.alone(), first.alone():
                task = threads.submit(overtake)
                wait([task], timeout=0.05)
                assert first.head() == before
                first.append([given])
            assert not task.result()
        assert first.head() == head_after(given)
        second.append([entry(second.head(), order("O-2"))])

    def test_a_claim_has_one_winner(self, open_repository: Opener) -> None:
        """Of several repositories that claim a cursor at once exactly one becomes its owner."""
        repositories = [open_repository() for _ in range(WRITERS)]
        for number in range(5):
            started = Barrier(WRITERS)

            def claim(repository: LedgerRepository, name: str, started: Barrier) -> bool:
                started.wait()
                try:
                    return repository.claim(name).sequence == 0
                except LedgerError:
                    return False

            with ThreadPoolExecutor(WRITERS) as threads:
                tasks = [threads.submit(claim, one, f"subscriber-{number}", started) for one in repositories]
                assert sum(task.result() for task in tasks) == 1


def _race(repositories: Sequence[LedgerRepository]) -> None:
    """Let a thread for each repository append its entries; all decide their first on the same head."""
    started = Barrier(len(repositories))

    def write(writer: int, repository: LedgerRepository) -> None:
        head = repository.head()
        started.wait()
        for number in range(ENTRIES_EACH):
            _append_with_retries(repository, f"{writer}-{number}", head)
            head = repository.head()

    with ThreadPoolExecutor(len(repositories)) as threads:
        for task in [threads.submit(write, *numbered) for numbered in enumerate(repositories)]:
            task.result()


def _append_with_retries(repository: LedgerRepository, name: str, head: Head) -> None:
    for _ in range(ATTEMPTS_MAX):
        try:
            repository.append([entry(head, order(name), subject=name)])
        except LedgerError as error:
            if not error.retryable:  # pragma: no cover  # an adapter that cannot be written by several
                raise
            head = repository.head()
        else:
            return
    raise AssertionError(  # pragma: no cover  # an adapter on which a writer starves
        f"{name} was not stored in {ATTEMPTS_MAX} attempts"
    )


def _check_one_chain(repository: LedgerRepository) -> None:
    """Fail unless every acknowledged entry is there exactly once, gap-free, chained and with its record."""
    names = {f"{writer}-{number}" for writer in range(WRITERS) for number in range(ENTRIES_EACH)}
    read: Sequence[Entry] = repository.read(0)
    assert [one.sequence for one in read] == list(range(1, len(names) + 1))
    assert sorted(str(one.subject) for one in read) == sorted(names)
    digest = GENESIS_DIGEST
    for one in read:
        digest = chain(digest, one.body)
        assert one.digest == digest
        loaded = repository.load(RecordKind.ORDER, (str(one.subject),))
        assert loaded is not None
        assert loaded.sequence == one.sequence
    assert repository.head().digest == digest
