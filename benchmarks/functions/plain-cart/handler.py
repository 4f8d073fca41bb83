"""What ``cart`` does, written by hand: plain redis-py calls, nothing guaranteed."""

import os
from typing import Any

import redis

_host, _, _port = os.environ["REDIS_HOST"].partition(":")
_redis = redis.Redis(host=_host, port=int(_port or 6379))


def handle(event: Any, _context: Any) -> str:  # noqa: ANN401
    """Answer how many products there were before."""
    cart = f"plain:{event.headers['X-session']}"
    discount = int(_redis.get(f"{cart}:discount") or 0)
    count = int(_redis.get(f"{cart}:count") or 0)
    _redis.set(f"{cart}:count", str(count + 1 - discount))
    _redis.rpush(f"{cart}:products", event.body)
    return str(count)
