"""The command `strategy-ledger`, also `sledger`: a group with one module a command."""

import io
import sys

import click

from ledger_cli.demo.command import demo
from ledger_cli.exposure import exposure
from ledger_cli.failures import EXIT_CODES
from ledger_cli.journal import journal
from ledger_cli.orders import orders
from ledger_cli.positions import positions
from ledger_cli.trades import trades

_EXIT_CODES = "\n".join(f"  {code}  {meaning}" for code, meaning in EXIT_CODES.items())


class _InOrder(click.Group):
    """A group that lists its commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(self.commands)


@click.group(
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"\b\nExit codes:\n{_EXIT_CODES}",
)
@click.version_option(package_name="strategy-ledger")
def main() -> None:
    """Look into a strategy's ledger: orders, trades, positions, exposure and the journal of what happened.

    The commands that print from a ledger need nothing but its PATH. They never create, change or lock a file, so they
    are safe beside a running bot and on the file of one that was killed. stdout is the answer, stderr is talk; times
    are UTC; numbers have every digit that is stored, but for columns with a ~, which are rounded for the eye.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an id that this terminal cannot show is no reason to fail


for _command in (demo, orders, trades, positions, exposure, journal):
    main.add_command(_command)
