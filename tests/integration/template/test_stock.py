"""Handlers run under the index.py of the stock python3-http template as well."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.template.conftest import Starter
from tests.integration.template.environment import deployed
from tests.integration.template.process import ROOT, FunctionProcess, shrinkwrap
from tests.support.servers import Server

HANDLER = """
import edgedb
class Blob(edgedb.Offloadable):
    def handle_offload(self, request):
        if request.method == "PUT":
            edgedb.set(request.path, request.body)
        if request.method == "DELETE":
            raise ValueError("a detail of the program")
        return {
            "statusCode": 203,
            "body": edgedb.get(request.path),
            "headers": {"Content-Type": "image/png", "X-Query": request.query_string.decode()},
        }
handle = Blob()
"""


@pytest.fixture(scope="module")
def blob(
    start: Starter, servers: list[Server], tmp_path_factory: pytest.TempPathFactory
) -> FunctionProcess:
    """Start a function of the stock template, with ``edgedb`` beside its handler.

    That is where ``configuration.copy: [edgedb]`` in a stack file puts it; PYTHONPATH names it.
    """
    folder = tmp_path_factory.mktemp("stock")
    (folder / "template" / "function").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("stock_index.py"), folder / "template" / "index.py")
    (folder / "blob").mkdir()
    (folder / "blob" / "handler.py").write_text(HANDLER)
    build = shrinkwrap(folder / "template", folder / "blob", folder / "build")
    shutil.copytree(ROOT / "edgedb", build / "function" / "edgedb")
    servers[0].client().flushall()
    environ = deployed("blob", "edge-a", servers[0], folder / "secrets")
    return start(build, PYTHONPATH=str(build / "function"), **environ)


def call(blob: FunctionProcess, path: str, method: str = "GET", **kwargs: Any) -> Any:
    return blob.call(path, method, headers={"X-session": "s"}, **kwargs)


def test_octets_and_headers_go_in_and_out_unchanged(blob: FunctionProcess) -> None:
    call(blob, "/pictures/a%20b", "PUT", data=bytes(range(256)))
    answer = call(blob, "/pictures/a%20b?x=%2F&y=1")
    assert (answer.status_code, answer.content) == (203, bytes(range(256)))
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Query"] == "x=%2F&y=1"


def test_nothing_is_an_empty_body_and_not_a_repr(blob: FunctionProcess) -> None:
    assert call(blob, "/nothing").content == b""


def test_a_failed_handler_is_a_problem_document(blob: FunctionProcess) -> None:
    answer = call(blob, "/x", "DELETE")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert "a detail of the program" not in answer.text


def test_a_call_without_a_session_is_refused(blob: FunctionProcess) -> None:
    assert blob.call("/x").status_code == 400
