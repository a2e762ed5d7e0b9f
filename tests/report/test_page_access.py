"""The page for everybody: contrast that can be read, names for what is drawn, headings in order, tables with scope."""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest

from ledger_report.page.style import DARK, LIGHT, LINES_ON, TEXT_ON, style_sheet
from report.pages import Parsed

pytestmark = pytest.mark.xdist_group("year")

TEXT_MIN = 4.5
LINE_MIN = 3.0
"""What WCAG 2.2 asks of text (1.4.3) and of what is drawn (1.4.11)."""


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2.2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_standard_does() -> None:
    """Black on white is 21 : 1; the grey #767676 is the lightest that text on white may have."""
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert contrast("#767676", "#ffffff") >= TEXT_MIN > contrast("#777777", "#ffffff")


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT_ON, TEXT_MIN), (LINES_ON, LINE_MIN)], ids=["text", "lines"])
def test_everything_can_be_told_from_its_ground(
    colours: Mapping[str, str], pairs: Mapping[str, tuple[str, ...]], least: float
) -> None:
    """Each colour of text, and of what is drawn, stands out from each ground that it is used on."""
    for name, grounds in pairs.items():
        for ground in grounds:
            assert contrast(colours[name], colours[ground]) >= least, (name, ground)


def test_the_style_sheet_uses_no_colour_that_was_not_looked_at() -> None:
    """Every colour is one of the palette, and those of light and dark have the same names."""
    assert set(LIGHT) == set(DARK)
    rules = style_sheet()
    used = set(re.findall(r"var\(--([a-z-]+)\)", rules)) - {"z"}
    assert used == set(LIGHT)
    assert set(re.findall(r"[^-]color:var\(--([a-z-]+)\)", rules)) <= set(TEXT_ON)
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", rules)) <= {*LIGHT.values(), *DARK.values()}


def test_every_chart_says_what_it_shows(parsed: Parsed) -> None:
    """A chart is an image with a title and a description that hold its figures in words."""
    charts = [one for one in parsed.named("svg") if "svg" not in one.inside]
    by_id = {one.attributes["id"]: one for one in parsed.elements if "id" in one.attributes}
    assert len(charts) == 6
    for chart in charts:
        assert chart.attributes["role"] == "img"
        title, description = (by_id[chart.attributes[name]] for name in ("aria-labelledby", "aria-describedby"))
        assert (title.name, description.name) == ("title", "desc")
        assert title.text
        assert re.search(r"\d", description.text)


def test_headings_are_in_order_and_names_are_unique(parsed: Parsed) -> None:
    """One heading of the first rank, and no rank is passed over; no id is there twice; every link leads somewhere."""
    ranks = [int(one.name[1]) for one in parsed.elements if re.fullmatch("h[1-6]", one.name)]
    assert ranks[0] == 1
    assert ranks.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(ranks))
    ids = Counter(one.attributes["id"] for one in parsed.elements if "id" in one.attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    links = [one.attributes["href"] or "" for one in parsed.named("a")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    for one in parsed.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert one.attributes.get(name) is None or one.attributes[name] in ids


def test_every_table_has_a_caption_and_scopes_and_can_be_scrolled_by_keyboard(parsed: Parsed) -> None:
    """Its headings say of what they are, and what is wider than the page lies in a region that takes the focus."""
    tables = parsed.named("table")
    assert len(tables) == len(parsed.tables) > 15
    assert all(one.caption.strip() for one in parsed.tables.values())
    assert {one.attributes.get("scope") for one in parsed.named("th")} == {"col", "row"}
    regions = [one for one in parsed.named("div") if one.attributes.get("class") == "wide"]
    assert len(regions) == len(tables)
    for region in regions:
        assert (region.attributes["role"], region.attributes["tabindex"]) == ("region", "0")
    assert all(heading.strip() for one in parsed.tables.values() for heading in one.rows[0])


def test_the_language_and_the_way_past_the_header_are_given(parsed: Parsed) -> None:
    """A screen reader knows how to speak, and the first link leads to the figures."""
    assert parsed.named("html")[0].attributes["lang"] == "en"
    assert parsed.named("a")[0].attributes["href"] == "#figures"
    assert parsed.named("meta")[1].attributes["content"] == "width=device-width, initial-scale=1"


def test_gains_and_losses_differ_without_colour(parsed: Parsed) -> None:
    """A loss has a minus in its text, a gain gets a plus from the style sheet, which no copy takes along."""
    for one in parsed.named("td", "dd"):
        style = (one.attributes.get("class") or "").split()
        if "loss" in style and one.name == "td":
            assert one.text.startswith("-")
        if "gain" in style and one.name == "td":
            assert re.fullmatch(r"[0-9.]+", one.text)
    assert 'td.gain::before,dd.gain::before{content:"+"}' in style_sheet()
