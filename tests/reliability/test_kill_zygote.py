"""What the campaigns of kills stand on: what was told is heard, what was started is gone, what hangs is named."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reliability import kill_moments, kill_zygote
from reliability.kill_moments import Moment, live_until
from reliability.kill_zygote import FAILED, THROUGH, Hung, Teller, Told, Zygote

pytestmark = [pytest.mark.reliability, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")]


def count(teller: Teller, last: int, pause: float = 0.0) -> None:
    """Tell the numbers."""
    for number in range(last):
        teller.tell("n", number, b"x" * number)
        time.sleep(pause)


def fail(_teller: Teller) -> None:
    """Fail."""
    raise LookupError("nothing is where it should be")


def sleep(teller: Teller) -> None:
    """Tell one word, and nothing more for ever."""
    teller.tell("n")
    time.sleep(3600)


def leave_a_child(teller: Teller) -> None:
    """Start a process of its own, tell its number, and wait."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    teller.tell("n", child.pid)
    time.sleep(3600)


def _name(program: Callable[..., None]) -> str:
    return f"reliability.test_kill_zygote:{program.__name__}"


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    """Return a zygote of the programs above."""
    with Zygote(_name(count)) as started:
        yield started


def _is_there(pid: int) -> bool:
    """Say whether a process runs; one that has ended and was not collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"


def _is_gone(pid: int) -> bool:
    """Wait for a process to be gone that somebody else collects."""
    deadline = time.monotonic() + kill_zygote.WAIT
    while _is_there(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_life_that_ends_is_heard_to_its_last_word(zygote: Zygote) -> None:
    """Words, numbers and what belongs to them arrive in order, and the end is told."""
    death = live_until(zygote.start(_name(count), last=300), None)
    assert death.told == (*(Told("n", number, b"x" * number) for number in range(300)), Told(THROUGH, 0))
    assert (death.is_through, death.is_killed, death.failure) == (True, False, None)


def test_what_was_told_before_a_kill_is_heard(zygote: Zygote) -> None:
    """A life that is killed after some words was heard to at least those, each of them whole, and is not through."""
    moment = Moment("after ten", "n", 10, 0.001)
    life = zygote.start(_name(count), last=1_000_000)
    death = live_until(life, moment)
    assert [told.number for told in death.told] == list(range(len(death.told)))
    assert all(told.content == b"x" * told.number for told in death.told)
    assert len(death.told) >= 10
    assert (death.is_through, death.is_killed, death.failure) == (False, True, None)
    assert life.code == -signal.SIGKILL
    assert _is_gone(life.pid)


def test_a_life_that_fails_says_why(zygote: Zygote) -> None:
    """An exception in a life arrives with its traceback; it is neither a kill nor a success."""
    death = live_until(zygote.start(_name(fail)), None)
    assert death.failure is not None
    assert "nothing is where it should be" in death.failure
    assert (death.is_through, death.is_killed, death.told[-1].word) == (False, False, FAILED)


def test_a_life_that_hangs_is_ended_and_named(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever: a life that neither goes on nor ends is an error that shows its last words."""
    monkeypatch.setattr(kill_moments, "WAIT", 0.2)
    monkeypatch.setattr(kill_zygote, "ABORT_SECONDS", 0.05)
    life = zygote.start(_name(sleep))
    with pytest.raises(Hung, match=r"last words: .*word='n'"):
        live_until(life, None)
    assert _is_gone(life.pid)


def test_several_lives_are_heard_apart(zygote: Zygote) -> None:
    """Lives run side by side; each is heard in its own pipe, and killing one leaves the other."""
    first, second = zygote.start(_name(sleep)), zygote.start(_name(count), last=50)
    assert first.next() == Told("n", 0)
    first.kill()
    assert len(live_until(second, None).told) == 51


def test_leaving_ends_everything_that_was_started() -> None:
    """Whatever lives are still running, and what they started themselves, is gone when the zygote is left."""
    with Zygote(_name(sleep)) as zygote:
        lives = [zygote.start(_name(sleep)), zygote.start(_name(leave_a_child))]
        pids = [life.pid for life in lives]
        told = [life.next() for life in lives]
        assert told[1] is not None
        pids.append(told[1].number)
        assert all(_is_there(pid) for pid in pids)
    assert all(_is_gone(pid) for pid in pids)


_OWNER = """
import os, sys, time
from reliability.kill_zygote import Zygote
program = "reliability.test_kill_zygote:sleep"
zygote = Zygote(program)
life = zygote.start(program)
life.next()
print(life.pid, flush=True)
time.sleep(3600)
"""


def test_a_killed_owner_leaves_nothing_running() -> None:
    """When whoever runs a campaign is killed, its lives end too."""
    owner = subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True, env=_with_tests())
    try:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert _is_there(pid)
    finally:
        owner.kill()
        owner.communicate(timeout=kill_zygote.WAIT)
    assert _is_gone(pid)


def _with_tests() -> dict[str, str]:
    tests = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), tests]))}
