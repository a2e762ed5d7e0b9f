"""Positions: what the broker holds against what we hold once the missing executions are booked.

Keys are compared over the parts that both sides give: records that may be the same position, because a part is not
given on one side, are added up and compared together.
"""

from collections.abc import Sequence
from decimal import Decimal

import attrs

from ledger_core._frozen import FrozenDict
from ledger_core.model import Key, PositionSide, RecordKind, position_key
from ledger_core.numbers import ZERO, decimal_text, minus, negated, plain, plus, total
from ledger_core.reconciling.book import Book, Executed, Listings
from ledger_core.reconciling.orders import replaced_quantity
from ledger_core.reconciling.results import Comparison, Results
from ledger_core.reconciling.snapshot import BrokerPosition, agrees

AFTERWARDS = "they agree once the proposed executions are booked"
UNEXPLAINED = "once a person knows why, record_adjustment books a transfer, an opening position or a split"

_Parts = tuple[str, str | None, str | None, PositionSide | None]
"""(symbol, venue, account, position_side), None where a part is not given."""


@attrs.define(kw_only=True)
class _Holding:
    """What is held here under one key: when the snapshot was taken, and with the proposed executions."""

    parts: _Parts
    then: Decimal = ZERO
    after: Decimal = ZERO


@attrs.define(kw_only=True, eq=False)
class _Group:
    """Records of both sides that may be the same position."""

    ours: list[_Holding] = attrs.field(factory=list)
    theirs: list[BrokerPosition] = attrs.field(factory=list)


def compare_positions(book: Book, listings: Listings, executed: Executed, results: Results) -> None:
    """Compare what is held, group by group of keys."""
    if book.snapshot.positions is None:
        return
    holdings = _holdings(book, listings, executed)
    for group in _groups(book, holdings):
        _compare(group, _key(book, group), results)


def _holdings(book: Book, listings: Listings, executed: Executed) -> list[_Holding]:
    """Return what we hold, without what was executed after the snapshot, then with what is proposed."""
    found: dict[Key, _Holding] = {}

    def holding(symbol: str, venue: str | None, account: str | None, side: PositionSide) -> _Holding:
        key = position_key(symbol, venue, account, side)
        return found.setdefault(key, _Holding(parts=(symbol, venue, account, side)))

    for position in book.source.get_open_positions():
        here = holding(position.symbol, position.venue, position.account, position.position_side)
        here.then = here.after = position.quantity
    as_of = book.snapshot.as_of
    for fill in book.source.find_fills(since=as_of, limit=None) if as_of is not None else ():
        if fill.executed_at != as_of and not fill.busted and fill.key not in executed.listed:
            here = holding(fill.symbol, fill.venue, fill.account, fill.position_side)
            here.then = here.after = minus(here.then, fill.signed_quantity)
    for order_id, executions in executed.new.items():
        order, listing = book.order(order_id), listings.of_order(order_id)
        ours = order if order is not None or listing is None else listing.theirs
        assert ours is not None, "executions are proposed of orders that are here or listed"
        venue, account = book.place_of(ours)
        here = holding(ours.symbol, venue, account, ours.position_side or PositionSide.NET)
        replaced = replaced_quantity(order, executions)
        moved = total(one.moves(is_buy=ours.side.is_buy) for one in executions)
        moved = minus(moved, replaced if ours.side.is_buy else negated(replaced))
        here.after = plus(here.after, moved)
    return [one for one in found.values() if book.snapshot.covers(one.parts[1], one.parts[2])]


def _groups(book: Book, holdings: Sequence[_Holding]) -> list[_Group]:
    """Put together whatever may be the same position, directly or through a third record."""
    groups: list[_Group] = []
    by_symbol: dict[str, list[_Holding]] = {}
    for here in holdings:
        by_symbol.setdefault(here.parts[0], []).append(here)
    listed: dict[str, list[BrokerPosition]] = {}
    for theirs in book.snapshot.positions or ():
        listed.setdefault(theirs.symbol, []).append(theirs)
    for symbol in dict.fromkeys((*by_symbol, *listed)):
        of_symbol: list[_Group] = [_Group(ours=[here]) for here in by_symbol.get(symbol, ())]
        for theirs in listed.get(symbol, ()):
            parts = _parts(book, theirs)
            same = [group for group in of_symbol if _may_be_in(book, parts, group)]
            merged = _Group(theirs=[theirs])
            for group in same:
                merged.ours.extend(group.ours)
                merged.theirs.extend(group.theirs)
            of_symbol = [group for group in of_symbol if group not in same]
            of_symbol.append(merged)
        groups.extend(of_symbol)
    return groups


def _may_be_in(book: Book, parts: _Parts, group: _Group) -> bool:
    """Say whether a broker's position may be one of ours in the group, or is listed under the same key."""
    if any(_parts(book, other) == parts for other in group.theirs):
        return True
    return any(all(map(agrees, parts, here.parts)) for here in group.ours)


def _parts(book: Book, theirs: BrokerPosition) -> _Parts:
    return (theirs.symbol, *_placed(book, theirs.venue, theirs.account), theirs.position_side)


def _placed(book: Book, venue: str | None, account: str | None) -> tuple[str | None, str | None]:
    """Return where something listed is: what it says, else what the snapshot says of all."""
    return venue or book.snapshot.venue, account or book.snapshot.account


def _key(book: Book, group: _Group) -> Key:
    """Return the parts of the key on which every record of a side agrees, "" for the others."""
    sides = [_parts(book, theirs) for theirs in group.theirs] or [here.parts for here in group.ours]
    distinct = [set(values) for values in zip(*sides, strict=True)]
    return tuple((values.pop() or "") if len(values) == 1 else "" for values in distinct)


def _compare(group: _Group, key: Key, results: Results) -> None:
    ours = plain(total(here.then for here in group.ours))
    after = plain(total(here.after for here in group.ours))
    theirs = plain(total(position.quantity for position in group.theirs))
    if not (ours or after or theirs):
        return
    explained = after == theirs
    note = "" if ours == theirs else AFTERWARDS
    if not explained:
        expected = f"{decimal_text(after)} here by every execution that is known, {decimal_text(theirs)} there"
        note = f"{expected}: {UNEXPLAINED}"
    finding = Comparison(
        subject=RecordKind.POSITION,
        key=key,
        ours=FrozenDict(quantity=ours) if ours or explained else None,
        theirs=FrozenDict(quantity=theirs) if group.theirs or explained else None,
        note=note,
    )
    if explained:
        results.matched.append(finding)
    elif not group.theirs:
        results.missing_there.append(finding)
    elif not (ours or after):
        results.missing_here.append(finding)
    else:
        results.different.append(attrs.evolve(finding, fields=("quantity",)))
