"""errors.md: the tree of errors with the three questions that each answers."""

import inspect
import textwrap

from _generator.markdown import code, fence, page, prose, table
from ledger_core import errors
from ledger_core.decide import quarantine
from ledger_core.errors import CommandRefused, LedgerError, StorageError

INTRODUCTION = """\
Everything that this package raises on purpose is a `LedgerError`. Each error answers three questions: whose fault it
was, whether anything was written, and whether the same call may be tried again.

- `code` is a stable word for programs; the message is for people and may change.
- `retryable` says that the same call may succeed later without any other change.
- `context` holds the data behind the message; each of its keys is an attribute too.
"""

# What each error says about the store after it. Errors that are not here inherit the words of their base.
WRITTEN: dict[type[LedgerError], str] = {
    LedgerError: "see the subclass",
    CommandRefused: "nothing",
    StorageError: "nothing, unless the subclass says otherwise",
    errors.BatchUsage: "nothing by this command",
    errors.OutcomeUnknown: "unknown: the entry is stored as a whole, or not at all",
    errors.UnknownStorage: "nothing; nothing was opened",
}
FILED = "nothing, but a fact is filed in quarantine"


def files() -> dict[str, str]:
    """Return the page."""
    tree = inspect.cleandoc(inspect.getdoc(errors) or "")
    parts = [
        "## The tree",
        fence("text", _drawn(tree)),
        "## Which of them file a fact in quarantine",
        (
            f"A fact of the venue (`update_*`) that is refused with {_list(quarantine.QUARANTINABLE)} is kept in the "
            "durable quarantine before the error is raised, and the error's `quarantine_id` names it. The same errors "
            "of an intent, and every other refusal, write nothing and have `quarantine_id` None."
        ),
        "## Every error",
        table(("error", "code", "may be retried", "was anything written"), [_row(cls) for cls in _all()]),
        *(_section(cls) for cls in _all()),
    ]
    return {"errors.md": page("Errors", INTRODUCTION, *parts)}


def _all() -> list[type[LedgerError]]:
    found: list[type[LedgerError]] = []

    def visit(cls: type[LedgerError]) -> None:
        found.append(cls)
        for child in cls.__subclasses__():
            if child.__module__ == errors.__name__:
                visit(child)

    visit(LedgerError)
    return found


def _written(cls: type[LedgerError]) -> str:
    if cls in quarantine.QUARANTINABLE:
        return FILED
    base = next(known for known in cls.__mro__ if known in WRITTEN)
    return WRITTEN[StorageError].split(",")[0] if base is StorageError is not cls else WRITTEN[base]


def _row(cls: type[LedgerError]) -> tuple[str, str, str, str]:
    link = f"[`{cls.__name__}`](#{cls.__name__.lower()})"
    return (link, code(cls.code), "yes" if cls.retryable else "no", _written(cls))


def _section(cls: type[LedgerError]) -> str:
    bases = [base for base in cls.__bases__ if base is not Exception]
    lines = [f"### {cls.__name__}", prose(cls.__doc__)]
    if bases:
        lines.append(f"Is a {' and a '.join(code(base.__name__) for base in bases)}.")
    own = cls.__dict__.get("__init__")
    if own is not None and cls is not LedgerError:
        lines.append(prose(own.__doc__))
    return "\n\n".join(lines)


def _drawn(tree: str) -> str:
    (drawn,) = (part for part in tree.split("\n\n") if part.lstrip().startswith("LedgerError"))
    return textwrap.dedent(drawn)


def _list(classes: tuple[type[LedgerError], ...]) -> str:
    names = [f"[`{cls.__name__}`](#{cls.__name__.lower()})" for cls in classes]
    return f"{', '.join(names[:-1])} or {names[-1]}"
