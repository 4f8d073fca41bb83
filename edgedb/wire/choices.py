"""What may be chosen in a call's parameters, by name."""

from __future__ import annotations

from enum import StrEnum


class OffloadStatus(StrEnum):
    """What a node does with sessions offloaded to it (docs/api.md#set-offload-status)."""

    ACCEPT = "accept"
    REJECT = "reject"


class Phase(StrEnum):
    """The steps of a transfer that change something at its source (``migrate-session``)."""

    FREEZE = "freeze"
    HAND_OVER = "hand-over"
    THAW = "thaw"


class Policy(StrEnum):
    """In which order sessions are chosen."""

    LARGEST = "largest"
    LEAST_RECENT = "least-recent"
    MOST_RECENT = "most-recent"
    RANDOM = "random"
