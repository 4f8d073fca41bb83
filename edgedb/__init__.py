"""Session state for serverless functions that may run anywhere in a tree of nodes.

Subclass :class:`Offloadable`; keep state with :func:`get`, :func:`set`, :func:`delete`,
:func:`add_to_list`, :func:`get_list`; send values upwards with :func:`propagate`.
"""

from edgedb.endpoint import Endpoint
from edgedb.errors import EdgeError
from edgedb.offloadable import (
    Offloadable,
    add_to_list,
    delete,
    get,
    get_list,
    levels,
    location,
    propagate,
    session_id,
    set,
)
from edgedb.request import Request
from edgedb.response import Response

__all__ = [
    "EdgeError",
    "Endpoint",
    "Offloadable",
    "Request",
    "Response",
    "add_to_list",
    "delete",
    "get",
    "get_list",
    "levels",
    "location",
    "propagate",
    "session_id",
    "set",
]
