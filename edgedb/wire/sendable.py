"""What an HTTP answer can carry; whatever it cannot is refused by name, before it is sent.

A server refuses it too, or garbles it, or leaves the client waiting, but only after the commit.
Everything here raises TypeError or ValueError, whose message says what to give instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Iterator, Mapping, Set
from typing import Any

from flask.json.provider import DefaultJSONProvider
from msgspec import Struct, to_builtins
from werkzeug.datastructures import Headers, iter_multi_items

from edgedb.wire.headers import HOP_BY_HOP

Pairs = tuple[tuple[str, str], ...]

HEADERS_LIMIT = 64  # headers of an answer; http.client, and so requests, reads a hundred
HEADERS_BYTES = 32 * 1024  # of all of them; half of a line that http.client reads

_STATUS = re.compile(r"([2-5]\d\d)(?: .*)?", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")

_INSTEAD: tuple[tuple[Any, str], ...] = (
    (Awaitable, "a handler is a plain function, without async"),
    (Iterator, "return a list, or the whole body at once"),
    (Set, "return a list: sorted(…)"),
    (bytes | bytearray | memoryview, "return it as the whole body, or decode it"),
    (Mapping, "return a dict: dict(…)"),
    (object, "return None, text, bytes, data that JSON can say, or an edgedb.Response"),
)


def status_code(status: object) -> int:
    """Give a status as a number; one that is text may have its reason after it."""
    if type(status) is int and 200 <= status <= 599:
        return status
    text = f"{status:d}" if isinstance(status, int) else status
    match = _STATUS.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{status!r:.80} is no status; give a number from 200 to 599")
    return int(match[1])


def header_pairs(headers: Any) -> Pairs:  # noqa: ANN401 - whatever a handler returns
    """Give headers as pairs of text: a mapping's, where one may have a list, a list's, or none."""
    if headers is None:
        return ()
    if not isinstance(headers, Mapping | list | tuple | Headers):
        raise TypeError(f"headers are a dict or a list of pairs, not {headers!r:.80}")
    return limited(tuple(_header(pair) for pair in iter_multi_items(headers)))


def limited(pairs: Pairs) -> Pairs:
    """Give headers back if there are not too many; raises ValueError."""
    size = sum(len(name) + len(value) for name, value in pairs)
    if len(pairs) > HEADERS_LIMIT or size > HEADERS_BYTES:
        limits = f"{HEADERS_LIMIT} headers of {HEADERS_BYTES} bytes"
        raise ValueError(f"an answer has at most {limits}, not {len(pairs)} of {size}")
    return pairs


def _header(pair: Any) -> tuple[str, str]:  # noqa: ANN401
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"a header is a pair of name and value, not {pair!r:.80}")
    name, value = pair
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"a header cannot have the name {name!r:.80}")
    if not isinstance(value, str | int | float):
        raise TypeError(f"the header {name} has the value {value!r:.80}; give text")
    name = str.__str__(name)  # without what a class derived from str makes of it
    text = str.__str__(value if isinstance(value, str) else str(value))
    if name.lower() in HOP_BY_HOP:
        raise ValueError(f"the header {name} is the server's own; leave it out")
    if _UNFIT.search(text):
        raise ValueError(f"the header {name} must be Latin-1 without controls, not {text!r:.80}")
    return name, text.strip(" \t")


def json_bytes(document: object) -> bytes:
    """Write JSON, dates, decimals, UUIDs and dataclasses as Flask does."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, default=_written)
    except ValueError as error:
        if "float" not in str(error):
            raise
        raise ValueError("JSON has no NaN and no infinity; return None, or text") from error
    return text.encode("utf-8", "backslashreplace")  # unpaired surrogates are \ud800 in JSON


def _written(value: object) -> object:
    """Write what JSON has no form for; a hook of ``json.dumps``."""
    if isinstance(value, Struct):
        return to_builtins(value)
    try:
        return DefaultJSONProvider.default(value)
    except TypeError:
        instead = next(text for kinds, text in _INSTEAD if isinstance(value, kinds))
        raise TypeError(f"{type(value).__name__} is no answer: {instead}") from None
