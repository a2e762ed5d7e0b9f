"""`strategy-ledger skip`: let a subscriber go on behind an entry that it can never take, on the record."""

import click

from ledger_cli.failures import Unknown
from ledger_cli.journal import event_in_words
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
    reader_for,
    strategy_of,
    strategy_option,
    yes_option,
)


@click.command(short_help="Let a subscriber go on behind an entry that it cannot take.")
@path_argument
@click.argument("subscriber")
@click.argument("sequence", type=click.IntRange(min=1))
@click.option("--reason", metavar="TEXT", required=True, help="Why; the journal keeps it.")
@strategy_option
@key_option
@yes_option
def skip(
    paths: tuple[str, ...],
    subscriber: str,
    sequence: int,
    reason: str,
    strategy: str | None,
    key_file: str | None,
    yes: bool,
) -> None:
    """Let SUBSCRIBER go on behind entry SEQUENCE, which must be the one that it is to get next.

    It gets no event of that entry, ever. Close the bot first: a cursor has one owner. The publisher and the cache of a
    bot are the subscribers publisher and cache. The note is an entry of its own.
    """
    settings = Settings()
    path = one_path(paths, settings)
    strategy_id = strategy_of(path, settings, strategy, lambda ledger: ledger.head().sequence >= sequence)
    with reader_for(path) as reader:
        entry = next(iter(reader.strategy(strategy_id).read_journal(sequence - 1)), None)
    if entry is None:
        raise Unknown(f"the journal of {strategy_id} has no entry {sequence}", "UNKNOWN_ENTRY")
    question = f"Let {subscriber} never hear of entry {sequence} of {strategy_id} ({event_in_words(entry)})"
    confirm(f"{question}, in {mask_url(path)}?", yes=yes)
    with ledger_for_writing(path, strategy_id, chain_key(settings, key_file)) as ledger:
        ledger.skip_entry(subscriber, sequence, reason)
        say(f"done: entry {ledger.head().sequence} of {strategy_id} says who skipped what, and why")
