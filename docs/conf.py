"""Sphinx's settings: nothing is fetched from anywhere, now or by a reader's browser."""

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

project = "StrategyLedger"
author = "The StrategyLedger authors"
copyright = author  # noqa: A001  # Sphinx's own name
version = release = version_of("strategy-ledger")

extensions = ["myst_parser"]
exclude_patterns = ["_data", "_generator", "_static"]
nitpicky = True

myst_enable_extensions = ["colon_fence"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"StrategyLedger {version}"
html_static_path = ["_static"]
html_css_files = ["ledger.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False


class Mermaid(SphinxDirective):
    """Show the drawing that the first line of a Mermaid text names; the text itself is for sites that render it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Put the drawing in place, to be scrolled where it is wider than the page."""
        name = self.content[0].removeprefix("%%").strip()
        drawing = Path(self.env.doc2path(self.env.docname)).parent / name
        self.env.note_dependency(str(drawing))
        html = f'<div class="drawing">{drawing.read_text("utf-8")}</div>'
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what the pages use."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
