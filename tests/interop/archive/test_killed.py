"""An archiving process that is killed: each record is in the ledger or in a whole archive, and the next run goes on."""

import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from interop.archive.test_archives import all_of, archived_keys, keys, year
from ledger_core import open_ledger
from ledger_interop.archive import check_archive, list_archives, load_journal, read_archived_journal, write_archive
from support import START

pytest.importorskip("pyarrow", reason="pyarrow is not installed: it is the extra `arrow`")

ARCHIVES = """
import sys
from datetime import datetime
from pathlib import Path
from ledger_core import archiving, open_ledger
from ledger_interop.archive import write_archive
archiving.GROUPS_MAX = 1
with open_ledger(sys.argv[1], strategy_id="alpha") as ledger:
    print("open", flush=True)
    before = datetime.fromisoformat(sys.argv[2])
    write_archive(ledger, before=before, to=Path(sys.argv[3]), cuts_journal=True)
"""

BEFORE = START + timedelta(days=2_000)
TRADES = 40
KILLS = 6


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_run_loses_nothing_and_is_gone_on_with(tmp_path: Path) -> None:
    """Killed again and again, sooner or later, it comes to its end; what went is in the archive, the journal too."""
    path, to, chance = tmp_path / "bot.db", tmp_path / "archives", random.Random(7)
    with open_ledger(path, strategy_id="alpha") as ledger:
        year(ledger, TRADES)
        everything = keys(all_of(ledger))
    arguments = [sys.executable, "-c", ARCHIVES, str(path), BEFORE.isoformat(), str(to)]
    killed = 0
    for _ in range(KILLS):
        child = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()  # it is open, and begins
        time.sleep(chance.choice((0.0, 0.05, 0.15)) + chance.random() * 0.3)
        child.kill()
        killed += child.wait() == -signal.SIGKILL
        child.stdout.close()
        with open_ledger(path, strategy_id="alpha") as ledger:
            whole = [one.folder for one in list_archives(to)]
            assert [check_archive(folder) for folder in whole] == [()] * len(whole)
            safe = set().union(*map(archived_keys, whole))
            assert keys(all_of(ledger)) | safe == everything
            assert ledger.verify().is_intact
    assert killed
    with open_ledger(path, strategy_id="alpha") as ledger:
        if not all(one.is_finished for one in list_archives(to)) or not list_archives(to):
            write_archive(ledger, before=BEFORE, to=to, cuts_journal=True)
        assert keys(all_of(ledger)) == {("OPEN", None, None)}
        archives = [one.folder for one in list_archives(to)]
        assert set().union(*map(archived_keys, archives)) == everything - {("OPEN", None, None)}
        assert ledger.verify().is_intact
        left = [one.sequence for one in ledger.read_journal()]
        journals = [found for found in map(load_journal, archives) if found is not None]
        gone = [one.sequence for found in journals for one in read_archived_journal(found)]
        assert left[0] > 1
        assert sorted({*gone, *left}) == list(range(1, ledger.head().sequence + 1))
