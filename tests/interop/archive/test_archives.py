"""Closed history in Parquet: to the digit, through every interruption, and never gone before its copy is proven."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger_core import InvalidValue, ReadOnlyLedger, StrategyLedger, open_ledger
from ledger_core.archiving import Archivist
from ledger_core.codec import dump_record
from ledger_core.errors import Archived
from ledger_core.model import Record, RecordKind
from ledger_core.reader import open_reader
from ledger_interop.archive import (
    ArchiveDamaged,
    RetentionPolicy,
    check_archive,
    layout,
    list_archives,
    manifest,
    moving,
    parquet,
    plan_archive,
    read_groups,
    read_records,
    restore_archive,
    span,
    write_archive,
    writing,
)
from ledger_interop.exporting import AlreadyThere
from support import START, fill, limit_order, market_order
from support.life import live

pytest.importorskip("pyarrow", reason="pyarrow is not installed: it is the extra `arrow`")

OpenLedger = Callable[..., StrategyLedger]

MUCH_LATER = START + timedelta(days=400)


class Stopped(BaseException):
    """A process dies here; BaseException, so that nothing that handles errors takes it for one."""


def trade(ledger: StrategyLedger, number: int, days: float) -> None:
    """Buy and sell 10, each with a fee, as a closed trade."""
    fee = {"fees": [{"currency": "USD", "amount": "0.35"}]}
    for side, hours in (("BUY", 0), ("SELL", 1)):
        order_id, moment = f"{side}{number}", START + timedelta(days=days, hours=hours)
        ledger.record_order(order_id, market_order(side, 10), command_id="C", occurred_at=moment)
        ledger.update_order_fill(order_id, fill("F", 10, Decimal(100 + hours), **fee), occurred_at=moment)
    ledger.create_trade(f"T{number}", [f"BUY{number}", f"SELL{number}"])
    ledger.close_trade(f"T{number}", occurred_at=START + timedelta(days=days, hours=2))


def year(ledger: StrategyLedger, trades: int = 12) -> None:
    """Trade once a month, and leave something open."""
    for number in range(trades):
        trade(ledger, number, 30 * number)
    ledger.record_order("OPEN", limit_order(), occurred_at=START + timedelta(days=30 * trades))


def all_of(ledger: StrategyLedger) -> list[dict[str, Any]]:
    """Return every order, fill and trade as JSON, but for its version."""
    found: list[Record] = [
        *ledger.find_orders(limit=None), *ledger.find_fills(limit=None), *ledger.find_trades(limit=None)
    ]  # fmt: skip
    return [{name: value for name, value in dump_record(one).items() if name != "version"} for one in found]


def keys(records: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Return what names each of them."""
    return {(one.get("order_id"), one.get("fill_id"), one.get("trade_id")) for one in records}


def archived_keys(folder: Path) -> set[tuple[Any, ...]]:
    """Return what names the orders, fills and trades of an archive."""
    found: list[dict[str, Any]] = []
    for kind in (RecordKind.ORDER, RecordKind.FILL, RecordKind.TRADE):
        found += map(dump_record, read_records(folder, kind))
    return keys(found)


def test_a_year_goes_by_month_and_comes_back_to_the_digit(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Counts, partitions, manifest and openings are right; the archive is sound; what comes back is what went."""
    year(ledger)
    before = all_of(ledger)
    plan = plan_archive(ledger, MUCH_LATER)
    report = write_archive(ledger, before=MUCH_LATER, to=tmp_path)
    assert report.folder is not None
    assert dict(report.copied) == dict(plan.records) == dict(report.removed)
    assert (report.copied["order"], report.copied["fill"], report.copied["trade"], plan.groups) == (24, 24, 12, 12)
    assert report.stayed == ()
    assert keys(all_of(ledger)) == {("OPEN", None, None)}
    assert archived_keys(report.folder) == keys(before) - {("OPEN", None, None)}
    assert check_archive(report.folder) == ()
    assert (report.folder / "fills/year=2026/month=02").is_dir()
    (opening,) = json.loads((report.folder / "removed.json").read_text())["openings"]
    assert (opening["symbol"], opening["realized_pnl"], opening["fees"]) == (
        "ACME", "120", [{"amount": "8.4", "currency": "USD"}]
    )  # fmt: skip
    assert ledger.verify().is_intact
    (found,) = list_archives(tmp_path)
    assert (found.archive_id, found.is_finished) == (MUCH_LATER.date().isoformat(), True)
    back = restore_archive(ledger, report.folder)
    assert back.records == sum(report.copied.values())
    assert all_of(ledger) == before
    assert restore_archive(ledger, report.folder).records == 0
    assert ledger.verify().is_intact


def test_any_program_reads_the_parts(ledger: StrategyLedger, tmp_path: Path) -> None:
    """As a hive-partitioned dataset, with exact decimals and times in UTC; the sums are the ledger's."""
    dataset = pytest.importorskip("pyarrow.dataset")
    year(ledger, 3)
    pnl = ledger.get_position("ACME").realized_pnl
    folder = write_archive(ledger, before=MUCH_LATER, to=tmp_path).folder
    assert folder is not None
    rows = dataset.dataset(folder / "fills", partitioning="hive").to_table().to_pylist()
    assert sum((row["quantity"] * row["price"] * (-1 if row["side"] == "BUY" else 1) for row in rows), Decimal()) == pnl
    assert {(row["year"], row["month"]) for row in rows} == {(2026, 1), (2026, 2), (2026, 3)}
    assert min(row["executed_at"] for row in rows) == START
    (order, *_) = dataset.dataset(folder / "orders", partitioning="hive").to_table().to_pylist()
    assert (order["order_type"], order["state"], order["limit_price"]) == ("MARKET", "FILLED", None)


def test_a_whole_life_goes_and_comes_back(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Every kind of record that may go is read back from Parquet as it was."""
    live(ledger)
    ledger.update_order_request_rejection("O2", "too late to cancel")
    before = all_of(ledger)
    folder = write_archive(ledger, before=MUCH_LATER, to=tmp_path, archive_id="life").folder
    assert folder is not None
    assert {record.kind for group in read_groups(folder) for record in group} >= {
        RecordKind.ORDER, RecordKind.FILL, RecordKind.TRADE, RecordKind.REQUEST, RecordKind.COMMAND
    }  # fmt: skip
    restore_archive(ledger, folder)
    assert all_of(ledger) == before
    assert ledger.verify().is_intact


STEPS: tuple[tuple[Any, str], ...] = (
    (writing, "write_part"),
    (writing, "seal"),
    (writing, "sync_folder"),
    (moving, "store_manifest"),
    (manifest, "seal"),
    (moving, "require_same_files"),
    (Archivist, "_let_go"),
    (Archivist, "openings"),
    (moving, "write_json"),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("where", "name"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("time", [1, 2])
def test_whatever_stops_it_the_next_run_goes_on(
    ledger: StrategyLedger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    time: int,
    after: bool,
) -> None:
    """At every moment each record is in the ledger or in a whole archive; afterwards all is as without the stop."""
    monkeypatch.setattr("ledger_core.archiving.GROUPS_MAX", 2)
    year(ledger, 5)
    everything = keys(all_of(ledger))
    step, calls = getattr(where, name), 0

    def stopping(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == time and not after:
            raise Stopped
        answer = step(*arguments, **options)
        if calls == time:
            if isinstance(answer, Iterator):
                answer = list(answer)
            raise Stopped
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(where, name, stopping)
        with suppress(Stopped):
            write_archive(ledger, before=MUCH_LATER, to=tmp_path)
            assert calls < time, "it was not stopped"
    assert calls, "the step is one of a run"
    whole = [one.folder for one in list_archives(tmp_path)]
    safe = set().union(*(archived_keys(folder) for folder in whole if check_archive(folder) == ()))
    assert keys(all_of(ledger)) | safe == everything
    assert ledger.verify().is_intact
    write_archive(ledger, before=MUCH_LATER, to=tmp_path)
    (found,) = list_archives(tmp_path)
    assert found.is_finished
    assert check_archive(found.folder) == ()
    assert keys(all_of(ledger)) == {("OPEN", None, None)}
    assert keys(all_of(ledger)) | archived_keys(found.folder) == everything
    assert ledger.verify().is_intact


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda folder: _flip(next((folder / "fills").rglob("*.parquet"))),
    "a file that is missing": lambda folder: next((folder / "orders").rglob("*.parquet")).unlink(),
    "a file too many": lambda folder: shutil.copy(
        next((folder / "orders").rglob("0001.parquet")),
        next((folder / "orders").rglob("0001.parquet")).parent / "0009.parquet",
    ),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "another manifest": lambda folder: (folder / "manifest.json").write_text("{}"),
}


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_archive_is_told_and_not_restored(ledger: StrategyLedger, tmp_path: Path, name: str) -> None:
    """One line says what is wrong; the ledger stays as it is."""
    year(ledger, 2)
    folder = write_archive(ledger, before=MUCH_LATER, to=tmp_path).folder
    assert folder is not None
    DAMAGES[name](folder)
    assert check_archive(folder)
    head = ledger.head()
    with pytest.raises(ArchiveDamaged) as caught:
        restore_archive(ledger, folder)
    assert "\n" not in caught.value.message
    assert ledger.head() == head


def test_a_copy_that_is_not_the_same_lets_nothing_go(
    ledger: StrategyLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that gives back something else is found before anything leaves the ledger."""
    year(ledger, 2)
    before = all_of(ledger)
    seal: Callable[[Path], Any] = vars(writing)["seal"]

    def spoiled(path: Path) -> Any:
        sealed = seal(path)
        _flip(path)
        return sealed

    with monkeypatch.context() as patched:
        patched.setattr(writing, "seal", spoiled)
        with pytest.raises(ArchiveDamaged):
            write_archive(ledger, before=MUCH_LATER, to=tmp_path)
    assert all_of(ledger) == before
    assert list_archives(tmp_path) == ()
    assert write_archive(ledger, before=MUCH_LATER, to=tmp_path).removed["order"] == 4


def test_a_late_bust_waits_and_is_booked_after_the_return(ledger: StrategyLedger, tmp_path: Path) -> None:
    """In between it is in quarantine, with the archive in its reason."""
    year(ledger, 2)
    folder = write_archive(ledger, before=MUCH_LATER, to=tmp_path, archive_id="A").folder
    assert folder is not None
    with pytest.raises(Archived, match="archive 'A'"):
        ledger.bust_order_fill("SELL1", "F", "erroneous", occurred_at=MUCH_LATER)
    (fact,) = ledger.quarantined()
    report = restore_archive(ledger, folder)
    assert (report.booked, report.still_waiting) == ((fact.quarantine_id,), ())
    assert ledger.get_fill("SELL1", "F").busted
    assert ledger.get_position("ACME").quantity == 10
    assert ledger.verify().is_intact


def test_archives_follow_each_other_and_are_read_together(tmp_path: Path) -> None:
    """Two archives and what is left make, in a file of their own, the ledger that there was before."""
    path = tmp_path / "bot.db"
    ledger = open_ledger(path, strategy_id="alpha")
    year(ledger, 4)
    before = all_of(ledger)
    write_archive(ledger, before=START + timedelta(days=45), to=tmp_path / "archives")
    write_archive(ledger, before=MUCH_LATER, to=tmp_path / "archives")
    assert [one.groups for one in list_archives(tmp_path / "archives", "alpha")] == [2, 2]
    out = tmp_path / "whole.db"
    with open_reader(path) as reader:
        span(reader, tmp_path / "archives", out)
        with pytest.raises(AlreadyThere):
            span(reader, tmp_path / "archives", out)
    assert list(tmp_path.glob(".whole*")) == []
    with open_reader(out) as reader:
        whole = reader.strategy("alpha")
        assert all_of(whole) == before
        assert whole.verify().is_intact
        assert whole.get_position("ACME").opening is None
        assert whole.get_position("ACME").realized_pnl == ledger.get_position("ACME").realized_pnl
    assert keys(all_of(ledger)) == {("OPEN", None, None)}
    ledger.close()


def test_names_that_are_no_folder_names(open_ledger_on: OpenLedger, tmp_path: Path) -> None:
    """A strategy's id may be anything and stays below the folder; an archive's id must be a plain name."""
    for strategy_id in ("..", "a/b", "ä b", "."):
        ledger = open_ledger_on(strategy_id)
        trade(ledger, 1, 0)
        folder = write_archive(ledger, before=MUCH_LATER, to=tmp_path / "to").folder
        assert folder is not None
        assert folder.parent.parent == tmp_path / "to"
        assert folder.resolve().parent.parent == (tmp_path / "to").resolve()
        for bad in ("..", "a/b", "", "-x", "a b"):
            with pytest.raises(InvalidValue):
                write_archive(ledger, before=MUCH_LATER, to=tmp_path / "to", archive_id=bad)
    assert len(list_archives(tmp_path / "to")) == 4


def test_what_cannot_be_archived_is_refused(open_ledger_on: OpenLedger, tmp_path: Path) -> None:
    """A read-only ledger, a complete archive, another strategy's archive; nothing to do is no archive."""
    ledger = open_ledger_on()
    report = write_archive(ledger, before=MUCH_LATER, to=tmp_path / "to")
    assert (report.folder, list((tmp_path / "to").glob("*"))) == (None, [])
    year(ledger, 1)
    folder = write_archive(ledger, before=MUCH_LATER, to=tmp_path / "to", archive_id="A").folder
    assert folder is not None
    with pytest.raises(InvalidValue, match="complete"):
        write_archive(ledger, before=MUCH_LATER, to=tmp_path / "to", archive_id="A")
    with pytest.raises(InvalidValue, match="strategy"):
        restore_archive(open_ledger_on("beta"), folder)
    reader = open_ledger_on(read_only=True)
    for refused in (
        lambda: write_archive(reader, before=MUCH_LATER, to=tmp_path / "to"),
        lambda: restore_archive(reader, folder),
    ):
        with pytest.raises(ReadOnlyLedger):
            refused()


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("1.5", True),
        ("99999999999999999999.999999999999999999", True),
        ("0.0000000000000000001", False),
        ("1E+20", False),
    ],
)
def test_a_number_that_does_not_fit_is_null_beside_its_record(number: str, kept: bool) -> None:
    """The column never holds another number; the record beside it has every digit."""
    assert parquet.fitting(Decimal(number)) == (Decimal(number) if kept else None)


def test_retention_is_a_value() -> None:
    """Whole days, UTC; what is missing, unknown or malformed is said."""
    policy = RetentionPolicy.from_mapping({"keep_days": 30, "to": "archives"})
    assert policy.before(datetime(2026, 3, 31, 23, 30, tzinfo=UTC)) == datetime(2026, 3, 1, tzinfo=UTC)
    for bad in ({}, {"keep_days": 0, "to": "x"}, {"keep_days": True, "to": "x"}, {"keep_days": 1, "to": ""},
                {"keep_days": 1, "to": "x", "more": 1}, {"keep_days": "30", "to": "x"}):  # fmt: skip
        with pytest.raises(InvalidValue):
            RetentionPolicy.from_mapping(bad)
    assert layout.check_archive_id("2026-01-31-2") == "2026-01-31-2"
