"""Reads what ``keeper`` keeps."""

from __future__ import annotations

from typing import Any

import edgedb


class Reader(edgedb.Offloadable):
    """Answers how much there is."""

    read_only = True

    def handle_offload(self, _: edgedb.Request) -> Any:
        return {"kept": len(edgedb.get_list("bodies"))}


handle = Reader()
