"""What ``pair`` does, written by hand: plain redis-py calls, nothing guaranteed."""

import os
from typing import Any

import redis

_host, _, _port = os.environ["REDIS_HOST"].partition(":")
_redis = redis.Redis(host=_host, port=int(_port or 6379))


def handle(event: Any, _context: Any) -> str:  # noqa: ANN401
    """Answer how many requests there were before."""
    key = f"plain:{event.headers['X-session']}:count"
    count = int(_redis.get(key) or 0)
    _redis.set(key, str(count + 1))
    return str(count)
