"""What the reliability campaigns do to a ledger: a seed makes a day's trading, with all that goes wrong in one.

The same seed makes the same steps everywhere. Each step has a time of its own, so a step that is given again after
a crash, in another process, makes the very same entry, byte for byte: the journal of a whole life, however often it
was interrupted, is one of the reference (`oracle`).
"""

import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import attrs

from ledger_core import CommandRefused, StrategyLedger
from support.clock import START

STRATEGY = "alpha"
SYMBOLS = ("ACME", "BTC-PERP")
BATCH_MAX = 8

T = TypeVar("T")


@attrs.frozen
class Command:
    """One call of the ledger's public API; `keywords` carry its command_id."""

    method: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def on(self, target: Any) -> str:
        """Give it to a ledger or a batch and return what it came to; a refusal is an outcome too."""
        arguments = self.arguments
        try:
            if self.method == "resolve_quarantined":
                named = _waiting(target, *self.arguments[0])
                if named is None:
                    return "nothing waits"
                arguments = (named, *self.arguments[1:])
            answer = getattr(target, self.method)(*arguments, **self.keywords)
        except CommandRefused as refusal:
            return f"{type(refusal).__name__} {refusal.quarantine_id}"
        return f"{type(answer).__name__} {answer.key} {answer.version}"


def _waiting(ledger: StrategyLedger, fill_id: str, price: str) -> str | None:
    """Return the id of the fill in quarantine; once it is resolved, there is none, so a repeat does nothing."""
    for fact in ledger.quarantined():
        if (fact.fact.get("fill", {}).get("fill_id"), fact.fact.get("fill", {}).get("price")) == (fill_id, price):
            return fact.quarantine_id
    return None


@attrs.frozen
class Step:
    """What becomes durable at once: a command, or the commands of a batch."""

    number: int
    commands: tuple[Command, ...]
    is_batch: bool = False


_NOT_IN_BATCHES = frozenset({
    *("resolve_quarantined", "create_trade", "update_trade", "close_trade", "bust_order_fill", "correct_order_fill"),
})  # fmt: skip
"""What may be refused in a batch for want of a later command of it, and so may succeed when the batch is repeated."""

Outcome = tuple[str, ...]
"""What each command of a step came to, in words that are the same on every adapter."""


class StepClock:
    """A clock that stands still while a step runs: whoever runs it, and however often, it is the same time."""

    def __init__(self) -> None:
        """Stand at the time before the first step."""
        self.now = START

    def __call__(self) -> datetime:
        """Return the time of the present step."""
        return self.now


def run_step(ledger: StrategyLedger, clock: StepClock, step: Step) -> Outcome:
    """Give a step to a ledger that was opened with this clock; a StorageError passes through."""
    clock.now = time_of(step.number)
    if not step.is_batch:
        return tuple(command.on(ledger) for command in step.commands)
    with ledger.batch() as batch:
        return tuple([command.on(batch) for command in step.commands])


class _Left(Exception):
    """Leaves a batch."""


def leave_step(ledger: StrategyLedger, clock: StepClock, step: Step, count: int) -> None:
    """Give the first commands of a batch, and leave its block by an error."""
    clock.now = time_of(step.number)
    with suppress(_Left), ledger.batch() as batch:
        for command in step.commands[:count]:
            command.on(batch)
        raise _Left


def time_of(number: int) -> datetime:
    """Return the time of the step with this number."""
    return START + timedelta(seconds=number)


def steps_of(seed: int, length: int = 60) -> tuple[Step, ...]:
    """Return the steps of a seed; each can be given again, right after itself, without a further effect."""
    desk = _Desk(random.Random(seed))
    steps = []
    for number in range(length):
        desk.number = number
        if desk.random.random() < 0.06:
            count = desk.random.randint(2, BATCH_MAX)
            desk.is_batch = True
            commands = tuple(desk.next_command(f"c{number}.{place}") for place in range(count))
            steps.append(Step(number, commands, is_batch=True))
        else:
            desk.is_batch = False
            steps.append(Step(number, (desk.next_command(f"c{number}"),)))
    return tuple(steps)


@attrs.define
class _Working:
    """What the desk believes of an order; the ledger may know better."""

    order_id: str
    symbol: str
    side: str
    quantity: int
    left: int
    is_accepted: bool = False
    is_ended: bool = False
    fills: list[str] = attrs.Factory(list)
    trade_id: str | None = None


class _Desk:
    """A trading desk and its venue, of which both make mistakes."""

    def __init__(self, generator: random.Random) -> None:
        self.random = generator
        self.number = 0
        self.is_batch = False
        self._command_id = ""
        self._orders: list[_Working] = []
        self._trades: list[str] = []
        self._given: list[Command] = []
        self._count = 0
        self._actions: tuple[tuple[Callable[[], Command | None], int], ...] = (
            (self._order, 20), (self._acceptance, 16), (self._fill, 34), (self._again, 8), (self._conflict, 3),
            (self._overfill, 3), (self._fill_of_unknown, 3), (self._bust, 4), (self._correction, 4), (self._fee, 3),
            (self._cancel_request, 4), (self._replace_request, 4), (self._answer, 4), (self._end, 4),
            (self._doubt, 2), (self._report, 3), (self._trade, 7), (self._trade_update, 3), (self._trade_close, 3),
            (self._adjustment, 3), (self._resolution, 4), (self._illegal, 2),
        )  # fmt: skip

    def next_command(self, command_id: str) -> Command:
        self._command_id = command_id
        actions, weights = zip(*self._actions, strict=True)
        while True:
            (action,) = self.random.choices(actions, weights)
            command: Command | None = action()
            if command is not None:
                self._given.append(command)
                return command

    # -- orders ---------------------------------------------------------------------------------------------------

    def _order(self) -> Command | None:
        if self.random.random() < 0.1 and self._count:
            order_id = f"late{self.random.randint(1, 3)}"  # of which the venue may have spoken before
            if any(known.order_id == order_id for known in self._orders):
                return None
        else:
            self._count += 1
            order_id = f"o{self._count}"
        symbol = self.random.choice(SYMBOLS)
        side = self.random.choice(("BUY", "SELL"))
        quantity = self.random.randint(1, 20)
        details: dict[str, Any] = {"symbol": symbol, "side": side, "quantity": quantity, "venue": "X"}
        if self.random.random() < 0.7:
            details |= {"order_type": "LIMIT", "limit_price": self._price()}
        else:
            details |= {"order_type": "MARKET"}
        if self.random.random() < 0.4:
            details |= {"execution_group_id": f"g{self._count % 3}", "trade_plan_id": "p1"}
        if self.random.random() < 0.3:
            details |= {"metadata": {"signal": ["é", self.number, {"deep": None}]}}
        self._orders.append(_Working(order_id, symbol, side, quantity, quantity))
        return self._command("record_order", order_id, details)

    def _acceptance(self) -> Command | None:
        order = self._one_of(order for order in self._orders if not order.is_accepted)
        if order is None:
            return None
        order.is_accepted = True
        return self._command("update_order_acceptance", order.order_id, {"venue_order_id": f"v-{order.order_id}"})

    def _fill(self) -> Command | None:
        order = self._one_of(order for order in self._orders if order.left)
        if order is None:
            return None
        quantity = order.left if self.random.random() < 0.4 else self.random.randint(1, order.left)
        order.left -= quantity
        fill_id = f"f{self.number}-{len(order.fills)}"
        order.fills.append(fill_id)
        return self._booking(order.order_id, fill_id, quantity)

    def _overfill(self) -> Command | None:
        order = self._one_of(self._orders)
        return None if order is None else self._booking(order.order_id, f"over{self.number}", order.quantity + 1)

    def _fill_of_unknown(self) -> Command:
        return self._booking(f"late{self.random.randint(1, 3)}", f"f{self.number}", 1)

    def _booking(self, order_id: str, fill_id: str, quantity: int) -> Command:
        fill: dict[str, Any] = {"fill_id": fill_id, "quantity": quantity, "price": self._price()}
        if self.random.random() < 0.6:
            fill["fees"] = [{"currency": "USD", "amount": f"0.{self.random.randint(1, 99):02}"}]
        early = timedelta(seconds=self.random.randint(1, 20)) if self.random.random() < 0.2 else timedelta()
        return self._command("update_order_fill", order_id, fill, occurred_at=time_of(self.number) - early)

    def _again(self) -> Command | None:
        """Tell something again: known by its id, it is a no-op, unless what it needs has changed meanwhile."""
        return self._one_of(known for known in self._given if not self.is_batch or known.method not in _NOT_IN_BATCHES)

    def _conflict(self) -> Command | None:
        booking = self._one_of(known for known in self._given if known.method == "update_order_fill")
        if booking is None:
            return None
        order_id, fill = booking.arguments
        return self._command("update_order_fill", order_id, {**fill, "price": "77.77"})

    def _bust(self) -> Command | None:
        if self.is_batch:
            return None
        order = self._one_of(order for order in self._orders if order.fills)
        if order is None:
            return None
        return self._command("bust_order_fill", order.order_id, self.random.choice(order.fills), "erroneous")

    def _correction(self) -> Command | None:
        if self.is_batch:
            return None
        order = self._one_of(order for order in self._orders if order.fills)
        if order is None:
            return None
        place = self.random.randrange(len(order.fills))
        fill_id, order.fills[place] = order.fills[place], f"x{self.number}"
        correction = {"fill_id": f"x{self.number}", "quantity": 1, "price": self._price()}
        return self._command("correct_order_fill", order.order_id, fill_id, correction)

    def _fee(self) -> Command | None:
        order = self._one_of(order for order in self._orders if order.fills)
        if order is None:
            return None
        fees = [{"currency": self.random.choice(("USD", "BNB")), "amount": f"0.{self.random.randint(1, 99):02}"}]
        return self._command("update_fill_fee", order.order_id, self.random.choice(order.fills), fees)

    def _cancel_request(self) -> Command | None:
        order = self._one_of(order for order in self._orders if not order.is_ended)
        return None if order is None else self._command("request_order_cancel", order.order_id, f"r{self.number}")

    def _replace_request(self) -> Command | None:
        order = self._one_of(order for order in self._orders if not order.is_ended)
        if order is None:
            return None
        terms = {"quantity": order.quantity + self.random.randint(-2, 5) or 1, "limit_price": self._price()}
        return self._command("request_order_replace", order.order_id, terms, f"r{self.number}")

    def _answer(self) -> Command | None:
        asked = self._one_of(known for known in self._given if known.method.startswith("request_"))
        if asked is None:
            return None
        order_id, request_id = asked.arguments[0], asked.arguments[-1]
        if self.random.random() < 0.3:
            return self._command("update_order_request_rejection", order_id, "too late", request_id)
        if asked.method == "request_order_cancel":
            return self._command("update_order_cancellation", order_id, "by request")
        return self._command("update_order_replacement", order_id, request_id)

    def _end(self) -> Command | None:
        order = self._one_of(order for order in self._orders if not order.is_ended)
        if order is None:
            return None
        order.is_ended = True
        how = self.random.choice(("update_order_cancellation", "update_order_rejection", "update_order_expiry"))
        return self._command(how, order.order_id, "by the venue")

    def _doubt(self) -> Command | None:
        order = self._one_of(order for order in self._orders if not order.is_accepted)
        return None if order is None else self._command("update_order_in_doubt", order.order_id, "no answer")

    def _report(self) -> Command | None:
        order = self._one_of(self._orders)
        if order is None:
            return None
        filled = order.quantity - order.left
        status = "ACCEPTED" if not filled else "PARTIALLY_FILLED" if order.left else "FILLED"
        report = {"status": status, "cum_quantity": filled, "average_price": "100.5"}
        return self._command("report_order_status", order.order_id, report)

    def _resolution(self) -> Command | None:
        over = self._one_of(
            known
            for known in self._given
            if known.method == "update_order_fill" and known.arguments[1]["fill_id"].startswith("over")
        )
        if over is None or self.is_batch:
            return None
        order_id, fill = over.arguments
        resolution = {"reason": "by hand"} | (
            {"dismiss": True} if self.random.random() < 0.5 else {"order_id": order_id}
        )
        return self._command("resolve_quarantined", (fill["fill_id"], fill["price"]), resolution)

    def _illegal(self) -> Command:
        method = self.random.choice(("update_order_acceptance", "update_order_suspension", "update_order_resumption"))
        return self._command(method, "nowhere")

    # -- trades and adjustments -----------------------------------------------------------------------------------

    def _trade(self) -> Command | None:
        if self.is_batch:
            return None
        order = self._one_of(order for order in self._orders if order.trade_id is None)
        if order is None:
            return None
        order.trade_id = f"t{self.number}-{len(self._trades)}"
        self._trades.append(order.trade_id)
        return self._command("create_trade", order.trade_id, [order.order_id], {"tags": ["x"], "stop_price": "90.5"})

    def _trade_update(self) -> Command | None:
        if self.is_batch:
            return None
        trade_id = self._one_of(self._trades)
        orders = [order for order in self._orders if order.trade_id is None]
        if trade_id is None or not orders:
            return None
        order = self.random.choice(orders)
        order.trade_id = trade_id
        return self._command("update_trade", trade_id, {"order_ids": [order.order_id], "stop_price": self._price()})

    def _trade_close(self) -> Command | None:
        if self.is_batch:
            return None
        trade_id = self._one_of(self._trades)
        return None if trade_id is None else self._command("close_trade", trade_id)

    def _adjustment(self) -> Command:
        adjustment: dict[str, Any] = {"symbol": self.random.choice(SYMBOLS), "venue": "X"}
        if self.random.random() < 0.5:
            adjustment |= {"kind": "FUNDING", "amount": f"-0.{self.random.randint(1, 99):02}", "currency": "USD"}
        else:
            adjustment |= {"kind": "TRANSFER", "quantity": self.random.choice((-3, 2, 5)), "price": self._price()}
        return self._command("record_adjustment", f"a{self.number}-{self._command_id}", adjustment)

    # -- shared ---------------------------------------------------------------------------------------------------

    def _command(self, method: str, *arguments: Any, **keywords: Any) -> Command:
        return Command(method, arguments, {"command_id": self._command_id, **keywords})

    def _price(self) -> str:
        return f"{self.random.randint(90, 110)}.{self.random.randint(0, 99):02}"

    def _one_of(self, candidates: Iterable[T]) -> T | None:
        listed = list(candidates)
        return self.random.choice(listed) if listed else None
