"""The template's Dockerfile agrees with what it puts into the image."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "template" / "python3-http-edge"
DOCKERFILE = (TEMPLATE / "Dockerfile").read_text()


def environment() -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', DOCKERFILE.split("FROM base AS ship")[1]))


def test_the_watchdog_asks_the_function_itself_whether_it_is_ready() -> None:
    path = re.search(r'^READY_PATH = "(.*)"$', (TEMPLATE / "server.py").read_text(), re.MULTILINE)
    assert path is not None
    assert environment()["ready_path"] == path[1]


def test_the_watchdog_calls_the_port_that_the_process_opens() -> None:
    default = re.search(r'"EDGE_PORT", (\d+)', (TEMPLATE / "server.py").read_text())
    assert default is not None
    assert environment()["upstream_url"] == f"http://127.0.0.1:{default[1]}"
    assert environment()["mode"] == "http"
    assert environment()["fprocess"] == "python index.py"


@pytest.mark.parametrize(
    "part", [p.name for p in TEMPLATE.glob("*.py")] + ["edgedb", "function", "requirements.txt"]
)
def test_everything_the_function_needs_is_copied(part: str) -> None:
    copied = {
        name for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.M) for name in line.split()
    }
    assert part in copied
    assert (TEMPLATE / part).exists()


def test_the_image_runs_as_a_user_without_rights_and_writes_no_bytecode() -> None:
    ship = DOCKERFILE.split("FROM base AS ship")[1]
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.M) == ["10001"]
    assert ship.index("USER 10001") < ship.index("CMD")
    assert "--chown" not in ship
    assert "PYTHONDONTWRITEBYTECODE=1" in DOCKERFILE


def test_the_library_is_a_link_that_faas_cli_follows() -> None:
    link = TEMPLATE / "edgedb"
    assert link.is_symlink()
    assert str(link.readlink()) == "../../edgedb"
    assert (link / "offloadable.py").is_file()


def test_the_image_gets_the_versions_that_the_project_is_tested_with() -> None:
    project = tomllib.loads((TEMPLATE.parents[1] / "pyproject.toml").read_text())["project"]
    lines = (TEMPLATE / "requirements.txt").read_text().splitlines()
    asked = [line.rpartition(",<")[0] for line in lines if not line.startswith("#")]
    assert set(asked) <= set(project["dependencies"])
