"""What a benchmark is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import medians, trees
from benchmarks.sessions import KIB, MIB, SHAPES
from benchmarks.trees import Tree

Result = TypeVar("Result")


@dataclass(frozen=True)
class Scale:
    """How much is measured; sizes in bytes, windows in seconds, a move repeated there and back."""

    repetitions: int
    window_s: float
    move_sizes: tuple[int, ...]
    move_repetitions: int
    written_shapes: tuple[str, ...]
    pause_sizes: tuple[int, int]
    pause_moves: int
    timeline_size: int
    crowds: tuple[int, ...]
    populations: tuple[int, ...]
    idle_sessions: int
    pointers: int
    copies: int
    announcements: int
    drained: int
    drains: int
    slot_moves: int
    newcomers: int


FULL = Scale(
    repetitions=11,
    window_s=1.0,
    move_sizes=(KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB, 256 * MIB),
    move_repetitions=3,
    written_shapes=SHAPES,
    pause_sizes=(KIB, 64 * MIB),
    pause_moves=50,
    timeline_size=64 * MIB,
    crowds=(2, 8, 32),
    populations=(10**3, 10**5, 10**6),
    idle_sessions=2000,
    pointers=500,
    copies=100_000,
    announcements=200,
    drained=10_000,
    drains=3,
    slot_moves=10,
    newcomers=5000,
)

QUICK = Scale(
    repetitions=3,
    window_s=0.7,
    move_sizes=(KIB, MIB, 16 * MIB),
    move_repetitions=2,
    written_shapes=SHAPES[:1],
    pause_sizes=(KIB, 16 * MIB),
    pause_moves=8,
    timeline_size=16 * MIB,
    crowds=(4, 16),
    populations=(10**3, 10**5),
    idle_sessions=500,
    pointers=60,
    copies=20_000,
    announcements=20,
    drained=1000,
    drains=1,
    slot_moves=2,
    newcomers=500,
)


class Context:
    """The scale, a tree that is started when it is first asked for, and a progress bar.

    Benchmarks share the tree unless they ask for a :meth:`fresh_tree`. ``on_progress`` is told
    how much of the running benchmark is done, from 0 to 1, and at what it is.
    """

    def __init__(
        self, scale: Scale, folder: Path, on_progress: Callable[[float, str], None]
    ) -> None:
        self.scale = scale
        self.folder = folder
        self.progress = on_progress
        self._trees = ExitStack()
        self._tree: Tree | None = None
        self._started = 0

    @property
    def tree(self) -> Tree:
        """The shared tree of four nodes."""
        return self._tree or self.fresh_tree()

    def fresh_tree(self) -> Tree:
        """Stop the shared tree and start another in its place."""
        self.close()
        self._started += 1
        self.progress(0, "a tree starts")
        folder = self.folder / f"tree-{self._started}"
        self._tree = self._trees.enter_context(trees.tree(folder))
        return self._tree

    def close(self) -> None:
        """Stop the shared tree."""
        self._tree = None
        self._trees.close()

    def interleaved(
        self, choices: Mapping[str, Callable[[], Result]], repetitions: int
    ) -> dict[str, list[Result]]:
        """Measure A, B, A, B, ... and show how far it is."""
        total, done = len(choices) * repetitions, 0

        def shown(name: str, measure: Callable[[], Result]) -> Result:
            nonlocal done
            self.progress(done / total, name)
            done += 1
            return measure()

        steps = {name: (lambda n=name, m=m: shown(n, m)) for name, m in choices.items()}
        return medians.interleaved(steps, repetitions)
