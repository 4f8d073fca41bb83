"""Sessions of any size and shape, and plain keys that hold as much."""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import redis
import requests

from benchmarks.moves import CallFailed
from benchmarks.trees import Tree

KIB, MIB = 2**10, 2**20

SHAPES = ("few large values", "many small keys", "one long list")

_BATCH_BYTES, _BATCH_ITEMS = 8 * MIB, 8192  # of one request
_MOST_KEYS = 65_536
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Contents:
    """What a session holds: ``count`` values, or elements of one list, of ``each`` bytes."""

    shape: str
    count: int
    each: int

    @classmethod
    def of(cls, shape: str, size: int) -> Contents:
        """Spread ``size`` bytes: values of up to 8 MiB; keys of 256 B and more; 1 KiB elements."""
        each = {
            "few large values": min(size, 8 * MIB),
            "many small keys": max(256, size // _MOST_KEYS),
            "one long list": KIB,
        }[shape]
        return cls(shape, size // each, each)

    @property
    def is_list(self) -> bool:
        """Whether it is one list."""
        return self.shape == "one long list"

    def batches(self) -> Iterator[range]:
        """Give the numbers of the items, as many at a time as one request may write."""
        step = max(1, min(_BATCH_ITEMS, _BATCH_BYTES // self.each))
        for first in range(0, self.count, step):
            yield range(first, min(first + step, self.count))


def size_name(size: int) -> str:
    """Write a size as people do."""
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB"


def create(tree: Tree, location: str, session: str, function: str, query: str = "") -> None:
    """Make one request, which creates the session if there is none; raise CallFailed."""
    url = tree.url(location, function, query)
    answer = requests.post(url, headers={"X-session": session}, timeout=_TIMEOUT_S)
    if answer.status_code != requests.codes.ok:
        raise CallFailed(f"{url}: {answer.status_code} {answer.text[:300]}")


def fill(tree: Tree, location: str, session: str, contents: Contents) -> None:
    """Fill a session through its function."""
    shape = "list" if contents.is_list else "values"
    for batch in contents.batches():
        query = f"?shape={shape}&first={batch.start}&count={len(batch)}&bytes={contents.each}"
        create(tree, location, session, "fill", query)


def fill_key(client: redis.Redis, key: str, contents: Contents) -> None:
    """Fill one key of a server with the same: a hash of values, or a list."""
    for batch in contents.batches():
        texts = [_text(contents.each) for _ in batch]
        if contents.is_list:
            client.rpush(key, *texts)
        else:
            names = (f"value-{number}" for number in batch)
            pairs = zip(names, texts, strict=True)
            client.hset(key, items=list(itertools.chain.from_iterable(pairs)))


def _text(size: int) -> str:
    """Make text that does not compress."""
    return base64.b64encode(os.urandom(size * 3 // 4 + 3)).decode()[:size]
