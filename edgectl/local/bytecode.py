"""Compile build folders, as a Dockerfile does with ``python -m compileall``.

Images forbid Python to write bytecode when it runs, so without this every start of a function
would compile all of its modules again.
"""

from __future__ import annotations

import hashlib
import py_compile
import shutil
from collections.abc import Iterable
from importlib.util import cache_from_source
from pathlib import Path


def compile_all(folders: Iterable[Path]) -> None:
    """Compile every module; those that many functions share are compiled once.

    A file that is no valid Python is left as it is: its function will say so when it starts.
    """
    made: dict[tuple[str, int], Path] = {}
    for source in (file for folder in folders for file in folder.rglob("*.py")):
        compiled = Path(cache_from_source(str(source)))
        # The time is part of the bytecode: Python compares it with the source's.
        key = hashlib.sha256(source.read_bytes()).hexdigest(), int(source.stat().st_mtime)
        if key in made:
            compiled.parent.mkdir(exist_ok=True)
            shutil.copyfile(made[key], compiled)
        elif py_compile.compile(str(source), str(compiled), quiet=2):
            made[key] = compiled
