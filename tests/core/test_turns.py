"""The threads behind an event loop: one that writes, a few that read, and how they are called."""

import asyncio
import threading

from ledger_core.turns import READERS_MAX, Turns
from support.gathering import PATIENCE


def test_questions_are_answered_by_a_few_threads_of_their_own() -> None:
    """So many at once, and no more: the rest wait. A stack trace tells which threads they are."""
    lock = threading.Lock()
    running: set[str] = set()
    names: set[str] = set()
    most = 0
    full = threading.Barrier(READERS_MAX)

    def question() -> str:
        nonlocal most
        name = threading.current_thread().name
        with lock:
            running.add(name)
            names.add(name)
            most = max(most, len(running))
        full.wait(PATIENCE)
        with lock:
            running.discard(name)
        return name

    async def main() -> list[str]:
        turns = Turns()
        answers = await asyncio.wait_for(asyncio.gather(*(turns.answer(question) for _ in range(12))), PATIENCE)
        await turns.end(lambda: None)
        return list(answers)

    answers = asyncio.run(main())
    assert most == READERS_MAX
    assert set(answers) == names == {f"strategy-ledger-reader_{number}" for number in range(READERS_MAX)}


def test_what_writes_is_one_thread_that_ends_with_the_last_job() -> None:
    """It says what it is, and is gone once everything is closed."""

    async def main() -> list[str]:
        turns = Turns()
        names = [await turns.job(lambda: threading.current_thread().name) for _ in range(3)]
        await turns.end(lambda: names.append(threading.current_thread().name))
        return names

    others = set(threading.enumerate())
    assert asyncio.run(main()) == ["strategy-ledger-writer_0"] * 4
    for thread in set(threading.enumerate()) - others:
        thread.join(PATIENCE)
        assert not thread.is_alive()
