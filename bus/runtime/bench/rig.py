"""The broker of a measurement, and the harness's own hands in it: events in, counting, everything out again."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence

from bus.errors import Refused
from bus.ports import Message, Received
from bus.runtime.app import topology_of
from bus.runtime.bench.processes import cpu_s
from bus.runtime.bench.task import FEW, configuration, events, queues
from bus.runtime.rabbitmq import RabbitBroker
from bus.runtime.rabbitmq.node import PrivateNode
from bus.topology import ROUTER

AT_ONCE, WINDOW, PREFETCH = 100, 16, 1000
LOOK_EVERY_S, LOOK_SELDOM_S = 0.01, 0.2
STUCK_S = 20.0  # no message more for so long: it will not become more
REST_S, REST_LOOK_S, RESTING = 15.0, 0.5, 0.05  # at most; how often looked; which share of a core is rest
# A broker's log is written out whenever 512 MB are in it, which would fall into one turn of five, whoever's it is.
LOG_ANEW = "#{names := #{wal := Log}} = ra_system:fetch(quorum_queues), ra_log_wal:force_roll_over(Log)."
SETTLE_S = 2.0  # a quorum queue younger than a second forgets what it confirmed when its broker dies


class Rig:
    """A broker with the queues of the task in it.

    Args:
        url: the broker's; `node` when it is our own.
        subscribers: how many have a queue at all.
    """

    def __init__(self, url: str, node: PrivateNode | None, subscribers: int = FEW) -> None:
        self.url, self.node = url, node
        self._subscribers, self._queues = subscribers, tuple(queues(subscribers))
        self._broker = RabbitBroker(url)
        # A broker that was given may have seen the orders of an earlier bench, and the bus takes none twice.
        self._next = random.randrange(50_000_000)  # noqa: S311 - no secret

    async def open(self) -> None:
        """Make the queues. Raises Refused when they hold something already: somebody else's."""
        await self._broker.open(topology_of(configuration(FEW, self._subscribers)))
        if any((await self._counts((ROUTER, *self._queues))).values()):
            await self._broker.close()
            raise Refused("bench-not-empty")
        await asyncio.sleep(SETTLE_S)

    async def close(self) -> None:
        """Let go of the broker; the queues stay, empty."""
        await self._broker.close()

    @property
    def pids(self) -> Sequence[int]:
        """The broker's process, if it is ours."""
        return (self.node.pid,) if self.node is not None else ()

    # ------------------------------------------------------------------------------------ throughput

    async def prefill(self, count: int) -> range:
        """Put so many new events where the router takes them, in a log that begins with them; return their numbers."""
        if self.node is not None:
            await asyncio.to_thread(self.node.ctl, "eval", LOG_ANEW)
        numbers = self.numbers(count)
        starts = iter(range(numbers.start, numbers.stop, AT_ONCE))

        async def publish() -> None:
            for start in starts:
                await self._broker.publish(*events(range(start, min(start + AT_ONCE, numbers.stop))))

        await asyncio.gather(*(publish() for _ in range(WINDOW)))
        return numbers

    async def rest(self) -> None:
        """Return when the broker has done what the turn before left to it: segments to write, bodies to forget."""
        end = time.monotonic() + REST_S
        before = cpu_s(self.pids)
        while before is not None and time.monotonic() < end:
            await asyncio.sleep(REST_LOOK_S)
            used, before = before, cpu_s(self.pids)
            if before is None or before - used < RESTING * REST_LOOK_S:
                return

    async def arrived(self, queues: Sequence[str]) -> int:
        """How many events have become a message in each of the queues."""
        return min((await self._counts(queues)).values())

    async def until_arrived(self, count: int, queues: Sequence[str], check: Callable[[], None]) -> int:
        """Return how many there are once at least `count` have arrived in each queue, or once no more come.

        Args:
            check: raises when there is nobody left who could bring more.
        """
        began = since = time.monotonic()
        before = seen = await self.arrived(queues)
        while (arrived := await self.arrived(queues)) < count:
            check()
            now = time.monotonic()
            if arrived != seen:
                seen, since = arrived, now
            elif now - since > STUCK_S:
                break
            # Looking costs the broker time: seldom while much is left, often towards the end.
            left_s = (count - arrived) * (now - began) / max(arrived - before, 1)
            await asyncio.sleep(min(max(left_s / 5, LOOK_EVERY_S), LOOK_SELDOM_S) if before else LOOK_EVERY_S)
        return arrived

    async def take_out(self, queues: Sequence[str]) -> dict[str, list[Message]]:
        """Empty the queues; return what was in them."""
        taken: dict[str, list[Message]] = {queue: [] for queue in queues}
        for queue in queues:
            await self._empty(queue, taken[queue])
        return taken

    async def clear(self) -> None:
        """Leave nothing behind, whatever a contestant left."""
        for queue in (ROUTER, *self._queues):
            await self._empty(queue, [])

    async def _empty(self, queue: str, into: list[Message]) -> None:
        def take(batch: Sequence[Received]) -> None:
            for received in batch:
                into.append(received.message)
                received.become()

        consumer = await self._broker.consume(queue, take, PREFETCH)
        # A queue may look empty while its last messages are on their way to us.
        empty = 0
        while empty < 3:
            before = len(into)
            await asyncio.sleep(0.05)
            left = (await self._counts((queue,)))[queue]
            empty = empty + 1 if not left and len(into) == before else 0
        await consumer.cancel()
        await self._broker.drain()

    async def _counts(self, queues: Sequence[str]) -> Mapping[str, int]:
        return {queue: depth.messages for queue, depth in (await self._broker.depth(queues)).items()}

    def numbers(self, count: int) -> range:
        """Numbers of orders that nobody has had; the router would drop a repeated one."""
        start, self._next = self._next, self._next + count
        return range(start, self._next)
