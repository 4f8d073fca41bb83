"""What a destination does with each answer to a hand-over (docs/protocol.md#messages)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgedb.errors import OutcomeUnknown
from edgedb.moving.recovery import settle_all
from edgedb.peers.transport import PeerResponse
from edgedb.store.destination import DestinationStore
from edgedb.wire.hand_over import Answer, Changed, Ended, Handed, answers_to_msgpack
from edgedb.wire.packet import Since
from tests.support.hooks import Hook, as_usual, at_hand_over
from tests.support.tree import Tree

OTHER_RUN = "f" * 40


def saying(**answers: Answer) -> Hook:
    """Answer hand-overs, whatever is asked for."""
    return at_hand_over(lambda _, __: PeerResponse(200, answers_to_msgpack(answers)))


@pytest.fixture
def version(tree: Tree) -> int:
    """Leave a copy of a session prepared at ``city``; gives its version."""
    tree.write("edge-a", "one")
    tree.strand()
    return prepared(tree)


def prepared(tree: Tree) -> int:
    """Give the version that is prepared at ``city``, or 0."""
    arrival = tree.node("city").store.destination.arrival("s")
    return arrival.version if arrival else 0


def hears(tree: Tree, **answers: Answer) -> None:
    """Let ``city`` ask once, and hear what is given."""
    tree.hook = saying(**answers)
    settle_all(tree.node("city"), ["s"])
    tree.hook = as_usual


INCONCLUSIVE: dict[str, Callable[[int], dict[str, Answer]]] = {
    "not-named": lambda _: {},
    "another-named": lambda version: {"other": Handed(version)},
    "another-version-given": lambda version: {"s": Handed(version + 1)},
    "a-request-is-running": lambda version: {"s": Changed(version)},
}


@pytest.mark.parametrize("answers", INCONCLUSIVE.values(), ids=INCONCLUSIVE.keys())
def test_what_is_not_final_leaves_the_copy_prepared(
    tree: Tree, version: int, answers: Callable[[int], dict[str, Answer]]
) -> None:
    hears(tree, **answers(version))
    assert prepared(tree) == version
    tree.tick_all()
    assert (tree.residents(), tree.words("edge-a")) == (["city"], ["one"])


def test_a_higher_version_is_final_for_the_one_that_is_here(tree: Tree, version: int) -> None:
    hears(tree, s=Changed(version + 1))
    assert tree.leftovers() == {}


def test_nothing_is_asked_for_before_it_is_on_disk_here(
    tree: Tree, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: DestinationStore) -> None:
        raise OutcomeUnknown("the node's disk does not keep up")

    with monkeypatch.context() as patch:
        patch.setattr(DestinationStore, "sync", unknown)
        tree.calls.clear()
        assert settle_all(tree.node("city"), ["s"]) == 0
        assert (tree.calls, prepared(tree)) == ([], version)
    tree.tick_all()
    assert tree.residents() == ["city"]


def aside(tree: Tree) -> list[bytes]:
    """Give the names of what is set aside at ``city``."""
    return [*tree.clients["city"].scan_iter("edge-aside:*")]


def test_a_copy_that_was_offered_in_the_present_run_is_dropped(tree: Tree, version: int) -> None:
    run = tree.node("edge-a").store.source.page("s", Since()).offer.run
    hears(tree, s=Ended(run, version))
    assert (tree.leftovers(), aside(tree)) == ({}, [])


def test_a_copy_that_was_offered_in_another_run_is_set_aside(tree: Tree, version: int) -> None:
    hears(tree, s=Ended(OTHER_RUN, version))
    assert prepared(tree) == 0
    assert aside(tree)
