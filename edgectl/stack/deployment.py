"""A function as one node runs it: what a gateway process is told about it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgectl.errors import InvalidStack
from edgectl.stack.dockerfile import image_environment
from edgectl.stack.reading import Function
from edgedb.times import seconds

DEFAULT_EXEC_TIMEOUT_S = 30.0
_FPROCESS = "python index.py"
_SYSTEM_PATH = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])


@dataclass(frozen=True, slots=True)
class Deployment:
    """One function at one node, its settings of the watchdog read from its environment."""

    name: str
    folder: str
    arguments: list[str]
    environment: dict[str, str]
    log: str
    replicas: int
    exec_timeout_s: float
    max_inflight: int
    """Requests at a time and replica; 0 is no limit."""
    ready_path: str


def deploy(function: Function, folder: Path, secrets: Path, log: Path) -> Deployment:
    """Say how a function is run from its build folder, as its container would run it.

    It gets the variables of its image, its own ``environment``, and what takes the place of a
    container of its own: the folder of its secrets. Raises InvalidStack for a setting of the
    watchdog that is malformed.
    """
    environment = _container_environment(function, folder, secrets)
    try:
        return Deployment(
            name=function.name,
            folder=str(folder.resolve()),
            arguments=shlex.split(function.fprocess or environment.get("fprocess") or _FPROCESS),
            environment=environment,
            log=str(log.resolve()),
            replicas=function.replicas,
            exec_timeout_s=_exec_timeout_s(environment),
            max_inflight=_max_inflight(environment),
            ready_path=environment.get("ready_path", ""),
        )
    except ValueError as error:
        raise InvalidStack(f"functions.{function.name}: {error}") from error


def _container_environment(function: Function, folder: Path, secrets: Path) -> dict[str, str]:
    dockerfile = folder / "Dockerfile"
    image = dockerfile.read_text(encoding="utf-8") if dockerfile.is_file() else ""
    return {
        "LANG": "C.UTF-8",
        **image_environment(image),
        # Nothing is sent to a process that was asked to end, so it need not wait for more.
        "healthcheck_interval": "0s",
        "HOME": str(folder.resolve()),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), _SYSTEM_PATH]),
        **function.environment,
        "EDGE_SECRETS_DIR": str(secrets.resolve()),
    }


def _exec_timeout_s(environment: Mapping[str, str]) -> float:
    text = environment.get("exec_timeout", "")
    try:
        return seconds(text) if text else DEFAULT_EXEC_TIMEOUT_S
    except ValueError as error:
        raise ValueError(f"exec_timeout: {error}") from error


def _max_inflight(environment: Mapping[str, str]) -> int:
    text = environment.get("max_inflight", "0")
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"max_inflight: {text!r} is no whole number")
    return int(text)
