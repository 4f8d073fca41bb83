"""The tree of locations, and what is refused as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from edgedb.errors import InvalidTopology, UnknownLocation
from edgedb.node import node_from
from edgedb.settings import Settings
from edgedb.topology.tree import Location, Topology


def document() -> dict[str, Any]:
    return {
        "levels": ["cloud", "city", "edge"],
        "locations": {
            "cloud": {"gateway": "http://127.0.0.1:31112"},
            "city": {"parent": "cloud", "gateway": "http://127.0.0.1:31113/"},
            "edge-a": {"parent": "city", "gateway": "http://127.0.0.1:31114"},
            "edge-b": {"parent": "city", "gateway": "http://127.0.0.1:31115"},
            "town": {"parent": "cloud", "gateway": "https://town.example/openfaas"},
        },
    }


@pytest.fixture
def tree() -> Topology:
    return Topology.from_json(document())


def ids(locations: list[Location] | tuple[Location, ...]) -> list[str]:
    return [location.id for location in locations]


def test_a_location_has_the_level_of_its_depth_and_a_gateway_without_slash(tree: Topology) -> None:
    assert tree["city"] == Location("city", "city", "cloud", "http://127.0.0.1:31113")
    assert tree["edge-b"].level == "edge"
    assert tree.root.id == "cloud"


def test_the_relations_of_the_tree(tree: Topology) -> None:
    assert tree.parent("edge-a") == tree["city"]
    assert tree.parent("cloud") is None
    assert ids(tree.children("city")) == ["edge-a", "edge-b"]
    assert tree.children("edge-a") == ()
    assert ids(tree.ancestors("edge-a")) == ["city", "cloud"]
    assert tree.ancestors("cloud") == []


def test_a_subtree_includes_its_own_root(tree: Topology) -> None:
    assert tree.subtree("city") == {"city", "edge-a", "edge-b"}
    assert tree.in_subtree("city", "city")
    assert tree.in_subtree("edge-a", "cloud")
    assert not tree.in_subtree("edge-a", "town")
    assert not tree.in_subtree("city", "edge-a")


def test_a_node_sees_its_ancestors_and_its_subtree_only(tree: Topology) -> None:
    assert set(tree.view_of("edge-a").locations) == {"cloud", "city", "edge-a"}
    assert set(tree.view_of("city").locations) == {"cloud", "city", "edge-a", "edge-b"}
    assert tree.view_of("cloud") == tree


def test_a_view_survives_the_way_through_json(tree: Topology) -> None:
    view = tree.view_of("town")
    assert Topology.from_json(view.to_json()) == view
    assert view["town"].level == "city"


@pytest.mark.parametrize(
    "use",
    [
        lambda tree: tree["nowhere"],
        lambda tree: tree.parent("nowhere"),
        lambda tree: tree.children("nowhere"),
        lambda tree: tree.ancestors("nowhere"),
        lambda tree: tree.subtree("nowhere"),
        lambda tree: tree.in_subtree("nowhere", "city"),
        lambda tree: tree.in_subtree("city", "nowhere"),
        lambda tree: tree.view_of("nowhere"),
    ],
)
def test_an_unknown_location_is_an_error_everywhere(tree: Topology, use: Any) -> None:
    assert "nowhere" not in tree
    with pytest.raises(UnknownLocation, match="'nowhere'"):
        use(tree)


def changed(path: str, value: object) -> dict[str, Any]:
    """Give the document with the value at a dotted path replaced."""
    result = document()
    *steps, last = path.split(".")
    place = result
    for step in steps:
        place = place[step]
    place[last] = value
    return result


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("levels", None, "levels must be a list"),
        ("levels", "edge", "levels must be a list.* 'edge'"),
        ("levels", [], "levels must be a list"),
        ("levels", ["cloud", 7, "edge"], "must be a text, not 7"),
        ("levels", ["a", "b", "a"], "occurs twice"),
        ("levels", ["cloud", "city"], "edge-a: deeper in the tree than levels"),
        ("locations", None, "locations must be a mapping, not None"),
        ("locations", {}, "found: none"),
        ("location", {}, "unknown key 'location'"),
        ("locations.Edge", {"gateway": "http://x"}, "'Edge' is no location id"),
        ("locations.-edge", {"gateway": "http://x"}, "'-edge' is no location id"),
        ("locations." + "e" * 65, {"gateway": "http://x"}, "is no location id"),
        ("locations.edge-c", None, "location edge-c must be a mapping"),
        ("locations.edge-c", {"parent": "city"}, "edge-c.gateway must be an http"),
        ("locations.other", {"gateway": "http://x"}, "found: cloud, other"),
        ("locations.cloud.parent", "city", "found: none"),
        ("locations.city.parent", "edge-a", "city.parent: 'edge-a' does not lead to the root"),
        ("locations.city.parent", "city", "city.parent: 'city' does not lead to the root"),
        ("locations.city.parent", "fog", "city.parent: there is no location 'fog'"),
        ("locations.city.parent", ["cloud"], r"city.parent must be a location id, not \['cloud'\]"),
        ("locations.city.gatway", "http://x", "location city: unknown key 'gatway'"),
        ("locations.edge-a.gateway", "http://127.0.0.1:31113", "is that of 'city' too"),
    ],
)
def test_a_malformed_tree_is_refused_naming_key_and_value(
    path: str, value: object, message: str
) -> None:
    with pytest.raises(InvalidTopology, match=message):
        Topology.from_json(changed(path, value))


@pytest.mark.parametrize(
    "gateway",
    [
        "127.0.0.1:8080",
        "ftp://host",
        "http://",
        "http://host?x=1",
        "http://host?",
        "http://host/#top",
        "http://user:word@host",
        "http://host:port",
        "http://host:0",
        "http://host:99999",
        "http://ho st",
        "http://host\n",
        "http://höst",
        "http://[::1",
        8080,
    ],
)
def test_a_gateway_must_be_a_plain_base_url(gateway: object) -> None:
    with pytest.raises(InvalidTopology, match=r"city\.gateway must be an http or https URL"):
        Topology.from_json(changed("locations.city.gateway", gateway))


@pytest.mark.parametrize("whole", [None, [], "cloud", 3])
def test_the_document_must_be_a_mapping(whole: Any) -> None:
    with pytest.raises(InvalidTopology, match="the topology must be a mapping"):
        Topology.from_json(whole)


@st.composite
def trees(draw: st.DrawFn) -> Topology:
    """Draw a tree of up to 30 locations and up to 30 levels, in any order of the document."""
    size = draw(st.integers(1, 30))
    parents = [draw(st.integers(0, number - 1)) for number in range(1, size)]
    links = [None, *(f"n{parent}" for parent in parents)]
    entries = [
        (f"n{number}", {"parent": link, "gateway": f"http://n{number}"})
        for number, link in enumerate(links)
    ]
    return Topology.from_json(
        {
            "levels": [f"level {depth}" for depth in range(size)],
            "locations": dict(draw(st.permutations(entries))),
        }
    )


@given(tree=trees())
def test_in_subtree_agrees_with_subtree_and_ancestors(tree: Topology) -> None:
    for top in tree:
        for other in tree:
            below = other.id in tree.subtree(top.id)
            assert tree.in_subtree(other.id, top.id) is below
            assert below is (top == other or top in tree.ancestors(other.id))
            assert tree.is_below(other.id, top.id) is (below and top != other)
        assert not tree.is_below("nowhere", top.id)
        assert not tree.is_below(top.id, "nowhere")


@given(tree=trees())
def test_a_view_answers_for_its_locations_as_the_whole_tree_does(tree: Topology) -> None:
    for location in tree:
        view = tree.view_of(location.id)
        assert view == Topology.from_json(view.to_json())
        assert view.ancestors(location.id) == tree.ancestors(location.id)
        assert view.subtree(location.id) == tree.subtree(location.id)


def test_ten_thousand_locations_are_one_topology() -> None:
    parents = {
        f"n{n}": {"parent": f"n{n // 10}", "gateway": f"http://n{n}"} for n in range(1, 10_000)
    }
    large = {"levels": list("abcde"), "locations": {"n0": {"gateway": "http://n0"}, **parents}}
    tree = Topology.from_json(large)
    assert tree.in_subtree("n9999", "n0")
    assert len(tree) == 10_000


def with_entries(**entries: dict[str, Any]) -> dict[str, Any]:
    """Give the document with other entries."""
    found = document()
    for name, entry in entries.items():
        found["locations"].setdefault(name.replace("_", "-"), {}).update(entry)
    return found


@pytest.fixture
def moved() -> Topology:
    """Give a tree in which edge-a was below city, and is below town and called south."""
    found = document()
    entry = found["locations"].pop("edge-a")
    found["locations"]["south"] = entry | {
        "parent": "town",
        "aliases": ["edge-a", "harbour"],
        "former": ["city"],
    }
    return Topology.from_json(found)


def test_a_location_keeps_its_first_name_as_its_id(moved: Topology) -> None:
    place = moved["south"]
    assert (place.id, place.name, place.parent) == ("edge-a", "south", "town")
    assert moved["edge-a"] is moved["harbour"] is place
    assert "harbour" in moved
    assert ids(moved.children("town")) == ["edge-a"]
    assert not moved.is_below("south", "edge-a")
    assert Topology.from_json(moved.to_json()) == moved


def test_a_parent_is_named_by_any_of_its_names() -> None:
    tree = Topology.from_json(
        with_entries(town={"aliases": ["village"]}, edge_a={"parent": "town"})
    )
    assert tree["edge-a"].parent == "village"
    assert tree.in_subtree("edge-a", "town")


def test_who_was_above_a_location_is_told_of_it_and_it_of_them(moved: Topology) -> None:
    assert moved.was_on_path("edge-a", "city")
    for place in ("cloud", "town", "edge-a", "edge-b"):
        assert not moved.was_on_path("edge-a", place)
    assert moved.strangers("city") == {"edge-a"}
    assert moved.homes("city") == {"city", "edge-a", "edge-b"}
    assert {*moved.view_of("city").locations} == {"cloud", "city", "edge-a", "edge-b", "town"}
    assert {*moved.view_of("edge-a").locations} == {"cloud", "city", "edge-a", "town"}
    assert {*moved.view_of("edge-b").locations} == {"cloud", "city", "edge-b"}
    assert {*moved.view_of("town").locations} == {"cloud", "city", "edge-a", "town"}
    assert moved.view_of("city").was_on_path("edge-a", "city")
    assert Topology.from_json(moved.view_of("city").to_json()) == moved.view_of("city")


def test_what_is_below_a_location_moves_with_it() -> None:
    found = document()
    found["levels"].append("room")
    found["locations"]["room"] = {"parent": "edge-a", "gateway": "http://room"}
    found["locations"]["edge-a"] |= {"parent": "town", "former": ["city"]}
    tree = Topology.from_json(found)
    assert tree.strangers("city") == {"edge-a", "room"}
    assert "city" in tree.view_of("room")


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({"edge_a": {"former": "city"}}, "edge-a.former must be a list"),
        ({"edge_a": {"former": ["nowhere"]}}, "there is no location 'nowhere'"),
        ({"edge_a": {"aliases": ["edge-b"]}}, "'edge-b' is a name of another"),
        ({"edge_a": {"aliases": ["x", "x"]}}, "edge-a.aliases must be a list"),
        ({"edge_a": {"aliases": ["A"]}}, "edge-a.aliases must be a list"),
        ({"edge_a": {"aliases": ["x"]}, "edge_b": {"aliases": ["x"]}}, "'x' is a name of another"),
    ],
)
def test_names_and_former_parents_that_make_no_sense_are_refused(
    entries: dict[str, dict[str, Any]], named: str
) -> None:
    with pytest.raises(InvalidTopology, match=named):
        Topology.from_json(with_entries(**entries))


def test_a_node_that_is_called_by_a_new_name_is_the_same_node(
    moved: Topology, tmp_path: Path
) -> None:
    file = tmp_path / "edge-topology"
    file.write_text(json.dumps(moved.view_of("south").to_json()))
    settings = Settings("south", "cart", None, "", 0, topology_path=file)
    assert node_from(settings).location == "edge-a"


def test_a_tree_has_the_name_of_its_root_unless_it_is_given_one() -> None:
    plain, named = (Topology.from_json({**document(), **more}) for more in ({}, {"tree": "shop"}))
    assert (plain.name, named.view_of("edge-a").name) == ("cloud", "shop")
    assert "tree" not in plain.to_json()  # releases before read that
    assert Topology.from_json(named.to_json()) == named
    with pytest.raises(InvalidTopology, match=r"tree: 'my shop' is no name"):
        Topology.from_json({**document(), "tree": "my shop"})
