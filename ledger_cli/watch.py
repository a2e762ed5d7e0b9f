"""`strategy-ledger watch`: the status again and again while the bot writes; in a pipe, each event as it comes."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from itertools import count as counting
from typing import TYPE_CHECKING

import attrs
import click

from ledger_cli import terminal
from ledger_cli.asking import ledger_paths
from ledger_cli.failures import Failure
from ledger_cli.journal import EVENTS
from ledger_cli.listing import Form
from ledger_cli.picture import gather
from ledger_cli.reading import Asked, complain, now, one_answer_options, say, stores_there
from ledger_cli.status import lines
from ledger_cli.tables import Line

if TYPE_CHECKING:
    from ledger_core import Entry

ROWS_MAX = 10
"""How many rows of each kind the screen shows."""

_ALTERNATE_SCREEN, _MAIN_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME_AND_CLEAR = "\x1b[H\x1b[J"


@click.command(short_help="The status, again and again, as it changes.")
@one_answer_options
@click.option(
    "-n",
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0.05, max=3600),
    default=2.0,
    show_default=True,
    help="How often to look.",
)
@click.option("--count", metavar="N", type=click.IntRange(min=1), help="Look N times, then end; implies --plain.")
@click.option("--plain", is_flag=True, help="The status alone, printed again and again, also where Textual is there.")
def watch(asked: Asked, interval: float, count: int | None, plain: bool) -> None:
    """Show the status of ledgers as it changes, until q or Ctrl-C.

    PATH is a ledger file or a URL. Each look opens the ledger anew and lets go of it, so the bot never waits for it.
    In a terminal, with pip install "strategy-ledger[tui]", it is a view to move in: ? says which key does what. Without
    it, or with --plain, it is the status, printed again and again. Where stdout is no terminal, or with -o jsonl, each
    event is printed once it was recorded.
    """
    ledger_paths(asked.paths, asked.settings)  # one that is not named can never be there later
    fills_screen = sys.stdout.isatty() and asked.form is Form.TABLE
    if fills_screen and count is None and not plain and terminal.has_keys() and find_spec("textual") is not None:
        from ledger_cli.live import live

        live(asked, interval)
        return
    look = _Screen(asked).show if fills_screen else _Events(asked).print_new
    # Ctrl-C is how it is ended, and no failure.
    with suppress(KeyboardInterrupt), _alternate_screen() if fills_screen else nullcontext():
        for number in range(count) if count is not None else counting():
            if number:
                time.sleep(interval)
            look()


@attrs.define
class _Screen:
    """The whole terminal."""

    asked: Asked

    def show(self) -> None:
        """Look once, and fill the terminal with what is there."""
        printer = attrs.evolve(self.asked.printer, moment=now())
        try:
            with stores_there(self.asked) as (stores, failures):
                shown: list[Line] = [[(failure.message, "bad")] for failure in failures]
                if stores:
                    picture = gather(stores, printer.moment)
                    shown += lines(picture, printer, width=terminal.width(), rows_max=ROWS_MAX)[0]
        except Failure as failure:  # the file may be moved, or made anew, while we look
            shown = [[(failure.message, "bad")]]
        room = max(1, terminal.height() - 3)
        hidden = max(0, len(shown) - room)
        click.echo(_HOME_AND_CLEAR, nl=False)
        terminal.print_lines(
            [
                [(f"{printer.at(printer.moment.replace(microsecond=0))}  Ctrl-C ends", "rule")],
                *shown[:room],
                *([[(f"{hidden:,} lines more: strategy-ledger status", "rule")]] if hidden else []),
            ]
        )


@attrs.define
class _Events:
    """What was recorded since the last look."""

    asked: Asked
    seen: dict[tuple[str, str], int] = attrs.field(factory=dict)
    has_looked: bool = False

    def print_new(self) -> None:
        """Print each entry that was not there at the last look; the first one only notes where the journals end."""
        try:
            with stores_there(self.asked) as (stores, failures):
                if not stores:
                    raise failures[-1]
                for failure in failures:
                    complain(failure, self.asked.form)
                for store in stores:
                    for strategy_id, ledger in store.ledgers:
                        place = (store.shown, strategy_id)
                        behind = self.seen.get(place, 0) if self.has_looked else ledger.head().sequence
                        for entry in ledger.read_journal(behind):
                            behind = entry.sequence
                            self._print(entry)
                        self.seen[place] = behind
            self.has_looked = True
        except Failure as failure:
            if not self.has_looked:
                raise
            say(f"strategy-ledger: {failure.message}")
        sys.stdout.flush()

    def _print(self, entry: "Entry") -> None:
        if self.asked.form.is_json:
            from ledger_cli.documents import entry_text

            click.echo(entry_text(entry))
        else:
            for line in self.asked.printer.plain(EVENTS, [entry]):
                click.echo(line)


@contextmanager
def _alternate_screen() -> Iterator[None]:
    """Use the terminal's other screen, so that what stood there before is there again afterwards."""
    click.echo(_ALTERNATE_SCREEN, nl=False)
    try:
        yield
    finally:
        click.echo(_MAIN_SCREEN, nl=False)
