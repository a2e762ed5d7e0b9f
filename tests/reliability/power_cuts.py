"""Campaign: the power is cut at every I/O event of a life, and does what it may to what was not synced.

A seed's steps run once, on the shipped adapter and on real files, while each change of the disk is recorded. Then,
for every moment between two events, and for each damage, the files are made as a machine could find them that
starts again, and the shipped adapter opens them.
"""

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs

from ledger_core import LedgerError, StrategyLedger, open_ledger
from ledger_storage_sqlite import _location, _writer, open_repository
from ledger_storage_sqlite._columns import RowCodec
from reliability.campaign import Campaign, Tally
from reliability.disk import Damage, Disk, Moment, Recorder, moments
from reliability.image import Image
from reliability.oracle import Reference, violations
from reliability.os_calls import adapter_watched
from reliability.workload import STRATEGY, StepClock, run_step

LENGTH = 60
"""How many steps a life has."""

_CHECKPOINT_ROWS = (15, 40, 100, _writer.CHECKPOINT_ROWS)  # so that short lives have checkpoints too
_GOES_ON = 1 / 100  # the share of images from which the life is lived to its end
_IS_CHECKED = 1 / 20  # the share of images that SQLite's own integrity_check sees
_DISTINCT = 0.6  # the share of images of which another has not the same content, about
_VIOLATIONS_MAX = 100


@attrs.frozen
class Setting:
    """How a life is recorded; the default is what is shipped, the others are controls that must be seen failing."""

    parameters: str = ""  # of the URL
    patched: Callable[[], AbstractContextManager[Any]] = nullcontext
    damages: Sequence[Damage] = tuple(Damage)


SHIPPED = Setting()


@attrs.frozen
class Life:
    """What a seed's steps did to the disk, which before was empty."""

    reference: Reference
    recorder: Recorder
    disk: Disk


def url_in(folder: Path, parameters: str = "") -> str:
    """Return the URL of the ledger in a folder."""
    return f"sqlite:///{folder}/x.db{parameters}"


def lived(seed: int, folder: Path, setting: Setting = SHIPPED) -> Life:
    """Live a seed's life in an empty folder, with some clean ends and starts in it."""
    reference = Reference.of(seed, LENGTH)
    generator = random.Random(f"life {seed}")
    ends = {generator.randrange(LENGTH) for _ in range(generator.randrange(3))}
    disk, recorder, clock = Disk(folder), Recorder(), StepClock()
    rows = generator.choice(_CHECKPOINT_ROWS)
    with setting.patched(), patch.object(_writer, "CHECKPOINT_ROWS", rows), adapter_watched(recorder, seed=seed):
        url = url_in(folder, setting.parameters)
        ledger = open_ledger(url, strategy_id=STRATEGY, clock=clock)
        for step in reference.steps:
            recorder.attempted = step.number + 1
            run_step(ledger, clock, step)
            recorder.acknowledged = step.number + 1
            if step.number in ends:
                ledger.close()
                ledger = open_ledger(url, strategy_id=STRATEGY, clock=clock)
        ledger.close()
    return Life(reference, recorder, disk)


class Inspection:
    """Opens images of one life with the shipped adapter, each of them once, and says what is wrong with them."""

    def __init__(self, life: Life, folder: Path, generator: random.Random) -> None:
        """Use a folder, which exists, for one image after the other."""
        self.counts = {"images that went on": 0, "integrity checks": 0}
        self._life = life
        self._folder = folder
        self._generator = generator
        self._keys: set[tuple[object, int, int]] = set()
        self._heads: dict[bytes, int | None] = {}  # by the image's digest; None: it could not be opened

    @property
    def distinct(self) -> int:
        """How many images of different content were opened."""
        return len(self._heads)

    def of(self, image: Image, moment: Moment) -> list[str]:
        """Return what is wrong with an image of this moment."""
        key = (image.key, moment.acknowledged, moment.attempted)
        if key in self._keys:
            return []
        self._keys.add(key)
        heads = self._life.reference.heads[moment.acknowledged : moment.attempted + 1]
        if self._heads.get(image.digest) in heads:
            return []  # the same files were opened before; what they hold is right now, too
        self._heads[image.digest] = None
        image.write_to(self._folder)
        try:
            found = self._opened(image, moment)
            if not found and self._generator.random() < _IS_CHECKED:
                found = self._checked()
        except (LedgerError, sqlite3.Error) as error:
            found = [f"not to be opened: {type(error).__name__}: {error}"]
        return found

    def _opened(self, image: Image, moment: Moment) -> list[str]:
        repository = open_repository(url_in(self._folder), strategy_id=STRATEGY)
        try:
            self._heads[image.digest] = repository.head().sequence
            found = violations(repository, self._life.reference, moment.acknowledged, moment.attempted)
        finally:
            repository.close()
        if not found and self._generator.random() < _GOES_ON:
            self.counts["images that went on"] += 1
            found = self._gone_on(moment.acknowledged)
        return found

    def _gone_on(self, acknowledged: int) -> list[str]:
        """Give every step that was not acknowledged, the last one perhaps again; return what is wrong at the end."""
        reference, clock = self._life.reference, StepClock()
        with StrategyLedger(open_repository(url_in(self._folder), strategy_id=STRATEGY), clock=clock) as ledger:
            for step in reference.steps[acknowledged:]:
                run_step(ledger, clock, step)
        repository = open_repository(url_in(self._folder), strategy_id=STRATEGY)
        try:
            whole = len(reference.steps)
            return [f"after going on: {found}" for found in violations(repository, reference, whole, whole)]
        finally:
            repository.close()

    def _checked(self) -> list[str]:
        self.counts["integrity checks"] += 1
        connection = sqlite3.connect(self._folder / "x.db")
        try:
            rows = connection.execute("PRAGMA integrity_check").fetchall()
        finally:
            connection.close()
        return [] if rows == [("ok",)] else [f"corrupt: integrity_check says {rows[:3]}"]


@contextmanager
def known_by_heart(reference: Reference) -> Iterator[None]:
    """Remember what the adapter makes of the reference's records, and where this system's disks are mounted."""
    rows: dict[int, tuple[Any, ...]] = {}
    ids = {id(record) for records in reference.records.values() for record in records.values()}
    encode = RowCodec.encode

    def remembered(codec: RowCodec, record: Any) -> tuple[Any, ...]:
        name = id(record)
        if name not in ids:
            return encode(codec, record)
        if name not in rows:
            rows[name] = encode(codec, record)
        return rows[name]

    with patch.object(RowCodec, "encode", remembered), patch.object(_location, "file_system_of", return_value=None):
        yield


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a folder, in memory where there is one, since a campaign asks no disk whether it really syncs."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="reliability-", dir=memory if memory.is_dir() else None)


def inspected(seed: int, folder: Path, wanted: int, deadline: float | None, setting: Setting = SHIPPED) -> Tally:
    """Try `wanted` distinct images of a seed's life, evenly spread over it, or all that there are if they are fewer."""
    place, images = folder / "life", folder / "image"
    for made in (place, images):
        made.mkdir(exist_ok=True)
    life = lived(seed, place, setting)
    for left in place.iterdir():
        if left.is_file():
            left.unlink()
    generator = random.Random(f"cuts {seed}")
    inspection = Inspection(life, images, generator)
    events = len(life.recorder.trace)
    stride = max(1, int(events * len(setting.damages) * _DISTINCT) // wanted)
    found: list[str] = []
    with known_by_heart(life.reference):
        for moment in moments(life.recorder, life.disk):
            if inspection.distinct >= wanted or (deadline is not None and time.monotonic() > deadline):
                break
            if moment.number % stride:
                continue
            for damage in setting.damages:
                image = life.disk.image(damage, generator)
                name = (
                    f"seed {seed}, after event {moment.number} ({moment.event.kind} of {moment.event.path}), {damage}"
                )
                found += [f"{name}: {violation}" for violation in inspection.of(image, moment)]
    counts: Mapping[str, int] = {"seeds": 1, "I/O events": events, **inspection.counts}
    return Tally(inspection.distinct, seed + 1, tuple(found[:_VIOLATIONS_MAX]), dict(counts))


def run(first_seed: int, amount: int, deadline: float | None, setting: Setting = SHIPPED) -> Tally:
    """Try at least `amount` distinct images, seed after seed."""
    total = Tally(0, first_seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(scratch()))
        while total.done < amount and (deadline is None or time.monotonic() < deadline):
            total = total.plus(inspected(total.next_seed, folder, amount - total.done, deadline, setting))
    return total


CAMPAIGN = Campaign(
    name="power-cuts",
    row="1",
    promise="a power cut at any I/O event, whatever it does to what was not synced, loses nothing acknowledged",
    unit="images",
    quick=500,
    ci=10_000,
    whole=1_000_000,
    run=run,
)
