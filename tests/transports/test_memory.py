"""The reference transport against the contract, and what tests of others use of it."""

import asyncio

from bus.ports import Transport
from bus.testing import Inbox, MemoryBroker, TransportContract, letter
from bus.topology import ROUTER, Topology, to


class TestMemoryBroker(TransportContract):
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
        await broker.open(TransportContract.topology)
        await broker.publish(letter("a"), letter("b"), letter("c", delay_s=60))
        await broker.pull(ROUTER, 1)
        assert [message.id for message in broker.messages(ROUTER)] == ["a", "b", "c"]

    asyncio.run(story())


def test_a_message_whose_holder_died_says_how_often() -> None:
    async def story() -> None:
        broker = MemoryBroker()
        await broker.open(TransportContract.topology)
        await broker.publish(letter("poison"), letter("other"))
        for deaths in range(3):
            (received,) = await broker.pull(ROUTER, 1)
            assert (received.message.id, received.returned) == ("poison", deaths)
            broker.die()
            await broker.open(TransportContract.topology)
        poison, other = await broker.pull(ROUTER, 2)
        assert (poison.returned, other.returned) == (3, 0)

    asyncio.run(story())


def test_with_order_kept_by_key_one_key_takes_one_queue() -> None:
    async def story() -> None:
        topology = Topology(("wms",), (), ordered=True)
        broker = MemoryBroker()
        await broker.open(topology)
        inboxes = [Inbox() for _ in topology.router_queues]
        for queue, inbox in zip(topology.router_queues, inboxes, strict=True):
            await broker.consume(queue, inbox, 1_000)
        for n in range(100):
            key = {"cloudEvents_partitionkey": f"PO-{n % 20}"}
            await broker.publish(letter(f"{n}", headers=key), letter(f"{n}", to("wms")))
        while sum(len(inbox.received) for inbox in inboxes) < 100:
            await asyncio.sleep(0)
        assert sum(1 for inbox in inboxes if inbox.received) > 1
        for n in range(20):
            ids = [str(id_) for id_ in range(n, 100, 20)]
            assert [ids] == [found for inbox in inboxes if (found := [i for i in inbox.ids if i in ids])]

    asyncio.run(story())
