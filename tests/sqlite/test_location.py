"""URLs of ledger files, and places that cannot hold one."""

import os
from pathlib import Path

import pytest

from ledger_core.errors import InvalidValue, StorageCorrupt, StorageError
from ledger_core.testing.samples import order
from ledger_storage_sqlite import _location, open_repository
from ledger_storage_sqlite._location import file_system_of, parse_url, require_file_of_log, require_usable
from sqlite.files import append, open_at


def test_three_slashes_are_relative_four_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path after three slashes is taken from the working directory, after four from the root."""
    monkeypatch.chdir(tmp_path)
    assert parse_url("sqlite:///orders.db").path == tmp_path.resolve() / "orders.db"
    assert parse_url("sqlite:///a/orders.db").path == tmp_path.resolve() / "a" / "orders.db"
    assert parse_url("sqlite:////var/orders.db").path == Path("/var/orders.db")


def test_percent_signs_are_decoded() -> None:
    """What a URL cannot say is written %XX, and means the character."""
    assert parse_url("sqlite:////var/my%20orders%3F%25%23.db").path == Path("/var/my orders?%#.db")


@pytest.mark.parametrize("name", ["my orders.db", "what?.db", "100%25.db", "a#b.db", "Übung.db", "a&mode=memory.db"])
def test_any_file_name_can_be_opened(tmp_path: Path, name: str) -> None:
    """A file whose name means something to a URL is the one that is made, and read again."""
    from urllib.parse import quote

    url = f"sqlite:///{quote(str(tmp_path / name))}?durability=none"
    with_writer = open_repository(url, strategy_id="s")
    made = append(with_writer, order())
    with_writer.close()
    assert (tmp_path / name).is_file()
    reader = open_repository(url, strategy_id="s", read_only=True)
    assert reader.head().digest == made.digest
    reader.close()


def test_a_name_that_is_no_utf_8_is_one_file_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python names it, as a path or in a URL, and as %XX: in a folder of such a name, too."""
    folder = tmp_path / os.fsdecode(b"d\xe9p\xf4t")
    folder.mkdir()
    monkeypatch.chdir(folder)
    name = os.fsdecode(b"f\xfcnf.db")
    with_writer = open_repository(f"sqlite:///{name}", strategy_id="s")
    made = append(with_writer, order())
    with_writer.close()
    assert os.fsencode(folder / name) in [os.fsencode(one) for one in folder.iterdir()]
    for known in ("sqlite:///f%FCnf.db", f"sqlite:///{folder / name}"):
        reader = open_repository(known, strategy_id="s", read_only=True)
        assert reader.head().digest == made.digest
        reader.close()


def test_bytes_of_a_name_that_are_written_in_two_ways_are_one_name() -> None:
    """One byte as %XX and the next as Python writes what is no UTF-8: together they are."""
    assert parse_url("sqlite:////%C3\udc80.db") == parse_url("sqlite:////%C3%80.db") == parse_url("sqlite:////À.db")


def test_defaults_are_the_safe_ones() -> None:
    """Without parameters a commit survives a power cut, and five seconds are waited for a lock."""
    location = parse_url("sqlite:///x.db")
    assert (location.durability, location.busy_timeout, location.check) == ("full", 5.0, "none")


def test_parameters_are_read() -> None:
    """`durability`, `busy_timeout` and `check` are what the URL says."""
    location = parse_url("sqlite:///x.db?busy_timeout=0.25&durability=process&check=quick")
    assert (location.durability, location.busy_timeout, location.check) == ("process", 0.25, "quick")


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("sqlite:///x.db?sync=full", "'sync' is unknown; known are durability, busy_timeout, check$"),
        ("sqlite:///x.db?durability=", "^durability='' is unknown; known are full, process, none$"),
        ("sqlite:///x.db?durability=FULL", "^durability='FULL' is unknown"),
        ("sqlite:///x.db?durability=full&durability=none", "'durability' is given twice$"),
        ("sqlite:///x.db?check=yes", "^check='yes' is unknown; known are none, quick, full$"),
        ("sqlite:///x.db?busy_timeout=-1", "from 0 to"),
        ("sqlite:///x.db?busy_timeout=nan", "from 0 to"),
        ("sqlite:///x.db?busy_timeout=inf", "from 0 to"),
        ("sqlite:///x.db?busy_timeout=soon", "from 0 to"),
        ("sqlite:///", "^the URL names no file: "),
        ("sqlite:///a%00b", "^the URL names no file: "),
        ("sqlite:///:memory:", "^a ledger in memory is memory://, not sqlite:///:memory:$"),
        ("sqlite:///%3Amemory%3A", "memory://"),
        ("sqlite://host/x.db", r"; write sqlite:///relative\.db or sqlite:////absolute/file\.db$"),
        ("sqlite:x.db", "sqlite:///relative.db"),
        ("postgres:///x", "sqlite:///relative.db"),
    ],
)
def test_a_malformed_url_is_refused_with_what_is_known(url: str, hint: str) -> None:
    """Anything that a URL may not say raises InvalidValue with a sentence about what it may."""
    with pytest.raises(InvalidValue, match=hint) as caught:
        open_repository(url, strategy_id="s")
    assert (caught.value.argument, caught.value.value) == ("url", url)


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_no_time_and_an_hour_are_times_to_wait(seconds: float) -> None:
    """Both limits of `busy_timeout` are within them; what is longer is taken for a mistake."""
    assert parse_url(f"sqlite:///x.db?busy_timeout={seconds}").busy_timeout == seconds
    with pytest.raises(InvalidValue, match="from 0 to 3600"):
        parse_url(f"sqlite:///x.db?busy_timeout={seconds + 3600.5}")


@pytest.mark.parametrize("error", [OSError("too long"), RuntimeError("a loop of links"), ValueError("no character")])
def test_a_name_that_no_file_can_have_is_refused(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever Python says of such a name, it is the URL's to mend, and the error says what it was."""

    def resolve(_path: Path) -> Path:
        raise error

    monkeypatch.setattr(Path, "resolve", resolve)
    with pytest.raises(InvalidValue, match=str(error)) as caught:
        parse_url("sqlite:///x.db")
    assert (caught.value.argument, caught.value.value) == ("url", "sqlite:///x.db")


@pytest.mark.parametrize(
    ("size", "length", "is_refused"), [(33, 0, True), (32, 0, False), (33, None, True), (33, 1, False)]
)
def test_a_log_without_its_file_is_named(tmp_path: Path, size: int, length: int | None, is_refused: bool) -> None:
    """Where there is more in a log than its header, beside a file that is empty or gone, both are named."""
    location = parse_url(f"sqlite:///{tmp_path}/x.db")
    (tmp_path / "x.db-wal").write_bytes(bytes(size))
    if length is not None:
        (tmp_path / "x.db").write_bytes(bytes(length))
    if not is_refused:
        require_file_of_log(location)
        return
    with pytest.raises(
        StorageCorrupt, match=f"is {'gone' if length is None else 'empty'}, but x.db-wal beside"
    ) as found:
        require_file_of_log(location)
    assert found.value.log == f"{tmp_path}/x.db-wal"


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_what_may_not_be_written_is_named_to_a_writer(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would open it for reading without a word; a reader has no use for the right."""
    location = parse_url(f"sqlite:///{tmp_path}/x.db")
    for name in ("", "-wal", "-shm"):
        (tmp_path / f"x.db{name}").touch()
    refused = (tmp_path / f"x.db{suffix}", os.W_OK)
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != refused)
    with pytest.raises(StorageError, match=rf"x\.db{suffix} cannot be written by this user"):
        require_usable(location, read_only=False)
    require_usable(location, read_only=True)


@pytest.mark.parametrize("read_only", [False, True])
def test_no_directory_is_made(tmp_path: Path, read_only: bool) -> None:
    """A folder that does not exist is an error that names it, and is not made."""
    with pytest.raises(StorageError, match=r"missing does not exist"):
        open_at(tmp_path / "missing" / "x.db", read_only=read_only)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("read_only", [False, True])
def test_a_directory_is_no_ledger(tmp_path: Path, read_only: bool) -> None:
    """A directory in the file's place is an error that says so."""
    with pytest.raises(StorageError, match="is a directory"):
        open_at(tmp_path, read_only=read_only)


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Opening a file that is not there for reading is an error, and leaves no file behind."""
    with pytest.raises(StorageError, match="creates none"):
        open_at(tmp_path / "x.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_leads_to_one_file(tmp_path: Path) -> None:
    """Whoever opens a ledger by a link locks, and writes to, the same files as one who opens it by its name."""
    (tmp_path / "link.db").symlink_to(tmp_path / "x.db")
    by_link = open_at(tmp_path / "link.db")
    append(by_link, order())
    by_link.close()
    assert {path.name for path in tmp_path.iterdir()} == {
        "link.db",
        *(f"x.db{suffix}" for suffix in ("", "-claims", "-lock", "-shm", "-wal")),
    }


MOUNTS = r"""
/dev/sda / ext4 rw 0 0
server:/export /mnt/nfs nfs4 rw 0 0
tmpfs /mnt/nfs/local tmpfs rw 0 0
//server/share /mnt/with\040blank cifs rw 0 0
//server/share /mnt/漢字\134x cifs rw 0 0
tmpfs /mnt tmpfs rw 0 0
server:/old /srv nfs rw 0 0
/dev/sdb /srv xfs rw 0 0
server:/x /BYTE nfs rw 0 0
server:/x /mnt/aBLANKb nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home", "ext4"),
        ("/mnt/nfs/deep/folder", "nfs4"),
        ("/mnt/nfs/local/x", "tmpfs"),
        ("/mnt/nfs2", "tmpfs"),
        ("/mnt/漢字\\x/y", "cifs"),
        ("/mnt/with blank/x", "cifs"),
        ("/srv/x", "xfs"),
        ("/mnt/a\xa0\u2028b/x", "nfs"),
        (os.fsdecode(b"/\xff/x"), "nfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(tmp_path: Path, folder: str, kind: str) -> None:
    """The longest mount point above a folder says on which file system it is; of two on one place, the later one."""
    (tmp_path / "mounts").write_bytes(
        MOUNTS.lstrip().encode().replace(b"BYTE", b"\xff").replace(b"BLANK", "\xa0\u2028".encode())
    )
    assert file_system_of(Path(folder), tmp_path / "mounts") == kind


def test_an_unknown_system_is_not_refused(tmp_path: Path) -> None:
    """Where the mounts cannot be read, nothing is known and nothing refused."""
    assert file_system_of(tmp_path, tmp_path / "missing") is None
    (tmp_path / "mounts").touch()
    assert file_system_of(tmp_path, tmp_path / "mounts") is None


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", "-lock"])
def test_a_pipe_is_no_file_of_a_ledger(tmp_path: Path, suffix: str, read_only: bool) -> None:
    """SQLite would wait for ever for somebody to write into it."""
    if suffix:
        (tmp_path / "x.db").touch()
    os.mkfifo(tmp_path / f"x.db{suffix}")
    with pytest.raises(StorageError, match=rf"x\.db{suffix} is no plain file, but a FIFO"):
        require_usable(parse_url(f"sqlite:///{tmp_path}/x.db"), read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool) -> None:
    """A ledger on a network file system is refused with the reason, before any file is made."""
    (tmp_path / "mounts").write_text(f"server:/export {tmp_path} nfs rw 0 0\n")
    (tmp_path / "x.db").touch()
    monkeypatch.setattr(_location, "MOUNTS", tmp_path / "mounts")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StorageError, match=r"network file system \(nfs\)") as caught:
        require_usable(parse_url(f"sqlite:///{tmp_path}/x.db"), read_only=read_only)
    assert caught.value.file_system == "nfs"
    with pytest.raises(StorageError, match=r"network file system \(nfs\)"):
        open_at(tmp_path / "x.db", read_only=read_only)
    assert sorted(tmp_path.iterdir()) == before
