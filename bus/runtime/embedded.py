"""The embedded broker: the default transport, one process on one SQLite file.

One coroutine writes. It takes everything that was published and settled since its last transaction,
stores it in one, in a thread, and only then lets publishers go on and hands the new messages out. So
the load itself sets the size of a batch, and an fsync is shared by hundreds of messages. A message
leaves the file in the transaction that stores what became of it.

When storing fails, publishers are told, and what was settled stays in hand and is repeated, in ever
smaller parts, until it is stored: one message too large for a full disk does not hold up the others.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from bus.errors import BusError, Refused, Unavailable
from bus.event import WINDOW_DAYS
from bus.ports import Begin, Consumer, Depth, Handler, Mark, Message, Received, Transport, nothing
from bus.runtime.embedded_lines import InHand, Line, Lines, Subscription
from bus.runtime.embedded_rows import Change, Put, Written, pack
from bus.runtime.embedded_store import Store
from bus.topology import PARTITIONS, ROUTER, Topology
from bus.wire import partition

WINDOW_S = WINDOW_DAYS * 86_400.0
MAX_BODY_BYTES = 16 * 1024 * 1024  # what RabbitMQ 4 takes, so that every message could move there
_TRANSACTION_BYTES = 16 * 1024 * 1024
_TRANSACTION_CHANGES = 2_000
_SIFTED_BYTES = 4 * 1024 * 1024
_REPEAT_S = 1.0
_POLL_S = 0.1

# Who waits for a change to be stored: a publisher, or the message that it settles.
_Waiting = asyncio.Future[None] | InHand


class EmbeddedBroker(Transport):
    """Queues in one SQLite file, owned by one process; others may publish, pull and settle beside it.

    Args:
        path: of the file; its folder is made. Beside it lie PATH-wal, PATH-shm and PATH.lock.
        owner: this process runs the bus: it alone consumes, and a second owner is refused.
        window_s: how long `known` remembers a mark.
        max_body_bytes: a larger message is refused.
        clock: seconds since 1970.
    """

    def __init__(
        self, path: str | Path, *, owner: bool = True, window_s: float = WINDOW_S,
        max_body_bytes: int = MAX_BODY_BYTES, clock: Callable[[], float] = time.time,
    ) -> None:
        self.on_trouble: Callable[[BusError | None], None] = lambda _: None
        """Called with the reason when storing begins to fail, and with None when it works again."""
        self._owner = owner
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._store = Store(Path(path), owner=owner, window_s=window_s, clock=clock)
        self._lines = Lines(self._store, owner, self._settle, self._wake, self._report)
        self._ordered = False
        self._state = "new"

        self._queued: deque[tuple[Change, _Waiting]] = deque()
        self._at_once = _TRANSACTION_CHANGES
        self._unsafe: set[int] = set()  # settled, and what became of them not stored yet
        self._marks: dict[str, bytes] = {}  # the same, of marks
        self._trouble: BusError | None = None
        self._writing = False
        self._work = asyncio.Event()
        self._progress = asyncio.Event()
        self._due: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------------------- open and close

    async def open(self, topology: Topology) -> None:
        """Take the file and make the queues exist. Again, with a new topology, adds its queues.

        Raises:
            Unavailable: owned by another process, not writable, damaged.
            ConfigurationError: not a file of this broker, or of a newer one.
        """
        if self._state == "new":
            self._loop = asyncio.get_running_loop()
            self._thread = ThreadPoolExecutor(1, "embedded-broker")
            try:
                await self._loop.run_in_executor(self._thread, self._store.open)
                # What came due while nobody ran is in its queue before anyone looks.
                await self._loop.run_in_executor(self._thread, self._store.write, (), {}, {})
            except BaseException:
                self._store.let_go()
                self._thread.shutdown()
                raise
            self._state = "open"
            self._writer = self._loop.create_task(self._write(), name="embedded-broker")
            self._schedule_due()
            if self._owner:
                self._poll()
        self._lines.declare(
            await self._loop.run_in_executor(self._thread, self._store.declare, topology.queues)
        )
        self._ordered = bool(topology.ordered)
        if self._owner:
            await self._move_router_queues(topology)

    async def _move_router_queues(self, topology: Topology) -> None:
        # `ordering: key` came into routing.yaml, or left it: nobody reads the former queues any more.
        former = {ROUTER, *(f"{ROUTER}.{n}" for n in range(PARTITIONS))}.difference(topology.router_queues)
        for queue in sorted(former & self._lines.by_name.keys()):
            while waiting := await self.pull(queue, _TRANSACTION_CHANGES):
                for received in waiting:
                    received.become(replace(received.message, to=ROUTER))
                await self.drain()

    async def close(self) -> None:
        """Store what is settled, release what is not, and let go of the file. Idempotent."""
        if self._state != "open":
            return
        self._state = "closing"
        self._lines.stop()
        self._wake()
        await asyncio.wait([self._writer])  # a caller who loses patience must not cancel it half-way
        for _, waiting in self._queued:
            if isinstance(waiting, asyncio.Future) and not waiting.done():
                waiting.set_exception(self._trouble or Unavailable("broker-closed"))
        if self._due:
            self._due.cancel()
        await self._loop.run_in_executor(self._thread, self._store.close)
        self._thread.shutdown()
        self._state = "closed"
        self._progress.set()

    # --------------------------------------------------------------------------------------- in, out

    async def publish(self, *messages: Message) -> None:
        puts = self._puts(messages)
        if self._state != "open":
            raise Unavailable("broker-closed")
        if puts:
            stored = self._loop.create_future()
            self._enqueue(Change(0, puts), stored)
            await stored

    def _puts(self, messages: Sequence[Message]) -> list[Put]:
        puts = []
        for message in messages:
            if self._ordered and message.to == ROUTER:
                message = replace(message, to=partition(message))  # noqa: PLW2901 - the same, more exact
            line = self._line(message.to, message.id)
            if len(message.body) > self._max_body_bytes:
                raise Refused(
                    "message-too-large", id=message.id,
                    size_bytes=len(message.body), limit_bytes=self._max_body_bytes,
                )
            puts.append(Put(line.id, pack(message), message))
        return puts

    def _line(self, queue: str, id_: str) -> Line:
        line = self._lines.by_name.get(queue)
        if line is None:
            raise Refused("queue-unknown", id=id_, queue=queue)
        return line

    def _enqueue(self, change: Change, waiting: _Waiting) -> None:
        self._queued.append((change, waiting))
        self._wake()

    def _settle(self, hand: InHand, messages: Sequence[Message], mark: Mark | None) -> None:
        puts = self._puts(messages)  # refuses before anything has changed
        self._lines.let_go(hand)
        self._unsafe.add(hand.seq)
        if mark:
            self._marks[mark.identity] = mark.digest
        self._enqueue(Change(hand.seq, puts, mark), hand)

    async def consume(self, queue: str, handler: Handler, prefetch: int, begin: Begin = nothing) -> Consumer:
        """See Transport. A handler that raises gets its batch again after a short pause.

        Raises:
            Refused: there is no such queue.
        """
        if not self._owner:
            raise RuntimeError("only the owner consumes; others pull")
        line = self._line(queue, "-")
        taker = Subscription(line, handler, prefetch)
        begin()
        self._lines.wake(line)
        return taker

    async def pull(self, queue: str, limit: int) -> Sequence[Received]:
        """See Transport. It serves people and short commands: their deaths do not count in `returned`."""
        line = self._lines.by_name.get(queue)
        return self._lines.pull(line, limit) if line else []

    async def sift(self, queue: str, handler: Handler) -> bool:
        """See Transport. What another process has in hand is shown: of two that settle it the first one counts."""
        line = self._lines.by_name.get(queue)
        if line is None:
            return False
        await self.drain()
        waiting, after, others = self._store.depth([queue])[queue].messages, 0, False
        while waiting > 0:
            rows, _ = self._store.read(line.id, after, min(waiting, _TRANSACTION_CHANGES), _SIFTED_BYTES)
            if not rows:
                break
            after, waiting = rows[-1].seq, waiting - len(rows)
            others |= self._lines.show(line, rows, handler)
            await self.drain()
            await asyncio.sleep(0)  # others have their turn, though nothing was settled
        return others

    def known(self, identities: Sequence[str]) -> Mapping[str, bytes]:
        """See Transport. Marks that are on their way to the file are known already."""
        found = self._store.known(identities)
        found.update((identity, self._marks[identity]) for identity in identities if identity in self._marks)
        return found

    async def depth(self, queues: Sequence[str]) -> Mapping[str, Depth]:
        """See Transport. Messages whose delay is not over count in the queue they will come to."""
        return self._store.depth(queues)

    async def drain(self) -> None:
        waiting = set(self._unsafe)
        while not waiting.isdisjoint(self._unsafe):
            if self._state == "closed":
                raise self._trouble or Unavailable("broker-closed")
            await self._progress.wait()

    # ---------------------------------------------------------------------------------------- write

    def _wake(self) -> None:
        self._work.set()

    async def _write(self) -> None:
        """Store what is queued, transaction by transaction, until closed."""
        while self._state == "open" or self._queued:
            await self._work.wait()
            self._work.clear()
            while self._queued or self._lines.handed or self._is_due():
                if not await self._transaction():
                    if self._state != "open":
                        return
                    await asyncio.sleep(_REPEAT_S)

    async def _transaction(self) -> bool:
        """Store one batch; say whether to go on at once."""
        lines, batch = self._lines, self._take()
        handed, lines.handed = lines.handed, {}
        changes = [change for change, _ in batch]
        self._writing = True
        try:
            written = await self._loop.run_in_executor(
                self._thread, self._store.write, changes, handed, lines.room
            )
        except BusError as trouble:
            lines.handed = handed | lines.handed
            self._report(trouble)
            return self._put_back(batch, trouble)
        finally:
            self._writing = False
        self._stored(batch, written)
        return True

    def _take(self) -> list[tuple[Change, _Waiting]]:
        batch: list[tuple[Change, _Waiting]] = []
        size_bytes = 0
        while self._queued and len(batch) < self._at_once and size_bytes < _TRANSACTION_BYTES:
            batch.append(self._queued.popleft())
            size_bytes += sum(len(put.packed) for put in batch[-1][0].puts)
        return batch

    def _stored(self, batch: Sequence[tuple[Change, _Waiting]], written: Written) -> None:
        self._at_once = _TRANSACTION_CHANGES
        if self._trouble:
            self._trouble = None
            self._loop.call_soon(self.on_trouble, None)
        for change, waiting in batch:
            if isinstance(waiting, InHand):
                self._unsafe.discard(waiting.seq)
                if change.mark and self._marks.get(change.mark.identity) == change.mark.digest:
                    del self._marks[change.mark.identity]
                self._lines.done(waiting)
            elif not waiting.done():
                waiting.set_result(None)
        self._lines.stored(written)
        self._schedule_due()
        self._progress.set()
        self._progress = asyncio.Event()

    def _put_back(self, batch: Sequence[tuple[Change, _Waiting]], trouble: BusError) -> bool:
        """Fail the publishers, queue what is settled once more; say whether a smaller part may go at once."""
        settled = []
        for change, waiting in batch:
            if isinstance(waiting, InHand):
                settled.append((change, waiting))
            elif not waiting.done():
                waiting.set_exception(trouble)
        if self._at_once == 1:
            self._queued.extend(settled)  # the next one may be smaller, or only give space back
            return False
        self._queued.extendleft(reversed(settled))
        self._at_once = max(1, min(len(batch), self._at_once) // 2)
        return True

    def _report(self, trouble: BusError) -> None:
        first, self._trouble = self._trouble is None, trouble
        if first:
            # Not called from here: what a listener raises must not end the writing.
            self._loop.call_soon(self.on_trouble, trouble)

    # ----------------------------------------------------------------------------------------- time

    def _is_due(self) -> bool:
        due = self._store.next_due
        return due is not None and due <= self._clock()

    def _schedule_due(self) -> None:
        if self._due:
            self._due.cancel()
            self._due = None
        due = self._store.next_due
        if due is not None:
            self._due = self._loop.call_later(max(0.001, due - self._clock()), self._wake)

    def _poll(self) -> None:
        """Notice what other processes have published."""
        if self._state != "open":
            return
        try:
            if not self._writing and self._store.refresh():
                self._lines.look_again()
                self._schedule_due()
        except BusError as trouble:
            self._report(trouble)
        self._loop.call_later(_POLL_S, self._poll)
