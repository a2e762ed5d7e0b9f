"""The reading commands on a ledger that the tests know by heart (`ledgers.fill_file`)."""

import hashlib
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cli.ledgers import SCRIPT, Call, RunScript, parsed, rows
from ledger_cli.failures import EXIT_CODES
from ledger_cli.main import SECTIONS
from ledger_cli.reading import latest
from ledger_core import open_ledger, open_reader
from support import fill, limit_order

COMMANDS = ("orders", "trades", "positions", "exposure", "journal", "fills")


# --- orders


def test_open_orders_are_listed_with_those_in_doubt_first(call: Call, ledger_file: Path) -> None:
    """The order whose outcome nobody knows stands on top, though it was placed later."""
    result = call("orders", ledger_file)
    orders = result.stdout.split("\n\n")[0]
    listed = [(row[0], row[2], row[3]) for row in rows(orders)[:3]]
    assert listed == [("IN_DOUBT", "alpha", "A2"), ("PENDING_CANCEL", "alpha", "A1"), ("ACCEPTED", "beta", "B2")]
    assert result.exit_code == 0
    assert result.stderr.startswith("3 open orders; last recorded 2026-01-05 ")


def test_facts_in_quarantine_are_shown_with_the_orders(call: Call, ledger_file: Path) -> None:
    """A fill that is in no order would be missed by whoever looks at orders alone."""
    result = call("orders", ledger_file)
    assert "2 facts in quarantine: reported by the venue, in no order or position" in result.stderr
    assert "V-?" in result.stdout
    orders, heading, facts = result.stdout.split("\n\n")
    assert heading == "In quarantine"
    assert [row[2] for row in rows(facts)] == ["fill", "fill"]
    assert len(rows(orders)) == 3
    assert "quarantine" not in call("orders", ledger_file, "--strategy", "beta").stderr


def test_all_orders_are_listed_on_request_the_latest_last(call: Call, ledger_file: Path) -> None:
    """--all shows ended orders too; what is left out at a limit is the oldest, and the talk says how much."""
    result = call("orders", ledger_file, "--all", "--limit", "2", "--strategy", "alpha")
    table = result.stdout.split("\n\n")[0]
    assert [row[2] for row in rows(table)[:2]] == ["A4", "A5"]
    assert result.stderr.startswith("showing 2 of 5 orders; --limit 0;")
    everything = call("orders", ledger_file, "--all", "--limit", "0")
    assert everything.stderr.startswith("7 orders; ")
    assert "no margin" in everything.stdout


def test_orders_are_selected_by_symbol_and_strategy(call: Call, ledger_file: Path) -> None:
    """Both narrow what is listed, alone and together."""
    of_acme = parsed(call("orders", ledger_file, "--symbol", "ACME", "--json").stdout)
    assert [(order["strategy_id"], order["order_id"]) for order in of_acme] == [("alpha", "A1"), ("beta", "B2")]
    narrowed = parsed(call("orders", ledger_file, "--symbol", "ACME", "--strategy", "beta", "--json").stdout)
    assert [order["order_id"] for order in narrowed] == ["B2"]
    assert parsed(call("orders", ledger_file, "--symbol", "NONE", "--json").stdout) == []


def test_numbers_are_printed_exactly_as_stored(call: Call, ledger_file: Path) -> None:
    """Neither a tiny quantity nor a price of 18 places is rounded, in a table or in JSON."""
    assert "0.0000004" in call("orders", ledger_file).stdout
    (order,) = parsed(call("orders", ledger_file, "A4", "--json").stdout)
    assert order["fills"][0]["price"] == "3000.000000000000000001"
    assert Decimal(order["average_price"]) == Decimal("3000.000000000000000001")
    assert "3000.000000000000000001" in call("orders", ledger_file, "A4").stdout


def test_one_order_is_shown_in_full_for_each_strategy_that_has_it(call: Call, ledger_file: Path) -> None:
    """With its id come its fills, fees, requests, trade and venue's id; the same id of another strategy too."""
    text = call("orders", ledger_file, "A1").stdout
    for part in ("PENDING_CANCEL", "V-1", "T1", "0.1 USD", "C-1", "REQUESTED", "100.50", "beta", "SELL_SHORT"):
        assert part in text
    both = parsed(call("orders", ledger_file, "A1", "--json").stdout)
    assert [order["strategy_id"] for order in both] == ["alpha", "beta"]
    assert both[0]["requests"][0]["request_id"] == "C-1"
    (beta,) = parsed(call("orders", ledger_file, "A1", "--strategy", "beta", "--json").stdout)
    assert beta["details"]["side"] == "SELL_SHORT"


def test_busted_and_corrected_fills_are_marked_and_missing_ones_counted(call: Call, tmp_path: Path) -> None:
    """A person must see at once what does not count, and what the venue has filled that is not here."""
    path = tmp_path / "revised.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", limit_order())
        ledger.update_order_fill("A1", fill("F1", "4", "100"))
        ledger.update_order_fill("A1", fill("F2", "3", "101"))
        ledger.bust_order_fill("A1", "F1")
        ledger.correct_order_fill("A1", "F2", {"fill_id": "F2.1", "quantity": "2", "price": "101"})
        ledger.report_order_status("A1", {"status": "PARTIALLY_FILLED", "cum_quantity": 7})
    lines = call("orders", path, "A1").stdout.splitlines()
    for words in (("F1", "busted"), ("F2", "corrected"), ("missing", "5")):
        assert any(all(word in line for word in words) for line in lines), words
    (order,) = parsed(call("orders", path, "A1", "--json").stdout)
    assert (order["missing_quantity"], order["fills"][0]["busted"]) == ("5", True)


# --- trades, positions, exposure


def test_open_trades_are_listed_and_closed_ones_on_request(call: Call, ledger_file: Path) -> None:
    """By default what is open; with --all the closed ones, why they were closed, and what they made."""
    assert [row[1] for row in rows(call("trades", ledger_file).stdout)] == ["T1"]
    result = call("trades", ledger_file, "--all")
    assert [row[:2] for row in rows(result.stdout)] == [["OPEN", "T1"], ["CLOSED", "T2"]]
    assert "199.999999999999999998" in result.stdout
    assert "target" in result.stdout
    assert result.stderr.startswith("2 trades; ")


def test_one_trade_is_shown_in_full(call: Call, ledger_file: Path) -> None:
    """With its id come its orders, levels, tags and legs."""
    text = call("trades", ledger_file, "T1").stdout
    for part in ("swing", "90", "A1", "0.1 USD", "2026-01-05"):
        assert part in text
    (trade,) = parsed(call("trades", ledger_file, "T2", "--json").stdout)
    assert (trade["state"], trade["realized_pnl"]) == ("CLOSED", "199.999999999999999998")


def test_positions_are_listed_by_strategy_and_signed(call: Call, ledger_file: Path) -> None:
    """What is flat is not held; what is short is negative; strategies stay apart."""
    held = parsed(call("positions", ledger_file, "--json").stdout)
    assert [(one["strategy_id"], one["symbol"], one["quantity"]) for one in held] == [
        ("alpha", "ACME", "4"),
        ("beta", "ACME", "-5"),
    ]
    assert [row[:2] for row in rows(call("positions", ledger_file).stdout)] == [["alpha", "ACME"], ["beta", "ACME"]]
    assert parsed(call("positions", ledger_file, "--symbol", "ETH", "--json").stdout) == []


def test_exposure_is_summed_over_strategies_and_counts_what_waits_in_quarantine(call: Call, ledger_file: Path) -> None:
    """Net over all strategies; the worst cases hold open orders, and fills that are not booked yet."""
    (acme,) = parsed(call("exposure", ledger_file, "--symbol", "ACME", "--json").stdout)
    assert (acme["net_quantity"], acme["gross_quantity"]) == ("-1", "9")
    assert acme["pending_buy_quantity"] == "9"  # 6 of alpha's A1, 3 of beta's B2
    assert acme["worst_case_short"] == "-8"  # 7 sold in quarantine
    (alone,) = parsed(call("exposure", ledger_file, "--symbol", "ACME", "--strategy", "beta", "--json").stdout)
    assert (alone["net_quantity"], alone["worst_case_long"]) == ("-5", "-2")


def test_the_exposure_of_an_unknown_symbol_is_zero(call: Call, ledger_file: Path) -> None:
    """Asked for by name a symbol is shown, also where there is nothing: zero is an answer."""
    (one,) = parsed(call("exposure", ledger_file, "--symbol", "NONE", "--json").stdout)
    assert (one["net_quantity"], one["worst_case_long"], one["average_price"]) == ("0", "0", None)


def test_exposure_of_one_strategy_lists_its_own_symbols(call: Call, ledger_file: Path) -> None:
    """Held, ordered or quarantined: each symbol of the strategy has a line, no other has."""
    listed = parsed(call("exposure", ledger_file, "--strategy", "alpha", "--json").stdout)
    assert [one["symbol"] for one in listed] == ["ACME", "BTC-USD"]
    table = call("exposure", ledger_file, "--strategy", "beta").stdout
    assert [row[0] for row in rows(table)] == ["ACME"]


# --- journal


def test_the_journal_shows_the_latest_entries_in_order(call: Call, ledger_file: Path) -> None:
    """A table shows the end of the journal, and says how much of it."""
    result = call("journal", ledger_file, "--limit", "3")
    events = [row[-3:] for row in rows(result.stdout)]
    assert [event[0] for event in events] == ["A1", "B2", "B2"]
    assert result.stderr.startswith("showing 3 of 21 entries; --all;")


def test_the_journal_tells_the_history_of_one_order_or_trade(call: Call, ledger_file: Path) -> None:
    """With an id: what happened to it, its fills and reasons in words, and what was quarantined about it."""
    text = call("journal", ledger_file, "A1", "--strategy", "alpha").stdout
    for part in (
        "BUY 10 ACME LIMIT, limit 100.50",
        "ACCEPTED > PARTIALLY_FILLED",
        "4 at 100.25, fee 0.1 USD",
        "ORDER_CANCEL_REQUESTED",
        "FACT_QUARANTINED",
        "OVERFILL",
    ):
        assert part in text
    assert "A2" not in text
    assert "target" in call("journal", ledger_file, "T2").stdout
    last = call("journal", ledger_file, "T2", "--limit", "1")
    assert [row[-3] for row in rows(last.stdout)] == ["T2"]
    assert "TRADE_CLOSED" in last.stdout
    assert last.stderr.startswith("showing 1 of 2 entries; --all;")


def test_the_journal_goes_on_after_an_entry(call: Call, ledger_file: Path) -> None:
    """--after N --limit M is a page: the M entries that follow N."""
    lines = call("journal", ledger_file, "--strategy", "alpha", "--after", "2", "--limit", "2", "--jsonl").stdout
    assert [json.loads(line)["body"]["sequence"] for line in lines.splitlines()] == [3, 4]


def test_the_journal_in_json_can_be_checked_by_its_digests(call: Call, ledger_file: Path) -> None:
    """Bodies are printed byte for byte: the digests chain over them as they do in the file."""
    digest = "0" * 64
    for line in call("journal", ledger_file, "--strategy", "alpha", "--jsonl").stdout.splitlines():
        body = line.removesuffix("}").partition(',"body":')[2]
        digest = hashlib.sha256(bytes.fromhex(digest) + body.encode()).hexdigest()
        assert json.loads(line)["digest"] == digest
    with open_reader(ledger_file) as reader:
        assert digest == reader.strategy("alpha").head().digest


def test_the_journal_as_one_json_array_has_every_entry_of_every_strategy(call: Call, ledger_file: Path) -> None:
    """JSON shows all unless a limit is given, in the order of recording."""
    entries = parsed(call("journal", ledger_file, "--json").stdout)
    assert len(entries) == 21
    recorded = [entry["body"]["recorded_at"] for entry in entries]
    assert recorded == sorted(recorded)
    assert {entry["body"]["strategy_id"] for entry in entries} == {"alpha", "beta"}


def test_two_forms_of_json_at_once_are_refused(call: Call, ledger_file: Path) -> None:
    """One answer has one form."""
    result = call("journal", ledger_file, "--json", "--jsonl")
    assert (result.exit_code, result.stdout) == (2, "")


# --- what all of them share


def test_of_a_long_answer_the_last_rows_are_kept_and_all_are_counted() -> None:
    """Only what is shown is held; the talk says how much there is."""
    assert latest(iter(range(1_000)), 3) == ([997, 998, 999], 1_000)
    assert latest(iter(range(4)), None) == ([0, 1, 2, 3], 4)


@pytest.mark.parametrize("command", COMMANDS)
def test_stdout_is_the_answer_alone(call: Call, ledger_file: Path, command: str) -> None:
    """With --json, stdout is one JSON array and nothing else: it can be piped, whatever is said on stderr."""
    result = call(command, ledger_file, "--json")
    assert isinstance(parsed(result.stdout), list)
    assert result.exit_code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_strategy_is_named_with_those_that_there_are(call: Call, ledger_file: Path, command: str) -> None:
    """A typing error must not look like a strategy that holds nothing."""
    result = call(command, ledger_file, "--strategy", "alhpa")
    assert (result.exit_code, result.stdout) == (4, "")
    expected = "strategy-ledger: no strategy 'alhpa' in this ledger; it holds alpha, beta\n"
    assert result.stderr == expected


@pytest.mark.parametrize("command", ["orders", "trades", "journal"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_unknown_id_has_its_own_exit_code(
    call: Call, ledger_file: Path, command: str, form: tuple[str, ...]
) -> None:
    """No empty answer for an order that is not there: one line, and 4."""
    result = call(command, ledger_file, "nobody", *form)
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.count("\n") == 1
    assert "'nobody'" in result.stderr


@pytest.mark.parametrize("command", ["orders", "trades", "journal"])
def test_an_id_that_cannot_be_one_is_a_usage_error(call: Call, ledger_file: Path, command: str) -> None:
    """Control characters and endless texts are refused in one line."""
    for bad in ("a\tb", "x" * 129):
        result = call(command, ledger_file, bad)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_url_is_taken_as_well_as_a_path(call: Call, ledger_file: Path, command: str) -> None:
    """sqlite:///PATH names the same ledger; JSON says by which name it was read."""
    by_path = call(command, ledger_file, "--json")
    by_url = call(command, f"sqlite:///{ledger_file}", "--json")
    assert by_url.stdout.replace("sqlite:///", "") == by_path.stdout
    assert by_url.exit_code == 0


def test_an_empty_answer_says_so(call: Call, tmp_path: Path) -> None:
    """A ledger without open orders prints no table; the talk says that there are none, and when it was last used."""
    path = tmp_path / "quiet.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha"):
        pass
    result = call("orders", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "0 open orders; nothing was ever recorded\n"


@pytest.mark.usefixtures("unmeasured")
def test_reading_does_not_import_what_writes_a_schema(ledger_file: Path) -> None:
    """sqlite-utils takes longer to import than an answer takes: reading leaves it alone."""
    probe = (
        "import sys; from ledger_cli.main import main\n"
        f"try: main(['positions', {str(ledger_file)!r}, '--json'])\n"
        "except SystemExit: pass\n"
        "print('sqlite_utils' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False"


def test_help_names_the_commands_and_exit_codes(call: Call) -> None:
    """Whoever types --help learns what there is and what the exit codes mean."""
    text = call("--help").stdout
    for part in ("Exit codes:", *(f"{code}  {meaning}" for code, meaning in EXIT_CODES.items())):
        assert part in text
    for section, entries in SECTIONS.items():
        assert f"{section}:" in text
        for name, entry in entries.items():
            assert re.search(rf"^  {name} +{re.escape(entry.short_help)}$", text, re.MULTILINE), name


def test_every_command_is_what_its_line_says(call: Call) -> None:
    """Each line of the list leads to a command of its name, which has a help text of its own."""
    for entries in SECTIONS.values():
        for name in entries:
            result = call(name, "--help")
            assert result.exit_code == 0
            assert result.stdout.startswith(f"Usage: main {name} ")


@pytest.mark.usefixtures("unmeasured")
def test_help_is_not_kept_waiting_by_imports() -> None:
    """Help needs neither the core nor a driver: it comes at once."""
    probe = (
        "import sys; from ledger_cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'ledger_core', 'cattrs', 'sqlite_utils', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_installed_command_has_two_names(run_script: RunScript, ledger_file: Path) -> None:
    """`strategy-ledger` and `sledger` are the same program."""
    assert SCRIPT.with_name("sledger").exists()
    done = run_script("positions", ledger_file, "--json")
    assert done.returncode == 0
    assert len(parsed(done.stdout)) == 2
