"""Checks of what a node keeps for all its sessions: the indexes, the outbox, the byte total."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cache, partial
from itertools import islice

from edgedb.checking.examination import Examination, shown_time, step
from edgedb.checking.findings import Finding, Kind
from edgedb.delivery import CONSUMER_LIFE_MS, deliver
from edgedb.store import keys
from edgedb.store.outbox import Entry
from edgedb.wire.model import Propagation

NAMED = 5  # how many sessions of a wrong index are named


def check_index(of: Examination, name: str) -> Iterator[Finding]:
    """Check whether what an index names is there."""
    first = list(islice(of.store.strangers(name), NAMED))
    if first:
        yield from of.report(
            Kind.STALE_INDEX,
            name,
            f"names what is not there: {', '.join(first)}{', …' if len(first) == NAMED else ''}",
            "take that out",
            step(partial(_clean, of, name)),
        )


def _clean(of: Examination, index: str) -> None:
    for session in of.store.strangers(index):
        of.store.is_stranger(index, session, mend=True)


def check_consumers(of: Examination) -> Iterator[Finding]:
    """Check who still counts as delivering the outbox."""
    count = of.node.store.outbox.idle_consumers
    idle = count(CONSUMER_LIFE_MS, mend=False)
    if idle:
        yield from of.report(
            Kind.CONSUMERS,
            keys.OUTBOX,
            f"{idle} processes that are gone still count as delivering it",
            "forget them",
            step(partial(count, CONSUMER_LIFE_MS, mend=True)),
        )


def check_messages(of: Examination) -> Iterator[Finding]:
    """Check whether messages are delivered."""
    left = cache(partial(_redeliver, of))
    for target, (count, oldest) in _backlog(of).items():
        yield from of.report(
            Kind.UNDELIVERED,
            target,
            f"{count} in the outbox, the oldest since {shown_time(oldest.created_ms)}",
            "deliver them; drop what is for a location that is not in the topology",
            partial(_reason, target, left),
        )


def _patience_ms(of: Examination) -> int:
    """Give how long after an attempt a tick tries again."""
    return round(of.node.settings.peer_timeout * 1000)


def _backlog(of: Examination) -> dict[str, tuple[int, Entry]]:
    """Give by target how many messages wait for too long, and the first of them."""
    found: dict[str, tuple[int, Entry]] = {}
    for entry in of.node.store.outbox.waiting(_patience_ms(of)):
        count, oldest = found.get(_target(entry), (0, entry))
        found[_target(entry)] = (count + 1, oldest)
    return found


def _redeliver(of: Examination) -> Collection[str]:
    """Send everything that waits, once; gives the targets for which something still does."""
    outbox = of.node.store.outbox
    for entry in outbox.waiting(_patience_ms(of)):
        if entry.message.to not in of.node.topology:
            outbox.remove(entry)
    outbox.recall(of.node.name, _patience_ms(of))
    deliver(of.node, is_retry=True)
    return _backlog(of).keys()


def _reason(target: str, left: Callable[[], Collection[str]]) -> str:
    return "it does not take them yet" if target in left() else ""


def _target(entry: Entry) -> str:
    message = entry.message
    return f"{message.function} at {message.to}" if isinstance(message, Propagation) else message.to


def check_total(of: Examination) -> Iterator[Finding]:
    """Check whether the bytes of all residents add up."""
    wrong = of.store.wrong_total(mend=False)
    if wrong is not None:
        yield from of.report(
            Kind.BYTES,
            keys.STATUS,
            f"counts {wrong[0]} bytes of residents, which have {wrong[1]}",
            "count anew",
            step(partial(of.store.wrong_total, mend=True)),
        )
