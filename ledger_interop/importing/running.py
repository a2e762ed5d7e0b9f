"""Running an import: messages in, batches of facts into the ledger, a report out; memory does not grow with the file.

Each batch is one durable write. An import that is broken off has booked what came before; run again, it goes on where
it was, because everything is booked at most once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from ledger_core import BatchConflict, CommandRefused, StrategyLedger
from ledger_core.errors import Archived
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing.booking import IN_ARCHIVE, Archives, Desk, Rules, book, has_order, names_learned
from ledger_interop.importing.facts import AnyFact, Change, Ending, Grouping, Message, RequestRefusal
from ledger_interop.importing.report import ImportReport, Outcome, Without

FACTS_MAX = 500
"""How many facts one batch books; each is at most three commands."""
ATTEMPTS_MAX = 20
"""How often a batch is given again when another process writes in between."""

Progress = Callable[[int], object]
"""Called after each batch with the number of messages read."""

Item = tuple[str, AnyFact]

_LAST: Mapping[type, int] = {RequestRefusal: 1, Change: 2, Ending: 2, Grouping: 3}

# fmt: off
_REASONS = {
    "UNKNOWN_ORDER":             "it is about an order that nobody recorded",
    "UNKNOWN_FILL":              "it is about an execution that nobody recorded",
    "OVERFILL":                  "more was filled than was ordered",
    "ILLEGAL_TRANSITION":        "the order cannot take it as it is now",
    "FACT_MISMATCH":             "it contradicts the order that it names",
    "IDEMPOTENCY_CONFLICT":      "what is recorded under its id says otherwise",
    "INSTRUMENT_TERMS_CONFLICT": "the instrument is recorded with other terms",
    "INVALID_VALUE":             "the ledger does not take such a value",
    "TRADE_NOT_FLAT":            "the trade still holds something",
    "ALLOCATION_CONFLICT":       "its orders belong to another trade",
    "ARCHIVED":                  "it is news of what is in an archive: restore that first",
}
# fmt: on


class Import:
    """An import into one ledger: give it messages, in any number of portions, then `finish` it."""

    def __init__(
        self,
        ledger: StrategyLedger,
        source: str,
        *,
        origin: str | None = None,
        infers: bool | None = None,
        archives: Archives | None = None,
    ) -> None:
        """Book into this ledger; `origin`, the source's name by default, is kept with each order recorded here.

        In `archives` orders are looked up that are in them and that only the venue's id names.
        """
        self._ledger = ledger
        self._desk = Desk(ledger, Rules(origin=origin or source, infers=infers), archives)
        self.report = ImportReport(source)

    def run(self, messages: Iterable[Message], progress: Progress | None = None) -> None:
        """Book messages. An UnreadableSource that they raise passes through, after what came before was booked."""
        read = ImportReport(self.report.source)
        items: list[Item] = []
        broken: UnreadableSource | None = None
        source = iter(messages)
        while True:
            try:
                message = next(source, None)
            except UnreadableSource as error:
                broken, message = error, None
            if message is None:
                break
            count_message(read, message)
            items.extend((message.place, fact) for fact in message.facts)
            if len(items) >= FACTS_MAX or read.read >= FACTS_MAX:
                self._book_all(items)
                read = self._told(read, progress)
        self._book_all(items)
        self._told(read, progress)
        if broken is not None:
            raise broken

    def finish(self) -> ImportReport:
        """Give what still waits to the ledger, which keeps in quarantine what it cannot book; return the report."""
        self._desk.is_last_call = True
        # First what has an order: the ids that it brings may lead the rest to theirs, which wait for that once more.
        known: list[Item] = []
        for item in self._desk.waiting.take_all():
            if has_order(self._desk, item[1]):
                known.append(item)
            else:
                self._desk.waiting.add(*item)
        self._book_all(_ordered(known))
        self._book_all(_ordered(self._desk.waiting.take_all()))
        return self.report

    def _told(self, read: ImportReport, progress: Progress | None) -> ImportReport:
        self.report.add(read)
        if progress is not None and read.read:
            progress(self.report.read)
        return ImportReport(self.report.source)

    def _book_all(self, items: list[Item]) -> None:
        """Book facts, in as many writes as one batch cannot hold, and take them off the list."""
        rest = deque(items)
        items.clear()
        while rest:
            rest = self._book(rest)

    def _book(self, items: deque[Item]) -> deque[Item]:
        """Book facts in one write, and return those that one batch cannot hold.

        Where another process came in between they are booked again, from where the ledger then is.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            outcomes = ImportReport(self.report.source)
            try:
                with self._ledger.batch() as batch:
                    self._desk.begin(batch)
                    rest = self._book_some(items, outcomes)
            except BatchConflict:
                self._desk.discarded()
                if attempt == ATTEMPTS_MAX:
                    raise
            except BaseException:
                self._desk.discarded()
                raise
            else:
                self._desk.committed()
                self.report.add(outcomes)
                return rest
        raise AssertionError("the last attempt returns or raises")

    def _book_some(self, items: deque[Item], outcomes: ImportReport) -> deque[Item]:
        """Book facts, each followed by what has waited for what is known by it; return those of the next write."""
        rest, released = items.copy(), deque[Item]()
        for _ in range(FACTS_MAX):
            if (not released and not rest) or self._desk.is_to_commit:
                break
            self._count_one(*(released or rest).popleft(), outcomes)
            for name in names_learned(self._desk):
                released.extend(self._desk.waiting.take(name))
        return released + rest

    def _count_one(self, place: str, fact: AnyFact, outcomes: ImportReport) -> None:
        kind = type(fact).__name__
        try:
            booked = book(self._desk, fact, place)
        except CommandRefused as refusal:
            if isinstance(refusal, Archived) and refusal.is_repeat:
                outcomes.count(kind, IN_ARCHIVE[0])
                outcomes.note(*IN_ARCHIVE, place)
                return
            outcome = Outcome.REFUSED if refusal.quarantine_id is None else Outcome.QUARANTINED
            outcomes.count(kind, outcome)
            outcomes.note(outcome, _REASONS.get(refusal.code, refusal.code), f"{place}: {refusal.message}")
            return
        if booked is not None:
            outcomes.count(kind, booked[0])
            if booked[1] is not None:
                outcomes.note(booked[0], booked[1], place)


def _ordered(items: list[Item]) -> list[Item]:
    """Return facts as they came, but answers after requests, ends after new terms, round trips after their orders."""
    return sorted(items, key=lambda item: _LAST.get(type(item[1]), 0))


def import_messages(
    ledger: StrategyLedger,
    messages: Iterable[Message],
    *,
    source: str,
    origin: str | None = None,
    infers: bool | None = None,
    archives: Archives | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Book the messages of a source into a ledger, each fact at most once, and return what it came to.

    The same messages again change nothing. `infers` True books totals that no execution explains as inferred fills,
    False only shows them as missing; None does what suits the source. `archives`, an `ArchivedOrders`, knows the orders
    that are in archives by the ids of their venue. Raises UnreadableSource for a broken source,
    and the ledger's storage errors; what came before is booked.
    """
    running = Import(ledger, source, origin=origin, infers=infers, archives=archives)
    running.run(messages, progress)
    return running.finish()


def inspect_messages(messages: Iterable[Message], *, source: str) -> ImportReport:
    """Return what messages say, by kinds of facts, without a ledger."""
    report = ImportReport(source, is_trial=True)
    for message in messages:
        count_message(report, message)
        report.kinds.update(type(fact).__name__ for fact in message.facts)
    return report


def count_message(report: ImportReport, message: Message) -> None:
    """Count a message by what it is; one with facts and a problem is understood, and its problem is told."""
    report.read += 1
    if message.problem is not None:
        report.note(Without.NOT_UNDERSTOOD, message.problem, f"{message.place}: {message.what}")
    if message.facts:
        report.understood += 1
    elif message.problem is not None:
        report.not_understood += 1
    else:
        report.passed_over += 1
        report.note(Without.PASSED_OVER, message.passed_over or "it says nothing of an order", message.place)
