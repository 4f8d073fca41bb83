"""Session state for serverless functions that may run anywhere in a tree of nodes.

Subclass :class:`Offloadable`; keep state with :func:`get`, :func:`set`, :func:`delete`,
:func:`add_to_list`, :func:`get_list`; send values upwards with :func:`propagate`. Calls of other
functions carry :func:`call_headers`.
"""

from edgedb.callers import call_headers as call_headers
from edgedb.endpoint import Endpoint as Endpoint
from edgedb.errors import EdgeError as EdgeError
from edgedb.offloadable import Offloadable as Offloadable
from edgedb.request import Request as Request
from edgedb.response import Response as Response
from edgedb.session_api import (
    add_to_list as add_to_list,
    delete as delete,
    get as get,
    get_list as get_list,
    levels as levels,
    location as location,
    propagate as propagate,
    session_id as session_id,
    set as set,
)
