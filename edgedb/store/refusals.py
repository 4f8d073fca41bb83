"""What it means when the server refuses a command, or does not answer.

A refusal has done nothing. Silence may have: whoever asks says what it means then. What an operator
can do about each is a row of docs/operations.md, "When Redis refuses".
"""

from __future__ import annotations

import logging
import re
import socket
import time
from errno import EHOSTUNREACH, ENETUNREACH

import redis
from redis.exceptions import InvalidResponse, RedisError, ResponseError

from edgedb.errors import EdgeError, InsufficientStorage, OutcomeUnknown, StoreUnavailable

log = logging.getLogger(__name__)

LOGGED_S = 60.0
"""A refusal is logged once in so many seconds, however many requests meet it."""
MOST_LOGGED = 100  # refusals that are remembered for it

CLUSTER = "is part of a Redis Cluster, and a node's is one server"
SECRET = "the secret edge-redis-password"  # noqa: S105 - its name
AGAIN = "; try again"

REFUSED = {
    "BUSY": f"runs somebody's script that does not end (SCRIPT KILL ends it){AGAIN}",
    "CLUSTERDOWN": CLUSTER,
    "CROSSSLOT": CLUSTER,
    "DENIED": f"is in protected mode and hears its own machine only: give it a password, {SECRET}",
    "LOADING": f"is loading its data{AGAIN}",
    "MASTERDOWN": f"has lost its primary{AGAIN}",
    "MISCONF": "cannot save to its disk, and takes no writes until it can; its log says why",
    "MOVED": CLUSTER,
    "NOAUTH": f"wants a password: {SECRET} is missing",
    "NOTADMITTED": f"was emptied, or has started anew, just now{AGAIN}",
    "NOPERM": "does not let its user run all that is needed (ACL); the function's log names it",
    "NOREPLICAS": f"has fewer replicas than min-replicas-to-write asks for{AGAIN}",
    "READONLY": "is a replica and takes no writes: let REDIS_HOST lead to the primary",
    "TRYAGAIN": CLUSTER,
    "WRONGPASS": f"refuses the password in {SECRET}",
}
"""What is said of the server, by the first word of its refusal."""

IN_WORDS = {
    "ACL failure in script": REFUSED["NOPERM"],
    "can't run this command": REFUSED["NOPERM"],
    "called without any password": f"has no password and is sent one: remove {SECRET}",
    "no password is set": f"has no password and is sent one: remove {SECRET}",
    "invalid password": REFUSED["WRONGPASS"],
    "max number of clients": f"has no connection left (maxclients){AGAIN}",
    "nknown command": "lacks a command that is needed: Redis 6.2 or newer, or Valkey",
    "nknown Redis command": "lacks a command that is needed: Redis 6.2 or newer, or Valkey",
}
"""… and by what it says where the first word is ``ERR``."""

LOST = (redis.ConnectionError, redis.TimeoutError, InvalidResponse)
"""What a client raises that was not answered; of ``ConnectionError`` also where it was."""

_IN_SCRIPT = re.compile("ACL failure in script|executing the script|from (Lua )?script")
_NESTED = re.compile(r"caused error: |Error running script.*?: -")
_REPEATED = re.compile(r", with args beginning with.*| script: .*on @user_script.*", re.DOTALL)


class Asking:
    """A block in which a server is asked: what goes wrong becomes an error of this library.

    ``silence``: the error where it is not known whether a command was carried out.
    """

    def __init__(self, refusals: Refusals, silence: type[EdgeError]) -> None:
        self._refusals = refusals
        self._silence = silence
        self.unanswered: int | None = None
        """How many commands were sent without an answer, as far as their client counts."""

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RedisError):
            known = self._known(error)
            if known is not None:
                raise known from error
        elif isinstance(error, EdgeError) and self.unanswered and self._silence is OutcomeUnknown:
            raise self.unknown(str(error)) from error  # not admitted any more when sent again

    def _known(self, error: RedisError) -> EdgeError | None:
        known = self._refusals.refusal(error)
        is_unknown = self._silence is OutcomeUnknown and self._may_have_run(error)
        return self.unknown(str(known or "the node's Redis refuses")) if is_unknown else known

    def _may_have_run(self, error: RedisError) -> bool:
        """Say whether a command was sent and not refused as a whole."""
        if self.unanswered is None:
            return isinstance(error, LOST) and not is_answer(error)
        return self.unanswered > 0 or _IN_SCRIPT.search(str(error)) is not None

    def unknown(self, what: str) -> OutcomeUnknown:
        """Give the error where an answer does not say what an attempt before it has done."""
        what = what.removesuffix(AGAIN)
        return OutcomeUnknown(f"{what}; whether this was carried out is not known")


class Refusals:
    """What one server's refusals mean; ``address`` is its host and port."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._logged = dict[str, float]()

    def asking(self, silence: type[EdgeError]) -> Asking:
        """Give a block in which this server is asked."""
        return Asking(self, silence)

    def refusal(self, error: RedisError) -> EdgeError | None:
        """Give the error for what has done nothing; None for a mistake of this library's."""
        text = _text(error)
        if _code(error, text) == "OOM":
            return InsufficientStorage("the node's Redis is at its memory limit")
        what = _said(error, text) if is_answer(error) else _missed(error, self._address)
        if what:
            self._log(text)
        return StoreUnavailable(what) if what else None

    def _log(self, text: str) -> None:
        now = time.monotonic()
        if now - self._logged.get(text, -LOGGED_S) >= LOGGED_S:
            if len(self._logged) > MOST_LOGGED:
                self._logged.clear()
            self._logged[text] = now
            log.warning("Redis at %s: %s", self._address, text)


def is_answer(error: RedisError) -> bool:
    """Tell what a server has said from what kept it from saying anything."""
    return isinstance(error, ResponseError) or error.status_code is not None


def _text(error: RedisError) -> str:
    """Give the server's own words, without what they repeat of the command."""
    return _REPEATED.sub("", _NESTED.split(str(error))[-1])


def _code(error: RedisError, text: str) -> str:
    """Give the first word of a refusal, wherever it was said: redis-py takes known ones away."""
    code = str(error.status_code or "ERR")
    return text.partition(" ")[0] if code == "ERR" else code


def _said(error: RedisError, text: str) -> str:
    """Say what a server's answer means; '' if that is not known."""
    found = (what for words, what in IN_WORDS.items() if words in text)
    what = REFUSED.get(_code(error, text)) or next(found, "")
    return what and f"the node's Redis {what}"


def _missed(error: RedisError, address: str) -> str:
    """Say why there is no answer."""
    if not isinstance(error, LOST):
        return ""
    if isinstance(error, InvalidResponse):
        return f"what listens at {address} is no Redis: see REDIS_HOST"
    cause = error.__context__
    if isinstance(cause, socket.gaierror):
        host = address.rpartition(":")[0]
        return f"the host {host} of the node's Redis has no address: see REDIS_HOST"
    if isinstance(cause, ConnectionRefusedError):
        return f"no Redis listens at {address}{AGAIN}, or see REDIS_HOST"
    if isinstance(cause, OSError) and cause.errno in {ENETUNREACH, EHOSTUNREACH}:
        return f"no way leads to the node's Redis at {address}: see the network, or REDIS_HOST"
    how = "does not answer in time" if isinstance(error, redis.TimeoutError) else "does not answer"
    return f"the node's Redis at {address} {how}{AGAIN}"
