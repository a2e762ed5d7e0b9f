"""The Order State Change Matrices once more, as FIX logs: an import ends where a ledger told step by step ends."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from conformance.test_fix_matrices import CASES
from conformance.test_published_cases import OURS
from interop.fix_rendering import CLIENT, VENUE, VERSIONS, FixLog, not_rendered
from ledger_core import StrategyLedger, open_ledger
from ledger_interop.importing import ImportReport, Options, import_file
from support import data_folder
from support.conformance import Case, CaseRun, load_cases, options_for

MATRICES = [pytest.param(case, id=case["id"]) for case in CASES if not_rendered(case) is None]
PUBLISHED = [
    pytest.param(case, id=case["id"]) for case in load_cases(data_folder("conformance")) if not_rendered(case) is None
] or [pytest.param(None, marks=pytest.mark.skip(reason="STRATEGY_LEDGER_TEST_DATA has no folder conformance"))]
LEFT_OUT = {
    "FIX-D.2/unnumbered": "a request has an id in FIX",
    "FIX-X/in-doubt": "FIX has no message for in_doubt",
    "FIX-X/in-doubt-ack": "FIX has no message for in_doubt",
}


def _ledger(case: Case) -> StrategyLedger:
    options: Any = options_for(case)
    return open_ledger(f"memory://{uuid4().hex}", strategy_id="s", **options)


def _import(ledger: StrategyLedger, lines: list[str], folder: Path, **options: Any) -> ImportReport:
    path = folder / "fix.log"
    path.write_text("\n".join(lines), "utf-8")
    report = import_file(ledger, "fix", path, options=Options(**options))
    assert not report.not_understood, list(report.lines())
    return report


def _expect(case: Case, ledger: StrategyLedger, number: int, day: int) -> None:
    """Compare the orders with what the case expects after a step."""
    compared = CaseRun(case, ledger)
    compared.day = day
    for expected in case["expect"]:
        if expected["after_step"] == number:
            compared._compare(expected, f"{case['id']} after step {number}")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", MATRICES)
def test_a_log_that_grows_is_imported_again_and_again(case: Case, version: str, tmp_path: Path) -> None:
    """After each message more, the import of the whole log leaves the order as the matrix prints it."""
    with _ledger(case) as venue, _ledger(case) as ledger:
        log = FixLog(case, venue, version)
        log.run()
        for number, (count, day) in enumerate(log.after, start=1):
            _import(ledger, log.lines[:count], tmp_path)
            _expect(case, ledger, number, day)
        before = ledger.head()
        _import(ledger, log.lines, tmp_path)
        assert ledger.head() == before
        assert not ledger.verify().differences


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", MATRICES)
def test_a_whole_log_is_imported_at_once(case: Case, version: str, tmp_path: Path) -> None:
    """A log that is imported in one go ends where the one ends that is imported message by message."""
    with _ledger(case) as venue, _ledger(case) as ledger:
        log = FixLog(case, venue, version)
        log.run()
        _import(ledger, log.lines, tmp_path)
        _expect(case, ledger, len(log.after), log.day)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", MATRICES)
def test_the_reports_of_a_venue_alone_tell_the_quantities(case: Case, version: str, tmp_path: Path) -> None:
    """Of a log with only the venue's messages, orders have the quantities and the end that they have of both sides."""
    with _ledger(case) as venue, _ledger(case) as ledger:
        log = FixLog(case, venue, version)
        log.run()
        _import(ledger, log.lines, tmp_path, session=f"{VENUE}->{CLIENT}")
        for order in venue.find_orders(limit=None):
            if any(f"35=8\x0149={VENUE}" in line and f"\x0111={order.order_id}\x01" in line for line in log.lines):
                found = ledger.get_order(order.order_id)
                assert (found.state, found.cum_quantity) == (order.state, order.cum_quantity)
                assert found.average_price == order.average_price


@pytest.mark.data
@pytest.mark.parametrize("case", PUBLISHED)
def test_a_published_case_arrives_whole(case: Case, tmp_path: Path) -> None:
    """Orders, fees and positions of a case that was sent over FIX are those of the ledger that sent it."""
    with _ledger(case) as venue, _ledger(case) as ledger:
        log = FixLog(case, venue, "FIX.4.4", OURS)
        log.run()
        _import(ledger, log.lines, tmp_path)
        orders = list(venue.find_orders(limit=None))
        assert orders
        for order in orders:
            found = ledger.get_order(order.order_id)
            assert (found.state, found.quantity, found.cum_quantity) == (
                order.state,
                order.quantity,
                order.cum_quantity,
            )
            assert found.average_price == order.average_price
        for symbol in {order.symbol for order in orders}:
            held, other = venue.get_position(symbol), ledger.get_position(symbol)
            assert (other.quantity, other.cost) == (held.quantity, held.cost)
            assert (other.realized_pnl, other.fees) == (held.realized_pnl, held.fees)


def test_every_matrix_is_rendered_or_left_out_with_its_reason() -> None:
    """No matrix is left out in silence."""
    assert {case["id"]: reason for case in CASES if (reason := not_rendered(case)) is not None} == LEFT_OUT
