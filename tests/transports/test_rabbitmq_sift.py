"""Going through a long queue on RabbitMQ: what it holds, what it asks for, who else looks, what breaks."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bus.errors import Unavailable
from bus.ports import Received
from bus.runtime.rabbitmq.amqp import Channel, Connection
from bus.runtime.rabbitmq.sift import MAX_PREFETCH, PREFETCH, Part, Sift
from bus.testing import letter, until
from bus.topology import dead, to

from tests.brokers import Broker, rabbitmq  # noqa: F401 - a fixture
from tests.transports.rabbitmq_stories import Bus, opened, story

QUEUE = dead("wms")
MANY = 3 * PREFETCH + 500
IDS = [f"PO-{n}" for n in range(MANY)]


async def filled(bus: Bus) -> None:
    await bus.publish(*(letter(id_, QUEUE) for id_ in IDS))


class Eye:
    """A handler that keeps the ids, and how many messages were held at most."""

    def __init__(self, *, settle: bool = False) -> None:
        self.ids: list[str] = []
        self.held = 0
        self.sift: Sift | None = None
        self._settle = settle

    def __call__(self, batch: Sequence[Received]) -> None:
        assert self.sift is not None
        self.ids += [received.message.id for received in batch]
        self.held = max(self.held, sum(len(part.unsettled) for part in self.sift.parts))
        if self._settle:
            for received in batch:
                received.become(letter(received.message.id, to("wms")))

    async def through(self, bus: Bus) -> bool:
        self.sift = Sift(bus, QUEUE, self)
        return await self.sift.through(bus._consuming.connection)


def test_what_it_holds_and_asks_for_does_not_grow_with_the_queue(
    rabbitmq: Broker, monkeypatch: pytest.MonkeyPatch  # noqa: F811 - pytest's way
) -> None:
    asked: list[int] = []
    consume = Channel.consume

    async def counted(channel: Channel, queue: str, prefetch: int, *more: Any) -> str:
        asked.append(prefetch)
        return await consume(channel, queue, prefetch, *more)

    monkeypatch.setattr(Channel, "consume", counted)

    async def play() -> None:
        async with opened(rabbitmq.url) as bus:
            await filled(bus)
            asked.clear()
            looking, taking = Eye(), Eye(settle=True)
            assert not await looking.through(bus)
            assert looking.ids == IDS
            assert sum(asked) - MANY <= MAX_PREFETCH
            assert len(asked) <= 4
            asked.clear()
            assert not await taking.through(bus)
            assert sorted(taking.ids) == sorted(IDS)
            assert asked == [PREFETCH]  # a place that is settled is free again
            assert taking.held <= PREFETCH
            depths = await bus.depth([QUEUE, to("wms")])
            assert [depth.messages for depth in depths.values()] == [0, MANY]

    asyncio.run(asyncio.wait_for(play(), 60))


def test_a_part_begins_when_all_before_it_has_come_so_that_what_is_only_looked_at_is_in_order(
    rabbitmq: Broker, monkeypatch: pytest.MonkeyPatch  # noqa: F811 - pytest's way
) -> None:
    eye, asked, came = Eye(), list[int](), list[int]()
    start = Part.start

    async def counted(part: Part, connection: Connection, prefetch: int) -> None:
        came.append(len(eye.ids))
        asked.append(prefetch)
        await start(part, connection, prefetch)

    async def play() -> None:
        async with opened(rabbitmq.url) as bus:
            await filled(bus)
            monkeypatch.setattr(Part, "start", counted)
            assert not await eye.through(bus)
            assert eye.ids == IDS
            assert came == [sum(asked[:n]) for n in range(len(asked))]
            assert len(asked) > 2

    asyncio.run(asyncio.wait_for(play(), 60))


@story
async def test_two_who_look_at_once_both_see_all_or_are_told_that_they_do_not(broker: Broker) -> None:
    async with opened(broker.url) as one:
        other = Bus(broker.url)
        await other.open(one._topology)
        try:
            await filled(one)
            eyes = Eye(), Eye()
            told = await asyncio.gather(eyes[0].through(one), eyes[1].through(other))
            for eye, others in zip(eyes, told, strict=True):
                assert len(eye.ids) == len(set(eye.ids))
                assert others or eye.ids == IDS
            assert any(told)
            again = Eye()
            assert not await again.through(one)
            assert sorted(again.ids) == sorted(IDS)
        finally:
            await other.close()


@story
async def test_a_sift_that_loses_the_broker_says_so_and_the_next_one_finds_everything(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        await filled(bus)
        settled: set[str] = set()

        def settle_and_lose(batch: Sequence[Received]) -> None:
            for received in batch:
                received.become(letter(received.message.id, to("wms")))
            settled.update(received.message.id for received in batch)
            bus._consuming.connection.abort()

        with pytest.raises(Unavailable):
            await bus.sift(QUEUE, settle_and_lose)
        assert 0 < len(settled) < MANY

        async def back() -> bool:
            return bus._consuming.is_open

        await until(back)
        await bus.drain()
        rest: list[str] = []
        while set(IDS) - settled - set(rest):
            await bus.sift(QUEUE, lambda batch: rest.extend(received.message.id for received in batch))
