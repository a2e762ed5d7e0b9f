"""The locks themselves: how long one is waited for, what its file says, and what a claim's file is called."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_core import StorageBusy, SubscriberInUse
from ledger_storage_sqlite import _locks
from ledger_storage_sqlite._locks import Claims, LockFile, WriteLock, claim_name, make_folder


class _Clock:
    """Time that passes only while somebody sleeps; `held` is given up when it says `until`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []
        self.held: LockFile | None = None
        self.until = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses.append(seconds)
        self.now += seconds
        if self.held is not None and self.now >= self.until:
            self.held.release()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """Return the time by which locks are waited for."""
    made = _Clock()
    monkeypatch.setattr(_locks, "time", made)
    return made


@pytest.fixture
def two(path: Path) -> Iterator[tuple[LockFile, LockFile]]:
    """Return two holders of one lock, of which the first has it."""
    first, second = LockFile(path), LockFile(path)
    assert first.try_acquire()
    yield first, second
    first.close()
    second.close()


def test_a_lock_is_waited_for_exactly_as_long_as_told(two: tuple[LockFile, LockFile], clock: _Clock) -> None:
    """Whoever has half a second waits half a second, then hears which file it was and that a retry makes sense."""
    with pytest.raises(StorageBusy) as busy:
        two[1].acquire(0.5)
    assert sum(clock.pauses) == pytest.approx(0.5)
    assert busy.value.path == str(two[1].path)
    assert str(busy.value) == f"another writer held {two[1].path} for longer than 0.5 s"
    assert busy.value.retryable


def test_whoever_has_no_time_does_not_wait(two: tuple[LockFile, LockFile], clock: _Clock) -> None:
    """With a timeout of nothing a lock that is held is refused at once."""
    with pytest.raises(StorageBusy):
        two[1].acquire(0)
    assert clock.pauses == []


def test_a_lock_is_looked_at_often_at_first_and_never_rarely(two: tuple[LockFile, LockFile], clock: _Clock) -> None:
    """Most locks are held for a millisecond, so the first looks come soon; later ones at most 20 ms apart."""
    with pytest.raises(StorageBusy):
        two[1].acquire(0.2)
    assert clock.pauses[:6] == pytest.approx([0.0005, 0.001, 0.002, 0.004, 0.008, 0.016])
    assert clock.pauses[6:-1] == pytest.approx([0.02] * len(clock.pauses[6:-1]))


def test_a_lock_that_is_given_up_in_time_is_taken(two: tuple[LockFile, LockFile], clock: _Clock) -> None:
    """Whoever waits has the lock soon after it is free, and nobody else can have it then."""
    clock.held, clock.until = two[0], 100.03
    two[1].acquire(5)
    assert clock.now - 100.03 <= 0.02
    assert not two[0].try_acquire()


def test_a_free_lock_is_taken_without_a_look_at_the_time(path: Path, clock: _Clock) -> None:
    """Nothing is slept when nobody is in the way."""
    lock = LockFile(path)
    lock.acquire(0)
    lock.close()
    assert clock.pauses == []


def test_a_shared_lock_keeps_out_only_who_wants_it_alone(path: Path) -> None:
    """Any number may share; whoever wants the lock alone gets it when the last of them has gone."""
    first, second, third = LockFile(path), LockFile(path), LockFile(path)
    first.share()
    second.share()
    assert not third.try_acquire()
    first.close()
    assert not third.try_acquire()
    second.release()
    assert third.try_acquire()
    second.close()
    third.close()


def test_a_lock_s_file_is_its_owner_s_and_no_link(path: Path) -> None:
    """Whatever the umask allows, nobody else may take it; and a link that somebody laid there is not followed."""
    before = os.umask(0)
    try:
        LockFile(path).close()
        make_folder(path.with_name("folder"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name("folder").stat().st_mode) == 0o700
    path.with_name("link").symlink_to(path.with_name("elsewhere"))
    with pytest.raises(OSError, match="symbolic links"):
        LockFile(path.with_name("link"))
    assert not path.with_name("elsewhere").exists()


def test_closing_twice_closes_no_other_file(path: Path) -> None:
    """A descriptor that was closed belongs to whoever opens a file next."""
    lock = LockFile(path)
    lock.close()
    other = LockFile(path.with_name("other"))
    lock.close()
    assert other.try_acquire()
    other.close()
    for standard in range(3):
        os.fstat(standard)


def test_a_shorter_note_leaves_nothing_of_a_longer_one(path: Path) -> None:
    """Who asks who holds the lock reads one owner, not the digits of two."""
    lock = LockFile(path)
    lock.write_note("12345\n")
    lock.write_note("7\n")
    lock.close()
    assert path.read_text("ascii") == "7\n"


def test_marks_outlive_who_made_them_and_are_told_apart(path: Path) -> None:
    """Each of the two marks is set and cleared by itself, and opening the file again changes neither."""
    first = WriteLock(path)
    assert (first.is_marked, first.is_unchecked) == (False, False)
    first.mark()
    assert (first.is_marked, first.is_unchecked) == (True, False)
    first.mark_unchecked()
    first.close()
    second = WriteLock(path)
    assert (second.is_marked, second.is_unchecked) == (True, True)
    second.clear()
    assert (second.is_marked, second.is_unchecked) == (False, True)
    second.clear_unchecked()
    assert (second.is_marked, second.is_unchecked) == (False, False)
    second.close()
    assert path.read_bytes() == b"\0\0"


@pytest.mark.parametrize(
    ("note", "owner"), [(b"4711\n", "4711"), (b"", "unknown"), ("é\n".encode(), "\N{REPLACEMENT CHARACTER}" * 2)]
)
def test_a_claim_that_is_held_says_by_whom(path: Path, note: bytes, owner: str) -> None:
    """The process id in the file is for people: one that is not there, or is damaged, changes no answer."""
    folder = make_folder(path)
    holder = LockFile(folder / claim_name("alpha", "bot"))
    assert holder.try_acquire()
    holder.path.write_bytes(note)
    claims = Claims(folder)
    with pytest.raises(SubscriberInUse) as refusal:
        claims.take("alpha", "bot")
    assert str(refusal.value) == f"subscriber 'bot' of 'alpha' is owned by process {owner}"
    assert (refusal.value.subscriber, refusal.value.owner) == ("bot", "" if owner == "unknown" else owner)
    holder.close()
    claims.take("alpha", "bot")
    claims.close()


def test_claims_of_different_names_have_different_files() -> None:
    """However names are made up, no two pairs of strategy and subscriber share a file, and each fits a directory."""
    names = ("a", "b", "a/b", "a@b", "@", "%", "é" * 40, "x" * 198, "x" * 199, "x" * 250)
    files = {claim_name(strategy, subscriber) for strategy in names for subscriber in names}
    assert len(files) == len(names) ** 2
    assert all(len(name.encode()) <= 200 and "/" not in name for name in files)


def test_a_claims_file_is_named_after_its_owner_where_that_fits() -> None:
    """A person who looks into the folder sees whose claim it is; a name of 200 bytes fits, one more does not."""
    assert claim_name("alpha", "bot/1") == "bot%2F1@alpha"
    assert claim_name("a", "x" * 198) == "x" * 198 + "@a"
    assert len(claim_name("a", "x" * 199)) == 64
