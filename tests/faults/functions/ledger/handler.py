"""Registers and lists of a session; ``FUNCTION_NAME`` says which of three functions this is.

========================  ===================================================================
``ledger``                ``POST /write?key=K`` puts the body into a register; ``POST
                          /append?key=K`` appends it to a list and answers how long that is
                          now, with ``&tell=FUNCTION`` the tallies up to the root hear of it;
                          ``GET /read?key=K`` and ``GET /list?key=K`` under the session's lock
``ledger-reader``         the same two reads without a lock
``ledger-tally``          what this node was told: ``GET`` answers all of it, in its order
========================  ===================================================================

The first two take their time, if asked to: ``&dwell=SECONDS``.
"""

import os
import time
from typing import Any

import edgedb
from edgedb.errors import NotFound


def brief(value: str | bytes | None) -> str | bytes | None:
    """Leave out the padding of ``NAME:LENGTH:PADDING``, if all of it is there."""
    if not isinstance(value, str):
        return value
    name, _, padded = value.partition(":")
    length, _, padding = padded.partition(":")
    return name if padding == "." * int(length or 0) else value


def dwell(request: edgedb.Request) -> None:
    """Be slow, for what may happen meanwhile."""
    time.sleep(float(request.query.get("dwell", 0)))


def read(request: edgedb.Request) -> Any:
    """Answer a register's value or a list's elements."""
    key = request.query["key"]
    if request.path == "/read":
        return {"value": brief(edgedb.get(key))}
    if request.path == "/list":
        return {"elements": [brief(value) for value in edgedb.get_list(key)]}
    raise NotFound(f"there is no operation {request.path}")


class Ledger(edgedb.Offloadable):
    """Writes and reads."""

    def handle_offload(self, request: edgedb.Request) -> Any:
        """Do what the path says."""
        dwell(request)
        key, value = request.query["key"], request.text
        if request.path == "/write":
            edgedb.set(key, value)
            return {"written": len(value)}
        if request.path == "/append":
            edgedb.add_to_list(key, value)
            if "tell" in request.query:
                edgedb.propagate(value, edgedb.levels()[-1], request.query["tell"])
            return {"length": len(edgedb.get_list(key))}
        return read(request)


class LedgerReader(edgedb.Offloadable):
    """Reads only."""

    read_only = True

    def handle_offload(self, request: edgedb.Request) -> Any:
        """Do what the path says."""
        dwell(request)
        return read(request)


class LedgerTally(edgedb.Offloadable):
    """Remembers what this node was told."""

    node_local = True

    def handle_offload(self, request: edgedb.Request) -> Any:  # noqa: ARG002
        """Answer it all."""
        return {"told": edgedb.get_list("told")}

    def receive_propagate(self, value: str | bytes, origin: str) -> None:  # noqa: ARG002
        """Remember it."""
        edgedb.add_to_list("told", value)


FUNCTIONS = {"ledger": Ledger, "ledger-reader": LedgerReader, "ledger-tally": LedgerTally}

handle = FUNCTIONS[os.environ["FUNCTION_NAME"]]()
