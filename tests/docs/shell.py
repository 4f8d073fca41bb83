"""Run the commands of a document in one shell, and compare what they print."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.markdown import Block

_END = re.compile(r"\n@@ (\d+)\n")


@dataclass(frozen=True)
class Step:
    """One command; ``expected`` is what it prints, None where the document does not say."""

    place: str
    command: str
    expected: str | None = None


@dataclass(frozen=True)
class Line:
    """One simple command; ``variables`` are the assignments in front of it."""

    place: str
    variables: Mapping[str, str]
    words: list[str]

    def __str__(self) -> str:
        """Give the place and the command, as a test's name."""
        return f"{self.place} {' '.join(self.words[:3])}"

    @property
    def program(self) -> str:
        """What is run."""
        return self.words[0]


@dataclass(frozen=True)
class Outcome:
    """What a step printed, errors included, and its exit status."""

    step: Step
    printed: str
    status: int


def steps(block: Block) -> list[Step]:
    """Give the commands of a block; all lines of a script are one."""
    if block.language == "console":
        return list(_console(block))
    if block.language == "python":
        return [Step(str(block), f"python - <<'PYTHON'\n{block.text}PYTHON")]
    return [Step(str(block), block.text)]


def _console(block: Block) -> Iterator[Step]:
    """Read a session: ``$ `` begins a command, ``> `` continues it, the rest is printed."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        first, *others = part.splitlines()
        while others and (first.endswith("\\") or others[0].startswith("> ")):
            first += "\n" + others.pop(0).removeprefix("> ")
        yield Step(str(block), first, "\n".join(others))


def lines(block: Block) -> list[Line]:
    """Give the simple commands of a block, without what follows ``&&``, ``|`` or ``>``."""
    texts = [re.sub(r"\\\n\s*", "", step.command) for step in steps(block)]
    return [_line(str(block), text) for text in "\n".join(texts).splitlines() if text.strip()]


def _line(place: str, text: str) -> Line:
    words = shlex.split(text.strip(), comments=True)
    end = next((i for i, word in enumerate(words) if word in {"&&", "||", "|", ">"}), len(words))
    first = next(
        i for i, word in enumerate(words) if not re.match(r"[A-Z_]+=", word) or i == end - 1
    )
    variables = dict(word.split("=", 1) for word in words[:first])
    return Line(place, variables, words[first:end])


def run(todo: list[Step], folder: Path, environment: Mapping[str, str]) -> list[Outcome]:
    """Run steps one after the other, as if typed into one shell."""
    script = "".join(f"{{ {step.command}\n}}\nprintf '\\n@@ %d\\n' $?\n" for step in todo)
    done = subprocess.run(
        ["bash"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment,
        timeout=240,
        check=False,
    )
    parts = _END.split(done.stdout.replace("\r", ""))
    assert len(parts) == 2 * len(todo) + 1, done.stdout
    return [
        Outcome(step, printed, int(status))
        for step, printed, status in zip(todo, parts[::2], parts[1::2], strict=False)
    ]


def matches(expected: str, printed: str) -> bool:
    """Compare; ``...`` alone in a line is any lines, elsewhere any characters of a line."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
        for line in expected.strip().splitlines()
    )
    return re.fullmatch(pattern, printed.strip() + "\n" if printed.strip() else "") is not None
