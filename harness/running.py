"""A tree of processes as its users run it: ``edgectl up`` starts it, ``edgectl down`` stops it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

import psutil
import redis
import requests

from edgectl.local.files import NodeFolder
from edgectl.local.state import StateFolder
from edgedb import secret_file
from edgedb.peers.keys import Keyring
from edgedb.settings import NODE_KEY, TOPOLOGY
from edgedb.topology.file import topology_file
from edgedb.topology.tree import Topology
from harness.waiting import until

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "edgectl"]

_CALL_S = 60.0
_COMMAND_S = 120.0
_STOP_S = 30.0
_SAID_LINES = 12
_STARTS_AT_A_TIME = 4

Headers = Mapping[str, str | bytes]


class CommandFailed(Exception):
    """A command did not end with exit status 0; the message is what it said."""


def edgectl(
    *arguments: str | Path, check: bool = True, folder: Path = REPOSITORY
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder to its end; ``check`` asks for exit status 0."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_COMMAND_S,
        check=False,
    )
    if check and done.returncode:
        raise CommandFailed(done.stderr.strip() or f"edgectl ended with {done.returncode}")
    return done


@dataclass(frozen=True)
class RunningTree:
    """A tree that runs, what was printed of it, and how to call it; ``folder``: its state's."""

    folder: Path
    summary: dict[str, Any]
    supervisor: int

    @classmethod
    @contextmanager
    def up(
        cls,
        state_folder: Path,
        *options: str | Path,
        folder: Path = REPOSITORY,
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[Self]:
        """Start a tree and stop it in the end; a stack file's paths are relative to ``folder``.

        Where that holds the project, another release of it, the tree is of that one.
        ``environment``: variables that stack files name, beside those of this process.

        Raises:
            CommandFailed: it does not start.

        """
        command = [*COMMAND, "up", "--json", "--state-dir", str(state_folder), *map(str, options)]
        state_folder.mkdir(parents=True, exist_ok=True)
        with (
            (state_folder / "edgectl.log").open("w+") as log,
            subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                # a session of its own: Ctrl-C is for whoever started it, who then ends the tree
                start_new_session=True,
            ) as child,
        ):
            try:
                yield cls(state_folder, _summary(child, log), child.pid)
            finally:
                _stop(child)

    @cached_property
    def topology(self) -> Topology:
        """The tree, with the gateways' addresses on this machine."""
        return StateFolder(self.folder).read_running().topology

    @property
    def locations(self) -> list[str]:
        """All locations, the root first."""
        return [node["location"] for node in self.summary["nodes"]]

    def node(self, location: str) -> dict[str, Any]:
        """Give what was printed of one node."""
        return next(node for node in self.summary["nodes"] if node["location"] == location)

    def gateway(self, location: str) -> str:
        """Give the URL of a node's gateway."""
        return str(self.node(location)["gateway"])

    def url(self, location: str, function: str, rest: str = "") -> str:
        """Give a function's address; ``rest`` is path and query as they are to be sent."""
        return f"{self.gateway(location)}/function/{function}{rest}"

    def call(
        self,
        location: str,
        function: str,
        rest: str = "",
        *,
        method: str = "POST",
        session: str | None = None,
        headers: Headers | None = None,
        **options: Any,  # noqa: ANN401
    ) -> requests.Response:
        """Make one call, in a session if one is named; redirects are not followed."""
        named = {} if session is None else {"X-session": session.encode()}
        options = {"timeout": _CALL_S, "allow_redirects": False, **options}
        address = self.url(location, function, rest)
        return requests.request(method, address, headers={**named, **(headers or {})}, **options)

    def oracle_token(self, location: str) -> str:
        """Give the token of a node's oracle as it is now."""
        if "oracle_token" in self.summary:  # of the release before, which has one for all
            return str(self.summary["oracle_token"])
        return StateFolder(self.folder).secrets.oracle_tokens(location)[0]

    def bearer(self, location: str) -> dict[str, str | bytes]:
        """Give the credentials for a node's oracle."""
        return {"Authorization": f"Bearer {self.oracle_token(location)}"}

    def keyring(self, location: str) -> Keyring:
        """Give the keys of a node as its functions find them."""
        folder = StateFolder(self.folder).secrets.of(location)
        own = secret_file.required(folder, NODE_KEY)
        return Keyring(location, own, topology_file(folder / TOPOLOGY, location).current)

    def oracle(
        self,
        location: str,
        action: str,
        *,
        method: str = "POST",
        **query: Any,  # noqa: ANN401
    ) -> requests.Response:
        """Call one of the oracle's endpoints with its token."""
        return self.call(
            location, action, method=method, params=query, headers=self.bearer(location)
        )

    def redis(self, location: str, **options: Any) -> redis.Redis:  # noqa: ANN401
        """Give a new client of a node's server, which is patient: one ``MIGRATE`` takes seconds."""
        host, _, port = self.node(location)["redis"].rpartition(":")
        return redis.Redis(host, int(port), protocol=2, **{"socket_timeout": 120, **options})

    def process(self, location: str, name: str) -> psutil.Process | None:
        """Give a node's ``valkey`` or ``gateway`` as it is now; None while there is none."""
        state = StateFolder(self.folder).read_running()
        node = next(node for node in state.nodes if node.location == location)
        with suppress(KeyError, psutil.NoSuchProcess):
            return psutil.Process(node.processes[name].pid)
        return None

    def processes(self, location: str, *functions: str) -> list[psutil.Process]:
        """Give the processes that serve functions at a node."""
        with suppress(psutil.NoSuchProcess):
            if gateway := self.process(location, "gateway"):
                return [each for each in gateway.children() if _function_of(each) in functions]
        return []

    def all_processes(self) -> list[psutil.Process]:
        """Give the supervisor and everything below it."""
        top = psutil.Process(self.supervisor)
        return [top, *top.children(recursive=True)]

    def kill(self, location: str, what: str) -> None:
        """``kill -9`` a node's ``gateway`` or ``valkey``, or the processes of a function."""
        process = self.process(location, what) if what in {"gateway", "valkey"} else None
        for doomed in [process] if process else self.processes(location, what):
            with suppress(psutil.NoSuchProcess):
                doomed.kill()

    def functions(self, location: str) -> list[str]:
        """Give the names of the functions that are deployed at a location."""
        return [function["name"] for function in self._configuration(location)["functions"]]

    def calls(self, location: str) -> dict[str, int]:
        """Give how often each function was called at a node's gateway."""
        listed = requests.get(
            f"{self.gateway(location)}/system/functions",
            auth=("admin", self._configuration(location)["password"]),
            timeout=_CALL_S,
        )
        return {each["name"]: each["invocationCount"] for each in listed.json()}

    @contextmanager
    def asleep(self, *places: tuple[str, str]) -> Iterator[None]:
        """Take the processes of functions away, as a reboot does; wait for them afterwards."""
        with ThreadPoolExecutor(_STARTS_AT_A_TIME) as pool:
            list(pool.map(lambda place: self._scale(place, 0), places))
            yield
            list(pool.map(lambda place: self._scale(place, 1), places))

    def _scale(self, place: tuple[str, str], replicas: int) -> None:
        location, function = place
        requests.post(
            f"{self.gateway(location)}/system/scale-function/{function}",
            json={"replicas": replicas},
            auth=("admin", self._configuration(location)["password"]),
            timeout=_CALL_S,
        ).raise_for_status()

    def _configuration(self, location: str) -> dict[str, Any]:
        file = NodeFolder(self.folder / location).configuration
        return dict(json.loads(file.read_text()))

    def is_ready(self, location: str, function: str) -> bool:
        """Tell whether the next call would be served; asking starts a function that is not."""
        return self.call(location, function, "/_/ready", method="GET").ok

    def await_ready(self, note: Callable[[], None] = lambda: None) -> int:
        """Wait until every function is there; ``note`` is told of each. Gives how many."""

        def wait(place: tuple[str, str]) -> None:
            until(lambda: self.is_ready(*place), _COMMAND_S)
            note()

        places = [(at, function) for at in self.locations for function in self.functions(at)]
        with ThreadPoolExecutor(_STARTS_AT_A_TIME) as pool:
            list(pool.map(wait, places))
        return len(places)


def _summary(child: subprocess.Popen[bytes], log: IO[str]) -> dict[str, Any]:
    """Read the line that says that the tree is up."""
    assert child.stdout is not None
    if line := child.stdout.readline():
        return dict(json.loads(line))
    child.wait()
    log.seek(0)
    raise CommandFailed("".join(log.readlines()[-_SAID_LINES:]).strip() or "it did not start")


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()  # what it started dies with it


def _function_of(process: psutil.Process) -> str:
    """Give the function that a process serves: it runs in that one's build folder."""
    with suppress(psutil.Error):
        return Path(process.cwd()).name
    return ""
