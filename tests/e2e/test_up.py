"""``edgectl up`` runs a whole tree, and keeps it running."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from edgectl.local.state import StateFolder
from edgedb.topology.tree import Topology
from harness.running import COMMAND, RunningTree, edgectl
from harness.waiting import until
from tests.support.gateway import PROJECT
from tests.support.processes import all_gone
from tests.support.stacks import write_infrastructure

STACK = PROJECT / "stack.yml"
LEAVES = ("edge-a", "edge-b")
ALL = ("cloud", "city", *LEAVES)

Options = list[str | Path]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTree]:
    """One tree for all tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("up") / "state"
    with RunningTree.up(folder, "--stack", STACK, "--tick", "0.2") as started:
        yield started


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Name a state folder that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def alone(tmp_path: Path) -> Options:
    """Give the options of a tree of one node, for a test that is about starting and stopping."""
    file = write_infrastructure(tmp_path / "infrastructure.yml", "edge-a")
    return ["--stack", STACK, "-f", file, "--tick", "0"]


def surroundings(running: RunningTree, location: str) -> dict[str, Any]:
    return dict(running.call(location, "probe", "/surroundings").json())


def test_json_names_every_node_root_first(running: RunningTree) -> None:
    nodes = running.summary["nodes"]
    assert [(node["location"], node["level"], node["parent"]) for node in nodes] == [
        ("cloud", "cloud", None),
        ("city", "city", "cloud"),
        ("edge-a", "edge", "city"),
        ("edge-b", "edge", "city"),
    ]
    assert set(nodes[0]) == {"location", "level", "parent", "gateway", "redis", "oracle_token"}
    assert set(running.summary) == {"nodes"}


@pytest.mark.parametrize("location", ALL)
def test_every_node_has_a_gateway_and_a_server_that_keeps_its_data(
    running: RunningTree, location: str
) -> None:
    assert requests.get(running.gateway(location) + "/healthz", timeout=30).status_code == 200
    with running.redis(location) as server:
        assert server.config_get("appendonly") == {"appendonly": "yes"}
        assert server.config_get("appendfsync") == {"appendfsync": "always"}


@pytest.mark.parametrize(("location", "parent"), [("edge-a", "city"), ("cloud", None)])
def test_a_function_gets_the_environment_of_its_container_and_no_more(
    running: RunningTree, location: str, parent: str | None
) -> None:
    seen = surroundings(running, location)
    environment = seen["environment"]
    assert environment.pop("EDGE_PORT").isdigit()
    assert environment.pop("PATH").startswith(str(Path(sys.executable).parent))
    assert environment == {
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "fprocess": "python index.py",
        "ready_path": "/status/204",
        "healthcheck_interval": "0s",
        "HOME": str(running.folder / "_build" / "probe"),
        "EDGE_SECRETS_DIR": str(running.folder / location / "functions" / "probe" / "secrets"),
        "LOCATION_ID": location,
        "PARENT_HOST": running.gateway(parent) if parent else "",
        "REDIS_HOST": running.node(location)["redis"],
        "RATIO": "1.50",
        "FLAG": "yes",
        "exec_timeout": "40s",
    }
    assert seen["folder"] == environment["HOME"]


@pytest.mark.parametrize("location", ALL)
def test_a_function_sees_the_secrets_that_it_names(running: RunningTree, location: str) -> None:
    secrets = surroundings(running, location)["secrets"]
    assert set(secrets) == {"edge-topology", "edge-oracle-token"}
    assert secrets["edge-oracle-token"].strip() == running.node(location)["oracle_token"]
    view = Topology.from_json(json.loads(secrets["edge-topology"]))
    assert location in view
    assert view[location].gateway == running.gateway(location)
    assert ("edge-b" in view) is (location != "edge-a")


def test_a_function_is_served_on_its_levels_only(running: RunningTree) -> None:
    statuses = {location: running.call(location, "upper").status_code for location in ALL}
    assert statuses == {"cloud": 200, "city": 200, "edge-a": 404, "edge-b": 404}


def test_every_function_is_started_though_nobody_calls(running: RunningTree) -> None:
    def processes(location: str) -> int:
        gateway = running.process(location, "gateway")
        return len(gateway.children()) if gateway else 0

    until(lambda: [processes(location) for location in ALL] == [4, 4, 3, 3])


@pytest.mark.parametrize("location", ALL)
def test_the_oracle_is_called_as_by_cron(running: RunningTree, location: str) -> None:
    until(lambda: int(running.call(location, "oracle", method="GET").json()["ticks"]) >= 2)


def test_what_functions_print_is_kept_in_their_log(running: RunningTree) -> None:
    assert running.call("city", "probe").ok
    assert (running.folder / "city" / "logs" / "probe.log").exists()


def test_secrets_and_state_are_for_the_owner_only(running: RunningTree) -> None:
    files = [running.folder / "tree.json", *(running.folder / "_secrets" / "city").iterdir()]
    files += [running.folder / "_secrets" / name for name in ("_tree-key", "_topology")]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_second_tree_in_the_same_folder_is_refused(running: RunningTree) -> None:
    done = edgectl("up", "--state-dir", running.folder, "--stack", STACK, check=False)
    assert done.returncode == 1
    assert f"a tree is running in {running.folder}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_processes_that_are_killed_come_back_with_their_ports_and_data(
    state: Path, alone: Options
) -> None:
    with RunningTree.up(state, *alone) as running:
        with running.redis("edge-a") as server:
            server.set("written", "before")
        server_process, gateway = (
            running.process("edge-a", name) for name in ("valkey", "gateway")
        )
        assert server_process is not None
        assert gateway is not None
        functions = gateway.children()
        server_process.kill()
        gateway.kill()
        until(lambda: all_gone([server_process, gateway, *functions]))
        until(lambda: _is_served(running, "edge-a"))
        until(lambda: running.process("edge-a", "valkey") not in {None, server_process})
        with running.redis("edge-a") as server:
            assert server.get("written") == b"before"


def test_after_a_crash_a_new_tree_takes_over_ports_data_and_secrets(
    state: Path, alone: Options
) -> None:
    with RunningTree.up(state, *alone) as first:
        with first.redis("edge-a") as server:
            server.set("written", "before")
        processes = first.all_processes()
        psutil.Process(first.supervisor).kill()
        with RunningTree.up(state, *alone) as second:
            assert all_gone(processes)
            assert second.summary == first.summary
            with second.redis("edge-a") as server:
                assert server.get("written") == b"before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_stops_everything(
    state: Path, alone: Options, number: signal.Signals
) -> None:
    command = [*COMMAND, "up", "--json", "--state-dir", str(state), *map(str, alone)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline()  # it is ready
            processes = psutil.Process(child.pid).children(recursive=True)
            child.send_signal(number)
            assert child.wait(30) == 0
        finally:
            child.terminate()
    assert all_gone(processes)


def test_down_leaves_nothing_behind_and_is_noticed(state: Path, alone: Options) -> None:
    edgectl("up", "--detach", "--state-dir", state, *alone)
    supervisor = psutil.Process(StateFolder(state).read_running().supervisor.pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    edgectl("down", "--state-dir", state)
    assert all_gone(processes)
    done = edgectl("down", "--state-dir", state, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"Error: no tree is running in {state}; 'edgectl up' starts one\n",
    )


def test_ports_and_topology_can_be_asked_for(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "infrastructure.yml"
    file.write_text(
        "levels: [top, bottom]\n"
        "locations:\n"
        "  far: {gateway: 'http://far.example:8080'}\n"
        "  near: {parent: far, gateway: 'https://near.example'}\n"
    )
    base = _two_free_ports()
    options: Options = ["-f", file, "--stack", STACK, "--tick", "0"]
    refused = edgectl("up", "--state-dir", state, *options, check=False)
    assert "far.gateway: http://far.example:8080 is not on this machine" in refused.stderr
    with RunningTree.up(state, *options, "--port-base", str(base)) as running:
        assert [node["gateway"] for node in running.summary["nodes"]] == [
            f"http://127.0.0.1:{base}",
            f"http://127.0.0.1:{base + 1}",
        ]


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_port_that_is_taken_is_named(state: Path, detach: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        base = str(taken.getsockname()[1])
        options: Options = ["--stack", STACK, "--port-base", base, *detach]
        done = edgectl("up", "--state-dir", state, *options, check=False)
    assert done.returncode == 1
    assert f"cloud: port {base} cannot be taken" in done.stderr


def test_a_secret_must_be_given_before_it_is_named(
    state: Path, alone: Options, tmp_path: Path
) -> None:
    stack = tmp_path / "stack.yml"
    (tmp_path / "template").symlink_to(PROJECT / "template")
    (tmp_path / "functions").symlink_to(PROJECT / "functions")
    stack.write_text(STACK.read_text().replace("edge-oracle-token]", "api-key]"))
    options: Options = ["--stack", stack, *alone[2:]]
    done = edgectl("up", "--state-dir", state, *options, check=False)
    assert "functions.probe.secrets: there is no secret 'api-key'" in done.stderr
    (tmp_path / "key").write_text("opens\n")
    with RunningTree.up(state, *options, "--secret", f"api-key={tmp_path / 'key'}") as running:
        assert surroundings(running, "edge-a")["secrets"]["api-key"] == "opens\n"


def test_a_server_that_does_not_start_is_named_with_its_last_words(state: Path) -> None:
    options: Options = ["--stack", STACK, "--redis-server", "/bin/false"]
    done = edgectl("up", "--state-dir", state, *options, check=False)
    assert done.returncode == 1
    assert "/valkey: ended with 1" in done.stderr
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(state) in " ".join(command)]


def _is_served(running: RunningTree, location: str) -> bool:
    try:
        return running.call(location, "probe").ok
    except requests.ConnectionError:
        return False


def _two_free_ports() -> int:
    """Give a port that is free together with the one after it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port
