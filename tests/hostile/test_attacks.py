"""What somebody cannot do who has a node, a client, or the network (docs/security.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from edgedb.errors import Unauthorized
from edgedb.peers import credentials, keys
from edgedb.peers.keys import Keyring, hkdf
from edgedb.topology.tree import Topology
from edgedb.wire.headers import NODE, ONLOAD_LOCATION, PROPAGATE
from tests.docs.markdown import PROJECT
from tests.hostile.calls import asks, propagation, token
from tests.support.dumps import Held
from tests.support.signed import NodeCall
from tests.support.tree import THREE_LEVELS, TREE_KEY, Tree, load_handler

FIVE: dict[str, Any] = {
    **THREE_LEVELS,
    "locations": {
        **THREE_LEVELS["locations"],
        "town": {"parent": "cloud", "gateway": "http://town"},
    },
}
WIDE = Topology.from_json(FIVE)
NAMES = [place.id for place in WIDE]
FUNCTIONS = PROJECT / "tests" / "hostile" / "functions"
SECRET = b"what nobody else may read"


@pytest.fixture
def wide(make_tree: Callable[..., Tree]) -> Tree:
    """Give cloud > city > edge-a, edge-b and cloud > town; sessions of each at home and above."""
    tree = make_tree(FIVE)
    tree.functions |= {
        name: load_handler(FUNCTIONS / name).handle for name in ("keeper", "receiver")
    }
    for home in ("edge-a", "edge-b", "town"):
        for session in (f"{home}-s", f"{home}-up"):
            tree.call(home, "keeper", session, body=SECRET)
        tree.offload(home, f"{home}-up")
    tree.tick_all()
    return tree


def known_to(location: str) -> Iterator[bytes]:
    """Give whatever can be derived from what a node has: for all names, in any order."""
    own = keys.of_node(TREE_KEY, WIDE, location)[0]
    ring = Keyring(location, lambda: (own.decode(),), lambda: WIDE.view_of(location))
    yield from (own, hkdf(own, b""), keys.oracle_token(own).encode())
    for below in WIDE.subtree(location):
        yield from (*keys.of_node(TREE_KEY, WIDE, below), *ring.to(below))
    for above in WIDE.ancestors(location):
        yield from ring.to(above.id)
    for place in WIDE:
        yield from keys.descended([own], [place])
        yield from keys.descended([own], reversed(WIDE.way_up(place.id)))
        yield from Keyring(place.id, lambda: (own.decode(),), lambda: WIDE).to("cloud")
        yield from Keyring("cloud", lambda: (own.decode(),), lambda: WIDE).to(place.id)


def attacks(at: str, claimed: str, homes: list[str]) -> Iterator[NodeCall]:
    """Give calls at a node, in a name, that would read, take, hold, list or misplace sessions."""
    for session in (f"{home}-{name}" for home in homes for name in ("s", "up")):
        for query in ("", "&page=0", "&list=bodies&start=0"):
            yield NodeCall(claimed, at, "migrate-session", "GET", f"session={session}{query}")
        step = f"phase=hand-over&to={claimed}&hold=any"
        yield NodeCall(claimed, at, "migrate-session", query=step, body=asks(session))
        yield NodeCall(claimed, at, "migrate-session/known", body=f'["{session}"]'.encode())
        headers = {ONLOAD_LOCATION: claimed}
        query = f"session={session}"
        yield NodeCall(claimed, at, "onload-session", query=query, headers=headers)
        for home, epoch in product((at, claimed, session.rpartition("-")[0]), (1, 2**53 - 1)):
            places = {"proprietaryLocation": home, "currentLocation": claimed}
            body = token(session, **places, epoch=epoch)
            yield NodeCall(claimed, at, "update-session", body=body)
            yield NodeCall(claimed, at, "offload-session", body=body)


def in_a_name(at: str, claimed: str) -> Iterator[NodeCall]:
    """Give calls that are for their caller alone."""
    message = propagation(to=at, origin=claimed)
    yield NodeCall(claimed, at, "receiver", body=message, headers={PROPAGATE: "m"})
    headers = {ONLOAD_LOCATION: claimed}
    yield NodeCall(claimed, at, "onload-session", "GET", "count=100", headers=headers)
    yield NodeCall(claimed, at, "migrate-session/seen", "GET")
    yield NodeCall(claimed, at, "migrate-session/tokens", "GET")


@pytest.mark.parametrize("attacker", ["edge-a", "city"])
def test_with_a_nodes_keys_nobody_acts_as_anybody_outside_its_subtree(
    wide: Tree, attacker: str
) -> None:
    outside, held, material = set(NAMES) - WIDE.subtree(attacker), Held(wide), {*known_to(attacker)}
    wide.calls.clear()
    for at, claimed in product(outside, outside):
        for call in (*attacks(at, claimed, ["edge-b"]), *in_a_name(at, claimed)):
            for key in material:
                assert call.send(wide, call.credential(key)).status in {401, 403}, call
    assert held.is_unchanged()
    assert wide.calls == []


@pytest.mark.parametrize(
    ("attacker", "at"),
    [("edge-a", "city"), ("edge-a", "cloud"), ("city", "cloud"), ("town", "cloud")],
)
def test_as_itself_a_node_reads_takes_and_misplaces_nothing_of_other_homes(
    wide: Tree, attacker: str, at: str
) -> None:
    others = [home for home in ("edge-a", "edge-b", "town") if home not in WIDE.subtree(attacker)]
    held = Held(wide)
    for call in attacks(at, attacker, others):
        response = call.signed(wide)
        assert SECRET not in response.body, call
        assert response.status not in {401}, call
        assert held.is_unchanged(), (call, response.body)


@pytest.mark.parametrize(
    ("attacker", "at"), [("edge-a", "city"), ("edge-a", "cloud"), ("city", "cloud")]
)
def test_as_itself_a_node_lists_the_sessions_of_its_own_homes_only(
    wide: Tree, attacker: str, at: str
) -> None:
    listings = [NodeCall(attacker, at, "migrate-session/tokens", "GET").signed(wide)]
    for below in NAMES:
        headers = {ONLOAD_LOCATION: below}
        call = NodeCall(attacker, at, "onload-session", "GET", "count=100", headers=headers)
        response = call.signed(wide)
        assert (response.status == 200) == (below in WIDE.subtree(attacker)), below
        listings += [response] if response.status == 200 else []
    for response in listings:
        assert response.status == 200
        assert b"town-" not in response.body
        assert (b"edge-b-" in response.body) <= (attacker == "city")


@pytest.mark.parametrize("attacker", ["edge-a", "city"])
def test_with_a_nodes_keys_nobody_orders_moves_outside_its_subtree(attacker: str) -> None:
    material = [key.decode(errors="replace") for key in known_to(attacker)]
    material += [keys.oracle_token(key) for key in known_to(attacker)]
    for at in set(NAMES) - WIDE.subtree(attacker):
        tokens = [keys.oracle_token(keys.of_node(TREE_KEY, WIDE, at)[0])]
        credentials.verify_secret(tokens, f"Bearer {tokens[0]}")
        for secret in material:
            with pytest.raises(Unauthorized):
                credentials.verify_secret(tokens, f"Bearer {secret}")


CAPTURED = {
    "onload": NodeCall(
        "edge-a", "city", "onload-session", "GET", "count=9", headers={ONLOAD_LOCATION: "edge-a"}
    ),
    "read": NodeCall("cloud", "city", "migrate-session", "GET", "session=edge-a-up"),
    "hand-over": NodeCall(
        "city", "edge-a", "migrate-session", query="phase=hand-over&to=city", body=asks("edge-a-s")
    ),
    "offload": NodeCall("edge-a", "city", "offload-session", body=token("edge-a-s")),
    "update": NodeCall(
        "city", "edge-a", "update-session", body=token("edge-a-up", currentLocation="city", epoch=2)
    ),
    "propagate": NodeCall(
        "edge-a", "city", "receiver", body=propagation(), headers={PROPAGATE: "m"}
    ),
}


def changed(call: NodeCall) -> Iterator[NodeCall]:
    """Give the call with one thing changed in each."""
    yield replace(call, method="PUT")
    yield from (replace(call, location=other) for other in NAMES if other != call.location)
    yield replace(call, query=f"{call.query}&session=town-up")
    yield replace(call, body=call.body + b" ")
    yield replace(call, function="migrate-session/known")
    for name in (ONLOAD_LOCATION, PROPAGATE, NODE):
        for value in ("edge-b", "town", ""):
            yield replace(call, headers={**call.headers, name: value})
        if name != PROPAGATE:  # without it, it is a client's call
            yield replace(call, headers={k: v for k, v in call.headers.items() if k != name})


@pytest.mark.parametrize("call", CAPTURED.values(), ids=CAPTURED.keys())
def test_a_captured_call_is_good_for_nothing_else(wide: Tree, call: NodeCall) -> None:
    held, credential = Held(wide), call.credential()
    for other in changed(call):
        if other != call:
            assert other.send(wide, credential).status in {401, 403, 404, 405}, other
            assert held.is_unchanged(), other
    reflected = replace(call, location=call.caller)
    assert reflected.send(wide, credential).status in {401, 403}
    made_at, signature = credential.split(".")[1:]
    for name in NAMES:
        if name != call.caller:
            forged = f"Bearer {name}.{made_at}.{signature}"
            assert call.send(wide, forged).status in {401, 403}, name
    assert call.send(wide, call.credential(after_s=-71)).status == 401
    assert held.is_unchanged()


@pytest.mark.parametrize("call", CAPTURED.values(), ids=CAPTURED.keys())
def test_a_captured_call_that_is_repeated_does_nothing_more(wide: Tree, call: NodeCall) -> None:
    credential = call.credential()
    call.send(wide, credential)
    held = Held(wide)
    call.send(wide, credential)
    assert held.is_unchanged()


def test_a_client_reaches_sessions_through_functions_only(wide: Tree) -> None:
    held = Held(wide)
    for at in NAMES:
        for call in (*attacks(at, "cloud", ["edge-a"]), *in_a_name(at, "edge-a")):
            for authorization in (None, "Bearer x", "Basic YTpi", "Bearer cloud.0.0"):
                assert call.send(wide, authorization).status == 401, call
    assert held.is_unchanged()
