"""What is set aside: sessions, copies and data that were in the way, kept for ``ASIDE_MS``.

Nothing is deleted for being in the way (docs/operations.md#what-is-set-aside).
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from edgedb.errors import Conflict, EdgeError, NotFound, SessionBusy, StaleToken, TooLarge
from edgedb.store import keys
from edgedb.store.codec import Argument, elements_of, list_number, scalars_in, text
from edgedb.store.keys import SessionKeys
from edgedb.store.limits import ASIDE_MS
from edgedb.store.scripts import Scripts, Step
from edgedb.times import rfc3339
from edgedb.wire.model import SessionToken, Value, value_to_json

BATCH = 100  # looked at between two answers
FOLLOWED = 250  # sessions in one step
SHOWN_BYTES = 16 * 2**20  # of what is shown in one answer


@dataclass(frozen=True)
class Aside:
    """What was set aside: ``token`` says what was known of it then, in part if it was data only.

    ``bytes`` are what its server spends on it, ``version`` is 0 where it had none.
    """

    id: str
    why: str
    since_ms: int
    bytes: int
    token: SessionToken
    version: int

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "id": self.id,
            "session": self.token.session,
            "why": self.why,
            "since": rfc3339(self.since_ms),
            "bytes": self.bytes,
            "token": self.token,
            "version": self.version,
        }


@dataclass(frozen=True)
class Content:
    """The values and lists of what is set aside."""

    scalars: Mapping[str, Value]
    lists: Mapping[str, Sequence[Value]]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, of each value that of packets."""
        lists = {name: [*map(value_to_json, values)] for name, values in self.lists.items()}
        values = {name: value_to_json(value) for name, value in self.scalars.items()}
        return {"values": values, "lists": lists}


class AsideStore:
    """Sets sessions aside, shows what is, and restores it; ``location`` is the node's."""

    def __init__(self, scripts: Scripts, location: str) -> None:
        self._scripts = scripts
        self._client = scripts.client
        self._location = location

    def cede(self, tokens: Sequence[SessionToken], why: str) -> list[str | EdgeError]:
        """Let sessions be where these tokens say, which is not here; leave pointers.

        What is resident here of them is set aside; a session that is not known here gets a
        pointer. Gives of each the id of what was set aside ('': nothing was), or

        * StaleToken: the same epoch or a higher one is known here,
        * Conflict: it is known here as another location's,
        * SessionBusy: it gets new lists all the time.

        Raises:
            OutcomeUnknown: the server is silent. It may be repeated.

        """
        return self._ceded(tokens, [token.current_location for token in tokens], why)

    def follow(self, tokens: Sequence[SessionToken]) -> list[SessionToken]:
        """Let pointers lead where these tokens say; gives those that :meth:`cede` is to see to.

        Many in one step: what has an epoch as high here stays as it is.
        """
        left = list[SessionToken]()
        for start in range(0, len(tokens), FOLLOWED):
            some = tokens[start : start + FOLLOWED]
            names = [keys.STATUS, *(SessionKeys(token.session).meta for token in some)]
            told: list[Argument] = [self._location]
            for t in some:
                told += [t.proprietary_location, t.function, t.current_location, t.epoch]
            left += [some[number] for number in self._scripts.run("follow", names, *told)]
        return left

    def retire(self, tokens: Sequence[SessionToken], why: str) -> list[str | EdgeError]:
        """Set residents aside that are known by these tokens; leave their epochs.

        Answers and raises as :meth:`cede`; StaleToken: it is not resident here in that epoch.
        """
        return self._ceded(tokens, [""] * len(tokens), why)

    def mourn(self, tokens: Sequence[SessionToken], why: str) -> list[str | EdgeError]:
        """Leave the epochs of sessions that were resident here by these tokens, and are not.

        Answers and raises as :meth:`cede`; StaleToken: it is here in that epoch, or a higher one is
        known.
        """
        return self._ceded(tokens, ["?"] * len(tokens), why)

    def _ceded(
        self, tokens: Sequence[SessionToken], locations: Sequence[str], why: str
    ) -> list[str | EdgeError]:
        ids, places = (
            [secrets.token_hex(8) for _ in tokens],
            [SessionKeys(t.session) for t in tokens],
        )

        def step(i: int, lists: list[str]) -> Step:
            return self._step(tokens[i], locations[i], (ids[i], why), places[i], lists)

        answers = self._scripts.naming_each(places, step, partial(self._scripts.run_each, "cede"))
        return [self._answer(token, ids[i], answers[i]) for i, token in enumerate(tokens)]

    def _step(
        self,
        token: SessionToken,
        location: str,
        aside: tuple[str, str],
        where: SessionKeys,
        lists: list[str],
    ) -> Step:
        books = [*keys.books(token.proprietary_location), keys.ASIDES]
        known = (token.session, token.proprietary_location, token.function, location, token.epoch)
        names = [*where.parts, *books, *lists, *where.aside(aside[0], where.parts + lists)]
        return names, [self._scripts.now(), self._location, *known, *aside, len(lists)]

    def _answer(self, token: SessionToken, id_: str, answer: Any) -> str | EdgeError:  # noqa: ANN401
        name = f"session {token.session!r}"
        match answer:
            case b"ok":
                return ""
            case b"aside":
                return id_
            case b"later":
                return StaleToken(f"{self._location} knows of another or later owner of {name}")
            case b"stranger":
                return Conflict(f"{name} is known at {self._location} as another location's")
            case EdgeError():
                return answer
        return SessionBusy(f"{name} gets new lists all the time; try again")

    def keep(self, token: SessionToken) -> None:
        """Let a resident be in the epoch of its token, later than all that is known elsewhere.

        Raises:
            Conflict: it is not resident here, or in a later one.

        """
        where = SessionKeys(token.session)
        known = (self._location, token.proprietary_location, token.epoch)
        if self._scripts.run("keep", [where.meta], *known) != b"ok":
            raise Conflict(f"session {token.session!r} is not at {self._location} (any more)")

    def listed(self, position: int = 0) -> tuple[int, list[Aside]]:
        """Give a part of what is set aside, and the position after it (0: the end)."""
        scan = partial(self._client.hscan, keys.ASIDES, position, count=BATCH)
        following, found = self._scripts.asked(scan)
        asides, since_ms = (
            itertools.starmap(_read, found.items()),
            self._scripts.now_ms() - ASIDE_MS,
        )
        return int(following), [each for each in asides if each.since_ms > since_ms]

    def known(self, id_: str) -> Aside:
        """Give what was set aside under an id; raises NotFound."""
        note = self._scripts.ask("HGET", keys.ASIDES, id_)
        if note is None:
            raise NotFound(f"nothing is set aside as {id_!r:.60} at {self._location}")
        return _read(id_.encode(), note)

    def content(self, aside: Aside) -> Content:
        """Read what is set aside; raises TooLarge where it is too much for one answer."""
        if aside.bytes > SHOWN_BYTES:
            raise TooLarge(f"{aside.id} has {aside.bytes} bytes; restore it under another name")
        where = _place(aside)
        ask = self._scripts.ask
        scalars, entries = (ask("HGETALL", name) for name in (where.scalars, where.lists))
        lists = {text(name): where.list(list_number(entry)) for name, entry in entries.items()}
        found = {name: ask("LRANGE", key, 0, -1) for name, key in lists.items()}
        return Content(
            scalars_in(scalars.items()),
            {name: elements_of(elements) for name, elements in found.items()},
        )

    def restore(self, aside: Aside, session: str, home: str) -> SessionToken:
        """Make what is set aside a resident session of that name and home, in a later epoch.

        Raises:
            NotFound: it is not there any more, or data only, of which no session can be made.
            Conflict: a session of that name is known here, or arriving.

        """
        then, now, found = _place(aside), SessionKeys(session), self._parts(aside)
        source = "arrival" if "arrival" in found else "meta"
        data = [part for part in found if part != source]
        pairs = [name for part in data for name in (then.part(part), now.part(part))]
        answer = self._scripts.run(
            "restore",
            [*now.parts, now.arrival, *keys.books(home), keys.ASIDES, then.part(source), *pairs],
            *(self._scripts.now(), self._location, session, home),
            *(aside.token.epoch, secrets.token_hex(8), aside.id),
        )
        if answer == b"gone":
            raise NotFound(f"of {aside.id} there are values at most, which can be shown")
        if answer == b"taken":
            raise Conflict(f"session {session!r} is known at {self._location}")
        return SessionToken(session, home, self._location, aside.token.function, int(answer))

    def _parts(self, aside: Aside) -> list[str]:
        """Name the parts that there are of what is set aside."""
        prefix = _place(aside).part("")
        scan = partial(self._client.scan_iter, f"{keys.ASIDE}:{aside.id}:*", count=1000)
        found = self._scripts.asked(lambda: list(scan()))
        return [name.decode().removeprefix(prefix) for name in found]


def _place(aside: Aside) -> SessionKeys:
    return SessionKeys(aside.token.session, f"{keys.ASIDE}:{aside.id}")


def _read(id_: bytes, note: bytes) -> Aside:
    found = json.loads(note)
    token = SessionToken(
        found["session"],
        proprietary_location=found["proprietary"],
        current_location=found["current"],
        function=found["of_function"],
        epoch=int(found["epoch"]),
    )
    since_ms, size, version = (int(found[name]) for name in ("since", "bytes", "version"))
    return Aside(text(id_), found["why"], since_ms, size, token, version)
