"""Gives out what ``cdn-upload`` put into the same session.

curl -L -H 'X-session: alice' http://127.0.0.1:31114/function/cdn-download/logo.png
"""

import edgedb
from edgedb.errors import NotFound


class Download(edgedb.Offloadable):
    """``GET /<file>``; it only reads, so downloads wait for nobody."""

    read_only = True

    def handle_offload(self, request: edgedb.Request) -> dict[str, object]:
        """Answer one file with its type."""
        content = edgedb.get(f"file {request.path}")
        if content is None:
            raise NotFound(f"there is no file {request.path}")
        content_type = edgedb.get(f"type {request.path}") or "application/octet-stream"
        return {"body": content, "headers": {"Content-Type": content_type}}


handle = Download()
