"""A pytest plugin: what is tested is the copy, never an installed edgedb."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

OURS = {"edgedb", "tests"}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run with modules of this project that are not of this folder."""
    root = session.config.rootpath
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in OURS and file and not Path(file).is_relative_to(root):
            raise pytest.UsageError(f"{name} is {file}, which is not in {root}")
