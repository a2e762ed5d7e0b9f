"""Which history may go to which archives: what the command says, else the table `[retention]` of the configuration."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from ledger_cli.asking import NO_LEDGER, parse_moment
from ledger_cli.failures import Misused, one_line
from ledger_cli.listing import Printer
from ledger_cli.settings import Settings

SECTION = "retention"
_TABLE = f"[{SECTION}] of strategy-ledger.toml"

MEANINGS = {
    "keep_days": "how many whole days archive leaves in the ledger",
    "to": "the folder that archive writes archives below",
    "cuts_journal": "whether the journal goes to archives too",
}
"""The settings of the table, and what they mean."""


@attrs.frozen
class Wanted:
    """What may go, and where to."""

    before: datetime
    to: Path
    cuts_journal: bool


def wanted(
    settings: Settings,
    printer: Printer,
    before: str | None,
    keep_days: int | None,
    to: str | None,
    *,
    cuts_journal: bool = False,
    has_path: bool = True,
) -> Wanted:
    """Return what the options say, and of what they leave out what is configured; raise Misused for what neither does.

    All that neither says is named at once, the ledger too where there is none. A date is the midnight at which it
    begins.
    """
    from ledger_interop.archive import RetentionPolicy

    if before is not None and keep_days is not None:
        raise Misused("--before and --keep-days are two ways to say the same: give one")
    configured = {} if to is not None and (before or keep_days) else section(settings)
    folder = configured.get("to") if to is None else to
    days = configured.get("keep_days") if keep_days is None else keep_days
    lacking = _lacking(has_path=has_path, has_folder=folder is not None, has_date=bool(before) or days is not None)
    if folder is None or lacking:
        raise Misused("; ".join(lacking))
    cuts = cuts_journal or configured.get("cuts_journal", False)
    if type(cuts) is not bool:
        raise Misused(f"[{SECTION}] cuts_journal must be true or false")
    given = parse_moment(before, "--before", printer.zone)
    if given is not None:
        return Wanted(given, Path(folder), cuts)
    with one_line(""):
        policy = RetentionPolicy.from_mapping({"keep_days": days, "to": str(folder)})
    return Wanted(policy.before(printer.moment), policy.to, cuts)


def _lacking(*, has_path: bool, has_folder: bool, has_date: bool) -> list[str]:
    """Return what neither the options nor the configuration say, each with the ways to say it."""
    ways = (
        (has_path, NO_LEDGER),
        (has_date, f"say what may go with --before or --keep-days, or with keep_days in {_TABLE}"),
        (has_folder, f"say where archives lie with --to, or with to in {_TABLE}"),
    )
    return [way for is_said, way in ways if not is_said]


def section(settings: Settings) -> Mapping[str, Any]:
    """Return the table `[retention]`; its folder counts from that of the file. Raises Misused for what is malformed."""
    found = settings.section(SECTION)
    unknown = [name for name in found if name not in MEANINGS]
    if unknown:
        raise Misused(f"[{SECTION}] has no setting {unknown[0]!r}; known are {', '.join(MEANINGS)}")
    if not isinstance(found.get("to", ""), str):
        raise Misused(f"[{SECTION}] to must be a text: the path of a folder")
    return shown(settings)


def shown(settings: Settings) -> Mapping[str, Any]:
    """Return the table as it is meant, whatever is in it."""
    found, file = settings.section(SECTION), settings.file
    folder = found.get("to")
    if file is None or not isinstance(folder, str):
        return found
    return {**found, "to": str(file[0].parent / folder)}
