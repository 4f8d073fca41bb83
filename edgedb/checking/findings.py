"""What an examination of a node finds (``docs/operations.md``, "The doctor")."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The states that no session, index or message should stay in."""

    FROZEN = "frozen"
    ARRIVING = "arriving"
    PREPARED = "prepared"
    LAST_COPY = "last-copy"
    UNLISTED = "unlisted"
    ORPHANED = "orphaned"
    UNINDEXED = "unindexed"
    STALE_INDEX = "stale-index"
    BYTES = "bytes"
    UNDELIVERED = "undelivered"
    CONSUMERS = "consumers"
    POINTER = "pointer"
    SILENT = "silent"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: ``subject`` is a session, an index, a location.

    ``remedy`` says what a repair does. ``repaired`` is None where none was tried; where it is
    False, ``reason`` says why.
    """

    kind: Kind
    subject: str
    found: str
    remedy: str
    repaired: bool | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return asdict(self)
