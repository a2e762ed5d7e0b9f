"""HTML as text: what comes from a ledger is escaped once, here."""

from collections.abc import Iterable
from html import escape

import attrs


@attrs.frozen
class Html:
    """Text that is HTML already: it was escaped, or written by this package."""

    text: str

    def __str__(self) -> str:
        """Return the HTML."""
        return self.text


Content = Html | str | int | None
"""What an element holds: HTML as it is, anything else as text, None as nothing."""


def html_of(content: Content) -> str:
    """Return content as HTML."""
    if content is None:
        return ""
    return content.text if isinstance(content, Html) else escape(_visible(str(content)), quote=False)


def tag(name: str, /, *contents: Content, **attributes: str | int | bool | None) -> Html:
    """Return an element. `class_` is `class`, `aria_label` is `aria-label`; None and False leave an attribute out."""
    return Html(f"<{name}{_attributes(attributes)}>{''.join(map(html_of, contents))}</{name}>")


def unclosed(name: str, /, *contents: Content, **attributes: str | int | bool | None) -> Html:
    """Return an element whose end HTML lets one leave out: of a thousand cells that is a lot."""
    return Html(f"<{name}{_attributes(attributes)}>{''.join(map(html_of, contents))}")


def void(name: str, /, **attributes: str | int | bool | None) -> Html:
    """Return an element that has no content."""
    return Html(f"<{name}{_attributes(attributes)}>")


def join(parts: Iterable[Content], between: str = "") -> Html:
    """Return parts as one; `between` is HTML."""
    return Html(between.join(map(html_of, parts)))


def _attributes(attributes: dict[str, str | int | bool | None]) -> str:
    written = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        shown = name.rstrip("_").replace("_", "-")
        written.append(f" {shown}" if value is True else f' {shown}="{escape(_visible(str(value)))}"')
    return "".join(written)


def _visible(text: str) -> str:
    """Replace what HTML cannot hold, or what would turn the text around it, by its code: an id may hold anything."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == " " else f"\\u{ord(char):04x}" for char in text)
