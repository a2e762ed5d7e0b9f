"""Run campaigns by hand: `python -m reliability NAME --amount N`, or `tox -e reliability -- NAME ...`.

    python -m reliability                           what there is, and how far each is
    python -m reliability power-cuts                as much as the whole campaign still lacks
    python -m reliability power-cuts --amount 5000 --workers 2 --minutes 10
    python -m reliability --tier ci                 CI's amount of each, in one process each

What a run came to is added to docs/_data/reliability/NAME.json, from which docs/reliability.md is made, unless
`--dry-run` is given. Seeds go on where the last run ended. It stops at the first violation and exits with 1.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from reliability.campaign import TIERS, Campaign, Tally
from reliability.registry import campaigns, work
from reliability.results import Result, Span, load, store

SEEDS_PER_WORKER = 10_000_000


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m reliability", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("name", nargs="?", choices=sorted(campaigns()), metavar="NAME")
    parser.add_argument("--amount", type=int, help="units to do; default what the whole campaign still lacks")
    parser.add_argument("--first-seed", type=int, help="default where the last run ended")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--minutes", type=float, help="stop after so long at the latest")
    parser.add_argument("--tier", choices=TIERS, help="run this tier's amount of each campaign, and keep no result")
    parser.add_argument("--dry-run", action="store_true", help="keep no result")
    options = parser.parse_args(arguments)
    if options.tier is not None:
        return _run_tier(options.tier, options.workers)
    if options.name is None:
        _list()
        return 0
    campaign = campaigns()[options.name]
    known = load(campaign.name)
    amount = options.amount or max(1, campaign.whole - known.done)
    first_seed = known.next_seed if options.first_seed is None else options.first_seed
    result = _run(campaign, first_seed, amount, options.workers, options.minutes)
    command = f"python -m reliability {campaign.name} --amount {amount} --first-seed {first_seed}"
    if not options.dry_run:
        store(campaign, known.plus(result, f"{command} --workers {options.workers}"))
    return _said(campaign, result)


def _run(campaign: Campaign, first_seed: int, amount: int, workers: int, minutes: float | None) -> Result:
    """Divide the amount among processes, each with seeds of its own."""
    began = time.monotonic()
    workers = 1 if campaign.is_one_life else workers
    share = -(-amount // workers)
    total = Tally(0, first_seed)
    spans = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        starts = [first_seed + place * SEEDS_PER_WORKER for place in range(workers)]
        running = {pool.submit(work, campaign.name, start, share, minutes): start for start in starts}
        for future in as_completed(running):
            tally = future.result()
            total = total.plus(tally)
            spans.append(Span(running[future], tally.next_seed))
    return Result(total, tuple(sorted(spans)), time.monotonic() - began)


def _run_tier(tier: str, workers: int) -> int:
    failed = 0
    for campaign in campaigns().values():
        failed |= _said(campaign, _run(campaign, 0, campaign.amount(tier), workers, None))
    return failed


def _said(campaign: Campaign, result: Result) -> int:
    tally = result.tally
    rate = tally.done / result.seconds
    words = f"{tally.done:,} {campaign.unit} in {result.seconds:,.0f} s ({rate:,.1f} a second)"
    print(f"row {campaign.row} {campaign.name}: {words}, {len(tally.violations)} violations")
    for name, count in tally.details.items():
        print(f"    {name}: {count:,}")
    for violation in tally.violations[:20]:
        print(f"    VIOLATION {violation}")
    return 1 if tally.violations else 0


def _list() -> None:
    for line in _lines():
        print(line)


def _lines() -> Iterator[str]:
    for campaign in campaigns().values():
        done = load(campaign.name).done
        yield f"{campaign.row:>4}  {campaign.name:<22} {done:>12,} of {campaign.whole:>12,} {campaign.unit}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
