"""LedgerReader: read-only, over all strategies of a store, for tools and for a person in an emergency."""

from collections.abc import Sequence
from os import PathLike
from types import TracebackType
from typing import Self

from ledger_core import checks as check
from ledger_core.exposure import summed
from ledger_core.ledger import StrategyLedger
from ledger_core.model import Exposure, Order, Position, QuarantinedFact, Trade
from ledger_core.repository import LedgerRepository, open_repository, storage_url

_ANY_STRATEGY = "-"


class LedgerReader:
    """All strategies of a store, without a way to change anything. A strategy's own view is a StrategyLedger."""

    def __init__(self, url_or_path: str | PathLike[str], *, chain_key: bytes | None = None) -> None:
        """Open the store; each strategy is opened when it is first asked for. `verify` alone needs the chain_key."""
        self._chain_key = check.check_chain_key(chain_key)
        self._url = storage_url(url_or_path)
        self._store: LedgerRepository = open_repository(self._url, strategy_id=_ANY_STRATEGY, read_only=True)
        self._ledgers: dict[str, StrategyLedger] = {}

    def strategies(self) -> Sequence[str]:
        """Return the ids of all strategies that have an entry, sorted."""
        return self._store.strategies()

    def strategy(self, strategy_id: str) -> StrategyLedger:
        """Return the read-only ledger of one strategy; one without an entry is empty."""
        name = check.check_id(strategy_id, "strategy_id")
        self._store.head()  # a closed reader says so
        if name not in self._ledgers:
            repository = open_repository(self._url, strategy_id=name, read_only=True)
            try:
                self._ledgers[name] = StrategyLedger(repository, chain_key=self._chain_key)
            except BaseException:
                repository.close()
                raise
        return self._ledgers[name]

    def get_open_orders(self) -> list[tuple[str, Order]]:
        """Return (strategy_id, order) of every open order, IN_DOUBT ones first, then in order of placing."""
        found = [
            (strategy_id, order)
            for strategy_id in self.strategies()
            for order in self.strategy(strategy_id).find_orders(is_open=True, limit=None)
        ]
        return sorted(found, key=lambda item: (item[1].status != "IN_DOUBT", item[1].placed_at, item[0]))

    def get_open_trades(self) -> list[tuple[str, Trade]]:
        """Return (strategy_id, trade) of every open trade."""
        return [
            (strategy_id, trade)
            for strategy_id in self.strategies()
            for trade in self.strategy(strategy_id).find_trades(state="OPEN", limit=None)
        ]

    def get_open_positions(self) -> list[tuple[str, Position]]:
        """Return (strategy_id, position) of every position that is not flat."""
        return [
            (strategy_id, position)
            for strategy_id in self.strategies()
            for position in self.strategy(strategy_id).get_open_positions()
        ]

    def get_exposures(self) -> list[Exposure]:
        """Return the exposure of every symbol that is held, ordered or quarantined, over all strategies."""
        symbols = {position.symbol for _, position in self.get_open_positions()}
        symbols.update(order.symbol for _, order in self.get_open_orders())
        symbols.update(fact.symbol for _, fact in self.quarantined() if fact.symbol is not None)
        return [self.get_exposure(symbol) for symbol in sorted(symbols)]

    def get_exposure(self, symbol: str) -> Exposure:
        """Return what all strategies together hold of a symbol and may still add."""
        name = check.check_id(symbol, "symbol")
        exposures = [self.strategy(strategy_id).get_position_exposure(name) for strategy_id in self.strategies()]
        return summed(name, exposures, [held for _, held in self.get_open_positions() if held.symbol == name])

    def quarantined(self) -> list[tuple[str, QuarantinedFact]]:
        """Return (strategy_id, fact) of every fact that waits in quarantine."""
        return [
            (strategy_id, fact)
            for strategy_id in self.strategies()
            for fact in self.strategy(strategy_id).quarantined()
        ]

    def close(self) -> None:
        """Close the store and every strategy that was opened. Twice is fine."""
        for ledger in self._ledgers.values():
            ledger.close()
        self._store.close()

    def __enter__(self) -> Self:
        """Use the reader as a context manager that closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        self.close()


def open_reader(url_or_path: str | PathLike[str], *, chain_key: bytes | None = None) -> LedgerReader:
    """Open a store for reading, all strategies at once. Never creates, changes, locks or migrates it."""
    return LedgerReader(url_or_path, chain_key=chain_key)
