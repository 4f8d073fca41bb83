"""Remembers how long the last announcement took to arrive here."""

import time

import edgedb


class Board(edgedb.Offloadable):
    """``GET``: the name of the last announcement and the seconds it was on its way."""

    node_local = True

    def receive_propagate(self, value: str | bytes, origin: str) -> None:  # noqa: ARG002
        """Note the time of arrival first."""
        arrived = time.monotonic()
        name, sent = str(value).split()
        edgedb.set("last", f"{name} {arrived - float(sent)!r}")

    def handle_offload(self, request: edgedb.Request) -> str:  # noqa: ARG002
        """Answer what was noted."""
        return str(edgedb.get("last") or "")


handle = Board()
