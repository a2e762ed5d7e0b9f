"""Fixtures for the command line: a way to call it, a ledger with something of everything, and the demonstration's."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.ledgers import SCRIPT, Call, RunScript, fill_file
from ledger_cli.failures import INTERNAL
from ledger_cli.main import main


@pytest.fixture
def call() -> Call:
    """Return what calls the command in this process; an error that is not one of its own fails the test."""

    def call(*arguments: object) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code != INTERNAL, result.stderr
        return result

    return call


@pytest.fixture
def run_script() -> RunScript:
    """Return what runs the installed command in a process of its own."""

    def run_script(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command = [str(SCRIPT), *(str(argument) for argument in arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)

    return run_script


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    """Return a file of two strategies: orders of every kind of interest, trades, positions, facts in quarantine."""
    folder = tmp_path / "ledgers"
    folder.mkdir()
    path = folder / "ledger.db"
    fill_file(path)
    return path


@pytest.fixture(scope="session")
def demo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the demonstration of this session is made."""
    return tmp_path_factory.mktemp("demonstration") / "demo.db"


@pytest.fixture(scope="session")
def demo_run(demo_path: Path) -> Result:
    """Return the result of `strategy-ledger demo`, run once."""
    return CliRunner().invoke(main, ["demo", str(demo_path), "--durability", "none"], catch_exceptions=False)


@pytest.fixture(scope="session")
def demo_file(demo_path: Path, demo_run: Result) -> Path:
    """Return the file that the demonstration wrote; tests only read it."""
    assert demo_run.exit_code == 0
    return demo_path
