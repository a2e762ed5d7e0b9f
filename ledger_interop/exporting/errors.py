"""What an export raises beside the ledger's own errors; nothing is left under the final name when it does."""

from ledger_core.errors import LedgerError


class MissingExtra(LedgerError):
    """A library that this needs is not installed; the message says which extra brings it."""

    code = "MISSING_EXTRA"


class DoesNotFit(LedgerError):
    """A number has more digits than the form asked for holds; nothing is ever rounded to fit."""

    code = "DOES_NOT_FIT"


class NoRate(LedgerError):
    """An amount is in a currency for which no rate was given."""

    code = "NO_RATE"


def missing(library: str, extra: str, what: str) -> MissingExtra:
    """Return the error for a library that is not there."""
    return MissingExtra(f'{what} needs {library}: pip install "strategy-ledger[{extra}]"', library=library, extra=extra)
