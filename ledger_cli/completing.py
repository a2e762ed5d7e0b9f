"""What a shell offers for a PATH and an ID: files, and the ids of what is open in the ledger that was named before."""

from collections.abc import Sequence
from typing import Any

import click

from ledger_cli.asking import LedgerPath, ledger_paths
from ledger_cli.failures import Failure
from ledger_cli.settings import Settings

_IDS = ("record_id", "subject", "outcome")


class IdOrPath(LedgerPath):
    """An id, which shells complete with what is open, or a file before it."""

    name = "id"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Offer the ids of open orders and trades and of waiting facts; where there are none, leave it to the shell."""
        from click.shell_completion import CompletionItem

        # What came before is taken for the ID by click, as long as nothing follows it.
        before = [*(ctx.params.get("paths") or ()), *filter(None, map(ctx.params.get, _IDS))]
        outcomes = [one.type.choices for one in ctx.command.params if isinstance(one.type, Choice)]
        if outcomes and ctx.params.get("record_id") is not None:  # PATH and ID are there: what follows is the outcome
            return [CompletionItem(word) for word in outcomes[0] if word.startswith(incomplete)]
        ids = [CompletionItem(found) for found in _open_ids(before) if found.startswith(incomplete)]
        return ids or super().shell_complete(ctx, param, incomplete)


class Choice(click.Choice[str]):
    """One of several words behind an ID; while a shell completes what stands before it, whatever is there so far."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word; a PATH that click takes for it, for want of more, is kept for `IdOrPath`."""
        if ctx is not None and ctx.resilient_parsing:
            return str(value)
        return super().convert(value, param, ctx)


def _open_ids(paths: Sequence[str]) -> list[str]:
    """Return the ids that a shell offers; where a ledger cannot be read, none."""
    from ledger_core import LedgerError, open_reader

    found: set[str] = set()
    try:
        for path in ledger_paths(paths, Settings()):
            with open_reader(path) as reader:
                found.update(order.order_id for _, order in reader.get_open_orders())
                found.update(trade.trade_id for _, trade in reader.get_open_trades())
                found.update(fact.quarantine_id for _, fact in reader.quarantined())
    except (LedgerError, Failure, OSError):
        return []
    return sorted(found)
