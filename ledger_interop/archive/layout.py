"""Where the parts of an archive lie: FOLDER/STRATEGY/ARCHIVE/KIND/year=YYYY/month=MM/NNNN.parquet."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import attrs

from ledger_core.archivable import Group
from ledger_core.errors import InvalidValue
from ledger_core.model import Order, RecordKind, Trade

MANIFEST = "manifest.json"
REMOVED = "removed.json"

FOLDERS = {
    RecordKind.ORDER: "orders",
    RecordKind.REQUEST: "requests",
    RecordKind.FILL: "fills",
    RecordKind.TRADE: "trades",
    RecordKind.COMMAND: "commands",
}
"""The folder of each kind, in the order in which a group's records are read back."""

_ARCHIVE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PARTITION = re.compile(r"year=(\d{4})/month=(\d{2})")


@attrs.frozen(order=True)
class Month:
    """A partition: the month, UTC, in which the last of a group was over."""

    year: int
    month: int

    @classmethod
    def of(cls, group: Group) -> "Month":
        """Return the month of a group."""
        ended = max(ended_at(group))
        return cls(ended.year, ended.month)

    @property
    def path(self) -> str:
        """Return it as hive names it."""
        return f"year={self.year:04d}/month={self.month:02d}"


def ended_at(group: Group) -> Iterable[datetime]:
    """Generate when each order and trade of a group was over."""
    for record in group:
        ended = record.ended_at if isinstance(record, Order) else getattr(record, "closed_at", None)
        if isinstance(record, (Order, Trade)) and ended is not None:
            yield ended.astimezone(UTC)


def strategy_folder(to: Path, strategy_id: str) -> Path:
    """Return the folder of a strategy's archives; its id may hold anything."""
    name = quote(strategy_id, safe="")
    return to / ("%2E" + name[1:] if name.startswith(".") else name)


def check_archive_id(archive_id: str) -> str:
    """Return an archive's id, which names a folder; raise InvalidValue."""
    if not _ARCHIVE_ID.fullmatch(archive_id):
        raise InvalidValue(
            "archive_id must begin with a letter or digit and hold only letters, digits, '.', '_' and '-'",
            argument="archive_id",
            value=archive_id,
        )
    return archive_id


def months_of(folder: Path) -> list[Month]:
    """Return the months of an archive, in order."""
    found = set()
    for name in FOLDERS.values():
        for place in (folder / name).glob("year=*/month=*"):
            matched = _PARTITION.fullmatch(place.relative_to(folder / name).as_posix())
            if matched:
                found.add(Month(int(matched[1]), int(matched[2])))
    return sorted(found)


def parts_of(folder: Path, kind: RecordKind, month: Month) -> list[Path]:
    """Return the files of a kind and month, in order."""
    return sorted((folder / FOLDERS[kind] / month.path).glob("*.parquet"))
