"""What tests of the bus, of adapters and of transports start from.

`MemoryBroker` is a transport without a disk, and the reference of what the contract means.
`TransportContract` is the suite that every transport passes before it may carry anything; its tests are
plain methods, so pytest runs them, and so does a loop over their names:

    class TestMyTransport(TransportContract):
        async def open_transport(self) -> Transport: ...       # opened, and its queues empty
        async def reopen(self, transport) -> Transport: ...    # closed, and opened again on what it held
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from bus.errors import Unavailable
from bus.event import digest
from bus.ports import Mark, Message, Received, Transport
from bus.runtime.memory import MemoryBroker
from bus.topology import INVALID, ROUTER, Topology, dead, to

__all__ = ["Inbox", "MemoryBroker", "TransportContract", "letter", "pull_all", "until"]


class Inbox:
    """A handler that keeps what it is given, and settles nothing."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._more = asyncio.Event()

    def __call__(self, batch: Sequence[Received]) -> None:
        self.received.extend(batch)
        self._more.set()

    @property
    def ids(self) -> list[str]:
        """The ids of what came, in order."""
        return [received.message.id for received in self.received]

    async def holds(self, count: int) -> list[Received]:
        """Return what came, as soon as it is at least `count`."""
        while len(self.received) < count:
            self._more.clear()
            await self._more.wait()
        return self.received


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as the condition holds; whoever waits sets the limit."""
    while not await condition():  # noqa: ASYNC110 - a broker has no event to wait for
        await asyncio.sleep(0.01)


async def pull_all(bus: Transport, queue: str, count: int) -> list[Received]:
    """Pull until `count` messages have come: a broker may need a moment after a release."""
    received: list[Received] = []

    async def come() -> bool:
        received.extend(await bus.pull(queue, count - len(received)))
        return len(received) == count

    await until(come)
    return received


def letter(id_: str, queue: str = ROUTER, body: bytes = b"{}", **more: Any) -> Message:
    """A small message; to the router it is an event."""
    headers = {"cloudEvents_type": "purchase_order.released", "cloudEvents_subject": id_}
    return Message(queue, id_, body, more.pop("headers", headers), **more)


# ---------------------------------------------------------------------------------------- contract

_LIMIT_S = 30.0
_SHORT_S, _LONG_S = 0.3, 0.9
_Suite = TypeVar("_Suite", bound="TransportContract")


def _story(test: Callable[[_Suite, Transport], Awaitable[None]]) -> Callable[[_Suite], None]:
    """Run the test in a loop of its own, with an open transport that is closed after it."""

    async def play(suite: _Suite) -> None:
        async with asyncio.timeout(_LIMIT_S):
            bus = await suite.open_transport()
            try:
                await test(suite, bus)
            finally:
                await bus.close()

    def run(self: _Suite) -> None:
        asyncio.run(play(self))

    # Not functools.wraps: a test runner would follow it and ask for the argument `bus`.
    run.__name__, run.__qualname__, run.__doc__ = test.__name__, test.__qualname__, test.__doc__
    return run


class TransportContract:
    """What every transport does. A subclass says how to open one; each test gets queues that are empty."""

    topology = Topology(("erp", "oa", "wms"), (_SHORT_S, _LONG_S))

    async def open_transport(self) -> Transport:
        """Return a transport opened with `self.topology`, all its queues empty."""
        raise NotImplementedError

    async def reopen(self, transport: Transport) -> Transport:
        """Close it, and return one opened on what it held."""
        raise NotImplementedError

    # publish and consume

    @_story
    async def test_a_message_arrives_as_it_was_sent(self, bus: Transport) -> None:
        body = "<单 id='1'/>".encode("gb18030")
        sent = letter("PO-1", to("wms"), body, content_type="application/xml", content_encoding="gb18030")
        inbox = Inbox()
        await bus.consume(to("wms"), inbox, 10)
        await bus.publish(sent)
        (received,) = await inbox.holds(1)
        assert (received.message, received.returned) == (sent, 0)

    @_story
    async def test_headers_keep_value_and_type(self, bus: Transport) -> None:
        texts = {"cloudEvents_type": "a.b", "text": "入库", "none": "", "digits": "0012"}
        headers = {**texts, "one": 1, "minus": -7, "wide": 2**40, "bytes": b"\x00\xff\xfe", "no-bytes": b""}
        await bus.publish(letter("PO-1", headers=headers))
        (received,) = await pull_all(bus, ROUTER, 1)
        assert dict(received.message.headers) == headers
        assert {name: type(value) for name, value in received.message.headers.items()} == {
            name: type(value) for name, value in headers.items()
        }

    @_story
    async def test_a_body_of_five_megabytes_arrives(self, bus: Transport) -> None:
        body = bytes(range(256)) * 20_480
        inbox = Inbox()
        await bus.consume(ROUTER, inbox, 2)
        await bus.publish(letter("large", body=body), letter("empty", body=b""))
        large, empty = await inbox.holds(2)
        assert large.message.body == body
        assert empty.message.body == b""

    @_story
    async def test_a_queue_keeps_the_order_of_publishing(self, bus: Transport) -> None:
        ids = [f"PO-{n}" for n in range(200)]
        await bus.publish(*(letter(id_) for id_ in ids[:50]))
        for id_ in ids[50:60]:
            await bus.publish(letter(id_))
        inbox = Inbox()
        await bus.consume(ROUTER, inbox, 500)
        await bus.publish(*(letter(id_) for id_ in ids[60:]))
        await inbox.holds(200)
        assert inbox.ids == ids

    @_story
    async def test_no_more_than_prefetch_are_unsettled(self, bus: Transport) -> None:
        inbox = Inbox()
        await bus.consume(ROUTER, inbox, 2)
        await bus.publish(*(letter(f"PO-{n}") for n in range(5)))
        await inbox.holds(2)
        await self._round_trip(bus)
        assert inbox.ids == ["PO-0", "PO-1"]
        inbox.received[0].become()
        await inbox.holds(3)
        await self._round_trip(bus)
        assert inbox.ids == ["PO-0", "PO-1", "PO-2"]

    # become

    @_story
    async def test_become_nothing_is_done(self, bus: Transport) -> None:
        await bus.publish(letter("PO-1"))
        (received,) = await pull_all(bus, ROUTER, 1)
        received.become()
        await bus.drain()
        bus = await self.reopen(bus)
        assert list(await bus.pull(ROUTER, 10)) == []
        await bus.close()

    @_story
    async def test_become_one_message_moves_it(self, bus: Transport) -> None:
        await bus.publish(letter("PO-1"))
        (received,) = await pull_all(bus, ROUTER, 1)
        received.become(letter("PO-1", INVALID, b"why"))
        (moved,) = await pull_all(bus, INVALID, 1)
        assert moved.message == letter("PO-1", INVALID, b"why")
        assert await bus.pull(ROUTER, 1) == []

    @_story
    async def test_become_many_messages_fans_out(self, bus: Transport) -> None:
        await bus.publish(letter("PO-1"))
        (received,) = await pull_all(bus, ROUTER, 1)
        received.become(letter("a", to("wms")), letter("b", to("oa")), letter("c", to("wms")), letter("d", dead("oa")))
        assert [r.message.id for r in await pull_all(bus, to("wms"), 2)] == ["a", "c"]
        assert [r.message.id for r in await pull_all(bus, to("oa"), 1)] == ["b"]
        assert [r.message.id for r in await pull_all(bus, dead("oa"), 1)] == ["d"]

    @_story
    async def test_a_message_may_become_one_of_its_own_queue(self, bus: Transport) -> None:
        await bus.publish(letter("PO-1"), letter("PO-2"))
        (received,) = await pull_all(bus, ROUTER, 1)
        received.become(letter("PO-1 again"))
        assert [r.message.id for r in await pull_all(bus, ROUTER, 2)] == ["PO-2", "PO-1 again"]

    @_story
    async def test_a_second_settling_does_nothing(self, bus: Transport) -> None:
        await bus.publish(letter("PO-1"), letter("PO-2"))
        first, second = await pull_all(bus, ROUTER, 2)
        first.become(letter("once", to("wms")))
        first.become(letter("twice", to("wms")))
        first.release()
        second.release()
        second.become(letter("never", to("wms")))
        await bus.drain()
        assert [r.message.id for r in await pull_all(bus, ROUTER, 1)] == ["PO-2"]
        assert [r.message.id for r in await pull_all(bus, to("wms"), 1)] == ["once"]
        assert await bus.pull(ROUTER, 1) == []
        assert await bus.pull(to("wms"), 1) == []

    @_story
    async def test_drain_returns_when_everything_settled_is_safe(self, bus: Transport) -> None:
        await bus.drain()
        await bus.publish(*(letter(f"PO-{n}") for n in range(50)))
        for received in await pull_all(bus, ROUTER, 50):
            received.become(letter(received.message.id, to("wms")))
        await bus.drain()
        bus = await self.reopen(bus)
        assert len(await pull_all(bus, to("wms"), 50)) == 50
        assert await bus.pull(ROUTER, 1) == []
        await bus.close()

    @_story
    async def test_a_thousand_events_for_three_systems_are_conserved(self, bus: Transport) -> None:
        inboxes = {system: Inbox() for system in self.topology.systems}

        def route(batch: Sequence[Received]) -> None:
            for received in batch:
                id_ = received.message.id
                received.become(*(letter(f"{id_} {system}", to(system)) for system in inboxes))

        def finish(inbox: Inbox, batch: Sequence[Received]) -> None:
            for received in batch:
                received.become()
            inbox(batch)

        await bus.consume(ROUTER, route, 100)
        for system, inbox in inboxes.items():
            await bus.consume(to(system), partial(finish, inbox), 100)
        ids = [f"PO-{n}" for n in range(1_000)]
        for start in range(0, 1_000, 50):
            await bus.publish(*(letter(id_) for id_ in ids[start : start + 50]))
        for system, inbox in inboxes.items():
            await inbox.holds(1_000)
            assert sorted(inbox.ids) == sorted(f"{id_} {system}" for id_ in ids)
        await bus.drain()
        await self._depth_becomes(bus, dict.fromkeys((ROUTER, *map(to, inboxes)), 0))

    # release

    @_story
    async def test_a_released_message_is_first_in_line_again(self, bus: Transport) -> None:
        await bus.publish(*(letter(f"PO-{n}") for n in range(4)))
        first, second = await pull_all(bus, ROUTER, 2)
        first.release()
        second.release()
        assert [r.message.id for r in await pull_all(bus, ROUTER, 4)] == ["PO-0", "PO-1", "PO-2", "PO-3"]

    @_story
    async def test_releasing_counts_as_never_handed_out(self, bus: Transport) -> None:
        await bus.publish(letter("PO-1"))
        for _ in range(3):
            (received,) = await pull_all(bus, ROUTER, 1)
            assert received.returned == 0
            received.release()

    @_story
    async def test_a_handler_that_raises_releases_its_batch(self, bus: Transport) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
        inbox, calls = Inbox(), []

        def fail_once(batch: Sequence[Received]) -> None:
            calls.append(len(batch))
            if len(calls) == 1:
                raise ValueError("a defect")
            inbox(batch)

        await bus.publish(letter("PO-1"), letter("PO-2"))
        await bus.consume(ROUTER, fail_once, 10)
        await inbox.holds(2)
        assert inbox.ids == ["PO-1", "PO-2"]

    @_story
    async def test_what_a_raising_handler_had_settled_stays_settled(self, bus: Transport) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
        inbox, calls = Inbox(), []

        def settle_and_fail(batch: Sequence[Received]) -> None:
            calls.append(len(batch))
            if len(calls) == 1:
                batch[0].become(letter("moved", to("wms")))
                raise ValueError("a defect")
            inbox(batch)

        await bus.publish(letter("PO-1"), letter("PO-2"))
        await bus.consume(ROUTER, settle_and_fail, 10)
        await pull_all(bus, to("wms"), 1)
        while "PO-2" not in inbox.ids:
            await inbox.holds(len(inbox.ids) + 1)
        assert "PO-1" not in inbox.ids

    # close, cancel, come back

    @_story
    async def test_what_is_unsettled_comes_back_after_closing(self, bus: Transport) -> None:
        inbox = Inbox()
        await bus.consume(ROUTER, inbox, 10)
        await bus.publish(letter("PO-1"), letter("PO-2"), letter("PO-3"))
        _, second, _ = await inbox.holds(3)
        second.become()
        await bus.drain()
        bus = await self.reopen(bus)
        assert [r.message.id for r in await pull_all(bus, ROUTER, 2)] == ["PO-1", "PO-3"]
        await bus.close()

    @_story
    async def test_after_cancel_nothing_more_is_handed_out(self, bus: Transport) -> None:
        inbox = Inbox()
        consumer = await bus.consume(ROUTER, inbox, 2)
        await bus.publish(*(letter(f"PO-{n}") for n in range(4)))
        await inbox.holds(2)
        await consumer.cancel()
        await consumer.cancel()
        inbox.received[0].become(letter("after", to("wms")))
        inbox.received[1].release()
        await bus.drain()
        await pull_all(bus, to("wms"), 1)
        assert [r.message.id for r in await pull_all(bus, ROUTER, 3)] == ["PO-1", "PO-2", "PO-3"]
        assert inbox.ids == ["PO-0", "PO-1"]

    @_story
    async def test_closing_twice_is_fine_and_a_closed_transport_takes_nothing(self, bus: Transport) -> None:
        await bus.close()
        await bus.close()
        try:
            await bus.publish(letter("PO-1"))
        except Unavailable:
            return
        raise AssertionError("published into a closed transport")

    # delay

    @_story
    async def test_a_delayed_message_comes_in_time_and_a_shorter_one_overtakes(self, bus: Transport) -> None:
        loop = asyncio.get_running_loop()
        inbox = Inbox()
        came: dict[str, float] = {}

        def note(batch: Sequence[Received]) -> None:
            came.update((received.message.id, loop.time()) for received in batch)
            inbox(batch)

        await bus.publish(letter("PO-1"))
        await bus.consume(to("wms"), note, 10)
        (received,) = await pull_all(bus, ROUTER, 1)
        start = loop.time()
        delays = {"long": _LONG_S, "short": _SHORT_S, "now": 0.0}
        received.become(*(letter(id_, to("wms"), delay_s=delay_s) for id_, delay_s in delays.items()))
        await inbox.holds(3)
        assert inbox.ids == ["now", "short", "long"]
        assert came["short"] - start >= _SHORT_S - 0.01
        assert came["long"] - start >= _LONG_S - 0.01
        assert came["short"] - start < _LONG_S

    @_story
    async def test_a_delay_goes_on_over_closing(self, bus: Transport) -> None:
        await bus.publish(letter("PO-1", to("wms"), delay_s=_SHORT_S), letter("PO-2", to("wms")))
        bus = await self.reopen(bus)
        assert [r.message.id for r in await pull_all(bus, to("wms"), 2)] == ["PO-2", "PO-1"]
        await bus.close()

    # pull, depth, marks

    @_story
    async def test_pull_hands_out_no_more_than_asked_for_and_than_there_is(self, bus: Transport) -> None:
        assert list(await bus.pull(ROUTER, 10)) == []
        await bus.publish(*(letter(f"PO-{n}") for n in range(5)))
        assert [r.message.id for r in await pull_all(bus, ROUTER, 3)] == ["PO-0", "PO-1", "PO-2"]
        assert [r.message.id for r in await pull_all(bus, ROUTER, 2)] == ["PO-3", "PO-4"]
        assert list(await bus.pull(ROUTER, 10)) == []

    @_story
    async def test_two_pulls_never_hand_out_the_same_message(self, bus: Transport) -> None:
        await bus.publish(*(letter(f"PO-{n}") for n in range(20)))
        pulled = await asyncio.gather(*(bus.pull(ROUTER, 7) for _ in range(4)))
        ids = [received.message.id for batch in pulled for received in batch]
        assert len(ids) == len(set(ids))

    @_story
    async def test_depth_counts_what_waits_and_what_is_handed_out(self, bus: Transport) -> None:
        await bus.publish(*(letter(f"PO-{n}") for n in range(3)), letter("PO-9", to("wms")))
        await self._depth_becomes(bus, {ROUTER: 3, to("wms"): 1, to("oa"): 0})
        (received,) = await pull_all(bus, ROUTER, 1)
        await self._depth_becomes(bus, {ROUTER: 3})
        received.become()
        await bus.drain()
        await self._depth_becomes(bus, {ROUTER: 2})

    @_story
    async def test_depth_leaves_out_queues_that_do_not_exist(self, bus: Transport) -> None:
        assert set(await bus.depth([to("wms"), to("nobody")])) == {to("wms")}

    @_story
    async def test_a_mark_is_known_once_its_message_is_settled_and_after_closing(self, bus: Transport) -> None:
        one, other = f"erp\n{uuid4()}", f"erp\n{uuid4()}"
        await bus.publish(letter("PO-1"), letter("PO-2"))
        first, second = await pull_all(bus, ROUTER, 2)
        assert bus.known([one, other]) == {}
        first.become(letter("a", to("wms")), mark=Mark(one, digest(b"body")))
        second.release()
        await bus.drain()
        assert bus.known([one, other]) == {one: digest(b"body")}
        bus = await self.reopen(bus)
        await bus.consume(ROUTER, Inbox(), 1)
        assert bus.known([one, other]) == {one: digest(b"body")}
        assert bus.known([]) == {}
        await bus.close()

    # -- tools

    async def _round_trip(self, bus: Transport) -> None:
        """Return after a message went through another queue: what was to come before it has come."""
        inbox = Inbox()
        consumer = await bus.consume(to("erp"), inbox, 1)
        await bus.publish(letter("round trip", to("erp")))
        for received in await inbox.holds(1):
            received.become()
        await consumer.cancel()
        await bus.drain()

    async def _depth_becomes(self, bus: Transport, expected: Mapping[str, int]) -> None:
        async def as_expected() -> bool:
            depths = await bus.depth(list(expected))
            return {queue: depth.messages for queue, depth in depths.items()} == expected

        await until(as_expected)
