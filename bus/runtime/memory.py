"""The transport without a disk: for tests, and to read what the contract of a transport means."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from msgspec.structs import replace

from bus.errors import Refused, Unavailable
from bus.ports import AFTER_ERROR_S, Begin, Consumer, Depth, Handler, Mark, Message, Received, Transport, nothing
from bus.topology import ROUTER, Topology
from bus.wire import partition


@dataclass(order=True)
class _Kept:
    """One message; `number` says where it stands in its queue, also after it was released."""

    number: int
    message: Message = field(compare=False)
    arrived: float = field(compare=False)
    returned: int = field(default=0, compare=False)


class _Lent:
    """A message handed out, once: handed out again it is another one."""

    def __init__(self, broker: "MemoryBroker", kept: _Kept, taker: "_Subscription | None") -> None:
        self._broker = broker
        self.message, self.returned, self.taker = kept.message, kept.returned, taker

    def become(self, *messages: Message, mark: Mark | None = None) -> None:
        self._broker.settle(self, messages, mark)

    def release(self) -> None:
        self._broker.give_back(self)


class _Subscription:
    def __init__(self, queue: "_Queue", handler: Handler, prefetch: int) -> None:
        self.queue, self.handler, self.room = queue, handler, prefetch
        self.paused = False

    async def cancel(self) -> None:
        if self in self.queue.takers:
            self.queue.takers.remove(self)


class _Queue:
    def __init__(self) -> None:
        self.waiting: list[_Kept] = []  # a heap: the lowest number is the oldest
        self.delayed: list[tuple[float, _Kept]] = []  # a heap, by the time they are due
        self.lent: dict[_Lent, _Kept] = {}
        self.takers: list[_Subscription] = []

    @property
    def kept(self) -> list[_Kept]:
        """All it holds, oldest first."""
        return sorted([*self.waiting, *self.lent.values(), *(kept for _, kept in self.delayed)])


class MemoryBroker(Transport):
    """Every queue in memory. It keeps its messages over `close` and `open`."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._marks: dict[str, bytes] = {}
        self._numbers = 0
        self._ordered = False
        self._opened = False

    def messages(self, queue: str) -> list[Message]:
        """What the queue holds, waiting, delayed or handed out, oldest first."""
        return [kept.message for kept in self._queues[queue].kept]

    def die(self) -> None:
        """Lose every holder, as if the process had been killed; `open` finds all messages again."""
        for queue in self._queues.values():
            for kept in queue.lent.values():
                kept.returned += 1
        self._let_go()

    async def open(self, topology: Topology) -> None:
        for name in topology.queues:
            self._queues.setdefault(name, _Queue())
        self._ordered = bool(topology.ordered)
        self._opened = True
        for queue in self._queues.values():
            for due, _ in queue.delayed:
                self._serve_soon(queue, due - time.monotonic())

    async def publish(self, *messages: Message) -> None:
        messages = self._addressed(messages)
        if not self._opened:
            raise Unavailable("broker-closed")
        self._store(messages)

    async def consume(self, queue: str, handler: Handler, prefetch: int, begin: Begin = nothing) -> Consumer:
        if queue not in self._queues:
            raise Refused("queue-unknown", id="-", queue=queue)
        taker = _Subscription(self._queues[queue], handler, prefetch)
        taker.queue.takers.append(taker)
        begin()
        self._serve_soon(taker.queue)
        return taker

    async def pull(self, queue: str, limit: int) -> Sequence[Received]:
        return self._lend(self._queues[queue], limit, None) if queue in self._queues else []

    async def sift(self, queue: str, handler: Handler) -> bool:
        there = self._queues.get(queue)
        if there is None:
            return False
        others = bool(there.lent)
        batch = self._lend(there, len(there.waiting) + len(there.delayed), None)
        try:
            if batch:
                handler(batch)
        finally:
            for lent in batch:
                lent.release()
        return others

    def known(self, identities: Sequence[str]) -> Mapping[str, bytes]:
        return {identity: self._marks[identity] for identity in identities if identity in self._marks}

    async def depth(self, queues: Sequence[str]) -> Mapping[str, Depth]:
        now = time.monotonic()
        depths = {}
        for name in queues:
            if name in self._queues:
                kept = self._queues[name].kept
                depths[name] = Depth(len(kept), max((now - each.arrived for each in kept), default=0.0))
        return depths

    async def drain(self) -> None:
        """Return at once: what is in memory is as safe as it gets."""

    async def close(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self._opened = False
        for queue in self._queues.values():
            queue.takers.clear()
            for kept in queue.lent.values():
                heappush(queue.waiting, kept)
            queue.lent.clear()

    def _addressed(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        exact = tuple(
            replace(message, to=partition(message)) if self._ordered and message.to == ROUTER else message
            for message in messages
        )
        for message in exact:
            if message.to not in self._queues:
                raise Refused("queue-unknown", id=message.id, queue=message.to)
        return exact

    def _store(self, messages: Sequence[Message]) -> None:
        for message in messages:
            queue = self._queues[message.to]
            self._numbers += 1
            kept = _Kept(self._numbers, replace(message, delay_s=0.0), time.monotonic())
            if message.delay_s > 0:
                heappush(queue.delayed, (kept.arrived + message.delay_s, kept))
            else:
                heappush(queue.waiting, kept)
            self._serve_soon(queue, message.delay_s)

    def _serve_soon(self, queue: _Queue, after_s: float = 0.0) -> None:
        # A millisecond late rather than early: a timer may fire a little before its time.
        after_s = after_s + 0.001 if after_s else 0.0
        asyncio.get_running_loop().call_later(after_s, self._serve, queue)

    def _serve(self, queue: _Queue) -> None:
        for taker in tuple(queue.takers):
            batch = [] if taker.paused else self._lend(queue, taker.room, taker)
            if not batch:
                continue
            try:
                taker.handler(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, the batch must not stay in its hands
                taker.paused = True
                for lent in batch:
                    lent.release()
                loop = asyncio.get_running_loop()
                loop.call_later(AFTER_ERROR_S, self._resume, taker)
                loop.call_exception_handler(
                    {"message": "a handler of messages raised; its batch is released", "exception": error}
                )

    def _resume(self, taker: _Subscription) -> None:
        taker.paused = False
        self._serve(taker.queue)

    def _lend(self, queue: _Queue, limit: int, taker: _Subscription | None) -> list[_Lent]:
        while queue.delayed and queue.delayed[0][0] <= time.monotonic():
            _, kept = heappop(queue.delayed)
            self._numbers += 1
            kept.number = self._numbers  # it comes to its queue only now, behind those that wait there
            heappush(queue.waiting, kept)
        batch: list[_Lent] = []
        while queue.waiting and len(batch) < limit:
            kept = heappop(queue.waiting)
            lent = _Lent(self, kept, taker)
            queue.lent[lent] = kept
            batch.append(lent)
        if taker:
            taker.room -= len(batch)
        return batch

    def settle(self, lent: _Lent, messages: Sequence[Message], mark: Mark | None) -> None:
        """Put `messages` in the place of what was lent, once."""
        queue = self._queues[lent.message.to]
        if lent not in queue.lent:
            return
        messages = self._addressed(messages)  # refuses before anything has changed
        del queue.lent[lent]
        self._store(messages)
        if mark:
            self._marks[mark.identity] = mark.digest
        self._make_room(queue, lent.taker)

    def give_back(self, lent: _Lent) -> None:
        """Put what was lent back where it stood, once."""
        queue = self._queues[lent.message.to]
        kept = queue.lent.pop(lent, None)
        if kept:
            heappush(queue.waiting, kept)
            self._make_room(queue, lent.taker)

    def _make_room(self, queue: _Queue, taker: _Subscription | None) -> None:
        if taker:
            taker.room += 1
        self._serve_soon(queue)
