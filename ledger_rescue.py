"""What a ledger file holds, for the day when nothing else runs: `python -m ledger_rescue FILE`.

This one file needs a Python (3.9 or newer) and nothing else: no package of ours, none of anybody's. Copied anywhere,
it runs as `python ledger_rescue.py FILE`. It prints what is in doubt, what works at the venues, what is held and what
waits in quarantine, of every strategy. It creates, changes, locks and migrates nothing, and reads beside a running
bot, after it was killed, and in a folder that cannot be written. `strategy-ledger status FILE` tells more.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

APPLICATION_ID = 0x534C4447
"""`SLDG`, in the header of every ledger file."""

SCHEMA_KNOWN = 4
"""The newest schema that the queries below were written for; a newer one is read all the same, with a warning."""

ATTEMPTS_MAX = 8
"""How often reading starts again because the file changed meanwhile."""

EXIT_USAGE = 2
EXIT_UNREADABLE = 3

_SQLITE_NEEDED = (3, 37, 0)
_DIGITS_MAX = 200
_SCHEMA_OF_SHORT_BODIES = 4  # since then the view spells bodies out; before, the table has them whole
_WAL_HEADER_BYTES = 32  # a log that was begun and holds nothing yet: SQLite cannot read beside it alone

# fmt: off
_LAST_ENTRIES = """
WITH RECURSIVE strategies (strategy_id) AS (
    SELECT MIN(strategy_id) FROM journal
    UNION ALL
    SELECT (SELECT MIN(j.strategy_id) FROM journal AS j WHERE j.strategy_id > strategies.strategy_id)
    FROM strategies WHERE strategies.strategy_id IS NOT NULL)
SELECT j.recorded_at, s.strategy_id, j.sequence, j.subject, CAST(j.body AS BLOB)
FROM strategies AS s JOIN {journal} AS j ON j.strategy_id = s.strategy_id
    AND j.sequence = (SELECT MAX(sequence) FROM journal WHERE strategy_id = s.strategy_id)
ORDER BY j.recorded_at"""
_OPEN_ORDERS = """
SELECT status, strategy_id, order_id, side, COALESCE(quantity, 'by value'), symbol, order_type, limit_price, stop_price,
    cum_quantity, leaves_quantity, venue, account, venue_order_ids, placed_at, reason
FROM v_open_orders ORDER BY placed_at, strategy_id, order_id"""
_REQUESTS = """
SELECT strategy_id, request_kind, order_id, request_id, requested_at
FROM order_requests INDEXED BY order_requests_in_flight WHERE state = 'REQUESTED' ORDER BY requested_at"""
_POSITIONS = """
SELECT strategy_id, symbol, venue, account, position_side, quantity, cost, money_currency
FROM v_positions ORDER BY symbol, strategy_id"""
_QUARANTINE = """
SELECT strategy_id, quarantine_id, operation, order_id, venue_order_id, symbol, side, quantity, message, recorded_at
FROM quarantine INDEXED BY quarantine_waiting WHERE state = 'WAITING' ORDER BY recorded_at"""
# fmt: on

# A PRAGMA that is not taken raises nothing, so each is read back.
_PRAGMAS = {"query_only": 1, "trusted_schema": 0, "cell_size_check": 1, "mmap_size": 0, "temp_store": 2}


class Unreadable(Exception):
    """The file cannot be read; the message says why, for a person."""


class Changed(Exception):
    """The file was changed while it was read as one that nobody changes: what was read has to be read again."""


Stamp = tuple[int, int, int]


class _Signature(NamedTuple):
    """What tells that a file, and what lies beside it, are still those that were opened."""

    file: Stamp | None
    wal: Stamp | None
    has_shm: bool


class Reading:
    """A connection that leaves no trace; use it in a `with` block.

    With a -wal and a -shm beside the file, SQLite reads as it always does, but for the -shm, which it may not write.
    Without a -wal, or with one that holds nothing, the file alone is everything, and `require_unchanged` says whether
    that still holds. A -wal without a -shm is what a power cut or a plain copy leaves: both files are copied elsewhere
    first.
    """

    def __init__(self, path: str | Path) -> None:
        """Name the file; nothing is opened yet."""
        self.path = Path(path).resolve()
        self._signature: _Signature | None = None
        self._folder: str | None = None
        self.connection: sqlite3.Connection

    def __enter__(self) -> Reading:
        """Open the file."""
        try:
            self.require_file()
            self._connect()
            self._require_ledger()
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise Unreadable(f"{self.path}: {_sentence(error)}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        """Close it; raise Changed for an error of SQLite's that a change of the file explains."""
        has_changed = isinstance(error, sqlite3.Error) and not self._is_unchanged()
        self._close()
        if has_changed:
            raise Changed(str(self.path)) from error

    def require_unchanged(self) -> None:
        """Raise Changed if what was read may be of no meaning."""
        if not self._is_unchanged():
            raise Changed(str(self.path))

    def _is_unchanged(self) -> bool:
        return self._signature is None or _signature_of(self.path) == self._signature

    def require_file(self) -> None:
        """Raise Unreadable for what cannot be a ledger file, without opening it or anything beside it."""
        if self.path.is_dir():
            raise Unreadable(f"{self.path} is a directory, not a ledger file")
        wal = _beside(self.path, "-wal")
        if wal.is_file() and wal.stat().st_size > _WAL_HEADER_BYTES and not (self.path.exists() and _size(self.path)):
            raise Unreadable(  # SQLite would delete the log
                f"{self.path} is empty or gone, but {wal.name} beside it holds {_size(wal)} bytes of a ledger:"
                " put the file back, from a backup if need be"
            )
        if not self.path.exists():
            raise Unreadable(f"there is no ledger file {self.path}")
        for one in (self.path, *(_beside(self.path, suffix) for suffix in ("-wal", "-shm", "-journal"))):
            if one.is_symlink() or (one.exists() and not one.is_file()):  # nothing is followed, or waited for for ever
                raise Unreadable(f"{one} is no plain file")
        if _beside(self.path, "-journal").exists():
            raise Unreadable(f"{self.path} was left in the middle of being made; open it once for writing to repair it")
        if not os.access(self.path, os.R_OK):
            raise Unreadable(f"{self.path} may not be read by this user")
        # It is not opened to look at it: closing it would drop the locks that SQLite holds on it in this process.
        if not _size(self.path):
            raise Unreadable(f"{self.path}: the file is empty: no ledger was ever written to it")

    def _connect(self) -> None:
        for _ in range(ATTEMPTS_MAX):
            signature = _signature_of(self.path)
            wal_bytes = signature.wal[1] if signature.wal is not None else 0
            if signature.wal is not None and signature.has_shm and wal_bytes != _WAL_HEADER_BYTES:
                self._open(self.path, "mode=ro&readonly_shm=1")
                return
            self._signature = signature
            try:
                if wal_bytes <= _WAL_HEADER_BYTES:
                    self._open(self.path, "mode=ro&immutable=1")
                else:
                    self._open(self._copied(), "mode=rw")
            except (sqlite3.Error, OSError):
                if self._is_unchanged():
                    raise
            if self._is_unchanged():
                return
            self._close()
        raise Unreadable(f"{self.path} changed again and again while it was opened")

    def _copied(self) -> Path:
        self._folder = tempfile.mkdtemp(prefix="strategy-ledger-")
        copy = Path(self._folder) / self.path.name
        for suffix in ("", "-wal"):
            shutil.copyfile(_beside(self.path, suffix), _beside(copy, suffix))
        return copy

    def _close(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._signature = None

    def _open(self, path: Path, parameters: str) -> None:
        uri = f"file:{quote(os.fsencode(path))}?{parameters}"
        self.connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        for name, value in _PRAGMAS.items():
            self.connection.execute(f"PRAGMA {name} = {value}").fetchall()
            row = self.connection.execute(f"PRAGMA {name}").fetchone()
            if row != (value,) and not (name == "mmap_size" and row is None):
                raise Unreadable(f"SQLite did not take PRAGMA {name} = {value}: it reads back {row}")

    def _require_ledger(self) -> None:
        if sqlite3.sqlite_version_info < _SQLITE_NEEDED:
            raise Unreadable(f"this Python has SQLite {sqlite3.sqlite_version}; a ledger needs 3.37 or newer")
        (application_id,) = self.connection.execute("PRAGMA application_id").fetchone()
        if application_id != APPLICATION_ID:
            raise Unreadable(
                f"{self.path}: the file is an SQLite database, but no ledger (application_id {application_id:#010x})"
            )

    @property
    def schema(self) -> int:
        """The version of the file's schema."""
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])


def status(reading: Reading) -> Iterator[str]:
    """Return what the file holds, paragraph by paragraph."""
    ask = reading.connection.execute
    journal = "v_journal" if reading.schema >= _SCHEMA_OF_SHORT_BODIES else "journal"
    yield from _heading(reading, ask(_LAST_ENTRIES.format(journal=journal)).fetchall())
    orders = [Order(*row) for row in ask(_OPEN_ORDERS)]
    doubtful = [order for order in orders if order.status in ("IN_DOUBT", "PLACED")]
    doubtful.sort(key=lambda order: order.status != "IN_DOUBT")
    working = [order for order in orders if order not in doubtful]
    yield from _section("In doubt: the venue may have these or not", [order.line for order in doubtful])
    yield from _section("Requests without an answer", [_request(*row) for row in ask(_REQUESTS)])
    yield from _section("Working at the venues", [order.line for order in working])
    positions = ask(_POSITIONS).fetchall()
    yield from _section("Held", [_position(*row) for row in positions])
    yield from _section("Net, over all strategies", _net(positions))
    yield from _section(
        "In quarantine: told by the venue, in no order and no position", [_fact(*r) for r in ask(_QUARANTINE)]
    )
    if doubtful:
        yield "\nNext: ask the venue about each order in doubt, by our id and by its own, before you send anything."


class Order(NamedTuple):
    """An open order, every value as it is stored."""

    status: str
    strategy_id: str
    order_id: str
    side: str
    quantity: str
    symbol: str
    order_type: str
    limit_price: str | None
    stop_price: str | None
    cum_quantity: str
    leaves_quantity: str | None
    venue: str | None
    account: str | None
    venue_order_ids: str
    placed_at: str
    reason: str | None

    @property
    def line(self) -> str:
        """The order in words."""
        prices = ((" limit ", self.limit_price), (" stop ", self.stop_price))
        terms = "".join(name + price for name, price in prices if price is not None)
        place = "/".join(part for part in (self.venue, self.account) if part)
        parts = (
            f"{self.order_id}  venue's id {_ids(self.venue_order_ids)}",
            f"{self.side} {self.quantity} {self.symbol} {self.order_type}{terms}",
            f"filled {self.cum_quantity}, leaves {self.leaves_quantity or 'unknown'}",
            f"{self.status}, {_age(self.placed_at)} old",
            f"strategy {self.strategy_id}" + (f" at {place}" if place else ""),
            self.reason or "",
        )
        return "; ".join(part for part in parts if part)


def _heading(reading: Reading, last: Sequence[tuple[str, str, int, str | None, bytes]]) -> Iterator[str]:
    yield str(reading.path)
    if reading.schema > SCHEMA_KNOWN:
        yield f"WARNING: the file has schema {reading.schema}, this program knows {SCHEMA_KNOWN}: it may miss something"
    if not last:
        yield "nothing was ever recorded"
    for recorded_at, strategy_id, sequence, subject, body in last:
        with contextlib.suppress(ValueError, LookupError):
            what = f"{json.loads(body)['operation']} {subject or ''}".strip()
            yield f"{strategy_id}: last recorded {recorded_at}, {_age(recorded_at)} ago: {what} (entry {sequence})"


def _section(heading: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"\n{heading}: {'none' if not lines else ''}".rstrip() if not lines else f"\n{heading} ({len(lines)}):"
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    for line in lines:
        yield textwrap.fill(
            _printable(line), width, initial_indent="  ", subsequent_indent="      ", break_long_words=False
        )


def _request(strategy_id: str, kind: str, order_id: str, request_id: str, requested_at: str) -> str:
    return f"{kind} of {order_id}; request {request_id}; {_age(requested_at)} old; strategy {strategy_id}"


def _position(*row: str | None) -> str:
    strategy_id, symbol, venue, account, position_side, quantity, cost, currency = row
    place = "/".join(part for part in (venue, account) if part)
    side = f" {position_side}" if position_side != "NET" else ""
    money = f"{cost} {currency or ''}".strip()
    return f"{symbol}{side}  {quantity}; cost {money}; strategy {strategy_id}" + (f" at {place}" if place else "")


def _net(positions: Iterable[tuple[Any, ...]]) -> list[str]:
    totals: dict[str, Decimal] = {}
    with localcontext() as context:
        context.prec = _DIGITS_MAX
        for _, symbol, _, _, _, quantity, _, _ in positions:
            totals[symbol] = totals.get(symbol, Decimal(0)) + Decimal(quantity)
    return [f"{symbol}  {totals[symbol]:f}" for symbol in sorted(totals)]


def _fact(*row: str | None) -> str:
    strategy_id, quarantine_id, operation, order_id, venue_order_id, symbol, side, quantity, message, at = row
    what = " ".join(part for part in (side, quantity, symbol) if part)
    ids = f"order {order_id or 'unknown'}, venue's id {venue_order_id or 'none'}"
    return f"{quarantine_id}; {operation} {what}; {ids}; {message}; {_age(at or '')} old; strategy {strategy_id}"


def _ids(text: str) -> str:
    with contextlib.suppress(ValueError):
        return ", ".join(json.loads(text)) or "none"
    return text


def _age(moment: str) -> str:
    """Return how long ago a stored time was, in its two largest units."""
    try:
        then = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007  # both are UTC
    except ValueError:
        return "?"
    now = datetime.now(timezone.utc).replace(tzinfo=None)  # noqa: UP017  # datetime.UTC came with 3.11
    seconds = (now - then) // timedelta(seconds=1)
    for size, unit, smaller, name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{unit} {seconds % size // smaller:02}{name}"
    return f"{seconds}s"


def _printable(text: str) -> str:
    """Return the text with what would move a terminal's cursor, or colour it, written as an escape."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _size(path: Path) -> int:
    return path.stat().st_size


def _signature_of(path: Path) -> _Signature:
    shm = _stamp(_beside(path, "-shm"))
    return _Signature(_stamp(path), _stamp(_beside(path, "-wal")), shm is not None)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    text = str(error)
    if "not a database" in text:
        return f"the file is no SQLite database ({text})"
    if "malformed" in text:
        return f"the file is damaged ({text}); restore a backup, or rebuild it from its journal"
    return f"SQLite cannot read it ({text})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the status of every file that is named; return the exit code."""
    paths = list(sys.argv[1:] if arguments is None else arguments)
    if not paths or any(path.startswith("-") for path in paths):
        sys.stderr.write(__doc__)
        return EXIT_USAGE
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # an io.TextIOWrapper, mostly
    code = 0
    for number, path in enumerate(paths):
        try:
            lines = read(path)
        except Unreadable as error:
            sys.stderr.write(f"ledger_rescue: {error}\n")
            code = EXIT_UNREADABLE
        else:
            sys.stdout.write(("\n" if number else "") + "\n".join(lines) + "\n")
    return code


def read(path: str) -> list[str]:
    """Return the status of a file, all of one moment as far as SQLite can tell; raise Unreadable."""
    for _ in range(ATTEMPTS_MAX):
        try:
            with Reading(path) as reading:
                reading.connection.execute("BEGIN")
                lines = list(status(reading))
                reading.require_unchanged()
                return lines
        except Changed:
            continue
        except sqlite3.Error as error:
            raise Unreadable(f"{path}: {_sentence(error)}") from error
    raise Unreadable(f"{path} changed again and again while it was read")


if __name__ == "__main__":
    sys.exit(main())
