"""Beancount: the ledger as double-entry bookkeeping in plain text, balanced to the last digit.

Beancount's own lots know neither average cost nor shorts that flip, so units and money are kept side by side: what is
held stands against `Equity:…:Units`, and what it cost in `Assets:…:Cost`. Realized PnL is then exactly the ledger's,
and so is every balance: the file ends by asserting them with a tolerance of zero.

A contract is booked as if it were bought: its value moves from Cash to Cost. What a venue holds as margin instead, no
ledger of orders knows; Cash and Cost together are right at any time. Whatever is not known is said by name: a currency
that nobody gave is XXX (ISO 4217: no currency).
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import attrs

from ledger_core import Adjustment, AdjustmentKind, Fee, Fill, Position
from ledger_core.netting import pnl_currency
from ledger_core.numbers import ZERO, decimal_text, magnitude, minus, negated, plain, plus, time_text
from ledger_interop.exporting.beancount_names import Names, quoted
from ledger_interop.exporting.errors import DoesNotFit
from ledger_interop.exporting.moves import Move, moves_of
from ledger_interop.exporting.snapshot import Part, Snapshot

DIGITS_MAX = 28
"""How many digits beancount adds without rounding: Python's default for decimals."""

NO_CURRENCY = "XXX"

_CASH_KINDS = {
    AdjustmentKind.FUNDING: "Income:{strategy}:Funding",
    AdjustmentKind.DIVIDEND: "Income:{strategy}:Dividends",
    AdjustmentKind.INTEREST: "Expenses:{strategy}:Interest",
}


@attrs.frozen
class Posting:
    """An amount of a commodity that enters (positive) or leaves an account."""

    account: str
    amount: Decimal
    commodity: str


def beancount_lines(snapshot: Snapshot) -> Iterator[str]:
    """Generate the lines of a beancount file. Raises DoesNotFit for a sum that beancount would round."""
    names = Names()
    yield "; Orders as they were executed; written by strategy-ledger, from these journals:"
    for part in snapshot.parts:
        head = part.document
        yield f";   {quoted(part.strategy_id)} up to entry {head['sequence']}, digest {head['digest']}"
    yield 'option "title" "strategy-ledger"'
    yield 'option "booking_method" "NONE"'
    for part in snapshot.parts:
        yield from _Book(part, names).lines()
    for spelt, name in sorted(names.commodities.items()):
        yield ""
        yield f"1970-01-01 commodity {spelt}"
        yield f"  name: {quoted(name)}"


class _Book:
    """One strategy: its transactions, then the accounts that they used, then what they must come to."""

    def __init__(self, part: Part, names: Names) -> None:
        self._part = part
        self._names = names
        self._strategy = names.part(part.strategy_id)
        self._balances: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        self._first: dict[str, date] = {}
        self._last = date(1970, 1, 1)

    def lines(self) -> Iterator[str]:
        for move in moves_of(self._part):
            postings = [posting for posting in self._postings(move) if posting.amount]
            if postings:
                yield from self._transaction(move, postings)
        yield ""
        for account, day in sorted(self._first.items()):
            yield f"{day} open {account}"
        yield ""
        for (account, commodity), amount in sorted(self._balances.items()):
            yield f"{self._last + timedelta(days=1)} balance {account}  {decimal_text(amount)} ~ 0 {commodity}"

    def _transaction(self, move: Move, postings: list[Posting]) -> Iterator[str]:
        movement = move.movement
        moment = movement.economic_order[0]
        day = moment.date()
        self._last = max(self._last, day)
        yield ""
        yield f"{day} * {quoted(_narration(movement))}"
        for key, value in (("time", time_text(moment)), *_ids(movement)):
            yield f"  {key}: {quoted(value)}"
        for posting in postings:
            self._first[posting.account] = min(day, self._first.get(posting.account, day))
            place = (posting.account, posting.commodity)
            self._balances[place] = plain(plus(self._balances[place], posting.amount))
            for amount in (posting.amount, self._balances[place]):
                _require_fits(amount, posting)
            yield f"  {posting.account}  {decimal_text(posting.amount)} {posting.commodity}"

    def _postings(self, move: Move) -> Iterator[Posting]:
        movement, after = move.movement, move.after
        symbol = self._names.commodity(after.symbol)
        money = self._names.commodity(pnl_currency(after.instrument) or NO_CURRENCY)
        held = self._account("Assets", after, self._names.part(after.symbol))
        units = plain(minus(after.quantity, move.before.quantity))
        yield Posting(f"{held}:Units", units, symbol)
        yield Posting(f"Equity:{self._strategy}:Units", negated(units), symbol)
        cost = plain(minus(_signed_cost(after), _signed_cost(move.before)))
        gain = plain(minus(after.realized_pnl, move.before.realized_pnl))
        yield Posting(f"{held}:Cost", cost, money)
        yield Posting(f"Income:{self._strategy}:Realized:{self._names.part(after.symbol)}", negated(gain), money)
        rest = plain(minus(gain, cost))
        if isinstance(movement, Fill):
            yield from self._paid(movement, after, rest, money)
        else:
            yield from self._adjusted(movement, after, rest, money)

    def _paid(self, fill: Fill, position: Position, rest: Decimal, money: str) -> Iterator[Posting]:
        """Generate what the fill cost or brought, and its fees; a fee in kind took units that the cash has paid for."""
        cash, in_kind = self._cash(position), f"Equity:{self._strategy}:In-Kind"
        value = position.instrument.value(fill.quantity, fill.price)
        flow = plain(value if fill.side.is_buy == position.inverse else negated(value)) if fill.fee_in_base else rest
        yield Posting(cash, flow, money)
        yield Posting(in_kind, plain(minus(rest, flow)), money)
        for place, fee in enumerate(fill.fees):
            yield from self._fee(fee, position, in_kind if fill.fee_in_base and place == 0 else cash)

    def _fee(self, fee: Fee, position: Position, source: str) -> Iterator[Posting]:
        currency = self._names.commodity(fee.currency)
        venue = self._names.part(position.venue or "No-Venue")
        yield Posting(f"Expenses:{self._strategy}:Fees:{venue}", fee.amount, currency)
        yield Posting(source, negated(fee.amount), currency)

    def _adjusted(self, known: Adjustment, position: Position, rest: Decimal, money: str) -> Iterator[Posting]:
        kind = known.adjustment_kind
        if kind.moves_cash and known.amount is not None:
            currency = self._names.commodity(known.currency or NO_CURRENCY)
            account = _CASH_KINDS[kind].format(strategy=self._strategy)
            received = negated(known.amount) if kind is AdjustmentKind.INTEREST else known.amount
            source = f"Equity:{self._strategy}:In-Kind" if known.moves_quantity else self._cash(position)
            yield Posting(account, negated(received), currency)
            yield Posting(source, received, currency)
            yield Posting(f"Equity:{self._strategy}:In-Kind", rest, money)
        elif kind is AdjustmentKind.TRANSFER:
            yield Posting(f"Equity:{self._strategy}:Transfers", rest, money)
        else:
            yield Posting(f"Equity:{self._strategy}:Opening-Balances", rest, money)

    def _cash(self, position: Position) -> str:
        return self._account("Assets", position, "Cash", side=False)

    def _account(self, root: str, position: Position, last: str, *, side: bool = True) -> str:
        venue = self._names.part(position.venue or "No-Venue")
        account = self._names.part(position.account or "No-Account")
        middle = [position.position_side.value.capitalize()] if side else []
        return ":".join((root, self._strategy, venue, account, *middle, last))


def _signed_cost(position: Position) -> Decimal:
    """Return the money that the open part stands for: negative where entering it brought money."""
    is_asset = (position.quantity > 0) != position.inverse
    return position.cost if is_asset else negated(position.cost)


def _narration(movement: Fill | Adjustment) -> str:
    if isinstance(movement, Fill):
        return (
            f"{movement.side} {decimal_text(magnitude(movement.quantity))} {movement.symbol}"
            f" at {decimal_text(movement.price)}"
        )
    return f"{movement.adjustment_kind} {movement.symbol}"


def _ids(movement: Fill | Adjustment) -> tuple[tuple[str, str], ...]:
    if isinstance(movement, Fill):
        return (("order", movement.order_id), ("fill", movement.fill_id))
    return (("adjustment", movement.adjustment_id),)


def _require_fits(amount: Decimal, posting: Posting) -> None:
    digits = len(decimal_text(magnitude(amount)).replace(".", "").lstrip("0"))
    if digits > DIGITS_MAX:
        raise DoesNotFit(
            f"{posting.account} has {decimal_text(amount)} {posting.commodity}, {digits} digits, and beancount rounds"
            f" beyond {DIGITS_MAX}: export to another format",
            column=posting.account,
            digits=digits,
        )
