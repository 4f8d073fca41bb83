"""Which path of a gateway is answered by what."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus

from aiohttp import web

from edgectl.local.gateway import paths
from edgectl.local.gateway.upstream import Unreachable
from edgectl.local.gateway.watchdog import Watchdog
from edgectl.local.secret_files import basic_credentials
from edgectl.stack.deployment import Deployment

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_SCALE = "/system/scale-function/"


class Gateway:
    """The functions of one node behind one address; its instance is an aiohttp handler.

    ``password`` is that of the user ``admin``, whom ``/system/`` is for.
    """

    def __init__(self, deployments: Iterable[Deployment], password: str) -> None:
        self._watchdogs = {
            deployment.name: [Watchdog(deployment, number) for number in range(deployment.replicas)]
            for deployment in deployments
        }
        self._turns = {name: itertools.cycle(dogs) for name, dogs in self._watchdogs.items()}
        self._credentials = basic_credentials(password).encode()
        self._calls = Counter[str]()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        raw_path, mark, query = request.raw_path.partition("?")
        path = paths.decode(raw_path)
        if path is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="400 Bad Request")
        if (cleaned := paths.clean(path)) != path:
            location = paths.encode(cleaned) + mark + query
            return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": location})
        if function := paths.split(path):
            return await self._call(request, *function, mark + query)
        return await self._own(request, path)

    async def stop(self) -> None:
        """End all processes; each may finish what it is doing."""
        dogs = itertools.chain.from_iterable(self._watchdogs.values())
        await asyncio.gather(*(dog.replica.stop() for dog in dogs))

    async def _call(
        self, request: web.BaseRequest, name: str, path: str, query: str
    ) -> web.StreamResponse:
        if name not in self._turns:
            return _unknown_function(name)
        if request.method not in _METHODS:
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        if "Expect" in request.headers:
            await _invite_body(request)
        self._calls[name] += 1
        dog = next(self._turns[name])
        if dog.replica.is_asleep:
            dog.replica.begin()
            return await self._without_address(request, name, path)
        return await dog.serve(request, paths.encode(path), query)

    async def _without_address(
        self, request: web.BaseRequest, name: str, path: str
    ) -> web.StreamResponse:
        """Answer as faasd's provider does while a function has no address.

        It calls the path at its own machine, where this gateway listens; or notices that it
        cannot call.
        """
        if request.method == "GET":
            return await self._own(request, path)
        text = f"Can't reach service for: {name}."
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text=text)

    async def _own(self, request: web.BaseRequest, path: str) -> web.Response:
        if path == "/healthz":
            return web.Response(text="OK")
        if path == "/" and request.method == "GET":
            return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers={"Location": "/ui/"})
        if path.startswith(_SCALE) and request.method == "POST":
            return await self._scale(request, path.removeprefix(_SCALE))
        if path == "/system/functions" and request.method == "GET":
            return self._listed(request)
        return web.Response(status=HTTPStatus.NOT_FOUND, text="404 page not found\n")

    async def _scale(self, request: web.BaseRequest, name: str) -> web.Response:
        """Start a function's replicas before they are needed; answer when they listen.

        ``{"replicas": 0}`` ends them; the first calls then find none, as after a reboot.
        """
        if not self._is_admin(request):
            return _not_admin()
        if name not in self._watchdogs:
            return _unknown_function(name)
        replicas = [dog.replica for dog in self._watchdogs[name]]
        if json.loads(await request.read() or b"{}").get("replicas") == 0:
            await asyncio.gather(*(replica.sleep() for replica in replicas))
            return web.Response(status=HTTPStatus.ACCEPTED)
        try:
            await asyncio.gather(*(replica.start() for replica in replicas))
        except Unreachable as error:
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text=str(error))
        return web.Response(status=HTTPStatus.ACCEPTED)

    def _listed(self, request: web.BaseRequest) -> web.Response:
        """Name the functions, with how often each was called."""
        if not self._is_admin(request):
            return _not_admin()
        return web.json_response(
            [{"name": name, "invocationCount": self._calls[name]} for name in self._watchdogs]
        )

    def _is_admin(self, request: web.BaseRequest) -> bool:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._credentials)


def _not_admin() -> web.Response:
    return web.Response(status=HTTPStatus.UNAUTHORIZED, text="invalid credentials")


def _unknown_function(name: str) -> web.Response:
    why = f"server returned non-200 status code (404) for function, {name}"
    text = f"error finding function {name}.openfaas-fn: {why}"
    return web.Response(status=HTTPStatus.NOT_FOUND, text=text)


async def _invite_body(request: web.BaseRequest) -> None:
    """Tell a client that waits before it sends a large body to go on."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
