"""Keys: derived as RFC 5869 says, one for each node and for each two of them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from edgedb.errors import Forbidden
from edgedb.peers import keys
from edgedb.peers.keys import Keyring, hkdf
from edgedb.topology.tree import Topology
from tests.support.tree import THREE_LEVELS, TREE_KEY

TREE = Topology.from_json(THREE_LEVELS)
PLACES = [place.id for place in TREE]

# RFC 5869, appendix A.1 to A.3: key, salt, info, what is derived
VECTORS = {
    "basic": (
        *("0b" * 22, "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9"),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    "longer": (
        *(bytes(range(start, start + 80)).hex() for start in (0x00, 0x60, 0xB0)),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
        "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    "without-salt-and-info": (
        *("0b" * 22, "", ""),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_the_vectors_of_the_rfc(vector: tuple[str, str, str, str]) -> None:
    key, salt, info, derived = map(bytes.fromhex, vector)
    assert hkdf(key, info, salt, len(derived)) == derived


def with_generations(tree: Topology, location: str, *generations: int) -> Topology:
    changed = replace(tree[location], generations=generations)
    return replace(tree, locations={**tree.locations, location: changed})


def ring(location: str, tree: Topology = TREE, own: Topology | None = None) -> Keyring:
    """Give a node's keys; ``own``: of the tree as it was when its secret was made."""
    lines = tuple(key.decode() for key in keys.of_node(TREE_KEY, own or tree, location))
    view = tree.view_of(location)
    return Keyring(location, lambda: lines, lambda: view)


def test_all_nodes_have_keys_of_their_own() -> None:
    found = [keys.of_node(TREE_KEY, TREE, place) for place in PLACES]
    assert len({*found}) == len(PLACES)
    assert all(len(own) == 1 and len(own[0]) == 64 for own in found)


@pytest.mark.parametrize(("upper", "lower"), [("cloud", "city"), ("cloud", "edge-a")])
def test_both_ends_of_a_call_derive_the_same_key(upper: str, lower: str) -> None:
    for caller, called in ((upper, lower), (lower, upper)):
        both = {ring(each).between(caller, called) for each in (upper, lower)}
        assert len(both) == 1


def test_every_call_has_a_key_of_its_own_for_each_direction() -> None:
    found = []
    for caller, called in itertools.permutations(PLACES, 2):
        if {caller, called} != {"edge-a", "edge-b"}:
            found += ring(caller).between(caller, called)
    found += [key for place in PLACES for key in ring(place).to(place)]
    assert len({*found}) == len(found)


@pytest.mark.parametrize("other", ["edge-b", "nowhere", "", "EDGE-A"])
def test_a_node_has_no_key_for_who_is_neither_above_nor_below(other: str) -> None:
    with pytest.raises(Forbidden, match="neither above nor below edge-a"):
        ring("edge-a").to(other)


def test_the_names_cannot_run_into_each_other_nor_be_taken_for_a_childs() -> None:
    chain = {
        "levels": ["a", "b", "c"],
        "locations": {
            "node": {"gateway": "http://a"},
            "call": {"parent": "node", "gateway": "http://b"},
            "1": {"parent": "call", "gateway": "http://c"},
        },
    }
    tree = Topology.from_json(chain)
    found = [
        ring(a, tree).between(a, b) for a, b in itertools.permutations(("node", "call", "1"), 2)
    ]
    own = [keys.of_node(TREE_KEY, tree, place.id) for place in tree]
    assert len({*found, *own}) == len(found) + len(own)


def test_a_higher_generation_is_another_key_for_the_subtree_and_nobody_else() -> None:
    risen = with_generations(TREE, "city", 2)
    changed = [
        place
        for place in PLACES
        if keys.of_node(TREE_KEY, TREE, place) != keys.of_node(TREE_KEY, risen, place)
    ]
    assert changed == ["city", "edge-a", "edge-b"]


def test_during_a_rotation_there_are_two_keys_the_new_one_first() -> None:
    between, after = with_generations(TREE, "city", 2, 1), with_generations(TREE, "city", 2)
    for place in ("city", "edge-a"):
        assert keys.of_node(TREE_KEY, between, place) == (
            *keys.of_node(TREE_KEY, after, place),
            *keys.of_node(TREE_KEY, TREE, place),
        )
    assert keys.of_node(TREE_KEY, between, "cloud") == keys.of_node(TREE_KEY, TREE, "cloud")


STATES = [TREE, with_generations(TREE, "city", 2, 1), with_generations(TREE, "city", 2)]


@pytest.mark.parametrize(
    ("a", "b"), [*itertools.pairwise(STATES), *itertools.pairwise(STATES[::-1])]
)
@pytest.mark.parametrize(("upper", "lower"), [("cloud", "edge-a"), ("city", "edge-a")])
def test_two_nodes_of_which_one_is_a_step_ahead_have_a_key_in_common(
    a: Topology, b: Topology, upper: str, lower: str
) -> None:
    keys_of = [{*ring(upper, a).to(lower)}, {*ring(lower, b).between(upper, lower)}]
    assert set.intersection(*keys_of)


def test_after_a_rotation_the_key_of_before_is_of_no_use() -> None:
    before, after = ring("edge-a", STATES[0]), ring("cloud", STATES[2])
    assert not {*before.to("cloud")} & {*after.between("edge-a", "cloud")}


def test_the_keys_are_those_of_the_secrets_as_they_are() -> None:
    own, view = [("first of enough bytes",)], TREE.view_of("city")
    keyring = Keyring("city", lambda: own[-1], lambda: view)
    first = keyring.to("cloud")
    assert keyring.to("cloud") is first
    own.append(("second of enough bytes", "first of enough bytes"))
    assert keyring.to("cloud")[1:] == first


def test_where_no_key_is_nothing_is_signed() -> None:
    keyring = Keyring("city", tuple, lambda: TREE)
    assert not keyring
    assert keyring.to("cloud") == keyring.to("edge-a") == ()


def test_an_oracles_token_is_another_for_each_node_and_generation() -> None:
    found = [keys.oracle_token(key) for at in PLACES for key in keys.of_node(TREE_KEY, TREE, at)]
    assert len({*found}) == len(PLACES)
