r"""``${VAR}`` and ``${VAR:-default}`` in a stack file, as ``faas-cli`` replaces them.

The whole file is replaced before it is read as YAML, comments included. A default may itself hold
references; outside of one, ``$$``, ``\\`` and ``\/`` lose their first character. Other forms that
a shell knows break the file in ``faas-cli``, or mean something else there, so they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from edgectl.errors import InvalidStack

_OUTSIDE = re.compile(r"\$\{|\$\$|\\[/\\]")
_IN_DEFAULT = re.compile(r"\$\{|\}")
_NAME = r"([A-Za-z_][A-Za-z0-9_]*)"
_OPENING = re.compile(_NAME + r"(\}|:-)")


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Replace every reference; a variable that is unset or empty becomes its default, or nothing.

    Raises :class:`~edgectl.errors.InvalidStack`, naming the line, for any other ``${...}``.
    """
    return _replaced(text, 0, variables, None)[0]


def _replaced(
    text: str, at: int, variables: Mapping[str, str], opened: int | None
) -> tuple[str, int]:
    """Replace to the end of the text, or of the default ``opened`` there; say where that is."""
    parts = list[str]()
    while found := (_OUTSIDE if opened is None else _IN_DEFAULT).search(text, at):
        parts.append(text[at : found.start()])
        at = found.end()
        if found[0] == "}":
            return "".join(parts), at
        value = found[0][1:]
        if found[0] == "${":
            value, at = _reference(text, at, variables)
        parts.append(value)
    if opened is not None:
        raise _refusal(text, opened, "'${' without '}'")
    return "".join([*parts, text[at:]]), len(text)


def _reference(text: str, start: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """Give the value of the reference whose name is at ``start``, and where it ends."""
    opening = _OPENING.match(text, start)
    if opening is None and re.match(_NAME, text[start:]) is None:
        raise _refusal(text, start, "a variable's name must follow '${'")
    if opening is None:
        raise _refusal(text, start, "only ${VAR} and ${VAR:-default} work with faas-cli")
    default, end = "", opening.end()
    if opening[2] == ":-":
        default, end = _replaced(text, end, variables, start)
    return variables.get(opening[1]) or default, end


def _refusal(text: str, at: int, why: str) -> InvalidStack:
    return InvalidStack(f"line {text.count(chr(10), 0, at) + 1}: {why}")
