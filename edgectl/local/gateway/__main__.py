"""The gateway's process: ``python -m edgectl.local.gateway CONFIGURATION SOCKET``.

``CONFIGURATION`` is a file written by :meth:`edgectl.local.node.Node.configure`, ``SOCKET`` the
number of an inherited file descriptor that listens already.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from edgectl.local.gateway.server import Gateway
from edgectl.stack.deployment import Deployment


async def serve(configuration: dict[str, Any], listener: socket.socket) -> None:
    """Serve until SIGTERM; then take no more connections and end the functions."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    deployments = [Deployment(**entry) for entry in configuration["functions"]]
    gateway = Gateway(deployments, configuration["password"])
    runner = web.ServerRunner(_server(gateway), shutdown_timeout=1)
    await runner.setup()
    site = web.SockSite(runner, listener)
    await site.start()
    await stopped.wait()
    await site.stop()
    await gateway.stop()
    await runner.cleanup()


_LARGEST_HEADER_BYTES = 256 * 1024


def _server(gateway: Gateway) -> web.Server:
    """Make a server without what a relay has no use for: a log of requests, unpacking of bodies."""
    return web.Server(
        gateway,
        access_log=None,
        auto_decompress=False,
        read_bufsize=256 * 1024,
        max_line_size=_LARGEST_HEADER_BYTES,
        max_field_size=_LARGEST_HEADER_BYTES,
    )


def main() -> None:
    """Run the gateway that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    configuration = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with socket.socket(fileno=int(sys.argv[2])) as listener:
        asyncio.run(serve(configuration, listener))


if __name__ == "__main__":
    main()
