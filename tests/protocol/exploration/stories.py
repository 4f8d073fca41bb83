"""Stories: what clients, oracles and chance do one after the other or two at a time, as text.

One line is one deed, or two that go on at the same time, and the faults they meet::

    write s edge-a one
    offload edge-a s & write s edge-a two | a@12 crash-after, b@3 give-way
    wait 4
    tick town

``a`` is a line's first deed, ``b`` its second. Where the first line is ``paged``, even small
sessions are moved in pages. Whatever a story leaves behind must be mended by one tick of every
node: :meth:`Storyteller.end` checks the same as after every schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from tests.protocol.exploration import invariants
from tests.protocol.exploration.history import History, Write
from tests.protocol.exploration.schedule import Event, parse_events
from tests.protocol.exploration.world import Body, World

FOUR_LEVELS: dict[str, Any] = {
    "levels": ["cloud", "city", "town", "edge"],
    "locations": {
        "cloud": {"gateway": "http://cloud"},
        "city": {"parent": "cloud", "gateway": "http://city"},
        "town": {"parent": "city", "gateway": "http://town"},
        "edge-a": {"parent": "town", "gateway": "http://edge-a"},
        "edge-b": {"parent": "town", "gateway": "http://edge-b"},
    },
}

SESSIONS = [("s", "edge-a"), ("t", "edge-a"), ("s", "edge-b")]
"""Ids and homes; two clients chose the same id."""

PAGED = ("paged",)
LATE = ("late",)
"""What was delayed or paused comes now."""


@dataclass(frozen=True)
class Line:
    """One or two deeds, each a name and its arguments, and what they meet."""

    deeds: tuple[tuple[str, ...], ...]
    events: tuple[Event, ...] = ()

    def __str__(self) -> str:
        deeds = " & ".join(" ".join(deed) for deed in self.deeds)
        return f"{deeds} | {', '.join(map(str, self.events))}" if self.events else deeds

    @classmethod
    def parse(cls, text: str) -> Line:
        """Read the text form."""
        deeds, _, events = text.partition("|")
        return cls(tuple(tuple(d.split()) for d in deeds.split("&")), parse_events(events))


class Storyteller:
    """Lets stories happen in a world, each beginning with empty servers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deeds: dict[str, Callable[..., Body]] = {
            "write": self._write,
            "repeat": self._repeat,
            "read": self._read,
            "offload": self._offload,
            "offload-many": self._offload_many,
            "onload": self._onload,
            "status": self._status,
            "tick": world.tick,
            "wait": self._wait,
            "restart": self._restart,
        }
        self._limits = ExitStack()
        self.lines: list[Line] = []

    def begin(self) -> None:
        """Begin a story."""
        self.close()
        for client in self._world.stage.clients.values():
            client.flushall()
        self._world.tree.claim_all()
        self._world.stage.processes.clear()
        self._world.begin([History(session, home) for session, home in SESSIONS])
        self.lines = []

    def tell(self, line: Line) -> None:
        """Let a line happen."""
        self.lines.append(line)
        world, number = self._world, len(self.lines)
        world.stage.clock.advance(0.001)
        world.stage.events = [replace(e, activity=f"{number}{e.activity}") for e in line.events]
        if line.deeds == (PAGED,):
            self._limits.enter_context(world.tiny_pages())
        elif line.deeds == (LATE,):
            world.come_late(f"{number}late")
        else:
            bodies = [self._deeds[name](*arguments) for name, *arguments in line.deeds]
            world.play({f"{number}{a}": body for a, body in zip("ab", bodies, strict=False)})
        self._complain(world.stage.problems)

    def end(self) -> None:
        """Let faults end and every node tick, then check; the story may go on after that."""
        world = self._world
        world.stage.events = []
        world.come_late(f"late-{len(self.lines)}")
        world.outlast()
        world.tick_all("last")
        touched = [history for history in world.histories if history.writes]
        self._complain(world.stage.problems or invariants.check(world, touched))

    def close(self) -> None:
        """End what a story has changed for good."""
        self._limits.close()

    def way_up(self, session: str, home: str) -> list[str]:
        """Give the locations from home up to where a session lives now."""
        way = [home, *(place.id for place in self._world.tree.topology.ancestors(home))]
        for place in self._world.tree.residents(session):
            token = self._world.tree.node(place).store.residents.token(session)
            if token is not None and token.proprietary_location == home:
                return way[: way.index(place) + 1]
        return [home]

    def _complain(self, problems: Sequence[str]) -> None:
        if problems:
            story = "\n".join(map(str, self.lines))
            raise AssertionError("\n".join([*problems, "", "The story:", story]))

    def _history(self, session: str, home: str) -> History:
        wanted = (session, home)
        return next(h for h in self._world.histories if (h.session, h.home) == wanted)

    def _write(self, session: str, home: str, word: str, mode: str = "") -> Body:
        """Append a word; ``mode`` ``once``: without a key."""
        client = self._world.client(self._history(session, home))
        return lambda: client.write(word, key="" if mode == "once" else word, attempts=2)

    def _repeat(self, session: str, home: str) -> Body:
        """Repeat the latest call that has a key."""
        history = self._history(session, home)
        latest: list[Write] = [write for write in history.writes if write.key][-1:]
        client = self._world.client(history)
        return lambda: [client.attempt(write) for write in latest]

    def _read(self, session: str, home: str) -> Body:
        client = self._world.client(self._history(session, home))
        return client.read

    def _offload(self, at: str, session: str = "") -> Body:
        """Force a session up, without a name the one that was not used for longest."""
        chosen = f"session={session}" if session else "policy=least-recent"
        return self._oracle("force-offload", at, chosen)

    def _offload_many(self, at: str) -> Body:
        """Force up to three sessions up, in one call."""
        return self._oracle("force-offload", at, "count=3&policy=least-recent")

    def _onload(self, at: str, session: str = "") -> Body:
        """Force a session down, without a name up to three."""
        return self._oracle("force-onload", at, f"session={session}" if session else "count=3")

    def _status(self, at: str, status: str) -> Body:
        return self._oracle("set-offload-status", at, f"status={status}")

    def _oracle(self, action: str, at: str, query: str) -> Body:
        client = self._world.client(self._world.histories[0])
        return lambda: client.oracle(action, at, query)

    def _wait(self, seconds: str) -> Body:
        return lambda: self._world.stage.clock.advance(float(seconds))

    def _restart(self, at: str) -> Body:
        return lambda: self._world.stage.restart_server(at)
