"""What archives raise beside the ledger's own errors."""

from ledger_core.errors import LedgerError


class ArchiveDamaged(LedgerError):
    """An archive is not what was written; nothing was let go or taken back. `.problems` says what is wrong."""

    code = "ARCHIVE_DAMAGED"
