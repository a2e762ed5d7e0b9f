"""Row 6: three writers on one file, of which one is killed all the time; the others go on, and nothing is missing.

Each writer gives its own commands, numbered from 0, and goes on after a death with the first one that it was not
told of. Their entries interleave as chance has it, so there is no reference to compare with: at the end every command
that was acknowledged is in the journal exactly once, none is there that nobody gave, the ledger verifies, and its
positions are the sums of its fills. A writer that was killed holds up nobody: after each death the others get on.
"""

import random
import shutil
import signal
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

from ledger_core import LedgerError, StorageError, StrategyLedger
from ledger_storage_sqlite import _writer, open_repository
from reliability.campaign import Campaign, Tally
from reliability.kill_moments import (
    CHECKPOINT,
    COMMIT,
    COMMITTED,
    OPENING,
    Death,
    Kind,
    draw,
    live_until,
    tell_of_statements,
)
from reliability.kill_zygote import FAILED, Hung, Life, Teller, Told, Zygote
from reliability.kills import ACKNOWLEDGED, BEGUN, CHECKPOINT_ROWS, KILLS, WARM_UP

BUSY: Final = "y"
"""Told when the ledger asked to try again."""

PROGRAM = "reliability.kill_writers:write"
TRIES_MAX = 20
WRITERS = 3
KILLS_A_FILE = 25
PAUSE_MAX = 0.004
"""Seconds between two commands of a writer: none is the only one at work."""

PROGRESS_SECONDS = 30.0
"""A writer that acknowledges nothing for so long beside a killed one is held up by it."""

KINDS = (
    Kind("while opening", OPENING, weight=3, count_max=1, span=0.008),
    Kind("in or after a commit", COMMIT, weight=5, count_max=6, span=0.001),
    Kind("after a commit", COMMITTED, weight=2, count_max=6, span=0.001),
    Kind("in or after a checkpoint", CHECKPOINT, weight=4, count_max=2, span=0.002),
)


@attrs.frozen
class Arrangement:
    """Whether the writers share a strategy, and whether all are killed, each in its turn, or one of them alone."""

    name: str
    is_one_strategy: bool
    kills_all: bool

    def strategy(self, writer: int) -> str:
        """Return the strategy that a writer writes to."""
        return "alpha" if self.is_one_strategy else f"alpha-{writer}"


ARRANGEMENTS = (
    Arrangement("one strategy", is_one_strategy=True, kills_all=False),
    Arrangement("a strategy each", is_one_strategy=False, kills_all=False),
    Arrangement("one strategy, each killed in turn", is_one_strategy=True, kills_all=True),
)


@attrs.frozen
class Command:
    """The command of a writer that has this number: an order, its acceptance, and two fills, and so on."""

    writer: int
    number: int

    @property
    def order_id(self) -> str:
        """The order that it is about."""
        return f"o{self.writer}-{self.number // 4}"

    @property
    def symbol(self) -> str:
        """What is traded: every other order is in a symbol that all writers trade."""
        return "SHARED" if self.number // 4 % 2 else f"OWN{self.writer}"

    @property
    def side(self) -> str:
        """BUY or SELL; two of three orders buy."""
        return "SELL" if self.number // 4 % 3 == 2 else "BUY"

    @property
    def filled(self) -> Decimal:
        """What it adds to the position in its symbol."""
        quantity = {2: 3 + self.number % 7, 3: 1}.get(self.number % 4, 0)
        return Decimal(-quantity if self.side == "SELL" else quantity)

    def give(self, ledger: StrategyLedger, suffix: str) -> None:
        """Give it to the ledger; ids that end differently make it another command."""
        known: dict[str, Any] = {"command_id": f"{self.writer}-{self.number}{suffix}"}
        match self.number % 4:
            case 0:
                order = {"symbol": self.symbol, "side": self.side, "quantity": 1000, "order_type": "MARKET"}
                ledger.record_order(self.order_id, order, **known)
            case 1:
                ledger.update_order_acceptance(self.order_id, {"venue_order_id": f"v{self.order_id}"}, **known)
            case _:
                fill_id = f"f{self.number}{suffix}"
                fill = {"fill_id": fill_id, "quantity": abs(self.filled), "price": f"{100 + self.number % 11}"}
                ledger.update_order_fill(self.order_id, fill, **known)


def write(teller: Teller, url: str, strategy_id: str, writer: int, first: int, life: int, suffix: str = "") -> None:
    """Be one of the writers until told to stop; its ids end with the suffix."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    _writer.CHECKPOINT_ROWS = CHECKPOINT_ROWS
    tell_of_statements(teller)
    teller.tell(OPENING)
    with StrategyLedger(open_repository(url, strategy_id=strategy_id)) as ledger:
        number = first
        while not stopped:
            teller.tell(BEGUN, number)
            _give(teller, ledger, Command(writer, number), suffix)
            teller.tell(ACKNOWLEDGED, number)
            number += 1
            time.sleep(random.uniform(0, PAUSE_MAX))


def _give(teller: Teller, ledger: StrategyLedger, command: Command, suffix: str) -> None:
    for _ in range(TRIES_MAX):
        try:
            command.give(ledger, suffix)
        except LedgerError as error:
            if not error.retryable:
                raise
            teller.tell(BUSY, command.number)
        else:
            return
    raise TimeoutError(f"command {command.number} was asked to try again {TRIES_MAX} times")


class Seat:
    """One of the writers, over all its lives."""

    def __init__(self, writer: int) -> None:
        """Have been told nothing."""
        self.writer = writer
        self.lives = 0
        self.is_new = True  # nothing of what the life tells was heard yet
        self.life: Life | None = None
        self.acknowledged = 0  # so many commands
        self.attempted = 0
        self.busy = 0


def miscounted(found: Counter[str], seats: Sequence[Seat]) -> Iterator[str]:
    """Generate what is wrong with how often the writers' commands are in the journal, by their names."""
    rest = Counter(found)
    for seat in seats:
        for number in range(seat.attempted):
            count = rest.pop(f"{seat.writer}-{number}", 0)
            if count == 0 and number < seat.acknowledged:
                yield f"lost: command {seat.writer}-{number} was acknowledged and is not in the journal"
            if count > 1:
                yield f"doubled: command {seat.writer}-{number} is in the journal {count} times"
    for name in rest:
        yield f"phantom: command {name} is in the journal, and nobody gave it"


class Desk:
    """Three writers on one file, and what they were told."""

    def __init__(self, zygote: Zygote, folder: Path, seed: int, program: str = PROGRAM) -> None:
        """Start with no file and nobody at it."""
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self._zygote = zygote
        self._url = f"sqlite:///{folder / 'ledger.db'}"
        self._seed = seed
        self._program = program
        self._arrangement = ARRANGEMENTS[seed % len(ARRANGEMENTS)]
        self._generator = random.Random(f"writers of {seed}")
        self._seats = [Seat(writer) for writer in range(WRITERS)]

    def work(self, kills: int, deadline: float | None) -> None:
        """Kill so many times, let the writers stop, and look at what they leave."""
        try:
            self._kill_and_stop(kills, deadline)
        except Hung as hung:
            self.blame(str(hung))
            return
        finally:
            for seat in self._seats:
                if seat.life is not None and seat.life.code is None:
                    seat.life.kill()
        self.counts[f"files of {self._arrangement.name}"] += 1
        self.counts["asked to try again"] += sum(seat.busy for seat in self._seats)
        self._look()

    def _kill_and_stop(self, kills: int, deadline: float | None) -> None:
        for seat in self._seats:
            self._start(seat)
        while self.counts[KILLS] < kills and not self.violations and (deadline is None or time.monotonic() < deadline):
            seat = self._generator.choice(self._seats) if self._arrangement.kills_all else self._seats[-1]
            self._kill(seat)
            for other in self._seats:
                if other is not seat:
                    self._get_on(other)
            self._start(seat)
        for seat in self._seats:
            self._stop(seat)

    def blame(self, violation: str) -> None:
        """Note a violation."""
        self.violations.append(f"seed {self._seed} ({self._arrangement.name}): {violation}")

    def _start(self, seat: Seat) -> None:
        seat.lives += 1
        seat.is_new = True
        seat.life = self._zygote.start(
            self._program,
            url=self._url,
            strategy_id=self._arrangement.strategy(seat.writer),
            writer=seat.writer,
            first=seat.acknowledged,
            life=seat.lives,
        )

    def _kill(self, seat: Seat) -> None:
        assert seat.life is not None, "started"
        # One that was listened to meanwhile has told long ago that it opens.
        moment = draw(KINDS if seat.is_new else KINDS[1:], self._generator)
        death = live_until(seat.life, moment)
        self._hear(seat, death)
        if death.is_killed:
            self.counts[KILLS] += 1
            self.counts[moment.name] += 1

    def _get_on(self, seat: Seat) -> None:
        """Require that a writer that lives acknowledges a command after the death of another."""
        assert seat.life is not None, "started"
        seat.is_new = False
        for before_now in seat.life.listen(0.0):
            self._take(seat, before_now)
        known, deadline = seat.acknowledged, time.monotonic() + PROGRESS_SECONDS
        while seat.acknowledged == known:
            told = seat.life.next(max(0.0, deadline - time.monotonic()))
            if told is not None:
                self._take(seat, told)
            elif seat.life.is_silent:
                return  # it has failed, which is seen when it is collected
            else:
                seat.life.abort()
                raise Hung(f"writer {seat.writer} got on no more beside a killed one")

    def _stop(self, seat: Seat) -> None:
        assert seat.life is not None, "started"
        if seat.is_new and (told := seat.life.next()) is not None:  # from its first word on it minds the signal
            self._take(seat, told)
        seat.life.signal(signal.SIGTERM)
        self._hear(seat, live_until(seat.life, None))

    def _hear(self, seat: Seat, death: Death) -> None:
        for told in death.told:
            self._take(seat, told)
        if death.failure is not None and not self.violations:
            self.blame(f"writer {seat.writer}: {death.failure}")

    def _take(self, seat: Seat, told: Told) -> None:
        if told.word == BEGUN:
            seat.attempted = max(seat.attempted, told.number + 1)
        elif told.word == ACKNOWLEDGED:
            seat.acknowledged = told.number + 1
        elif told.word == BUSY:
            seat.busy += 1
        elif told.word == FAILED:
            self.blame(f"writer {seat.writer}: {told.content.decode()}")

    def _look(self) -> None:
        strategies = sorted({self._arrangement.strategy(seat.writer) for seat in self._seats})
        found: Counter[str] = Counter()
        try:
            for strategy_id in strategies:
                with StrategyLedger(open_repository(self._url, strategy_id=strategy_id)) as ledger:
                    entries = list(ledger.read_journal())
                    commands = Counter(str(entry.command_id).partition(".")[0] for entry in entries)
                    found += commands
                    verification = ledger.verify()
                    if not verification.is_intact:
                        self.blame(f"torn: {strategy_id}: {verification.differences[:3]}")
                    self._compare_positions(ledger, list(commands))
        except StorageError as error:
            self.blame(f"corrupt: {type(error).__name__}: {error}")
            return
        self.counts["commands acknowledged"] += sum(seat.acknowledged for seat in self._seats)
        for violation in miscounted(found, self._seats):
            self.blame(violation)

    def _compare_positions(self, ledger: StrategyLedger, names: list[str]) -> None:
        expected: defaultdict[str, Decimal] = defaultdict(Decimal)
        for name in names:
            command = Command(*map(int, name.split("-")))
            expected[command.symbol] += command.filled
        for symbol, quantity in expected.items():
            held = ledger.get_position(symbol).quantity
            if held != quantity:
                self.blame(f"doubled: the position in {symbol} is {held}, its fills come to {quantity}")


def run(first_seed: int, amount: int, deadline: float | None = None, program: str = PROGRAM) -> Tally:
    """Kill writers so many times, KILLS_A_FILE times on each file."""
    tally = Tally(0, first_seed)
    with (
        Zygote(program, warm_up=WARM_UP) as zygote,
        tempfile.TemporaryDirectory(prefix="kill-writers-") as folder,
    ):
        while tally.done < amount and not tally.violations and (deadline is None or time.monotonic() < deadline):
            seed = tally.next_seed
            place = Path(folder) / str(seed)
            place.mkdir()
            desk = Desk(zygote, place, seed, program)
            desk.work(min(KILLS_A_FILE, amount - tally.done), deadline)
            done = desk.counts.pop(KILLS, 0)
            tally = tally.plus(Tally(done, seed + 1, tuple(desk.violations), dict(desk.counts)))
            shutil.rmtree(place)
    return tally


CAMPAIGN = Campaign(
    name="kill-writers",
    row="6",
    promise="of three writers on one file one is killed all the time: no command is missing, none doubled, nobody hangs",
    unit="kills",
    quick=8,
    ci=300,
    whole=5_000,
    run=run,
)
