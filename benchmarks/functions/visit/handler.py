"""One get and two sets: counts the requests of a session that holds so many bytes: ``?bytes=N``."""

import edgedb


class Visit(edgedb.Offloadable):
    """``POST``; whatever is sent."""

    def handle_offload(self, request: edgedb.Request) -> str:
        """Answer how many requests there were before."""
        count = int(edgedb.get("count") or 0)
        edgedb.set("count", str(count + 1))
        edgedb.set("seen", "." * int(request.query["bytes"]))
        return str(count)


handle = Visit()
