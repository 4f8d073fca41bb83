"""Paths as the real gateway's router treats them.

It looks at the path with its percent-encoding undone, ``%2F`` included, and redirects to a cleaned
path where there are empty, ``.`` or ``..`` segments. What it passes on is encoded anew.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote, unquote_to_bytes

_MALFORMED_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FUNCTION = re.compile(r"/function/([-a-zA-Z_0-9.]+)(/.*)?", re.DOTALL)


def decode(path: str) -> str | None:
    """Undo the percent-encoding, a character for each byte; None if it is malformed."""
    if _MALFORMED_ESCAPE.search(path):
        return None
    return unquote_to_bytes(path.encode("utf-8", "surrogateescape")).decode("latin-1")


def encode(decoded: str) -> str:
    """Percent-encode what :func:`decode` gave."""
    return quote(decoded, safe="/$&+,:;=@~", encoding="latin-1")


def clean(decoded: str) -> str:
    """Resolve empty, ``.`` and ``..`` segments; a slash at the end stays."""
    if "//" not in decoded and "/." not in decoded:
        return decoded
    cleaned = posixpath.normpath("/" + decoded.lstrip("/"))
    return cleaned + "/" if decoded.endswith("/") and cleaned != "/" else cleaned


def split(decoded: str) -> tuple[str, str] | None:
    """Give the function's name and the path that it sees; None if no function is meant."""
    match = _FUNCTION.fullmatch(decoded)
    return match and (match[1], match[2] or "/")
