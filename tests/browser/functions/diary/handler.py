"""A diary that pages write to; every call leaves a line, whatever it fetches."""

import edgedb
from edgedb.errors import Unauthorized

PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


class Diary(edgedb.Offloadable):
    """``POST`` writes its body; ``/picture`` and ``/events`` are for what can only GET."""

    def handle_offload(self, request: edgedb.Request) -> object:
        """Write a line and answer them all; ``/private`` wants a login."""
        if request.path == "/private" and request.authorization != "Bearer login":
            raise Unauthorized("who are you?")
        if request.path != "/lines":
            edgedb.add_to_list("lines", request.text or request.path)
        if request.path == "/picture":
            return {"body": PICTURE, "headers": {"Content-Type": "image/svg+xml"}}
        if request.path == "/events":
            event = f"data: {edgedb.location()}\n\n"
            return {"body": event, "headers": {"Content-Type": "text/event-stream"}}
        return {"body": {"location": edgedb.location(), "lines": edgedb.get_list("lines")}}


handle = Diary()
