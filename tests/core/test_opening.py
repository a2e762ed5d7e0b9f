"""Opening, reading only, closing: what may be asked of which ledger, and the reader over all strategies."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ledger_core import (
    InvalidValue,
    LedgerClosed,
    LedgerError,
    ReadOnlyLedger,
    StorageError,
    StrategyLedger,
    UnknownOrder,
    UnknownStorage,
    open_ledger,
    open_reader,
)
from support import START, DictCache, RecordingPublisher, SteppingClock, Store, fill, limit_order, market_order

OpenLedger = Callable[..., StrategyLedger]

COMMANDS: dict[str, Callable[[StrategyLedger], object]] = {
    "record_order": lambda ledger: ledger.record_order("O2", limit_order()),
    "request_order_cancel": lambda ledger: ledger.request_order_cancel("O1"),
    "request_order_replace": lambda ledger: ledger.request_order_replace("O1", {"quantity": 5}),
    "update_order_acceptance": lambda ledger: ledger.update_order_acceptance("O1"),
    "update_order_fill": lambda ledger: ledger.update_order_fill("O1", fill("F9", 1)),
    "update_order_rejection": lambda ledger: ledger.update_order_rejection("O1", "no"),
    "update_order_cancellation": lambda ledger: ledger.update_order_cancellation("O1"),
    "update_order_expiry": lambda ledger: ledger.update_order_expiry("O1"),
    "update_order_in_doubt": lambda ledger: ledger.update_order_in_doubt("O1"),
    "update_order_trigger": lambda ledger: ledger.update_order_trigger("O1"),
    "update_order_guarantee": lambda ledger: ledger.update_order_guarantee("O1"),
    "update_order_suspension": lambda ledger: ledger.update_order_suspension("O1"),
    "update_order_resumption": lambda ledger: ledger.update_order_resumption("O1"),
    "update_order_done_for_day": lambda ledger: ledger.update_order_done_for_day("O1"),
    "update_order_restatement": lambda ledger: ledger.update_order_restatement("O1", {"quantity": 5}),
    "update_order_replacement": lambda ledger: ledger.update_order_replacement("O1", changes={"quantity": 5}),
    "update_order_request_rejection": lambda ledger: ledger.update_order_request_rejection("O1", "no"),
    "bust_order_fill": lambda ledger: ledger.bust_order_fill("O1", "F1"),
    "correct_order_fill": lambda ledger: ledger.correct_order_fill("O1", "F1", fill("C1", 3)),
    "update_fill_fee": lambda ledger: ledger.update_fill_fee("O1", "F1", {"amount": 1, "currency": "USD"}),
    "report_order_status": lambda ledger: ledger.report_order_status("O1", {"cum_quantity": 5}),
    "record_adjustment": lambda ledger: ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}),
    "resolve_quarantined": lambda ledger: ledger.resolve_quarantined("Q1", {"dismiss": True, "reason": "test"}),
    "create_trade": lambda ledger: ledger.create_trade("T2", ["O1"]),
    "update_trade": lambda ledger: ledger.update_trade("T1", {"stop_price": 1}),
    "close_trade": lambda ledger: ledger.close_trade("T1"),
}
QUESTIONS: dict[str, Callable[[StrategyLedger], object]] = {
    "get_order": lambda ledger: ledger.get_order("O1"),
    "get_trade": lambda ledger: ledger.get_trade("T1"),
    "get_fill": lambda ledger: ledger.get_fill("O1", "F1"),
    "get_order_day": lambda ledger: ledger.get_order_day("O1", date(2026, 1, 5)),
    "get_open_positions": lambda ledger: ledger.get_open_positions(),
    "get_position": lambda ledger: ledger.get_position("ACME"),
    "get_position_exposure": lambda ledger: ledger.get_position_exposure("ACME"),
    "find_orders": lambda ledger: ledger.find_orders(),
    "find_fills": lambda ledger: ledger.find_fills(),
    "find_trades": lambda ledger: ledger.find_trades(),
    "find_adjustments": lambda ledger: ledger.find_adjustments(),
    "unresolved": lambda ledger: ledger.unresolved(),
    "quarantined": lambda ledger: ledger.quarantined(),
    "get_history": lambda ledger: ledger.get_history("O1"),
    "explain_pnl": lambda ledger: ledger.explain_pnl(symbol="ACME"),
    "get_net_pnl": lambda ledger: ledger.get_net_pnl("T1", currency="USD"),
    "get_trade_statistics": lambda ledger: ledger.get_trade_statistics("T1"),
    "as_of": lambda ledger: ledger.as_of(recorded=START),
    "reconcile": lambda ledger: ledger.reconcile({"open_orders": []}),
    "verify": lambda ledger: ledger.verify(),
    "read_journal": lambda ledger: ledger.read_journal(),
    "head": lambda ledger: ledger.head(),
}


@pytest.fixture
def lived(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with a part-filled order and an open trade."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4))
    ledger.create_trade("T1", ["O1"])
    return ledger


def test_every_command_and_question_is_here() -> None:
    """The tables of this module are the public face."""
    face = {name for name in dir(StrategyLedger) if not name.startswith("_")}
    of_the_object = {
        "archivist", "forget_subscriber", "note_upkeep", "rebuild", "skip_entry",
        "batch", "close", "follow", "pending", "publish_pending", "read_only", "strategy_id", "subscribe",
    }  # fmt: skip
    assert face == set(COMMANDS) | set(QUESTIONS) | of_the_object


@pytest.mark.parametrize("name", [*COMMANDS, *QUESTIONS])
def test_closed_ledger_answers_nothing(lived: StrategyLedger, published: RecordingPublisher, name: str) -> None:
    """LedgerClosed at the call, not later."""
    lived.close()
    count = len(published.events)
    with pytest.raises(LedgerClosed):
        {**COMMANDS, **QUESTIONS}[name](lived)
    assert len(published.events) == count


@pytest.mark.parametrize("name", COMMANDS)
def test_read_only_ledger_takes_no_command(lived: StrategyLedger, open_ledger_on: OpenLedger, name: str) -> None:
    """Nor does a batch of it; nothing is written or filed."""
    reading = open_ledger_on(read_only=True)
    head = lived.head()
    with pytest.raises(ReadOnlyLedger):
        COMMANDS[name](reading)
    with pytest.raises(ReadOnlyLedger), reading.batch() as batch:
        COMMANDS[name](batch)  # type: ignore[arg-type]  # a batch has the same commands
    assert lived.head() == head
    assert reading.read_only
    assert not lived.read_only


@pytest.mark.parametrize("name", [name for name in QUESTIONS if not name.startswith(("find", "read"))])
def test_read_only_ledger_answers_as_the_writer_does(
    lived: StrategyLedger, open_ledger_on: OpenLedger, name: str
) -> None:
    """Beside the writer, and what it committed since."""
    reading = open_ledger_on(read_only=True)
    assert QUESTIONS[name](reading) == QUESTIONS[name](lived)
    lived.update_order_fill("O1", fill("F2", 1))
    assert QUESTIONS[name](reading) == QUESTIONS[name](lived)


def test_read_only_ledger_owns_no_subscriber(open_ledger_on: OpenLedger, lived: StrategyLedger) -> None:
    """A cursor is written; a reader has none."""
    reading = open_ledger_on(read_only=True)
    with pytest.raises(ReadOnlyLedger):
        reading.subscribe("monitor", RecordingPublisher().publish)
    with pytest.raises(ReadOnlyLedger):
        open_ledger_on(read_only=True, publisher=RecordingPublisher())
    assert lived.pending("publisher") == 0


def test_closing_twice_is_fine_and_a_with_block_closes(open_ledger_on: OpenLedger) -> None:
    """Whatever happened inside."""
    ledger = open_ledger_on()

    def work() -> None:
        with ledger:
            ledger.record_order("O1", limit_order())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    with pytest.raises(LedgerClosed):
        ledger.get_order("O1")
    ledger.close()
    assert open_ledger_on().get_order("O1").state == "PLACED"


def test_unknown_scheme_names_the_adapters_that_are_there() -> None:
    """There is no fallback."""
    for call in (lambda: open_ledger("oracle://x", strategy_id="alpha"), lambda: open_reader("oracle://x")):
        with pytest.raises(UnknownStorage) as refused:
            call()
        assert {"memory", "sqlite"} <= set(refused.value.known)
        assert isinstance(refused.value, LookupError)


def test_plain_path_is_an_sqlite_file(tmp_path: Path, clock: SteppingClock) -> None:
    """A str or a path-like; it is made for writing and never for reading."""
    path = tmp_path / "orders.db"
    with pytest.raises(StorageError):
        open_ledger(path, strategy_id="alpha", read_only=True)
    with pytest.raises(StorageError):
        open_reader(path)
    assert list(tmp_path.iterdir()) == []
    with open_ledger(path, strategy_id="alpha", clock=clock) as ledger:
        ledger.record_order("O1", limit_order())
    with open_ledger(str(path), strategy_id="alpha", read_only=True) as ledger:
        assert ledger.get_order("O1").state == "PLACED"


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"overfill": "ignore"}, "overfill"),
        ({"publisher": object()}, "publisher"),
        ({"cache": object()}, "cache"),
        ({"strategy_id": ""}, "strategy_id"),
        ({"strategy_id": "x" * 129}, "strategy_id"),
        ({"strategy_id": "a\nb"}, "strategy_id"),
    ],
)
def test_wrong_option_is_refused_on_opening(store: Store, options: dict[str, object], argument: str) -> None:
    """And nothing stays open behind it."""
    with pytest.raises(InvalidValue) as refused:
        store.open(**options)  # type: ignore[arg-type]  # what a caller might give
    assert refused.value.argument == argument
    assert store.open(publisher=RecordingPublisher(), cache=DictCache()).head().sequence == 0


def test_strategy_of_a_ledger_is_known(open_ledger_on: OpenLedger) -> None:
    """strategy_id is what it was opened for."""
    assert open_ledger_on("beta").strategy_id == "beta"


# -- the reader over all strategies -----------------------------------------------------------------------------------


@pytest.fixture
def strategies(open_ledger_on: OpenLedger) -> dict[str, StrategyLedger]:
    """Return three strategies in one store: two hold ACME on opposite sides, one has only a filed fact."""
    ledgers = {name: open_ledger_on(name) for name in ("beta", "alpha", "gamma")}
    for name, side, quantity in (("alpha", "BUY", 10), ("beta", "SELL", 4)):
        ledger = ledgers[name]
        ledger.record_order("O1", market_order(side, quantity))
        ledger.update_order_fill("O1", fill("F1", quantity, 100))
        ledger.create_trade("T1", ["O1"])
        ledger.record_order("O2", limit_order(side, 5))
    ledgers["beta"].record_order("O3", limit_order("BUY", 3, symbol="OTHER"))
    ledgers["beta"].update_order_in_doubt("O3")
    with pytest.raises(UnknownOrder):
        ledgers["gamma"].update_order_fill("O9", fill("F1", 7, symbol="THIRD", side="SELL"))
    return ledgers


def test_reader_sees_every_strategy(store: Store, strategies: dict[str, StrategyLedger]) -> None:
    """Open orders, doubtful ones first; open trades; positions; filed facts; each with its strategy."""
    reader = store.reader()
    assert list(reader.strategies()) == ["alpha", "beta", "gamma"]
    assert [(name, order.order_id) for name, order in reader.get_open_orders()] == [
        ("beta", "O3"), ("alpha", "O2"), ("beta", "O2"),
    ]  # fmt: skip
    assert [(name, trade.trade_id) for name, trade in reader.get_open_trades()] == [("alpha", "T1"), ("beta", "T1")]
    assert [(name, position.quantity) for name, position in reader.get_open_positions()] == [
        ("alpha", 10),
        ("beta", -4),
    ]
    assert [(name, fact.symbol) for name, fact in reader.quarantined()] == [("gamma", "THIRD")]
    assert reader.strategy("alpha").get_order("O1") == strategies["alpha"].get_order("O1")


def test_reader_sums_exposure_over_strategies(store: Store, strategies: dict[str, StrategyLedger]) -> None:
    """Held, ordered and filed, by symbol."""
    reader = store.reader()
    acme = reader.get_exposure("ACME")
    assert (acme.net_quantity, acme.long_quantity, acme.short_quantity, acme.gross_quantity) == (6, 10, 4, 14)
    assert (acme.pending_buy_quantity, acme.pending_sell_quantity) == (5, 5)
    assert (acme.worst_case_long, acme.worst_case_short, acme.average_price) == (11, 1, None)
    found = {exposure.symbol: exposure for exposure in reader.get_exposures()}
    assert list(found) == ["ACME", "OTHER", "THIRD"]
    assert (found["OTHER"].pending_buy_quantity, found["THIRD"].worst_case_short) == (3, -7)
    assert reader.get_exposure("NEVER").gross_quantity == 0


def test_reader_averages_over_strategies_and_lists_what_has_no_quantity(
    open_ledger_on: OpenLedger, store: Store
) -> None:
    """Two strategies long the same have one average price; an order by cash is named, not counted."""
    for number, (name, price) in enumerate((("alpha", 100), ("beta", 103))):
        ledger = open_ledger_on(name)
        ledger.record_order("O1", market_order("BUY", 10 * (number + 1)))
        ledger.update_order_fill("O1", fill("F1", 10 * (number + 1), price))
    by_cash = {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "cash_quantity": 500, "cash_currency": "USD"}
    open_ledger_on("gamma").record_order("M1", by_cash)
    exposure = store.reader().get_exposure("ACME")
    assert (exposure.symbol, exposure.long_quantity, exposure.average_price) == ("ACME", 30, 102)
    assert exposure.unquantified_order_ids == ("M1",)


def test_reader_follows_what_is_committed(store: Store, strategies: dict[str, StrategyLedger]) -> None:
    """A new strategy and new facts show at the next question."""
    reader = store.reader()
    assert len(reader.get_open_orders()) == 3
    strategies["alpha"].update_order_cancellation("O2")
    store.open("delta").record_order("O1", limit_order())
    assert [name for name, _ in reader.get_open_orders()] == ["beta", "beta", "delta"]
    assert list(reader.strategies()) == ["alpha", "beta", "delta", "gamma"]


def test_reader_changes_nothing(store: Store, strategies: dict[str, StrategyLedger]) -> None:
    """Its ledgers take no commands, and asking for a strategy that is not there makes none."""
    reader = store.reader()
    with pytest.raises(ReadOnlyLedger):
        reader.strategy("alpha").record_order("O9", limit_order())
    assert reader.strategy("nobody").get_open_positions() == []
    assert list(reader.strategies()) == ["alpha", "beta", "gamma"]


def test_closed_reader_answers_nothing(store: Store, strategies: dict[str, StrategyLedger]) -> None:
    """Nor do the ledgers that it gave out; closing twice is fine."""
    with store.reader() as reader:
        ledger = reader.strategy("alpha")
        assert reader.strategy("alpha") is ledger
    reader.close()
    for call in (
        reader.strategies,
        reader.get_open_orders,
        reader.get_exposures,
        lambda: reader.get_exposure("ACME"),
        lambda: reader.strategy("beta"),
        ledger.unresolved,
    ):
        with pytest.raises(LedgerError):
            call()
