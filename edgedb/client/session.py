"""``EdgeSession``: a ``requests.Session`` whose calls are made in one session of the tree."""

from __future__ import annotations

import uuid
from typing import Any, cast

import requests
from requests import PreparedRequest, Request, Response
from requests.cookies import extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from requests.utils import resolve_proxies
from urllib3.exceptions import MaxRetryError

from edgedb.callers import call_headers
from edgedb.client.call import Call, function_in
from edgedb.client.gateways import CREDENTIALS, Gateways
from edgedb.client.proxies import no_proxy
from edgedb.client.repeating import (
    LOST,
    Outcome,
    Policy,
    had_no_effect,
    is_final,
    is_gateways_own,
)
from edgedb.wire.headers import IDEMPOTENCY_KEY, SESSION, SESSION_CALLERS, SESSION_HOME
from edgedb.wire.model import checked_session_id

ATTEMPTS = 10  # 11 s with their pauses; after a reboot three functions may have to start in turn
TIMEOUT = 65.0  # seconds; a gateway gives up on a function after 60 to 65


class EdgeSession(requests.Session):
    """A ``requests.Session`` whose calls are made in one session of the tree.

    ``home_gateway`` is the gateway of the location where the session begins; addresses that
    start with ``/`` are taken there. ``session_id`` defaults to a new one. A call is made up to
    ``attempts`` times; ``timeout`` (seconds) is for one attempt of a call that names none.

    Attempts go to where the function last answered, and to the home gateway when that place
    does not answer or knows the function no more. A call is repeated when its answer got lost,
    was 429, 502, 503 or 504, was a 500 of the platform and not of a function (then the process
    had died), or was the gateway's own because the function has no replica. What is repeated has
    the same ``Idempotency-Key``, so it takes effect once; a call that names the key None has
    none, and is repeated only if it is known to have done nothing. The last attempt's answer is
    returned, or its exception raised, whatever it is.

    A session is followed along 307 and 308 to gateways that the redirecting node confirms to be
    of its tree (``test-function/gateway``), with all that the call has. At any other redirect
    a call of its own is made, with a key of its own at the same gateway, and without session id,
    key and credentials elsewhere.

    Once an answer has said where the session was created (``home_location``), calls mean that
    session and no new one: it is found from any gateway of the tree, and a 404 ``SessionGone`` says
    that it is lost. ``home_location`` can be given for a session that is older than the client.

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
        home_location: str | None = None,
        attempts: int = ATTEMPTS,
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__()
        self._gateways = Gateways(home_gateway)
        self.session_id = checked_session_id(session_id or str(uuid.uuid4()))
        self.headers[SESSION] = self.session_id.encode()  # HTTP clients would try Latin-1
        self.home_location = home_location
        self.timeout = timeout
        self.max_redirects = 16  # more than a tree is deep
        self._policy = Policy(attempts - 1, allowed_methods=None)
        self._places: dict[str, str] = {}

    @property
    def home_gateway(self) -> str:
        """The gateway of the location where the session begins."""
        return self._gateways.home

    @property
    def home_location(self) -> str | None:
        """The location where the session was created; None: not known, it may be a new one."""
        return cast("str | None", self.headers.get(SESSION_HOME))

    @home_location.setter
    def home_location(self, location: str | None) -> None:
        if location is None:
            self.headers.pop(SESSION_HOME, None)
        else:
            self.headers[SESSION_HOME] = location

    def gateway_of(self, function: str) -> str:
        """Give the gateway that the next call of ``function`` goes to first."""
        return self._places.get(function, self.home_gateway)

    def head(self, url: str | bytes, **kwargs: Any) -> Response:  # noqa: ANN401
        """Make a HEAD call; unlike with ``requests``, it follows the session too."""
        kwargs.setdefault("allow_redirects", True)
        return super().head(url, **kwargs)

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Complete a call's address and give it an ``Idempotency-Key`` if it names none.

        In a handler, also the headers that keep it from waiting for itself.
        """
        if isinstance(request.url, str) and request.url.startswith("/"):
            request.url = self.home_gateway + request.url
        prepared = super().prepare_request(request)
        named = CaseInsensitiveDict({**self.headers, **request.headers})
        if IDEMPOTENCY_KEY not in named:
            prepared.headers[IDEMPOTENCY_KEY] = str(uuid.uuid4())
        for name, value in call_headers().items():
            prepared.headers.setdefault(name, value)
        return prepared

    def merge_environment_settings(self, url: Any, proxies: Any, *others: Any) -> Any:  # noqa: ANN401
        """Leave the environment's proxies to each attempt: it may go to another place."""
        settings = super().merge_environment_settings(url, {}, *others)
        return {**settings, "proxies": {**self.proxies, **(proxies or {})}}

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:  # noqa: ANN401
        """Make a call, and those that its answer redirects to, until there is an answer.

        Raises:
            ValueError: the body can be read once only, so it could not be repeated.
            UnconfirmedGateway: the session is said to be where no node of the tree is.
            requests.RequestException: no attempt got an answer.

        """
        if not kwargs.pop("allow_redirects", True):
            return self._send(request, kwargs)
        history: list[Response] = []
        while True:
            answer = self._answer(request, kwargs)
            history += [*answer.history, answer]
            if answer.next is None or is_gateways_own(answer):
                answer.history = history[:-1]
                return answer
            self._require_an_end(history)
            request = self._call_after(answer, answer.next)

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Let what is the session's go to no other server; a new call has a new key."""
        headers, gateway = prepared_request.headers, self._gateways.at(response.url)
        had_key = headers.pop(IDEMPOTENCY_KEY, None) is not None
        if gateway is not None and gateway == self._gateways.at(str(prepared_request.url)):
            if had_key:
                headers[IDEMPOTENCY_KEY] = str(uuid.uuid4())
            return
        for name in (SESSION, SESSION_HOME, SESSION_CALLERS, *CREDENTIALS):
            headers.pop(name, None)
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]

    def _call_after(self, answer: Response, request: PreparedRequest) -> PreparedRequest:
        """Give the call that a redirect asks for; one of a function is made in the session."""
        gateway, url = self._gateways.at(answer.url), str(request.url)
        if gateway is not None and gateway == self._gateways.at(url):
            rest = url.removeprefix(gateway)
            if function := function_in(rest):
                self._places[function] = gateway
                request.url = self.home_gateway + rest
        return request

    def _answer(self, request: PreparedRequest, options: dict[str, Any]) -> Response:
        """Make one call until it has an answer; follow the session, and no other redirect."""
        call, policy = Call.of(request, self.home_gateway), self._policy
        if call is None:
            return self._send(request, options)
        options["timeout"] = options.get("timeout") or self.timeout
        while True:
            is_home = self.gateway_of(call.function) == self.home_gateway
            outcome = self._outcome(call, options)
            if isinstance(outcome, Response) and is_final(outcome, is_home=is_home):
                return outcome
            self._places.pop(call.function, None)
            if not (call.has_key or had_no_effect(outcome)):
                return _given(outcome)
            try:
                policy = policy.pause(request, outcome)
            except MaxRetryError:
                return _given(outcome)

    def _outcome(self, call: Call, options: dict[str, Any]) -> Outcome:
        """Try once: where the function was last, then wherever nodes say that the session is."""
        place: str | None = self.gateway_of(call.function)
        history: list[Response] = []
        try:
            while place is not None:
                history.append(self._send(call.at(place), options))
                self._places[call.function] = place
                place = self._next(place, call, history, options)
        except LOST as error:
            return error
        history[-1].history = history[:-1]
        return history[-1]

    def _next(
        self, place: str, call: Call, history: list[Response], options: dict[str, Any]
    ) -> str | None:
        answer = history[-1]
        # a cookie of any place is one of home: to the session's users the tree is one
        extract_cookies_to_jar(self.cookies, call.request, answer.raw)  # type: ignore[no-untyped-call]
        if home := answer.headers.get(SESSION_HOME):
            self.home_location = call.request.headers[SESSION_HOME] = home
        following = self._gateways.next(
            place, call.rest, answer, lambda question: self._send(question, options)
        )
        if following is not None:
            self._require_an_end(history)
        return following

    def _send(self, request: PreparedRequest, options: dict[str, Any]) -> Response:
        """Send one request, and follow nothing."""
        given = {"no_proxy": no_proxy(), **(options.get("proxies") or self.proxies)}
        proxies = resolve_proxies(request, given, self.trust_env)
        return super().send(request, **{**options, "proxies": proxies, "allow_redirects": False})

    def _require_an_end(self, history: list[Response]) -> None:
        if len(history) >= self.max_redirects:
            raise requests.TooManyRedirects(f"over {self.max_redirects} redirects")


def _given(outcome: Outcome) -> Response:
    if isinstance(outcome, Response):
        return outcome
    raise outcome from None
