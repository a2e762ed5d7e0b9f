"""What moved each position, in economic order, with the position before and after: what bookkeeping starts from.

The fills of a strategy are held in memory, because those that were told late have to be put in their place. The fold is
the ledger's own, so it must end where the ledger's positions are; if it does not, that is an error and not an export.
Nor is there one of positions whose history is in archives: books begin at the beginning.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from ledger_core import Adjustment, Position
from ledger_core.errors import Archived, StorageCorrupt
from ledger_core.model import Key, RecordKind
from ledger_core.numbers import decimal_text, time_text
from ledger_core.positions import Movement, fold
from ledger_interop.exporting.snapshot import Part, Snapshot, positions_at


@attrs.frozen(kw_only=True)
class Move:
    """A fill or adjustment, and the position that it moved, before and after."""

    key: Key
    movement: Movement
    before: Position
    after: Position


def moves_of(part: Part) -> Iterator[Move]:
    """Generate what moved a strategy's positions: symbol by symbol, key by key, in economic order."""
    positions = positions_at(part)
    movements: dict[str, list[Movement]] = {}
    for movement in _movements(part):
        movements.setdefault(movement.symbol, []).append(movement)
    for key, position in positions.items():
        yield from _folded(key, position, movements.get(key[0], ()))


def _movements(part: Part) -> Iterator[Movement]:
    snapshot = Snapshot(parts=(part,))
    for _, fill in snapshot.rows(RecordKind.FILL):
        if not fill.busted:
            yield fill
    for _, adjustment in snapshot.rows(RecordKind.ADJUSTMENT):
        yield adjustment


def _folded(key: Key, end: Position, movements: Sequence[Movement]) -> Iterator[Move]:
    if end.opening is not None:
        raise Archived(
            f"the history of position {'/'.join(key)!r} up to {time_text(end.opening.executed_at)} is in archives, the"
            f" last of them {end.opening.archive_id!r}, and this needs all of it: span makes a ledger that has it",
            archive_id=end.opening.archive_id,
            kind=RecordKind.POSITION,
            key=key,
        )
    position = Position(
        symbol=end.symbol,
        venue=end.venue,
        account=end.account,
        position_side=end.position_side,
        currency=end.currency,
        base_currency=end.base_currency,
        multiplier=end.multiplier,
        inverse=end.inverse,
    )
    concerned = [
        one for one in movements if (one.concerns(key) if isinstance(one, Adjustment) else one.position_key == key)
    ]
    for movement in sorted(concerned, key=lambda one: one.economic_order):
        after = fold(position, movement)
        yield Move(key=key, movement=movement, before=position, after=after)
        position = after
    found, wanted = _figures(position), _figures(end)
    if found != wanted:
        raise StorageCorrupt(
            f"the fills and adjustments of position {key} come to {found}, and the ledger has {wanted}: run verify",
            kind=RecordKind.POSITION,
            key=key,
        )


def _figures(position: Position) -> Mapping[str, str]:
    return {name: decimal_text(getattr(position, name)) for name in ("quantity", "cost", "realized_pnl")}
