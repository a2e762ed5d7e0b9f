"""api.md: every public method, with its signature and docstring, and the keys of every mapping that callers give."""

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from types import ModuleType
from typing import Any

import ledger_core
from _generator.markdown import code, codes, fence, first_sentence, page, prose, table
from ledger_core import (
    answers,
    asynchronous,
    batch,
    checks,
    details,
    events,
    grouping,
    ledger,
    methods,
    money,
    publishing,
    reader,
    repository,
    turns,
    views,
)

INTRODUCTION = """\
One ledger object is one strategy's ledger. Everything here is imported from `ledger_core`. Commands change the ledger
and return the new record; questions change nothing. `get_*` of an unknown id raises, `find_*` give what there is.
"""

MAPPINGS = {
    "order_details": ("_ORDER_DETAILS", ("symbol", "side", "order_type")),
    "fill_data": ("_FILL_DETAILS", ("fill_id", "quantity", "price")),
    "changes": ("_ORDER_CHANGES", ()),
    "acceptance_data": ("_ACCEPTANCE", ()),
    "details, updates of a trade": ("_TRADE_DETAILS", ()),
    "exit_data": ("_EXIT_DATA", ()),
    "correction": ("_CORRECTION", ("fill_id", "quantity", "price")),
    "report": ("_REPORT", ()),
    "adjustment": ("_ADJUSTMENT", ("kind", "symbol")),
    "resolution": ("_RESOLUTION", ("reason",)),
}

# What each check accepts; enums are shown by their words.
ACCEPTED: Mapping[str, str] = {
    "check_id": "text, 1 to 128 printable characters",
    "_word": "text, 1 to 128 printable characters",
    "check_quantity": "positive number: Decimal, int or str",
    "check_price": "number of any sign: Decimal, int or str",
    "check_amount": "number of any sign: Decimal, int or str",
    "check_time": "aware datetime, or ISO 8601 text with an offset",
    "check_date": "date, or ISO 8601 text",
    "check_bool": "True or False",
    "check_metadata": "JSON object",
    "check_reason": "text, at most 1,000 printable characters",
    "check_not_negative": "number of 0 or more: Decimal, int or str",
    "check_shares": "list of ids, or mapping of order id to quantity",
    "_new_order": "as order_details",
    "_fees": "list of {amount, currency}, or one of them",
    "_tags": "list of texts",
    "_residual": "mapping of symbol to signed quantity",
}


def files() -> dict[str, str]:
    """Return the page."""
    ledger_class = ledger.StrategyLedger
    commands = _methods(methods.Commands)
    parts = [
        "## Opening",
        *(_callable(function) for function in (ledger.open_ledger, reader.open_reader, repository.open_repository)),
        "## StrategyLedger",
        prose(ledger_class.__doc__),
        "### Commands",
        prose(_rest_of_docstring(methods)),
        *(_callable(function, level=4) for function in commands),
        "### Keys of the mappings",
        (
            "An attrs value of the same fields may be given instead of a mapping. An unknown key is refused, and the "
            "error names the nearest known one. None means not given."
        ),
        *(_mapping(name, table_name, required) for name, (table_name, required) in MAPPINGS.items()),
        "### Questions",
        prose(_rest_of_docstring(answers)),
        *(_callable(function, level=4) for function in _methods(answers.Answers)),
        "### Money explained",
        prose(_rest_of_docstring(money)),
        *(_callable(function, level=4) for function in _methods(money.MoneyAnswers)),
        "### Publishing, batches, verifying, closing",
        *(_callable(function, level=4) for function in _methods(ledger_class)),
        _properties(ledger_class),
        "## Batch",
        prose(batch.Batch.__doc__),
        (
            f"At most {batch.BATCH_SIZE_MAX:,} commands. It takes every command of the ledger: "
            f"{codes(function.__name__ for function in commands)}."
        ),
        "## AsyncStrategyLedger",
        _callable(asynchronous.open_ledger_async),
        prose(asynchronous.AsyncStrategyLedger.__doc__),
        _kinds_of_awaiting(),
        "### AsyncBatch",
        prose(asynchronous.AsyncBatch.__doc__),
        "## LedgerView",
        prose(views.LedgerView.__doc__),
        *(_callable(function, level=3) for function in _methods(views.LedgerView)),
        "## LedgerReader",
        prose(reader.LedgerReader.__doc__),
        *(_callable(function, level=3) for function in _methods(reader.LedgerReader)),
        "## What the platform injects",
        *(_protocol(cls) for cls in (events.EventPublisher, events.StrategyCache)),
        "## The port",
        prose(repository.__doc__),
        *(_protocol(cls) for cls in (repository.LedgerRepository, repository.RepositoryOpener)),
        "### Query",
        prose(repository.Query.__doc__),
        table(
            ("kind", "filters"),
            [(code(kind), codes(sorted(names)) or "none") for kind, names in repository.FILTERS.items()],
        ),
        "## Limits",
        _limits(),
        "## Public names",
        "Every name that `ledger_core` exports:",
        codes(sorted(ledger_core.__all__)) + ".",
    ]
    return {"api.md": page("API", INTRODUCTION, *parts)}


def _kinds_of_awaiting() -> str:
    """Return which methods of the ledger for asyncio are awaited, and which iterated."""
    kinds: dict[str, list[str]] = {"`await`": [], "`async for`": [], "`async with`": []}
    for name, value in inspect.getmembers(asynchronous.AsyncStrategyLedger, inspect.isfunction):
        if not name.startswith("_"):
            iterated, awaited = inspect.isasyncgenfunction(value), inspect.iscoroutinefunction(value)
            kinds["`async for`" if iterated else "`await`" if awaited else "`async with`"].append(name)
    return table(("used with", "methods"), [(kind, codes(sorted(names))) for kind, names in kinds.items()])


def _methods(cls: type[Any]) -> list[Callable[..., Any]]:
    return [value for name, value in vars(cls).items() if inspect.isfunction(value) and not name.startswith("_")]


def _callable(function: Callable[..., Any], *, level: int = 3) -> str:
    return "\n\n".join(
        (
            f"{'#' * level} {function.__name__}",
            fence("{code-block} python", signature(function)),
            prose(function.__doc__),
        )
    )


def _protocol(cls: type[Any]) -> str:
    parts = [f"### {cls.__name__}", prose(cls.__doc__)]
    functions = [
        value
        for name, value in vars(cls).items()
        if inspect.isfunction(value) and (not name.startswith("_") or name == "__call__") and value.__doc__
    ]
    for function in functions:
        parts += [fence("{code-block} python", signature(function)), prose(function.__doc__)]
    return "\n\n".join(parts)


def _properties(cls: type[Any]) -> str:
    rows = [(code(name), prose(value.__doc__)) for name, value in vars(cls).items() if isinstance(value, property)]
    return table(("property", "meaning"), rows)


def signature(function: Callable[..., Any]) -> str:
    """Return `name(parameters) -> type` without self, one parameter a line where there are many."""
    found = inspect.signature(function)
    shown: list[str] = []
    keyword_only = False
    parameters = [one for one in found.parameters.values() if one.name != "self"]
    for number, parameter in enumerate(parameters):
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            shown.append("*")
        shown.append(_parameter(parameter))
        following = parameters[number + 1] if number + 1 < len(parameters) else None
        if parameter.kind is parameter.POSITIONAL_ONLY and (
            following is None or following.kind is not parameter.POSITIONAL_ONLY
        ):
            shown.append("/")
    answer = "" if found.return_annotation is found.empty else f" -> {_hint(found.return_annotation)}"
    line = f"{function.__name__}({', '.join(shown)}){answer}"
    if len(line) <= 88:
        return line
    return f"{function.__name__}(\n" + "".join(f"    {one},\n" for one in shown) + f"){answer}"


def _parameter(parameter: inspect.Parameter) -> str:
    text = parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_hint(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        default = parameter.default
        shown = default.__name__ if inspect.isfunction(default) else repr(default)
        text += f" = {shown}"
    return text


_ALIASES: tuple[tuple[Any, str], ...] = (
    (methods.Given, "Mapping[str, Any]"),
    (answers.After, "int | Order | Fill | Trade | Adjustment | None"),
    (ledger.Callback, "Callable[[str, Mapping[str, Any]], object]"),
    (repository.Record, "Record"),
)


def _hint(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    text = inspect.formatannotation(annotation)
    for alias, name in _ALIASES:
        text = text.replace(inspect.formatannotation(alias), name)
    for prefix in ("collections.abc.", "datetime.", "typing.", "os.", "decimal."):
        text = text.replace(prefix, "")
    return _without_modules(text)


def _without_modules(text: str) -> str:
    words = text.replace("[", "[ ").replace("]", " ]").replace(",", " ,").split(" ")
    joined = " ".join(word.rpartition(".")[2] if "ledger_core." in word else word for word in words)
    return joined.replace("[ ", "[").replace(" ]", "]").replace(" ,", ",")


def _mapping(name: str, table_name: str, required: tuple[str, ...]) -> str:
    parsers: Mapping[str, Any] = vars(details)[table_name]
    rows = [(code(key), "yes" if key in required else "", _accepted(parser)) for key, parser in parsers.items()]
    return f"**{name}**\n\n" + table(("key", "required", "accepts"), rows)


def _accepted(parser: Callable[..., Any]) -> str:
    words = inspect.getclosurevars(parser).nonlocals.get("words")
    if isinstance(words, type) and issubclass(words, Enum):
        return codes(word.value for word in words)
    return ACCEPTED[parser.__name__]


def _limits() -> str:
    named: list[tuple[ModuleType, str, str]] = [
        (checks, "ID_LENGTH_MAX", "characters of an id"),
        (checks, "REASON_LENGTH_MAX", "characters of a reason"),
        (checks, "METADATA_BYTES_MAX", "bytes of metadata, as JSON"),
        (checks, "METADATA_DEPTH_MAX", "levels of nesting in metadata"),
        (checks, "ITEMS_MAX", "fees, tags or order ids in one argument"),
        (batch, "BATCH_SIZE_MAX", "commands in a batch"),
        (grouping, "GROUP_MAX", "commands of several callers in one write"),
        (turns, "READERS_MAX", "questions that an AsyncStrategyLedger answers at once"),
        (repository, "PAGE_SIZE_MAX", "records or entries in one page of the port"),
        (publishing, "CURSOR_STEP", "delivered entries after which a cursor is stored at the latest"),
        (publishing, "STOP_SECONDS", "seconds that `close` waits for each subscriber with a thread"),
    ]
    return table(("limit", "meaning"), [(f"{getattr(module, name):,}", text) for module, name, text in named])


def _rest_of_docstring(module: ModuleType) -> str:
    """Return a module's docstring without its first line, which is for readers of the code."""
    text = inspect.cleandoc(module.__doc__ or "")
    return text.split("\n\n", 1)[1] if "\n\n" in text else first_sentence(text)
