"""Subscribers of every temper: one that records, one that raises, and a cache in a dict."""

from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]
"""The payload of one STRATEGY_LEDGER_UPDATED."""


class RecordingPublisher:
    """Keeps every event that it is given."""

    def __init__(self) -> None:
        """Start empty."""
        self.names: list[str] = []
        self.events: list[Event] = []

    def publish(self, name: str, payload: Event) -> None:
        """Keep the event."""
        self.names.append(name)
        self.events.append(payload)

    @property
    def types(self) -> list[str]:
        """The event types, in order."""
        return [event["event_type"] for event in self.events]

    @property
    def places(self) -> list[tuple[int, int]]:
        """The (sequence, index) of each event, in order."""
        return [(event["sequence"], event["index"]) for event in self.events]

    def of_type(self, event_type: str) -> list[Event]:
        """Return the events of one type, in order."""
        return [event for event in self.events if event["event_type"] == event_type]

    def clear(self) -> None:
        """Forget what was published so far."""
        self.names.clear()
        self.events.clear()


class RaisingPublisher(RecordingPublisher):
    """Raises while `fails` is set, after it has noted the attempt; records otherwise."""

    def __init__(self, *, fails: bool = True) -> None:
        """Start raising, unless told otherwise."""
        super().__init__()
        self.fails = fails
        self.attempts: list[tuple[int, int]] = []

    def publish(self, name: str, payload: Event) -> None:
        """Raise, or keep the event."""
        self.attempts.append((payload["sequence"], payload["index"]))
        if self.fails:
            raise RuntimeError("this subscriber takes nothing")
        super().publish(name, payload)


class DictCache:
    """A StrategyCache in a dict; `stores` keeps the order in which contexts came."""

    def __init__(self) -> None:
        """Start empty."""
        self.contexts: dict[str, Mapping[str, Any]] = {}
        self.stores: list[str] = []

    def store(self, key: str, context: Mapping[str, Any]) -> None:
        """Keep the context under its key."""
        self.contexts[key] = context
        self.stores.append(key)
