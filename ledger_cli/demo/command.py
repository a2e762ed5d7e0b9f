"""`strategy-ledger demo`: run the session, read the file back, print what it holds, and check the figures."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger_cli.failures import Failure, Misused, Unreadable, one_line
from ledger_cli.reading import say

if TYPE_CHECKING:
    from ledger_cli.demo.handler import Tally
    from ledger_cli.demo.session import Progress
    from ledger_cli.demo.stream import Day

DEFAULT_PATH = "strategy-ledger-demo.db"
_BESIDE = ("", "-wal", "-shm", "-lock", "-claims")


@click.command(short_help="Try it: a recorded stream into a new file.")
@click.argument("path", required=False)
@click.option("--overwrite", is_flag=True, help="Replace the ledger of an earlier demonstration; no other file.")
@click.option(
    "--durability",
    type=click.Choice(["full", "process", "none"]),
    default="full",
    show_default=True,
    help="What each commit survives: a power cut, a killed process, nothing.",
)
def demo(path: str | None, overwrite: bool, durability: str) -> None:
    """Run a recorded stream of orders into a new ledger file, and check the result.

    An ExecutionHandler trades 39 days of a momentum strategy at a simulated venue: 235 orders that are accepted,
    partly filled, filled or canceled, grouped into trades. Then the file is read back and printed, and its figures
    are compared with the stream's own; they agree within 1e-9, or the exit code is 1.

    PATH is the file to make. Without one it is strategy-ledger-demo.db in this directory, made anew each time.
    """
    if path is None:
        path, overwrite = DEFAULT_PATH, True
    if "://" in path:
        raise Misused(f"the demonstration makes a file: give a path, not {path}")
    file = Path(path)
    with one_line(path):
        _require_free(file, overwrite=overwrite)

        from ledger_cli.demo.session import run
        from ledger_cli.demo.stream import RecordedStream

        stream = RecordedStream.shipped()
        run(file, stream, _progress(len(stream.days)), durability=durability)
        say("")

        from ledger_cli.demo.report import print_report

        order_id = print_report(file, stream)
    if order_id is None:
        raise Failure("the ledger's figures differ from the stream's: see the table above")
    click.echo(_what_next(path, order_id))


def _require_free(file: Path, *, overwrite: bool) -> None:
    """Refuse a file that is there, unless it is a demonstration's and may be replaced."""
    if not file.parent.is_dir():
        raise Unreadable(f"there is no directory {file.parent} to make {file.name} in")
    if not file.exists():
        return
    shown = shlex.quote(str(file))
    if file.is_dir():
        raise Unreadable(f"{shown} is a directory; name the file to make")
    if not _is_of_a_demonstration(file):
        raise Misused(f"{shown} exists and is not from this demonstration: give another path")
    if not overwrite:
        raise Misused(
            f"{shown} exists, from an earlier demonstration: read it with `strategy-ledger orders {shown}`, or run "
            f"again with `strategy-ledger demo {shown} --overwrite`"
        )
    for suffix in _BESIDE:
        beside = file.with_name(file.name + suffix)
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink(missing_ok=True)


def _is_of_a_demonstration(file: Path) -> bool:
    """Say whether a file holds nothing but a demonstration: --overwrite must never cost anybody a ledger."""
    from ledger_cli.demo.session import STRATEGY
    from ledger_core import LedgerError, open_reader

    try:
        with open_reader(file) as reader:
            return set(reader.strategies()) <= {STRATEGY}
    except LedgerError:
        return False


def _progress(days: int) -> "Progress":
    def progress(number: int, day: "Day", tally: "Tally") -> None:
        done = (
            f"{tally.fills:3} fills",
            f"{tally.placed:2} orders placed",
            f"{tally.canceled} canceled",
            f"{tally.opened} trades opened",
            f"{tally.closed} closed",
            f"{tally.quarantined} quarantined" if tally.quarantined else "",
        )
        say(f"day {number:2} of {days}  {day.at:%Y-%m-%d}  {', '.join(part for part in done if part)}")

    return progress


def _program() -> str:
    """Return what to type for this program: its name where the shell finds it, else the path it was called by."""
    called = Path(sys.argv[0])
    if called.name not in ("strategy-ledger", "sledger") or shutil.which(called.name):
        return "strategy-ledger"
    return shlex.quote(sys.argv[0])


def _what_next(path: str, order_id: str) -> str:
    shown, program = shlex.quote(path), _program()
    commands = (
        (f"{program} orders {shown}", "the open orders; --all for every order"),
        (f"{program} orders {shown} {order_id}", "one order, its fills included"),
        (f"{program} journal {shown} {order_id}", "and what happened to it, step by step"),
        (f"{program} trades {shown} --all", "every round trip from flat to flat"),
        (f"{program} exposure {shown}", "what is held, and what open orders may add"),
        (f"{program} positions {shown} --json", "for a program"),
        (f"sqlite3 {shown} 'SELECT * FROM v_trades'", "the file speaks SQL, too"),
    )
    width = max(len(command) for command, _ in commands)
    lines = (f"  {command:<{width}}  {purpose}" for command, purpose in commands)
    return "\n".join(("\nWhat to type next:\n", *lines))
