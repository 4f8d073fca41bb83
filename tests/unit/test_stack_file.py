"""stack.yml and examples/stack.yml, read as faas-cli reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STACKS = ("stack.yml", "examples/stack.yml")

# The keys of a function that faas-cli knows; any other is ignored without a word.
KNOWN = {
    *("lang", "handler", "image", "fprocess", "environment", "environment_file", "secrets"),
    *("skip_build", "constraints", "labels", "annotations", "limits", "requests", "namespace"),
    *("readonly_root_filesystem", "build_options", "build_args", "build_secrets", "platforms"),
}

# "deployed on" in docs/api.md; update-session goes wherever a session can be created below
# the root, and the oracle's tick is each node's own.
LEVELS = {
    "set-offload-status": "all-except-root",
    "force-offload": "all-except-root",
    "force-onload": "all-except-root",
    "offload-session": "all-except-leafs",
    "onload-session": "all-except-leafs",
    "update-session": "all-except-root",
    "migrate-session": "all",
    "test-function": "all",
    "oracle": "all",
}
ORACLE_ACTIONS = {
    "oracle": "tick",
    "set-offload-status": "set-offload-status",
    "force-offload": "force-offload",
    "force-onload": "force-onload",
}
EXAMPLES = {
    *("shopping-cart", "products-counter", "cdn-upload", "cdn-download"),
    *("sensor-log", "sensor-means"),
}

GATEWAY_LIMIT = 60  # seconds
COMMUNITY_LIMIT = 15  # functions per gateway


def substituted(text: str, environ: Mapping[str, str]) -> str:
    """Replace ``${NAME}`` and ``${NAME:-default}``; an empty value counts as none."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: environ.get(m[1]) or m[2] or "", text)


def functions(stack: str, **environ: str) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(substituted((ROOT / stack).read_text(), environ))
    assert document["provider"] == {"name": "openfaas"}
    assert str(document["version"]) == "1.0"
    found: dict[str, dict[str, Any]] = document["functions"]
    return found


ALL = {name: function for stack in STACKS for name, function in functions(stack).items()}


def seconds(duration: str) -> int:
    assert re.fullmatch(r"\d+s", duration)
    return int(duration[:-1])


@pytest.mark.parametrize("stack", STACKS)
def test_every_dollar_begins_a_substitution_with_a_default_even_in_comments(stack: str) -> None:
    text = (ROOT / stack).read_text()
    assert text.count("$") == len(re.findall(r"\$\{[A-Z_]+:-[^}$]*\}", text))


def test_the_functions_are_those_of_the_seed_and_the_oracle() -> None:
    assert functions("stack.yml").keys() == LEVELS.keys()
    assert functions("examples/stack.yml").keys() == EXAMPLES


def test_all_of_them_fit_on_one_gateway_of_the_community_edition() -> None:
    assert len(ALL) <= COMMUNITY_LIMIT


@pytest.mark.parametrize(("name", "levels"), sorted(LEVELS.items()))
def test_the_label_says_where_the_seed_deploys_it(name: str, levels: str) -> None:
    assert ALL[name]["labels"] == {"edge.levels": levels}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_examples_are_deployed_everywhere(name: str) -> None:
    assert ALL[name]["labels"] == {"edge.levels": "all"}


@pytest.mark.parametrize("name", sorted(ALL))
class TestEveryFunction:
    def test_has_a_name_and_keys_that_faas_cli_takes(self, name: str) -> None:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
        assert ALL[name].keys() <= KNOWN

    def test_is_built_from_a_handler_and_a_template_that_exist(self, name: str) -> None:
        assert (ROOT / ALL[name]["handler"] / "handler.py").is_file()
        assert ALL[name]["handler"].startswith("./")
        assert (ROOT / "template" / ALL[name]["lang"] / "template.yml").is_file()

    def test_has_an_image_of_its_own_name(self, name: str) -> None:
        assert ALL[name]["image"] == f"ghcr.io/edge-offloading/{name}:latest"

    def test_is_told_its_name_and_node(self, name: str) -> None:
        environment = ALL[name]["environment"]
        assert environment["FUNCTION_NAME"] == name
        assert environment["LOCATION_ID"] == ""
        assert environment["PARENT_HOST"] == ""
        assert environment["REDIS_HOST"] == "redis:6379"
        assert all(isinstance(value, str) for value in environment.values())

    def test_gives_up_before_its_watchdog_and_that_before_the_gateway(self, name: str) -> None:
        environment = ALL[name]["environment"]
        execution, read, write = (
            seconds(environment[f"{kind}_timeout"]) for kind in ("exec", "read", "write")
        )
        assert execution < write == read < GATEWAY_LIMIT

    def test_has_the_secrets_of_what_it_does(self, name: str) -> None:
        expected = {"edge-topology", "edge-node-key"}
        expected |= {"edge-oracle-token"} if name in ORACLE_ACTIONS else set()
        assert set(ALL[name]["secrets"]) == expected

    def test_cannot_write_to_its_root_file_system(self, name: str) -> None:
        assert ALL[name]["readonly_root_filesystem"] is True


def test_what_a_node_is_told_comes_from_the_deployers_environment() -> None:
    told = {"LOCATION_ID": "edge-a", "PARENT_HOST": "http://city:8080", "REDIS_HOST": "r:1"}
    for stack in STACKS:
        for name, function in functions(stack, REGISTRY="reg:5000/x", TAG="1", **told).items():
            assert told.items() <= function["environment"].items()
            assert function["image"] == f"reg:5000/x/{name}:1"


def test_the_oracles_functions_share_a_handler_and_are_told_apart() -> None:
    found = {name: f for name, f in ALL.items() if f["handler"] == "./functions/oracle"}
    actions = {name: f["environment"]["ORACLE_ACTION"] for name, f in found.items()}
    assert actions == ORACLE_ACTIONS


def test_only_the_oracle_is_called_by_the_clock() -> None:
    scheduled = {name: f["annotations"] for name, f in ALL.items() if "annotations" in f}
    assert scheduled == {"oracle": {"topic": "cron-function", "schedule": "* * * * *"}}


def test_thresholds_are_unset_unless_the_deployer_sets_them() -> None:
    names = ("EDGE_OFFLOAD_ABOVE", "EDGE_OFFLOAD_BELOW", "EDGE_ONLOAD_BELOW")
    assert [ALL["oracle"]["environment"][name] for name in names] == ["", "", ""]
    told = functions("stack.yml", EDGE_OFFLOAD_ABOVE="1000000")["oracle"]["environment"]
    assert told["EDGE_OFFLOAD_ABOVE"] == "1000000"
