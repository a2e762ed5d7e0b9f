"""Archives: closed history as Parquet, copied, read back and compared before it goes from the ledger, and its return.

moving      plan, write and restore an archive
checking    list archives, and look whether they are sound
journal     the entries of the journal that went to an archive
spanning    archives and ledger together, as a ledger
reading     the records of an archive, group by group
looking_up  orders in archives, by the ids of their venue
retention   how long history stays in the ledger, as a value
"""

from ledger_interop.archive.checking import archive_folders, check_archive, list_archives
from ledger_interop.archive.errors import ArchiveDamaged, NotTheTopFolder
from ledger_interop.archive.journal import ArchivedJournal, load_journal
from ledger_interop.archive.journal import read_journal as read_archived_journal
from ledger_interop.archive.looking_up import ArchivedOrders, with_our_ids
from ledger_interop.archive.manifest import Manifest, load_manifest
from ledger_interop.archive.moving import (
    ArchivePlan,
    ArchiveReport,
    RestoreReport,
    archive_folder,
    plan_archive,
    restore_archive,
    write_archive,
)
from ledger_interop.archive.reading import read_groups, read_records
from ledger_interop.archive.retention import RetentionPolicy
from ledger_interop.archive.spanning import StillArchived, span

__all__ = [
    "ArchiveDamaged",
    "ArchivedJournal",
    "ArchivedOrders",
    "ArchivePlan",
    "ArchiveReport",
    "Manifest",
    "NotTheTopFolder",
    "RestoreReport",
    "RetentionPolicy",
    "StillArchived",
    "archive_folder",
    "archive_folders",
    "check_archive",
    "list_archives",
    "load_journal",
    "load_manifest",
    "plan_archive",
    "read_archived_journal",
    "read_groups",
    "read_records",
    "restore_archive",
    "span",
    "with_our_ids",
    "write_archive",
]
