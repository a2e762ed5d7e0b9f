"""Damages: what a disk, a cable or a mistaken tool does to the bytes of a file."""

import random
import re
from collections.abc import Callable, Mapping

import attrs

from reliability.finished import Ledger

PAGE = 4096
SECTOR = 512


@attrs.frozen
class Patient:
    """The bytes that are damaged, and what is drawn and taken for it."""

    random: random.Random
    content: bytearray
    older: bytes

    def place(self, length: int = 1) -> int:
        """Return where a run of so many bytes begins: anywhere, or in a page that is in use for sure."""
        return self.random.randrange(max(1, len(self.content) - length + 1))

    def page(self) -> int:
        """Return where a page begins."""
        return self.random.randrange(max(1, len(self.content) // PAGE)) * PAGE

    def put(self, place: int, found: bytes) -> None:
        """Overwrite, without making the file longer."""
        end = min(place + len(found), len(self.content))
        self.content[place:end] = found[: end - place]


def _flip(patient: Patient) -> None:
    patient.content[patient.place()] ^= 1 << patient.random.randrange(8)


def _flip_some(patient: Patient) -> None:
    start = patient.place(SECTOR)
    for _ in range(patient.random.randint(2, 16)):
        place = min(start + patient.random.randrange(SECTOR), len(patient.content) - 1)
        patient.content[place] ^= 1 << patient.random.randrange(8)


def _flip_in_head_of_page(patient: Patient) -> None:
    place = patient.page() + patient.random.randrange(128)
    patient.content[min(place, len(patient.content) - 1)] ^= 1 << patient.random.randrange(8)


def _overwrite(patient: Patient) -> None:
    length = patient.random.randint(1, 64)
    patient.put(patient.place(length), patient.random.randbytes(length))


def _fill(patient: Patient) -> None:
    length = patient.random.choice((1, 8, 64, SECTOR))
    patient.put(patient.place(length), patient.random.choice((b"\0", b"\xff")) * length)


def _other_digit(patient: Patient) -> None:
    """Change a figure into another: the damage that looks most like a truth."""
    start = patient.place()
    for place in range(start, min(start + 4 * PAGE, len(patient.content))):
        digit = patient.content[place]
        if digit in b"0123456789":
            patient.content[place] = patient.random.choice(b"0123456789".replace(bytes((digit,)), b""))
            return


def _zero_page(patient: Patient) -> None:
    patient.put(patient.page(), bytes(PAGE))


def _zero_sector(patient: Patient) -> None:
    patient.put(patient.place() // SECTOR * SECTOR, bytes(SECTOR))


def _copy_page(patient: Patient) -> None:
    taken = patient.page()
    patient.put(patient.page(), bytes(patient.content[taken : taken + PAGE]))


def _swap_pages(patient: Patient) -> None:
    one, other = patient.page(), patient.page()
    found = bytes(patient.content[one : one + PAGE])
    patient.put(one, bytes(patient.content[other : other + PAGE]))
    patient.put(other, found)


def _stale_page(patient: Patient) -> None:
    """Put a page back as it was: a write that never reached the disk."""
    place = patient.page()
    patient.put(place, patient.older[place : place + PAGE])


def _truncate(patient: Patient) -> None:
    del patient.content[patient.random.choice((patient.place(), patient.page())) :]


def _append(patient: Patient) -> None:
    patient.content.extend(patient.random.randbytes(patient.random.choice((1, SECTOR, PAGE))))


def _figure_in_entry(patient: Patient) -> None:
    """Change a figure inside an entry of the journal, such as what an order's quantity was once."""
    places = [found.end() - 1 for found in _FIGURE.finditer(patient.content)]
    place = patient.random.choice(places)
    patient.content[place] = patient.random.choice(b"0123456789".replace(patient.content[place : place + 1], b""))


_FIGURE = re.compile(rb'(?:"(?:cum_quantity|quantity|price|executed_value|cost|version)":"?|\x12)[0-9]')
"""Control 12 is a version in a body that was shortened."""
Damage = Callable[[Patient], None]

# fmt: off
DAMAGES: Mapping[Damage, int] = {
    _flip: 30, _flip_some: 8, _flip_in_head_of_page: 8, _overwrite: 10, _fill: 6, _other_digit: 16, _zero_page: 4,
    _zero_sector: 4, _copy_page: 4, _swap_pages: 4, _stale_page: 6, _truncate: 4, _append: 1,
}
# fmt: on
FIGURES_IN_ENTRIES: Mapping[Damage, int] = {_figure_in_entry: 1}
"""The damage that only the chain of digests tells from the truth, where it was overtaken by a later change."""

_WHERE_BESIDE_A_WAL = {"-wal": 6, "": 3, "-shm": 1}


def damaged(
    ledger: Ledger, chance: random.Random, damages: Mapping[Damage, int] = DAMAGES
) -> tuple[Mapping[str, bytes], str]:
    """Return the ledger's files with one damage, and a word for it."""
    weights = _WHERE_BESIDE_A_WAL if ledger.has_wal else {"": 1}
    (suffix,) = chance.choices(tuple(weights), tuple(weights.values()))
    (damage,) = chance.choices(tuple(damages), tuple(damages.values()))
    content = bytearray(ledger.files[suffix])
    damage(Patient(chance, content, ledger.older if not suffix else ledger.files[suffix]))
    return {**ledger.files, suffix: bytes(content)}, f"{damage.__name__[1:]} in file{suffix}"
