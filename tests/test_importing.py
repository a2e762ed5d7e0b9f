"""What importing brings along: what takes long is imported where it is needed, and by whoever needs it alone."""

import subprocess
import sys

import pytest

import ledger_core

HEAVY = ("click", "rich", "sqlite3", "sqlite_utils")
"""What a program that keeps its ledger in memory never needs."""


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        pytest.param("ledger_core", (), id="the core"),
        pytest.param("ledger_core, ledger_storage_memory", (), id="the core and the memory adapter"),
        pytest.param("ledger_core, ledger_storage_sqlite", ("sqlite3",), id="the core and the SQLite adapter"),
    ],
)
def test_importing_a_ledger_imports_nothing_that_it_may_not_need(modules: str, allowed: tuple[str, ...]) -> None:
    """A bot that starts does not wait for the command line's libraries, nor for those that make a file's schema."""
    program = f"import sys, {modules}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert tuple(found.stdout.split()) == allowed


def test_what_is_imported_and_written_late_may_be_asked_for_by_threads_at_once() -> None:
    """The first values of a class and the late names of the package are the same for all who come together."""
    program = """
import sys, threading
import ledger_core
from ledger_core import FillDetails, OrderDetails, OrderType, Side, open_ledger
sys.setswitchinterval(1e-6)
begin, made = threading.Barrier(8), []
def live(number):
    begin.wait()
    details = OrderDetails(symbol="X", side=Side.BUY, order_type=OrderType.LIMIT)
    with open_ledger("memory://", strategy_id="alpha") as ledger:
        ledger.record_order("O1", {"symbol": "X", "side": "BUY", "order_type": "MARKET", "quantity": 1}, command_id="C1")
        ledger.update_order_fill("O1", {"fill_id": "F1", "quantity": 1, "price": 1})
        answers = ledger.explain_pnl(symbol="X"), ledger.reconcile({"positions": []}).proposals
        made.append((repr(details), len(answers), ledger.verify().is_intact, ledger_core.LedgerView, ledger_core.Mark))
threads = [threading.Thread(target=live, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(made) == 8 and len({one[0] for one in made}) == 1 and all(one[2:] == made[0][2:] for one in made), made
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_what_is_imported_late_is_listed_all_the_same() -> None:
    """`dir` and `__all__` name the same, so that whoever completes a name finds it."""
    assert set(ledger_core.__all__) <= set(dir(ledger_core))
    for name in ledger_core.__all__:
        assert getattr(ledger_core, name) is not None
