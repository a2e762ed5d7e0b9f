"""Who may write now, and who owns a cursor: locks of the kernel's that end with their process."""

import os
import threading
import time
from pathlib import Path

import pytest

from ledger_core.changes import Cursor
from ledger_core.errors import Conflict, StorageBusy, StorageError, SubscriberInUse
from ledger_core.testing.samples import TEXTS, order
from ledger_storage_sqlite._locks import LockFile, claim_name
from sqlite.conftest import Opener
from sqlite.files import WAIT, Process, append, open_at, order_ids, query, run

# From 3.12 on Python warns of fork() beside other threads, such as pytest-xdist's; the child here needs none of them.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

HOLDS_THE_LOCK = """
from ledger_storage_sqlite._locks import LockFile
lock = LockFile(path.with_name(path.name + "-lock"))
lock.acquire(0)
tell("locked")
wait()
"""


def test_a_command_waits_for_another_process_no_longer_than_told(path: Path, opener: Opener) -> None:
    """While another process writes, a command raises StorageBusy after the busy timeout; afterwards it succeeds."""
    repository = opener(parameters="durability=none&busy_timeout=0.05")
    other = Process(HOLDS_THE_LOCK, path, ledger=False)
    assert other.hear() == "locked"
    began = time.monotonic()
    with pytest.raises(StorageBusy) as caught:
        append(repository, order())
    assert 0.05 <= time.monotonic() - began < WAIT
    assert caught.value.retryable
    assert repository.head().sequence == 0
    other.go_on()
    assert other.end() == 0
    append(repository, order())
    assert repository.head().sequence == 1


def test_a_command_that_waits_gets_its_turn(path: Path, opener: Opener) -> None:
    """A command that began while another process held the lock is stored as soon as it is free."""
    repository = opener(parameters=f"durability=none&busy_timeout={WAIT}")
    other = Process(HOLDS_THE_LOCK, path, ledger=False)
    assert other.hear() == "locked"
    done = threading.Event()

    def write() -> None:
        append(repository, order())
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not done.is_set()
    other.go_on()
    thread.join(WAIT)
    assert done.is_set()
    assert other.end() == 0


def test_a_killed_process_holds_no_lock(path: Path, opener: Opener) -> None:
    """The kernel frees the lock of a process that was killed in the middle of a write."""
    repository = opener(parameters="durability=none&busy_timeout=0")
    other = Process(HOLDS_THE_LOCK, path, ledger=False)
    assert other.hear() == "locked"
    with pytest.raises(StorageBusy):
        append(repository, order())
    other.kill()
    append(repository, order())
    assert repository.head().sequence == 1


def test_repositories_of_one_process_exclude_each_other(opener: Opener) -> None:
    """Two repositories on one file in one process lock each other out, as two processes do."""
    first, second = opener(), opener(parameters="durability=none&busy_timeout=0")
    assert first._writer is not None
    first._writer._lock.acquire(0)
    with pytest.raises(StorageBusy):
        append(second, order())
    first._writer._lock.release()
    append(second, order())


def test_opening_waits_for_the_lock_too(path: Path, opener: Opener) -> None:
    """Opening for writing, which may migrate, is done under the same lock; opening for reading is not."""
    append(opener(), order())
    other = Process(HOLDS_THE_LOCK, path, ledger=False)
    assert other.hear() == "locked"
    with pytest.raises(StorageBusy):
        opener(parameters="durability=none&busy_timeout=0.01")
    assert opener(read_only=True).head().sequence == 1
    other.kill()


def test_reading_takes_no_lock(path: Path, opener: Opener) -> None:
    """A writer's own reads do not wait for another process's write."""
    repository = opener(parameters="durability=none&busy_timeout=0")
    append(repository, order("O-1"))
    other = Process(HOLDS_THE_LOCK, path, ledger=False)
    assert other.hear() == "locked"
    assert order_ids(repository) == ["O-1"]
    other.kill()


def test_closing_another_lock_file_drops_no_lock(path: Path) -> None:
    """The locks belong to an open file: closing another one on the same path, or reading it, leaves them held."""
    held, other = LockFile(path), LockFile(path)
    held.acquire(0)
    assert not other.try_acquire()
    other.close()
    path.read_bytes()
    third = LockFile(path)
    assert not third.try_acquire()
    held.close()
    held.close()
    assert third.try_acquire()
    third.close()


def test_many_threads_and_processes_lose_nothing(path: Path, opener: Opener) -> None:
    """Writers in two processes and four threads, each retrying its conflicts, store every entry exactly once."""
    code = """
from ledger_core.errors import Conflict
repository = open_repository(URL + "&busy_timeout=60", strategy_id="momentum-1")
for number in range(30):
    while True:
        try:
            repository.append([entry(repository.head(), order(f"{sys.argv[2]}-{number}"))])
            break
        except Conflict:
            pass
repository.close()
"""
    processes = [Process(code, path, name) for name in ("P", "Q")]
    repositories = [opener(parameters="durability=none&busy_timeout=60") for _ in range(2)]

    def write(name: str, number_of: int) -> None:
        for number in range(30):
            while True:
                try:
                    append(repositories[number_of % 2], order(f"{name}-{number}"))
                    break
                except Conflict:
                    pass

    threads = [threading.Thread(target=write, args=(name, place)) for place, name in enumerate("ABCD")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert [process.end() for process in processes] == [0, 0]
    assert sorted(order_ids(repositories[0])) == sorted(f"{name}-{number}" for name in "ABCDPQ" for number in range(30))
    assert repositories[1].head().sequence == 180
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


CLAIMS = """
repository = open_repository(URL, strategy_id="momentum-1")
repository.append([entry(EMPTY)], [Cursor("publisher", 1)])
repository.claim("publisher")
tell("claimed")
wait()
repository.close()
tell("closed")
wait()
"""


def test_a_claim_excludes_other_processes_until_close(path: Path, opener: Opener) -> None:
    """A cursor that another process owns is refused, naming that process; after its close it is free."""
    other = Process(CLAIMS, path)
    assert other.hear() == "claimed"
    repository = opener()
    with pytest.raises(SubscriberInUse, match=str(other._process.pid)) as caught:
        repository.claim("publisher")
    assert caught.value.subscriber == "publisher"
    assert repository.claim("cache") == Cursor("cache", 0)
    other.go_on()
    assert other.hear() == "closed"
    assert repository.claim("publisher") == Cursor("publisher", 1)
    other.go_on()
    assert other.end() == 0


def test_a_killed_owner_frees_its_claim(path: Path, opener: Opener) -> None:
    """The cursor of a process that was killed can be claimed at once, and stands where it was stored."""
    other = Process(CLAIMS, path)
    assert other.hear() == "claimed"
    repository = opener()
    with pytest.raises(SubscriberInUse):
        repository.claim("publisher")
    other.kill()
    assert repository.claim("publisher") == Cursor("publisher", 1)


def test_claims_are_per_strategy_and_name(opener: Opener) -> None:
    """Names that differ in a letter, hold slashes, or are longer than a file's name may be, are all their own."""
    repositories = [opener(name) for name in ("a", "a@b", "ab")]
    names = [*TEXTS, "A", "b@a", "../x", ".", "..", "x" * 500, "x" * 501]
    for repository in repositories:
        for name in names:
            assert repository.claim(name) == Cursor(name, 0)
    files = {claim_name(strategy, name) for strategy in ("a", "a@b", "ab") for name in names}
    assert len(files) == 3 * len(names)
    assert not any("/" in name or name in (".", "..", ".writers") for name in files)
    with pytest.raises(SubscriberInUse):
        opener("a").claim("../x")


@forks
def test_after_fork_the_child_is_told(opener: Opener, path: Path) -> None:
    """A repository that a child process inherited raises a clear error; the parent's goes on, locks and all."""
    repository, reader = opener(), opener(read_only=True)
    append(repository, order("O-1"))
    repository.claim("publisher")
    assert order_ids(reader) == ["O-1"]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = "nothing"
        try:
            assert reader._reader._connection is None, "an inherited connection would be closed at exit"
            for inherited in (repository, reader):
                try:
                    inherited.head()
                except StorageError as error:
                    told = str(error)
                inherited.close()
            own = open_at(path)
            append(own, order("O-2"))
            own.close()
        except Exception as error:  # noqa: BLE001  # whatever it is, the parent must hear of it
            told = repr(error)
        os.write(writing, told.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert b"before fork()" in os.read(reading, 1000)
    os.close(reading)
    os.close(writing)
    append(repository, order("O-3"))
    assert order_ids(reader) == ["O-1", "O-2", "O-3"]
    with pytest.raises(SubscriberInUse):
        opener().claim("publisher")
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_child_that_outlives_its_parent_holds_no_claim(path: Path, opener: Opener) -> None:
    """The claims of a killed process are free although a forked child of it, which inherited its files, lives on."""
    code = """
repository = open_repository(URL, strategy_id="momentum-1")
repository.claim("publisher")
child = os.fork()
if child == 0:
    tell("forked")
    wait()
    os._exit(0)
os.waitpid(child, 0)
"""
    other = Process(code, path)
    assert other.hear() == "forked"
    repository = opener()
    with pytest.raises(SubscriberInUse):
        repository.claim("publisher")
    os.kill(other._process.pid, 9)
    other._process.wait(WAIT)
    assert repository.claim("publisher") == Cursor("publisher", 0)
    other.go_on()
    other.end()


def test_a_forked_child_ends_without_touching_the_file(path: Path, opener: Opener) -> None:
    """A child that exits in the ordinary way closes none of its parent's connections."""
    code = """
repository = open_repository(URL, strategy_id="momentum-1")
reader = open_repository(URL, strategy_id="momentum-1", read_only=True)
repository.append([entry(EMPTY, order("O-1"))])
reader.head()
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    repository.append([entry(repository.head(), order("O-2"))])
    assert reader.head().sequence == 2
    os._exit(0)
del repository, reader
"""
    run(code, path)
    assert order_ids(opener()) == ["O-1", "O-2"]
