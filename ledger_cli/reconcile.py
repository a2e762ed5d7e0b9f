"""`strategy-ledger reconcile`: what a broker says it has against what the ledger holds, and what to do about it."""

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from ledger_cli import terminal, words
from ledger_cli.archived import archived_orders, archives_option
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.documents import of_answer
from ledger_cli.failures import FOUND, Misused, Unreadable
from ledger_cli.listing import Cell, Form, Listing, Printer, one_row, text
from ledger_cli.masking import mask_url
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.tables import Line
from ledger_cli.writing import (
    chain_key,
    confirm,
    key_option,
    ledger_for_writing,
    one_path,
    path_argument,
    reader_for,
    strategy_of,
    strategy_option,
    yes_option,
)

if TYPE_CHECKING:
    from ledger_core import Proposal, Reconciliation, StrategyLedger
    from ledger_core.reconciling import Comparison

_NAMES = {
    "missing_here": "missing here",
    "missing_there": "missing there",
    "different": "different",
}


@attrs.frozen
class _Seen:
    """A difference, and on which side."""

    where: str
    comparison: "Comparison"


def _difference(seen: _Seen) -> Sequence[Cell]:
    one = seen.comparison
    key = " ".join(part for part in one.key if part)
    return (
        seen.where,
        one.subject.value,
        key,
        _values(one.ours, one.fields),
        _values(one.theirs, one.fields),
        one.note,
    )


def _values(side: Any, fields: Sequence[str]) -> str | None:
    """Return those values of a side that differ, or all where the other side has none."""
    if side is None:
        return None
    wanted = [name for name in side if not fields or name in fields]
    return ", ".join(f"{name} {_shown(side[name])}" for name in wanted) or None


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return words.number(value) or ""
    return "/".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


DIFFERENCES: Listing[_Seen] = Listing(
    (
        text("where", "seen"),
        text("subject", "what"),
        text("key"),
        text("ours", below=True, rank=1),
        text("theirs", below=True, rank=1),
        text("note", below=True, rank=2),
    ),
    one_row(_difference),
)
"""What differs, one thing a row."""

PROPOSALS: "Listing[Proposal]" = Listing(
    (text("operation", "call"), text("arguments", below=True, rank=1), text("reason", "because", below=True, rank=2)),
    one_row(lambda one: (one.operation.value, json.dumps(_plain(one.arguments)), one.reason)),
)
"""Calls of the ledger that would bring it nearer to what the broker says, in the order to make them."""


@click.command(short_help="A broker's snapshot against the ledger.")
@path_argument
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option("--apply", "applies", is_flag=True, help="Make the proposed calls, all of them or none; asks first.")
@archives_option
@strategy_option
@key_option
@printing_options
@yes_option
def reconcile(
    paths: tuple[str, ...],
    snapshot: str,
    applies: bool,
    archives: str | None,
    strategy: str | None,
    key_file: str | None,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
    yes: bool,
) -> None:
    """Compare a broker's snapshot with the ledger, and print what could be done; ends with 1 if they differ.

    SNAPSHOT is a JSON file, or - for stdin: {"open_orders": [...], "executions": [...], "positions": [...]}, each of
    which may be left out. Nothing is changed without --apply.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    told = _read(snapshot)
    path = one_path(paths, settings)
    strategy_id = strategy_of(path, settings, strategy, lambda _: True)
    with reader_for(path) as reader:
        if archives is not None:
            told = _with_archives(told, reader.strategy(strategy_id), archives)
        found = reader.strategy(strategy_id).reconcile(told)
    if not applies:
        _print(found, printer)
        if not found.agrees:
            click.get_current_context().exit(FOUND)
        return
    if not found.proposals:
        _print(found, printer)
        say("nothing is proposed")
        return
    counted = words.count(len(found.proposals), "call")
    if printer.form is Form.TABLE:
        _print(found, printer)
    confirm(f"Make {counted} on {strategy_id} in {mask_url(path)}?", yes=yes)
    with ledger_for_writing(path, strategy_id, chain_key(settings, key_file)) as ledger:
        before = ledger.head().sequence
        with ledger.batch() as batch:
            for proposal in found.proposals:
                proposal.apply(batch)
        say(f"done: {words.count(ledger.head().sequence - before, 'entry', 'entries')} of {strategy_id}")
        after = ledger.reconcile(told)
    if printer.form is not Form.TABLE:
        _print(after, printer)
    if not after.agrees:
        say("they still differ: see what was noted")
        click.get_current_context().exit(FOUND)


def _with_archives(told: Any, ledger: "StrategyLedger", folder: str) -> Any:
    """Give orders in archives their ids, where the broker names them by its own alone."""
    from ledger_interop.archive import with_our_ids

    with archived_orders(folder, ledger.strategy_id) as archived:
        return with_our_ids(told, ledger, archived)


def _read(snapshot: str) -> Any:
    """Read a snapshot without letting a number pass through floating point."""
    try:
        content = sys.stdin.read() if snapshot == "-" else Path(snapshot).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise Unreadable(
            f"the snapshot {snapshot} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        return json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise Misused(f"the snapshot {snapshot} is no JSON: {error}") from error


def _print(found: "Reconciliation", printer: Printer) -> None:
    if printer.form.is_json:
        document = {
            "agrees": found.agrees,
            **{name: [_comparison(one) for one in getattr(found, name)] for name in ("matched", *_NAMES)},
            "proposals": [
                {"operation": one.operation.value, "arguments": _plain(one.arguments), "reason": one.reason}
                for one in found.proposals
            ],
        }
        printer.print_document(document)
        return
    seen = [_Seen(words_of, one) for name, words_of in _NAMES.items() for one in getattr(found, name)]
    if printer.form is not Form.TABLE:
        printer.print(DIFFERENCES, seen)
        return
    _print_tables(seen, found.proposals, printer)
    say(f"{words.count(len(found.matched), 'thing')} agree, {words.count(len(seen), 'difference')}")


def _print_tables(seen: Sequence[_Seen], proposals: "Sequence[Proposal]", printer: Printer) -> None:
    width = None if printer.is_wide else terminal.width()
    lines: list[Line] = []
    if seen:
        lines += printer.table(DIFFERENCES, seen, width).lines
    if proposals:
        title = f"Proposed, in this order ({len(proposals):,})"
        lines += [*([[]] if lines else []), [(title, "title")], [], *printer.table(PROPOSALS, proposals, width).lines]
    terminal.print_lines(lines)


def _comparison(one: "Comparison") -> dict[str, Any]:
    return {
        "subject": one.subject.value,
        "key": list(one.key),
        "ours": _plain(one.ours),
        "theirs": _plain(one.theirs),
        "fields": list(one.fields),
        "note": one.note,
    }


def _plain(value: Any) -> Any:
    """Return a mapping of values as JSON."""
    if value is None:
        return None
    return {name: of_answer(item) if not hasattr(item, "items") else _plain(item) for name, item in value.items()}
