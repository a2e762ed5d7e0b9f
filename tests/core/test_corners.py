"""Cases that are rare in a strategy's life, and that somebody relies on all the same, command by command."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from transitions import Machine

from ledger_core import (
    Difference,
    Fee,
    Finding,
    IdempotencyConflict,
    InvalidValue,
    OutcomeUnknown,
    OverfillError,
    StorageError,
    StrategyLedger,
    UnknownOrder,
    _machine,
    codec,
)
from ledger_core._texts import _encoder
from ledger_core.lifecycle import TradeEvent, TradeState
from ledger_core.numbers import load_date, load_time
from ledger_core.testing.samples import variations
from support import RecordingPublisher, SteppingClock, Store, fill, limit_order, market_order
from support.repositories import FaultyRepository
from support.trading import at, traded

OpenLedger = Callable[..., StrategyLedger]


# -- records and what is stored of them -------------------------------------------------------------------------------


def test_json_of_a_record_cannot_be_changed(ledger: StrategyLedger) -> None:
    """A caller that writes into the metadata of an answer would change what the ledger holds: it is refused."""
    metadata: Any = ledger.record_order("O1", limit_order(metadata={"a": 1})).details.metadata
    for change in (lambda: metadata.update(a=2), metadata.clear, lambda: metadata.__setitem__("b", 1)):
        with pytest.raises(TypeError, match="frozen"):
            change()
    assert ledger.get_order("O1").details.metadata == {"a": 1}


def test_entry_has_no_other_fields(ledger: StrategyLedger) -> None:
    """Whoever looks for a field that entries do not have is told so, as of any object."""
    ledger.record_order("O1", limit_order())
    (entry,) = ledger.read_journal()
    assert not hasattr(entry, "payload")
    with pytest.raises(AttributeError, match="an entry has no 'payload'"):
        entry.payload  # noqa: B018  # reading it is the test


def test_metadata_is_measured_in_bytes(ledger: StrategyLedger) -> None:
    """Text of few characters may have too many bytes: what is kept is bounded in bytes."""
    with pytest.raises(InvalidValue, match="18012 bytes as JSON, at most 16384"):
        ledger.record_order("O1", limit_order(metadata={"text": "漢" * 6000}))


def test_python_without_an_accelerator_writes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain must not depend on how Python was built: the slow encoder's JSON is the fast one's."""
    value: Any = {"b": ["漢", 1.5, None, True, 'a"\n\x7f'], "a": {"z": -1, "é": ()}}
    fast = codec.canonical_json(value)
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    assert _encoder()(value).encode() == fast


@pytest.mark.parametrize("text", ["2026-01-05 09:00:00.000000Z", "2026-01-05T09:00:00,000000Z"])
def test_stored_time_has_one_form(text: str) -> None:
    """A time that was written otherwise than the ledger writes it is no time of the ledger's."""
    with pytest.raises(ValueError, match="not a time as it is stored"):
        load_time(text)


@pytest.mark.parametrize("text", ["20260105", "2026-W02-1", 20260105])
def test_stored_date_has_one_form(text: object) -> None:
    """A date that was written otherwise than the ledger writes it is no date of the ledger's."""
    with pytest.raises(ValueError, match="not a date as it is stored"):
        load_date(text)


def test_difference_without_a_place_says_what_it_knows() -> None:
    """What is wrong with the store as a whole has no entry and no record, and reads as a sentence all the same."""
    difference = Difference(what=Finding.INDEX_DIFFERS, field="schema", found="a trigger was added")
    assert str(difference) == "INDEX_DIFFERS, schema: expected None, found 'a trigger was added'"


def test_field_of_an_unknown_type_has_no_samples() -> None:
    """A new kind of field must be given values, or adapters would not be tested with it: it is refused by name."""

    @attrs.frozen
    class Strange:
        number: complex = 1j

    with pytest.raises(TypeError, match="give samples some values of"):
        list(variations(Strange()))


def test_library_that_reads_other_rows_is_found_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lifecycle is what its rows say, or the import fails: a library that loses one is not believed."""

    class Forgetful(Machine):
        def __init__(self, *, transitions: list[Any], **options: Any) -> None:
            super().__init__(transitions=transitions[:-1], **options)

    rows: Any = [
        (None, TradeEvent.CREATION, TradeState.OPEN),
        ({TradeState.OPEN}, TradeEvent.CLOSURE, TradeState.CLOSED),
    ]
    monkeypatch.setattr(_machine, "Machine", Forgetful)
    with pytest.raises(_machine.MachineDefinitionError, match="differs from its rows"):
        _machine.compile_machine("trade", TradeState, TradeEvent, rows)


# -- corrections of what waits in quarantine --------------------------------------------------------------------------


def test_correction_of_a_waiting_fill_is_known_by_its_id(ledger: StrategyLedger) -> None:
    """Told again it is a repeat, told otherwise a conflict; a second correction comes on top of the first."""
    ledger.record_order("O1", limit_order(quantity=5))
    with pytest.raises(OverfillError):
        ledger.update_order_fill("O1", fill("F1", 9))
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 8, "price": 100})
    head = ledger.head()
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 8, "price": 100})
    with pytest.raises(IdempotencyConflict) as refused:
        ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 7, "price": 100})
    assert (refused.value.recorded.quantity, refused.value.given.quantity) == (8, 7)
    assert ledger.head() == head
    ledger.correct_order_fill("O1", "C1", {"fill_id": "C2", "quantity": 5, "price": 100})
    assert (ledger.get_order("O1").state, ledger.quarantined()) == ("FILLED", [])


def test_retries_of_one_command_are_bounded(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much waits, one command ends: what it did not get to is tried with the next."""
    monkeypatch.setattr("ledger_core.decide.quarantine.RETRIES_MAX", 2)
    for number in range(4):
        with pytest.raises(UnknownOrder):
            ledger.update_order_fill("O1", fill(f"F{number}", 1))
    assert ledger.record_order("O1", limit_order()).cum_quantity == 2
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    assert (ledger.get_order("O1").cum_quantity, ledger.quarantined()) == (4, [])


# -- splits and terms that concern some alone -------------------------------------------------------------------------


def test_split_at_one_venue_leaves_trades_at_another_alone(ledger: StrategyLedger) -> None:
    """A trade in the same symbol elsewhere gets no new version, and no event."""
    ledger.record_order("O1", market_order(venue="XNAS"))
    ledger.update_order_fill("O1", fill("F1", 10))
    ledger.record_order("O2", market_order(venue="XLON"))
    ledger.update_order_fill("O2", fill("F1", 10))
    trades = [ledger.create_trade(f"T{number}", [f"O{number}"]) for number in (1, 2)]
    ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "venue": "XNAS", "ratio": 2})
    assert ledger.get_trade("T1").open_quantity == 20
    assert ledger.get_trade("T2") == trades[1]


def test_terms_that_become_known_leave_other_venues_alone(ledger: StrategyLedger) -> None:
    """Positions and trades of the same symbol at another venue are of another instrument."""
    for number, venue in enumerate(("XNAS", "XLON")):
        ledger.record_order(f"O{number}", market_order(venue=venue))
        ledger.update_order_fill(f"O{number}", fill("F1", 5))
        ledger.create_trade(f"T{number}", [f"O{number}"])
    other = ledger.get_trade("T1"), ledger.get_position("ACME", venue="XLON")
    ledger.record_order("O9", market_order(venue="XNAS", currency="USD"))
    assert (ledger.get_trade("T0").currency, ledger.get_position("ACME", venue="XNAS").currency) == ("USD", "USD")
    assert (ledger.get_trade("T1"), ledger.get_position("ACME", venue="XLON")) == other


def test_inverse_contract_has_no_price_of_zero(ledger: StrategyLedger) -> None:
    """What one divides by cannot be zero: neither in an adjustment nor in a mark; nothing is written."""
    ledger.record_order("O1", market_order(inverse=True, base_currency="BTC", currency="USD"))
    ledger.update_order_fill("O1", fill("F1", 10))
    ledger.create_trade("T1", ["O1"])
    head = ledger.head()
    given = {"kind": "TRANSFER", "symbol": "ACME", "quantity": 5, "price": 0}
    with pytest.raises(InvalidValue) as refused:
        ledger.record_adjustment("A1", given)
    assert refused.value.argument == "adjustment.price"
    with pytest.raises(InvalidValue) as refused:
        ledger.get_trade_statistics("T1", [(at(1), 0)])
    assert refused.value.argument == "marks[0].price"
    assert ledger.head() == head


def test_risk_of_an_inverse_trade_with_a_stop_at_zero_has_no_limit(ledger: StrategyLedger) -> None:
    """The loss of a long inverse contract grows without bound towards zero: no risk is made up."""
    ledger.record_order("O1", market_order(inverse=True, base_currency="BTC", currency="USD"))
    ledger.update_order_fill("O1", fill("F1", 10))
    ledger.create_trade("T1", ["O1"], {"stop_price": 0})
    found = ledger.get_trade_statistics("T1")
    assert (found.initial_risk, found.r_multiple) == (None, None)


# -- money ------------------------------------------------------------------------------------------------------------


def test_stop_that_was_stated_after_a_split_is_in_new_units(
    ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the splits since then divide it, wherever in a long history of the trade it was stated."""
    monkeypatch.setattr("ledger_core.money.PAGE_SIZE_MAX", 1)
    ledger.record_order("O1", market_order(), occurred_at=at(0))
    ledger.update_order_fill("O1", fill("F1", 10, 100, executed_at=at(1)))
    ledger.create_trade("T1", ["O1"], occurred_at=at(2))
    split = {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}
    ledger.record_adjustment("A1", split, occurred_at=at(3))
    ledger.update_trade("T1", {"tags": ["x"]}, occurred_at=at(4))
    ledger.update_trade("T1", {"stop_price": 45}, occurred_at=at(5))
    assert ledger.get_trade_statistics("T1").initial_risk == 100
    ledger.record_adjustment("A2", split, occurred_at=at(6))
    assert ledger.get_trade_statistics("T1").initial_risk == 100


def test_cash_flow_without_a_rate_is_listed() -> None:
    """It is not taken for zero, nor for money of the currency that was asked for."""
    ledger = traded(("BUY", 10, 100))
    given = {"kind": "FUNDING", "symbol": "ACME", "amount": 3, "currency": "EUR"}
    ledger.record_adjustment("A1", given, occurred_at=at(5))
    net = ledger.get_net_pnl(symbol="ACME", currency="USD")
    assert (net.cash_flows, net.is_complete, len(net.unconverted)) == (0, False, 1)


def test_explanation_of_a_symbol_lists_the_adjustments_of_all_its_positions() -> None:
    """What moved the figure without a fill is found at the top of the tree."""
    ledger = traded(("BUY", 10, 100))
    ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(5))
    found = ledger.explain_pnl(symbol="ACME")
    assert [one.adjustment_id for one in found.adjustments] == ["A1"]


def test_trade_that_flips_is_explained_in_two_moves() -> None:
    """The fill that closes what was held and opens the other side is two parts that add up to it."""
    ledger = traded(("BUY", 10, 100), ("SELL", 15, 110), ("BUY", 5, 90))
    ledger.create_trade("T1", ["BUY", "SELL"])
    found = ledger.explain_pnl("T1", cost_method="fifo")
    assert [(one.quantity, one.realized_pnl) for one in found.matches] == [(10, 100), (5, 100)]
    assert found.realized_pnl == ledger.get_trade("T1").realized_pnl == 200


def test_fill_that_is_all_fee_moves_nothing() -> None:
    """Where the fee took all units that were bought, the trade holds none, and nothing is matched."""
    ledger = traded(symbol="BTC/USDT", currency="USDT", base_currency="BTC")
    data = fill("F0", "0.01", 100, fees=[{"amount": "0.01", "currency": "BTC"}], fee_in_base=True)
    ledger.update_order_fill("BUY", data)
    ledger.create_trade("T1", ["BUY"])
    for found in (ledger.explain_pnl("T1", cost_method="fifo"), ledger.explain_pnl(symbol="BTC/USDT")):
        assert (found.matches, found.open_lots) == ((), ())
    assert ledger.get_fill("BUY", "F0").fees == (Fee("BTC", Decimal("0.01")),)


# -- batches ----------------------------------------------------------------------------------------------------------


def test_late_fills_of_one_batch_see_what_the_others_made_of_flat_points(ledger: StrategyLedger) -> None:
    """A point at which the position was flat before the batch, and is no more, is no place to fold from."""
    for side in ("BUY", "SELL"):
        ledger.record_order(side, market_order(side, 100), occurred_at=at(0))
    ledger.update_order_fill("BUY", fill("F1", 5, 100, executed_at=at(10)))
    ledger.update_order_fill("SELL", fill("F2", 5, 110, executed_at=at(20)))
    ledger.update_order_fill("BUY", fill("F6", 1, 100, executed_at=at(60)))
    with ledger.batch() as batch:
        batch.update_order_fill("BUY", fill("F3", 2, 90, executed_at=at(15)))
        batch.update_order_fill("SELL", fill("F4", 1, 120, executed_at=at(30)))
    position = ledger.get_position("ACME")
    cost = (Decimal(5 * 100 + 2 * 90) / 7).quantize(Decimal("1.000000000000000000"))
    assert (position.quantity, round(position.realized_pnl, 9)) == (2, round(5 * 110 + 120 - 6 * cost, 9))
    assert ledger.verify().is_intact


def test_dust_leaves_with_what_it_was_bought_with() -> None:
    """A lot so small that its share of a sale rounds to all of it is gone; the lots still add up to the position."""
    ledger = traded(("BUY", "0.000000000000000001", 1), ("BUY", 10, 1), ("SELL", 9, 2))
    found = ledger.explain_pnl(symbol="ACME")
    position = ledger.get_position("ACME")
    assert [one.quantity for one in found.open_lots] == [position.quantity]
    assert sum(one.cost for one in found.open_lots) == position.cost


# -- a subscriber's skipped entry, and a cache ------------------------------------------------------------------------


def test_retried_skip_is_noted_once(store: Store, clock: SteppingClock) -> None:
    """A skip whose answer was lost is given again, and is in the journal once."""

    class Blind(FaultyRepository):
        is_blind = False

        def read(self, after: int, *arguments: Any, **options: Any) -> Any:
            if self.is_blind:
                raise StorageError("the disk reported an error")
            return super().read(after, *arguments, **options)

        def append(self, entries: Any, cursors: Any = ()) -> None:
            try:
                super().append(entries, cursors)
            except OutcomeUnknown:
                self.is_blind = True
                raise

    repository = Blind(store.repository())
    ledger = StrategyLedger(repository, clock=clock)
    ledger.record_order("O1", limit_order())
    publisher = RecordingPublisher()

    def refuse(name: str, payload: Any) -> None:
        if payload["sequence"] == 1:
            raise RuntimeError("never")
        publisher.publish(name, payload)

    ledger.subscribe("monitor", refuse)
    repository.fail_after_storing(OutcomeUnknown("the answer was lost"))
    with pytest.raises(OutcomeUnknown):
        ledger.skip_entry("monitor", 1, "it cannot be taken")
    repository.is_blind = False
    ledger.skip_entry("monitor", 1, "it cannot be taken")
    assert [entry.operation for entry in ledger.read_journal()] == ["record_order", "skip_entry"]
    assert ledger.pending("monitor") == 0


# -- looking back -----------------------------------------------------------------------------------------------------


def test_history_of_many_pages_is_folded_as_one_of_one(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was believed at a moment does not depend on how many entries are read at a time."""
    ledger.record_order("O1", limit_order(), occurred_at=at(0))
    for number in range(6):
        ledger.update_order_fill("O1", fill(f"F{number}", 1, executed_at=at(number + 1)))
    whole = ledger.as_of(occurred=at(4)).get_order("O1")
    monkeypatch.setattr("ledger_core.past.PAGE_SIZE_MAX", 2)
    assert ledger.as_of(occurred=at(4)).get_order("O1") == whole
    assert whole.cum_quantity == 4


def test_request_from_before_its_order_is_of_no_order_then(ledger: StrategyLedger) -> None:
    """A request whose caller gave it an earlier time than its order's is not shown on an order that was not there."""
    ledger.record_order("O1", limit_order(), occurred_at=at(10))
    ledger.request_order_cancel("O1", occurred_at=at(5))
    view = ledger.as_of(occurred=at(7))
    assert list(view.find_orders()) == []
    assert len(ledger.as_of(occurred=at(20)).get_order("O1").requests) == 1


def test_moment_before_a_trade_was_closed_shows_it_open(ledger: StrategyLedger) -> None:
    """A trade is closed from its closing time on, whatever was told in between."""
    ledger.record_order("O1", market_order(), occurred_at=at(0))
    ledger.update_order_fill("O1", fill("F1", 10, executed_at=at(1)))
    ledger.create_trade("T1", ["O1"], occurred_at=at(2))
    ledger.record_order("O2", market_order("SELL"), occurred_at=at(3))
    ledger.update_order_fill("O2", fill("F1", 10, executed_at=at(4)))
    ledger.close_trade("T1", {"order_ids": ["O2"]}, occurred_at=at(30))
    ledger.update_fill_fee("O1", "F1", [{"amount": 1, "currency": "USD"}], occurred_at=at(5))
    trade = ledger.as_of(occurred=at(10)).get_trade("T1")
    assert (trade.state, trade.closed_at) == ("OPEN", None)
    assert ledger.as_of(occurred=at(30) + timedelta(seconds=1)).get_trade("T1").state == "CLOSED"
