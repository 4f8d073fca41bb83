"""What clients saw of a session: one operation for each of their calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

Value = str | bytes | int | None


class Kind(Enum):
    """What an operation does: the first two to a register, the others to a list."""

    WRITE = "write"
    READ = "read"
    APPEND = "append"
    LIST = "list"


@dataclass(frozen=True)
class Operation:
    """One call as its client saw it; calls known to have had no effect are left out.

    Times are by one clock, in any unit. ``returned`` is None when no answer came: the operation
    may take effect at any time after its call, or never.
    """

    session: str
    key: str
    kind: Kind
    called: float
    returned: float | None
    value: Value = None
    """What was written, appended or read; None was read of a register never written."""
    elements: tuple[Value, ...] | None = None
    """The whole list as it was read; an append may tell it too, as it was afterwards."""

    @property
    def deadline(self) -> float:
        """When it must have taken effect, if it did."""
        return math.inf if self.returned is None else self.returned
