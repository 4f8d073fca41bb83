"""Runs the Lua scripts, one atomic step each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import sha1
from importlib import resources
from typing import Any, NamedTuple

import redis
from redis.exceptions import NoScriptError, RedisError

from edgedb.errors import EdgeError, OutcomeUnknown, SessionBusy, StoreUnavailable
from edgedb.store import limits
from edgedb.store.codec import Argument, list_number
from edgedb.store.keys import SessionKeys
from edgedb.store.refusals import Asking, Refusals
from edgedb.waiting import attempts

HARMLESS = frozenset(
    {
        *("page", "tail", "read", "look", "arrival", "known"),  # they only read
        *("begin", "renew", "release", "stage", "hold", "discard", "measure"),
        *("open_outbox", "probe", "relieve", "relieved"),
    }
)
"""Steps after whose silence nothing has happened: what they may have left ends by itself."""

SHARED = ("common", "sizes", "data")
"""The files of :file:`lua/` of which scripts have what they use, in this order."""

NAMINGS = 8  # how often a step's lists are named anew because there are others meanwhile

_DEFINED = re.compile(r"^local (?:function )?([\w, ]+)", re.MULTILINE)

Step = tuple[Sequence[str], Sequence[Argument]]
"""The keys and arguments of one run of a script."""

Clock = Callable[[], int]
"""Gives the time in milliseconds; tests replace it. None: the server's own clock."""


class Script(NamedTuple):
    """A script's text, and the digest by which a server knows it."""

    text: str
    sha: str


class Scripts:
    """The scripts of ``lua/``, by name."""

    def __init__(self, client: redis.Redis, clock: Clock | None) -> None:
        # redis-py types its answers for all protocols and decodings at once; here: RESP2, bytes
        self.client: Any = client
        self._clock = clock
        self._scripts: dict[str, Script] = {}
        of_server = self.client.connection_pool.connection_kwargs
        self._refusals = Refusals(f"{of_server.get('host')}:{of_server.get('port')}")

    def now(self) -> Argument:
        """Give what scripts take as the time: '' lets them ask the server."""
        return "" if self._clock is None else self._clock()

    def now_ms(self) -> int:
        """Give the time that scripts go by, in milliseconds; raises StoreUnavailable."""
        return self.server_ms() if self._clock is None else self._clock()

    def server_ms(self) -> int:
        """Ask the server for its time in milliseconds; raises StoreUnavailable."""
        seconds, microseconds = self.ask("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    def script(self, name: str) -> Script:
        """Give one script."""
        if name not in self._scripts:
            text = text_of(name)
            self._scripts[name] = Script(text, sha1(text.encode()).hexdigest())  # noqa: S324
        return self._scripts[name]

    def run(
        self,
        name: str,
        keys: Sequence[str],
        *arguments: Argument,
        unsure: bytes | None = None,
        silence: type[EdgeError] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run one script.

        ``unsure``: an answer that does not say whether an attempt before it, which was not
        answered, has done something.

        Raises:
            StoreUnavailable: it did nothing, or only what ends by itself.
            OutcomeUnknown: no answer; whether it ran is not known.
            InsufficientStorage: the server is full; it did nothing.

        """
        script, call = self.script(name), (len(keys), *keys, *arguments)
        send = self.client.execute_command
        with self.asking(silence or self.silence_of(name)) as asking:
            try:
                answer = send("EVALSHA", script.sha, *call, asking=asking)
            except NoScriptError:  # with its text, which a flush cannot come before
                answer = send("EVAL", script.text, *call, asking=asking)
        if asking.unanswered and answer == unsure:
            raise asking.unknown("the node's Redis has lost an answer")
        return answer

    def run_each(
        self, name: str, calls: Sequence[Step], silence: type[EdgeError] | None = None
    ) -> list[Any]:
        """Run a script so many times, in one round trip; each is a step of its own.

        An answer is what :meth:`run` would give or, of what only that step meets, the error.

        Raises:
            StoreUnavailable, OutcomeUnknown: the server does not answer, as :meth:`run`; or
                ``silence``.

        """
        silence = silence or self.silence_of(name)
        if len(calls) == 1:  # without what a pipeline costs
            names, arguments = calls[0]
            try:
                return [self.run(name, names, *arguments, silence=silence)]
            except RedisError as error:
                return [self.told(error, silence)]
        script = self.script(name)
        packed = [(len(keys), *keys, *arguments) for keys, arguments in calls]
        with self.pipeline(silence) as pipe:
            # the first with its text: then the server knows it
            for number, call in enumerate(packed):
                how = ("EVALSHA", script.sha) if number else ("EVAL", script.text)
                pipe.execute_command(*how, *call)
            answers = pipe.execute(raise_on_error=False)
        return [self.told(each, silence) for each in answers]

    @staticmethod
    def silence_of(name: str) -> type[EdgeError]:
        """Give the error that silence after a script is."""
        return StoreUnavailable if name in HARMLESS else OutcomeUnknown

    def read_each(self, name: str, calls: Sequence[Step]) -> list[Any]:
        """Run a script that only reads so many times, in one go; raises StoreUnavailable."""
        answers = self.run_each(name, calls) if calls else []
        for answer in answers:
            if isinstance(answer, EdgeError):
                raise answer
        return answers

    def told(self, answer: Any, silence: type[EdgeError]) -> Any:  # noqa: ANN401
        """Give an answer of a pipeline, or the error that it stands for."""
        if not isinstance(answer, RedisError):
            return answer
        try:
            with self.asking(silence):
                raise answer
        except EdgeError as error:
            return error
        except RedisError as error:  # of what somebody else has written there, for instance
            return silence(f"the node's Redis refuses a step: {error}")

    def ask(self, *command: Argument) -> Any:  # noqa: ANN401
        """Send one command that reads; raises StoreUnavailable."""
        with self.asking():
            return self.client.execute_command(*command)

    def asking(self, silence: type[EdgeError] = StoreUnavailable) -> Asking:
        """Give a block in which the server is asked: what it refuses becomes an error."""
        return self._refusals.asking(silence)

    @contextmanager
    def pipeline(
        self, silence: type[EdgeError] = StoreUnavailable, *, is_atomic: bool = False
    ) -> Iterator[Any]:
        """Give a pipeline in such a block."""
        with self.asking(silence), self.client.pipeline(transaction=is_atomic) as pipe:
            yield pipe

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
        return self.lists_of([where])[0]

    def lists_of(self, places: Sequence[SessionKeys]) -> list[list[str]]:
        """Ask for the keys of some sessions' lists, in one round trip."""
        if len(places) == 1:
            found = [self.ask("HVALS", places[0].lists)]
        else:
            with self.pipeline() as pipe:
                for where in places:
                    pipe.execute_command("HVALS", where.lists)
                found = pipe.execute()
        return [
            [where.list(list_number(entry)) for entry in entries]
            for where, entries in zip(places, found, strict=True)
        ]


def text_of(name: str) -> str:
    """Give a script after those constants and those paragraphs of the shared files that it uses.

    What is not used would still be made anew at each call: a fifth of a microsecond a function.
    """
    constants = [
        f"local {name} = {value}" for name, value in vars(limits).items() if name.isupper()
    ]
    source = _read(name)
    words = _words(source)
    shared = "\n\n".join(map(_read, SHARED)).split("\n\n")
    for paragraph in reversed(constants + shared):
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
