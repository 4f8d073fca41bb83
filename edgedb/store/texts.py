"""The texts of the scripts: each after what it uses of what they share."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha1
from importlib import resources
from typing import NamedTuple

from edgedb.store import limits

SHARED = ("common", "sizes", "data")
"""The files of :file:`lua/` of which scripts have what they use, in this order."""

GUARD = "guard"
UNGUARDED = frozenset(
    {"probe", "claim", "admit", "meet", "lose", "whole", "rejoin", "seen", "tokens"}
)
"""Scripts that are run whether or not this process is admitted; all others are guarded."""

_DEFINED = re.compile(r"^local (?:function )?([\w, ]+)", re.MULTILINE)


class Script(NamedTuple):
    """A script's text, and the digest by which a server knows it."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Script:
        """Give a script with that text."""
        return cls(text, sha1(text.encode()).hexdigest())  # noqa: S324


def text_of(name: str) -> str:
    """Give a script after those constants and those paragraphs of the shared files that it uses.

    What is not used would still be made anew at each call: a fifth of a microsecond a function.
    """
    guard = "" if name in UNGUARDED else _read(GUARD)
    constants = [
        f"local {name} = {value}" for name, value in vars(limits).items() if name.isupper()
    ]
    source = _read(name)
    words = _words(source)
    shared = "\n\n".join(map(_read, SHARED)).split("\n\n")
    for paragraph in reversed(constants + shared):
        if words & _words(" ".join(_DEFINED.findall(paragraph))):
            source, words = f"{paragraph}\n{source}", words | _words(paragraph)
    return guard + source


@cache
def _read(name: str) -> str:
    """Give a file of ``lua/`` without its comments."""
    text = (resources.files("edgedb.store") / "lua" / f"{name}.lua").read_text()
    return re.sub(r"^ *--.*\n| +--.*", "", text, flags=re.MULTILINE)


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))
