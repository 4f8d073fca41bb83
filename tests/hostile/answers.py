"""A peer's gateway that answers whatever it likes, over a real socket."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[[socket.socket], None]
"""Answers one connection, whose request has been read."""


@contextmanager
def gateway(
    script: Script, heard: Callable[[bytes], object] = len, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve connections; gives the URL. ``heard`` is given each first call."""
    plain = socket.create_server(("127.0.0.1", 0))
    with tls.wrap_socket(plain, server_side=True) if tls else plain as listener:
        thread = threading.Thread(target=_serve, args=(listener, script, heard), daemon=True)
        thread.start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()


def _serve(listener: socket.socket, script: Script, heard: Callable[[bytes], object]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            arguments = (connection, script, heard)
            threading.Thread(target=_answer, args=arguments, daemon=True).start()


def _answer(connection: socket.socket, script: Script, heard: Callable[[bytes], object]) -> None:
    with connection, suppress(OSError):
        heard(connection.recv(65536))
        script(connection)


def saying(answer: bytes) -> Script:
    """Answer with these bytes, and close."""
    return lambda connection: connection.sendall(answer)


def endless(head: bytes, part: bytes, stop: threading.Event, pause_s: float = 0) -> Script:
    """Answer with a head and then the same bytes until the caller goes away or ``stop`` is set."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while not stop.wait(pause_s):
            connection.sendall(part)

    return script
