"""Checks of an open arrival: whether ticks see it, and whether it gets on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from edgedb.checking.examination import Examination, shown_time, step
from edgedb.checking.findings import Finding, Kind
from edgedb.checking.tracing import has_lost, holder
from edgedb.delivery import deliver_soon
from edgedb.errors import GrantRefused, NotFound
from edgedb.moving.recovery import finish, settle
from edgedb.store.destination import Arrival

ASK = "ask the source to hand it over, and take it or discard the copy as it says"
ADOPT = (
    "adopt the copy if no node from the session's home to the root has it; "
    "force-onload then brings it home"
)


def check_arrival(of: Examination, session: str) -> Iterator[Finding]:
    """Check the open arrival of a session."""
    if of.store.is_unlisted(session, mend=False):
        yield from of.report(
            Kind.UNLISTED,
            session,
            "is arriving, but no tick would see it",
            "list it",
            step(partial(of.store.is_unlisted, session, mend=True)),
        )
    arrival = of.node.store.destination.arrival(session)
    if arrival is not None and _is_old(of, arrival):
        yield from _prepared(of, arrival) if arrival.grant else _copying(of, arrival)


def _is_old(of: Examination, arrival: Arrival) -> bool:
    patience_ms = round(of.node.settings.freeze_timeout * 1000)
    return arrival.touched_ms + patience_ms <= of.store.now_ms()


def _found(arrival: Arrival) -> str:
    return f"a copy from {arrival.source} is here since {shown_time(arrival.touched_ms)}"


def _copying(of: Examination, arrival: Arrival) -> Iterator[Finding]:
    yield from of.report(
        Kind.ARRIVING,
        arrival.session,
        f"{_found(arrival)}, and nobody goes on copying",
        "discard the copy; the session is at its source",
        lambda: "" if settle(of.node, arrival) else "it could not be ended now",
    )


def _prepared(of: Examination, arrival: Arrival) -> Iterator[Finding]:
    repair = partial(_finish, of, arrival)
    found, name = of.asked(arrival.source, partial(_loss, of, arrival)), arrival.session
    if found is None:
        found = f"{_found(arrival)}, and was not handed over yet"
        yield from of.report(Kind.PREPARED, name, found, ASK, repair)
    else:
        yield from of.report(Kind.LAST_COPY, name, found, ADOPT, repair)


def _loss(of: Examination, arrival: Arrival) -> str | None:
    if not has_lost(of.node, arrival.source, arrival.session):
        return None
    return f"{_found(arrival)}, and {arrival.source} does not know the session any more"


def _finish(of: Examination, arrival: Arrival) -> str:
    """End a prepared arrival as its source says; adopt it if the source has lost it."""
    try:
        finish(of.node, arrival)
    except GrantRefused:  # and so it was discarded
        return ""
    except NotFound:
        return _adopt(of, arrival)
    return ""


def _adopt(of: Examination, arrival: Arrival) -> str:
    """Make the staged copy live if it is the last one there is."""
    assert arrival.token is not None  # noqa: S101 - it is prepared
    other = holder(of.node, arrival.token)
    if other is not None:
        return f"{other.current_location} has a session of that name, in epoch {other.epoch}"
    if not of.store.adopt(arrival, arrival.token.moved_to(of.node.location)):
        return "it has been dealt with, or a later owner is known here"
    deliver_soon(of.node)
    return ""
