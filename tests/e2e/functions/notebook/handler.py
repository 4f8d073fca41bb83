"""The session API over HTTP: the path names the operation, the query its arguments."""

import os
import time
from pathlib import Path
from typing import Any

import edgedb
from edgedb.client import EdgeSession
from edgedb.errors import NotFound


def call(of: dict[str, str]) -> str:
    """Call a function in this session or another one, as a client of the gateway that is named."""
    with EdgeSession(of["gateway"], of.get("session", edgedb.session_id())) as client:
        answer = client.post(of["rest"])
    return str(answer.json().get("type", answer.status_code))


def hold(mark: Path) -> None:
    """Say in ``mark`` which process is running the request; run until ``mark`` is gone."""
    new = mark.with_suffix(".new")
    new.write_text(str(os.getpid()))
    new.rename(mark)
    while mark.exists():
        time.sleep(0.005)


OPERATIONS = {
    "/call": call,
    "/set": lambda of: edgedb.set(of["key"], of["value"]),
    "/get": lambda of: edgedb.get(of["key"]),
    "/delete": lambda of: edgedb.delete(of["key"]),
    "/add": lambda of: edgedb.add_to_list(of["key"], of["value"]),
    "/list": lambda of: edgedb.get_list(of["key"]),
    "/propagate": lambda of: edgedb.propagate(of["value"], of["levels"].split(","), of["to"]),
    "/propagate-up-to": lambda of: edgedb.propagate(of["value"], of["levels"], of["to"]),
}


class Notebook(edgedb.Offloadable):
    """Answers what the operation gave, where and by which process; may be held up."""

    def handle_offload(self, request: edgedb.Request) -> Any:
        operation = OPERATIONS.get(request.path)
        if operation is None:
            raise NotFound(f"there is no operation {request.path}")
        given = operation(request.query)
        if "hold" in request.query:
            hold(Path(request.query["hold"]))
        return {"given": given, "location": edgedb.location(), "process": os.getpid()}


handle = Notebook()
