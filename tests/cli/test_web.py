"""`strategy-ledger web`: what the explorer shows is the file as it is now, and nothing and nobody else gets through."""

import http.client
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
import pytest

from cli.ledgers import SCRIPT, Call, fill_file, fingerprint
from ledger_cli.explorer_queries import QUERIES
from ledger_cli.failures import UNREADABLE
from ledger_core import open_ledger, open_reader
from support import fill, limit_order, market_order
from support.browser import browsing

pytest.importorskip("datasette", reason="Datasette is not installed")


@attrs.frozen
class Explorer:
    """A running explorer: its base address, and its secret."""

    address: str
    secret: str
    process: "subprocess.Popen[str]"

    def get(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers of an answer; no redirect is followed."""
        place = urlsplit(self.address)
        assert place.hostname is not None
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {self.secret}", **headers})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read().decode(), found
        finally:
            connection.close()

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of a query or table."""
        status, body, _ = self.get(f"/ledger/{path}{'&' if '?' in path else '?'}_shape=array")
        assert status == 200, body
        found: list[dict[str, Any]] = json.loads(body)
        return found

    def ask(self, sql: str) -> tuple[int, dict[str, Any]]:
        """Ask a query of one's own."""
        status, body, _ = self.get(f"/ledger.json?sql={quote(sql)}")
        return status, json.loads(body)


@contextmanager
def exploring(path: Path) -> Iterator[Explorer]:
    """Run the command on a file, and end it as a person does."""
    process = subprocess.Popen(
        [str(SCRIPT), "web", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        printed = process.stdout.readline().strip()
        address, _, secret = printed.partition("/-/enter?secret=")
        assert secret, printed
        yield Explorer(address, secret, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        assert process.stdout is not None
        process.stdout.close()
    assert code == 0, "Ctrl-C is the way to end it"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ledger that the tests know by heart, in a folder of its own."""
    path = tmp_path_factory.mktemp("explored") / "ledger.db"
    fill_file(path)
    return path


@pytest.fixture(scope="module")
def explorer(file: Path) -> Iterator[Explorer]:
    """Return an explorer of it."""
    with exploring(file) as running:
        yield running


# --- what it shows


def test_every_query_and_view_answers(explorer: Explorer) -> None:
    """Each canned query, each view and each table has a page, and the front page of the database names them."""
    status, front, _ = explorer.get("/ledger")
    assert status == 200
    for name, query in QUERIES.items():
        assert query.title in front
        assert explorer.get(f"/ledger/{name}")[0] == 200, name
    _, answer = explorer.ask("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
    names = [name for (name,) in answer["rows"]]
    assert {"v_open_orders", "v_fills", "journal"} <= set(names)
    for name in names:
        assert explorer.get(f"/ledger/{name}")[0] == 200, name


def test_the_queries_say_what_the_ledger_says(explorer: Explorer, file: Path) -> None:
    """Orders in doubt, open ones, positions, facts and fills are those of the reader, digit by digit."""
    with open_reader(file) as reader:
        orders = reader.get_open_orders()
        positions = reader.get_open_positions()
        facts = reader.quarantined()
        fills = [one for name in reader.strategies() for one in reader.strategy(name).find_fills(limit=None)]
        heads = {name: reader.strategy(name).head() for name in reader.strategies()}
    assert [row["order_id"] for row in explorer.rows("in_doubt.json")] == ["A2"]
    found = {(row["strategy_id"], row["order_id"]) for row in explorer.rows("open_orders.json")}
    assert found == {(name, order.order_id) for name, order in orders}
    held = {(row["strategy_id"], row["symbol"], row["quantity"]) for row in explorer.rows("positions.json")}
    assert held == {(name, one.symbol, str(one.quantity)) for name, one in positions}
    assert {row["quarantine_id"] for row in explorer.rows("quarantine.json")} == {one.quarantine_id for _, one in facts}
    prices = sorted(row["price"] for row in explorer.rows("recent_fills.json"))
    assert prices == sorted(str(one.price) for one in fills)
    assert "3000.000000000000000001" in prices
    tail = explorer.rows("journal_tail.json")
    for name, head in heads.items():
        entries = {row["sequence"]: row["digest"] for row in tail if row["strategy_id"] == name}
        assert entries[head.sequence] == head.digest
        assert len(entries) == head.sequence


def test_sums_over_strategies_are_exact(explorer: Explorer) -> None:
    """The net of a symbol has every digit, and so has a sum that a person asks for."""
    exposures = {row["symbol"]: row for row in explorer.rows("exposures.json")}
    assert (exposures["ACME"]["net_quantity"], exposures["ACME"]["open_buys"]) == ("-1", "9")
    assert exposures["BTC-USD"]["open_buys"] == "0.0000004"
    _, answer = explorer.ask("SELECT exact_sum(price) AS total FROM fills WHERE order_id IN ('A4', 'A5')")
    assert answer["rows"] == [["6100.000000000000000001"]]


# --- who gets through


def test_without_the_secret_nothing_is_answered(explorer: Explorer) -> None:
    """Every other user of the machine reaches the port: without the secret, or with a wrong one, there is nothing."""
    for path in (
        "/",
        "/ledger",
        "/ledger/in_doubt.json",
        "/-/versions.json",
        "/-/static/app.css",
        "/-/enter?secret=wrong",
    ):
        for headers in (
            {"Authorization": ""},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "", "Cookie": "a=b"},
        ):
            status, body, _ = explorer.get(path, **headers)
            assert status == 403
            assert body == "open the whole address that strategy-ledger web printed: it holds a secret\n"


def test_the_address_that_was_printed_lets_a_browser_in(explorer: Explorer) -> None:
    """It gives a cookie that scripts and other sites cannot use, and leads to the queries."""
    status, _, headers = explorer.get(f"/-/enter?secret={explorer.secret}", Authorization="")
    cookie = headers["set-cookie"]
    assert (status, headers["location"]) == (303, "/ledger")
    assert "HttpOnly; SameSite=Strict" in cookie
    status, body, headers = explorer.get("/ledger", Authorization="", Cookie=cookie.partition(";")[0])
    assert status == 200
    assert "Orders in doubt" in body
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "private, no-store"


def test_another_name_for_this_machine_is_refused(explorer: Explorer) -> None:
    """A page whose own name was made to point here has the browser ask with that name: it gets nothing."""
    for host in ("evil.example", "127.0.0.1", "localhost:1"):
        assert explorer.get("/", Host=host)[0] == 421


def test_it_listens_on_this_machine_alone(explorer: Explorer) -> None:
    """No other address of the machine has the port open."""
    port = urlsplit(explorer.address).port
    assert urlsplit(explorer.address).hostname == "127.0.0.1"
    with socket.socket() as other:
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", port)) != 0


# --- nothing is written, nothing is taken away


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM fills",
        "WITH x AS (SELECT 1) DELETE FROM fills",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_journal_mode",
        "PRAGMA user_version = 9",
        "ATTACH DATABASE 'other.db' AS other",
        "SELECT writefile('x', 'y')",
    ],
)
def test_what_would_write_is_refused(explorer: Explorer, file: Path, sql: str) -> None:
    """Whatever SQL is asked, the answer is an error, and the folder is as it was."""
    before = fingerprint(file.parent)
    status, answer = explorer.ask(sql)
    assert (status, answer["ok"]) == (400, False)
    assert fingerprint(file.parent) == before


def test_the_ways_in_which_datasette_writes_are_shut(explorer: Explorer, file: Path) -> None:
    """No request but reading ones, no download, no second database to run SQL in."""
    before = fingerprint(file.parent)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert explorer.get("/ledger/fills", method=method)[0] == 405
    assert explorer.get("/ledger.db")[0] == 403
    assert explorer.get("/_memory")[0] == 404
    databases = json.loads(explorer.get("/-/databases.json")[1])
    assert [one["name"] for one in databases] == ["ledger"]
    assert fingerprint(file.parent) == before


def test_browsing_leaves_no_trace(explorer: Explorer, file: Path) -> None:
    """After every page was read, not a byte, a mode or a time of the folder has changed."""
    before = fingerprint(file.parent)
    for path in ("/", "/ledger", "/ledger/v_fills", "/ledger/orders?_facet=symbol", "/ledger/journal.csv"):
        assert explorer.get(path)[0] == 200
    assert fingerprint(file.parent) == before


# --- the file as it is now


def test_what_a_bot_writes_is_seen_at_the_next_page(tmp_path: Path) -> None:
    """Beside a writer that is alive, that has closed the file, and that opens it again: never an older answer."""
    path = tmp_path / "bot.db"
    with open_ledger(path, strategy_id="alpha") as ledger:
        ledger.record_order("A0", limit_order())
    for beside in ("-wal", "-shm"):
        path.with_name(f"{path.name}{beside}").unlink(missing_ok=True)  # as after a copy of a file at rest
    with exploring(path) as explorer:

        def seen() -> list[str]:
            return sorted(row["order_id"] for row in explorer.rows("open_orders.json"))

        assert seen() == ["A0"]
        with open_ledger(path, strategy_id="alpha") as ledger:
            for number in range(1, 6):
                ledger.record_order(f"A{number}", limit_order())
                assert seen() == [f"A{one}" for one in range(number + 1)]
        assert len(seen()) == 6
        with open_ledger(path, strategy_id="beta") as ledger:
            ledger.record_order("B1", limit_order())
            assert len(seen()) == 7


def test_a_log_without_its_index_is_read_and_read_again_when_it_changes(tmp_path: Path) -> None:
    """What a power cut or a plain copy leaves is shown, beside the file nothing is made, and a repair is seen."""
    origin, path = tmp_path / "origin.db", tmp_path / "cut" / "ledger.db"
    path.parent.mkdir()
    with open_ledger(origin, strategy_id="alpha") as ledger:
        ledger.record_order("A1", limit_order())
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{origin}{suffix}", f"{path}{suffix}")
    before = fingerprint(path.parent)
    with exploring(path) as explorer:
        for _ in range(2):
            assert [row["order_id"] for row in explorer.rows("open_orders.json")] == ["A1"]
        assert fingerprint(path.parent) == before
        with open_ledger(path, strategy_id="alpha") as ledger:
            ledger.record_order("A2", limit_order())
            assert len(explorer.rows("open_orders.json")) == 2


def test_a_writer_is_never_held_up(tmp_path: Path) -> None:
    """Pages are asked while a bot writes: it gets no error, and the log can be copied back whole in between."""
    path = tmp_path / "bot.db"
    with open_ledger(f"sqlite:///{path}?durability=process&busy_timeout=0", strategy_id="alpha") as ledger:
        ledger.record_order("A0", market_order(quantity=10**6))
        with exploring(path) as explorer:
            for number in range(30):
                ledger.update_order_fill("A0", fill(f"F{number}", 1))
                assert len(explorer.rows("recent_fills.json")) == number + 1
            with sqlite3.connect(path) as connection:
                (busy, frames, copied) = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            connection.close()
            assert (busy, frames) == (0, copied)


def test_mistakes_do_not_stop_it(explorer: Explorer) -> None:
    """Nobody reads what it prints any more: a hundred queries with a mistake are answered, and it goes on."""
    for _ in range(100):
        assert explorer.ask("PRAGMA journal_mode")[0] == 400
    assert explorer.ask("SELECT 1")[0] == 200


# --- nothing is cut in silence


@pytest.fixture(scope="module")
def long_explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """Return an explorer of more rows than it shows at once."""
    path = tmp_path_factory.mktemp("long") / "long.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A0", market_order(quantity=10**6))
        for start in range(0, 1_200, 100):
            with ledger.batch() as batch:
                for number in range(start, start + 100):
                    batch.update_order_fill("A0", fill(f"F{number}", 1))
    with exploring(path) as running:
        yield running


def test_a_page_says_that_there_are_more_rows(long_explorer: Explorer) -> None:
    """On the page of a query, and in JSON, it is said; a table says how many rows it has."""
    sql = quote("SELECT * FROM fills")
    assert "more than 1,000 rows" in " ".join(long_explorer.get(f"/ledger?sql={sql}")[1].split())
    assert long_explorer.ask("SELECT * FROM fills")[1]["truncated"] is True
    assert "1,200 rows" in long_explorer.get("/ledger/fills")[1]


def test_what_a_program_reads_is_whole_or_refused(long_explorer: Explorer) -> None:
    """CSV of a table has every row; a query that would be cut is refused where its form cannot say so."""
    assert len(long_explorer.get("/ledger/fills.csv")[1].splitlines()) == 1_201
    assert len(long_explorer.get("/ledger/fills.csv?_size=max")[1].splitlines()) == 1_201
    sql = quote("SELECT * FROM fills")
    for form in (
        f"/ledger.csv?sql={sql}",
        f"/ledger.json?sql={sql}&_shape=array",
        f"/ledger.json?sql={sql}&_nl=on&_shape=array",
    ):
        status, body, _ = long_explorer.get(form)
        assert (status, "there are more than 1,000 rows" in body) == (413, True), form
    bounded = quote("SELECT * FROM fills LIMIT 1000")
    assert len(long_explorer.get(f"/ledger.csv?sql={bounded}")[1].splitlines()) == 1_001


# --- the command


def test_without_datasette_one_line_names_the_extra(
    call: Call, ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has not installed it is told what to type."""
    monkeypatch.setattr("ledger_cli.web.find_spec", lambda _: None)
    result = call("web", ledger_file)
    assert result.exit_code == UNREADABLE
    assert result.stderr == 'strategy-ledger: the explorer needs Datasette: pip install "strategy-ledger[web]"\n'


def test_what_cannot_be_served_is_one_line(call: Call, tmp_path: Path, ledger_file: Path) -> None:
    """No file, no ledger, a port that is taken: a sentence and an exit code before anything is served."""
    text = tmp_path / "notes.db"
    text.write_text("no ledger", "utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments in (["missing.db"], [text], [ledger_file, "--port", port]):
            result = call("web", *arguments)
            assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (UNREADABLE, "", 1), arguments


# --- in a browser


def test_the_pages_are_shown_without_a_complaint(explorer: Explorer, tmp_path: Path) -> None:
    """In a real browser: in by the printed address, then a query and a table, with no error in its console."""
    with browsing(tmp_path / "browser") as page:
        page.open(f"{explorer.address}/-/enter?secret={explorer.secret}")
        assert page.value("location.pathname") == "/ledger"
        assert page.value("location.search") == ""
        for path, words in (
            ("/ledger", "Orders in doubt"),
            ("/ledger/in_doubt", "no answer within 2 s"),
            ("/ledger/v_fills", "3000.000000000000000001"),
        ):
            page.open(f"{explorer.address}{path}")
            assert page.complaints == [], path
            assert words in page.value("document.body.innerText")
            assert all(address.startswith((explorer.address, "data:")) for address in page.requested)
