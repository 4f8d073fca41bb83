"""The head of an answer: its status line and headers, and how long its body is."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """Status line and headers of an answer; ``length`` None: known only when it ends."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    length: int | None
    is_chunked: bool
    closes: bool


def parse_head(raw: bytes, *, has_body: bool) -> ReplyHead:
    """Read a head with the empty line at its end; raise ValueError if it is none.

    ``has_body`` False: the answer ends here, whatever its headers say.
    """
    first, *lines = raw[:-4].split(b"\r\n")
    version, code, reason = (first + b"  ").split(b" ", 2)
    status = int(code)
    parts = (line.partition(b":") for line in lines)
    headers = [(_text(name), _text(value)) for name, _, value in parts]
    known = {name.lower(): value for name, value in headers}
    length = known.get("content-length")
    is_empty = not has_body or status in {204, 304}
    return ReplyHead(
        status,
        _text(reason),
        headers,
        0 if is_empty else None if length is None else int(length),
        not is_empty and known.get("transfer-encoding", "").lower() == "chunked",
        closes=version != b"HTTP/1.1" or known.get("connection", "").lower() == "close",
    )


def _text(raw: bytes) -> str:
    """Read UTF-8 where it is, and take any other bytes for the characters of ISO 8859-1."""
    with contextlib.suppress(UnicodeDecodeError):
        return raw.strip().decode("utf-8")
    return raw.strip().decode("latin-1")
