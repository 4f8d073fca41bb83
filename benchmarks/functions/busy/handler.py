"""One get and one set, and in between a wait of so many milliseconds: ``?ms=100``."""

import time

import edgedb


class Busy(edgedb.Offloadable):
    """``POST``; as a handler that calls something."""

    def handle_offload(self, request: edgedb.Request) -> str:
        """Answer how many requests there were before."""
        count = int(edgedb.get("count") or 0)
        time.sleep(int(request.query.get("ms", "0")) / 1000)
        edgedb.set("count", str(count + 1))
        return str(count)


handle = Busy()
