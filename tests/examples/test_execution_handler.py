"""examples/execution_handler.py: the story it tells is true of the ledger it leaves behind."""

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ledger_core import TradeState, open_ledger, open_reader

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "execution_handler.py"


@pytest.fixture
def example() -> ModuleType:
    """Import the example from its file, as somebody who copies it would have it."""
    spec = importlib.util.spec_from_file_location("execution_handler_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_story_ends_in_the_ledger_as_it_is_told(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entry and scale-in held, the exit in doubt found filled, the order that was never sent found rejected."""
    path = tmp_path / "ledger.db"
    example.run(path)
    with open_reader(path) as reader:
        ledger = reader.strategy("example")
        states = {order.order_id: str(order.state) for order in ledger.find_orders()}
        assert states == {"entry": "FILLED", "scale-in": "CANCELED", "exit": "FILLED", "hedge": "REJECTED"}
        trade = ledger.get_trade("plan-1-trade")
        assert trade.state is TradeState.CLOSED
        assert trade.entry_quantity == trade.exit_quantity == 120
        assert trade.realized_pnl == 180
        assert trade.order_ids == ("entry", "scale-in", "exit")
        assert ledger.get_open_positions() == []
        assert not ledger.unresolved()
    told = capsys.readouterr().out
    assert "realized 180 USD" in told
    assert "The cache says of exit: FILLED" in told


def test_the_order_without_an_answer_was_in_doubt_until_the_exchange_was_asked(
    example: ModuleType, tmp_path: Path
) -> None:
    """Its history: placed, in doubt, and only after the restart accepted and filled, by facts of the exchange."""
    path = tmp_path / "ledger.db"
    example.run(path)
    with open_reader(path) as reader:
        events = [
            str(change.event_type)
            for entry in reader.strategy("example").get_history("exit")
            for change in entry.changes
            if change.key == ("exit",) and change.event_type is not None
        ]
    assert events == ["ORDER_PLACED", "ORDER_IN_DOUBT", "ORDER_ACCEPTED", "ORDER_FILLED"]


def test_what_was_sent_before_its_intent_was_recorded_is_nothing(example: ModuleType, tmp_path: Path) -> None:
    """At the moment the exchange is called, the order is on disk, for any other process to see."""
    path = tmp_path / "ledger.db"
    seen: list[str] = []

    class Watching(example.FakeExchange):  # type: ignore[name-defined, misc]  # a module that is known at run time only
        async def submit(self, order_id: str, details: object) -> None:
            with open_reader(path) as reader:
                seen.append(str(reader.strategy("example").get_order(order_id).state))
            await super().submit(order_id, details)

    async def place() -> None:
        with open_ledger(path, strategy_id="example") as ledger:
            handler = example.ExecutionHandler(ledger, Watching(market={}), example.CausalityChain())
            await handler.place("o1", example.order_details("BUY", 1, "ACME", "plan-1"), because="signal")

    asyncio.run(place())
    assert seen == ["PLACED"]


def test_recovering_twice_changes_nothing(example: ModuleType, tmp_path: Path) -> None:
    """A process that dies while it recovers recovers again: facts that are known are repeats."""
    path = tmp_path / "ledger.db"
    exchange = example.FakeExchange(market={"ACME": 10}, loses_answer_to={"o1"})

    async def recover() -> list[int]:
        with open_ledger(path, strategy_id="example") as ledger:
            handler = example.ExecutionHandler(ledger, exchange, example.CausalityChain())
            await handler.place("o1", example.order_details("BUY", 1, "ACME", "plan-1"), because="signal")
            assert [order.order_id for order in ledger.unresolved().orders] == ["o1"]
            heads = []
            for _ in range(2):
                await handler.recover()
                for report in await exchange.ask("o1"):
                    handler.book(report)
                heads.append(ledger.head().sequence)
            return heads

    first, second = asyncio.run(recover())
    assert first == second


def test_it_runs_as_a_script_and_tells_the_same_story_each_time(tmp_path: Path) -> None:
    """`python examples/execution_handler.py` needs no argument and prints the same lines at every run."""
    outputs = []
    for arguments in ([], [str(tmp_path / "kept.db")]):
        done = subprocess.run(
            [sys.executable, str(EXAMPLE), *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert (tmp_path / "kept.db").exists()


def test_a_report_that_cannot_be_booked_does_not_stop_the_handler(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An execution of an order that nobody placed is kept in quarantine, and the handler goes on."""
    with open_ledger(tmp_path / "ledger.db", strategy_id="example") as ledger:
        handler = example.ExecutionHandler(ledger, example.FakeExchange(market={}), example.CausalityChain())
        report = example.Report(
            kind=example.ReportKind.EXECUTED,
            order_id="nobody",
            venue_order_id="X1",
            execution_id="X1-1",
            quantity=1,
            price=1,
        )
        handler.book(report)
        assert len(ledger.quarantined()) == 1
    assert "not booked" in capsys.readouterr().out
