"""`strategy-ledger show ID`: whatever an id, or the beginning of one, names."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import click

from ledger_cli import documents, lookup, words
from ledger_cli.asking import require_order
from ledger_cli.completing import IdOrPath
from ledger_cli.listing import Document, Form, Listing, Printer, one_row, text
from ledger_cli.lookup import Match
from ledger_cli.orders import ORDERS, WithFills, notes_of, render_one
from ledger_cli.reading import Asked, Found, Store, one_answer_options_with_id, stores_of
from ledger_cli.tables import render_pairs
from ledger_cli.trades import render_one as render_trade

if TYPE_CHECKING:
    from ledger_core import Fill, StrategyLedger

MATCHES: Listing[Match] = Listing(
    (
        text("kind"),
        text("ledger", varies=True),
        text("strategy_id", "strategy"),
        text("id"),
        text("leads_to", "leads to"),
    ),
    one_row(lambda match: (match.kind, match.ledger, match.strategy_id, match.id, match.leads_to)),
)
"""What several ids that begin alike name."""

_OF_AN_ORDER = ("order", "venue's id", "request")


@attrs.frozen
class _Target:
    """One thing to be shown, and where it is."""

    kind: str
    store: Store
    strategy_id: str
    ledger: "StrategyLedger"
    id: str
    order_id: str | None

    def found(self, record: Any) -> Found[Any]:
        """Return a record as one of this ledger's."""
        return Found(self.store.shown, self.strategy_id, record)


@click.command(short_help="Whatever an id names.")
@one_answer_options_with_id
@click.argument("record_id", metavar="ID", type=IdOrPath())
def show(asked: Asked, record_id: str) -> None:
    """Print everything about what ID names: an order, a trade, a fact in quarantine, an adjustment, an execution.

    PATH is a ledger file or a URL. ID may be our own or the venue's id of an order, that of a request, of an execution
    group or of a trade plan. The beginning of an id is enough; where several begin like it, they are listed.
    """
    require_order(asked.paths, record_id)
    with stores_of(asked) as stores:
        matches = lookup.find(stores, record_id)
        targets = _targets(stores, matches)
        if len({(target.kind, target.id, target.order_id) for target in targets}) > 1:
            asked.printer.print(MATCHES, sorted(matches))
            named = "have the id" if all(match.id == record_id for match in matches) else "begin with"
            asked.say(f"{words.count(len(targets), 'thing')} {named} {record_id!r}")
            return
        shown = [(target, _read(target)) for target in targets]
        if asked.form is Form.JSON:
            click.echo(json.dumps([_document(*one) for one in shown], indent=2))
        elif asked.form is Form.JSONL:
            for one in shown:
                click.echo(json.dumps(_document(*one)))
        else:
            click.echo("\n\n".join(_text(*one, asked.printer) for one in shown))


def text_of(stores: Sequence[Store], match: Match, printer: Printer) -> str:
    """Return everything about what one match names; nothing where it is no longer there."""
    return "\n\n".join(_text(target, _read(target), printer) for target in _targets(stores, [match]))


def _targets(stores: Sequence[Store], matches: Iterable[Match]) -> list[_Target]:
    """Return what is to be shown: an order's other ids lead to the order, that of a waiting fill to the fact."""
    wanted = dict.fromkeys((match.ledger, match.strategy_id, *_aim(match)) for match in matches)
    return [
        _Target(kind, store, strategy_id, ledger, record_id, order_id)
        for ledger_name, owner, kind, record_id, order_id in wanted
        for store in stores
        if store.shown == ledger_name
        for strategy_id, ledger in store.ledgers
        if strategy_id == owner
    ]


def _aim(match: Match) -> tuple[str, str, str | None]:
    """Return (kind, id, order of a fill) of what is to be shown of a match."""
    if match.kind in _OF_AN_ORDER:
        return ("order", match.leads_to or match.id, None)
    if match.kind == "waiting fill":
        return ("quarantine", match.leads_to or match.id, None)
    return (match.kind, match.id, match.leads_to if match.kind == "fill" else None)


def _read(target: _Target) -> Any:
    """Return the record, or the orders of a group."""
    from ledger_core import RecordKind

    ledger = target.ledger
    match target.kind:
        case "order":
            return _with_fills(ledger, target.id)
        case "trade":
            return ledger.get_trade(target.id)
        case "fill":
            return ledger.get_fill(target.order_id or "", target.id)
        case "quarantine":
            return _stored(target, RecordKind.QUARANTINE)
        case "adjustment":
            return _stored(target, RecordKind.ADJUSTMENT)
        case "group":
            return list(ledger.find_orders(execution_group_id=target.id, limit=None))
        case "plan":
            return list(ledger.find_orders(trade_plan_id=target.id, limit=None))
        case _:
            return list(ledger.find_orders(parent_order_id=target.id, limit=None))


def _with_fills(ledger: "StrategyLedger", order_id: str) -> WithFills:
    return WithFills(ledger.get_order(order_id), tuple(ledger.find_fills(order_id=order_id, limit=None)))


def _stored(target: _Target, kind: Any) -> Any:
    """Return a record that the ledger has no question for, such as a fact that was settled."""
    from ledger_core import open_repository

    repository = open_repository(target.store.path, strategy_id=target.strategy_id, read_only=True)
    try:
        return repository.load(kind, (target.id,))
    finally:
        repository.close()


def _text(target: _Target, record: Any, printer: Printer) -> str:
    match target.kind:
        case "order":
            return render_one(target.found(record), printer)
        case "trade":
            return render_trade(target.found(record), printer)
        case "fill":
            order = target.found(_with_fills(target.ledger, record.order_id))
            return f"{_fill(record, printer)}\n\nof the order\n\n{render_one(order, printer)}"
        case "quarantine" | "adjustment":
            return _fields(target, record)
        case _:
            orders = printer.table(ORDERS, [target.found(order) for order in record])
            return f"{target.kind} {target.id}\n\n{orders.text}"


def _document(target: _Target, record: Any) -> Document:
    whose = {"kind": target.kind, **target.found(record).whose}
    match target.kind:
        case "order":
            return {**whose, **documents.of_order(record.order, record.fills)}
        case "trade":
            return {**whose, **documents.of_trade(record)}
        case "fill" | "quarantine" | "adjustment":
            return {**whose, **documents.of_record(record)}
        case _:
            return {**whose, "id": target.id, "orders": [documents.of_order(order) for order in record]}


def _fill(fill: "Fill", printer: Printer) -> str:
    versions = (f"{one.fill_id}: {words.number(one.quantity)} at {words.number(one.price)}" for one in fill.chain)
    return render_pairs(
        (
            ("fill", fill.fill_id),
            ("note", notes_of(fill)),
            ("what", f"{fill.side.value} {words.number(fill.quantity)} {fill.symbol}"),
            ("price", words.number(fill.price)),
            ("fees", words.fees(fill.fees)),
            ("liquidity", fill.liquidity.value if fill.liquidity else None),
            ("executed", printer.ago(fill.executed_at)),
            ("trade date", fill.trade_date.isoformat() if fill.trade_date else None),
            ("versions", ", ".join(versions)),
        )
    )


def _fields(target: _Target, record: Any) -> str:
    """Return the stored fields by name, those of nested objects too: for what is seldom looked at."""
    document = {"strategy_id": target.strategy_id, **documents.of_record(record)}
    return render_pairs(_flat(document, ""))


def _flat(document: Document, before: str) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        named = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{named}: ")
        elif value not in (None, [], ""):
            yield named, value if isinstance(value, str) else json.dumps(value)
