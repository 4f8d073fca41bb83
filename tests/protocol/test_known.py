"""What a node says of sessions that it is asked about: of residents and pointers, in one go."""

from __future__ import annotations

import pytest

from edgedb.store.requests import Attempt
from edgedb.times import rfc3339
from edgedb.wire.model import COUNT_LIMIT, Known, SessionToken
from edgedb.wire.packet import Since
from tests.support.tree import Tree


@pytest.fixture
def known(tree: Tree) -> dict[str, Known]:
    """Give what city says to the root of a resident, a pointer and a session of nobody's."""
    tree.write("edge-a", "one", "resident")
    tree.offload("edge-a", "resident")
    for step in ("edge-b", "city"):
        tree.write("edge-b", "one", "pointer")
        tree.offload(step, "pointer")
    tree.node("city", "notebook").store.requests.begin(Attempt("begun", "notebook", "lock"))
    return tree.node("cloud").peers.known("city", ["pointer", "none", "begun", "resident"])


def test_of_a_resident_the_version_and_the_last_access_are_told(
    tree: Tree, known: dict[str, Known]
) -> None:
    token = SessionToken("resident", "edge-a", "city", "notebook", 2)
    version = tree.node("city").store.source.page("resident", Since()).version
    assert known["resident"] == Known(token, version, rfc3339(tree.clock()))


def test_of_a_pointer_the_token_is_told(known: dict[str, Known]) -> None:
    assert known["pointer"] == Known(SessionToken("pointer", "edge-b", "cloud", "notebook", 3))


def test_what_is_not_known_is_not_in_the_answer(known: dict[str, Known]) -> None:
    assert known.keys() == {"resident", "pointer"}


@pytest.mark.usefixtures("known")
def test_who_is_not_on_a_sessions_path_hears_nothing_of_it(tree: Tree) -> None:
    assert tree.node("edge-a").peers.known("city", ["resident", "pointer"]).keys() == {"resident"}


@pytest.mark.usefixtures("known")
def test_more_than_one_call_may_ask_for_are_asked_for_in_several(tree: Tree) -> None:
    names = [*map(str, range(COUNT_LIMIT)), "resident"]
    tree.calls.clear()
    assert tree.node("cloud").peers.known("city", names).keys() == {"resident"}
    assert tree.calls == ["POST city/migrate-session/known"] * 2
