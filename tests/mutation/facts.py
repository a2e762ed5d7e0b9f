"""What each test does without a mutant: learned once, and again for the tests whose text has changed."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mutation.nearest import Known
from mutation.warm import Warm


def facts_of(warm: Warm, file: Path, say: Callable[[str], None]) -> Known:
    """Return what is known of the tests, and keep it in a file; a test that fails without a mutant is left out."""
    kept: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    texts = warm.digests()
    others = {test: row for test, row in kept.items() if test not in texts} if warm.is_part else {}
    kept = {test: row for test, row in kept.items() if row["text"] == texts.get(test)}
    for test, fact in warm.facts([test for test in texts if test not in kept], say).items():
        if fact.has_passed:
            kept[test] = {"text": texts[test], "seconds": fact.seconds, "functions": sorted(fact.functions)}
        else:
            say(f"fails without a mutant: {test}")
    file.write_text(json.dumps(others | kept), "utf-8")
    by_function = defaultdict(set)
    for test, row in kept.items():
        for function in row["functions"]:
            by_function[function].add(test)
    return Known({test: row["seconds"] for test, row in kept.items()}, by_function, texts)
