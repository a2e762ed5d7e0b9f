"""The journal goes to an archive too: copied, proven, noted, cut; and comes together again with what is left."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from interop.archive.test_archives import MUCH_LATER, Stopped, _flip, all_of, year
from ledger_core import Entry, InvalidValue, StrategyLedger, open_ledger
from ledger_core.archiving import Archivist
from ledger_core.errors import Archived, StorageCorrupt
from ledger_core.reader import open_reader
from ledger_interop.archive import (
    ArchiveDamaged,
    RetentionPolicy,
    check_archive,
    journal,
    list_archives,
    load_journal,
    plan_archive,
    read_archived_journal,
    restore_archive,
    span,
    write_archive,
)
from ledger_interop.exporting.snapshot import positions_at, snapshot_of
from ledger_report.quality import read_order_histories
from support import START, SteppingClock, market_order

pytest.importorskip("pyarrow", reason="pyarrow is not installed: it is the extra `arrow`")

STEP = timedelta(days=1)
"""Between two entries."""


def opened(path: Path, later: timedelta = timedelta(0)) -> StrategyLedger:
    """Open a ledger in which every entry is recorded a day after the one before."""
    return open_ledger(path, strategy_id="alpha", clock=SteppingClock(START + later, step=STEP))


def entries_of(ledger: StrategyLedger) -> list[Entry]:
    """Return the entries that are left."""
    return list(ledger.read_journal())


def archived(folder: Path) -> list[Entry]:
    """Return the entries of an archive."""
    found = load_journal(folder)
    assert found is not None
    return list(read_archived_journal(found))


def test_the_journal_goes_up_to_the_date(tmp_path: Path) -> None:
    """What was recorded before is in the archive, to the byte; the rest goes on, and is proven from there."""
    ledger = opened(tmp_path / "bot.db")
    year(ledger, 4)
    before, records = entries_of(ledger), all_of(ledger)
    date = START + 12.5 * STEP
    earlier = [one for one in before if one.recorded_at < date]
    assert plan_archive(ledger, date).entries == len(earlier)
    report = write_archive(ledger, before=date, to=tmp_path / "to", archive_id="A", cuts_journal=True)
    assert report.folder is not None
    assert report.cut is not None
    assert (report.cut.first_left, report.cut.held_by) == (len(earlier) + 1, ())
    assert archived(report.folder) == earlier
    assert entries_of(ledger)[: len(before) - len(earlier)] == before[len(earlier) :]
    assert check_archive(report.folder) == ()
    assert ledger.verify().is_intact
    noted = json.loads((report.folder / "removed.json").read_text())["journal"]
    assert noted == {"checkpoint": len(earlier), "first_left": len(earlier) + 1, "held_by": []}
    assert all_of(ledger) != records
    restore_archive(ledger, report.folder)
    assert all_of(ledger) == records
    assert ledger.verify().is_intact
    ledger.rebuild()
    assert all_of(ledger) == records
    ledger.close()


def test_any_program_reads_the_entries(tmp_path: Path) -> None:
    """By year and month, with times, operations and subjects beside the body."""
    dataset = pytest.importorskip("pyarrow.dataset")
    with opened(tmp_path / "bot.db") as ledger:
        year(ledger, 12)
        left = entries_of(ledger)
        folder = write_archive(ledger, before=START + 40 * STEP, to=tmp_path, cuts_journal=True).folder
    assert folder is not None
    rows = dataset.dataset(folder / "journal", partitioning="hive").to_table().sort_by("sequence").to_pylist()
    assert [row["sequence"] for row in rows] == [one.sequence for one in left if one.recorded_at < START + 40 * STEP]
    assert {(row["year"], row["month"]) for row in rows} == {(2026, 1), (2026, 2)}
    assert (rows[0]["recorded_at"], rows[0]["operation"]) == (left[0].recorded_at, "record_order")
    assert json.loads(rows[0]["body"])["subject"] == rows[0]["subject"] == "BUY0"


def test_ledger_and_archives_make_the_whole_journal(tmp_path: Path) -> None:
    """After several cuts, each journal is taken from where it went; without an archive it says which entries lack."""
    path, to = tmp_path / "bot.db", tmp_path / "to"
    with opened(path) as ledger:
        year(ledger, 5)
        before = entries_of(ledger)
        records, position = all_of(ledger), ledger.get_position("ACME")
    for number, days in enumerate((8, 14, 22)):
        with opened(path, timedelta(days=100 * (number + 1))) as ledger:
            write_archive(ledger, before=START + days * STEP, to=to, archive_id=f"A{number}", cuts_journal=True)
            assert ledger.verify().is_intact
    with opened(path, timedelta(days=500)) as ledger:
        left, head = entries_of(ledger), ledger.head()
    assert sum(len(archived(one.folder)) for one in list_archives(to)) == left[0].sequence - 1
    with open_reader(path) as reader:
        span(reader, to, tmp_path / "whole.db")
        with open_reader(tmp_path / "whole.db") as made:
            whole = made.strategy("alpha")
            together = list(whole.read_journal())
            assert together[: len(before)] == before
            assert [one for one in together if left[0].sequence <= one.sequence <= head.sequence] == left
            assert whole.verify(head).is_intact
            assert all_of(whole) == records
            assert whole.get_position("ACME").realized_pnl == position.realized_pnl
            assert whole.as_of(recorded=before[6].recorded_at).get_order("BUY0").status == "FILLED"
            assert whole.as_of(occurred=MUCH_LATER).get_position("ACME").realized_pnl == position.realized_pnl
        shutil.rmtree(to / "alpha" / "A1")
        with pytest.raises(ArchiveDamaged, match=r"entries \d+ to \d+ of alpha were cut"):
            span(reader, to, tmp_path / "less.db")
    assert not (tmp_path / "less.db").exists()


def test_a_journal_without_orders_that_may_go(tmp_path: Path) -> None:
    """The journal may go although everything is open; and where there is nothing at all, no archive is made."""
    with opened(tmp_path / "bot.db") as ledger:
        report = write_archive(ledger, before=MUCH_LATER, to=tmp_path / "to", cuts_journal=True)
        assert (report.folder, (tmp_path / "to").exists()) == (None, False)
        for number in range(10):
            ledger.record_order(f"O{number}", market_order(), occurred_at=START)
        report = write_archive(ledger, before=START + 5.5 * STEP, to=tmp_path / "to", cuts_journal=True)
        assert report.cut is not None
        assert len(list(ledger.find_orders(is_open=True))) == 10
        assert ledger.verify().is_intact
        again = write_archive(ledger, before=START + 5.5 * STEP, to=tmp_path / "to", cuts_journal=True)
        assert again.folder is None


def test_a_subscriber_that_is_behind_keeps_its_entries(tmp_path: Path) -> None:
    """They stay in the ledger beside their copy, and go with the next archive; both archives go together."""
    path, to = tmp_path / "bot.db", tmp_path / "to"

    def broken(_: str, payload: Any) -> None:
        if payload["sequence"] > 6 and is_broken:
            raise ConnectionError

    is_broken = True
    with opened(path) as ledger:
        year(ledger, 4)
        ledger.subscribe("monitor", broken)
        before = entries_of(ledger)
        first = write_archive(ledger, before=START + 12.5 * STEP, to=to, archive_id="A", cuts_journal=True).cut
        assert first is not None
        assert (first.first_left, first.held_by) == (7, ("monitor",))
        assert ledger.verify().is_intact
        is_broken = False
        ledger.publish_pending()
        second = write_archive(ledger, before=START + 18.5 * STEP, to=to, archive_id="B", cuts_journal=True).cut
        assert second is not None
        assert (second.first_left, second.held_by) == (second.checkpoint.cut_sequence + 1, ())
        assert archived(to / "alpha/B")[0].sequence == 7
        assert all(check_archive(one.folder) == () for one in list_archives(to))
    with open_reader(path) as reader:
        span(reader, to, tmp_path / "whole.db")
    with open_reader(tmp_path / "whole.db") as made:
        assert list(made.strategy("alpha").read_journal())[: len(before)] == before


def test_what_reads_a_ledger_reads_one_that_was_cut(tmp_path: Path) -> None:
    """Positions and records of an export are the same; of orders from before the cut no quality is told."""
    with opened(tmp_path / "bot.db") as ledger:
        year(ledger, 4)
        ledger.record_order("LAST", market_order(), occurred_at=START)
        (part,) = snapshot_of(ledger).parts
        positions = positions_at(part)
        write_archive(ledger, before=START + 12.5 * STEP, to=tmp_path / "to", cuts_journal=True)
        (part,) = snapshot_of(ledger).parts
        found = positions_at(part)
        assert [(one.key, one.quantity, one.realized_pnl) for one in found.values()] == [
            (one.key, one.quantity, one.realized_pnl) for one in positions.values()
        ]
        snapshot = snapshot_of(ledger)
        restore_archive(ledger, list_archives(tmp_path / "to")[0].folder)
        base = ledger.archivist.base
        assert base is not None
        told = {one.order.order_id for one in read_order_histories(ledger)}
        assert told == {one.order_id for one in ledger.find_orders() if one.sequence > base.cut_sequence}
        assert "LAST" in told
        assert next(one.sequence for _, one in snapshot.rows(None)) == base.cut_sequence + 1
        with pytest.raises(Archived):
            ledger.as_of(occurred=MUCH_LATER)


STEPS: tuple[tuple[Any, str], ...] = (
    (journal, "_write"),
    (journal, "seal"),
    (journal, "is_sound"),
    (journal, "write_json"),
    (Archivist, "set_checkpoint"),
    (Archivist, "cut"),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("where", "name"), STEPS, ids=[name for _, name in STEPS])
def test_whatever_stops_it_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, after: bool
) -> None:
    """At every moment each entry is in the ledger or in an archive; afterwards all is as without the stop."""
    path, to = tmp_path / "bot.db", tmp_path / "to"
    ledger = opened(path)
    year(ledger, 4)
    before = entries_of(ledger)
    step: Callable[..., Any] = getattr(where, name)

    def stopping(*arguments: Any, **options: Any) -> Any:
        if after:
            step(*arguments, **options)
        raise Stopped

    def go_on() -> None:
        write_archive(ledger, before=START + 12.5 * STEP, to=to, archive_id="A", cuts_journal=True)

    with monkeypatch.context() as patched:
        patched.setattr(where, name, stopping)
        with pytest.raises(Stopped):
            go_on()
    ledger.close()
    ledger = opened(path, timedelta(days=500))
    (found,) = list_archives(to)
    copied = archived(found.folder) if load_journal(found.folder) else []
    assert {one.sequence for one in chain(copied, entries_of(ledger))} >= {one.sequence for one in before}
    assert ledger.verify().is_intact
    assert [one.is_finished for one in list_archives(to)] == [False]
    go_on()
    assert [one.is_finished for one in list_archives(to)] == [True]
    assert check_archive(found.folder) == ()
    left = entries_of(ledger)
    assert left[0].sequence == archived(found.folder)[-1].sequence + 1
    assert [*archived(found.folder), *left][: len(before)] == before
    assert ledger.verify().is_intact
    ledger.rebuild()
    assert ledger.verify().is_intact
    ledger.close()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda folder: _flip(next((folder / "journal").rglob("*.parquet"))),
    "a file that is missing": lambda folder: next((folder / "journal").rglob("*.parquet")).unlink(),
    "another journal": lambda folder: (folder / "journal.json").write_text("{}"),
    "another digest": lambda folder: (folder / "journal.json").write_text(
        (folder / "journal.json").read_text().replace('"digest": "', '"digest": "0')
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_journal_is_told(tmp_path: Path, name: str) -> None:
    """What is not what was written is said in one line, and makes no ledger."""
    with opened(tmp_path / "bot.db") as ledger:
        year(ledger, 4)
        folder = write_archive(ledger, before=START + 12.5 * STEP, to=tmp_path / "to", cuts_journal=True).folder
    assert folder is not None
    DAMAGES[name](folder)
    (problem, *_) = check_archive(folder)
    assert "\n" not in problem
    with open_reader(tmp_path / "bot.db") as reader, pytest.raises(ArchiveDamaged):
        span(reader, tmp_path / "to", tmp_path / "whole.db")


def test_a_copy_that_is_not_the_same_cuts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a disk that gives back something else, nor a journal that is broken, is believed."""
    with opened(tmp_path / "bot.db") as ledger:
        year(ledger, 4)
        before = entries_of(ledger)
        with monkeypatch.context() as patched:
            patched.setattr(journal, "read_journal", lambda one: list(read_archived_journal(one))[:-1])
            with pytest.raises(ArchiveDamaged, match="not what is read there"):
                write_archive(ledger, before=START + 12.5 * STEP, to=tmp_path / "to", cuts_journal=True)
        assert entries_of(ledger)[: len(before)] == before
        with monkeypatch.context() as patched:
            patched.setattr(StrategyLedger, "verify", lambda *_, **__: _Broken())
            with pytest.raises(StorageCorrupt, match="none of it is cut"):
                write_archive(ledger, before=START + 12.5 * STEP, to=tmp_path / "to", cuts_journal=True)
        assert entries_of(ledger)[: len(before)] == before
        assert write_archive(ledger, before=START + 12.5 * STEP, to=tmp_path / "to", cuts_journal=True).cut


class _Broken:
    is_intact = False
    differences = ("an entry is missing",)


def test_retention_may_cut_the_journal() -> None:
    """It is a word of the configuration, and no by default."""
    given: dict[str, Any] = {"keep_days": 90, "to": "archives"}
    assert not RetentionPolicy.from_mapping(given).cuts_journal
    assert RetentionPolicy.from_mapping({**given, "cuts_journal": True}).cuts_journal
    for wrong in ("yes", 1, None):
        with pytest.raises(InvalidValue):
            RetentionPolicy.from_mapping({**given, "cuts_journal": wrong})
