"""Behaves like the index.py of the stock python3-http template, for handlers to be run by.

Written for these tests from what that template is known to do: Flask and waitress with 4 threads;
no HEAD or OPTIONS of its own; a dict is statusCode, body and headers; a body that is no dict goes
through ``str()``; anything else a handler returns is passed to Flask as it is; an exception
is Flask's HTML page. The port, fixed at 5000 there, is whatever is free, and logged.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any

from flask import Flask, jsonify, request
from function import handler  # type: ignore[import-not-found]
from waitress import create_server  # type: ignore[import-untyped]

METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE"]

app = Flask(__name__)


def response(result: Any) -> Any:
    if result is None:
        return "", 200
    if type(result) is not dict:
        return result
    body = result.get("body", "")
    headers = result.get("headers", [])
    return (
        jsonify(body) if type(body) is dict else str(body),
        result.get("statusCode", 200),
        list(headers.items()) if type(headers) is dict else headers,
    )


@app.route("/", defaults={"path": ""}, methods=METHODS)
@app.route("/<path:path>", methods=METHODS)
def call(path: str) -> Any:  # noqa: ARG001
    event = SimpleNamespace(
        body=request.get_data(),
        headers=request.headers,
        method=request.method,
        query=request.args,
        path=request.path,
    )
    return response(handler.handle(event, SimpleNamespace(hostname="localhost")))


if __name__ == "__main__":
    server = create_server(app, host="127.0.0.1", port=0)
    message = f"listening on port {server.effective_port}"
    print(json.dumps({"level": "INFO", "message": message}), file=sys.stderr, flush=True)
    server.run()
