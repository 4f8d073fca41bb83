"""A node's settings, from its environment and its secrets (docs/operations.md#settings)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgedb import secret_file
from edgedb.errors import ConfigurationError
from edgedb.times import seconds

SECRETS_DIR = "/var/openfaas/secrets"
NODE_KEY = "edge-node-key"
ORACLE_TOKEN = "edge-oracle-token"  # noqa: S105  (the name of the secret)
TOPOLOGY = "edge-topology"
NODE_KEY_BYTES = 32  # the least that HMAC-SHA256 should be keyed with (RFC 7518 section 3.2)

GATEWAY_TIMEOUT = 60.0
REDIRECT_MODES = ("redirect", "forward")

_ORIGIN = r"\*|null|[a-z][a-z0-9+.-]*://[^/?#@,\s]+"  # RFC 6454, as browsers write it
_ORIGIN_FORM = "an origin: scheme://host[:port], no slash at its end"
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110: of a method, a header's or a cookie's name


@dataclass(frozen=True)
class CorsRules:
    """What browsers are told about pages of other origins; nothing where ``origins`` is empty.

    ``headers`` empty: a page may send any. ``credentials``: cookies are let through.
    """

    origins: frozenset[str] = frozenset()
    methods: str = "GET, HEAD, POST, PUT, PATCH, DELETE"
    headers: str = ""
    credentials: bool = False
    max_age: float = 600.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> CorsRules:
        """Read the rules; raises ConfigurationError."""
        origins = frozenset(_list(environ, "EDGE_CORS_ORIGINS", _ORIGIN, _ORIGIN_FORM))
        credentials = _boolean(environ, "EDGE_CORS_CREDENTIALS")
        if "*" in origins and (credentials or len(origins) > 1):
            raise ConfigurationError(
                "EDGE_CORS_ORIGINS: * stands alone, and not with EDGE_CORS_CREDENTIALS=1: "
                "any page could act for whoever looks at it; name the origins"
            )
        return cls(
            origins=origins,
            methods=", ".join(_list(environ, "EDGE_CORS_METHODS", _NAME, "a name")) or cls.methods,
            headers=", ".join(_list(environ, "EDGE_CORS_HEADERS", _NAME, "a name")),
            credentials=credentials,
            max_age=_duration(environ, "EDGE_CORS_MAX_AGE", cls.max_age),
        )


@dataclass(frozen=True)
class Settings:
    """Everything a node is told; durations in seconds unless the name says otherwise.

    ``node_keys`` and ``oracle_tokens`` give what is valid now, the current one first; nothing is
    checked where they give none: only with ``insecure``, or where no oracle is.
    ``fsync_moves``: a step that a move rests on is on disk before the move goes on.
    Thresholds are bytes of resident session data; None switches the rule off.
    """

    location: str
    function: str
    parent_host: str | None
    redis_host: str
    redis_port: int
    redis_password: str | None = None
    topology_path: Path = Path(SECRETS_DIR) / TOPOLOGY
    node_keys: Callable[[], secret_file.Lines] = tuple
    oracle_tokens: Callable[[], secret_file.Lines] = tuple
    insecure: bool = False
    lock_wait: float = 5.0
    lock_ttl: float = 3.0
    freeze_timeout: float = 10.0
    redis_timeout: float = 0.8
    peer_timeout: float = 10.0
    move_timeout: float = 55.0
    fsync_moves: bool = False
    offload_above: int | None = None
    offload_below: int | None = None
    onload_below: int | None = None
    oracle_action: str = "tick"
    cors: CorsRules = CorsRules()
    session_cookie: str = ""
    redirect: str = "redirect"
    exec_timeout: float = 30.0
    threads: int = 16

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings of one function's process.

        Raises:
            ConfigurationError: a value is missing or malformed; the message names it.

        """
        secrets = Path(environ.get("EDGE_SECRETS_DIR") or SECRETS_DIR)
        insecure = _boolean(environ, "EDGE_INSECURE")
        node_keys = secret_file.optional if insecure else secret_file.required
        password = secret_file.optional(secrets, "edge-redis-password")
        host, port = _address(environ.get("REDIS_HOST") or "redis")
        return cls(
            location=_required(environ, "LOCATION_ID"),
            function=_required(environ, "FUNCTION_NAME"),
            parent_host=(environ.get("PARENT_HOST") or "").rstrip("/") or None,
            redis_host=host,
            redis_port=port,
            redis_password=next(iter(password()), None),
            topology_path=secrets / TOPOLOGY,
            node_keys=node_keys(secrets, NODE_KEY, NODE_KEY_BYTES),
            oracle_tokens=secret_file.optional(secrets, ORACLE_TOKEN),
            insecure=insecure,
            lock_wait=_duration(environ, "EDGE_LOCK_WAIT", cls.lock_wait),
            lock_ttl=_duration(environ, "EDGE_LOCK_TTL", cls.lock_ttl),
            freeze_timeout=_duration(environ, "EDGE_FREEZE_TIMEOUT", cls.freeze_timeout),
            redis_timeout=_duration(environ, "EDGE_REDIS_TIMEOUT", cls.redis_timeout),
            peer_timeout=_duration(environ, "EDGE_PEER_TIMEOUT", cls.peer_timeout),
            move_timeout=_duration(environ, "EDGE_MOVE_TIMEOUT", cls.move_timeout),
            fsync_moves=_choice(environ, "EDGE_DURABILITY", ("server", "fsync")) == "fsync",
            offload_above=_bytes(environ, "EDGE_OFFLOAD_ABOVE"),
            offload_below=_bytes(environ, "EDGE_OFFLOAD_BELOW"),
            onload_below=_bytes(environ, "EDGE_ONLOAD_BELOW"),
            oracle_action=environ.get("ORACLE_ACTION") or "tick",
            cors=CorsRules.from_environment(environ),
            session_cookie=_name(environ, "EDGE_SESSION_COOKIE"),
            redirect=_choice(environ, "EDGE_REDIRECT", REDIRECT_MODES),
            exec_timeout=_exec_timeout(environ),
            threads=_threads(environ),
        )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise ConfigurationError(
            f"{name} is not set; put it into the function's environment in stack.yml, "
            f"or deploy with: faas-cli deploy -e {name}=..."
        )
    return value


def _boolean(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "")
    if value not in {"", "0", "1", "false", "true"}:
        raise ConfigurationError(f"{name} must be 0 or 1, got {value!r}")
    return value in {"1", "true"}


def _choice(environ: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """Give one of several words; the first is the default."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise ConfigurationError(f"{name} must be {' or '.join(choices)}, got {value!r}")
    return value


def _list(environ: Mapping[str, str], name: str, pattern: str, what: str) -> list[str]:
    """Give the entries of a list that is separated by commas or white space; each is ``what``."""
    entries = environ.get(name, "").replace(",", " ").split()
    for entry in entries:
        if not re.fullmatch(pattern, entry):
            raise ConfigurationError(f"{name}: {entry!r} is not {what}")
    return entries


def _name(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if value and not re.fullmatch(_NAME, value):
        raise ConfigurationError(f"{name} must be a cookie's name, got {value!r}")
    return value


def _duration(environ: Mapping[str, str], name: str, default: float) -> float:
    value = environ.get(name, "")
    if not value:
        return default
    try:
        duration = seconds(value)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from error
    if not duration:
        raise ConfigurationError(f"{name} must be longer than nothing, got {value!r}")
    return duration


def _exec_timeout(environ: Mapping[str, str]) -> float:
    """Read the watchdog's limit as it does; without one the gateway's, as it is delivered."""
    try:
        return seconds(environ.get("exec_timeout", "")) or GATEWAY_TIMEOUT
    except ValueError:
        return Settings.exec_timeout


def _threads(environ: Mapping[str, str]) -> int:
    """Read how many threads the template's server has, which refuses what is no such number."""
    text = environ.get("EDGE_THREADS", "")
    return int(text) if re.fullmatch(r"\d{1,12}", text) else Settings.threads


def _bytes(environ: Mapping[str, str], name: str) -> int | None:
    value = environ.get(name, "")
    if value and not re.fullmatch(r"\d{1,15}", value):
        raise ConfigurationError(f"{name} must be a number of bytes, got {value!r}")
    return int(value) if value else None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "6379")
    if not host or not re.fullmatch(r"\d{1,5}", port):
        raise ConfigurationError(f"REDIS_HOST must be host or host:port, got {text!r}")
    return host, int(port)
