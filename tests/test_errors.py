"""Errors: each answers whose fault it was, whether anything was written and whether to retry, as attributes."""

import inspect
from typing import Any

import pytest

from ledger_core import errors
from ledger_core.errors import (
    Archived,
    BatchConflict,
    CommandRefused,
    Conflict,
    IllegalTransition,
    InvalidValue,
    LedgerError,
    StorageBusy,
    StorageError,
    UnknownStorage,
)

ALL = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, LedgerError)]


@pytest.mark.parametrize("error", ALL)
def test_every_error_keeps_its_message_and_its_context(error: type[LedgerError]) -> None:
    """The message for people; what is behind it for programs, by name, and as an attribute too."""
    raised = error("it was so", order_id="O-1", found=None)
    assert (raised.message, str(raised), raised.args) == ("it was so", "it was so", ("it was so",))
    assert (raised.order_id, raised.found) == ("O-1", None)
    assert raised.context["order_id"] == "O-1"
    with pytest.raises(AttributeError, match=f"{error.__name__}.*no attribute 'trade_id'"):
        raised.trade_id  # noqa: B018  # the attribute is what is asked for


@pytest.mark.parametrize("error", ALL)
def test_every_error_has_a_code_of_its_own(error: type[LedgerError]) -> None:
    """Programs tell errors by it, in whatever language: no two have the same."""
    assert [other for other in ALL if other.code == error.code] == [error]
    words = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in error.__name__).strip("_")
    assert error.code in (words, words.removesuffix("_ERROR"))


def test_what_may_be_tried_again_says_so() -> None:
    """Another writer was there first, or held the store: all else comes to the same the next time."""
    assert {error for error in ALL if error.retryable} == {Conflict, BatchConflict, StorageBusy}


@pytest.mark.parametrize("error", [one for one in ALL if issubclass(one, CommandRefused)])
def test_every_refusal_says_where_the_fact_was_filed(error: type[CommandRefused]) -> None:
    """Nowhere, unless it says so; a storage error never does, as nothing is known of it."""
    assert error("no").quarantine_id is None
    assert error("no", quarantine_id="Q-1").quarantine_id == "Q-1"
    assert not issubclass(error, StorageError)


def test_a_malformed_argument_is_a_value_error_that_shows_it() -> None:
    """With its path; both are in the context as well, and empty where no argument is to blame."""
    raised = InvalidValue("no", argument="fill_data.price", value=1.5, keys=("a",))
    assert isinstance(raised, ValueError)
    assert (raised.argument, raised.value, raised.keys) == ("fill_data.price", 1.5, ("a",))
    assert raised.context == {"argument": "fill_data.price", "value": 1.5, "keys": ("a",)}
    plain = InvalidValue("no")
    assert (plain.argument, plain.value, plain.context) == ("", None, {"argument": "", "value": None})


def test_an_illegal_transition_says_what_would_be_legal() -> None:
    """From where, what was to happen, and what may; as words that can be kept."""
    raised = IllegalTransition("no", state="FILLED", event="EXPIRY", allowed=iter(["TRIGGER", "REQUEST"]), order_id="O")
    told = {"state": "FILLED", "event": "EXPIRY", "allowed": ("TRIGGER", "REQUEST")}
    assert {name: getattr(raised, name) for name in told} == told
    assert raised.context == {**told, "order_id": "O"}
    assert IllegalTransition("no").context == {"state": "", "event": "", "allowed": ()}


def test_what_is_archived_says_where_and_whether_it_is_a_repeat() -> None:
    """A repeat may be left at that."""
    raised = Archived("no", archive_id="A-1", is_repeat=True, key=("O",))
    assert (raised.archive_id, raised.is_repeat, raised.context) == ("A-1", True, {"key": ("O",)})
    plain = Archived("no")
    assert (plain.archive_id, plain.is_repeat, plain.context) == ("", False, {})


@pytest.mark.parametrize("error", [one for one in ALL if one.__name__.startswith("Unknown") or one is Archived])
def test_what_is_not_there_is_a_lookup_error(error: type[LedgerError]) -> None:
    """As of any mapping."""
    assert isinstance(error("no"), LookupError)
    assert issubclass(error, CommandRefused) is not (error is UnknownStorage)


def test_an_error_without_words_has_an_empty_message() -> None:
    """It may have been made by something that rebuilds errors, without a call of its class."""
    empty: Any = LedgerError.__new__(LedgerError)
    assert empty.message == ""
    with pytest.raises(AttributeError):
        empty.order_id  # noqa: B018  # the attribute is what is asked for
