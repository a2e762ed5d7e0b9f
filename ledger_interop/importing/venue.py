"""What a venue is: its name, its records, and what it sends that is no record."""

from collections.abc import Sequence

import attrs

from ledger_interop.importing.shapes import Defaults
from ledger_interop.importing.times import zone_named
from ledger_interop.importing.walking import Aside, Record


@attrs.frozen(kw_only=True)
class Venue:
    """A venue. `name` is the venue that its orders are recorded with; `zone` is that of times without one."""

    kind: str
    name: str | None
    records: Sequence[Record]
    asides: Sequence[Aside] = ()
    zone: str | None = None

    def completed(self, defaults: Defaults) -> Defaults:
        """Return what a user said, with the venue's own name and zone where nothing was said."""
        zone = defaults.zone or (zone_named(self.zone) if self.zone is not None else None)
        return attrs.evolve(defaults, venue=defaults.venue or self.name, zone=zone)
