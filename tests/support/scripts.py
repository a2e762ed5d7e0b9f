"""Conformance cases as short text: one step a line, and behind a bar what holds after it.

    place qty=10000 tif=GTC
    ack                        | NEW 10000 0 10000
    fill 2000 @ 50.00          | PARTIALLY_FILLED 10000 2000 8000 avg_px=50
    place qty=15000            ! duplicate_order_id

Behind the bar stand the status, the order's, cumulative and leaves quantity, and any further `field=value`; `-`
leaves one out. `!` names the error that the step must raise, with nothing changed by it.
"""

from typing import Any

_ORDER = {"order": "O1", "side": "BUY", "symbol": "X", "type": "LIMIT", "qty": "10000", "price": "60", "tif": "DAY"}
_QUANTITIES = ("order_qty", "cum_qty", "leaves_qty")


def parse_case(case_id: str, title: str, script: str) -> dict[str, Any]:
    """Return the case behind a script, in the form of the published ones."""
    case: dict[str, Any] = {"id": case_id, "title": title, "source": "own", "steps": [], "expect": []}
    for line in filter(None, (raw.split("#")[0].strip() for raw in script.splitlines())):
        told, _, error = line.partition("!")
        action, _, expected = told.partition("|")
        number = len(case["steps"]) + 1
        case["steps"].append(_step(action.split(), number))
        if error:
            case.setdefault("expect_errors", []).append(
                {"at_step": number, "kind": error.strip(), "state_unchanged": True}
            )
        if expected.strip():
            case["expect"].append(_expected(expected.split(), number, case["steps"][-1]["order"]))
    return case


def _step(words: list[str], number: int) -> dict[str, str]:
    op, *rest = words
    step = {"op": op, "order": "O1"}
    if op == "place":
        step.update(_ORDER)
    if op == "fill":
        quantity, _, price, *rest = rest
        step.update(qty=quantity, price=price, fill_id=f"F{number}")
    for word in rest:
        name, _, value = word.partition("=")
        step[name] = value
    return {name: value for name, value in step.items() if value != "-"}


def _expected(words: list[str], number: int, order_id: str) -> dict[str, Any]:
    status, *rest = words
    quantities = [word for word in rest if "=" not in word]
    named = dict(word.split("=", 1) for word in rest if "=" in word)
    found = {name: value for name, value in zip(_QUANTITIES, quantities, strict=False) if value != "-"}
    flags: dict[str, Any] = {name: {"true": True, "false": False}.get(value, value) for name, value in named.items()}
    return {"after_step": number, "order": order_id, "status": status, **found, **flags}
