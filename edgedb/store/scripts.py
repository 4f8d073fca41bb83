"""Runs the Lua scripts, one atomic step each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Any

import hiredis
import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from edgedb.errors import SessionBusy
from edgedb.store import limits
from edgedb.store.codec import Argument, list_number
from edgedb.store.keys import SessionKeys
from edgedb.store.refusals import store_errors
from edgedb.waiting import attempts

NAMINGS = 8  # how often a step's lists are named anew because there are others meanwhile

_DEFINED = re.compile(r"^local (?:function )?([\w, ]+)", re.MULTILINE)

Clock = Callable[[], int]
"""Gives the time in milliseconds; tests replace it. None: the server's own clock."""


class LeanRedis(redis.Redis):
    """A client that sends its commands, and does no more than that; pipelines are redis-py's own.

    What redis-py measures of each command, and how it looks at each argument, takes half of the
    time of a command with thirty; to take a connection from its pool, as much again.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._free = list[Any]()  # connections; the last one is in the processor's caches
        self._process = os.getpid()

    def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Send one command, again if the connection is lost; gives its answer."""
        client: Any = self  # redis-py's commands are not typed
        packed = [hiredis.pack_command((*args[0].split(), *args[1:]))]

        def send() -> Any:  # noqa: ANN401
            connection.send_packed_command(packed)
            return client.parse_response(connection, args[0], **options)

        if os.getpid() != self._process:  # forked: the connections are the parent's
            self._free, self._process = [], os.getpid()
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self.connection_pool.get_connection()
        try:
            return connection.retry.call_with_retry(send, lambda _: connection.disconnect())
        finally:
            self._free.append(connection)


class Scripts:
    """The scripts of ``lua/``, by name."""

    def __init__(self, client: redis.Redis, clock: Clock | None) -> None:
        # redis-py types its answers for all protocols and decodings at once; here: RESP2, bytes
        self.client: Any = client
        self._clock = clock
        self._scripts: dict[str, Script] = {}

    def now(self) -> Argument:
        """Give what scripts take as the time: '' lets them ask the server."""
        return "" if self._clock is None else self._clock()

    def server_ms(self) -> int:
        """Ask the server for its time in milliseconds; raises StoreUnavailable."""
        seconds, microseconds = self.ask("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    def script(self, name: str) -> Script:
        """Give one script, to be run alone or in a pipeline."""
        if name not in self._scripts:
            self._scripts[name] = self.client.register_script(text_of(name))
        return self._scripts[name]

    def run(self, name: str, keys: Sequence[str], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run one script.

        Raises:
            StoreUnavailable: no answer; whether it ran is unknown.
            InsufficientStorage: the server is full; it did nothing.

        """
        script = self.script(name)
        call = (len(keys), *keys, *arguments)
        with store_errors():
            try:
                return self.client.execute_command("EVALSHA", script.sha, *call)
            except NoScriptError:  # with its text, which a flush cannot come before
                return self.client.execute_command("EVAL", script.script, *call)

    def ask(self, *command: Argument) -> Any:  # noqa: ANN401
        """Send one command; raises StoreUnavailable."""
        with store_errors():
            return self.client.execute_command(*command)

    def naming_lists(self, where: SessionKeys, step: Callable[[list[str]], bytes]) -> bytes:
        """Take a step that is given the keys of a session's lists, and answers 'again' if not all.

        Raises:
            SessionBusy: that it did each time.

        """
        for _ in attempts(NAMINGS):
            answer = step(self.list_keys(where))
            if answer != b"again":
                return answer
        raise SessionBusy(f"session {where.session!r} gets new lists all the time; try again")

    def list_keys(self, where: SessionKeys) -> list[str]:
        """Ask for the keys of a session's lists: whoever names all of its keys names these."""
        return [where.list(list_number(entry)) for entry in self.ask("HVALS", where.lists)]


def text_of(name: str) -> str:
    """Give a script after those constants and those paragraphs of common.lua that it uses.

    What is not used would still be made anew at each call: a fifth of a microsecond a function.
    """
    constants = [
        f"local {name} = {value}" for name, value in vars(limits).items() if name.isupper()
    ]
    source = _read(name)
    words = _words(source)
    for paragraph in reversed(constants + _read("common").split("\n\n")):
        if words & _words(" ".join(_DEFINED.findall(paragraph))):
            source, words = f"{paragraph}\n{source}", words | _words(paragraph)
    return source


@cache
def _read(name: str) -> str:
    """Give a file of ``lua/`` without its comments."""
    text = (resources.files("edgedb.store") / "lua" / f"{name}.lua").read_text()
    return re.sub(r"^ *--.*\n| +--.*", "", text, flags=re.MULTILINE)


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))
