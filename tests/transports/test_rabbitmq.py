"""RabbitMQ keeps the contract, and what a real broker adds: kills, cuts, alarms, queues that vanish."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import pika
import pytest

from bus.errors import BusError, ConfigurationError, Refused, Unavailable
from bus.ports import Message, Received, Transport
from bus.runtime.rabbitmq import RabbitBroker
from bus.testing import Inbox, TransportContract, letter, pull_all, until
from bus.topology import DOCUMENTS, ROUTER, Topology, dead, to

from tests.brokers import Broker, Proxy, rabbitmq  # noqa: F401 - a fixture

TOPOLOGY = Topology(("erp", "oa", "wms"), (0.3, 0.9))
LIMIT_S = 40.0


async def empty(transport: Transport, topology: Topology) -> None:
    """Take out whatever an earlier test left behind."""
    for queue in topology.queues:
        while (await transport.depth([queue]))[queue].messages:
            for received in await transport.pull(queue, 5000):
                received.become()
            await transport.drain()


def emptied(transport: Transport, *queues: str) -> Callable[[], Awaitable[bool]]:
    """The condition that nothing waits or is in hand any more."""

    async def condition() -> bool:
        return not any(depth.messages for depth in (await transport.depth(queues)).values())

    return condition


class Bus(RabbitBroker):
    """Keeps what it was told of trouble."""

    def __init__(self, url: str, **options: float) -> None:
        super().__init__(url, **options)
        self.troubles: list[BusError | None] = []
        self.on_trouble = self.troubles.append

    async def troubled(self, code: str) -> None:
        async def told() -> bool:
            return any(error is not None and error.code == code for error in self.troubles)

        await until(told)

    async def at_ease(self) -> None:
        async def told() -> bool:
            return bool(self.troubles) and self.troubles[-1] is None

        await until(told)


@contextlib.asynccontextmanager
async def opened(url: str, topology: Topology = TOPOLOGY, **options: float) -> AsyncIterator[Bus]:
    """A transport with empty queues, closed at the end."""
    bus = Bus(url, **options)
    await bus.open(topology)
    try:
        await empty(bus, topology)
        yield bus
    finally:
        await bus.close()


def story(test: Callable[[Broker], Awaitable[None]]) -> Callable[[Broker], None]:
    """Run a test in a loop of its own."""

    async def play(broker: Broker) -> None:
        async with asyncio.timeout(LIMIT_S):
            await test(broker)

    def run(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
        asyncio.run(play(rabbitmq))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class Flow:
    """Events on their way through a router into two systems, and who has got what."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.sent: list[str] = []
        self.got = {"wms": Counter[str](), "oa": Counter[str]()}

    async def start(self) -> None:
        await self._bus.consume(ROUTER, self._route, 200)
        for system in self.got:
            await self._bus.consume(to(system), partial(self._deliver, system), 200)

    def _route(self, batch: Sequence[Received]) -> None:
        for received in batch:
            id_ = received.message.id
            received.become(*(letter(id_, to(system)) for system in self.got))

    def _deliver(self, system: str, batch: Sequence[Received]) -> None:
        for received in batch:
            self.got[system][received.message.id] += 1
            received.become()

    async def send(self, count: int) -> None:
        """Publish events one batch after the other; each is sent again until it is certain."""
        ids = [f"PO-{len(self.sent) + n}" for n in range(count)]
        self.sent += ids
        for start in range(0, count, 20):
            while True:
                try:
                    await self._bus.publish(*map(letter, ids[start : start + 20]))
                except Unavailable:
                    continue
                break

    async def reaches(self, count: int) -> None:
        async def there() -> bool:
            return all(len(got) >= count for got in self.got.values())

        await until(there)

    async def arrives(self) -> None:
        """Return when everything sent has arrived everywhere, and nothing else."""
        await self.reaches(len(self.sent))
        for got in self.got.values():
            assert set(got) == set(self.sent)


class TestContract(TransportContract):
    """The suite of every transport."""

    url: str

    @pytest.fixture(autouse=True)
    def _broker(self, rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
        self.url = rabbitmq.url

    async def open_transport(self) -> Transport:
        transport = RabbitBroker(self.url)
        await transport.open(self.topology)
        await empty(transport, self.topology)
        return transport

    async def reopen(self, transport: Transport) -> Transport:
        await transport.close()
        again = RabbitBroker(self.url)
        await again.open(self.topology)
        return again


# ------------------------------------------------------------------------------------------- faults


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
    async with opened(broker.url, publish_timeout_s=0.3) as bus:
        await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.00001")
        try:
            publishing = asyncio.create_task(bus.publish(letter("PO-1")))
            await bus.troubled("amqp-alarm")
            waiting = asyncio.create_task(bus.publish(letter("PO-2")))
            done, _ = await asyncio.wait({publishing, waiting}, timeout=1)
            assert not done  # longer than the time-out: an alarm is no failure
        finally:
            await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.6")
        await publishing
        await waiting
        await bus.at_ease()
        assert [r.message.id for r in await pull_all(bus, ROUTER, 2)] == ["PO-1", "PO-2"]


@story
async def test_a_message_the_broker_finds_too_large_is_refused_and_its_neighbours_pass(broker: Broker) -> None:
    await asyncio.to_thread(broker.ctl, "eval", "application:set_env(rabbit, max_message_size, 100000).")
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
        await asyncio.to_thread(broker.ctl, "eval", "application:set_env(rabbit, max_message_size, 134217728).")


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


# ------------------------------------------------------------------------------------------ settling


@story
async def test_one_slow_message_does_not_starve_those_after_it(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        inbox = Inbox()

        def all_but_the_first(batch: Sequence[Received]) -> None:
            inbox(batch)
            for received in batch:
                if received.message.id != "PO-0":
                    received.become()

        await bus.publish(*(letter(f"PO-{n}") for n in range(100)))
        await bus.consume(ROUTER, all_but_the_first, 5)
        await inbox.holds(100)
        await bus.drain()
        assert (await bus.depth([ROUTER]))[ROUTER].messages == 1


@story
async def test_a_delay_that_is_not_configured_becomes_the_next_longer_one(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await bus.publish(letter("PO-1", delay_s=0.5))
        await pull_all(bus, ROUTER, 1)
        assert loop.time() - start >= 0.9


# ---------------------------------------------------------------------------------- other publishers


def by_hand(url: str, exchange: str, routing_key: str, properties: pika.BasicProperties, body: bytes) -> None:
    """Publish as a system does that speaks AMQP itself."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)
    connection.close()


@story
async def test_an_event_of_a_foreign_publisher_arrives_with_headers_of_any_type(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        when = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
        headers = {"cloudEvents_id": "PO-1", "cloudEvents_time": when, "flag": True, "none": None, "list": [1]}
        properties = pika.BasicProperties(headers=headers)
        await asyncio.to_thread(by_hand, broker.url, "bus.events", "purchase_order.released", properties, b"{}")
        (received,) = await pull_all(bus, ROUTER, 1)
        assert received.message == Message(
            ROUTER, "PO-1", b"{}",
            {"cloudEvents_id": "PO-1", "cloudEvents_time": "2026-11-23T20:00:00+00:00", "flag": 1, "list": "[1]"},
        )


@story
async def test_a_document_carries_the_name_of_its_system(broker: Broker) -> None:
    async with opened(broker.url) as bus:
        await asyncio.to_thread(
            by_hand, broker.url, "bus.documents", "wms", pika.BasicProperties(content_type="text/xml"), b"<a/>"
        )
        (received,) = await pull_all(bus, DOCUMENTS, 1)
        assert received.message == Message(DOCUMENTS, "", b"<a/>", {"bus-system": "wms"}, "text/xml")


# --------------------------------------------------------------------------------------------- order


@pytest.fixture
def ordered_host(rabbitmq: Broker) -> Iterator[str]:  # noqa: F811 - pytest's way
    """A virtual host of its own: ordered and plain topologies bind the same exchange."""
    rabbitmq.ctl("add_vhost", "ordered")
    rabbitmq.ctl("set_permissions", "-p", "ordered", "guest", ".*", ".*", ".*")
    yield f"{rabbitmq.url.rstrip('/')}/ordered"
    rabbitmq.ctl("delete_vhost", "ordered")


def test_order_per_key_holds_over_a_hand_over_between_two_routers(ordered_host: str) -> None:
    topology = Topology(("wms",), (0.3,), ordered=True)
    keys = [f"PO-{n}" for n in range(20)]

    def event(key: str, version: int) -> Message:
        return letter(f"{key} {version}", headers={"cloudEvents_type": "a.b", "cloudEvents_partitionkey": key})

    async def play() -> None:
        got: list[str] = []

        def take(batch: Sequence[Received], limit: int) -> None:
            for received in batch:
                if len(got) >= limit:
                    return  # its holder is closed with these in hand
                got.append(received.message.id)
                received.become()

        async with asyncio.timeout(LIMIT_S), opened(ordered_host, topology) as sender:
            first, second = Bus(ordered_host), Bus(ordered_host)
            for bus, limit in ((first, 300), (second, 1000)):
                await bus.open(topology)
                for queue in topology.router_queues:
                    await bus.consume(queue, partial(take, limit=limit), 50)
            for version in range(40):
                await sender.publish(*(event(key, version) for key in keys))

            async def there(count: int) -> bool:
                return len(set(got)) >= count

            await until(partial(there, 300))
            await first.close()
            await until(partial(there, 800))
            await second.close()
        seen: dict[str, int] = dict.fromkeys(keys, -1)
        for key, version in (id_.split() for id_ in got):
            assert int(version) <= seen[key] + 1, f"{key}: {version} came after {seen[key]}"
            seen[key] = max(seen[key], int(version))
        partitions = {key for key, _ in itertools.groupby(sorted(got))}
        assert len(partitions) == 800

    asyncio.run(play())


# --------------------------------------------------------------------------------- opening, in words


def opening(url: str, topology: Topology = TOPOLOGY) -> BusError:
    """Open it; return the error."""

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S):
            await RabbitBroker(url).open(topology)

    with pytest.raises(BusError) as caught:
        asyncio.run(play())
    return caught.value


def test_a_wrong_password_is_one_clear_line_without_it(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    where = urlsplit(rabbitmq.url)
    error = opening(f"amqp://guest:canary@{where.hostname}:{where.port}/%2F")
    assert isinstance(error, ConfigurationError)
    assert str(error) == (
        f"amqp://guest:***@{where.hostname}:{where.port} refused user guest: unknown user or wrong password"
    )
    assert "canary" not in repr(error) + str(error.__cause__) + error.hint


def test_a_missing_virtual_host_is_named(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    error = opening(rabbitmq.url.rstrip("/") + "/nowhere")
    assert isinstance(error, ConfigurationError)
    assert str(error).endswith("/nowhere: no virtual host 'nowhere'")


def test_a_broker_that_does_not_answer_is_unavailable() -> None:
    error = opening("amqp://bus:canary@127.0.0.1:1/")
    assert isinstance(error, Unavailable)
    assert str(error) == "amqp://bus:***@127.0.0.1:1 does not answer: Connection refused"


def test_a_plain_port_spoken_to_in_tls_is_told(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    error = opening(rabbitmq.url.replace("amqp:", "amqps:"))
    assert (error.code, type(error)) == ("amqp-tls", ConfigurationError)


def test_the_next_url_is_tried_when_one_does_not_answer(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), opened(f"amqp://127.0.0.1:1,{rabbitmq.url}") as bus:
            await bus.publish(letter("PO-1"))

    asyncio.run(play())


def test_a_queue_with_other_arguments_is_named_with_the_argument(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    connection.channel().queue_declare("to.crm", durable=True)
    error = opening(rabbitmq.url, Topology(("crm",)))
    connection.channel().queue_delete("to.crm")
    connection.close()
    assert isinstance(error, ConfigurationError)
    assert str(error) == "queue to.crm exists with x-queue-type = none; the bus needs quorum"
    assert "rabbitmqctl delete_queue to.crm" in error.hint


def test_headers_larger_than_a_frame_are_refused(rabbitmq: Broker) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), opened(rabbitmq.url) as bus:
            with pytest.raises(Refused, match="headers take 200"):
                await bus.publish(letter("PO-1", to("wms"), headers={"x": "y" * 200_000}))
            with pytest.raises(Refused, match="PO-2"):
                await bus.publish(letter("PO-2", to("wms"), headers={"x": 2**70}))
            with pytest.raises(Refused, match=r"no queue to\.nobody"):
                await bus.publish(letter("PO-3", "to.nobody"))

    asyncio.run(play())
