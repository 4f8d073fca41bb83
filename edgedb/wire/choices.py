"""What may be chosen in a call's parameters, by name."""

from __future__ import annotations

from enum import StrEnum


class OffloadStatus(StrEnum):
    """What a node does with sessions offloaded to it (docs/api.md#set-offload-status)."""

    ACCEPT = "accept"
    REJECT = "reject"


class Phase(StrEnum):
    """The steps of a transfer that change something at its source (``migrate-session``)."""

    HAND_OVER = "hand-over"


class Hold(StrEnum):
    """Whether requests wait at the source where a session cannot be handed over at once."""

    NO = "no"
    SMALL = "small"
    """If what the destination lacks is at most a page."""
    ANY = "any"


class Policy(StrEnum):
    """In which order sessions are chosen."""

    LARGEST = "largest"
    LEAST_RECENT = "least-recent"
    MOST_RECENT = "most-recent"
    RANDOM = "random"
