"""A message that kills its reader is found out, and its neighbours are not punished for it."""

from collections.abc import Sequence

from bus.ports import Message, Received
from bus.runtime.memory import MemoryBroker
from bus.runtime.poison import WaryConsumer
from bus.topology import Topology, to

from tests.runtime.whole import play, until

QUEUE = to("wms")


class Death(BaseException):
    """The process ends here."""


class Readers:
    """Processes that read one queue, each until it meets a killer; all that is in hand then comes back."""

    def __init__(self, killers: Sequence[str], *, shared: bool = False) -> None:
        self.broker = MemoryBroker()
        self.shared = shared
        self.killers = set(killers)
        self.read: list[str] = []
        self.poisoned: list[str] = []
        self.deaths = 0
        self._dead = False

    async def work(self) -> None:
        """Start anew after every death, until the queue is empty."""
        while True:
            self._dead = False
            await self.broker.open(Topology(("wms",)))
            consumer = WaryConsumer(self.broker, QUEUE, self._handle, self._refuse, 100, shared=self.shared)
            await consumer.start()
            await until(lambda: self._dead or not self.broker.messages(QUEUE))
            await consumer.cancel()
            if not self._dead:
                return
            self.broker.die()

    def _handle(self, batch: Sequence[Received]) -> None:
        for received in batch:
            if self._dead:
                return
            if received.message.id in self.killers:
                self.deaths += 1
                self._dead = True
                return
        for received in batch:
            self.read.append(received.message.id)
            received.become()

    def _refuse(self, received: Received, times: int) -> None:
        self.poisoned.append(received.message.id)
        received.become()


def filled(readers: Readers, count: int) -> list[Message]:
    return [Message(QUEUE, f"m{n}", b"") for n in range(count)]


def test_a_killer_becomes_poison_and_its_neighbours_are_read_once_in_their_order() -> None:
    async def story() -> None:
        readers = Readers(["m20"])
        await readers.broker.open(Topology(("wms",)))
        await readers.broker.publish(*filled(readers, 60))
        await readers.work()
        assert readers.poisoned == ["m20"]
        assert readers.read == [f"m{n}" for n in range(60) if n != 20]
        assert readers.deaths == 6

    play(story)


def test_where_order_is_kept_deaths_from_outside_bring_nothing_behind_what_came_later() -> None:
    async def story() -> None:
        readers = Readers([], shared=True)
        await readers.broker.open(Topology(("wms",)))
        await readers.broker.publish(*filled(readers, 5))
        for _ in range(6):
            await readers.broker.pull(QUEUE, 3)  # the later ones were in nobody's hands
            readers.broker.die()
            await readers.broker.open(Topology(("wms",)))
        await readers.work()
        assert (readers.poisoned, readers.read) == ([], [f"m{n}" for n in range(5)])

    play(story)


def test_where_order_is_kept_a_killer_becomes_poison_in_its_place() -> None:
    async def story() -> None:
        readers = Readers(["m2"], shared=True)
        await readers.broker.open(Topology(("wms",)))
        await readers.broker.publish(*filled(readers, 5))
        await readers.work()
        assert (readers.poisoned, readers.read) == (["m2"], ["m0", "m1", "m3", "m4"])

    play(story)


def test_several_killers_become_poison_and_nobody_else() -> None:
    async def story() -> None:
        readers = Readers(["m0", "m1", "m30"])
        await readers.broker.open(Topology(("wms",)))
        await readers.broker.publish(*filled(readers, 40))
        await readers.work()
        assert sorted(readers.poisoned) == ["m0", "m1", "m30"]
        assert sorted(readers.read) == sorted(f"m{n}" for n in range(40) if n not in (0, 1, 30))

    play(story)


def test_deaths_from_outside_poison_nothing() -> None:
    async def story() -> None:
        readers = Readers([])
        await readers.broker.open(Topology(("wms",)))
        await readers.broker.publish(*filled(readers, 30))
        for _ in range(20):  # killed each time with everything in hand
            await readers.broker.pull(QUEUE, 100)
            readers.broker.die()
            await readers.broker.open(Topology(("wms",)))
        await readers.work()
        assert (readers.poisoned, sorted(readers.read)) == ([], sorted(f"m{n}" for n in range(30)))

    play(story)


def test_a_suspect_kept_in_hand_holds_up_nobody() -> None:
    async def story() -> None:
        broker = MemoryBroker()
        kept: list[Received] = []

        def handle(batch: Sequence[Received]) -> None:
            for received in batch:
                if received.message.id == "m0":
                    kept.append(received)
                    consumer.harmless()
                else:
                    received.become()

        await broker.open(Topology(("wms",)))
        await broker.publish(*(Message(QUEUE, f"m{n}", b"") for n in range(5)))
        for _ in range(2):
            await broker.pull(QUEUE, 100)
            broker.die()
            await broker.open(Topology(("wms",)))
        consumer = WaryConsumer(broker, QUEUE, handle, lambda *_: None, 10)
        await consumer.start()
        await until(lambda: len(broker.messages(QUEUE)) == 1)
        assert [received.message.id for received in kept] == ["m0"]

    play(story)
