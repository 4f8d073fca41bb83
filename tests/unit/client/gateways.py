"""Gateways that exist only in a test: a transport for ``requests`` that answers by itself."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter

EDGE, CITY, CLOUD = "http://edge:8080", "http://city:8080", "http://cloud:8080/openfaas"
TREE = {"edge": EDGE, "city": CITY, "cloud": CLOUD}

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Sent:
    """One HTTP request as it reached a place."""

    method: str
    url: str
    body: bytes
    headers: dict[str, Any]


@dataclass
class Gateways(BaseAdapter):
    """Answers instead of a network; a place without an answer does not exist.

    ``confirm`` answers the questions for gateways of the tree; they are noted apart.
    """

    answers: dict[str, Callable[[Sent], Answer]] = field(default_factory=dict)
    confirm: Callable[[Sent], Answer] = field(default_factory=lambda: confirming(TREE))
    sent: list[Sent] = field(default_factory=list)
    questions: list[Sent] = field(default_factory=list)
    timeouts: list[Any] = field(default_factory=list)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - the arguments of requests
        timeout: Any = None,
        verify: Any = True,  # noqa: ARG002
        cert: Any = None,  # noqa: ARG002
        proxies: Any = None,  # noqa: ARG002
    ) -> Response:
        self.timeouts.append(timeout)
        body: Any = request.body
        content = body.read() if hasattr(body, "read") else body or b""
        content = content.encode() if isinstance(content, str) else content
        call = Sent(str(request.method), str(request.url), content, dict(request.headers))
        is_question = "/function/test-function/" in call.url
        (self.questions if is_question else self.sent).append(call)
        place = next((p for p in self.answers if call.url.startswith(p)), None)
        if place is None:
            raise requests.ConnectionError("refused")
        answer = self.confirm if is_question else self.answers[place]
        status, headers, content = answer(call)
        raw = urllib3.HTTPResponse(io.BytesIO(content), headers, status, preload_content=False)
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Nothing is open."""

    @property
    def places(self) -> list[str]:
        return [f"{urlsplit(call.url).scheme}://{urlsplit(call.url).netloc}" for call in self.sent]


def fixed(status: int, body: bytes = b"", **headers: str) -> Callable[[Sent], Answer]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: (status, named, body)


def in_turn(*answers: Callable[[Sent], Answer]) -> Callable[[Sent], Answer]:
    """Give the answers one after another; the last one goes on."""
    left = list(answers)
    return lambda call: (left.pop(0) if len(left) > 1 else left[0])(call)


def lost(_: Sent) -> Answer:
    raise requests.ConnectionError("the connection was lost")


def confirming(tree: dict[str, str]) -> Callable[[Sent], Answer]:
    """Answer as ``test-function/gateway?location=`` does at a node that knows these locations."""

    def confirm(call: Sent) -> Answer:
        (location,) = parse_qs(urlsplit(call.url).query)["location"]
        if location not in tree:
            return 400, {}, b"{}"
        return 200, {}, json.dumps({"location": location, "gateway": tree[location]}).encode()

    return confirm


def session_at(gateway: str, location: str = "") -> Callable[[Sent], Answer]:
    """Redirect as a node does: the same path and query at another gateway."""
    named = location or next(name for name, address in TREE.items() if address == gateway)

    def redirect(call: Sent) -> Answer:
        target = call.url[call.url.index("/function/") :]
        return 307, {"Location": gateway + target, "X-session-location": named}, b""

    return redirect
