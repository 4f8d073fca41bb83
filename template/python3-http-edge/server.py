"""Serves a WSGI application with waitress: JSON logs, limits, and a stop that loses no answer.

On SIGTERM the of-watchdog passes the signal on at once, takes calls for another
``healthcheck_interval``, then waits up to ``write_timeout`` for the running ones. This process
does the same by the same two variables, so neither turns down what the other still sends.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pythonjsonlogger.json import JsonFormatter
from waitress import create_server, wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import TcpWSGIServer  # type: ignore[import-untyped]
from waitress.task import ErrorTask, ThreadedTaskDispatcher  # type: ignore[import-untyped]

from edgedb.cors import headers_of_process
from edgedb.logs import ContextFilter
from edgedb.times import seconds
from edgedb.waiting import Deadline

MIB = 1024 * 1024

STOPS = (signal.SIGTERM, signal.SIGINT)
READY_PATH = "/_edge/ready"
"""What ``ready_path`` in the Dockerfile names, so the watchdog asks it for ``/_/ready``."""

log = logging.getLogger("server")


@dataclass(frozen=True)
class Limits:
    """What the environment asks for; durations in seconds, ``max_body`` in bytes.

    EDGE_PORT, EDGE_THREADS and EDGE_MAX_BODY are this process's own; the durations are the
    watchdog's ``healthcheck_interval`` (none: it stops at once) and ``write_timeout``.
    """

    port: int
    threads: int
    max_body: int
    grace: float
    drain: float

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Limits:
        """Read the limits; a malformed number ends the process with a message naming it."""
        return cls(
            port=_number(environ, "EDGE_PORT", 5000, least=0),  # 0: any free one, see the log
            threads=_number(environ, "EDGE_THREADS", 16),
            max_body=_number(environ, "EDGE_MAX_BODY", 128 * MIB),
            grace=_duration(environ.get("healthcheck_interval", ""), 0),
            drain=_duration(environ.get("write_timeout", ""), 30),
        )


@dataclass
class Lifecycle:
    """Whether the process was told to stop."""

    stopping: bool = False


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Answers what waitress itself refuses (400, 413, 431, 501) with a problem document."""

    def execute(self) -> None:
        """Send the document and close: the rest of the request is not read."""
        error, limit = self.request.error, self.channel.adj.max_request_body_size - 1
        detail = f"the body is over {limit} bytes" if error.code == 413 else error.body
        document = {"type": "about:blank", "title": error.reason, "status": error.code}
        body = json.dumps(document | {"detail": detail}).encode()
        self.status = f"{error.code} {error.reason}"
        allowed = headers_of_process(self.request.headers.get("ORIGIN"))
        self.response_headers = [("Content-Type", "application/problem+json"), *allowed]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Gives readiness a thread of its own: it is answered whatever handlers do with the others."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)
        self._readiness = ThreadedTaskDispatcher()
        self._readiness.set_thread_count(1)

    def add_task(self, task: HTTPChannel) -> None:
        """Have a connection's next request answered."""
        path = getattr(task.requests[0], "path", "")  # of what is refused there may be none
        if path == READY_PATH:
            self._readiness.add_task(task)
        else:
            super().add_task(task)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    error_task_class = ProblemTask


def log_as_json() -> None:
    """Log one JSON object a line to stderr, with what ``edgedb`` knows of the request."""
    handler = logging.StreamHandler()
    names = {"levelname": "level", "name": "logger"}
    handler.setFormatter(
        JsonFormatter(["levelname", "name", "message"], rename_fields=names, timestamp=True)
    )
    handler.addFilter(ContextFilter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a short queue is no news


def serve(application: Callable[..., Any], lifecycle: Lifecycle) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is running and return."""
    limits = Limits.from_environment(os.environ)
    sockets: dict[int, Any] = {}
    server = _listen(application, limits, sockets)
    _stop_on_signals(server, lifecycle)
    log.info("listening on port %s with %s threads", server.effective_port, limits.threads)
    while not lifecycle.stopping:
        _turn(sockets)
    log.info("stopping: new calls for %gs, running ones for %gs", limits.grace, limits.drain)
    _keep_accepting(sockets, limits.grace)
    _drain(server, sockets, limits.drain)


def _listen(
    application: Callable[..., Any], limits: Limits, sockets: dict[int, Any]
) -> TcpWSGIServer:
    """Open the port for the watchdog, which is in the same container."""
    listener = create_server(
        application,
        map=sockets,
        _dispatcher=Dispatcher(limits.threads),
        host="127.0.0.1",
        port=limits.port,
        connection_limit=1000,
        recv_bytes=65536,  # eight times the default: 64 MiB in 0.07 s instead of 0.16 s
        outbuf_overflow=32 * MIB,  # a page of a session never goes through a file
        max_request_body_size=limits.max_body + 1,  # waitress refuses from this size on
        log_socket_errors=False,  # a client that hangs up is no error of the function
    )
    listener.channel_class = Channel
    return listener


def _stop_on_signals(server: TcpWSGIServer, lifecycle: Lifecycle) -> None:
    def stop(*_: object) -> None:
        lifecycle.stopping = True
        server.pull_trigger()  # ends the wait of the current turn

    for number in STOPS:
        signal.signal(number, stop)
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOPS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS),
        after_in_child=_stop_as_any_process,
    )


def _stop_as_any_process() -> None:
    """Let signals end a handler's child, also if they were sent before it came to this."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def _turn(sockets: dict[int, Any]) -> None:
    """Do the waiting input and output, or wait up to a second for some."""
    wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)


def _keep_accepting(sockets: dict[int, Any], seconds: float) -> None:
    deadline = Deadline(seconds)
    while not deadline.is_over:
        _turn(sockets)


def _drain(server: TcpWSGIServer, sockets: dict[int, Any], seconds: float) -> None:
    """Close the port, then each connection as soon as its answer is sent."""
    deadline = Deadline(seconds)
    wasyncore.dispatcher.close(server)  # the port alone: server.close() ends the trigger as well
    while server.active_channels and not deadline.is_over:
        for channel in server.active_channels.values():
            if not (channel.requests or channel.request or channel.total_outbufs_len):
                channel.will_close = True
        _turn(sockets)
    if server.active_channels:
        log.warning("%s calls were still running", len(server.active_channels))


def _number(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = environ.get(name) or str(default)
    if not re.fullmatch(r"\d{1,12}", text) or int(text) < least:
        log.critical("%s must be a whole number from %s, got %r", name, least, text)
        raise SystemExit(1)
    return int(text)


def _duration(text: str, default: float) -> float:
    """Read a duration; the watchdog too takes its default for anything else."""
    try:
        return seconds(text)
    except ValueError:
        return default
