"""Who may call what: the checks that an endpoint begins with.

Where no key is deployed (``EDGE_INSECURE=1``) nothing is checked and the caller is None.
"""

from __future__ import annotations

from functools import partial

from edgedb.errors import Forbidden, TooLarge
from edgedb.node import Node
from edgedb.peers import credentials
from edgedb.request import Request
from edgedb.wire.headers import NODE
from edgedb.wire.identity import NodeIdentity
from edgedb.wire.model import SessionToken

HAND_OVER = "migrate-session"
NODE_BODY_LIMIT = 8 * 2**20
"""Bytes: twice what one call offers (``CALL_BYTES``), and any propagated value as JSON."""


def require_oracle(node: Node, request: Request) -> None:
    """Let only the oracle pass (docs/security.md#who-may-call-what); raises Unauthorized."""
    tokens = node.settings.oracle_tokens()
    if tokens:
        credentials.verify_secret(tokens, request.authorization)
    elif not node.settings.insecure:
        raise Forbidden("the secret edge-oracle-token is not deployed with this function")


def caller_of(node: Node, request: Request, *, or_behind: bool = False) -> str | None:
    """Give the location that made a call between nodes, which is known by its store.

    Raises:
        TooLarge: it says more than any node does; nothing of it is read.
        Unauthorized: there is no credential, or not one for this call.
        Forbidden: who is named is neither above nor below, nor this location.
        NodeReplaced: another store is known of that location.

    """
    if len(request.body) > NODE_BODY_LIMIT:
        raise TooLarge(f"a call between nodes has at most {NODE_BODY_LIMIT} bytes")
    caller, named = _caller_of(node, request), request.header(NODE)
    if named is not None:
        other = NodeIdentity.read(named)
        require_itself(caller, other.location)
        if node.is_relative(other.location):
            is_handing_over = node.settings.function == HAND_OVER
            node.store.relatives.meet(other, or_behind=or_behind, is_handing_over=is_handing_over)
    return caller


def _caller_of(node: Node, request: Request) -> str | None:
    keys = node.peers.keys
    if not keys:
        return None
    call = credentials.Call(
        request.method,
        f"/function/{node.settings.function}{request.function_path}",
        request.query_string,
        request.body,
        credentials.signed_of(request.headers),
    )
    keys_of = partial(keys.between, called=node.location)
    return credentials.verify(keys_of, request.authorization, call)


def require_descendant(node: Node, request: Request, *, or_itself: bool = False) -> str | None:
    """Let only locations below this one pass, or this one too; gives the caller."""
    caller = caller_of(node, request)
    if caller is None or (or_itself and caller == node.location):
        return caller
    if not node.topology.is_below(caller, node.location):
        raise Forbidden(f"{caller} is not below {node.location}")
    return caller


def require_ancestor(node: Node, request: Request) -> str | None:
    """Let only locations above this one pass; gives the caller."""
    caller = caller_of(node, request)
    if caller is not None and not node.topology.is_below(node.location, caller):
        raise Forbidden(f"{caller} is not above {node.location}")
    return caller


def require_relative(node: Node, request: Request, *, or_behind: bool = False) -> str | None:
    """Let only ancestors and descendants pass; gives the caller.

    ``or_behind``: also one whose store has lost what was seen of it, and which wants to know.
    """
    caller = caller_of(node, request, or_behind=or_behind)
    if caller is not None and not node.is_relative(caller):
        raise Forbidden(f"{caller} is neither above nor below {node.location}")
    return caller


def require_itself(caller: str | None, location: str) -> None:
    """Let a caller speak for itself only."""
    if caller not in {None, location}:
        raise Forbidden(f"{caller} does not speak for {location!r:.80}")


def require_its_subtree(node: Node, caller: str | None, location: str) -> None:
    """Let a caller speak for itself and for what is below it."""
    if caller is not None and not node.topology.in_subtree(location, caller):
        raise Forbidden(f"{caller} does not speak for {location!r:.80}")


def require_path(node: Node, session: str, location: str) -> SessionToken:
    """Let a session be seen only from its proprietary location to the root; gives its token."""
    token = node.store.residents.known(session)
    require_on_path(node, token, location)
    return token


def require_on_path(node: Node, token: SessionToken, location: str) -> None:
    """Let a session be seen only from its proprietary location to the root."""
    if not node.topology.in_subtree(token.proprietary_location, location):
        raise Forbidden(f"{location} is not above {token.proprietary_location}")
