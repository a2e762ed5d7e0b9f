"""What the importers make of the messages in the test data: every venue's, every FIX log, every Flex statement.

Run as a script it prints the tables of docs/how-to/import-history.md:

    PYTHONPATH=tests python tests/interop/archives.py
"""

import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from uuid import uuid4

import attrs

from ledger_core import open_ledger
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing import ImportReport, import_file
from support import data_folder

FOLDERS = {
    "nautilus_order_messages.tar.gz": "adapters",
    "ccxt_net_trade_json.tar.gz": "json",
    "betfair_order_stream.tar.gz": None,
    "zerodha_kite_mocks.tar.gz": None,
    "ib_flex_fixtures.tar.gz": None,
}
"""The archives, and the folder whose sub-folders are named like venues."""

OTHERWISE = {
    "betfair_order_stream.tar.gz": "betfair",
    "zerodha_kite_mocks.tar.gz": "zerodha",
    "ib_flex_fixtures.tar.gz": "ib-flex",
    "architect_ax": "architect",
    "interactive_brokers": "ib",
}
"""The kind of source where it is not the name of the folder."""

NO_SOURCE = {"tardis": "market data only"}
"""Folders of what is no source of orders, and why."""

NOTES = ".md"
"""Files that are about the others."""


@attrs.define
class Survey:
    """What became of the files of one kind of source."""

    files: int = 0
    read: int = 0
    understood: int = 0
    passed_over: int = 0
    not_understood: int = 0
    unreadable: int = 0
    reasons: Counter[str] = attrs.field(factory=Counter)
    """Why messages were not understood, or files not read."""
    changed: list[str] = attrs.field(factory=list)
    """Files whose second import changed something: none may be here."""

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """All counts, in the order of the table."""
        return self.files, self.read, self.understood, self.passed_over, self.not_understood, self.unreadable


def surveys(root: Path) -> dict[str, Survey]:
    """Import every file of the test data, each twice into a ledger of its own."""
    found: dict[str, Survey] = {}
    with TemporaryDirectory() as folder:
        for kind, name, path in _files(root, Path(folder)):
            _add(found.setdefault(kind, Survey()), kind, name, path)
    return dict(sorted(found.items()))


def _files(root: Path, folder: Path) -> Iterator[tuple[str, str, Path]]:
    for log in sorted((root / "fix").iterdir()):
        yield "fix", log.name, log
    for archive, above in FOLDERS.items():
        with tarfile.open(root / "venue_messages" / archive) as opened:
            for member in opened:
                name = PurePosixPath(member.name)
                content = opened.extractfile(member) if member.isfile() else None
                if content is None or name.suffix == NOTES:
                    continue
                word = archive if above is None else name.parts[name.parts.index(above) + 1]
                if word in NO_SOURCE:
                    continue
                path = folder / "message"
                path.write_bytes(content.read())
                yield OTHERWISE.get(word, word), name.name, path


def _add(survey: Survey, kind: str, name: str, path: Path) -> None:
    survey.files += 1
    with open_ledger(f"memory://{uuid4().hex}", strategy_id="s") as ledger:
        try:
            report = import_file(ledger, kind, path)
        except UnreadableSource as error:
            survey.unreadable += 1
            survey.reasons[f"{name}: {error.message.replace(str(path), 'it')}"] += 1
            return
        before = ledger.head()
        import_file(ledger, kind, path)
        if ledger.head() != before or ledger.verify().differences:
            survey.changed.append(name)
    _count(survey, report)


def _count(survey: Survey, report: ImportReport) -> None:
    survey.read += report.read
    survey.understood += report.understood
    survey.passed_over += report.passed_over
    survey.not_understood += report.not_understood
    for reason, told in report.reasons.get("not understood", {}).items():
        survey.reasons[reason] += told.count


def tables(found: dict[str, Survey]) -> Iterator[str]:
    """Write what was found as Markdown."""
    yield "| source | files | messages | understood | passed over | not understood | files not readable |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for kind, survey in found.items():
        yield f"| {kind} | {' | '.join(f'{count:,}' for count in survey.counts)} |"
    yield ""
    for kind, survey in found.items():
        for reason, count in sorted(survey.reasons.items(), key=lambda item: (-item[1], item[0])):
            yield f"- {kind}: {reason} ({count:,} times)" if count > 1 else f"- {kind}: {reason}"


if __name__ == "__main__":
    data = data_folder("data")
    if data is None:
        raise SystemExit("STRATEGY_LEDGER_TEST_DATA has no folder data")
    sys.stdout.writelines(f"{line}\n" for line in tables(surveys(data)))
