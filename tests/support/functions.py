"""User functions for tests."""

from __future__ import annotations

from typing import Any

import edgedb


class Notebook(edgedb.Offloadable):
    """Appends a word; counts and remembers the last; keeps a body; may propagate or fail."""

    def handle_offload(self, request: edgedb.Request) -> Any:
        query = request.query
        count = int(edgedb.get("count") or 0) + 1
        edgedb.set("count", str(count))
        edgedb.set("last", query.get("word", ""))
        edgedb.add_to_list("words", query.get("word", ""))
        if request.body:
            edgedb.set("body", request.body)
        if "tell" in query:
            edgedb.propagate(query["word"], query["tell"], "tally")
        if "forget" in query:
            edgedb.delete(query["forget"])
        if "fail" in query:
            raise RuntimeError(query["fail"])
        return {"body": {"location": edgedb.location(), "count": count}}


class Reader(edgedb.Offloadable):
    """Reads what :class:`Notebook` keeps."""

    read_only = True

    def handle_offload(self, request: edgedb.Request) -> Any:
        if "write" in request.query:
            edgedb.set("count", "0")
        return {
            "location": edgedb.location(),
            "words": edgedb.get_list("words"),
            "count": int(edgedb.get("count") or 0),
            "last": edgedb.get("last"),
        }


class Tally(edgedb.Offloadable):
    """Counts the values it is told, at each node by itself."""

    node_local = True

    def handle_offload(self, request: edgedb.Request) -> Any:
        return {"count": int(edgedb.get(request.query["word"]) or 0)}

    def receive_propagate(self, value: str | bytes, origin: str) -> None:
        assert isinstance(value, str)
        edgedb.set(value, str(int(edgedb.get(value) or 0) + 1))
        edgedb.add_to_list("origins", origin)
