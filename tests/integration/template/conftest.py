"""Builds and starts functions; each process is ended after its module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.template.process import TEMPLATE, FunctionProcess, shrinkwrap

Builder = Callable[..., Path]
Starter = Callable[..., FunctionProcess]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Give the build folder of a function whose ``handler.py`` is the given source."""

    def build(source: str, template: Path = TEMPLATE) -> Path:
        folder = tmp_path_factory.mktemp("function")
        (folder / "fn").mkdir()
        (folder / "fn" / "handler.py").write_text(source)
        return shrinkwrap(template, folder / "fn", folder / "build" / "fn")

    return build


@pytest.fixture(scope="module")
def start() -> Iterator[Starter]:
    """Start the process of a build folder; what still runs is ended after the module."""
    processes: list[FunctionProcess] = []

    def starter(build: Path, **environ: str) -> FunctionProcess:
        processes.append(FunctionProcess(build, environ))
        return processes[-1].listening()

    yield starter
    for process in processes:
        process.close()


@pytest.fixture(scope="module")
def serving(built: Builder, start: Starter) -> Starter:
    """Start a function whose ``handler.py`` is the given source."""

    def starter(source: str, **environ: str) -> FunctionProcess:
        return start(built(source), **environ)

    return starter
