"""What the tests of imports share: each import is made twice, and the second time must change nothing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from interop.fix_rendering import fix_line
from ledger_core import StrategyLedger
from ledger_core.numbers import decimal_text
from ledger_interop.importing import Defaults, ImportReport, Options, import_file, import_objects


def imported(ledger: StrategyLedger, kind: str, objects: Iterable[Any], **more: Any) -> ImportReport:
    """Import objects, and again; return what the first import came to."""
    told = list(objects)
    report = import_objects(ledger, kind, told, defaults=Defaults(**more))
    before = ledger.head()
    again = import_objects(ledger, kind, told, defaults=Defaults(**more))
    assert ledger.head() == before, list(again.lines())
    assert not ledger.verify().differences
    return report


def imported_file(
    ledger: StrategyLedger, kind: str, path: Path, infers: bool | None = None, **options: Any
) -> ImportReport:
    """Import a file, and again; return what the first import came to."""
    said = Options(**options)
    report = import_file(ledger, kind, path, options=said, infers=infers)
    before = ledger.head()
    again = import_file(ledger, kind, path, options=said, infers=infers)
    assert ledger.head() == before, list(again.lines())
    assert not ledger.verify().differences
    return report


def fix_log(path: Path, messages: Iterable[Mapping[str, Any] | str], version: str = "FIX.4.4") -> Path:
    """Write a FIX log, a message a line; a text is a line as it is."""
    lines = [one if isinstance(one, str) else fix_line(version, one) for one in messages]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def reasons(report: ImportReport, about: str) -> list[str]:
    """Return the reasons that a report has of one outcome."""
    return sorted(report.reasons.get(about, {}))


def brief(ledger: StrategyLedger, order_id: str) -> str:
    """Return an order's status and how much of it is filled: "FILLED 100 of 100"."""
    order = ledger.get_order(order_id)
    quantity = "?" if order.quantity is None else decimal_text(order.quantity)
    return f"{order.status} {decimal_text(order.cum_quantity)} of {quantity}"


def fills(ledger: StrategyLedger, order_id: str) -> list[str]:
    """Return the live fills of an order: "F1: 40 @ 10", with fees as "F1: 40 @ 10 - 0.5 USD"."""
    return [
        f"{one.fill_id}: {decimal_text(one.quantity)} @ {decimal_text(one.price)}"
        + "".join(f" - {decimal_text(fee.amount)} {fee.currency}" for fee in one.fees)
        for one in ledger.find_fills(order_id=order_id, limit=None)
        if not one.busted
    ]
