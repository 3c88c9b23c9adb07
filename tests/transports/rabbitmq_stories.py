"""What the tests of RabbitMQ are told in."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from bus.errors import BusError, Unavailable
from bus.ports import Received, Transport
from bus.runtime.rabbitmq import RabbitBroker
from bus.testing import letter, until
from bus.topology import ROUTER, Topology, to

from tests.brokers import Broker

TOPOLOGY = Topology(("erp", "oa", "wms"), (0.3, 0.9))
LIMIT_S = 40.0


async def empty(transport: Transport, topology: Topology) -> None:
    """Take out whatever an earlier test left behind."""
    for queue in topology.queues:
        while (await transport.depth([queue]))[queue].messages:
            for received in await transport.pull(queue, 5000):
                received.become()
            await transport.drain()


def emptied(transport: Transport, *queues: str) -> Callable[[], Awaitable[bool]]:
    """The condition that nothing waits or is in hand any more."""

    async def condition() -> bool:
        return not any(depth.messages for depth in (await transport.depth(queues)).values())

    return condition


class Bus(RabbitBroker):
    """Keeps what it was told of trouble."""

    def __init__(self, url: str, **options: float) -> None:
        super().__init__(url, **options)
        self.troubles: list[BusError | None] = []
        self.on_trouble = self.troubles.append

    async def troubled(self, code: str) -> None:
        async def told() -> bool:
            return any(error is not None and error.code == code for error in self.troubles)

        await until(told)

    async def at_ease(self) -> None:
        async def told() -> bool:
            return bool(self.troubles) and self.troubles[-1] is None

        await until(told)


@contextlib.asynccontextmanager
async def opened(url: str, topology: Topology = TOPOLOGY, **options: float) -> AsyncIterator[Bus]:
    """A transport with empty queues, closed at the end."""
    bus = Bus(url, **options)
    await bus.open(topology)
    try:
        await empty(bus, topology)
        yield bus
    finally:
        await bus.close()


def story(test: Callable[[Broker], Awaitable[None]]) -> Callable[[Broker], None]:
    """Run a test in a loop of its own."""

    async def play(broker: Broker) -> None:
        async with asyncio.timeout(LIMIT_S):
            await test(broker)

    def run(rabbitmq: Broker) -> None:
        asyncio.run(play(rabbitmq))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class Flow:
    """Events on their way through a router into two systems, and who has got what."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.sent: list[str] = []
        self.got = {"wms": Counter[str](), "oa": Counter[str]()}

    async def start(self) -> None:
        await self._bus.consume(ROUTER, self._route, 200)
        for system in self.got:
            await self._bus.consume(to(system), partial(self._deliver, system), 200)

    def _route(self, batch: Sequence[Received]) -> None:
        for received in batch:
            id_ = received.message.id
            received.become(*(letter(id_, to(system)) for system in self.got))

    def _deliver(self, system: str, batch: Sequence[Received]) -> None:
        for received in batch:
            self.got[system][received.message.id] += 1
            received.become()

    async def send(self, count: int) -> None:
        """Publish events one batch after the other; each is sent again until it is certain."""
        ids = [f"PO-{len(self.sent) + n}" for n in range(count)]
        self.sent += ids
        for start in range(0, count, 20):
            while True:
                try:
                    await self._bus.publish(*map(letter, ids[start : start + 20]))
                except Unavailable:
                    continue
                break

    async def reaches(self, count: int) -> None:
        async def there() -> bool:
            return all(len(got) >= count for got in self.got.values())

        await until(there)

    async def arrives(self) -> None:
        """Return when everything sent has arrived everywhere, and nothing else."""
        await self.reaches(len(self.sent))
        for got in self.got.values():
            assert set(got) == set(self.sent)
