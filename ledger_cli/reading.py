"""What the reading commands share: where the ledgers are, which part of them is asked for, how an answer is printed.

They open a store with `open_reader`, which creates, changes, locks and migrates nothing. stdout is the answer, stderr
what is said about it.
"""

import functools
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import click

from ledger_cli import terminal, words
from ledger_cli.asking import LedgerPath, ledger_paths, printer_of, printing_options
from ledger_cli.completing import IdOrPath
from ledger_cli.failures import UNREADABLE, Failure, Unknown, one_line
from ledger_cli.listing import Form, Printer
from ledger_cli.masking import mask_url
from ledger_cli.settings import Settings

if TYPE_CHECKING:
    from ledger_core import LedgerReader, StrategyLedger

ROWS_DEFAULT = 50
"""How many rows a table shows unless told otherwise; JSON and CSV have all."""

COUNTED_MAX = 200_000
"""Entries of a journal up to which what is left out is counted; counting a longer one takes seconds."""

ItemT = TypeVar("ItemT")
RecordT = TypeVar("RecordT")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@attrs.frozen(kw_only=True)
class Asked:
    """What a reading command was asked for, whatever its kind of record."""

    paths: tuple[str, ...]
    strategy: str | None
    limit: int | None
    everything: bool
    printer: Printer
    settings: Settings = attrs.field(factory=Settings)

    @property
    def form(self) -> Form:
        """The form of the answer."""
        return self.printer.form

    @property
    def rows_max(self) -> int | None:
        """How many rows to show; None means all."""
        if self.limit is not None:
            return self.limit or None
        return ROWS_DEFAULT if self.form.is_for_people and not self.everything else None

    def say(self, sentence: str) -> None:
        """Say something about the answer to a person; a program that reads JSON gets no talk."""
        if not self.form.is_json or sys.stderr.isatty():
            say(sentence)

    def note(self, code: str, sentence: str) -> None:
        """Say what an answer lacks, to whoever reads it: a program that reads JSON gets a line of JSON on stderr."""
        note(self.printer, code, sentence)

    def say_how_many(self, shown: int, total: int | None, noun: str, more: str = "", plural: str | None = None) -> None:
        """Say how many rows are shown of how many (None: too many to be counted), and how to see the rest."""
        # Of what is open, `--all` would show what has ended, too.
        rest = "--limit 0" if self.everything or noun.startswith("open ") else "--all"
        if total is None:
            self.say(f"showing the latest {words.count(shown, noun, plural)}; {rest}{more}")
            return
        counted = words.count(total, noun, plural)
        self.say(f"showing {shown:,} of {counted}; {rest}{more}" if shown < total else counted + more)


@attrs.frozen
class Store:
    """One ledger that is read: its name as it may be shown, its reader, and the strategies that are asked for."""

    path: str
    shown: str
    reader: "LedgerReader"
    ledgers: "Sequence[tuple[str, StrategyLedger]]"


@attrs.frozen
class Found(Generic[RecordT]):
    """A record, and whose it is."""

    ledger: str
    strategy_id: str
    record: RecordT

    @property
    def whose(self) -> dict[str, str]:
        """What its document begins with."""
        return {"ledger": self.ledger, "strategy_id": self.strategy_id}


def reading_options(command: CommandT) -> CommandT:
    """Give a command PATHs and the options of all reading commands; it is called with what was `asked`."""
    return _reading(command, LedgerPath(), limited=True)


def reading_options_with_id(command: CommandT) -> CommandT:
    """Give a command the same; behind the PATHs may come an ID, which shells complete."""
    return _reading(command, IdOrPath(), limited=True)


def one_answer_options(command: CommandT) -> CommandT:
    """Give a command the same, but for the options about how many rows are shown."""
    return _reading(command, LedgerPath(), limited=False)


def one_answer_options_with_id(command: CommandT) -> CommandT:
    """Give a command the same as that; behind the PATHs comes an ID."""
    return _reading(command, IdOrPath(), limited=False)


symbol_option = click.option("--symbol", metavar="SYMBOL", help="Only this symbol.")


def _reading(command: CommandT, path_type: LedgerPath, *, limited: bool) -> CommandT:
    @functools.wraps(command)
    def reading(
        paths: tuple[str, ...],
        strategy: str | None,
        form: str | None,
        as_json: bool,
        tz: str | None,
        wide: bool,
        limit: int | None = None,
        everything: bool = False,
        **more: Any,
    ) -> Any:
        settings = Settings()
        asked = Asked(
            paths=paths,
            strategy=strategy,
            limit=limit,
            everything=everything,
            printer=printer_of(settings, form, as_json=as_json, tz=tz, wide=wide),
            settings=settings,
        )
        return command(asked, **more)

    options = [
        click.argument("paths", nargs=-1, metavar="[PATH]...", type=path_type),
        click.option("--strategy", metavar="ID", help="Only this strategy."),
    ]
    if limited:
        options += [
            click.option("--limit", metavar="N", type=click.IntRange(min=0), help=_LIMIT_HELP),
            click.option("--all", "everything", is_flag=True, help="Everything, however much it is."),
        ]
    options.append(printing_options)
    decorated: Any = reading
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # click's decorators keep what they are given


_LIMIT_HELP = f"Show at most N; 0 means all. Tables show {ROWS_DEFAULT} unless told otherwise, JSON and CSV all."


@contextmanager
def stores_of(asked: Asked) -> Iterator[list[Store]]:
    """Open the ledgers for reading; whatever they raise becomes one line and an exit code.

    One of several that cannot be opened is complained of and left out; the exit code tells of it in the end.
    """
    with stores_there(asked) as (stores, failures):
        for complaint in failures if stores else failures[:-1]:
            complain(complaint, asked.form)
        if not stores:
            raise failures[-1]
        yield stores
    if failures:
        click.get_current_context().exit(UNREADABLE)


@contextmanager
def stores_there(asked: Asked) -> Iterator[tuple[list[Store], list[Failure]]]:
    """Open the ledgers that can be opened, and give the failures of the others; at least one of either.

    It prints nothing and needs no context of click: any thread may look again and again.
    """
    from ledger_core import open_reader

    failures: list[Failure] = []
    with ExitStack() as stack:
        opened: list[tuple[str, LedgerReader, list[str]]] = []
        paths = ledger_paths(asked.paths, asked.settings)
        for path in paths:
            try:
                with one_line(mask_url(path)):
                    reader = stack.enter_context(open_reader(path))
                    opened.append((path, reader, list(reader.strategies())))
            except Failure as failure:
                failures.append(failure)
        if opened:
            _require_strategy(asked.strategy, [known for _, _, strategies in opened for known in strategies])
        with one_line(mask_url(paths[0]) if len(paths) == 1 else ""):
            stores = [
                Store(
                    path,
                    mask_url(path),
                    reader,
                    [(name, reader.strategy(name)) for name in strategies if asked.strategy in (None, name)],
                )
                for path, reader, strategies in opened
            ]
            yield stores, failures


def complain(failure: Failure, form: Form) -> None:
    """Show a failure after which the command goes on."""
    from ledger_cli.failures import error_document

    if form.is_json:
        say(error_document(failure.code, failure.message, failure.exit_code))
    else:
        failure.show()


def records_of(
    stores: Iterable[Store], read: "Callable[[StrategyLedger], Iterable[RecordT]]"
) -> Iterator[Found[RecordT]]:
    """Ask each strategy of each ledger the same."""
    for store in stores:
        for strategy_id, ledger in store.ledgers:
            for record in read(ledger):
                yield Found(store.shown, strategy_id, record)


def first(items: Sequence[ItemT], rows_max: int | None) -> list[ItemT]:
    """Return the first rows of what is at hand."""
    return list(items[:rows_max])


def newest(
    stores: Iterable[Store],
    find: "Callable[[StrategyLedger, int | None], Iterable[RecordT]]",
    rows_max: int | None,
    order: Callable[[RecordT], Any],
) -> tuple[list[Found[RecordT]], int | None]:
    """Return the last records of all ledgers, and how many there are; None where counting them would take too long.

    `find` is asked for what a ledger has behind a place of its journal; `order` is by what ledgers are merged.
    """
    found: list[Found[RecordT]] = []
    total: int | None = 0
    for store in stores:
        for strategy_id, ledger in store.ledgers:
            head = ledger.head().sequence
            behind = 0 if rows_max is None or head <= COUNTED_MAX else max(0, head - 2 * rows_max)
            kept, count = latest(find(ledger, behind or None), rows_max)
            while behind and rows_max is not None and count < rows_max:
                behind = max(0, head - 8 * (head - behind))
                kept, count = latest(find(ledger, behind or None), rows_max)
            found.extend(Found(store.shown, strategy_id, record) for record in kept)
            total = None if behind or total is None else total + count
    found.sort(key=lambda one: order(one.record))
    return found[-rows_max:] if rows_max else found, total


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
    click.echo(terminal.wrapped(sentence), err=True)


def note(printer: Printer, code: str, sentence: str) -> None:
    """Say what an answer lacks, in the form of the answer."""
    if printer.form.is_json:
        click.echo(json.dumps({"note": {"code": code, "message": sentence}}, ensure_ascii=False), err=True)
    else:
        say(sentence)


def now() -> datetime:
    """Return the present moment: ages count from it."""
    from ledger_core.numbers import utc_now

    return utc_now()


def last_entry(stores: Iterable[Store], printer: Printer) -> str:
    """Say when anything was last written: what a person asks first of a bot that may be dead."""
    heads = [ledger.head() for store in stores for _, ledger in store.ledgers]
    moments = [head.recorded_at for head in heads if head.recorded_at is not None]
    return f"last recorded {printer.ago(max(moments))}" if moments else "nothing was ever recorded"


def _require_strategy(strategy: str | None, known: Sequence[str]) -> None:
    if strategy is not None and strategy not in known:
        held = ", ".join(sorted(set(known))) or "no strategy at all"
        raise Unknown(f"no strategy {strategy!r} in this ledger; it holds {held}", "UNKNOWN_STRATEGY")
