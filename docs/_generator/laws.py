"""contract-laws.md: what every storage adapter must pass, from the docstrings of the tests that check it."""

import ast

from _generator.markdown import page, prose
from _generator.source import modules_of

PACKAGE = "ledger_core.testing"
CONTRACT = "RepositoryContract"

INTRODUCTION = """\
`ledger_core.testing.RepositoryContract` is public: an author of a storage adapter subclasses it, overrides the fixture
`opener`, and runs it with pytest. Each test is one law, and its docstring is the law. See
[how to write an adapter](../how-to/write-an-adapter.md).
"""


def files() -> dict[str, str]:
    """Return the page."""
    modules = modules_of(PACKAGE)
    classes = {
        node.name: (name, node)
        for name, module in modules.items()
        for node in module.body
        if isinstance(node, ast.ClassDef)
    }
    _, contract = classes[CONTRACT]
    parts = []
    for base in contract.bases:
        assert isinstance(base, ast.Name), CONTRACT
        module, node = classes[base.id]
        parts.append(_section(node, prose(ast.get_docstring(modules[module]))))
    return {"contract-laws.md": page("Laws of a storage adapter", INTRODUCTION, *parts)}


def _section(cls: ast.ClassDef, introduction: str) -> str:
    laws = [node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    lines = [f"## {cls.name}", introduction]
    lines.append("\n".join(_law(node) for node in laws))
    return "\n\n".join(lines)


def _law(node: ast.FunctionDef) -> str:
    text = " ".join(prose(ast.get_docstring(node)).split())
    over = [_parameters(decorator) for decorator in node.decorator_list]
    repeated = "".join(f" *For every {name}.*" for name in over if name)
    return f"- **{node.name.removeprefix('test_').replace('_', ' ')}**: {text}{repeated}"


def _parameters(decorator: ast.expr) -> str:
    if not (isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("mark.parametrize")):
        return ""
    names, values = decorator.args[0], decorator.args[1]
    given = ast.literal_eval(names)
    text = " and ".join([given] if isinstance(given, str) else given).replace("_", " ")
    return f"{text} of `{ast.unparse(values)}`" if isinstance(values, ast.Name) else text
