"""Small trees: to start all functions of the repository everywhere takes its time."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import yaml

from edgectl.local import ports
from harness.running import REPOSITORY

SHOP = ("shopping-cart", "products-counter")
"""Examples that need each other and no more."""


def write_examples(file: Path, *names: str) -> Path:
    """Write ``examples/stack.yml`` with some of its functions only; gives the file."""
    stack = yaml.safe_load((REPOSITORY / "examples" / "stack.yml").read_text(encoding="utf-8"))
    stack["functions"] = {name: stack["functions"][name] for name in names}
    file.write_text(yaml.safe_dump(stack), encoding="utf-8")
    return file


def write_infrastructure(file: Path, *locations: str) -> Path:
    """Write a tree with one location below the other, at free ports; gives the file."""
    with ExitStack() as stack:
        taken = [stack.enter_context(ports.listen(0)) for _ in locations]
        urls = [f"http://127.0.0.1:{ports.port_of(one)}" for one in taken]
    document = {
        "levels": [location.partition("-")[0] for location in locations],
        "locations": {
            location: {"gateway": url} | ({"parent": locations[number - 1]} if number else {})
            for number, (location, url) in enumerate(zip(locations, urls, strict=True))
        },
    }
    file.write_text(json.dumps(document), encoding="utf-8")
    return file
