"""Smaller stack files: to start all functions of the repository takes its time."""

from __future__ import annotations

from pathlib import Path

import yaml

from harness.running import REPOSITORY

SHOP = ("shopping-cart", "products-counter")
"""Examples that need each other and no more."""


def write_examples(file: Path, *names: str) -> Path:
    """Write ``examples/stack.yml`` with some of its functions only; gives the file."""
    stack = yaml.safe_load((REPOSITORY / "examples" / "stack.yml").read_text(encoding="utf-8"))
    stack["functions"] = {name: stack["functions"][name] for name in names}
    file.write_text(yaml.safe_dump(stack), encoding="utf-8")
    return file
