"""YAML whose scalars stay the text they are written as.

``faas-cli`` reads environment values, labels and annotations into strings, so ``1.50``, ``yes`` and
``0644`` reach a function as written; a loader that makes numbers and truth values of them would
hand it ``1.5``, ``True`` and ``420``. A key that occurs twice is an error there, and here.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from edgectl.errors import InvalidStack

_RESOLVED_TAGS = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}


class _TextLoader(yaml.SafeLoader):
    """Knows null and merge keys; every other plain scalar is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (the name and shape PyYAML asks for)
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _RESOLVED_TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping; refuse a key that occurs twice in it."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} occurs twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load(text: str) -> Any:  # noqa: ANN401  (any YAML document)
    """Read one document; raise :class:`~edgectl.errors.InvalidStack` with the line if malformed."""
    try:
        return yaml.load(text, _TextLoader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise InvalidStack(f"line {line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InvalidStack(str(error)) from error
