"""Beancount reads what is exported to it, finds nothing wrong, and has the ledger's balances."""

import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.books import fill_with_everything, library, totals
from ledger_core import LedgerReader, Position, StorageCorrupt, StrategyLedger
from ledger_core.model import RecordKind
from ledger_core.numbers import ZERO, negated, plain, plus
from ledger_interop.exporting import DoesNotFit, export, moves, snapshot_of
from ledger_interop.exporting.beancount import beancount_lines
from ledger_interop.exporting.beancount_names import Names
from reliability.workload import StepClock, run_step, steps_of
from support import fill, market_order
from support.trading import traded


def _text(source: Any) -> str:
    return "\n".join(beancount_lines(snapshot_of(source))) + "\n"


def _loaded(text: str) -> list[Any]:
    """Let beancount read a file, which must be free of errors; return its transactions."""
    loader = library("beancount.loader")
    data = library("beancount.core.data")
    entries, errors, _ = loader.load_string(text)
    assert [f"{error.source['lineno']}: {error.message}" for error in errors] == []
    return [entry for entry in entries if isinstance(entry, data.Transaction)]


def _balances(transactions: list[Any]) -> dict[tuple[str, str], Decimal]:
    """Add up the postings exactly; each transaction must come to nothing in every commodity, without any tolerance."""
    for transaction in transactions:
        assert totals((posting.units.currency, posting.units.number) for posting in transaction.postings) == {}
    return totals(
        ((posting.account, posting.units.currency), posting.units.number)
        for transaction in transactions
        for posting in transaction.postings
    )


def _positions(ledger: StrategyLedger) -> list[Position]:
    moment = ledger.head().recorded_at
    return [one for one in ledger.as_of(recorded=moment).records(RecordKind.POSITION) if isinstance(one, Position)]


def _signed_cost(position: Position) -> Decimal:
    return position.cost if (position.quantity > 0) != position.inverse else negated(position.cost)


def _at_end(balances: dict[tuple[str, str], Decimal], pattern: str) -> dict[Any, Decimal]:
    """Return sums of the accounts that match, by what the pattern's groups found and by commodity."""
    found = []
    for (account, commodity), amount in balances.items():
        matched = re.fullmatch(pattern, account)
        if matched is not None:
            found.append(((*matched.groups(), commodity), amount))
    return totals(found)


def _compare(ledger: StrategyLedger, strategy: str, balances: dict[tuple[str, str], Decimal]) -> None:
    positions = _positions(ledger)
    names = {position.symbol: re.sub("[^A-Za-z0-9]+", "-", position.symbol) for position in positions}
    money = {position.symbol: position.money_currency or "XXX" for position in positions}
    commodity = {symbol: name.upper() for symbol, name in names.items()}
    keyed = [((one.position_side.value.capitalize(), names[one.symbol]), one) for one in positions]
    assert _at_end(balances, rf"Assets:{strategy}:[^:]+:[^:]+:([^:]+):([^:]+):Units") == totals(
        ((*key, commodity[one.symbol]), one.quantity) for key, one in keyed
    )
    assert _at_end(balances, rf"Assets:{strategy}:[^:]+:[^:]+:([^:]+):([^:]+):Cost") == totals(
        ((*key, money[one.symbol]), _signed_cost(one)) for key, one in keyed
    )
    assert _at_end(balances, f"Income:{strategy}:Realized:([^:]+)") == totals(
        ((names[one.symbol], money[one.symbol]), negated(one.realized_pnl)) for one in positions
    )
    assert _at_end(balances, f"Expenses:{strategy}:Fees:[^:]+") == totals(
        ((fee.currency,), fee.amount) for one in positions for fee in one.fees
    )
    flows = {"Income:{}:Funding": "FUNDING", "Income:{}:Dividends": "DIVIDEND", "Expenses:{}:Interest": "INTEREST"}
    for account, kind in flows.items():
        assert _at_end(balances, account.format(strategy)) == totals(
            ((flow.currency,), flow.amount if kind == "INTEREST" else negated(flow.amount))
            for one in positions
            for flow in one.cash_flows
            if flow.adjustment_kind == kind
        )


def test_balances_are_the_ledgers(rich: LedgerReader) -> None:
    """Units, cost, realized PnL by symbol, fees and cash flows of every strategy are the ledger's, to the last digit."""
    balances = _balances(_loaded(_text(rich)))
    for strategy_id, strategy in (("alpha", "Alpha"), ("desk 1", "Desk-1"), ("desk 2", "Desk-2")):
        _compare(rich.strategy(strategy_id), strategy, balances)


@pytest.mark.parametrize("seed", range(10, 22))
def test_balances_of_random_days_are_the_ledgers(seed: int, store: Any) -> None:
    """So they are after any day with busts, corrections, late fills, transfers and resolved quarantine."""
    clock = StepClock()
    with store.open("alpha", clock=clock) as ledger:
        for step in steps_of(seed, 150):
            run_step(ledger, clock, step)
        _compare(ledger, "Alpha", _balances(_loaded(_text(ledger))))


def test_cash_is_what_flowed(ledger: StrategyLedger) -> None:
    """Cash is what was paid for fills, fees in kind included in their price, and other fees and flows."""
    fill_with_everything(ledger)
    balances = _balances(_loaded(_text(ledger)))
    expected: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for one in ledger.find_fills(symbol="BTC/USDT", limit=None):
        value = one.price * one.quantity
        expected["USDT"] = plus(expected["USDT"], negated(value) if one.side.is_buy else value)
        for fee in one.fees:
            if not one.fee_in_base:
                expected[fee.currency] = plus(expected[fee.currency], negated(fee.amount))
    expected["USDT"] = plus(expected["USDT"], Decimal("-2.5"))  # interest
    cash = _at_end(balances, "Assets:Alpha:X:No-Account:Cash")
    assert cash == {(currency,): plain(amount) for currency, amount in expected.items() if amount}


def test_the_file_proves_itself(rich: LedgerReader) -> None:
    """One changed digit of any posting, and beancount refuses the file."""
    text = _text(rich)
    loader = library("beancount.loader")
    assert text.count(" balance ") > 20
    changed = text.replace("Units  7 ACME", "Units  8 ACME", 1)
    assert changed != text
    assert loader.load_string(changed)[1]
    both = changed.replace("Equity:Alpha:Units  -7 ACME", "Equity:Alpha:Units  -8 ACME", 1)
    messages = [error.message for error in loader.load_string(both)[1]]
    assert messages
    assert all(message.startswith("Balance failed") for message in messages)


def test_an_empty_ledger_is_an_empty_book(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Without a fill there is no transaction, and still a file that beancount reads."""
    done = export(ledger, tmp_path / "book.beancount", "beancount")
    assert _loaded((tmp_path / "book.beancount").read_text("utf-8")) == []
    assert done.files[0].rows == 0


def test_transactions_are_counted(ledger: StrategyLedger, tmp_path: Path) -> None:
    """The rows of the answer are the transactions of the file, whatever the order ids look like."""
    ledger.record_order("a * b", market_order(symbol="A * B"))
    ledger.update_order_fill("a * b", fill("1970 * 1", 10))
    done = export(ledger, tmp_path / "book.beancount", "beancount")
    assert done.files[0].rows == len(_loaded((tmp_path / "book.beancount").read_text("utf-8"))) == 1


def test_sums_that_beancount_rounds_are_refused() -> None:
    """Beancount adds with 28 digits; what has more is an error, not a book that is off by a little."""
    ledger = traded(("BUY", "1.000000000000000001", "1000000.00000000001"))
    with pytest.raises(DoesNotFit, match="beancount rounds beyond 28"):
        _text(ledger)


def test_a_currency_that_nobody_gave_is_named_so(ledger: StrategyLedger) -> None:
    """XXX is ISO 4217's word for no currency."""
    ledger.record_order("A", market_order())
    ledger.update_order_fill("A", fill("F", 10, "2.5"))
    assert _balances(_loaded(_text(ledger)))["Assets:Alpha:No-Venue:No-Account:Cash", "XXX"] == -25


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=30), unique=True))
def test_names_stay_apart_and_can_be_read(given_names: list[str]) -> None:
    """Any two symbols, currencies, venues or accounts get two names, which beancount's grammar takes."""
    names = Names()
    commodities = [names.commodity(name) for name in given_names]
    parts = [names.part(name) for name in given_names]
    assert len(set(commodities)) == len(set(parts)) == len(given_names)
    assert commodities == [names.commodity(name) for name in given_names], "the same name is spelt the same again"
    for commodity in commodities:
        assert re.fullmatch(r"[A-Z](?:[A-Z0-9'._-]{0,22}[A-Z0-9])?", commodity), commodity
    for part in parts:
        assert re.fullmatch(r"[A-Z0-9][A-Za-z0-9-]*", part), part


@pytest.mark.parametrize(
    "symbol", ["BTC/USDT:USDT", "brk.b", "F", "1INCH", "TRUE", "NULL", "東証", "-", 'a"b\\', "X" * 60]
)
def test_symbols_of_any_kind_are_booked(ledger: StrategyLedger, symbol: str) -> None:
    """Whatever a symbol, venue, account or id looks like, beancount reads the book, which names it as it is."""
    ledger.record_order(symbol, market_order(symbol=symbol, venue=symbol, account=symbol, currency="USD"))
    ledger.update_order_fill(symbol, fill(symbol, 10, fee="1", fee_currency=symbol))
    (transaction,) = _loaded(_text(ledger))
    assert (transaction.meta["order"], transaction.meta["fill"]) == (symbol, symbol)
    escaped = symbol.replace("\\", "\\\\").replace('"', '\\"')
    assert f'  name: "{escaped}"' in _text(ledger)


def test_a_ledger_whose_positions_are_not_its_fills_is_not_exported(
    ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where fills do not come to the position that is stored, there is an error that says so, and no book."""
    ledger.record_order("A", market_order())
    ledger.update_order_fill("A", fill("F", 10))
    monkeypatch.setattr(
        moves, "positions_at", lambda part: {one.key: attrs.evolve(one, cost=Decimal(1)) for one in _positions(ledger)}
    )
    with pytest.raises(StorageCorrupt, match=r"'cost': '1000'.*'cost': '1'.*run verify"):
        _text(ledger)
