"""The process of one replica of a function, started when it is first needed."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from edgectl.errors import StartFailed
from edgectl.local import ports
from edgectl.local.gateway.upstream import Unreachable, Upstream
from edgectl.local.keeper import Keeper
from edgectl.local.process import Command
from edgectl.stack.deployment import Deployment

_logger = logging.getLogger(__name__)

_POLL_S = 0.01
_GRACE_S = 10.0


class Replica:
    """One process of a function and the port of this machine that it listens on."""

    def __init__(self, deployment: Deployment, number: int) -> None:
        self._deployment = deployment
        self._reservation = ports.reserve()
        self.upstream = Upstream(ports.port_of(self._reservation))
        self._name = f"{deployment.name}/{number}"
        self._keeper = self._new_keeper()
        self._starting: asyncio.Task[None] | None = None
        self._owes_an_error = False
        self._is_waking = False

    @property
    def is_alive(self) -> bool:
        """Whether there is a process or one is being started; it need not listen yet."""
        process = self._keeper.process
        return self._is_starting or (process is not None and process.returncode is None)

    @property
    def _is_starting(self) -> bool:
        return self._starting is not None and not self._starting.done()

    @property
    def is_asleep(self) -> bool:
        """Whether there is no container; the next call is what starts it."""
        return self._is_waking and not self._is_starting

    async def require_listening(self) -> None:
        """Return once it listens, starting it if it was never needed; else raise Unreachable.

        The first call after a crash fails, and so do those until the process is back: a crash
        ends the container, and the call that finds it gone is what starts it again. After
        :meth:`sleep` all fail that come before it listens.
        """
        if self._owes_an_error:
            self._owes_an_error = False
            raise Unreachable(f"{self._keeper.name} has crashed")
        if self._is_waking:
            self.begin()
            raise Unreachable(f"{self._keeper.name} does not listen yet")
        await self.start()

    async def start(self) -> None:
        """Return once it listens; raise Unreachable if it does not start."""
        if not self._keeper.is_ready:
            await self._start()

    async def sleep(self) -> None:
        """End the process, as a reboot of the machine does."""
        await self._end()
        self._keeper = self._new_keeper()
        self._owes_an_error, self._is_waking = False, True

    async def stop(self) -> None:
        """End the process and give its port back."""
        await self._end()
        self._reservation.close()

    async def _end(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self.upstream.close_idle()
        await self._keeper.stop()

    def begin(self) -> None:
        """See to it that it is being started; do not wait."""
        if self._keeper.is_kept or self._is_starting:
            return
        self._starting = asyncio.create_task(self._keeper.start())
        self._starting.add_done_callback(_log_failure)

    async def _start(self) -> None:
        """Start once, however many ask; one that failed to start is tried again by the next."""
        if self._keeper.is_kept:
            raise Unreachable(f"{self._keeper.name} is being started again")
        self.begin()
        assert self._starting is not None  # noqa: S101  (begun above)
        try:
            await asyncio.shield(self._starting)
        except StartFailed as error:
            raise Unreachable(f"{self._keeper.name} did not start") from error

    def _new_keeper(self) -> Keeper:
        return Keeper(
            self._name,
            self._command,
            self._until_listening,
            on_change=self._note_change,
            grace_s=_GRACE_S,
        )

    def _note_change(self) -> None:
        if self._keeper.is_ready:
            self._is_waking = False
        else:
            self._owes_an_error = True

    def _command(self) -> Command:
        port = ports.port_of(self._reservation)
        return Command(
            self._deployment.arguments,
            log=Path(self._deployment.log),
            folder=Path(self._deployment.folder),
            environment={**self._deployment.environment, "EDGE_PORT": str(port)},
        )

    async def _until_listening(self) -> None:
        port = ports.port_of(self._reservation)
        while True:
            try:
                _, writer = await asyncio.open_connection(ports.LOOPBACK, port)
            except OSError:
                await asyncio.sleep(_POLL_S)
            else:
                writer.close()
                return


def _log_failure(starting: asyncio.Task[None]) -> None:
    if not starting.cancelled() and (error := starting.exception()):
        _logger.error("%s", error)
