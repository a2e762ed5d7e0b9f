"""A day order that is done for the day is over; only an order that outlives the day can still be ended."""

import pytest

from ledger_core import IllegalTransition
from ledger_core.lifecycle import OrderEvent, OrderState, next_order_state

ENDINGS = (OrderEvent.CANCELLATION, OrderEvent.EXPIRY)


@pytest.mark.parametrize("event", ENDINGS)
def test_an_order_is_a_day_order_unless_it_says_otherwise(event: OrderEvent) -> None:
    """What ends an order cannot come for one whose day is done, and the refusal says what still can."""
    with pytest.raises(IllegalTransition) as refusal:
        next_order_state(OrderState.DONE_FOR_DAY, event)
    legal = ", ".join(refusal.value.allowed)
    assert str(refusal.value) == f"a day order that is done for the day has no {event} to come (legal: {legal})"
    assert (refusal.value.state, refusal.value.event) == (OrderState.DONE_FOR_DAY, event)
    assert event not in refusal.value.allowed


@pytest.mark.parametrize("event", ENDINGS)
def test_an_order_that_outlives_the_day_can_still_be_ended(event: OrderEvent) -> None:
    """A good-till order that rests over night is cancelled or expires like any open one."""
    ended = next_order_state(OrderState.DONE_FOR_DAY, event, good_till=True)
    assert ended in (OrderState.CANCELED, OrderState.EXPIRED)


def test_what_can_still_come_for_a_day_order_leads_where_it_leads_for_any() -> None:
    """Each event that the refusal names is taken as of an order that outlives the day; each other one is refused."""
    with pytest.raises(IllegalTransition) as refusal:
        next_order_state(OrderState.DONE_FOR_DAY, OrderEvent.EXPIRY)
    legal = refusal.value.allowed
    assert OrderEvent.ACCEPTANCE in legal
    for event in OrderEvent:
        if event in legal:
            led_to = next_order_state(OrderState.DONE_FOR_DAY, event, good_till=True)
            assert next_order_state(OrderState.DONE_FOR_DAY, event) is led_to
            continue
        with pytest.raises(IllegalTransition) as refusal:
            next_order_state(OrderState.DONE_FOR_DAY, event)
        assert refusal.value.context == {"state": OrderState.DONE_FOR_DAY, "event": event, "allowed": legal}


@pytest.mark.parametrize("good_till", [False, True])
def test_whether_it_outlives_the_day_is_nothing_to_an_order_at_work(good_till: bool) -> None:
    """What is illegal there is refused with what was asked and what is legal."""
    assert next_order_state(OrderState.PLACED, OrderEvent.ACCEPTANCE, good_till=good_till) is OrderState.ACCEPTED
    with pytest.raises(IllegalTransition) as refusal:
        next_order_state(OrderState.REJECTED, OrderEvent.CANCELLATION, good_till=good_till)
    assert (refusal.value.state, refusal.value.event) == (OrderState.REJECTED, OrderEvent.CANCELLATION)
    assert OrderEvent.REQUEST_REJECTION in refusal.value.allowed
