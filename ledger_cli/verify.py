"""`strategy-ledger verify` and `rebuild`: what is stored against the journal, and the records restored from it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import attrs
import click

from ledger_cli import words
from ledger_cli.failures import FOUND, Misused, Refused, one_line
from ledger_cli.listing import Cell, Document, Form, Listing, number, one_row, text
from ledger_cli.masking import mask_url
from ledger_cli.progress import Advance, progress
from ledger_cli.reading import Asked, one_answer_options, say, stores_of
from ledger_cli.settings import Settings
from ledger_cli.writing import (
    chain_key,
    confirm,
    key_option,
    ledger_for_writing,
    one_path,
    path_argument,
    strategy_of,
    strategy_option,
    yes_option,
)

if TYPE_CHECKING:
    from ledger_core import Difference, LedgerRepository, Verification
    from ledger_core.changes import Head

_SHOWN_MAX = 20
"""How many differences a table shows; JSON has all that were kept."""


@attrs.frozen
class Verified:
    """What the verification of one strategy came to."""

    ledger: str
    strategy_id: str
    verification: "Verification"

    @property
    def head(self) -> str:
        """The last entry, as `--head` takes it."""
        return f"{self.verification.head.sequence}:{self.verification.head.digest}"


def _row(one: Verified) -> Sequence[Cell]:
    found = one.verification
    verdict = "intact" if found.is_intact else "DIFFERS"
    counts = (found.entries, found.records, found.difference_count)
    return (verdict, one.ledger, one.strategy_id, *counts, one.head)


def _document(one: Verified) -> Document:
    found = one.verification
    return {
        "ledger": one.ledger,
        "strategy_id": one.strategy_id,
        "is_intact": found.is_intact,
        "entries": found.entries,
        "records": found.records,
        "head": {"sequence": found.head.sequence, "digest": found.head.digest},
        "difference_count": found.difference_count,
        "differences": [_difference(difference) for difference in found.differences],
    }


VERIFIED: Listing[Verified] = Listing(
    (
        text("verdict", style=lambda verdict: "good" if verdict == "intact" else "bad"),
        text("ledger", varies=True),
        text("strategy_id", "strategy"),
        number("entries"),
        number("records"),
        number("differences"),
        text("head", rank=1, below=True),
    ),
    one_row(_row),
    _document,
)
"""Verifications, one strategy a row."""


@click.command(short_help="What is stored against the journal.")
@one_answer_options
@click.option(
    "--head",
    "heads",
    metavar="[STRATEGY=]SEQUENCE:DIGEST",
    multiple=True,
    help="A head that was remembered elsewhere: it proves that nothing up to it was changed.",
)
@click.option("--chain-only", is_flag=True, help="Look at the journal's chain alone, which is many times as fast.")
@key_option
def verify(asked: Asked, heads: tuple[str, ...], chain_only: bool, key_file: str | None) -> None:
    """Compare what is stored with what the journal says, to the byte; nothing is changed. Ends with 1 if it differs.

    PATH is a ledger file or a URL. Keep the head that is printed where nobody who can write the ledger can write, and
    give it to a later verification: that alone finds a journal that was made anew.
    """
    remembered = [_head(one) for one in heads]
    key = chain_key(asked.settings, key_file)
    answers: list[Verified] = []
    with stores_of(asked) as stores:
        places = [(store.path, store.shown, name) for store in stores for name, _ in store.ledgers]
    for path, shown, strategy_id in places:
        head = _remembered(remembered, strategy_id, len(places))
        with one_line(shown):
            answers.append(Verified(shown, strategy_id, verified(path, strategy_id, head, key, chain_only=chain_only)))
    asked.printer.print(VERIFIED, answers)
    if asked.form is Form.TABLE:
        _tell_differences(answers, has_key=key is not None)
    if not places:
        asked.say("nothing was ever recorded")
    if not all(one.verification.is_intact for one in answers):
        click.get_current_context().exit(FOUND)


@click.command(short_help="Restore the records from the journal.")
@path_argument
@strategy_option
@key_option
@yes_option
def rebuild(paths: tuple[str, ...], strategy: str | None, key_file: str | None, yes: bool) -> None:
    """Replace every record of a strategy by what its journal says, in one transaction.

    The journal stays as it is, and gets an entry that says so. A journal that is damaged itself rebuilds nothing:
    restore a backup. Writers, the bot among them, wait meanwhile.
    """
    from ledger_core import open_repository
    from ledger_core import verifying as core

    settings = Settings()
    path = one_path(paths, settings)
    key = chain_key(settings, key_file)
    strategy_id = strategy_of(path, settings, strategy, lambda _: True)
    with one_line(mask_url(path)):
        before = verified(path, strategy_id, None, key, chain_only=False)
        differing = words.count(before.difference_count, "difference")
        question = f"Restore all records of {strategy_id} in {mask_url(path)} from its journal ({differing} now)?"
        confirm(question, yes=yes)
        repository = open_repository(path, strategy_id=strategy_id)
        try:
            core.rebuild(repository, chain_key=key)
        finally:
            repository.close()
        after = verified(path, strategy_id, None, key, chain_only=False)
    if not after.is_intact:
        raise Refused(f"{words.count(after.difference_count, 'difference')} remain: {after.differences[0]}")
    with ledger_for_writing(path, strategy_id, key) as ledger:
        ledger.note_upkeep("rebuild", f"{differing} before")
        noted = ledger.head().sequence
    what = f"{words.count(after.records, 'record')} are what {words.count(after.entries, 'entry', 'entries')} say"
    say(f"done: {what}; entry {noted} says so")


class _Counted:
    """A repository that says how much of the journal was read."""

    def __init__(self, repository: "LedgerRepository", advance: Advance) -> None:
        self._repository = repository
        self._advance = advance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    def read_raw(self, *arguments: Any) -> Any:
        """Read a page, and say where it ends."""
        page = self._repository.read_raw(*arguments)
        if page:
            self._advance(page[-1].sequence)
        return page


def verified(
    path: str, strategy_id: str, head: "Head | None", key: bytes | None, *, chain_only: bool
) -> "Verification":
    """Verify one strategy's ledger, with a bar for a person who is looking."""
    from ledger_core import open_repository
    from ledger_core.verifying import verify as core_verify

    repository = open_repository(path, strategy_id=strategy_id, read_only=True)
    try:
        with progress(f"verifying {strategy_id}", repository.head().sequence) as advance:
            counted = cast("LedgerRepository", _Counted(repository, advance))
            return core_verify(counted, head, chain_only=chain_only, chain_key=key)
    finally:
        repository.close()


def _head(given: str) -> "tuple[str | None, Head]":
    from ledger_core import Head

    place, colon, digest = given.rpartition(":")
    strategy, _, sequence = place.rpartition("=")
    is_digest = len(digest) == 64 and all(one in "0123456789abcdef" for one in digest)
    if not (colon and sequence.isdecimal() and is_digest):
        raise Misused(f"--head is no head: {given!r}; write SEQUENCE:DIGEST as verify prints it")
    return strategy or None, Head(int(sequence), digest)


def _remembered(heads: "Sequence[tuple[str | None, Head]]", strategy_id: str, strategies: int) -> "Head | None":
    for name, head in heads:
        if name is None and strategies > 1:
            raise Misused("there are several strategies: write --head STRATEGY=SEQUENCE:DIGEST")
        if name in (None, strategy_id):
            return head
    return None


def _tell_differences(answers: Sequence[Verified], *, has_key: bool) -> None:
    for one in answers:
        found = one.verification
        if found.is_intact:
            continue
        click.echo(f"\n{one.strategy_id}: {words.count(found.difference_count, 'difference')}")
        for difference in found.differences[:_SHOWN_MAX]:
            click.echo(f"  {difference}")
        if found.difference_count > _SHOWN_MAX:
            say(f"showing {_SHOWN_MAX} of {words.count(found.difference_count, 'difference')}; -o json")
        for hint in _hints(found, has_key=has_key):
            say(hint)


def _hints(found: "Verification", *, has_key: bool) -> Iterator[str]:
    from ledger_core import Finding

    broken = [one for one in found.differences if one.what is Finding.DIGEST_BROKEN]
    if broken and broken[0].sequence == 1 and not has_key:
        yield "if this journal has a chain key, give it with --key-file: without it every digest differs"
    of_journal = {Finding.DIGEST_BROKEN, Finding.ENTRY_MISSING, Finding.ENTRY_UNREADABLE, Finding.HEAD_DIFFERS}
    if not any(one.what in of_journal for one in found.differences):
        yield "the journal is sound: rebuild restores the records from it"


def _difference(one: "Difference") -> Document:
    return {
        "what": one.what.value,
        "kind": None if one.kind is None else one.kind.value,
        "key": None if one.key is None else list(one.key),
        "sequence": one.sequence,
        "field": one.field,
        "expected": None if one.expected is None else str(one.expected),
        "found": None if one.found is None else str(one.found),
        "sentence": str(one),
    }
