"""What the terminal can do: its width, its colours, whether anybody is looking; `rich` colours if it is there.

Everything works without rich, in plain text, and so it does where NO_COLOR is set or TERM is dumb.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Segment = tuple[str, str]
"""A piece of a line, and its style: a name of `STYLES`, or nothing."""

STYLES = {
    "heading": "bold",
    "rule": "dim",
    "doubt": "bold red",
    "bad": "red",
    "waiting": "yellow",
    "good": "green",
    "title": "bold",
    "": "",
}
"""What a style is called in the code, and what it is in a terminal."""


def width() -> int | None:
    """Return how many columns a line of stdout may have; None where it goes to a file or a program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def height() -> int:
    """Return how many lines the terminal shows at once."""
    return shutil.get_terminal_size().lines


def wrapped(sentence: str) -> str:
    """Return what is said on stderr in lines that fit, where it is a terminal."""
    if not sys.stderr.isatty():
        return sentence
    return "\n".join(
        textwrap.fill(line, shutil.get_terminal_size().columns, break_long_words=False, break_on_hyphens=False)
        for line in sentence.splitlines()
    )


def has_reader() -> bool:
    """Whether a person sees stderr: what comes and goes, such as progress, is for them alone."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def has_keys() -> bool:
    """Whether a person can press keys, and the terminal can move its cursor."""
    return sys.stdin.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


def print_lines(lines: Iterable[Sequence[Segment]]) -> None:
    """Print lines to stdout, in colour where stdout is a terminal that has colours, and rich is installed."""
    console = _console() if sys.stdout.isatty() else None
    if console is None:
        for line in lines:
            click.echo("".join(text for text, _ in line).rstrip())
        return
    for line in lines:
        console.print(styled(line), soft_wrap=True)


def styled_lines(lines: Iterable[Sequence[Segment]]) -> "Text":
    """Return lines as rich has them."""
    from rich.text import Text

    return Text("\n", no_wrap=True).join([styled(line) for line in lines])


def styled(line: Sequence[Segment]) -> "Text":
    """Return a line as rich has it; rich must be there."""
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ignore")
    for part, style in line:
        text.append(part, STYLES[style] or None)
    return text


@cache
def has_rich() -> bool:
    """Whether rich is installed."""
    from importlib.util import find_spec

    return find_spec("rich") is not None


def _console() -> "Console | None":
    if not has_rich() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return None
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)
