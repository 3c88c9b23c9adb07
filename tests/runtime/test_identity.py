"""The same again changes nothing, something else under the same name waits, and codes may come later; also after a restart."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bus.ports import Handler, Received, Transport
from bus.runtime.app import topology_of
from bus.runtime.embedded import EmbeddedBroker
from bus.runtime.files import usable_configuration
from bus.runtime.memory import MemoryBroker
from bus.runtime.rabbitmq import RabbitBroker
from bus.topology import to
from bus.wire import event_message

from tests.brokers import Broker, virtual_host
from tests.cli import processes
from tests.runtime.whole import ITEMS, SHOP, answer, answering, order, placed, play, running, until, write

UNITS = SHOP.replace("lookups: {item: item.csv}", "lookups: {item: item.csv, unit: {file: unit.csv, key: [item, unit]}}").replace(
    "to-wms: {on: order.placed, to: wms, json: data}",
    "to-wms: {on: order.placed, to: wms, json: {no: data.no, unit: 'lookup(\"unit\", [data.item, data.note])'}}",
).replace('lookup("item", document.item)', 'lookup("item", document.item)')


Opener = Callable[[], Transport]


def a_document_is_sent_again(tmp_path: Path, opener: Opener) -> None:
    """It is acknowledged and not delivered twice, also after a restart; with another body it is parked."""

    async def story() -> None:
        async with answering() as target:
            async with running(tmp_path, SHOP, opener(), target=target) as bus:
                for _ in range(3):
                    assert await bus.post(order("S-1")) == (202, {"events": [{"type": "order.placed", "id": "S-1"}]})
                await bus.publish(placed("S-2"), placed("S-2"))
                await bus.idle()
            async with running(tmp_path, SHOP, opener(), target=target) as bus:
                assert (await bus.post(order("S-1")))[0] == 202
                await bus.publish(placed("S-2"))
                await bus.post(order("S-3"))
                await bus.idle()
                assert bus.value("bus_events_duplicate_total", system="shop") == 2
                assert await bus.letters() == []
                await bus.post(order("S-1", qty="3"))
                [letter] = await bus.has_letters("identity-conflict")
                assert (letter.state, letter.subject) == ("parked", "S-1")
                [line] = bus.lines("event_conflict")
                for said in ("S-1", "identity-conflict", "with another body", "a new id"):
                    assert said in line
            assert sorted(target.numbers()) == ["S-1", "S-2", "S-3"]

    play(story)


def test_a_document_sent_again_is_not_delivered_twice_by_the_embedded_broker(tmp_path: Path) -> None:
    a_document_is_sent_again(tmp_path, partial(EmbeddedBroker, tmp_path / "bus.db"))


def test_a_document_sent_again_is_not_delivered_twice_by_rabbitmq(tmp_path: Path, rabbitmq: Broker) -> None:
    with virtual_host(rabbitmq, "identity") as url:
        a_document_is_sent_again(tmp_path, partial(RabbitBroker, url))


def test_what_one_router_had_another_one_knows(tmp_path: Path, rabbitmq: Broker) -> None:
    async def story() -> None:
        with virtual_host(rabbitmq, "identity") as url:
            folders = tmp_path / "a", tmp_path / "b"
            async with (
                answering() as target,
                running(folders[0], SHOP, RabbitBroker(url), target=target) as one,
                running(folders[1], SHOP, RabbitBroker(url), target=target) as other,
            ):
                events = [placed(f"S-{n}") for n in range(40)]
                for batch in (events, [*reversed(events)], events):
                    await one.publish(*batch)
                    await one.idle()
                    await other.idle()
                repeated = [bus.value("bus_events_duplicate_total", system="shop") for bus in (one, other)]
                assert sum(repeated) == 80
                assert all(repeated), "both had some"
                await one.publish(placed("S-7", qty=3))
                await one.has_letters("identity-conflict")
            assert sorted(target.numbers()) == sorted(f"S-{n}" for n in range(40))

    play(story)


def test_a_router_killed_under_load_has_marked_whatever_it_acknowledged(tmp_path: Path, rabbitmq: Broker) -> None:
    routing = SHOP.replace("http, url: \"URL\", timeout: 2s, retry: [50ms, 100ms]", "queue").replace(
        "  to-oa: {on: order.placed, to: oa, name: data.no, json: data}\n", ""
    )
    path = write(tmp_path, routing)
    topology = topology_of(usable_configuration(path)[0])
    events = [placed(f"S-{n}") for n in range(3000)]
    got: Counter[str] = Counter()

    def deliver(batch: Sequence[Received]) -> None:
        for received in batch:
            got[received.message.id] += 1
            received.become()

    async def has(count: int) -> None:
        await until(lambda: len(got) >= count, f"{len(got)} of {count} deliveries came", 30.0)

    async def story() -> None:
        with virtual_host(rabbitmq, "identity") as url:
            broker = RabbitBroker(url)
            await broker.open(topology)
            await broker.consume(to("wms"), deliver, 500)
            arguments = ("--only", "router", "--broker", url)
            sending = asyncio.create_task(broker.publish(*map(event_message, events)))
            for share in (400, 1500):
                with processes.running(tmp_path, *arguments):
                    await has(share)  # and it is killed
            with processes.running(tmp_path, *arguments):
                await sending
                await broker.publish(event_message(placed("middle")))
                await has(3001)  # with everything that came before it
                before = got.total()
                await broker.publish(*map(event_message, [*events, placed("end")]))
                await has(3002)
                assert got.total() == before + 1, "something was delivered again"
            await broker.close()

    asyncio.run(story())


@pytest.mark.parametrize("restarted", [False, True])
def test_documents_with_an_unmapped_code_wait_for_it(tmp_path: Path, restarted: bool) -> None:
    async def story() -> None:
        store = tmp_path / "bus.db"
        more = ITEMS + "I3,C,W-C\n"
        async with answering() as target:
            async with running(tmp_path, SHOP, EmbeddedBroker(store), target=target) as bus:
                status, told = await bus.post(order("S-1", item="C"))
                assert (status, told["events"], told["problem"]["code"]) == (202, [], "unmapped-code")
                await bus.post(order("S-2", item="D"))
                await bus.post(order("S-3"))
                letters = await bus.has_letters("unmapped-code", "unmapped-code")
                assert {letter.state for letter in letters} == {"parked"}
                assert "'C'" in letters[0].message
                assert "item" in letters[0].message
                if not restarted:
                    (tmp_path / "item.csv").write_text(more)
                    await until(lambda: len(target.requests) == 2)
            async with running(tmp_path, SHOP, EmbeddedBroker(store), target=target, files={"item.csv": more}) as bus:
                await bus.has_letters("unmapped-code")
                await until(lambda: len(target.requests) == 2)
                await bus.idle()
                if restarted:
                    assert bus.value("bus_letters_released_total", system="shop") == 1
            assert sorted(target.numbers()) == ["S-1", "S-3"]

    play(story)


@pytest.mark.parametrize("transport", [MemoryBroker, EmbeddedBroker])
def test_deliveries_with_an_unmapped_key_of_several_columns_wait_for_it(tmp_path: Path, transport: type[Transport]) -> None:
    async def story() -> None:
        table = "item,unit,wms\nI1,PCS,EA\n"
        broker = MemoryBroker() if transport is MemoryBroker else EmbeddedBroker(tmp_path / "bus.db")
        async with answering() as target, running(tmp_path, UNITS, broker, target=target, files={"unit.csv": table}) as bus:
            await bus.publish(placed("S-1", note="BOX"), placed("S-2", note="PCS"), placed("S-3", note="BAG"))
            letters = await bus.has_letters("unmapped-code", "unmapped-code")
            assert {(letter.system, letter.route) for letter in letters} == {("wms", "to-wms")}
            assert "I1 / BOX" in letters[0].message
            (tmp_path / "unit.csv").write_text(table + "I1,BOX,BX\nI1,BAG,\n")
            await until(lambda: len(target.requests) == 2)
            await bus.has_letters("unmapped-code")
            assert [request.json for request in target.requests] == [{"no": "S-2", "unit": "EA"}, {"no": "S-1", "unit": "BX"}]

    play(story)


def test_a_reply_with_an_unmapped_code_waits_for_it_and_the_target_sees_the_delivery_under_the_same_key(tmp_path: Path) -> None:
    async def story() -> None:
        routing = SHOP.replace(
            "to-wms: {on: order.placed, to: wms, json: data}",
            "to-wms: {on: order.placed, to: wms, json: data, then: {event: order.taken, map: {no: 'lookup(\"item\", response.item)'}}}\n"
            "  told: {on: order.taken, to: oa, name: '\"taken-\" + data.no', json: data}",
        )
        async with answering(answer({"item": "W-C"})) as target, running(tmp_path, routing, target=target) as bus:
            await bus.publish(placed("S-1"))
            [letter] = await bus.has_letters("unmapped-code")
            assert (letter.state, letter.route) == ("parked", "to-wms")
            (tmp_path / "item.csv").write_text(ITEMS + "I3,C,W-C\n")
            await until(lambda: bus.file("oa/taken-I3") is not None)
            await bus.has_letters()
            assert len({request.headers["idempotency-key"] for request in target.requests}) == 1

    play(story)


def test_more_letters_than_a_broker_hands_out_at_once_are_all_looked_at(tmp_path: Path) -> None:
    class Sparing(MemoryBroker):
        async def sift(self, queue: str, handler: Handler) -> bool:
            def in_parts(batch: Sequence[Received]) -> None:
                for start in range(0, len(batch), 3):
                    handler(batch[start : start + 3])

            return await super().sift(queue, in_parts)

    async def story() -> None:
        async with answering() as target, running(tmp_path, SHOP, Sparing(), target=target) as bus:
            for n in range(10):
                await bus.accept("shop", order(f"S-{n}", item="C" if n % 2 else "D"))
            assert len(await bus.letters()) == 10
            (tmp_path / "item.csv").write_text(ITEMS + "I3,C,W-C\n")
            await until(lambda: len(target.requests) == 5)
            assert await bus.replay(code="unmapped-code") == 5
            await bus.has_letters(*["unmapped-code"] * 5)

    play(story)


def test_a_structured_event_comes_from_the_system_that_posted_it_whatever_it_says(tmp_path: Path) -> None:
    async def story() -> None:
        body = {"specversion": "1.0", "type": "order.placed", "source": "wms", "id": "S-1", "data": placed("S-1").data}
        async with answering() as target, running(tmp_path, target=target) as bus:
            await bus.post(body)
            await bus.publish(placed("S-1"), replace(placed("S-1"), source="wms"))
            await bus.idle()
            assert sorted(request.headers["ce-source"] for request in target.requests) == ["shop", "wms"]

    play(story)
