"""Markdown from docstrings, and tables."""

import inspect
import re
from collections.abc import Iterable, Sequence

NOTICE = "<!-- Written by docs/generate.py from the code: do not edit, change the code and run it again. -->"

_CODE = re.compile(r"(`[^`]*`)")


def page(title: str, introduction: str, *parts: str) -> str:
    """Return a whole page."""
    text = "\n\n".join((NOTICE, f"# {title}", introduction.strip(), *(part.strip("\n") for part in parts if part)))
    return text + "\n"


def prose(text: str | None) -> str:
    """Return a docstring, or a comment, as Markdown: what is outside of `code` is taken literally."""
    if not text:
        return ""
    parts = _CODE.split(inspect.cleandoc(text))
    return "".join(part if part.startswith("`") else _literal(part) for part in parts)


def _literal(text: str) -> str:
    text = re.sub(r"(?<!\w)\*|\*(?!\s)", r"\\*", text)
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("[", "\\[").replace("#", "\\#")


def sentence(text: str) -> str:
    """Return a comment with a capital and a full stop, unless it begins with a word that has its own case."""
    text = text.strip()
    if not text:
        return ""
    first = text.split(" ", 1)[0]
    if first.islower() and first.rstrip(",;:").isalpha():
        text = text[0].upper() + text[1:]
    return prose(text if text[-1] in ".!?…" else f"{text}.")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown of one line."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    for row in rows:
        assert len(row) == len(head), row
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def code(text: object) -> str:
    """Return text as code."""
    return f"`{text}`"


def codes(words: Iterable[object]) -> str:
    """Return words as code, with commas."""
    return ", ".join(code(word) for word in words)


def fence(language: str, text: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def first_sentence(text: str | None) -> str:
    """Return the summary line of a docstring."""
    return prose(inspect.cleandoc(text or "").split("\n\n")[0])
