"""A session id works everywhere, or is refused everywhere with 400."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.e2e.curl import curl
from tests.e2e.world import World
from tests.support.commands import command

STRANGE = {
    "space": "a b  c",
    "quotes": '"it\'s" `so`',
    "braces": "}{a}{{",
    "brackets": "[a]*?<b>",
    "slashes": "a//../b\\c/",
    "percent": "100% %0A %41 %",
    "query": "a=b&c=d?e#f+g;h:i,j",
    "shell": "$(id) | ~ !",
    "dash": "--help",
    "number": "0",
    "none": "None",
    "combining": "e\u0301 \u00e9",
    "invisible": "a\u200b\u2028\u202eb",
    "four bytes": "😀 \U0010ffff",
    "last of 256 letters": "x" * 256,
    "256 of four bytes": "😀" * 256,
}

REFUSED = {
    "empty": b"",
    "257 letters": b"x" * 257,
    "control character": b"a\x01b",
    "tabulator": b"a\tb",
    "delete": b"a\x7fb",
    "C1 control character": "a\x85b".encode(),
    "sent twice": b"one, two",
    "only spaces beyond ASCII": "\u00a0\u2003".encode(),
    "not UTF-8": b"a\xff",
    "Latin-1": "é".encode("latin-1"),
    "cut off UTF-8": "😀".encode()[:3],
    "surrogate": b"\xed\xa0\x80",
}

REFUSED_IN_QUERIES = {**REFUSED, "line feed": b"a\nb", "return": b"a\rb", "zero": b"a\0b"}


def parameters(names: dict[str, object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", list(names.values()), ids=list(names))


def add(world: World, name: str, value: str, at: str = "edge-a") -> str:
    """Write with curl; give the location where it happened."""
    answer = curl(world.url(at, "mirror", f"?{value}"), name)
    assert (answer.status, answer.json()["session"]) == (200, name)
    world.add(name, value, at)
    return str(answer.json()["location"])


@parameters({**STRANGE})
def test_a_strange_id_works_everywhere(world: World, name: str) -> None:
    assert add(world, name, "1") == "edge-a"
    assert world.where(name) == "offloaded: no"
    assert world.offload(name) == "city"
    assert world.offload(name, at="city") == "cloud"
    assert add(world, name, "2") == "cloud"
    assert world.where(name, at="cloud") == "offloaded: no"
    world.onload(name)
    assert add(world, name, "3", at="city") == "edge-a"
    assert world.words(name) == ["1", "2", "3"]
    listed = world.oracle("edge-a", "oracle/sessions", method="GET", limit=1).json()
    assert listed["sessions"][0]["session"] == name


@parameters({**STRANGE})
def test_a_strange_id_works_with_edge_session(world: World, name: str) -> None:
    with world.client(name) as client:
        seen = client.post("/function/mirror?q=1").json()
    assert (seen["session"], seen["given"]["x-session"].encode("latin-1").decode()) == (name, name)


def test_a_strange_id_works_with_edgectl(world: World) -> None:
    name = " / ".join(STRANGE[kind] for kind in ("quotes", "percent", "braces", "four bytes"))
    world.add(name, "1")
    command(world, "offload", "edge-a", "--session", name)
    assert command(world, "where", name).stdout.startswith(f"{name}: city\n")
    assert command(world, "onload", "edge-a", "--session", name).stdout == (
        f"{name} of edge-a is at edge-a\n"
    )


@parameters({**REFUSED})
def test_a_malformed_id_is_refused_by_functions(world: World, name: bytes) -> None:
    assert curl(world.url("edge-a", "notebook", "/list?key=k"), name).status == 400


@parameters({**REFUSED_IN_QUERIES})
def test_a_malformed_id_is_refused_by_endpoints(world: World, name: bytes) -> None:
    rest = f"?session={quote(name, safe='')}"
    answer = world.call("edge-a", "force-offload", rest, headers=world.bearer("edge-a"))
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid session id")


@pytest.mark.parametrize("names", [("one", "two"), ("one", "one"), ("a,", "b"), ("one", "\u00a0")])
def test_two_sessions_in_one_call_are_none(world: World, names: tuple[str, str]) -> None:
    first, second = names
    url = world.url("edge-a", "notebook", "/list?key=k")
    answer = curl(url, first, "-H", f"X-session: {second}")
    assert (answer.status, answer.json()["title"]) == (400, "Invalid session id")


def test_without_the_header_the_call_is_refused_but_not_where_state_is_node_local(
    world: World,
) -> None:
    assert world.call("edge-a", "notebook", "/list?key=k").status_code == 400
    assert world.call("edge-a", "tally").status_code == 200
