"""The page: it says what the ledger says, to the last digit, and what it leaves out; nothing in it is alive."""

# Numbers are written here as a caller would: Decimal(10) == 10.
# mypy: disable-error-code="comparison-overlap"

import os
import re
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from ledger_core import StrategyLedger, open_ledger, open_reader
from ledger_core.numbers import total
from ledger_report.page import Report, Source, html_page, read_report
from ledger_report.page.report import ATTEMPTS_MAX, TRADES_MAX
from ledger_report.page.sections import ROWS_MAX
from ledger_storage_memory import MemoryRepository
from report.pages import MADE_AT, SOURCE, Parsed, report_of
from report.test_pnl import Step, lived, steps
from support import SteppingClock, fill, limit_order, market_order
from support.trading import traded

pytestmark = pytest.mark.xdist_group("year")


def page_of(*ledgers: StrategyLedger, **options: object) -> Parsed:
    """Return the page of ledgers, taken apart."""
    named = {ledger.strategy_id: ledger for ledger in ledgers}
    return Parsed(html_page(read_report(named, SOURCE, made_at=MADE_AT, **options)))  # type: ignore[arg-type]  # options


def amounts(texts: list[str]) -> Decimal:
    """Add up a column."""
    return total(Decimal(text) for text in texts)


# --- the figures are the ledger's


def test_the_totals_are_those_of_the_positions(year_file: Path, year: Report) -> None:
    """Gross and fees of each currency are the sums over the positions, and net is the one less the other."""
    gross: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    paid: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    with open_reader(year_file) as reader:
        for strategy in reader.strategies():
            for symbol in ("AAPL", "MSFT", "SPY", "BTC/USDT", "ETH/USDT"):
                position = reader.strategy(strategy).get_position(symbol)
                gross[position.money_currency].append(position.realized_pnl)
                for fee in position.fees:
                    paid[fee.currency].append(fee.amount)
    assert {one.currency: one.total.gross for one in year.moneys} == {code: total(each) for code, each in gross.items()}
    assert {one.currency: one.total.fees for one in year.moneys} == {code: total(each) for code, each in paid.items()}
    for one in year.moneys:
        assert one.total.gross is not None
        assert one.total.fees is not None
        assert one.total.net == one.total.gross - one.total.fees
        assert one.steps is not None
        assert one.steps[-1].value == one.total.net


def test_every_table_adds_up_to_the_total(year: Report, parsed: Parsed) -> None:
    """Days, months, symbols and strategies, as they are written on the page, each add up to the net figure."""
    for place, one in enumerate(year.moneys):
        for name in ("days", "months", "symbol", "strategy"):
            table = parsed.tables[f"{name}-{place}"]
            assert amounts(table.column("Net")) == one.total.net, name
            assert amounts(table.column("Gross")) == one.total.gross, name
            assert amounts(table.column("Fees")) == one.total.fees, name
            assert sum(int(text.replace(",", "")) for text in table.column("Executions")) == one.total.fills, name
        assert f"{one.total.net}" in parsed.section("key-figures")


@given(life=steps())
def test_whatever_happened_the_page_adds_up_to_the_positions(life: list[Step]) -> None:
    """Busts, splits, transfers and funding, in any order of time: gross is that of the positions; fees of others are told."""
    ledger = lived(life)
    report = read_report({"alpha": ledger}, SOURCE, made_at=MADE_AT)
    page = Parsed(html_page(report))
    for place, one in enumerate(report.moneys):
        parts = [part for symbol in ("ACME", "INV") for part in ledger.explain_pnl(symbol=symbol).parts]
        assert one.total.gross == total(part.realized_pnl for part in parts if part.currency == one.currency)
        assert amounts(page.tables[f"symbol-{place}"].column("Gross")) == one.total.gross
        assert ("fees of" in page.text) == any(
            "fees" in left_out for each in report.moneys for left_out in each.total.left_out
        )


def test_currencies_are_never_added_to_each_other(parsed: Parsed) -> None:
    """Each currency has figures, a curve, bars and tables of its own."""
    for section in ("key-figures", "equity", "pnl-by-period"):
        assert [one.text for one in parsed.named("h3") if f"section#{section}" in one.inside][:2] == ["USD", "USDT"]
    titles = [one.text for one in parsed.named("title") if "svg" in one.inside]
    assert titles == [
        "Cumulative net realized PnL in USD",
        "Drawdown in USD",
        "Cumulative net realized PnL in USDT",
        "Drawdown in USDT",
        "Net realized PnL by day in USD",
        "Net realized PnL by day in USDT",
    ]


def test_with_rates_everything_is_in_one_currency(year_file: Path) -> None:
    """One curve, one table; the sum is that of both, converted."""
    apart, together = report_of(year_file), report_of(year_file, currency="USD", rates={("USDT", "USD"): "2"})
    nets = {one.currency: one.total.net or Decimal(0) for one in apart.moneys}
    (one,) = together.moneys
    assert one.total.net == nets["USD"] + 2 * nets["USDT"]
    assert "Everything in" in html_page(together)


def test_without_a_rate_nothing_is_guessed(year_file: Path) -> None:
    """What has no rate is in no figure, has no curve, and the page says so."""
    page = Parsed(html_page(report_of(year_file, currency="USD")))
    assert "No curve: a part of what was realized has no rate." in page.section("equity")
    assert "without a bar: there is no rate for what they made." in page.section("pnl-by-period")
    assert "Not in the figures of USD, because no rate was given: fees of" in page.text
    assert "unknown" in page.section("key-figures")


def test_a_currency_that_nobody_said_has_gross_figures() -> None:
    """Without a currency fees cannot be taken off: the page says that the figures are gross."""
    page = page_of(traded(("BUY", 10, 100), ("SELL", 10, 103), currency=None))
    assert page.tables["symbol-0"].rows[0] == ["Symbol", "Gross", "Bar", "Executions"]
    assert page.tables["symbol-0"].column("Gross") == ["30"]
    assert "figures of unknown currency are gross, without fees" in page.text


def test_the_period_bounds_what_was_made_and_not_what_is_open(year_file: Path, parsed: Parsed) -> None:
    """Figures are those of the period alone, its trades too; open risk stays that of the last entry."""
    since, until = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
    page = Parsed(html_page(report_of(year_file, since=since, until=until)))
    assert page.tables["months-0"].column("Month") == ["2025-03"]
    whole = dict(zip(parsed.tables["months-0"].column("Month"), parsed.tables["months-0"].column("Net"), strict=True))
    assert page.tables["months-0"].column("Net") == [whole["2025-03"]]
    assert {text[:7] for text in page.tables["trades-table"].column("Opened")} == {"2025-03"}
    assert "from 2025-03-01 00:00:00 on, before 2025-04-01 00:00:00" in page.text
    assert page.section("risk") == parsed.section("risk")


def test_days_are_those_of_the_zone() -> None:
    """A fill shortly before midnight in New York is one of that day there, and of the next in UTC."""
    ledger = traded(("BUY", 10, 100))
    ledger.update_order_fill("SELL", fill("late", 10, 101, executed_at=datetime(2026, 1, 6, 4, tzinfo=UTC)))
    assert page_of(ledger).tables["days-0"].column("Day")[-1] == "2026-01-06"
    in_new_york = page_of(ledger, zone=ZoneInfo("America/New_York"))
    assert in_new_york.tables["days-0"].column("Day")[-1] == "2026-01-05"
    assert "America/New_York" in in_new_york.text


# --- what is open, how it was executed


def test_open_risk_is_shown_and_announced(parsed: Parsed) -> None:
    """What is in doubt stands in its table, and above the figures stands that there is something."""
    for table, column, value in (
        ("in-doubt-table", "Order", "lost"),
        ("requests-table", "Request", "C-1"),
        ("working-table", "Order", "working"),
        ("positions-table", "Quantity", "25"),
        ("quarantine-table", "Symbol", "MSFT"),
    ):
        assert parsed.tables[table].column(column) == [value]
    exposure = parsed.tables["exposure-table"]
    worst = dict(zip(exposure.column("Symbol"), exposure.column("Worst long"), strict=True))
    assert worst == {"AAPL": "25", "BTC/USDT": "0.05", "MSFT": "3"}
    warning = " ".join(one.text for one in parsed.elements if "div" in one.inside and one.name == "li")
    assert "1 order in doubt, 1 request without an answer, 1 fact in quarantine" in warning


def test_the_head_of_each_journal_is_named(year_file: Path, parsed: Parsed) -> None:
    """Sequence and digest say which state of the ledger the page tells of."""
    with open_reader(year_file) as reader:
        for strategy in reader.strategies():
            head = reader.strategy(strategy).head()
            assert head.digest in parsed.text
            assert f"entry {head.sequence:,} of" in parsed.text
    assert "2026-01-01 12:00:00 UTC" in parsed.text


def test_quality_is_that_of_the_report(year: Report, parsed: Parsed) -> None:
    """Orders and refusals of the table are those that were counted."""
    table = parsed.tables["quality-table"]
    assert table.column("Orders of") == ["all symbols", "AAPL", "BTC/USDT", "ETH/USDT", "MSFT", "SPY"]
    orders = [int(text.replace(",", "")) for text in table.column("Orders")]
    assert orders[0] == sum(orders[1:]) == year.quality[0].orders
    refused = dict(
        zip(
            parsed.tables["rejections-table"].column("Reason"),
            parsed.tables["rejections-table"].column("How often"),
            strict=True,
        )
    )
    assert refused == {why: str(count) for _, why, count in year.quality[0].rejections}


# --- what is not shown is said


def test_trades_that_do_not_fit_are_said(year: Report, parsed: Parsed) -> None:
    """The latest are listed; the caption says of how many, and what to type for all of them."""
    table = parsed.tables["trades-table"]
    assert len(table.rows) - 1 == TRADES_MAX < year.trades.count
    assert (
        f"Showing 200 of {year.trades.count:,} trades; all of them: strategy-ledger trades year.db --all"
        in table.caption
    )
    opened = table.column("Opened")
    assert opened == sorted(opened, reverse=True)


def test_rows_that_do_not_fit_are_said() -> None:
    """Of more symbols and orders than a table has rows, the caption says how many there are."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for number in range(ROWS_MAX + 1):
        ledger.record_order(f"A{number}", market_order(symbol=f"S{number:03}", currency="USD"))
        ledger.update_order_fill(f"A{number}", fill("1", 1))
    page = page_of(ledger)
    for table, noun in (
        ("symbol-0", "symbols"),
        ("working-table", "rows"),
        ("positions-table", "rows"),
        ("quality-table", "symbols"),
    ):
        assert f"Showing 100 of 101 {noun}; all of them: strategy-ledger" in page.tables[table].caption, table


def test_days_that_do_not_fit_are_said() -> None:
    """Many currencies leave the table of days less room each: it shows the latest, and says of how many."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    with ledger.batch() as batch:
        for currency in ("CHF", "EUR", "GBP", "JPY", "USD"):
            batch.record_order(currency, market_order(quantity=10**9, symbol=f"S-{currency}", currency=currency))
            for day in range(151):
                executed = datetime(2026, 1, 5, 12, tzinfo=UTC) + timedelta(days=day)
                batch.update_order_fill(currency, fill(f"F{day}", 1, 100, executed_at=executed))
    page = page_of(ledger)
    table = page.tables["days-0"]
    assert len(table.rows) - 1 == 150
    assert table.column("Day")[-1] == "2026-06-04"
    caption = "Showing 150 of 151 days, the latest; all of them: strategy-ledger pnl year.db --by day --all"
    assert caption in table.caption
    assert "Charts of 4 of 5 currencies" in page.section("equity")
    assert page.tables["symbol-4"].column("Symbol") == ["S-USD"]


def test_bars_become_weeks_and_months_where_days_do_not_fit() -> None:
    """Nothing is left out of a chart: too many days are added up to weeks, and the page says why."""
    for days, period in ((401, "week"), (401 * 7, "month")):
        ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
        ledger.record_order("A1", market_order(quantity=10**9, currency="USD"))
        with ledger.batch() as batch:
            for day in range(days):
                executed = datetime(2010, 1, 4, 12, tzinfo=UTC) + timedelta(days=day)
                batch.update_order_fill("A1", fill(f"F{day}", 1, 100, fee=1, fee_currency="USD", executed_at=executed))
        page = page_of(ledger)
        assert f"Net realized PnL by {period} in USD" in [one.text for one in page.named("title")]
        assert f"Bars are {period}s, because {days:,} days are more than the 400 that fit." in page.section(
            "pnl-by-period"
        )
        assert amounts(page.tables["months-0"].column("Fees")) == days


def test_what_was_written_meanwhile_is_said(tmp_path: Path) -> None:
    """A bot that never pauses is not waited for: the page says by how many entries figures may differ."""
    path = tmp_path / "busy.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A0", limit_order())
        written = [0]

        def write(_: int) -> None:
            written[0] += 1
            ledger.record_order(f"A{written[0]}", limit_order())

        report = report_of(path, done=write)
    assert written == [ATTEMPTS_MAX]
    assert report.entries_meanwhile == 1
    assert "The ledger was written to while it was read, 1 entry" in html_page(report)


def test_an_empty_ledger_has_a_page() -> None:
    """Nothing is no error: every section says that there is nothing."""
    page = page_of(StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock()))
    assert "nothing was ever recorded" in page.text
    for section, words in (
        ("key-figures", "Nothing was bought or sold"),
        ("trades", "No trade was opened"),
        ("risk", "No position."),
        ("quality", "No order was placed"),
    ):
        assert words in page.section(section)
    assert Parsed(html_page(read_report({}, SOURCE, made_at=MADE_AT))).named("h1")


def test_figures_at_the_edges_are_drawn() -> None:
    """The smallest and largest amounts, one moment only, and the last day of the calendar break no axis."""
    for price in ("0.000000000000000001", "99999999999999999999"):
        ledger = traded(("BUY", "0.000000000000000001", "0"), ("SELL", "0.000000000000000001", price))
        assert "No curve" not in page_of(ledger).text
    ledger = traded(("BUY", 1, 100))
    for executed in (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
        ledger.update_order_fill("SELL", fill(f"F-{executed.year}", 1, 101, executed_at=executed))
        assert len(page_of(ledger).named("path")) == 4


# --- nothing in it is alive


def test_nothing_of_a_ledger_becomes_markup() -> None:
    """Whatever an id, a symbol, a reason or a file's name holds, the page shows it and obeys none of it."""
    hostile = "<script>alert(1)</script>"
    breaking = '"></style><img src=x onerror=alert(1)>'
    ledger = StrategyLedger(MemoryRepository(strategy_id=hostile), clock=SteppingClock())
    for order_id, side in ((hostile, "BUY"), (breaking, "SELL")):
        ledger.record_order(
            order_id, market_order(side, 2, symbol=hostile, currency=breaking, venue=hostile, account=breaking)
        )
    ledger.update_order_fill(hostile, fill(hostile, 2, 100, fee=1, fee_currency=hostile))
    ledger.create_trade(f"{hostile}{hostile}", [hostile])
    ledger.update_order_fill(breaking, fill(breaking, 1, 101))
    ledger.update_order_in_doubt(breaking, breaking)
    ledger.record_order("refused", market_order(symbol=hostile))
    ledger.update_order_rejection("refused", hostile)
    source = Source(name=breaking, arguments=hostile)
    page = html_page(read_report({hostile: ledger}, source, made_at=MADE_AT))
    parsed = Parsed(page)
    assert hostile in parsed.text
    assert breaking in parsed.text
    assert not parsed.named("script", "img", "iframe", "object", "form", "a href")
    assert {name for one in parsed.elements for name in one.attributes if name.startswith("on")} == set()
    assert len(re.findall("(?i)</style", page)) == 1


def test_the_page_asks_for_nothing(page: str, parsed: Parsed) -> None:
    """No address but places in itself, no style sheet or font from elsewhere, and a policy that forbids both."""
    addresses = [
        value for one in parsed.elements for name, value in one.attributes.items() if name in ("href", "src", "data")
    ]
    assert {address for address in addresses if address and not address.startswith("#")} == {"data:,"}
    assert "url(" not in page
    assert "@import" not in page
    policies = [one.attributes["content"] for one in parsed.named("meta") if "http-equiv" in one.attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_a_year_of_trading_is_less_than_200_kb(page: str, year: Report) -> None:
    """It can be sent by mail: 250 days of several trades, two currencies, five symbols."""
    assert sum(one.total.fills for one in year.moneys) > 1_800
    assert len(page.encode()) < 200_000


def test_the_same_ledger_gives_the_same_bytes(year_file: Path, page: str) -> None:
    """Also in another process, whose hashes are others: two reports of one state can be compared."""
    script = """
import sys
from datetime import UTC, datetime
from ledger_core import open_reader
from ledger_report.page import Source, html_page, read_report
with open_reader(sys.argv[1]) as reader:
    ledgers = {name: reader.strategy(name) for name in reversed(reader.strategies())}
    report = read_report(ledgers, Source(name="year.db", arguments="year.db"), made_at=datetime(2026, 1, 1, 12, tzinfo=UTC))
sys.stdout.write(html_page(report))
"""
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", script, str(year_file)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=120)
        assert done.stdout == page
