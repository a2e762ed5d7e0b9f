"""What tests of the SQLite adapter share: ledgers on files, plain connections to them, and other processes."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_core.changes import GENESIS_DIGEST, Entry, Head
from ledger_core.model import Record
from ledger_core.testing.samples import STRATEGY, entry, head_after
from ledger_storage_sqlite import SqliteRepository, open_repository

EMPTY = Head(0, GENESIS_DIGEST)
WAIT = 60
"""Seconds after which another process counts as hung."""


def url_of(path: Path, parameters: str = "durability=none") -> str:
    """Return the URL of a file; what a sync costs is no matter in most tests."""
    return f"sqlite:///{path}?{parameters}"


def open_at(
    path: Path, strategy_id: str = STRATEGY, *, read_only: bool = False, parameters: str = "durability=none"
) -> SqliteRepository:
    """Open the ledger in a file."""
    return open_repository(url_of(path, parameters), strategy_id=strategy_id, read_only=read_only)


def append(repository: SqliteRepository, *records: Record, subject: str | None = None) -> Entry:
    """Append one entry with these records after the present head."""
    made = entry(repository.head(), *records, strategy_id=repository.strategy_id, subject=subject)
    repository.append([made])
    return made


def chain_of(count: int, *records: Record) -> list[Entry]:
    """Return so many entries, of which the last one stores the records."""
    made: list[Entry] = []
    head = EMPTY
    for number in range(1, count + 1):
        made.append(entry(head, *(records if number == count else ())))
        head = head_after(made[-1])
    return made


def raw(path: Path) -> sqlite3.Connection:
    """Open the file as any SQLite tool does."""
    return sqlite3.connect(path, isolation_level=None)


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Return the rows that any SQLite tool sees."""
    connection = raw(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def contents(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Return each file's digest, time of change and mode; only for folders that this process has nothing open in."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found[str(path.relative_to(folder))] = (digest, status.st_mtime_ns, status.st_mode)
    return found


_TALK = """
import os, sqlite3, sys
from pathlib import Path
path = Path(sys.argv[1])
def tell(word):
    print(word, flush=True)
def wait():
    sys.stdin.readline()
"""

_LEDGER = """
from ledger_core.changes import Cursor, GENESIS_DIGEST, Head
from ledger_core.testing.samples import entries, entry, fill, order
from ledger_storage_sqlite import open_repository
URL = f"sqlite:///{path}?durability=none"
EMPTY = Head(0, GENESIS_DIGEST)
"""


class Process:
    """Another Python process, which runs some code and talks by lines: it tells, we let it go on."""

    def __init__(self, code: str, path: Path, *arguments: str, ledger: bool = True) -> None:
        """Start it; the code finds `path`, `tell(word)`, `wait()`, and `URL` and what entries are made of."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TALK + (_LEDGER if ledger else "") + code, str(path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ.copy(),
        )

    def hear(self) -> str:
        """Return the next word that it tells."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        """End its `wait()`."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """Kill it as `kill -9` does, and wait until it is gone."""
        self._process.kill()
        self.end()

    def end(self) -> int:
        """Wait until it has ended, and return its exit code."""
        try:
            self._process.communicate(timeout=WAIT)
        finally:
            self._process.kill()
        return self._process.returncode


def run(code: str, path: Path, *arguments: str) -> None:
    """Run code in another process to its end; fail if it does."""
    assert Process(code, path, *arguments).end() == 0


def killed_writer(path: Path, entries: int = 3) -> None:
    """Leave a file as a bot leaves it that was killed after some commits, none of them checkpointed."""
    code = """
repository = open_repository(URL, strategy_id="momentum-1")
for number in range(int(sys.argv[2])):
    repository.append([entry(repository.head(), order(f"O-{number + 1}"))])
os.kill(os.getpid(), 9)
"""
    assert Process(code, path, str(entries)).end() == -9


def order_ids(repository: SqliteRepository) -> Sequence[str]:
    """Return the ids of all orders, in order of their birth."""
    from ledger_core.model import RecordKind
    from ledger_core.repository import Query

    return [record.key[0] for record in repository.find(Query(kind=RecordKind.ORDER))]
