"""The fuzzing campaigns, their corpus, and whether they would see what they look for."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ledger_core import InvalidValue, RecordKind, StorageCorrupt, codec
from ledger_core.verifying import verify
from ledger_storage_sqlite import _location
from reliability import fuzz, fuzz_targets
from reliability.campaign import require_kept
from reliability.fuzz_targets import PARSERS, STRATEGY, TARGETS, BrokenPromise, FuzzedJournal
from reliability.fuzzing import CAMPAIGN, CORPUS, corpus, crash_of, inputs, run

pytestmark = pytest.mark.reliability

SEEDS = sorted(path.relative_to(CORPUS) for path in CORPUS.rglob("*") if path.is_file())
GOOD = [path for path in SEEDS if not path.name.startswith("found-")]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths of fuzzed URLs are those of an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_any_bytes_are_answered_with_a_typed_error_or_come_back(tmp_path: Path) -> None:
    """Decoders, the journal's readers, URLs and what importers hand in; and nothing is made on the way."""
    tally = require_kept(CAMPAIGN)
    assert set(tally.details) == set(TARGETS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", SEEDS, ids=str)
def test_every_seed_keeps_the_promise(path: Path) -> None:
    """Those that once were crashes (`found-`) as well, for ever."""
    assert crash_of(TARGETS[path.parent.name], (CORPUS / path).read_bytes()) == ""


@pytest.mark.parametrize("path", [path for path in GOOD if path.parent.name in ("command", "entry", "record")], ids=str)
def test_every_good_seed_decodes(path: Path) -> None:
    """Else mutations of it would be refused at the door."""
    data = (CORPUS / path).read_bytes()
    match path.parent.name:
        case "entry":
            assert codec.load_entry(data, "0" * 64).strategy_id == STRATEGY
        case "command":
            assert codec.load_command(json.loads(data)).operation
        case _:
            kinds = list(RecordKind)
            assert codec.load_record(kinds[data[0] % len(kinds)], json.loads(data[1:])).sequence


def test_every_parser_has_a_seed_that_it_takes() -> None:
    """What an importer may hand in is reached, not only refused."""
    taken = set()
    for data in corpus("details"):
        name = list(PARSERS)[data[0]]
        PARSERS[name](json.loads(data[1:]))
        taken.add(name)
    assert taken == set(PARSERS)


def test_the_journal_of_the_corpus_is_intact() -> None:
    """Its lines are the journal that the records of the repository come from, so all of verifying is reached."""
    lines = (CORPUS / "journal" / "life.jsonl").read_bytes().split(b"\n")
    verification = verify(FuzzedJournal(lines))
    assert verification.is_intact
    assert verification.records > 20


def test_the_same_seed_makes_the_same_inputs() -> None:
    """So a crash can be looked at again."""
    assert list(inputs("entry", 7)) == list(inputs("entry", 7))
    assert list(inputs("entry", 7)) != list(inputs("entry", 8))


@pytest.mark.parametrize("name", ["entry", "record", "command", "details"])
def test_a_part_of_the_mutations_gets_through(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused at the door says nothing about what is behind it."""
    through = []
    monkeypatch.setattr(fuzz_targets, "require", lambda holds, what: through.append(what))
    given = [data for seed in range(5) for data in inputs(name, seed)]
    for data in given:
        TARGETS[name](data)
    assert len(through) > len(given) / 20


_dumped = codec.dump_command

# -- negative controls ----------------------------------------------------------------------------------------------


def _raise(*_: object, **__: object) -> Any:
    raise KeyError("quantity")


def _crashes(name: str) -> Iterator[str]:
    for seed in range(4):
        for data in inputs(name, seed):
            if crash := crash_of(TARGETS[name], data):
                yield crash


@pytest.mark.parametrize("name", TARGETS)
def test_another_exception_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the target drives, an error that its caller was not promised is a crash."""
    for module, function in (
        (codec, "load_entry"),
        (codec, "load_record"),
        (codec, "load_command"),
        (fuzz_targets, "verify"),
        (fuzz_targets, "storage_url"),
    ):
        monkeypatch.setattr(module, function, _raise)
    monkeypatch.setattr(fuzz_targets, "PARSERS", dict.fromkeys(PARSERS, _raise))
    assert "KeyError: 'quantity'" in next(_crashes(name))


@pytest.mark.parametrize(
    ("name", "breaks"),
    [
        ("entry", lambda: (codec, "load_time", datetime.fromisoformat)),
        ("command", lambda: (codec, "dump_command", lambda made: {**_dumped(made), "command_id": "another"})),
        ("record", lambda: (codec, "dump_record", lambda made: {"sequence": made.sequence, "version": made.version})),
        ("details", lambda: (codec, "load_command", lambda stored: None)),
        ("url", lambda: (_location, "unquote", lambda text, errors: text)),
    ],
)
def test_what_comes_back_otherwise_is_seen(
    name: str, breaks: Callable[[], tuple[Any, str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A codec that changes what it writes, or reads a time as another, breaks the promise."""
    monkeypatch.setattr(*breaks())
    assert any(crash.startswith((BrokenPromise.__name__, StorageCorrupt.__name__)) for crash in _crashes(name))


def test_a_crash_is_told_with_its_seed_and_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it can put them into the corpus."""
    monkeypatch.setattr(codec, "load_record", _raise)
    tally = run(3, 1, None)
    assert tally.violations
    assert tally.violations[0].startswith("seed 3, record: KeyError: 'quantity'")
    assert " of b'" in tally.violations[0]


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed: tox -e fuzz has it")
@pytest.mark.parametrize("seed", [1, 5])
def test_coverage_guides_the_same_targets(seed: int) -> None:
    """It runs as often as it is told, reaches enough code, and finds nothing."""
    tally = fuzz.run(seed, 500, None, runs_min=500)
    assert tally.violations == ()
    assert tally.done >= 500


def test_the_targets_of_both_campaigns_are_the_same() -> None:
    """`fuzz` names them without importing them, for they are to be imported by its instrumentation."""
    assert set(fuzz.TARGETS) == set(TARGETS)
    assert {path.parent.name for path in SEEDS} == set(TARGETS)


def test_a_parser_refuses_with_the_path_of_what_is_malformed() -> None:
    """What an importer shows its user."""
    with pytest.raises(InvalidValue) as caught:
        PARSERS["snapshot"]({"executions": [{"fill_id": "F1", "order_id": "O1", "quantity": "1", "price": "x"}]})
    assert caught.value.argument == "snapshot.executions[0].price"
