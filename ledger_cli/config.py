"""`strategy-ledger config show`: every setting, its value and where it comes from. Secrets are never shown."""

from collections.abc import Iterator

import attrs
import click

from ledger_cli import retention
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.listing import Listing, one_row, text
from ledger_cli.settings import KNOWN, SECTIONS, Settings


@attrs.frozen
class _Shown:
    """A setting as it may be shown."""

    name: str
    value: str | None
    origin: str
    meaning: str


SETTINGS: Listing[_Shown] = Listing(
    (text("setting"), text("value"), text("origin", "from"), text("meaning", rank=1)),
    one_row(lambda one: (one.name, one.value, one.origin, one.meaning)),
)
"""Settings, one a row."""


@click.group(short_help="What the commands do without being told.")
def config() -> None:
    """Where the commands look when they are not told: argument > environment > file > default.

    The file is strategy-ledger.toml, or [tool.strategy-ledger] in pyproject.toml, in this directory or the nearest one
    above it. Paths in it count from its own folder.
    """


@config.command(short_help="Every setting, its value and where it comes from.")
@printing_options
def show(form: str | None, as_json: bool, tz: str | None, wide: bool) -> None:
    """Print every setting, its value and where it comes from. Passwords and keys are shown as ***."""
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    printer.print(SETTINGS, list(_settings(settings)))


def _settings(settings: Settings) -> Iterator[_Shown]:
    for known in KNOWN.values():
        found = settings.find(known.name)
        yield _Shown(known.name, found.shown, found.origin, known.meaning)
    for name in SECTIONS:
        assert name == retention.SECTION, "each section has a reader of its own"
        file = settings.file
        for key, value in retention.shown(settings).items():
            assert file is not None, "a section stands in a file"
            yield _Shown(f"{name}.{key}", str(value), str(file[0]), retention.MEANINGS.get(key, ""))
