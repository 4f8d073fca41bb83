"""Puts files into a session; ``cdn-download`` gives them out again.

curl -L -T logo.png -H 'X-session: alice' http://127.0.0.1:31114/function/cdn-upload/logo.png
"""

import edgedb
from edgedb.errors import BadRequest, MethodNotAllowed


class Upload(edgedb.Offloadable):
    """``PUT /<file>`` keeps the body, any bytes, under the path."""

    def handle_offload(self, request: edgedb.Request) -> dict[str, object]:
        """Keep one file and its type."""
        if request.method != "PUT":
            raise MethodNotAllowed("files are uploaded with PUT")
        if request.path == "/":
            raise BadRequest("name the file: PUT /<file>")
        edgedb.set(f"file {request.path}", request.body)
        edgedb.set(f"type {request.path}", request.headers.get("Content-Type", ""))
        return {"statusCode": 201, "body": {"file": request.path, "bytes": len(request.body)}}


handle = Upload()
