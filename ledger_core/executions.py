"""Executions: what the venue filled, in every version of it that the venue told.

Quantities are Decimals in units, prices in the instrument's currency per unit; times are aware and UTC.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ledger_core._frozen import quick
from ledger_core.errors import StorageCorrupt
from ledger_core.holdings import Fee
from ledger_core.numbers import ZERO, Price, minus, negated
from ledger_core.vocabulary import Key, Liquidity, PositionSide, RecordKind, Side, position_key


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Execution:
    """One version of a fill: as first reported, or as a correction made it; `fill_id` is the correction's own."""

    fill_id: str
    quantity: Decimal
    price: Price
    occurred_at: datetime


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Fill:
    """One execution of an order; `quantity` and `price` are those that count now.

    The economic order of fills is (executed_at, sequence, index). `flat_realized_pnl` is set on a fill after
    which its position was flat: the cumulative realized PnL at that point, from which a later re-fold starts.
    `chain` holds every version of a fill that was corrected, the first report first. A `busted` fill counts nowhere.
    """

    kind: ClassVar[RecordKind] = RecordKind.FILL

    order_id: str
    fill_id: str
    symbol: str
    side: Side
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide = PositionSide.NET
    quantity: Decimal
    price: Price
    fees: tuple[Fee, ...] = ()
    fee_in_base: bool = False
    liquidity: Liquidity | None = None
    executed_at: datetime
    trade_date: date | None = None
    venue_order_id: str | None = None
    inferred: bool = False
    late: bool = False
    busted: bool = False
    chain: tuple[Execution, ...] = ()
    flat_realized_pnl: Decimal | None = None
    metadata: Mapping[str, Any] | None = None
    recorded_at: datetime
    sequence: int = 0
    index: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(order_id, fill_id): two orders may carry the same fill id."""
        return (self.order_id, self.fill_id)

    @property
    def position_key(self) -> Key:
        """The key of the position that it changes."""
        return position_key(self.symbol, self.venue, self.account, self.position_side)

    @property
    def economic_order(self) -> tuple[datetime, int, int]:
        """Where it stands in the order in which positions are folded."""
        return (self.executed_at, self.sequence, self.index)

    @property
    def executions(self) -> tuple[Execution, ...]:
        """Every version of it, the first report first; the last one counts."""
        return self.chain or (
            Execution(fill_id=self.fill_id, quantity=self.quantity, price=self.price, occurred_at=self.executed_at),
        )

    @property
    def base_fee(self) -> Decimal:
        """What of the fees was taken out of, or added to, the quantity itself; 0 unless `fee_in_base`.

        Raises StorageCorrupt where there is no such fee: nothing that was told comes to that.
        """
        if not self.fee_in_base:
            return ZERO
        if not self.fees:
            raise StorageCorrupt(
                f"fill {'/'.join(self.key)} has a fee in the base currency, but no fee: verify the ledger", key=self.key
            )
        return self.fees[0].amount

    @property
    def signed_quantity(self) -> Decimal:
        """What it adds to the position: positive for a buy, less the fee taken in the base currency."""
        gross = self.quantity if self.side is Side.BUY else negated(self.quantity)
        return minus(gross, self.base_fee) if self.fee_in_base else gross

    @property
    def effective_trade_date(self) -> date:
        """The trade date as reported, else the UTC date of the execution."""
        return self.trade_date or self.executed_at.date()
