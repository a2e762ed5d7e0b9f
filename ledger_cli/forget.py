"""`strategy-ledger forget`: take away the cursor of a subscriber that nobody serves any more, on the record."""

import click

from ledger_cli import sqlite_files, words
from ledger_cli.failures import Misused, Unknown
from ledger_cli.health import Place, places_of
from ledger_cli.masking import mask_url
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import (
    chain_key,
    confirm,
    key_option,
    ledger_for_writing,
    one_path,
    path_argument,
    strategy_option,
    yes_option,
)


@click.command(short_help="Take away the cursor of a subscriber that is gone for good.")
@path_argument
@click.argument("subscriber")
@click.option("--reason", metavar="TEXT", required=True, help="Why; the journal keeps it.")
@strategy_option
@key_option
@yes_option
def forget(
    paths: tuple[str, ...],
    subscriber: str,
    reason: str,
    strategy: str | None,
    key_file: str | None,
    yes: bool,
) -> None:
    """Take away the cursor of SUBSCRIBER, which nobody will serve any more, so that it holds the journal no longer.

    What it has not taken can then be cut by archive --cut-journal; doctor lists who has taken how much. Under the same
    name somebody may subscribe again, and begins with the first entry there is. The note is an entry of its own.
    """
    settings = Settings()
    path = one_path(paths, settings)
    known = sqlite_files.read(sqlite_files.file_of(path), places_of)
    place = _place(known, subscriber, strategy, settings.find("strategy").value)
    untaken = words.count(place.behind, "entry", "entries")
    question = f"Forget {subscriber} of {place.strategy_id}, which has yet to take {untaken}"
    confirm(f"{question}, in {mask_url(path)}?", yes=yes)
    with ledger_for_writing(path, place.strategy_id, chain_key(settings, key_file)) as ledger:
        ledger.forget_subscriber(subscriber, reason)
        say(f"done: entry {ledger.head().sequence} of {place.strategy_id} says who was forgotten, and why")


def _place(known: list[Place], subscriber: str, strategy_id: str | None, preferred: str | None) -> Place:
    """Return the cursor of that name of the strategy that was named, else the only one, else the preferred one."""
    found = [place for place in known if place.subscriber == subscriber and strategy_id in (None, place.strategy_id)]
    if not found:
        whose = "in this ledger" if strategy_id is None else f"of {strategy_id}"
        there = sorted({place.subscriber for place in known if strategy_id in (None, place.strategy_id)})
        raise Unknown(
            f"no subscriber {subscriber!r} {whose}; it has {', '.join(there) or 'no subscriber at all'}",
            "UNKNOWN_SUBSCRIBER",
        )
    if len(found) > 1:
        strategies = ", ".join(place.strategy_id for place in found)
        found = [place for place in found if place.strategy_id == preferred]
        if not found:
            raise Misused(f"several strategies have it: name one with --strategy: {strategies}")
    return found[0]
