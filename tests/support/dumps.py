"""Everything that a tree's servers keep: compared, to tell whether a call changes it; put back."""

from __future__ import annotations

from tests.support import snapshot
from tests.support.tree import Tree

Contents = dict[str, dict[bytes, bytes]]
"""By location and key; without the time that is left to a key."""


def dump(tree: Tree) -> Contents:
    """Read everything but whose the stores are, and which others they know."""
    return {
        at: {key: content for key, _, content in snapshot.dump(client) if key not in but}
        for at, client in tree.clients.items()
        for but in [snapshot.about_nodes(client)]
    }


class Held:
    """What a tree holds at a moment: of a call that is refused, before and after it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._first = {at: snapshot.dump(client) for at, client in tree.clients.items()}
        self.before = dump(tree)

    def is_unchanged(self) -> bool:
        """Say whether everything is as at first."""
        return dump(self._tree) == self.before

    def put_back(self) -> None:
        """Make everything as at first."""
        for at, client in self._tree.clients.items():
            snapshot.restore(client, self._first[at])
