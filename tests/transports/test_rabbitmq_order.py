"""Order per key on RabbitMQ: every key one path, whoever dies."""

import asyncio
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from bus.ledger import Ledger
from bus.ports import Mark, Message, Received
from bus.runtime.rabbitmq.frame_types import Arrived
from bus.runtime.rabbitmq.inlet import Deaths, Delivery, Subscription
from bus.testing import letter, until
from bus.topology import PARTITION, Topology, to

from tests.brokers import Broker, rabbitmq, virtual_host  # noqa: F401 - a fixture
from tests.transports.rabbitmq_stories import LIMIT_S, Bus, opened

TOPOLOGY = Topology(("wms",), (0.3,), ordered=("wms",))
KEYS = [f"PO-{n}" for n in range(100)]


@pytest.fixture
def ordered_host(rabbitmq: Broker) -> Iterator[str]:  # noqa: F811 - pytest's way
    """A virtual host of its own: ordered and plain topologies bind the same exchange."""
    with virtual_host(rabbitmq, "ordered") as url:
        yield url


def event(key: str, version: int) -> Message:
    return letter(f"{key} {version}", headers={"cloudEvents_type": "a.b", "cloudEvents_partitionkey": key})


class Readers:
    """Processes that read every partition, as routers do, and what has come to them in all."""

    def __init__(self) -> None:
        self.got: list[str] = []

    async def add(self, host: str, limit: int) -> Bus:
        """One more, which settles no more once `limit` have come."""
        bus = Bus(host)
        await bus.open(TOPOLOGY)
        for queue in TOPOLOGY.router_queues:
            await bus.consume(queue, partial(self._take, limit=limit), 50)
        return bus

    def _take(self, batch: Sequence[Received], limit: int) -> None:
        for received in batch:
            if len(self.got) >= limit:
                return  # its holder is closed with these in hand
            self.got.append(received.message.id)
            received.become()

    async def have(self, count: int) -> None:
        async def there() -> bool:
            return len(set(self.got)) >= count

        await until(there)

    def check(self, versions: int) -> None:
        seen: dict[str, int] = dict.fromkeys(KEYS, -1)
        for key, version in ((key, int(number)) for key, number in (id_.split() for id_ in self.got)):
            assert version <= seen[key] + 1, f"{key}: {version} came after {seen[key]}"
            seen[key] = max(seen[key], version)
        assert len(set(self.got)) == versions * len(KEYS)


def test_order_per_key_holds_over_a_hand_over_between_two_routers(ordered_host: str) -> None:
    async def play() -> None:
        readers = Readers()
        async with asyncio.timeout(LIMIT_S), opened(ordered_host, TOPOLOGY) as sender:
            first, second = await readers.add(ordered_host, 1500), await readers.add(ordered_host, 10_000)
            for version in range(40):
                await sender.publish(*(event(key, version) for key in KEYS))
            await readers.have(1500)
            await first.close()
            await readers.have(4000)
            await second.close()
        readers.check(40)

    asyncio.run(play())


def test_order_per_key_holds_over_a_restart_of_the_broker(rabbitmq: Broker, ordered_host: str) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        readers = Readers()
        async with asyncio.timeout(LIMIT_S), opened(ordered_host, TOPOLOGY) as sender:
            first, second = await readers.add(ordered_host, 800), await readers.add(ordered_host, 10_000)

            async def send(versions: range) -> None:
                for version in versions:
                    await sender.publish(*(event(key, version) for key in KEYS))

            await send(range(15))  # some lie in the partitions, in hand and waiting, when it dies
            await readers.have(800)
            await asyncio.to_thread(rabbitmq.kill)
            going_on = asyncio.create_task(send(range(15, 30)))
            await asyncio.to_thread(rabbitmq.start)
            await first.close()
            await going_on
            await readers.have(3000)
            await second.close()
        readers.check(30)

    asyncio.run(play())


def test_who_stops_reading_the_partitions_deals_out_no_more(ordered_host: str) -> None:
    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), opened(ordered_host, TOPOLOGY) as bus:
            consumers = [await bus.consume(queue, lambda _batch: None, 10) for queue in TOPOLOGY.router_queues]
            await bus.publish(event("PO-1", 0))

            async def dealt() -> bool:
                depths = await bus.depth(TOPOLOGY.queues)
                return sum(depths[queue].messages for queue in TOPOLOGY.router_queues) == 1

            await until(dealt)
            for consumer in consumers:
                await consumer.cancel()
            await bus.publish(event("PO-1", 1))

            async def kept() -> bool:
                return (await bus.depth([PARTITION]))[PARTITION].messages == 1

            await until(kept)
            assert await dealt()

    asyncio.run(play())


@pytest.mark.parametrize(("ordered", "told"), [(True, ["close"]), (False, ["give back 1"])])
def test_what_is_given_back_where_order_is_kept_takes_all_behind_it_along(ordered: bool, told: list[str]) -> None:
    said: list[str] = []
    channel: Any = SimpleNamespace(
        is_open=True, counts_releases=False,
        close_soon=lambda: said.append("close"), give_back=lambda tag: said.append(f"give back {tag}"),
    )
    host: Any = SimpleNamespace(ledger=Ledger(10), deaths=Deaths(), plan_turn=lambda: None)
    subscription = Subscription(host, "to.wms", lambda _batch: None, 10, ordered=ordered)
    subscription._channel = channel
    delivery = Delivery(subscription, Arrived(1, "", "to.wms", None, None, None, "PO-1", b""))
    host.ledger.received([delivery])
    delivery.release()
    assert said == told


def test_what_is_done_is_acknowledged_before_an_ordered_channel_is_left() -> None:
    said: list[str] = []
    channel: Any = SimpleNamespace(
        is_open=True, counts_releases=False, close_soon=lambda: said.append("close"),
        acknowledge=lambda tag, *, multiple: said.append(f"acknowledge {tag}{' and before' * multiple}"),
    )
    ledger = Ledger(10)
    host: Any = SimpleNamespace(ledger=ledger, deaths=Deaths(), plan_turn=lambda: None)
    subscription = Subscription(host, "to.wms", lambda _batch: None, 10, ordered=True)
    subscription._channel = channel
    deliveries = [Delivery(subscription, Arrived(n, "", "to.wms", None, None, None, f"PO-{n}", b"")) for n in range(1, 11)]
    ledger.received(deliveries)
    for delivery in deliveries[:2]:  # done, and nobody has asked for the outcome yet
        ledger.became(delivery, [])
    deliveries[2].release()
    assert said == ["acknowledge 2 and before", "close"]


def test_what_waits_for_its_mark_alone_keeps_no_message_in_memory() -> None:
    class Headers(dict[str, Any]):
        """What a weak reference may point to."""

    ledger = Ledger(10)
    host: Any = SimpleNamespace(
        ledger=ledger, deaths=Deaths(), plan_turn=lambda: None,
        become=lambda delivery, _messages, mark: ledger.became(delivery, [], mark),
    )
    headers = Headers(cloudEvents_id="PO-1")
    held = weakref.ref(headers)
    delivery = Delivery(Subscription(host, "bus.router", lambda _batch: None, 10), Arrived(
        1, "", "bus.router", None, None, headers, "PO-1", b""
    ))
    del headers
    ledger.received([delivery])
    assert delivery.message.id == "PO-1"
    delivery.become(mark=Mark("erp PO-1", b""))
    delivery.become(mark=Mark("erp PO-1", b""))  # a second call does nothing
    assert (held(), delivery.name) == (None, "PO-1")
    assert ledger.outcome(0.0).unmarked == [delivery]


def test_who_takes_a_queue_over_is_told_before_its_first_message_and_not_while_it_waits(ordered_host: str) -> None:
    async def play() -> None:
        told: list[str] = []

        def reader(name: str, *, settles: bool) -> tuple[Callable[[Sequence[Received]], None], Callable[[], None]]:
            def take(batch: Sequence[Received]) -> None:
                told.extend(f"{name} {received.message.id}" for received in batch)
                for received in batch if settles else ():
                    received.become()

            return take, lambda: told.append(f"{name} begins")

        async with asyncio.timeout(LIMIT_S), opened(ordered_host, TOPOLOGY) as sender:
            first, second = Bus(ordered_host), Bus(ordered_host)
            await first.open(TOPOLOGY)
            await second.open(TOPOLOGY)
            take, begin = reader("first", settles=False)
            await first.consume(to("wms"), take, 10, begin)
            take, begin = reader("second", settles=True)
            await second.consume(to("wms"), take, 10, begin)
            await sender.publish(letter("PO-1", to("wms")), letter("PO-2", to("wms")))

            async def came() -> bool:
                return len(told) == 3

            await until(came)
            assert told == ["first begins", "first PO-1", "first PO-2"]
            await first.close()

            async def came_again() -> bool:
                return len(told) == 6

            await until(came_again)
            assert told[3:] == ["second begins", "second PO-1", "second PO-2"]
            await second.close()

    asyncio.run(play())
