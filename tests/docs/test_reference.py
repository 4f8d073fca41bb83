"""The tables of the reference say what the code does."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest
import yaml

from edgedb import callers, errors, replies, session
from edgedb.access import NODE_BODY_LIMIT
from edgedb.errors import EdgeError
from edgedb.peers.transport import CARRIED_LIMIT
from edgedb.request import Request
from edgedb.settings import Settings
from edgedb.store import limits as store_limits, pages
from edgedb.wire import sendable
from edgedb.wire.choices import OffloadStatus, Phase
from edgedb.wire.model import COUNT_LIMIT
from tests.docs.markdown import PROJECT, code, table
from tests.support.tree import STACK, Tree

API = PROJECT / "docs" / "api.md"
OPERATIONS = PROJECT / "docs" / "operations.md"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LIMITS = {
    "KEY_LIMIT": session.KEY_LIMIT,
    "VALUE_LIMIT": session.VALUE_LIMIT,
    **{
        name: getattr(session, name)
        for name in ("CHANGES_LIMIT", "WRITTEN_LIMIT", "MESSAGES_LIMIT", "MESSAGE_VALUE_LIMIT")
    },
    **{
        name: getattr(store_limits, name)
        for name in ("VALUES_LIMIT", "LISTS_LIMIT", "REPLIES_LIMIT", "REPLY_BYTES_LIMIT")
    },
    "HEADERS_LIMIT": sendable.HEADERS_LIMIT,
    "HEADERS_BYTES": sendable.HEADERS_BYTES,
    "ANONYMOUS_KEY_LEAST": replies.ANONYMOUS_KEY_LEAST,
    "REPLY_LIMIT": replies.REPLY_LIMIT,
    "CALLERS_LIMIT": callers.CALLERS_LIMIT,
    "COUNT_LIMIT": COUNT_LIMIT,
    "CARRIED_LIMIT": CARRIED_LIMIT,
    "NODE_BODY_LIMIT": NODE_BODY_LIMIT,
    "PACKET_BYTES": pages.PACKET_BYTES,
    "DELETIONS_KEPT": store_limits.DELETIONS_KEPT,
}
UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20}


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


@functools.cache
def template_server() -> ModuleType:
    """Import the template's module, which is in no package."""
    file = PROJECT / "template" / "python3-http-edge" / "server.py"
    spec = importlib.util.spec_from_file_location("template_server", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def template_settings(environment: Mapping[str, str]) -> Any:
    return template_server().Limits.from_environment(environment)


REQUIRED = {"FUNCTION_NAME": "cart", "LOCATION_ID": "edge-a", "EDGE_INSECURE": "1"}
Read = Callable[[Mapping[str, str]], Any]
TABLES = pytest.mark.parametrize(
    ("place", "read"),
    [
        pytest.param("<!-- settings -->", Settings.from_environment, id="node"),
        pytest.param("<!-- settings of the template -->", template_settings, id="template"),
    ],
)


@TABLES
def test_the_settings_table_has_what_is_read(place: str, read: Read) -> None:
    environment = Asked(REQUIRED)
    read(environment)
    assert {code(row[0]) for row in table(OPERATIONS, place)} == environment.names


@TABLES
def test_the_settings_table_has_the_defaults(place: str, read: Read) -> None:
    for name, default, _ in table(OPERATIONS, place):
        if default == "required":
            with pytest.raises(errors.ConfigurationError, match=code(name)):
                read({**REQUIRED, code(name): ""})
        elif code(name) not in REQUIRED:
            assert read({**REQUIRED, code(name): code(default)}) == read(REQUIRED), name


def test_every_variable_that_the_stack_file_sets_is_one_that_is_read() -> None:
    environment = Asked(REQUIRED)
    Settings.from_environment(environment)
    template_settings(environment)
    by_the_watchdog = {"exec_timeout", "read_timeout"}
    for entry in STACK["functions"].values():
        assert entry["environment"].keys() <= environment.names | by_the_watchdog


def test_the_choices_are_those_of_the_code() -> None:
    assert f"/set-offload-status?status={'|'.join(OffloadStatus)}`" in API.read_text()
    assert set(re.findall(r"[?&]phase=([a-z-]+)", API.read_text())) == set(Phase)
    [actions] = [row[2] for row in table(OPERATIONS, "<!-- settings -->") if "ACTION" in row[0]]
    deployed = [entry["environment"].get("ORACLE_ACTION") for entry in STACK["functions"].values()]
    assert set(re.findall(r"`([a-z-]+)`", actions)) == {*filter(None, deployed)}


def test_the_limits_are_those_of_the_code() -> None:
    stated = {}
    for what, limit, _ in table(OPERATIONS, "## Limits\n"):
        for number, unit, name in re.findall(r"(\d+) ?([KM]iB)?[a-z ]*\(`([A-Z_]+)`\)", limit):
            stated[name] = int(number) * UNITS[unit]
        assert what
    assert stated == LIMITS


def test_the_errors_are_those_of_the_code() -> None:
    stated = {code(name): int(status) for name, status, _ in table(API, "<!-- errors -->")}
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    assert stated == {
        kind.__name__: int(kind.status) for kind in classes if issubclass(kind, EdgeError)
    }


def endpoints() -> dict[str, list[str]]:
    """Give the row of each endpoint."""
    return {code(name): others for name, *others in table(API, "## Endpoints\n")}


def test_every_endpoint_is_deployed_as_said() -> None:
    stated = {name: levels for name, (levels, _) in endpoints().items()}
    assert stated == {
        name: entry["labels"]["edge.levels"] for name, entry in STACK["functions"].items()
    }


def test_every_endpoint_has_a_section() -> None:
    headings = re.findall(r"^### (.+)$", API.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(endpoints()) <= set(headings)


@pytest.mark.parametrize("name", endpoints())
def test_an_endpoint_takes_the_methods_that_are_said(tree: Tree, name: str) -> None:
    stated = {word for word in METHODS if word in endpoints()[name][1]}
    answers = {method: tree.respond("city", name, Request(method)).status for method in METHODS}
    assert {method for method, status in answers.items() if status != 405} == stated


def test_every_path_is_in_the_table_of_who_may_call_what() -> None:
    document = yaml.safe_load((PROJECT / "docs" / "openapi.yaml").read_text())
    rows = table(PROJECT / "docs" / "security.md", "<!-- callers -->")
    stated = {code(row[0]).partition(" ")[2] or code(row[0]) for row in rows}
    assert {path.replace("{function}", "<function>") for path in document["paths"]} <= stated
