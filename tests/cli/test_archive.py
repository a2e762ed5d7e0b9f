"""Closed history goes to an archive and comes back; what it leaves behind is told as what it is."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.ledgers import READING, START, Call, fill_history, fingerprint, of_csv, parsed
from ledger_cli import archive as archive_module
from ledger_core import StrategyLedger, open_ledger
from ledger_core.archiving import Archivist
from ledger_core.errors import Archived
from support import fill, limit_order, market_order

pytest.importorskip("pyarrow", reason="pyarrow is not installed: it is the extra `arrow`")

BEFORE = "2026-01-09"  # the first four of the six round trips are over
ARCHIVED = {"order": 8, "fill": 8, "trade": 4, "command": 8}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return a file with six round trips and an order that is open."""
    folder = tmp_path / "ledgers"
    folder.mkdir()
    fill_history(folder / "bot.db")
    return folder / "bot.db"


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Return where archives are to lie; nothing is there yet."""
    return tmp_path / "archives"


@pytest.fixture
def archived(call: Call, history: Path, to: Path) -> Path:
    """Return that file with its first four round trips in archive A1."""
    done = call("archive", history, "--before", BEFORE, "--to", to, "--id", "A1", "--yes")
    assert done.exit_code == 0, done.stderr
    return history


@contextmanager
def writing(path: Path) -> Iterator[StrategyLedger]:
    """Open a file as its bot does."""
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        yield ledger


def counts(records: dict[str, int]) -> dict[str, int]:
    """Return the counts that are not 0."""
    return {kind: count for kind, count in records.items() if count}


# --- archive


def test_nothing_goes_without_being_confirmed(call: Call, history: Path, to: Path) -> None:
    """In a pipe nobody can be asked: what would go is shown, and nothing is written."""
    before = fingerprint(history.parent)
    result = call("archive", history, "--before", BEFORE, "--to", to)
    assert (result.exit_code, "--yes" in result.stderr) == (5, True)
    assert ["order", "8"] in [line.split() for line in result.stdout.splitlines()]
    assert fingerprint(history.parent) == before
    assert not to.exists()


def test_a_dry_run_says_what_would_go_and_what_stays(call: Call, history: Path, to: Path) -> None:
    """It needs no yes, and changes nothing."""
    before = fingerprint(history.parent)
    asked = ("archive", history, "--before", BEFORE, "--to", to, "--dry-run")
    told = call(*asked)
    assert told.exit_code == 0
    assert "from 2026-01-05 10:01:00Z to 2026-01-08 10:01:00Z" in told.stderr
    assert "What is open stays" in told.stderr
    plan = parsed(call(*asked, "--json").stdout)
    assert (plan["strategy_id"], plan["before"], plan["groups"]) == ("alpha", "2026-01-09T00:00:00.000000Z", 4)
    assert counts(plan["records"]) == ARCHIVED
    assert of_csv(call(*asked, "-o", "csv").stdout)[0].keys() == {"kind", "records"}
    assert fingerprint(history.parent) == before
    assert not to.exists()


def test_what_is_over_goes_and_no_figure_changes(call: Call, history: Path, to: Path) -> None:
    """The answer says what went and where, and what to do next; the ledger is intact, and its figures are what they were."""
    figures = [call(*asked, "--json").stdout for asked in _figures(history)]
    done = call("archive", history, "--before", BEFORE, "--to", to, "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    report = parsed(done.stdout)
    assert (report["archive_id"], report["folder"]) == (BEFORE, str(to / "alpha" / BEFORE))
    assert counts(report["copied"]) == counts(report["removed"]) == ARCHIVED
    assert report["stayed"] == []
    assert [call(*asked, "--json").stdout for asked in _figures(history)] == figures
    assert call("verify", history).exit_code == 0
    assert [order["order_id"] for order in parsed(call("orders", history, "--all", "--json").stdout)] == [
        "buy-4",
        "sell-4",
        "buy-5",
        "sell-5",
        "open-1",
    ]
    again = call("archive", history, "--before", BEFORE, "--to", to, "--yes")
    assert (again.exit_code, "nothing of alpha" in again.stderr) == (0, True)


def _figures(path: Path) -> list[tuple[object, ...]]:
    return [("positions", path), ("exposure", path), ("flatten", path)]


def test_the_table_says_where_it_went_and_how_it_comes_back(call: Call, history: Path, to: Path) -> None:
    """Each kind with how much was copied and went; behind it the archive, and the commands that read it."""
    done = call("archive", history, "--before", BEFORE, "--to", to, "--id", "old", "--yes")
    assert ["order", "8", "8"] in [line.split() for line in done.stdout.splitlines()]
    assert f"archive old is {to / 'alpha' / 'old'}" in done.stderr.replace("\n", " ")
    assert "strategy-ledger restore" in done.stderr
    assert "strategy-ledger span" in done.stderr.replace("\n", " ")


def test_what_changed_meanwhile_stays_and_is_told(
    call: Call, history: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fee that comes between copying and letting go keeps its order, with the reason; the next archive takes it."""
    let_go = Archivist.let_go

    def after_a_fee(self: Archivist, *arguments: Any) -> Iterator[Any]:
        with writing(history) as bot:
            bot.update_fill_fee("buy-0", "F1", [{"currency": "USD", "amount": "0.40"}])
        monkeypatch.undo()
        return let_go(self, *arguments)

    monkeypatch.setattr(Archivist, "let_go", after_a_fee)
    done = call("archive", history, "--before", BEFORE, "--to", to, "--id", "A1", "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    (stayed,) = parsed(done.stdout)["stayed"]
    assert sorted(stayed["orders"]) == ["buy-0", "sell-0"]
    assert "changed since it was copied" in stayed["reason"]
    rest = call("archive", history, "--before", BEFORE, "--to", to, "--id", "A2", "--yes", "--json")
    assert counts(parsed(rest.stdout)["removed"]) == {"order": 2, "fill": 2, "trade": 1, "command": 2}


def test_an_interrupted_run_goes_on(call: Call, history: Path, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given again, a day later, it finishes the archive that it had begun, and nothing is in two archives."""
    let_go = Archivist.let_go

    def stopped(self: Archivist, archive_id: str, groups: Any) -> Iterator[Any]:
        yield from let_go(self, archive_id, [next(iter(groups))])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Archivist, "let_go", stopped)
        assert call("archive", history, "--before", BEFORE, "--to", to, "--yes").exit_code == 130
    (unfinished,) = parsed(call("archives", to, "--json").stdout)
    assert unfinished["state"] == "unfinished"
    again = call("archive", history, "--before", "2026-01-10", "--to", to, "--yes")
    assert again.exit_code == 0, again.stderr
    assert f"archive {BEFORE} of alpha was begun and not finished" in again.stderr
    (one,) = parsed(call("archives", to, "--json").stdout)
    assert (one["state"], one["records"]["order"]) == ("complete", 8)
    assert len(parsed(call("orders", history, "--all", "--json").stdout)) == 5
    assert call("verify", history).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "exit_code", "part"),
    [
        ((), 2, "--to"),
        ((), 2, "--before or --keep-days"),
        (("--to", "archives"), 2, "--before"),
        (("--before", BEFORE), 2, "--to"),
        (("--before", BEFORE, "--keep-days", "3", "--to", "archives"), 2, "give one"),
        (("--before", "noon", "--to", "archives"), 2, "--before"),
        (("--keep-days", "0", "--to", "archives"), 2, "--keep-days"),
        (("--before", BEFORE, "--to", "archives", "--strategy", "gamma"), 4, "gamma"),
        (("--before", BEFORE, "--to", "archives", "--id", "../x"), 2, "archive_id"),
        (("--before", BEFORE, "--to", "taken"), 3, "taken"),
    ],
)
def test_what_cannot_be_asked_gets_one_line(
    call: Call, history: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], exit_code: int, part: str
) -> None:
    """Nothing is written, neither to the ledger nor beside it."""
    monkeypatch.chdir(history.parent)
    Path("taken").write_text("no folder")
    before = fingerprint(history.parent)
    result = call("archive", history, *arguments, "--yes", "-o", "csv")
    assert (result.exit_code, part in result.stderr) == (exit_code, True), result.stderr
    assert result.stderr.count("\n") == 1
    after = fingerprint(history.parent)
    for name in (str(history), str(history.parent / "taken")):
        assert after[name] == before[name]
    assert not list(history.parent.rglob("*.parquet"))


def test_all_that_is_not_said_is_named_at_once(call: Call, history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger, what may go, and where to: nobody has to ask three times."""
    monkeypatch.chdir(history.parent)
    monkeypatch.delenv("STRATEGY_LEDGER_URL", raising=False)
    told = call("archive")
    assert told.exit_code == 2
    for part in ("STRATEGY_LEDGER_URL", "--before or --keep-days", "--to"):
        assert part in told.stderr.replace("\n", " ")


def test_an_id_that_is_taken_is_refused_before_anything_is_read(
    call: Call, archived: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is planned, and nobody is asked, for an archive that cannot be made."""
    monkeypatch.setattr(Archivist, "archivable", lambda *_: pytest.fail("what may go was looked for"))
    for more in ((), ("--yes",), ("--dry-run",)):
        told = call("archive", archived, "--before", "2026-01-10", "--to", to, "--id", "A1", *more)
        assert (told.exit_code, "take another id" in told.stderr.replace("\n", " ")) == (2, True)
        assert told.stdout == ""


def test_one_of_several_strategies_is_named(call: Call, history: Path, to: Path) -> None:
    """Each has archives of its own, in a folder of its own."""
    fill_history(history, "beta")
    asked = ("archive", history, "--before", BEFORE, "--to", to, "--yes")
    assert call(*asked).exit_code == 2
    for strategy in ("alpha", "beta"):
        assert call(*asked, "--strategy", strategy).exit_code == 0
    listed = parsed(call("archives", to, "--json").stdout)
    assert [(one["strategy_id"], one["folder"]) for one in listed] == [
        (name, str(to / name / BEFORE)) for name in ("alpha", "beta")
    ]
    assert len(parsed(call("archives", to, "--strategy", "beta", "--json").stdout)) == 1


def test_the_progress_is_one_bar_of_all_that_is_done(
    call: Call, history: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copying, comparing and letting go follow each other, and end at the end."""
    seen: list[int] = []

    @contextmanager
    def watched(_: str, total: int) -> Iterator[Callable[[int], None]]:
        yield seen.append
        assert seen[-1] == total

    monkeypatch.setattr(archive_module, "progress", watched)
    assert call("archive", history, "--before", BEFORE, "--to", to, "--yes").exit_code == 0
    assert seen == sorted(seen)


# --- by configuration


@pytest.mark.parametrize(
    ("file", "table"), [("strategy-ledger.toml", "[retention]"), ("pyproject.toml", "[tool.strategy-ledger.retention]")]
)
def test_retention_may_be_configured(
    call: Call, history: Path, to: Path, monkeypatch: pytest.MonkeyPatch, file: str, table: str
) -> None:
    """What was over more than so many whole days ago goes; the folder counts from that of the file."""
    below = history.parent / "deep"
    below.mkdir()
    monkeypatch.chdir(below)
    (history.parent / file).write_text(f'{table}\nkeep_days = 30\nto = "../archives"\n')
    shown = {row["setting"]: row["value"] for row in of_csv(call("config", "show", "-o", "csv").stdout)}
    assert (shown["retention.keep_days"], Path(shown["retention.to"]).resolve()) == ("30", to)
    assert call("archive", history, "--yes").exit_code == 0
    assert len(parsed(call("archives", "--json").stdout)) == 1
    assert [order["order_id"] for order in parsed(call("orders", history, "--all", "--json").stdout)] == ["open-1"]
    assert len(list(to.glob("alpha/*/manifest.json"))) == 1


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("keep_days = 0\nto = 'a'", "keep_days"),
        ("keep_days = '9'\nto = 'a'", "keep_days"),
        ("keep_days = 9\nto = 9", "to must be a text"),
        ("keep_days = 9", "--to"),
        ("to = 'a'", "--before"),
        ("keep = 9", "no setting 'keep'"),
    ],
)
def test_a_retention_that_is_none_gets_one_line(
    call: Call, history: Path, monkeypatch: pytest.MonkeyPatch, content: str, part: str
) -> None:
    """What is misspelt must not be passed over."""
    monkeypatch.chdir(history.parent)
    Path("strategy-ledger.toml").write_text(f"[retention]\n{content}\n")
    result = call("archive", history, "--yes")
    assert (result.exit_code, part in result.stderr, result.stderr.count("\n")) == (2, True, 1), result.stderr


# --- restore


def test_a_late_bust_waits_and_is_booked_when_the_archive_is_back(call: Call, archived: Path, to: Path) -> None:
    """The fact is kept in quarantine until then, and what came back is what went."""
    with writing(archived) as bot, pytest.raises(Archived):
        bot.bust_order_fill("sell-3", "F1", "erroneous", occurred_at=START + timedelta(days=20))
    assert "bust_order_fill  sell-3  order 'sell-3' is in archive 'A1'" in call("orders", archived).stdout
    unsure = call("restore", archived, to / "alpha" / "A1")
    assert (unsure.exit_code, "--yes" in unsure.stderr) == (5, True)
    done = call("restore", archived, to / "alpha" / "A1", "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    report = parsed(done.stdout)
    assert (report["records"], len(report["booked"]), report["still_waiting"]) == (28, 1, [])
    with writing(archived) as bot:
        assert bot.get_fill("sell-3", "F1").busted
        assert bot.quarantined() == []
    assert call("verify", archived).exit_code == 0
    again = call("restore", archived, to / "alpha" / "A1", "--yes")
    assert (again.exit_code, "0 records" in again.stderr) == (0, True)


def test_a_fact_that_still_cannot_be_booked_is_told(call: Call, archived: Path, to: Path) -> None:
    """The archive is back, and somebody should look: exit code 1."""
    with writing(archived) as bot, pytest.raises(Archived) as caught:
        bot.update_order_fill("buy-1", fill("F7", 1, 100, side="SELL"), occurred_at=START + timedelta(days=1))
    done = call("restore", archived, to / "alpha" / "A1", "--yes")
    assert done.exit_code == 1
    assert str(caught.value.quarantine_id) in done.stdout
    assert "strategy-ledger resolve" in done.stderr
    assert call("show", archived, "buy-1").exit_code == 0


def test_what_cannot_be_restored_is_refused(call: Call, archived: Path, to: Path, tmp_path: Path) -> None:
    """An archive out of turn, one of a strategy that is not there, what is none, and one that is damaged."""
    place = to / "alpha" / "A1"
    second = call("archive", archived, "--before", "2026-01-20", "--to", to, "--id", "A2", "--yes")
    assert second.exit_code == 0
    out_of_turn = call("restore", archived, place, "--yes")
    assert (out_of_turn.exit_code, "'A2' is later" in out_of_turn.stderr) == (2, True)
    fill_history(tmp_path / "other.db", "beta")
    assert call("restore", tmp_path / "other.db", place, "--yes").exit_code == 4
    assert call("restore", archived, tmp_path, "--yes").exit_code == 3
    _damage(place)
    damaged = call("restore", archived, place, "--yes", "--json")
    assert (damaged.exit_code, json.loads(damaged.stderr)["error"]["code"]) == (3, "ARCHIVE_DAMAGED")
    assert call("show", archived, "buy-0").exit_code == 4


def _damage(folder: Path) -> None:
    part = next(folder.rglob("orders/**/*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.chmod(0o600)
    part.write_bytes(bytes(content))


# --- archives, span


def test_archives_are_listed_and_checked(call: Call, archived: Path, to: Path) -> None:
    """With what they hold; --check ends with 1 where one is not what was written."""
    (one,) = parsed(call("archives", to, "--json").stdout)
    assert (one["state"], one["archive_id"], one["before"]) == ("complete", "A1", f"{BEFORE}T00:00:00.000000Z")
    assert counts(one["records"]) == ARCHIVED
    (row,) = of_csv(call("archives", to, "-o", "csv").stdout)
    assert (row["orders"], row["records"], row["folder"]) == ("8", "28", str(to / "alpha" / "A1"))
    sound = call("archives", to, "--check")
    assert (sound.exit_code, "sound" in sound.stdout) == (0, True)
    _damage(to / "alpha" / "A1")
    damaged = call("archives", to, "--check")
    assert (damaged.exit_code, "damaged" in damaged.stdout) == (1, True)
    assert call("archives", to / "nowhere").exit_code == 3
    assert call("archives").exit_code == 2
    assert archived.exists()


def test_one_that_cannot_be_read_hides_no_other(call: Call, archived: Path, to: Path) -> None:
    """Its folder and the reason are a row like any other, checked or not; the end is that of something found."""
    done = call("archive", archived, "--before", "2026-01-10", "--to", to, "--id", "A2", "--yes")
    assert done.exit_code == 0
    manifest = to / "alpha" / "A1" / "manifest.json"
    manifest.write_text("{")
    for more in ((), ("--check",)):
        told = call("archives", to, "--json", *more)
        assert told.exit_code == 1
        good, bad = parsed(told.stdout)
        assert (good["archive_id"], good["state"]) == ("A2", "sound" if more else "complete")
        assert (bad["archive_id"], bad["state"], bad["folder"]) == ("A1", "damaged", str(manifest.parent))
        assert "manifest.json cannot be read" in bad["problems"][0]
    table = call("archives", to)
    assert (table.exit_code, "A1" in table.stdout, "Traceback" in table.stderr) == (1, True, False)


def test_what_is_left_and_what_went_can_be_read_together(call: Call, archived: Path, to: Path, tmp_path: Path) -> None:
    """Neither the ledger nor the archives change by it."""
    before = fingerprint(archived.parent), fingerprint(to)
    out = tmp_path / "together.db"
    done = call("span", archived, to, out, "--json")
    assert done.exit_code == 0, done.stderr
    assert parsed(done.stdout)["archives"] == [{"strategy_id": "alpha", "archive_id": "A1"}]
    assert (fingerprint(archived.parent), fingerprint(to)) == before
    assert len(parsed(call("orders", out, "--all", "--json").stdout)) == 13
    assert [one["realized_pnl"] for one in parsed(call("pnl", out, "--json").stdout)] == ["10"] * 6
    assert call("verify", out).exit_code == 0
    assert call("export", out, "--to", tmp_path / "bot.beancount").exit_code == 0


def test_what_cannot_be_read_together_is_refused(call: Call, archived: Path, to: Path, tmp_path: Path) -> None:
    """A name that is taken is left as it is; without the archives, or with a damaged one, nothing is made."""
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    assert call("span", archived, to, taken).exit_code == 5
    assert taken.read_text() == "mine"
    out = tmp_path / "together.db"
    assert call("span", archived, to / "nowhere", out).exit_code == 3
    _damage(to / "alpha" / "A1")
    assert call("span", archived, to, out).exit_code == 3
    assert not out.exists()


def test_a_missing_archive_is_told_and_left_out(call: Call, archived: Path, to: Path, tmp_path: Path) -> None:
    """The file is made of what is there; exit code 1, and each archive that is missing by its name."""
    (to / "alpha" / "A1").rename(tmp_path / "elsewhere")
    out = tmp_path / "less.db"
    told = call("span", archived, to, out)
    assert (told.exit_code, "archive A1 is not below" in told.stderr.replace("\n", " ")) == (1, True)
    assert len(parsed(call("orders", out, "--all", "--json").stdout)) == 5
    again = call("span", archived, to, tmp_path / "json.db", "--json")
    assert again.exit_code == 1
    assert parsed(again.stdout)["missing"] == [
        {"strategy_id": "alpha", "archive_id": "A1", "records": 28, "is_there": False}
    ]


def test_an_archive_waits_for_a_later_one_that_is_missing(call: Call, archived: Path, to: Path, tmp_path: Path) -> None:
    """The positions of the earlier one go on in the later one: neither comes back, and both are told."""
    assert call("archive", archived, "--before", "2026-01-10", "--to", to, "--id", "A2", "--yes").exit_code == 0
    (to / "alpha" / "A2").rename(tmp_path / "elsewhere")
    told = call("span", archived, to, tmp_path / "less.db")
    said = told.stderr.replace("\n", " ")
    assert (told.exit_code, "A1 needs a later one, which is not below" in said, "A2 is not below" in said) == (
        1, True, True,
    )  # fmt: skip
    assert call("verify", tmp_path / "less.db").exit_code == 0


@pytest.mark.parametrize("inside", ["alpha", "alpha/A1"])
def test_a_folder_inside_the_archives_is_refused(
    call: Call, archived: Path, to: Path, tmp_path: Path, inside: str
) -> None:
    """That of one strategy, or of one archive: nothing would be found there, and nothing is made."""
    out = tmp_path / "together.db"
    more = ("--before", "2026-01-09", "--to", to / inside, "--yes")
    before = fingerprint(archived.parent), fingerprint(to)
    for asked in (("archives", to / inside), ("span", archived, to / inside, out), ("archive", archived, *more)):
        told = call(*asked)
        assert (told.exit_code, f"name {to}, the folder" in told.stderr.replace("\n", " ")) == (2, True), told.stderr
        error = json.loads(call(*asked, "--json").stderr)["error"]
        assert (error["code"], error["exit_code"]) == ("NOT_THE_TOP_FOLDER", 2)
    assert (fingerprint(archived.parent), fingerprint(to)) == before
    assert not out.exists()


# --- the other commands


@pytest.mark.parametrize("command", ["show", "explain", "orders", "trades"])
def test_an_id_of_an_archive_is_said_to_be_there(call: Call, archived: Path, command: str) -> None:
    """It is not in the ledger: exit code 4, with the archive; of programs it is told by a word of its own."""
    record_id = "trade-0" if command == "trades" else "buy-0"
    told = call(command, archived, record_id)
    assert (told.exit_code, told.stdout) == (4, "")
    assert "in archive 'A1'" in told.stderr
    error = json.loads(call(command, archived, record_id, "--json").stderr)["error"]
    assert (error["code"], error["exit_code"]) == ("ARCHIVED", 4)


def test_the_beginning_of_an_id_finds_what_is_in_an_archive(call: Call, archived: Path) -> None:
    """But what is here goes before it."""
    assert "'trade-0' of alpha is in archive 'A1'" in call("show", archived, "trade-0").stderr
    assert call("show", archived, "buy").stdout.count("buy-") == 4
    assert call("archive", archived, "--before", "2026-01-20", "--to", archived.parent / "b", "--yes").exit_code == 0
    told = call("show", archived, "buy")
    assert (told.exit_code, "and others too" in told.stderr) == (4, True)


def test_the_id_of_a_fill_finds_the_archive_that_has_it(call: Call, history: Path, to: Path) -> None:
    """An execution, or a request, is named with its order; a fill of the same id that is here goes before it."""
    with writing(history) as ledger:
        for name, moment in (("asked", START), ("told", START)):
            ledger.record_order(name, limit_order(quantity=5, limit_price=90, symbol="OTHER"), occurred_at=moment)
        ledger.request_order_cancel("asked", request_id="cancel-7", occurred_at=START)
        ledger.update_order_cancellation("asked", occurred_at=START)
        ledger.update_order_fill("told", fill("exec-9", 5, 90), occurred_at=START)
        ledger.record_order("back", market_order("SELL", 5, symbol="OTHER"), occurred_at=START)
        ledger.update_order_fill("back", fill("exec-10", 5, 91), occurred_at=START)
    assert call("archive", history, "--before", BEFORE, "--to", to, "--id", "A1", "--yes").exit_code == 0
    for asked, told in (
        ("exec-9", "fill 'exec-9' of order 'told' of alpha is in archive 'A1'"),
        ("exec-", "fill 'exec-10' of order 'back' of alpha is in archive 'A1', fill 'exec-9'"),
        ("cancel-7", "request 'cancel-7' of order 'asked' of alpha is in archive 'A1'"),
    ):
        answer = call("show", history, asked)
        assert (answer.exit_code, told in answer.stderr) == (4, True), answer.stderr
    assert call("show", history, "F1").exit_code == 0
    assert call("restore", history, to / "alpha" / "A1", "--yes").exit_code == 0
    assert call("show", history, "exec-9").exit_code == 0


def test_history_still_has_its_entries(call: Call, archived: Path) -> None:
    """The journal keeps them; where the order is now is said beside."""
    told = call("history", archived, "buy-0")
    assert (told.exit_code, "ORDER_FILLED" in told.stdout) == (0, True)
    assert "order buy-0 of alpha is in archive A1" in told.stderr
    assert "in archive" not in call("history", archived, "buy-5").stderr


def test_an_order_in_an_archive_is_not_resolved(call: Call, archived: Path) -> None:
    """That is refused with the archive; where another strategy has the order, that one is meant."""
    asked = ("resolve", archived, "buy-0", "canceled", "--reason", "x", "--yes")
    refused = call(*asked)
    assert (refused.exit_code, "in archive 'A1'" in refused.stderr) == (5, True)
    with open_ledger(f"sqlite:///{archived}?durability=none", strategy_id="beta") as ledger:
        ledger.record_order("buy-0", {"symbol": "ACME", "side": "BUY", "quantity": 1, "order_type": "MARKET"})
    assert call(*asked).exit_code == 0


@pytest.mark.parametrize("command", sorted({*READING, "report"} - {"watch"}))
def test_the_other_commands_answer_on_what_is_left(call: Call, archived: Path, tmp_path: Path, command: str) -> None:
    """Each ends as it would without an archive, and none fails."""
    arguments = {"show": ("buy-5",), "history": ("buy-5",), "explain": ("ACME",), "query": ("SELECT 1 AS one",)}
    more = ("-o", tmp_path / "page.html") if command == "report" else arguments.get(command, ())
    result = call(command, archived, *more)
    assert result.exit_code in (0, 1), result.stderr
    assert call("verify", archived).exit_code == 0


def test_figures_of_money_are_those_of_all_history(call: Call, archived: Path) -> None:
    """What is in archives is a row apart by day, and in the row of its symbol; a period leaves it out, and says so."""
    by_day = parsed(call("pnl", archived, "--json").stdout)
    assert [(one["name"], one["realized_pnl"]) for one in by_day] == [
        ("in archives", "40"),
        ("2026-01-09", "10"),
        ("2026-01-10", "10"),
    ]
    (by_symbol,) = parsed(call("pnl", archived, "--by", "symbol", "--json").stdout)
    assert (by_symbol["realized_pnl"], by_symbol["net"]["fees"]) == ("60", "4.2")
    period = call("pnl", archived, "--since", "2026-01-01")
    assert "in archives" not in period.stdout
    assert "is in archives as a whole, and not in these rows" in period.stderr
    (line,) = call("pnl", archived, "--until", "2026-01-08", "--json").stderr.splitlines()
    assert json.loads(line)["note"]["code"] == "ARCHIVED"
    assert call("pnl", archived, "--since", "2026-01-09", "--json").stderr == ""
    assert call("pnl", archived, "--json").stderr == ""  # it is a row
    explained = call("explain", archived, "ACME").stdout
    assert "realized 60 USD" in explained
    assert "in archives, the last of them A1: 40 USD" in explained
    assert "what alpha has in archives is not among it" in call("fills", archived).stderr


@pytest.mark.parametrize("command", ["orders", "fills", "trades", "quality"])
def test_a_program_is_told_what_an_answer_lacks(call: Call, archived: Path, command: str) -> None:
    """In JSON stdout is the answer alone; stderr has one line of JSON that says what is in archives, and none without."""
    more = ("--all",) if command in ("orders", "trades") else ()
    told = call(command, archived, *more, "--json")
    (line,) = told.stderr.splitlines()
    assert json.loads(line)["note"]["code"] == "ARCHIVED"
    assert isinstance(parsed(told.stdout), list)
    assert call("restore", archived, archived.parent.parent / "archives/alpha/A1", "--yes").exit_code == 0
    assert call(command, archived, *more, "--json").stderr == ""


def test_rebuilding_keeps_what_is_in_archives_there(call: Call, archived: Path) -> None:
    """The journal says what went."""
    assert call("rebuild", archived, "--yes").exit_code == 0
    assert call("show", archived, "buy-0").exit_code == 4
    assert call("verify", archived).exit_code == 0


def test_books_that_need_all_history_are_refused(call: Call, archived: Path, tmp_path: Path) -> None:
    """Tables are of what is left; double-entry bookkeeping begins at the beginning."""
    assert call("export", archived, "--to", tmp_path / "tables", "--format", "csv").exit_code == 0
    books = call("export", archived, "--to", tmp_path / "bot.beancount")
    assert (books.exit_code, "'A1'" in books.stderr) == (5, True)
    assert not (tmp_path / "bot.beancount").exists()


def test_a_snapshot_that_names_what_is_in_an_archive_agrees(call: Call, archived: Path, tmp_path: Path) -> None:
    """Nothing is proposed to be booked again."""
    snapshot = tmp_path / "snapshot.json"
    order = {"order_id": "buy-0", "symbol": "ACME", "side": "BUY", "quantity": 10, "status": "FILLED"}
    opened = {"order_id": "open-1", "symbol": "ACME", "side": "BUY", "quantity": 5, "status": "PLACED"}
    execution = {"fill_id": "F1", "order_id": "buy-0", "quantity": 10, "price": 100}
    snapshot.write_text(json.dumps({"open_orders": [order, opened], "executions": [execution]}))
    found = parsed(call("reconcile", archived, snapshot, "--json").stdout)
    assert (found["agrees"], found["proposals"]) == (True, [])
    assert {one["ours"].get("archive_id") for one in found["matched"]} == {"A1", None}


@pytest.mark.parametrize(
    ("more", "lacks"),
    [
        (("--to", "all"), True),
        (("--to", "fills.csv", "--table", "fills"), True),
        (("--to", "fills.csv", "--table", "fills", "--since", "2026-01-06"), True),
        (("--to", "fills.csv", "--table", "fills", "--since", "2026-01-09"), False),
        (("--to", "positions.csv", "--table", "positions"), False),
        (("--to", "journal.csv", "--table", "journal"), False),  # which was not cut
    ],
)
def test_an_export_says_what_it_lacks(
    call: Call, archived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], lacks: bool
) -> None:
    """Where its period reaches before what is left, and only for what goes to archives."""
    monkeypatch.chdir(tmp_path)
    told = call("export", archived, *more, *(("--format", "csv") if more[1] == "all" else ()), "--json")
    assert told.exit_code == 0, told.stderr
    notes = [json.loads(line)["note"] for line in told.stderr.splitlines()]
    assert [note["code"] for note in notes] == ["ARCHIVED"] * lacks
    again = call("export", archived, *more, *(("--format", "csv") if more[1] == "all" else ()), "--force")
    assert ("what alpha has in archives is not in these files" in again.stderr.replace("\n", " ")) is lacks


def test_an_export_of_a_cut_journal_says_where_it_begins(call: Call, history: Path, to: Path, tmp_path: Path) -> None:
    """What was recorded before the cut is in no row; everything was recorded today."""
    done = call("archive", history, "--before", "2100-01-01", "--to", to, "--cut-journal", "--yes")
    assert done.exit_code == 0, done.stderr
    table = ("--table", "journal", "--force", "--json")
    told = call("export", history, "--to", tmp_path / "journal.csv", *table)
    assert json.loads(told.stderr)["note"]["code"] == "ARCHIVED"
    assert call("export", history, "--to", tmp_path / "journal.csv", *table, "--since", "2100-01-01").stderr == ""


def test_a_snapshot_that_only_the_venue_names_is_known_with_the_archives(
    call: Call, archived: Path, to: Path, tmp_path: Path
) -> None:
    """Without them it may be in an archive; with --archives it is in A1. A folder that is none is told."""
    snapshot = tmp_path / "snapshot.json"
    execution = {"fill_id": "F1", "venue_order_id": "V-buy-0", "symbol": "ACME", "side": "BUY", "quantity": 10}
    snapshot.write_text(json.dumps({"executions": [{**execution, "price": 100, "executed_at": START.isoformat()}]}))
    assert call("reconcile", archived, snapshot).exit_code == 1
    with_archives = ("reconcile", archived, snapshot, "--archives", to)
    found = parsed(call(*with_archives, "--json").stdout)
    assert (found["agrees"], [one["key"] for one in found["matched"]]) == (True, [["buy-0", "F1"]])
    assert call(*with_archives).exit_code == 0
    assert call("reconcile", archived, snapshot, "--archives", to / "nowhere").exit_code == 3
    assert call("reconcile", archived, snapshot, "--archives", to / "alpha").exit_code == 2
    _damage(to / "alpha" / "A1")
    assert call(*with_archives).exit_code == 3


def test_an_import_that_only_the_venue_names_is_known_with_the_archives(
    call: Call, archived: Path, to: Path, tmp_path: Path
) -> None:
    """Without them its order may be in an archive; with --archives it is, and nothing is booked."""
    file = tmp_path / "fills.csv"
    file.write_text(
        f"fill,venue order,symbol,side,quantity,price,time,venue\nF1,V-buy-0,ACME,BUY,10,100,{START.isoformat()},XNAS\n"
    )
    names = {"fill_id": "fill", "venue_order_id": "venue order", "executed_at": "time"}
    names |= {name: name for name in ("symbol", "side", "quantity", "price", "venue")}
    columns = [part for name, column in names.items() for part in ("--column", f"{name}={column}")]
    asked = ("import", "csv", file, archived, "--strategy", "alpha", *columns, "--yes")
    before = call("journal", archived, "--jsonl").stdout
    assert call(*asked).exit_code == 1
    told = call(*asked, "--archives", to)
    assert (told.exit_code, "it is in an archive" in told.stdout.replace("\n", " ")) == (0, True), told.output
    assert call("journal", archived, "--jsonl").stdout == before
    assert call(*asked, "--archives", to / "alpha" / "A1").exit_code == 2
