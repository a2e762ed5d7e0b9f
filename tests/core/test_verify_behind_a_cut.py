"""A journal that was cut is verified from its checkpoint on, as if nothing had been cut: also what came back since."""

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from ledger_core import (
    Difference,
    Finding,
    RecordKind,
    StrategyLedger,
)
from ledger_core.archivable import Group
from ledger_core.model import Order
from ledger_core.verifying import verify
from support import START, SteppingClock, Store, limit_order, market_order
from support import fill as fill_data
from support.journals import stored
from support.verifying import Between, forged, in_parts, require_same


def at(minutes: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(minutes=minutes)


def cut(ledger: StrategyLedger) -> None:
    """Cut the journal behind its last entry."""
    ledger.archivist.set_checkpoint("J", ledger.head())
    ledger.archivist.cut()


def begun(store: Store) -> StrategyLedger:
    """Return a ledger of six entries: four orders, one accepted and one partly filled."""
    ledger = store.open(clock=SteppingClock())
    for number in range(1, 5):
        ledger.record_order(f"O{number}", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.update_order_fill("O2", fill_data("F1", 4))
    return ledger


def go_on(ledger: StrategyLedger) -> None:
    """Change what there was, and add to it."""
    ledger.update_order_fill("O2", fill_data("F2", 3))
    ledger.update_order_acceptance("O3")
    ledger.record_order("O5", market_order("SELL"))
    ledger.update_order_fill("O5", fill_data("F1", 7))
    ledger.update_order_rejection("O1", "too late")


@pytest.mark.parametrize("through", [6, 5, 4, 0])
def test_records_are_compared_from_the_checkpoint_on(store: Store, through: int) -> None:
    """Whatever is left of what was cut, each record is compared once with all that the journal says of it."""
    with begun(store) as ledger:
        ledger.archivist.set_checkpoint("J", ledger.head())
        store.repository().cut(through)
        go_on(ledger)
    repository = Between(store.repository())
    whole = verify(repository)
    assert whole.is_intact, whole.differences
    assert (whole.entries, whole.records) == (12 - through, len(stored(repository)))
    assert in_parts(repository) == whole


def test_records_that_differ_behind_a_cut_are_told(store: Store) -> None:
    """Missing, extra and forged ones, which the checkpoint, or an entry behind it, knows or does not know."""
    with begun(store) as ledger:
        cut(ledger)
        go_on(ledger)
    repository = Between(store.repository())
    repository.bad_records = {(RecordKind.ORDER, 3)}
    assert [(one.what, one.sequence) for one in verify(repository).differences] == [(Finding.RECORD_UNREADABLE, 2)]
    repository.bad_records = set()
    kept = {one.key: one for one in stored(repository) if isinstance(one, Order)}
    others = [one for one in stored(repository) if not isinstance(one, Order)]
    (gone, later), same = (kept.pop((name,)) for name in ("O1", "O5")), kept[("O4",)]
    extra = [attrs.evolve(same, order_id=f"X{number}", sequence=number) for number in (1, 3, 6, 9, 20)]
    (forged_then, forged_since) = (forged(kept.pop((name,))) for name in ("O4", "O3"))
    repository.restore([*others, *kept.values(), forged_then, forged_since, *extra])
    whole = verify(repository)
    an_order: dict[str, Any] = {"kind": RecordKind.ORDER}
    expected = [
        Difference(what=Finding.RECORD_MISSING, **an_order, key=gone.key, sequence=gone.sequence),
        Difference(what=Finding.RECORD_MISSING, **an_order, key=later.key, sequence=later.sequence),
        *(Difference(what=Finding.RECORD_EXTRA, **an_order, key=one.key, sequence=one.sequence) for one in extra),
    ]
    for one in (forged_then, forged_since):
        where: dict[str, Any] = {**an_order, "key": one.key, "sequence": one.sequence, "field": "reason"}
        expected.append(Difference(what=Finding.RECORD_DIFFERS, **where, expected=None, found="forged"))
    assert sorted(map(str, whole.differences)) == sorted(map(str, expected))
    assert whole.records == len(stored(repository)) - len(extra)
    for held_max in (1, 2, 3):
        require_same(in_parts(repository, held_max), whole)


def test_checkpoint_is_begun_with_where_the_first_entry_cannot_be_read(store: Store) -> None:
    """The entry that it stands for is gone, so the journal was cut there, and is not missing its beginning."""
    with begun(store) as ledger:
        cut(ledger)
        go_on(ledger)
    repository = Between(store.repository())
    repository.failures = 1
    assert verify(repository).is_intact


def test_pages_that_are_others_are_one_difference(store: Store) -> None:
    """Without them nothing of the time before is judged; what was born since is compared."""
    with begun(store) as ledger:
        cut(ledger)
        go_on(ledger)
    repository = Between(store.repository())
    repository.has_bad_pages = True
    (difference,) = verify(repository).differences
    assert attrs.evolve(difference, found=None) == Difference(
        what=Finding.RECORD_UNREADABLE, kind=RecordKind.CHECKPOINT, key=("journal",)
    )
    assert "pages of the checkpoint" in difference.found
    born_since = next(one for one in stored(repository) if one.key == ("O5",))
    repository.restore([one for one in stored(repository) if one is not born_since and one.key != ("O5",)])
    assert {(one.what, one.key) for one in verify(repository).differences} == {
        (Finding.RECORD_UNREADABLE, ("journal",)),
        (Finding.RECORD_MISSING, ("O5",)),
    }


def rounds(ledger: StrategyLedger, number: int) -> list[Group]:
    """Buy and sell, and return what may go to an archive."""
    for side, minutes in (("BUY", 0), ("SELL", 1)):
        when = at(number * 10 + minutes)
        ledger.record_order(f"{side}{number}", market_order(side), occurred_at=when)
        ledger.update_order_fill(f"{side}{number}", fill_data("F", 10), occurred_at=when)
    return list(ledger.archivist.archivable(at(number * 10 + 5)))


@pytest.fixture
def back(store: Store) -> tuple[StrategyLedger, Between, list[Group]]:
    """Return a ledger in which what went to an archive before a cut came back since."""
    ledger = store.open(clock=SteppingClock())
    groups = rounds(ledger, 1)
    assert not [why for _, why in ledger.archivist.let_go("A1", groups) if why]
    cut(ledger)
    return ledger, Between(store.repository()), groups


Back = tuple[StrategyLedger, Between, list[Group]]


def test_what_came_back_behind_a_cut_is_compared(back: Back) -> None:
    """With its birth before the cut and its changes behind it, whole and in parts; it may go once more."""
    ledger, repository, groups = back
    before = verify(repository)
    assert before.records == len(stored(repository))
    ledger.archivist.take_back("A1", groups)
    whole = verify(repository)
    assert whole.is_intact, whole.differences
    assert whole.records == len(stored(repository))
    assert in_parts(repository) == whole
    place, bought = next((place, one) for place, one in enumerate(stored(repository)) if one.key == ("BUY1",))
    kept = stored(repository)
    repository.restore([*kept[:place], forged(bought), *kept[place + 1 :]])
    assert list(verify(repository).differences) == [
        Difference(
            what=Finding.RECORD_DIFFERS, kind=RecordKind.ORDER, key=("BUY1",), sequence=bought.sequence,
            field="reason", expected=None, found="forged",
        )
    ]  # fmt: skip
    assert bought.sequence == 1, "the entry of its birth, which was cut"
    repository.restore(kept)
    again = list(ledger.archivist.archivable(at(100)))
    assert not [why for _, why in ledger.archivist.let_go("A2", again) if why]
    assert verify(repository).is_intact
    assert not [why for _, why in ledger.archivist.let_go("A3", rounds(ledger, 20)) if why]
    assert verify(repository).is_intact
    assert in_parts(repository) == verify(repository)


def test_what_comes_back_while_it_is_read_is_explained(back: Back) -> None:
    """Another takes an archive back between two looks: it is followed to the entries that did so."""
    ledger, repository, groups = back
    repository.before_scan[RecordKind.ORDER] = lambda: ledger.archivist.take_back("A1", groups)
    verification = verify(repository)
    assert verification.is_intact, verification.differences


def test_what_came_back_and_is_gone_is_told(back: Back) -> None:
    """It is named, though the entry of its birth was cut."""
    ledger, repository, groups = back
    ledger.archivist.take_back("A1", groups)
    repository.restore([one for one in stored(repository) if one.key != ("BUY1",)])
    assert {(one.kind, one.key) for one in verify(repository).differences} == {(RecordKind.ORDER, ("BUY1",))}
