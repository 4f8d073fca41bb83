"""A read-only request that began before a move reads on as if nothing were, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgedb.errors import SessionChanged
from tests.integration.store.steps import Place


def gone(edge: Place, city: Place) -> None:
    """Let the session leave."""
    city.move_from(edge)


def gone_and_back(edge: Place, city: Place) -> None:
    """Let the session leave, be written to, and come back."""
    city.move_from(edge)
    city.write({"x": "2"}, replaced={"words": []})
    edge.move_from(city, "back")


@pytest.mark.parametrize("meanwhile", [gone, gone_and_back])
def test_a_reader_never_takes_a_session_that_has_left_for_an_empty_one(
    edge: Place, city: Place, meanwhile: Callable[[Place, Place], None]
) -> None:
    edge.write({"x": "1"}, {"words": ["one"]})
    reading = edge.run(lock="")
    meanwhile(edge, city)
    with pytest.raises(SessionChanged):
        edge.store.requests.scalar(reading, "x")
    with pytest.raises(SessionChanged):
        edge.store.requests.elements(reading, "words")
