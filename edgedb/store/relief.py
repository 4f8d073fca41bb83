"""Which tick relieves a node, and which sessions could not be offloaded."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgedb.store import keys
from edgedb.store.codec import Argument, counted, text
from edgedb.store.residents import ResidentStore
from edgedb.store.scripts import Scripts
from edgedb.times import milliseconds

REASON_LENGTH = 300
_KEYS = (keys.STATUS, keys.STUCK, keys.BY_SIZE)


@dataclass(frozen=True)
class Stuck:
    """A session that could not be offloaded, why, and until when it is passed over (ms)."""

    session: str
    until_ms: int
    reason: str


@dataclass(frozen=True)
class Claim:
    """What a tick is told: '' for ``claimer`` if it is not the one to relieve the node now."""

    claimer: str
    was_relieved: bool
    passed_over: frozenset[str]


class ReliefStore:
    """One method per step."""

    def __init__(self, scripts: Scripts, residents: ResidentStore) -> None:
        self._scripts = scripts
        self._residents = residents

    def claim(self, above: int | None, duration_s: float) -> Claim:
        """Claim the relief of a node that holds more bytes than that, for so long at most.

        From then on its requests know the mark, and one of them asks for a tick where it is passed.
        """
        claimer, mark = secrets.token_hex(8), "" if above is None else above
        asked = (self._scripts.now(), claimer, mark, milliseconds(duration_s))
        is_given, was_relieved, now, found = self._scripts.run("relieve", _KEYS, *asked)
        pairs = zip(found[::2], found[1::2], strict=True)
        over = frozenset(s.session for s in _stuck(pairs) if s.until_ms > now)
        return Claim(claimer if is_given else "", bool(was_relieved), over)

    def conclude(
        self,
        failures: Mapping[str, tuple[float, str]],
        claimer: str = "",
        *,
        has_moved: bool = True,
    ) -> None:
        """Remember for how many seconds sessions are passed over, and why; end the claim."""
        now, noted = self._scripts.now(), list[Argument]()
        for session, (duration_s, reason) in failures.items():
            noted += [
                session,
                milliseconds(duration_s),
                reason[:REASON_LENGTH].encode(errors="replace"),
            ]
        self._scripts.run("relieved", _KEYS, now, claimer, int(has_moved), *counted(noted))

    def stuck(self) -> list[Stuck]:
        """Give the residents that could not be offloaded."""
        remembered = self._scripts.ask("HGETALL", keys.STUCK)
        known = {s.session: s for s in _stuck(remembered.items())}
        here = self._residents.residents(known) if known else []
        return [known[resident.token.session] for resident in here]


def _stuck(found: Iterable[tuple[bytes, bytes]]) -> list[Stuck]:
    """Read what the hash says of sessions."""
    entries = [(text(session), text(entry).split(" ", 1)) for session, entry in found]
    return [Stuck(session, int(until), reason) for session, (until, reason) in entries]
