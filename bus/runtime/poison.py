"""A subscription that tells a message that kills its reader from its neighbours.

A process that dies takes everything it has in hand back to the queue, so one poisonous message makes
hundreds look suspicious. Told in order: what came back twice is handed out alone, one at a time and in
its place, so that the innocent go through. What came back twice more even so is stored once again with a
mark, and counts from zero. When that too kills its reader twice, it is poison and becomes a letter.

Where order is kept nothing is stored again, for that would be behind what came later. There a message is
poison once it came back very often: lost connections count as well, and beginning anew, so the number is high.
"""

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from bus.ports import Begin, Consumer, Handler, Message, Received, Transport, nothing

SUSPECT = "bus-suspect"
ALONE_AFTER = 2
MARKED_AFTER = 4
POISON_AFTER = 2  # with the mark
POISON_IN_ORDER_AFTER = 20

Refuse = Callable[[Received, int], None]


class WaryConsumer:
    """Consumes a queue like `Transport.consume`, warily.

    Args:
        poisoned: takes a poisonous message out of its queue, given how often it killed.
        begin: see `Transport.consume`.
        shared: the queue has one reader at a time, and others wait for it. There it begins with as many as it
            may have: to begin with one it would have to leave the queue to another reader and wait again, and
            the broker counts that like a death.
    """

    def __init__(
        self, transport: Transport, queue: str, handler: Handler, poisoned: Refuse, prefetch: int,
        begin: Begin = nothing, *, shared: bool = False,
    ) -> None:
        self._transport, self._queue, self._prefetch = transport, queue, prefetch
        self._handler, self._poisoned, self._begin = handler, poisoned, begin
        self._consumer: Consumer | None = None
        self._wide = self._shared = shared
        self._cancelled = False
        self._turning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, where it can be helped with one message: nobody knows yet whether it was the last one's death."""
        await self._consume(wide=self._wide)

    async def cancel(self) -> None:
        """Hand out nothing more. What is handed out already may still be settled."""
        self._cancelled = True
        if self._turning is not None:
            await asyncio.wait([self._turning])
        if self._consumer is not None:
            await self._consumer.cancel()

    def harmless(self) -> None:
        """The message that is handed out alone was tried and is kept in hand: let the others come."""
        if not self._wide:
            self._turn(wide=True)

    async def _consume(self, *, wide: bool) -> None:
        self._wide = wide
        prefetch = self._prefetch if wide else 1
        self._consumer = await self._transport.consume(self._queue, self._hand, prefetch, self._begin)

    def _turn(self, *, wide: bool) -> None:
        if self._turning is None and not self._cancelled:
            self._turning = asyncio.get_running_loop().create_task(self._turned(wide=wide))

    async def _turned(self, *, wide: bool) -> None:
        try:
            if self._consumer is not None:
                await self._consumer.cancel()
            if not self._cancelled:
                await self._consume(wide=wide)
        finally:
            self._turning = None

    def _hand(self, batch: Sequence[Received]) -> None:
        if self._turning is not None:
            for received in batch:
                received.release()
            return
        clear = 0
        for received in batch:
            if received.returned >= ALONE_AFTER or SUSPECT in received.message.headers:
                break
            clear += 1
        if clear:
            self._handler(batch[:clear])
        if clear == len(batch):
            self.harmless()
        elif self._wide:
            for received in batch[clear:]:
                received.release()
            self._turn(wide=False)
        else:
            self._hand_alone(batch[0])

    def _hand_alone(self, received: Received) -> None:
        message = received.message
        if SUSPECT in message.headers:
            if received.returned >= POISON_AFTER:
                self._poisoned(received, MARKED_AFTER + received.returned)
                return
        elif self._shared:
            if received.returned >= POISON_IN_ORDER_AFTER:
                self._poisoned(received, received.returned)
                return
        elif received.returned >= MARKED_AFTER:
            received.become(replace(message, headers={**message.headers, SUSPECT: 1}))
            return
        self._handler([received])


def cleared(message: Message) -> Message:
    """The message without the mark: it was tried, and its reader lives."""
    if SUSPECT not in message.headers:
        return message
    return replace(message, headers={name: value for name, value in message.headers.items() if name != SUSPECT})
