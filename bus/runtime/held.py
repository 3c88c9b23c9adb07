"""The queue `bus.held.<system>`: read at a take-over, gone through when something in it may leave.

`bus.holds` decides; this file moves the messages. Going through the queue is told in order: a fence is
stored behind all there is, each message becomes itself again, or leaves, or is forgotten, until the fence
comes. So nothing stays in memory, however much waits. The queue has one reader at a time, and whoever
looks into it meanwhile, as `bus dead list` does, makes the other wait and hides nothing from it.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence

from bus.errors import BusError
from bus.holds import Fate, Holds, Spot, Turn, let_go, spot
from bus.ports import Message, Received, Transport
from bus.runtime.telemetry import Telemetry
from bus.topology import held

FENCE = "bus-fence"  # on a fence: when it was stored, milliseconds since 1970
FENCE_MS = 3_600_000  # an older one is a dead reader's
PREFETCH = 1000
AT_ONCE = 500  # deliveries that leave in one turn; they are in hand together
REPEAT_S = 0.5


class Held:
    """What is held back of one system's deliveries.

    Args:
        known: called when it is known which keys are closed; until then nothing that comes may be judged.
    """

    def __init__(
        self, system: str, transport: Transport, telemetry: Telemetry, now_s: Callable[[], float],
        known: Callable[[], None],
    ) -> None:
        self.holds = Holds()
        self._system, self._transport, self._telemetry, self._now_s = system, transport, telemetry, now_s
        self._tell_known = known
        self._taken_over = 0
        self._known_of = 0  # the take-over it is known of
        self._over: list[tuple[Spot, Callable[[], None]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """Whether it is known which keys are closed."""
        return self._taken_over == self._known_of

    def take_over(self) -> None:
        """This process has `to.<system>` from now on, and somebody else may have had it."""
        self.holds.forget()
        self._taken_over += 1
        self._wake.set()

    def over(self, where: Spot, done: Callable[[], None]) -> None:
        """A place is over: let what waited for it go, and then call `done`."""
        self._over.append((where, done))
        self._wake.set()

    def start(self) -> None:
        """Begin to work, in the background."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stop wherever it is; what is in hand comes back to its queue."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._read()
                while await self._turn():
                    await self._read()
            except BusError:  # the broker is away, which is told elsewhere
                self._wake.set()
                await asyncio.sleep(REPEAT_S)
            except Exception as error:  # noqa: BLE001 - the deliveries of this system must not stop for ever
                self._telemetry.defect(f"held back of {self._system}", error)
                self._wake.set()
                await asyncio.sleep(REPEAT_S)

    async def _read(self) -> None:
        while not self.known:
            taken_over = self._taken_over
            await self._go_through(Turn())
            if taken_over == self._taken_over:
                self._known_of = taken_over
                self._tell_known()

    async def _turn(self) -> bool:
        """Let go what may leave; say whether there was anything to do."""
        over, self._over = self._over, []
        try:
            turn = self.holds.turn({where for where, _ in over}, AT_ONCE)
            if turn is None:
                return False
            # Again until nothing is left to do: what a broken connection left undone is still there.
            while await self._go_through(turn):
                pass
        except BaseException:
            self._over = over + self._over
            self.take_over()
            raise
        for _, done in over:
            done()
        if not turn.gone >= turn.leaving:  # what was to be stored there never was: it comes again
            self.take_over()
        return True

    async def _go_through(self, turn: Turn) -> int:
        """Go once through the queue; return how many messages have left or were forgotten."""
        passage = _Passage(turn, self.holds, self._now_s)
        await self._transport.drain()  # what this process has held back lies before the fence
        await self._transport.publish(passage.fence(self._system))
        consumer = await self._transport.consume(held(self._system), passage.take, PREFETCH, passage.begin)
        try:
            await passage.ended.wait()
            leaving = sorted(passage.leaving, key=lambda received: spot(received.message))
            if leaving and not passage.broken:
                await self._transport.publish(*(
                    message for received in leaving for message in let_go(
                        received.message, self._system, leaves_mark=spot(received.message) in turn.last
                    )
                ))
                for received in leaving:
                    turn.gone.add(spot(received.message))
                    received.become()
        finally:
            await consumer.cancel()
        await self._transport.drain()
        for received in passage.rest:
            received.release()
        if passage.broken:
            return await self._go_through(turn)
        return passage.acted


class _Passage:
    """Once through the queue."""

    def __init__(self, turn: Turn, holds: Holds, now_s: Callable[[], float]) -> None:
        self._turn, self._holds, self._now_s = turn, holds, now_s
        self._token = uuid.uuid4().hex
        self._begun = False
        self.leaving: list[Received] = []
        self.rest: list[Received] = []
        self.ended, self.broken, self.acted = asyncio.Event(), False, 0

    def fence(self, system: str) -> Message:
        return Message(held(system), self._token, b"", {FENCE: int(self._now_s() * 1000)})

    def begin(self) -> None:
        """Called again when the connection broke: then some messages come twice, and it starts anew."""
        self.broken = self._begun
        self._begun = True
        self._turn.begin()
        if self.broken:
            self.ended.set()

    def take(self, batch: Sequence[Received]) -> None:
        for received in batch:
            if self.ended.is_set():
                self.rest.append(received)
            elif FENCE in received.message.headers:
                self._take_fence(received)
            else:
                self._take(received)

    def _take_fence(self, received: Received) -> None:
        message = received.message
        if message.id == self._token:
            received.become()
            self.ended.set()
        else:
            at_ms = message.headers[FENCE]
            is_old = not isinstance(at_ms, int) or at_ms < self._now_s() * 1000 - FENCE_MS
            received.become(*(() if is_old else (message,)))

    def _take(self, received: Received) -> None:
        fate = self._turn.fate(received.message)
        if fate is Fate.STAYS:
            self._holds.learn(received.message)
            received.become(received.message)
            return
        self.acted += 1
        if fate is Fate.LEAVES:
            self.leaving.append(received)
        else:
            received.become()
