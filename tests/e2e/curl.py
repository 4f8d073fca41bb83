"""The real curl, as a user calls it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The last answer; ``redirects`` were followed before it came, from ``url``."""

    status: int
    body: bytes
    redirects: int
    url: str

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


def curl(url: str, session: str | bytes, *options: str | Path) -> Answer:
    """Call an address as it stands, following redirects; an error of curl is one of the test."""
    name = session.encode() if isinstance(session, str) else session
    header = b"X-session: " + name if name else b"X-session;"  # curl's way to send an empty one
    fixed = ["--silent", "--show-error", "--location", "--globoff", "--path-as-is"]
    words = ["curl", *fixed, "--max-time", "30", "--write-out", "%{stderr}%{json}", *options]
    done = subprocess.run([*words, "-H", header, url], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    about = json.loads(done.stderr)
    status, redirects = about["http_code"], about["num_redirects"]
    return Answer(status, done.stdout, redirects, about["url_effective"])
