"""Many sessions at once: a real one, as the code wrote it, copied by the server under new names."""

from __future__ import annotations

import time
from collections.abc import Iterator

import redis

_AT_A_TIME = 1000
_DIGITS = 12

# KEYS: the session's keys, then the sorted sets that list it
# ARGV: what a copy's name begins with, the first number, how many, how many keys, then for each
#       key what is before and after the name in it, then for each sorted set the score
_COPY = """
for number = tonumber(ARGV[2]), tonumber(ARGV[2]) + tonumber(ARGV[3]) - 1 do
  local name, keys = ARGV[1] .. string.format('%012d', number), tonumber(ARGV[4])
  for i = 1, keys do
    redis.call('COPY', KEYS[i], ARGV[3 + 2 * i] .. name .. ARGV[4 + 2 * i])
  end
  for i = keys + 1, #KEYS do
    local spread = number * 7919 % 100003
    redis.call('ZADD', KEYS[i], ARGV[4 + keys + i] + spread, name)
  end
end
"""


class Original:
    """A session of at least 12 characters on a server: its keys, and the indexes it is in."""

    def __init__(self, server: redis.Redis, session: str) -> None:
        self._server = server
        self._copy = server.register_script(_COPY)
        self._prefix = session[:-_DIGITS]
        self._keys = [key for key in _names(server) if session in key]
        self._indexes = {
            key: score
            for key in _names(server)
            if server.type(key) == b"zset" and (score := server.zscore(key, session)) is not None
        }
        parts = [key.partition(session) for key in self._keys]
        self._around = [part for before, _, after in parts for part in (before, after)]

    def name(self, number: int) -> str:
        """Give the name of a copy; as long as the original's."""
        return f"{self._prefix}{number:0{_DIGITS}d}"

    def keys(self, number: int) -> list[str]:
        """Give the keys of a copy."""
        name, parts = self.name(number), iter(self._around)
        return [f"{before}{name}{after}" for before, after in zip(parts, parts, strict=True)]

    def copy(self, first: int, count: int) -> Iterator[int]:
        """Make copies; say from time to time how many there are."""
        keys = [*self._keys, *self._indexes]
        for start in range(first, first + count, _AT_A_TIME):
            size = min(_AT_A_TIME, first + count - start)
            scores = list(self._indexes.values())
            head: list[bytes | str | int | float] = [self._prefix, start, size, len(self._keys)]
            self._copy(keys=keys, args=[*head, *self._around, *scores])
            yield start + size - first


def _names(server: redis.Redis) -> Iterator[str]:
    for key in server.scan_iter("edge*", count=1000):
        yield key.decode()


_SETTLED_S = 0.3
_NOT_DATA = ("mem_clients_normal", "mem_aof_buffer", "used_memory_scripts")


def used(server: redis.Redis) -> int:
    """Give the bytes a server uses for data and its tables, once it has tidied up."""
    time.sleep(_SETTLED_S)
    info = server.info("memory")
    return int(info["used_memory"]) - sum(int(info.get(name, 0)) for name in _NOT_DATA)
