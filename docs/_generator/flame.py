"""Draw a tree of samples as a flame graph, upside down: whoever is called stands below its caller, as wide as its time.

Bars have the colours of their packages; what is too narrow for its name shows it, and its share, to a pointer.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

WIDTH = 1000.0
ROW = 19
CHARACTER = 6.1
NAME_MIN = 26.0
"""Narrower bars have no name in them."""

_GROUPS = (
    # prefix -> the class of its bars and what the legend calls it; the first that fits
    ("ledger_storage_sqlite", "storage", "the SQLite adapter, with SQLite's own work"),
    ("ledger_core.codec", "codec", "bodies and digests"),
    ("ledger_core.changes", "codec", "bodies and digests"),
    ("ledger_core.decide", "decide", "deciding"),
    ("ledger_core", "core", "the rest of the core"),
)

Bar = tuple[float, int, float, Mapping[str, Any]]
"""Left edge, row, width, node."""


def draw(title: str, tree: Mapping[str, Any]) -> str:
    """Return the SVG of a tree of {name, samples, own, called}."""
    bars = list(_bars(tree, 0.0, 0, WIDTH))
    rows = max(row for _, row, _, _ in bars) + 1
    legend = dict.fromkeys((group, text) for _, group, text in _GROUPS)
    height = (rows + 1) * ROW + 12
    parts = [
        (
            f'<svg class="flame" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
            f'viewBox="0 0 {WIDTH:.0f} {height}" width="{WIDTH:.0f}">'
        ),
        f"<title>{escape(title)}</title>",
        *(_bar(bar, tree["samples"]) for bar in bars),
    ]
    x = 2.0
    for group, text in legend:
        y = rows * ROW + 14
        parts.append(f'<rect class="bar {group}" x="{x:.1f}" y="{y - 11}" width="12" height="12"/>')
        parts.append(f'<text class="legend" x="{x + 17:.1f}" y="{y}">{escape(text)}</text>')
        x += 34 + len(text) * CHARACTER
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bars(node: Mapping[str, Any], left: float, row: int, width: float) -> Iterator[Bar]:
    yield left, row, width, node
    for called in node["called"]:
        share = width * called["samples"] / node["samples"]
        yield from _bars(called, left, row + 1, share)
        left += share


def _bar(bar: Bar, samples: int) -> str:
    left, row, width, node = bar
    name, group = node["name"], _group_of(node["name"])
    y = row * ROW
    title = f"{escape(name)}: {node['samples'] / samples:.1%}"
    box = f'x="{left:.1f}" y="{y}" width="{max(width - 0.6, 0.4):.1f}" height="{ROW - 1}"'
    parts = [f'<g><title>{title}</title><rect class="bar {group}" {box}/>']
    text = _fitting(name, width - 6)
    if text:
        parts.append(f'<text x="{left + 3:.1f}" y="{y + 13}">{escape(text)}</text>')
    return "".join([*parts, "</g>"])


def _fitting(name: str, width: float) -> str:
    """Return as much of a function's name as fits, from its end."""
    if width < NAME_MIN:
        return ""
    room = int(width / CHARACTER)
    for text in (name, ".".join(name.split(".")[-3:]), ".".join(name.split(".")[-2:]), name.rpartition(".")[2]):
        if len(text) <= room:
            return text
    return f"{name.rpartition('.')[2][: room - 1]}…"


def _group_of(name: str) -> str:
    return next((group for prefix, group, _ in _GROUPS if name.startswith(prefix)), "core")
