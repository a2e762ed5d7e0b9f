"""List archives, and look whether one is what was written."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ledger_interop.archive.errors import ArchiveDamaged, NotTheTopFolder
from ledger_interop.archive.journal import FOLDER as JOURNAL
from ledger_interop.archive.journal import is_sound, load_journal
from ledger_interop.archive.layout import FOLDERS, Month, strategy_folder
from ledger_interop.archive.manifest import Manifest, Part, has_manifest, load_manifest
from ledger_interop.archive.reading import Sum, read_groups


def archive_folders(to: Path, strategy_id: str | None = None) -> tuple[Path, ...]:
    """Return the folders of the archives below a folder, of one strategy or of all; those not copied whole are none.

    Raises NotTheTopFolder for the folder of one strategy's archives, or of one archive: nothing would be found there.
    """
    _refuse_folder_inside(to)
    places = to.glob("*/*") if strategy_id is None else strategy_folder(to, strategy_id).glob("*")
    return tuple(sorted(place for place in places if has_manifest(place)))


def list_archives(to: Path, strategy_id: str | None = None) -> tuple[Manifest, ...]:
    """Return the archives below a folder, of one strategy or of all, oldest first; those not copied whole are none.

    Raises ArchiveDamaged where a manifest cannot be read, and NotTheTopFolder.
    """
    found = map(load_manifest, archive_folders(to, strategy_id))
    return tuple(sorted(found, key=lambda one: (one.created_at, one.head_sequence, one.strategy_id, one.archive_id)))


def check_archive(folder: Path) -> tuple[str, ...]:
    """Return what is wrong with an archive, in words; nothing where it is sound."""
    try:
        manifest = load_manifest(folder)
    except ArchiveDamaged as error:
        return (error.message,)
    try:
        journal = load_journal(folder)
    except ArchiveDamaged as error:
        return (error.message,)
    problems = list(_problems_of_files(folder, manifest.parts, FOLDERS.values()))
    if journal is not None:
        problems += _problems_of_files(folder, journal.parts, (JOURNAL,))
    if problems:
        return tuple(problems)
    found = Sum()
    try:
        for group in read_groups(folder):
            found.add(Month.of(group), group)
        if journal is not None and not is_sound(journal):
            return (f"{folder / JOURNAL}: its entries are not those that were written",)
    except ArchiveDamaged as error:
        return (error.message,)
    if (found.groups, found.records, found.digest) != (manifest.groups, dict(manifest.records), manifest.digest):
        return (f"{folder}: its records are not those that its manifest counts",)
    return ()


def require_sound(folder: Path) -> None:
    """Raise ArchiveDamaged unless an archive is what was written."""
    _require_none(folder, check_archive(folder))


def require_same_files(manifest: Manifest) -> None:
    """Raise ArchiveDamaged unless the files of an archive are, to the byte, those that were written."""
    problems = tuple(_problems_of_files(manifest.folder, manifest.parts, FOLDERS.values()))
    _require_none(manifest.folder, problems)


def _refuse_folder_inside(to: Path) -> None:
    whole = to.resolve()  # `.` has a folder above it, too
    if has_manifest(to):
        raise NotTheTopFolder(to, "the folder of one archive", whole.parent.parent)
    if any(has_manifest(place) for place in to.glob("*")):
        raise NotTheTopFolder(to, "the folder of one strategy's archives", whole.parent)


def _require_none(folder: Path, problems: tuple[str, ...]) -> None:
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise ArchiveDamaged(f"archive {folder} is damaged: {problems[0]}{more}", problems=problems)


def _problems_of_files(folder: Path, parts: Collection[Part], names: Iterable[str]) -> Iterator[str]:
    there = {path.relative_to(folder).as_posix() for name in names for path in (folder / name).rglob("*.parquet")}
    known = {part.path for part in parts}
    for path in sorted(there - known):
        yield f"{path} is no part of it"
    for part in parts:
        if part.path not in there:
            yield f"{part.path} is missing"
        elif (problem := _problem_of(folder, part)) is not None:
            yield f"{part.path} {problem}"


def _problem_of(folder: Path, part: Part) -> str | None:
    try:
        with (folder / part.path).open("rb") as content:
            digest = hashlib.file_digest(content, "sha256")
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if digest.hexdigest() == part.sha256 else "is not what was written"
