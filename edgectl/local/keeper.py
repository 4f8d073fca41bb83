"""Keep a process running: start it, notice its end, start it again."""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable

from edgectl.errors import StartFailed
from edgectl.local import process as processes
from edgectl.local.process import Command

_logger = logging.getLogger(__name__)

START_TIMEOUT_S = 30.0
_LONG_LIFE_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0


class Keeper:
    """One process under supervision.

    ``command`` is asked for afresh at each start; ``until_ready`` returns once the process does
    its work. A process that dies is started again at once, one that keeps dying with growing
    pauses of up to 10 s. ``on_change`` is called whenever it becomes ready and whenever it dies;
    asked to stop, it has ``grace_s`` seconds to end.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], Command],
        until_ready: Callable[[], Awaitable[None]],
        *,
        on_change: Callable[[], None] = lambda: None,
        grace_s: float = 10.0,
    ) -> None:
        self.name = name
        self.process: Process | None = None
        self.is_ready = False
        self._command = command
        self._until_ready = until_ready
        self._on_change = on_change
        self._grace_s = grace_s
        self._watch: asyncio.Task[None] | None = None
        self._pause_s = 0.0

    @property
    def is_kept(self) -> bool:
        """Whether it has been ready once, so that its end is noticed and mended."""
        return self._watch is not None

    async def start(self) -> None:
        """Start it and wait until it is ready; raise StartFailed, with its last words, if not."""
        await self._launch()
        self._watch = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self) -> None:
        """End it for good; a running one gets SIGTERM first."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        self.is_ready = False
        if self.process is not None:
            if not await processes.stop(self.process, self._grace_s):
                _logger.warning("%s did not end in %.0f s; killed", self.name, self._grace_s)
            processes.kill_group(self.process)

    async def _launch(self) -> None:
        try:
            command = self._command()
            self.process = await processes.start(command)
        except OSError as error:
            raise StartFailed(f"{self.name}: {error}") from error
        try:
            await self._until_ready_or_dead(self.process, command)
        except BaseException:
            processes.kill_group(self.process)
            raise
        self.is_ready = True
        self._on_change()

    async def _until_ready_or_dead(self, process: Process, command: Command) -> None:
        dead = asyncio.ensure_future(process.wait())
        ready = asyncio.ensure_future(self._until_ready())
        try:
            await asyncio.wait(
                [dead, ready], timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if dead.done() or not ready.done():
                raise self._failure(process, command)
            ready.result()
        finally:
            dead.cancel()
            ready.cancel()

    def _failure(self, process: Process, command: Command) -> StartFailed:
        code = process.returncode
        how = f"not ready in {START_TIMEOUT_S:.0f} s" if code is None else f"ended with {code}"
        last = processes.last_lines(command.log)
        return StartFailed(f"{self.name}: {how}; {command.log} ends with:\n{last}")

    async def _keep(self) -> None:
        while True:
            started = time.monotonic()
            await self._until_dead()
            if time.monotonic() - started > _LONG_LIFE_S:
                self._pause_s = 0.0
            await self._launch_again()

    async def _until_dead(self) -> None:
        assert self.process is not None  # noqa: S101  (kept processes have been launched)
        code = await self.process.wait()
        self.is_ready = False
        processes.kill_group(self.process)
        _logger.warning("%s ended with %s; starting it again", self.name, code)
        self._on_change()

    async def _launch_again(self) -> None:
        while not self.is_ready:
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            try:
                await self._launch()
            except StartFailed as error:
                _logger.error("%s", error.message)  # noqa: TRY400  (the trace says nothing more)
