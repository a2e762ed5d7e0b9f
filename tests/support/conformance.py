"""Drive the public API with conformance cases: steps in a neutral vocabulary, and what a source expects after them.

A case is a mapping with `steps` (ops) and `expect`, `positions`, `expect_errors`; steps count from 1 and numbers are
text. `CaseRun` maps each op to one call and compares what is comparable; `conventions` says how the sources count
money. An op, key or field that this module does not know fails the case: nothing is passed over in silence.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_core import (
    CommandRefused,
    IdempotencyConflict,
    IllegalTransition,
    Order,
    OverfillError,
    StrategyLedger,
    UnknownFill,
    UnknownOrder,
)
from ledger_core.numbers import quotient, total
from support.conventions import Conventions, same

Case = Mapping[str, Any]
Step = Mapping[str, Any]

DAY_ONE = date(2026, 3, 2)
"""The trade date of `day` 1; day n is n - 1 days later."""

STATUS_WORDS = {"NEW": "ACCEPTED", "PENDING_NEW": "PLACED", "TRIGGERED": "ACCEPTED", "DENIED": "REJECTED"}
"""What the sources call otherwise."""

CHANGES_NOTHING = frozenset(
    [
        "cancel_pending",
        "replace_pending",
        "submitted",
        "status_request",
        "status_report",
        "reject_duplicate",
        "deposit",
        "halt",
        "halt_lifted",
    ]
)
"""Ops that say nothing which a ledger would not know from the ops around them."""

# fmt: off
NOT_OURS: Mapping[str, str] = {
    **dict.fromkeys(("not_found", "restore"), "a tracker's guess at what became of an order, which a ledger never makes"),
}
"""Ops that the API does not have, and why."""
# fmt: on

ERRORS: Mapping[str, type[CommandRefused]] = {
    "duplicate_order_id": IdempotencyConflict,
    "duplicate_fill": IdempotencyConflict,
    "unknown_order": UnknownOrder,
    "illegal_transition": IllegalTransition,
    "overfill": OverfillError,
    "cannot_bust_a_bust": UnknownFill,
}
"""Kinds of `expect_errors`, and what is raised here."""

# Fields of `expect` that say nothing about a record of ours, and why.
NOT_COMPARED: Mapping[str, str] = {
    "after_step": "where to look",
    "order": "where to look",
    "note": "for people",
    "conflicts_with": "names the sources that disagree; `Ours` says what is held here",
    "source_status": "the source's own word",
    "status_set": "alternatives of a source that has two statuses",
    "client_view_status": "taken for `status`",
    "active": "whether the source's tracker still lists the order",
    "events": "the source's event names",
    "lost": "a poller's mark",
}
_STEP_NOTES = frozenset({"op", "crosses", "orig_req_id", "solicited", "note", "received_first", "day"})
_TIMES_IN_FORCE = {"OPG": "AT_OPEN", "AT_THE_OPENING": "AT_OPEN", "ATC": "AT_CLOSE", "AT_THE_CLOSE": "AT_CLOSE"}


def load_cases(folder: Path | None) -> list[Case]:
    """Return every case of the folder's files in a fixed order; `source` is the name of its file."""
    if folder is None:
        return []
    cases: list[Case] = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        cases.extend({"source": path.stem, **case} for case in content["cases"])
    return cases


def unsupported(case: Case) -> str | None:
    """Return why a case cannot be run by the API as it is, or None."""
    ops = {step["op"] for step in case["steps"]}
    reasons = sorted({NOT_OURS[op] for op in ops if op in NOT_OURS})
    if any("cash_in_lieu" in expected for expected in case.get("positions", ())):
        reasons.append("a split keeps fractions of a unit; cash for them is the broker's own adjustment")
    return "; ".join(reasons) or None


def options_for(case: Case) -> dict[str, str]:
    """Return the options of the ledger that runs a case: a case that expects an overfill wants it booked."""
    overfills = any(Decimal(expected.get("overfill_qty", "0")) > 0 for expected in case.get("expect", ()))
    return {"overfill": "book"} if overfills else {}


class CaseRun:
    """One case on one ledger."""

    def __init__(
        self, case: Case, ledger: StrategyLedger, ours: Mapping[tuple[str, int], Mapping[str, Any]] | None = None
    ) -> None:
        """`ours` replaces fields of `expect`, by (case id, step), where our convention differs from the source's."""
        self.case = case
        self.ledger = ledger
        self.ours = ours or {}
        self.orders: list[str] = []
        self.adjustments = 0
        self.day = 1
        self.now = datetime.combine(DAY_ONE, datetime.min.time(), UTC) + timedelta(hours=9)
        instrument = case.get("instrument", {})
        self.terms = _instrument_terms(instrument)
        self.base_currency = instrument.get("base_ccy")
        self.conventions = Conventions(ledger, case, self.orders)

    def run(self) -> None:
        """Take every step and compare after each."""
        errors = {error["at_step"]: error for error in self.case.get("expect_errors", ())}
        for number, step in enumerate(self.case["steps"], 1):
            if "day" in step:
                self.now += timedelta(days=int(step["day"]) - self.day)
                self.day = int(step["day"])
            self.now += timedelta(seconds=1)
            self._take(step, errors.get(number))
            self.conventions.after_step(number)
            for expected in self.case.get("expect", ()):
                if expected["after_step"] == number:
                    replaced = self.ours.get((self.case["id"], number), {})
                    self._compare({**expected, **replaced}, f"{self.case['id']} after step {number}")
        self.conventions.at_the_end()

    def _take(self, step: Step, error: Mapping[str, Any] | None) -> None:
        before = self._orders_now()
        wanted = () if error is None else (ERRORS[error["kind"]],)
        try:
            self._do(step)
        except wanted:
            pass
        else:
            may_pass = error is None or error.get("lenient") or error.get("mode") == "silent_or_error"
            assert may_pass, f"{self.case['id']}: {step} should have been refused: {error}"
        if error is not None and error.get("state_unchanged"):
            unchanged = [(order.state, order.cum_quantity, order.quantity) for order in self._orders_now()]
            assert unchanged == [(order.state, order.cum_quantity, order.quantity) for order in before]

    def _orders_now(self) -> list[Order]:
        return list(self.ledger.find_orders(limit=None))

    def _do(self, step: Step) -> None:
        op = step["op"]
        if op in CHANGES_NOTHING:
            return
        if op == "fill" and self.case.get("mode") == "fills_only":
            self._record_order_of_fills(step)
        getattr(self, f"_{op}")(_Keys(step))

    def _record_order_of_fills(self, step: Step) -> None:
        if step["order"] in self.orders:
            return
        fills = [one for one in self.case["steps"] if one["op"] == "fill" and one["order"] == step["order"]]
        quantity = total(Decimal(one["qty"]) for one in fills)
        details = {"symbol": step["symbol"], "side": step["side"], "order_type": "MARKET", "quantity": quantity}
        self._record(step["order"], {**details, **self.terms})

    def _record(self, order_id: str, details: Mapping[str, Any]) -> None:
        self.ledger.record_order(order_id, details, occurred_at=self.now)
        if order_id not in self.orders:
            self.orders.append(order_id)

    # -- ops ------------------------------------------------------------------------------------------------------

    def _place(self, keys: "_Keys") -> None:
        keys.take("req_id")
        order_id, order_type = keys["order"], keys["type"]
        tif = keys.take("tif")
        details = {
            "symbol": keys["symbol"],
            "side": keys["side"],
            "order_type": order_type,
            "quantity": keys.take("qty"),
            "cash_quantity": keys.take("cash_qty"),
            "cash_currency": keys.take("cash_ccy"),
            "stop_price" if order_type in ("STOP", "TRAILING_STOP") else "limit_price": keys.take("price"),
            "time_in_force": _TIMES_IN_FORCE.get(tif, tif) if tif else None,
            "origin": keys.take("origin"),
            "venue_order_id": keys.take("venue_order_id"),
            **self.terms,
        }
        if keys.has("stop_price"):
            details["stop_price"] = keys.take("stop_price")
        if details["cash_quantity"] is not None and details["cash_currency"] is None:
            details["cash_currency"] = self.terms.get("currency") or "USD"
        keys.done()
        self._record(order_id, details)

    def _ack(self, keys: "_Keys") -> None:
        keys.take("req_id")
        data = {"venue_order_id": keys.take("venue_order_id"), "quantity": keys.take("unit_qty")}
        self._tell(keys, self.ledger.update_order_acceptance, data)

    def _reject(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_rejection, keys.take("reason") or "rejected")

    def _denied(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_rejection, keys.take("reason") or "denied")

    def _fill(self, keys: "_Keys") -> None:
        currency = keys.take("fee_ccy")
        fee = keys.take("fee")
        data = {
            "fill_id": keys["fill_id"],
            "quantity": keys["qty"],
            "price": keys["price"],
            "side": keys.take("side"),
            "symbol": keys.take("symbol"),
            "venue_order_id": keys.take("venue_order_id"),
            "trade_date": self._trade_date() if "day" in keys.step else None,
        }
        if fee is not None:
            data["fee"], data["fee_currency"] = fee, currency
            data["fee_in_base"] = currency == self.base_currency
        self._tell(keys, self.ledger.update_order_fill, data)

    def _cancel_request(self, keys: "_Keys") -> None:
        keys.take("qty")
        self._tell(keys, self.ledger.request_order_cancel, keys.take("req_id"))

    def _cancelled(self, keys: "_Keys") -> None:
        keys.take("req_id")
        self._tell(keys, self.ledger.update_order_cancellation, keys.take("reason"))

    def _cancel_reject(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_request_rejection, keys.take("reason"), keys.take("req_id"))

    _replace_reject = _cancel_reject

    def _replace_request(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.request_order_replace, keys.changes(), keys.take("req_id"))

    def _replaced(self, keys: "_Keys") -> None:
        request_id = keys.take("req_id")
        self._tell(keys, self.ledger.update_order_replacement, request_id, keys.changes() or None)

    def _restated(self, keys: "_Keys") -> None:
        reason, changes = keys.take("reason"), keys.changes() or None
        trade_date = self._trade_date() if "day" in keys.step else None
        self._tell(keys, self.ledger.update_order_restatement, changes, reason, trade_date)

    def _done_for_day(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_done_for_day, self._trade_date() if "day" in keys.step else None)

    def _stopped(self, keys: "_Keys") -> None:
        keys.take("qty"), keys.take("price")  # a guarantee is no execution
        self._tell(keys, self.ledger.update_order_guarantee)

    def _bust(self, keys: "_Keys") -> None:
        keys.take("exec_id")  # a bust has no id of its own here
        self._tell(keys, self.ledger.bust_order_fill, keys["fill_id"])

    def _correct(self, keys: "_Keys") -> None:
        fill_id = keys["fill_id"]
        correction = {"fill_id": keys["exec_id"], "quantity": keys["qty"], "price": keys["price"]}
        self._tell(keys, self.ledger.correct_order_fill, fill_id, correction)

    def _status_update(self, keys: "_Keys") -> None:
        status = keys.take("status")
        report = {"status": STATUS_WORDS.get(status, status), "venue_order_id": keys.take("venue_order_id")}
        self._tell(keys, self.ledger.report_order_status, report)

    # -- adjustments ----------------------------------------------------------------------------------------------

    def _funding(self, keys: "_Keys") -> None:
        self._adjust(keys, "FUNDING", amount=keys["amount"], currency=keys["ccy"])

    def _interest(self, keys: "_Keys") -> None:
        self._adjust(keys, "INTEREST", amount=keys["amount"], currency=keys["ccy"])

    def _dividend(self, keys: "_Keys") -> None:
        self._adjust(keys, "DIVIDEND", amount=keys["amount"], currency=keys["ccy"])

    def _initial_position(self, keys: "_Keys") -> None:
        self._adjust(keys, "OPENING_POSITION", quantity=keys["qty"], price=keys["avg_price"], **self.terms)

    def _transfer(self, keys: "_Keys") -> None:
        self._adjust(keys, "TRANSFER", quantity=keys["qty"], price=keys["price"], **self.terms)

    def _split(self, keys: "_Keys") -> None:
        keys.take("ref_price")
        ratio = quotient(Decimal(1), Decimal(keys["price_factor"])) if keys.has("price_factor") else keys["ratio"]
        self._adjust(keys, "SPLIT", ratio=ratio)

    def _adjust(self, keys: "_Keys", kind: str, **adjustment: Any) -> None:
        self.adjustments += 1
        adjustment.update(kind=kind, symbol=keys["symbol"])
        keys.done()
        self.ledger.record_adjustment(f"adjustment {self.adjustments}", adjustment, occurred_at=self.now)

    def _triggered(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_trigger)

    def _expire(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_expiry, keys.take("reason"))

    _expired = _expire

    def _suspended(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_suspension, keys.take("reason"))

    def _resumed(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_resumption)

    def _in_doubt(self, keys: "_Keys") -> None:
        self._tell(keys, self.ledger.update_order_in_doubt, keys.take("reason"))

    def _tell(self, keys: "_Keys", command: Callable[..., Order], *arguments: Any) -> None:
        order_id = keys["order"]
        keys.done()
        command(order_id, *arguments, occurred_at=self.now)

    def _trade_date(self) -> date:
        return DAY_ONE + timedelta(days=self.day - 1)

    # -- what is expected of an order -----------------------------------------------------------------------------

    def _compare(self, expected: Mapping[str, Any], where: str) -> None:
        wanted = {**expected, **expected.get("derived", {})}
        wanted.pop("derived", None)
        status = wanted.pop("client_view_status", None) or wanted.pop("status")
        wanted.pop("status", None)
        order = self.ledger.get_order(expected["order"])
        assert order.status == STATUS_WORDS.get(status, status), f"{where}: status is {order.status}, not {status}"
        for name, value in wanted.items():
            if name not in NOT_COMPARED:
                found = self._field(order, name)
                shown = f"{where}: {name} is {found}, not {value}"
                if isinstance(found, (Decimal, int)) and not isinstance(found, bool):
                    assert same(Decimal(found), str(value)), shown
                else:
                    assert found == value, shown

    def _field(self, order: Order, name: str) -> Any:
        match name:
            case "order_qty":
                return order.quantity
            case "cum_qty":
                return order.cum_quantity
            case "leaves_qty":
                return order.leaves_quantity
            case "overfill_qty":
                return order.overfill_quantity
            case "avg_px":
                return order.average_price
            case "avg_px_is_null":
                return order.average_price is None
            case "cum_value":
                return order.executed_value
            case "day_order_qty":
                return self.ledger.get_order_day(order.order_id, self._trade_date()).day_order_quantity
            case "day_cum_qty":
                return self.ledger.get_order_day(order.order_id, self._trade_date()).day_cum_quantity
            case "open":
                return order.is_open
            case "done" | "terminal":
                return not order.is_open
            case "filled":
                return order.state == "FILLED"
            case "fills_known":
                return len(list(self.ledger.find_fills(order_id=order.order_id, limit=None)))
            case "venue_order_id":
                return order.venue_order_ids[-1] if order.venue_order_ids else None
            case "venue_order_id_is_null":
                return not order.venue_order_ids
            case "fees":
                sums: dict[str, Decimal] = defaultdict(Decimal)
                for fill in self.ledger.find_fills(order_id=order.order_id, limit=None):
                    for fee in fill.fees:
                        sums[fee.currency] += fee.amount
                return {currency: f"{amount:.2f}" for currency, amount in sums.items()}
            case _:
                raise KeyError(f"no field of an order is known as {name!r}")


class _Keys:
    """The keys of a step, each to be taken: what is left over is unknown to this runner."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self._left = {name: value for name, value in step.items() if name not in _STEP_NOTES}

    def __getitem__(self, name: str) -> Any:
        return self._left.pop(name)

    def take(self, name: str) -> Any:
        return self._left.pop(name, None)

    def has(self, name: str) -> bool:
        return name in self._left

    def changes(self) -> dict[str, Any]:
        names = {"new_qty": "quantity", "new_price": "limit_price", "new_tif": "time_in_force"}
        found = {ours: self.take(theirs) for theirs, ours in names.items()}
        return {name: value for name, value in found.items() if value is not None}

    def done(self) -> None:
        assert not self._left, f"{self.step['op']} has keys that this runner does not know: {sorted(self._left)}"


def _instrument_terms(instrument: Mapping[str, Any]) -> dict[str, Any]:
    known = {"symbol", "kind", "quote_ccy", "base_ccy", "multiplier", "contract_value_in_quote"}
    of_the_account = {"settle_ccy", "account_ccy"}
    unknown = set(instrument) - known - of_the_account
    assert not unknown, f"the instrument has keys that this runner does not know: {sorted(unknown)}"
    terms = {
        "currency": instrument.get("quote_ccy"),
        "base_currency": instrument.get("base_ccy"),
        "multiplier": instrument.get("multiplier", instrument.get("contract_value_in_quote")),
        "inverse": True if str(instrument.get("kind", "")).startswith("inverse") else None,
    }
    return {name: value for name, value in terms.items() if value is not None}
