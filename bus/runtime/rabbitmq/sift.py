"""Going through a whole queue once, however long it is: look at everything, settle some, leave the rest.

What is left stays unacknowledged until the end, and then goes back with its channel. To give it back one
by one would hand it out again at once, and the broker would have to keep a command for each. But a
consumer is handed no more than its prefetch, and what is left takes that up for good, so one consumer
after the other is added, and never more is on its way than a few thousand messages.

Each consumer has a channel of its own, a part of the whole: to find one acknowledged message the broker
walks through all its channel holds, which with 80,000 left on one channel took minutes. At the end the
channels close in the order they were opened, and where nothing was settled the queue is as it was.

Only the first message that a part leaves keeps its place in the ledger: the low-water mark never passes
it, and so nothing above it is acknowledged but by its own tag.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

from bus.errors import BusError
from bus.ledger import OPEN
from bus.ports import Handler, Received
from bus.runtime.rabbitmq.amqp import Channel, Connection
from bus.runtime.rabbitmq.frame_types import Arrived
from bus.runtime.rabbitmq.inlet import Delivery, Host, Reader
from bus.runtime.rabbitmq.refusals import Missing

PREFETCH, MAX_PREFETCH = 2000, 8000  # of a part; with 65,535 RabbitMQ 3.10 needs seconds to begin
PARTS = 25  # enough for any queue: where it is longer than 25 times the prefetch, that grows
ROOM = 1000  # where some are settled, another part is added before the room of those there is used up
QUIET_S, PATIENCE_S, MAX_PATIENCE_S = 0.5, 2.0, 30.0  # nothing comes: others have the rest, or the broker is busy
CHECK_S, ACK_CHECKS = 0.05, 3
BACK_CHECK_S, BACK_CHECKS = 0.01, 300  # a part takes some milliseconds, and a long queue has a dozen


class Part(Reader):
    """One consumer on a channel of its own."""

    __slots__ = ("_sift", "_tag", "first_left", "left")

    def __init__(self, sift: "Sift") -> None:
        super().__init__(sift.host, sift.queue)
        self._sift, self._tag = sift, ""
        self.left = 0
        self.first_left: Delivery | None = None

    @property
    def unsafe(self) -> bool:
        """Whether something is settled, and what became of it not certain."""
        return len(self.unsettled) > (self.first_left is not None)

    async def start(self, connection: Connection, prefetch: int) -> None:
        self._channel = channel = await connection.channel()
        channel.on_closed = self._lost
        self._tag = await channel.consume(self.queue, prefetch, self._arrived, self._sift.end)

    def leave(self, delivery: Delivery) -> None:
        """Keep it until the end."""
        self.left += 1
        if self.first_left is None:
            self.first_left = delivery
        else:
            self.host.ledger.released(delivery)

    async def stop(self) -> None:
        """Have nothing more handed out, not even what goes back with another part."""
        if self._channel is not None:
            await self._channel.stop_consuming(self._tag)

    async def close(self) -> None:
        """Let what is left go back."""
        if self._channel is not None:
            self._channel.on_closed = None
            await self._channel.close()
        self.host.ledger.inlet_lost(self)

    def acknowledge(self, tag: int, *, multiple: bool) -> None:
        super().acknowledge(tag, multiple=multiple)
        self._sift.move()

    def give_back(self, delivery: Delivery) -> None:
        super().give_back(delivery)
        self._sift.move()

    def _arrived(self, arrived: Sequence[Arrived]) -> None:
        self._sift.arrived([Delivery(self, one) for one in arrived])

    def _lost(self, error: BusError) -> None:
        self._channel = None
        self.host.ledger.inlet_lost(self)
        self._sift.fail(error)


class Sift:
    """One pass through a queue; see `bus.ports.Transport.sift`."""

    def __init__(self, host: Host, queue: str, handler: Handler) -> None:
        self.host, self.queue, self._handler = host, queue, handler
        self.parts: list[Part] = []
        self._inbox: list[Delivery] = []
        self._waiting = 0  # in the queue when it began
        self._seen = 0
        self._room = 0  # prefetch of all parts together
        self._moved = asyncio.Event()
        self._error: Exception | None = None

    @property
    def left(self) -> int:
        """How many were looked at and not settled."""
        return sum(part.left for part in self.parts)

    async def through(self, connection: Connection) -> bool:
        """Go through it; say whether others have some of it in hand."""
        asking = await connection.channel()
        try:
            self._waiting, consumers = await asking.count(self.queue)
            all_seen = await self._look(connection, asking)
            await self._settled(asking)
            await self._give_back(asking, consumers)
            return consumers > 0 or not all_seen
        except Missing:
            return False
        finally:
            for part in self.parts:
                await part.close()
            await asking.close()
            if self.parts:
                self.host.deaths.survived(self.queue)

    async def _look(self, connection: Connection, asking: Channel) -> bool:
        """Have all handed out that waited; false when it does not come, because others have it."""
        quiet_s = 0.0
        while self._seen < self._waiting:
            # Two parts that are handed out at once mix; it matters where nothing is settled, and all is to be in order.
            if self._room - self.left <= (ROOM if self._seen > self.left else 0) and self._room < self._waiting:
                prefetch = min(max(PREFETCH, self.left), max(MAX_PREFETCH, self._waiting // PARTS))
                self._room += prefetch
                self.parts.append(Part(self))
                await self.parts[-1].start(connection, prefetch)
            if await self._moves(QUIET_S) or any(part.unsafe for part in self.parts):
                quiet_s = 0.0
                continue
            quiet_s += QUIET_S
            if quiet_s >= PATIENCE_S and (quiet_s >= MAX_PATIENCE_S or not (await asking.count(self.queue))[0]):
                return False
        return True

    async def _settled(self, asking: Channel) -> None:
        """Wait until what was settled is safe, and the queue knows it.

        While a queue is behind, the broker's channel keeps acknowledgements back until 32 commands before them
        are on the disk. Closed then, it forgets them, and what is settled comes again (measured: 61 of 1,500).
        """
        while any(part.unsafe for part in self.parts):
            await self._moves()
        if self._seen > self.left:
            for _ in range(ACK_CHECKS):
                await asyncio.sleep(CHECK_S)
                await asking.count(self.queue)

    async def _give_back(self, asking: Channel, consumers: int) -> None:
        """Close the parts, each when the one before is back: whoever looks next finds all in order, and nobody here."""
        for part in self.parts:
            await part.stop()
        back = 0
        for number, part in enumerate(self.parts, 1):
            await part.close()
            back += part.left
            # A consumer that was stopped still counts as one while it holds something.
            others = consumers + len(self.parts) - number
            for _ in range(BACK_CHECKS):
                waiting, reading = await asking.count(self.queue)
                if waiting >= back and reading <= others:
                    break
                await asyncio.sleep(BACK_CHECK_S)

    async def _moves(self, timeout_s: float | None = None) -> bool:
        """Wait until something has come or become certain; raise what has put an end to it."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._moved.wait()
        except TimeoutError:
            return False
        self._moved.clear()
        if self._error is not None:
            raise self._error
        return True

    # ------------------------------------------------------------------------------ what happens

    def arrived(self, deliveries: Sequence[Delivery]) -> None:
        if not self._inbox:
            asyncio.get_running_loop().call_soon(self._hand_out)
        self._inbox += deliveries

    def _hand_out(self) -> None:
        batch, self._inbox = self._inbox[: self._waiting - self._seen], []
        if not batch or self._error is not None:
            return
        self.host.ledger.received(batch)
        try:
            self._handler(cast(Sequence[Received], batch))
        except Exception as error:  # noqa: BLE001 - raised again where somebody waits
            self._error = error
        for delivery in batch:
            if delivery.state == OPEN:
                cast(Part, delivery.subscription).leave(delivery)
        self._seen += len(batch)
        self.move()

    def move(self) -> None:
        """Something has come, or become certain."""
        self._moved.set()

    def end(self) -> None:
        """The queue was deleted: nothing more comes."""
        self._waiting = self._seen
        self.move()

    def fail(self, error: Exception) -> None:
        """A channel is lost."""
        self._error = self._error or error
        self.move()
