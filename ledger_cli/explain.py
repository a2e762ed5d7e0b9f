"""`strategy-ledger explain`: where a realized figure comes from, down to which fill closed which."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import click

from ledger_cli import terminal, words
from ledger_cli.archived import refuse_archived
from ledger_cli.asking import require_order
from ledger_cli.completing import IdOrPath
from ledger_cli.failures import Unknown
from ledger_cli.listing import Cell, Form, Listing, Printer, number, one_row, say_left_out, text
from ledger_cli.reading import Asked, Found, Store, reading_options_with_id, stores_of
from ledger_cli.tables import Line

if TYPE_CHECKING:
    from ledger_core import AdjustmentRef, FillRef, LotMatch, OpenLot, PnlExplanation, PnlPart

_METHODS = ("average", "fifo", "lifo")


@attrs.frozen
class _Explained:
    """An explanation and the part of it that a row is of."""

    found: "Found[PnlExplanation]"
    part: "PnlPart"
    match: "LotMatch"


def _match(one: _Explained) -> Sequence[Cell]:
    part, match = one.part, one.match
    return (
        one.found.ledger,
        one.found.strategy_id,
        part.symbol,
        part.venue,
        part.account,
        _named(match.entry),
        _named(match.exit),
        match.quantity,
        match.entry_value,
        match.exit_value,
        match.realized_pnl,
        part.currency,
    )


MATCHES: Listing[_Explained] = Listing(
    (
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("symbol", varies=True),
        text("venue", rank=3, varies=True),
        text("account", rank=3, varies=True),
        text("entry", "entered with"),
        text("exit", "left with"),
        number("quantity"),
        number("entry_value", "entered for", rank=1),
        number("exit_value", "left for", rank=1),
        number("realized_pnl", "realized"),
        text("currency", rank=1),
    ),
    one_row(_match),
)
"""Which fill closed which, one match a row."""

LOTS: "Listing[OpenLot]" = Listing(
    (text("entry", "entered with"), number("quantity"), number("cost")),
    one_row(lambda lot: (_named(lot.entry), lot.quantity, lot.cost)),
)
"""What is still open of each fill."""


@click.command(short_help="Where a realized figure comes from.")
@reading_options_with_id
@click.argument("subject", metavar="ID", type=IdOrPath())
@click.option(
    "--method", type=click.Choice(_METHODS), default="average", show_default=True, help="Which units leave first."
)
def explain(asked: Asked, subject: str, method: str) -> None:
    """Print where the realized PnL of a trade, of an order's trades, or of a symbol comes from.

    PATH is a ledger file or a URL. ID is a trade, an order or a symbol. Each line is what one fill closed of another;
    they add up to the figure, gross of fees. JSON has the whole tree.
    """
    require_order(asked.paths, subject)
    with stores_of(asked) as stores:
        found = [one for store in stores for one in _explanations(store, subject, method)]
        if not found:
            refuse_archived(stores, subject, whole=True)
            raise Unknown(f"nothing in this ledger is a trade, an order or a symbol {subject!r}", "UNKNOWN_ID")
        if asked.form.is_json:
            documents = [{**one.whose, **one.record.as_dict()} for one in found]
            texts = map(json.dumps, documents) if asked.form is Form.JSONL else [json.dumps(documents, indent=2)]
            for one in texts:
                click.echo(one)
        elif asked.form is Form.TABLE:
            _print(asked, found)
        else:
            asked.printer.print(MATCHES, list(_matches(found)))


def _explanations(store: Store, subject: str, method: str) -> "Iterator[Found[PnlExplanation]]":
    from ledger_core import UnknownOrder, UnknownTrade
    from ledger_core.errors import Archived

    for strategy_id, ledger in store.ledgers:
        trade_ids: Sequence[str] = ()
        try:
            trade_ids = (ledger.get_trade(subject).trade_id,)
        except Archived:
            continue
        except UnknownTrade:
            try:
                trade_ids = ledger.get_order(subject).trade_ids
            except Archived:
                continue
            except UnknownOrder:
                explanation = ledger.explain_pnl(symbol=subject, cost_method=method)
                if explanation.parts:
                    yield Found(store.shown, strategy_id, explanation)
        for trade_id in trade_ids:
            yield Found(store.shown, strategy_id, ledger.explain_pnl(trade_id, cost_method=method))


def _print(asked: Asked, found: "Iterable[Found[PnlExplanation]]") -> None:
    width = None if asked.printer.is_wide else terminal.width()
    lines: list[Line] = []
    left_out: dict[str, None] = {}
    for one in found:
        lines += [*([[]] if lines else []), *_summary(one)]
        rows = list(_matches([one]))
        shown = rows[-asked.rows_max :] if asked.rows_max else rows
        for table in (asked.printer.table(MATCHES, shown, width), *_lots(one.record, asked.printer, width)):
            if table.lines:
                lines += [[], *table.lines]
                left_out.update(dict.fromkeys(table.left_out))
        if len(shown) < len(rows):
            asked.say_how_many(len(shown), len(rows), "match", plural="matches")
    terminal.print_lines(lines)
    say_left_out(list(left_out))


def _summary(one: "Found[PnlExplanation]") -> Iterator[Line]:
    tree = one.record
    subject = f"trade {tree.trade_id}" if tree.trade_id is not None else str(tree.symbol)
    figure = f"{words.number(tree.realized_pnl) or 'in several currencies'} {tree.currency or ''}".strip()
    yield [(f"{subject} of {one.strategy_id}: realized {figure}, {tree.cost_method.value} cost", "title")]
    if tree.fees:
        yield [(f"fees paid: {words.fees(tree.fees)}", "")]
    if tree.cash_flows:
        yield [(f"cash flows: {words.cash_flows(tree.cash_flows)}", "")]
    if tree.difference_to_average:
        yield [
            (f"of it by averaging over the whole trade, which is open: {words.number(tree.difference_to_average)}", "")
        ]
    for part in tree.parts:
        if part.opening is not None:
            opening = part.opening
            until = words.at(opening.executed_at)
            before = f"{words.number(opening.realized_pnl)} {part.currency or ''}".strip()
            yield [(f"of it up to {until}, in archives, the last of them {opening.archive_id}: {before}", "")]
    if not tree.matches:
        yield [("nothing has been closed yet", "")]


def _lots(tree: "PnlExplanation", printer: Printer, width: int | None) -> Iterator[Any]:
    if tree.open_lots:
        yield printer.table(LOTS, tree.open_lots, width)


def _matches(found: "Iterable[Found[PnlExplanation]]") -> Iterator[_Explained]:
    for one in found:
        for part in one.record.parts:
            for match in part.matches:
                yield _Explained(one, part, match)


def _named(ref: "FillRef | AdjustmentRef") -> str:
    from ledger_core import FillRef

    if isinstance(ref, FillRef):
        return f"{ref.order_id}/{ref.fill_id}"
    return f"{ref.adjustment_kind.value} {ref.adjustment_id}"
