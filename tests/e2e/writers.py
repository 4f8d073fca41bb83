"""Clients that write without pause, and what became of their writes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from tests.support.edgectl import until

Send = Callable[[str], requests.Response]
"""Writes one word and gives the answer."""


@dataclass
class Writer:
    """Writes ``label-0``, ``label-1``, ... until told to stop; goes on after an error."""

    label: str
    send: Send
    stopped: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Write and note what came back."""
        number = 0
        while not self.stopped.is_set():
            self._write(f"{self.label}-{number}")
            number += 1

    def _write(self, word: str) -> None:
        try:
            answer = self.send(word)
        except requests.RequestException as error:
            self.errors.append(f"{word}: {error}")
            return
        if answer.status_code == 200:
            self.acknowledged.append(word)
        else:
            self.errors.append(f"{word}: {answer.status_code} {answer.text}")


@contextmanager
def writing(*sends: Send) -> Iterator[list[Writer]]:
    """Let a writer of each kind write while the block runs; each has written before it begins."""
    stopped = threading.Event()
    writers = [Writer(f"{number}", send, stopped) for number, send in enumerate(sends)]
    with ThreadPoolExecutor(len(writers)) as pool:
        running = [pool.submit(writer.run) for writer in writers]
        try:
            until(lambda: all(writer.acknowledged for writer in writers))
            yield writers
        finally:
            stopped.set()
    for writer in running:
        writer.result()


def missing(writers: list[Writer], words: list[str]) -> list[str]:
    """Give what was acknowledged and is not there."""
    return sorted(set(acknowledged(writers)) - set(words))


def doubled(words: list[str]) -> list[str]:
    """Give what is there more than once."""
    return [word for word, count in Counter(words).items() if count > 1]


def acknowledged(writers: list[Writer]) -> list[str]:
    """Give all that was acknowledged, writer by writer."""
    return [word for writer in writers for word in writer.acknowledged]


def errors(writers: list[Writer]) -> list[str]:
    """Give the errors that the writers saw."""
    return [error for writer in writers for error in writer.errors]


def in_order(writers: list[Writer], words: list[str]) -> bool:
    """Tell whether each writer's words are in the order in which they were written."""
    return all(
        [word for word in words if word.startswith(f"{writer.label}-")] == writer.acknowledged
        for writer in writers
    )
