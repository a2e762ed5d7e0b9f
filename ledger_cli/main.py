"""The command `strategy-ledger`, also `sledger`: which commands there are, and how each run ends.

A command is one line of `SECTIONS`; its module is imported when it is called, so that help and completion come at
once.
"""

import errno
import importlib
import io
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import attrs
import click

from ledger_cli.failures import BROKEN_PIPE, EXIT_CODES, INTERNAL, INTERRUPTED, USAGE, error_document
from ledger_cli.listing import Form


@attrs.frozen
class Entry:
    """A command: `module:attribute` of its click command, and what it does, for the list of commands."""

    where: str
    short_help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.where.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command), self.where
        return command


SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "First look": {
        "demo": Entry("ledger_cli.demo.command:demo", "Try it: a recorded stream into a new file."),
    },
    "Emergency": {
        "status": Entry("ledger_cli.status:status", "What is in doubt, open and held; what to do next."),
        "orders": Entry("ledger_cli.orders:orders", "What is open at the venues, in doubt first."),
        "positions": Entry("ledger_cli.positions:positions", "What is held."),
        "exposure": Entry("ledger_cli.exposure:exposure", "Net by symbol, and what may be added."),
        "show": Entry("ledger_cli.show:show", "Whatever an id, or the beginning of one, names."),
        "doctor": Entry("ledger_cli.doctor:doctor", "Is the file sound, and does anything hang."),
        "backup": Entry("ledger_cli.backup:backup", "A proven copy, made while the bot goes on."),
        "flatten": Entry("ledger_cli.flatten:flatten", "A plan to leave the market; sends nothing."),
        "watch": Entry("ledger_cli.watch:watch", "The status, again and again, as it changes."),
    },
    "Analysis": {
        "trades": Entry("ledger_cli.trades:trades", "Round trips: what they hold and made."),
        "fills": Entry("ledger_cli.fills:fills", "Every execution."),
        "history": Entry("ledger_cli.journal:history", "What happened to an order or trade."),
        "journal": Entry("ledger_cli.journal:journal", "What happened, in order."),
        "pnl": Entry("ledger_cli.pnl:pnl", "Realized PnL by day, week, month, symbol or strategy."),
        "quality": Entry("ledger_cli.quality:quality", "How orders were executed: ratios, times, slippage."),
        "explain": Entry("ledger_cli.explain:explain", "Where a realized figure comes from."),
        "query": Entry("ledger_cli.query:query", "A question in SQL; it can only read."),
        "report": Entry("ledger_cli.report:report", "A page of HTML: curves, figures, trades, risk."),
        "web": Entry("ledger_cli.web:web", "The file in a browser, on this machine alone."),
    },
    "Upkeep": {
        "verify": Entry("ledger_cli.verify:verify", "What is stored against the journal, to the byte."),
        "rebuild": Entry("ledger_cli.verify:rebuild", "Restore the records from the journal."),
        "resolve": Entry("ledger_cli.resolve:resolve", "Say what became of an order in doubt, or of a fact."),
        "reconcile": Entry("ledger_cli.reconcile:reconcile", "A broker's snapshot against the ledger."),
        "skip": Entry("ledger_cli.skip:skip", "Let a subscriber go on behind an entry that it cannot take."),
        "forget": Entry("ledger_cli.forget:forget", "Take away the cursor of a subscriber that is gone for good."),
        "init": Entry("ledger_cli.making:init", "Make an empty ledger."),
        "import": Entry("ledger_cli.importing:import_", "History of a venue or bot into a ledger."),
        "export": Entry("ledger_cli.exporting:export_", "Tables into files for other programs."),
        "archive": Entry("ledger_cli.archive:archive", "Closed history into an archive, and out of the ledger."),
        "archives": Entry("ledger_cli.archives:archives", "Which archives there are, and whether they are sound."),
        "restore": Entry("ledger_cli.restore:restore", "An archive back into its ledger."),
        "span": Entry("ledger_cli.span:span", "A ledger and its archives, as one new file."),
        "migrate": Entry("ledger_cli.making:migrate", "Bring an older file to the present schema."),
    },
    "Settings": {
        "config": Entry("ledger_cli.config:config", "What the commands do without being told."),
        "completion": Entry("ledger_cli.completion:completion", "Make a shell complete commands and ids."),
    },
}
"""Every command, in the order in which it is listed. Another package adds its own line here."""

_EXIT_CODES = "\n".join(f"  {code:3}  {meaning}" for code, meaning in EXIT_CODES.items())


class CommandLine(click.Group):
    """The group: commands in sections, imported when called; every way to end is a line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names in the order in which a person needs them."""
        return [name for entries in SECTIONS.values() for name in entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        for entries in SECTIONS.values():
            if cmd_name in entries:
                return entries[cmd_name].load()
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of an unknown one, name those that are spelt alike."""
        from difflib import get_close_matches

        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            near = get_close_matches(args[0], self.list_commands(ctx), n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else "; strategy-ledger --help lists the commands"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands by section, without importing any."""
        width = max(len(name) for entries in SECTIONS.values() for name in entries)
        for section, entries in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), entry.short_help) for name, entry in entries.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,  # noqa: ARG002  # click's signature
        **extra: Any,
    ) -> Any:
        """Run, and end with an exit code of `EXIT_CODES`; an error is one line, of JSON where JSON was asked for."""
        arguments = list(sys.argv[1:] if args is None else args)
        name = prog_name or os.path.basename(sys.argv[0]) or "strategy-ledger"  # noqa: PTH119  # not a path to open
        self._complete(name, complete_var, extra)
        code = self._run(arguments, name, extra)
        if not standalone_mode:
            return code
        sys.exit(code)

    def _complete(self, name: str, complete_var: str | None, extra: MutableMapping[str, Any]) -> None:
        """Answer a shell that asks for completions, and end."""
        from click.shell_completion import shell_complete

        variable = complete_var or f"_{name.replace('-', '_').replace('.', '_')}_COMPLETE".upper()
        instruction = os.environ.get(variable)
        if instruction:
            sys.exit(shell_complete(self, extra, name, variable, instruction))

    def _run(self, arguments: list[str], name: str, extra: MutableMapping[str, Any]) -> int:
        try:
            with self.make_context(name, list(arguments), **extra) as context:
                self.invoke(context)
                _flush()
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help(), err=True)
            return USAGE
        except click.ClickException as error:
            _complain(error, arguments)
            return error.exit_code
        except click.exceptions.Exit as ended:
            return ended.exit_code
        except (KeyboardInterrupt, EOFError, click.Abort):
            click.echo(err=True)
            return INTERRUPTED
        except OSError as error:
            if error.errno != errno.EPIPE:
                return _fail(error, arguments)
            _silence()
            return BROKEN_PIPE
        except Exception as error:  # noqa: BLE001  # a traceback helps nobody at three in the morning
            return _fail(error, arguments)
        return 0


def _wants_json(arguments: Sequence[str]) -> bool:
    """Say whether JSON was asked for, also in a command line that was not understood."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    forms = {value for option, value in pairs if option in ("-o", "--output")}
    forms.update(one.removeprefix("--output=") for one in arguments if one.startswith("--output="))
    forms.update(one.removeprefix("-o") for one in arguments if one.startswith("-o") and not one.startswith("--"))
    return "--json" in arguments or "--jsonl" in arguments or bool(forms & {Form.JSON.value, Form.JSONL.value})


def _complain(error: click.ClickException, arguments: Sequence[str]) -> None:
    from ledger_cli.failures import Failure, Misused

    failure = error if isinstance(error, Failure) else Misused(_sentence(error))
    if _wants_json(arguments):
        click.echo(error_document(failure.code, failure.message, error.exit_code), err=True)
    else:
        failure.show()


def _sentence(error: click.ClickException) -> str:
    """Return click's message about a command line, with where help is."""
    context = getattr(error, "ctx", None)
    help_of = f" (see {context.command_path} --help)" if context is not None else ""
    return error.format_message().rstrip(".") + help_of


def _fail(error: Exception, arguments: Sequence[str]) -> int:
    """Report a fault of this program in one line."""
    if os.environ.get("STRATEGY_LEDGER_DEBUG"):
        raise error
    message = f"a fault of this program: {type(error).__name__}: {error}; STRATEGY_LEDGER_DEBUG=1 shows where"
    if _wants_json(arguments):
        click.echo(error_document("INTERNAL", message, INTERNAL), err=True)
    else:
        from ledger_cli.failures import Failure

        Failure(message).show()
    return INTERNAL


def _flush() -> None:
    """Write what is still kept back, so that a reader that has gone is noticed here."""
    sys.stdout.flush()


def _silence() -> None:
    """Let nothing be written at the end to a reader that has gone."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


@click.group(
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"\b\nExit codes:\n{_EXIT_CODES}",
)
@click.version_option(package_name="strategy-ledger")
def main() -> None:
    """Look into strategies' ledgers, and keep them up: what is in doubt, open, held, made, and what happened.

    The commands that read need nothing but the PATH of a ledger, several PATHs, or a URL; without one they take that
    of the configuration (see config show). They never create, change or lock a file, so they are safe beside a
    running bot and on the file of one that was killed. Those that write ask first, or need --yes. stdout is the
    answer, stderr is talk; times are UTC unless --tz says otherwise; numbers have every digit that is stored, but for
    columns with a ~, which are rounded for the eye.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an id that this terminal cannot show is no reason to fail
