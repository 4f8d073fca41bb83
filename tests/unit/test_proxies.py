"""Calls to this machine go past the proxies of the environment; others as the environment says."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from edgectl.operating import CallFailed, Operator
from edgedb.client import EdgeSession
from edgedb.topology.tree import Topology
from tests.unit.client.gateways import EDGE, Gateways, confirming, session_at

PROXY = "http://proxy.example.com:3128"
HERE = ["http://127.0.0.1:31112", "http://127.8.8.8:1", "http://localhost:31112", "http://[::1]:1"]
ELSEWHERE = ["http://edge.example.com:8080", "http://10.0.0.7:8080", "https://edge.example.com"]


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Set a proxy for everything; gives the proxy of each call, none of which is answered."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    used: list[str | None] = []

    def send(_: HTTPAdapter, request: Any, *, proxies: Any, **__: Any) -> Any:
        used.append(requests.utils.select_proxy(request.url, proxies))
        raise requests.ConnectionError("nobody is there")

    monkeypatch.setattr(HTTPAdapter, "send", send)
    return used


def call_as_client(gateway: str) -> None:
    with EdgeSession(gateway, "s", attempts=1) as session, pytest.raises(requests.ConnectionError):
        session.get("/function/cart")


def call_as_client_elsewhere(gateway: str) -> None:
    with EdgeSession(EDGE, "s", attempts=1) as session, pytest.raises(requests.ConnectionError):
        session.get(f"{gateway}/page")


def call_as_operator(gateway: str) -> None:
    tree = {"levels": ["cloud"], "locations": {"cloud": {"gateway": gateway}}}
    with pytest.raises(CallFailed, match="nobody is there"):
        Operator(Topology.from_json(tree), lambda _: ["token"]).offload("cloud", {})


CALLS = pytest.mark.parametrize(
    "call", [call_as_client, call_as_client_elsewhere, call_as_operator]
)


@CALLS
@pytest.mark.parametrize("gateway", HERE)
def test_this_machine_is_called_without_a_proxy(
    used: list[str | None], call: Any, gateway: str
) -> None:
    call(gateway)
    assert used == [None]


@CALLS
@pytest.mark.parametrize("gateway", ELSEWHERE)
def test_other_machines_are_called_through_the_proxy(
    used: list[str | None], call: Any, gateway: str
) -> None:
    call(gateway)
    assert used == [PROXY]


@CALLS
@pytest.mark.parametrize("stated", ["example.com,10.0.0.0/8", "*"])
@pytest.mark.parametrize("gateway", [*ELSEWHERE, *HERE])
def test_no_proxy_is_honoured(
    used: list[str | None],
    monkeypatch: pytest.MonkeyPatch,
    call: Any,
    stated: str,
    gateway: str,
) -> None:
    monkeypatch.setenv("NO_PROXY", stated)
    call(gateway)
    assert used == [None]


def test_a_proxy_that_a_session_is_given_is_used_everywhere(used: list[str | None]) -> None:
    with EdgeSession(HERE[0], "s", attempts=1) as session:
        session.proxies = {"http": "http://mine:1"}
        with pytest.raises(requests.ConnectionError):
            session.get("/function/cart")
        with pytest.raises(requests.ConnectionError):
            session.get("/function/cart", proxies={"http": "http://this:1"})
    assert used == ["http://mine:1", "http://this:1"]


def test_without_the_environment_no_proxy_is_used(used: list[str | None]) -> None:
    with EdgeSession(EDGE, "s", attempts=1) as session:
        session.trust_env = False
        with pytest.raises(requests.ConnectionError):
            session.get("/function/cart")
    assert used == [None]


def test_each_place_has_the_proxy_that_is_due_to_it(
    used: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "edge")
    cloud = "http://cloud:8080"
    home = Gateways({EDGE: session_at(cloud, "cloud"), cloud: answer}, confirming({"cloud": cloud}))
    with EdgeSession(EDGE, "s", attempts=1) as session:
        session.mount("http://", home)
        assert session.get("/function/cart").text == "moved"
        session.mount("http://", HTTPAdapter())
        with pytest.raises(requests.ConnectionError):
            session.get("/function/cart")
        with pytest.raises(requests.ConnectionError):
            session.get("/function/cart")
    assert used == [PROXY, None]  # then home again, which needs none


def answer(_: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, b"moved"
