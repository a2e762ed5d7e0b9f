"""Errors as a person meets them: one line on stderr and an exit code, never a traceback."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

FAILED = 1
USAGE = 2
UNREADABLE = 3
UNKNOWN = 4

EXIT_CODES = {
    0: "done",
    FAILED: "the demonstration's figures do not agree, or something failed that has no code of its own",
    USAGE: "the command was not understood",
    UNREADABLE: "the ledger cannot be opened or read",
    UNKNOWN: "the ledger has no such order, trade or strategy",
}


class Failure(click.ClickException):
    """What ends a command: a sentence and an exit code."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        """Keep the message as one line."""
        super().__init__(" ".join(message.split()))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to stderr."""
        click.echo(f"strategy-ledger: {self.message}", file=file, err=file is None)


class Misused(Failure):
    """The command asks for what cannot be."""

    exit_code = USAGE


class Unreadable(Failure):
    """The ledger cannot be opened or read."""

    exit_code = UNREADABLE


class Unknown(Failure):
    """The ledger has no such order, trade or strategy."""

    exit_code = UNKNOWN


@contextmanager
def one_line(path: str) -> Iterator[None]:
    """Turn what the ledger at `path` and the operating system raise into a Failure that names the path."""
    from ledger_core.errors import (
        InvalidValue,
        LedgerError,
        StorageError,
        UnknownFill,
        UnknownOrder,
        UnknownStorage,
        UnknownTrade,
    )

    try:
        yield
    except (UnknownOrder, UnknownTrade, UnknownFill) as error:
        raise Unknown(error.message) from error
    except InvalidValue as error:
        raise Misused(error.message) from error
    except (StorageError, UnknownStorage) as error:
        raise Unreadable(_about(path, error.message)) from error
    except LedgerError as error:
        raise Failure(_about(path, error.message)) from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # whoever read our output has gone, as `head` does: click ends quietly
        raise Unreadable(_about(path, str(error))) from error


def _about(path: str, message: str) -> str:
    return message if path in message else f"{path}: {message}"
