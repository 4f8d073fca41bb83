"""Read ``stack.yml`` as ``faas-cli`` does.

What it needs of a function: template, handler folder, environment, secrets and labels. Unknown
keys are ignored, as they are there. Paths are taken from the current directory, as there; for a
function that is not found there, from the nearest folder at or above its stack file.

One label is this project's own: ``edge.levels`` says on which levels of the tree a function is
deployed (the column 'Deployed on' of the protocol's tables).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgectl.errors import InvalidStack
from edgectl.stack import textyaml
from edgectl.stack.substitution import substitute
from edgedb.topology.tree import Topology

LEVELS_LABEL = "edge.levels"
REPLICAS_LABEL = "com.openfaas.scale.min"

_FUNCTION_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LEVELS: dict[str, Callable[[Topology, str], bool]] = {
    "all": lambda *_: True,
    "all-except-root": lambda tree, location: location != tree.root.id,
    "all-except-leafs": lambda tree, location: bool(tree.children(location)),
    "leaf": lambda tree, location: not tree.children(location),
}
"""What the label may say, and whether it means a location."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a stack file, its variables replaced for one node."""

    name: str
    lang: str
    handler: Path
    environment: Mapping[str, str]
    secrets: tuple[str, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fprocess: str | None
    copied: tuple[str, ...]
    """``configuration.copy`` of its stack file: paths below :attr:`project`."""
    project: Path
    """The folder that has ``template/``, from which paths are taken."""

    @property
    def replicas(self) -> int:
        """How many processes serve it at one node."""
        return int(self.labels.get(REPLICAS_LABEL, "1"))

    def is_deployed_at(self, location: str, topology: Topology) -> bool:
        """Tell whether its ``edge.levels`` label includes this location's place in the tree."""
        return _LEVELS[self.labels.get(LEVELS_LABEL, "all")](topology, location)


def load(files: list[Path], variables: Mapping[str, str]) -> dict[str, Function]:
    """Read the functions of several stack files, by name.

    ``variables`` stand in for the process environment of ``faas-cli``. Raises
    :class:`~edgectl.errors.InvalidStack`, naming file and key.
    """
    functions: dict[str, Function] = {}
    for file in files:
        for function in _read(file, variables):
            if function.name in functions:
                raise InvalidStack(f"{file}: functions.{function.name}: an earlier file has it too")
            functions[function.name] = function
    return functions


def _read(file: Path, variables: Mapping[str, str]) -> list[Function]:
    try:
        text = file.read_text(encoding="utf-8")
        document = _Section("", textyaml.load(substitute(text, variables)))
        return _functions(document, file.parent)
    except OSError as error:
        raise InvalidStack(f"{file}: {error.strerror}") from error
    except InvalidStack as error:
        raise InvalidStack(f"{file}: {error.message}") from error


def _functions(document: _Section, folder: Path) -> list[Function]:
    provider = document.section("provider").text("name")
    if provider not in {"openfaas", "faas"}:
        raise InvalidStack(f"provider.name must be 'openfaas', not {provider!r}")
    copied = document.section("configuration").texts("copy")
    functions = document.section("functions")
    if not functions:
        raise InvalidStack("functions is missing")
    return [_function(name, functions.section(name), copied, folder) for name in functions]


def _function(name: str, entry: _Section, copied: tuple[str, ...], folder: Path) -> Function:
    lang, handler = entry.required("lang"), entry.required("handler")
    project = _project_of(lang, handler, folder)
    function = Function(
        name=name,
        lang=lang,
        handler=project / handler,
        environment=_environment(entry, project),
        secrets=entry.texts("secrets"),
        labels=entry.section("labels").all_texts(),
        annotations=entry.section("annotations").all_texts(),
        fprocess=entry.text("fprocess"),
        copied=copied,
        project=project,
    )
    _check(function, entry.path)
    return function


def _project_of(lang: str, handler: str, folder: Path) -> Path:
    folder = folder.absolute()
    for project in (Path.cwd(), folder, *folder.parents):
        if (project / "template" / lang).is_dir() and (project / handler).is_dir():
            return project
    return folder  # where what is missing will be missed


def _check(function: Function, path: str) -> None:
    if not _FUNCTION_NAME.fullmatch(function.name):
        raise InvalidStack(f"{path}: a name has 1 to 63 lower-case letters, digits and dashes")
    levels = function.labels.get(LEVELS_LABEL, "all")
    if levels not in _LEVELS:
        raise InvalidStack(
            f"{path}.labels.{LEVELS_LABEL}: {levels!r} is none of {', '.join(_LEVELS)}"
        )
    replicas = function.labels.get(REPLICAS_LABEL, "1")
    if not re.fullmatch("[1-9][0-9]?", replicas):
        raise InvalidStack(f"{path}.labels.{REPLICAS_LABEL}: {replicas!r} is not from 1 to 99")


def _environment(entry: _Section, project: Path) -> dict[str, str]:
    """Join ``environment`` and the files named in ``environment_file``, which win."""
    environment = entry.section("environment").all_texts()
    for name in entry.texts("environment_file"):
        try:
            document = textyaml.load((project / name).read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidStack(
                f"{entry.path}.environment_file: {name}: {error.strerror}"
            ) from error
        environment |= _Section(name, document).section("environment").all_texts()
    return environment


class _Section:
    """A mapping of the file and the path to it, for messages."""

    def __init__(self, path: str, value: object) -> None:
        if not isinstance(value, Mapping | None):
            raise InvalidStack(f"{path or 'the file'} must be a mapping, not {value!r}")
        if odd := [key for key in value or {} if not isinstance(key, str)]:
            raise InvalidStack(f"{path}: the key {odd[0]} is no text")
        self.path = path
        self._values: Mapping[str, Any] = value or {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def section(self, key: str) -> _Section:
        return _Section(self._path(key), self._values.get(key))

    def text(self, key: str) -> str | None:
        value = self._values.get(key)
        if not isinstance(value, str | None):
            raise InvalidStack(f"{self._path(key)} must be a text, not {value!r}")
        return value

    def required(self, key: str) -> str:
        if not (value := self.text(key)):
            raise InvalidStack(f"{self._path(key)} is missing")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._values.get(key) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InvalidStack(f"{self._path(key)} must be a list of texts, not {values!r}")
        return tuple(values)

    def all_texts(self) -> dict[str, str]:
        return {key: self.text(key) or "" for key in self}

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
