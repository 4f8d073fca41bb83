"""A whole move beside Redis ``MIGRATE`` of a key as large, between the same two servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

from benchmarks import load
from benchmarks.context import Context
from benchmarks.load import Running
from benchmarks.medians import median, ratios, summarize
from benchmarks.migrate import Migration
from benchmarks.moves import CallFailed
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.peak import PeakMemory
from benchmarks.sessions import KIB, MIB, SHAPES, Contents, fill, size_name
from benchmarks.trees import Tree

NAME = "move"

_MOVERS = ("migrate-session", "offload-session", "force-offload", "force-onload")

_WARM_ROUND_TRIPS = 10

_METHOD = """\
A session goes up from edge-a to city by `force-offload` and home by `force-onload`, each timed from
the call to the gateway to its answer. Each move is followed by Redis' own `MIGRATE … COPY REPLACE`
of one key with as many bytes in the same pieces (a hash for values, a list for a list), in the same
direction between the same two servers; a ratio is that of two neighbours. The text does not
compress. *Written to*: a client sends one get + one set after the other to the session during each
move; `MIGRATE` is measured without one. Twenty moves that are not counted come first, so that all
connections are open. Peak memory is that of the largest function process of the move
(VmHWM) above what it took when idle."""


@dataclass
class Case:
    """One session and its moves, milliseconds; memory in MiB above idle."""

    size: int
    shape: str
    is_written: bool
    moves_ms: list[float] = field(default_factory=list)
    migrate_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Say what is moved."""
        state = "written to" if self.is_written else "idle"
        return f"{size_name(self.size)}, {self.shape}, {state}"

    @property
    def count(self) -> int:
        """How many values or elements it has."""
        return Contents.of(self.shape, self.size).count

    @property
    def ratio(self) -> float:
        """The median of a move's time to that of its ``MIGRATE``."""
        return median(ratios(self.moves_ms, self.migrate_ms))


def run(context: Context) -> Outcome:
    """Move sessions of all sizes and shapes there and back."""
    cases, failures = [], []
    planned = [
        (size, shape, is_written)
        for size in context.scale.move_sizes
        for shape in SHAPES
        for is_written in (False, True)
        if not is_written or shape in context.scale.written_shapes
    ]
    tree = context.tree
    _warm_up(tree)
    memory = PeakMemory(tree.processes("edge-a", *_MOVERS) + tree.processes("city", *_MOVERS))
    for number, choice in enumerate(planned):
        case = Case(*choice)
        context.progress(number / len(planned), case.name)
        try:
            failures += _measure(tree, case, memory, context.scale.move_repetitions)
            cases.append(case)
        except CallFailed as error:
            failures.append(f"{case.name}: {error}")
    return Outcome(
        name=NAME,
        title="A move",
        method=_METHOD,
        rows=[*_times(cases), *_memory(cases, memory.idle)],
        claims=list(_claims(cases)),
        samples=dict(_samples(cases)),
        failures=failures,
    )


def _warm_up(tree: Tree) -> None:
    """Let every thread that takes part in moves open its connections."""
    fill(tree, "edge-a", "moved-to-warm-up", Contents.of(SHAPES[0], KIB))
    for move in (tree.operator.offload, tree.operator.onload) * _WARM_ROUND_TRIPS:
        move("edge-a", "moved-to-warm-up")


def _measure(tree: Tree, case: Case, memory: PeakMemory, round_trips: int) -> list[str]:
    session = case.name.replace(", ", "-").replace(" ", "-")
    contents = Contents.of(case.shape, case.size)
    fill(tree, "edge-a", session, contents)
    migration = Migration(tree, "edge-a", "city", f"reference:{session}", contents)
    plan, errors = tree.plan("edge-a", "pair", session), list[str]()
    for move in (tree.operator.offload, tree.operator.onload) * round_trips:
        memory.begin()
        with load.sending([plan]) if case.is_written else nullcontext() as clients:
            case.moves_ms.append(move("edge-a", session).ms)
        errors += _errors(clients)
        case.memory_mib.append(memory.above_idle() / MIB)
        case.migrate_ms.append(migration.run())
    migration.clean_up()
    return errors


def _errors(clients: Running | None) -> list[str]:
    return list(clients.window.errors) if clients else []


def _times(cases: list[Case]) -> Iterator[Row]:
    for case in cases:
        yield Row.against(f"{case.name}, against MIGRATE", "ms", case.moves_ms, case.migrate_ms)


def _memory(cases: list[Case], idle: int) -> Iterator[Row]:
    beside = summarize([idle / MIB])
    for case in cases:
        label = f"peak memory above idle, {case.name}, beside the idle size"
        yield Row(label, "MiB", summarize(case.memory_mib), beside)


def _claims(cases: list[Case]) -> Iterator[Claim]:
    idle = [case for case in cases if not case.is_written]
    sizes = {case.size for case in idle}
    size = 64 * MIB if 64 * MIB in sizes else max(sizes)
    large = max((case for case in idle if case.size == size), key=lambda case: case.ratio)
    what = f"{size_name(size)}, {large.shape}, the slowest of three shapes"
    yield Claim("move.ratio", large.ratio, what)
    keys = max((c for c in idle if "keys" in c.shape), key=lambda case: (case.count, -case.size))
    yield Claim("move.keys", keys.ratio, f"{keys.count:,} keys of {keys.size // keys.count} B")
    size, peak = max((case.size, max(case.memory_mib)) for case in cases)
    yield Claim("move.memory", peak, f"{size_name(size)}, the worst of all shapes")


def _samples(cases: list[Case]) -> Iterator[tuple[str, list[float]]]:
    for case in cases:
        if not case.is_written:
            yield f"ours|{case.shape}|{case.size}", case.moves_ms
            yield f"migrate|{case.shape}|{case.size}", case.migrate_ms
