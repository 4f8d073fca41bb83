"""What the documents point to is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.markdown import DOCUMENTS, PROJECT, anchors, blocks, links, prose

FOLDERS = ("docs", "edgectl", "edgedb", "examples", "functions", "template", "tests")

_PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")

INTERNAL = [
    (document, target)
    for document in DOCUMENTS
    for target in links(document)
    if not target.startswith("http")
]


def title(value: Path | str) -> str:
    return value.name if isinstance(value, Path) else value


@pytest.mark.parametrize(("document", "target"), INTERNAL, ids=title)
def test_a_link_leads_to_a_file_and_a_heading(document: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    file = (document.parent / name).resolve() if name else document
    assert file.is_relative_to(PROJECT)
    assert file.exists()
    assert not anchor or anchor in anchors(file)


@pytest.mark.parametrize("document", DOCUMENTS, ids=title)
def test_a_path_that_is_named_exists(document: Path) -> None:
    named = _PATH.findall(prose(document))
    assert [path for path in named if not (PROJECT / path).exists()] == []


def test_the_architecture_has_one_file_for_each_question_and_names_every_module() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    answers = re.findall(r"^\| .*\? \| `([\w./-]+\.py)` \|$", text, re.MULTILINE)
    assert len(set(answers)) == len(answers) == text.count("? | `")
    files = (PROJECT / "edgedb").rglob("*.py")
    modules = {str(f.relative_to(PROJECT)) for f in files if f.name != "__init__.py"}
    assert modules - set(answers) == set()


def test_the_architecture_names_every_folder() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = {f.parent for root in ("edgedb", "edgectl") for f in (PROJECT / root).rglob("*.py")}
    above = {f.parent for f in PROJECT.glob("*/__init__.py")} | packages
    assert [f for f in above if f"| `{f.relative_to(PROJECT)}/` |" not in text] == []


def test_the_architecture_shows_the_layers_that_are_checked() -> None:
    configuration = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = configuration["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    shown = blocks("text", documents=[PROJECT / "docs" / "architecture.md"])[0].text
    assert shown.replace("·", ":").splitlines() == layers


@pytest.mark.parametrize("folder", ["edgedb", "edgectl", "functions", "template", "examples"])
def test_what_the_code_cites_is_there(folder: str) -> None:
    sources = [f for f in (PROJECT / folder).rglob("*") if f.suffix in {".py", ".lua"}]
    cited = [
        c for f in sources for c in re.findall(r"(docs/[\w-]+\.\w+)(?:#([\w-]+))?", f.read_text())
    ]
    assert [name for name, _ in cited if not (PROJECT / name).exists()] == []
    assert [c for c in cited if c[1] and c[1] not in anchors(PROJECT / c[0])] == []
    elsewhere = re.compile(r"\bdesign(?:,|'s)? section|\(seed\b|\bthe seed\b", re.IGNORECASE)
    assert [f for f in sources if elsewhere.search(f.read_text())] == []
