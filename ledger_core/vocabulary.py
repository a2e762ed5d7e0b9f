"""The words that records use: sides, order types, times in force, with their FIX codes."""

from ledger_core._words import Word

Key = tuple[str, ...]
"""What identifies a record within its kind and strategy."""


class RecordKind(Word):
    """The kinds of record that a store keeps; see each record's `key` for what identifies it."""

    ORDER = "ORDER"
    REQUEST = "REQUEST"
    FILL = "FILL"
    TRADE = "TRADE"
    POSITION = "POSITION"
    INSTRUMENT = "INSTRUMENT"
    QUARANTINE = "QUARANTINE"
    ADJUSTMENT = "ADJUSTMENT"
    COMMAND = "COMMAND"
    ARCHIVED = "ARCHIVED"
    CHECKPOINT = "CHECKPOINT"


class Side(Word):
    """FIX Side (tag 54): BUY 1, SELL 2, SELL_SHORT 5."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"

    @property
    def is_buy(self) -> bool:
        """Whether a fill of this side adds to a signed quantity."""
        return self is Side.BUY


class OrderType(Word):
    """FIX OrdType (tag 40)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    MARKET_ON_CLOSE = "MARKET_ON_CLOSE"
    LIMIT_ON_CLOSE = "LIMIT_ON_CLOSE"
    PEGGED = "PEGGED"
    OTHER = "OTHER"


class TimeInForce(Word):
    """FIX TimeInForce (tag 59); an order without one is a day order."""

    DAY = "DAY"
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"
    FOK = "FOK"
    AT_OPEN = "AT_OPEN"
    AT_CLOSE = "AT_CLOSE"
    OTHER = "OTHER"


GOOD_TILL = frozenset({TimeInForce.GTC, TimeInForce.GTD})
"""Times in force that outlive the trading day."""


class PositionSide(Word):
    """NET for one-way accounts; LONG and SHORT are separate positions of a hedged account."""

    NET = "NET"
    LONG = "LONG"
    SHORT = "SHORT"


class Liquidity(Word):
    """FIX LastLiquidityInd (tag 851): 1 = MAKER, 2 = TAKER, 4 = AUCTION."""

    MAKER = "MAKER"
    TAKER = "TAKER"
    AUCTION = "AUCTION"


class ResidualReason(Word):
    """Why a trade was closed while it still held something."""

    DUST = "DUST"
    TRANSFERRED = "TRANSFERRED"
    WRITTEN_OFF = "WRITTEN_OFF"


class AdjustmentKind(Word):
    """What changed a position or its money without an execution."""

    FUNDING = "FUNDING"  # of a perpetual contract; positive = received
    INTEREST = "INTEREST"  # on borrowed money or assets; positive = paid
    DIVIDEND = "DIVIDEND"  # positive = received
    TRANSFER = "TRANSFER"  # units that came (positive) or went (negative)
    OPENING_POSITION = "OPENING_POSITION"  # what was held before the ledger began
    SPLIT = "SPLIT"  # ratio = new units for each old one

    @property
    def moves_cash(self) -> bool:
        """Whether it is an amount of money (or, of INTEREST, of the base currency)."""
        return self in (AdjustmentKind.FUNDING, AdjustmentKind.INTEREST, AdjustmentKind.DIVIDEND)


class CostMethod(Word):
    """Which units leave a position first."""

    AVERAGE = "average"
    FIFO = "fifo"
    LIFO = "lifo"


class QuarantineState(Word):
    """What became of a quarantined fact."""

    WAITING = "WAITING"
    BOOKED = "BOOKED"
    DISMISSED = "DISMISSED"


def position_key(symbol: str, venue: str | None, account: str | None, position_side: PositionSide) -> Key:
    """Return the key of a position; "" stands for a part that was not given."""
    return (symbol, venue or "", account or "", position_side._value_)
