"""What waits in the embedded broker, and who takes it.

What waits in one queue is its `Line`: the oldest messages in memory, up to number `cursor`, and, when
the line is `behind`, more in the file after that. While it is not behind, new messages stay in memory
and are never read back.

The file knows of a hand-out before it happens (`safe`), so that a message which kills its holder at
once is counted all the same. Messages read ahead count as handed out with those before them; nothing is
read ahead for a taker with prefetch 1, so there `returned` is exact.
"""

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from bus.errors import BusError
from bus.ports import AFTER_ERROR_S, Handler, Mark, Message
from bus.runtime.embedded_rows import Row, Written
from bus.runtime.embedded_store import SHIFT, Store

_READ_BYTES = 4 * 1024 * 1024
_KEPT_BYTES = 64 * 1024  # a larger message is read again when its turn comes
_REPEAT_S = 1.0


class InHand:
    """One message, in a line or handed out; each hand-out is a new one, so an old holder settles nothing."""

    __slots__ = ("_lines", "held", "line", "message", "returned", "seq", "taker")

    def __init__(self, lines: "Lines", line: "Line", row: Row) -> None:
        self._lines = lines
        self.line = line
        self.seq, self.returned, self.message = row
        self.held = False
        self.taker: Subscription | None = None

    def become(self, *messages: Message, mark: Mark | None = None) -> None:
        if self.held:
            self._lines.settle(self, messages, mark)

    def release(self) -> None:
        if self.held:
            self._lines.give_back(self)


class Line:
    """What waits in one queue, oldest first: `ready` in memory, and more in the file when `behind`."""

    __slots__ = ("behind", "cursor", "id", "keep", "ready", "safe", "takers", "woken")

    def __init__(self, number: int) -> None:
        self.id = number
        self.ready: deque[InHand] = deque()
        self.cursor = 0
        self.behind = True
        self.safe = 0  # up to here the file says that messages are handed out
        self.takers: list[Subscription] = []
        self.keep = 0  # how many are worth having in memory before they are asked for
        self.woken = False


class Subscription:
    """A running subscription to one queue."""

    __slots__ = ("handler", "keep", "line", "out", "paused", "prefetch")

    def __init__(self, line: Line, handler: Handler, prefetch: int) -> None:
        self.line = line
        self.handler = handler
        self.prefetch = prefetch
        self.out = 0  # handed out, and what became of it not stored yet
        self.paused = False
        self.keep = 2 * prefetch if prefetch > 1 else 0
        line.takers.append(self)
        line.keep += self.keep

    async def cancel(self) -> None:
        if self in self.line.takers:
            self.line.takers.remove(self)
            self.line.keep -= self.keep


class Lines:
    """The lines of all queues, on one event loop.

    Args:
        settle: queues what a message becomes; it raises before it changes anything.
        owner: this process runs the bus; beside it, what is given back may be settled by the owner meanwhile.
        hand_soon: `handed` has something that the file must know.
        report: reading failed; it is tried again.
    """

    def __init__(
        self,
        store: Store,
        owner: bool,  # noqa: FBT001 - as it was opened
        settle: Callable[[InHand, Sequence[Message], Mark | None], None],
        hand_soon: Callable[[], None],
        report: Callable[[BusError], None],
    ) -> None:
        self.by_name: dict[str, Line] = {}
        self.held: dict[int, InHand] = {}  # handed out and not settled, by number
        self.handed: dict[int, int] = {}  # by queue: up to here the file must know of hand-outs
        self.settle = settle
        self._store, self._owner = store, owner
        self._taken: set[int] = set()  # beside an owner: handed out here and not given back, settled or not
        self._hand_soon = hand_soon
        self._report = report
        self._by_number: dict[int, Line] = {}

    def declare(self, numbers: Mapping[str, int]) -> None:
        """Have a line for each of the queues, and keep those there are."""
        for name, number in numbers.items():
            if name not in self.by_name:
                self.by_name[name] = self._by_number[number] = Line(number)

    def stop(self) -> None:
        """Hand out nothing more, and take no more settlements."""
        for line in self._by_number.values():
            line.takers.clear()
        for hand in self.held.values():
            hand.held = False

    # --------------------------------------------------------------------------------- what came new

    @property
    def room(self) -> dict[int, int]:
        """By queue, how many new messages can be handed out without reading them back."""
        return {
            line.id: line.keep - len(line.ready)
            for line in self._by_number.values()
            if line.takers and not line.behind
        }

    def stored(self, written: Written) -> None:
        """Take notice of what one transaction brought."""
        self.look_again(None if written.foreign else written.moved)
        for number, seq in written.handed.items():
            line = self._by_number[number]
            line.safe = max(line.safe, seq)
            self.wake(line)
        for row in written.fresh:
            line = self._by_number[row.seq >> SHIFT]
            if line.behind or row.seq <= line.cursor:
                continue
            if len(line.ready) < line.keep and len(row.message.body) <= _KEPT_BYTES:
                line.ready.append(InHand(self, line, row))
                line.cursor = row.seq
            else:
                line.behind = True
            self.wake(line)

    def look_again(self, numbers: Iterable[int] | None = None) -> None:
        """The file has messages that never were in memory, for these queues, or for any."""
        for number in self._by_number if numbers is None else numbers:
            line = self._by_number.get(number)  # None: a queue that only another process knows
            if line:
                line.behind = True
                self.wake(line)

    # -------------------------------------------------------------------------------------- hand out

    def wake(self, line: Line) -> None:
        """Serve the line's takers in the loop's next round, once."""
        if line.takers and not line.woken:
            line.woken = True
            asyncio.get_running_loop().call_soon(self._serve, line)

    def pull(self, line: Line, limit: int) -> list[InHand]:
        """Hand out at most `limit` without a taker; these hand-outs are not counted in `returned`."""
        self._read(line, limit)
        return self._hand_out(line, limit, None)

    def show(self, line: Line, rows: Sequence[Row], handler: Handler) -> bool:
        """Let a handler settle which of them it will; say whether some are in other hands, and so were not shown."""
        batch = [InHand(self, line, row) for row in rows if row.seq not in self.held]
        for hand in batch:
            hand.held = True
            self.held[hand.seq] = hand
        try:
            handler(batch)
        finally:
            settled = {hand.seq for hand in batch if not hand.held}
            for hand in batch:
                if hand.held:
                    self.let_go(hand)
            if settled and line.ready:
                line.ready = deque(hand for hand in line.ready if hand.seq not in settled)
        return len(batch) < len(rows)

    def _serve(self, line: Line) -> None:
        line.woken = False
        for taker in tuple(line.takers):
            if taker.paused:
                continue
            room = taker.prefetch - taker.out
            if line.behind and len(line.ready) < max(room, line.keep // 2):
                try:
                    self._read(line, max(room, line.keep))
                except BusError as trouble:
                    self._report(trouble)
                    asyncio.get_running_loop().call_later(_REPEAT_S, self.wake, line)
                    return
            if line.ready and line.ready[-1].seq > line.safe:
                self._tell_file(line)
            if batch := self._hand_out(line, room, taker):
                self._call(taker, batch)
                if line.behind and taker.out < taker.prefetch:
                    self.wake(line)  # large ones come in several parts

    def _read(self, line: Line, count: int) -> None:
        """Have `count` messages in memory, or all there are, or as many as are good to read at once."""
        while len(line.ready) < count:
            rows, line.behind = self._store.read(
                line.id, line.cursor, count - len(line.ready), _READ_BYTES
            )
            line.ready.extend(InHand(self, line, row) for row in rows if row.seq not in self._taken)
            line.cursor = rows[-1].seq if rows else line.cursor
            if line.ready or not line.behind:
                return

    def _tell_file(self, line: Line) -> None:
        self.handed[line.id] = max(line.ready[-1].seq, self.handed.get(line.id, 0))
        self._hand_soon()

    def _hand_out(self, line: Line, limit: int, taker: Subscription | None) -> list[InHand]:
        batch: list[InHand] = []
        ready = line.ready
        while ready and len(batch) < limit and (taker is None or ready[0].seq <= line.safe):
            hand = ready.popleft()
            hand.held = True
            hand.taker = taker
            self.held[hand.seq] = hand
            batch.append(hand)
        if not self._owner:
            self._taken.update(hand.seq for hand in batch)
        if taker:
            taker.out += len(batch)
        return batch

    def _call(self, taker: Subscription, batch: Sequence[InHand]) -> None:
        try:
            taker.handler(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the messages must not stay in its hands
            taker.paused = True
            for hand in reversed(batch):
                hand.release()
            loop = asyncio.get_running_loop()
            loop.call_later(AFTER_ERROR_S, self._resume, taker)
            loop.call_exception_handler(
                {"message": "a handler of messages raised; its batch is released", "exception": error}
            )

    def _resume(self, taker: Subscription) -> None:
        taker.paused = False
        self.wake(taker.line)

    # ------------------------------------------------------------------------------------- take back

    def let_go(self, hand: InHand) -> None:
        """It is on its way to the file; its taker keeps the place until `done`."""
        hand.held = False
        del self.held[hand.seq]

    def done(self, hand: InHand) -> None:
        """What became of it is stored: its taker has room for another."""
        if hand.taker:
            hand.taker.out -= 1
        self.wake(hand.line)

    def give_back(self, hand: InHand) -> None:
        """Put it back where it stood in its line."""
        self.let_go(hand)
        line = hand.line
        if self._owner:
            again = InHand(self, line, Row(hand.seq, hand.returned, hand.message))
            insort(line.ready, again, key=attrgetter("seq"))
        else:
            # Only the file knows whether it is still there the next time somebody asks.
            self._taken.discard(hand.seq)
            line.ready.clear()
            line.cursor, line.behind = min(line.cursor, hand.seq - 1), True
        self.done(hand)
