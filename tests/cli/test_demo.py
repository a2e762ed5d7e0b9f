"""The demonstration: it agrees with the recorded stream, says when it does not, and never costs anybody a file."""

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from click.testing import Result

from cli.ledgers import Call, RunScript, fill_file, fingerprint
from ledger_cli.demo import agreement
from ledger_cli.demo.handler import CLOSE_OUT
from ledger_cli.demo.session import STRATEGY
from ledger_cli.demo.stream import Day, RecordedStream
from ledger_cli.demo.venue import Rejected, SimulatedVenue, Ticket
from ledger_core import open_reader

NEAR = Decimal("1e-9")


def test_the_file_has_the_figures_that_were_computed_independently(demo_file: Path) -> None:
    """235 orders, 227 transactions, the commission and the sum of PnL, as others computed them from the stream."""
    stream = RecordedStream.shipped()
    with open_reader(demo_file) as reader:
        assert list(reader.strategies()) == [STRATEGY]
        ledger = reader.strategy(STRATEGY)
        orders = [order for order in ledger.find_orders(limit=None) if order.details.origin != CLOSE_OUT]
        fills = list(ledger.find_fills(limit=None))
        positions = [ledger.get_position(symbol) for symbol in sorted({fill.symbol for fill in fills})]
        assert ledger.quarantined() == []
        assert not ledger.unresolved()
    assert Counter(str(order.state) for order in orders) == {"FILLED": 226, "CANCELED": 1, "ACCEPTED": 8}
    assert len({(fill.order_id, fill.executed_at) for fill in fills}) == 227
    commission = sum((fee.amount for fill in fills for fee in fill.fees), Decimal(0))
    assert abs(commission - Decimal("1140.8625")) <= NEAR
    cash = -sum(fill.signed_quantity * fill.price for fill in fills) - commission
    prices = {symbol: holding.last_price for symbol, holding in stream.days[-1].holdings.items()}
    held = {position.symbol: position.quantity for position in positions if position.quantity}
    worth = sum(quantity * prices[symbol] for symbol, quantity in held.items())
    assert abs(cash + worth - Decimal("-14973.67710232288")) <= NEAR
    assert held == {"AMD": 8069, "COST": -229, "GPS": 705, "INTC": -1202, "MMM": 216, "MSFT": -764}


def test_each_order_lives_as_it_was_recorded(demo_file: Path) -> None:
    """Order by order: quantity, side, what was filled and at what price, and what was charged."""
    stream = RecordedStream.shipped()
    recorded = {order.recorded_id: order for order in stream.final_orders()}
    executed = {transaction.recorded_id: transaction for transaction in stream.transactions()}
    with open_reader(demo_file) as reader:
        ledger = reader.strategy(STRATEGY)
        orders = {order.venue_order_ids[0]: order for order in ledger.find_orders(limit=None)}
        fees: dict[str, Decimal] = defaultdict(Decimal)
        for fill in ledger.find_fills(limit=None):
            fees[fill.order_id] += sum(fee.amount for fee in fill.fees)
    assert set(recorded) == {name for name, order in orders.items() if order.details.origin != CLOSE_OUT}
    for recorded_id, was in recorded.items():
        order = orders[recorded_id]
        assert (order.symbol, order.quantity, order.side.is_buy) == (was.symbol, was.quantity, was.is_buy)
        assert order.placed_at == was.created_at
        assert fees[order.order_id] == was.commission
        if recorded_id in executed:
            assert order.cum_quantity == abs(executed[recorded_id].amount)
            assert order.average_price == executed[recorded_id].price
        else:
            assert order.cum_quantity == 0


def test_the_life_of_an_order_shows_its_partly_filled_state(demo_file: Path) -> None:
    """Every transaction of more than one unit comes as two executions; one of one unit as one."""
    with open_reader(demo_file) as reader:
        ledger = reader.strategy(STRATEGY)
        parts = Counter(fill.order_id for fill in ledger.find_fills(limit=None))
        filled = [order for order in ledger.find_orders(state="FILLED", limit=None) if order.details.origin is None]
        for order in filled:
            assert parts[order.order_id] == (1 if order.quantity == 1 else 2)
            states = [
                change.to_state
                for entry in ledger.get_history(order.order_id)
                for change in entry.changes
                if change.key == (order.order_id,) and change.event_type is not None
            ]
            expected = ["PLACED", "ACCEPTED", *["PARTIALLY_FILLED"] * (parts[order.order_id] - 1), "FILLED"]
            assert states == expected


def test_trades_are_round_trips_from_flat_to_flat(demo_file: Path) -> None:
    """Every fill is in one trade; closed trades are flat; their PnL and the positions' tell the same."""
    with open_reader(demo_file) as reader:
        ledger = reader.strategy(STRATEGY)
        trades = list(ledger.find_trades(limit=None))
        fills = list(ledger.find_fills(limit=None))
        positions = {symbol: ledger.get_position(symbol) for symbol in {fill.symbol for fill in fills}}
    members = Counter(order_id for trade in trades for order_id in trade.order_ids)
    assert set(members) == {fill.order_id for fill in fills}
    assert set(members.values()) == {1}
    assert Counter(str(trade.state) for trade in trades) == {"CLOSED": 30, "OPEN": 6}
    assert all(trade.is_flat for trade in trades if trade.closed_at)
    for symbol, position in positions.items():
        legs = [leg for trade in trades for leg in trade.legs if leg.symbol == symbol]
        flow = sum(leg.sold_value - leg.bought_value for leg in legs)
        cost = position.cost if position.quantity >= 0 else -position.cost
        assert position.realized_pnl == flow + cost


def test_the_close_out_without_an_order_went_through_quarantine(call: Call, demo_file: Path) -> None:
    """An execution under an id that nobody knew was kept, and booked once an order was recorded for it."""
    text = call("journal", demo_file, "close-out-DELL-2013-10-30").stdout
    events = re.findall(r"FACT_QUARANTINED|ORDER_PLACED|ORDER_FILLED|QUARANTINE_RESOLVED", text)
    assert events == ["FACT_QUARANTINED", "ORDER_PLACED", "ORDER_FILLED", "QUARANTINE_RESOLVED"]


def test_the_output_tells_progress_tables_agreement_and_what_to_type_next(demo_run: Result) -> None:
    """Talk goes to stderr, day by day; the answer to stdout, table by table."""
    assert demo_run.exit_code == 0
    assert len(re.findall(r"^day +\d+ of 39 ", demo_run.stderr, re.MULTILINE)) == 39
    headings = ("Open orders", "Positions (6)", "Trades (", "PnL", "The ledger's figures", "What to type next:")
    places = [demo_run.stdout.index(heading) for heading in headings]
    assert places == sorted(places)
    agreed = re.search(r"(\d+) of (\d+) figures agree within 1e-9; the largest difference is", demo_run.stdout)
    assert agreed is not None
    assert agreed[1] == agreed[2]
    assert "DIFFERS" not in demo_run.stdout


def test_what_it_says_to_type_next_works(call: Call, demo_run: Result) -> None:
    """Each command that is printed runs, with the real path, and answers."""
    lines = demo_run.stdout.split("What to type next:")[1].splitlines()
    commands = [shlex.split(line.split("  ")[1]) for line in lines if line.startswith("  strategy-ledger ")]
    assert len(commands) == 6
    for _, *arguments in commands:
        result = call(*arguments)
        assert (result.exit_code, bool(result.stdout)) == (0, True), arguments


def test_a_run_is_the_same_to_the_digest(call: Call, demo_file: Path, tmp_path: Path) -> None:
    """The clock is the stream's: a second file has the same journal, byte for byte."""
    again = tmp_path / "again.db"
    assert call("demo", again, "--durability", "none").exit_code == 0
    assert call("journal", again, "--jsonl").stdout == call("journal", demo_file, "--jsonl").stdout


def test_the_installed_command_makes_its_file_where_it_is_called(run_script: RunScript, tmp_path: Path) -> None:
    """Without a path the file is made in the current directory, anew each time; a file that is named is kept."""
    first = run_script("demo", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert (tmp_path / "strategy-ledger-demo.db").exists()
    before = fingerprint(tmp_path)
    second = run_script("demo", "strategy-ledger-demo.db", cwd=tmp_path)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.count("\n") == 1
    assert "--overwrite" in second.stderr
    assert fingerprint(tmp_path) == before
    third = run_script("demo", "--durability", "none", cwd=tmp_path)
    assert (third.returncode, third.stdout) == (0, first.stdout)


def test_overwrite_replaces_nothing_but_a_demonstration(call: Call, tmp_path: Path) -> None:
    """A bot's ledger, a text, a folder: whatever is not from a demonstration stays, --overwrite or not."""
    bot, text, folder = tmp_path / "bot.db", tmp_path / "notes.txt", tmp_path / "folder"
    fill_file(bot)
    text.write_text("mine")
    folder.mkdir()
    before = fingerprint(tmp_path)
    for path in (bot, text, folder):
        for options in ((), ("--overwrite",)):
            result = call("demo", path, *options)
            assert (result.exit_code in (2, 3), result.stdout) == (True, "")
            assert result.stderr.count("\n") == 1
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize(
    ("path", "exit_code"), [("no/such/folder/demo.db", 3), ("sqlite:///demo.db", 2), ("memory://", 2)]
)
def test_a_place_where_no_file_can_be_made_gets_one_line(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, exit_code: int
) -> None:
    """No folder is made for it, and no URL is taken for a file's name."""
    monkeypatch.chdir(tmp_path)
    result = call("demo", path)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_figure_that_differs_is_shown_and_ends_with_one(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agreement is computed: had the stream another PnL, the run would say so and fail."""
    right = RecordedStream.shipped()
    last = attrs.evolve(right.days[-1], pnl=right.days[-1].pnl + Decimal("0.000001"))
    wrong = RecordedStream((*right.days[:-1], last))
    monkeypatch.setattr(RecordedStream, "shipped", classmethod(lambda _: wrong))
    result = call("demo", tmp_path / "demo.db", "--durability", "none")
    assert result.exit_code == 1
    assert result.stdout.count("DIFFERS") == 2  # of that day, and of the sum
    assert result.stderr.splitlines()[-1].startswith("strategy-ledger: ")
    assert "What to type next" not in result.stdout


def _with_half_the_commission(day: Day) -> Day:
    return attrs.evolve(day, orders=tuple(attrs.evolve(order, commission=order.commission / 2) for order in day.orders))


def _with_one_unit_more(day: Day) -> Day:
    symbol, holding = next(iter(day.holdings.items()))
    return attrs.evolve(day, holdings={**day.holdings, symbol: attrs.evolve(holding, amount=holding.amount + 1)})


def _with_another_basis(day: Day) -> Day:
    symbol, holding = next(iter(day.holdings.items()))
    basis = holding.cost_basis + Decimal("1e-8")
    return attrs.evolve(day, holdings={**day.holdings, symbol: attrs.evolve(holding, cost_basis=basis)})


def _without_a_transaction(day: Day) -> Day:
    return attrs.evolve(day, transactions=day.transactions[1:])


@pytest.mark.parametrize(
    ("change", "figures"),
    [
        (_with_half_the_commission, {"commission"}),
        (_with_one_unit_more, {"MMM held", "MMM cost with commission"}),
        (_with_another_basis, {"MMM cost with commission"}),
        (_without_a_transaction, {"transactions", "units traded", "value traded, net"}),
    ],
)
def test_each_figure_is_compared(demo_file: Path, change: Callable[[Day], Day], figures: set[str]) -> None:
    """Whatever the last day of the stream said otherwise, the figures that depend on it differ."""
    stream = RecordedStream.shipped()
    changed = RecordedStream((*stream.days[:-1], change(stream.days[-1])))
    with open_reader(demo_file) as reader:
        books = agreement.Books.read(reader.strategy(STRATEGY))
    assert all(check.agrees for check in agreement.checks(books, stream))
    differing = {check.what for check in agreement.checks(books, changed) if not check.agrees}
    assert figures <= differing


def test_the_venue_rejects_what_was_not_recorded() -> None:
    """An order that the recording does not have, or of another quantity, is rejected rather than played."""
    stream = RecordedStream.shipped()
    venue = SimulatedVenue(stream)
    order = stream.days[0].new_orders[0]
    for symbol, quantity in (("NONE", order.quantity), (order.symbol, order.quantity + 1)):
        ticket = Ticket(order_id="x", symbol=symbol, is_buy=order.is_buy, quantity=quantity)
        venue.submit(ticket, stream.days[0].at)
        (reply,) = venue.replies()
        assert isinstance(reply, Rejected)


def test_the_stream_is_read_without_passing_through_floating_point() -> None:
    """Prices are the digits that stand in the file: as a float, this one would have many more."""
    prices = [transaction.price for transaction in RecordedStream.shipped().transactions()]
    assert Decimal("55.95000000033557") in prices
