"""Names as beancount spells them: commodities and accounts, never the same for two things that differ."""

import re

COMMODITY_LENGTH_MAX = 24

_NOT_COMMODITY = re.compile(r"[^A-Z0-9'._-]+")
_NOT_ACCOUNT = re.compile(r"[^A-Za-z0-9-]+")
_KEYWORDS = frozenset({"TRUE", "FALSE", "NULL"})


class Names:
    """Spells names by a rule, and keeps apart those that the rule would make alike."""

    def __init__(self) -> None:
        """Know no name yet."""
        self._commodities: dict[str, str] = {}
        self._parts: dict[str, str] = {}

    @property
    def commodities(self) -> dict[str, str]:
        """Every commodity that was spelt, and the name that it stands for."""
        return {spelt: name for name, spelt in self._commodities.items()}

    def commodity(self, name: str) -> str:
        """Return a symbol or currency: capitals, digits and ' . _ -, beginning with a capital, of 24 at most."""
        return _apart(name, self._commodities, _commodity(name), COMMODITY_LENGTH_MAX)

    def part(self, name: str) -> str:
        """Return a part of an account's name: letters, digits and -, beginning with a capital or digit."""
        return _apart(name, self._parts, _part(name), None)


def quoted(text: str) -> str:
    """Return a string as beancount reads it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _commodity(name: str) -> str:
    spelt = _NOT_COMMODITY.sub("-", name.upper()).strip("-._'")
    if not spelt or not spelt[0].isalpha() or spelt in _KEYWORDS:
        spelt = f"X-{spelt}" if spelt else "X"
    return spelt[:COMMODITY_LENGTH_MAX].rstrip("-._'")


def _part(name: str) -> str:
    spelt = _NOT_ACCOUNT.sub("-", name).strip("-")
    return spelt[:1].upper() + spelt[1:] if spelt else "X"


def _apart(name: str, known: dict[str, str], spelt: str, most: int | None) -> str:
    if name in known:
        return known[name]
    taken = set(known.values())
    chosen, number = spelt, 1
    while chosen in taken:
        number += 1
        end = f"-{number}"
        chosen = spelt[: None if most is None else most - len(end)] + end
    known[name] = chosen
    return chosen
