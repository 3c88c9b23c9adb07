"""RabbitMQ killed, cut off, full, alarmed, and robbed of its queues: nothing is lost, and it comes back."""

import asyncio
from collections.abc import Sequence
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest

from bus.errors import Refused, Unavailable
from bus.ports import Received
from bus.runtime.rabbitmq import RabbitBroker
from bus.runtime.rabbitmq.link import Link
from bus.runtime.rabbitmq.url import addresses
from bus.testing import Inbox, letter, pull_all, until
from bus.topology import ROUTER, dead, to

from tests.brokers import Broker, Proxy, rabbitmq  # noqa: F401 - a fixture
from tests.transports.rabbitmq_stories import TOPOLOGY, Bus, Flow, emptied, empty, opened, story

# Where RabbitMQ 3 keeps it, and RabbitMQ 4.
LARGEST = "application:set_env(rabbit, max_message_size, {0}), persistent_term:put(max_message_size, {0})."


@story
async def test_a_broker_killed_in_mid_flow_loses_nothing(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        flow = Flow(bus)
        await flow.start()
        sending = asyncio.create_task(flow.send(3_000))
        await flow.reaches(300)
        await asyncio.to_thread(broker.kill)
        await bus.troubled("amqp-lost")
        await asyncio.to_thread(broker.start)
        await sending
        await flow.arrives()
        await bus.drain()
        await bus.at_ease()
        assert (await bus.depth([ROUTER]))[ROUTER].messages == 0


@story
async def test_connections_closed_by_an_operator_come_back_with_their_consumers(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        flow = Flow(bus)
        await flow.start()
        sending = asyncio.create_task(flow.send(2_000))
        await flow.reaches(200)
        await asyncio.to_thread(broker.ctl, "close_all_connections", "test")
        await sending
        await flow.arrives()
        await bus.at_ease()


@story
async def test_cuts_in_the_middle_of_frames_lose_nothing_and_acknowledge_nothing_wrongly(broker: Broker) -> None:
    where = urlsplit(broker.url)
    async with (
        Proxy(where.hostname or "", where.port or 5672) as proxy,
        opened(broker.url.replace(f":{where.port}", f":{proxy.port}")) as bus,
    ):
        flow = Flow(bus)
        await flow.start()
        for cuts in range(1, 6):
            sending = asyncio.create_task(flow.send(400))
            await flow.reaches(400 * cuts - 300)
            proxy.cut()
            await sending
        await flow.arrives()
        # A cut repeats no more than was in somebody's hands.
        assert sum(sum(got.values()) for got in flow.got.values()) <= 2 * 2000 + 5 * 2 * (200 * 2 + 200)


@story
async def test_a_black_hole_is_noticed_by_heartbeat(broker: Broker) -> None:
    where = urlsplit(broker.url)
    async with (
        Proxy(where.hostname or "", where.port or 5672) as proxy,
        opened(broker.url.replace(f":{where.port}", f":{proxy.port}") + "?heartbeat=1&connection_timeout=1") as bus,
    ):
        flow = Flow(bus)
        await flow.start()
        await flow.send(100)
        proxy.swallow()
        sending = asyncio.create_task(flow.send(100))
        await bus.troubled("amqp-lost")
        proxy.restore()
        await sending
        await flow.arrives()


@story
async def test_a_queue_deleted_live_is_made_again_and_its_consumer_resubscribed(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        inbox = Inbox()
        await bus.consume(to("wms"), inbox, 10)
        await bus.publish(letter("before", to("wms")))
        (received,) = await inbox.holds(1)
        await asyncio.to_thread(broker.ctl, "delete_queue", to("wms"))
        received.become()
        await bus.publish(letter("after", to("wms")))
        await inbox.holds(2)
        assert inbox.ids == ["before", "after"]


@story
async def test_an_unroutable_message_is_never_acknowledged_and_goes_out_once_the_queue_is_back(
    broker: Broker,
) -> None:
    async with opened(broker.url) as admin:
        await asyncio.to_thread(broker.ctl, "add_user", "router", "secret")
        await asyncio.to_thread(broker.ctl, "set_permissions", "router", "^$", ".*", ".*")
        where = urlsplit(broker.url)
        bus = Bus(f"amqp://router:secret@{where.hostname}:{where.port}", publish_timeout_s=0.5)
        await bus.open(TOPOLOGY)  # it may not declare, and need not
        try:
            await bus.publish(letter("PO-1"))
            (received,) = await pull_all(bus, ROUTER, 1)
            await asyncio.to_thread(broker.ctl, "delete_queue", to("wms"))
            received.become(letter("a", to("wms")), letter("b", to("oa")))
            await bus.troubled("amqp-access")
            with pytest.raises(Unavailable, match="not confirmed"):
                await bus.publish(letter("c", to("wms")))
            assert (await bus.depth([ROUTER]))[ROUTER].messages == 1
            await pull_all(bus, to("oa"), 1)  # the other subscriber has its own
            await admin.open(TOPOLOGY)
            assert [r.message.id for r in await pull_all(bus, to("wms"), 1)] == ["a"]
            await bus.drain()
            await bus.at_ease()
            assert (await bus.depth([ROUTER]))[ROUTER].messages == 0
        finally:
            await bus.close()
            await asyncio.to_thread(broker.ctl, "delete_user", "router")


@story
async def test_a_confirm_that_never_comes_is_not_waited_for_for_ever(broker: Broker) -> None:
    class Forgetful(Bus):
        forgotten = 0

        def _confirmed(self, lane: int, seq: int, multiple: bool, stored: bool) -> None:
            self.forgotten += 1
            if self.forgotten > 1:
                super()._confirmed(lane, seq, multiple, stored)

    with patch("bus.owed.OWED_S", 0.5):
        bus = Forgetful(broker.url)
        await bus.open(TOPOLOGY)
        try:
            await empty(bus, TOPOLOGY)
            bus.forgotten = 0
            await bus.publish(letter("a", to("wms")))
            await bus.troubled("amqp-owed")
            await bus.at_ease()
            assert [received.message.id for received in await bus.pull(to("wms"), 10)] == ["a", "a"]
        finally:
            await bus.close()


@story
async def test_a_channel_that_goes_on_refusing_is_left_for_a_new_one(broker: Broker) -> None:
    class Refused(Bus):
        channels = 0

        async def _publisher_up(self) -> None:
            await super()._publisher_up()
            self.channels += 1

        def _confirmed(self, lane: int, seq: int, multiple: bool, stored: bool) -> None:
            super()._confirmed(lane, seq, multiple, stored and self.channels > 1)

    with patch("bus.owed.TRIED_S", 0.5):
        bus = Refused(broker.url)
        await bus.open(TOPOLOGY)
        try:
            await bus.publish(letter("a", to("wms")))
            await bus.troubled("amqp-owed")
            await bus.at_ease()
            assert bus.channels == 2
            assert "a" in [received.message.id for received in await bus.pull(to("wms"), 1000)]
        finally:
            await bus.close()


@story
async def test_a_full_queue_holds_back_its_own_messages_only(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        policy = '{"max-length":1,"overflow":"reject-publish"}'
        await asyncio.to_thread(broker.ctl, "set_policy", "full", r"^to\.wms$", policy, "--apply-to", "queues")
        sent = 0
        try:
            while not bus.troubles:  # a quorum queue tells those who publish that it is full a little late
                await bus.publish(letter("PO"))
                (received,) = await pull_all(bus, ROUTER, 1)
                received.become(letter(f"w{sent}", to("wms")), letter(f"o{sent}", to("oa")))
                await pull_all(bus, to("oa"), 1)
                sent += 1
            await bus.troubled("amqp-refused")
            assert (await bus.depth([ROUTER]))[ROUTER].messages > 0
            got = set()

            def read(batch: Sequence[Received]) -> None:
                for received in batch:
                    got.add(received.message.id)
                    received.become()

            await bus.consume(to("wms"), read, 10)  # there is room again
            await bus.drain()
            await bus.at_ease()
            await until(emptied(bus, ROUTER, to("wms")))
            assert got == {f"w{n}" for n in range(sent)}
        finally:
            await asyncio.to_thread(broker.ctl, "clear_policy", "full")


@story
async def test_an_alarm_pauses_publishing_until_it_is_over(broker: Broker) -> None:
    where = urlsplit(broker.url)
    async with (
        Proxy(where.hostname or "", where.port or 5672) as proxy,
        opened(broker.url.replace(f":{where.port}", f":{proxy.port}"), publish_timeout_s=1.0) as bus,
    ):
        await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.00001")
        try:
            publishing = {asyncio.create_task(bus.publish(letter("PO-1")))}
            await bus.troubled("amqp-alarm")
            # A confirm takes 0.6 s, so of two that begin 0.5 s apart one waits longer than the time-out since
            # its last look at the clock, whenever the alarm ends: the time under it must not count for either.
            proxy.delay_s = 0.3
            for id_ in ("PO-2", "PO-3"):
                publishing.add(asyncio.create_task(bus.publish(letter(id_))))
                await asyncio.sleep(0.5)
            done, _ = await asyncio.wait(publishing, timeout=1)
            assert not done  # longer than the time-out: an alarm is no failure
        finally:
            await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.6")
        await asyncio.gather(*publishing)
        await bus.at_ease()
        assert [r.message.id for r in await pull_all(bus, ROUTER, 3)] == ["PO-1", "PO-2", "PO-3"]


@story
async def test_a_message_the_broker_finds_too_large_is_refused_and_its_neighbours_pass(broker: Broker) -> None:
    await asyncio.to_thread(broker.ctl, "eval", LARGEST.format(100_000))
    try:
        async with opened(broker.url) as bus:
            large = asyncio.create_task(bus.publish(letter("large", body=bytes(200_000))))
            small = [asyncio.create_task(bus.publish(letter(f"PO-{n}"))) for n in range(5)]
            with pytest.raises(Refused):
                await large
            await asyncio.gather(*small)
            received = await pull_all(bus, ROUTER, 5)
            with pytest.raises(Refused):
                received[0].become(letter("large", to("wms"), body=bytes(200_000)))
            received[0].become(letter("large", dead("wms")))  # still its holder's, after a refusal
            await bus.drain()
    finally:
        await asyncio.to_thread(broker.ctl, "eval", LARGEST.format(134_217_728))


@story
async def test_a_message_whose_holder_died_says_so(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        await bus.publish(letter("PO-1"))
        for returned in range(3):
            inbox = Inbox()
            holder = RabbitBroker(broker.url)
            await holder.open(TOPOLOGY)
            await holder.consume(ROUTER, inbox, 1)
            (received,) = await inbox.holds(1)
            assert received.returned == returned
            holder._consuming.drop()
            await holder._consuming.close()
            await holder.close()


@story
async def test_a_link_whose_closing_is_cancelled_says_so_and_closes_when_asked_again(broker: Broker) -> None:
    async def nothing() -> None:
        return None

    link = Link(addresses(broker.url), "test", up=nothing, lost=lambda: None, blocked=lambda _: None, troubled=lambda _: None)
    await link.open()
    closing = asyncio.create_task(link.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    await link.close()
    assert not link.is_open
