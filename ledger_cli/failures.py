"""Errors as a person, or a program, meets them: one line on stderr and an exit code, never a traceback."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from ledger_cli.masking import mask
from ledger_cli.terminal import wrapped

FOUND = 1
USAGE = 2
UNREADABLE = 3
UNKNOWN = 4
REFUSED = 5
OUTCOME_UNKNOWN = 6
BUSY = 7
INTERNAL = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

EXIT_CODES = {
    0: "done",
    FOUND: "something was found that a person should look at: the answer says what",
    USAGE: "the command was not understood",
    UNREADABLE: "the ledger, or another file, cannot be opened, read or written",
    UNKNOWN: "the ledger has no such order, strategy or other id; it may be archived",
    REFUSED: "refused, or not confirmed: no order, trade or position was changed",
    OUTCOME_UNKNOWN: "a write may have happened: read the ledger before you try again",
    BUSY: "others held the ledger for too long: try again",
    INTERNAL: "a fault of this program; STRATEGY_LEDGER_DEBUG=1 shows where",
    INTERRUPTED: "stopped by Ctrl-C, or by a time limit",
    BROKEN_PIPE: "whoever read the answer went away, as `head` does",
}


class Failure(click.ClickException):
    """What ends a command: a sentence for people, an exit code, and a word for programs."""

    exit_code = FOUND
    code = "FAILED"

    def __init__(self, message: str, code: str | None = None) -> None:
        """Keep the message as one line, without anything secret."""
        super().__init__(" ".join(mask(message).split()))
        self.code = code or self.code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line to stderr."""
        click.echo(wrapped(f"strategy-ledger: {self.message}"), file=file, err=file is None)


class Misused(Failure):
    """The command asks for what cannot be."""

    exit_code = USAGE
    code = "USAGE"


class Unreadable(Failure):
    """The ledger, or another file, cannot be opened, read or written."""

    exit_code = UNREADABLE
    code = "UNREADABLE"


class Unknown(Failure):
    """The ledger has no such order, trade or strategy."""

    exit_code = UNKNOWN
    code = "UNKNOWN"


class Refused(Failure):
    """The ledger refused a change, or nobody confirmed it; no order, trade or position was changed."""

    exit_code = REFUSED
    code = "REFUSED"


class InDoubt(Failure):
    """A write may or may not have happened."""

    exit_code = OUTCOME_UNKNOWN
    code = "OUTCOME_UNKNOWN"


class Busy(Failure):
    """Others held the ledger for too long."""

    exit_code = BUSY
    code = "STORAGE_BUSY"


class Interrupted(Failure):
    """A person, or a time limit, stopped it."""

    exit_code = INTERRUPTED
    code = "INTERRUPTED"


def error_document(code: str, message: str, exit_code: int) -> str:
    """Return an error as one line of JSON."""
    return json.dumps({"error": {"code": code, "message": mask(message), "exit_code": exit_code}})


@contextmanager
def one_line(path: str) -> Iterator[None]:
    """Turn what the ledger at `path` and the operating system raise into a Failure that names the path."""
    from ledger_core import errors

    try:
        yield
    except (errors.UnknownOrder, errors.UnknownTrade, errors.UnknownFill) as error:
        raise Unknown(error.message, error.code) from error
    except errors.InvalidValue as error:
        raise Misused(error.message, error.code) from error
    except errors.CommandRefused as error:
        filed = f"; it waits in quarantine as {error.quarantine_id}" if error.quarantine_id else ""
        raise Refused(error.message + filed, error.code) from error
    except errors.SubscriberInUse as error:
        raise Refused(error.message, error.code) from error
    except errors.OutcomeUnknown as error:
        raise InDoubt(_about(path, error.message), error.code) from error
    except errors.LedgerError as error:
        kind = Busy if error.retryable else Unreadable
        raise kind(_about(path, error.message), error.code) from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # whoever read our output has gone, as `head` does
        raise Unreadable(_about(path, str(error))) from error


def _about(path: str, message: str) -> str:
    return message if not path or path in message else f"{path}: {message}"
