"""What the tests of the embedded broker share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bus.ports import Received
from bus.runtime.embedded import EmbeddedBroker
from bus.testing import TransportContract
from bus.topology import Topology

TOPOLOGY = TransportContract.topology


@asynccontextmanager
async def opened(path: Path, topology: Topology = TOPOLOGY, **options: Any) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(path, **options)
    await broker.open(topology)
    try:
        yield broker
    finally:
        await broker.close()


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def within_limits() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(within_limits())


def ids(batch: Sequence[Received]) -> list[str]:
    return [received.message.id for received in batch]
