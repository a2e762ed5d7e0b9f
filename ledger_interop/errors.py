"""What a source that cannot be read raises: one error, which names the place."""

from ledger_core.errors import LedgerError


class UnreadableSource(LedgerError):
    """A file is not what it was said to be, or broken; what came before the place was booked.

    `place` says where, such as `line 12`; it is empty where the file could not be read at all.
    """

    code = "UNREADABLE_SOURCE"

    def __init__(self, message: str, *, place: str = "") -> None:
        """Keep the place beside the sentence, which begins with it."""
        super().__init__(f"{place}: {message}" if place else message, place=place)
