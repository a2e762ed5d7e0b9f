"""Fixtures for the page: a year of trading, written once, and its report and page."""

from pathlib import Path

import pytest

from ledger_report.page import Report, html_page
from report.pages import Parsed, report_of
from support.year import write_year


@pytest.fixture(scope="session")
def year_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a year of trading; tests only read it."""
    path = tmp_path_factory.mktemp("year") / "year.db"
    write_year(path)
    return path


@pytest.fixture(scope="session")
def year(year_file: Path) -> Report:
    """Return the report of the year."""
    return report_of(year_file)


@pytest.fixture(scope="session")
def page(year: Report) -> str:
    """Return the page of the year."""
    return html_page(year)


@pytest.fixture(scope="session")
def parsed(page: str) -> Parsed:
    """Return the page of the year, taken apart."""
    return Parsed(page)
