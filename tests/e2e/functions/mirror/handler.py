"""Describes the request that arrived, byte for byte."""

import base64
from typing import Any
from urllib.parse import quote

import edgedb


class Mirror(edgedb.Offloadable):
    """Answers where it ran and what it was given; of bytes the base64 form."""

    def handle_offload(self, request: edgedb.Request) -> Any:
        return {
            "location": edgedb.location(),
            "session": request.session_id,
            "method": request.method,
            "path": quote(request.path.encode("utf-8", "surrogateescape"), safe="/"),
            "query": request.query_string.decode("latin-1"),
            "given": {name.lower(): value for name, value in request.headers.items()},
            "content": base64.b64encode(request.body).decode(),
        }


handle = Mirror()
