"""The campaigns of this package, and a worker's share of one, which a process of its own can be told to do."""

import importlib
import pkgutil
import sys
import time
import traceback
from pathlib import Path

from reliability.campaign import Campaign, Tally

SLICES = 40
"""How often a worker says how far it is."""


def campaigns() -> dict[str, Campaign]:
    """Return every campaign of this package by its name."""
    found = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("test_"):
            continue
        loaded = importlib.import_module(f"reliability.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, Campaign):
                found[value.name] = value
    return dict(sorted(found.items(), key=lambda item: (_place(item[1].row), item[0])))


def _of_harness(error: Exception, first_seed: int, amount: int) -> str:
    """Say where a harness raised what it should have judged, or what is its own mistake."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"the harness raised {type(error).__name__}: {error} at {Path(place.filename).name}:{place.lineno}, somewhere in"
        f" the {amount:,} from seed {first_seed} on"
    )


def _place(row: str) -> tuple[int, str]:
    return (int(row) if row.isdigit() else 99, row)


def work(name: str, first_seed: int, amount: int, minutes: float | None) -> Tally:
    """Do one worker's share, slice by slice, until it is done, its time is up or something is violated."""
    campaign = campaigns()[name]
    deadline = None if minutes is None else time.monotonic() + minutes * 60
    total = Tally(0, first_seed)
    began = time.monotonic()
    while total.done < amount and not total.violations and (deadline is None or time.monotonic() < deadline):
        part = min(amount - total.done, max(1, amount // SLICES, campaign.ci // 20))
        if campaign.is_one_life:
            part = amount
        try:
            total = total.plus(campaign.run(total.next_seed, part, deadline))
        except Exception as error:  # noqa: BLE001 - what was done before is kept, and somebody looks at this
            total = total.plus(Tally(0, total.next_seed, (_of_harness(error, total.next_seed, part),)))
        rate = total.done / (time.monotonic() - began)
        print(f"{name}: {total.done:,} of {amount:,} {campaign.unit}, {rate:,.0f} a second", file=sys.stderr)
    return total
