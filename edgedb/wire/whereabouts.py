"""What ``test-function`` answers: where a session is (docs/api.md#test-function)."""

from __future__ import annotations

import re

from edgedb.errors import BadRequest

_FORM = re.compile(r"offloaded: (?:no|yes \(([^()\s]+)\))")


def offloaded(to: str | None) -> str:
    """Say where a session is; None: at the node that was asked."""
    return "offloaded: no" if to is None else f"offloaded: yes ({to})"


def offloaded_to(text: str) -> str | None:
    """Read what :func:`offloaded` says; raises BadRequest."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadRequest(f"that does not say where a session is: {text!r:.60}")
    return found[1]
