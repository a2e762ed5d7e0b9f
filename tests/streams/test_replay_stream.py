"""The replay of real order streams: the ledger's figures are those that were computed independently of it."""

import fcntl
import gzip
import importlib.util
import lzma
import os
import pickle
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from ledger_core import IllegalTransition, OrderState, Side, StrategyLedger, open_ledger, open_reader
from support import data_folder

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "replay_stream.py"


def _load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replay_stream", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


replay_stream = _load_example()

# -- the whole streams ------------------------------------------------------------------------------------------------

# fmt: off
GOOG = {
    "new": 24_368, "visible executions": 7_765, "visible shares": 492_509, "visible shares, resting buy": 242_489,
    "visible shares, resting sell": 250_020, "deletes": 13_429, "partial cancels": 7, "filled": 3_925,
    "canceled": 11_263, "canceled after fills": 153, "without an end": 9_180,
    # Not in the README of the data, counted from the file with a dict and a loop:
    "ids without a new row": 3_822, "events in quarantine": 4_476, "executions in quarantine": 2_309,
}
BITSTAMP = {
    "created": 24_894, "filled": 557, "canceled": 24_153, "canceled after fills": 176, "open": 184,
    "implied fills, bid": Decimal("767.44847226"), "implied fills, ask": Decimal("844.14208752"),
    "price changes": 62, "events of unknown ids": 191, "size increases": 1,
    # Counted from the file: five rows `deleted` stand before the row `created` of their order.
    "canceled, the message before its order": 5,
}
# fmt: on


class Replayed(NamedTuple):
    """What a replay left: the ledger's URL, what was read, and what the replaying ledger said before it closed."""

    strategy_id: str
    url: str
    read: dict[str, int]
    figures: dict[str, Any]

    def reopened(self) -> StrategyLedger:
        """Open the file again, for reading."""
        return open_ledger(self.url, strategy_id=self.strategy_id, read_only=True)


def _replay(stream: str, file: Path, folder: Path) -> Replayed:
    url = f"sqlite:///{folder}/{stream}.db?durability=none"
    replay_file, figures_of = replay_stream.STREAMS[stream]
    with open_ledger(url, strategy_id=stream) as ledger:
        read = replay_file(ledger, file)
        return Replayed(stream, url, dict(read), figures_of(ledger))


def _data_file(folder: str, name: str) -> Path:
    found = data_folder(f"data/{folder}")
    if found is None:
        pytest.skip(f"there is no data/{folder} in the test data folder, which STRATEGY_LEDGER_TEST_DATA names")
    return found / name


def _replayed_once(stream: str, file: Path, paths: pytest.TempPathFactory) -> Replayed:
    """Replay a whole stream once a test run: the first test process does it, the others wait for its file."""
    base = paths.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"replay-{stream}"
    folder.mkdir(exist_ok=True)
    done = folder / "replayed.pickle"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            done.write_bytes(pickle.dumps(_replay(stream, file, folder)))
        replayed = pickle.loads(done.read_bytes())
        assert isinstance(replayed, Replayed)
        return replayed


@pytest.fixture(scope="module")
def goog(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Return what the whole LOBSTER day left."""
    file = _data_file("lobster", "GOOG_2012-06-21_message_1.csv.gz")
    return _replayed_once("lobster", file, tmp_path_factory)


@pytest.fixture(scope="module")
def bitstamp(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Return what the five hours of Bitstamp left."""
    return _replayed_once("bitstamp", _data_file("bitstamp", "orders.csv.xz"), tmp_path_factory)


@pytest.mark.data
@pytest.mark.xdist_group("goog")
class TestGoog:
    """A day of NASDAQ, of which one id in seven was never introduced."""

    def test_the_ledger_says_what_the_readme_of_the_data_says(self, goog: Replayed) -> None:
        """Every figure of the README is hit exactly."""
        percent = goog.figures["ids without a new row, percent"]
        assert goog.read == {"rows": 49_482, "hidden executions": 3_913}
        assert {name: goog.figures[name] for name in GOOG} == GOOG
        assert round(percent) == 14

    def test_a_reopened_file_says_the_same(self, goog: Replayed) -> None:
        """The figures come from the file, not from the object that wrote it."""
        with goog.reopened() as ledger:
            assert replay_stream.lobster_figures(ledger) == goog.figures

    def test_every_message_about_an_order_is_one_entry_or_two(self, goog: Replayed) -> None:
        """A new order is two entries, its intent and its acceptance; every other message about an order is one."""
        with goog.reopened() as ledger:
            assert ledger.head().sequence == 2 * 24_368 + 7 + 13_429 + 7_765

    def test_the_position_is_what_the_booked_fills_come_to(self, goog: Replayed) -> None:
        """Folding 5,456 fills of both sides leaves what they bought less what they sold."""
        with goog.reopened() as ledger:
            signed = [one.quantity if one.side == "BUY" else -one.quantity for one in ledger.find_fills(limit=None)]
            assert len(signed) == 7_765 - 2_309
            assert ledger.get_position("GOOG").quantity == sum(signed)

    def test_an_order_that_was_never_introduced_is_in_quarantine_and_nowhere_else(self, goog: Replayed) -> None:
        """Each waiting fact names an order that the ledger does not know, and is counted in the worst case."""
        with goog.reopened() as ledger:
            waiting = ledger.quarantined()
            known = {order.order_id for order in ledger.find_orders(limit=None)}
            assert {fact.code for fact in waiting} == {"UNKNOWN_ORDER"}
            assert not known & {fact.order_id for fact in waiting}
            exposure = ledger.get_position_exposure("GOOG")
            bought = sum(fact.quantity for fact in waiting if fact.side == "BUY" and fact.quantity is not None)
            assert exposure.worst_case_long == exposure.net_quantity + exposure.pending_buy_quantity + bought

    def test_the_emergency_view_shows_what_is_left_open(self, goog: Replayed) -> None:
        """A reader over all strategies lists the 9,180 orders without an end, and their side of the book."""
        with open_reader(goog.url) as reader:
            assert len(reader.get_open_orders()) == 9_180


@pytest.mark.data
@pytest.mark.xdist_group("bitstamp")
class TestBitstamp:
    """Five hours of BTC/USD, with messages out of order."""

    def test_the_ledger_says_what_the_readme_of_the_data_says(self, bitstamp: Replayed) -> None:
        """Every figure of the README is hit exactly."""
        assert bitstamp.read == {"rows": 50_414}
        assert bitstamp.figures == BITSTAMP

    def test_a_reopened_file_says_the_same(self, bitstamp: Replayed) -> None:
        """The figures come from the file, not from the object that wrote it."""
        with bitstamp.reopened() as ledger:
            assert replay_stream.bitstamp_figures(ledger) == bitstamp.figures

    def test_orders_whose_end_came_first_end_canceled(self, bitstamp: Replayed) -> None:
        """The five deletions that came before their orders are booked; all other facts of unknown ids wait."""
        with bitstamp.reopened() as ledger:
            assert len(list(ledger.find_orders(state=OrderState.CANCELED, limit=None))) == 24_153 + 5
            assert len(list(ledger.find_orders(is_open=True, limit=None))) == 184 - 5
            assert len(ledger.quarantined()) == 191 - 5


# -- every kind of message, in streams of a few rows ------------------------------------------------------------------

LOBSTER_ROWS = """\
34200.000000001,1,11,100,5800000,1
34200.5,1,12,50,5810100,-1
34201.123456789,4,11,40,5800000,1
34201.2,2,12,20,5810100,-1
34201.3,5,0,7,5805000,1
34201.4,4,12,30,5810100,-1
34201.5,3,11,60,5800000,1
34201.6,4,99,5,5790000,1
34201.7,2,99,5,5790000,1
34201.8,3,98,5,5790000,-1
34201.9,1,13,8,5800000,1
34202,6,-1,10,5800000,-1
34203,7,0,0,-1,-1
"""

BITSTAMP_ROWS = """\
id,timestamp,exchange.timestamp,price,volume,action,direction
1,1430438404518,1430438404000,236.00,200000000,created,bid
1,1430438404519,1430438404000,236.00,150000000,changed,bid
1,1430438404520,1430438404000,235.50,150000000,changed,bid
1,1430438404521,1430438404000,235.40,100000000,changed,bid
1,1430438404522,1430438404000,235.40,0,deleted,bid
2,1430438404523,1430438404000,237.00,1,created,ask
2,1430438404524,1430438404000,237.00,1,deleted,ask
2,1430438404525,1430438404000,237.00,1,deleted,ask
3,1430438404526,1430438404000,236.10,300,deleted,bid
3,1430438404527,1430438404000,236.10,300,created,bid
4,1430438404528,1430438404000,236.20,320000000,created,bid
4,1430438404529,1430438404000,236.20,0,deleted,bid
4,1430438404530,1430438404000,236.20,223414920,changed,bid
5,1430438404531,1430438404000,236.30,100,changed,ask
5,1430438404532,1430438404000,236.30,90,changed,ask
6,1430438404533,1430438404000,236.30,0,deleted,ask
6,1430438404534,1430438404000,236.30,10,created,ask
7,1430438404535,1430438404000,236.30,10,created,ask
7,1430438404536,1430438404000,236.30,12,changed,ask
7,1430438404537,1430438404000,236.30,2,changed,ask
"""


@pytest.fixture(params=["plain", "gz", "xz"])
def lobster_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a message file with every type of message, compressed or not."""
    name = "ACME_2012-06-21_message_1.csv"
    match request.param:
        case "gz":
            file = tmp_path / f"{name}.gz"
            file.write_bytes(gzip.compress(LOBSTER_ROWS.encode()))
        case "xz":
            file = tmp_path / f"{name}.xz"
            file.write_bytes(lzma.compress(LOBSTER_ROWS.encode()))
        case _:
            file = tmp_path / name
            file.write_text(LOBSTER_ROWS)
    return file


@pytest.fixture
def bitstamp_file(tmp_path: Path) -> Path:
    """Return a file with every kind of message, in and out of order."""
    file = tmp_path / "orders.csv"
    file.write_text(BITSTAMP_ROWS)
    return file


def test_each_lobster_message_is_booked_as_the_docstring_says(lobster_file: Path, tmp_path: Path) -> None:
    """New, partial cancel, delete and execution change their order; the rest is counted or waits in quarantine."""
    replayed = _replay("lobster", lobster_file, tmp_path)
    assert replayed.read == {"rows": 13, "hidden executions": 1, "crosses": 1, "halts": 1}
    with replayed.reopened() as ledger:
        bid, ask, untouched = (ledger.get_order(order_id) for order_id in ("11", "12", "13"))
        execution = ledger.get_fill("11", "3")
        assert bid.state is OrderState.CANCELED
        assert (bid.cum_quantity, bid.leaves_quantity) == (Decimal(40), Decimal(0))
        assert ask.state is OrderState.FILLED
        assert (ask.quantity, ask.details.quantity) == (Decimal(30), Decimal(50))
        assert untouched.state is OrderState.ACCEPTED
        assert (untouched.side, untouched.limit_price) == (Side.BUY, Decimal(580))
        assert execution.price == 580
        assert execution.executed_at.isoformat() == "2012-06-21T13:30:01.123456+00:00"
        assert [fact.operation for fact in ledger.quarantined()] == [
            "update_order_fill",
            "update_order_restatement",
            "update_order_cancellation",
        ]
    assert replayed.figures["partial cancels"] == 2
    assert replayed.figures["visible shares"] == 40 + 30 + 5


def test_each_bitstamp_message_is_booked_as_the_docstring_says(bitstamp_file: Path, tmp_path: Path) -> None:
    """Falls are fills, rises raise the total, deletions end, and what comes out of order is not lost."""
    replayed = _replay("bitstamp", bitstamp_file, tmp_path)
    with replayed.reopened() as ledger:
        states = {order.order_id: order.state for order in ledger.find_orders()}
        assert states == {
            "1": OrderState.FILLED,
            "2": OrderState.CANCELED,
            "3": OrderState.CANCELED,  # the deletion came first
            "4": OrderState.FILLED,  # what came after the end left it ended
            "6": OrderState.IN_DOUBT,  # gone at volume 0 before it was seen: filled, for all we know
            "7": OrderState.PARTIALLY_FILLED,
        }
        fills = [(fill.quantity, fill.price) for fill in ledger.find_fills(order_id="1")]
        assert fills == [
            (Decimal("0.5"), Decimal("236.00")),
            (Decimal("0.5"), Decimal("235.40")),
            (Decimal(1), Decimal("235.40")),
        ]
        raised = ledger.get_order("7")
        assert (raised.quantity, raised.cum_quantity) == (Decimal("0.00000012"), Decimal("0.0000001"))
        assert [fact.order_id for fact in ledger.quarantined()] == ["5", "5"]
    figures = replayed.figures
    assert figures["price changes"] == 2
    assert figures["size increases"] == 2
    assert figures["implied fills, bid"] == 2 + Decimal("3.2") - Decimal("2.2341492")
    assert figures["implied fills, ask"] == Decimal("0.0000001") - Decimal("0.00000002")


@pytest.mark.parametrize("rows_per_block", [1, 2, 3, 100])
def test_the_size_of_a_block_changes_no_figure(
    bitstamp_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_per_block: int
) -> None:
    """A message finds its order, whether that was booked in the same block or in one before."""
    monkeypatch.setattr(replay_stream, "ROWS_PER_BLOCK", 7)
    expected = _replay("bitstamp", bitstamp_file, tmp_path).figures
    monkeypatch.setattr(replay_stream, "ROWS_PER_BLOCK", rows_per_block)
    (tmp_path / "other").mkdir()
    assert _replay("bitstamp", bitstamp_file, tmp_path / "other").figures == expected


def test_a_refusal_that_files_nothing_ends_the_replay(
    bitstamp_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what stands in quarantine may be passed over; any other refusal is the script's own mistake."""

    def book(block: Any, row: Any) -> None:
        block.tell(block.batch.record_order, row.order_id, {"symbol": "BTC/USD", "side": "BUY"})

    monkeypatch.setattr(replay_stream, "book_bitstamp", book)
    with pytest.raises(ValueError, match="order_type is required"):
        _replay("bitstamp", bitstamp_file, tmp_path)


def test_a_stale_change_of_a_canceled_order_waits_in_quarantine(tmp_path: Path) -> None:
    """A canceled order is not reopened: the fact is refused and kept."""
    file = tmp_path / "orders.csv"
    rows = BITSTAMP_ROWS.splitlines()
    file.write_text("\n".join([rows[0], *rows[6:8], "2,1430438404599,1430438404000,237.00,5,changed,ask", ""]))
    with _replay("bitstamp", file, tmp_path).reopened() as ledger:
        (fact,) = ledger.quarantined()
        assert (fact.operation, fact.code) == ("update_order_restatement", IllegalTransition.code)


@pytest.mark.parametrize("given", ["ledger.db", None])
def test_the_command_prints_the_figures(
    bitstamp_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str | None
) -> None:
    """The ledger file is kept where it was named; a second replay into it is refused, since it would count twice."""
    arguments = ["bitstamp", str(bitstamp_file), *([str(tmp_path / given)] if given else [])]
    assert replay_stream.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "20 rows" in printed
    assert "implied fills, bid                                  2.96585080" in printed
    assert (tmp_path / "ledger.db").exists() is bool(given)
    if given:
        assert replay_stream.main(arguments) == 2
        assert "holds a replay of bitstamp already" in capsys.readouterr().err


def test_a_lobster_file_must_be_named_after_its_symbol_and_day(tmp_path: Path) -> None:
    """The messages hold neither, so a file of another name is refused before anything is written."""
    file = tmp_path / "messages.csv"
    file.write_text(LOBSTER_ROWS)
    with pytest.raises(ValueError, match="SYMBOL_YYYY-MM-DD"):
        _replay("lobster", file, tmp_path)
