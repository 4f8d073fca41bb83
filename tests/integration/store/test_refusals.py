"""Each refusal of a server has its own words, the log has the server's; neither tells secrets."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import BusyLoadingError, MasterDownError, ResponseError

from edgedb.errors import EdgeError, InsufficientStorage, OutcomeUnknown, StoreUnavailable
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.store.refusals import Refusals
from harness.waiting import until
from tests.support.servers import Server

PASSWORD = "hunter2-which-nobody-may-see"


@dataclass
class Attempt:
    """A server of its own, and what a node is told of it."""

    server: Server
    admin: redis.Redis
    host: str = "127.0.0.1"
    port: int = 0
    password: str | None = None

    def refusal(self) -> str:
        """Ask whether the node is ready, which it is not; gives what is said."""
        settings = Settings("", "", None, self.host, self.port, self.password, redis_timeout=0.2)
        with pytest.raises(StoreUnavailable) as refused:
            SessionStore.connect(settings).require_ready()
        return str(refused.value)


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    """Give a server that may be spoilt."""
    with Server(tmp_path) as server, server.client() as admin:
        yield Attempt(server, admin, port=server.port)


def configured(**values: object) -> Callable[[Attempt], None]:
    """Spoil a server by its configuration."""

    def spoil(attempt: Attempt) -> None:
        for name, value in values.items():
            attempt.admin.config_set(name.replace("_", "-"), value)

    return spoil


def forbidden(*rules: str) -> Callable[[Attempt], None]:
    """Spoil a server by what it lets its user do."""
    return lambda attempt: attempt.admin.execute_command("ACL SETUSER", "default", *rules)


def with_password(attempt: Attempt) -> None:
    attempt.admin.config_set("requirepass", "another")


def with_wrong_password(attempt: Attempt) -> None:
    with_password(attempt)
    attempt.password = PASSWORD


def with_needless_password(attempt: Attempt) -> None:
    attempt.password = PASSWORD


def as_replica(attempt: Attempt) -> None:
    attempt.admin.replicaof("127.0.0.1", str(attempt.server.port))


def without_a_disk(attempt: Attempt) -> None:
    attempt.admin.config_set("save", "3600 1")
    shutil.rmtree(attempt.server.folder)
    with suppress(redis.ResponseError):
        attempt.admin.bgsave()
    until(lambda: attempt.admin.info("persistence")["rdb_last_bgsave_status"] == "err")


def elsewhere(host: str, port: int = 0) -> Callable[[Attempt], None]:
    """Look for the server where there is none."""

    def spoil(attempt: Attempt) -> None:
        attempt.host, attempt.port = host, port or attempt.port

    return spoil


def stopped(attempt: Attempt) -> None:
    attempt.server.pause()


AGAIN = "try again"
REFUSALS: dict[str, tuple[Callable[[Attempt], object], str, bool]] = {
    "no password": (with_password, "wants a password: the secret edge-redis-password", False),
    "a wrong password": (with_wrong_password, "refuses the password in the secret", False),
    "a needless password": (with_needless_password, "has no password and is sent one", False),
    "scripts are forbidden": (forbidden("-@scripting"), "does not let its user run", False),
    "to send scripts is forbidden": (forbidden("-eval"), "does not let its user run", False),
    "a command is forbidden": (forbidden("-xadd"), "does not let its user run", False),
    "keys are forbidden": (forbidden("resetkeys", "~cart:*"), "does not let its user run", False),
    "a replica": (as_replica, "is a replica and takes no writes: let REDIS_HOST", False),
    "too few replicas": (configured(min_replicas_to_write=1), "fewer replicas", True),
    "a disk that cannot be written": (without_a_disk, "cannot save to its disk", False),
    "no connection left": (configured(maxclients=1), "no connection left (maxclients)", True),
    "a host without an address": (
        elsewhere("no-such-host.invalid"),
        "the host no-such-host.invalid of the node's Redis has no address: see REDIS_HOST",
        False,
    ),
    "nobody listens": (elsewhere("127.0.0.1", 1), "no Redis listens at 127.0.0.1:1", True),
    "nobody answers": (stopped, "does not answer in time", True),
}


@pytest.mark.parametrize(("spoil", "words", "is_passing"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_says_what_it_is_what_to_do_and_whether_to_try_again(
    attempt: Attempt,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Attempt], object],
    words: str,
    is_passing: bool,
) -> None:
    spoil(attempt)
    said = attempt.refusal()
    assert (words in said, AGAIN in said) == (True, is_passing), said
    [record] = caplog.records
    assert f"Redis at {attempt.host}:{attempt.port}: " in record.getMessage()
    assert PASSWORD not in said + caplog.text


def test_a_server_in_protected_mode_says_so_to_another_machine(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Server(tmp_path, None, "--bind", "*"))
        attempt = Attempt(server, stack.enter_context(server.client()), port=server.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect(("192.0.2.1", 9))  # sends nothing; any address of this machine will do
            attempt.host = way.getsockname()[0]
        said = attempt.refusal()
    assert "is in protected mode" in said or "does not answer" in said  # it hangs up at once


def test_a_server_whose_script_does_not_end_says_so(attempt: Attempt) -> None:
    attempt.admin.config_set("busy-reply-threshold", 10)

    def spin() -> None:
        with attempt.server.client() as other, suppress(redis.ResponseError):
            other.eval("while true do end", 0)

    spinning = threading.Thread(target=spin)
    spinning.start()
    until(lambda: _is_busy(attempt.admin))
    said = attempt.refusal()
    attempt.admin.script_kill()
    spinning.join()
    assert "runs somebody's script that does not end" in said


def _is_busy(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.ResponseError:
        return True
    return False


def test_what_is_no_redis_is_called_so(attempt: Attempt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        attempt.port = listener.getsockname()[1]

        def answer() -> None:
            with suppress(OSError):  # the test is over, and the listener closed
                for _ in range(2):
                    with listener.accept()[0] as connection:
                        connection.recv(1000)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        assert f"what listens at 127.0.0.1:{attempt.port} is no Redis" in attempt.refusal()


def test_a_full_server_is_ready(attempt: Attempt) -> None:
    store = SessionStore.connect(Settings("", "", None, attempt.host, attempt.port))
    store.admission.claim()
    attempt.admin.config_set("maxmemory", 1)
    store.require_ready()


@contextmanager
def refused(error: Exception, silence: type[EdgeError] = StoreUnavailable) -> Iterator[None]:
    """Ask a server that answers with an error."""
    with Refusals("redis:6379").asking(silence):
        yield
        raise error


OLDER: dict[str, tuple[Exception, str]] = {
    "loading": (BusyLoadingError("Redis is loading", status_code="LOADING"), "is loading its data"),
    "master down": (MasterDownError("Link down", status_code="MASTERDOWN"), "lost its primary"),
    "an older server's script": (
        ResponseError(
            "ERR Error running script (call to f_ab12): @user_script:3: @user_script: 3: "
            "-READONLY You can't write against a read only replica."
        ),
        "is a replica",
    ),
    "a command that is not there": (
        ResponseError(
            "unknown command `WAITAOF`, with args beginning with: `1` ", status_code="ERR"
        ),
        "lacks a command that is needed: Redis 6.2",
    ),
    "one of several commands": (
        ResponseError("Command # 1 (GET a) of pipeline caused error: MISCONF Errors writing"),
        "cannot save to its disk",
    ),
}


@pytest.mark.parametrize(("error", "words"), OLDER.values(), ids=OLDER.keys())
def test_a_refusal_is_known_in_whatever_form_it_comes(error: Exception, words: str) -> None:
    with pytest.raises(StoreUnavailable, match=words), refused(error):
        pass


def test_a_server_at_its_memory_limit_is_full_also_where_a_script_says_so() -> None:
    text = "ERR Error running script (call to f_ab12): @user_script:1: -OOM command not allowed"
    with pytest.raises(InsufficientStorage), refused(ResponseError(text)):
        pass


def test_what_a_server_repeats_of_a_command_is_neither_said_nor_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = f"unknown command 'AUTH', with args beginning with: '{PASSWORD}' "
    with pytest.raises(StoreUnavailable) as told, refused(ResponseError(text, status_code="ERR")):
        pass
    assert "unknown command 'AUTH'" in caplog.text
    assert PASSWORD not in caplog.text + str(told.value)


def test_a_script_that_was_broken_off_may_have_done_something() -> None:
    error = ResponseError("ACL failure in script: no permission", status_code="ERR")
    with pytest.raises(OutcomeUnknown) as told, _counting(OutcomeUnknown) as _:
        raise error
    assert "try again" not in str(told.value)


@contextmanager
def _counting(silence: type[EdgeError]) -> Iterator[Any]:
    with Refusals("redis:6379").asking(silence) as asking:
        asking.unanswered = 0
        yield asking


def test_a_refusal_is_logged_once_in_a_while(
    attempt: Attempt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    attempt.admin.config_set("min-replicas-to-write", 1)
    store = SessionStore.connect(Settings("", "", None, attempt.host, attempt.port))
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            store.require_ready()
    [record] = caplog.records
    assert record.getMessage().endswith("NOREPLICAS Not enough good replicas to write.")
