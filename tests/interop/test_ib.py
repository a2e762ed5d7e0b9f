"""Interactive Brokers: the objects of ib_async and dicts of them, with corrections and with fees that come later."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from interop.imports import brief, fills, imported, reasons
from ledger_core import StrategyLedger, open_ledger

Shape = Callable[..., Any]

NINE = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


@pytest.fixture(params=[SimpleNamespace, dict], ids=["objects", "dicts"])
def shape(request: pytest.FixtureRequest) -> Shape:
    """Return what makes a message: an object with attributes, as the library has it, or a dict."""
    made: Shape = request.param
    return made


def contract(shape: Shape, **more: Any) -> Any:
    """Return a stock's contract."""
    return shape(**{"secType": "STK", "conId": 1, "symbol": "AAPL", "currency": "USD", "exchange": "SMART", **more})


def execution(shape: Shape, exec_id: str = "0001.01", shares: float = 40.0, **more: Any) -> Any:
    """Return an execution as the interface reports it."""
    own = {"execId": exec_id, "time": NINE, "acctNumber": "DU1", "side": "BOT", "shares": shares, "price": 150.1}
    return shape(**{**own, "permId": 77, "clientId": 3, "orderId": 5, "orderRef": "", "lastLiquidity": 2, **more})


def commission(shape: Shape, exec_id: str = "0001.01", amount: float = 1.05) -> Any:
    """Return what an execution cost."""
    return shape(execId=exec_id, commission=amount, currency="USD", realizedPNL=1.7976931348623157e308)


def filled(shape: Shape, exec_id: str = "0001.01", shares: float = 40.0, amount: float = 0.0, **more: Any) -> Any:
    """Return a Fill: contract, execution, and a report of its cost that may have nothing in it yet."""
    report = commission(shape, exec_id, amount) if amount else shape(execId="", commission=0.0, currency="")
    done = execution(shape, exec_id, shares, **more)
    return shape(contract=contract(shape), execution=done, commissionReport=report, time=NINE)


def traded(shape: Shape, *done: Any, status: str = "Submitted", quantity: float = 100.0, **more: Any) -> Any:
    """Return a Trade with its executions."""
    own = {"orderId": 5, "clientId": 3, "permId": 77, "action": "BUY", "totalQuantity": quantity, "orderRef": ""}
    order = shape(**{**own, "orderType": "LMT", "lmtPrice": 150.25, "auxPrice": 0.0, "tif": "DAY", **more})
    state = shape(orderId=5, status=status, filled=0.0, remaining=quantity, avgFillPrice=0.0, permId=77)
    log = [shape(time=NINE, status="PendingSubmit", message=""), shape(time=NINE, status=status, message="by hand")]
    return shape(contract=contract(shape), order=order, orderStatus=state, fills=list(done), log=log)


def test_a_trade_is_its_order_and_its_executions(shape: Shape, ledger: StrategyLedger) -> None:
    """The permId is the venue's id; floats are taken as they are written."""
    imported(ledger, "ib", [traded(shape, filled(shape, amount=1.05), status="Cancelled")])
    (order,) = ledger.find_orders()
    assert (order.venue_order_ids, order.symbol, str(order.limit_price)) == (("77",), "AAPL", "150.25")
    assert brief(ledger, order.order_id) == "CANCELED 40 of 100"
    assert fills(ledger, order.order_id) == ["0001.01: 40 @ 150.1 - 1.05 USD"]


def test_an_order_of_ours_is_found_by_its_reference(shape: Shape, ledger: StrategyLedger) -> None:
    """An orderRef that is the id of an order of the ledger leads to it; any other is a note."""
    details: dict[str, Any] = {"symbol": "AAPL", "side": "BUY", "order_type": "LIMIT", "quantity": 100}
    ledger.record_order("mine-1", {**details, "limit_price": "150.25"})
    imported(ledger, "ib", [filled(shape, orderRef="mine-1")])
    assert brief(ledger, "mine-1") == "PARTIALLY_FILLED 40 of 100"


def test_a_reference_that_stands_on_many_orders_makes_no_one_of_them(shape: Shape, ledger: StrategyLedger) -> None:
    """Most strategies write their own name on each order: the permId tells them apart."""
    orders = []
    for perm_id in (1, 2):
        own: dict[str, Any] = {"permId": perm_id, "orderId": perm_id, "orderRef": "momentum"}
        orders.append(traded(shape, filled(shape, f"000{perm_id}.01", **own), **own))
    imported(ledger, "ib", orders)
    assert {one.order_id: brief(ledger, one.order_id) for one in ledger.find_orders()} == {
        "1": "PARTIALLY_FILLED 40 of 100",
        "2": "PARTIALLY_FILLED 40 of 100",
    }


def test_an_id_of_a_session_that_is_given_again_is_another_order(shape: Shape, ledger: StrategyLedger) -> None:
    """Order ids begin anew when they are reset; an order that has its permId is no longer found by one."""
    first = filled(shape, "0001.01", permId=0, orderId=5)
    imported(ledger, "ib", [first, filled(shape, "0002.01", permId=77), filled(shape, "0003.01", 7.0, permId=78)])
    assert brief(ledger, "3:5") == "FILLED 80 of 80"
    assert brief(ledger, "78") == "FILLED 7 of 7"


def test_an_execution_that_is_booked_leads_to_its_order(shape: Shape, ledger: StrategyLedger) -> None:
    """Execution ids are the broker's own, and unique: what a strategy booked without a permId is not booked again."""
    details: dict[str, Any] = {"symbol": "AAPL", "side": "BUY", "order_type": "LIMIT", "quantity": 100}
    ledger.record_order("mine-1", {**details, "limit_price": "150.25"})
    ledger.update_order_fill("mine-1", {"fill_id": "0001.01", "quantity": 40, "price": "150.1"})
    imported(ledger, "ib", [filled(shape, amount=1.05)])
    assert [order.order_id for order in ledger.find_orders()] == ["mine-1"]
    assert fills(ledger, "mine-1") == ["0001.01: 40 @ 150.1 - 1.05 USD"]


def test_executions_alone_make_an_order_as_large_as_they_are(shape: Shape, ledger: StrategyLedger) -> None:
    """What reqExecutions returns names the order, and not what was ordered."""
    imported(ledger, "ib", [filled(shape), filled(shape, "0002.01", 2.5)])
    assert brief(ledger, "77") == "FILLED 42.5 of 42.5"


def test_versions_of_an_execution_are_one_fill_in_any_order(shape: Shape) -> None:
    """`.02` corrects `.01`; the report of its cost may come before, between or after them."""
    told = (filled(shape, "0001.01", 40), filled(shape, "0001.02", 35), commission(shape, "0001.02"))
    for several in itertools.permutations(told):
        with open_ledger(f"memory://{uuid4().hex}", strategy_id="alpha") as ledger:
            imported(ledger, "ib", several)
            assert [line.partition(": ")[2] for line in fills(ledger, "77")] == ["35 @ 150.1 - 1.05 USD"]


def test_a_cost_comes_in_a_message_of_its_own(shape: Shape, ledger: StrategyLedger) -> None:
    """Before the execution, or after it, and again with the same figure."""
    later = commission(shape, "0002.01", 0.5)
    imported(ledger, "ib", [commission(shape), filled(shape), filled(shape, "0002.01", 10), later, later])
    assert fills(ledger, "77") == ["0001.01: 40 @ 150.1 - 1.05 USD", "0002.01: 10 @ 150.1 - 0.5 USD"]


def test_the_cost_of_an_execution_that_nothing_tells_of_is_told(shape: Shape, ledger: StrategyLedger) -> None:
    """It cannot be booked without its order."""
    report = imported(ledger, "ib", [commission(shape)])
    assert reasons(report, "refused") == ["it tells what an execution cost that no message tells of"]


def test_a_status_counts_what_is_missing(shape: Shape, ledger: StrategyLedger) -> None:
    """An order status has a total and no executions: what is missing is shown, and confirmed when they come."""
    status = shape(orderId=5, status="Submitted", filled=60.0, remaining=40.0, avgFillPrice=150.0, permId=77)
    imported(ledger, "ib", [traded(shape, filled(shape)), status])
    (order,) = ledger.find_orders()
    assert order.missing_quantity == 20
    imported(ledger, "ib", [filled(shape, "0002.01", 20)])
    assert ledger.get_order(order.order_id).missing_quantity == 0


def test_a_status_that_may_mean_anything_is_told(shape: Shape, ledger: StrategyLedger) -> None:
    """Inactive orders were refused, or canceled, or wait: the quantities count, the word is told."""
    report = imported(ledger, "ib", [traded(shape, filled(shape), status="Inactive")])
    assert reasons(report, "not understood") == [
        "the status 'Inactive' may mean that it was refused, canceled or waits"
    ]
    assert brief(ledger, "77") == "PARTIALLY_FILLED 40 of 100"


@pytest.mark.parametrize(
    ("more", "symbol"),
    [
        ({"secType": "FUT", "symbol": "ES", "localSymbol": "ESM6", "multiplier": "50"}, "ESM6"),
        ({"secType": "OPT", "localSymbol": "AAPL  260619C00200000", "multiplier": "100"}, "AAPL 260619C00200000"),
        ({"secType": "CASH", "symbol": "EUR", "localSymbol": "EUR.USD"}, "EUR.USD"),
        (
            {"secType": "OPT", "lastTradeDateOrContractMonth": "20260619", "right": "C", "strike": 200.0},
            "AAPL-20260619-C-200.0",
        ),
    ],
    ids=["future", "option", "currency", "no local symbol"],
)
def test_contracts_are_told_apart(more: dict[str, Any], symbol: str, shape: Shape, ledger: StrategyLedger) -> None:
    """The symbol of a derivative is that of what it is on; the local symbol is its own."""
    one = filled(shape)
    changed = shape(contract=contract(shape, **more), execution=execution(shape), commissionReport=shape(), time=NINE)
    assert one
    imported(ledger, "ib", [changed])
    order = ledger.get_order("77")
    assert order.symbol == symbol
    assert (order.details.multiplier or 1) == int(more.get("multiplier", 1))


def test_numbers_that_are_not_set_are_none(shape: Shape, ledger: StrategyLedger) -> None:
    """The interface writes the largest float where a price or a cost is not set."""
    unset = 1.7976931348623157e308
    one = traded(shape, filled(shape, amount=unset), orderType="MKT", lmtPrice=unset, auxPrice=unset)
    report = imported(ledger, "ib", [one])
    assert not report.needs_attention
    assert fills(ledger, "77") == ["0001.01: 40 @ 150.1"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"contract": {}, "execution": {"execId": "1.01", "shares": 4}}, "the execution has no execId, or no price"),
        (
            {"contract": {}, "execution": {"execId": "1.01", "shares": 4, "price": 2, "side": "BOT"}},
            "it names no order",
        ),
        ({"hello": "world"}, "neither an order nor an execution of one is in it"),
        (7, "neither an order nor an execution of one is in it"),
    ],
)
def test_what_is_no_message_of_the_interface_is_told(message: Any, reason: str, ledger: StrategyLedger) -> None:
    """Nothing is dropped."""
    report = imported(ledger, "ib", [message])
    assert reasons(report, "not understood") == [reason]


def test_balances_and_positions_are_passed_over(ledger: StrategyLedger) -> None:
    """They are counted, with what they are."""
    told = [{"tag": "Cash", "value": "1", "account": "DU1"}, {"account": "DU1", "position": 3, "avgCost": 2}]
    report = imported(ledger, "ib", told)
    assert reasons(report, "passed over") == ["account balances", "positions"]
