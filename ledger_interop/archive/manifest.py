"""What an archive says of itself, written last and all at once; and what became of its records in the ledger."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from ledger_core.codec import canonical_json
from ledger_core.numbers import load_time, time_text
from ledger_interop.archive.errors import ArchiveDamaged
from ledger_interop.archive.layout import MANIFEST, REMOVED
from ledger_interop.exporting.files import name, partial_file, seal

FORMAT = 1


@attrs.frozen(kw_only=True)
class Part:
    """A file of an archive."""

    path: str
    rows: int
    size: int
    sha256: str


@attrs.frozen(kw_only=True)
class Manifest:
    """What an archive holds. `records` counts by kind; `digest` is over the digests of all records, in order.

    `head_sequence` and `head_digest` are where the journal ended when copying began. `cuts_journal` says that the
    journal goes too, up to `before`. `is_finished` says that what may go from the ledger has gone.
    """

    archive_id: str
    strategy_id: str
    before: datetime
    created_at: datetime
    head_sequence: int
    head_digest: str
    groups: int
    records: Mapping[str, int]
    digest: str
    parts: tuple[Part, ...]
    cuts_journal: bool = False
    folder: Path = attrs.field(eq=False)

    @property
    def is_finished(self) -> bool:
        """Whether what may go has gone."""
        return (self.folder / REMOVED).exists()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(part.size for part in self.parts)


def has_manifest(folder: Path) -> bool:
    """Say whether an archive was copied whole."""
    return (folder / MANIFEST).exists()


def load_manifest(folder: Path) -> Manifest:
    """Read an archive's manifest; raise ArchiveDamaged for what is none."""
    try:
        stored = json.loads((folder / MANIFEST).read_text("utf-8"))
        if stored["format"] != FORMAT:
            raise ArchiveDamaged(
                f"{folder} has format {stored['format']}; this program reads {FORMAT}", problems=("another format",)
            )
        return Manifest(
            archive_id=stored["archive_id"],
            strategy_id=stored["strategy_id"],
            before=load_time(stored["before"]),
            created_at=load_time(stored["created_at"]),
            head_sequence=stored["head"]["sequence"],
            head_digest=stored["head"]["digest"],
            groups=stored["groups"],
            records=dict(stored["records"]),
            digest=stored["digest"],
            parts=tuple(Part(**part) for part in stored["files"]),
            cuts_journal=stored.get("cuts_journal", False),
            folder=folder,
        )
    except FileNotFoundError:
        raise ArchiveDamaged(f"{folder} is no archive: it has no {MANIFEST}", problems=(f"no {MANIFEST}",)) from None
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArchiveDamaged(f"{folder / MANIFEST} cannot be read: {error}", problems=(str(error),)) from error


def store_manifest(manifest: Manifest) -> None:
    """Write it, which makes the archive one."""
    write_json(
        manifest.folder / MANIFEST,
        {
            "format": FORMAT,
            "archive_id": manifest.archive_id,
            "strategy_id": manifest.strategy_id,
            "before": time_text(manifest.before),
            "created_at": time_text(manifest.created_at),
            "head": {"sequence": manifest.head_sequence, "digest": manifest.head_digest},
            "groups": manifest.groups,
            "records": dict(manifest.records),
            "digest": manifest.digest,
            "cuts_journal": manifest.cuts_journal,
            "files": [attrs.asdict(part) for part in manifest.parts],
        },
    )


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a file that is there whole or not at all, and durable when this returns."""
    text = json.dumps(json.loads(canonical_json(document)), indent=1, ensure_ascii=False) + "\n"
    with partial_file(path) as partial:
        partial.write_text(text, "utf-8")
        seal(partial)
        name(partial, path, force=True)
