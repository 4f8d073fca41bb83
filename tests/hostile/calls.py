"""For each operation of ``docs/openapi.yaml`` calls that succeed, and calls that do not.

They are made in the tree of the fixture ``state``: session ``s`` at edge-a, ``up`` at city.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from msgspec import to_builtins
from werkzeug.datastructures import Headers

import edgedb
from edgedb.access import NODE_BODY_LIMIT
from edgedb.store import aside
from edgedb.wire.headers import (
    IDEMPOTENCY_KEY,
    NODE,
    ONLOAD_LOCATION,
    PACKET,
    PROPAGATE,
    SESSION_HOME,
    SESSION_REDIRECT,
)
from edgedb.wire.model import COUNT_LIMIT, VERSION_LIMIT, Propagation
from tests.hostile.document import USERS
from tests.hostile.watched import Watched
from tests.support.hooks import lose_answer
from tests.support.signed import NodeCall
from tests.support.tree import ORACLE_TOKEN, Tree

ORACLE = "oracle"
GUESSING = "guessing"
NOBODY = ""


@dataclass(frozen=True)
class Call:
    """One call of one operation; ``caller`` is a location, ORACLE, GUESSING or NOBODY."""

    location: str
    function: str
    query: str = ""
    body: bytes = b""
    caller: str = NOBODY
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    path: str = "/"

    @property
    def request(self) -> Watched:
        """What the function gets."""
        headers = Headers(self.headers)
        if self.caller in {ORACLE, GUESSING}:
            secret = ORACLE_TOKEN if self.caller == ORACLE else "guess"
            headers["Authorization"] = f"Bearer {secret}"
        elif self.caller != NOBODY:
            headers["Authorization"] = self._signed().credential()
        return Watched(self.method, self.path, self.query.encode(), headers, self.body)

    def _signed(self) -> NodeCall:
        function = self.function + self.path.rstrip("/")
        call = (self.caller, self.location, function, self.method, self.query, self.body)
        return NodeCall(*call, dict(self.headers))

    def __call__(self, tree: Tree) -> int:
        """Make the call; gives the status."""
        return tree.respond(self.location, self.function, self.request).status

    def without(self, header: str) -> Call:
        """Leave a header out."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0] != header))


Attempt = Callable[[Tree], int]
"""Makes a call, perhaps after something else has happened; gives the status."""


def token(name: str, **changes: Any) -> bytes:
    """Give a session's token as a body."""
    place, epoch = {"s": ("edge-a", 1), "up": ("city", 2)}.get(name, ("edge-a", 1))
    document = {"session": name, "proprietaryLocation": "edge-a", "currentLocation": place}
    return json.dumps({**document, "function": "keeper", "epoch": epoch, **changes}).encode()


def asked(name: str, **changes: Any) -> dict[str, Any]:
    """Give what a destination asks for a session, of an offer that nobody has made."""
    epoch = json.loads(token(name))["epoch"]
    document = {"session": name, "transfer": "t", "epoch": epoch, "stay": "", "run": ""}
    return {**document, "version": 1, **changes}


def asks(*names: str, **changes: Any) -> bytes:
    """Give what a destination asks for some sessions as a body."""
    return json.dumps([asked(name, **changes) for name in names]).encode()


def packets(*tokens: bytes, **changes: Any) -> bytes:
    """Give an offer of the sessions of some tokens, without their content, as a body."""
    told = [{name: _packed(part) for name, part in json.loads(each).items()} for each in tokens]
    offered = [{"token": each, "version": 1, "next": 0, **changes} for each in told]
    return msgspec.msgpack.encode(offered)


def _packed(part: Any) -> Any:
    """Give text with unpaired surrogates as MessagePack that no UTF-8 is."""
    if not isinstance(part, str):
        return part
    content = part.encode(errors="surrogatepass")
    return msgspec.Raw(b"\xda%b%b" % (len(content).to_bytes(2, "big"), content))


def propagation(**changes: Any) -> bytes:
    """Give a propagated value as a body."""
    message = Propagation.of("m", "city", "receiver", "milk", "edge-a")
    return json.dumps(to_builtins(message) | changes).encode()


MANY, HUGE = COUNT_LIMIT + 1, VERSION_LIMIT + 1
TOO_LARGE = b" " * (NODE_BODY_LIMIT + 1)
STEP = "phase=hand-over&to=city"

TEST = Call("edge-a", "test-function", "session=up")
PLACE = replace(TEST, query="location=city", path="/gateway")
LOAD = Call("city", "oracle", caller=ORACLE, method="GET")
TICK = Call("city", "oracle")
SESSIONS = replace(LOAD, path="/sessions")
FINDINGS = replace(LOAD, path="/findings")
REPAIRS = replace(FINDINGS, path="/repairs", method="POST")
CLAIM = Call("edge-a", "oracle", "location=edge-a", caller=ORACLE, path="/claim")
LOST = replace(CLAIM, query="location=city", path="/lost")
REJOIN = replace(CLAIM, path="/rejoin")
OF_ONE = replace(LOAD, path="/known", query="session=up")
KEPT = Call(
    *("edge-a", "oracle"),
    "session=s&proprietary=edge-a&location=city&function=keeper&epoch=9",
    caller=ORACLE,
    path="/kept",
)
ASIDE = replace(LOAD, path="/aside")
CONTENT = replace(ASIDE, path="/aside/content", query="id=aside")
RESTORED = replace(CONTENT, path="/aside/restored", method="POST")
STATUS = Call("city", "set-offload-status", "status=reject", caller=ORACLE)
FORCE_OFFLOAD = Call("edge-a", "force-offload", "session=s", caller=ORACLE)
FORCE_ONLOAD = Call("edge-a", "force-onload", "session=up", caller=ORACLE)
OFFLOAD = Call("city", "offload-session", body=token("s"), caller="edge-a")
ONLOAD = Call("city", "onload-session", caller="edge-a", headers=((ONLOAD_LOCATION, "edge-a"),))
READ = Call("edge-a", "migrate-session", "session=s", caller="city", method="GET")
PAGE = replace(READ, query="session=s&page=0")
PART = replace(READ, query="session=s&list=kept&start=0&stay=&run=")
HAND_OVER = replace(READ, method="POST", query=f"{STEP}&hold=small", body=asks("s"))
KNOWN = replace(READ, method="POST", path="/known", query="", body=b'["s", "none"]')
SEEN = replace(KNOWN, method="GET", path="/seen", body=b"")
TOKENS = replace(SEEN, path="/tokens")
OFFER = replace(OFFLOAD, body=packets(token("s")), headers=(("Content-Type", PACKET),))
UPDATE = Call(
    *("edge-a", "update-session"),
    body=token("up", currentLocation="cloud", epoch=3),
    caller="cloud",
)
KEEP = Call("edge-a", "keeper", headers=(("X-session", "s"), (IDEMPOTENCY_KEY, "k")))
TELL = Call("city", "receiver", body=propagation(), caller="edge-a", headers=((PROPAGATE, "m"),))


def after_it_began_anew(tree: Tree) -> int:
    """Bring a session home that lives there too, since the home's store was lost."""
    anew = {"proprietary": "edge-a", "current": "edge-a", "function": "keeper", "epoch": 1}
    tree.clients["edge-a"].hset("edge:{up}:meta", mapping=anew | {"version": 1})
    return FORCE_ONLOAD(tree)


def first_at_a_full_node(tree: Tree) -> int:
    """Make a node's first tick, for which it needs room."""
    client = tree.clients["city"]
    client.flushall()
    client.config_set("maxmemory", 1)
    try:
        return TICK(tree)
    finally:
        client.config_set("maxmemory", 0)


def of_too_much(tree: Tree) -> int:
    """Ask for more of what is set aside than one answer has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aside, "SHOWN_BYTES", 1)
        return CONTENT(tree)


def scripted(script: Callable[[Tree], Any], repeats: int = 1) -> Attempt:
    """Have a handler do something in session ``s``; gives the status of the last repeat."""

    def attempt(tree: Tree) -> int:
        class Scripted(edgedb.Offloadable):
            def handle_offload(self, _: edgedb.Request) -> Any:
                return script(tree)

        tree.functions["scripted"] = Scripted()
        return [replace(KEEP, function="scripted")(tree) for _ in range(repeats)][-1]

    return attempt


def under_used_key(tree: Tree) -> int:
    """Use an ``Idempotency-Key`` for another request."""
    KEEP(tree)
    return replace(KEEP, query="another=1")(tree)


ANOTHERS = {"lock": "another", "lock_until": 0}


def forwarded_in_vain(tree: Tree) -> int:
    """Have a call carried to a session of which no answer comes back."""
    tree.hook = lose_answer
    headers = (("X-session", "up"), (SESSION_REDIRECT, "forward"))
    return replace(KEEP, headers=headers)(tree)


def within_its_own_session(tree: Tree) -> int:
    """Have a handler call a function of the session that it has."""
    statuses = list[int]()

    def script(tree: Tree) -> None:
        headers = (("X-session", "s"), *edgedb.call_headers().items())
        statuses.append(replace(KEEP, headers=headers)(tree))

    scripted(script)(tree)
    return statuses[0]


KEEPING = [
    replace(KEEP, headers=(("X-session", "up"),)),
    forwarded_in_vain,
    within_its_own_session,
    KEEP.without("X-session"),
    replace(KEEP, headers=(("X-session", "none"), (SESSION_HOME, "edge-a"))),
    scripted(lambda tree: tree.clients["edge-a"].hset("edge:{s}:meta", mapping=ANOTHERS)),
    scripted(lambda _: edgedb.set("k" * 2000, "")),
    scripted(lambda _: b"x" * 300_000, repeats=2),
    under_used_key,
]


@dataclass(frozen=True)
class Examples:
    """Calls of one operation: some that succeed, and what else can be answered to it alone."""

    succeeding: list[Call]
    others: list[Attempt]


def examples(call: Call, *others: Attempt) -> Examples:
    """Give a call that succeeds, and others."""
    return Examples([call], list(others))


EXAMPLES: dict[str, Examples] = {
    "GET /function/test-function": examples(
        TEST, replace(TEST, query="session="), replace(TEST, query="session=none")
    ),
    "GET /function/test-function/gateway": examples(PLACE, replace(PLACE, query="location=x")),
    "GET /function/oracle": examples(LOAD),
    "POST /function/oracle": examples(replace(TICK, caller=ORACLE), TICK, first_at_a_full_node),
    "GET /function/oracle/sessions": examples(
        SESSIONS, replace(SESSIONS, query=f"limit={MANY}"), replace(SESSIONS, query="policy=x")
    ),
    "GET /function/oracle/findings": examples(FINDINGS, replace(FINDINGS, query="position=x")),
    "POST /function/oracle/repairs": examples(REPAIRS, replace(REPAIRS, query="position=x")),
    "POST /function/oracle/claim": examples(CLAIM, replace(CLAIM, query="location=city")),
    "POST /function/oracle/rejoin": examples(REJOIN, replace(REJOIN, query="location=city")),
    "GET /function/migrate-session/seen": examples(
        SEEN, replace(SEEN, headers=((NODE, "somebody"),))
    ),
    "GET /function/migrate-session/tokens": examples(
        TOKENS, replace(TOKENS, query="position=0"), replace(TOKENS, query="position=x")
    ),
    "POST /function/oracle/lost": examples(LOST, replace(LOST, query="location=edge-b")),
    "GET /function/oracle/homes": examples(replace(LOAD, path="/homes")),
    "GET /function/oracle/known": examples(
        OF_ONE, replace(OF_ONE, query=""), replace(OF_ONE, query="session=none")
    ),
    "POST /function/oracle/kept": examples(
        KEPT,
        replace(KEPT, query="session=s"),
        replace(KEPT, query=KEPT.query.replace("epoch=9", "epoch=1")),
        replace(KEPT, query=KEPT.query.replace("epoch=9", f"epoch={HUGE}")),
        replace(KEPT, query=KEPT.query.replace("session=s", "session=none")),
    ),
    "GET /function/oracle/aside": examples(
        ASIDE, replace(ASIDE, query="position=x"), replace(ASIDE, query=f"position={HUGE}")
    ),
    "GET /function/oracle/aside/content": examples(
        CONTENT, replace(CONTENT, query="id=none"), of_too_much
    ),
    "POST /function/oracle/aside/restored": examples(
        RESTORED,
        replace(RESTORED, query="id=none"),
        replace(RESTORED, query="id=aside&as=up"),
        replace(RESTORED, query="id=aside&as=%00"),
    ),
    "GET /function/set-offload-status": examples(STATUS, replace(STATUS, query="status=x")),
    "GET /function/force-offload": examples(
        FORCE_OFFLOAD,
        replace(FORCE_OFFLOAD, query="policy=x"),
        replace(FORCE_OFFLOAD, query="count=2"),
        replace(FORCE_OFFLOAD, query="count=2&session=s"),
        replace(FORCE_OFFLOAD, query=f"count={MANY}"),
        replace(FORCE_OFFLOAD, query="session=none"),
        replace(FORCE_OFFLOAD, query="session=up"),
    ),
    "GET /function/force-onload": examples(
        FORCE_ONLOAD,
        replace(FORCE_ONLOAD, query=f"count={MANY}"),
        replace(FORCE_ONLOAD, query="session=s"),
        replace(FORCE_ONLOAD, query="session="),
        after_it_began_anew,
    ),
    "POST /function/offload-session": Examples(
        [OFFLOAD, OFFER],
        [
            replace(OFFLOAD, body=b""),
            replace(OFFLOAD, body=token("none")),
            replace(OFFLOAD, body=token("up")),
            replace(OFFER, body=b""),
            replace(OFFER, body=TOO_LARGE),
            replace(OFFER, body=packets(token("none"), token("up"))),
        ],
    ),
    "GET /function/onload-session": Examples(
        [ONLOAD, replace(ONLOAD, query="session=above")],
        [ONLOAD.without(ONLOAD_LOCATION), replace(ONLOAD, query=f"count={MANY}")],
    ),
    "GET /function/migrate-session": Examples(
        [READ, PAGE, PART],
        [
            replace(READ, query=""),
            replace(READ, query="session=none"),
            replace(READ, query="session=up"),
            replace(READ, query=f"session=s&since={HUGE}"),
            replace(READ, query="session=s&page=x"),
            replace(PAGE, query=f"session=s&page={HUGE}"),
            replace(PAGE, query="session=s&page=0&stay=other&run=other"),
            replace(PART, query="session=s&list=kept&start=-1"),
        ],
    ),
    "POST /function/migrate-session": Examples(
        [HAND_OVER],
        [
            replace(HAND_OVER, query=f"{STEP}&phase=x"),
            replace(HAND_OVER, query=f"{STEP}&hold=x"),
            replace(HAND_OVER, query="phase=hand-over"),
            replace(HAND_OVER, body=b""),
            replace(HAND_OVER, body=TOO_LARGE),
            replace(HAND_OVER, body=asks("s", "s")),
            replace(HAND_OVER, body=asks("s", version=HUGE)),
            replace(HAND_OVER, body=asks("none", "up")),
        ],
    ),
    "POST /function/migrate-session/known": examples(
        KNOWN,
        replace(KNOWN, body=b""),
        replace(KNOWN, body=json.dumps(["s"] * MANY).encode()),
        replace(KNOWN, body=TOO_LARGE),
    ),
    "POST /function/update-session": examples(
        UPDATE,
        replace(UPDATE, body=b""),
        replace(UPDATE, body=TOO_LARGE),
        replace(UPDATE, body=token("none", currentLocation="cloud")),
        replace(UPDATE, body=token("up", currentLocation="cloud", epoch=1)),
    ),
    f"GET /function/{USERS}": examples(KEEP, *KEEPING),
    f"PUT /function/{USERS}": examples(KEEP, *KEEPING),
    f"POST /function/{USERS}": Examples([KEEP, TELL], KEEPING),
}
"""By operation; a method with the same description as another has the same examples."""
