"""`flatten`: a plan that a person can send, twice if need be, and that itself sends and writes nothing."""

import re
from pathlib import Path
from typing import Any

import pytest

from cli.ledgers import Call, fingerprint, parsed
from ledger_cli.plans import ID_PREFIX
from ledger_core import open_ledger
from support import fill, limit_order, market_order


def plan(call: Call, path: Path, *more: str) -> Any:
    """Return the plan as JSON."""
    return parsed(call("flatten", path, "-o", "json", *more).stdout)


def test_cancels_come_first_and_closes_are_the_other_side(call: Call, ledger_file: Path) -> None:
    """What is held long is sold, what is short is bought, each strategy's for itself; what is open is canceled before."""
    before = fingerprint(ledger_file.parent)
    found = plan(call, ledger_file)
    assert [cancel["order_id"] for cancel in found["cancels"]] == ["A2", "A1", "B2"]
    closes = [(one["strategy_id"], one["record_order"]["order_details"]) for one in found["closes"]]
    assert [(strategy, details["side"], details["quantity"]) for strategy, details in closes] == [
        ("alpha", "SELL", "4"),
        ("beta", "BUY", "5"),
    ]
    assert fingerprint(ledger_file.parent) == before
    table = call("flatten", ledger_file)
    assert table.stdout.index("1. Cancel (3)") < table.stdout.index("2. Send (2)")
    assert "nothing was sent" in table.stderr


def test_the_ids_follow_from_what_is_held(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """The plan that is made again has the same ids; once something was filled it has others."""
    first, again = plan(call, ledger_file), plan(call, ledger_file)
    assert first == again
    ids = [one["client_order_id"] for one in first["closes"]] + [one["request_id"] for one in first["cancels"]]
    assert len(set(ids)) == 5
    assert all(re.fullmatch(rf"{ID_PREFIX}[0-9a-f]{{28}}", one) for one in ids)
    with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="beta") as ledger:
        ledger.update_order_fill("B2", fill("F2", 1, 101))
    later = plan(call, ledger_file)
    changed = [one["client_order_id"] for one in later["closes"]]
    assert changed[0] == first["closes"][0]["client_order_id"]
    assert changed[1] != first["closes"][1]["client_order_id"]


def test_what_the_plan_says_can_be_recorded_and_filled(call: Call, ledger_file: Path) -> None:
    """After the closing orders are recorded as the plan says, and filled, nothing is held and the plan is empty."""
    found = plan(call, ledger_file)
    for strategy in ("alpha", "beta"):
        with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id=strategy) as ledger:
            for cancel in found["cancels"]:
                if cancel["strategy_id"] == strategy:
                    ledger.update_order_cancellation(cancel["order_id"])
            for close in found["closes"]:
                if close["strategy_id"] == strategy:
                    order = close["record_order"]
                    ledger.record_order(order["order_id"], order["order_details"])
                    quantity = order["order_details"]["quantity"]
                    ledger.update_order_fill(order["order_id"], fill("F", quantity, 100))
            assert ledger.get_open_positions() == []
    assert plan(call, ledger_file) == {"cancels": [], "closes": [], "warnings": plan(call, ledger_file)["warnings"]}
    assert "there is nothing to do" in call("flatten", ledger_file).stderr


def test_a_part_can_be_asked_for(call: Call, ledger_file: Path) -> None:
    """One symbol, one strategy, or both."""
    assert [one["symbol"] for one in plan(call, ledger_file, "--symbol", "BTC-USD")["cancels"]] == ["BTC-USD"]
    assert plan(call, ledger_file, "--symbol", "BTC-USD")["closes"] == []
    of_beta = plan(call, ledger_file, "--strategy", "beta")
    assert [one["order_id"] for one in of_beta["cancels"]] == ["B2"]
    assert [one["strategy_id"] for one in of_beta["closes"]] == ["beta"]
    assert call("flatten", ledger_file, "--strategy", "gamma", "-o", "ccxt").exit_code == 4


def test_a_person_is_warned_of_what_the_plan_cannot_know(call: Call, ledger_file: Path) -> None:
    """Fills that come while orders are canceled, orders in doubt, facts in quarantine, strategies against each other."""
    warnings = " ".join(plan(call, ledger_file)["warnings"])
    for part in ("make the plan again", "A2", "2 facts in quarantine", "ACME in opposite directions"):
        assert part in warnings


@pytest.fixture
def derivatives_file(tmp_path: Path) -> Path:
    """Return a ledger of a hedged account and an inverse contract."""
    path = tmp_path / "derivatives.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        hedged = {"symbol": "BTC/USDT:USDT", "venue": "binanceusdm", "position_side": "SHORT", "currency": "USDT"}
        ledger.record_order("H1", market_order(side="SELL", quantity="0.5", **hedged))
        ledger.update_order_fill("H1", fill("F", "0.5", 60000))
        terms = {"inverse": True, "base_currency": "BTC", "currency": "USD", "multiplier": 100}
        ledger.record_order("I1", {**market_order(quantity=7, symbol="BTC/USD:BTC", venue="deribit"), **terms})
        ledger.update_order_fill("I1", fill("F", 7, 60000))
        ledger.record_order("O1", limit_order(symbol="ETH/USD", venue="alpaca"))
        ledger.update_order_acceptance("O1", {"venue_order_id": "uuid-1"})
        ledger.record_order("O2", limit_order(symbol="ETH/USD", venue="alpaca"))
        ledger.update_order_in_doubt("O2")
    return path


def test_calls_of_ccxt(call: Call, derivatives_file: Path) -> None:
    """Amounts are text; derivatives are closed reduce-only, and the side of a hedged account is named."""
    calls = parsed(call("flatten", derivatives_file, "-o", "ccxt").stdout)["calls"]
    assert [one["method"] for one in calls] == ["cancelOrder", "cancelOrder", "createOrder", "createOrder"]
    by_id, by_client_id = calls[1]["arguments"], calls[0]["arguments"]
    assert (by_id["id"], by_id["params"]) == ("uuid-1", {})
    assert (by_client_id["id"], by_client_id["params"]) == (None, {"clientOrderId": "O2"})
    inverse, hedged = calls[2]["arguments"], calls[3]["arguments"]
    assert (inverse["side"], inverse["amount"], inverse["type"]) == ("sell", "7", "market")
    assert inverse["params"]["reduceOnly"] is True
    assert (hedged["side"], hedged["amount"], hedged["params"]["positionSide"]) == ("buy", "0.5", "SHORT")
    assert len(hedged["params"]["clientOrderId"]) == 32


def test_calls_of_alpaca(call: Call, derivatives_file: Path, ledger_file: Path) -> None:
    """An order whose id is not known is looked for by our id first; crypto is good till canceled, shares for the day."""
    calls = parsed(call("flatten", derivatives_file, "-o", "alpaca", "--symbol", "ETH/USD").stdout)["calls"]
    assert (calls[0]["method"], calls[0]["query"]) == ("GET", {"client_order_id": "O2"})
    assert (calls[1]["method"], calls[1]["path"]) == ("DELETE", "/v2/orders/uuid-1")
    shares = parsed(call("flatten", ledger_file, "-o", "alpaca", "--strategy", "alpha").stdout)["calls"][-1]
    assert shares["body"] == {
        "symbol": "ACME",
        "qty": "4",
        "side": "sell",
        "type": "market",
        "time_in_force": "day",
        "client_order_id": shares["body"]["client_order_id"],
    }


def test_calls_of_interactive_brokers(call: Call, ledger_file: Path) -> None:
    """Our ids stand in orderRef, quantities are exact."""
    calls = parsed(call("flatten", ledger_file, "-o", "ib", "--strategy", "beta").stdout)["calls"]
    assert (calls[0]["call"], calls[0]["orderRef"]) == ("cancelOrder", "B2")
    assert calls[1]["contract"] == {"symbol": "ACME", "exchange": "XNAS", "currency": "USD", "multiplier": "1"}
    assert (calls[1]["order"]["action"], calls[1]["order"]["totalQuantity"]) == ("BUY", "5")
