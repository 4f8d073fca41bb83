"""Keeps what it is sent, and tells the nodes above."""

from __future__ import annotations

from typing import Any

import edgedb


class Keeper(edgedb.Offloadable):
    """Answers how much it has kept."""

    def handle_offload(self, request: edgedb.Request) -> Any:
        edgedb.set("path", request.path.encode("utf-8", "surrogateescape"))
        edgedb.add_to_list("bodies", request.body)
        edgedb.propagate(request.body, edgedb.levels()[-1], "receiver")
        return {"kept": len(edgedb.get_list("bodies"))}


handle = Keeper()
