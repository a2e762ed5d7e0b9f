"""The screens beside the live view: everything about one record, and which key does what."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import ScrollableContainer
from textual.screen import Screen
from textual.widgets import Footer, Static

from ledger_cli.live_parts import Mark
from ledger_cli.lookup import Match
from ledger_cli.tables import Line
from ledger_cli.terminal import styled, styled_lines

KEYS = (
    ("up, down", "go from row to row, and from part to part"),
    ("tab, 1 to 8", "go to the next part, or to one of them"),
    ("left, right", "see columns that are further right"),
    ("enter", "everything about the row and its history; escape goes back"),
    ("/", "only what has this in symbol, strategy or id; escape shows all"),
    ("s, S", "sort by the next column, turn it round; so does a click on one"),
    ("w", "all columns, also those that have no room"),
    ("z", "this part alone on the screen"),
    ("p", "pause: nothing moves until p again"),
    ("r", "look at once"),
    ("?", "this help"),
    ("q, ctrl+c", "end"),
)
"""What each key does."""


class TextScreen(Screen[None]):
    """Lines to scroll in."""

    AUTO_FOCUS = "ScrollableContainer"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss", "Back"),
        ("q", "app.quit", "Quit"),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__(classes="text")
        self._heading = Static(styled([(title, "title")]), classes="title")
        self._body = Static(styled_lines(lines), classes="body")

    def compose(self) -> ComposeResult:
        """Put the lines below their title."""
        yield self._heading
        with ScrollableContainer():
            yield self._body
        yield Footer(show_command_palette=False)

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines."""
        self._body.update(styled_lines(lines))


class DetailScreen(TextScreen):
    """Everything about one record, as of the last look."""

    BINDINGS: ClassVar[list[BindingType]] = [("r", "app.look", "Look")]

    def __init__(self, title: str, match: Match | None, lines: Sequence[Line]) -> None:
        super().__init__(title, lines)
        self.match = match


class HelpScreen(TextScreen):
    """Which key does what."""

    BINDINGS: ClassVar[list[BindingType]] = [("question_mark", "dismiss", "Back")]

    def __init__(self) -> None:
        width = max(len(key) for key, _ in KEYS)
        keys: list[Line] = [[(f"{key:<{width}}  ", "heading"), (meaning, "")] for key, meaning in KEYS]
        marks = f"{Mark.NEW} is a row that is new, {Mark.CHANGED} one that has changed in the last seconds."
        more: list[Line] = [[], [(marks, "")], [("A column with a ~ is rounded for the eye. Nothing is written.", "")]]
        super().__init__("Keys", [*keys, *more])
