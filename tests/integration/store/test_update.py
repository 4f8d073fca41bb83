"""The proprietary location learns where its session is: only what is newer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edgedb.errors import Conflict, EdgeError, NotFound, StaleToken
from edgedb.wire.model import SessionToken
from tests.integration.store.steps import TOKEN, Place


@pytest.mark.parametrize(
    ("current", "epoch", "error"),
    [
        ("city", 2, None),
        ("cloud", 3, None),
        ("cloud", 2, StaleToken),
        ("edge-a", 2, StaleToken),
        ("cloud", 1, StaleToken),
        ("city", 1, StaleToken),
    ],
)
def test_an_update_is_accepted_with_a_higher_epoch_or_if_nothing_is_new(
    edge: Place, current: str, epoch: int, error: type[EdgeError] | None
) -> None:
    edge.write({"x": "1"})
    edge.give_away("city")
    before, token = edge.dump(), replace(TOKEN, current_location=current, epoch=epoch)
    if error is None:
        edge.store.destination.update(token)
        assert edge.token() == token
        return
    with pytest.raises(error):
        edge.store.destination.update(token)
    assert edge.dump() == before


@pytest.mark.parametrize(("session", "error"), [("s", Conflict), ("unknown", NotFound)])
def test_an_update_never_moves_a_resident_nor_makes_a_session(
    edge: Place, session: str, error: type[EdgeError]
) -> None:
    edge.write({"x": "1"})
    before = edge.dump()
    with pytest.raises(error):
        edge.store.destination.update(SessionToken(session, "edge-a", "city", "cart", 99))
    edge.client.hdel("edge:{s}:meta", "told")  # which the doctor tells of
    assert edge.dump() == before
