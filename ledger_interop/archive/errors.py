"""What archives raise beside the ledger's own errors."""

from pathlib import Path

from ledger_core.errors import InvalidValue, LedgerError


class ArchiveDamaged(LedgerError):
    """An archive is not what was written; nothing was let go or taken back. `.problems` says what is wrong."""

    code = "ARCHIVE_DAMAGED"


class NotTheTopFolder(InvalidValue):
    """A folder inside archives was named in place of the one that they lie below; nothing was written."""

    code = "NOT_THE_TOP_FOLDER"

    def __init__(self, folder: Path, what: str, top: Path) -> None:
        """Say what the folder is, and which one to name."""
        super().__init__(
            f"{folder} is {what}: name {top}, the folder that the archives of all strategies lie below",
            argument="folder",
            value=str(folder),
        )
