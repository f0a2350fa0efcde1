"""The pages of the documentation: their blocks of code, and what else stands in them.

A block is told what it is by a comment on the line above it, which readers of the page do not see:

    <!-- file: NAME -->        it is that file of the page's example
    <!-- not run: REASON -->   it is a piece of a program that cannot run here

Other blocks of Python are, all together, the program of their page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "Block", "anchors", "blocks", "commands", "files", "links", "mentioned", "program"]

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@dataclass(frozen=True)
class Block:
    """A block of code.

    Args:
        line: of the page, counted from 0, on which the code begins.
        language: as the page names it; of one that is indented, none.
        text: the code.
        kind: `file` or `not run`, or nothing.
        about: the file's name, or the reason.
    """

    line: int
    language: str
    text: str
    kind: str = ""
    about: str = ""


def blocks(page: Path) -> list[Block]:
    """The blocks of code of a page."""
    tokens = _tokens(page)
    return [_block(token, before) for before, token in pairwise([None, *tokens]) if token.type in _CODE]


_CODE = ("fence", "code_block")


def _block(token: Token, before: Token | None) -> Block:
    mark = re.match(r"<!-- (file|not run): (.+) -->\s*\Z", before.content) if before is not None else None
    is_close = before is not None and before.map is not None and before.map[1] == token.map[0]
    line = token.map[0] + (token.type == "fence")
    return Block(line, token.info, token.content, *(mark.groups() if mark and is_close else ()))


def program(page: Path) -> str:
    """The page's program, each line where the page has it."""
    lines = [""] * len(page.read_text("utf-8").splitlines())
    for block in blocks(page):
        if block.language == "python" and not block.kind:
            code = block.text.splitlines()
            lines[block.line : block.line + len(code)] = code
    return "\n".join(lines)


def files(page: Path) -> dict[str, str]:
    """The files of the page's example, by name."""
    return {block.about: block.text for block in blocks(page) if block.kind == "file"}


def commands(page: Path) -> list[str]:
    """The lines that begin with `autolog`, of blocks for a shell."""
    shell = [block.text for block in blocks(page) if block.language in ("", "bash")]
    return [line for text in shell for line in text.splitlines() if line.startswith("autolog ")]


def mentioned(page: Path) -> list[str]:
    """The commands of autolog that the text speaks of."""
    return [
        each.content for each in _inline(page) if each.type == "code_inline" and each.content.startswith("autolog ")
    ]


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead."""
    found = [each.attrGet("href") or each.attrGet("src") for each in _inline(page)]
    return [str(target) for target in found if target]


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    tokens = _tokens(page)
    titles = [token.content for before, token in pairwise(tokens) if before.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))


def _inline(page: Path) -> Iterator[Token]:
    for token in _tokens(page):
        yield from token.children or ()
