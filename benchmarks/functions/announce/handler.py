"""Tells every level of the tree when it was asked to."""

import time

import edgedb


class Announce(edgedb.Offloadable):
    """``POST NAME``: the message is that name and the monotonic time, which one machine shares."""

    def handle_offload(self, request: edgedb.Request) -> str:
        """Propagate up to the root."""
        message = f"{request.text} {time.monotonic()!r}"
        edgedb.propagate(message, edgedb.levels()[-1], "board")
        return message


handle = Announce()
