"""Cases from FIX and from other systems' published tests, driven through the public API on every adapter.

They lie in the folder `conformance` of the test data. Every case either passes or is listed in EXCUSED with the
reason; there is no third way.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ledger_core import StrategyLedger
from support import data_folder
from support.conformance import Case, CaseRun, load_cases, options_for, unsupported

pytestmark = pytest.mark.data

FOLDER = data_folder("conformance")
CASES = load_cases(FOLDER)
NO_CASES = pytest.param(
    None, id="no-test-data", marks=pytest.mark.skip(reason="STRATEGY_LEDGER_TEST_DATA has no folder conformance")
)
RUN = [pytest.param(case, id=case["id"]) for case in CASES if unsupported(case) is None] or [NO_CASES]

_TRACKED = "a tracker's guess at what became of an order, which a ledger never makes"
# fmt: off
EXCUSED: Mapping[str, str] = {
    "HB-26": _TRACKED,
    "LEAN-SPLIT-Odd": "a split keeps fractions of a unit; cash for them is the broker's own adjustment",
}
"""The cases that are not run, and why."""

OURS: Mapping[tuple[str, int], Mapping[str, Any]] = {
    # Nautilus opens a canceled order again for a late fill; we book the fill, mark it late and keep the state (FIX J.1.b).
    ("NAUT-ORD-26", 5): {"status": "CANCELED", "leaves_qty": "0", "terminal": True},
    # Nautilus lets a fill end the pending state; a request of ours ends by its answer or with its order (FIX B.1.b, B.1.c).
    ("NAUT-ORD-33", 5): {"status": "PENDING_CANCEL"},
    ("NAUT-ORD-34", 5): {"status": "PENDING_CANCEL"},
    # Hummingbot does not learn the venue's id from a fill; we do, so that later facts can be found by it.
    ("HB-14", 2): {"venue_order_id_is_null": False, "venue_order_id": "E1"},
}
"""What we hold where a source follows another convention: fields by (case, step)."""
# fmt: on


@pytest.mark.parametrize("case", RUN)
def test_published_case(case: Case, open_ledger_on: Callable[..., StrategyLedger]) -> None:
    """The ledger agrees with the source after every step, and again after it was reopened."""
    ledger = open_ledger_on(**options_for(case))
    CaseRun(case, ledger, OURS).run()
    orders, positions = list(ledger.find_orders(limit=None)), ledger.get_open_positions()
    trades = list(ledger.find_trades(limit=None))
    ledger.close()
    again = open_ledger_on(**options_for(case))
    assert list(again.find_orders(limit=None)) == orders
    assert again.get_open_positions() == positions
    assert list(again.find_trades(limit=None)) == trades


@pytest.mark.skipif(not CASES, reason="STRATEGY_LEDGER_TEST_DATA has no folder conformance")
def test_every_published_case_is_run_or_excused_with_its_reason() -> None:
    """No case is left out in silence: one that cannot be run is listed, for the reason that its ops give."""
    left_out = {case["id"]: unsupported(case) for case in CASES if unsupported(case) is not None}
    assert left_out == {name: reason for name, reason in EXCUSED.items() if name in {case["id"] for case in CASES}}


@pytest.mark.skipif(not CASES, reason="STRATEGY_LEDGER_TEST_DATA has no folder conformance")
def test_every_convention_of_ours_is_met_by_a_case_that_is_run() -> None:
    """An entry of OURS replaces an expectation that its case has: it cannot outlive the case."""
    expected = {(case["id"], one["after_step"]) for case in CASES for one in case.get("expect", ())}
    ran = {name for name, _ in OURS} & {case["id"] for case in CASES if unsupported(case) is None}
    assert {key for key in OURS if key[0] in ran} <= expected
