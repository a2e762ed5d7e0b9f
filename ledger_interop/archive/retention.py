"""How long closed history stays in the ledger, and where it goes then."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import attrs

from ledger_core.checks import check_bool
from ledger_core.errors import InvalidValue

DAYS_MAX = 36_500
"""The longest time that a policy keeps history: a hundred years."""

_NEEDED = frozenset({"keep_days", "to"})
_NAMES = _NEEDED | {"cuts_journal"}


@attrs.frozen
class RetentionPolicy:
    """Closed history is kept for `keep_days` whole days (UTC), and then moves to archives below the folder `to`.

    With `cuts_journal` the journal goes there too, up to the same day.
    """

    keep_days: int = attrs.field()
    to: Path
    cuts_journal: bool = False

    @keep_days.validator
    def _check_days(self, _: object, value: object) -> None:
        if type(value) is not int or not 1 <= value <= DAYS_MAX:
            raise InvalidValue(
                f"keep_days must be a whole number of days, 1 to {DAYS_MAX:,}", argument="keep_days", value=value
            )

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "RetentionPolicy":
        """Read it from a table of a configuration; raise InvalidValue for what is missing, unknown or malformed."""
        unknown, missing = sorted(set(given) - _NAMES), sorted(_NEEDED - set(given))
        if unknown or missing:
            problem = f"has no {unknown[0]!r}" if unknown else f"needs {missing[0]!r}"
            raise InvalidValue(f"retention {problem}", argument="retention", value=dict(given))
        folder = given["to"]
        if type(folder) is not str or not folder or "\0" in folder:
            raise InvalidValue("retention.to must be the path of a folder", argument="to", value=folder)
        return cls(given["keep_days"], Path(folder), check_bool(given.get("cuts_journal", False), "cuts_journal"))

    def before(self, now: datetime) -> datetime:
        """Return the midnight, UTC, before which history may go."""
        day = now.astimezone(UTC).date() - timedelta(days=self.keep_days)
        return datetime.combine(day, time(), UTC)
