"""The live view: what it shows, what its keys do, what it marks, and what becomes of a file that goes away."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from cli.ledgers import Call, fingerprint, in_terminal
from ledger_cli.failures import USAGE
from ledger_cli.listing import Printer, age, number, text
from ledger_cli.live_parts import MARKED_FOR, NAMES, Mark, Part, Row, ordered, remembered
from ledger_cli.reading import Asked
from ledger_core import open_ledger
from support import fill, limit_order, market_order

pytest.importorskip("textual", reason="the live view needs Textual, the extra [tui]")

from textual.pilot import Pilot
from textual.widgets import Input, Static

from ledger_cli import live_looks, live_table
from ledger_cli.live import LiveView
from ledger_cli.live_screens import DetailScreen, HelpScreen
from ledger_cli.live_table import PartTable, PartView

LOOKS_MAX = 400
SELDOM = 3_600.0
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


@attrs.frozen
class Viewer:
    """A live view in a terminal that is none, and who presses its keys."""

    view: LiveView
    pilot: "Pilot[None]"

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        for _ in range(LOOKS_MAX):
            if is_so():
                await self.pilot.pause()
                return
            await self.pilot.pause(0.02)
        raise AssertionError("it was never so")

    async def press(self, *keys: str) -> None:
        """Press keys, and let the view do what they ask."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def look(self) -> None:
        """Look once more."""
        before = self.view.looks
        await self.press("r")
        await self.until(lambda: self.view.looks > before)

    def said(self, name: str) -> str:
        """Return what a line says."""
        return str(self.view.screen_stack[0].query_one(f"#{name}", Static).render())

    def part(self, name: str) -> PartView:
        """Return one part."""
        return self.view.screen_stack[0].query_one(f"#part-{name}", PartView)

    def rows(self, name: str) -> list[list[str]]:
        """Return the cells of a part; none where it is not on the screen."""
        view = self.part(name)
        return [
            [cell.plain.strip() for cell in view.table.get_row_at(at)] for at in range(len(view.table.rows))
        ] * view.display

    def headings(self, name: str) -> list[str]:
        """Return the headings of a part."""
        return [str(column.label) for column in self.part(name).table.ordered_columns]

    def column(self, name: str, heading: str) -> list[str]:
        """Return one column of a part."""
        place = self.headings(name).index(heading)
        return [row[place] for row in self.rows(name)]

    def marks(self, name: str) -> dict[str, str]:
        """Return the marks of a part's rows by their ids."""
        ids = self.column(name, {"in_doubt": "our id", "working": "order", "exposures": "symbol"}[name])
        return dict(zip(ids, (row[0] for row in self.rows(name)), strict=True))


Viewing = Callable[..., Any]


@asynccontextmanager
async def viewing(
    *paths: Path | str, size: tuple[int, int] = (160, 48), interval: float = SELDOM
) -> AsyncIterator[Viewer]:
    """Open the view of ledgers; wait until it has looked once."""
    asked = Asked(paths=tuple(map(str, paths)), strategy=None, limit=None, everything=False, printer=Printer())
    view = LiveView(asked, interval)
    async with view.run_test(size=size) as pilot:
        viewer = Viewer(view, pilot)
        await viewer.until(lambda: view.looks > 0)
        yield viewer
    assert view.fault is None


def run(scene: Awaitable[None]) -> None:
    """Play a scene to its end."""

    async def played() -> None:
        await scene

    asyncio.run(played())


# --- what is shown


def test_everything_of_the_status_is_there_and_the_latest_events(ledger_file: Path) -> None:
    """In doubt first, then what waits, works and is held; ids of both sides, exact numbers, who wrote last."""

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            assert viewer.said("where").startswith(str(ledger_file))
            assert "ORDER_ACCEPTED B2 (beta, entry 4)" in viewer.said("heading")
            assert "open by" in viewer.said("heading")
            assert viewer.said("overview").startswith("doubt 1  requests 1  working 2  held 2  net 2  quarantine 2")
            assert viewer.column("in_doubt", "quantity") == ["0.0000004"]
            assert viewer.column("in_doubt", "reason") == ["no answer within 2 s"]
            assert viewer.column("requests_in_flight", "request") == ["C-1"]
            assert viewer.column("working", "order") == ["A1", "B2"]
            assert viewer.column("positions", "quantity") == ["4", "-5"]
            assert viewer.column("exposures", "net") == ["-1", "0"]
            assert viewer.column("quarantine", "symbol") == ["ACME", "ACME"]
            assert viewer.column("trades", "trade") == ["T1"]
            assert viewer.column("events", "event")[0] == "ORDER_ACCEPTED"
            assert "2 at 3000.000000000000000001" in viewer.column("events", "what")
            assert "strategy-ledger resolve" in viewer.said("rest")

    run(scene())


def test_what_there_is_nothing_of_takes_no_room(tmp_path: Path) -> None:
    """A ledger at rest is one green line, and says so in words."""
    path = tmp_path / "calm.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("O-1", market_order())
        ledger.update_order_cancellation("O-1")

    async def scene() -> None:
        async with viewing(path) as viewer:
            assert [name for name in NAMES if viewer.part(name).display] == ["events"]
            assert "Nothing in doubt, no request without an answer, no order working" in viewer.said("rest")

    run(scene())


def test_looking_leaves_no_trace(ledger_file: Path) -> None:
    """No file is created, changed or locked, neither by the view nor by what its keys ask for."""
    before = fingerprint(ledger_file.parent)

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            await viewer.look()
            await viewer.press("enter")
            await viewer.until(lambda: viewer.view.looks > 2)

    run(scene())
    assert fingerprint(ledger_file.parent) == before


def test_more_rows_than_a_screen_can_use_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out in silence."""
    monkeypatch.setattr(live_table, "ROWS_MAX", 3)
    path = tmp_path / "many.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        for index in range(5):
            ledger.record_order(f"O-{index}", market_order())

    async def scene() -> None:
        async with viewing(path) as viewer:
            assert len(viewer.rows("in_doubt")) == 3
            assert "(showing 3 of 5)" in str(viewer.part("in_doubt").title.render())
            assert "doubt 5" in viewer.said("overview")

    run(scene())


# --- what has changed


def test_rows_that_are_new_or_have_changed_are_marked(ledger_file: Path) -> None:
    """By a sign beside the row, not by a colour alone; a first look marks nothing."""

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            assert set(viewer.marks("working").values()) == {""}
            with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
                ledger.update_order_fill("A1", fill("F3", "1", "100.30"))
                ledger.record_order("N1", limit_order())
            await viewer.look()
            assert viewer.marks("working") == {"A1": Mark.CHANGED, "B2": ""}
            assert viewer.marks("in_doubt") == {"A2": "", "N1": Mark.NEW}
            assert [row[0] for row in viewer.rows("events")][:4] == [Mark.NEW, Mark.NEW, Mark.NEW, ""]
            assert viewer.column("working", "filled") == ["5", "0"]

    run(scene())


def test_a_mark_fades_and_comes_again_with_the_next_change() -> None:
    """It is there for as long as it is said to be; that an age has grown is no change."""
    columns = (text("id"), age(), number("leaves"))
    start = datetime(2026, 1, 5, tzinfo=UTC)

    def seen(before: Any, leaves: str, moment: datetime) -> Any:
        row = Row(key=("a",), cells=("a", moment, Decimal(leaves)), words=())
        part = Part(name="working", heading="", nothing="", style="", columns=columns, rows=[row])
        return remembered(before, [part], moment)

    key = ("working", "a")
    first = seen(None, "5", start)
    assert first[key].mark_at(start) is None
    same = seen(first, "5", start + timedelta(seconds=1))
    assert same[key].mark_at(start + timedelta(seconds=1)) is None
    changed = seen(same, "4", start)
    assert changed[key].mark_at(start + MARKED_FOR - timedelta(microseconds=1)) is Mark.CHANGED
    assert changed[key].mark_at(start + MARKED_FOR) is None
    later = start + 2 * MARKED_FOR
    assert seen(changed, "4", later)[key].mark_at(later) is None
    assert seen(changed, "3", later)[key].mark_at(later) is Mark.CHANGED
    assert seen({}, "3", later)[key].mark_at(later) is Mark.NEW


# --- keys


def test_a_filter_leaves_what_belongs_to_a_symbol_or_strategy(ledger_file: Path) -> None:
    """Also requests and events, which name an order and no symbol; escape shows everything again."""

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            events = len(viewer.rows("events"))
            await viewer.press("slash", *"btc")
            assert viewer.column("in_doubt", "our id") == ["A2"]
            assert viewer.column("exposures", "symbol") == ["BTC-USD"]
            assert viewer.rows("working") == viewer.rows("requests_in_flight") == []
            assert set(viewer.column("events", "order or trade")) == {"A2"}
            assert "working 0 of 2" in viewer.said("overview")
            await viewer.press("enter")
            assert isinstance(viewer.view.focused, PartTable)
            await viewer.press("escape")
            assert len(viewer.rows("events")) == events
            await viewer.press("slash", *"beta", "enter")
            assert viewer.column("working", "order") == ["B2"]
            assert viewer.column("exposures", "symbol") == ["ACME"]

    run(scene())


def test_a_request_is_found_by_the_symbol_of_its_order(ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it was made so long ago that no event on the screen is about it."""
    monkeypatch.setattr(live_looks, "EVENTS_MAX", 1)

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            await viewer.press("slash", *"acme", "enter")
            assert viewer.column("requests_in_flight", "order") == ["A1"]
            assert viewer.view.query_one("#filter", Input).value == "acme"

    run(scene())


def test_sorting_by_a_column_and_back(ledger_file: Path) -> None:
    """A sign beside the heading says which; behind the last column is the order of the status."""

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            await viewer.press("4", "s", "s", "s", "s")
            assert "quantity ▲" in viewer.headings("positions")
            assert viewer.column("positions", "quantity ▲") == ["-5", "4"]
            await viewer.press("S")
            assert viewer.column("positions", "quantity ▼") == ["4", "-5"]
            await viewer.look()
            assert viewer.column("positions", "quantity ▼") == ["4", "-5"]
            for _ in viewer.headings("positions"):
                await viewer.press("s")
                if viewer.part("positions").table.sorted_by is None:
                    break
            assert viewer.column("positions", "strategy") == ["alpha", "beta"]

    run(scene())


def test_numbers_are_sorted_by_size_and_what_is_empty_comes_last() -> None:
    """Also where a column has money to spend, which is no number of units."""
    columns = (number("quantity"), age())
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    cells: list[Any] = ["10", "9.5", None, "500 USD", Decimal("0.0000004"), ""]
    rows = [Row(key=(str(at),), cells=(cell, moment - timedelta(hours=at)), words=()) for at, cell in enumerate(cells)]

    def sorted_by(name: str | None, *, is_reversed: bool = False) -> list[Any]:
        return [row.cells[0] for row in ordered(rows, columns, name, is_reversed=is_reversed)]

    assert sorted_by("quantity") == [Decimal("0.0000004"), "9.5", "10", "500 USD", None, ""]
    assert sorted_by("quantity", is_reversed=True) == ["500 USD", "10", "9.5", Decimal("0.0000004"), None, ""]
    assert sorted_by("age") == cells
    assert sorted_by("age", is_reversed=True) == cells[::-1]
    assert sorted_by(None) == cells


def test_enter_shows_everything_about_an_order_and_its_history(ledger_file: Path, call: Call) -> None:
    """What `show` prints, to the word, and what happened, as of the last look."""
    shown = call("show", ledger_file, "A2").stdout

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            await viewer.press("enter")
            screen = viewer.view.screen
            assert isinstance(screen, DetailScreen)
            body = screen.query_one(".body", Static)
            await viewer.until(lambda: "What happened" in str(body.render()))
            detail = str(body.render())
            lines = [line for line in shown.splitlines() if line and not line.startswith("placed")]
            assert [line for line in lines if line not in detail] == []
            assert "ORDER_IN_DOUBT" in detail
            with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
                ledger.update_order_rejection("A2", "unknown to the venue")
            await viewer.press("r")
            await viewer.until(lambda: "ORDER_REJECTED" in str(body.render()))
            await viewer.press("escape")
            assert not isinstance(viewer.view.screen, DetailScreen)
            assert viewer.rows("in_doubt") == []

    run(scene())


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("4",), "501.3"),  # a position has no record of its own: its columns, also those without room
        (("5",), "pending buy"),
        (("6",), "7 on top of 4"),
        (("7",), "swing"),
        (("8",), "ORDER_ACCEPTED"),
    ],
)
def test_enter_works_on_every_part(ledger_file: Path, keys: tuple[str, ...], expected: str) -> None:
    """A position, a fact, a trade and an event lead to what is known of them, in a narrow terminal too."""
    with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
        ledger.update_order_fill("A1", fill("F3", "1", "100.30"))
    down = ("down",) if keys == ("6",) else ()

    async def scene() -> None:
        async with viewing(ledger_file, size=(80, 24)) as viewer:
            await viewer.press(*keys, *down, "enter")
            screen = viewer.view.screen
            assert isinstance(screen, DetailScreen)
            await viewer.until(lambda: expected in str(screen.query_one(".body", Static).render()))

    run(scene())


def test_the_cursor_goes_from_part_to_part_and_stays_on_its_row(ledger_file: Path) -> None:
    """Down from the last row is the next part; a look that brings other rows does not move it."""

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            await viewer.press("down")
            assert viewer.view.focused is viewer.part("requests_in_flight").table
            await viewer.press("down", "down")
            table = viewer.part("working").table
            assert viewer.view.focused is table
            assert table.row is not None
            assert table.row.key[-1] == "B2"
            with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
                ledger.update_order_cancellation("A1")
            await viewer.look()
            assert viewer.column("working", "order") == ["B2"]
            assert table.row.key[-1] == "B2"
            events = viewer.part("events").table
            await viewer.press("8", "down", "down")
            there = events.row
            with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
                ledger.record_order("N1", limit_order())
            await viewer.look()
            assert viewer.column("events", "order or trade")[0] == "N1"
            assert there is not None
            assert events.row == there
            await viewer.press("1", "up")
            assert viewer.view.focused is viewer.part("in_doubt").table

    run(scene())


def test_when_a_part_empties_the_keys_still_have_a_table(ledger_file: Path) -> None:
    """The cursor goes to the first part that is left."""

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            assert viewer.view.focused is viewer.part("in_doubt").table
            with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
                ledger.update_order_rejection("A2", "unknown to the venue")
            await viewer.look()
            assert viewer.view.focused is viewer.part("requests_in_flight").table

    run(scene())


def test_pausing_holds_the_picture_and_says_so(ledger_file: Path) -> None:
    """Until p again, or r, which looks once; a record can be opened meanwhile and is as it is now."""

    async def scene() -> None:
        async with viewing(ledger_file, interval=0.05) as viewer:
            await viewer.press("p")
            assert "PAUSED" in viewer.said("moment")
            with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
                ledger.record_order("N1", limit_order())
            await viewer.press("3", "enter")
            body = viewer.view.screen.query_one(".body", Static)
            await viewer.until(lambda: "What happened" in str(body.render()))
            await viewer.press("escape")
            assert "N1" not in viewer.column("in_doubt", "our id")
            await viewer.look()
            assert "N1" in viewer.column("in_doubt", "our id")
            assert "PAUSED" in viewer.said("moment")
            with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger:
                ledger.record_order("N2", limit_order())
            await viewer.press("p")
            await viewer.until(lambda: "N2" in viewer.column("in_doubt", "our id"))
            assert "PAUSED" not in viewer.said("moment")

    run(scene())


def test_one_part_alone_and_all_columns(ledger_file: Path) -> None:
    """Z gives a part the screen, w every column; both again give back what was."""

    async def scene() -> None:
        async with viewing(ledger_file, size=(80, 24)) as viewer:
            assert "reason" not in viewer.headings("in_doubt")
            assert "3 columns more: w" in str(viewer.part("in_doubt").title.render())
            await viewer.press("w")
            assert "reason" in viewer.headings("in_doubt")
            await viewer.press("w", "8", "z")
            assert [name for name in NAMES if viewer.part(name).display] == ["events"]
            assert viewer.part("events").table.size.height > 10
            await viewer.press("3")
            assert [name for name in NAMES if viewer.part(name).display] == ["working"]
            await viewer.press("z")
            assert all(viewer.part(name).display for name in NAMES)

    run(scene())


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_the_view_ends_when_it_is_told_to(ledger_file: Path, key: str) -> None:
    """From the help and while a filter is typed, too, where q is a letter; no thread goes on looking."""

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            await viewer.press("question_mark")
            assert isinstance(viewer.view.screen, HelpScreen)
            await viewer.press("escape", "slash", "q")
            assert viewer.view.query_one("#filter", Input).value == "q"
            assert viewer.view.is_running
            if key == "q":
                await viewer.press("escape", "question_mark")
            await viewer.press(key)
            await viewer.until(lambda: not viewer.view.is_running)
        assert not viewer.view._looker.is_alive()

    run(scene())


# --- what goes wrong


def test_a_file_that_goes_away_is_said_and_looked_for_again(ledger_file: Path) -> None:
    """What was last seen stays, with its time; once the file is there again so is the picture."""
    away = ledger_file.with_suffix(".away")

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            ledger_file.rename(away)
            await viewer.look()
            assert "there is no ledger file" in viewer.said("banner")
            assert "what is below was so at" in viewer.said("banner")
            assert viewer.column("in_doubt", "our id") == ["A2"]
            ledger_file.write_bytes(b"not a ledger at all" * 100)
            await viewer.look()
            assert "is no" in viewer.said("banner") or "not" in viewer.said("banner")
            ledger_file.unlink()
            away.rename(ledger_file)
            await viewer.look()
            assert not viewer.view.query_one("#banner").display

    run(scene())


def test_a_file_may_come_later(tmp_path: Path, ledger_file: Path) -> None:
    """The view of a bot that has not started yet waits for it, without a picture that is none."""
    path = tmp_path / "later.db"

    async def scene() -> None:
        async with viewing(path) as viewer:
            assert "there is no ledger file" in viewer.said("banner")
            assert "was so at" not in viewer.said("banner")
            assert not any(viewer.part(name).display for name in NAMES)
            shutil.copy(ledger_file, path)
            await viewer.look()
            assert viewer.column("in_doubt", "our id") == ["A2"]

    run(scene())


def test_one_of_several_ledgers_that_cannot_be_read_is_said(tmp_path: Path, ledger_file: Path) -> None:
    """The others are shown, each row with its ledger; `net` is over those that are."""
    other = tmp_path / "other.db"
    with open_ledger(f"sqlite:///{other}?durability=none", strategy_id="gamma") as ledger:
        ledger.record_order("G1", market_order())

    async def scene() -> None:
        async with viewing(ledger_file, other, tmp_path / "nothing.db") as viewer:
            assert "not in this view: there is no ledger file" in viewer.said("banner")
            assert viewer.column("in_doubt", "our id") == ["A2", "G1"]
            assert viewer.column("in_doubt", "ledger") == [str(ledger_file), str(other)]

    run(scene())


def test_a_look_that_does_not_end_never_passes_for_a_quiet_market(
    ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys go on working, the line with the time says that nothing is heard, and the view can be left."""
    import threading

    released = threading.Event()
    real = live_looks.look

    async def scene() -> None:
        async with viewing(ledger_file) as viewer:
            monkeypatch.setattr(live_looks, "look", lambda *asked: (released.wait(60), real(*asked))[1])
            await viewer.press("r", "down")
            assert viewer.view.focused is viewer.part("requests_in_flight").table
            viewer.view._answered_at -= timedelta(hours=2)
            await viewer.until(lambda: "NO ANSWER FOR 2h 00m" in viewer.said("moment"))
            released.set()
            await viewer.until(lambda: "NO ANSWER" not in viewer.said("moment"))

    try:
        run(scene())
    finally:
        released.set()


def test_a_fault_of_the_view_is_no_silent_screen(ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the view, and is raised where that was started."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        monkeypatch.setattr(live_looks, "_look_at", broken)
        asked = Asked(paths=(str(ledger_file),), strategy=None, limit=None, everything=False, printer=Printer())
        view = LiveView(asked, SELDOM)
        async with view.run_test() as pilot:
            viewer = Viewer(view, pilot)
            await viewer.until(lambda: not view.is_running)
        assert isinstance(view.fault, ZeroDivisionError)

    run(scene())


# --- terminals


def test_eighty_columns_and_24_lines_are_enough_and_more_are_used(ledger_file: Path) -> None:
    """Columns come and go with the width, by importance; the ids and states stay."""

    async def scene() -> None:
        async with viewing(ledger_file, size=(80, 24)) as viewer:
            narrow = viewer.headings("working")
            assert {"status", "order", "symbol", "side", "quantity"} < set(narrow)
            assert viewer.part("in_doubt").table.max_scroll_x == 0
            await viewer.pilot.resize_terminal(200, 50)
            await viewer.pilot.pause()
            wide = viewer.headings("working")
            assert set(narrow) < set(wide)
            assert "placed" in wide
            await viewer.pilot.resize_terminal(40, 12)
            await viewer.pilot.pause()
            assert viewer.column("in_doubt", "our id") == ["A2"]
            await viewer.pilot.resize_terminal(80, 24)
            await viewer.pilot.pause()
            assert viewer.headings("working") == narrow

    run(scene())


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_in_a_terminal_watch_is_the_live_view(ledger_file: Path, environment: dict[str, str]) -> None:
    """Q ends it and gives the terminal back; where NO_COLOR is set there is no colour, and the words say the same."""
    shown, code = in_terminal("watch", ledger_file, typed="q", typed_at="IN DOUBT", environment=environment)
    assert code == 0
    assert "\x1b[?1049h" in shown
    assert "\x1b[?1049l" in shown
    assert "Filter" in shown
    assert bool(COLOUR.search(shown)) == (not environment)


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {}])
def test_the_plain_screen_is_there_for_the_asking(ledger_file: Path, environment: dict[str, str]) -> None:
    """With --plain, and where the terminal cannot move its cursor."""
    plain = () if environment else ("--plain",)
    shown, code = in_terminal("watch", ledger_file, *plain, interrupted_at="Ctrl-C ends", environment=environment)
    assert code == 0
    assert "Filter" not in shown
    assert "Ctrl-C ends" in shown


def test_without_textual_watch_does_what_it_did(ledger_file: Path) -> None:
    """The extra is for the view alone."""
    probe = (
        "import importlib.util as u, sys; real = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'textual' else real(name, *more)\n"
        "sys.modules['textual'] = None\n"
        "from ledger_cli.main import main; main(sys.argv[1:])"
    )
    program = (sys.executable, "-c", probe)
    shown, code = in_terminal("watch", ledger_file, interrupted_at="IN DOUBT", program=program)
    assert code == 0
    assert "Ctrl-C ends" in shown


def test_a_ledger_that_nobody_named_is_no_reason_to_wait(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can never be there later."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRATEGY_LEDGER_URL", raising=False)
    result = call("watch")
    assert result.exit_code == USAGE
    assert "no ledger is named" in result.stderr
