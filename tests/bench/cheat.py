"""A contestant that is quick because it does no work: it hands every order on as it came, to both queues."""

import asyncio
import os
import signal
from collections.abc import Sequence

from msgspec.structs import replace

from bus.ports import Received
from bus.runtime.app import topology_of
from bus.runtime.bench.task import ROUTES, configuration
from bus.runtime.rabbitmq import RabbitBroker
from bus.topology import ROUTER


async def main() -> None:
    broker = RabbitBroker(os.environ["BUS_BROKER"])
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

    def hand_on(batch: Sequence[Received]) -> None:
        for received in batch:
            received.become(*(replace(received.message, to=queue) for queue in ROUTES))

    await broker.open(topology_of(configuration(2)))
    await broker.consume(ROUTER, hand_on, 1000)
    await stopping.wait()
    await broker.close()


asyncio.run(main())
