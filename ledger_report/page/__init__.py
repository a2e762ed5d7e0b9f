"""A report as one self-contained page of HTML: figures, curves, tables, open risk and execution quality.

    report      what the page tells, as values; `read_report` reads them from a ledger
    document    the page, from those values: `html_page`

The page needs no network and runs no script. Tables show every number as it is stored, but for columns marked with a
`~`; only the coordinates of charts are floating point. The same ledger and the same `made_at` give the same bytes.
"""

from ledger_report.page.document import html_page
from ledger_report.page.report import Report, Source, read_report

__all__ = ["Report", "Source", "html_page", "read_report"]
