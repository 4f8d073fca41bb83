"""One tree for all documents, started as they say."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.running import RunningTree
from tests.docs.markdown import PROJECT, blocks
from tests.docs.shell import Outcome, Step, lines, run
from tests.support.stacks import SHOP, write_examples

FIRST_PORT = 31112
STATE_FOLDER = ".edgectl"  # where the documents' commands look for it


@dataclass(frozen=True)
class Tutorial:
    """A folder like the repository, with what the documents put there, and the tree in it.

    ``ports`` are the real ones of the gateways by those in the documents.
    """

    folder: Path
    environment: Mapping[str, str]
    ports: Mapping[str, str]

    def run(self, todo: list[Step]) -> list[Outcome]:
        """Run steps of the documents; gives what they print in the documents' ports."""
        here = [Step(step.place, self._here(step.command), step.expected) for step in todo]
        back = {real: documented for documented, real in self.ports.items()}
        return [
            Outcome(step, _exchange(outcome.printed, back), outcome.status)
            for step, outcome in zip(todo, run(here, self.folder, self.environment), strict=True)
        ]

    def _here(self, text: str) -> str:
        return _exchange(text, self.ports)


def _exchange(text: str, ports: Mapping[str, str]) -> str:
    return re.sub(
        r"(127\.0\.0\.1:)(\d+)", lambda match: match[1] + ports.get(match[2], match[2]), text
    )


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tutorial]:
    """Start one tree with the functions of all documents, and stop it in the end."""
    folder = tmp_path_factory.mktemp("tutorial")
    for name in ("stack.yml", "functions", "template", *(f"examples/{name}" for name in SHOP)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(PROJECT / name)
    write_examples(folder / "examples" / "stack.yml", *SHOP)
    _write_files(folder)
    with RunningTree.up(folder / STATE_FOLDER, *_stacks(), folder=folder) as running:
        ports = {
            str(FIRST_PORT + number): running.gateway(location).rpartition(":")[2]
            for number, location in enumerate(running.locations)
        }
        yield Tutorial(folder, _environment(folder), ports)


def _write_files(folder: Path) -> None:
    for block in blocks("python", "yaml"):
        if block.file is not None:
            (folder / block.file).parent.mkdir(exist_ok=True)
            (folder / block.file).write_text(block.text, encoding="utf-8")


def _stacks() -> Iterator[str]:
    """Give every stack file with which a block that is run starts a tree."""
    run_here = [block for block in blocks("console") if block.marker == "run"]
    commands = [line.words for block in run_here for line in lines(block)]
    ups = [words for words in commands if words[:2] == ["edgectl", "up"]]
    files = [words[at + 1] for words in ups for at, word in enumerate(words) if word == "--stack"]
    yield from (f"--stack={file}" for file in dict.fromkeys(files))


def _environment(folder: Path) -> dict[str, str]:
    (folder / ".curlrc").write_text("silent\nshow-error\nmax-time = 30\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "CURL_HOME": str(folder)}
