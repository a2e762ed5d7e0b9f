"""Laws of what verification stands on: what is stored is shown as it is, and can be replaced as a whole."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core.changes import GENESIS_DIGEST, Cursor, Head
from ledger_core.errors import InvalidValue, ReadOnlyLedger
from ledger_core.model import Record, RecordKind
from ledger_core.numbers import time_text
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, Query, StoredRecord, all_pages, sort_key
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import (
    KEY_FIELDS,
    MINIMAL,
    TEXTS,
    assert_same_record,
    entries,
    entry,
    every_shape,
    head_after,
    later,
    order,
    variations,
)

EMPTY = Head(0, GENESIS_DIGEST)
OTHER = "momentum-2"


class VerificationLaws(Setting):
    """What `read_raw`, `scan`, `audit` and `restore` promise."""

    def test_raw_entries_are_what_was_appended(self, open_repository: Opener) -> None:
        """`read_raw` returns sequence, recorded_at as in the body, subject, body and digest, to the byte."""
        repository = open_repository()
        given = [entry(EMPTY, order())]
        for number, text in enumerate(TEXTS, 1):
            made = entry(head_after(given[-1]), order(text), subject=text, recorded_at=later(number + 0.000001))
            given.append(made)
        repository.append(given)
        assert [tuple(raw) for raw in repository.read_raw(0)] == [
            (one.sequence, time_text(one.recorded_at), one.subject, one.body, one.digest) for one in given
        ]

    def test_raw_entries_come_by_pages(self, open_repository: Opener) -> None:
        """`read_raw` returns what lies above `after`, in order, at most `limit` and at most a page."""
        repository = open_repository()
        repository.append(entries(EMPTY, *([] for _ in range(PAGE_SIZE_MAX + 1))))
        pages = (repository.read_raw(0), repository.read_raw(2, 3), repository.read_raw(PAGE_SIZE_MAX + 1))
        assert [[raw.sequence for raw in page] for page in pages] == [list(range(1, PAGE_SIZE_MAX + 1)), [3, 4, 5], []]
        for limit in (0, PAGE_SIZE_MAX + 1):
            with pytest.raises(InvalidValue):
                repository.read_raw(0, limit)
            with pytest.raises(InvalidValue):
                repository.scan(RecordKind.ORDER, limit=limit)

    @pytest.mark.parametrize("kind", RecordKind)
    def test_a_scan_yields_each_record_once(self, open_repository: Opener, kind: RecordKind) -> None:
        """Pages of `scan`, each after the last of the one before, hold every record of the kind by (sequence, *key)."""
        repository = open_repository()
        shapes = every_shape(kind)[:9]
        given = entries(EMPTY, [shapes[0]], shapes[1:6], shapes[6:])
        repository.append(given)
        expected = sorted((record for one in given for record in one.records), key=sort_key)
        for limit in (1, 4, PAGE_SIZE_MAX):
            found: list[StoredRecord] = []
            while page := repository.scan(kind, _place(found[-1]) if found else (), limit):
                assert len(page) <= limit
                found.extend(page)
            assert [(one.sequence, one.key, one.version) for one in found] == [
                (record.sequence, record.key, record.version) for record in expected
            ]

    def test_a_scan_starts_after_a_prefix(self, open_repository: Opener) -> None:
        """`after` may be the sequence alone: records born at it are left out, those born later are not."""
        repository = open_repository()
        repository.append(entries(EMPTY, [order("O-1"), order("O-2")], [order("O-3")]))
        assert [one.key for one in repository.scan(RecordKind.ORDER, (1,))] == [("O-3",)]
        assert [one.key for one in repository.scan(RecordKind.ORDER, (0,))] == [("O-1",), ("O-2",), ("O-3",)]
        assert list(repository.scan(RecordKind.ORDER, (2,))) == []

    @pytest.mark.parametrize("kind", RecordKind)
    def test_what_was_stored_does_not_differ(self, open_repository: Opener, kind: RecordKind) -> None:
        """A stored record has no difference from the record that was appended, whatever its shape."""
        repository = open_repository()
        given = entry(EMPTY, *every_shape(kind))
        repository.append([given])
        expected = {record.key: record for record in given.records}
        for stored in _scanned(repository, kind):
            assert not stored.differences(expected.pop(stored.key))
        assert not expected

    @pytest.mark.parametrize("kind", RecordKind)
    def test_every_field_that_differs_is_found(self, open_repository: Opener, kind: RecordKind) -> None:
        """A stored record differs from one with any other value in any field, be it 50.0 for 50.00 or 1 for true."""
        repository = open_repository()
        bare, full = every_shape(kind)[0], next(one for one in every_shape(kind) if _key_text(one) == "full")
        given = entry(EMPTY, bare, full)
        repository.append([given])
        stored = {one.key: one for one in repository.scan(kind)}
        for record in given.records:
            for name, value in (*variations(record), *_alike(record), ("sequence", 7), ("version", 7)):
                changed = attrs.evolve(record, **{name: value})
                if name not in KEY_FIELDS[kind] and not _is_same(record, changed):
                    assert stored[record.key].differences(changed), (name, value)

    def test_a_difference_shows_both_sides(self, open_repository: Opener) -> None:
        """`differences` maps what differs, and nothing else, to what was expected and what was found."""
        repository = open_repository()
        repository.append([entry(EMPTY, order(reason="stored"))])
        (stored,) = repository.scan(RecordKind.ORDER)
        record = order(reason="expected", sequence=1)
        assert dict(stored.differences(record)) == {"reason": ("expected", "stored")}

    def test_an_untouched_store_passes_its_audit(self, open_repository: Opener) -> None:
        """`audit` yields nothing where only `append` has written, whatever the shapes."""
        repository = open_repository()
        repository.append([entry(EMPTY, *(shape for kind in RecordKind for shape in every_shape(kind)))])
        assert list(repository.audit()) == []

    def test_restore_replaces_all_records(self, open_repository: Opener) -> None:
        """After `restore` exactly the records given are stored, for every reader, and can be changed as ever."""
        repository = open_repository()
        before = entry(EMPTY, order("O-1", reason="wrong"), order("O-2"))
        repository.append([before])
        restored = [attrs.evolve(record, sequence=1) for record in MINIMAL.values()]
        repository.restore(iter(restored))
        for opened in (repository, open_repository(read_only=True)):
            assert _content(opened) == {record.kind: [record] for record in restored}
        changed = attrs.evolve(order(), reason="changed", sequence=1, version=2)
        repository.append([entry(head_after(before), changed)])
        assert_same_record(repository.load(RecordKind.ORDER, ("O-1",)), changed)

    @pytest.mark.parametrize("kind", RecordKind)
    def test_restored_records_are_what_was_given(self, open_repository: Opener, kind: RecordKind) -> None:
        """A restored record of any shape comes back equal, and does not differ."""
        repository = open_repository()
        repository.append([entry(EMPTY)])
        given = {shape.key: attrs.evolve(shape, sequence=1) for shape in every_shape(kind)}
        repository.restore(given.values())
        for key, record in given.items():
            assert_same_record(repository.load(kind, key), record)
        assert not any(stored.differences(given[stored.key]) for stored in _scanned(repository, kind))
        assert list(repository.audit()) == []

    def test_restore_leaves_journal_and_cursors(self, open_repository: Opener) -> None:
        """`restore` changes neither the journal, its head, nor any cursor."""
        repository = open_repository()
        repository.claim("monitor")
        given = entries(EMPTY, [order("O-1")], [order("O-2")])
        repository.append(given, [Cursor("monitor", 1)])
        repository.restore([])
        assert list(repository.read(0)) == given
        assert repository.head() == head_after(given[-1])
        assert repository.claim("monitor") == Cursor("monitor", 1)

    def test_a_restore_that_fails_changes_nothing(self, open_repository: Opener) -> None:
        """Whatever is raised while the records are made comes out, and everything stored is what it was."""
        repository = open_repository()
        repository.append([entry(EMPTY, *MINIMAL.values())])
        before = _content(repository)

        def records() -> Iterator[Record]:
            yield order("O-1", reason="wrong", sequence=1)
            yield order("O-9", sequence=1)
            raise _MadeUp

        with pytest.raises(_MadeUp):
            repository.restore(records())
        assert _content(repository) == before
        assert _content(open_repository()) == before
        assert list(repository.audit()) == []

    def test_restored_records_may_be_made_from_the_journal(self, open_repository: Opener) -> None:
        """The journal can be read while `restore` takes its records."""
        repository = open_repository()
        given = entries(EMPTY, *([order(f"O-{number}")] for number in range(5)))
        repository.append(given)

        def records() -> Iterator[Record]:
            for raw in repository.read_raw(0):
                yield order(f"R-{raw.sequence}", sequence=raw.sequence)

        repository.restore(records())
        assert [key for (key,) in (record.key for record in _content(repository)[RecordKind.ORDER])] == [
            f"R-{number}" for number in range(1, 6)
        ]

    def test_restore_leaves_other_strategies_alone(self, open_repository: Opener) -> None:
        """Only the records of the repository's own strategy are shown, and only they are replaced."""
        repository, other = open_repository(), open_repository(OTHER)
        repository.append([entry(EMPTY, order("O-1"))])
        other.append([entry(EMPTY, order("O-2"), strategy_id=OTHER)])
        assert [one.key for one in repository.scan(RecordKind.ORDER)] == [("O-1",)]
        assert [raw.digest for raw in repository.read_raw(0)] == [repository.head().digest]
        before = _content(other)
        repository.restore([])
        assert _content(other) == before
        assert not any(_content(repository).values())

    def test_a_reader_restores_nothing(self, open_repository: Opener) -> None:
        """`restore` of a repository opened for reading raises ReadOnlyLedger, and its records are not asked for."""
        writer = open_repository()
        writer.append([entry(EMPTY, order())])
        reader = open_repository(read_only=True)
        asked = iter([order("O-9", sequence=1)])
        with pytest.raises(ReadOnlyLedger):
            reader.restore(asked)
        assert next(asked, None) is not None
        assert [record.key for record in _content(writer)[RecordKind.ORDER]] == [("O-1",)]


class _MadeUp(Exception):
    """What no adapter raises by itself."""


def _place(stored: StoredRecord) -> tuple[Any, ...]:
    return (stored.sequence, *stored.key)


def _scanned(repository: LedgerRepository, kind: RecordKind) -> Iterator[StoredRecord]:
    after: tuple[Any, ...] = ()
    while page := repository.scan(kind, after):
        yield from page
        after = _place(page[-1])


def _content(repository: LedgerRepository) -> dict[RecordKind, list[Record]]:
    return {kind: found for kind in RecordKind if (found := list(all_pages(repository.find, Query(kind=kind))))}


def _alike(record: Record) -> Iterator[tuple[str, Any]]:
    """Generate (field, value) of decimals that are equal to those of the record, and of prices are other texts."""
    for field in attrs.fields(type(record)):
        value = getattr(record, field.name)
        if isinstance(value, Decimal):
            yield field.name, Decimal(f"{value}0" if "." in f"{value}" else f"{value}.0")


def _key_text(record: Record) -> str:
    return str(getattr(record, KEY_FIELDS[record.kind][0]))


def _is_same(record: Record, other: Record) -> bool:
    """Say whether two records are one to the byte; equality alone takes 50.0 for 50.00."""
    try:
        assert_same_record(other, record)
    except AssertionError:
        return False
    return True
