"""What an examination of a node finds (docs/operations.md#the-doctor)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

Seen = TypeVar("Seen", covariant=True)


class Kind(StrEnum):
    """The states that nothing should stay in, and what their repair does."""

    LOCKED = "locked", "none: see that its function's handler ends; exec_timeout ends it else"
    ARRIVING = "arriving", "discard the copy; the session is at its source"
    PREPARED = "prepared", "ask the source, and take the session or discard the copy as it says"
    LAST_COPY = (
        "last-copy",
        "adopt it if its source was declared lost (edgectl lost) and nobody has it",
    )
    FORKED = "forked", "none: decide which is kept: edgectl resolve SESSION --keep LOCATION"
    ORPHANED = "orphaned", "set them aside for 30 days"
    INDEXES = "indexes", "set right what differs"
    UNDELIVERED = "undelivered", "deliver them; drop what is for a location not in the topology"
    STUCK = "stuck", "none: end what keeps it here; it is tried again by itself"
    POINTER = "pointer", "let it lead to the session; set it aside if its node was declared lost"
    REFUSED = "refused", "none: stop it; or say that the known one is lost: edgectl lost LOCATION"
    STRANDED = "stranded", "offload it to where its home's path is now"
    SILENT = "silent", "none: see that it is up and has the same keys, then look again"

    remedy: str

    def __new__(cls, name: str, remedy: str) -> Kind:
        """Make a name that has a remedy."""
        kind = str.__new__(cls, name)
        kind._value_, kind.remedy = name, remedy
        return kind


@dataclass(frozen=True)
class Finding(Generic[Seen]):
    """One thing that is wrong: ``subject`` is a session, an index, a location.

    ``seen`` is what its repair has to know of it. ``repaired`` is None where no repair was tried;
    where it is False, ``reason`` says why.
    """

    kind: Kind
    subject: str
    found: str
    seen: Seen
    repaired: bool | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        names = ("kind", "subject", "found", "repaired", "reason")
        return {name: getattr(self, name) for name in names} | {"remedy": self.kind.remedy}
