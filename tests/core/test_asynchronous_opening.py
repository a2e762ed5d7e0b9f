"""Opening a ledger for an event loop: with what, by which thread, and which functions it cannot call."""

import asyncio
import threading
from typing import Any

import pytest

from ledger_core import (
    AsyncStrategyLedger,
    InvalidValue,
    OverfillError,
    StrategyLedger,
    asynchronous,
    open_ledger,
    open_ledger_async,
)
from ledger_core.testing.samples import later
from ledger_storage_memory import MemoryRepository
from support import fill, limit_order

KEY = b"k" * 32


async def live(ledger: AsyncStrategyLedger) -> list[str]:
    """Book more than was ordered; return the digests of the journal."""
    await ledger.record_order("A", limit_order(quantity=1))
    await ledger.update_order_fill("A", fill("F", 3))
    return [entry.digest async for entry in ledger.read_journal()]


def test_a_ledger_is_opened_with_all_that_it_is_given() -> None:
    """The clock, the key of the chain, and what becomes of an overfill: the journal is that of a plain ledger."""

    async def main() -> list[str]:
        async with open_ledger_async(
            "memory://", strategy_id="bot", clock=lambda: later(0), overfill="book", chain_key=KEY
        ) as ledger:
            return await live(ledger)

    with open_ledger("memory://", strategy_id="bot", clock=lambda: later(0), overfill="book", chain_key=KEY) as plain:
        plain.record_order("A", limit_order(quantity=1))
        plain.update_order_fill("A", fill("F", 3))
        assert asyncio.run(main()) == [entry.digest for entry in plain.read_journal()]


def test_what_is_not_given_is_as_in_a_plain_ledger() -> None:
    """An overfill waits in quarantine, say."""

    async def main() -> None:
        async with open_ledger_async("memory://", strategy_id="bot") as ledger:
            await live(ledger)

    with pytest.raises(OverfillError):
        asyncio.run(main())


def test_the_thread_that_opened_it_is_the_one_that_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no second one."""
    threads: list[int] = []

    def opening(*arguments: Any, **options: Any) -> StrategyLedger:
        threads.append(threading.get_ident())
        return open_ledger(*arguments, **options)

    monkeypatch.setattr(asynchronous, "open_ledger", opening)

    async def main() -> None:
        async with open_ledger_async("memory://", strategy_id="bot") as ledger:
            await ledger.subscribe("bot", lambda _, __: threads.append(threading.get_ident()))
            await ledger.note_upkeep("copy", "to another disk")

    asyncio.run(main())
    assert len(threads) == 2
    assert len(set(threads)) == 1


async def coroutine_function(*_: Any) -> None:
    """Return a coroutine, which nobody awaits."""


class Coroutines:
    """A publisher and a cache of coroutine functions."""

    publish = store = staticmethod(coroutine_function)


@pytest.mark.parametrize("argument", ["publisher", "cache"])
def test_what_would_only_return_a_coroutine_is_named(argument: str) -> None:
    """With the argument, and the function itself."""
    options: Any = {argument: Coroutines()}
    with pytest.raises(InvalidValue, match=f"^{argument} must be a plain function") as refused:
        open_ledger_async("memory://", strategy_id="bot", **options)
    assert (refused.value.argument, refused.value.value) == (argument, coroutine_function)


def test_a_subscriber_that_would_only_return_a_coroutine_is_named() -> None:
    """It is not subscribed, and the ledger goes on."""

    async def main() -> None:
        ledger = AsyncStrategyLedger(StrategyLedger(MemoryRepository(strategy_id="bot")))
        with pytest.raises(InvalidValue, match=r"^callback must be a plain function") as refused:
            await ledger.subscribe("bot", coroutine_function)
        assert (refused.value.argument, refused.value.value) == ("callback", coroutine_function)
        await ledger.subscribe("bot", lambda *_: None)
        await ledger.close()

    asyncio.run(main())
