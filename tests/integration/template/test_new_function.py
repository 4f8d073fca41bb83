"""An empty folder, ``faas-cli template pull``, ``new`` and ``build``: nothing else is needed."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.integration.template.conftest import Starter
from tests.integration.template.environment import deployed
from tests.integration.template.process import TEMPLATE, FunctionProcess, shrinkwrap
from tests.support.servers import Server

LANG = "python3-http-edge"


def template_pull(folder: Path) -> None:
    """Do what ``faas-cli template pull`` does with a clone of this repository: links followed."""
    shutil.copytree(TEMPLATE, folder / "template" / LANG, symlinks=False)


def new(folder: Path, name: str) -> None:
    """Do what ``faas-cli new NAME --lang`` does: the starter, and a stack file beside it."""
    shutil.copytree(folder / "template" / LANG / "function", folder / name)
    function = {"lang": LANG, "handler": f"./{name}", "image": f"{name}:latest"}
    stack = {"version": "1.0", "provider": {"name": "openfaas"}, "functions": {name: function}}
    (folder / f"{name}.yml").write_text(yaml.safe_dump(stack))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    template_pull(folder)
    new(folder, "cart")
    shrinkwrap(folder / "template" / LANG, folder / "cart", folder / "build" / "cart")
    return folder


@pytest.fixture(scope="module")
def cart(project: Path, start: Starter, servers: list[Server]) -> FunctionProcess:
    servers[0].client().flushall()
    environ = deployed("cart", "edge-a", servers[0], project / "secrets")
    return start(project / "build" / "cart", **environ)


def test_no_link_is_left_to_follow(project: Path) -> None:
    assert not [path for path in project.rglob("*") if path.is_symlink()]
    assert (project / "build" / "cart" / "edgedb" / "offloadable.py").is_file()


def test_the_function_is_ready_and_keeps_sessions_apart(cart: FunctionProcess) -> None:
    assert cart.call("/_edge/ready").status_code == 200
    visits = [
        cart.call(method="POST", headers={"X-session": name}).json()
        for name in ("alice", "alice", "bob")
    ]
    assert visits == [
        {"session": "alice", "visits": 1},
        {"session": "alice", "visits": 2},
        {"session": "bob", "visits": 1},
    ]


@pytest.mark.parametrize("names", [("one", "two"), ("one", "one"), ("a,", "b"), ("one", "")])
def test_two_sessions_in_one_call_are_none(cart: FunctionProcess, names: tuple[str, str]) -> None:
    """The server hands both over as one: ``one, two``."""
    connection = http.client.HTTPConnection(urlsplit(cart.url).netloc)
    connection.putrequest("POST", "/")
    for name in names:
        connection.putheader("X-session", name)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["title"]) == (400, "Invalid session id")
    connection.close()
    assert cart.call(method="POST", headers={"X-session": "one,two"}).status_code == 200


def test_it_ends_when_it_is_told_to(project: Path, start: Starter, servers: list[Server]) -> None:
    environ = deployed("cart", "edge-a", servers[0], project / "secrets")
    process = start(project / "build" / "cart", **environ)
    process.call(method="POST", headers={"X-session": "carol", "Idempotency-Key": "k"})
    process.terminate()
    assert process.ended() == 0


def test_every_record_of_a_request_names_its_session_and_call(
    project: Path, start: Starter, servers: list[Server]
) -> None:
    source = "import edgedb\nclass F(edgedb.Offloadable):\n    pass\nhandle = F()\n"
    source = source.replace("pass", "def handle_offload(self, request): return 1 / 0")
    (project / "broken").mkdir()
    (project / "broken" / "handler.py").write_text(source)
    template = project / "template" / LANG
    build = shrinkwrap(template, project / "broken", project / "build" / "broken")
    process = start(build, **deployed("broken", "edge-a", servers[0], project / "secrets"))
    process.call(headers={"X-session": "alice", "X-Call-Id": "call-1"})
    record = process.logged("ZeroDivisionError")
    assert (record["session"], record["call_id"]) == ("alice", "call-1")


def test_without_redis_the_function_is_not_ready_and_says_why(
    project: Path, start: Starter, servers: list[Server]
) -> None:
    environ = deployed("cart", "edge-a", servers[0], project / "secrets")
    process = start(project / "build" / "cart", **environ | {"REDIS_HOST": "127.0.0.1:1"})
    assert process.call("/_edge/ready").status_code == 503
    answer = process.call(headers={"X-session": "alice"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_without_its_environment_the_function_names_what_is_missing(
    project: Path, start: Starter
) -> None:
    process = start(project / "build" / "cart")
    assert "LOCATION_ID" in process.call("/_edge/ready").json()["detail"]
    answer = process.call(headers={"X-session": "alice"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert "LOCATION_ID" in answer.json()["detail"]


def test_the_starters_own_test_passes_where_the_image_would_run_it(project: Path) -> None:
    command = [*("-m", "unittest", "discover", "-t", ".", "-s", "function", "-p", "*_test.py")]
    result = subprocess.run(
        [sys.executable, "-B", *command],
        cwd=project / "build" / "cart",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Ran 2 tests" in result.stderr


def test_the_welcome_message_names_everything_the_function_must_be_told(project: Path) -> None:
    template = yaml.safe_load((project / "template" / LANG / "template.yml").read_text())
    for name in ("FUNCTION_NAME", "LOCATION_ID", "PARENT_HOST", "REDIS_HOST", "edge-topology"):
        assert name in template["welcome_message"]
    assert template["fprocess"] == "python index.py"
