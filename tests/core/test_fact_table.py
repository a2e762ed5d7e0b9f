"""What each fact does to each state, through the public API; the table is written by hand, from the rules.

A row names a fact; a column a state that is reached by commands. In the cells: a state to be in afterwards, `keep`
(booked, the state stays), `no-op` (nothing written), or `refused` (filed in quarantine, the order untouched).
"""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import date

import pytest

from ledger_core import CommandRefused, StrategyLedger
from support import RecordingPublisher, fill, limit_order

Setup = Callable[[StrategyLedger], object]

DAY_1, DAY_2 = date(2026, 1, 5), date(2026, 1, 6)


def order_of(time_in_force: str = "DAY") -> Setup:
    """Place an order of 10."""
    return lambda ledger: ledger.record_order("O", limit_order(time_in_force=time_in_force))


def filled(quantity: int) -> Setup:
    """Fill some of it."""
    return lambda ledger: ledger.update_order_fill("O", fill("first", quantity, trade_date=DAY_1))


def noted(fact: str, *arguments: object) -> Setup:
    """Tell a fact."""
    return lambda ledger: getattr(ledger, f"update_order_{fact}")("O", *arguments)


ACCEPTED = noted("acceptance")

# column -> (the state it is, how it is reached)
STATES: dict[str, tuple[str, tuple[Setup, ...]]] = {
    "PLACED": ("PLACED", (order_of(),)),
    "IN_DOUBT": ("IN_DOUBT", (order_of(), noted("in_doubt"))),
    "ACCEPTED": ("ACCEPTED", (order_of(), ACCEPTED)),
    "PART": ("PARTIALLY_FILLED", (order_of(), filled(4))),
    "FILLED": ("FILLED", (order_of(), filled(10))),
    "SUSPENDED": ("SUSPENDED", (order_of(), noted("suspension"))),
    "SUSP_PART": ("SUSPENDED", (order_of(), filled(4), noted("suspension"))),
    "STOPPED": ("STOPPED", (order_of(), noted("guarantee"))),
    "STOP_PART": ("STOPPED", (order_of(), filled(4), noted("guarantee"))),
    "DFD_DAY": ("DONE_FOR_DAY", (order_of(), filled(4), noted("done_for_day", DAY_1))),
    "DFD_GTC": ("DONE_FOR_DAY", (order_of("GTC"), filled(4), noted("done_for_day", DAY_1))),
    "DFD_GTD": ("DONE_FOR_DAY", (order_of("GTD"), noted("done_for_day", DAY_1))),
    "CANCELED": ("CANCELED", (order_of(), filled(4), noted("cancellation"))),
    "EXPIRED": ("EXPIRED", (order_of(), noted("expiry"))),
    "REJECTED": ("REJECTED", (order_of(), noted("rejection", "no"))),
}


def tells(fact: str, *arguments: object) -> Setup:
    """Tell the fact of a row."""
    return noted(fact, *arguments)


def fills_one(trade_date: date) -> Setup:
    """Execute one unit."""
    return lambda ledger: ledger.update_order_fill("O", fill("one", 1, trade_date=trade_date))


def fills_rest(trade_date: date) -> Setup:
    """Execute whatever completes the order."""

    def fills(ledger: StrategyLedger) -> None:
        order = ledger.get_order("O")
        assert order.quantity is not None, "these orders have quantities"
        ledger.update_order_fill("O", fill("rest", order.quantity - order.cum_quantity or 1, trade_date=trade_date))

    return fills


FACTS: dict[str, Setup] = {
    "acceptance": tells("acceptance", {"venue_order_id": "V1"}),
    "fill of one": fills_one(DAY_1),
    "completing fill": fills_rest(DAY_1),
    "fill of one, next day": fills_one(DAY_2),
    "completing fill, next day": fills_rest(DAY_2),
    "rejection": tells("rejection", "no"),
    "cancellation": tells("cancellation"),
    "expiry": tells("expiry"),
    "in doubt": tells("in_doubt"),
    "trigger": tells("trigger"),
    "guarantee": tells("guarantee"),
    "suspension": tells("suspension"),
    "resumption": tells("resumption"),
    "done for day 2": tells("done_for_day", DAY_2),
    "restatement to 20": tells("restatement", {"quantity": 20}),
    "restatement to 1": tells("restatement", {"quantity": 1}),
    "replacement to 20": tells("replacement", None, {"quantity": 20}),
    "replacement of price": tells("replacement", None, {"limit_price": 99}),
}

P, A, F, X = "PARTIALLY_FILLED", "ACCEPTED", "FILLED", "refused"
# fmt: off
COLUMNS = (             "PLACED", "IN_DOUBT", "ACCEPTED", "PART",   "FILLED", "SUSPENDED", "SUSP_PART", "STOPPED", "STOP_PART", "DFD_DAY", "DFD_GTC", "DFD_GTD", "CANCELED", "EXPIRED", "REJECTED")
TABLE: dict[str, tuple[str, ...]] = {
    "acceptance":                (A,    A,          "keep",     "keep",   "keep",   "keep",      "keep",      "keep",    "keep",      "keep",    "keep",    "keep",    "keep",     "keep",    X),
    "fill of one":               (P,    P,          P,          P,        X,        "keep",      "keep",      "keep",    "keep",      "keep",    "keep",    "keep",    "keep",     "keep",    "keep"),
    "completing fill":           (F,    F,          F,          F,        X,        F,           F,           F,         F,           "keep",    "keep",    "keep",    "keep",     "keep",    "keep"),
    "fill of one, next day":     (P,    P,          P,          P,        X,        "keep",      "keep",      "keep",    "keep",      "keep",    P,         P,         "keep",     "keep",    "keep"),
    "completing fill, next day": (F,    F,          F,          F,        X,        F,           F,           F,         F,           "keep",    F,         F,         "keep",     "keep",    "keep"),
    "rejection":                 ("REJECTED",) * 4 + (X,) + ("REJECTED",) * 4 + (X, "REJECTED", "REJECTED", X, X, "no-op"),
    "cancellation":              ("CANCELED",) * 4 + (X,) + ("CANCELED",) * 4 + (X, "CANCELED", "CANCELED", "no-op", X, X),
    "expiry":                    ("EXPIRED",) * 4 + (X,) + ("EXPIRED",) * 4 + (X, "EXPIRED", "EXPIRED", X, "no-op", X),
    "in doubt":                  ("IN_DOUBT",) + ("no-op",) * 14,
    "trigger":                   ("keep",) * 14 + (X,),
    "guarantee":                 ("STOPPED",) * 4 + (X, X, X, "no-op", "no-op") + (X,) * 6,
    "suspension":                ("SUSPENDED",) * 4 + (X, "no-op", "no-op", "SUSPENDED", "SUSPENDED", X, "SUSPENDED", "SUSPENDED", X, X, X),
    "resumption":                (X, X, "no-op", "no-op", X, A, P) + (X,) * 8,
    "done for day 2":            ("DONE_FOR_DAY",) * 5 + (X, X, "DONE_FOR_DAY", "DONE_FOR_DAY", "keep", "keep", "keep", X, X, X),
    "restatement to 20":         (A, A, "keep", "keep", P, "keep", "keep", "keep", "keep", P, P, A, X, X, X),
    "restatement to 1":          (A, A, "keep", F, "no-op", "keep", F, "keep", F, F, F, A, X, X, X),
    "replacement to 20":         (A, A, "keep", "keep", P, "keep", "keep", "keep", "keep", P, P, A, X, X, X),
    "replacement of price":      (A, A, "keep", "keep", "keep", "keep", "keep", "keep", "keep", P, P, A, X, X, X),
}
# fmt: on

CELLS = [
    pytest.param(fact, column, outcome, id=f"{fact}-{column}")
    for fact, outcomes in TABLE.items()
    for column, outcome in zip(COLUMNS, outcomes, strict=True)
]


def test_table_has_every_fact_and_every_state() -> None:
    """No cell is missing."""
    assert set(TABLE) == set(FACTS)
    assert set(COLUMNS) == set(STATES)
    assert {state for state, _ in STATES.values()} >= {
        "PLACED", "IN_DOUBT", "ACCEPTED", "PARTIALLY_FILLED", "FILLED", "SUSPENDED", "STOPPED", "DONE_FOR_DAY",
        "CANCELED", "EXPIRED", "REJECTED",
    }  # fmt: skip


@pytest.mark.parametrize(("fact", "column", "outcome"), CELLS)
@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_fact_in_state(
    ledger: StrategyLedger, published: RecordingPublisher, fact: str, column: str, outcome: str
) -> None:
    """The fact leads where the table says; a refused one is filed and changes nothing."""
    state, steps = STATES[column]
    for step in steps:
        step(ledger)
    before, positions, head = ledger.get_order("O"), ledger.get_open_positions(), ledger.head()
    assert before.state == state
    published.clear()
    if outcome == "refused":
        with pytest.raises(CommandRefused) as refused:
            FACTS[fact](ledger)
        assert refused.value.quarantine_id == ledger.quarantined()[0].quarantine_id
        assert ledger.get_order("O") == before
        assert ledger.get_open_positions() == positions
        assert published.types == ["FACT_QUARANTINED"]
        return
    FACTS[fact](ledger)
    after = ledger.get_order("O")
    assert after.state == (state if outcome in ("keep", "no-op") else outcome)
    assert ledger.quarantined() == []
    if outcome == "no-op":
        assert (after, ledger.head(), published.events) == (before, head, [])
        return
    assert ledger.head().sequence == head.sequence + 1
    (event,) = published.events
    assert (event["from_state"], event["to_state"]) == (before.state, after.state)
    assert (after.ended_at is None) == after.is_open
    filled_more = after.cum_quantity - before.cum_quantity
    assert filled_more == sum(one.quantity for one in ledger.find_fills()) - before.cum_quantity
    assert (filled_more > 0) == ("fill" in fact)
    if "fill" in fact:
        late = state in ("CANCELED", "EXPIRED", "REJECTED") or column == "DFD_DAY"
        assert event["late"] is late
        assert ledger.get_position("ACME").quantity == after.cum_quantity
