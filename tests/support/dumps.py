"""Everything that a tree's servers keep: compared, to tell whether a call changes it; put back."""

from __future__ import annotations

import redis

from edgedb.store.keys import STATUS
from tests.support import snapshot
from tests.support.tree import Tree

Contents = dict[str, dict[bytes, bytes]]
"""By location and key; without the time that is left to a key."""


def dump(tree: Tree) -> Contents:
    """Read everything but whose the stores are, and which others they know."""
    return {at: _of_sessions(client) for at, client in tree.clients.items()}


def _of_sessions(client: redis.Redis) -> dict[bytes, bytes]:
    """Read what is not about nodes; of a node's hash the fields that are not."""
    found = {key: content for key, _, content in snapshot.dump(client)}
    for key in (b"edge:relatives", STATUS.encode()):
        found.pop(key, None)
    books = {k: v for k, v in client.hgetall(STATUS).items() if k not in snapshot.IDENTITY}
    return found | ({STATUS.encode(): repr(sorted(books.items())).encode()} if books else {})


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
