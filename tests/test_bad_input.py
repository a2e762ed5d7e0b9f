"""Whatever is handed to a public operation: an error of our tree that names the place, and nothing has happened.

`CALLS` holds one good call of every public operation, `KINDS` says what each of its arguments is. Hypothesis puts
something malformed in the place of one argument, or junk in the place of any. `STRATEGY_LEDGER_EXAMPLES` sets the
number of examples for a campaign.
"""

import copy
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ledger_core import (
    BatchUsage,
    CommandRefused,
    Fee,
    Fill,
    FillDetails,
    Head,
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
OF_AN_OBJECT = (
    Operation.SKIP_ENTRY, Operation.ARCHIVE_RECORDS, Operation.RESTORE_RECORDS, Operation.REOPEN_POSITIONS,
    Operation.SET_CHECKPOINT, Operation.NOTE_UPKEEP,
)  # fmt: skip
"""Operations of the ledger itself, or of its archivist: no batch takes them."""

COMMANDS = tuple(operation.value for operation in Operation if operation not in OF_AN_OBJECT)
"""The commands that a batch takes too."""
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

WAITING = "Q-a60a96a23a8db353"
"""The id of the fact that waits in a World; it follows from what the fact is about."""

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
    "bust_order_fill": {"order_id": "o1", "fill_id": "f1", "reason": "erroneous", "reinstated": True, **COMMON},
    "correct_order_fill": {
        "order_id": "o1",
        "fill_id": "f1",
        "correction": {"fill_id": "f1.2", "quantity": "3", "price": "99.25"},
        "reinstated": False,
        **COMMON,
    },
    "update_fill_fee": {
        "order_id": "o1",
        "fill_id": "f1",
        "fees": [{"amount": "0.1", "currency": "USD"}, {"amount": "-0.2", "currency": "BNB"}],
        **COMMON,
    },
    "report_order_status": {
        "order_id": "o1",
        "report": {"status": "FILLED", "cum_quantity": "10", "average_price": "99.5", "venue_order_id": "v1"},
        **COMMON,
    },
    "record_adjustment": {
        "adjustment_id": "a1",
        "adjustment": {
            "kind": "TRANSFER",
            "symbol": "ACME",
            "venue": "X",
            "account": "main",
            "position_side": "NET",
            "quantity": "-2",
            "price": "100",
            "currency": "USD",
            "base_currency": "ACM",
            "multiplier": "1",
            "inverse": False,
            "metadata": {"note": "moved"},
        },
        **COMMON,
    },
    "resolve_quarantined": {
        "quarantine_id": WAITING,
        "resolution": {"order_id": "o2", "reason": "matched by hand"},
        **COMMON,
    },
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
    "find_adjustments": {"symbol": "ACME", **PAGE},
    "find_trades": {"state": "OPEN", "symbol": "ACME", "order_id": "o1", **PAGE},
    "explain_pnl": {
        "trade_id": None,
        "symbol": "ACME",
        "venue": "X",
        "account": "main",
        "position_side": "NET",
        "cost_method": "fifo",
    },
    "get_net_pnl": {
        "trade_id": None,
        "symbol": "ACME",
        "currency": "USD",
        "rates": {("BNB", "USD"): "310.5"},
        "venue": "X",
        "account": "main",
        "position_side": "NET",
    },
    "get_trade_statistics": {"trade_id": "t1", "marks": [{"at": START, "price": "98"}]},
    "as_of": {"recorded": LATER, "occurred": LATER},
    "reconcile": {
        "snapshot": {
            "open_orders": [{"order_id": "o1", "symbol": "ACME", "side": "BUY", "quantity": "10"}],
            "executions": [
                {"fill_id": "f1", "order_id": "o1", "symbol": "ACME", "side": "BUY", "quantity": "4", "price": "99.5"}
            ],
            "positions": [{"symbol": "ACME", "quantity": "14"}],
        }
    },
    "verify": {"head": Head(1, "0" * 64), "chain_only": True},
    "rebuild": {},
    "get_history": {"record_id": "o1"},
    "read_journal": {"after": 0},
    "head": {},
    "publish_pending": {},
    "pending": {"name": "publisher"},
    "skip_entry": {"name": "stuck subscriber", "sequence": 1, "reason": "poison"},
    "forget_subscriber": {"name": "old subscriber", "reason": "its program is gone"},
    "note_upkeep": {"upkeep": "rebuild", "reason": "a damaged page"},
    "subscribe": {"name": "new subscriber", "callback": lambda _name, _payload: None, "thread": False},
    "follow": {"interval": 3600.0},
    "batch": {},
}
"""Every public method of a StrategyLedger but `close`, with every argument and every key that it knows."""

WRITING = frozenset({*Operation, "forget_subscriber"})
"""The methods that write an entry: those of operations, and one that is noted as an upkeep."""

# fmt: off
KINDS: dict[str, str] = {
    "order_id": "id", "trade_id": "id", "fill_id": "id", "request_id": "id?", "command_id": "id?", "record_id": "id",
    "occurred_at": "time?", "reason": "reason", "trade_date": "day?", "changes": "terms", "acceptance_data": "object?",
    "order_details": "object", "fill_data": "object", "updates": "object", "details": "object?", "exit_data": "object?",
    "order_ids": "ids", "symbol": "id", "venue": "id?", "account": "id?", "position_side": "word?", "side": "word?",
    "state": "word?", "status": "word?", "is_open": "flag?", "venue_order_id": "id?", "parent_order_id": "id?",
    "execution_group_id": "id?", "trade_plan_id": "id?", "since": "time?", "until": "time?", "limit": "size",
    "after": "count", "name": "id", "interval": "seconds", "thread": "flag", "callback": "callback",
    "cost_method": "method", "reinstated": "flag?", "correction": "object", "fees": "fees", "report": "object",
    "snapshot": "object", "head": "head", "chain_only": "flag", "recorded": "time?", "occurred": "time?", "rates": "rates", "marks": "marks",
    "currency": "id", "sequence": "place", "upkeep": "id",
    "adjustment_id": "id", "adjustment": "object", "quarantine_id": "id", "resolution": "object",
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
    "residual_reason": "word?", "kind": "word", "cum_quantity": "level?", "average_price": "price?",
    "status": "word?", "order_id": "id?", "open_orders": "records?", "executions": "records?", "positions": "records?",
}
REQUIRED = {
    ("record_order", "side"), ("record_order", "quantity"), ("update_order_fill", "quantity"),
    ("get_order_day", "trade_date"), ("correct_order_fill", "quantity"), ("record_adjustment", "quantity"),
    ("resolve_quarantined", "reason"), ("resolve_quarantined", "order_id"), ("update_fill_fee", "fees"),
}
"""Arguments and keys that may be None elsewhere."""
OPTIONAL = {
    ("explain_pnl", "trade_id"), ("get_net_pnl", "trade_id"), ("explain_pnl", "symbol"), ("get_net_pnl", "symbol"),
    ("find_adjustments", "symbol"), ("find_orders", "symbol"), ("find_fills", "symbol"), ("find_trades", "symbol"), ("find_fills", "order_id"),
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
            return "amount" if (self.operation, name) == ("record_adjustment", "quantity") else kind.rstrip("?")
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
                yield from (Place(operation, argument, key) for key in value if isinstance(key, str))


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


class EndlessList(list[str]):
    """A list that says it is empty and never ends."""

    def __iter__(self) -> Iterator[str]:
        return itertools.repeat("o1")


class VouchedText(str):
    """A text that says of itself that it can be printed, which it cannot."""

    __slots__ = ()

    def isprintable(self) -> bool:
        """Lie."""
        return True


class NoZone(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, _moment: datetime | None) -> timedelta | None:
        """Return nothing, which makes a time naive."""
        return None

    dst = utcoffset

    def tzname(self, _moment: datetime | None) -> str:
        """Return a name."""
        return "nowhere"


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


_OWN: list[Any] = []


def _own(*values: object) -> st.SearchStrategy[Any]:
    """Draw one of some values that nobody may compare, hash or show, Hypothesis included."""
    first = len(_OWN)
    _OWN.extend(values)
    return st.integers(first, len(_OWN) - 1).map(lambda place: _OWN[place])


def _shared(depth: int) -> Any:
    """Return a few lists that are more than the world has atoms once they are written out."""
    value: Any = "x"
    for _ in range(depth):
        value = [value] * 1_000
    return {"a": value}


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
        (
            "",
            " ",
            "abc",
            "NaN",
            "nan",
            "Infinity",
            "-inf",
            "1,5",
            "1_000",
            " 1",
            "1 ",
            "0x10",
            "\uff11\uff12",
            "--1",
            "1e",
            "1e9999",
        )
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
    NOT_TEXT,
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
    st.integers(17, 200).map(_nested),
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
BAD_IDS_LISTS = st.one_of(BAD_LISTS, st.just(["o1", "o1"]), st.sampled_from(({"o1": "0"}, {"o1": 1.5}, {"": 1})))
BAD_FEES = st.one_of(
    BAD_LISTS,
    st.just({"amount": "1"}),
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
    _own(object(), Hostile(), HostileMapping(), Fee("USD", Decimal(1)), OrderDetails),
)
BAD_RECORDS = st.one_of(
    st.integers(),
    st.text(),
    st.just([1]),
    st.just([{"colour": "red"}]),
    st.just([{"symbol": ""}]),
    _own(object(), Hostile(), HostileMapping(), [Hostile()], [HostileMapping()]),
)
BAD_RATES = st.one_of(
    st.integers(),
    st.text(),
    st.just({"BNBUSD": "1"}),
    st.just({("BNB",): "1"}),
    st.just({("BNB", ""): "1"}),
    NOT_NUMBERS.map(lambda rate: {("BNB", "USD"): rate}),
    _own(Hostile(), HostileMapping()),
)
BAD_COUNTS = st.one_of(
    st.integers(max_value=-1),
    st.integers(min_value=2**63),
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
    "amount": st.one_of(NOT_NUMBERS, st.sampled_from((0, "-0", "0.00"))),
    "records": BAD_RECORDS,
    "rates": BAD_RATES,
    "marks": BAD_RECORDS,
    "head": st.one_of(st.integers(), st.text(), _own(object(), {}, Hostile(), (1, "0" * 64))),
    "level": st.one_of(NOT_NUMBERS, st.integers(max_value=-1), st.just("-0.1")),
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
    "place": st.one_of(BAD_COUNTS, st.sampled_from((0, 2, 10**9, 2**70))),
    "seconds": BAD_SECONDS,
    "callback": st.one_of(st.integers(), st.text(), _own(object(), {}, None)),
    "method": st.one_of(st.integers(), st.text(), st.none(), _own(object(), Hostile(), {}, "AVERAGE")),
}
"""What is malformed for each kind; None is added where it is not allowed."""


def malformed(place: Place) -> st.SearchStrategy[Any]:
    """Return what is malformed at a place."""
    kind = place.kind
    bad = BAD[kind.rstrip("?")]
    may_be_none = kind.endswith("?") or kind in (
        "rates",
        "head",
        "reason",
        "count",
        "size",
        "callback",
        "method",
        "seconds",
    )
    return bad if may_be_none else st.one_of(bad, st.none())


JUNK = st.one_of(
    *BAD.values(), st.none(), st.text(max_size=200), st.integers(1, 100), st.sampled_from(("o1", "t1", "f1"))
)


# -- the ledger that must stay as it is -------------------------------------------------------------------------------


class World:
    """A ledger with something of everything, and all that could change on it."""

    def __init__(self, store: Store) -> None:
        """Live a little."""
        self.store = store
        self.published = RecordingPublisher()
        self.cache = DictCache()
        self.ledger = store.open(publisher=self.published, cache=self.cache, clock=lambda: START)
        ledger, acme = self.ledger, {"symbol": "ACME", "side": "BUY", "order_type": "LIMIT", "quantity": 10}
        details = {**acme, "limit_price": "100", "venue": "X", "account": "main", "time_in_force": "GTC"}
        for order_id in ("o1", "o2", "o3"):
            ledger.record_order(order_id, details)
        ledger.update_order_acceptance("o1", {"venue_order_id": "v1"})
        ledger.update_order_fill("o1", {"fill_id": "f1", "quantity": 4, "price": "99.5"})
        ledger.update_order_fill("o3", {"fill_id": "f1", "quantity": 10, "price": "99"})
        ledger.request_order_replace("o1", {"quantity": 12}, "r1")
        ledger.request_order_cancel("o1", "r2")
        ledger.create_trade("t1", ["o1"])
        with pytest.raises(UnknownOrder):
            ledger.update_order_fill("elsewhere", {"fill_id": "f1", "quantity": 1, "price": 1})

    def snapshot(self) -> tuple[Any, ...]:
        """Return everything that a refused command must leave alone."""
        return (
            self.ledger.head(),
            list(self.ledger.find_orders(limit=None)),
            list(self.ledger.find_trades(limit=None)),
            self.ledger.get_open_positions(),
            self.ledger.quarantined(),
            list(self.published.events),
            list(self.cache.stores),
        )

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()


def make_world(adapter: str, folder: Path) -> World:
    """Return a world of its own."""
    return World(ADAPTERS[adapter](folder))


@pytest.fixture(params=sorted(ADAPTERS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return a world on each adapter in turn."""
    made = make_world(request.param, tmp_path)
    yield made
    made.store.close()


def call(target: object, operation: str, arguments: Mapping[str, Any]) -> Any:
    """Call an operation; what it returns lazily is read to its end."""
    answer = getattr(target, operation)(**arguments)
    return list(answer) if isinstance(answer, Iterator) else answer


# -- the table is whole -----------------------------------------------------------------------------------------------


def _public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def test_the_table_holds_every_public_operation_with_every_argument() -> None:
    """An operation, argument or key that is added later fails here until its bad input is tested, too."""
    assert _public(StrategyLedger) == set(CALLS) | {"close", "strategy_id", "read_only", "archivist"}
    assert _public(Batch) == set(COMMANDS)
    assert _public(LedgerReader) == {name for name, _ in READER_CALLS} | {"close"}
    for operation, arguments in CALLS.items():
        code = getattr(StrategyLedger, operation).__code__
        parameters = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        assert list(arguments) == list(parameters), operation


@pytest.mark.parametrize("operation", CALLS)
def test_the_good_call_of_the_table_is_good(world: World, operation: str) -> None:
    """Else what the malformed ones prove would be something else."""
    call(world.ledger, operation, CALLS[operation])


@pytest.mark.parametrize(
    ("argument", "operation"), [("order_details", "record_order"), ("fill_data", "update_order_fill")]
)
def test_the_table_names_every_key(argument: str, operation: str) -> None:
    """The keys of the two large objects are those of their classes, but for alternatives and times of the command."""
    known = {field.name for field in (OrderDetails if operation == "record_order" else FillDetails).__attrs_attrs__}
    assert set(CALLS[operation][argument]) == known - {"cash_quantity", "cash_currency"}


# -- anything malformed, anywhere -------------------------------------------------------------------------------------


def test_what_is_malformed_everywhere_is_refused_everywhere(world: World) -> None:
    """Objects that raise at every touch, mappings that cannot be read, bytes and complex numbers, in every place."""
    before = world.snapshot()
    for place in PLACES:
        for value in (Hostile(), HostileMapping(), object(), b"x", 1j, Colour.RED, Mock(spec=str)):
            if place.kind == "callback" and callable(value):
                continue
            error = refusal_of(world.ledger, place.operation, place.filled(value))
            assert isinstance(error, InvalidValue), (place, type(value))
            assert error.argument.startswith(place.path)
    assert world.snapshot() == before


@pytest.mark.parametrize("through", ["ledger", "batch"])
def test_a_malformed_argument_is_named_and_changes_nothing(world: World, through: str) -> None:
    """InvalidValue says which argument or key it was; nothing is written, filed, published or cached."""
    places = PLACES if through == "ledger" else [place for place in PLACES if place.operation in COMMANDS]
    before = world.snapshot()

    @settings(PATIENT, max_examples=EXAMPLES if world.store.adapter == "memory" else EXAMPLES // 4)
    @given(data=st.data(), place=st.sampled_from(places))
    def check(data: st.DataObject, place: Place) -> None:
        arguments = place.filled(data.draw(malformed(place)))
        if through == "ledger":
            error = refusal_of(world.ledger, place.operation, arguments)
        else:
            with world.ledger.batch() as batch:
                error = refusal_of(batch, place.operation, arguments)
        assert isinstance(error, InvalidValue), f"{place}: {error!r}"
        assert isinstance(error, ValueError)
        assert error.argument.startswith(place.path)
        assert error.quarantine_id is None
        assert not error.retryable
        assert world.snapshot() == before

    check()


def refusal_of(target: object, operation: str, arguments: Mapping[str, Any]) -> LedgerError:
    """Return the error of our tree that a call raises; any other fails the test, and so does an answer."""
    try:
        call(target, operation, arguments)
    except LedgerError as error:
        return error
    pytest.fail(f"{operation} took it")


def test_junk_among_good_arguments_is_taken_or_refused_and_nothing_else(tmp_path: Path) -> None:
    """Any values in any places: an answer and one entry at most, or an error of our tree and no entry unless filed."""

    @settings(PATIENT, max_examples=EXAMPLES)
    @given(data=st.data(), operation=st.sampled_from([name for name in CALLS if name not in ("follow", "batch")]))
    def check(data: st.DataObject, operation: str) -> None:
        here = [place for place in PLACES if place.operation == operation]
        assume(here)
        arguments = copy.deepcopy(CALLS[operation])
        for place in data.draw(st.lists(st.sampled_from(here), min_size=1, max_size=4)):
            value = data.draw(JUNK)
            if place.key is None:
                arguments[place.argument] = value
            elif isinstance(arguments[place.argument], dict) and not isinstance(value, Hostile):
                if data.draw(st.booleans()):
                    arguments[place.argument][place.key] = value
                else:
                    arguments[place.argument].pop(place.key, None)
        world = make_world("memory", tmp_path)
        before = world.snapshot()
        try:
            call(world.ledger, operation, arguments)
        except CommandRefused as error:
            filed = error.quarantine_id is not None
            assert world.ledger.head().sequence == before[0].sequence + filed
            assert filed or world.snapshot() == before
        except LedgerError:
            assert world.snapshot() == before
        else:
            assert world.ledger.head().sequence - before[0].sequence <= (operation in WRITING)
        world.store.close()

    check()


# -- one case each, by hand -------------------------------------------------------------------------------------------


def _order(**keys: Any) -> dict[str, Any]:
    return {
        "order_id": "new",
        "order_details": {"symbol": "A", "side": "BUY", "order_type": "MARKET", "quantity": 1, **keys},
    }


def _fill(**keys: Any) -> dict[str, Any]:
    return {"order_id": "o1", "fill_data": {"fill_id": "f9", "quantity": 1, "price": 1, **keys}}


@pytest.mark.parametrize(("operation", "arguments", "argument", "says"), [
    ("record_order", _order(quantity=1.0), "order_details.quantity", "floats lose digits"),
    ("record_order", _order(quantity=True), "order_details.quantity", "not bool"),
    ("record_order", _order(quantity=0), "order_details.quantity", "must be positive"),
    ("record_order", _order(quantity="-1"), "order_details.quantity", "must be positive"),
    ("record_order", _order(quantity="NaN"), "order_details.quantity", "not a decimal number"),
    ("record_order", _order(quantity=Decimal("NaN")), "order_details.quantity", "must be finite"),
    ("record_order", _order(quantity=Decimal("Infinity")), "order_details.quantity", "must be finite"),
    ("record_order", _order(quantity=10**38), "order_details.quantity", "more than 38 digits"),
    ("record_order", _order(quantity="0." + "0" * 18 + "1"), "order_details.quantity", "more than 18 digits after"),
    ("record_order", _order(limit_price=1.5), "order_details.limit_price", "floats lose digits"),
    ("record_order", _order(expire_at=datetime(2026, 1, 1)), "order_details.expire_at", "naive"),  # noqa: DTZ001
    ("record_order", _order(placed_at="2026-01-05"), "order_details.placed_at", "naive"),
    ("record_order", _order(side="LONG"), "order_details.side", "must be one of BUY, SELL, SELL_SHORT"),
    ("record_order", _order(side="buy"), "order_details.side", "did you mean 'BUY'"),
    ("record_order", _order(order_type="STOPLIMIT"), "order_details.order_type", "did you mean 'STOP_LIMIT'"),
    ("record_order", _order(qauntity=1), "order_details", "no key 'qauntity'; did you mean 'quantity'"),
    ("record_order", _order(limitprice=1), "order_details", "did you mean 'limit_price'"),
    ("record_order", _order(tif="DAY"), "order_details", "no key 'tif'"),
    ("record_order", _order(quantity=None), "order_details.quantity", "quantity or cash_quantity, not neither"),
    ("record_order", _order(cash_quantity=1, cash_currency="USD"), "order_details.quantity", "not both"),
    ("record_order", _order(quantity=None, cash_quantity=1), "order_details.cash_currency", "goes with cash_quantity"),
    ("record_order", _order(cash_currency="USD"), "order_details.cash_currency", "goes with cash_quantity"),
    ("record_order", _order(symbol=None), "order_details.symbol", "is required"),
    ("record_order", _order(reduce_only=1), "order_details.reduce_only", "must be True or False"),
    ("record_order", _order(metadata={"a": float("nan")}), "order_details.metadata.a", "must be finite"),
    ("record_order", _order(metadata={"a": [Decimal(1)]}), "order_details.metadata.a[0]", "give its text"),
    ("record_order", _order(metadata={"a": {1: 2}}), "order_details.metadata.a", "key that is no text"),
    ("record_order", _order(metadata={"a": "x" * 16_384}), "order_details.metadata", "at most 16384"),
    ("record_order", _order(metadata=_nested(17)), "order_details.metadata" + ".a" * 17, "more than 16 deep"),
    ("record_order", _order(metadata={"a": "\ud800"}), "order_details.metadata", "cannot be written as JSON"),
    ("record_order", _order(metadata=_shared(12)), "order_details.metadata", "at most 16384"),
    ("record_order", _order(quantity=Mock(spec=Decimal)), "order_details.quantity", "Decimal, int or str, not Mock"),
    ("record_order", _order(expire_at=Mock(spec=datetime)), "order_details.expire_at", "aware datetime, not Mock"),
    ("record_order", _order(reduce_only=Mock(spec=bool)), "order_details.reduce_only", "True or False, not Mock"),
    ("record_order", {**_order(), "order_id": Mock(spec=str)}, "order_id", "must be a str, not Mock"),
    ("record_order", {**_order(), "order_id": VouchedText("a\ud800")}, "order_id", "cannot be printed"),
    ("record_order", {**_order(), "order_id": ""}, "order_id", "1 to 128 characters, has 0"),
    ("record_order", {**_order(), "order_id": "x" * 129}, "order_id", "1 to 128 characters, has 129"),
    ("record_order", {**_order(), "order_id": "a\nb"}, "order_id", "cannot be printed"),
    ("record_order", {**_order(), "order_id": "a\ud800"}, "order_id", "cannot be printed"),
    ("record_order", {**_order(), "order_id": None}, "order_id", "must be a str, not NoneType"),
    ("record_order", {**_order(), "order_id": b"o1"}, "order_id", "must be a str, not bytes"),
    ("record_order", {**_order(), "command_id": 7}, "command_id", "must be a str, not int"),
    ("record_order", {"order_id": "new", "order_details": [("symbol", "A")]}, "order_details", "must be a mapping"),
    ("record_order", {"order_id": "new", "order_details": None}, "order_details", "must be a mapping"),
    ("record_order", {"order_id": "new", "order_details": {1: 2}}, "order_details", "no key 1"),
    ("request_order_replace", {"order_id": "o1", "changes": {}}, "changes", "names no term; known are quantity"),
    ("request_order_replace", {"order_id": "o1", "changes": None}, "changes", "must be a mapping"),
    ("request_order_replace", {"order_id": "o1", "changes": {"price": 1}}, "changes", "did you mean"),
    ("request_order_replace", {"order_id": "o1", "changes": {"side": "SELL"}}, "changes", "no key 'side'"),
    ("update_order_acceptance", {"order_id": "o2", "acceptance_data": {"id": "v"}}, "acceptance_data", "no key 'id'"),
    ("update_order_fill", _fill(quantity="-4"), "fill_data.quantity", "must be positive"),
    ("update_order_fill", _fill(price=float("inf")), "fill_data.price", "floats lose digits"),
    ("update_order_fill", _fill(fee="1"), "fill_data.fee_currency", "goes with fee"),
    ("update_order_fill", _fill(fee_currency="USD"), "fill_data.fee_currency", "goes with fee"),
    ("update_order_fill", _fill(fee="1", fee_currency="USD", fees=[]), "fill_data.fees", "not both"),
    ("update_order_fill", _fill(fees=[{"amount": 0.1, "currency": "USD"}]), "fill_data.fees[0].amount", "floats"),
    ("update_order_fill", _fill(fees=[{"amount": 1}]), "fill_data.fees[0].currency", "is required"),
    ("update_order_fill", _fill(fees=[{"amont": 1}]), "fill_data.fees[0]", "did you mean 'amount'"),
    ("update_order_fill", _fill(fee_in_base=True), "fill_data.fee_in_base", "needs a fee"),
    ("update_order_fill", _fill(trade_date=START), "fill_data.trade_date", "a date without a time"),
    ("update_order_fill", _fill(executed_at=START.replace(tzinfo=None)), "fill_data.executed_at", "naive"),
    ("update_order_fill", {**_fill(), "order_id": None}, "order_id", "needs venue_order_id"),
    ("update_order_cancellation", {"order_id": "o1", "reason": "x" * 1001}, "reason", "at most 1000"),
    ("update_order_cancellation", {"order_id": "o1", "reason": "a\x00"}, "reason", "cannot be printed"),
    ("update_order_done_for_day", {"order_id": "o1", "trade_date": "5.1.2026"}, "trade_date", "not an ISO 8601 date"),
    ("create_trade", {"trade_id": "t2", "order_ids": "o1"}, "order_ids", "must be a list, not str"),
    ("create_trade", {"trade_id": "t2", "order_ids": EndlessList()}, "order_ids", "more than 1000 items"),
    ("create_trade", {"trade_id": "t2", "order_ids": []}, "order_ids", ""),
    ("create_trade", {"trade_id": "t2", "order_ids": ["o2"]}, "order_ids", "no order with a fill"),
    ("create_trade", {"trade_id": "t2", "order_ids": ["o3", "o3"]}, "order_ids", "names an id twice"),
    ("create_trade", {"trade_id": "t2", "order_ids": ["o3", 1]}, "order_ids[1]", "must be a str"),
    ("create_trade", {"trade_id": "t2", "order_ids": {"o3": "0"}}, "order_ids['o3']", "must be positive"),
    ("bust_order_fill", {"order_id": "o1", "fill_id": "f1", "reinstated": "yes"}, "reinstated", "True or False"),
    ("correct_order_fill", {"order_id": "o1", "fill_id": "f1", "correction": {"quantity": 1, "price": 1}},
     "correction.fill_id", "is required"),
    ("update_fill_fee", {"order_id": "o1", "fill_id": "f1", "fees": [{"amount": 1}]}, "fees[0].currency", "required"),
    ("report_order_status", {"order_id": "o1", "report": {}}, "report", "says nothing; known are status"),
    ("report_order_status", {"order_id": "o1", "report": {"cum_quantity": "-1"}}, "report.cum_quantity", "negative"),
    ("record_adjustment", {"adjustment_id": "a1", "adjustment": {"kind": "SPLIT", "symbol": "ACME"}},
     "adjustment.ratio", "is required of SPLIT"),
    ("resolve_quarantined", {"quarantine_id": "Q", "resolution": {"dismiss": True}}, "resolution.reason", "required"),
    ("create_trade", {"trade_id": "t2", "order_ids": ["o3"], "details": {"tag": []}}, "details", "did you mean 'tags'"),
    ("update_trade", {"trade_id": "t1", "updates": {}}, "updates", "names nothing"),
    ("update_trade", {"trade_id": "t1", "updates": {"stop": 1}}, "updates", "no key 'stop'"),
    ("update_trade", {"trade_id": "t1", "updates": {"tags": "swing"}}, "updates.tags", "must be a list"),
    ("close_trade", {"trade_id": "t1", "exit_data": {"residual": {"ACME": 4}}}, "exit_data.residual_reason", "both or"),
    ("close_trade", {"trade_id": "t1", "exit_data": {"residual_reason": "DUST"}}, "exit_data.residual_reason", "both"),
    ("close_trade", {"trade_id": "t1", "exit_data": {"residual": {}, "residual_reason": "DUST"}}, "exit_data.residual",
     "mapping of symbol to quantity"),
    ("get_position", {"symbol": "ACME", "cost_method": "fifi"}, "cost_method", "average"),
    ("get_position", {"symbol": "ACME", "position_side": "LNG"}, "position_side", "did you mean 'LONG'"),
    ("find_orders", {"state": "OPEN"}, "state", "must be one of PLACED"),
    ("find_orders", {"status": "PENDING"}, "status", "did you mean"),
    ("find_orders", {"limit": 0}, "limit", "from 1 up"),
    ("find_orders", {"limit": True}, "limit", "from 1 up"),
    ("find_orders", {"after": "o1"}, "after", "from 0 up"),
    ("find_fills", {"since": "yesterday"}, "since", "not an ISO 8601 time"),
    ("find_trades", {"until": START.replace(tzinfo=None)}, "until", "naive"),
    ("get_history", {"record_id": ""}, "id", "1 to 128"),
    ("read_journal", {"after": -1}, "after", "from 0 up"),
    ("skip_entry", {"name": "s", "sequence": 2, "reason": "r"}, "sequence", "its next entry is 1"),
    ("skip_entry", {"name": "publisher", "sequence": 99, "reason": "r"}, "sequence", "it has taken all there is"),
    ("skip_entry", {"name": "s", "sequence": 1, "reason": None}, "reason", "must say why"),
    ("forget_subscriber", {"name": "s", "reason": None}, "reason", "must say why"),
    ("forget_subscriber", {"name": "", "reason": "r"}, "name", "must have 1 to 128 characters"),
    ("pending", {"name": "nobody"}, "name", "no subscriber 'nobody'"),
    ("subscribe", {"name": "s", "callback": None}, "callback", "callable"),
    ("follow", {"interval": 0}, "interval", "above 0"),
    ("follow", {"interval": float("nan")}, "interval", "above 0"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(
    world: World, operation: str, arguments: dict[str, Any], argument: str, says: str
) -> None:
    """The message says what was found and what is accepted; the error's attributes hold the place and the value."""
    before = world.snapshot()
    error = refusal_of(world.ledger, operation, arguments)
    assert isinstance(error, InvalidValue)
    assert (error.code, error.argument) == ("INVALID_VALUE", argument)
    assert says in error.message
    assert argument.partition(".")[0] in error.message or operation == "pending"
    assert {"argument", "value"} <= set(error.context)
    assert world.snapshot() == before


@pytest.mark.parametrize(
    ("operation", "arguments", "argument"),
    [
        ("record_order", _order(placed_at=START), "order_details.placed_at"),
        ("update_order_fill", _fill(executed_at=START.isoformat()), "fill_data.executed_at"),
        ("close_trade", {"trade_id": "t1", "exit_data": {"closed_at": START}}, "exit_data.closed_at"),
    ],
)
def test_two_times_of_one_command_must_agree(
    world: World, operation: str, arguments: dict[str, Any], argument: str
) -> None:
    """`placed_at`, `executed_at` and `closed_at` are the `occurred_at` of their command; in any zone, but one moment."""
    before = world.snapshot()
    error = refusal_of(world.ledger, operation, {**arguments, "occurred_at": LATER})
    assert isinstance(error, InvalidValue)
    assert error.argument == argument
    assert world.snapshot() == before
    elsewhere = START.astimezone(timezone(timedelta(hours=9)))
    if operation == "close_trade":
        arguments["exit_data"].update(residual={"ACME": 4}, residual_reason="DUST")
    call(world.ledger, operation, {**arguments, "occurred_at": elsewhere})
    assert next(iter(world.ledger.read_journal(before[0].sequence))).occurred_at == START


@pytest.mark.parametrize(
    ("operation", "arguments", "error_class", "code", "context"),
    [
        ("get_order", {"order_id": "ghost"}, UnknownOrder, "UNKNOWN_ORDER", {"order_id": "ghost"}),
        ("get_order_day", {"order_id": "ghost", "trade_date": date(2026, 1, 5)}, UnknownOrder, "UNKNOWN_ORDER", {}),
        ("get_history", {"record_id": "ghost"}, UnknownOrder, "UNKNOWN_ORDER", {"order_id": "ghost"}),
        ("get_trade", {"trade_id": "ghost"}, UnknownTrade, "UNKNOWN_TRADE", {"trade_id": "ghost"}),
        ("get_fill", {"order_id": "o1", "fill_id": "ghost"}, UnknownFill, "UNKNOWN_FILL", {"fill_id": "ghost"}),
        ("get_fill", {"order_id": "ghost", "fill_id": "f1"}, UnknownOrder, "UNKNOWN_ORDER", {"order_id": "ghost"}),
        ("request_order_cancel", {"order_id": "ghost"}, UnknownOrder, "UNKNOWN_ORDER", {"order_id": "ghost"}),
        ("create_trade", {"trade_id": "t2", "order_ids": ["ghost"]}, UnknownOrder, "UNKNOWN_ORDER", {}),
        ("update_trade", {"trade_id": "ghost", "updates": {"tags": []}}, UnknownTrade, "UNKNOWN_TRADE", {}),
        ("close_trade", {"trade_id": "ghost"}, UnknownTrade, "UNKNOWN_TRADE", {"trade_id": "ghost"}),
    ],
)
def test_an_id_that_nobody_has_is_a_lookup_error(  # the columns of the table
    world: World,
    operation: str,
    arguments: dict[str, Any],
    error_class: type[LedgerError],
    code: str,
    context: dict[str, Any],
) -> None:
    """A well-formed id that is not known says so; a question or an intent about it files nothing."""
    before = world.snapshot()
    error = refusal_of(world.ledger, operation, arguments)
    assert type(error) is error_class
    assert isinstance(error, LookupError)
    assert error.code == code
    assert error.context.items() >= context.items()
    assert error.quarantine_id is None
    assert world.snapshot() == before


@pytest.mark.parametrize("after", [10**15, 2**63 - 1])
def test_a_place_beyond_every_journal_has_nothing_after_it(world: World, after: int) -> None:
    """However large the number that the storage's number type can hold: an empty page."""
    for find in (world.ledger.find_orders, world.ledger.find_fills, world.ledger.find_trades):
        assert list(cast(Callable[..., Iterator[Any]], find)(after=after, limit=after)) == []
    assert list(world.ledger.read_journal(after)) == []


def test_a_page_goes_on_after_a_record_of_its_own_kind(world: World) -> None:
    """A fill is no place among orders: it is refused, not taken for one."""
    fill = world.ledger.get_fill("o1", "f1")
    trade = world.ledger.get_trade("t1")
    order = world.ledger.get_order("o1")
    for operation, after in (
        ("find_orders", fill),
        ("find_orders", trade),
        ("find_fills", order),
        ("find_trades", fill),
    ):
        error = refusal_of(world.ledger, operation, {"after": after})
        assert isinstance(error, InvalidValue)
        assert error.argument == "after"
    assert isinstance(order, Order)
    assert isinstance(fill, Fill)


class Stamp(datetime):
    """A finer time, such as data libraries have: it knows nanoseconds, which the ledger does not keep."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = datetime.__hash__


class Amount(Decimal):
    """A Decimal of somebody's own."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = Decimal.__hash__


class Name(str):
    """A str of somebody's own, as the members of a StrEnum are."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


def test_values_of_subclasses_are_kept_as_plain_values(world: World) -> None:
    """What is answered at once is what is answered after the file was read again: nothing of a subclass is kept."""
    at = Stamp(2026, 1, 5, 9, 30, tzinfo=UTC)
    details = {
        Name("symbol"): Name("ACME"),
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": Amount(1),
        "limit_price": 2,
    }
    order = world.ledger.record_order(
        Name("new"), {**details, "metadata": {Name("key"): Name("value")}}, occurred_at=at
    )
    fill = {
        "fill_id": Name("f1"),
        "quantity": Amount("0.5"),
        "price": Amount("1.50"),
        "trade_date": Stamp(2026, 1, 5).date(),
    }
    world.ledger.update_order_fill("new", fill, occurred_at=at)
    again = world.ledger.record_order(Name("new"), details)
    booked = world.ledger.get_fill("new", "f1")
    values = (
        order.order_id,
        order.symbol,
        order.quantity,
        order.placed_at,
        booked.fill_id,
        booked.price,
        booked.executed_at,
    )
    assert [type(value) for value in values] == [str, str, Decimal, datetime, str, Decimal, datetime]
    assert order.details.metadata is not None
    assert {type(part) for item in order.details.metadata.items() for part in item} == {str}
    assert again.cum_quantity == Decimal("0.5")


# -- batches ----------------------------------------------------------------------------------------------------------


def test_a_batch_outside_its_block_takes_no_command(world: World) -> None:
    """Before it is entered and after it is left, every command is refused with BatchUsage."""
    batch = world.ledger.batch()
    for operation in COMMANDS:
        assert isinstance(refusal_of(batch, operation, CALLS[operation]), BatchUsage)
    before = world.snapshot()
    with batch:
        pass
    for operation in COMMANDS:
        assert isinstance(refusal_of(batch, operation, CALLS[operation]), BatchUsage)
    with pytest.raises(BatchUsage), batch:
        pytest.fail("entered twice")
    assert world.snapshot() == before


def test_a_malformed_command_leaves_the_rest_of_its_batch_standing(world: World) -> None:
    """Caught inside the block it is as if it had never been given."""
    before = world.ledger.head().sequence
    with world.ledger.batch() as batch:
        batch.update_order_acceptance("o2")
        with pytest.raises(InvalidValue):
            batch.update_order_fill("o2", {"fill_id": "f1", "quantity": 0, "price": 1})
        batch.update_order_fill("o2", {"fill_id": "f1", "quantity": 1, "price": 1})
    assert world.ledger.head().sequence == before + 2


def test_a_malformed_command_that_leaves_its_batch_discards_it(world: World) -> None:
    """Not caught, it ends the block, and nothing of it is written."""
    before = world.snapshot()

    def give_two(batch: Batch) -> None:
        batch.update_order_acceptance("o2")
        batch.update_order_fill("o2", {"fill_id": "f1", "quantity": 0, "price": 1})

    with pytest.raises(InvalidValue), world.ledger.batch() as batch:
        give_two(batch)
    assert world.snapshot() == before


# -- closed and read-only ledgers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [name for name in CALLS if name != "batch"])
def test_a_closed_ledger_says_so_at_every_operation(world: World, operation: str) -> None:
    """Commands and questions raise LedgerClosed at the call; closing again is fine."""
    world.ledger.close()
    world.ledger.close()
    with pytest.raises(LedgerClosed) as caught:
        call(world.ledger, operation, CALLS[operation])
    assert (caught.value.code, caught.value.retryable) == ("LEDGER_CLOSED", False)


def test_a_batch_of_a_closed_ledger_cannot_be_entered(world: World) -> None:
    """It would promise a write that cannot come."""
    batch = world.ledger.batch()
    world.ledger.close()
    with pytest.raises(LedgerClosed), batch:
        pytest.fail("entered")


def test_lazy_answers_of_a_closed_ledger_are_refused_at_the_call(world: World) -> None:
    """Not at the first record, which may be read somewhere else."""
    world.ledger.close()
    for question in (
        world.ledger.find_orders,
        world.ledger.find_fills,
        world.ledger.find_trades,
        world.ledger.read_journal,
    ):
        with pytest.raises(LedgerClosed):
            cast(Callable[[], object], question)()


@pytest.mark.parametrize("operation", COMMANDS)
def test_a_read_only_ledger_refuses_every_command(world: World, operation: str) -> None:
    """Good or senseless, in a batch or not; what is malformed is told first."""
    before = world.snapshot()
    reading = world.store.open(read_only=True)
    with pytest.raises(ReadOnlyLedger) as caught:
        call(reading, operation, CALLS[operation])
    assert (caught.value.code, caught.value.retryable) == ("READ_ONLY_LEDGER", False)
    with pytest.raises(ReadOnlyLedger), reading.batch() as batch:
        call(batch, operation, CALLS[operation])
    assert world.snapshot() == before


def test_a_read_only_ledger_takes_no_subscriber(world: World) -> None:
    """A cursor could not be stored; who only reads is told so when it opens or subscribes."""
    with pytest.raises(ReadOnlyLedger):
        world.store.open(read_only=True).subscribe("new subscriber", print)
    with pytest.raises(ReadOnlyLedger):
        world.store.open(read_only=True, publisher=RecordingPublisher())


def test_a_subscriber_name_has_one_owner(world: World) -> None:
    """A second owner is refused, in this ledger and in another, and takes no event away from the first."""
    for ledger in (world.ledger, world.store.open()):
        with pytest.raises(SubscriberInUse) as caught:
            ledger.subscribe("publisher", print)
        assert caught.value.context["subscriber"] == "publisher"


# -- the reader over all strategies -----------------------------------------------------------------------------------

READER_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("strategies", {}),
    ("strategy", {"strategy_id": "alpha"}),
    ("get_open_orders", {}),
    ("get_open_trades", {}),
    ("get_open_positions", {}),
    ("get_exposures", {}),
    ("get_exposure", {"symbol": "ACME"}),
    ("quarantined", {}),
]


@pytest.mark.parametrize(("operation", "arguments"), READER_CALLS)
def test_a_closed_reader_says_so_at_every_operation(world: World, operation: str, arguments: dict[str, Any]) -> None:
    """Also when the strategy that is asked for was opened before."""
    reader = world.store.reader()
    call(reader, operation, arguments)
    reader.close()
    reader.close()
    with pytest.raises(LedgerClosed):
        call(reader, operation, arguments)


@pytest.mark.parametrize("argument", ["strategy_id", "symbol"])
def test_a_reader_names_what_is_malformed(world: World, argument: str) -> None:
    """Ids are checked here as anywhere."""
    reader = world.store.reader()
    operation = "strategy" if argument == "strategy_id" else "get_exposure"

    @settings(PATIENT, max_examples=EXAMPLES // 8)
    @given(value=st.one_of(BAD_IDS, st.none()))
    def check(value: object) -> None:
        error = refusal_of(reader, operation, {argument: value})
        assert isinstance(error, InvalidValue)
        assert error.argument == argument

    check()


# -- opening ----------------------------------------------------------------------------------------------------------

OPENERS: list[Callable[[Any], Any]] = [
    lambda url: open_ledger(url, strategy_id="alpha"),
    lambda url: open_ledger(url, strategy_id="alpha", read_only=True),
    open_reader,
    lambda url: open_repository(url, strategy_id="alpha"),
]
OPENER_NAMES = ["open_ledger", "open_ledger read-only", "open_reader", "open_repository"]


@pytest.mark.parametrize("opener", OPENERS, ids=OPENER_NAMES)
def test_a_scheme_without_an_adapter_lists_those_that_are_installed(opener: Callable[[Any], Any]) -> None:
    """There is no fallback: the error says what was asked for and what there is."""
    with pytest.raises(UnknownStorage, match=re.escape("no installed adapter for 'postgres'")) as caught:
        opener("postgres://host/db")
    assert isinstance(caught.value, LookupError)
    assert caught.value.scheme == "postgres"
    assert {"memory", "sqlite"} <= set(caught.value.known)


@pytest.mark.parametrize("opener", OPENERS, ids=OPENER_NAMES)
def test_a_url_that_is_no_text_is_refused(opener: Callable[[Any], Any]) -> None:
    """Numbers, bytes, None and hostile objects are malformed arguments, here as anywhere."""

    @settings(PATIENT, max_examples=EXAMPLES // 8)
    @given(
        url=st.one_of(
            NOT_TEXT,
            st.none(),
            st.sampled_from(("", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///a%00b", "a\x00b")),
            st.sampled_from(
                ("sqlite:///x.db?durability=often", "sqlite:///x.db?busy=1", "sqlite:///x.db?busy_timeout=-1")
            ),
        )
    )
    def check(url: object) -> None:
        with pytest.raises(InvalidValue) as caught:
            opener(url)
        assert caught.value.argument in ("url", "url_or_path")

    check()


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        ("strategy_id", st.one_of(BAD_IDS, st.none())),
        ("overfill", st.one_of(NOT_TEXT, st.sampled_from(("", "BOOK", "drop")), st.none())),
        ("read_only", st.one_of(BAD_FLAGS, st.none())),
        ("publisher", st.one_of(st.integers(), _own(object(), {}, Hostile(), print))),
        ("cache", st.one_of(st.integers(), _own(object(), {}, Hostile(), print))),
        ("clock", st.one_of(st.integers(), st.none(), _own(object(), START))),
    ],
)
def test_open_ledger_names_what_is_malformed(argument: str, kind: st.SearchStrategy[Any]) -> None:
    """Every option is checked when the ledger is opened, not when it is first used."""
    open_with: Callable[..., object] = open_ledger

    @settings(PATIENT, max_examples=EXAMPLES // 8)
    @given(value=kind)
    def check(value: object) -> None:
        with pytest.raises(InvalidValue) as caught:
            open_with("memory://", **{"strategy_id": "alpha", argument: value})
        assert caught.value.argument == argument

    check()


@pytest.mark.parametrize("reading", [datetime(2026, 1, 5), None, 0.0, "now", START.replace(tzinfo=NoZone())])  # noqa: DTZ001
def test_a_clock_that_tells_no_time_is_refused_before_anything_is_written(reading: object) -> None:
    """A naive time of the clock is as wrong as one of the caller."""
    with open_ledger("memory://", strategy_id="alpha", clock=cast(Any, lambda: reading)) as ledger:
        with pytest.raises(InvalidValue) as caught:
            ledger.record_order("o1", {"symbol": "A", "side": "BUY", "order_type": "MARKET", "quantity": 1})
        assert caught.value.argument == "clock"
        assert ledger.head().sequence == 0


# -- files that are no ledger -----------------------------------------------------------------------------------------


def _newer(path: Path) -> None:
    import sqlite3

    open_ledger(path, strategy_id="alpha").close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()


def _foreign(path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.commit()
    connection.close()


def _garbage(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 40)


def _damaged(path: Path) -> None:
    open_ledger(path, strategy_id="alpha").close()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("opener", OPENERS, ids=OPENER_NAMES)
@pytest.mark.parametrize(
    ("make", "error_class", "code"),
    [
        (_newer, SchemaTooNew, "SCHEMA_TOO_NEW"),
        (_foreign, StorageCorrupt, "STORAGE_CORRUPT"),
        (_garbage, StorageCorrupt, "STORAGE_CORRUPT"),
        (_damaged, StorageCorrupt, "STORAGE_CORRUPT"),
        (_folder, StorageError, "STORAGE_ERROR"),
    ],
)
def test_a_file_that_is_no_ledger_of_ours_is_left_as_it_is(
    tmp_path: Path,
    opener: Callable[[Any], Any],
    make: Callable[[Path], None],
    error_class: type[LedgerError],
    code: str,
) -> None:
    """A newer, foreign or damaged file, or none at all: a typed error, and not a byte is changed."""
    path = tmp_path / "ledger.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(error_class) as caught:
        opener(path)
    assert caught.value.code == code
    assert (path.read_bytes() if path.is_file() else None) == before
    if error_class is SchemaTooNew:
        assert caught.value.found == 999
        assert caught.value.supported < 999


@pytest.mark.parametrize("opener", OPENERS[1:3], ids=OPENER_NAMES[1:3])
def test_opening_for_reading_creates_no_file(tmp_path: Path, opener: Callable[[Any], Any]) -> None:
    """A mistyped path is an error, not an empty ledger."""
    with pytest.raises(StorageError):
        opener(tmp_path / "nowhere.db")
    with pytest.raises(StorageError):
        opener(tmp_path / "no folder" / "nowhere.db")
    assert list(tmp_path.iterdir()) == []
