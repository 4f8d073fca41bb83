"""Settings: what the environment and the secrets say, and the error that names what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgedb.errors import ConfigurationError
from edgedb.settings import CorsRules, Settings

KEY = "a key of thirty-two bytes or more"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Give a secrets directory with all that a node needs; each ends in a newline."""
    (tmp_path / "edge-node-key").write_text(f"{KEY}\n")
    (tmp_path / "edge-oracle-token").write_text("the oracle\n")
    return tmp_path


@pytest.fixture
def environ(secrets: Path) -> dict[str, str]:
    """Give the least environment with which a function starts."""
    return {"LOCATION_ID": "city", "FUNCTION_NAME": "cart", "EDGE_SECRETS_DIR": str(secrets)}


def test_a_location_a_function_and_the_secrets_are_enough(
    environ: dict[str, str], secrets: Path
) -> None:
    settings = Settings.from_environment(environ)
    assert (settings.node_keys(), settings.oracle_tokens()) == ((KEY,), ("the oracle",))
    assert replace(settings, node_keys=tuple, oracle_tokens=tuple) == Settings(
        location="city",
        function="cart",
        parent_host=None,
        redis_host="redis",
        redis_port=6379,
        redis_password=None,
        topology_path=secrets / "edge-topology",
        insecure=False,
        lock_wait=5.0,
        lock_ttl=3.0,
        freeze_timeout=10.0,
        redis_timeout=0.8,
        peer_timeout=10.0,
        offload_above=None,
        offload_below=None,
        onload_below=None,
        oracle_action="tick",
    )


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("PARENT_HOST", "http://cloud:8080", "parent_host", "http://cloud:8080"),
        ("PARENT_HOST", "http://cloud:8080/", "parent_host", "http://cloud:8080"),
        ("PARENT_HOST", "", "parent_host", None),
        ("REDIS_HOST", "cache", "redis_host", "cache"),
        ("REDIS_HOST", "cache:7000", "redis_host", "cache"),
        ("REDIS_HOST", "cache:7000", "redis_port", 7000),
        ("REDIS_HOST", "", "redis_host", "redis"),
        ("EDGE_LOCK_WAIT", "7", "lock_wait", 7.0),
        ("EDGE_LOCK_TTL", "500ms", "lock_ttl", 0.5),
        ("EDGE_FREEZE_TIMEOUT", "2m", "freeze_timeout", 120.0),
        ("EDGE_REDIS_TIMEOUT", "0.25s", "redis_timeout", 0.25),
        ("EDGE_PEER_TIMEOUT", "1m30s", "peer_timeout", 90.0),
        ("EDGE_LOCK_WAIT", "", "lock_wait", 5.0),
        ("EDGE_OFFLOAD_ABOVE", "1000", "offload_above", 1000),
        ("EDGE_OFFLOAD_BELOW", "0", "offload_below", 0),
        ("EDGE_ONLOAD_BELOW", "1", "onload_below", 1),
        ("EDGE_ONLOAD_BELOW", "", "onload_below", None),
        ("EDGE_INSECURE", "1", "insecure", True),
        ("EDGE_INSECURE", "false", "insecure", False),
        ("EDGE_DURABILITY", "fsync", "fsync_moves", True),
        ("EDGE_DURABILITY", "server", "fsync_moves", False),
        ("EDGE_DURABILITY", "", "fsync_moves", False),
        ("ORACLE_ACTION", "force-onload", "oracle_action", "force-onload"),
        ("EDGE_CORS_ORIGINS", "*", "cors", CorsRules(frozenset("*"))),
        ("EDGE_SESSION_COOKIE", "edge", "session_cookie", "edge"),
    ],
)
def test_a_variable_sets_its_setting(
    environ: dict[str, str], name: str, value: str, field: str, expected: object
) -> None:
    settings = Settings.from_environment(environ | {name: value})
    assert getattr(settings, field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCATION_ID", ""),
        ("FUNCTION_NAME", ""),
        ("REDIS_HOST", ":6379"),
        ("REDIS_HOST", "cache:"),
        ("REDIS_HOST", "cache:redis"),
        ("EDGE_INSECURE", "yes"),
        ("EDGE_INSECURE", "TRUE"),
        ("EDGE_LOCK_WAIT", "five"),
        ("EDGE_LOCK_TTL", "-1s"),
        ("EDGE_LOCK_TTL", "0"),
        ("EDGE_FREEZE_TIMEOUT", "10 s"),
        ("EDGE_REDIS_TIMEOUT", ".5"),
        ("EDGE_PEER_TIMEOUT", "nan"),
        ("EDGE_DURABILITY", "always"),
        ("EDGE_OFFLOAD_ABOVE", "1.5"),
        ("EDGE_OFFLOAD_BELOW", "-1"),
        ("EDGE_ONLOAD_BELOW", "10MB"),
        ("EDGE_CORS_ORIGINS", "everybody"),
        ("EDGE_SESSION_COOKIE", "edge=1"),
    ],
)
def test_a_malformed_variable_is_refused_by_name(
    environ: dict[str, str], name: str, value: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_environment(environ | {name: value})


@pytest.mark.parametrize("name", ["LOCATION_ID", "FUNCTION_NAME"])
def test_a_missing_variable_is_named_with_the_remedy(environ: dict[str, str], name: str) -> None:
    del environ[name]
    with pytest.raises(ConfigurationError, match=f"{name} is not set.*faas-cli deploy"):
        Settings.from_environment(environ)


def test_without_the_node_key_a_node_refuses_to_start(
    environ: dict[str, str], secrets: Path
) -> None:
    (secrets / "edge-node-key").unlink()
    with pytest.raises(ConfigurationError, match="edge-node-key is missing"):
        Settings.from_environment(environ)


@pytest.mark.parametrize("content", ["", "\n", "   \n"])
def test_an_empty_node_key_is_a_missing_one(
    environ: dict[str, str], secrets: Path, content: str
) -> None:
    (secrets / "edge-node-key").write_text(content)
    with pytest.raises(ConfigurationError, match="edge-node-key is missing"):
        Settings.from_environment(environ)


def test_insecure_on_purpose_needs_no_secrets(tmp_path: Path) -> None:
    environ = {
        "LOCATION_ID": "city",
        "FUNCTION_NAME": "cart",
        "EDGE_SECRETS_DIR": str(tmp_path),
        "EDGE_INSECURE": "1",
    }
    settings = Settings.from_environment(environ)
    assert (settings.insecure, settings.node_keys(), settings.oracle_tokens()) == (True, (), ())


@pytest.mark.parametrize("insecure", ["0", "1"])
def test_a_node_key_that_is_too_short_is_never_accepted(
    environ: dict[str, str], secrets: Path, insecure: str
) -> None:
    (secrets / "edge-node-key").write_text("x" * 31)
    with pytest.raises(
        ConfigurationError, match="edge-node-key cannot be read: it is under 32 bytes"
    ):
        Settings.from_environment(environ | {"EDGE_INSECURE": insecure})


def test_the_password_of_redis_is_read_from_its_secret(
    environ: dict[str, str], secrets: Path
) -> None:
    (secrets / "edge-redis-password").write_text("open sesame\n")
    assert Settings.from_environment(environ).redis_password == "open sesame"


@pytest.mark.parametrize("name", ["edge-node-key", "edge-oracle-token", "edge-redis-password"])
def test_a_secret_that_is_not_text_is_refused_by_name(
    environ: dict[str, str], secrets: Path, name: str
) -> None:
    (secrets / name).write_bytes(b"\xff\xfe" * 20)
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_environment(environ)


def test_an_error_never_shows_a_secret(environ: dict[str, str], secrets: Path) -> None:
    (secrets / "edge-node-key").write_text("hunter2")
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(environ)
    assert "hunter2" not in str(caught.value)
