"""The production default: a ledger's storage in one SQLite file, readable while the bot runs and after it died.

`repository` is the adapter, `schema` the tables and migrations, `statements` all other SQL. `sqlite://` URLs open
it through the entry point group `strategy_ledger.storage`.
"""

from ledger_storage_sqlite.repository import SqliteRepository, open_repository

__all__ = ["SqliteRepository", "open_repository"]
