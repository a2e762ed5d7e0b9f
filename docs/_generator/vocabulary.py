"""vocabulary.md: the words of the ledger beside FIX's tags and codes."""

from enum import StrEnum

from _generator.events import WHEN
from _generator.markdown import code, page, prose, table
from _generator.source import member_comments
from ledger_core.changes import EventType
from ledger_core.lifecycle import OrderState, OrderStatus, RequestKind, RequestState, TradeState
from ledger_core.model import (
    AdjustmentKind,
    CostMethod,
    Liquidity,
    OrderType,
    PositionSide,
    QuarantineState,
    ResidualReason,
    Side,
    TimeInForce,
)

INTRODUCTION = """\
One concept, one word; where FIX has a true word, it is FIX's. Codes are those of FIX 4.4 and 5.0 SP2. A code in
brackets was removed from FIX and is still sent by venues.
"""

ORD_STATUS = {
    "PLACED": ("A", "Pending New; here from the moment our intent is durable, before the venue says anything"),
    "IN_DOUBT": ("", "FIX has no word: sent, and the outcome is unknown"),
    "ACCEPTED": ("0", "New"),
    "PARTIALLY_FILLED": ("1", "Partially Filled"),
    "FILLED": ("2", "Filled"),
    "SUSPENDED": ("9", "Suspended"),
    "STOPPED": ("7", "Stopped: a price is guaranteed, not a trade"),
    "DONE_FOR_DAY": ("3", "Done For Day"),
    "CANCELED": ("4", "Canceled"),
    "EXPIRED": ("C", "Expired"),
    "REJECTED": ("8", "Rejected"),
    "PENDING_CANCEL": ("6", "Pending Cancel; here from the request on (the client's view)"),
    "PENDING_REPLACE": ("E", "Pending Replace; here from the request on (the client's view)"),
}
SIDE = {"BUY": ("1", "Buy"), "SELL": ("2", "Sell"), "SELL_SHORT": ("5", "Sell Short")}
ORD_TYPE = {
    "MARKET": ("1", "Market"),
    "LIMIT": ("2", "Limit"),
    "STOP": ("3", "Stop / Stop Loss"),
    "STOP_LIMIT": ("4", "Stop Limit"),
    "TRAILING_STOP": ("P", "Pegged, with ExecInst (18) = a, Trailing Stop Peg"),
    "MARKET_ON_CLOSE": ("(5)", "Market On Close; now 40=1 with 59=7"),
    "LIMIT_ON_CLOSE": ("(B)", "Limit On Close; now 40=2 with 59=7"),
    "PEGGED": ("P", "Pegged"),
    "OTHER": ("", "any other code"),
}
TIME_IN_FORCE = {
    "DAY": ("0", "Day"),
    "GTC": ("1", "Good Till Cancel"),
    "GTD": ("6", "Good Till Date; `expire_at` is ExpireTime (126) or ExpireDate (432)"),
    "IOC": ("3", "Immediate Or Cancel"),
    "FOK": ("4", "Fill Or Kill"),
    "AT_OPEN": ("2", "At the Opening"),
    "AT_CLOSE": ("7", "At the Close"),
    "OTHER": ("", "any other code"),
}
LIQUIDITY = {
    "MAKER": ("1", "Added Liquidity"),
    "TAKER": ("2", "Removed Liquidity"),
    "AUCTION": ("4", "Auction"),
}
EXEC_TYPE = {
    "ORDER_PLACED": "none: our own intent (35=D goes out after it)",
    "ORDER_ACCEPTED": "150=0 New",
    "ORDER_PARTIALLY_FILLED": "150=F Trade (FIX 4.2: 150=1)",
    "ORDER_FILLED": "150=F Trade (FIX 4.2: 150=2)",
    "ORDER_REJECTED": "150=8 Rejected",
    "ORDER_CANCELED": "150=4 Canceled",
    "ORDER_EXPIRED": "150=C Expired",
    "ORDER_IN_DOUBT": "none",
    "ORDER_TRIGGERED": "150=L Triggered or Activated by System",
    "ORDER_STOPPED": "150=7 Stopped",
    "ORDER_SUSPENDED": "150=9 Suspended",
    "ORDER_RESUMED": "none of its own; venues send 150=0 or 150=D",
    "ORDER_DONE_FOR_DAY": "150=3 Done For Day",
    "ORDER_RESTATED": "150=D Restated",
    "ORDER_CANCEL_REQUESTED": "none: our own intent (35=F goes out after it)",
    "ORDER_REPLACE_REQUESTED": "none: our own intent (35=G goes out after it)",
    "ORDER_REPLACED": "150=5 Replaced",
    "ORDER_REQUEST_REJECTED": "35=9 Order Cancel Reject",
    "ORDER_UPDATED": "none; a poll is answered by 150=I Order Status",
    "FILL_BUSTED": "150=H Trade Cancel",
    "FILL_CORRECTED": "150=G Trade Correct",
    "FILL_FEE_UPDATED": "none",
    "ADJUSTMENT_RECORDED": "none",
    "TRADE_CREATED": "none",
    "TRADE_UPDATED": "none",
    "TRADE_CLOSED": "none",
    "TRADE_RESTATED": "none",
    "FACT_QUARANTINED": "none",
    "QUARANTINE_RESOLVED": "none",
    "ENTRY_SKIPPED": "none",
    "UPKEEP_NOTED": "none",
    "RECORD_ARCHIVED": "none",
    "RECORD_RESTORED": "none",
    "CHECKPOINT_SET": "none",
}
CXL_REJ_REASON = (
    ("0", "Too late to cancel"),
    ("1", "Unknown order"),
    ("2", "Broker / Exchange Option"),
    ("3", "Order already in Pending Cancel or Pending Replace status"),
    ("6", "Duplicate ClOrdID received"),
    ("99", "Other"),
)
FIELDS = (
    ("`order_id`", "ClOrdID", "11"),
    ("`request_id`", "ClOrdID of the request; the order's is OrigClOrdID", "11, 41"),
    ("`venue_order_id`", "OrderID", "37"),
    ("`fill_id`", "ExecID; of a bust or correction it is ExecRefID, the correction's own is ExecID", "17, 19"),
    ("`quantity` of an order", "OrderQty", "38"),
    ("`cash_quantity`", "CashOrderQty", "152"),
    ("`cum_quantity`", "CumQty", "14"),
    ("`leaves_quantity`", "LeavesQty", "151"),
    ("`average_price`", "AvgPx", "6"),
    ("`limit_price`", "Price", "44"),
    ("`stop_price`", "StopPx", "99"),
    ("`quantity`, `price` of a fill", "LastQty, LastPx", "32, 31"),
    ("`executed_at`, `occurred_at`", "TransactTime", "60"),
    ("`trade_date`", "TradeDate", "75"),
    ("`expire_at`", "ExpireTime or ExpireDate", "126, 432"),
    ("`symbol`", "Symbol", "55"),
    ("`account`", "Account", "1"),
    ("`currency`", "Currency", "15"),
    ("`multiplier`", "ContractMultiplier", "231"),
    ("`fees`", "Commission and CommCurrency, or the MiscFees group", "12, 479, 136"),
    ("`order_list_id`", "ListID", "66"),
    ("`reason` of a rejection", "Text, OrdRejReason", "58, 103"),
    (
        "`day_order_quantity`, `day_cum_quantity`, `day_average_price`",
        "DayOrderQty, DayCumQty, DayAvgPx",
        "424, 425, 426",
    ),
)
WORDS = (
    ("command", "a call that may change the ledger"),
    (
        "intent",
        "a command of ours, given before the venue is called: `record_order`, `request_*`, and the trade commands",
    ),
    (
        "fact",
        "a command that reports what the venue did: `update_order_*`; it is booked, or quarantined",
    ),
    ("change", "what a command did to one record, as stored"),
    ("entry", "all the changes of one command, stored together"),
    ("sequence", "an entry's place in its strategy's journal, from 1 without gaps"),
    ("event", "what is published of an entry; known for ever by (sequence, index)"),
    ("journal", "all entries of a strategy, append-only: the audit trail and the outbox in one"),
    ("digest", "sha256 over the digest before and an entry's bytes: the end of a chain over the whole journal"),
    ("cursor", "how far a subscriber has been served"),
    ("quarantine", "where facts wait that could not be booked"),
    ("position", "what is held of one (symbol, venue, account, position_side)"),
    ("trade", "a round trip: the orders that entered and those that left"),
    ("leg", "what a trade bought and sold of one instrument"),
    ("economic order", "fills by (executed_at, sequence, index): the order in which positions are folded"),
    ("open", "of an order: the venue may still execute it"),
    ("late", "of a fill: it arrived after its order had ended, and was booked all the same"),
)


def files() -> dict[str, str]:
    """Return the page."""
    _same_codes_as_the_comments()
    parts = [
        "## Words of the ledger",
        table(("word", "meaning"), [(f"**{word}**", meaning) for word, meaning in WORDS]),
        "## Status of an order",
        "FIX OrdStatus, tag 39.",
        _fix(OrderStatus, ORD_STATUS, "39="),
        "## Side",
        prose(Side.__doc__),
        _fix(Side, SIDE, "54="),
        "## Order type",
        prose(OrderType.__doc__),
        _fix(OrderType, ORD_TYPE, "40="),
        "## Time in force",
        prose(TimeInForce.__doc__),
        _fix(TimeInForce, TIME_IN_FORCE, "59="),
        "## Liquidity",
        prose(Liquidity.__doc__),
        _fix(Liquidity, LIQUIDITY, "851="),
        "## Events and ExecType",
        "What a venue's execution report (35=8) with this ExecType (150) becomes here.",
        _events(),
        "## Answers to requests",
        (
            "A refused cancel or replace is an Order Cancel Reject (35=9): CxlRejResponseTo (434) is 1 for a cancel, 2 "
            "for a replace. The ledger keeps what you give as `reason`; CxlRejReason (102) has these codes among "
            "others:"
        ),
        table(("102=", "meaning"), CXL_REJ_REASON),
        (
            "A request that the ledger ends itself, because its order was canceled, expired or rejected, has the "
            "reason `ORDER_ENDED`."
        ),
        "## Fields",
        table(("here", "FIX", "tag"), FIELDS),
        "## Words without a FIX code",
        *(
            f"**{cls.__name__}**: {prose(cls.__doc__)} {', '.join(code(word.value) for word in cls)}."
            for cls in (
                PositionSide,
                RequestKind,
                RequestState,
                TradeState,
                ResidualReason,
                AdjustmentKind,
                CostMethod,
                QuarantineState,
            )
        ),
    ]
    return {"vocabulary.md": page("Vocabulary", INTRODUCTION, *parts)}


def _fix(cls: type[StrEnum], codes: dict[str, tuple[str, str]], tag: str) -> str:
    assert list(codes) == [word.value for word in cls], (
        f"vocabulary.py must name every word of {cls.__name__}, in order"
    )
    return table(("word", tag, "FIX name"), [(code(word), fix, text) for word, (fix, text) in codes.items()])


def _events() -> str:
    assert list(EXEC_TYPE) == [word.value for word in EventType], "vocabulary.py must name every event type"
    return table(("event type", "FIX", "when"), [(code(word), fix, WHEN[word]) for word, fix in EXEC_TYPE.items()])


def _same_codes_as_the_comments() -> None:
    """The comments of the enum carry codes too; one of the two would be wrong if they differed."""
    for cls in (OrderState, OrderStatus):
        for word, comment in member_comments(cls).items():
            if comment.startswith("39="):
                assert comment[3] == ORD_STATUS[word][0], f"{word}: {comment}"
