"""Runs the Lua scripts, one atomic step each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any, TypeVar

import redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from edgedb.errors import EdgeError, OutcomeUnknown, SessionBusy, StoreUnavailable
from edgedb.store import keys as names_of
from edgedb.store.admission import Admission, Admitted, Pass, is_refused
from edgedb.store.codec import Argument, list_number
from edgedb.store.keys import SessionKeys
from edgedb.store.refusals import Asking, Refusals
from edgedb.store.texts import Script, text_of
from edgedb.waiting import attempts

HARMLESS = frozenset(
    {
        *("page", "tail", "read", "look", "arrival", "token", "known"),  # they only read
        *("begin", "renew", "release", "stage", "hold", "discard", "measure"),
        *("open_outbox", "probe", "relieve", "relieved"),
    }
)
"""Steps after whose silence nothing has happened: what they may have left ends by itself."""

ADMISSIONS = 2  # how often a step is taken again because the store or its server is another
AGAIN = (b"again", [b"again"])
NAMINGS = 8  # how often a step's lists are named anew because there are others meanwhile

Step = tuple[Sequence[str], Sequence[Argument]]
"""The keys and arguments of one run of a script."""

T = TypeVar("T")

Clock = Callable[[], int]
"""Gives the time in milliseconds; tests replace it. None: the server's own clock."""


class Scripts:
    """The scripts of ``lua/``, by name; all that is asked of the server goes through here."""

    def __init__(
        self, client: redis.Redis, clock: Clock | None, location: str, tree: Callable[[], str]
    ) -> None:
        # redis-py types its answers for all protocols and decodings at once; here: RESP2, bytes
        self.client: Any = client
        self._clock = clock
        self._scripts: dict[str, Script] = {}
        of_server = self.client.connection_pool.connection_kwargs
        self._refusals = Refusals(f"{of_server.get('host')}:{of_server.get('port')}")
        self.admission = Admission(self.run_apart, of_server.get("met"), location, tree)

    def passing(self, admitted: Admitted) -> Scripts:
        """Give the same scripts, run as who has a store rejoin."""
        other = copy(self)
        other.admission = Pass(admitted)
        return other

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
            self._scripts[name] = Script.of(text_of(name))
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
        script = self.script(name)
        with self.asking(silence or self.silence_of(name)) as asking:

            def send(admitted: Admitted) -> Any:  # noqa: ANN401
                execute, call = self.client.execute_command, shown(keys, arguments, admitted)
                try:
                    return execute("EVALSHA", script.sha, *call, asking=asking)
                except NoScriptError:  # with its text, which a flush cannot come before
                    return execute("EVAL", script.text, *call, asking=asking)

            answer = self._as_admitted(send)
        if asking.unanswered and answer == unsure:
            raise asking.unknown("the node's Redis has lost an answer")
        return answer

    def run_apart(self, name: str, keys: Sequence[str], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run a script that is not guarded, over a connection of its own, in whatever run."""
        return self.ask_apart("EVAL", self.script(name).text, len(keys), *keys, *arguments)

    def ask_apart(self, *command: Argument) -> Any:  # noqa: ANN401
        """Send one command over a connection of its own, in whatever run."""
        pool = self.client.connection_pool
        options = {k: v for k, v in pool.connection_kwargs.items() if k != "met"}
        with self._refusals.asking(StoreUnavailable):
            connection = pool.connection_class(**options)
            try:
                connection.send_command(*command)
                return connection.read_response()
            finally:
                connection.disconnect()

    def run_at_once(self, name: str, keys: Sequence[str], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run a script that is not guarded over the client's connections, if they may be used."""
        script = self.script(name)
        try:
            with self._refusals.asking(StoreUnavailable):
                return self.client.execute_command(
                    "EVALSHA", script.sha, len(keys), *keys, *arguments
                )
        except (NoScriptError, StoreUnavailable):
            return self.run_apart(name, keys, *arguments)

    def _as_admitted(self, send: Callable[[Admitted], T], again: int = ADMISSIONS) -> T:
        """Have something sent as one who is admitted; again, where this process was so no more."""
        admitted = self.admission.now
        try:
            return send(admitted)
        except ResponseError as error:
            if not again or not is_refused(error):
                raise
        self.admission.leave(admitted)
        return self._as_admitted(send, again - 1)

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

        def add(pipe: Any, admitted: Admitted) -> None:  # noqa: ANN401
            for number, step in enumerate(calls):
                # the first with its text: then the server knows it
                how = ("EVALSHA", script.sha) if number else ("EVAL", script.text)
                pipe.execute_command(*how, *shown(*step, admitted))

        answers = self.pipelined(add, silence)
        return [self.told(each, silence) for each in answers]

    def pipelined(
        self, add: Callable[[Any, Admitted], None], silence: type[EdgeError]
    ) -> list[Any]:
        """Send guarded steps that may be repeated in one go; gives answers and refusals.

        All of them again where one of them was not admitted, or the server is in another run.
        """
        with self.asking(silence) as asking:

            def send(admitted: Admitted) -> list[Any]:
                with self.client.pipeline(transaction=False) as pipe:
                    add(pipe, admitted)
                    answers = self._answers_of(pipe, asking)
                for answer in filter(is_refused, answers):
                    raise answer
                return answers

            return self._as_admitted(send)

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

    @staticmethod
    def _answers_of(pipe: Any, asking: Asking) -> list[Any]:  # noqa: ANN401
        try:
            return list(pipe.execute(raise_on_error=False))
        except ResponseError:
            asking.unanswered = 1  # it may have been sent before the connection was lost
            raise

    def ask(self, *command: Argument) -> Any:  # noqa: ANN401
        """Send one command that reads; raises StoreUnavailable."""
        return self.asked(lambda: self.client.execute_command(*command))

    def asked(self, ask: Callable[[], T]) -> T:
        """Do something with the client that reads; raises StoreUnavailable."""
        with self.asking():
            return self._as_admitted(lambda _: ask())

    def asking(self, silence: type[EdgeError] = StoreUnavailable) -> Asking:
        """Give a block in which the server is asked: what it refuses becomes an error."""
        return self._refusals.asking(silence)

    @contextmanager
    def pipeline(
        self, silence: type[EdgeError] = StoreUnavailable, *, is_atomic: bool = False
    ) -> Iterator[Any]:
        """Give a pipeline in such a block, over a connection to the present run."""
        pool = self.client.connection_pool
        with self.asking(silence), self.client.pipeline(transaction=is_atomic) as pipe:
            pipe.connection = self._as_admitted(lambda _: pool.get_connection())
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

    def naming_each(
        self,
        places: Sequence[SessionKeys],
        step: Callable[[int, list[str]], Step],
        run: Callable[[list[Step]], list[Any]],
    ) -> list[Any]:
        """Take such a step for each of some sessions, by their numbers; gives the answers.

        ``run`` takes those of all whose lists are still to be named. One that gets new lists each
        time has answered 'again' at last.
        """
        answers, left = dict[int, Any](), [*range(len(places))]
        for _ in attempts(NAMINGS):
            named = zip(left, self.lists_of([places[i] for i in left]), strict=True)
            answers |= zip(left, run([step(i, lists) for i, lists in named]), strict=True)
            left = [i for i in left if answers[i] in AGAIN]
            if not left:
                break
        return [answers[i] for i in range(len(places))]

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


def shown(
    keys: Sequence[str], arguments: Sequence[Argument], admitted: Admitted
) -> tuple[Argument, ...]:
    """Give what follows a guarded script in its call; the guard takes off what is for it."""
    return (len(keys) + 1, *keys, names_of.STATUS, *arguments, admitted.shown)
