"""Of-watchdog: what stands in front of a replica's process in its container."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from aiohttp import web

from edgectl.local.gateway.relay import relay
from edgectl.local.gateway.replica import Replica
from edgectl.local.gateway.upstream import Unreachable
from edgectl.stack.deployment import Deployment

_logger = logging.getLogger(__name__)

GATEWAY_LIMIT_S = 60.0
"""The gateway gives up a call after this time, whatever the limit of the function is."""


class Watchdog:
    """One replica with the limits of its function."""

    def __init__(self, deployment: Deployment, number: int) -> None:
        self.replica = Replica(deployment, number)
        self._deployment = deployment
        self._inflight = 0

    async def serve(self, request: web.BaseRequest, path: str, query: str) -> web.StreamResponse:
        """Answer one request; ``path`` and ``query`` are what the function sees."""
        if path in {"/_/health", "/_/ready"} and request.method != "GET":
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        if path == "/_/health":
            return self._health()
        if path == "/_/ready":
            return await self._ready(request)
        return await self._invoke(request, path + query)

    def _health(self) -> web.Response:
        """Answer 200 as soon as there is a process, before it listens."""
        self.replica.begin()
        if not self.replica.is_alive:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(text="OK")

    async def _ready(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._is_limit_met:
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS)
        if self._deployment.ready_path:
            return await self._within_limits(request, self._deployment.ready_path)
        return self._health()

    async def _invoke(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        if self._is_limit_met:
            limit = self._deployment.max_inflight
            text = f"Concurrent request limit exceeded. Max concurrent requests: {limit}\n"
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text=text)
        self._inflight += 1
        try:
            return await self._within_limits(request, target)
        finally:
            self._inflight -= 1

    @property
    def _is_limit_met(self) -> bool:
        return 0 < self._deployment.max_inflight <= self._inflight

    async def _within_limits(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        """Relay; 504 with no body after ``exec_timeout``, 500 with none if there is no process."""
        own_s = self._deployment.exec_timeout_s or GATEWAY_LIMIT_S
        try:
            await self.replica.require_listening()
            async with asyncio.timeout(min(own_s, GATEWAY_LIMIT_S)):
                return await relay(request, self.replica.upstream, target)
        except Unreachable as error:
            _logger.warning("%s: %s", self._deployment.name, error)
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
        except TimeoutError:
            is_own = own_s <= GATEWAY_LIMIT_S
            return web.Response(
                status=HTTPStatus.GATEWAY_TIMEOUT if is_own else HTTPStatus.BAD_GATEWAY
            )
