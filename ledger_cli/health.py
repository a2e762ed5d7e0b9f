"""The checks of `doctor`: each looks at one thing and says what it found. Nothing here prints, and nothing writes."""

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import attrs

from ledger_cli import words
from ledger_cli.picture import Picture, complaints
from ledger_cli.processes import wal_readers_of, writers_of
from ledger_cli.reading import Store
from ledger_cli.wal import wal_of

if TYPE_CHECKING:
    from ledger_core import Order, Verification

SQLITE_SAFE = (3, 51, 3)
"""From here on SQLite is rid of the WAL-reset bug: two connections that wrote at one instant could damage a file."""

WAL_BYTES_WARNING = 64 * 1024 * 1024
"""A log of this size is one that somebody keeps from being copied."""

DAY_ORDER_AGE = timedelta(days=2)
"""How old a day order is when nobody can believe any more that it works."""


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "PROBLEM"


@attrs.frozen
class Check:
    """What a check found."""

    ledger: str
    name: str
    verdict: Verdict
    what: str


def check_library(ledger: str = "") -> Check:
    """Look at the version of SQLite."""
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= SQLITE_SAFE:
        return Check(ledger, "sqlite", Verdict.OK, f"SQLite {version}")
    safe = ".".join(map(str, SQLITE_SAFE))
    return Check(
        ledger,
        "sqlite",
        Verdict.WARNING,
        f"SQLite {version}, before {safe}, can damage a file that two connections write at the same instant; ledgers"
        " lock each other out, so let no other program write or checkpoint the file",
    )


def check_file(ledger: str, path: Path) -> Iterator[Check]:
    """Look at the file's size and who may use it, and at the log beside it."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    said = f"{words.size(status.st_size)}, mode {mode:04o}"
    if mode & 0o077:
        yield Check(ledger, "file", Verdict.WARNING, f"{said}: others than its owner may use it")
    else:
        yield Check(ledger, "file", Verdict.OK, said)
    yield _wal(ledger, path)
    yield _writers(ledger, path)


def _wal(ledger: str, path: Path) -> Check:
    wal = wal_of(path)
    if wal is None or not wal.size:
        return Check(ledger, "wal", Verdict.OK, "empty: everything is in the file")
    waiting = max(0, wal.frames - wal.copied)
    said = f"{words.size(wal.size)}, of which {words.size(waiting * wal.page_size)} wait to be copied into the file"
    holding = []
    for process, number in wal_readers_of(path):
        mark = wal.marks[number] if number < len(wal.marks) else None
        if number and mark is not None and mark < wal.frames:
            holding.append(f"{process} reads as of frame {mark:,} of {wal.frames:,}")
    if holding:
        said += f"; {'; '.join(holding)}: it cannot be used anew before they end"
    verdict = Verdict.NOTE if wal.size < WAL_BYTES_WARNING else Verdict.WARNING
    return Check(ledger, "wal", verdict if waiting or holding else Verdict.OK, said)


def _writers(ledger: str, path: Path) -> Check:
    """Look at who has the ledger open, and whether the last who wrote ended well."""
    writers = writers_of(path)
    who = ", ".join(map(str, writers or ()))
    lock = path.with_name(f"{path.name}-lock")
    marks = lock.read_bytes()[:2] if lock.is_file() and os.access(lock, os.R_OK) else b""
    if writers:
        return Check(ledger, "writers", Verdict.OK, f"open for writing by {who}")
    nobody = "nobody has it open" if writers is not None else "this machine does not tell who has it open"
    if any(marks):
        said = "the last who wrote did not end well, so the next to open it for writing looks through the journal's end"
        return Check(ledger, "writers", Verdict.NOTE, f"{nobody}; {said}")
    return Check(ledger, "writers", Verdict.OK, nobody)


def check_database(ledger: str, connection: sqlite3.Connection, *, in_full: bool) -> Iterator[Check]:
    """Look at the schema, and through the pages of the file."""
    from ledger_storage_sqlite.schema import SCHEMA_VERSION

    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        yield Check(ledger, "schema", Verdict.OK, f"schema {version}")
    else:
        newer = version > SCHEMA_VERSION
        advice = "update this program" if newer else "strategy-ledger migrate brings it up to date"
        said = f"schema {version}, this program has {SCHEMA_VERSION}: {advice}"
        yield Check(ledger, "schema", Verdict.PROBLEM if newer else Verdict.WARNING, said)
    look = "integrity_check" if in_full else "quick_check"
    found = [str(row[0]) for row in connection.execute(f"PRAGMA {look}(10)")]
    verdict, said = (Verdict.OK, look) if found == ["ok"] else (Verdict.PROBLEM, f"{look}: {'; '.join(found)}")
    yield Check(ledger, "pages", verdict, said)
    broken = connection.execute("PRAGMA foreign_key_check").fetchmany(10)
    if broken:
        yield Check(ledger, "references", Verdict.PROBLEM, f"rows without what they refer to: {broken}")
    yield from _strays(ledger, connection)
    yield from _cursors(ledger, connection)


def strays_in(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return (table, strategy) where a table has rows of a strategy without a journal.

    No command of a ledger wrote them; a ledger that is opened by the strategy's name would tell, but nobody would
    open it. A subscriber may have its place before there is a first entry, so `cursors` is left out.
    """
    from ledger_storage_sqlite.statements import STRATEGIES, strategies_in

    told = set(connection.execute(STRATEGIES))
    tables = connection.execute(
        "SELECT s.name FROM sqlite_schema AS s JOIN pragma_table_info(s.name) AS c"
        " WHERE s.type = 'table' AND c.name = 'strategy_id' AND s.name NOT IN ('journal', 'cursors') ORDER BY s.name"
    ).fetchall()
    return [
        (table, row[0])
        for (table,) in tables
        for row in connection.execute(strategies_in('"' + table.replace('"', '""') + '"'))
        if row not in told
    ]


def _strays(ledger: str, connection: sqlite3.Connection) -> Iterator[Check]:
    """Look for rows that plain SQL shows and no ledger knows."""
    for table, strategy_id in strays_in(connection):
        said = f"{table} has rows of {strategy_id!r}, which has no journal: no command of a ledger wrote them"
        yield Check(ledger, "strays", Verdict.PROBLEM, said)


class Place(NamedTuple):
    """How far a subscriber has been served, and how far the journal goes."""

    strategy_id: str
    subscriber: str
    sequence: int
    head: int

    @property
    def behind(self) -> int:
        """How many entries it has yet to take."""
        return self.head - self.sequence


def places_of(connection: sqlite3.Connection) -> list[Place]:
    """Return the places of all subscribers, by strategy and name."""
    rows = connection.execute(
        "SELECT c.strategy_id, c.subscriber, c.sequence,"
        " COALESCE((SELECT MAX(j.sequence) FROM journal AS j WHERE j.strategy_id = c.strategy_id), 0)"
        " FROM cursors AS c ORDER BY c.strategy_id, c.subscriber"
    )
    return [Place(*row) for row in rows]


def _cursors(ledger: str, connection: sqlite3.Connection) -> Iterator[Check]:
    """Look at how far subscribers have been served."""
    for place in places_of(connection):
        strategy_id, subscriber, sequence, head = place
        said = f"{subscriber} of {strategy_id} has taken {sequence:,} of {words.count(head, 'entry', 'entries')}"
        verdict = Verdict.OK if place.behind <= 0 else Verdict.NOTE
        if place.behind < 0:
            verdict, said = Verdict.PROBLEM, f"{said}: more than there are"
        yield Check(ledger, "subscriber", verdict, said)


def check_journal(
    ledger: str, strategy_id: str, verification: "Verification", *, chain_only: bool, has_key: bool
) -> Check:
    """Say what a verification came to."""
    from ledger_core import Finding

    entries = words.count(verification.entries, "entry", "entries")
    name = "journal" if chain_only else "invariants"
    if verification.is_intact:
        records = "" if chain_only else f", {words.count(verification.records, 'record')} are what they say"
        return Check(ledger, name, Verdict.OK, f"{strategy_id}: {entries} in an unbroken chain{records}")
    first = verification.differences[0]
    if first.what is Finding.DIGEST_BROKEN and first.sequence == 1 and not has_key:
        said = f"{strategy_id}: either the chain has a key, which --key-file gives, or the journal was changed"
        return Check(ledger, name, Verdict.WARNING, said)
    counted = words.count(verification.difference_count, "difference")
    said = f"{strategy_id}: {counted} in {entries}; {first}"
    return Check(ledger, name, Verdict.PROBLEM, said)


def check_open(stores: Sequence[Store]) -> Iterator[Check]:
    """Look at whether what is open agrees with its executions: quickly, and of the open orders alone."""
    from ledger_core.numbers import total

    for store in stores:
        for strategy_id, ledger in store.ledgers:
            wrong = []
            orders = list(ledger.find_orders(is_open=True, limit=None))
            for order in orders:
                fills = ledger.find_fills(order_id=order.order_id, limit=None)
                if total(fill.quantity for fill in fills if not fill.busted) != order.cum_quantity:
                    wrong.append(order.order_id)
            if wrong:
                said = f"{strategy_id}: filled is not what the fills add up to, of {', '.join(wrong[:5])}"
                yield Check(store.shown, "open orders", Verdict.PROBLEM, said)
            else:
                said = f"{strategy_id}: {words.count(len(orders), 'order')}, filled as the fills add up"
                yield Check(store.shown, "open orders", Verdict.OK, said)


def check_stuck(ledger: str, picture: Picture, grace: timedelta) -> Iterator[Check]:
    """Look for what waits for a person, and for orders that cannot be working any more."""
    for complaint in complaints(picture, grace=grace):
        yield Check(ledger, "stuck", Verdict.PROBLEM, complaint)
    orders = [one.record for one in (*picture.in_doubt, *picture.working)]
    for order in orders:
        said = _outlived(order, picture.moment)
        if said is not None:
            yield Check(ledger, "stuck", Verdict.WARNING, f"{order.order_id} {said}: ask the venue whether it works")


def _outlived(order: "Order", moment: datetime) -> str | None:
    if order.expire_at is not None and order.expire_at < moment:
        return f"was to expire {words.age(moment, order.expire_at)} ago"
    in_force = order.time_in_force.value if order.time_in_force else "DAY"
    age = moment - order.placed_at
    if in_force in ("IOC", "FOK") and age > timedelta(hours=1):
        return f"is {in_force} and {words.duration(age)} old"
    if in_force in ("DAY", "AT_OPEN", "AT_CLOSE") and age > DAY_ORDER_AGE:
        return f"is a day order and {words.duration(age)} old"
    return None
