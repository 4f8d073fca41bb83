"""What the tests need to know of Markdown: blocks, tables, headings, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])

_FENCE = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]+?) -->\n)?^(?P<indent> *)```(?P<language>\w*)\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block; ``marker`` is the comment in the line before, '' without one."""

    document: Path
    line: int
    marker: str
    language: str
    text: str

    def __str__(self) -> str:
        """Give the place, as editors understand it."""
        return f"{self.document.relative_to(PROJECT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that this block is the content of."""
        return self.marker.removeprefix("file: ") if self.marker.startswith("file: ") else None


def blocks(*languages: str, documents: list[Path] = DOCUMENTS) -> list[Block]:
    """Give the blocks in these languages, in their order."""
    found = [block for document in documents for block in _blocks(document)]
    return [block for block in found if block.language in languages]


def _blocks(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        indent = match["indent"]
        body = re.sub(rf"^{indent}", "", match["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(document, line, match["marker"] or "", match["language"], body)


def prose(document: Path) -> str:
    """Give a document without its blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def table(document: Path, after: str) -> list[list[str]]:
    """Give the cells of the first table after some text; its head is not among them."""
    text = document.read_text(encoding="utf-8").partition(f"{after}\n")[2]
    rows = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert rows, f"{document.name}: no table after {after!r}"
    return [_cells(row) for row in rows[0].splitlines()[2:]]


def _cells(row: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", row.strip().removeprefix("|").removesuffix("|"))
    return [cell.strip().replace(r"\|", "|") for cell in cells]


def code(cell: str) -> str:
    """Give the first code span in a cell, '' without one."""
    match = re.search(r"`([^`]*)`", cell)
    return match[1] if match else ""


def links(document: Path) -> list[str]:
    """Give the targets of all links in the prose."""
    return _LINK.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """Give the anchors of all headings, as GitHub makes them."""
    return {_anchor(heading) for heading in _HEADING.findall(prose(document))}


def _anchor(heading: str) -> str:
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
