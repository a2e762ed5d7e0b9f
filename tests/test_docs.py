"""The documentation is a subject of the tests: its examples run, its output is compared, its pages are current."""

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import attrs
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "tutorials/*.md", "how-to/*.md", "explanation/*.md")
    for page in DOCS.glob(pattern)
)
LANGUAGES_RUN = {"python", "console"}
"""Blocks that run. The block `text` straight after a `python` block is what it prints; others run nowhere."""

LIBRARIES = {
    "docs/how-to/export-history.md": ("pyarrow", "pandas", "polars", "beancount"),
    "docs/how-to/archive-history.md": ("pyarrow",),
}
"""Pages whose examples hand over to libraries that the package itself does not need."""

_FENCE = re.compile(r"^```(?P<info>\S*)\s*$")
_BIN = Path(sys.executable).parent


@attrs.frozen
class Block:
    """A fenced block of a page; `line` is that of its first line of content."""

    language: str
    text: str
    line: int
    follows_directly: bool


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order; each says whether only blank lines part it from the last."""
    found: list[Block] = []
    language: str | None = None
    content: list[str] = []
    first = 0
    direct = False
    for number, line in enumerate(page.splitlines(), start=1):
        fence = _FENCE.match(line)
        if language is None:
            if fence is not None:
                language, content, first = fence["info"], [], number + 1
            elif line.strip():
                direct = False
        elif fence is not None and not fence["info"]:
            found.append(Block(language, "\n".join(content) + "\n" if content else "", first, direct))
            language, direct = None, True
        else:
            content.append(line)
    assert language is None, f"the block that begins on line {first} is not closed"
    return found


def run_page(text: str, name: str) -> Iterator[tuple[Block, str, str]]:
    """Run the blocks of a page, in one namespace, in the current directory: yield (block, expected, printed)."""
    namespace: dict[str, Any] = {"__name__": "__docs__"}
    blocks = blocks_of(text)
    for index, block in enumerate(blocks):
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        match block.language:
            case "python":
                shown = following is not None and following.language == "text" and following.follows_directly
                printed = io.StringIO()
                code = compile("\n" * (block.line - 1) + block.text, name, "exec")
                with redirect_stdout(printed):
                    exec(code, namespace)  # the page's own example
                yield block, following.text if shown and following is not None else "", printed.getvalue()
            case "console":
                for command, expected in commands_of(block.text):
                    yield block, expected, run_command(command)
            case "text":
                is_output = block.follows_directly and blocks[index - 1].language == "python"
                assert is_output, f"{name}:{block.line}: a `text` block is the output of the python block before it"
            case _:
                pass  # shown only


def commands_of(text: str) -> list[tuple[str, str]]:
    """Return (command, its output) of a console block, whose commands begin with `$ `."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line.removeprefix("$ ").strip(), ""))
        else:
            command, output = found[-1]
            found[-1] = (command, output + line)
    return found


def run_command(command: str) -> str:
    """Return what a command prints on stdout; a command of ours is the one installed beside this Python."""
    program, *arguments = shlex.split(command)
    known = _BIN / program
    done = subprocess.run(
        [str(known) if known.exists() else program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def same(expected: str, printed: str) -> bool:
    """Compare line by line: `…` stands for anything within its line; how far columns are apart is no matter."""
    wanted, found = _normal(expected), _normal(printed)
    return len(wanted) == len(found) and all(
        re.fullmatch(".*?".join(re.escape(part) for part in line.split("…")), other)
        for line, other in zip(wanted, found, strict=True)
    )


def _normal(text: str) -> list[str]:
    lines = [re.sub(r"-{3,}", "---", re.sub(r" +", " ", line)).strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_and_print_what_it_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every python and console block runs, in the order of the page, and prints exactly what the page shows."""
    for library in LIBRARIES.get(page, ()):
        pytest.importorskip(library, reason=f"{library} is not installed: it is in the dependency group `tests`")
    monkeypatch.chdir(tmp_path)
    for block, expected, printed in run_page((ROOT / page).read_text("utf-8"), page):
        assert same(expected, printed), f"{page}:{block.line} prints\n{printed}\nwhere the page shows\n{expected}"


def test_every_page_of_a_tutorial_has_something_that_runs() -> None:
    """A tutorial without a block that runs would pass for a tested one."""
    tutorials = [page for page in PAGES if page.startswith("docs/tutorials/")]
    assert tutorials
    for page in tutorials:
        assert any(block.language in LANGUAGES_RUN for block in blocks_of((ROOT / page).read_text("utf-8"))), page


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's Python runs as it stands."""
    monkeypatch.chdir(tmp_path)
    blocks = [block for block in blocks_of((ROOT / "README.md").read_text("utf-8")) if block.language == "python"]
    assert blocks
    for block in blocks:
        with redirect_stdout(io.StringIO()):
            exec(compile(block.text, "README.md", "exec"), {"__name__": "__docs__"})  # its own example


def test_generated_pages_are_what_the_code_says(tmp_path: Path) -> None:
    """`docs/generate.py --check` finds no page that differs from the code."""
    # The generator's own folder must be found first, which PYTHONSAFEPATH forbids; the packages are the installed ones.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_shown_must_be_what_is_printed() -> None:
    """A block that prints other words, fewer lines, or anything where nothing is shown, does not pass."""
    page = "```python\nprint('one')\nprint('two')\n```\n\n```text\none\n{}\n```\n"
    for shown, passes in (("two", True), ("tw…", True), ("three", False), ("two\nthree", False)):
        outcomes = [same(expected, printed) for _, expected, printed in run_page(page.format(shown), "page.md")]
        assert outcomes == [passes], shown
    silent = "```python\nprint('one')\n```\n\nSome words between.\n"
    assert [same(expected, printed) for _, expected, printed in run_page(silent, "page.md")] == [False]


def test_a_text_block_that_shows_no_output_is_refused() -> None:
    """Output that stands apart from the block that prints it would never be compared."""
    with pytest.raises(AssertionError, match="output of the python block before it"):
        list(run_page("```python\nx = 1\n```\n\nSome words between.\n\n```text\none\n```\n", "page.md"))


def test_a_failing_example_names_its_line_of_the_page() -> None:
    """An exception in an example points to the line of the Markdown file."""
    page = "Words.\n\n```python\nx = 1\nraise ValueError('here')\n```\n"
    with pytest.raises(ValueError, match="here") as caught:
        list(run_page(page, "page.md"))
    frames = [frame for frame in caught.traceback if str(frame.path).endswith("page.md")]
    assert [frame.lineno + 1 for frame in frames] == [5]
