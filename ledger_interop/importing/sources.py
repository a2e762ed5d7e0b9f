"""The kinds of sources, each with how its file is opened and read; `import_file` takes any of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from os import PathLike
from typing import Any, Protocol

import attrs

from ledger_core import StrategyLedger
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing import alpaca, ccxt, csv_columns, fix, freqtrade, hummingbot, ib, ib_flex, nautilus
from ledger_interop.importing.booking import Archives
from ledger_interop.importing.facts import Message
from ledger_interop.importing.files import SourceFile
from ledger_interop.importing.report import ImportReport
from ledger_interop.importing.running import Progress, import_messages, inspect_messages
from ledger_interop.importing.shapes import Defaults
from ledger_interop.importing.sqlite_source import SqliteSource
from ledger_interop.importing.venues import BY_KIND, Venue, read_documents

Path = str | PathLike[str]


@attrs.frozen(kw_only=True)
class Options:
    """What a user says of a source beside its kind: `session` of FIX, `columns` and the rest of CSV."""

    defaults: Defaults = attrs.field(factory=Defaults)
    session: str | None = None
    columns: Mapping[str, str] = attrs.field(factory=dict)
    delimiter: str = ","
    decimal_comma: bool = False


class Opened(Protocol):
    """A file that is being read."""

    @property
    def done(self) -> float:
        """How much of it was read, from 0 to 1."""
        ...


Opening = Callable[[Path, Options], AbstractContextManager[tuple[Opened, Iterator[Message]]]]


@attrs.frozen(kw_only=True)
class Source:
    """A kind of source: the word for it, what it reads, and how."""

    kind: str
    reads: str
    opening: Opening


def import_file(
    ledger: StrategyLedger,
    kind: str,
    path: Path,
    *,
    options: Options | None = None,
    origin: str | None = None,
    infers: bool | None = None,
    archives: Archives | None = None,
    progress: Callable[[float], object] | None = None,
) -> ImportReport:
    """Book what a file of this kind says into a ledger, each fact at most once, and return what it came to.

    The same file again changes nothing. `progress` is called after each batch with the part of the file that was
    read, from 0 to 1; `archives` is as of `import_messages`. Raises UnreadableSource with the place where the file is
    broken; what came before is booked.
    """
    with source_of(kind).opening(path, options or Options()) as (opened, messages):

        def tell(_: int) -> None:
            if progress is not None:
                progress(opened.done)

        return import_messages(
            ledger, messages, source=kind, origin=origin, infers=infers, archives=archives, progress=tell
        )


def inspect_file(kind: str, path: Path, *, options: Options | None = None) -> ImportReport:
    """Return what a file of this kind says, without a ledger."""
    with source_of(kind).opening(path, options or Options()) as (_, messages):
        return inspect_messages(messages, source=kind)


def import_objects(
    ledger: StrategyLedger,
    kind: str,
    objects: Iterable[Any],
    *,
    defaults: Defaults | None = None,
    origin: str | None = None,
    infers: bool | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Book dicts, or objects of a library, as they come from an interface: what its JSON would be, already parsed."""
    venue = VENUES.get(kind)
    if venue is None:
        known = ", ".join(VENUES)
        raise UnreadableSource(f"objects of the kind {kind!r} are not read; known are {known}")
    numbered = ((f"object {number}", item) for number, item in enumerate(objects, start=1))
    messages = read_documents(venue, numbered, defaults)
    return import_messages(ledger, messages, source=kind, origin=origin, infers=infers, progress=progress)


def source_of(kind: str) -> Source:
    """Return a kind of source; raise UnreadableSource, with those that there are, for any other word."""
    found = SOURCES.get(kind)
    if found is None:
        raise UnreadableSource(f"no source is called {kind!r}; known are {', '.join(SOURCES)}")
    return found


def _documents_of(venue: Venue) -> Opening:
    @contextmanager
    def opening(path: Path, options: Options) -> Iterator[tuple[Opened, Iterator[Message]]]:
        with SourceFile(path) as file:
            yield file, read_documents(venue, file.values(), options.defaults)

    return opening


@contextmanager
def _fix(path: Path, options: Options) -> Iterator[tuple[Opened, Iterator[Message]]]:
    with SourceFile(path) as file:
        yield file, fix.read_lines(file.lines(), options.defaults, options.session)


@contextmanager
def _csv(path: Path, options: Options) -> Iterator[tuple[Opened, Iterator[Message]]]:
    csv_columns.check_columns(options.columns)
    with SourceFile(path) as file:
        lines = (f"{line}\n" for _, line in file.lines())
        yield (
            file,
            csv_columns.read_lines(
                lines,
                options.columns,
                options.defaults,
                delimiter=options.delimiter,
                decimal_comma=options.decimal_comma,
            ),
        )


@contextmanager
def _flex(path: Path, options: Options) -> Iterator[tuple[Opened, Iterator[Message]]]:
    with SourceFile(path) as file:
        yield file, ib_flex.read_elements(file.chunks(), options.defaults)


@contextmanager
def _freqtrade(path: Path, options: Options) -> Iterator[tuple[Opened, Iterator[Message]]]:
    with SqliteSource(path, *freqtrade.TABLES) as file:
        yield file, freqtrade.read_file(file, options.defaults)


@contextmanager
def _hummingbot(path: Path, options: Options) -> Iterator[tuple[Opened, Iterator[Message]]]:
    with SqliteSource(path, *hummingbot.TABLES) as file:
        yield file, hummingbot.read_file(file, options.defaults)


VENUES: Mapping[str, Venue] = {
    venue.kind: venue
    for venue in (alpaca.VENUE, BY_KIND["binance"], ccxt.VENUE, ib.VENUE, nautilus.VENUE, *BY_KIND.values())
}
"""The sources whose messages are JSON, or objects."""

# fmt: off
_OTHERS = (
    Source(kind="fix",        reads="FIX logs of any version: orders, requests, execution reports", opening=_fix),
    Source(kind="csv",        reads="CSV with a fill a row, by a map of its columns", opening=_csv),
    Source(kind="ib-flex",    reads="Flex statements of Interactive Brokers (XML)", opening=_flex),
    Source(kind="freqtrade",  reads="freqtrade's SQLite file", opening=_freqtrade),
    Source(kind="hummingbot", reads="hummingbot's SQLite file", opening=_hummingbot),
)
# fmt: on
_READS = {
    "alpaca": "the trade_updates stream, orders and activities of Alpaca (JSON)",
    "binance": "user data streams, orders and trades of Binance, spot and futures (JSON)",
    "ccxt": "unified orders, trades and funding of ccxt (JSON)",
    "ib": "Trade, Fill, CommissionReport of ib_async as JSON",
    "nautilus": "order events of NautilusTrader as to_dict() writes them (JSON)",
}

SOURCES: Mapping[str, Source] = {
    source.kind: source
    for source in (
        *_OTHERS,
        *(
            Source(
                kind=kind,
                reads=_READS.get(kind, f"orders and executions of {kind.capitalize()}'s own interfaces (JSON)"),
                opening=_documents_of(venue),
            )
            for kind, venue in VENUES.items()
        ),
    )
}
"""All kinds of sources, by their words."""
