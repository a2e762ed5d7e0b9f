"""Bit rot: a finished ledger file is damaged at a random place, and every change of its content must be found.

What the content is, a plain SQLite connection says: every row of every table in the order in which it lies there,
every index as it answers by itself, and the schema. A damage that changed any of it must be refused with a typed
error, or reported by `verify()`; one that changed nothing (free bytes, unused pages) may be silent or reported.
Nothing may crash, hang, or change a file that was opened for reading.

Half of the ledgers were closed, and everything is in one file: there `verify()` alone must find the damage. The
others were left with a WAL. SQLite takes a WAL that does not check for one that ends earlier, which is a ledger as
it was a while ago: that is found by the head that was remembered.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import reduce
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from ledger_core import Head, LedgerError, LedgerRepository, RecordKind, StrategyLedger, Verification
from ledger_core.changes import GENESIS_DIGEST
from ledger_core.repository import PAGE_SIZE_MAX, Query, RawEntry
from ledger_core.verifying import verify
from reliability.campaign import Campaign, Tally
from reliability.content import content_of, integrity_of
from reliability.damages import DAMAGES, FIGURES_IN_ENTRIES, Damage, damaged
from reliability.finished import FOLDER, STEPS, ledger_of, open_at, place_files
from reliability.workload import StepClock, run_step, steps_of
from support.repositories import AroundRepository

DAMAGES_PER_LEDGER = 100
"""How many seeds in a row damage the same ledger, each a fresh copy of it."""

SECONDS_MAX = 30.0
"""What examining a file of some hundred kilobytes may take, whatever is wrong with it; beyond that it hangs."""

READS_EVERY = 8
WRITES_EVERY = 8
"""Of how many damaged files one is read in whole as well, and one is opened for writing and written."""

Verify = Callable[[LedgerRepository, Head | None], Verification]


@attrs.frozen
class Verdict:
    """What became of a damaged file: refused with a typed error, reported by verification, or neither."""

    refused: LedgerError | None
    verification: Verification | None

    @property
    def is_silent(self) -> bool:
        """Whether nobody said a word."""
        return self.refused is None and self.verification is not None and self.verification.is_intact


def examine(path: Path, head: Head | None, check: Verify = verify, *, reads: bool = False) -> Verdict:
    """Open the file for reading and verify it, or read everything in it as well; a typed error is a verdict."""
    try:
        repository = open_at(path, read_only=True)
    except LedgerError as error:
        return Verdict(error, None)
    try:
        verification = check(repository, head)
        if reads:
            read_all(repository)
        return Verdict(None, verification)
    except LedgerError as error:
        return Verdict(error, None)
    finally:
        repository.close()


def read_all(repository: LedgerRepository) -> None:
    """Read every record and every entry, and make what they are of them."""
    for kind in RecordKind:
        for record in repository.find(Query(kind=kind)):
            repository.load(kind, record.key)
    repository.read(0)


def write_on(path: Path, seed: int) -> None:
    """Go on trading with the file; whatever is wrong with it, only typed errors come of that."""
    clock = StepClock()
    with suppress(LedgerError), closing(open_at(path)) as repository:
        ledger = StrategyLedger(repository, clock=clock)
        for step in steps_of(seed, STEPS + 5)[STEPS:]:
            run_step(ledger, clock, step)


MISSED_BY_SQLITE = "content changed: PRAGMA integrity_check alone says ok"


class _Count(dict[str, int]):
    def add(self, name: str) -> None:
        self[name] = self.get(name, 0) + 1


def run(
    first_seed: int,
    amount: int,
    deadline: float | None,
    check: Verify = verify,
    damages: Mapping[Damage, int] = DAMAGES,
) -> Tally:
    """Damage one file for each seed and examine it by `check`."""
    violations: list[str] = []
    counts = _Count()
    seed = first_seed
    with TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / "ledger.db"
        while seed < first_seed + amount and (deadline is None or time.monotonic() < deadline):
            violations += (f"seed {seed}: {found}" for found in _one(path, seed, counts, check, damages))
            seed += 1
    return Tally(seed - first_seed, seed, tuple(violations), dict(counts))


def _one(path: Path, seed: int, counts: _Count, check: Verify, damages: Mapping[Damage, int]) -> Iterator[str]:
    chance = random.Random(seed)
    ledger = ledger_of(seed // DAMAGES_PER_LEDGER)
    files, word = damaged(ledger, chance, damages)
    started = time.monotonic()
    try:
        place_files(path, files)
        verdict = examine(path, ledger.head if ledger.has_wal else None, check, reads=not seed % READS_EVERY)
        if any(path.with_name(path.name + suffix).read_bytes() != found for suffix, found in files.items()):
            yield f"{word}: opening the file for reading changed it"
        if seed % WRITES_EVERY == 0:
            write_on(path, seed // DAMAGES_PER_LEDGER)
            place_files(path, files)
        is_changed = content_of(path) != ledger.content
    except Exception as error:  # noqa: BLE001  # an error that is not typed is what is looked for
        yield f"{word}: {type(error).__name__}: {error}"
        return
    if time.monotonic() - started > SECONDS_MAX:
        yield f"{word}: took {time.monotonic() - started:.1f} s"
    said = "silent" if verdict.is_silent else "refused" if verdict.refused else "reported"
    counts.add(f"content {'changed' if is_changed else 'as it was'}: {said}")
    if not is_changed:
        return
    if verdict.is_silent:
        yield f"{word}: the content changed, and nobody said a word"
    place_files(path, files)
    if integrity_of(path) == "ok":
        counts.add(MISSED_BY_SQLITE)


class Unchained(AroundRepository):
    """Shows each entry with the digest that its bytes have now: as if there were no chain, or somebody had mended it."""

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return the page with its digests made anew."""
        digest = self._digest_at(after)
        mended = []
        for entry in self.inner.read_raw(after, limit):
            digest = _link(digest, entry.body)
            mended.append(entry._replace(digest=digest))
        return mended

    def head(self) -> Head:
        """Return the end of the mended chain."""
        head = self.inner.head()
        return Head(head.sequence, self._digest_at(head.sequence), head.recorded_at)

    def _digest_at(self, sequence: int) -> str:
        entries = self.inner.read_raw(0, sequence) if sequence else ()
        return reduce(_link, (entry.body for entry in entries), GENESIS_DIGEST)


def _link(digest: str, body: bytes) -> str:
    return sha256(bytes.fromhex(digest) + body).hexdigest()


def run_without_chain(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Change figures in entries and verify without the chain: a negative control, which must find violations."""

    def check(repository: LedgerRepository, _: Head | None) -> Verification:
        return verify(Unchained(repository))

    return run(first_seed, amount, deadline, check, FIGURES_IN_ENTRIES)


CAMPAIGN = Campaign(
    name="bit-rot",
    row="8",
    promise="Every damage that changes what a file holds is refused or reported by verify(); none crashes or hangs.",
    unit="damaged files",
    quick=150,
    ci=3_000,
    whole=100_000,
    run=run,
)
