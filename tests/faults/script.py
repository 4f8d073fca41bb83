"""What clients and movers set out to do: drawn from the seed alone, whatever comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from edgedb.wire.choices import OffloadStatus, Policy
from tests.linearizability.history import Kind

REGISTERS, LISTS = ("r0", "r1"), ("l0", "l1")
HOMES = ("edge-a", "edge-b", "city", "edge-a", "edge-b")
SESSIONS = 24
SESSIONS_OF_A_CLIENT = 4
HEAVY_BYTES = 60_000
"""The most padding of a value in a heavy session; a packet ends after 1 MiB."""

LONGEST_DWELL_S = 0.3
"""In one call of five: so that faults and moves meet requests that are running."""

KINDS = {Kind.WRITE: 3, Kind.APPEND: 4, Kind.READ: 2, Kind.LIST: 1}
MEAN_PAUSE_S = 0.06
"""Between two calls of a client."""

MEAN_MOVER_PAUSE_S = 0.1
LARGEST_BATCH = 12


@dataclass(frozen=True)
class Subject:
    """A session of the run; ``home`` is the location where it begins."""

    session: str
    home: str
    is_heavy: bool

    @property
    def below_root(self) -> tuple[str, ...]:
        """The locations on its path that can be told to move it."""
        return (self.home,) if self.home == "city" else (self.home, "city")


SUBJECTS = tuple(
    Subject(f"ledger {n}", HOMES[n % len(HOMES)], is_heavy=n < 3) for n in range(SESSIONS)
)


@dataclass(frozen=True)
class Call:
    """One call of a client.

    ``name`` is that of the value written, no two are the same; ``padding`` is how many bytes
    come after it. ``is_patient``: it is repeated until its outcome is known. ``is_locked``: a
    read waits its turn as writes do. ``is_told``: the locations up to the root hear of an
    append. ``is_repeated``: an older write is sent again after it. ``dwell_s``: how long its
    handler takes.
    """

    subject: Subject
    kind: Kind
    key: str
    name: str
    padding: int = 0
    is_patient: bool = True
    is_locked: bool = False
    is_told: bool = False
    is_repeated: bool = False
    dwell_s: float = 0.0
    pause_s: float = 0.0

    @property
    def body(self) -> str:
        """What is written."""
        return f"{self.name}:{self.padding}:{'.' * self.padding}" if self.padding else self.name


def calls(seed: int, client: int, subjects: Sequence[Subject] = SUBJECTS) -> Iterator[Call]:
    """Draw what a client calls, without end."""
    chance, n = Random(f"{seed} client {client}"), 0
    # each has one of its own in either half, others by chance
    own = [subjects[(client + shift) % len(subjects)] for shift in (0, len(subjects) // 2)]
    mine = [*own, *chance.sample(subjects, SESSIONS_OF_A_CLIENT - len(own))]
    while True:
        n += 1
        subject = chance.choice(mine)
        [kind] = chance.choices(list(KINDS), list(KINDS.values()))
        yield Call(
            subject,
            kind,
            key=chance.choice(REGISTERS if kind in {Kind.WRITE, Kind.READ} else LISTS),
            name=f"{client}-{n}",
            padding=_padding(chance, subject),
            is_patient=chance.random() < 0.9,
            is_locked=chance.random() < 0.3,
            is_told=chance.random() < 0.05,
            is_repeated=chance.random() < 0.05,
            dwell_s=round(chance.uniform(0, LONGEST_DWELL_S), 3) if chance.random() < 0.2 else 0.0,
            pause_s=chance.expovariate(1 / MEAN_PAUSE_S),
        )


def _padding(chance: Random, subject: Subject) -> int:
    size = chance.randrange(HEAVY_BYTES) if chance.random() < 0.2 else 0
    return size if subject.is_heavy else size // 500


@dataclass(frozen=True)
class Action:
    """One call of a mover: an endpoint of the oracle and its parameters, at each of ``at``.

    It is done with the first location that does it: the mover does not know where a session is.
    """

    endpoint: str
    at: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    pause_s: float


def actions(seed: int, mover: int, subjects: Sequence[Subject] = SUBJECTS) -> Iterator[Action]:
    """Draw what a mover does, without end."""
    chance = Random(f"{seed} mover {mover}")
    draws = {_offload_one: 7, _onload_one: 7, _offload_any: 2, _offload_many: 5, _onload_many: 5}
    draws[_set_status] = 1
    while True:
        [draw] = chance.choices(list(draws), list(draws.values()))
        endpoint, at, query = draw(chance, chance.choice(subjects))
        yield Action(endpoint, at, tuple(query.items()), chance.expovariate(1 / MEAN_MOVER_PAUSE_S))


Drawn = tuple[str, tuple[str, ...], dict[str, str]]


def _offload_one(_: Random, subject: Subject) -> Drawn:
    return "force-offload", subject.below_root, {"session": subject.session}


def _onload_one(chance: Random, subject: Subject) -> Drawn:
    to = (chance.choice(subject.below_root),)
    return "force-onload", to, {"session": subject.session}


def _offload_any(chance: Random, subject: Subject) -> Drawn:
    return "force-offload", (subject.home,), {"policy": chance.choice(list(Policy))}


def _offload_many(chance: Random, subject: Subject) -> Drawn:
    at = (chance.choice(subject.below_root),)
    return "force-offload", at, {"count": str(chance.randint(2, LARGEST_BATCH))}


def _onload_many(chance: Random, subject: Subject) -> Drawn:
    at = (chance.choice(subject.below_root),)
    return "force-onload", at, {"count": str(chance.randint(2, LARGEST_BATCH))}


def _set_status(chance: Random, _: Subject) -> Drawn:
    return "set-offload-status", ("city",), {"status": chance.choice(list(OffloadStatus))}
