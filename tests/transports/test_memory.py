"""The reference transport against the contract, and what tests of others use of it."""

import asyncio

from bus.ports import Transport
from bus.testing import Inbox, MemoryBroker, letter
from bus.topology import ROUTER, Topology

from tests.transports.sifting import SiftContract


class TestMemoryBroker(SiftContract):
    async def open_transport(self) -> Transport:
        broker = MemoryBroker()
        await broker.open(self.topology)
        return broker

    async def reopen(self, transport: Transport) -> Transport:
        await transport.close()
        await transport.open(self.topology)
        return transport


def test_messages_shows_what_waits_what_is_delayed_and_what_is_handed_out() -> None:
    async def story() -> None:
        broker = MemoryBroker()
        await broker.open(SiftContract.topology)
        await broker.publish(letter("a"), letter("b"), letter("c", delay_s=60))
        await broker.pull(ROUTER, 1)
        assert [message.id for message in broker.messages(ROUTER)] == ["a", "b", "c"]

    asyncio.run(story())


def test_a_message_whose_holder_died_says_how_often() -> None:
    async def story() -> None:
        broker = MemoryBroker()
        await broker.open(SiftContract.topology)
        await broker.publish(letter("poison"), letter("other"))
        for deaths in range(3):
            (received,) = await broker.pull(ROUTER, 1)
            assert (received.message.id, received.returned) == ("poison", deaths)
            broker.die()
            await broker.open(SiftContract.topology)
        poison, other = await broker.pull(ROUTER, 2)
        assert (poison.returned, other.returned) == (3, 0)

    asyncio.run(story())


def test_with_order_kept_by_key_one_key_takes_one_queue() -> None:
    async def story() -> None:
        topology = Topology(("wms",), (), ordered=("wms",))
        broker = MemoryBroker()
        await broker.open(topology)
        inbox = Inbox()
        for queue in topology.router_queues:
            await broker.consume(queue, inbox, 100)
        for n in range(100):
            await broker.publish(letter(f"{n}", headers={"cloudEvents_partitionkey": f"PO-{n % 20}"}))
        messages = [received.message for received in await inbox.holds(100)]
        assert len({message.to for message in messages}) > 1
        for n in range(20):
            of_key = [message for message in messages if int(message.id) % 20 == n]
            assert len({message.to for message in of_key}) == 1
            assert [message.id for message in of_key] == [f"{id_}" for id_ in range(n, 100, 20)]

    asyncio.run(story())
