"""Ours and its floors, block after block in turn, in one process: what disturbs one of them disturbs the others too."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.results import Row

Block = Callable[[int], object]
"""Does the block of this number; 0 is the first, which warms up and is not counted."""

RATIO_HEADINGS = (
    "what",
    "floor",
    "us",
    "floor_us",
    "cpu_us",
    "floor_cpu_us",
    "ratio",
    "quartiles",
    "cpu_ratio",
    "goal",
)
OURS = "ours"


def compare(
    what: str,
    ours: Block,
    floors: Mapping[str, Block],
    *,
    blocks: int,
    units: int,
    goals: Mapping[str, float] | None = None,
) -> list[Row]:
    """Return a row for each floor: medians in microseconds of the `units` in a block, the median ratio, its quartiles."""
    walls, cpus = timed({OURS: ours, **floors}, blocks=blocks, units=units)
    rows: list[Row] = []
    for floor in floors:
        ratios = sorted(mine / theirs for mine, theirs in zip(walls[OURS], walls[floor], strict=True))
        rows.append(
            {
                "what": what,
                "floor": floor,
                "us": round(statistics.median(walls[OURS]), 2),
                "floor_us": round(statistics.median(walls[floor]), 2),
                "cpu_us": round(statistics.median(cpus[OURS]), 2),
                "floor_cpu_us": round(statistics.median(cpus[floor]), 2),
                "ratio": round(statistics.median(ratios), 2),
                "quartiles": quartiles(ratios),
                "cpu_ratio": round(_median_ratio(cpus[OURS], cpus[floor]), 2),
                "goal": (goals or {}).get(floor),
            }
        )
    return rows


def timed(
    contestants: Mapping[str, Block], *, blocks: int, units: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return wall and CPU microseconds of a unit, of each contestant in each block."""
    walls: dict[str, list[float]] = {name: [] for name in contestants}
    cpus: dict[str, list[float]] = {name: [] for name in contestants}
    for block in range(blocks + 1):
        for name, run in contestants.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run(block)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if block:
                walls[name].append(wall / units * 1e6)
                cpus[name].append(cpu / units * 1e6)
    return walls, cpus


def _median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def quartiles(values: Sequence[float]) -> list[float]:
    """Return the first and the third quartile of sorted values."""
    return [round(values[len(values) // 4], 2), round(values[-1 - len(values) // 4], 2)]
