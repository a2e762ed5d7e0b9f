"""An excuse is known again by what its mutant changes, and one that excuses nothing is told."""

import pytest

from mutation.changes import Change
from mutation.survivors import Excuse, Kind, excuse_for, excuses, unused

DIFFERENCE = """\
--- ledger_core/numbers.py
+++ ledger_core/numbers.py
@@ -1,3 +1,3 @@
 def price_text(value: Decimal) -> str:
     \"\"\"Write it.\"\"\"
-    return format(value, "f") if value else "0"
+    return format(value, "F") if value else "0"
"""
CHANGE = Change.of("ledger_core.numbers", "price_text", DIFFERENCE)
EXCUSE = Excuse(
    where="ledger_core.numbers.price_text",
    was='return format(value, "f") if value else "0"',
    became=('return format(value, "F") if value else "0"',),
    kind=Kind.EQUIVALENT,
    reason="a finite number is written without a letter",
)


def test_a_change_is_read_from_the_difference() -> None:
    """The lines that go and come are what counts, not where they stand."""
    assert CHANGE.was == 'return format(value, "f") if value else "0"'
    assert CHANGE.became == 'return format(value, "F") if value else "0"'


def test_an_excuse_covers_its_mutant_and_no_other() -> None:
    """Another change of the same line needs an excuse of its own."""
    other = Change(CHANGE.module, CHANGE.function, CHANGE.was, 'return "0"')
    assert excuse_for(CHANGE, [EXCUSE]) is EXCUSE
    assert excuse_for(other, [EXCUSE]) is None


def test_a_pattern_excuses_a_whole_class() -> None:
    """The words of messages, say, in all modules at once."""
    words = Excuse(where="ledger_core.*", was=r"^return", kind=Kind.ACCEPTED, reason="words", is_pattern=True)
    assert excuse_for(CHANGE, [words]) is words


def test_an_excuse_that_excuses_nothing_is_told() -> None:
    """It would hide the next mutant that looks like it."""
    assert list(unused([], [EXCUSE])) == [EXCUSE]
    assert list(unused([CHANGE], [EXCUSE])) == []


@pytest.mark.parametrize("excuse", excuses(), ids=lambda excuse: f"{excuse.where}: {excuse.was}"[:80])
def test_every_excuse_gives_a_reason(excuse: Excuse) -> None:
    """A survivor without a reason is a test that is missing."""
    assert len(excuse.reason.split()) > 3
    assert excuse.where.startswith("ledger_")
