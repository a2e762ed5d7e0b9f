"""A disk that does not play along: no room, no right to write. Real limits of the system, not injected errors."""

import shutil
import tempfile
from pathlib import Path

import pytest

from ledger_core.errors import StorageError
from sqlite.files import open_at, order_ids, run
from sqlite.test_reading import forks
from support.rights import as_somebody_else

NO_ROOM = """
import resource
from ledger_core.errors import StorageError
from ledger_core.model import RecordKind
from ledger_core.repository import Query

def found():
    return [record.key[0] for record in repository.find(Query(kind=RecordKind.ORDER))]

repository = open_repository(URL.replace("none", "full"), strategy_id="momentum-1")
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, unlimited[1]))
acknowledged = []
failures = 0
for number in range(30):
    try:
        repository.append([entry(repository.head(), order(f"O-{number}", reason="x" * 30_000))])
        acknowledged.append(f"O-{number}")
    except StorageError as error:
        failures += 1
        assert found() == acknowledged, "reads go on, and show what was acknowledged"
assert acknowledged and failures
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
for number in range(30, 33):
    repository.append([entry(repository.head(), order(f"O-{number}"))])
    acknowledged.append(f"O-{number}")
assert found() == acknowledged, "writes resume"
repository.close()
path.with_suffix(".acknowledged").write_text("\\n".join(acknowledged))
"""


def test_without_room_nothing_is_lost_and_writes_resume(path: Path) -> None:
    """At a file size limit appends raise a typed error, reads go on, and with room again so do writes; all is kept."""
    run(NO_ROOM, path)
    reader = open_at(path, read_only=True)
    assert order_ids(reader) == path.with_suffix(".acknowledged").read_text().split()
    reader.close()


@forks
def test_a_folder_that_cannot_be_written_holds_no_writer() -> None:
    """Opening for writing without the right to is a StorageError that says so, and leaves everything as it was."""
    folder = Path(tempfile.mkdtemp(prefix="readable-"))
    repository = open_at(folder / "orders.db")
    repository.close()
    shutil.rmtree(folder / "orders.db-claims")
    (folder / "orders.db-lock").unlink()
    folder.chmod(0o555)
    before = sorted(folder.iterdir())

    def refused() -> None:
        for name in ("orders.db", "new.db"):
            with pytest.raises(StorageError, match=r"Permission denied|cannot be written"):
                open_at(folder / name)

    try:
        with pytest.raises(StorageError, match="is a directory"):
            open_at(folder)
        assert as_somebody_else(refused) == 0
        assert sorted(folder.iterdir()) == before
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@forks
def test_a_file_that_cannot_be_written_is_named() -> None:
    """A file whose folder may be written but which may not itself is a StorageError at opening, not at the first fill."""
    folder = Path(tempfile.mkdtemp(prefix="readable-"))
    path = folder / "orders.db"
    open_at(path).close()
    shutil.rmtree(folder / "orders.db-claims")
    for found in folder.iterdir():
        found.chmod(0o666 if found.name.endswith("-lock") else 0o444)
    folder.chmod(0o777)

    def refused() -> None:
        with pytest.raises(StorageError, match=r"cannot be (written|opened)|Permission denied"):
            open_at(path)

    try:
        assert as_somebody_else(refused) == 0
    finally:
        shutil.rmtree(folder)
