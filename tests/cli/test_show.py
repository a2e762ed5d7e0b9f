"""`show`: whatever an id names, and what begins with it; on a storage that has no file, too."""

from pathlib import Path

import pytest

from cli.ledgers import Call, parsed
from ledger_cli import lookup
from ledger_cli.lookup import Match
from ledger_cli.reading import Store
from ledger_core import OverfillError, open_ledger, open_reader
from support import fill, limit_order, market_order


@pytest.fixture
def named_file(tmp_path: Path) -> Path:
    """Return a ledger whose ids are of every kind."""
    path = tmp_path / "named.db"
    fill_named(f"sqlite:///{path}?durability=none")
    return path


def fill_named(url: str) -> None:
    """Write a ledger whose ids are of every kind."""
    with open_ledger(url, strategy_id="alpha") as ledger:
        group = {"execution_group_id": "group-1", "trade_plan_id": "plan-1"}
        ledger.record_order("order-alpha", limit_order(**group))
        ledger.update_order_acceptance("order-alpha", {"venue_order_id": "venue-77"})
        ledger.update_order_fill("order-alpha", fill("exec-1", 4, 100))
        ledger.record_order("order-beta", limit_order(parent_order_id="order-alpha", **group))
        ledger.request_order_cancel("order-beta", "request-1")
        ledger.create_trade("trade-1", ["order-alpha"])
        ledger.record_adjustment("adjust-1", {"kind": "FUNDING", "symbol": "ACME", "amount": 3, "currency": "USD"})
        with pytest.raises(OverfillError):
            ledger.update_order_fill("order-beta", fill("exec-late", 99, 100))


@pytest.mark.parametrize(
    ("record_id", "kind", "field", "value"),
    [
        ("order-alpha", "order", "order_id", "order-alpha"),
        ("order-b", "order", "order_id", "order-beta"),
        ("venue-77", "order", "order_id", "order-alpha"),
        ("venue-", "order", "order_id", "order-alpha"),
        ("request-1", "order", "order_id", "order-beta"),
        ("trade-1", "trade", "trade_id", "trade-1"),
        ("tr", "trade", "trade_id", "trade-1"),
        ("exec-1", "fill", "fill_id", "exec-1"),
        ("exec-late", "quarantine", "code", "OVERFILL"),
        ("adjust", "adjustment", "amount", "3"),
        ("group-1", "group", "id", "group-1"),
        ("plan", "plan", "id", "plan-1"),
    ],
)
def test_any_id_or_its_beginning_leads_to_what_it_names(
    call: Call, named_file: Path, record_id: str, kind: str, field: str, value: str
) -> None:
    """Our ids and the venue's, of orders, requests, trades, executions, adjustments, groups and waiting facts."""
    (shown,) = parsed(call("show", named_file, record_id, "--json").stdout)
    assert (shown["kind"], shown[field]) == (kind, value)
    assert value in call("show", named_file, record_id).stdout


def test_an_order_is_shown_with_its_fills_and_a_fill_with_its_order(call: Call, named_file: Path) -> None:
    """From either the other is seen."""
    (order,) = parsed(call("show", named_file, "order-alpha", "--json").stdout)
    assert [one["fill_id"] for one in order["fills"]] == ["exec-1"]
    text = call("show", named_file, "exec-1").stdout
    for part in ("exec-1", "BUY 4 ACME", "of the order", "order-alpha", "venue-77"):
        assert part in text


def test_what_begins_alike_is_listed(call: Call, named_file: Path) -> None:
    """An ambiguous beginning is no error: the list says what there is to choose from."""
    result = call("show", named_file, "order-", "-o", "jsonl")
    assert [parsed(line)["id"] for line in result.stdout.splitlines()] == ["order-alpha", "order-beta"]
    assert call("show", named_file, "order-").stderr == "2 things begin with 'order-'\n"
    exactly = call("show", named_file, "order-alpha")  # is also the beginning of nothing, and a parent
    assert "order-beta" not in exactly.stdout


def test_a_settled_fact_can_still_be_seen(call: Call, named_file: Path) -> None:
    """What became of a fact in quarantine is told by its id, also when it waits no more."""
    with open_ledger(f"sqlite:///{named_file}?durability=none", strategy_id="alpha") as ledger:
        (fact,) = ledger.quarantined()
        ledger.resolve_quarantined(fact.quarantine_id, {"dismiss": True, "reason": "not ours"})
    (shown,) = parsed(call("show", named_file, fact.quarantine_id, "--json").stdout)
    assert (shown["state"], shown["resolution"]) == ("DISMISSED", "not ours")


def test_wildcards_of_sql_are_letters_like_any_other(call: Call, tmp_path: Path) -> None:
    """An id with % or _ in it is found by these very characters, and no other id is."""
    path = tmp_path / "wild.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        for order_id in ("a%b", "a_b", "axb"):
            ledger.record_order(order_id, market_order())
    (shown,) = parsed(call("show", path, "a%", "--json").stdout)
    assert shown["order_id"] == "a%b"
    assert call("show", path, "%").exit_code == 4


def test_without_a_file_the_records_are_looked_through(named_file: Path) -> None:
    """A storage that knows no SQL gives the same matches."""
    fill_named("memory://named-for-lookup")
    with open_ledger("memory://named-for-lookup", strategy_id="anchor"), open_reader(named_file) as file_reader:
        fill_named("memory://named-for-lookup")
        with open_reader("memory://named-for-lookup") as reader:
            of_memory = Store("memory://named-for-lookup", "x", reader, [("alpha", reader.strategy("alpha"))])
            of_file = Store(str(named_file), "x", file_reader, [("alpha", file_reader.strategy("alpha"))])
            for text in ("order-", "venue-7", "exec-", "request-1", "group-1", "plan-", "adj", "trade-1"):
                assert _without_facts(lookup.find([of_memory], text)) == _without_facts(lookup.find([of_file], text))


def _without_facts(matches: list[Match]) -> list[Match]:
    """Return matches without the ids that each ledger draws for itself."""
    return sorted(match for match in matches if match.kind not in ("quarantine", "waiting fill"))
