"""What the checks of one slice share: the node, whether to mend, and who does not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from edgedb.checking.findings import Finding, Kind
from edgedb.errors import EdgeError, StoreUnavailable, Unavailable
from edgedb.node import Node
from edgedb.store.examination import ExaminationStore

log = logging.getLogger(__name__)

REPAIRS_S = 15.0
"""In a slice no repair begins later: other nodes may keep it waiting, gateways wait a minute."""

Repair = Callable[[], str]
"""Gives why it could not be done, '' if it was."""


@dataclass
class Examination:
    """One slice of an examination of a node."""

    node: Node
    mend: bool
    silent: dict[str, str] = field(default_factory=dict)
    """Locations that have not answered to the point, and what they did instead."""

    until: float = field(default_factory=lambda: time.monotonic() + REPAIRS_S)

    @property
    def store(self) -> ExaminationStore:
        """What looks into the node's Redis."""
        return self.node.store.examination

    def report(
        self, kind: Kind, subject: str, found: str, remedy: str, repair: Repair
    ) -> Iterator[Finding]:
        """Report a finding, after its repair if that is asked for."""
        finding = Finding(kind, subject, found, remedy)
        if not self.mend:
            yield finding
            return
        reason = "other nodes were too slow; ask again"
        if time.monotonic() < self.until:
            reason = _outcome(repair)
        log.warning("%s %r: %s; repair: %s", kind, subject, found, reason or "done")
        yield replace(finding, repaired=not reason, reason=reason)

    def asked(self, location: str, ask: Callable[[], str | None]) -> str | None:
        """Ask another node, unless it has left a question unanswered before.

        None also where it cannot tell now: the session is just moving.
        """
        if location in self.silent:
            return None
        try:
            return ask()
        except EdgeError as error:
            if not isinstance(error, Unavailable) or isinstance(error, StoreUnavailable):
                self.silent[location] = str(error)
            return None

    def silences(self) -> Iterator[Finding]:
        """Report who has not answered."""
        for location, reason in self.silent.items():
            yield from self.report(
                Kind.SILENT,
                location,
                f"pointers and arrivals could not be checked there: {reason}",
                "none: see that it is up and has the same keys, then look again",
                lambda: "it does not answer to the point",
            )


def _outcome(repair: Repair) -> str:
    try:
        return repair()
    except EdgeError as error:
        return str(error)


def step(take: Callable[[], object]) -> Repair:
    """Give a repair that is done once a step has been taken."""

    def repair() -> str:
        take()
        return ""

    return repair


def shown_time(milliseconds: int) -> str:
    """Give a time since 1970 as people read it, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
