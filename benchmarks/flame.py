"""Where the time of a command goes: samples of the stack, every so often in CPU time, as a tree of functions.

What a function of C does, such as SQLite's, counts as its caller's own; `--keep` writes the tree that the page's
picture is drawn from. Waiting for a disk takes no CPU time and is not in it.
"""

import signal
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, TracebackType
from typing import Any, Self

from benchmarks.contestants import LedgerContestant, run_rounds
from benchmarks.results import Options, Result, Row

HEADINGS = ("what", "share", "own_share")
SECONDS_BETWEEN = 0.001
SHARE_MIN = 0.004
"""Of all samples; what has less is not drawn."""

ROUNDS_MAX = 3_000
SAMPLES = 6_000
PACKAGES = ("ledger_core", "ledger_storage_sqlite")


class Node:
    """A function as it was called by its parent: how many samples saw it, and how many saw it at work itself."""

    def __init__(self) -> None:
        self.samples = 0
        self.own = 0
        self.called: dict[str, Node] = {}

    def tree(self, name: str, least: float) -> dict[str, Any]:
        """Return it as JSON, without what was seen too rarely."""
        called = sorted(self.called.items(), key=lambda item: -item[1].samples)
        return {
            "name": name,
            "samples": self.samples,
            "own": self.own,
            "called": [node.tree(name, least) for name, node in called if node.samples >= least],
        }


class Sampler:
    """Notes the stack at every tick of the process's CPU time, from the first function of the ledger on."""

    def __init__(self) -> None:
        self.root = Node()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._note)
        signal.setitimer(signal.ITIMER_PROF, SECONDS_BETWEEN, SECONDS_BETWEEN)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _note(self, _: int, frame: FrameType | None) -> None:
        stack: list[str] = []
        while frame is not None:
            name = _name_of(frame)
            if name is not None and (not stack or stack[-1] != name):
                stack.append(name)
            frame = frame.f_back
        if not stack:
            return
        node = self.root
        node.samples += 1
        for name in reversed(stack):
            node = node.called.setdefault(name, Node())
            node.samples += 1
        node.own += 1


def _name_of(frame: FrameType) -> str | None:
    """Return package.module.function of a function of ours; what others do counts as its caller's own."""
    module = str(frame.f_globals.get("__name__", ""))
    if module.partition(".")[0] not in PACKAGES:
        return None
    return f"{module}.{frame.f_code.co_qualname}"


def measure(options: Options) -> Result:
    """Sample until there are enough; one row a function, with all that it calls, and alone."""
    with TemporaryDirectory(dir=options.folder) as directory, ExitStack() as stack:
        ledger = stack.enter_context(LedgerContestant(f"sqlite:///{Path(directory)}/ledger.db?durability=process"))
        run_rounds(ledger, "orders", 0, options.rounds)
        sampler = Sampler()
        with sampler:
            for first in range(options.rounds, ROUNDS_MAX, options.rounds):
                run_rounds(ledger, "orders", first, options.rounds)
                if sampler.root.samples >= SAMPLES:
                    break
    root = sampler.root
    shares = _shares(root)
    rows: list[Row] = [
        {"what": name, "share": round(total / root.samples, 3), "own_share": round(own / root.samples, 3)}
        for name, (total, own) in sorted(shares.items(), key=lambda item: -item[1][1])[:20]
    ]
    note = f"{root.samples:,} samples of CPU time, the disk's waiting left out; shares of all."
    tree = root.tree("a command", root.samples * SHARE_MIN)
    return Result(what="flame", headings=HEADINGS, rows=rows, notes=(note,), tree=tree)


def _shares(root: Node) -> dict[str, tuple[int, int]]:
    """Return, of each function, how many samples saw it on the stack, and how many at work itself."""
    found: dict[str, tuple[int, int]] = {}

    def walk(node: Node, above: frozenset[str]) -> None:
        for name, called in node.called.items():
            total, own = found.get(name, (0, 0))
            found[name] = total + (0 if name in above else called.samples), own + called.own
            walk(called, above | {name})

    walk(root, frozenset())
    return found
