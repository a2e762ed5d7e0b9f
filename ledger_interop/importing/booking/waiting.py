"""Facts that wait: about an order, or an execution, that only a later message tells of.

They are found again by any id that they name, in the order in which they came. What waits at the end goes to the
ledger as it is, which keeps what it cannot book in its quarantine.
"""

from collections.abc import Iterator

from ledger_interop.importing.facts import AnyFact, Bust, Correction, Execution, FeeReport, Grouping, Movement

WAITING_MAX = 10_000
"""How many facts may wait; what comes beyond goes to the ledger at once."""

Item = tuple[str, AnyFact]
"""The place of a message, and one of its facts."""


def fill_name(fill_id: str) -> str:
    """Return the name under which facts about an execution wait, apart from names of orders."""
    return f"fill {fill_id}"


class WaitingRoom:
    """Facts that wait, by the names that they wait for."""

    def __init__(self) -> None:
        """Start empty."""
        self._items: dict[int, Item] = {}
        self._by_name: dict[str, list[int]] = {}
        self._next = 0
        self._before: tuple[dict[int, Item], dict[str, list[int]]] | None = None

    def add(self, place: str, fact: AnyFact) -> bool:
        """Let a fact wait; say no where too many do."""
        if len(self._items) >= WAITING_MAX:
            return False
        number, self._next = self._next, self._next + 1
        self._items[number] = (place, fact)
        for name in set(_names_of(fact)):
            self._by_name.setdefault(name, []).append(number)
        return True

    def take(self, name: str) -> list[Item]:
        """Return what waits for a name, and let it go."""
        if name not in self._by_name:
            return []
        numbers = self._by_name.pop(name)
        items = [self._items.pop(number) for number in numbers]
        for number, (_, fact) in zip(numbers, items, strict=True):
            for other in set(_names_of(fact)) - {name}:
                self._by_name[other].remove(number)
                if not self._by_name[other]:
                    del self._by_name[other]
        return items

    def take_all(self) -> list[Item]:
        """Return all that waits, and let it go."""
        items = list(self._items.values())
        self._items.clear()
        self._by_name.clear()
        return items

    def begin(self) -> None:
        """Remember what waits now."""
        self._before = (dict(self._items), {name: list(numbers) for name, numbers in self._by_name.items()})

    def discarded(self) -> None:
        """Let wait what waited when `begin` was called."""
        if self._before is not None:
            self._items, self._by_name = self._before


def _names_of(fact: AnyFact) -> Iterator[str]:
    match fact:
        case Movement() | Grouping():
            return
        case Execution() if fact.is_unique:
            yield fill_name(fact.fill_id)
        case Bust() | Correction() | FeeReport():
            yield fill_name(fact.fill_id)
        case _:
            pass
    for name in fact.order.names:
        if name is not None:
            yield name
