"""Checks of one session at a node: its freeze, its place in the indexes, its pointer, its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from edgedb.checking.examination import Examination, shown_time, step
from edgedb.checking.findings import Finding, Kind
from edgedb.checking.tracing import flaw, holder
from edgedb.store.examination import State
from edgedb.wire.model import SessionToken


def check_session(of: Examination, state: State) -> Iterator[Finding]:
    """Check a session that is known here."""
    token = state.token
    if token is None:
        return
    if token.current_location == of.node.location:
        yield from _check_freeze(of, state)
        yield from _check_indexes(of, token)
    elif not state.is_arriving:
        yield from _check_pointer(of, token)


def _check_freeze(of: Examination, state: State) -> Iterator[Finding]:
    if state.frozen_for is None or state.frozen_until_ms > of.store.now_ms():
        return
    # a freeze that is over is never prolonged, so a thaw ends the one that was found
    thaw = partial(of.node.store.source.thaw, state.session, state.frozen_for)
    yield from of.report(
        Kind.FROZEN,
        state.session,
        f"its freeze for transfer {state.frozen_for} ended {shown_time(state.frozen_until_ms)}",
        "thaw it; it is served either way",
        step(thaw),
    )


def _check_indexes(of: Examination, token: SessionToken) -> Iterator[Finding]:
    if of.store.is_unindexed(token, mend=False):
        yield from of.report(
            Kind.UNINDEXED,
            token.session,
            "is resident here, but an index does not say so, or says another size",
            "index it",
            step(partial(of.store.is_unindexed, token, mend=True)),
        )


def _check_pointer(of: Examination, token: SessionToken) -> Iterator[Finding]:
    found = of.asked(token.current_location, partial(flaw, of.node, token))
    if found is not None:
        yield from of.report(
            Kind.POINTER,
            token.session,
            found,
            "let it lead to where the session is, or forget it if no node on its path has it",
            partial(_mend_pointer, of, token),
        )


def _mend_pointer(of: Examination, token: SessionToken) -> str:
    true, where = holder(of.node, token), token.current_location
    is_later = true is not None and true.epoch > token.epoch
    if where not in of.node.topology and not is_later:
        return f"only {where} can say where the session is; put it back into the topology"
    return "" if of.store.repoint(token, true) else "the session is moving; look again"


def check_data(of: Examination, state: State, parts: Sequence[str]) -> Iterator[Finding]:
    """Check whether parts of a session have an owner here, lists one that names them."""
    lost = [part for part in _suspects(of, state, parts) if _is_orphaned(of, state, part)]
    if lost:
        yield from of.report(
            Kind.ORPHANED,
            state.session,
            f"no session and no arrival here owns its {', '.join(lost)}",
            "set them aside as edge-aside:… for 30 days",
            step(lambda: [_is_orphaned(of, state, part, mend=True) for part in lost]),
        )


def _is_orphaned(of: Examination, state: State, part: str, *, mend: bool = False) -> bool:
    return of.store.is_orphaned(state.session, part, mend=mend)


def _suspects(of: Examination, state: State, parts: Sequence[str]) -> list[str]:
    """Look closer only at what is wrong at first sight."""
    token = state.token
    is_here = token is not None and token.current_location == of.node.location
    if not (is_here or state.is_arriving):
        return list(parts)
    lists = [part for part in parts if part.startswith("list:")]
    named = of.store.list_numbers(state.session) if lists else set()
    return [part for part in lists if int(part.removeprefix("list:")) not in named]
