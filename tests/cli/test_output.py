"""The forms of an answer: what each is good for, and that none of them loses a digit."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.ledgers import Call, fill_file, of_csv, parsed
from ledger_cli import listing, tables, words
from ledger_cli.listing import Form, Listing, Printer, age, csv_pieces, number, one_row, text
from ledger_core import open_ledger
from support import limit_order, market_order

MOMENT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


# --- CSV, JSON Lines, Markdown


def test_csv_has_a_row_of_names_and_every_digit(call: Call, ledger_file: Path) -> None:
    """A price of 18 places and a quantity of 4e-7 are in CSV as they are stored, and times are UTC."""
    fills = of_csv(call("fills", ledger_file, "-o", "csv", "--tz", "Asia/Tokyo").stdout)
    assert [fill["price"] for fill in fills] == ["100.25", "3000.000000000000000001", "3100", "101"]
    assert fills[0]["executed_at"] == "2026-01-05T09:04:00.000000Z"
    orders = of_csv(call("orders", ledger_file, "-o", "csv").stdout)
    assert (orders[0]["quantity"], orders[1]["limit_price"]) == ("0.0000004", "100.50")


def test_averages_are_rounded_in_tables_and_exact_elsewhere(call: Call, ledger_file: Path) -> None:
    """The `~` of a heading is kept to: what has none, and what a program reads, is never rounded."""
    assert re.search(r" 3000\.000000 ", call("trades", ledger_file, "--all").stdout)
    rows = of_csv(call("trades", ledger_file, "--all", "-o", "csv").stdout)
    assert rows[1]["average_entry_price"] == "3000.000000000000000001"


def test_json_lines_are_one_document_a_line(call: Call, ledger_file: Path) -> None:
    """Each line can be read alone, and is what the JSON array has."""
    lines = call("orders", ledger_file, "-o", "jsonl").stdout.splitlines()
    assert [parsed(line) for line in lines] == parsed(call("orders", ledger_file, "--json").stdout)


def test_markdown_keeps_what_would_break_its_table(call: Call, tmp_path: Path) -> None:
    """A pipe in an id does not make a column."""
    path = tmp_path / "pipes.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="a|b") as ledger:
        ledger.record_order("x|y", market_order(symbol="<b>"))
    lines = call("orders", path, "-o", "md").stdout.splitlines()
    assert len(lines) == 3
    assert "x\\|y" in lines[2]
    assert "&lt;b>" in lines[2]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


@pytest.mark.parametrize("command", ["orders", "positions", "trades", "fills", "exposure", "journal", "pnl", "verify"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "md"])
def test_every_list_has_every_form(call: Call, ledger_file: Path, command: str, form: str) -> None:
    """What is listed at all can be had as CSV, JSON Lines and Markdown, with nothing said on stdout beside it."""
    result = call(command, ledger_file, "-o", form)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines
    match form:
        case "csv":
            assert all(None not in row and None not in row.values() for row in of_csv(result.stdout))
        case "jsonl":
            assert all(isinstance(parsed(line), dict) for line in lines)
        case _:
            assert all(line.startswith("| ") and line.endswith(" |") for line in lines)


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=18))
def test_no_digit_of_a_number_is_lost_in_csv(value: Decimal) -> None:
    """Whatever a ledger can hold, CSV has its very digits."""
    one: Listing[Decimal] = Listing((number("n"),), one_row(lambda item: (item,)))
    _, line = csv_pieces(one, [value])
    assert Decimal(line) == value
    assert "e" not in line.lower()


def test_two_forms_at_once_are_refused(call: Call, ledger_file: Path) -> None:
    """One answer has one form; the same twice is no contradiction."""
    assert call("orders", ledger_file, "--json", "-o", "csv").exit_code == 2
    assert call("orders", ledger_file, "--json", "-o", "json").exit_code == 0


# --- errors


@pytest.mark.parametrize("form", [("--json",), ("-o", "json"), ("-ojsonl",), ("--output=json",), ("--output", "jsonl")])
def test_errors_are_json_where_json_was_asked_for(call: Call, ledger_file: Path, form: tuple[str, ...]) -> None:
    """A program reads why it failed from one line of stderr: a stable word, a sentence, the exit code."""
    cases: list[tuple[tuple[object, ...], str, int]] = [
        (("orders", "no/such.db"), "STORAGE_ERROR", 3),
        (("orders", ledger_file, "--strategy", "x"), "UNKNOWN_STRATEGY", 4),
        (("show", ledger_file, "nobody"), "UNKNOWN_ID", 4),
        (("orders", ledger_file, "--limit", "many"), "USAGE", 2),
        (("orders", ledger_file, "--nonsense"), "USAGE", 2),
        (("nonsense",), "USAGE", 2),
    ]
    for arguments, code, exit_code in cases:
        result = call(*arguments, *form)
        assert (result.exit_code, result.stdout) == (exit_code, "")
        assert result.stderr.count("\n") == 1
        error = json.loads(result.stderr)["error"]
        assert (error["code"], error["exit_code"]) == (code, exit_code)
        assert error["message"]


def test_a_program_that_reads_json_hears_no_talk(call: Call, ledger_file: Path) -> None:
    """What stands on stderr beside JSON is an error, or nothing; beside CSV a person is told how much it is."""
    assert call("orders", ledger_file, "--json").stderr == ""
    assert call("orders", ledger_file, "-o", "csv").stderr.startswith("3 open orders; ")


def test_a_misspelt_command_is_answered_with_what_is_near(call: Call) -> None:
    """Nobody has to read the whole list again."""
    result = call("statsu")
    assert result.exit_code == 2
    assert "did you mean status" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_fault_of_the_program_is_one_line_too(call: Call, ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, whatever happens; it can be had for those who look for the fault."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("ledger_cli.positions.open_positions", fail)
    with pytest.raises(AssertionError, match="ZeroDivisionError: by zero; STRATEGY_LEDGER_DEBUG=1 shows where"):
        call("positions", ledger_file)
    monkeypatch.setenv("STRATEGY_LEDGER_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        call("positions", ledger_file)


# --- times


def test_times_are_shown_in_the_zone_that_was_asked_for(call: Call, ledger_file: Path) -> None:
    """UTC by default; with --tz a table says the local time with its offset."""
    assert "2026-01-05 09:00:00Z" in call("orders", ledger_file, "A1").stdout
    assert "2026-01-05 18:00:00+09:00" in call("orders", ledger_file, "A1", "--tz", "Asia/Tokyo").stdout
    result = call("orders", ledger_file, "--tz", "Mars/Olympus")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Mars/Olympus" in result.stderr


def test_dates_of_a_bound_are_of_the_zone_of_the_answer(call: Call, ledger_file: Path) -> None:
    """--since 2026-01-05 begins at midnight where the person is, not in London."""
    early = [
        fill["order_id"]
        for fill in of_csv(call("fills", ledger_file, "-o", "csv", "--until", "2026-01-05T09:20").stdout)
    ]
    assert early == ["A1", "A4"]
    tokyo = ("--tz", "Asia/Tokyo", "--until", "2026-01-05T18:20")
    assert [fill["order_id"] for fill in of_csv(call("fills", ledger_file, "-o", "csv", *tokyo).stdout)] == early
    assert call("fills", ledger_file, "--since", "yesterday").exit_code == 2


@pytest.mark.parametrize("zone", [ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")])
def test_summer_time_is_that_of_the_moment(zone: ZoneInfo) -> None:
    """An order of July has July's offset, whenever it is looked at."""
    summer, winter = datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)
    shown = [words.at(moment, zone) for moment in (summer, winter)]
    assert shown[0] is not None
    assert shown[1] is not None
    assert shown[0][-6:] != shown[1][-6:]
    assert [datetime.fromisoformat(text) for text in shown if text] == [summer, winter]


def test_an_age_is_told_in_tables_and_is_a_time_elsewhere() -> None:
    """A person reads how long ago it was, too; a program gets the moment alone, which does not age."""
    one: Listing[datetime] = Listing((age(), text("placed")), one_row(lambda moment: (moment, moment)))
    placed = MOMENT - timedelta(hours=3, minutes=5)
    printer = Printer(moment=MOMENT)
    assert printer.table(one, [placed]).text.splitlines()[2].split("  ") == ["3h 05m", "2026-01-05 06:25:00Z"]
    assert list(csv_pieces(one, [placed])) == ["placed\n", "2026-01-05T06:25:00.000000Z\n"]
    assert list(one.documents([placed])) == [{"placed": "2026-01-05T06:25:00.000000Z"}]


# --- how much is shown


def test_a_table_shows_fifty_rows_and_says_of_how_many(call: Call, tmp_path: Path) -> None:
    """A long list is cut for people and said to be; JSON and CSV have all of it."""
    path = tmp_path / "many.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger, ledger.batch() as batch:
        for index in range(1_204):
            batch.record_order(f"order-{index:04}", limit_order())
    result = call("orders", path)
    assert len(result.stdout.splitlines()) == 52
    assert result.stderr.startswith("showing 50 of 1,204 open orders; --limit 0;")
    assert call("journal", path).stderr.startswith("showing 50 of 1,204 entries; --all;")
    assert len(call("journal", path, "--all").stdout.splitlines()) == 1_206
    assert len(of_csv(call("orders", path, "-o", "csv").stdout)) == 1_204
    assert len(parsed(call("orders", path, "--json", "--limit", "3").stdout)) == 3


def test_what_is_too_long_to_be_counted_is_said_to_be_the_latest(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long journal the end is found without walking through it; a rare symbol is looked for further back."""
    path = tmp_path / "long.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger, ledger.batch() as batch:
        for index in range(500):
            batch.record_order(f"order-{index:03}", market_order(symbol="RARE" if index == 7 else "ACME"))
    monkeypatch.setattr("ledger_cli.reading.COUNTED_MAX", 100)
    result = call("orders", path, "--all", "--limit", "2", "-o", "csv")
    assert [order["order_id"] for order in of_csv(result.stdout)] == ["order-498", "order-499"]
    assert result.stderr.startswith("showing the latest 2 orders; --limit 0;")
    rare = call("orders", path, "--all", "--limit", "2", "--symbol", "RARE", "-o", "csv")
    assert [order["order_id"] for order in of_csv(rare.stdout)] == ["order-007"]
    assert rare.stderr.startswith("1 order; ")


# --- several ledgers


@pytest.fixture
def two_files(tmp_path: Path) -> tuple[Path, Path]:
    """Return the ledger that the tests know, and another one that is short of the same symbol."""
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    fill_file(first)
    with open_ledger(f"sqlite:///{second}?durability=none", strategy_id="gamma") as ledger:
        ledger.record_order("G1", market_order(side="SELL", quantity=10, venue="XNAS", currency="USD"))
        ledger.update_order_fill("G1", {"fill_id": "F1", "quantity": 10, "price": 99})
        ledger.record_order("G2", limit_order())
    return first, second


def test_several_ledgers_are_read_as_one(call: Call, two_files: tuple[Path, Path]) -> None:
    """Each row says which file it is from; what is netted is netted over all of them."""
    orders = parsed(call("orders", *two_files, "--json").stdout)
    assert {(Path(order["ledger"]).name, order["order_id"]) for order in orders} == {
        ("first.db", "A1"),
        ("first.db", "A2"),
        ("first.db", "B2"),
        ("second.db", "G2"),
    }
    (acme,) = parsed(call("exposure", *two_files, "--symbol", "ACME", "--json").stdout)
    assert (acme["net_quantity"], acme["short_quantity"]) == ("-11", "15")
    assert "second.db" in call("positions", *two_files).stdout


def test_a_ledger_that_is_named_twice_is_read_once(call: Call, two_files: tuple[Path, Path]) -> None:
    """Else what is held would count twice; what lies beside a file is no ledger of its own."""
    first, _ = two_files
    beside = sorted(first.parent.glob("first.db*"))
    assert len(beside) > 1
    again = (f"sqlite:///{first}", first.parent / "." / first.name, *beside)
    (acme,) = parsed(call("exposure", first, *again, "--symbol", "ACME", "--json").stdout)
    assert acme["net_quantity"] == "-1"


def test_one_of_several_that_cannot_be_read_does_not_hide_the_others(call: Call, two_files: tuple[Path, Path]) -> None:
    """The others are shown, the one is complained of, and the exit code says that something is missing."""
    first, second = two_files
    second.write_text("no ledger at all " * 100)
    result = call("positions", first, second, "--json")
    assert result.exit_code == 3
    assert len(parsed(result.stdout)) == 2
    assert json.loads(result.stderr)["error"]["exit_code"] == 3
    assert call("positions", second, first / "nothing").exit_code == 3


def test_an_id_behind_a_path_is_told_from_a_path(call: Call, two_files: tuple[Path, Path]) -> None:
    """What names no file and does not look like one is an id; a misspelt file is not taken for one."""
    first, second = two_files
    assert "A1" in call("orders", first, second, "A1").stdout
    assert call("orders", first, "secnod.db").exit_code == 3
    swapped = call("show", "A1", first)
    assert swapped.exit_code == 2
    assert "the id comes last" in swapped.stderr


# --- tables in a narrow terminal

COLUMNS = (
    tables.text("id"),
    tables.Column("kind", rank=2),
    tables.Column("amount", is_number=True, rank=1),
    tables.Column("why", rank=3, below=True),
)
ROWS = [
    ("order-1", "MARKET", "12.5", "it was too late for that, by far, and nobody would have had it"),
    ("o-2", "LIMIT", "3", None),
]


def test_columns_of_little_interest_are_left_out_first() -> None:
    """Whatever the width, what is most important stays, nothing is cut, and what had no room is named."""
    assert tables.lay_out(COLUMNS, ROWS, None).left_out == []
    wide = tables.lay_out(COLUMNS, ROWS, 60)
    assert wide.left_out == []
    assert wide.text.splitlines()[2:4] == [
        "order-1  MARKET    12.5  it was too late for that, by far,",
        "                         and nobody would have had it",
    ]
    narrow = tables.lay_out(COLUMNS, ROWS, 30)
    assert narrow.left_out == []
    assert "    why: it was too late for" in narrow.text
    narrower = tables.lay_out(COLUMNS, ROWS, 20)
    assert narrower.left_out == ["kind"]
    assert narrower.text.splitlines()[0].split() == ["id", "amount"]


@given(
    width=st.integers(min_value=1, max_value=100),
    rows=st.lists(st.tuples(*[st.text("ab c", max_size=12)] * 4), min_size=1, max_size=5),
)
def test_a_table_keeps_to_its_width_wherever_words_allow(width: int, rows: list[tuple[str, ...]]) -> None:
    """No line is longer than the terminal unless one word of it, or a block's line, is."""
    table = tables.lay_out(COLUMNS, rows, width)
    longest_word = max((len(word) for row in rows for cell in row for word in (cell or "").split()), default=0)
    for line in table.text.splitlines():
        is_block = line.startswith(("id  ", "kind", "amount", "why", "---"))
        assert len(line) <= width or is_block or longest_word + len("    why: ") >= width


def test_what_fits_nowhere_becomes_a_block_of_lines() -> None:
    """Long ids in a narrow terminal are not broken into pieces."""
    table = tables.lay_out(COLUMNS, [("x" * 40, "MARKET", "1", "because")], 30)
    assert table.text.splitlines()[1:] == ["id      " + "x" * 40, "kind    MARKET", "amount  1", "why     because"]


def test_a_terminal_is_never_commanded_by_what_a_ledger_holds() -> None:
    """Escapes, and marks that turn the direction of writing, are shown as what they are."""
    evil = "\x1b[2Jgone\u202e\r\n"
    text_of_it = tables.render([tables.text("reason")], [(evil,)])
    assert "\x1b" not in text_of_it
    assert "\\x1b[2Jgone\\u202e\\r\\n" in text_of_it
    assert "\\x1b" in tables.render_pairs([("reason", evil)])


def test_a_column_that_does_not_vary_is_left_out_where_it_says_nothing() -> None:
    """Which strategy it is needs no column where there is one."""
    columns = [tables.Column("strategy", varies=True), tables.text("id")]
    assert tables.render(columns, [("a", "1"), ("a", "2")]) == "id\n--\n1\n2"
    assert "strategy" in tables.render(columns, [("a", "1"), ("b", "2")])


def test_forms_know_who_reads_them() -> None:
    """Tables and Markdown are for people, and cut; JSON is for programs, and gets errors as JSON."""
    assert [form for form in Form if form.is_for_people] == [Form.TABLE, Form.MARKDOWN]
    assert [form for form in Form if form.is_json] == [Form.JSON, Form.JSONL]
    assert "".join(listing.array([])) == "[]\n"
