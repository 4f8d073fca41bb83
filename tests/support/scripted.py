"""User functions whose handler a test writes on the spot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import edgedb

Script = Callable[[edgedb.Request], Any]


class Scripted(edgedb.Offloadable):
    """Answers what a script answers; counts how often it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.runs = 0

    def handle_offload(self, request: edgedb.Request) -> Any:
        self.runs += 1
        return self.script(request)


class ScriptedReader(Scripted):
    """The same, reading only."""

    read_only = True


class ScriptedLocal(Scripted):
    """The same, with state of its own at each node."""

    node_local = True
