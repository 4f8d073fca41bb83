"""Everything that a tree's servers keep, to tell whether a call has changed anything."""

from __future__ import annotations

from tests.support.tree import Tree


def dump(tree: Tree) -> dict[str, dict[bytes, bytes]]:
    """Give every key of every server with its content, without what only time changes."""
    return {
        location: {key: client.dump(key) or b"" for key in client.scan_iter(count=1000)}
        for location, client in tree.clients.items()
    }
