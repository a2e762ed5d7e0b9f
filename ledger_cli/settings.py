"""What need not be typed each time: argument > environment > the nearest configuration file > default.

The file is `strategy-ledger.toml`, or the table `[tool.strategy-ledger]` of `pyproject.toml`, in this directory or the
nearest one above it that has either. Nobody needs one: it is read when something is asked of it, and one that cannot be
read never keeps a command from a ledger that was named.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import attrs

from ledger_cli.failures import Misused
from ledger_cli.masking import HIDDEN, mask_url

OWN_FILE = "strategy-ledger.toml"
SHARED_FILE = "pyproject.toml"
TOOL = "strategy-ledger"

SECTIONS = ("retention",)
"""Tables of the file that are settings of their own; `Settings.section` gives them as they stand."""

_SQLITE = "sqlite:///"


@attrs.frozen
class Known:
    """A setting: where it is found in the environment, what it is by default, and how it is checked."""

    name: str
    environment: str
    meaning: str
    default: str | None = None
    is_secret: bool = False
    only_environment: bool = False
    from_file: Callable[[str, Path], str] | None = None


@attrs.frozen
class Setting:
    """A value and where it comes from."""

    name: str
    value: str | None
    origin: str
    is_secret: bool = False

    @property
    def shown(self) -> str | None:
        """The value as it may be shown."""
        if self.value is None:
            return None
        return HIDDEN if self.is_secret else mask_url(self.value)


def _beside(value: str, folder: Path) -> str:
    """Return a path of a configuration file, which counts from the file's own folder."""
    return value if Path(value).is_absolute() else str(folder / value)


def _url_beside(value: str, folder: Path) -> str:
    """Return a path, or the URL of a file, of a configuration file: it counts from the file's own folder."""
    if "://" not in value:
        return _beside(value, folder)
    if not value.startswith(_SQLITE):
        return value
    name, mark, query = value.removeprefix(_SQLITE).partition("?")
    path = _beside(unquote(name, errors="surrogateescape"), folder)
    return f"{_SQLITE}{quote(os.fsencode(path))}{mark}{query}"


KNOWN: Mapping[str, Known] = {
    known.name: known
    for known in (
        Known("url", "STRATEGY_LEDGER_URL", "the ledger: a file or a URL", from_file=_url_beside),
        Known("strategy", "STRATEGY_LEDGER_STRATEGY", "the strategy that upkeep changes, where a ledger has several"),
        Known("tz", "STRATEGY_LEDGER_TZ", "the time zone of tables, such as Europe/Berlin, or local", "UTC"),
        Known(
            "chain_key_file",
            "STRATEGY_LEDGER_CHAIN_KEY_FILE",
            "the file whose bytes are the key of the journal's chain",
            from_file=_beside,
        ),
        Known(
            "chain_key",
            "STRATEGY_LEDGER_CHAIN_KEY",
            "the key itself",
            is_secret=True,
            only_environment=True,
        ),
    )
}


class Settings:
    """The environment and the nearest configuration file; the file is read when it is first needed."""

    def __init__(self, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> None:
        """Look from `folder`, the current directory by default, upwards."""
        self._environment = os.environ if environment is None else environment
        self._folder = folder
        self._file: tuple[Path, Mapping[str, Any]] | None = None
        self._is_read = False

    def find(self, name: str, argument: str | None = None) -> Setting:
        """Return a setting; raise Misused where it stands in a file that cannot be read."""
        known = KNOWN[name]
        if argument is not None:
            return Setting(name, argument, "argument", known.is_secret)
        given = self._environment.get(known.environment)
        if given:
            return Setting(name, given, f"environment {known.environment}", known.is_secret)
        file = None if known.only_environment else self.file
        if file is not None and name in file[1]:
            path, values = file
            value = values[name] if known.from_file is None else known.from_file(values[name], path.parent)
            return Setting(name, value, str(path), known.is_secret)
        return Setting(name, known.default, "default" if known.default else "not set", known.is_secret)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a table of the configuration file as it stands; empty where there is none."""
        file = self.file
        return file[1].get(name, {}) if file is not None else {}

    @property
    def file(self) -> tuple[Path, Mapping[str, Any]] | None:
        """The nearest configuration file and what it says; None where there is none."""
        if not self._is_read:
            self._file = _nearest(self._folder or Path.cwd())
            self._is_read = True
        return self._file


def _nearest(folder: Path) -> tuple[Path, Mapping[str, Any]] | None:
    for place in (folder, *folder.parents):
        own, shared = place / OWN_FILE, place / SHARED_FILE
        if own.is_file():
            return own, _checked(_parsed(own), own)
        if shared.is_file():
            tools = _parsed(shared).get("tool", {})
            if isinstance(tools, dict) and TOOL in tools:
                return shared, _checked(tools[TOOL], shared)
    return None


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise Misused(f"{path} cannot be read: {error}") from error


def _checked(values: Any, path: Path) -> Mapping[str, Any]:
    """Refuse what is unknown, with the nearest known name: a misspelt setting must not be passed over."""
    from difflib import get_close_matches

    if not isinstance(values, dict):
        raise Misused(f"{path}: [tool.{TOOL}] must be a table")
    allowed = [*(known.name for known in KNOWN.values() if not known.only_environment), *SECTIONS]
    for name, value in values.items():
        if name == "chain_key":
            raise Misused(f"{path} holds a chain_key: a secret has a file of its own, which chain_key_file names")
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(allowed)}"
            raise Misused(f"{path} has no setting {name!r}; {hint}")
        expected = dict if name in SECTIONS else str
        if not isinstance(value, expected) or not value:
            raise Misused(f"{path}: {name} must be {'a table' if expected is dict else 'a text'}")
    return values
