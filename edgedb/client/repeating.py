"""Which calls are made again: what is known of one by its outcome, and how long to wait."""

from __future__ import annotations

import random

import requests
from requests import PreparedRequest, Response
from urllib3.exceptions import InvalidHeader, NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from edgedb.wire import openfaas
from edgedb.wire.headers import PROBLEM_JSON

PAUSE_LIMIT = 5.0  # seconds before the next attempt, or up to twice as many, whatever is asked for

REFUSED = frozenset({429, 503})
"""Nothing has happened."""


class UnconfirmedGateway(requests.RequestException):
    """A redirect leads to a gateway that the redirecting node does not call one of its tree's."""


LOST = (
    UnconfirmedGateway,  # the node may have a newer topology soon
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # lost in the middle of the answer
)
Outcome = Response | requests.RequestException
"""Of one attempt: an answer, or why there is none."""


class Policy(Retry):
    """How often and after what pause a call is repeated."""

    def get_backoff_time(self) -> float:
        """Give the pause in seconds: none at first, then 0.2, 0.4, ... 2, each with jitter."""
        repeats = len(self.history) - 1
        return min(0.1 * 2**repeats, 2.0) + random.uniform(0, 0.1) if repeats else 0.0  # noqa: S311

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Give a pause of what the answer asks for, up to PAUSE_LIMIT, and up to as much again.

        At random: who was refused together does not come back together. None: back off.
        """
        try:
            asked = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return asked and min(asked, PAUSE_LIMIT) * random.uniform(1, 2)  # noqa: S311

    def pause(self, request: PreparedRequest, outcome: Outcome) -> Policy:
        """Wait as long as the answer or the policy says; raise MaxRetryError at the end of it."""
        answer = outcome.raw if isinstance(outcome, Response) else None
        left = self.increment(request.method, request.url, response=answer)
        if isinstance(outcome, Response):
            outcome.close()
        left.sleep(answer)
        return left


def is_gateways_own(answer: Response) -> bool:
    """Tell whether the gateway answered in the place of a function that has no replica."""
    headers = answer.headers
    return 300 <= answer.status_code < 500 and openfaas.is_gateways_own(
        answer.status_code, answer.content, headers.get("Location"), headers.get("Allow")
    )


def is_final(answer: Response, *, is_home: bool) -> bool:
    """Tell whether an answer is the function's, and says what it has done."""
    status = answer.status_code
    if status in REFUSED or status in openfaas.GAVE_UP or is_gateways_own(answer):
        return False
    if status == 404:  # from a place that was only remembered: ask at home
        return is_home
    return status != 500 or answer.headers.get("Content-Type") == PROBLEM_JSON


def had_no_effect(outcome: Outcome) -> bool:
    """Tell whether a call is known to have done nothing, so that it may be made again as it is."""
    if isinstance(outcome, Response):
        is_missing = openfaas.is_not_deployed(outcome.status_code, outcome.content)
        return outcome.status_code in REFUSED or is_gateways_own(outcome) or is_missing
    return isinstance(outcome, UnconfirmedGateway) or not _was_connected(outcome)


def _was_connected(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    is_new = isinstance(getattr(cause, "reason", None), NewConnectionError)
    return not (is_new or isinstance(error, requests.ConnectTimeout))
