"""FIX logs made from conformance cases: each step of a case as the messages that client and venue would send for it.

A ledger plays the venue: what the reports say of status and quantities is what its order has after the step.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger_core import Order, OrderDetails, StrategyLedger
from support.conformance import Case, CaseRun, Step

VERSIONS = ("FIX.4.2", "FIX.4.4", "FIXT.1.1")
"""The versions that are told apart: until 4.2 a bust is an ExecTransType, from 4.3 on an ExecType."""

CLIENT, VENUE = "US", "VENUE"
Ours = Mapping[tuple[str, int], Mapping[str, Any]]

TELLING_NOTHING = frozenset({"halt", "halt_lifted", "submitted", "deposit"})
"""Ops that are no message, and change nothing."""
RENDERED = frozenset(
    {
        *TELLING_NOTHING,
        *("place", "ack", "reject", "denied", "fill", "bust", "correct", "cancel_request", "cancel_pending"),
        *("cancelled", "cancel_reject", "replace_request", "replace_pending", "replaced", "replace_reject"),
        *("restated", "done_for_day", "stopped", "suspended", "resumed", "triggered", "expire", "expired"),
        *("status_request", "status_report", "reject_duplicate"),
    }
)
"""Ops that FIX has messages for, or that need none."""

_SIDES = {"BUY": "1", "SELL": "2"}
_TYPES = {"MARKET": "1", "LIMIT": "2", "STOP": "3", "STOP_LIMIT": "4"}
_TIMES_IN_FORCE = {"DAY": "0", "GTC": "1", "OPG": "2", "IOC": "3", "FOK": "4", "GTD": "6"}
_STATUSES = {
    "PLACED": "A",
    "ACCEPTED": "0",
    "PARTIALLY_FILLED": "1",
    "FILLED": "2",
    "DONE_FOR_DAY": "3",
    "CANCELED": "4",
    "PENDING_CANCEL": "6",
    "STOPPED": "7",
    "REJECTED": "8",
    "SUSPENDED": "9",
    "EXPIRED": "C",
    "PENDING_REPLACE": "E",
}
_EXEC_TYPES = {
    "ack": "0",
    "denied": "8",
    "cancel_pending": "6",
    "cancelled": "4",
    "done_for_day": "3",
    "expire": "C",
    "reject": "8",
    "reject_duplicate": "8",
    "replace_pending": "E",
    "replaced": "5",
    "restated": "D",
    "expired": "C",
    "resumed": "0",
    "stopped": "7",
    "suspended": "9",
    "triggered": "L",
}


class FixLog(CaseRun):
    """A case that is run on a ledger, and written down as a FIX log on the way."""

    def __init__(self, case: Case, ledger: StrategyLedger, version: str, ours: Ours | None = None) -> None:
        """Write messages of this version; `ours` as of any run of a case."""
        super().__init__(case, ledger, ours)
        self.version = version
        self.lines: list[str] = []
        self.after: list[tuple[int, int]] = []
        """How many lines there are after each step, and on which day."""
        self._chain: dict[str, str] = {}  # the ClOrdID that an order has now
        self._terms: dict[str, dict[str, str]] = {}

    def _take(self, step: Step, error: Mapping[str, Any] | None) -> None:
        super()._take(step, error)
        if error is None and step["op"] not in TELLING_NOTHING:
            self._write(step)
        self.after.append((len(self.lines), self.day))

    def _write(self, step: Step) -> None:
        op, order_id = step["op"], step["order"]
        if order_id not in self._terms:
            self._terms[order_id] = _terms(self._order(order_id).details)
        current = self._chain.setdefault(order_id, order_id)
        request = {"11": step.get("req_id") or current, "41": current}
        match op:
            case "place":
                self._send("D", CLIENT, {"11": order_id, **self._terms[order_id]})
            case "cancel_request" | "replace_request":
                terms = {**self._terms[order_id], **_changes(step)}
                self._send("F" if op == "cancel_request" else "G", CLIENT, {**request, **terms})
            case "cancel_reject" | "replace_reject":
                answers = {"434": "1" if op == "cancel_reject" else "2", "39": _status(self._order(order_id))}
                self._send("9", VENUE, {**request, "37": f"V{order_id[1:]}", **answers})
            case "status_request":
                self._send("H", CLIENT, {"11": current, **self._terms[order_id]})
            case _:
                self._report(step, request if "req_id" in step else {"11": current})
        if op == "replaced":
            self._chain[order_id] = request["11"]

    def _report(self, step: Step, ids: Mapping[str, str]) -> None:
        order, op = self._order(step["order"]), step["op"]
        status = _status(order)
        fields = {**ids, "37": f"V{order.order_id[1:]}", "17": step.get("exec_id") or f"E{len(self.lines)}"}
        transaction, kind = "0", _EXEC_TYPES.get(op, status)
        match op:
            case "fill":
                fields |= {"17": step["fill_id"], "32": step["qty"], "31": step["price"]}
                if "fee" in step:
                    fields |= {"12": step["fee"], "13": "3", "479": step["fee_ccy"]}
                kind = "F" if self._has_own_types else "2" if order.leaves_quantity == 0 else "1"
            case "bust":
                transaction, kind = "1", "H" if self._has_own_types else status
                fields["19"] = step["fill_id"]
            case "correct":
                transaction, kind = "2", "G" if self._has_own_types else status
                fields |= {"19": step["fill_id"], "32": step["qty"], "31": step["price"]}
            case "status_report":
                transaction, kind = "3", "I" if self._has_own_types else status
            case "reject_duplicate":
                fields["103"] = "6"
            case "restated" if step.get("reason") == "GT_RENEWAL":
                fields["378"] = "1"
            case _:
                status = kind if op in ("cancel_pending", "replace_pending", "stopped", "suspended") else status
        if not self._has_own_types:
            fields["20"] = transaction
        if "day" in step:
            fields["75"] = f"{self._trade_date():%Y%m%d}"
        self._send("8", VENUE, {**fields, "150": kind, "39": status, **self._figures(order)})

    def _figures(self, order: Order) -> dict[str, str]:
        terms = self._terms.get(order.order_id, {})
        leaves = order.leaves_quantity
        quantity = {} if order.quantity is None else {"38": f"{order.quantity:f}"}
        price = {} if order.limit_price is None else {"44": f"{order.limit_price:f}"}
        return {
            **{tag: value for tag, value in terms.items() if tag not in ("38", "44")},
            **quantity,
            **price,
            "14": f"{order.cum_quantity:f}",
            "151": "0" if leaves is None else f"{leaves:f}",
            "6": f"{order.average_price or 0:f}",
        }

    @property
    def _has_own_types(self) -> bool:
        return self.version != "FIX.4.2"

    def _order(self, order_id: str) -> Order:
        return self.ledger.get_order(order_id)

    def _send(self, kind: str, sender: str, fields: Mapping[str, str]) -> None:
        target = VENUE if sender == CLIENT else CLIENT
        head = {"35": kind, "49": sender, "56": target, "34": str(len(self.lines) + 1), "60": _time(self.now)}
        self.lines.append(fix_line(self.version, {**head, **fields}))


def not_rendered(case: Case) -> str | None:
    """Return why a case cannot be written as a FIX log, or None."""
    if others := {step["op"] for step in case["steps"]} - RENDERED:
        return f"FIX has no message for {', '.join(sorted(others))}"
    if any(
        step["op"].endswith("_request") and step["op"] != "status_request" and "req_id" not in step
        for step in case["steps"]
    ):
        return "a request has an id in FIX"
    instrument = case.get("instrument", {})
    if str(instrument.get("kind", "")).startswith("inverse"):
        return "FIX does not say that a contract is inverse"
    if any(step.get("fee_ccy") == instrument.get("base_ccy", "") for step in case["steps"]):
        return "FIX does not say that a fee was taken from what was bought"
    return None


def fix_line(version: str, fields: Mapping[str, Any]) -> str:
    """Write a message as a line of a log, with the time that the log itself adds."""
    body = "".join(f"{tag}={value}\x01" for tag, value in fields.items())
    head = f"8={version}\x019={len(body)}\x01{body}"
    return f"20260302-09:00:00.000 : {head}10={sum(head.encode()) % 256:03}\x01"


def _time(moment: datetime) -> str:
    return f"{moment:%Y%m%d-%H:%M:%S}.000"


def _status(order: Order) -> str:
    return _STATUSES[order.status]


def _terms(details: OrderDetails) -> dict[str, str]:
    found = {
        "55": details.symbol,
        "54": _SIDES[details.side],
        "40": _TYPES[details.order_type],
        "38": details.quantity,
        "152": details.cash_quantity,
        "15": details.currency or details.cash_currency,
        "44": details.limit_price,
        "99": details.stop_price,
        "59": _TIMES_IN_FORCE.get(details.time_in_force or ""),
        "231": details.multiplier,
    }
    return {tag: str(value) for tag, value in found.items() if value is not None}


def _changes(step: Step) -> dict[str, str]:
    found = {"38": step.get("new_qty"), "44": step.get("new_price")}
    return {tag: value for tag, value in found.items() if value is not None}
