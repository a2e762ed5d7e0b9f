"""Progress bars for what takes long, on stderr, for a person who is looking; with rich if it is there."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from ledger_cli import terminal

ItemT = TypeVar("ItemT")

Advance = Callable[[int], None]
"""Says how far the work is, in the unit of its total."""

SMALL = 5_000
"""Work of so few steps is done before a bar could be read."""

_STEP = 256


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Show a bar while the block runs; it is called with how much is done, and is gone afterwards."""
    if total < SMALL or not terminal.has_reader():
        yield lambda _: None
        return
    if terminal.has_rich():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(what, total=total)

            def advance(done: int) -> None:
                bars.update(task, completed=min(done, total))

            yield advance
        return
    with click.progressbar(length=total, label=what, file=sys.stderr, show_pos=True) as bar:

        def step(done: int) -> None:
            bar.update(max(0, min(done, total) - bar.pos))

        yield step


def watched(items: Iterable[ItemT], advance: Advance) -> Iterator[ItemT]:
    """Yield items and say, now and then, how many have gone by."""
    for number, item in enumerate(items, 1):
        if number % _STEP == 0:
            advance(number)
        yield item
