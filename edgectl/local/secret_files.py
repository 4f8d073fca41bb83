"""The files in which the functions of a tree on this machine find its secrets."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgectl.errors import InvalidStack
from edgectl.secrets_folder import MADE


def given(files: Mapping[str, Path]) -> dict[str, str]:
    """Read the secrets that are given for all nodes; raises InvalidStack."""
    if taken := [name for name in files if name in MADE]:
        raise InvalidStack(f"--secret {taken[0]}: it is made, for each node another")
    try:
        return {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    except OSError as error:
        raise InvalidStack(f"secret file {error.filename}: {error.strerror}") from error


def link_for_function(folder: Path, node_folder: Path, function: str, names: Iterable[str]) -> None:
    """Make the folder of one function: it sees the secrets that its stack file names, no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    for name in names:
        if not (node_folder / name).is_file():
            raise InvalidStack(
                f"functions.{function}.secrets: there is no secret {name!r}"
                f" (give it with --secret {name}=FILE)"
            )
        (folder / name).symlink_to((node_folder / name).resolve())


def basic_credentials(password: str) -> str:
    """Give the Authorization header of a gateway's user ``admin``."""
    return "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()
