"""One fault: where it is put, and the test that must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class BadMutant(Exception):
    """The mutant's text is not in its file exactly once, or makes no Python of it."""


@dataclass(frozen=True)
class Mutant:
    """A fault by name.

    ``invariant``: which of I1 to I6 of ``docs/protocol.md`` it attacks; ``breaks``: what goes
    wrong with it; ``file``: from the repository's root; ``before`` is replaced by ``after``;
    ``test``: the node id of the test that must fail.
    """

    name: str
    invariant: str
    breaks: str
    file: str
    before: str
    after: str
    test: str

    def apply_to(self, root: Path) -> str:
        """Give the text of the mutated file; raises BadMutant."""
        text = (root / self.file).read_text()
        if (count := text.count(self.before)) != 1:
            raise BadMutant(f"{self.name}: its text is {count} times in {self.file}, not once")
        mutated = text.replace(self.before, self.after)
        if self.file.endswith(".py"):
            self._compile(mutated)
        return mutated

    def _compile(self, mutated: str) -> None:
        try:
            compile(mutated, self.file, "exec")
        except SyntaxError as error:
            raise BadMutant(f"{self.name}: {self.file} is no Python any more: {error}") from error
