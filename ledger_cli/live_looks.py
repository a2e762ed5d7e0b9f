"""One look at ledgers for the live view, and the thread that looks again and again, so that the screen never waits.

Each look opens the ledgers anew and lets go of them, as every reading command does.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from ledger_cli import picture, show, status, words
from ledger_cli.failures import Failure, one_line
from ledger_cli.journal import EVENTS, histories
from ledger_cli.listing import Printer
from ledger_cli.live_parts import Part, Place, Symbols, parts_of
from ledger_cli.lookup import Match
from ledger_cli.reading import Asked, Found, Store, now, stores_there
from ledger_cli.tables import Line
from ledger_cli.trades import open_trades

if TYPE_CHECKING:
    from ledger_core import Entry, StrategyLedger

EVENTS_MAX = 100
"""How many entries of the journals are shown."""

HISTORY_MAX = 500
"""How many entries of one order's history are shown."""

ENDING_SECONDS = 2
"""How long the end of the view waits for a look that is under way."""


@attrs.frozen(kw_only=True)
class Look:
    """What was there at one moment."""

    printer: Printer
    heading: Sequence[Line]
    parts: Sequence[Part]
    steps: Sequence[Line]
    complaints: Sequence[str]
    failures: Sequence[str]
    """Why ledgers that were asked for are not in it."""
    symbols: Symbols = attrs.field(repr=False)

    @property
    def moment(self) -> datetime:
        """When it was."""
        return self.printer.moment


@attrs.frozen
class Answer:
    """What came of a look: the look or why there is none; of a record that was asked for, everything about it."""

    look: Look | None = None
    failure: str | None = None
    match: Match | None = None
    detail: Sequence[Line] = ()
    fault: BaseException | None = None


def look(asked: Asked, match: Match | None, width: int, symbols: Symbols) -> Answer:
    """Look once; a ledger that is not there or damaged is part of the answer. `symbols` are known already."""
    printer = attrs.evolve(asked.printer, moment=now())
    try:
        with stores_there(asked) as (stores, failures):
            if not stores:
                return Answer(failure="; ".join(failure.message for failure in failures))
            seen = _look_at(stores, printer, [failure.message for failure in failures], symbols)
            detail = [] if match is None else list(_detail(stores, match, printer, width))
            return Answer(look=seen, match=match, detail=detail)
    except Failure as failure:
        return Answer(failure=failure.message)


def _look_at(stores: Sequence[Store], printer: Printer, failures: Sequence[str], before: Symbols) -> Look:
    seen = picture.gather(stores, printer.moment)
    events = _latest(stores)
    places = {
        *((one.ledger, one.strategy_id, one.record.order_id) for one in seen.requests),
        *((one.ledger, one.strategy_id, one.record.subject) for one in events if one.record.subject is not None),
    }
    symbols = _symbols(stores, places, before)
    return Look(
        printer=printer,
        heading=list(status.heading(seen, printer)),
        parts=parts_of(seen, open_trades(stores), events, symbols),
        steps=list(status.steps_to_take(seen)),
        complaints=list(picture.complaints(seen)),
        failures=failures,
        symbols=symbols,
    )


def _latest(stores: Iterable[Store]) -> "list[Found[Entry]]":
    """Return the last entries of all journals, newest first."""
    found = [
        Found(store.shown, strategy_id, entry)
        for store in stores
        for strategy_id, ledger in store.ledgers
        for entry in ledger.read_journal(max(0, ledger.head().sequence - EVENTS_MAX))
    ]
    found.sort(key=lambda one: (one.record.recorded_at, one.record.sequence), reverse=True)
    return found[:EVENTS_MAX]


def _symbols(stores: Iterable[Store], places: Iterable[Place], before: Symbols) -> Symbols:
    """Return the symbols of orders and trades; they never change, so what was known before is not read again."""
    ledgers = {(store.shown, strategy_id): ledger for store in stores for strategy_id, ledger in store.ledgers}
    symbols: dict[Place, str] = {}
    for place in places:
        symbol = before.get(place) or _symbol(ledgers[place[:2]], place[2])
        if symbol is not None:
            symbols[place] = symbol
    return symbols


def _symbol(ledger: "StrategyLedger", record_id: str) -> str | None:
    from ledger_core import UnknownOrder, UnknownTrade
    from ledger_core.errors import Archived

    with suppress(UnknownOrder, Archived):
        return ledger.get_order(record_id).symbol
    with suppress(UnknownTrade, Archived):
        return ledger.get_trade(record_id).symbol
    return None


def _detail(stores: Sequence[Store], match: Match, printer: Printer, width: int) -> Iterator[Line]:
    """Return what `show` prints of a record, and below it what `history` does."""
    own = [
        attrs.evolve(store, ledgers=[(name, ledger) for name, ledger in store.ledgers if name == match.strategy_id])
        for store in stores
        if store.shown == match.ledger
    ]
    try:
        with one_line(match.ledger):
            shown = show.text_of(own, match, printer)
            entries = histories(own, match.id) if match.kind in ("order", "trade") else []
    except Failure as failure:  # it was archived, or the file was made anew
        yield [(failure.message, "bad")]
        return
    yield from ([(line, "")] for line in shown.splitlines())
    if entries:
        latest = entries[-HISTORY_MAX:]
        left_out = len(entries) - len(latest)
        counted = words.count(len(entries), "entry", "entries")
        said = f"showing the latest {len(latest):,} of {counted}" if left_out else counted
        yield []
        yield [(f"What happened ({said})", "title")]
        yield []
        yield from printer.table(EVENTS, latest, width).lines


class Looker(threading.Thread):
    """Looks every `interval` seconds, or when told to; while it is paused only when told to."""

    def __init__(self, asked: Asked, interval: float, tell: Callable[[Answer], Any]) -> None:
        super().__init__(name="looker", daemon=True)  # a look that hangs must not keep the program from ending
        self._asked = asked
        self._interval = interval
        self._tell = tell
        self._woken = threading.Event()
        self._is_ended = False
        self._symbols: Symbols = {}
        self.is_paused = False
        self.match: Match | None = None
        self.width = 80

    def run(self) -> None:
        """Look until ended."""
        while not self._is_ended:
            self._woken.clear()
            try:
                answer = look(self._asked, self.match, self.width, self._symbols)
            except Exception as error:  # noqa: BLE001  # a fault of ours: raised where the view was started
                self._tell(Answer(fault=error))
                return
            if answer.look is not None:
                self._symbols = answer.look.symbols
            if not self._is_ended:
                self._tell(answer)
            while not self._woken.wait(self._interval) and self.is_paused:
                pass

    def look_now(self) -> None:
        """Look at once, also while paused."""
        self._woken.set()

    def end(self) -> None:
        """Look no more."""
        self._is_ended = True
        self._woken.set()
        if self.is_alive():
            self.join(ENDING_SECONDS)
