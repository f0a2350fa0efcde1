"""How much code there is, as its author counts it."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

__all__ = ["code_lines"]

_EMPTY = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(place: Path) -> int:
    """Count the lines of code in a module or a package: all but empty ones, comments and docstrings."""
    paths = [place] if place.is_file() else place.rglob("*.py")
    return sum(len(_lines(path.read_text("utf-8"))) for path in paths)


def _lines(text: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {line for each in tokens if each.type not in _EMPTY for line in range(each.start[0], each.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines
