"""What the reading commands share: where a ledger is, which part of it is asked for, how an answer is printed.

They open the store with `open_reader`, which creates, changes, locks and migrates nothing. stdout is the answer,
stderr what is said about it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from ledger_cli import words
from ledger_cli.failures import Unknown, one_line

if TYPE_CHECKING:
    from datetime import datetime

    from ledger_core import LedgerReader, StrategyLedger

ROWS_DEFAULT = 100
"""How many rows a table shows unless told otherwise; JSON shows all."""

ItemT = TypeVar("ItemT")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@attrs.frozen
class Asked:
    """What a reading command was asked for, whatever its kind of record."""

    path: str
    strategy: str | None
    limit: int | None
    as_json: bool
    symbol: str | None = None

    @property
    def rows_max(self) -> int | None:
        """How many rows to show; None means all."""
        if self.limit is None:
            return None if self.as_json else ROWS_DEFAULT
        return self.limit or None


def reading_options(command: CommandT) -> CommandT:
    """Give a command PATH and the options that all reading commands have."""
    options = (
        click.argument("path"),
        click.option("--strategy", metavar="ID", help="Only this strategy."),
        click.option(
            "--limit",
            metavar="N",
            type=click.IntRange(min=0),
            help=f"Show at most N; 0 means all. Tables show {ROWS_DEFAULT} unless told otherwise, JSON all.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON; numbers are decimal text."),
    )
    for option in reversed(options):
        command = option(command)
    return command


symbol_option = click.option("--symbol", metavar="SYMBOL", help="Only this symbol.")


@contextmanager
def reader_of(path: str) -> "Iterator[LedgerReader]":
    """Open the ledger for reading; whatever it raises becomes one line and an exit code."""
    with one_line(path):
        from ledger_core import open_reader

        with open_reader(path) as reader:
            yield reader


def ledgers_of(reader: "LedgerReader", strategy: str | None) -> "list[tuple[str, StrategyLedger]]":
    """Return (strategy_id, its ledger) for the strategy that was asked for, or for all."""
    known = list(reader.strategies())
    if strategy is not None:
        if strategy not in known:
            held = ", ".join(known) or "no strategy at all"
            raise Unknown(f"no strategy {strategy!r} in this ledger; it holds {held}")
        known = [strategy]
    return [(strategy_id, reader.strategy(strategy_id)) for strategy_id in known]


def first(items: Sequence[ItemT], rows_max: int | None) -> list[ItemT]:
    """Return the first rows of what is at hand."""
    return list(items[:rows_max])


def latest(items: Iterable[ItemT], rows_max: int | None) -> tuple[list[ItemT], int]:
    """Return the last rows of what may be long, and how many there are, without holding all of it."""
    kept: deque[ItemT] = deque(maxlen=rows_max)
    total = 0
    for item in items:
        kept.append(item)
        total += 1
    return list(kept), total


def say(sentence: str) -> None:
    """Say something about an answer: to stderr, so that stdout is the answer alone."""
    click.echo(sentence, err=True)


def say_how_many(shown: int, total: int, noun: str, more: str = "", plural: str | None = None) -> None:
    """Say how many rows are shown of how many, and how to see the rest."""
    counted = words.count(total, noun, plural)
    say(f"{shown:,} of {counted} shown; --limit 0 shows all{more}" if shown < total else f"{counted}{more}")


def now() -> "datetime":
    """Return the present moment: ages count from it."""
    from ledger_core.numbers import utc_now

    return utc_now()


def last_entry(ledgers: "Iterable[tuple[str, StrategyLedger]]", now: "datetime") -> str:
    """Say when anything was last written: what a person asks first of a bot that may be dead."""
    heads = [ledger.head() for _, ledger in ledgers]
    moments = [head.recorded_at for head in heads if head.recorded_at is not None]
    if not moments:
        return "nothing was ever recorded"
    last = max(moments)
    return f"last recorded {words.at(last)}, {words.age(now, last)} ago"
