"""Malicious files: a header, a file beside the ledger's, what stands in the ledger's place, and hostile content.

`CASES` has them all, those of `malicious_schemas` too.
"""

import os
import random
import socket
import sqlite3
import struct
from contextlib import closing
from functools import partial
from pathlib import Path

from reliability import malicious_schemas
from reliability.finished import ledger_of
from reliability.spoiling import FOUND, HARMLESS, REFUSED, SAFE, WITH_WAL, Cases, beside, register, sql, unguarded

CASES: Cases = {**malicious_schemas.CASES}
case = partial(register, CASES)


# -- headers, files beside, and what stands in the place of a file ----------------------------------------------------


@case(REFUSED, "UTF-16le", "UTF-16be")
def _encoding(path: Path, encoding: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        statements = list(connection.iterdump())
        marks = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {marks[0]}")
        connection.execute(f"PRAGMA user_version = {marks[1]}")


@case(
    REFUSED, "application_id = 42", "application_id = 0", "user_version = 99", "user_version = 0", "user_version = -1"
)
def _mark(path: Path, pragma: str) -> None:
    sql(path, f"PRAGMA {pragma}")


@case(REFUSED)
def _text_file(path: Path) -> None:
    path.write_text("order_id,quantity\n" * 10_000)


@case(REFUSED)
def _empty_database_in_utf_16(path: Path) -> None:
    path.unlink()
    sql(path, "PRAGMA encoding = 'UTF-16le'", "CREATE TABLE t (a)", "DROP TABLE t")


@case(FOUND)
def _wal_of_another_ledger(path: Path) -> None:
    beside(path, "-wal").write_bytes(ledger_of(WITH_WAL).files["-wal"])


@case(HARMLESS, "random", "zeros", "of megabytes", ledger=WITH_WAL)
def _shared_memory(path: Path, kind: str) -> None:
    """An index over a WAL that is there; SQLite makes it anew where nobody has the file open."""
    chance = random.Random(kind)
    found = {"random": chance.randbytes(32768), "zeros": bytes(32768), "of megabytes": chance.randbytes(2**22)}
    beside(path, "-shm").write_bytes(found[kind])


@case(REFUSED)
def _journal_that_deletes_another_file(path: Path) -> None:
    """A rollback journal may name a super-journal, a file that SQLite deletes once it has rolled back."""
    victim = str(path.parent / "victim.txt").encode()
    magic = bytes.fromhex("d9d505f920a163d7")
    size = path.stat().st_size // 4096
    header = (magic + struct.pack(">IIIII", 0, 0, size, 512, 4096)).ljust(512, b"\0")
    name = struct.pack(">I", 2**30 // 4096 + 1) + victim + struct.pack(">II", len(victim), sum(victim)) + magic
    beside(path, "-journal").write_bytes(header + name)


@case(HARMLESS)
def _symbolic_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    for suffix in ("-wal", "-shm"):
        beside(path, suffix)
    path.symlink_to("elsewhere.db")


@case(REFUSED)
def _symbolic_link_to_a_text(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "victim.txt")


@case(REFUSED)
def _symbolic_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@case(REFUSED, "", "-wal", "-shm", "-journal", ledger=WITH_WAL)
def _fifo(path: Path, suffix: str) -> None:
    os.mkfifo(beside(path, suffix))


@case(REFUSED, "", "-wal", "-shm", "-journal")
def _socket(path: Path, suffix: str) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(beside(path, suffix)))


@case(REFUSED, "", "-wal", "-shm", "-journal")
def _folder(path: Path, suffix: str) -> None:
    beside(path, suffix).mkdir()


@case(REFUSED, "/dev/null", "/dev/zero", "/dev/full")
def _device(path: Path, device: str) -> None:
    path.unlink()
    path.symlink_to(device)


@case(SAFE)
def _claim_that_is_a_symbolic_link(path: Path) -> None:
    """Who claims a cursor writes the id of its process into a file, whose name is known beforehand."""
    folder = path.with_name(f"{path.name}-claims")
    folder.mkdir()
    (folder / "monitor@alpha").symlink_to(path.parent / "victim.txt")


@case(SAFE)
def _lock_that_is_a_symbolic_link(path: Path) -> None:
    beside(path, "-lock").symlink_to(path.parent / "victim.txt")


@case(REFUSED, "-wal", "-shm")
def _symbolic_link_beside(path: Path, suffix: str) -> None:
    beside(path, suffix).symlink_to(path.parent / "victim.txt")


# -- content ----------------------------------------------------------------------------------------------------------

# fmt: off
CONTENT = {
    "a body nested deep": "UPDATE journal SET body = REPLACE(HEX(ZEROBLOB(50000)), '0', '[') WHERE sequence = 5",
    "a body nested somewhat": "UPDATE journal SET body = REPLACE(HEX(ZEROBLOB(450)), '0', '[') || REPLACE(HEX(ZEROBLOB(450)), '0', ']') WHERE sequence = 5",
    "a body with a number of half a million digits": "UPDATE journal SET body = '{\"format\":1,\"recorded_at\":' || HEX(ZEROBLOB(250000)) || '}' WHERE sequence = 5",
    "a body of megabytes": "UPDATE journal SET body = body || REPLACE(HEX(ZEROBLOB(1000000)), '0', ' ') WHERE sequence = 5",
    "a body of nothing": "UPDATE journal SET body = '' WHERE sequence = 5",
    "a body of null": "UPDATE journal SET body = 'null' WHERE sequence = 5",
    "a newer format": "UPDATE journal SET body = (SELECT REPLACE(v.body, '\"format\":1', '\"format\":1e999') FROM v_journal AS v WHERE v.sequence = journal.sequence AND v.strategy_id = journal.strategy_id)",
    "metadata nested deep": "UPDATE orders SET metadata = REPLACE(HEX(ZEROBLOB(50000)), '0', '[')",
    "metadata nested somewhat": "UPDATE orders SET metadata = REPLACE(HEX(ZEROBLOB(450)), '0', '[') || REPLACE(HEX(ZEROBLOB(450)), '0', ']')",
    "venue ids nested deep": "UPDATE orders SET venue_order_ids = REPLACE(HEX(ZEROBLOB(50000)), '0', '[')",
    "venue ids that are numbers": "UPDATE orders SET venue_order_ids = '[1, null, {\"a\": 1e999}]'",
    "fees of megabytes": "UPDATE fills SET fees = '[' || REPLACE(HEX(ZEROBLOB(250000)), '00', '1,1,') || '1]'",
    "a quantity with an exponent": "UPDATE orders SET quantity = '1e999999999', leaves_quantity = '1e999999999'",
    "a quantity of half a million digits": "UPDATE orders SET quantity = HEX(ZEROBLOB(250000))",
    "a quantity that is none": "UPDATE positions SET quantity = 'NaN', cost = 'Infinity'",
    "a state that is none": "UPDATE orders SET state = 'BANKRUPT'",
    "a time that is none": "UPDATE orders SET placed_at = 'yesterday'",
    "a time without a zone": "UPDATE journal SET recorded_at = '2026-01-05T09:00:00' WHERE sequence = (SELECT MAX(sequence) FROM journal)",
    "a time beyond all zones": "UPDATE journal SET recorded_at = '0001-01-01T00:00:00+14:00' WHERE sequence = (SELECT MAX(sequence) FROM journal)",
    "a time of records without a zone": "UPDATE orders SET placed_at = '2026-01-05T09:00:00', recorded_at = '2026-01-05T09:00:00'",
    "fills at times without a zone": "UPDATE fills SET executed_at = '2026-01-05'",
    "a sequence beyond all": "UPDATE journal SET sequence = 9223372036854775807 WHERE sequence = (SELECT MAX(sequence) FROM journal)",
    "a sequence below all": "UPDATE journal SET sequence = -9223372036854775808 WHERE sequence = 1",
    "a version beyond all": "UPDATE orders SET version = 9223372036854775807",
    "births at the end of time": "UPDATE positions SET sequence = 9223372036854775807",
    "a digest of megabytes": "UPDATE journal SET digest = HEX(ZEROBLOB(1000000)) WHERE sequence = 5",
    "a digest at the head that is none": "UPDATE journal SET digest = 'zz' WHERE sequence = (SELECT MAX(sequence) FROM journal)",
    "an id of megabytes": "UPDATE trades SET trade_id = HEX(ZEROBLOB(1000000))",
    "text that is no UTF-8": "UPDATE orders SET symbol = CAST(x'ff41fe' AS TEXT)",
    "text with zeros": "UPDATE orders SET reason = CAST(x'00410042' AS TEXT)",
    "a fact that is no command": "UPDATE quarantine SET fact = '{\"operation\":\"__class__\"}', state = 'WAITING', resolved_at = NULL",
    "facts nested deep": "UPDATE quarantine SET fact = REPLACE(HEX(ZEROBLOB(50000)), '0', '['), state = 'WAITING'",
    "another strategy's name": "UPDATE journal SET strategy_id = 'mallory' WHERE sequence > 3",
    "a strategy's name of megabytes": "UPDATE journal SET strategy_id = HEX(ZEROBLOB(200000)) WHERE sequence > 3",
    "requests of nobody": "INSERT INTO order_requests SELECT strategy_id, sequence, 'nobody', 'r', 1, 'CANCEL', 'REQUESTED', NULL, NULL, NULL, 0, placed_at, NULL FROM orders LIMIT 1",
    "positions that nobody has": "UPDATE positions SET symbol = symbol || char(0x202e) || 'x', multiplier = '0'",
}
# fmt: on


@case(FOUND, *CONTENT)
def _content(path: Path, name: str) -> None:
    unguarded(path, "PRAGMA foreign_keys = OFF", CONTENT[name])
