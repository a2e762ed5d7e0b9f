"""The reference adapter: a ledger's storage in this process's memory, for unit tests and as a model to copy.

It passes every law of `ledger_core.testing.RepositoryContract`; it is an implementation, not a mock. A
`MemoryStore` plays the part of the file: several repositories, of one strategy or of several, may share it.
"""

from ledger_storage_memory.repository import MemoryRepository, MemoryStore, open_repository

__all__ = ["MemoryRepository", "MemoryStore", "open_repository"]
