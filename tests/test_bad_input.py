"""Whatever is handed to a public operation: an error of our tree that names the place, and nothing has happened.

`CALLS` holds one good call of every public operation, `KINDS` says what each of its arguments is. Hypothesis puts
something malformed in the place of one argument, or junk in the place of any. `STRATEGY_LEDGER_EXAMPLES` sets the
number of examples for a campaign.
"""

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ledger_core import (
    BatchUsage,
    CommandRefused,
    Fee,
    Fill,
    FillDetails,
    InvalidValue,
    LedgerClosed,
    LedgerError,
    LedgerReader,
    Order,
    OrderDetails,
    ReadOnlyLedger,
    SchemaTooNew,
    StorageCorrupt,
    StorageError,
    StrategyLedger,
    SubscriberInUse,
    UnknownFill,
    UnknownOrder,
    UnknownStorage,
    UnknownTrade,
    open_ledger,
    open_reader,
    open_repository,
)
from ledger_core.batch import Batch
from ledger_core.commands import Operation
from support import ADAPTERS, START, DictCache, RecordingPublisher, Store

EXAMPLES = int(os.environ.get("STRATEGY_LEDGER_EXAMPLES", "400"))
COMMANDS = tuple(operation.value for operation in Operation)
PATIENT = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


# -- a good call of every operation -----------------------------------------------------------------------------------

LATER = START + timedelta(hours=1)
COMMON: dict[str, Any] = {"occurred_at": LATER, "command_id": "c1"}
TERMS: dict[str, Any] = {
    "quantity": "12",
    "limit_price": "101.50",
    "stop_price": "99",
    "trailing_offset": "0.5",
    "time_in_force": "GTC",
    "expire_at": LATER,
    "venue_order_id": "v9",
}
ABOUT_TRADE: dict[str, Any] = {
    "stop_price": "90",
    "target_price": "120",
    "tags": ["swing", "gap"],
    "metadata": {"signal": {"score": 0.5}},
}
PAGE: dict[str, Any] = {"since": START, "until": LATER, "limit": 10, "after": 0}

CALLS: dict[str, dict[str, Any]] = {
    "record_order": {
        "order_id": "new",
        "order_details": {
            **TERMS,
            "symbol": "NEWCO",
            "side": "BUY",
            "order_type": "STOP_LIMIT",
            "venue": "X",
            "account": "main",
            "position_side": "LONG",
            "currency": "USD",
            "base_currency": "BTC",
            "multiplier": "10",
            "inverse": False,
            "reduce_only": False,
            "post_only": True,
            "parent_order_id": "o1",
            "order_list_id": "list",
            "execution_group_id": "group",
            "trade_plan_id": "plan",
            "arrival_price": "100",
            "origin": "signal",
            "metadata": {"note": ["any", {"json": None}]},
        },
        **COMMON,
    },
    "request_order_cancel": {"order_id": "o1", "request_id": "r9", **COMMON},
    "request_order_replace": {"order_id": "o1", "changes": TERMS, "request_id": "r9", **COMMON},
    "update_order_acceptance": {
        "order_id": "o2",
        "acceptance_data": {"venue_order_id": "v2", "quantity": "10"},
        **COMMON,
    },
    "update_order_fill": {
        "order_id": "o1",
        "fill_data": {
            "fill_id": "f9",
            "quantity": "1",
            "price": "100.5",
            "side": "BUY",
            "symbol": "ACME",
            "fees": [{"amount": "0.1", "currency": "USD"}, {"amount": "-0.2", "currency": "BNB"}],
            "fee_in_base": False,
            "liquidity": "MAKER",
            "trade_date": date(2026, 1, 5),
            "venue_order_id": "v1",
            "inferred": False,
            "metadata": {"raw": "message"},
        },
        **COMMON,
    },
    "update_order_rejection": {"order_id": "o2", "reason": "no margin", **COMMON},
    "update_order_cancellation": {"order_id": "o1", "reason": "asked", **COMMON},
    "update_order_expiry": {"order_id": "o1", "reason": "day over", **COMMON},
    "update_order_in_doubt": {"order_id": "o2", "reason": "timeout", **COMMON},
    "update_order_trigger": {"order_id": "o1", **COMMON},
    "update_order_guarantee": {"order_id": "o1", **COMMON},
    "update_order_suspension": {"order_id": "o1", "reason": "halt", **COMMON},
    "update_order_resumption": {"order_id": "o1", **COMMON},
    "update_order_done_for_day": {"order_id": "o1", "trade_date": date(2026, 1, 5), **COMMON},
    "update_order_restatement": {
        "order_id": "o1",
        "changes": TERMS,
        "reason": "renewed",
        "trade_date": date(2026, 1, 6),
        **COMMON,
    },
    "update_order_replacement": {"order_id": "o1", "request_id": "r1", "changes": TERMS, **COMMON},
    "update_order_request_rejection": {"order_id": "o1", "reason": "too late", "request_id": "r1", **COMMON},
    "create_trade": {"trade_id": "t2", "order_ids": ["o3", "o2"], "details": ABOUT_TRADE, **COMMON},
    "update_trade": {"trade_id": "t1", "updates": {**ABOUT_TRADE, "order_ids": ["o2"]}, **COMMON},
    "close_trade": {
        "trade_id": "t1",
        "exit_data": {
            "order_ids": ["o2"],
            "reason": "target",
            "residual": {"ACME": "4"},
            "residual_reason": "TRANSFERRED",
        },
        **COMMON,
    },
    "get_order": {"order_id": "o1"},
    "get_trade": {"trade_id": "t1"},
    "get_fill": {"order_id": "o1", "fill_id": "f1"},
    "get_order_day": {"order_id": "o1", "trade_date": date(2026, 1, 5)},
    "get_open_positions": {},
    "get_position": {
        "symbol": "ACME",
        "venue": "X",
        "account": "main",
        "position_side": "NET",
        "cost_method": "average",
    },
    "get_position_exposure": {"symbol": "ACME", "venue": "X", "account": "main"},
    "unresolved": {},
    "quarantined": {},
    "find_orders": {
        "symbol": "ACME",
        "side": "BUY",
        "state": "ACCEPTED",
        "status": "PENDING_CANCEL",
        "is_open": True,
        "venue": "X",
        "account": "main",
        "venue_order_id": "v1",
        "request_id": "r1",
        "parent_order_id": "o1",
        "execution_group_id": "group",
        "trade_plan_id": "plan",
        "trade_id": "t1",
        **PAGE,
    },
    "find_fills": {
        "order_id": "o1",
        "fill_id": "f1",
        "symbol": "ACME",
        "side": "BUY",
        "venue": "X",
        "account": "main",
        "position_side": "NET",
        "trade_id": "t1",
        **PAGE,
    },
    "find_trades": {"state": "OPEN", "symbol": "ACME", "order_id": "o1", **PAGE},
    "get_history": {"record_id": "o1"},
    "read_journal": {"after": 0},
    "head": {},
    "publish_pending": {},
    "pending": {"name": "publisher"},
    "subscribe": {"name": "new subscriber", "callback": lambda _name, _payload: None, "thread": False},
    "follow": {"interval": 3600.0},
    "batch": {},
}
"""Every public method of a StrategyLedger but `close`, with every argument and every key that it knows."""

# fmt: off
KINDS: dict[str, str] = {
    "order_id": "id", "trade_id": "id", "fill_id": "id", "request_id": "id?", "command_id": "id?", "record_id": "id",
    "occurred_at": "time?", "reason": "reason", "trade_date": "day?", "changes": "terms", "acceptance_data": "object?",
    "order_details": "object", "fill_data": "object", "updates": "object", "details": "object?", "exit_data": "object?",
    "order_ids": "ids", "symbol": "id", "venue": "id?", "account": "id?", "position_side": "word?", "side": "word?",
    "state": "word?", "status": "word?", "is_open": "flag?", "venue_order_id": "id?", "parent_order_id": "id?",
    "execution_group_id": "id?", "trade_plan_id": "id?", "since": "time?", "until": "time?", "limit": "size",
    "after": "count", "name": "id", "interval": "seconds", "thread": "flag", "callback": "callback",
    "cost_method": "method",
}
KEY_KINDS: dict[str, str] = {
    "quantity": "quantity?", "limit_price": "price?", "stop_price": "price?", "trailing_offset": "price?",
    "time_in_force": "word?", "expire_at": "time?", "venue_order_id": "id?", "symbol": "id", "side": "word?",
    "order_type": "word", "venue": "id?", "account": "id?", "position_side": "word?", "currency": "id?",
    "base_currency": "id?", "multiplier": "quantity?", "inverse": "flag?", "reduce_only": "flag?", "post_only": "flag?",
    "parent_order_id": "id?", "order_list_id": "id?", "execution_group_id": "id?", "trade_plan_id": "id?",
    "arrival_price": "price?", "origin": "id?", "metadata": "json?", "fill_id": "id", "price": "price",
    "fees": "fees?", "fee_in_base": "flag?", "liquidity": "word?", "trade_date": "day?", "inferred": "flag?",
    "target_price": "price?", "tags": "tags?", "order_ids": "ids?", "reason": "reason", "residual": "residual?",
    "residual_reason": "word?",
}
REQUIRED = {
    ("record_order", "side"), ("record_order", "quantity"), ("update_order_fill", "quantity"),
    ("get_order_day", "trade_date"), ("close_trade", "residual"), ("close_trade", "residual_reason"),
}
"""Arguments and keys that may be None elsewhere."""
OPTIONAL = {
    ("find_orders", "symbol"), ("find_fills", "symbol"), ("find_trades", "symbol"), ("find_fills", "order_id"),
    ("find_fills", "fill_id"), ("find_orders", "trade_id"), ("find_fills", "trade_id"), ("find_trades", "order_id"),
    ("update_order_fill", "order_id"), ("update_order_fill", "symbol"),
    ("update_order_restatement", "changes"), ("update_order_replacement", "changes"),
}
"""Arguments and keys that may not be None elsewhere."""
# fmt: on


class Place(NamedTuple):
    """An argument of an operation, or a key of one."""

    operation: str
    argument: str
    key: str | None

    @property
    def kind(self) -> str:
        """What it is, `?` where None is fine."""
        name = self.key or self.argument
        kind = KEY_KINDS[name] if self.key else KINDS[name]
        if (self.operation, name) in REQUIRED:
            return kind.rstrip("?")
        return f"{kind.rstrip('?')}?" if (self.operation, name) in OPTIONAL else kind

    @property
    def path(self) -> str:
        """What InvalidValue must name."""
        argument = "id" if self.argument == "record_id" else self.argument
        return f"{argument}.{self.key}" if self.key else argument

    def filled(self, value: object) -> dict[str, Any]:
        """Return the operation's good call with another value here."""
        arguments = copy.deepcopy(CALLS[self.operation])
        if self.key is None:
            arguments[self.argument] = value
        else:
            arguments[self.argument][self.key] = value
        return arguments


def _places() -> Iterator[Place]:
    for operation, arguments in CALLS.items():
        for argument, value in arguments.items():
            yield Place(operation, argument, None)
            if isinstance(value, dict):
                yield from (Place(operation, argument, key) for key in value)


PLACES = tuple(_places())


# -- malformed values of every kind -----------------------------------------------------------------------------------


class Hostile:
    """Raises at whatever is asked of it."""

    def _raise(self, *_: object) -> Any:
        raise RuntimeError("this object does nothing that is asked of it")

    __eq__ = __ne__ = __lt__ = __hash__ = __bool__ = __len__ = __iter__ = __str__ = __repr__ = __format__ = _raise
    __int__ = __float__ = __index__ = __contains__ = __getitem__ = __call__ = __fspath__ = __iter__


class HostileMapping(Mapping[str, Any]):
    """A mapping that raises when it is read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("unreadable")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("unreadable")

    def __len__(self) -> int:
        return 3


class UnhashableText(str):
    """A str that no dict can look up."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # that is the point


class NoZone(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, _moment: datetime | None) -> timedelta | None:
        """Return nothing, which makes a time naive."""
        return None


class BrokenZone(NoZone):
    """A time zone that raises."""

    def utcoffset(self, _moment: datetime | None) -> timedelta | None:
        """Raise."""
        raise RuntimeError("no such zone")


class Colour(Enum):
    """An enum that is none of ours."""

    RED = "BUY"


def _cycle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = [value]
    return value


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def _own(*values: object) -> st.SearchStrategy[Any]:
    """Draw one of some values that cannot be compared or shown: each is made anew by its own strategy."""
    return st.one_of([st.builds(lambda value=value: value) for value in values])  # type: ignore[misc]  # a default pins the loop's value


NOT_TEXT = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.binary(),
    st.lists(st.integers(), max_size=2),
    _own(object(), Hostile(), Colour.RED, {}, {"a": 1}, {1}, Decimal(1), START, int, HostileMapping()),
)
CONTROL = st.sampled_from(("\n", "a\tb", "a\x00", "\x7f", "\ud800", "a\udfff", "\u200b", "\u202eabc", "\x85"))
BAD_IDS = st.one_of(NOT_TEXT, CONTROL, st.just(""), st.integers(129, 5000).map(lambda length: "x" * length))
NOT_NUMBERS = st.one_of(
    st.floats(),
    st.booleans(),
    st.binary(),
    CONTROL,
    st.sampled_from(
        ("", " ", "abc", "NaN", "nan", "Infinity", "-inf", "1,5", "1_000", " 1", "1 ", "0x10", "１２", "--1", "1e", "1e9999")
    ),
    st.sampled_from(("1" * 39, "1" * 200, "0." + "0" * 18 + "1", "1E+38", "1e999", "1e-19", "1e-999")),
    st.integers(39, 6000).map(lambda digits: 10**digits),
    st.sampled_from(("NaN", "sNaN", "Infinity", "-Infinity", "1E+50", "1E-50", "1E+999999")).map(Decimal),
    st.lists(st.integers(), max_size=2),
    _own(object(), Hostile(), {}, 1j, Colour.RED, START, HostileMapping()),
)
NOT_POSITIVE = st.one_of(
    st.integers(max_value=0), st.sampled_from(("0", "-1", "-0", "0.000", "-0.0000001")), st.just(Decimal("-0"))
)
BAD_TIMES = st.one_of(
    st.datetimes(),
    st.dates(),
    st.floats(),
    st.integers(),
    st.binary(),
    CONTROL,
    st.sampled_from(("", "today", "2026-01-05", "2026-01-05T09:00:00", "2026-13-01T00:00:00Z", "9" * 500)),
    st.sampled_from(
        (
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
            datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
            START.replace(tzinfo=NoZone()),
        )
    ),
    _own(object(), Hostile(), {}, [START], Decimal(1), START.replace(tzinfo=BrokenZone())),
)
BAD_DAYS = st.one_of(
    st.datetimes(),
    st.floats(),
    st.integers(),
    st.binary(),
    CONTROL,
    st.sampled_from(("", "today", "2026-13-01", "2026-01-05T09:00:00Z", "9" * 500)),
    _own(object(), Hostile(), {}, [1], Decimal(1)),
)
BAD_FLAGS = st.one_of(
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.booleans(), max_size=2),
    _own(object(), Hostile(), {}, Colour.RED, Decimal(1)),
)
BAD_WORDS = st.one_of(
    NOT_TEXT,
    CONTROL,
    st.sampled_from(("", "buy", "Buy", "BUYY", "LIMITED", "gtc", "x" * 10_000, "name", "__class__", "mro")),
    _own(UnhashableText("nonsense")),
)
BAD_REASONS = st.one_of(
    NOT_TEXT.filter(lambda value: value is not None),
    CONTROL,
    st.integers(1001, 5000).map(lambda length: "x" * length),
)
BAD_JSON = st.one_of(
    st.text(),
    st.integers(),
    st.floats(),
    st.binary(),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.sampled_from((float("nan"), float("inf"), Decimal(1), b"x", 1j, START)).map(lambda value: {"a": [{"b": value}]}),
    st.sampled_from((1, None, b"x", (1, 2))).map(lambda key: {"a": {key: 1}}),
    st.sampled_from(("\ud800", "a\udfffb")).map(lambda text: {"a": text}),
    st.just({"\udead": 1}),
    st.integers(16, 200).map(_nested),
    st.just({"a": "x" * 20_000}),
    st.just({"a": 10**6000}),
    st.builds(_cycle),
    _own(object(), Hostile(), HostileMapping(), {"a": Hostile()}, {"a": HostileMapping()}, {"a": {1, 2}}, [("a", 1)]),
)
BAD_LISTS = st.one_of(
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.booleans(),
    st.lists(BAD_IDS, min_size=1, max_size=3),
    st.just(["x"] * 1001),
    _own(object(), Hostile(), iter(["o1"]), range(3), HostileMapping(), [Hostile()], [["o1"]], (None,)),
)
BAD_IDS_LISTS = st.one_of(BAD_LISTS, st.just(["o1", "o1"]), st.just({"o1": "1"}))
BAD_FEES = st.one_of(
    BAD_LISTS,
    st.just({"amount": "1", "currency": "USD"}),
    NOT_NUMBERS.map(lambda amount: [{"amount": amount, "currency": "USD"}]),
    BAD_IDS.map(lambda currency: [{"amount": "1", "currency": currency}]),
    st.sampled_from(([{}], [{"amount": 1}], [{"currency": "USD"}], [{"amount": 1, "currency": "USD", "x": 1}])),
)
BAD_RESIDUALS = st.one_of(
    st.integers(),
    st.text(),
    st.lists(st.integers(), max_size=2),
    st.just({}),
    NOT_NUMBERS.map(lambda quantity: {"ACME": quantity}),
    st.sampled_from(("", "x" * 129, "\n", 1, None, b"ACME")).map(lambda symbol: {symbol: "4"}),
    _own(Hostile(), HostileMapping()),
)
BAD_OBJECTS = st.one_of(
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.booleans(),
    st.lists(st.tuples(st.text(), st.integers()), max_size=2),
    st.dictionaries(st.one_of(st.text(), st.integers(), st.none(), st.binary()), st.integers(), min_size=1, max_size=2),
    st.sampled_from(("qty", "Symbol", "quantity ", "__class__", "fill", "", "x" * 500)).map(lambda key: {key: 1}),
    _own(object(), Hostile(), HostileMapping(), Fee("USD", Decimal(1)), OrderDetails, {UnhashableKey: 1} if False else {}),
)
BAD_COUNTS = st.one_of(
    st.integers(max_value=-1),
    st.floats(),
    st.booleans(),
    st.text(),
    st.binary(),
    _own(object(), Hostile(), {}, [1], Decimal(1), START),
)
BAD_SECONDS = st.one_of(
    st.floats(max_value=0),
    st.floats(min_value=86_400, exclude_min=True),
    st.integers(max_value=0),
    st.integers(min_value=86_401),
    st.booleans(),
    st.text(),
    _own(object(), Hostile(), {}, Decimal(1), float("nan"), None),
)
BAD: dict[str, st.SearchStrategy[Any]] = {
    "id": BAD_IDS,
    "quantity": st.one_of(NOT_NUMBERS, NOT_POSITIVE),
    "price": NOT_NUMBERS,
    "time": BAD_TIMES,
    "day": BAD_DAYS,
    "flag": BAD_FLAGS,
    "word": BAD_WORDS,
    "reason": BAD_REASONS,
    "json": BAD_JSON,
    "ids": BAD_IDS_LISTS,
    "tags": BAD_LISTS,
    "fees": BAD_FEES,
    "residual": BAD_RESIDUALS,
    "object": BAD_OBJECTS,
    "terms": BAD_OBJECTS,
    "count": BAD_COUNTS,
    "size": st.one_of(BAD_COUNTS, st.just(0)),
    "seconds": BAD_SECONDS,
    "callback": st.one_of(st.integers(), st.text(), _own(object(), {}, None)),
    "method": st.one_of(st.integers(), st.text(), st.none(), _own(object(), Hostile(), {}, "AVERAGE")),
}
"""What is malformed for each kind; None is added where it is not allowed."""
