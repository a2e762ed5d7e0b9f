"""Commands with a command_id: known for ever by (operation, order or trade, command_id), whatever the state is now."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from ledger_core import IdempotencyConflict, StrategyLedger
from ledger_core.model import CommandRecord, RecordKind
from ledger_core.repository import Query
from support import START, RecordingPublisher, fill, limit_order

OpenLedger = Callable[..., StrategyLedger]
Command = Callable[..., Any]

# name -> (what comes before, the command, the same command with other content)
COMMANDS: dict[str, tuple[tuple[Command, ...], Command, Command]] = {}


def command(name: str, *before: Command) -> Callable[[Callable[[StrategyLedger, bool, str], Any]], None]:
    """Register a command: called with (ledger, whether other content, command_id)."""

    def register(call: Callable[[StrategyLedger, bool, str], Any]) -> None:
        COMMANDS[name] = (
            before,
            lambda ledger, key: call(ledger, False, key),
            lambda ledger, key: call(ledger, True, key),
        )

    return register


def placed(ledger: StrategyLedger) -> None:
    """Place an order of 10."""
    ledger.record_order("O1", limit_order())


def part_filled(ledger: StrategyLedger) -> None:
    """Fill 4 of it."""
    ledger.update_order_fill("O1", fill("first", 4))


def asked(ledger: StrategyLedger) -> None:
    """Have two replaces in flight."""
    ledger.request_order_replace("O1", {"quantity": 12}, "R1")
    ledger.request_order_replace("O1", {"quantity": 14}, "R2")


def traded(ledger: StrategyLedger) -> None:
    """Make a trade of an entry and its exit, and have another order that is filled."""
    ledger.create_trade("T1", ["O1"])
    ledger.update_order_cancellation("O1")
    ledger.record_order("X1", limit_order("SELL", 4))
    ledger.update_order_fill("X1", fill("first", 4))


command("record_order")(
    lambda ledger, other, key: ledger.record_order("O1", limit_order(quantity=11 if other else 10), command_id=key)
)
command("request_order_cancel", placed)(
    lambda ledger, other, key: ledger.request_order_cancel("O1", "C2" if other else "C1", command_id=key)
)
command("request_order_replace", placed)(
    lambda ledger, other, key: ledger.request_order_replace("O1", {"quantity": 21 if other else 20}, command_id=key)
)
command("acceptance", placed)(
    lambda ledger, other, key: ledger.update_order_acceptance(
        "O1", {"venue_order_id": "V2" if other else "V1"}, command_id=key
    )
)
command("fill", placed)(
    lambda ledger, other, key: ledger.update_order_fill("O1", fill("F1", 1, 101 if other else 100), command_id=key)
)
command("done_for_day", placed)(
    lambda ledger, other, key: ledger.update_order_done_for_day("O1", date(2026, 1, 6 if other else 5), command_id=key)
)
command("restatement", placed)(
    lambda ledger, other, key: ledger.update_order_restatement("O1", {"quantity": 21 if other else 20}, command_id=key)
)
command("replacement", placed)(
    lambda ledger, other, key: ledger.update_order_replacement(
        "O1", changes={"quantity": 21 if other else 20}, command_id=key
    )
)
command("request_rejection", placed, asked)(
    lambda ledger, other, key: ledger.update_order_request_rejection(
        "O1", "no", "R2" if other else "R1", command_id=key
    )
)
command("create_trade", placed, part_filled)(
    lambda ledger, other, key: ledger.create_trade("T1", ["O1"], {"stop_price": 91 if other else 90}, command_id=key)
)
command("update_trade", placed, part_filled, traded)(
    lambda ledger, other, key: ledger.update_trade("T1", {"stop_price": 91 if other else 90}, command_id=key)
)
command("close_trade", placed, part_filled, traded)(
    lambda ledger, other, key: ledger.close_trade(
        "T1", {"order_ids": ["X1", "X2"] if other else ["X1"]}, command_id=key
    )
)

NAMED = [pytest.param(*COMMANDS[name], id=name) for name in COMMANDS]


@pytest.mark.parametrize(("before", "told", "_other"), NAMED)
def test_command_given_again_answers_with_the_record_as_it_is_now(
    open_ledger_on: OpenLedger, before: tuple[Command, ...], told: Command, _other: Command
) -> None:
    """A repeat writes and publishes nothing, after a restart and after the state has moved on."""
    ledger = open_ledger_on()
    for step in before:
        step(ledger)
    first = told(ledger, "K1")
    ledger.record_order("Z", limit_order())
    assert told(ledger, "K1") == first
    ledger.close()
    published = RecordingPublisher()
    ledger = open_ledger_on(publisher=published)
    head, count = ledger.head(), len(published.events)
    assert told(ledger, "K1") == first
    assert (ledger.head(), len(published.events)) == (head, count)


@pytest.mark.parametrize(("before", "told", "other"), NAMED)
def test_known_command_id_with_other_content_is_a_conflict(
    ledger: StrategyLedger, published: RecordingPublisher, before: tuple[Command, ...], told: Command, other: Command
) -> None:
    """The refusal holds both contents; nothing is written, published or filed."""
    for step in before:
        step(ledger)
    told(ledger, "K1")
    head, count = ledger.head(), len(published.events)
    with pytest.raises(IdempotencyConflict) as refused:
        other(ledger, "K1")
    assert refused.value.recorded != refused.value.given
    assert (ledger.head(), len(published.events)) == (head, count)
    assert ledger.quarantined() == []


@pytest.mark.parametrize(
    "end", ["acceptance", "in_doubt", "suspension", "guarantee", "trigger", "cancellation", "expiry", "rejection"]
)
def test_fact_with_a_command_id_is_known_after_the_state_has_moved_on(ledger: StrategyLedger, end: str) -> None:
    """A redelivered fact that would be a new one by the present state is recognised by its command_id."""
    ledger.record_order("O1", limit_order())
    arguments = ("no",) if end == "rejection" else ()
    tell = getattr(ledger, f"update_order_{end}")
    tell("O1", *arguments, command_id="K1")
    if end == "suspension":
        ledger.update_order_resumption("O1")
    elif end in ("acceptance", "in_doubt", "guarantee", "trigger"):
        ledger.update_order_fill("O1", fill("F1", 10))
    now, head = ledger.get_order("O1"), ledger.head()
    assert tell("O1", *arguments, command_id="K1") == now
    assert ledger.head() == head


def test_times_reasons_liquidity_and_metadata_are_no_content(ledger: StrategyLedger) -> None:
    """What a redelivery may say otherwise makes no conflict."""
    ledger.record_order("O1", limit_order())
    first = ledger.update_order_fill("O1", fill("F1", 1), command_id="K1", occurred_at=START)
    later = fill("F1", 1, liquidity="MAKER", metadata={"again": True})
    assert ledger.update_order_fill("O1", later, command_id="K1", occurred_at=START + timedelta(1)) == first
    ledger.update_order_cancellation("O1", "one reason", command_id="K2")
    assert ledger.update_order_cancellation("O1", "another", command_id="K2").reason == "one reason"


def test_order_in_which_a_trades_orders_are_named_is_no_content(ledger: StrategyLedger) -> None:
    """They are a set; other orders are other content."""
    for order_id in ("O1", "O2", "O3"):
        ledger.record_order(order_id, limit_order())
        ledger.update_order_fill(order_id, fill("F1", 10))
    trade = ledger.create_trade("T1", ["O1", "O2"], command_id="K")
    assert ledger.create_trade("T1", ["O2", "O1"], command_id="K") == trade
    with pytest.raises(IdempotencyConflict) as refused:
        ledger.create_trade("T1", ["O3", "O1"], command_id="K")
    assert (refused.value.recorded["order_ids"], refused.value.given["order_ids"]) == (("O1", "O2"), ("O1", "O3"))


def test_what_is_remembered_of_commands(ledger: StrategyLedger) -> None:
    """Under operation, target and id: the content of those with an id, and the reason of what was done to the store."""
    ledger.record_order("O1", limit_order(venue_order_id="V1"))
    ledger.update_order_fill(None, fill("F1", 1, venue_order_id="V1"), command_id="K")
    ledger.skip_entry("monitor", 1, "its broker is gone")
    for reason in ("a damaged page", "another"):
        ledger.note_upkeep("rebuild", reason)
    found = ledger._repository.find(Query(kind=RecordKind.COMMAND))
    remembered = {one.key: one.content for one in found if isinstance(one, CommandRecord)}
    fill_data = {"fill_id": "F1", "quantity": "1", "price": "100", "venue_order_id": "V1"}
    assert remembered == {
        ("update_order_fill", "", "K"): {"order_id": None, "fill": fill_data, "answer": ("ORDER", "O1")},
        ("skip_entry", "monitor", "1"): {"reason": "its broker is gone"},
        ("note_upkeep", "rebuild", "4"): {"reason": "a damaged page"},
        ("note_upkeep", "rebuild", "5"): {"reason": "another"},
    }


def test_command_id_belongs_to_its_operation_and_its_order(ledger: StrategyLedger) -> None:
    """The same command_id on another order, or for another operation, is another command."""
    ledger.record_order("O1", limit_order(), command_id="K")
    ledger.record_order("O2", limit_order("SELL"), command_id="K")
    assert ledger.update_order_acceptance("O1", command_id="K").state == "ACCEPTED"
    assert ledger.request_order_cancel("O1", command_id="K").status == "PENDING_CANCEL"
    assert ledger.head().sequence == 4


def test_requests_without_an_id_repeat_by_command_id_alone(ledger: StrategyLedger) -> None:
    """Without request_id and command_id each request is a new one; with a command_id it is made once."""
    ledger.record_order("O1", limit_order())
    for _ in range(2):
        ledger.request_order_cancel("O1", command_id="K")
    assert len(ledger.get_order("O1").requests) == 1
    ledger.request_order_cancel("O1")
    assert [one.request_id for one in ledger.get_order("O1").requests] == ["O1#1", "O1#2"]


def test_refused_command_leaves_its_id_free(ledger: StrategyLedger) -> None:
    """A command that was refused is not known: given again when it is legal, it is done."""
    ledger.record_order("O1", limit_order())
    with pytest.raises(IdempotencyConflict):
        ledger.record_order("O1", limit_order(quantity=11), command_id="K")
    assert ledger.record_order("O1", limit_order(), command_id="K").quantity == 10


def test_batch_knows_its_own_command_ids(ledger: StrategyLedger) -> None:
    """A repeat inside one batch is a repeat, a conflict a conflict."""
    ledger.record_order("O1", limit_order())
    with ledger.batch() as batch:
        batch.update_order_fill("O1", fill("F1", 1), command_id="K")
        assert batch.update_order_fill("O1", fill("F1", 1), command_id="K").cum_quantity == 1
        with pytest.raises(IdempotencyConflict):
            batch.update_order_fill("O1", fill("F2", 1), command_id="K")
    assert ledger.head().sequence == 2
