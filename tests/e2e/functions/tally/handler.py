"""Keeps what is propagated to this node."""

from typing import Any

import edgedb


class Tally(edgedb.Offloadable):
    """Answers all values and where each came from."""

    node_local = True

    def handle_offload(self, _: edgedb.Request) -> Any:
        return {"values": edgedb.get_list("values"), "origins": edgedb.get_list("origins")}

    def receive_propagate(self, value: str | bytes, origin: str) -> None:
        edgedb.add_to_list("values", value)
        edgedb.add_to_list("origins", origin)


handle = Tally()
