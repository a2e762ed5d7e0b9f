"""Interactive Brokers Flex statements: trades, dividends and splits out of XML, one element at a time.

The file may be hostile: a document type, and so any entity, is refused, nothing is fetched, and no element is kept.
"""

import hashlib
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any
from xml.parsers import expat

import attrs

from ledger_core.numbers import quotient, times
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing.facts import AnyFact, Bust, Execution, Fees, Message, Movement, NamedOrder
from ledger_interop.importing.fields import Fields, NotUnderstood, shown
from ledger_interop.importing.ib import versions_of
from ledger_interop.importing.shapes import Defaults
from ledger_interop.importing.vocabulary import order_type_of, side_of

ATTRIBUTES_MAX = 500
EXECUTIONS_KEPT_MAX = 10_000
"""How many executions are kept for cancellations that name them by another id; one comes soon or not at all."""
ELEMENTS_WAITING_MAX = 100_000
"""The most elements that one piece of the file may hold; far more than its size allows."""

_FRAME = ("FlexQueryResponse", "FlexStatements", "FlexStatement")
_ASIDES = {
    "OptionEAE": "an exercise or expiry, whose trades have rows of their own",
    "FxTransaction": "a conversion of money",
    "SecurityInfo": "reference data",
    "ConversionRate": "reference data",
    "OpenPosition": "a position, which its trades tell",
}
_NO_ROW = "of the account, not of an order"
_SUMMED = ("ORDER", "SYMBOL_SUMMARY", "CLOSED_LOT", "ASSET_SUMMARY", "CURRENCY_SUMMARY", "WASH_SALE")
_CANCELED = "(Ca.)"
_DIVIDENDS = ("Dividends", "Payment In Lieu Of Dividends", "Withholding Tax")
_CHARGES = (("ibCommission", "ibCommissionCurrency"), ("commission", "commissionCurrency"), ("taxes", "currency"))
_PER_CENT = Decimal("0.01")
_SPLITS = ("FS", "RS")  # forward and reverse
_RATIO = re.compile(r"\b(\d{1,9})\s*(?:FOR|:)\s*(\d{1,9})\b", re.ASCII | re.IGNORECASE)


@attrs.frozen
class _Rows:
    """What is kept of the rows before: how often each without an id was seen, and what executions have as other ids."""

    seen: Counter[str] = attrs.field(factory=Counter)
    executions: OrderedDict[str, str] = attrs.field(factory=OrderedDict)

    def keep(self, fields: Fields, identity: str) -> None:
        """Let the numbers that a cancellation may name lead to an execution."""
        for name in ("tradeID", "transactionID"):
            if (number := fields.id(name)) is not None:
                self.executions[f"{name} {number}"] = identity
        while len(self.executions) > EXECUTIONS_KEPT_MAX:
            self.executions.popitem(last=False)

    def canceled(self, fields: Fields) -> str | None:
        """Return the execution that a cancellation names; None where it names none."""
        trade, transaction = fields.id("origTradeID"), fields.id("origTransactionID")
        found = self.executions.get(f"tradeID {trade}") or self.executions.get(f"transactionID {transaction}")
        return found or trade or transaction


def read_elements(pieces: Iterable[bytes], defaults: Defaults | None = None) -> Iterator[Message]:
    """Generate the messages of a statement, given in pieces of any size. Raises UnreadableSource for what is no XML."""
    known = defaults or Defaults()
    rows = _Rows()
    for line, name, attributes in _elements(pieces):
        if name in _FRAME or not attributes:
            continue
        fields = Fields(attributes, known.zone or UTC)
        place = f"line {line}"
        try:
            facts = _facts(name, fields, known, rows)
        except NotUnderstood as error:
            yield Message(place, name, problem=str(error))
        else:
            if isinstance(facts, str):
                yield Message(place, name, passed_over=facts)
            else:
                yield Message(place, name, facts)


def _facts(name: str, fields: Fields, defaults: Defaults, rows: _Rows) -> tuple[AnyFact, ...] | str:
    match name:
        case "Trade" | "TradeConfirm":
            if fields.text("levelOfDetail") in _SUMMED:
                return "a sum of executions that have rows of their own"
            return (_execution(fields, defaults, rows),)
        case "CashTransaction":
            return _cash(fields, defaults, rows.seen)
        case "CorporateAction":
            return _corporate_action(fields, defaults)
        case "Transfer":
            return _transfer(fields, defaults)
        case _:
            return _ASIDES.get(name, _NO_ROW)


def _execution(fields: Fields, defaults: Defaults, rows: _Rows) -> AnyFact:
    """Return an execution, or its cancellation: a row that has the sides of a trade and an opposite quantity."""
    word = fields.text("buySell") or ""
    quantity = fields.number("quantity")
    if not quantity:
        raise NotUnderstood("the trade has no quantity")
    is_canceled = word.endswith(_CANCELED) or fields.word("transactionType") == "TRADECANCEL"
    side = side_of(word.removesuffix(_CANCELED).strip() or ("BUY" if quantity > 0 else "SELL"))
    price = fields.number("tradePrice", "price")
    if price is None:
        raise NotUnderstood("the trade has no price")
    own_id = fields.id("ibExecID", "tradeID", "execID", "transactionID")
    if is_canceled:
        own_id = rows.canceled(fields) or own_id
    older, newer = versions_of(own_id) if own_id is not None else ((), ())
    identity = own_id or _described(fields, side, abs(quantity), price, rows.seen, is_canceled=is_canceled)
    order_id = fields.id("brokerageOrderID", "ibOrderID", "orderID")
    order = NamedOrder(
        reference=fields.id("orderReference"),
        venue_id=order_id,
        recorded_as=order_id or identity,
        details=_details(fields, side, defaults),
    )
    at = fields.time("dateTime", "tradeDateTime", "tradeDate")
    if is_canceled:
        return Bust(order=order, at=at, fill_id=identity, reason=word or None)
    rows.keep(fields, identity)
    return Execution(
        order=order,
        at=at,
        fill_id=identity,
        quantity=abs(quantity),
        price=price,
        fees=_fees(fields),
        trade_date=fields.day("tradeDate"),
        revises=older,
        revised_by=newer,
        is_unique=own_id is not None,
    )


def _details(fields: Fields, side: str, defaults: Defaults) -> dict[str, Any]:
    category = fields.text("assetCategory")
    found: dict[str, Any] = {
        "symbol": " ".join((fields.text("symbol") or "").split()) or None,
        "side": side,
        "order_type": order_type_of(fields.text("orderType")),
        "account": fields.text("accountId"),
        "currency": fields.text("currency"),
        "multiplier": fields.positive("multiplier"),
    }
    if category in ("BOND", "BILL") and _is_in_per_cent(fields):
        found["multiplier"] = _PER_CENT
    return defaults.completed({name: value for name, value in found.items() if value is not None})


def _is_in_per_cent(fields: Fields) -> bool:
    """Whether a bond is priced in per cent of what is owed, as what was paid for it tells."""
    paid, quantity = fields.number("tradeMoney", "proceeds"), fields.number("quantity")
    price = fields.number("tradePrice", "price")
    if not paid or not quantity or not price:
        return True
    return abs(paid) < times(abs(times(quantity, price)), Decimal("0.1"))


def _fees(fields: Fields) -> Fees:
    """Return what was paid: IB writes it as a negative number."""
    fees = []
    for amount, currency in _CHARGES:
        found = fields.nonzero(amount)
        name = fields.text(currency, "currency")
        if found and name is not None:
            fees.append((-found, name))
    return tuple(fees)


def _described(
    fields: Fields, side: str, quantity: Decimal, price: Decimal, seen: Counter[str], *, is_canceled: bool
) -> str:
    """Return an id for a row without one, made of what it says; of rows that say the same, the n-th is the n-th."""
    parts = [fields.text(name) or "" for name in ("accountId", "conid", "symbol", "tradeDate", "dateTime")]
    parts.extend((side, str(quantity), str(price)))
    digest = hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
    counted = f"{digest} canceled" if is_canceled else digest
    seen[counted] += 1
    return f"flex-{digest}" if seen[counted] == 1 else f"flex-{digest}-{seen[counted]}"


def _cash(fields: Fields, defaults: Defaults, seen: Counter[str]) -> tuple[AnyFact, ...] | str:
    kind, symbol = fields.text("type") or "", fields.text("symbol")
    if kind not in _DIVIDENDS:
        return "money that is of no position: deposits, interest, fees"
    amount, currency = fields.nonzero("amount"), fields.text("currency")
    if symbol is None or amount is None or currency is None:
        raise NotUnderstood(f"{kind} without symbol, amount or currency")
    own_id = fields.id("transactionID", "tradeID")
    if own_id is None:
        names = ("accountId", "symbol", "type", "dateTime", "reportDate", "amount")
        parts = [fields.text(name) or "" for name in names]
        digest = hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
        seen[digest] += 1
        own_id = f"flex-{digest}" if seen[digest] == 1 else f"flex-{digest}-{seen[digest]}"
    adjustment = {"kind": "DIVIDEND", "symbol": symbol, "amount": amount, "currency": currency}
    return (_movement(own_id, adjustment, fields, defaults),)


def _corporate_action(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    kind, symbol = fields.text("type") or "", fields.text("symbol")
    ratio = _RATIO.search(str(fields.value("description", "actionDescription") or "")[:1_000])
    if kind not in _SPLITS or symbol is None:
        raise NotUnderstood(f"corporate actions of the kind {shown(kind)} are not read: book them as adjustments")
    if ratio is None or not int(ratio[1]) or not int(ratio[2]):
        raise NotUnderstood("the split does not say how many shares are made of how many")
    own_id = fields.id("transactionID", "actionID") or f"split-{symbol}-{fields.text('reportDate', 'dateTime')}"
    value = quotient(Decimal(ratio[1]), Decimal(ratio[2]))
    return (_movement(own_id, {"kind": "SPLIT", "symbol": symbol, "ratio": value}, fields, defaults),)


def _transfer(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...] | str:
    symbol, quantity = fields.text("symbol"), fields.number("quantity")
    if symbol is None or not quantity:
        return "a transfer of money"
    price = fields.number("transferPrice") or None
    if price is None and (amount := fields.nonzero("positionAmount")) is not None:
        price = abs(quotient(amount, quantity))
    if price is None:
        raise NotUnderstood("the transfer does not say what the units are worth: book it as an adjustment")
    signed = -abs(quantity) if fields.word("direction") == "OUT" else abs(quantity)
    own_id = fields.id("transactionID") or f"transfer-{symbol}-{fields.text('date', 'dateTime')}-{signed}"
    adjustment = {"kind": "TRANSFER", "symbol": symbol, "quantity": signed, "price": price}
    return (_movement(own_id, adjustment, fields, defaults),)


def _movement(own_id: str, adjustment: Mapping[str, Any], fields: Fields, defaults: Defaults) -> Movement:
    account = fields.text("accountId")
    given = {**adjustment, **({"account": account} if account is not None else {})}
    at = fields.time("dateTime", "reportDate", "date", "payDate")
    return Movement(adjustment_id=own_id, adjustment=defaults.completed(given), at=at)


def _elements(pieces: Iterable[bytes]) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Generate (line, name, attributes) of each element, as soon as a piece has it whole."""
    waiting: list[tuple[int, str, dict[str, str]]] = []
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> int:
        raise UnreadableSource(
            "a document type or an entity is declared, which a statement has no use for",
            place=f"line {parser.CurrentLineNumber}",
        )

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(attributes) > ATTRIBUTES_MAX or len(waiting) > ELEMENTS_WAITING_MAX:
            raise UnreadableSource("the element is too large", place=f"line {parser.CurrentLineNumber}")
        waiting.append((parser.CurrentLineNumber, name, attributes))

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.UnparsedEntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        for piece in pieces:
            parser.Parse(piece, False)
            yield from waiting
            waiting.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        yield from waiting
        raise UnreadableSource(f"no XML: {expat.errors.messages[error.code]}", place=f"line {error.lineno}") from error
    yield from waiting
