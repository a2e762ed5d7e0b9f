"""What only the source says: comments on the lines of tables and enum members, docstrings of tests."""

import ast
import inspect
import io
import tokenize
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def comments_of(source: str) -> Mapping[int, str]:
    """Return the comment of each line that has one, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("#").strip() for token in tokens if token.type == tokenize.COMMENT}


def row_comments(module: ModuleType, name: str) -> list[str]:
    """Return the comment on each row of a tuple of rows, "" where there is none."""
    source = inspect.getsource(module)
    comments = comments_of(source)
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            assert isinstance(node.value, ast.Tuple), name
            return [comments.get(row.end_lineno or 0, "") for row in node.value.elts]
    raise LookupError(f"{module.__name__} has no table {name}")


def member_comments(cls: type) -> dict[str, str]:
    """Return the comment on the line of each member of an enum, "" where there is none."""
    source = inspect.getsource(cls)
    comments = comments_of(inspect.cleandoc(source) if source.startswith(" ") else source)
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef), cls
    return {
        statement.targets[0].id: comments.get(statement.end_lineno or 0, "")
        for statement in node.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }


def modules_of(package: str) -> dict[str, ast.Module]:
    """Return the parsed modules of a package, by name, without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"{package} is not an installed package")
    (folder,) = spec.submodule_search_locations
    return {path.stem: ast.parse(path.read_text("utf-8")) for path in sorted(Path(folder).glob("*.py"))}
