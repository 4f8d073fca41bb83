"""What must hold before requests are let through: the answer of ``/_/ready``."""

from __future__ import annotations

from edgedb.node import Node


def require_ready(node: Node) -> None:
    """Check that requests and moves can be served; raises StoreUnavailable, ConfigurationError."""
    node.store.require_ready()
