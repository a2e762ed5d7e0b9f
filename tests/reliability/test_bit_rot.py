"""A finished ledger file that rots is found out: by a refusal, or by `verify()`."""

import pytest

from reliability.bit_rot import CAMPAIGN, MISSED_BY_SQLITE, run, run_without_chain
from reliability.campaign import require_kept
from reliability.damages import FIGURES_IN_ENTRIES

pytestmark = pytest.mark.reliability

CONTROLS = 40
"""How many damages a negative control is given."""


def test_every_change_of_content_is_refused_or_reported() -> None:
    """Random damages to closed files and to such with a WAL are found, each that changed anything, and none crashes.

    SQLite's own check of the same files says `ok` to a large part of them: it knows nothing of what they mean.
    """
    counts = require_kept(CAMPAIGN).details
    changed = counts["content changed: refused"] + counts["content changed: reported"]
    assert changed > CAMPAIGN.quick / 4
    assert counts["content as it was: silent"] > 0, "the campaign knows a damage that is none"
    assert counts[MISSED_BY_SQLITE] > changed / 5


def test_without_the_chain_changed_figures_would_go_unnoticed() -> None:
    """The same oracle fails a verification that does not look at the chain, and none of the same files with it."""
    with_chain, without = run(0, CONTROLS, None, damages=FIGURES_IN_ENTRIES), run_without_chain(0, CONTROLS, None)
    assert not with_chain.violations
    assert with_chain.done == without.done == CONTROLS
    assert any("nobody said a word" in found for found in without.violations)


@pytest.mark.parametrize("seed", [2312, 25865])
def test_what_the_campaign_found_stays_mended(seed: int) -> None:
    """2312: a file cut to nothing, whose log SQLite deleted when the file was opened for reading.

    25865: another case of a letter in the name of a table that is nobody's truth, which the judge took for a change.
    """
    assert not run(seed, 1, None).violations
