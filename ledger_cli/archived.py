"""Ids that name what moved to an archive: which archive it is, and what to do about it."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger_cli.failures import Misused, Unknown, Unreadable, one_line
from ledger_cli.reading import Asked, Store

if TYPE_CHECKING:
    from ledger_core import StrategyLedger
    from ledger_core.archived import Checkpoint
    from ledger_core.errors import Archived
    from ledger_interop.archive import ArchivedOrders

SHOWN_MAX = 5
"""How many archived records one sentence names."""

CODE = "ARCHIVED"
_LAST_CHARACTER = "\U0010ffff"


archives_option = click.option(
    "--archives", metavar="DIR", help="The folder of archives, to know orders in them by the ids of their venue."
)
"""The folder that `archive` was given."""


def archived_orders(folder: str, strategy_id: str) -> "ArchivedOrders":
    """Read the orders in a strategy's archives; raise Unreadable where there is no such folder, or one is damaged."""
    from ledger_interop.archive import ArchivedOrders

    if not Path(folder).is_dir():
        raise Unreadable(f"there is no folder {folder}")
    with one_line(folder):
        return ArchivedOrders(Path(folder), strategy_id)


def archived_as(ledger: "StrategyLedger", record_id: str) -> "Archived | None":
    """Return what a ledger says of an order or trade of this id that is in an archive; None where it is in none."""
    from ledger_core import UnknownOrder, UnknownTrade
    from ledger_core.errors import Archived

    for get in (ledger.get_order, ledger.get_trade):
        try:
            get(record_id)
        except Archived as known:
            return known
        except (UnknownOrder, UnknownTrade):
            continue
    return None


def refuse_archived(stores: Sequence[Store], record_id: str, *, whole: bool) -> None:
    """Raise Unknown, with the archives, where a whole id of an order or trade, or the beginning of any, is in them."""
    named = [
        f"{known.kind.lower()} {record_id!r} of {strategy_id} is in archive {known.archive_id!r}"
        for store in stores
        for strategy_id, ledger in store.ledgers
        if (known := archived_as(ledger, record_id)) is not None
    ]
    if not named and not whole:
        named = [
            f"{found} of {strategy_id} is in archive {archive_id!r}"
            for store in stores
            for strategy_id, found, archive_id in _beginning(store, record_id)
        ]
    if named:
        shown = ", ".join(named[:SHOWN_MAX]) + (", and others too" if len(named) > SHOWN_MAX else "")
        raise Unknown(f"{shown}: history has its entries, restore brings it back", CODE)


def say_archived(asked: Asked, stores: Sequence[Store]) -> None:
    """Say that an answer made of records has nothing of what is in archives, where there is something."""
    named = [
        strategy_id for store in stores for strategy_id, ledger in store.ledgers if ledger.archivist.is_missing_records
    ]
    if named:
        asked.note(CODE, f"what {', '.join(named)} has in archives is not among it: span puts both together")


def say_cut(asked: Asked, stores: Iterable[Store]) -> None:
    """Say of which orders an answer made of the journal tells nothing, as their entries are in an archive."""
    for strategy_id, base in cut_journals(stores):
        asked.note(
            CODE,
            f"orders of {strategy_id} from before {asked.printer.at(base.cut_at)} are left out:"
            f" the journal up to there is in archive {base.archive_id}",
        )


def lacks_archived(ledger: "StrategyLedger", since: datetime | None, *, records: bool, journal: bool) -> bool:
    """Whether an answer made of records, or of the journal, from a moment on (None: ever) lacks what is in archives.

    Records there end where the live history of a position begins; of orders that were never filled the ledger does not
    know when they were, so where it has only such ones in archives, any moment may be before.
    """
    archivist = ledger.archivist
    if journal and archivist.base is not None and (since is None or since <= archivist.base.cut_at):
        return True
    if not (records and archivist.is_missing_records):
        return False
    ends = [opening.executed_at for opening in archivist.live_openings().values()]
    return since is None or not ends or since <= max(ends)


def cut_journals(stores: Iterable[Store]) -> "Iterator[tuple[str, Checkpoint]]":
    """Generate each strategy whose journal was cut, and the checkpoint."""
    for store in stores:
        for strategy_id, ledger in store.ledgers:
            base = ledger.archivist.base
            if base is not None:
                yield strategy_id, base


_OF_ORDERS_AND_TRADES = (
    "SELECT record_key, archive_id FROM archived INDEXED BY archived_by_key WHERE strategy_id = ? AND record_kind = ?"
    " AND record_key BETWEEN ? AND ? AND NOT is_restored ORDER BY 1 LIMIT ?"
)
# What belongs to an order has its own id last in its key, so that all of its kind are looked at.
_OF_WHAT_BELONGS_TO_ORDERS = (
    "SELECT record_key, archive_id FROM archived INDEXED BY archived_by_key WHERE strategy_id = ? AND record_kind = ?"
    " AND json_extract(record_key, '$[#-1]') BETWEEN ? AND ? AND NOT is_restored ORDER BY 1 LIMIT ?"
)


def _beginning(store: Store, text: str) -> Iterator[tuple[str, str, str]]:
    """Generate (strategy, what, archive) of what is archived and whose id begins so; of SQLite files only."""
    from ledger_cli import sqlite_files

    try:
        path = sqlite_files.file_of(store.path)
    except Misused:
        return
    key = json.dumps([text], ensure_ascii=False)[:-2]  # as keys are stored, up to the quote
    searches = (
        ("ORDER", _OF_ORDERS_AND_TRADES, key),
        ("TRADE", _OF_ORDERS_AND_TRADES, key),
        ("FILL", _OF_WHAT_BELONGS_TO_ORDERS, text),
        ("REQUEST", _OF_WHAT_BELONGS_TO_ORDERS, text),
    )

    def ask(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
        return [
            (strategy_id, _named(kind, json.loads(found)), archive_id)
            for strategy_id, _ in store.ledgers
            for kind, statement, first in searches
            for found, archive_id in connection.execute(
                statement, (strategy_id, kind, first, first + _LAST_CHARACTER, SHOWN_MAX + 1)
            )
        ]

    yield from sqlite_files.read(path, ask)


def _named(kind: str, key: Sequence[str]) -> str:
    return f"{kind.lower()} {key[0]!r}" if len(key) == 1 else f"{kind.lower()} {key[-1]!r} of order {key[0]!r}"
