"""What a strategy does all its life: orders that open and end, on symbols that go flat again and again.

Each slot trades one symbol, a round after the other. A round is a generator of commands that opens what it opens and
ends it too, with all that goes wrong on the way, so that what is open stays bounded however long the life is. Rounds
of different slots are mixed. A seed makes the same commands everywhere.
"""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from reliability.workload import Command, StepClock
from support.clock import START

SLOTS = 12
_STEP = timedelta(seconds=0.1)
_PARTS_MAX = 4  # fills of an order


class Desk:
    """An endless source of commands; `clock` stands at the time of the one given last."""

    def __init__(self, seed: int) -> None:
        """Begin, with nothing open."""
        self.clock = StepClock()
        self.count = 0
        self._random = random.Random(f"soak {seed}")
        self._rounds_begun = 0
        self._slots: list[Iterator[Command]] = [iter(()) for _ in range(SLOTS)]

    def next_command(self) -> Command:
        """Return the next command of some slot."""
        slot = self._random.randrange(SLOTS)
        self.count += 1
        self.clock.now = START + self.count * _STEP
        command = next(self._slots[slot], None)
        if command is None:
            self._slots[slot] = self._round(f"SYM-{slot}")
            command = next(self._slots[slot])
        return command

    def end(self) -> Iterator[Command]:
        """Generate the rest of every round: afterwards nothing is open and every position is flat."""
        for slot in self._slots:
            for command in slot:
                self.count += 1
                self.clock.now = START + self.count * _STEP
                yield command

    def _round(self, symbol: str) -> Iterator[Command]:
        self._rounds_begun += 1
        kinds: tuple[tuple[Callable[[_Round], Iterator[Command]], int], ...] = (
            (_Round.trade, 40), (_Round.cancellation, 12), (_Round.rejection, 4), (_Round.replacement, 8),
            (_Round.late_fill, 6), (_Round.bust, 6), (_Round.correction, 6), (_Round.overfill, 4),
            (_Round.fill_before_order, 4), (_Round.funding, 1),
        )  # fmt: skip
        actions, weights = zip(*kinds, strict=True)
        (action,) = self._random.choices(actions, weights)
        chosen: Iterator[Command] = action(_Round(f"{self._rounds_begun}", symbol, self._random, self.clock))
        return chosen


class _Round:
    """The commands of one round; `name` is part of every id in it."""

    def __init__(self, name: str, symbol: str, generator: random.Random, clock: StepClock) -> None:
        self._name = name
        self._symbol = symbol
        self._random = generator
        self._clock = clock
        self._commands = 0
        self._side, self._other = generator.choice((("BUY", "SELL"), ("SELL", "BUY")))
        self._quantity = generator.randint(1, 40)

    def trade(self) -> Iterator[Command]:
        """In and out again, as a trade that is closed when it is flat."""
        trade_id = f"t{self._name}"
        yield from self._open("in", self._side)
        yield from self._fills("in", self._quantity)
        yield self._command("create_trade", trade_id, ["in" + self._name], {"tags": ["soak"], "stop_price": "90.5"})
        yield from self._open("out", self._other)
        yield self._command("update_trade", trade_id, {"order_ids": ["out" + self._name]})
        yield from self._fills("out", self._quantity)
        yield self._command("close_trade", trade_id)

    def cancellation(self) -> Iterator[Command]:
        """An order that is cancelled before it is filled."""
        yield from self._open("in", self._side)
        yield self._command("request_order_cancel", "in" + self._name, f"r{self._name}")
        if self._random.random() < 0.2:
            yield self._command("update_order_request_rejection", "in" + self._name, "too busy", f"r{self._name}")
        yield self._command("update_order_cancellation", "in" + self._name, "by request")

    def rejection(self) -> Iterator[Command]:
        """An order of which nobody knows what became of it, and which was rejected."""
        yield self._order("in", self._side, self._quantity)
        yield self._command("update_order_in_doubt", "in" + self._name, "no answer")
        yield self._command("update_order_rejection", "in" + self._name, "margin")

    def replacement(self) -> Iterator[Command]:
        """An order that is made larger while it works."""
        larger = self._quantity + 5
        yield from self._open("in", self._side)
        yield self._command("request_order_replace", "in" + self._name, {"quantity": larger}, f"r{self._name}")
        yield self._command("update_order_replacement", "in" + self._name, f"r{self._name}")
        yield from self._fills("in", larger)
        yield from self._out(larger)

    def late_fill(self) -> Iterator[Command]:
        """The fill that opened is heard of after the one that closed, so the position is folded again."""
        yield from self._open("in", self._side)
        yield from self._open("out", self._other)
        opened = self._clock.now
        yield from self._fills("out", self._quantity)
        yield self._fill("in", 0, self._quantity, occurred_at=opened)

    def bust(self) -> Iterator[Command]:
        """A fill that the venue takes back, and gives again."""
        yield from self._open("in", self._side)
        yield self._fill("in", 0, self._quantity)
        yield self._command("bust_order_fill", "in" + self._name, f"in{self._name}-0", "erroneous")
        yield self._fill("in", 1, self._quantity)
        yield from self._out(self._quantity)

    def correction(self) -> Iterator[Command]:
        """A fill whose price was wrong, of which the fee comes later."""
        yield from self._open("in", self._side)
        yield self._fill("in", 0, self._quantity)
        corrected = {"fill_id": f"x{self._name}", "quantity": self._quantity, "price": self._price()}
        yield self._command("correct_order_fill", "in" + self._name, f"in{self._name}-0", corrected)
        fees = [{"currency": "BNB", "amount": self._cents()}]
        yield self._command("update_fill_fee", "in" + self._name, f"x{self._name}", fees)
        yield from self._out(self._quantity)

    def overfill(self) -> Iterator[Command]:
        """A fill that cannot be: it is filed, and a person dismisses it."""
        yield from self._open("in", self._side)
        yield from self._fills("in", self._quantity)
        beyond = self._fill("in", 99, 1)
        yield beyond
        named = (beyond.arguments[1]["fill_id"], beyond.arguments[1]["price"])
        yield self._command("resolve_quarantined", named, {"reason": "by hand", "dismiss": True})
        yield from self._out(self._quantity)

    def fill_before_order(self) -> Iterator[Command]:
        """A fill that is heard of before its order: it is filed, and booked when the order is recorded."""
        yield self._fill("in", 0, self._quantity)
        yield self._order("in", self._side, self._quantity)
        yield from self._out(self._quantity)

    def funding(self) -> Iterator[Command]:
        """A payment for holding a position."""
        yield from self._open("in", self._side)
        yield from self._fills("in", self._quantity)
        payment = {"symbol": self._symbol, "venue": "X", "kind": "FUNDING", "amount": "-" + self._cents()}
        yield self._command("record_adjustment", f"a{self._name}", {**payment, "currency": "USD"})
        yield from self._out(self._quantity)

    def _out(self, quantity: int) -> Iterator[Command]:
        yield self._order("out", self._other, quantity)
        yield self._command("update_order_acceptance", "out" + self._name, {"venue_order_id": f"v-out{self._name}"})
        yield from self._fills("out", quantity)

    def _open(self, leg: str, side: str) -> Iterator[Command]:
        yield self._order(leg, side, self._quantity)
        yield self._command("update_order_acceptance", leg + self._name, {"venue_order_id": f"v-{leg}{self._name}"})

    def _order(self, leg: str, side: str, quantity: int) -> Command:
        details = {"symbol": self._symbol, "side": side, "quantity": quantity, "venue": "X", "order_type": "MARKET"}
        if self._random.random() < 0.5:
            details |= {"order_type": "LIMIT", "limit_price": self._price(), "metadata": {"signal": [self._name]}}
        return self._command("record_order", leg + self._name, details)

    def _fills(self, leg: str, quantity: int) -> Iterator[Command]:
        """Fill an order in some parts, some of them told twice."""
        left, number = quantity, 0
        while left:
            number += 1
            part = left if number == _PARTS_MAX else self._random.randint(1, left)
            left -= part
            fill = self._fill(leg, number, part)
            yield fill
            if self._random.random() < 0.1:
                yield fill

    def _fill(self, leg: str, number: int, quantity: int, **keywords: Any) -> Command:
        fill: dict[str, Any] = {"fill_id": f"{leg}{self._name}-{number}", "quantity": quantity, "price": self._price()}
        if self._random.random() < 0.6:
            fill["fees"] = [{"currency": "USD", "amount": self._cents()}]
        return self._command("update_order_fill", leg + self._name, fill, **keywords)

    def _command(self, method: str, *arguments: Any, **keywords: Any) -> Command:
        self._commands += 1
        return Command(method, arguments, {"command_id": f"{self._name}.{self._commands}", **keywords})

    def _price(self) -> str:
        return f"{self._random.randint(90, 110)}.{self._random.randint(0, 99):02}"

    def _cents(self) -> str:
        return f"0.{self._random.randint(1, 99):02}"
