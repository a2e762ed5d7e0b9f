"""The page in a real browser: it is drawn, complains of nothing, asks for nothing, and fits a telephone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_core import StrategyLedger
from ledger_report.page import Source, html_page, read_report
from ledger_storage_memory import MemoryRepository
from report.pages import MADE_AT
from support import SteppingClock, fill, market_order
from support.browser import Page, browsing

pytestmark = pytest.mark.xdist_group("year")

OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('SELECTOR')].map(one => [one.parentNode, one.textContent, one.getBoundingClientRect()])
    .filter(one => one[2].width > 0);
  const found = [];
  for (const [parent, text, box] of boxes) for (const [other, words, beside] of boxes)
    if (parent === other && text !== words && box.left < beside.right && beside.left < box.right
        && box.top < beside.bottom && beside.top < box.bottom) found.push(text + ' / ' + words);
  return found;
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return a page of a browser, which is ended with the module."""
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture(scope="module")
def address(page: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of the year's page."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page, "utf-8")
    return path.as_uri()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1200])
def test_it_is_shown_without_a_complaint_and_without_a_request(
    browser: Page, address: str, width: int, dark: bool
) -> None:
    """No error in the console, nothing loaded but the file itself, and nothing is wider than the window."""
    browser.open(address, width=width, dark=dark)
    assert browser.complaints == []
    assert browser.requested == [address]
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.value(wide) == 0
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("width", [360, 1200])
def test_charts_are_drawn_and_their_words_do_not_overlap(browser: Page, address: str, width: int) -> None:
    """Every curve and bar has an extent, and the marks of an axis stand apart, inside the window."""
    browser.open(address, width=width)
    drawn = "[...document.querySelectorAll('.plot path')].map(one => one.getBoundingClientRect().width)"
    assert all(extent > width / 3 for extent in browser.value(drawn))
    for axis in (".plot .x text", ".plot .y text"):
        assert browser.value(OVERLAPS.replace("SELECTOR", axis)) == []
    outside = (
        "[...document.querySelectorAll('.plot text')].map(one => one.getBoundingClientRect())"
        ".filter(one => one.left < 0 || one.right > innerWidth).length"
    )
    assert browser.value(outside) == 0


def test_wide_tables_scroll_in_their_own_region(browser: Page, address: str) -> None:
    """On a telephone the trades are wider than the window, and the region around them takes keys."""
    browser.open(address, width=360)
    region = "document.querySelector('#trades .wide')"
    assert browser.value(f"{region}.scrollWidth > {region}.clientWidth")
    assert browser.value(f"(() => {{ {region}.focus(); return document.activeElement === {region} }})()")


def test_the_first_key_leads_past_the_header(browser: Page, address: str) -> None:
    """The first thing that takes the focus is the link to the figures, and it is seen then."""
    browser.open(address)
    browser.press("Tab")
    assert browser.value("document.activeElement.getAttribute('href')") == "#figures"
    assert browser.value("document.activeElement.getBoundingClientRect().left >= 0")


def test_it_can_be_printed(browser: Page, address: str, tmp_path: Path) -> None:
    """It is printed light on dark screens too, onto more than one page."""
    browser.open(address, dark=True)
    path = tmp_path / "report.pdf"
    browser.print(path)
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") + content.count(b"/Type /Page/") > 3


def test_what_is_hostile_stays_text(browser: Page, tmp_path: Path) -> None:
    """Ids that are scripts run nowhere: the page has no script and no image, and the words are seen."""
    hostile = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    ledger = StrategyLedger(MemoryRepository(strategy_id=hostile), clock=SteppingClock())
    ledger.record_order(hostile, market_order(symbol=hostile, currency="USD"))
    ledger.update_order_fill(hostile, fill(hostile, 2, 100))
    path = tmp_path / "hostile.html"
    path.write_text(html_page(read_report({hostile: ledger}, Source(name=hostile), made_at=MADE_AT)), "utf-8")
    browser.open(path.as_uri())
    assert browser.complaints == []
    assert browser.value("document.querySelectorAll('script,img').length") == 0
    assert browser.value("document.title") != "taken"
    assert browser.value(f"document.body.innerText.includes({hostile!r})")
    assert browser.value("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
