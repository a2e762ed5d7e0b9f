"""The live view of `watch` in a terminal: what `status` says, the open trades and the latest events, as they change.

It needs Textual. What is shown is read in a thread of its own (`live_looks`) and decided without a screen
(`live_parts`); here are the keys and what is where. It uses the terminal's own colours, and each is beside a word or a
mark that says the same.
"""

from typing import ClassVar

import click
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import DataTable, Footer, Input, Static

from ledger_cli import words
from ledger_cli.failures import INTERNAL
from ledger_cli.live_looks import Answer, Look, Looker
from ledger_cli.live_parts import NAMES, Memory, remembered
from ledger_cli.live_screens import DetailScreen, HelpScreen
from ledger_cli.live_style import STYLE
from ledger_cli.live_table import PartTable, PartView, Shown
from ledger_cli.reading import Asked, now
from ledger_cli.status import sentence
from ledger_cli.tables import Line, render_pairs
from ledger_cli.terminal import Segment, styled, styled_lines

LATE_SECONDS = 5
"""How much later than it should be the next look is said to be late."""


class Looked(Message):
    """A look has ended."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class LiveView(App[None]):
    """The whole terminal."""

    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("p", "pause", "Pause"),
        Binding("r", "look", "Look"),
        Binding("z", "zoom", "Zoom"),
        Binding("w", "wide", "Wide"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        Binding("escape", "everything", "Everything", show=False),
        *(Binding(str(number), f"part('{name}')", show=False) for number, name in enumerate(NAMES, 1)),
    ]
    CSS = STYLE

    def __init__(self, asked: Asked, interval: float) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.looks = 0
        """How many looks are shown or said to have failed."""
        self.fault: BaseException | None = None
        self._asked = asked
        self._interval = interval
        self._looker = Looker(asked, interval, lambda answer: self.post_message(Looked(answer)))
        self._look: Look | None = None
        self._failure: str | None = None
        self._memory: Memory | None = None
        self._is_paused = False
        self._is_wide = asked.printer.is_wide
        self._alone: str | None = None
        self._is_asked = False
        self._answered_at = now()

    def compose(self) -> ComposeResult:
        """Put what is most urgent on top."""
        with Horizontal(id="top"):
            yield Static("looking ...", id="where")
            yield Static(id="moment")
        yield Static(id="heading")
        yield Static(id="banner")
        yield Static(id="overview")
        with VerticalScroll(id="parts", can_focus=False):
            for name in NAMES:
                yield PartView(name)
            yield Static(id="rest")
        yield Input(placeholder="symbol, strategy or id; enter keeps it, escape shows all", id="filter")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self.query_one("#banner").display = False
        for view in self.query(PartView):
            view.display = False
        self._looker.start()
        self.set_interval(1, self._tell_the_time)

    def on_unmount(self) -> None:
        """Look no more."""
        self._looker.end()

    @on(Looked)
    def _take(self, message: Looked) -> None:
        """Show what a look found."""
        answer = message.answer
        if not self._is_whole:
            return
        if answer.fault is not None:
            self.fault = answer.fault
            self.exit()
            return
        self._answered_at = now()
        self._failure = answer.failure
        if answer.look is not None and (self._look is None or not self._is_paused or self._is_asked):
            self._look = answer.look
            self._memory = remembered(self._memory, answer.look.parts, answer.look.moment)
            self._show()
        self._is_asked = False
        if isinstance(self.screen, DetailScreen) and answer.match is not None and self.screen.match == answer.match:
            self.screen.show(answer.detail)
        self._show_banner()
        self._tell_the_time()
        self.looks += 1

    def _show(self) -> None:
        """Show the last look, as it is filtered."""
        look = self._look
        if look is None:
            return
        base = self.screen_stack[0]
        text = base.query_one("#filter", Input).value.strip()
        base.query_one("#where", Static).update(styled(look.heading[0]))
        base.query_one("#heading", Static).update(styled_lines(look.heading[1:]))
        nothing = []
        overview: list[Segment] = []
        with self.batch_update():
            for view, part in zip(base.query(PartView), look.parts, strict=True):
                rows = [row for row in part.rows if row.is_found_by(text)] if text else part.rows
                if not part.rows:
                    nothing.append(part.nothing)
                is_alone = None if self._alone is None else part.name == self._alone
                view.show(Shown(part, rows, self._memory or {}, look.printer, self._is_wide, is_alone))
                counted = f"{len(rows):,} of {len(part.rows):,}" if text else f"{len(part.rows):,}"
                said = NAMES[part.name] if part.name == "events" else f"{NAMES[part.name]} {counted}"
                overview += [(said, part.style if rows else "rule"), ("  ", "")]
            base.query_one("#overview", Static).update(styled(overview[:-1]))
            rest = base.query_one("#rest", Static)
            rest.display = self._alone is None
            rest.update(styled_lines(self._rest(look, nothing, text)))
        self._keep_focus()

    def _rest(self, look: Look, nothing: list[str], text: str) -> list[Line]:
        """Return what stands below the tables: what there is nothing of, what needs a person, what to do next."""
        lines: list[Line] = []
        if text:
            lines += [[(f"only what has {text!r} in its symbol, strategy or id; escape shows all", "waiting")], []]
        if nothing:
            lines += [[(sentence(nothing), "good")], []]
        if look.complaints:
            lines += [[("Needs a person", "title")], *([(complaint, "bad")] for complaint in look.complaints), []]
        if look.steps:
            lines += [[("Next", "title")], *look.steps]
        return lines

    @property
    def _is_whole(self) -> bool:
        """Whether the screen is there to be written to; while the view ends it is taken to pieces."""
        return bool(self.screen_stack) and bool(self.screen_stack[0].query("#rest"))

    def _keep_focus(self) -> None:
        """Leave no key without a table to go to."""
        focused = self.screen_stack[0].focused
        if focused is None or not all(node.display for node in focused.ancestors_with_self):
            self._go_to(0, 1)

    def _show_banner(self) -> None:
        said: list[str] = []
        if self._failure is not None:
            said.append(self._failure)
            if self._look is not None:
                at = self._look.printer.at(self._look.moment.replace(microsecond=0))
                said.append(f"looking for it every {self._interval:g} s; what is below was so at {at}")
        elif self._look is not None:
            said += [f"not in this view: {failure}" for failure in self._look.failures]
        banner = self.screen_stack[0].query_one("#banner", Static)
        banner.display = bool(said)
        banner.update(styled_lines([[(line, "doubt")] for line in said]))

    def _tell_the_time(self) -> None:
        """Say of when the view is; a look that does not end must not pass for a quiet market."""
        if not self._is_whole:
            return
        waited = now() - self._answered_at
        if self._is_paused:
            state = "PAUSED"
        elif waited.total_seconds() > self._interval + LATE_SECONDS:
            state = f"NO ANSWER FOR {words.duration(waited)}"
        else:
            state = ""
        at = "" if self._look is None else self._look.printer.at(self._look.moment.replace(microsecond=0)) or ""
        line = [(state, "doubt"), ("  ", ""), (f"as of {at}" if at else "", "heading")]
        self.screen_stack[0].query_one("#moment", Static).update(styled(line))

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Leave to the other screens the keys that mean something there."""
        return len(self.screen_stack) == 1 or action in ("quit", "look", "pause")

    def action_look(self) -> None:
        """Look at once."""
        self._is_asked = True
        self._looker.look_now()

    def action_pause(self) -> None:
        """Let nothing move, or everything again."""
        self._is_paused = self._looker.is_paused = not self._is_paused
        if not self._is_paused:
            self._looker.look_now()
        self._tell_the_time()

    def action_wide(self) -> None:
        """Show all columns, or those that have room."""
        self._is_wide = not self._is_wide
        self._show()

    def action_zoom(self) -> None:
        """Show one part alone, or all."""
        table = self.focused
        here = table.parent.part_name if isinstance(table, PartTable) and isinstance(table.parent, PartView) else None
        self._alone = here if self._alone is None else None
        self._show()

    def action_help(self) -> None:
        """Show which key does what."""
        self.push_screen(HelpScreen())

    def action_filter(self) -> None:
        """Ask what to show alone."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def action_everything(self) -> None:
        """Show everything again."""
        field = self.query_one("#filter", Input)
        field.value = ""
        self._leave_filter(field)

    def action_part(self, name: str) -> None:
        """Go to a part."""
        self._go_to(list(NAMES).index(name), 1, exactly=True)

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        self._show()

    @on(Input.Submitted, "#filter")
    def _keep_filter(self, event: Input.Submitted) -> None:
        self._leave_filter(event.input)

    def _leave_filter(self, field: Input) -> None:
        field.display = bool(field.value)
        self.set_focus(None)
        self._keep_focus()

    @on(PartTable.Left)
    def _cross(self, event: PartTable.Left) -> None:
        """Go on to the next part that has a row."""
        views = list(self.query(PartView))
        place = next(index for index, view in enumerate(views) if view.table is event.table)
        self._go_to(place + event.step, event.step)

    def _go_to(self, place: int, step: int, *, exactly: bool = False) -> None:
        """Go to the part at a place, or to the nearest one behind it that is on the screen."""
        views = list(self.screen_stack[0].query(PartView))
        if exactly and self._alone is not None:
            self._alone = views[place].part_name
            self._show()
        while 0 <= place < len(views):
            if views[place].display:
                views[place].table.focus()
                if not exactly and step:
                    views[place].table.move_cursor(row=0 if step > 0 else views[place].table.row_count - 1)
                return
            if exactly:
                return
            place += step

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        """Show everything about a row; what is to be read is read by the next look, at once."""
        table = event.data_table
        row = table.row if isinstance(table, PartTable) else None
        look = self._look
        if row is None or look is None:
            return
        part = next(part for part in look.parts if f"table-{part.name}" == table.id)
        shown = [look.printer.shown(column, cell) for column, cell in zip(part.columns, row.cells, strict=True)]
        pairs = render_pairs((column.shown.heading, cell) for column, cell in zip(part.columns, shown, strict=True))
        fields: list[Line] = [[(line, "")] for line in pairs.splitlines()]
        if row.match is None:
            self.push_screen(DetailScreen(f"{part.heading}: {row.words[-1]}", None, fields))
            return
        title = f"{row.match.kind} {row.match.id} of {row.match.strategy_id}"
        self._looker.match, self._looker.width = row.match, self.size.width - 1
        self.push_screen(DetailScreen(title, row.match, fields), self._forget_match)
        self._looker.look_now()

    def _forget_match(self, _: None) -> None:
        self._looker.match = None


def live(asked: Asked, interval: float) -> None:
    """Show the live view until a person ends it."""
    view = LiveView(asked, interval)
    view.run()
    if view.fault is not None:
        raise view.fault
    if view.return_code:  # Textual has said why
        click.get_current_context().exit(INTERNAL)
