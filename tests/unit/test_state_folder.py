"""A ``tree.json`` that is damaged or of another version is one line that names it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgectl.cli import cli
from edgectl.errors import EdgectlError
from edgectl.local.foreign import ProcessId
from edgectl.local.state import NodeState, StateFolder, TreeState

NODE = NodeState("cloud", "cloud", None, "http://127.0.0.1:1", "127.0.0.1:2", {})
RENAMED = {"cloud": {"name": "sky", "aliases": ["cloud"]}}
STATE = TreeState(ProcessId(1, 0.5), (NODE,), ("cloud",), "cloud", RENAMED)


def changed(**members: Any) -> str:
    return json.dumps(json.loads(json.dumps(asdict(STATE))) | members)


def with_node(**members: Any) -> str:
    (node,) = asdict(STATE)["nodes"]
    return changed(nodes=[node | members])


DAMAGED = {
    "empty": "",
    "cut": changed()[:-9],
    "list": "[]",
    "text": '"tree"',
    "deep": "[" * 100_000,
    "nothing": "{}",
    "nodes by name": changed(nodes={"cloud": {}}),
    "nodes of text": changed(nodes=["cloud"]),
    "no node": changed(nodes=[]),
    "processes of old": with_node(processes=[1, 2]),
    "process of old": with_node(processes={"valkey": 7}),
    "another member": with_node(colour="red"),
    "supervisor of old": changed(supervisor=4711),
    "supervisor of text": changed(supervisor={"pid": "x", "created": 1}),
    "no supervisor": changed(supervisor=None),
    "no levels": changed(levels=None),
    "gateway of old": with_node(gateway=8080),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert folder.read() is None
    folder.write(STATE)
    assert folder.read() == STATE
    assert STATE.topology["sky"].id == "cloud"


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_what_is_damaged_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "tree.json").write_text(text)
    with pytest.raises(EdgectlError, match=r"tree\.json is damaged, or of another version"):
        StateFolder(tmp_path).read()


def test_what_is_not_text_is_damaged_too(tmp_path: Path) -> None:
    (tmp_path / "tree.json").write_bytes(b"\xff\x00")
    done = CliRunner().invoke(cli, ["status", "--state-dir", str(tmp_path)])
    assert (done.exit_code, len(done.output.splitlines())) == (1, 1)
    assert done.output.startswith("Error: ")
