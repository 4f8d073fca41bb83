"""Keeps what it is told, at each node by itself."""

from __future__ import annotations

from typing import Any

import edgedb
from edgedb.wire.model import Value


class Receiver(edgedb.Offloadable):
    """Answers how much it was told."""

    node_local = True

    def handle_offload(self, _: edgedb.Request) -> Any:
        return {"told": len(edgedb.get_list("told"))}

    def receive_propagate(self, value: Value, origin: str) -> None:
        edgedb.add_to_list("told", value)
        edgedb.add_to_list("origins", origin)


handle = Receiver()
