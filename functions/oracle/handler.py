"""The oracle's endpoints (docs/api.md#for-oracles); ``ORACLE_ACTION`` says which is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from msgspec import to_builtins

from edgedb import Endpoint, Request, Response
from edgedb.access import require_oracle
from edgedb.checking.asides import keep, restore
from edgedb.checking.slices import START, examine, mend
from edgedb.endpoint import Function
from edgedb.errors import BadRequest, ConfigurationError, Conflict, NotFound
from edgedb.node import Node
from edgedb.oracle.commands import force_offload, force_offload_many, force_onload
from edgedb.oracle.tick import tick
from edgedb.readiness import require_ready
from edgedb.times import rfc3339
from edgedb.wire import fates
from edgedb.wire.choices import OffloadStatus, Policy
from edgedb.wire.headers import PROTOCOL
from edgedb.wire.model import COUNT_LIMIT, SessionToken


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
            "refused": [asdict(each) for each in node.store.relatives.refused()],
        }
    )


def _claim(node: Node, request: Request) -> Response:
    _require_meant(node, request)
    node.store.admission.claim()
    return Response.json({"location": node.location, "tree": node.topology.name})


def _require_meant(node: Node, request: Request) -> None:
    require_oracle(node, request)
    location = request.query.get("location", "")
    if location != node.location:
        raise Conflict(f"LOCATION_ID of this function is {node.location}, not {location!r:.80}")


def _rejoin(node: Node, request: Request) -> Response:
    _require_meant(node, request)
    if request.query.get("alone") == "1":
        node.rejoiner.alone()
    require_ready(node)
    return Response.json({"location": node.location})


def _lose(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    location = request.query.get("location", "")
    if not node.is_relative(location) or location == node.location:
        raise BadRequest(f"{location!r:.80} is neither above nor below {node.location}")
    lost = "" if node.rejoiner.is_there(location) else node.store.relatives.lose(location)
    return Response.json({"location": location, "lost": lost})


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
    names = node.store.residents.choose(policy, limit, node.topology.homes(node.location))
    sessions = [
        {
            **to_builtins(resident.token),
            "bytes": resident.size,
            "lastAccess": rfc3339(resident.accessed_ms),
        }
        for resident in node.store.residents.residents(names)
    ]
    return Response.json({"sessions": sessions})


def _homes(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    return Response.json(node.store.residents.by_home(node.topology.homes(node.location)))


def _known(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    session, homes = request.required_session(), node.topology.homes(node.location)
    for known in node.store.residents.witnessed([session], homes):
        return Response.json(known)
    raise NotFound(f"session {session!r} is not known at {node.location}")


def _kept(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    home, place = (request.query.get(name, "") for name in ("proprietary", "location"))
    function, epoch = request.query.get("function", ""), request.number("epoch", 0)
    session = request.required_session()
    aside = keep(node, SessionToken(session, home, place, function, epoch))
    return Response.json({"location": node.location, "session": session, "aside": aside or None})


def _aside(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    following, found = node.store.aside.listed(request.number("position", 0))
    asides = [aside.to_json() for aside in found]
    return Response.json({"aside": asides, "next": str(following) if following else None})


def _content(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    aside = node.store.aside.known(request.query.get("id", ""))
    return Response.json(aside.to_json() | node.store.aside.content(aside).to_json())


def _restored(node: Node, request: Request) -> Response:
    require_oracle(node, request)
    return Response.json(restore(node, request.query.get("id", ""), request.query.get("as")))


def _either(decide: Callable[[Node, Request], Response]) -> Endpoint:
    return Endpoint({"GET /": decide, "POST /": decide})


ENDPOINTS = {
    "tick": Endpoint(
        {
            "GET /": _load,
            "POST /": _tick,
            "POST /claim": _claim,
            "POST /lost": _lose,
            "POST /rejoin": _rejoin,
            "GET /sessions": _sessions,
            "GET /findings": _findings,
            "POST /repairs": _repairs,
            "GET /homes": _homes,
            "GET /known": _known,
            "POST /kept": _kept,
            "GET /aside": _aside,
            "GET /aside/content": _content,
            "POST /aside/restored": _restored,
        }
    ),
    "set-offload-status": _either(_set_offload_status),
    "force-offload": _either(_force_offload),
    "force-onload": _either(_force_onload),
}

handle = Oracle()
