"""Architect AX: orders, fills, and the order stream, whose fields have one or two letters."""

from decimal import Decimal
from typing import Any

from ledger_interop.importing.facts import AnyFact, NamedOrder, NewTerms, Status
from ledger_interop.importing.fields import Fields
from ledger_interop.importing.readers import DONE, OPEN, cancel_refused, words
from ledger_interop.importing.shapes import Defaults, FillShape, OrderShape, fee, read_fill, read_order
from ledger_interop.importing.times import since_epoch
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import UP, Aside, Record


def _time(fields: Fields) -> Any:
    """Return seconds (ts) and the nanoseconds beside them (tn)."""
    seconds, nanoseconds = fields.number("ts"), fields.number("tn")
    if seconds is None:
        return None
    fraction = nanoseconds if nanoseconds is not None and nanoseconds < 10**9 else Decimal(0)
    return since_epoch(seconds + fraction.scaleb(-9), "s")


def _envelope_time(fields: Fields) -> Any:
    return _time(fields.part(UP)) if "t" in fields.part(UP) else _time(fields)


def _quote(fields: Fields) -> str | None:
    pair = (fields.text("symbol", "s") or "").partition("-")[0]
    return pair[3:] if len(pair) == 6 else "USD"


_ORDER = OrderShape(
    client_id="cid",
    venue_id="oid",
    details={
        "symbol": "s",
        "side": "d",
        "order_type": lambda fields: "limit" if fields.positive("p") is not None else "market",
        "quantity": "q",
        "limit_price": "p",
        "time_in_force": "tif",
        "currency": _quote,
    },
    placed_at=_time,
    at=_envelope_time,
    status="o",
    statuses=words(OPEN, DONE, PENDING="PLACED", DONEFORDAY="DONE_FOR_DAY"),
    filled="xq",
    reason=("_up.txt", "_up.r", "txt", "r"),
)
_STREAM_FILL = FillShape(
    client_id="_up.o.cid",
    venue_id="_up.o.oid",
    fill_id="tid",
    quantity="q",
    price="p",
    details={"symbol": "s", "side": "d", "quantity": "_up.o.q", "limit_price": "_up.o.p", "currency": _quote},
    at=lambda fields: _time(fields.part(UP)),
    liquidity=lambda fields: None if fields.flag("agg") is None else not fields.flag("agg"),
)
_FILL = FillShape(
    venue_id="order_id",
    fill_id="trade_id",
    quantity="quantity",
    price="price",
    details={"symbol": "symbol", "side": "side", "currency": _quote},
    at="timestamp",
    liquidity=lambda fields: None if fields.flag("is_taker") is None else not fields.flag("is_taker"),
    fees=fee("fee", _quote),
)


def _event(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what an event of the stream says: the fill in it, new terms, and the order as it stands."""
    envelope = fields.source
    order = Fields({**fields.part("o").source, UP: envelope}, fields.zone)
    facts = read_order(order, _ORDER, defaults)
    first: Any = facts[0]
    happened: tuple[AnyFact, ...] = ()
    if "xs" in fields:
        happened = read_fill(Fields({**fields.part("xs").source, UP: envelope}, fields.zone), _STREAM_FILL, defaults)
    elif fields.text("t") == "r":
        details = first.order.details
        terms = {name: details[name] for name in ("quantity", "limit_price") if name in details}
        happened = (NewTerms(order=first.order, at=_time(fields), terms=terms, asked=True),)
    return (first, *happened, *facts[1:])


def _status(fields: Fields, _: Defaults) -> tuple[AnyFact, ...]:
    order = NamedOrder(client_id=fields.id("clord_id"), venue_id=fields.id("order_id"))
    return (Status(order=order, cum_quantity=fields.number("filled_quantity")),)


VENUE = Venue(
    kind="architect",
    name="ARCHITECT",
    records=(
        Record("event", ("t", "o"), _event, test=lambda fields: "oid" in fields.part("o")),
        Record("order", ("oid", "s", "q", "o"), _ORDER),
        Record("fill", ("trade_id", "order_id", "price"), _FILL),
        Record("status", ("order_id", "state", "filled_quantity"), _status),
        Record(
            "refusal of a cancel",
            ("t", "oid", "r"),
            cancel_refused(venue_id="oid", at=_time, reason=("txt", "r")),
            test=lambda fields: fields.text("t") == "e",
        ),
    ),
    asides=(
        Aside(("cxl_rx",), "says only that a request was received"),
        Aside(("t", "p", "q"), "trades of the whole market"),
        Aside(("ts", "p", "q"), "trades of the whole market"),
        Aside(("rid", "err"), "it refuses a request and does not say which"),
        Aside(("li",), "a greeting"),
        Aside(("oid",), "an id, without the order that it was given to"),
        Aside(("signed_quantity",), "positions"),
        Aside(("vwap",), "a forecast"),
        Aside(("t", "ts", "tn"), "a heartbeat"),
    ),
)
