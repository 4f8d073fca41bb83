r"""``${VAR}`` and ``${VAR:-default}`` in a stack file, as ``faas-cli`` replaces them.

The whole file is replaced before it is read as YAML, comments included. A default may itself hold
references; outside of one, ``$$``, ``\\`` and ``\/`` lose their first character. Other forms that
a shell knows break the file in ``faas-cli``, or mean something else there, so they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from edgectl.errors import InvalidStack

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE_OR_ESCAPE = re.compile(r"\$\{|\$\$|\\[/\\]")
_REFERENCE_OR_END = re.compile(r"\$\{|\}")


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Replace every reference; a variable that is unset or empty becomes its default, or nothing.

    Raises :class:`~edgectl.errors.InvalidStack`, naming the line, for any other ``${...}``.
    """
    return "".join(_Walk(text, variables).top())


class _Token(NamedTuple):
    before: str
    mark: str


class _Walk:
    """One walk over one text, from its beginning to its end."""

    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._text = text
        self._variables = variables
        self._position = 0

    def top(self) -> Iterator[str]:
        while token := self._next(_REFERENCE_OR_ESCAPE):
            yield token.before
            yield self._reference() if token.mark == "${" else token.mark[1]
        yield self._text[self._position :]

    def _next(self, pattern: re.Pattern[str]) -> _Token | None:
        """Step over the next mark; give it and the text before it."""
        found = pattern.search(self._text, self._position)
        if found is None:
            return None
        before = self._text[self._position : found.start()]
        self._position = found.end()
        return _Token(before, found[0])

    def _reference(self) -> str:
        start = self._position
        name = _NAME.match(self._text, start)
        if name is None:
            raise self._refusal("a variable's name must follow '${'", start)
        self._position = name.end()
        default = self._rest(start)
        return self._variables.get(name[0]) or default

    def _rest(self, start: int) -> str:
        """Read what follows the name, up to the closing brace; give the default."""
        mark = self._text[self._position : self._position + 2]
        if mark[:1] == "}":
            self._position += 1
            return ""
        if mark != ":-":
            raise self._refusal("only ${VAR} and ${VAR:-default} work with faas-cli", start)
        self._position += 2
        return "".join(self._default(start))

    def _default(self, start: int) -> Iterator[str]:
        while token := self._next(_REFERENCE_OR_END):
            yield token.before
            if token.mark == "}":
                return
            yield self._reference()
        raise self._refusal("'${' without '}'", start)

    def _refusal(self, why: str, at: int) -> InvalidStack:
        return InvalidStack(f"line {self._text.count(chr(10), 0, at) + 1}: {why}")
