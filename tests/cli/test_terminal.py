"""In a real terminal: what fits, what is coloured, what is asked, and what comes and goes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.ledgers import SCRIPT, Call, fingerprint, in_terminal, parsed
from ledger_cli import progress, terminal
from ledger_core import open_ledger, open_reader
from support import limit_order, market_order

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_in_eighty_columns_nothing_is_broken_in_two(ledger_file: Path) -> None:
    """What has no room is left out, or stands below its row, and is said; a pipe gets everything."""
    shown, code = in_terminal("orders", ledger_file, environment={"NO_COLOR": "1"})
    assert code == 0
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "no room here for: filled, ~average" in shown
    assert "    reason: no answer within 2 s" in shown
    wide, _ = in_terminal("orders", ledger_file, "--wide", environment={"NO_COLOR": "1"})
    assert "no room here" not in wide
    assert "2026-01-05 09:08:00Z" in wide


@pytest.mark.parametrize("columns", [40, 80, 132, 200])
def test_a_long_id_is_never_cut(tmp_path: Path, columns: int) -> None:
    """It has to be copied: in a narrow terminal an order is a block of lines."""
    path = tmp_path / "long.db"
    order_id = "0198f0a5-7b1c-7cc3-98c4-dc0c0c07398f"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order(order_id, limit_order(venue_order_id=order_id[::-1]))
        ledger.update_order_in_doubt(order_id)
    shown, _ = in_terminal("status", path, columns=columns, environment={"NO_COLOR": "1"})
    assert order_id in shown
    assert order_id[::-1] in shown


def test_colours_are_for_terminals_that_want_them(ledger_file: Path) -> None:
    """Red for doubt in a terminal; plain text where NO_COLOR is set, in a dumb terminal, and in a pipe."""
    pytest.importorskip("rich", reason="colours need the extra [cli]")
    coloured, _ = in_terminal("status", ledger_file)
    plain, _ = in_terminal("status", ledger_file, environment={"NO_COLOR": "1"})
    dumb, _ = in_terminal("status", ledger_file, environment={"TERM": "dumb"})
    assert "\x1b[1;31mIN_DOUBT" in coloured
    assert ESCAPE.sub("", coloured) == plain == dumb
    piped = subprocess.run([str(SCRIPT), "status", str(ledger_file)], capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout


def test_without_rich_tables_are_plain(ledger_file: Path) -> None:
    """The extra is for colours alone: nothing else is missing without it."""
    probe = (
        "import sys; sys.modules['rich'] = None\n"
        "from ledger_cli import terminal; terminal.has_rich = lambda: False\n"
        f"from ledger_cli.main import main; main(['status', {str(ledger_file)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert "IN DOUBT" in done.stdout


def test_a_person_is_asked_and_no_is_the_default(ledger_file: Path) -> None:
    """Return alone writes nothing; y writes what the question said."""
    arguments = ("resolve", ledger_file, "A2", "rejected", "--reason", "never arrived")
    before = fingerprint(ledger_file.parent)
    for typed in ("\n", "n\n"):
        shown, code = in_terminal(*arguments, typed=typed)
        assert code == 5
        assert "Note that the venue refused A2 (BUY BTC-USD, IN_DOUBT)" in " ".join(shown.split())
        assert fingerprint(ledger_file.parent) == before
    shown, code = in_terminal(*arguments, typed="y\n")
    assert code == 0
    with open_reader(ledger_file) as reader:
        assert reader.strategy("alpha").get_order("A2").state == "REJECTED"


def test_help_fits_into_a_terminal(ledger_file: Path) -> None:
    """Of every command, in 80 columns."""
    for command in ("--help", "status", "resolve", "query"):
        arguments = (command,) if command == "--help" else (command, "--help")
        shown, code = in_terminal(*arguments)
        assert code == 0
        assert max(len(line) for line in shown.splitlines()) <= 80


# --- watch


def test_watch_shows_the_status_on_a_screen_of_its_own(ledger_file: Path) -> None:
    """What stood in the terminal before is there again afterwards, and what does not fit is said to be more."""
    arguments = ("watch", ledger_file, "-n", "0.05", "--count", "2")
    shown, code = in_terminal(*arguments, lines=20, environment={"NO_COLOR": "1"})
    assert code == 0
    assert shown.startswith("\x1b[?1049h")
    assert shown.rstrip().endswith("\x1b[?1049l")
    screens = shown.split("\x1b[H\x1b[J")[1:]
    assert len(screens) == 2
    for screen in screens:
        assert "IN DOUBT" in screen
        assert "lines more: strategy-ledger status" in screen
        assert len(screen.splitlines()) <= 20


def test_ctrl_c_ends_watching_and_is_no_failure(ledger_file: Path) -> None:
    """The terminal is left as it was found."""
    shown, code = in_terminal("watch", ledger_file, "--plain", "-n", "0.05", interrupted_at="Ctrl-C ends", lines=60)
    assert code == 0
    assert shown.rstrip().endswith("\x1b[?1049l")


def test_watch_survives_that_the_file_is_gone_for_a_while(tmp_path: Path) -> None:
    """It says so, and goes on looking."""
    shown, code = in_terminal("watch", tmp_path / "nothing.db", "-n", "0.05", "--count", "2")
    assert code == 0
    assert shown.count("there is no ledger file") == 2


def test_watch_goes_on_where_one_of_several_files_is_gone(ledger_file: Path, tmp_path: Path) -> None:
    """The other one is shown each time, below what is wrong."""
    arguments = ("watch", ledger_file, tmp_path / "nothing.db", "-n", "0.05", "--count", "2")
    shown, code = in_terminal(*arguments, lines=60, environment={"NO_COLOR": "1"})
    assert code == 0
    assert shown.count("there is no ledger file") == 2
    assert shown.count("IN DOUBT") == 2


def test_in_a_pipe_watch_prints_each_event_as_it_comes(ledger_file: Path) -> None:
    """Only what was recorded since, once, of every strategy: also of one that was not there before."""
    command = [str(SCRIPT), "watch", str(ledger_file), "-n", "0.05", "-o", "jsonl"]
    url = f"sqlite:///{ledger_file}?durability=none"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        try:
            assert watching.stdout is not None
            with open_ledger(url, strategy_id="gamma") as ledger:
                seen: list[str] = []
                for index in range(1_000):  # until the watcher has had its first look
                    ledger.record_order(f"new-{index}", market_order())
                    ready = _readable(watching)
                    if ready:
                        seen.append(parsed(watching.stdout.readline())["body"]["subject"])
                        break
                assert seen
                ledger.record_order("last", market_order())
                while seen[-1] != "last":
                    seen.append(parsed(watching.stdout.readline())["body"]["subject"])
        finally:
            watching.kill()
    numbers = [int(name.removeprefix("new-")) for name in seen[:-1]]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def _readable(process: "subprocess.Popen[str]") -> bool:
    """Say whether a process has printed something, waiting for a moment."""
    import select

    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0.05)[0])


# --- progress


def test_long_work_shows_a_bar_to_a_person_alone(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal it comes and goes; in a pipe there is nothing of it."""
    pytest.importorskip("rich", reason="this bar needs the extra [cli]")
    path = tmp_path / "long.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger, ledger.batch() as batch:
        for index in range(progress.SMALL + 1):
            batch.record_order(f"order-{index}", market_order())
    shown, code = in_terminal("verify", path)
    assert code == 0
    assert "verifying alpha" in shown
    assert f"/{progress.SMALL + 1}" in shown
    assert "verifying" not in call("verify", path).stderr


def test_without_rich_the_bar_is_a_plain_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes forward as far as is done, and never back."""
    monkeypatch.setattr(terminal, "has_reader", lambda: True)
    monkeypatch.setattr(terminal, "has_rich", lambda: False)
    with progress.progress("reading", 10_000) as advance:
        for done in (2_000, 1_000, 99_000):
            advance(done)
    assert "reading" in capsys.readouterr().err
    with progress.progress("reading", 10) as advance:
        advance(5)
    assert capsys.readouterr().err == ""
