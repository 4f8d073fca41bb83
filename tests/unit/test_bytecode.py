"""Build folders are compiled before functions start."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

from edgectl.local.bytecode import compile_all


def test_every_module_runs_its_own_code_from_bytecode(tmp_path: Path) -> None:
    for name, value in {"one": "1", "two": "2", "one-again": "1"}.items():
        folder = tmp_path / name / "package"
        folder.mkdir(parents=True)
        (folder / "shared.py").write_text("NAME = 'shared'\n")
        (folder / "own.py").write_text(f"VALUE = {value}\n")
        (folder / "broken.py").write_text("this is no Python\n")
        for file in folder.iterdir():
            os.utime(file, (1_700_000_000, 1_700_000_000))
    compile_all(tmp_path.iterdir())
    assert [_value_in(tmp_path / name) for name in ("one", "two", "one-again")] == ["1", "2", "1"]


def _value_in(folder: Path) -> str:
    """Import the modules there and tell what was read instead of compiled."""
    program = "from package import own, shared; print(own.VALUE)"
    words = [sys.executable, "-v", "-B", "-c", program]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    for name in ("own", "shared"):
        compiled = cache_from_source(str(folder / "package" / f"{name}.py"))
        assert f"{compiled} matches" in done.stderr
    return done.stdout.strip()
