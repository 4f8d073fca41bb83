"""All that a tree's servers hold, to be compared and put back."""

from __future__ import annotations

from tests.protocol.exploration import snapshot
from tests.support.tree import Tree

Contents = dict[str, dict[bytes, bytes]]
"""By location and key; without the time that is left to a key."""


class Held:
    """What a tree holds at a moment: of a call that is refused, before and after it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._first = {at: snapshot.dump(client) for at, client in tree.clients.items()}
        self.before = self.now()

    def now(self) -> Contents:
        """Read everything."""
        return {
            at: {key: content for key, _, content in snapshot.dump(client)}
            for at, client in self._tree.clients.items()
        }

    def is_unchanged(self) -> bool:
        """Say whether everything is as at first."""
        return self.now() == self.before

    def put_back(self) -> None:
        """Make everything as at first."""
        for at, client in self._tree.clients.items():
            snapshot.restore(client, self._first[at])
