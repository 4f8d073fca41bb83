"""A copy of the repository to put faults into, and pytest on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree

from tests.mutants.mutant import Mutant

PROJECT = Path(__file__).parents[2]
TIMEOUT_S = 60  # of one test
OUTPUT_LINES = 30
SENSELESS = ("ResponseError", "SyntaxError", "NameError", "ImportError")
"""Errors of a mutant that is no program: a test that ends with one proves nothing."""


class Outcome(StrEnum):
    """What became of a mutant; only *killed* is good."""

    KILLED = "killed"
    SURVIVED = "survived"
    SENSELESS = "senseless"
    """No test has failed as a test fails: an error outside of it, or of the mutant's text."""


@dataclass(frozen=True)
class Report:
    """What pytest said: its exit code, the texts of failures and errors, the output's end."""

    code: int
    failures: Sequence[str]
    errors: Sequence[str]
    output: str

    @property
    def outcome(self) -> Outcome:
        """Say what it means for the mutant that was in place."""
        if self.code == 0:
            return Outcome.SURVIVED
        said = any(name in text for text in self.failures for name in SENSELESS)
        is_killed = self.code == 1 and self.failures and not self.errors and not said
        return Outcome.KILLED if is_killed else Outcome.SENSELESS


@dataclass(frozen=True)
class Trial:
    """What one mutant has shown, and in which time."""

    mutant: Mutant
    outcome: Outcome
    seconds: float
    output: str


class Workshop:
    """Works on the copy in ``folder``; the repository itself is only read."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "copy"
        self._result = folder / "result.xml"
        for name in _files():
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target, follow_symlinks=False)

    def run(self, tests: Sequence[str], *options: str, keeps_bytecode: bool = True) -> Report:
        """Run tests in the copy as it is now; what bytecode is kept makes later runs faster."""
        self._result.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutants.origin"]
        done = subprocess.run(
            [*command, f"--timeout={TIMEOUT_S}", f"--junit-xml={self._result}", *options, *tests],
            cwd=self.root,
            env=_environment(keeps_bytecode=keeps_bytecode),
            capture_output=True,
            text=True,
            check=False,
        )
        output = (done.stdout + done.stderr).splitlines()[-OUTPUT_LINES:]
        failures, errors = self._found("failure"), self._found("error")
        return Report(done.returncode, failures, errors, "\n".join(output))

    def _found(self, kind: str) -> list[str]:
        if not self._result.exists():
            return []
        document = ElementTree.parse(self._result)
        return [(found.get("message") or "") + (found.text or "") for found in document.iter(kind)]

    def try_out(self, mutant: Mutant) -> Trial:
        """Put a fault in, see whether its test fails, and take it out again."""
        began = time.monotonic()
        with self._mutated(mutant):
            report = self.run([mutant.test], "-x", keeps_bytecode=False)
        return Trial(mutant, report.outcome, time.monotonic() - began, report.output)

    @contextmanager
    def _mutated(self, mutant: Mutant) -> Iterator[None]:
        """Replace a file; the original keeps its time, by which its bytecode is known."""
        file, kept = self.root / mutant.file, self.root / f"{mutant.file}.original"
        mutated = mutant.apply_to(self.root)
        file.rename(kept)
        try:
            file.write_text(mutated)
            yield
        finally:
            kept.replace(file)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Make a copy that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="edge-mutants-") as folder:
        yield Workshop(Path(folder))


def _files() -> list[str]:
    """Name what the repository has or will have: no environments, no leftovers of runs."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    names = (name for name in listed.stdout.split("\0") if name)
    return [name for name in names if os.path.lexists(PROJECT / name)]


def _environment(*, keeps_bytecode: bool) -> dict[str, str]:
    """Give an environment in which nothing but the command line tells pytest what to do."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PY")}
    return {**inherited, "PYTHONDONTWRITEBYTECODE": "" if keeps_bytecode else "1"}
