# mypy: ignore-errors
"""NautilusTrader's compiled cache in memory: orders and a position, each event applied and cached; nothing is durable."""

from decimal import Decimal
from importlib.metadata import version

from _loop import serve
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import LiquiditySide, OmsType, OrderSide, OrderType
from nautilus_trader.model.events import OrderAccepted, OrderFilled, OrderSubmitted
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    PositionId,
    StrategyId,
    TradeId,
    TraderId,
    VenueOrderId,
)
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.model.position import Position
from nautilus_trader.test_kit.providers import TestInstrumentProvider

TRADER, STRATEGY, ACCOUNT = TraderId("BENCH-001"), StrategyId("S-001"), AccountId("SIM-001")
INSTRUMENT = TestInstrumentProvider.equity("X", "SIM")
FEE = Money(Decimal(0), USD)


class Rounds:
    """Seven events a round, with a cache that knows of each."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.cache.add_instrument(INSTRUMENT)
        self.factory = OrderFactory(trader_id=TRADER, strategy_id=STRATEGY, clock=TestClock())
        self.position = None

    def place(self, name, side):
        order = self.factory.limit(
            INSTRUMENT.id, side, Quantity.from_int(10), Price.from_str("100.25"), client_order_id=ClientOrderId(name)
        )
        self.cache.add_order(order, None)
        order.apply(OrderSubmitted(TRADER, STRATEGY, INSTRUMENT.id, order.client_order_id, ACCOUNT, UUID4(), 0, 0))
        self.cache.update_order(order)
        return order

    def accept(self, order):
        order.apply(
            OrderAccepted(
                TRADER,
                STRATEGY,
                INSTRUMENT.id,
                order.client_order_id,
                VenueOrderId(f"V{order.client_order_id.value}"),
                ACCOUNT,
                UUID4(),
                0,
                0,
            )
        )
        self.cache.update_order(order)

    def fill(self, order, name, quantity, price):
        event = OrderFilled(
            TRADER,
            STRATEGY,
            INSTRUMENT.id,
            order.client_order_id,
            order.venue_order_id,
            ACCOUNT,
            TradeId(name),
            PositionId(f"P{name}") if self.position is None else self.position.id,
            order.side,
            OrderType.LIMIT,
            Quantity.from_int(quantity),
            Price.from_str(price),
            USD,
            FEE,
            LiquiditySide.MAKER,
            UUID4(),
            0,
            0,
        )
        order.apply(event)
        self.cache.update_order(order)
        if self.position is None:
            self.position = Position(INSTRUMENT, event)
            self.cache.add_position(self.position, OmsType.NETTING)
        else:
            self.position.apply(event)
            self.cache.update_position(self.position)
        if self.position.is_closed:
            self.position = None

    def run(self, first, rounds):
        for number in range(first, first + rounds):
            buy = self.place(f"b{number}", OrderSide.BUY)
            self.accept(buy)
            self.fill(buy, f"f{number}", 5, "100.25")
            self.fill(buy, f"g{number}", 5, "100.75")
            sell = self.place(f"s{number}", OrderSide.SELL)
            self.accept(sell)
            self.fill(sell, f"h{number}", 10, "101.50")


if __name__ == "__main__":
    serve(version("nautilus_trader"), Rounds().run)
