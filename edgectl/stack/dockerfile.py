"""The environment variables that a template's image brings along."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")
_STAGE = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)


def image_environment(dockerfile: str) -> dict[str, str]:
    """Give what ``ENV`` sets in the last stage and in those that it is built from.

    What the base image itself sets is not known here.
    """
    stages: dict[str, dict[str, str]] = {}
    arguments: dict[str, str] = {}
    current: dict[str, str] = {}
    for word, rest in _instructions(dockerfile):
        if word == "FROM" and (stage := _STAGE.match(f"FROM {rest}")):
            current = dict(stages.get(stage[1].lower(), {}))
            stages[(stage[2] or "").lower()] = current
        elif word == "ARG":
            arguments |= _pairs(rest, arguments)
        elif word == "ENV":
            current |= _pairs(rest, {**arguments, **current})
    return current


def _instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Give each instruction and what follows it, its lines joined."""
    lines = (line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        yield word.upper(), rest.strip()


def _pairs(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Read ``NAME=value NAME="value"``, or the old form ``NAME value``."""
    name, _, value = text.partition(" ")
    words = shlex.split(text) if "=" in name else [f"{name}={value.strip()}"]
    pairs = (word.partition("=") for word in words)
    return {name: _expand(value, known) for name, _, value in pairs}


def _expand(value: str, known: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda found: known.get(found[1] or found[2]) or found[3] or "", value)
