"""A gateway process of its own, with functions of ``tests/fixtures/project``."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgectl.local import ports
from edgectl.stack import build, reading
from edgectl.stack.deployment import deploy

PROJECT = Path(__file__).parents[1] / "fixtures" / "project"


@dataclass
class Answer:
    """What came back; header names in the case they were sent in."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Give the one header of that name; a KeyError if there is none or more."""
        values = [value for given, value in self.headers if given.lower() == name.lower()]
        if len(values) != 1:
            raise KeyError(f"{name}: {values}")
        return values[0]

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


@dataclass
class Gateway:
    """A running gateway and how to call it without a client's own ideas about paths."""

    port: int
    process: subprocess.Popen[bytes]
    password: str = "word"
    folder: Path = field(default_factory=Path)

    def call(
        self,
        method: str,
        target: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: list[tuple[str, str]] | None = None,
    ) -> Answer:
        """Send one request, byte for byte as said."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers or []:
                connection.putheader(name, value)
            if isinstance(body, bytes):
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
            elif body is not None:
                connection.putheader("Transfer-Encoding", "chunked")
                connection.endheaders(body, encode_chunked=True)
            else:
                connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def probe(self, target: str = "/", method: str = "GET", **options: Any) -> Any:
        """Call the function that describes what it received."""
        answer = self.call(method, f"/function/probe{target}", **options)
        assert answer.status == 200, answer
        return answer.json()

    def connect(self) -> socket.socket:
        """Open a connection for bytes of the test's own."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def stop(self) -> int:
        """Ask it to end; give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def gateway(folder: Path, **settings: dict[str, str]) -> Iterator[Gateway]:
    """Run a gateway; ``settings`` are functions, each the probe with further environment."""
    listener = ports.listen(0)
    configuration = folder / "gateway.json"
    configuration.write_text(
        json.dumps({"password": "word", "functions": list(_deployments(folder, settings))})
    )
    command = [sys.executable, "-m", "edgectl.local.gateway", str(configuration)]
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
    running = Gateway(ports.port_of(listener), process, folder=folder)
    listener.close()
    try:
        yield running
    finally:
        if process.poll() is None:
            running.stop()


def _deployments(folder: Path, settings: dict[str, dict[str, str]]) -> Iterator[dict[str, Any]]:
    base = reading.load([PROJECT / "stack.yml"], {**os.environ, "LOCATION_ID": "here"})["probe"]
    for name, environment in settings.items():
        labels = {reading.REPLICAS_LABEL: environment.pop("replicas", "1")}
        fprocess = environment.pop("fprocess", None)
        function = reading.Function(
            name=name,
            lang=base.lang,
            handler=base.handler,
            environment=environment,
            secrets=(),
            labels=labels,
            annotations={},
            fprocess=fprocess,
            copied=(),
            project=base.project,
        )
        secrets = folder / "secrets" / name
        secrets.mkdir(parents=True)
        built = build.lay_out(function, folder / "build")
        yield asdict(deploy(function, built, secrets, folder / f"{name}.log"))
