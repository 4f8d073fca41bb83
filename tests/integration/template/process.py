"""Lays out build folders as faas-cli does, and runs ``python index.py`` in them."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "template" / "python3-http-edge"
PATIENCE = 20  # seconds that a machine under load may take

Log = dict[str, Any]


class FunctionProcess:
    """A function's process, its log read line by line as it is written."""

    def __init__(self, build: Path, environ: Mapping[str, str]) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "index.py"],
            cwd=build,
            env={**kept, "EDGE_PORT": "0", "PYTHONDONTWRITEBYTECODE": "1", **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[Log] = []
        self._new: queue.Queue[Log | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self._new.put(json.loads(line) if line[0] == "{" else {"message": line})
        self._new.put(None)

    def logged(self, part: str) -> Log:
        """Wait for a record whose message or trace has ``part``."""
        while True:
            record = self._new.get(timeout=PATIENCE)
            assert record is not None, f"ended without logging {part!r}: {self.log}"
            assert "level" in record, f"not a log record: {record}"
            self.log.append(record)
            if part in record["message"] or part in str(record.get("exc_info")):
                return record

    def listening(self) -> FunctionProcess:
        port = self.logged("listening on port")["message"].split()[3]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def call(self, path: str = "/", method: str = "GET", **kwargs: Any) -> requests.Response:
        kwargs = {"timeout": PATIENCE, "allow_redirects": False, **kwargs}
        return requests.request(method, self.url + path, **kwargs)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Wait for the process to end; give its exit code."""
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)


def shrinkwrap(template: Path, handler: Path, build: Path) -> Path:
    """Do what ``faas-cli build --shrinkwrap`` does, links followed."""
    shutil.copytree(template, build, symlinks=False)
    for entry in sorted(handler.iterdir()):
        if entry.name in {"build", "template"}:
            continue
        if entry.is_dir():
            shutil.copytree(entry, build / "function" / entry.name, dirs_exist_ok=True)
        else:
            shutil.copy(entry, build / "function" / entry.name)
    return build
