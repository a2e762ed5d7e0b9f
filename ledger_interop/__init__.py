"""What the ledger exchanges with other systems. The ledger itself needs nothing of this.

errors      what a file that cannot be read raises
importing/  the history that other systems kept -> commands of a ledger, each at most once
exporting/  a ledger's history for other programs: files, frames, bookkeeping
archive/    closed history moved out of a ledger, and back
"""

from ledger_interop.errors import UnreadableSource

__all__ = ["UnreadableSource"]
