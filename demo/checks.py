"""What the demo prints: checks as they are made, and a progress display on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

_WIDTH = 64
"""Columns of a check's text; how long it took stands to the right of it."""


class Report:
    """Prints and counts checks."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        is_unicode = self._console.encoding.startswith("utf")
        self._marks = ("✗", "✓") if is_unicode else ("NOT SO:", "ok")
        self._began = time.monotonic()
        self.held = 0
        self.failed = 0

    def line(self, text: str = "") -> None:
        """Print a line of text."""
        self._console.print(escape(text))

    def scene(self, title: str) -> None:
        """Begin a part of the demo."""
        self._console.print(f"\n[bold]{escape(title)}[/]")

    def check(self, what: str, holds: bool, took: str = "", *, found: object = None) -> None:
        """Print whether something is as stated; if it is not, ``found`` is what there is."""
        self.held += holds
        self.failed += not holds
        colour = "green" if holds else "bold red"
        mark = f"[{colour}]{self._marks[holds]}[/]"
        self._console.print(f"  {mark} {escape(f'{what:<{_WIDTH}} {took:>11}'.rstrip())}")
        if not holds:
            self._console.print(f"    [red]found: {escape(str(found))}[/]")

    @contextmanager
    def doing(self, what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Show that something is going on; the function given counts one of ``total`` done."""
        columns = [SpinnerColumn(), TextColumn("{task.description}")]
        columns += [BarColumn(), MofNCompleteColumn()] if total else []
        hidden = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=hidden) as progress:
            task = progress.add_task(what, total=total)
            yield lambda: progress.advance(task)

    def end(self) -> bool:
        """Print the result; tell whether everything was as stated."""
        took = seconds(time.monotonic() - self._began)
        if self.failed:
            of = self.held + self.failed
            self._console.print(
                f"\n[bold red]{self.failed} of {of} checks did not hold[/] ({took})"
            )
        else:
            self._console.print(f"\n[bold green]All {self.held} checks hold[/] ({took})")
        return not self.failed


class Stopwatch:
    """Measures from its making."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        """The seconds since then."""
        return time.perf_counter() - self._began

    def __str__(self) -> str:
        return seconds(self.elapsed_s)


def seconds(value: float) -> str:
    """Write a duration for people: milliseconds below one second."""
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"
