"""Clients that write into sessions without pause, and what became of their writes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from edgedb.client import EdgeSession
from harness.waiting import until

_CALL_S = 60.0

Send = Callable[[str], requests.Response]
"""Writes one word and gives the answer."""


def plain_client(session: str, url: str) -> Send:
    """Give a client that follows 307 and does nothing else; the word is the end of ``url``."""
    connection = requests.Session()
    headers = {"X-session": session}
    return lambda word: connection.post(url + word, headers=headers, timeout=_CALL_S)


def careful_client(session: EdgeSession, path: str) -> Send:
    """Give one that repeats what got lost under the same key; the word is the end of ``path``."""
    return lambda word: session.post(path + word)


@dataclass
class Writer:
    """Writes ``label-0``, ``label-1``, ... until told to stop; goes on after an error."""

    label: str
    send: Send
    acknowledged: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def run(self, stopped: threading.Event) -> None:
        """Write and note what came back."""
        number = 0
        while not stopped.is_set():
            self._write(f"{self.label}-{number}")
            number += 1

    def _write(self, word: str) -> None:
        began = time.monotonic()
        try:
            answer = self.send(word)
        except requests.RequestException as error:
            self.errors.append(f"{word}: {error}")
            return
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if answer.status_code == requests.codes.ok:
            self.acknowledged.append(word)
        else:
            self.errors.append(f"{word}: {answer.status_code} {answer.text[:300]}")


class Writers(list[Writer]):
    """All of them; ``seconds`` is how long they wrote, once they have stopped."""

    seconds = 0.0

    @property
    def acknowledged(self) -> list[str]:
        """What was acknowledged, writer by writer."""
        return [word for writer in self for word in writer.acknowledged]

    @property
    def errors(self) -> list[str]:
        """The errors that they saw."""
        return [error for writer in self for error in writer.errors]

    def await_more(self, count: int) -> None:
        """Wait until so many more writes are acknowledged."""
        enough = len(self.acknowledged) + count
        until(lambda: len(self.acknowledged) >= enough)

    def damage(self, words: list[str]) -> list[str]:
        """Name what is wrong with what is there: lost, doubled, or not in a writer's order."""
        lost = sorted(set(self.acknowledged) - set(words))
        doubled = [word for word, count in Counter(words).items() if count > 1]
        found = [f"{word} is lost" for word in lost] + [f"{word} is doubled" for word in doubled]
        return found or [
            f"{one.label} is out of order" for one in self if not _in_order(one, words)
        ]


def _in_order(writer: Writer, words: list[str]) -> bool:
    acknowledged = set(writer.acknowledged)
    return [word for word in words if word in acknowledged] == writer.acknowledged


@contextmanager
def writing(*sends: Send) -> Iterator[Writers]:
    """Let a writer of each kind write while the block runs; each has written before it begins."""
    stopped, began = threading.Event(), time.monotonic()
    writers = Writers(Writer(f"{number}", send) for number, send in enumerate(sends))
    with ThreadPoolExecutor(len(writers)) as pool:
        running = [pool.submit(writer.run, stopped) for writer in writers]
        try:
            until(lambda: all(writer.acknowledged for writer in writers))
            yield writers
        finally:
            stopped.set()
    writers.seconds = time.monotonic() - began
    for each in running:
        each.result()
