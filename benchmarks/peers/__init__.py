"""The same round of 7 commands by other programs, each in a virtual environment of its own, in turn with the ledger.

Environments are made on demand below the folder that --cache names, and stay there. A peer that cannot be installed or
started is skipped, and the reason is printed. Peers do less than the ledger, each in its own way; their modules say what.
"""

import json
import os
import statistics
import subprocess
import venv
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from benchmarks.contestants import LedgerContestant, run_rounds
from benchmarks.results import Options, Result, Row
from benchmarks.timing import RATIO_HEADINGS, Block, compare

SCRIPTS = Path(__file__).parent
INSTALL_SECONDS_MAX = 600


MEMORY = Path("/dev/shm")
"""A file system without a disk, where there is one: what is left is what the programs themselves do."""


@attrs.frozen
class Peer:
    """A program, the package that it comes with, and how the ledger stores when it is compared with it."""

    name: str
    package: str
    script: str
    arguments: tuple[str, ...] = ()
    url: str = "memory://"
    goal: float | None = None
    has_disk: bool = True

    def without_disk(self, goal: float) -> "Peer":
        """Return the same with its files, and the ledger's, in memory."""
        return attrs.evolve(self, name=f"{self.name}, without a disk", goal=goal, has_disk=False)


DURABLE = "sqlite:///{folder}/ledger.db?durability=full"
HELD = Peer("eventsourcing on SQLite, aggregates held", "eventsourcing", "events.py", ("sqlite", "held"), DURABLE, 1.0)
RELOADED = Peer(
    "eventsourcing on SQLite, aggregates reloaded", "eventsourcing", "events.py", ("sqlite", "reloaded"), DURABLE, 1.0
)
FREQTRADE = Peer("freqtrade's persistence on SQLite", "freqtrade", "freqtrades.py", url=DURABLE, goal=1.0)
PEERS = (
    Peer("NautilusTrader's cache, in memory", "nautilus_trader", "nautilus.py", goal=1.0),
    Peer("eventsourcing in memory, aggregates held", "eventsourcing", "events.py", ("memory", "held")),
    Peer("eventsourcing in memory, aggregates reloaded", "eventsourcing", "events.py", ("memory", "reloaded")),
    HELD,
    RELOADED,
    FREQTRADE,
    HELD.without_disk(1 / 2.5),
    RELOADED.without_disk(1 / 5),
    FREQTRADE.without_disk(1 / 15),
)


class Unavailable(Exception):
    """A peer that does not install or run here."""


class Running:
    """A peer's process: it does rounds when it is told to."""

    def __init__(self, python: Path, peer: Peer, folder: str | None) -> None:
        command = [str(python), str(SCRIPTS / peer.script), *peer.arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        if folder is not None:
            environment["BENCHMARKS_FOLDER"] = folder
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.version = str(self._answer()["version"])

    def run(self, rounds: int) -> tuple[float, float]:
        """Do the rounds; return the wall and CPU seconds that they took."""
        assert self._process.stdin is not None, "piped"
        self._process.stdin.write(f"{rounds}\n")
        self._process.stdin.flush()
        answer = self._answer()
        return answer["wall"], answer["cpu"]

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=60)

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None, "piped"
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            raise Unavailable(errors.strip().splitlines()[-1] if errors.strip() else "it ended")
        answer: dict[str, float] = json.loads(line)
        return answer


def measure(options: Options) -> Result:
    """Measure against every peer that runs here."""
    rows: list[Row] = []
    notes = [f"Microseconds of a round of 7 commands; `floor` is the peer. {len(PEERS)} peers, those that run here:"]
    with TemporaryDirectory() as temporary:
        environments = Path(options.cache or temporary) / "peers"
        for peer in PEERS:
            if options.only not in peer.name:
                continue
            try:
                row, version = _compare(peer, _python(environments, peer.package), options)
            except (Unavailable, subprocess.SubprocessError, OSError) as error:
                notes.append(f"skipped {peer.name}: {error}")
                continue
            rows.append(row)
            notes.append(f"{peer.name}: {peer.package} {version}")
    return Result(what="peers", headings=RATIO_HEADINGS, rows=rows, notes=tuple(notes))


def _python(environments: Path, package: str) -> Path:
    """Return the Python of a package's environment, made if it is not there."""
    folder = environments / package
    python, finished = folder / "bin" / "python", folder / "installed"
    if not finished.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
        try:
            subprocess.run(pip, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"{package} does not install: {error.stderr.strip().splitlines()[-1]}") from error
        finished.touch()
    return python


def _compare(peer: Peer, python: Path, options: Options) -> tuple[Row, str]:
    if not peer.has_disk and not MEMORY.is_dir():
        raise Unavailable(f"there is no {MEMORY}")
    place = options.folder if peer.has_disk else str(MEMORY)
    with TemporaryDirectory(dir=place) as folder, ExitStack() as stack:
        running = Running(python, peer, place)
        stack.callback(running.close)
        ledger = stack.enter_context(LedgerContestant(peer.url.format(folder=folder)))
        rounds = options.rounds
        theirs: list[tuple[float, float]] = []
        blocks: Mapping[str, Block] = {peer.name: lambda _: theirs.append(running.run(rounds))}
        what = "ledger, " + ("memory" if peer.url == "memory://" else "sqlite full")
        what += "" if peer.has_disk else ", without a disk"
        (row,) = compare(
            what,
            lambda block: run_rounds(ledger, "orders", block * rounds, rounds),
            blocks,
            blocks=options.blocks,
            units=rounds,
            goals={} if peer.goal is None else {peer.name: peer.goal},
        )
        # Its CPU time is its own process's to tell.
        cpu = statistics.median(seconds for _, seconds in theirs[1:]) / rounds * 1e6
        return {**row, "floor_cpu_us": round(cpu, 2), "cpu_ratio": round(row["cpu_us"] / cpu, 2)}, running.version
