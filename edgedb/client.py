"""A client's side of a session: repeat safely, follow the session, remember where it is.

::

    with EdgeSession("http://127.0.0.1:31114", "alice") as session:
        session.post("/function/shopping-cart?product=milk").json()

Any client that follows 307 will do; this one also keeps credentials across
nodes and makes repeats harmless, by one ``Idempotency-Key`` a call.
"""

from __future__ import annotations

import random
import re
import uuid
from typing import Any
from urllib.request import getproxies_environment

import requests
from requests import PreparedRequest, Request, Response
from requests.utils import resolve_proxies
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from edgedb.wire.headers import IDEMPOTENCY_KEY, PROBLEM_JSON, SESSION, SESSION_LOCATION
from edgedb.wire.model import checked_session_id

ATTEMPTS = 8
TIMEOUT = 65.0  # seconds; a gateway gives up on a function after 60 to 65
LOOPBACK = "localhost,127.0.0.0/8,::1"  # a proxy would call its own machine
PAUSE_LIMIT = 5.0  # seconds before the next attempt, whatever Retry-After says

_LOST = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # lost in the middle of the answer
)
_FUNCTION = re.compile(r"/function/([a-z0-9-]+)")


def no_proxy() -> str:
    """Give where the proxies of the environment are not used: ``NO_PROXY``, and this machine."""
    stated = getproxies_environment().get("no", "")
    return stated if stated == "*" else f"{stated},{LOOPBACK}"


class EdgeSession(requests.Session):
    """A ``requests.Session`` whose calls are made in one session of the tree.

    ``home_gateway`` is the gateway of the location where the session begins; addresses that
    start with ``/`` are taken there. ``session_id`` defaults to a new one. A call is made up to
    ``attempts`` times; ``timeout`` (seconds) is for one attempt of a call that names none.

    Attempts go to where the function last answered, and to the home gateway when that place
    does not answer or knows the function no more. A call is repeated when its answer got lost,
    was 429, 502, 503 or 504, or was a 500 of the platform and not of a function: then the
    process had died. What is repeated has the same ``Idempotency-Key``, so it takes effect
    once. The last attempt's answer is returned, or its exception raised, whatever it is.

    A call with ``allow_redirects=False`` is made once, to exactly the address given.

    Proxies are those of the environment (``HTTP_PROXY``, ``HTTPS_PROXY``, ``NO_PROXY``), for
    each place that is called anew, and never for this machine; ``proxies`` given to the session
    or a call go before.

    Raises:
        InvalidSession: ``session_id`` cannot name a session.

    """

    def __init__(
        self,
        home_gateway: str,
        session_id: str | None = None,
        *,
        attempts: int = ATTEMPTS,
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__()
        self.home_gateway = str(Request("GET", home_gateway).prepare().url).rstrip("/")
        self.session_id = checked_session_id(session_id or str(uuid.uuid4()))
        self.headers[SESSION] = self.session_id.encode()  # HTTP clients would try Latin-1
        self.timeout = timeout
        self.max_redirects = 16  # more than a tree is deep
        self._policy = _Policy(attempts - 1, allowed_methods=None)
        self._places: dict[str, str] = {}

    def gateway_of(self, function: str) -> str:
        """Give the gateway that the next call of ``function`` goes to first."""
        return self._places.get(function, self.home_gateway)

    def head(self, url: str | bytes, **kwargs: Any) -> Response:  # noqa: ANN401
        """Make a HEAD call; unlike with ``requests``, it follows the session too."""
        kwargs.setdefault("allow_redirects", True)
        return super().head(url, **kwargs)

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Complete a call's address and give it its ``Idempotency-Key``."""
        if isinstance(request.url, str) and request.url.startswith("/"):
            request.url = self.home_gateway + request.url
        prepared = super().prepare_request(request)
        prepared.headers.setdefault(IDEMPOTENCY_KEY, str(uuid.uuid4()))
        return prepared

    def merge_environment_settings(self, url: Any, proxies: Any, *others: Any) -> Any:  # noqa: ANN401
        """Leave the environment's proxies to each attempt: it may go to another place."""
        settings = super().merge_environment_settings(url, {}, *others)
        return {**settings, "proxies": {**self.proxies, **(proxies or {})}}

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:  # noqa: ANN401
        """Make a call until it has an answer.

        Raises:
            ValueError: the body can be read once only, so it could not be repeated.
            requests.RequestException: no attempt got an answer.

        """
        function = self._function_of(request)
        if function is None or not kwargs.get("allow_redirects", True):
            return self._send(request, kwargs)
        kwargs["timeout"] = kwargs.get("timeout") or self.timeout
        start = _start_of(request.body)
        policy: Retry = self._policy
        while True:
            if start is not None:
                request.body.seek(start)  # type: ignore[union-attr]
            is_home = self.gateway_of(function) == self.home_gateway
            outcome = self._outcome(request, function, kwargs)
            if isinstance(outcome, Response) and _is_final(outcome, is_home=is_home):
                return self._remembered(function, outcome)
            self._places.pop(function, None)
            try:
                policy = _pause(policy, request, outcome)
            except MaxRetryError:
                if isinstance(outcome, Response):
                    return outcome
                raise outcome from None

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Keep credentials where a node says where the session is, and only there."""
        if SESSION_LOCATION not in response.headers:
            super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        elif "Cookie" in response.request.headers:
            prepared_request.headers["Cookie"] = response.request.headers["Cookie"]

    def _function_of(self, request: PreparedRequest) -> str | None:
        """Give the function that a call is for, None if it is not one at the home gateway."""
        home, url = self.home_gateway, str(request.url)
        match = _FUNCTION.match(url, len(home)) if url.startswith(home) else None
        return match and match[1]

    def _outcome(
        self, request: PreparedRequest, function: str, kwargs: dict[str, Any]
    ) -> Response | requests.RequestException:
        attempt = request.copy()
        attempt.url = self.gateway_of(function) + str(request.url)[len(self.home_gateway) :]
        try:
            return self._send(attempt, kwargs)
        except _LOST as error:
            return error

    def _send(self, request: PreparedRequest, kwargs: dict[str, Any]) -> Response:
        given = {"no_proxy": no_proxy(), **(kwargs.get("proxies") or self.proxies)}
        proxies = resolve_proxies(request, given, self.trust_env)
        return super().send(request, **{**kwargs, "proxies": proxies})

    def _remembered(self, function: str, answer: Response) -> Response:
        if answer.history and SESSION_LOCATION in answer.history[-1].headers:
            self._places[function] = answer.url.partition(f"/function/{function}")[0]
        return answer


class _Policy(Retry):
    """How often and after what pause a call is repeated."""

    def get_backoff_time(self) -> float:
        """Give the pause in seconds: none at first, then 0.2, 0.4, ... 2, each with jitter."""
        repeats = len(self.history) - 1
        return min(0.1 * 2**repeats, 2.0) + random.uniform(0, 0.1) if repeats else 0.0  # noqa: S311

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Give what the answer asks for in seconds, up to PAUSE_LIMIT; None: back off."""
        try:
            asked = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return asked and min(asked, PAUSE_LIMIT)


def _is_final(answer: Response, *, is_home: bool) -> bool:
    if answer.status_code in {429, 502, 503, 504}:
        return False
    if answer.status_code == 404:  # from a place that was only remembered: ask at home
        return is_home
    return answer.status_code != 500 or answer.headers.get("Content-Type") == PROBLEM_JSON


def _pause(
    policy: Retry, request: PreparedRequest, outcome: Response | requests.RequestException
) -> Retry:
    """Wait as long as the answer or the policy says; raises MaxRetryError instead at its end."""
    answer = outcome.raw if isinstance(outcome, Response) else None
    policy = policy.increment(request.method, request.url, response=answer)
    if isinstance(outcome, Response):
        outcome.close()
    policy.sleep(answer)
    return policy


def _start_of(body: Any) -> int | None:  # noqa: ANN401 - whatever requests can send
    """Give the position a file is to be sent from; None for a body that is no file."""
    if body is None or isinstance(body, bytes | str):
        return None
    try:
        return int(body.tell())
    except (AttributeError, OSError) as error:
        raise ValueError(
            "this body can be read only once, so the call could not be repeated; "
            "give bytes, str, or a file that can seek"
        ) from error
