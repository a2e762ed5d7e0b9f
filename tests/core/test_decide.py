"""Each command has its decision, and a fact that waits for an order is decided with it."""

from contextlib import suppress

from ledger_core import StrategyLedger, UnknownOrder
from ledger_core.commands import Operation
from ledger_storage_memory import MemoryRepository
from support import SteppingClock, fill, limit_order
from support.every_event import live_fully


def test_every_command_is_decided() -> None:
    """A life in which each is given leaves entries of each operation there is."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    live_fully(ledger)
    assert {entry.operation for entry in ledger.read_journal()} == {operation.value for operation in Operation}


def test_fact_that_waits_is_decided_in_the_entry_of_its_order() -> None:
    """As if it had come behind it."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    with suppress(UnknownOrder):
        ledger.update_order_fill("O1", fill("F1", 10))
    assert ledger.record_order("O1", limit_order()).cum_quantity == 10
