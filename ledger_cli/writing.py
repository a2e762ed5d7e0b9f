"""What the commands of upkeep share: which ledger and strategy is meant, its key, and asking before they write.

They subscribe to nothing, so the bot's subscribers get what was written here from the bot. They never make a file.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger_cli.asking import LedgerPath, ledger_paths
from ledger_cli.failures import Misused, Refused, Unknown, Unreadable, one_line
from ledger_cli.masking import mask_url
from ledger_cli.settings import Settings
from ledger_cli.terminal import wrapped

if TYPE_CHECKING:
    from ledger_core import LedgerReader, StrategyLedger

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

path_argument = click.argument("paths", nargs=-1, metavar="[PATH]", type=LedgerPath())
strategy_option = click.option("--strategy", metavar="ID", help="The strategy that is meant, where there are several.")
key_option = click.option(
    "--key-file",
    metavar="FILE",
    help="The file whose bytes are the key of the journal's chain; else STRATEGY_LEDGER_CHAIN_KEY, if it has one.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def one_path(paths: Sequence[str], settings: Settings) -> str:
    """Return the one ledger that is meant."""
    if len(paths) > 1:
        raise Misused(f"one ledger at a time: {', '.join(map(mask_url, paths))} are {len(paths)}")
    return ledger_paths(paths, settings)[0]


def chain_key(settings: Settings, key_file: str | None) -> bytes | None:
    """Return the key of the journal's chain, from a file or from the environment; None where none is named.

    Of a file the key is all of its bytes, a last newline included.
    """
    from ledger_core.checks import check_chain_key

    named = settings.find("chain_key_file", key_file)
    in_environment = settings.find("chain_key")
    if key_file is None and in_environment.value is not None:
        key = in_environment.value.encode()
    elif named.value is None:
        return None
    else:
        try:
            key = Path(named.value).read_bytes()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", error)
            raise Unreadable(f"the key file {named.value} cannot be read: {why}") from error
    with one_line(""):
        return check_chain_key(key)


@contextmanager
def reader_for(path: str) -> "Iterator[LedgerReader]":
    """Open a ledger for reading."""
    from ledger_core import open_reader

    with one_line(mask_url(path)), open_reader(path) as reader:
        yield reader


def strategy_of(path: str, settings: Settings, argument: str | None, has: "Callable[[StrategyLedger], bool]") -> str:
    """Return the strategy that is meant: the one named, else the only one that has what is asked for."""
    from ledger_core.errors import Archived

    with reader_for(path) as reader:
        known = list(reader.strategies())
        if argument is not None:
            if argument not in known:
                held = ", ".join(known) or "no strategy at all"
                raise Unknown(f"no strategy {argument!r} in this ledger; it holds {held}", "UNKNOWN_STRATEGY")
            return argument
        having, gone = [], None
        for name in known:
            try:
                if has(reader.strategy(name)):
                    having.append(name)
            except Archived as error:
                gone = error
    if len(having) > 1:
        preferred = settings.find("strategy").value
        if preferred in having:
            return preferred
        raise Misused(f"several strategies have it: name one with --strategy: {', '.join(having)}")
    if not known:
        raise Unknown("this ledger holds no strategy yet", "UNKNOWN_STRATEGY")
    if not having and gone is not None:
        raise Refused(gone.message, gone.code)
    if not having:
        raise Unknown("no strategy of this ledger has it", "UNKNOWN_ID")
    return having[0]


@contextmanager
def ledger_for_writing(path: str, strategy_id: str, key: bytes | None) -> "Iterator[StrategyLedger]":
    """Open one strategy's ledger, which is there, for writing."""
    from ledger_core import open_ledger

    with one_line(mask_url(path)), open_ledger(path, strategy_id=strategy_id, chain_key=key) as ledger:
        yield ledger


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person; raise Refused unless the answer is yes, or was given before."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"not confirmed: {question} Give --yes to do it without being asked", "NOT_CONFIRMED")
    if not click.confirm(wrapped(question), default=False, err=True):
        raise Refused("not confirmed: nothing was written", "NOT_CONFIRMED")
