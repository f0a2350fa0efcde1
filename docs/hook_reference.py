"""The reference of the hooks: what `autolog/hookspecs.py` says, as a page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["hooks"]

_SOURCE = Path(__file__).parents[1] / "autolog" / "hookspecs.py"
_SECTION = re.compile(r"# ---- (.+)")
_NAMED = re.compile(r"(\w+): (.*)")


def hooks() -> str:
    """Give a section for each section of the contract: its hooks, and the types that they take and give."""
    return "\n\n".join(filter(None, _parts(_SOURCE.read_text("utf-8"))))


def _parts(source: str) -> Iterator[str]:
    titles = {number: found[1] for number, line in enumerate(source.splitlines(), 1) if (found := _SECTION.match(line))}
    body = ast.parse(source).body
    for node, behind in zip(body, [*body[1:], None], strict=True):
        for number in [each for each in titles if each < node.lineno]:
            yield f"## {titles.pop(number).capitalize()}"
        if isinstance(node, ast.FunctionDef):
            yield from _hook(node)
        elif isinstance(node, ast.ClassDef):
            yield from _type(node)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias" and node.value is not None:
            yield f"### {ast.unparse(node.target)}"
            yield _code(ast.unparse(node.value).strip("'"))
            yield _said_of(behind)


def _said_of(behind: ast.stmt | None) -> str:
    """Give the text that stands behind a name."""
    if isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant):
        return str(behind.value.value)
    return ""


def _hook(node: ast.FunctionDef) -> Iterator[str]:
    yield f"### {node.name}"
    yield _code(_signature(node))
    if any("firstresult" in ast.unparse(each) for each in node.decorator_list):
        yield "Asked of one plugin after another; the first answer that is not None counts."
    yield _prose(node)


def _type(node: ast.ClassDef) -> Iterator[str]:
    yield f"### {node.name}"
    yield _prose(node)
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    if fields:
        yield _code("\n".join(map(ast.unparse, fields)))
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            yield _code(_signature(each))
            yield _prose(each)


def _code(text: str) -> str:
    return f"```text\n{text}\n```"


def _signature(node: ast.FunctionDef) -> str:
    given = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    taken = re.sub(r"^self(, )?", "", ast.unparse(node.args))
    is_property = any(ast.unparse(each) == "property" for each in node.decorator_list)
    return f"{node.name}: {given[4:]}" if is_property else f"{node.name}({taken}){given}"


def _prose(node: ast.FunctionDef | ast.ClassDef) -> str:
    """Give a docstring as Markdown: what it says of each argument is an item of a list."""
    lines: list[str] = []
    for line in (ast.get_docstring(node) or "").splitlines():
        if line.startswith("        "):
            lines.append(f"  {line.strip()}")
        elif line.startswith("    "):
            lines.append("- " + _NAMED.sub(r"`\1`: \2", line.strip(), count=1))
        else:
            lines += {"Args:": [], "Raises:": ["It may raise:", ""], "Returns:": ["It gives:", ""]}.get(line, [line])
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
