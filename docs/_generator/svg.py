"""Draw a state diagram as SVG: boxes in a grid, sets of states as dashed frames, straight arrows with labels.

The colours are the theme's own, so a drawing is right in light and in dark; it needs no script.
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 156, 36
COLUMN, ROW = 230, 74
MARGIN = 24
CHARACTER = 6.2
LINE = 14

Point = tuple[float, float]


class Box:
    """A rectangle with a name, or a frame around others."""

    def __init__(self, x: float, y: float, width: float = WIDTH, height: float = HEIGHT) -> None:
        """Place it by its top left corner."""
        self.left, self.top, self.right, self.bottom = x, y, x + width, y + height

    @property
    def centre(self) -> Point:
        """Its middle."""
        return ((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def contains(self, other: "Box") -> bool:
        """Whether the other lies within it."""
        return (
            self.left <= other.left
            and self.right >= other.right
            and self.top <= other.top
            and self.bottom >= other.bottom
        )


def at(column: float, row: float) -> Box:
    """Return the box of a place in the grid."""
    return Box(MARGIN + column * COLUMN, MARGIN + row * ROW)


def around(boxes: Sequence[Box], padding: float) -> Box:
    """Return a frame around boxes, with room for its name at the top."""
    left, top = min(one.left for one in boxes) - padding, min(one.top for one in boxes) - padding - 14
    right, bottom = max(one.right for one in boxes) + padding, max(one.bottom for one in boxes) + padding
    return Box(left, top, right - left, bottom - top)


def draw(
    title: str,
    states: Mapping[str, Box],
    frames: Mapping[str, Box],
    arrows: Sequence[tuple[str, str, str]],
    shifts: Mapping[tuple[str, str], tuple[float, float]] | None = None,
) -> str:
    """Return the SVG of arrows (from, to, label) between states and frames; "" as from is the beginning.

    `shifts` moves the label of an arrow, by (from, to), where two of them would touch.
    """
    places = {**frames, **states}
    pairs = {(source, target) for source, target, _ in arrows}
    lines, labels = [], []
    extent = [box for box in places.values()]
    for source, target, label in arrows:
        start, end = _ends(source, places, target, both_ways=(target, source) in pairs)
        lines.append(
            f'<path class="arrow" d="M{start[0]:.0f},{start[1]:.0f} L{end[0]:.0f},{end[1]:.0f}" '
            'marker-end="url(#head)"/>'
        )
        if not source:
            lines.append(f'<circle class="dot" cx="{start[0]:.0f}" cy="{start[1]:.0f}" r="6"/>')
        shift = (shifts or {}).get((source, target), (0.0, 0.0))
        text, box = _label(label, start, end, shift)
        labels.append(text)
        extent.append(box)
    width = max(box.right for box in extent) + MARGIN
    height = max(box.bottom for box in extent) + MARGIN
    left = min(0.0, *(box.left - MARGIN for box in extent))
    top = min(0.0, *(box.top - MARGIN for box in extent))
    parts = [
        f'<svg class="machine" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
        f'viewBox="{left:.0f} {top:.0f} {width - left:.0f} {height - top:.0f}" width="{width - left:.0f}">',
        f"<title>{escape(title)}</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path class="tip" d="M0,0 L8,4 L0,8 z"/></marker></defs>',
        *(_frame(name, box) for name, box in frames.items()),
        *lines,
        *(_state(name, box) for name, box in states.items()),
        *labels,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(name: str, box: Box) -> str:
    return (
        f'<rect class="frame" x="{box.left:.0f}" y="{box.top:.0f}" width="{box.right - box.left:.0f}" '
        f'height="{box.bottom - box.top:.0f}" rx="10"/>'
        f'<text class="frame-name" x="{box.left + 10:.0f}" y="{box.top + 15:.0f}">{escape(name)}</text>'
    )


def _state(name: str, box: Box) -> str:
    x, y = box.centre
    return (
        f'<rect class="state" x="{box.left:.0f}" y="{box.top:.0f}" width="{box.right - box.left:.0f}" '
        f'height="{box.bottom - box.top:.0f}" rx="8"/>'
        f'<text class="name" x="{x:.0f}" y="{y + 4:.0f}">{escape(name)}</text>'
    )


def _ends(source: str, places: Mapping[str, Box], target: str, *, both_ways: bool) -> tuple[Point, Point]:
    end = places[target]
    if not source:
        y = end.centre[1]
        return (end.left - 46, y), (end.left, y)
    start = places[source]
    if start.contains(end):
        return _into(start, end)
    return _between(start, end, 9 if both_ways else 0)


def _into(frame: Box, end: Box) -> tuple[Point, Point]:
    """From the frame's nearest border to a state within it."""
    x, y = end.centre
    ways = (
        (frame.right - end.right, (frame.right, y), (end.right, y)),
        (end.top - frame.top, (x, frame.top), (x, end.top)),
        (frame.bottom - end.bottom, (x, frame.bottom), (x, end.bottom)),
    )
    _, outer, inner = min(ways, key=lambda way: way[0])
    return outer, inner


def _between(start: Box, end: Box, apart: float) -> tuple[Point, Point]:
    low, high = max(start.top, end.top), min(start.bottom, end.bottom)
    if low < high:
        # A state beside a taller frame: the arrow runs level with the state.
        smaller = end if end.bottom - end.top <= start.bottom - start.top else start
        y = min(max(smaller.centre[1], low), high)
        if start.right <= end.left:
            return (start.right, y - apart), (end.left, y - apart)
        return (start.left, y + apart), (end.right, y + apart)
    left, right = max(start.left, end.left), min(start.right, end.right)
    if left < right:
        smaller = end if end.right - end.left <= start.right - start.left else start
        x = min(max(smaller.centre[0], left), right)
        if start.bottom <= end.top:
            return (x + apart, start.bottom), (x + apart, end.top)
        return (x - apart, start.top), (x - apart, end.bottom)
    x_out, x_in = (start.right, end.left) if start.right <= end.left else (start.left, end.right)
    return (x_out, start.centre[1] + apart), (x_in, end.centre[1] + apart)


def _label(label: str, start: Point, end: Point, shift: tuple[float, float]) -> tuple[str, Box]:
    lines = label.split("\n")
    x, y = (start[0] + end[0]) / 2 + shift[0], (start[1] + end[1]) / 2 + shift[1]
    vertical = abs(start[0] - end[0]) < 2
    anchor = "start" if vertical else "middle"
    x += 8 if vertical else 0
    first = y - (len(lines) - 1) * LINE / 2 + 4 if vertical else y - 6 - (len(lines) - 1) * LINE
    spans = "".join(
        f'<tspan x="{x:.0f}" y="{first + number * LINE:.0f}">{escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    width = max(len(line) for line in lines) * CHARACTER
    left = x if vertical else x - width / 2
    box = Box(left, first - LINE, width, len(lines) * LINE)
    return f'<text class="label" text-anchor="{anchor}">{spans}</text>', box
