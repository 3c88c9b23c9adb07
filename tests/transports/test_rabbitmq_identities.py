"""What came before is known to every router, whoever had it, and whatever was restarted since."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest

from bus.declarations import DELIVER, IDENTITIES, PAGES
from bus.errors import ConfigurationError
from bus.event import digest
from bus.pages import PAGE_BYTES
from bus.ports import Mark, Message
from bus.runtime.rabbitmq.amqp import Wire, connect, encode_properties
from bus.runtime.rabbitmq.identities import MARKS_IN_A_MESSAGE
from bus.runtime.rabbitmq.stream import Stream
from bus.runtime.rabbitmq.url import addresses
from bus.testing import Inbox, letter, pull_all, until
from bus.topology import ROUTER, to

from tests.brokers import Broker, rabbitmq, virtual_host  # noqa: F401 - a fixture
from tests.transports.rabbitmq_stories import LIMIT_S, TOPOLOGY, Bus

PAGE_MARKS = PAGE_BYTES // 18
BODY = digest(b"body")


@pytest.fixture
def host(rabbitmq: Broker) -> Iterator[str]:  # noqa: F811 - pytest's way
    """A virtual host where nothing came before."""
    with virtual_host(rabbitmq, "identities") as url:
        yield url


class Router(Bus):
    """Marks whatever comes to it."""

    async def follow(self) -> None:
        """Know the marks, and leave the events to those who ask for them."""
        await (await self.consume(ROUTER, Inbox(), 1)).cancel()

    async def mark(self, *identities: str) -> None:
        await self.publish(*map(letter, identities))
        for identity, received in zip(identities, await pull_all(self, ROUTER, len(identities)), strict=True):
            received.become(letter(identity, to("wms")), mark=Mark(identity, BODY))
        await self.drain()

    async def comes_to_know(self, *identities: str) -> None:
        async def known() -> bool:
            return len(self.known(identities)) == len(identities)

        await until(known)

    @property
    def streams(self) -> dict[str, Stream]:
        return {s.queue: s for s in self._subscriptions if isinstance(s, Stream)}


@contextlib.asynccontextmanager
async def routing(url: str) -> AsyncIterator[Router]:
    async with asyncio.timeout(LIMIT_S):
        router = Router(url)
        await router.open(TOPOLOGY)
        try:
            await router.follow()
            yield router
        finally:
            await router.close()


def test_a_router_knows_what_another_one_marked_before_it_started_and_since(host: str) -> None:
    async def play() -> None:
        async with routing(host) as first:
            await first.mark("before")
            async with routing(host) as second:
                assert second.known(["before", "since"]) == {"before": BODY}
                await first.mark("since")
                await second.comes_to_know("since")
                await second.mark("back")
                await first.comes_to_know("back")

    asyncio.run(play())


def test_marks_outlive_a_broker_that_is_killed(rabbitmq: Broker, host: str) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        async with routing(host) as router:
            names = [f"PO-{n}" for n in range(50)]
            for name in names:
                await router.mark(name)
            await asyncio.to_thread(rabbitmq.kill)
            await router.troubled("amqp-lost")
            await asyncio.to_thread(rabbitmq.start)
            await router.at_ease()
            await router.mark("after")
            async with routing(host) as again:
                assert again.known([*names, "after"]).keys() == {*names, "after"}
            async with routing(host) as other:
                await other.mark("by another")
                await router.comes_to_know("by another")  # it follows the stream again

    asyncio.run(play())


def test_with_nothing_more_in_hand_a_mark_does_not_wait_for_others(host: str) -> None:
    async def play() -> None:
        with patch("bus.runtime.rabbitmq.identities.PAUSE_S", 3600.0):
            async with routing(host) as router:
                for name in ("first", "second", "third"):
                    await router.mark(name)

    asyncio.run(play())


def test_an_event_is_acknowledged_no_sooner_than_its_mark_is_stored(rabbitmq: Broker, host: str) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        async with routing(host) as router:
            connection = await connect(addresses(host)[0], "test", lambda _error: None, lambda _reason: None)
            channel = await connection.channel()
            await channel.call("queue_unbind", queue=IDENTITIES, exchange=DELIVER, routing_key=IDENTITIES)
            await router.publish(letter("PO-1"))
            (received,) = await pull_all(router, ROUTER, 1)
            received.become(letter("delivery", to("wms")), mark=Mark("PO-1", BODY))
            await pull_all(router, to("wms"), 1)  # the delivery is out, the mark has no way yet
            assert not router.ledger.idle
            await connection.close()
            await router.drain()  # the way is made again by itself
        async with routing(host) as again:
            assert again.known(["PO-1"]) == {"PO-1": BODY}
            assert (await again.depth([ROUTER]))[ROUTER].messages == 0

    asyncio.run(play())


def test_an_event_in_hand_is_known_and_one_whose_channel_is_lost_is_not(host: str) -> None:
    async def play() -> None:
        async with routing(host) as router:
            inbox = Inbox()
            await router.consume(ROUTER, inbox, 1)
            await router.publish(letter("PO-1"))
            (received,) = await inbox.holds(1)
            router.is_blocked = True  # nothing leaves, as under an alarm
            received.become(letter("delivery", to("wms")), mark=Mark("PO-1", BODY))
            assert router.known(["PO-1"]) == {"PO-1": BODY}
            router._consuming.drop()  # it comes again, and has to be taken for itself
            (_, again) = await inbox.holds(2)
            assert router.known(["PO-1"]) == {}
            again.become(letter("delivery", to("wms")), mark=Mark("PO-1", BODY))
            assert router.known(["PO-1"]) == {"PO-1": BODY}
            router.is_blocked = False
            router.plan_turn()
            await router.drain()
            assert router.known(["PO-1"]) == {"PO-1": BODY}

    asyncio.run(play())


async def flood(url: str, marks: int, each: int) -> None:
    """Write lines of marks nobody asks for, as a router does."""
    connection = await connect(addresses(url)[0], "test", lambda _error: None, lambda _reason: None)
    channel = await connection.channel()
    stored = asyncio.Event()
    lines = marks // each
    await channel.confirm(lambda seq, _multiple, _sound: stored.set() if seq == lines else None, lambda *_: None)
    properties = encode_properties("another", "application/octet-stream", "", {})
    records = [f"{n:08}".encode()[::-1] + BODY + b"\xff\xff" for n in range(marks)]
    channel.publish([
        Wire(DELIVER, IDENTITIES, "another", properties, b"".join(records[at : at + each])) for at in range(0, marks, each)
    ])
    await stored.wait()
    await connection.close()


def test_who_starts_reads_pages_and_little_else(host: str) -> None:
    async def play() -> None:
        async with routing(host) as router:
            await router.mark("first")
            await flood(host, 5 * PAGE_MARKS, 4)
            await router.mark("last")

            async def paged() -> bool:
                read = router.streams[IDENTITIES].lines >= 5 * PAGE_MARKS // 4
                return read and router._identities._tail.size_bytes < 2 * PAGE_BYTES

            await until(paged)
        async with routing(host) as again:
            assert again.known(["first", "last"]).keys() == {"first", "last"}
            assert 3 <= again.streams[PAGES].lines <= 7
            assert again.streams[IDENTITIES].lines <= 2 * PAGE_MARKS // 4 + 10
            assert 5 * PAGE_MARKS <= len(again._identities._marks) <= 5 * PAGE_MARKS + 2

    asyncio.run(play())


@pytest.mark.parametrize("stream", [IDENTITIES, PAGES])
def test_a_stream_that_is_deleted_is_made_again_and_followed_by_every_router(
    rabbitmq: Broker, host: str, stream: str  # noqa: F811 - pytest's way
) -> None:
    async def play() -> None:
        async with routing(host) as first, routing(host) as second:
            await first.mark("before")
            await flood(host, 3 * PAGE_MARKS, 1024)
            await second.comes_to_know("before")
            await asyncio.to_thread(rabbitmq.ctl, "delete_queue", "--vhost", "identities", stream)
            await first.mark("after")
            await second.comes_to_know("after")
            assert first.known(["before"]) == second.known(["before"]) == {"before": BODY}
        async with routing(host) as again:
            assert "after" in again.known(["before", "after"])

    asyncio.run(play())


def test_more_marks_than_a_message_takes_go_one_message_after_the_other(host: str) -> None:
    async def play() -> None:
        names = [f"PO-{n}" for n in range(2 * MARKS_IN_A_MESSAGE + 1)]
        async with routing(host) as router:
            await router.mark(*names)
        async with routing(host) as again:
            assert len(again.known(names)) == len(names)
            assert again.streams[IDENTITIES].lines < len(names) / 10

    asyncio.run(play())


def test_a_user_who_may_not_read_the_marks_does_not_begin_to_route(rabbitmq: Broker, host: str) -> None:  # noqa: F811 - pytest's way
    async def play() -> None:
        where = urlsplit(host)
        async with routing(host):
            rabbitmq.ctl("add_user", "blind", "secret")
            rabbitmq.ctl("set_permissions", "-p", "identities", "blind", "^$", ".*", r"^(bus\.router|to\..*)$")
            blind = Bus(f"amqp://blind:secret@{where.hostname}:{where.port}{where.path}")
            try:
                await blind.open(TOPOLOGY)
                inbox = Inbox()
                await blind.consume(to("wms"), inbox, 10)  # who delivers needs none
                await blind.publish(Message(to("wms"), "PO-1", b"{}"))
                await inbox.holds(1)
                with pytest.raises(ConfigurationError, match=r"bus\.identities"):
                    await blind.consume(ROUTER, inbox, 10)
            finally:
                await blind.close()
                rabbitmq.ctl("delete_user", "blind")

    asyncio.run(play())
