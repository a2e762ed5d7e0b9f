"""Write the reference pages from the code; `--check` only says which of them differ from what it would write.

    python docs/generate.py
    python docs/generate.py --check

The results of the reliability campaigns, of coverage, of mutation testing and of the benchmarks are taken from
docs/_data, where these keep them. Everything else is taken from the installed packages: the lifecycle table,
docstrings, signatures, record fields, the schema of a file made for the purpose. Words that the code does not have (FIX
codes, when an event is published) are tables beside the page's generator; each must name every member of its enum, no
more and no less.
"""

import sys
from pathlib import Path

from _generator import (
    api,
    command_line,
    errors,
    events,
    exported,
    laws,
    lifecycle,
    mutation,
    performance,
    records,
    reliability,
    storage,
    vocabulary,
)

DOCS = Path(__file__).resolve().parent
REFERENCE = DOCS / "reference"

PAGES = (lifecycle, records, api, errors, events, vocabulary, laws, storage, command_line, exported)


def written() -> dict[Path, str]:
    """Return the text of every generated file."""
    files: dict[Path, str] = {}
    for page in PAGES:
        for name, text in page.files().items():
            files[REFERENCE / name] = text
    for results in (reliability, mutation, performance):
        for name, text in results.files().items():
            files[DOCS / name] = text
    return files


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    files = written()
    stale = sorted(path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text)
    left_over = sorted(path for path in REFERENCE.iterdir() if path.suffix in (".md", ".svg") and path not in files)
    if arguments:
        for path in stale:
            print(f"{path.relative_to(DOCS.parent)} is not what the code says; run python docs/generate.py")
        for path in left_over:
            print(f"{path.relative_to(DOCS.parent)} is not generated any more; delete it")
        return 1 if stale or left_over else 0
    for path in stale:
        path.write_text(files[path], "utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
