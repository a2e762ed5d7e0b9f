"""CSV of any origin: fills, one a row, by a map of the ledger's names to the file's columns.

    {"symbol": "Ticker", "side": "B/S", "quantity": "Shares", "price": "Px", "executed_at": "Time"}

Without a side, the sign of the quantity tells it. Without an order id each fill is an order of its own. Without a fill
id, the row itself is its identity: the same row twice in a file is two fills, the same file twice is known.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ledger_interop.errors import UnreadableSource
from ledger_interop.importing.facts import AnyFact, Execution, Fees, Message, NamedOrder
from ledger_interop.importing.fields import Fields, NotUnderstood, Terms, shown
from ledger_interop.importing.shapes import Defaults, details_of
from ledger_interop.importing.vocabulary import liquidity_of, side_of

if TYPE_CHECKING:
    import _csv

COLUMNS_MAX = 1_000
_NUMBERS = ("quantity", "price", "fee", "limit_price", "stop_price", "order_quantity", "multiplier")
_GROUPED = {
    ",": re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d*)?", re.ASCII),
}
"""Numbers with marks between the thousands: a mark anywhere else is the decimal point of another country."""

ORDER_NAMES = (
    "symbol",
    "side",
    "order_type",
    "order_quantity",
    "limit_price",
    "stop_price",
    "time_in_force",
    "venue",
    "account",
    "position_side",
    "currency",
    "base_currency",
    "multiplier",
    "execution_group_id",
    "trade_plan_id",
)
FILL_NAMES = ("fill_id", "order_id", "venue_order_id", "quantity", "price", "executed_at", "trade_date", "liquidity")
FEE_NAMES = ("fee", "fee_currency")
NAMES = (*FILL_NAMES, *FEE_NAMES, *ORDER_NAMES)
"""What a column may be mapped to."""
REQUIRED = ("symbol", "quantity", "price", "executed_at")


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise UnreadableSource for a map that names what is not known, or leaves out what is needed."""
    unknown = [name for name in columns if name not in NAMES]
    if unknown:
        raise UnreadableSource(f"no column can be mapped to {unknown[0]!r}; known are {', '.join(NAMES)}")
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise UnreadableSource(f"the map of columns leaves out {', '.join(missing)}")


def read_lines(
    lines: Iterable[str],
    columns: Mapping[str, str],
    defaults: Defaults | None = None,
    *,
    delimiter: str = ",",
    decimal_comma: bool = False,
) -> Iterator[Message]:
    """Generate a message for each row below the headings. Raises UnreadableSource where a mapped column is missing."""
    check_columns(columns)
    known = defaults or Defaults()
    reader = csv.reader(lines, delimiter=delimiter)
    headings = [heading.strip() for heading in _next_row(reader) or ()]
    if len(headings) > COLUMNS_MAX:
        raise UnreadableSource(f"more than {COLUMNS_MAX} columns", place="line 1")
    for name, column in columns.items():
        if headings.count(column) != 1:
            found = "no" if column not in headings else "more than one"
            raise UnreadableSource(f"{found} column {column!r}, which {name} is to be read from", place="line 1")
    seen: Counter[bytes] = Counter()
    while (row := _next_row(reader)) is not None:
        if any(cell.strip() for cell in row):
            place = f"line {reader.line_num}"
            yield _message(place, headings, row, columns, known, seen, decimal_comma=decimal_comma)


def _next_row(reader: "_csv.Reader") -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise UnreadableSource(f"no CSV: {error}", place=f"line {reader.line_num}") from error


def _message(
    place: str,
    headings: list[str],
    row: list[str],
    columns: Mapping[str, str],
    defaults: Defaults,
    seen: Counter[bytes],
    *,
    decimal_comma: bool,
) -> Message:
    if len(row) != len(headings):
        return Message(place, "row", problem=f"the row has {len(row)} cells, the headings are {len(headings)}")
    cells = dict(zip(headings, row, strict=True))
    values = {name: cells[column].strip() for name, column in columns.items()}
    try:
        for name in _NUMBERS:
            if values.get(name):
                values[name] = _plain(name, values[name], decimal_comma=decimal_comma)
        return Message(place, "row", (_fill(Fields(values, defaults.zone), row, defaults, seen),))
    except NotUnderstood as error:
        return Message(place, "row", problem=str(error))


def _fill(fields: Fields, row: list[str], defaults: Defaults, seen: Counter[bytes]) -> AnyFact:
    quantity, price = fields.number("quantity"), fields.number("price")
    at = fields.time("executed_at")
    if not quantity or price is None or at is None:
        raise NotUnderstood("the row has no quantity, no price, or no time")
    word = fields.text("side")
    side = side_of(word) if word is not None else "BUY" if quantity > 0 else "SELL"
    fill_id = fields.id("fill_id") or _identity(row, seen)
    order_id, venue_id = fields.id("order_id"), fields.id("venue_order_id")
    details: dict[str, Any] = details_of(fields, _DETAILS, defaults)
    details["side"] = side
    if order_id is None and venue_id is None:
        order_id = fill_id
        details.setdefault("quantity", abs(quantity))
    return Execution(
        order=NamedOrder(client_id=order_id, venue_id=venue_id, details=details),
        at=at,
        fill_id=fill_id,
        quantity=abs(quantity),
        price=price,
        fees=_fees(fields),
        liquidity=liquidity_of(fields.text("liquidity")),
        trade_date=fields.day("trade_date"),
    )


def _identity(row: list[str], seen: Counter[bytes]) -> str:
    digest = hashlib.sha256("\x1f".join(cell.strip() for cell in row).encode("utf-8", "surrogateescape")).digest()[:9]
    seen[digest] += 1
    return f"csv-{digest.hex()}" if seen[digest] == 1 else f"csv-{digest.hex()}-{seen[digest]}"


def _plain(name: str, text: str, *, decimal_comma: bool) -> str:
    """Return a number as Decimal takes it: spreadsheets write a currency, brackets for minus, marks for thousands."""
    number = "".join(letter for letter in text if not letter.isspace() and letter not in "$€£")
    if number.startswith("(") and number.endswith(")"):
        number = f"-{number[1:-1]}"
    thousands, point = (".", ",") if decimal_comma else (",", ".")
    if thousands in number and not _GROUPED[thousands].fullmatch(number.lstrip("+-")):
        raise NotUnderstood(
            f"{name} is no number: {shown(text)}; is its comma the decimal point, or its point a comma?"
        )
    return number.replace(thousands, "").replace(point, ".")


def _fees(fields: Fields) -> Fees:
    amount = fields.number("fee")
    if not amount:
        return ()
    currency = fields.text("fee_currency", "currency")
    if currency is None:
        raise NotUnderstood("a fee has no currency: map fee_currency or currency")
    return ((amount, currency),)


_DETAILS: Terms = {
    "quantity": "order_quantity",
    **{name: name for name in ORDER_NAMES if name not in ("order_quantity", "side")},
}
