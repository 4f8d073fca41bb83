"""Lay out build folders as ``faas-cli build --shrinkwrap`` does.

``build/<function>/`` holds the template's files, symbolic links followed; in it, ``function/`` is
the template's own, overlaid by the handler folder and then by what ``configuration.copy`` names.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from edgectl.errors import InvalidStack
from edgectl.stack import textyaml
from edgectl.stack.reading import Function

_SKIPPED_IN_HANDLER = {"build", "template"}


def lay_out(function: Function, build_root: Path) -> Path:
    """Make ``build_root/<function>`` afresh and give it; raise InvalidStack for a missing part."""
    target = build_root / function.name
    shutil.rmtree(target, ignore_errors=True)
    try:
        template = _folder(function, function.project / "template" / function.lang)
        shutil.copytree(template, target)
        inner = target / _handler_folder(template)
        _overlay(_folder(function, function.handler), inner)
        for name in function.copied:
            _copy_extra(function, name, inner)
    except shutil.Error as error:
        source, _, why = error.args[0][0]
        raise InvalidStack(f"functions.{function.name}: {source}: {why}") from error
    return target


def require_runnable(function: Function, folder: Path) -> None:
    """Refuse a build that cannot share this machine with others.

    A container has its network to itself, so the stock templates listen on a fixed port; a
    template that is to run here reads ``EDGE_PORT``.
    """
    if not (folder / "index.py").is_file():
        raise InvalidStack(f"functions.{function.name}: template {function.lang} has no index.py")
    if not any("EDGE_PORT" in file.read_text(encoding="utf-8") for file in folder.glob("*.py")):
        raise InvalidStack(
            f"functions.{function.name}: template {function.lang} does not read EDGE_PORT,"
            " so every function of it would listen on the same port of this machine"
        )


def _folder(function: Function, path: Path) -> Path:
    if not path.is_dir():
        raise InvalidStack(f"functions.{function.name}: there is no folder {path}")
    return path


def _handler_folder(template: Path) -> str:
    description = template / "template.yml"
    if not description.is_file():
        return "function"
    document = textyaml.load(description.read_text(encoding="utf-8")) or {}
    return str(document.get("handler_folder") or "function")


def _overlay(handler: Path, target: Path) -> None:
    for entry in handler.iterdir():
        if entry.name not in _SKIPPED_IN_HANDLER:
            _copy(entry, target / entry.name)


def _copy_extra(function: Function, name: str, target: Path) -> None:
    project = function.project.resolve()
    source = (project / name).resolve()
    if not source.is_relative_to(project) or source == project:
        raise InvalidStack(f"configuration.copy: {name!r} is not inside the project's folder")
    if not source.exists():
        raise InvalidStack(f"configuration.copy: there is no {source}")
    _copy(source, target / name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
