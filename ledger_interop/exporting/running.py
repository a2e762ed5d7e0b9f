"""Export: tables of one snapshot into a file or a folder, in bounded memory, each file whole or not there at all."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from ledger_core.errors import InvalidValue
from ledger_core.numbers import PLACES_MAX, time_text
from ledger_interop.exporting import arrow
from ledger_interop.exporting.beancount import beancount_lines
from ledger_interop.exporting.columns import Table
from ledger_interop.exporting.decimals import Decimals, Places, fixed_places, measured, paths_of, places_of
from ledger_interop.exporting.files import exists, made_folder, name, partial_file, require_new, seal, sync_folder
from ledger_interop.exporting.snapshot import Part, Snapshot, Source, snapshot_of
from ledger_interop.exporting.tables import TABLES
from ledger_interop.exporting.text import write_csv, write_jsonl

MANIFEST = "manifest.json"
"""What a folder has beside its tables; it is written last, so a folder that has it is whole."""

Progress = Callable[[float], None]
"""Is told how much is done, from 0 to 1."""

_TOLD_EVERY = 256


class Format(StrEnum):
    """What an export is written as."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    JSONL = "jsonl"
    BEANCOUNT = "beancount"

    @property
    def is_typed(self) -> bool:
        """Whether its decimals have a type, which must hold all of them."""
        return self in (Format.PARQUET, Format.ARROW)


@attrs.frozen(kw_only=True)
class ExportedFile:
    """A file that was written."""

    table: str
    path: Path
    rows: int
    size: int
    sha256: str


@attrs.frozen(kw_only=True)
class Export:
    """What was exported: the files, and the one moment of the ledger that all of them show."""

    format: Format
    files: tuple[ExportedFile, ...]
    parts: tuple[Part, ...]
    since: datetime | None
    until: datetime | None

    def document(self) -> dict[str, Any]:
        """Return it JSON-ready, as the manifest has it."""
        bounds = {"since": self.since, "until": self.until}
        return {
            "format": self.format.value,
            "format_version": arrow.FORMAT_VERSION,
            "snapshot": [part.document for part in self.parts],
            **{key: time_text(moment) for key, moment in bounds.items() if moment is not None},
            "tables": {
                one.table: {"file": one.path.name, "rows": one.rows, "bytes": one.size, "sha256": one.sha256}
                for one in self.files
            },
        }


def export(
    source: Source,
    to: str | PathLike[str],
    format: Format | str,
    *,
    tables: Sequence[str] | None = None,
    strategies: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    decimals: Decimals | str = Decimals.DECIMAL128,
    places: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Export:
    """Write a ledger's tables, all as of one moment, and return what was written.

    One table goes into the file `to`, or into a folder that is there or whose name ends in `/`; several go into the
    folder `to`, beside a manifest. Beancount is one file. `since` and `until` bound when things happened, except for
    positions, which are as they stand. Decimals of Parquet and Arrow get the places that they need, or `places`, the
    same everywhere. Raises DoesNotFit where a number would have to be rounded, MissingExtra, AlreadyThere unless
    `force`, InvalidValue; then no file was written or replaced.
    """
    kind, held = _word(Format, format, "format"), _word(Decimals, decimals, "decimals")
    chosen = _tables(tables)
    _require_sense(kind, tables, since, until, places)
    if kind.is_typed:
        arrow.pyarrow()
    place = _place(kind, Path(to), chosen, is_folder=str(to).endswith("/"))
    _require_free(place, force=force)
    snapshot = snapshot_of(source, strategies=strategies, since=since, until=until)
    measures = [table for table in chosen if kind.is_typed and places is None and paths_of(table.columns)]
    told = _Told(progress, snapshot.length * (len(place.paths) + len(measures)))
    written: list[tuple[Path, ExportedFile]] = []
    with ExitStack() as stack:
        if place.manifest is not None:
            stack.enter_context(made_folder(place.manifest.parent))
        for path, table in zip(place.paths, chosen, strict=False):
            partial = stack.enter_context(partial_file(path))
            if kind is Format.BEANCOUNT:
                rows = _write_beancount(partial, snapshot, told)
            else:
                rows = _write(partial, kind, table, snapshot, held, places, told)
            size, digest = seal(partial)
            shown = kind.value if kind is Format.BEANCOUNT else table.name
            written.append((partial, ExportedFile(table=shown, path=path, rows=rows, size=size, sha256=digest)))
        done = Export(
            format=kind,
            files=tuple(file for _, file in written),
            parts=snapshot.parts,
            since=snapshot.since,
            until=snapshot.until,
        )
        _publish(stack, written, done, place.manifest, force=force)
    return done


def _publish(
    stack: ExitStack, written: Iterable[tuple[Path, ExportedFile]], done: Export, manifest: Path | None, *, force: bool
) -> None:
    """Give the files their names, the manifest's last: while they are replaced, there is none."""
    if manifest is None:
        for partial, file in written:
            name(partial, file.path, force=force)
        return
    sealed = stack.enter_context(partial_file(manifest))
    sealed.write_text(json.dumps(done.document(), indent=2) + "\n", "utf-8")
    seal(sealed)
    if force:
        manifest.unlink(missing_ok=True)
        sync_folder(manifest.parent)
    for partial, file in written:
        name(partial, file.path, force=force)
    name(sealed, manifest, force=force)


def to_arrow(
    source: Source,
    table: str,
    *,
    strategies: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    decimals: Decimals | str = Decimals.DECIMAL128,
    places: int | None = None,
) -> Any:
    """Return a table as a pyarrow.Table, all of it in memory; see `export`."""
    held = _word(Decimals, decimals, "decimals")
    (chosen,) = _tables([table])
    _require_places(places)
    arrow.pyarrow()
    snapshot = snapshot_of(source, strategies=strategies, since=since, until=until)
    layout = _layout(chosen, snapshot, held, places, _Told(None, 0))
    return arrow.as_table(arrow.shape_of(chosen, layout, snapshot), snapshot.rows(chosen.kind))


class _Told:
    """Tells how far the work is: rows carry the entry that they were born in."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = max(total, 1)
        self._before = 0

    def watched(self, snapshot: Snapshot, rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Yield the rows of one pass, and tell now and then how far they go."""
        ends = {part.strategy_id: part.head.sequence for part in snapshot.parts}
        passed, current = 0, None
        for number, (strategy_id, record) in enumerate(rows):
            if strategy_id != current:
                passed += ends.get(current, 0) if current is not None else 0
                current = strategy_id
            if number % _TOLD_EVERY == 0:
                self._tell(self._before + passed + record.sequence)
            yield strategy_id, record
        self._before += snapshot.length
        self._tell(self._before)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(min(1.0, done / self._total))


def _write(
    partial: Path,
    kind: Format,
    table: Table,
    snapshot: Snapshot,
    decimals: Decimals,
    places: int | None,
    told: _Told,
) -> int:
    if not kind.is_typed:
        rows = told.watched(snapshot, snapshot.rows(table.kind))
        with partial.open("w", encoding="utf-8", newline="") as out:
            return (write_csv if kind is Format.CSV else write_jsonl)(out, table, rows)
    shape = arrow.shape_of(table, _layout(table, snapshot, decimals, places, told), snapshot)
    rows = told.watched(snapshot, snapshot.rows(table.kind))
    return (arrow.write_parquet if kind is Format.PARQUET else arrow.write_arrow)(partial, shape, rows)


def _write_beancount(partial: Path, snapshot: Snapshot, told: _Told) -> int:
    count = 0
    with partial.open("w", encoding="utf-8", newline="") as out:
        for line in beancount_lines(snapshot):
            out.write(line)
            out.write("\n")
            count += line[:1].isdigit() and line[10:13] == " * "
    list(told.watched(snapshot, ()))
    return count


def _layout(table: Table, snapshot: Snapshot, decimals: Decimals, places: int | None, told: _Told) -> Places:
    if places is not None:
        return fixed_places(table, decimals, places)
    if not paths_of(table.columns):
        return fixed_places(table, decimals, 0)
    rows = told.watched(snapshot, snapshot.rows(table.kind))
    return places_of(table, decimals, measured(table, rows))


def _tables(names: Sequence[str] | None) -> list[Table]:
    wanted = list(TABLES) if names is None else list(dict.fromkeys(names))
    for wrong in wanted:
        if wrong not in TABLES:
            raise InvalidValue(f"no table {wrong!r}; there are {', '.join(TABLES)}", argument="tables", value=wrong)
    if not wanted:
        raise InvalidValue("no table is named", argument="tables", value=names)
    return [TABLES[one] for one in wanted]


def _require_sense(
    kind: Format, tables: Sequence[str] | None, since: datetime | None, until: datetime | None, places: int | None
) -> None:
    if kind is Format.BEANCOUNT and (tables is not None or since is not None or until is not None):
        raise InvalidValue(
            "a beancount file has the whole history of what it shows: it takes no tables, since or until",
            argument="format",
            value=kind,
        )
    if places is not None and not kind.is_typed:
        raise InvalidValue(f"{kind} writes every number as it is: it takes no places", argument="places", value=places)
    _require_places(places)


def _require_places(places: int | None) -> None:
    if places is not None and not 0 <= places <= PLACES_MAX * 2:
        raise InvalidValue(f"places is 0 to {PLACES_MAX * 2}, not {places}", argument="places", value=places)


@attrs.frozen
class _Place:
    """The files that are to be written; a manifest where they are in a folder of their own."""

    paths: tuple[Path, ...]
    manifest: Path | None


def _place(kind: Format, target: Path, tables: Sequence[Table], *, is_folder: bool) -> _Place:
    if kind is Format.BEANCOUNT or (len(tables) == 1 and not is_folder and not target.is_dir()):
        return _Place((target,), None)
    return _Place(tuple(target / f"{table.name}.{kind}" for table in tables), target / MANIFEST)


def _require_free(place: _Place, *, force: bool) -> None:
    paths = place.paths if place.manifest is None else (*place.paths, place.manifest)
    for path in paths:
        if path.is_dir():
            raise exists(path)
        if not force:
            require_new(path)


def _word(words: type[Any], given: Any, argument: str) -> Any:
    try:
        return words(given)
    except ValueError:
        known = ", ".join(str(word) for word in words)
        raise InvalidValue(f"no {argument} {given!r}; there are {known}", argument=argument, value=given) from None
