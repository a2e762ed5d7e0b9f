"""records.md: the fields of each record, with their types, and what derives from them."""

import inspect
import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar

import attrs

from _generator.markdown import code, page, prose, table
from ledger_core import changes, explaining, findings, model, netting, trade_statistics
from ledger_core.numbers import Price
from ledger_core.reconciling import results

INTRODUCTION = """\
Every command and every question returns these: frozen values, never half-made. What can be derived is a property, so
it cannot disagree with what is stored. Quantities are `Decimal` in units of the instrument, positive unless the text
says signed; a `price` is a `Decimal` whose trailing zeros are kept as given; times are aware and in UTC.

`sequence` is the journal entry that created a record, `version` counts the changes to it.
"""

RECORDS: tuple[type[Any], ...] = (
    model.Order,
    model.OrderRequest,
    model.Fill,
    model.Trade,
    model.TradeLeg,
    model.Position,
    model.Exposure,
    model.QuarantinedFact,
    model.Adjustment,
    model.Instrument,
    model.Fee,
    model.CashFlow,
    model.Split,
    model.Execution,
    model.StatusReport,
    model.OrderDetails,
    model.OrderChanges,
    model.OrderDay,
    model.Unresolved,
    model.CommandRecord,
    model.ArchivedRecord,
    model.Checkpoint,
    model.Opening,
)
MONEY: tuple[type[Any], ...] = (
    explaining.PnlExplanation,
    explaining.PnlPart,
    explaining.PnlCycle,
    explaining.LotMatch,
    explaining.OpenLot,
    netting.NetPnl,
    trade_statistics.TradeStatistics,
)
CHECKS: tuple[type[Any], ...] = (
    results.Reconciliation,
    results.Comparison,
    results.Proposal,
    findings.Verification,
    findings.Difference,
)
JOURNAL: tuple[type[Any], ...] = (changes.Entry, changes.Change, changes.Head, changes.Cursor)


def files() -> dict[str, str]:
    """Return the page."""
    missing = set(model.RECORD_TYPES.values()) - set(RECORDS)
    assert not missing, f"records.py does not name {missing}"
    parts = [
        "## Records",
        *(section(cls) for cls in RECORDS),
        "## Money explained",
        *(section(cls) for cls in MONEY),
        "## Reconciling and verifying",
        *(section(cls) for cls in CHECKS),
        "## The journal",
        *(section(cls) for cls in JOURNAL),
    ]
    return {"records.md": page("Records", INTRODUCTION, *parts)}


def section(cls: type[Any]) -> str:
    """Return the fields and derived figures of a class."""
    attrs.resolve_types(cls)
    fields = [(code(field.name), code(type_name(field.type)), _default(field)) for field in attrs.fields(cls)]
    parts = [f"### {cls.__name__}", prose(cls.__doc__), table(("field", "type", "default"), fields)]
    derived = [
        (code(name), code(type_name(_return_type(value))), prose(value.fget.__doc__))
        for name, value in vars(cls).items()
        if isinstance(value, property) and value.fget is not None
    ]
    if derived:
        parts.append(table(("derived", "type", "meaning"), derived))
    return "\n\n".join(parts)


def _return_type(derived: property) -> Any:
    assert derived.fget is not None, "readable"
    return typing.get_type_hints(derived.fget, include_extras=True)["return"]


def _default(field: "attrs.Attribute[Any]") -> str:
    if field.default is attrs.NOTHING:
        return "required"
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # attrs types it as a function
        return code("{}")
    if isinstance(field.default, Enum):
        return code(field.default.name)
    return code(field.default if isinstance(field.default, Decimal) else repr(field.default))


def type_name(hint: Any) -> str:
    """Return a type as a reader writes it."""
    if hint == Price:
        return "price"
    if hint is None or hint is type(None):
        return "None"
    if hint is Any:
        return "Any"
    if hint is Ellipsis:
        return "..."
    if hint == model.Record:
        return "Record"
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return " | ".join(type_name(part) for part in typing.get_args(hint))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is ClassVar:
        return type_name(arguments[0])
    if origin is not None and arguments:
        if isinstance(arguments[0], list):
            arguments = (*arguments[0], *arguments[1:])
        return f"{origin.__name__}[{', '.join(type_name(part) for part in arguments)}]"
    return hint.__name__ if inspect.isclass(hint) else str(hint)
