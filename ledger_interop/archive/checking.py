"""List archives, and look whether one is what was written."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ledger_interop.archive.errors import ArchiveDamaged
from ledger_interop.archive.layout import FOLDERS, Month, strategy_folder
from ledger_interop.archive.manifest import Manifest, Part, has_manifest, load_manifest
from ledger_interop.archive.reading import Sum, read_groups


def list_archives(to: Path, strategy_id: str | None = None) -> tuple[Manifest, ...]:
    """Return the archives below a folder, of one strategy or of all, oldest first; those not copied whole are none."""
    places = to.glob("*/*") if strategy_id is None else strategy_folder(to, strategy_id).glob("*")
    found = (load_manifest(place) for place in places if has_manifest(place))
    return tuple(sorted(found, key=lambda one: (one.created_at, one.head_sequence, one.strategy_id, one.archive_id)))


def check_archive(folder: Path) -> tuple[str, ...]:
    """Return what is wrong with an archive, in words; nothing where it is sound."""
    try:
        manifest = load_manifest(folder)
    except ArchiveDamaged as error:
        return (error.message,)
    problems = list(_problems_of_files(manifest))
    if problems:
        return tuple(problems)
    found = Sum()
    try:
        for group in read_groups(folder):
            found.add(Month.of(group), group)
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
    _require_none(manifest.folder, tuple(_problems_of_files(manifest)))


def _require_none(folder: Path, problems: tuple[str, ...]) -> None:
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise ArchiveDamaged(f"archive {folder} is damaged: {problems[0]}{more}", problems=problems)


def _problems_of_files(manifest: Manifest) -> Iterator[str]:
    folder = manifest.folder
    there = {
        path.relative_to(folder).as_posix() for name in FOLDERS.values() for path in (folder / name).rglob("*.parquet")
    }
    known = {part.path for part in manifest.parts}
    for path in sorted(there - known):
        yield f"{path} is no part of it"
    for part in manifest.parts:
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
