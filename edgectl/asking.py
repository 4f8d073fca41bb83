"""How a call of the operator gets to a function, over its gateway, with its oracle's token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import requests

from edgectl.errors import EdgectlError
from edgedb.client import no_proxy
from edgedb.topology.tree import Topology
from edgedb.wire import openfaas
from edgedb.wire.problem import Problem

_TIMEOUT_S = 60.0

Query = Mapping[str, str | int | None]
"""Parameters of a call; None is one that was not given."""

Authorization = Callable[[requests.PreparedRequest], requests.PreparedRequest]


class CallFailed(EdgectlError):
    """A node did not answer, or answered with a problem; the message is one line."""


class Gateways:
    """Those of one tree; ``tokens_of`` gives the tokens of an oracle, the current one first.

    Every method raises :class:`CallFailed` if there is no answer.
    """

    def __init__(self, topology: Topology, tokens_of: Callable[[str], Sequence[str]]) -> None:
        self._topology = topology
        self._tokens_of = tokens_of

    def ask(self, method: str, location: str, function: str, query: Query) -> requests.Response:
        """Call a function that wants no credentials."""
        return self._send(method, location, function, query, _anonymous)

    def ask_oracle(
        self, method: str, location: str, function: str, query: Query
    ) -> requests.Response:
        """Call a function of the oracle, with the one before where its node has no other token."""
        for token in self._tokens(location):
            response = self._send(method, location, function, query, _bearer(token))
            if response.status_code != requests.codes.unauthorized:
                break
        return response

    def _tokens(self, location: str) -> Sequence[str]:
        try:
            return self._tokens_of(self._topology[location].id)
        except EdgectlError as error:
            raise CallFailed(f"{location}: {error.message}") from error

    def _send(
        self, method: str, location: str, function: str, query: Query, auth: Authorization
    ) -> requests.Response:
        """Send one call to a function that is awake.

        What only asks is sent once more if the function was asleep. What acts might be at work in
        a process that has died since: there the function is woken before.
        """
        if method != "GET":
            self._wake(location, function)
            return self._sent(method, location, function, query, auth)
        response = self._sent(method, location, function, query, auth)
        if not _is_asleep(response):
            return response
        self._wake(location, function)
        return self._sent(method, location, function, query, auth)

    def _wake(self, location: str, function: str) -> None:
        """Wait until a function answers, for as long as a start may take."""
        name = function.partition("/")[0] + openfaas.READINESS

        openfaas.wakes(
            lambda: _is_asleep(self._sent("GET", location, name, {}, _anonymous)),
            openfaas.WAKING_S,
        )

    def _sent(
        self, method: str, location: str, function: str, query: Query, auth: Authorization
    ) -> requests.Response:
        """Send one request; ``auth`` also keeps netrc's credentials out of it."""
        try:
            return requests.request(
                method,
                f"{self._topology[location].gateway}/function/{function}",
                params=query,
                auth=auth,
                proxies={"no_proxy": no_proxy()},
                timeout=_TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            name = function.removesuffix(openfaas.READINESS)
            raise CallFailed(f"{location}: no answer from {name} ({_cause(error)})") from error


def _bearer(token: str) -> Authorization:
    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorize


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _is_asleep(response: requests.Response) -> bool:
    return openfaas.is_asleep(response.status_code, _content_type(response), response.content)


def _content_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "")


def require_success(location: str, function: str, response: requests.Response) -> None:
    """Raise CallFailed for any other status than 200; the message is one line."""
    if response.status_code != requests.codes.ok:
        raise CallFailed(f"{location}: {_problem(function, response)}")


def _problem(function: str, response: requests.Response) -> str:
    """Give title and detail of an RFC 9457 document, or what there is instead of one."""
    status = response.status_code
    try:
        problem = Problem.from_json(response.content)
    except (ValueError, RecursionError):
        what = openfaas.explained(status, _content_type(response), response.content)
        return f"{function} {what}"
    return f"{problem.title}: {problem.detail} ({status})"


def _cause(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__
