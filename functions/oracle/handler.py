"""The oracle's endpoints (docs/api.md#for-oracles); ``ORACLE_ACTION`` says which is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from msgspec import to_builtins

from edgedb import Endpoint, Request, Response
from edgedb.access import require_oracle
from edgedb.checking.slices import START, examine, mend
from edgedb.endpoint import Function
from edgedb.errors import BadRequest, ConfigurationError
from edgedb.node import Node
from edgedb.oracle.commands import force_offload, force_offload_many, force_onload
from edgedb.oracle.tick import tick
from edgedb.readiness import require_ready
from edgedb.times import rfc3339
from edgedb.wire import fates
from edgedb.wire.choices import OffloadStatus, Policy
from edgedb.wire.headers import PROTOCOL
from edgedb.wire.model import COUNT_LIMIT


class Oracle(Function):
    """The endpoint that this function is deployed for."""

    def respond(self, node: Node, request: Request) -> Response:
        """Answer as that endpoint does."""
        endpoint = ENDPOINTS.get(node.settings.oracle_action)
        if endpoint is None:
            raise ConfigurationError(f"ORACLE_ACTION must be one of {', '.join(ENDPOINTS)}")
        return endpoint.respond(node, request)


def _set_offload_status(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    node.required_parent()
    status = request.choice("status", OffloadStatus)
    node.store.residents.set_status(status)
    return Response.json({"location": node.location, "status": status})


def _force_offload(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    policy = request.choice("policy", Policy, Policy.LARGEST)
    session, count = request.session_parameter(), request.number("count", 0, COUNT_LIMIT)
    if count and session is not None:
        raise BadRequest("either a session or a count of them can be named")
    if count:
        return Response.json(fates.as_told(force_offload_many(node, count, policy)))
    return Response.json(force_offload(node, session, policy))


def _force_onload(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    session, count = request.session_parameter(), request.number("count", 1, COUNT_LIMIT)
    return Response.json(fates.as_told(force_onload(node, session, count)))


def _tick(node: Node, request: Request) -> Response:
    # the cron connector has no credentials to send; a tick does nothing but what is due
    if "Authorization" in request.headers:
        require_oracle(node, request)
    return Response.json(asdict(tick(node)))


def _load(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    require_ready(node)
    here, load = node.topology[node.location], node.store.residents.load()
    return Response.json(
        {
            "location": here.id,
            "level": here.level,
            "parent": here.parent,
            "status": load.status,
            "sessions": load.sessions,
            "bytes": load.size,
            "arrivals": load.arrivals,
            "outbox": load.outbox,
            "stuck": len(node.store.relief.stuck()),
            "used": load.used,
            "maxmemory": load.limit,
            "protocol": PROTOCOL,
        }
    )


def _findings(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    return Response.json(examine(node, request.query.get("position", START)).to_json())


def _repairs(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    return Response.json(mend(node, request.query.get("position", START)).to_json())


def _sessions(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    policy = request.choice("policy", Policy, Policy.MOST_RECENT)
    limit = request.number("limit", 100, COUNT_LIMIT)
    names = node.store.residents.choose(policy, limit, node.topology.subtree(node.location))
    sessions = [
        {
            **to_builtins(resident.token),
            "bytes": resident.size,
            "lastAccess": rfc3339(resident.accessed_ms),
        }
        for resident in node.store.residents.residents(names)
    ]
    return Response.json({"sessions": sessions})


def _either(decide: Callable[[Node, Request], Response]) -> Endpoint:
    return Endpoint({"GET /": decide, "POST /": decide})


ENDPOINTS = {
    "tick": Endpoint(
        {
            "GET /": _load,
            "POST /": _tick,
            "GET /sessions": _sessions,
            "GET /findings": _findings,
            "POST /repairs": _repairs,
        }
    ),
    "set-offload-status": _either(_set_offload_status),
    "force-offload": _either(_force_offload),
    "force-onload": _either(_force_onload),
}

handle = Oracle()
