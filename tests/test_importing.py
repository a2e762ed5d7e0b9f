"""What importing brings along: what takes long is imported where it is needed, and by whoever needs it alone."""

import subprocess
import sys

import pytest

HEAVY = ("click", "rich", "sqlite3", "sqlite_utils")
"""What a program that keeps its ledger in memory never needs."""


@pytest.mark.parametrize(
    ("modules", "allowed"),
    [
        pytest.param("ledger_core", (), id="the core"),
        pytest.param("ledger_core, ledger_storage_memory", (), id="the core and the memory adapter"),
        pytest.param("ledger_core, ledger_storage_sqlite", ("sqlite3",), id="the core and the SQLite adapter"),
    ],
)
def test_importing_a_ledger_imports_nothing_that_it_may_not_need(modules: str, allowed: tuple[str, ...]) -> None:
    """A bot that starts does not wait for the command line's libraries, nor for those that make a file's schema."""
    program = f"import sys, {modules}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert tuple(found.stdout.split()) == allowed
