"""Importing: the history that venues, brokers and other bots kept -> commands of a ledger, each at most once.

    sources     the kinds of sources; import_file, import_objects, inspect_file
    facts       the neutral form that every source is parsed into
    booking/    facts -> calls of a ledger         running   batches, retries        report   what an import came to
    fix/  csv_columns  ib_flex  freqtrade  hummingbot            sources with a form of their own
    shapes, readers, walking, venue, vocabulary, fields, times   how JSON and objects are read by tables ...
    ccxt  ib  alpaca  nautilus  venues/                          ... one for each source
    files, sqlite_source                                         files, which may be hostile

Quantities decide, a venue's status only confirms. What is not understood is told, with its place; nothing is dropped.
"""

from ledger_interop.importing.facts import Message
from ledger_interop.importing.report import ImportReport, Outcome
from ledger_interop.importing.running import Import, import_messages, inspect_messages
from ledger_interop.importing.shapes import Defaults
from ledger_interop.importing.sources import SOURCES, Options, import_file, import_objects, inspect_file, source_of

__all__ = [
    "SOURCES",
    "Defaults",
    "Import",
    "ImportReport",
    "Message",
    "Options",
    "Outcome",
    "import_file",
    "import_messages",
    "import_objects",
    "inspect_file",
    "inspect_messages",
    "source_of",
]
