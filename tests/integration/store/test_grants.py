"""A grant that has ended stays dead, whatever the next transfer is waiting for."""

from __future__ import annotations

import pytest

from edgedb.errors import GrantRefused
from tests.integration.store.steps import FREEZE_TIMEOUT_S, Place, changes


@pytest.mark.parametrize("how", ["thaw", "time"])
def test_a_dead_grant_is_dead_while_the_next_transfer_waits_for_a_request(
    edge: Place, how: str
) -> None:
    edge.write({"x": "1"})
    token, grant = edge.token(), edge.frozen("first")
    if how == "thaw":
        edge.store.source.thaw("s", "first")
    else:
        edge.clock.advance(FREEZE_TIMEOUT_S)
    run = edge.run()
    assert edge.freeze("next") is None
    with pytest.raises(GrantRefused):
        edge.store.source.hand_over(token, grant, "city")
    assert edge.freeze("next") is None  # not the grant of the first: the request still runs
    edge.store.requests.commit(run, changes({"x": "2"}))
    assert edge.frozen("next") != grant
    assert {item.to_json()["data"] for item in edge.page().items} == {"2"}
