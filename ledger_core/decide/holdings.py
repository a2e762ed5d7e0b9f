"""Stage what fills and adjustments make of positions: folding on where they are in order, folding again where not.

Positions fold in economic order (executed_at, then sequence). What is older than what was folded last, or takes back
or changes something that was folded, folds again from the last flat point before it, so no order of arrival changes
the final figures.
"""

import heapq
from collections.abc import Iterable
from typing import Any, Protocol, cast

from ledger_core._frozen import differences, replaced
from ledger_core.decide.draft import Draft, EconomicOrder, Records
from ledger_core.errors import Archived, StorageCorrupt
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    Fee,
    Fill,
    Instrument,
    Key,
    Position,
    PositionSide,
    Record,
    RecordKind,
    Trade,
)
from ledger_core.positions import FlatPoint, Movement, fold, merge_cash_flows, merge_fees, restart, with_terms

_position_changes = differences(Position)


class HasRecords(Protocol):
    """Whatever records can be got from."""

    def get(self, kind: RecordKind, key: Key) -> Record | None:
        """Return a record, or None."""
        ...


def instrument_of(records: HasRecords, venue: str | None, symbol: str) -> Instrument:
    """Return the terms of an instrument: whatever is traded or adjusted has noted them first."""
    key = (venue or "", symbol)
    found = records.get(RecordKind.INSTRUMENT, key)
    if not isinstance(found, Instrument):
        raise StorageCorrupt(
            f"the instrument {'/'.join(key)!r} is not there: verify the ledger",
            key=key,
        )
    return found


def add_fill(draft: Draft, fill: Fill, instrument: Instrument) -> Fill:
    """Stage a new fill and the position that it moves; return the fill as staged."""
    known = draft.get(RecordKind.POSITION, fill.position_key)
    before = known if isinstance(known, Position) else new_position(fill.position_key)
    position = with_terms(before, instrument)
    if _is_next(draft, position, fill):
        after = fold(position, fill)
        fill = _create_fill(draft, fill, after)
    else:
        _create_fill(draft, fill, None)
        after = _fold_again(draft, position, fill)
        fill = cast(Fill, draft.get(RecordKind.FILL, fill.key))
    if fill.fees:
        after = with_fees(after, fill.fees)
    _stage(draft, known, before, after)
    return fill


def add_adjustment(draft: Draft, adjustment: Adjustment, key: Key, instrument: Instrument) -> None:
    """Stage what an adjustment, which is staged already, makes of the position of this key."""
    known = draft.get(RecordKind.POSITION, key)
    before = known if isinstance(known, Position) else new_position(key)
    position = with_terms(before, instrument)
    if _is_next(draft, position, adjustment):
        after = fold(position, adjustment)
    elif _is_archived(position, adjustment) and not adjustment.signed_quantity and adjustment.ratio is None:
        after = position  # cash alone: it moves nothing that was folded
    else:
        after = _fold_again(draft, position, adjustment)
    _stage(draft, known, before, replaced(after, {"cash_flows": merge_cash_flows(after.cash_flows, adjustment)}))


def fold_again(draft: Draft, revised: Fill, fees: Iterable[Fee]) -> None:
    """Stage the position after a fill of it was busted or changed; `fees` are added to its totals."""
    known = draft.get(RecordKind.POSITION, revised.position_key)
    if not isinstance(known, Position):
        raise StorageCorrupt(
            f"the position of fill {'/'.join(revised.key)} is not there: verify the ledger", key=revised.position_key
        )
    after = with_fees(_fold_again(draft, known, revised), tuple(fees))
    _stage(draft, known, known, after)


def restate_terms(draft: Draft, instrument: Instrument) -> None:
    """Stage terms that became known of an instrument on what carries them: positions, and legs of open trades."""
    for position in draft.concerned(RecordKind.POSITION, instrument.symbol):
        assert isinstance(position, Position), "kind POSITION"
        if position.venue == instrument.venue:
            draft.change(position, _position_changes(position, with_terms(position, instrument)))
    for trade in draft.concerned(RecordKind.TRADE, instrument.symbol):
        assert isinstance(trade, Trade), "kind TRADE"
        legs = tuple(
            with_terms(leg, instrument) if (leg.symbol, leg.venue) == (instrument.symbol, instrument.venue) else leg
            for leg in trade.legs
        )
        if legs != trade.legs:
            draft.change(trade, {"legs": legs})


def flat_before(records: Records, position: Position, before: EconomicOrder) -> FlatPoint | None:
    """Return the last flat point of a position before a place in economic order; its opening is the first of all."""
    found, opening = records.last_flat_before(position.key, before), position.opening
    if opening is None or (found is not None and found.economic_order > opening.economic_order):
        return found
    return opening


def movements_after(records: Records, key: Key, start: FlatPoint | None) -> Iterable[Movement]:
    """Iterate over what moves a position after `start` (None: from the beginning), in economic order."""
    fills = (fill for fill in records.fills_after(key, start) if not fill.busted)
    after = None if start is None else start.economic_order
    adjustments = sorted(
        (
            known
            for known in records.adjustments_of(key[0], since=None if after is None else after[0])
            if known.concerns(key) and (after is None or known.economic_order > after)
        ),
        key=lambda known: known.economic_order,
    )
    return heapq.merge(fills, adjustments, key=lambda movement: movement.economic_order) if adjustments else fills


def new_position(key: Key) -> Position:
    """Return the position of a key before anything moved it."""
    symbol, venue, account, side = key
    return Position(symbol=symbol, venue=venue or None, account=account or None, position_side=PositionSide(side))


def with_fees(position: Position, fees: tuple[Fee, ...]) -> Position:
    """Return the position with more fees in its totals."""
    return replaced(position, {"fees": merge_fees(position.fees, fees)}) if fees else position


def _is_archived(position: Position, movement: Movement) -> bool:
    """Say whether a movement stands at or before the place where the position's live history begins."""
    return position.opening is not None and movement.economic_order <= position.opening.economic_order


def _is_next(draft: Draft, position: Position, movement: Movement) -> bool:
    last = position.last_economic_order
    if last is not None:
        return last < movement.economic_order
    # The first movement of a position: a split of the whole symbol may have been recorded before there was one.
    splits = draft.adjustments_of(position.symbol, kind=AdjustmentKind.SPLIT)
    return not any(known.concerns(position.key) for known in splits if known.key != movement.key)


def _fold_again(draft: Draft, position: Position, movement: Movement) -> Position:
    """Fold again from the last flat point before a movement; stage what that changes at later flat points.

    Raises Archived for a movement at or before the opening: what it moved is not here any more.
    """
    if position.opening is not None and _is_archived(position, movement):
        raise Archived(
            f"the history of position {'/'.join(position.key)!r} up to {position.opening.executed_at.isoformat()} is in"
            f" archives, the last of them {position.opening.archive_id!r}: restore it to change what happened"
            f" {movement.economic_order[0].isoformat()}",
            archive_id=position.opening.archive_id,
            kind=RecordKind.POSITION,
            key=position.key,
        )
    start = flat_before(draft, position, movement.economic_order)
    after, restated = _folded_from(draft, position, start)
    while start is not None and after.opened_at is None:
        # Nothing opened it since: what its last cycle realized is known only from the flat point before that.
        start = flat_before(draft, position, start.economic_order)
        after, restated = _folded_from(draft, position, start)
    for fill, flat_realized_pnl in restated:
        draft.change(fill, {"flat_realized_pnl": flat_realized_pnl})
    return after


def _folded_from(draft: Draft, position: Position, start: FlatPoint | None) -> tuple[Position, list[tuple[Fill, Any]]]:
    """Return the position folded from a flat point on, and the fills that are flat points now, or are none any more."""
    after = restart(position, start)
    restated: list[tuple[Fill, Any]] = []
    for known in movements_after(draft, position.key, start):
        after = fold(after, known)
        if isinstance(known, Fill):
            flat_realized_pnl = after.realized_pnl if after.is_flat else None
            if flat_realized_pnl != known.flat_realized_pnl:
                restated.append((known, flat_realized_pnl))
    return after, restated


def _create_fill(draft: Draft, fill: Fill, after: Position | None) -> Fill:
    if after is not None and after.is_flat:
        fill = replaced(fill, {"flat_realized_pnl": after.realized_pnl})
    draft.add_fill(fill)
    return fill


def _stage(draft: Draft, known: object, before: Position, after: Position) -> None:
    values = _position_changes(before, after)
    if not isinstance(known, Position):
        draft.create(RecordKind.POSITION, after.key, values)
    elif values:
        draft.move(known, after, values)
