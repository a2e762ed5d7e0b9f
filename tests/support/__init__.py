"""Helpers that several test modules share: stores, a clock, subscribers, and shorthands for what callers hand in.

The fixtures built on them are in `tests/conftest.py`.
"""

from support.clock import START, SteppingClock
from support.details import fill, limit_order, market_order
from support.repositories import CountingRepository, FaultyRepository
from support.stores import ADAPTERS, STRATEGY, Store, data_folder, memory_store, sqlite_store
from support.subscribers import DictCache, Event, RaisingPublisher, RecordingPublisher

__all__ = [
    "ADAPTERS",
    "START",
    "STRATEGY",
    "CountingRepository",
    "DictCache",
    "Event",
    "FaultyRepository",
    "RaisingPublisher",
    "RecordingPublisher",
    "SteppingClock",
    "Store",
    "data_folder",
    "fill",
    "limit_order",
    "market_order",
    "memory_store",
    "sqlite_store",
]
