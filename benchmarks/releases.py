"""Releases before this one, to be run beside it."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from harness.running import REPOSITORY

BEFORE = "c1e6829"
"""The last commit in which a destination froze a session and was granted it."""

UNCLAIMED = "57207a6"
"""The last commit in which a store did not know whose it was, and all nodes had one key."""


def unpacked(commit: str, folder: Path) -> Path:
    """Put a commit of the project's history into a folder; needs the history.

    It runs with this project's packages: ``python -m`` takes modules of the folder it is run in.
    """
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar")
    command = ["git", "archive", f"--output={archive}", commit]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="tar")
    return folder
