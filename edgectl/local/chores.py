"""What a running tree does by itself: warming its functions, and the calls of cron."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence

import aiohttp

from edgectl.local.node import Node
from edgectl.local.plan import Plan
from edgectl.local.secret_files import basic_credentials

_logger = logging.getLogger(__name__)

_CALL_LIMIT = aiohttp.ClientTimeout(total=60)


async def run(nodes: Sequence[Node], plan: Plan, tick_s: float) -> None:
    """Do all chores until cancelled."""
    async with aiohttp.ClientSession(timeout=_CALL_LIMIT) as session, asyncio.TaskGroup() as group:
        group.create_task(asyncio.Event().wait())  # chores come to an end, the tree does not
        group.create_task(_warm_all(session, nodes, plan))
        for node in nodes:
            if tick_s and "oracle" in plan.names_at(node.location.id):
                group.create_task(_tick_for_ever(session, node, tick_s))


async def _warm_all(session: aiohttp.ClientSession, nodes: Sequence[Node], plan: Plan) -> None:
    """Start every function, a few at a time: one processor is left to those that are called."""
    turns = asyncio.Semaphore(max(1, (os.cpu_count() or 1) - 1))
    auth = {"Authorization": basic_credentials(plan.password)}

    async def warm(node: Node, function: str) -> None:
        async with turns:
            await _post(session, f"{node.url}/system/scale-function/{function}", auth)

    calls = [warm(node, name) for node in nodes for name in plan.names_at(node.location.id)]
    await asyncio.gather(*calls)


async def _tick_for_ever(session: aiohttp.ClientSession, node: Node, tick_s: float) -> None:
    """Call a node's oracle as the cron connector would; say when it begins and ceases to fail."""
    was_well = True
    while True:
        is_well = await _post(session, f"{node.url}/function/oracle", {})
        if is_well != was_well:
            answers = "answers again" if is_well else "does not answer as it should"
            _logger.warning("%s: the oracle %s", node.location.id, answers)
        was_well = is_well
        await asyncio.sleep(tick_s)


async def _post(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> bool:
    try:
        async with session.post(url, headers=headers) as answer:
            await answer.read()
            return answer.ok
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
