"""Behaves like the index.py of the stock python3-http template, for comparison.

Written from what that template is known to do: Flask and waitress; the event has body, headers,
method, query and path; what a handler returns is given to Flask. It differs in two settings,
which are those of python3-http-edge, so that both are served alike: the port, and the number of
threads.
"""

import os
from types import SimpleNamespace
from typing import Any

from flask import Flask, request
from function import handler  # type: ignore[import-not-found, attr-defined, unused-ignore]
from waitress import serve  # type: ignore[import-untyped]

METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE"]

app = Flask(__name__)
context = SimpleNamespace(hostname="localhost")


@app.route("/", defaults={"path": ""}, methods=METHODS)
@app.route("/<path:path>", methods=METHODS)
def call(path: str) -> Any:  # noqa: ANN401, ARG001
    """Hand every request to the handler."""
    event = SimpleNamespace(
        body=request.get_data(),
        headers=request.headers,
        method=request.method,
        query=request.args,
        path=request.path,
    )
    return handler.handle(event, context)


if __name__ == "__main__":
    port, threads = int(os.environ["EDGE_PORT"]), int(os.environ.get("EDGE_THREADS") or 16)
    serve(app, host="127.0.0.1", port=port, threads=threads)
