"""What clients and movers saw."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from edgedb.wire.model import SessionToken
from tests.faults.script import Call
from tests.linearizability.history import Kind

WRITES = {Kind.WRITE, Kind.APPEND}


@dataclass(frozen=True)
class Seen:
    """A call, when it began and ended (seconds of one clock), and the JSON of its answer.

    ``returned`` is None if no answer came that says whether it was done.
    """

    call: Call
    called: float
    returned: float | None = None
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def is_acknowledged_write(self) -> bool:
        """Whether this is a write that its client knows to be done."""
        return self.call.kind in WRITES and self.returned is not None


@dataclass
class Record:
    """Filled by many threads, each of which only appends."""

    seen: list[Seen] = field(default_factory=list)
    tokens: list[SessionToken] = field(default_factory=list)
    """What movers were told that they have moved: where a session is since some epoch."""
    batched: list[SessionToken] = field(default_factory=list)
    """Those of them that were moved by a call for many."""
    repeats: list[Seen] = field(default_factory=list)
    """Writes that were sent again after they had been acknowledged; not part of ``seen``."""
    oddities: list[str] = field(default_factory=list)
    """Answers that no fault explains."""

    @property
    def acknowledged(self) -> list[Seen]:
        """The writes that must be there in the end."""
        return [seen for seen in self.seen if seen.is_acknowledged_write]

    @property
    def sessions(self) -> set[str]:
        """The sessions that must exist in the end."""
        return {seen.call.subject.session for seen in self.acknowledged}

    def write(self, file: Path) -> None:
        """Keep it, a JSON document a line."""
        with file.open("w", encoding="utf-8") as out:
            for seen in sorted(self.seen, key=lambda seen: seen.called):
                print(json.dumps(_flat(seen)), file=out)
            for token in self.tokens:
                print(json.dumps({"token": to_builtins(token)}), file=out)
            for oddity in self.oddities:
                print(json.dumps({"oddity": oddity}), file=out)


def _flat(seen: Seen) -> dict[str, Any]:
    call = seen.call
    times = {"called": seen.called, "returned": seen.returned}
    what = {"session": call.subject.session, "kind": call.kind.value, "key": call.key}
    return {**what, "name": call.name, "padding": call.padding, **times, "answer": seen.answer}
