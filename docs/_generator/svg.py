"""Draw a state diagram as SVG: boxes in a grid, sets of states as dashed frames, straight arrows with labels.

The colours are the theme's own, so a drawing is right in light and in dark; it needs no script.
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 156, 36
COLUMN, ROW = 222, 74
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


def around(boxes: Sequence[Box], padding: float, below: float = 0) -> Box:
    """Return a frame around boxes, with room for its name at the top and for arrows below."""
    left, top = min(one.left for one in boxes) - padding, min(one.top for one in boxes) - padding - 10
    right, bottom = max(one.right for one in boxes) + padding, max(one.bottom for one in boxes) + padding
    return Box(left, top, right - left, bottom + below - top)


def listed(column: float, y: float, names: Sequence[str]) -> Box:
    """Return a box that lists several states, one below the other, from a height on."""
    return Box(MARGIN + column * COLUMN, y, WIDTH, max(HEIGHT, len(names) * 17 + 14))


def draw(
    title: str,
    states: Mapping[str, Box],
    frames: Mapping[str, Box],
    arrows: Sequence[tuple[str, str, str]],
    shifts: Mapping[tuple[str, str], tuple[float, float]] | None = None,
) -> str:
    """Return the SVG of arrows (from, to, label) between states and frames; "" as from is the beginning.

    `shifts` moves the label of an arrow, by (from, to), where two of them would touch. A name in `states` may list
    several, line by line; blanks at the end tell two boxes of one state apart.
    """
    places = {**frames, **states}
    pairs = {(source, target) for source, target, _ in arrows}
    lines, labels = [], []
    extent = list(places.values())
    for source, target, label in arrows:
        if source:
            start, end = _ends(places[source], places[target], both_ways=(target, source) in pairs)
        else:
            start, end = _beginning(places[target], list(places.values()))
        lines.append(
            f'<path class="arrow" d="M{start[0]:.0f},{start[1]:.0f} L{end[0]:.0f},{end[1]:.0f}" '
            'marker-end="url(#head)"/>'
        )
        if not source:
            lines.append(f'<circle class="dot" cx="{start[0]:.0f}" cy="{start[1]:.0f}" r="6"/>')
            extent.append(Box(start[0] - 6, start[1] - 6, 12, 12))
        shift = (shifts or {}).get((source, target), (0.0, 0.0))
        text, box = _label(label, start, end, shift)
        labels.append(text)
        extent.append(box)
    width = max(box.right for box in extent) + MARGIN
    height = max(box.bottom for box in extent) + MARGIN
    left = min(0.0, *(box.left - MARGIN for box in extent))
    top = min(0.0, *(box.top - MARGIN for box in extent))
    parts = [
        (
            f'<svg class="machine" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
            f'viewBox="{left:.0f} {top:.0f} {width - left:.0f} {height - top:.0f}" width="{width - left:.0f}">'
        ),
        f"<title>{escape(title)}</title>",
        (
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto"><path class="tip" d="M0,0 L8,4 L0,8 z"/></marker></defs>'
        ),
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
    names = name.split("\n")
    first = y + 4 - (len(names) - 1) * 17 / 2
    spans = "".join(
        f'<tspan x="{x:.0f}" y="{first + number * 17:.0f}">{escape(one.strip())}</tspan>'
        for number, one in enumerate(names)
    )
    return (
        f'<rect class="{"state" if len(names) == 1 else "state several"}" x="{box.left:.0f}" y="{box.top:.0f}" '
        f'width="{box.right - box.left:.0f}" height="{box.bottom - box.top:.0f}" rx="8"/>'
        f'<text class="name">{spans}</text>'
    )


def _beginning(end: Box, places: Sequence[Box]) -> tuple[Point, Point]:
    """From a dot to the left of everything."""
    y = end.centre[1]
    return (min(place.left for place in places) - 70, y), (end.left, y)


def _ends(start: Box, end: Box, *, both_ways: bool) -> tuple[Point, Point]:
    if start.contains(end):
        # From the frame's lower border up to the state within it.
        return (end.centre[0], start.bottom), (end.centre[0], end.bottom)
    return _between(start, end, 9 if both_ways else 0)


def _between(start: Box, end: Box, apart: float) -> tuple[Point, Point]:
    """From border to border: level or upright where they face each other, else from middle to middle."""
    low, high = max(start.top, end.top), min(start.bottom, end.bottom)
    if high - low >= min(start.bottom - start.top, end.bottom - end.top) / 2:
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
