"""Keep a JSON Lines file of every event of a ledger, each exactly once, whatever kills the process.

    python examples/journal_writer.py LEDGER.db JOURNAL.jsonl [ROUNDS]

trades ROUNDS rounds (default 20) into LEDGER.db while a JournalWriter follows. Kill it wherever you like and start it
again: it goes on where it was, and in the end the file has every event once, in order, with the order's or trade's
context as the StrategyCache had it when the line was written.

How exactly-once comes about: the ledger delivers STRATEGY_LEDGER_UPDATED at least once and in order, from a cursor
that it stores under the subscriber's name, now and then. So after a kill some events come again. Each event is known
for ever by (sequence, index), the file's last complete line says which was written last, and what is not beyond that
is passed over. The file is the truth, the cursor only saves time: what the file lacks is read from the journal when
the writer starts, so a file that was lost, or cut short by a power cut, is filled again.

A line is one write() to a file opened for appending. What write() took survives the death of the process, since the
kernel holds it; so do the ledger's commits, under every `durability`. Only a power cut needs more: of the ledger
`durability=full`, its default; of this file nothing, because the journal can fill it again.
"""

import fcntl
import json
import os
import sys
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ledger_core import STRATEGY_LEDGER_UPDATED, StrategyLedger, open_ledger
from ledger_core.events import events_of

SUBSCRIBER = "journal-writer"
Place = tuple[int, int]
"""(sequence, index) of an event."""

_TAIL = 64 * 1024


class DictCache:
    """A StrategyCache in a dict: the present context of each order and trade, by its id."""

    def __init__(self) -> None:
        self._contexts: dict[str, Mapping[str, Any]] = {}

    def store(self, key: str, context: Mapping[str, Any]) -> None:
        """Take the present context of an order or trade; the ledger calls it after each commit."""
        self._contexts[key] = context

    def get(self, key: str | None) -> Mapping[str, Any] | None:
        """Return a context; None for an order that had ended before this process began."""
        return None if key is None else self._contexts.get(key)


class JournalWriter:
    """Appends events to a file of JSON Lines, each once. The file belongs to one writer at a time."""

    def __init__(self, path: Path, cache: DictCache) -> None:
        """Open the file, cut a torn last line, and find out which event was written last.

        Raises BlockingIOError while another writer has the file.
        """
        self._cache = cache
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._size, self.last, self._digest = self._recover(path)
        except BaseException:
            os.close(self._file)
            raise

    def attach(self, ledger: StrategyLedger) -> None:
        """Write what the file lacks of the journal, then follow the ledger.

        Raises ValueError where the file was written from another ledger.
        """
        sequence, _ = self.last
        entries = ledger.read_journal(after=max(0, sequence - 1))  # of the last entry a part may be missing
        if sequence:
            last = next(entries, None)
            if last is None or last.digest != self._digest:
                raise ValueError(f"the ledger's entry {sequence} is not the one that the file ends with")
            entries = chain([last], entries)
        for entry in entries:
            for payload in events_of(entry):
                self.take(STRATEGY_LEDGER_UPDATED, payload)
        ledger.subscribe(SUBSCRIBER, self.take)

    def take(self, _name: str, payload: Mapping[str, Any]) -> None:
        """Write an event, unless the file has it. What raises here comes again from the ledger."""
        place = (payload["sequence"], payload["index"])
        if place <= self.last:
            return
        context = self._cache.get(payload["order_id"] or payload["trade_id"])
        line = json.dumps({**payload, "context": context}, separators=(",", ":"), sort_keys=True)
        self._append(line.encode() + b"\n")
        self.last = place

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _append(self, line: bytes) -> None:
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes were taken")
        except OSError:
            os.ftruncate(self._file, self._size)  # the next attempt starts on a line of its own
            raise
        self._size += len(line)

    def _recover(self, path: Path) -> tuple[int, Place, str]:
        """Return the file's size, last event and that event's digest, once a torn last line is cut off."""
        size = os.fstat(self._file).st_size
        start, tail = size, b""
        while start and tail.count(b"\n") < 2:
            start = max(0, start - _TAIL)
            tail = os.pread(self._file, size - start, start)
        complete, _, torn = tail.rpartition(b"\n")
        if torn:
            size -= len(torn)
            os.ftruncate(self._file, size)
        if not size:
            return 0, (0, 0), ""
        try:
            last = json.loads(complete.rpartition(b"\n")[2])
            return size, (last["sequence"], last["index"]), last["digest"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"the last line of {path} is no event: {error!r}; move the file away") from error


def trade(ledger: StrategyLedger, rounds: int) -> None:
    """Live the life of some orders and trades; told again after a restart, each command is a repeat and no more."""
    for number in range(rounds):
        buy, sell, left = f"buy-{number}", f"sell-{number}", f"left-{number}"
        details = {"symbol": "ACME", "quantity": 10, "order_type": "LIMIT", "limit_price": "99.50", "venue": "XNAS"}
        ledger.record_order(buy, {**details, "side": "BUY"})
        ledger.update_order_acceptance(buy, {"venue_order_id": f"v-{buy}"})
        ledger.update_order_fill(buy, {"fill_id": "1", "quantity": 4, "price": "99.50"})
        ledger.update_order_fill(buy, {"fill_id": "2", "quantity": 6, "price": "99.45"})
        ledger.create_trade(f"trade-{number}", [buy])
        ledger.record_order(sell, {**details, "side": "SELL"})
        ledger.update_order_fill(sell, {"fill_id": "1", "quantity": 10, "price": "100.10"})
        ledger.close_trade(f"trade-{number}", {"order_ids": [sell]})
        ledger.record_order(left, {**details, "side": "BUY"})
        ledger.request_order_cancel(left, f"cancel-{left}")
        ledger.update_order_cancellation(left)


def run(ledger_path: str, journal_path: Path, rounds: int) -> None:
    """Trade with a journal writer attached."""
    cache = DictCache()
    writer = JournalWriter(journal_path, cache)
    try:
        with open_ledger(ledger_path, strategy_id="journal-demo", cache=cache) as ledger:
            writer.attach(ledger)
            trade(ledger, rounds)
            ledger.publish_pending()
    finally:
        writer.close()


def main(arguments: list[str]) -> int:
    """Run, and say what the file holds."""
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    journal = Path(arguments[1])
    run(arguments[0], journal, int(arguments[2]) if len(arguments) == 3 else 20)
    with journal.open("rb") as file:
        print(f"{journal} has {sum(1 for _ in file)} events")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
