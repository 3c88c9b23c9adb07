"""A large event is read and mapped beside the others: what may overtake it, and what may not."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.config.model import Configuration
from bus.errors import Unavailable
from bus.event import Event
from bus.ports import AFTER_ERROR_S
from bus.routing import Routing
from bus.runtime.app import topology_of
from bus.runtime.embedded import EmbeddedBroker
from bus.runtime.files import usable_configuration
from bus.runtime.memory import MemoryBroker
from bus.runtime.router import LARGE_BYTES, Router
from bus.runtime.telemetry import Telemetry
from bus.topology import ROUTER, dead, to
from bus.wire import event_message

from tests.runtime.test_router import with_routes
from tests.runtime.whole import numbers, placed, play, running, until, write

PLAIN = with_routes("r: {on: order.placed, to: wms, json: data}")


class Slow(Routing):
    """Routes a large event only when it is let."""

    def __init__(self, config: Configuration) -> None:
        super().__init__(config)
        self.began, self.let = threading.Event(), threading.Event()

    def read(self, event: Event, body: bytes) -> Event:
        if len(body) > LARGE_BYTES:
            self.began.set()
            assert self.let.wait(10)
        return super().read(event, body)


@contextmanager
def slow(bus: Any) -> Iterator[Slow]:
    """Let the bus route large events only when told, and at the end."""
    routing = Slow(bus.app.config)
    bus.app.router.use(routing)
    try:
        yield routing
    finally:
        routing.let.set()


def large(no: str, key: str = "", **more: Any) -> Event:
    return replace(placed(no, note="n" * LARGE_BYTES, **more), key=key or no)


def small(no: str, key: str) -> Event:
    return replace(placed(no), key=key)


@pytest.mark.parametrize("routing", [PLAIN, PLAIN.replace("to: wms", "to: wms, ordering: key")])
def test_small_events_overtake_a_large_one_unless_they_have_its_key(tmp_path: Path, routing: str) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with running(tmp_path, routing, broker) as bus:
            with slow(bus) as slow_one:
                await bus.publish(large("L", "one"), small("S-1", "one"), small("S-2", "another"), large("M", "one"))
                await until(lambda: slow_one.began.is_set() and numbers(broker.messages(to("wms"))) == ["S-2"])
                await bus.publish(small("S-3", "one"), small("S-4", "another"))
                await until(lambda: numbers(broker.messages(to("wms"))) == ["S-2", "S-4"])
            await until(lambda: len(broker.messages(to("wms"))) == 6)
            assert numbers(broker.messages(to("wms"))) == ["S-2", "S-4", "L", "S-1", "M", "S-3"]

    play(story)


def test_a_large_event_that_comes_again_meanwhile_is_taken_once(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with running(tmp_path, PLAIN, broker) as bus:
            await bus.publish(large("L"), large("L"), large("L", qty=3))
            await bus.idle()
            assert numbers(broker.messages(to("wms"))) == ["L"]
            assert bus.value("bus_events_duplicate_total", system="shop") == 1
            await bus.has_letters("identity-conflict")

    play(story)


def test_a_large_event_that_is_none_or_fails_becomes_a_letter_as_any_other(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        routing = with_routes("r: {on: order.placed, to: wms, json: {a: 'lookup(\"item\", data.item)'}}")
        async with running(tmp_path, routing, broker) as bus:
            await bus.publish(large("L", item="Z"), replace(large("M"), data={"no": ["n" * LARGE_BYTES]}), large("N"))
            letters = await bus.has_letters("unmapped-code", "event-invalid")
            await until(lambda: numbers(broker.messages(to("wms"))) == ["N"])
            assert numbers(broker.messages(dead("wms"))) == ["L"]
            await bus.edit(next(letter for letter in letters if letter.subject == "L"), event_message(large("L")).body)
            assert await bus.replay(code="unmapped-code") == 1
            await until(lambda: numbers(broker.messages(to("wms"))) == ["N", "L"])

    play(story)


def test_a_large_event_sees_one_version_of_the_routes(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with running(tmp_path, PLAIN, broker) as bus:
            with slow(bus) as slow_one:
                await bus.publish(large("L"))
                await until(slow_one.began.is_set)
                bus.app.router.use(Routing(bus.app.config))
            await bus.idle()
            assert numbers(broker.messages(to("wms"))) == ["L"]

    play(story)


def test_what_stands_behind_a_large_event_is_the_queue_s_again_when_the_bus_stops(tmp_path: Path) -> None:
    async def story() -> None:
        broker = EmbeddedBroker(tmp_path / "bus.db")
        async with running(tmp_path, PLAIN, broker) as bus:
            with slow(bus) as slow_one:
                await bus.publish(large("L", "one"), small("S", "one"), large("M"))
                await until(slow_one.began.is_set)
                stopping = asyncio.create_task(bus.app.router.stop())

                async def given_back() -> bool:
                    waiting = await broker.pull(ROUTER, 10)
                    for received in waiting:
                        received.release()
                    return numbers([received.message for received in waiting]) == ["L", "S", "M"]

                await until(given_back)
            await stopping
        again = EmbeddedBroker(tmp_path / "bus.db")
        await again.open(bus.app.topology)
        left = [received.message for received in await again.pull(ROUTER, 10)]
        done = [received.message for received in await again.pull(to("wms"), 10)]
        await again.close()
        assert (numbers(done), numbers(left)) == ([], ["L", "S", "M"])

    play(story)


def test_a_router_with_many_large_events_in_hand_takes_nothing_more_until_they_are_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.runtime.router.LINE_BYTES", 3 * LARGE_BYTES)

    async def story() -> None:
        config, _ = usable_configuration(write(tmp_path, PLAIN))
        broker = MemoryBroker()
        await broker.open(topology_of(config))
        router = Router(broker, Routing(config), Telemetry(), time.time)
        events = [small("S", "one"), *(large(f"L-{n}", "one") for n in range(10))]
        await broker.publish(*map(event_message, events))
        router.handle(await broker.pull(ROUTER, 100))
        done = numbers(broker.messages(to("wms")))
        assert len(done) >= 8
        assert done == [event.id for event in events][: len(done)]
        await until(lambda: len(broker.messages(to("wms"))) == 11)
        await router.stop()

    play(story)


class Forgetful(MemoryBroker):
    """Cannot say once what it has seen."""

    fails = 0

    def known(self, identities: Any) -> Mapping[str, bytes]:
        if identities and self.fails:
            self.fails -= 1
            raise Unavailable("broker-closed")
        return super().known(identities)


def test_a_broker_that_fails_meanwhile_gets_all_of_it_back_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        broker = Forgetful()
        async with running(tmp_path, PLAIN, broker) as bus:
            with slow(bus) as slow_one:
                await bus.publish(large("L", "one"), small("S", "one"))
                await until(slow_one.began.is_set)
                broker.fails = 1
            await until(lambda: numbers(broker.messages(to("wms"))) == ["L", "S"])

    play(story)


def test_what_fails_in_line_comes_again_after_a_pause_and_not_in_a_tight_loop(tmp_path: Path) -> None:
    async def story() -> None:
        broker = Forgetful()
        async with running(tmp_path, PLAIN, broker) as bus:
            broker.fails = 4
            began = time.monotonic()
            await bus.publish(large("L", "one"), small("S", "one"))
            await until(lambda: numbers(broker.messages(to("wms"))) == ["L", "S"])
            assert time.monotonic() - began >= 4 * AFTER_ERROR_S

    play(story)
