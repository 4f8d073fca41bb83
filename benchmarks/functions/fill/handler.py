"""Makes a session large: values or list elements of text that does not compress."""

import base64
import os

import edgedb


class Fill(edgedb.Offloadable):
    """``POST ?shape=values|list&first=NUMBER&count=N&bytes=EACH``; a count of 0 only opens it."""

    def handle_offload(self, request: edgedb.Request) -> str:
        """Write ``count`` values or elements of ``bytes`` bytes each."""
        first, count = int(request.query["first"]), int(request.query["count"])
        size = int(request.query["bytes"])
        for number in range(first, first + count):
            if request.query["shape"] == "list":
                edgedb.add_to_list("elements", _text(size))
            else:
                edgedb.set(f"value-{number}", _text(size))
        return str(count)


def _text(size: int) -> str:
    return base64.b64encode(os.urandom(size * 3 // 4 + 3)).decode()[:size]


handle = Fill()
