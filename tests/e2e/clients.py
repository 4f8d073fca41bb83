"""Clients that write into a session, as functions of a word."""

from __future__ import annotations

import requests

from tests.e2e.world import World
from tests.e2e.writers import Send


def plain_client(world: World, session: str, at: str = "edge-a") -> Send:
    """Give a client that does no more than follow 307, over a connection that it keeps."""
    connection = requests.Session()
    headers = {"X-session": session}
    return lambda word: connection.post(
        world.url(at, "notebook", f"/add?key=words&value={word}"), headers=headers, timeout=30
    )


def careful_client(world: World, session: str, at: str = "edge-a") -> Send:
    """Give an ``EdgeSession``."""
    client = world.client(session, at)
    return lambda word: client.post(f"/function/notebook/add?key=words&value={word}")
