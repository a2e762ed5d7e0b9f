"""A ledger's history for other programs: files, frames, the inputs of analysis libraries, bookkeeping.

snapshot            one moment of a ledger, read page by page while its bot writes
columns, tables     what each table has, with units and meanings
decimals            which type holds a column to the last digit
text, arrow, files  CSV and JSON Lines; Parquet and Arrow; files that are whole or not there
running             `export`, over all of these      frames        pandas and polars
moves               what moved each position         beancount     double-entry bookkeeping in text
accounts, returns   equity, holdings and cash day by day, as pyfolio, quantstats and empyrical want them
"""

from ledger_interop.exporting.accounts import Day, accounts_of
from ledger_interop.exporting.columns import Column, Table
from ledger_interop.exporting.decimals import Decimals
from ledger_interop.exporting.errors import DoesNotFit, MissingExtra, NoRate
from ledger_interop.exporting.files import AlreadyThere
from ledger_interop.exporting.frames import to_pandas, to_polars
from ledger_interop.exporting.returns import PyfolioInputs, daily_returns, pyfolio_inputs
from ledger_interop.exporting.running import Export, ExportedFile, Format, export, to_arrow
from ledger_interop.exporting.snapshot import Snapshot, snapshot_of
from ledger_interop.exporting.tables import TABLES

__all__ = [
    "TABLES",
    "AlreadyThere",
    "Column",
    "Day",
    "Decimals",
    "DoesNotFit",
    "Export",
    "ExportedFile",
    "Format",
    "MissingExtra",
    "NoRate",
    "PyfolioInputs",
    "Snapshot",
    "Table",
    "accounts_of",
    "daily_returns",
    "export",
    "pyfolio_inputs",
    "snapshot_of",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
