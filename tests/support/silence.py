"""A server that takes a step and does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import redis

from edgedb.store.texts import text_of


@contextmanager
def silent(client: redis.Redis, *steps: str) -> Iterator[None]:
    """Let a client hear nothing of some scripts or commands, which are run."""
    texts = {text_of(step) for step in steps if step.islower()}
    digests = {client.register_script(text).sha for text in texts}
    send: Any = client.execute_command

    def execute(*words: Any, **options: Any) -> Any:
        answer = send(*words, **options)
        if words[0] in steps or (len(words) > 1 and words[1] in texts | digests):
            raise redis.TimeoutError("Timeout reading from socket")
        return answer

    with patch.object(client, "execute_command", execute):
        yield
