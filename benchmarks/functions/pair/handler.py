"""One get and one set: counts the requests of a session."""

import edgedb


class Pair(edgedb.Offloadable):
    """``POST``; whatever is sent."""

    def handle_offload(self, request: edgedb.Request) -> str:  # noqa: ARG002
        """Answer how many requests there were before."""
        count = int(edgedb.get("count") or 0)
        edgedb.set("count", str(count + 1))
        return str(count)


handle = Pair()
