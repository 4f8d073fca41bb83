"""Half a minute of what ``make chaos`` does for ten minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.running import REPOSITORY
from tests.faults.schedule import Breakage

SECONDS, SHARE = 20, 0.2
"""``SHARE`` of the usual throughput is enough on a machine that has other things to do as well."""


@pytest.mark.timeout(400)
def test_nothing_is_lost_forked_or_doubled_while_everything_breaks(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    command = [sys.executable, "-m", "tests.faults", f"--seconds={SECONDS}", f"--share={SHARE}"]
    done = subprocess.run(
        [*command, f"--json={file}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    summary = json.loads(file.read_text())
    assert summary["violations"] == []
    assert summary["faults"].keys() == {kind.value for kind in Breakage}
    assert sum(summary["faults"].values()) > SECONDS / 2
