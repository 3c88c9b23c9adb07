"""Events in, deliveries out: what the router makes of each."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bus.event import delivery_id
from bus.letters import REPLAY
from bus.ports import Message
from bus.runtime.behind import behind
from bus.runtime.memory import MemoryBroker
from bus.topology import INVALID, dead, held, to
from bus.wire import PUBLISHED_AS, event_message

from tests.runtime.whole import SHOP, Request, answer, answering, numbers, order, placed, play, running, until

QUIET = SHOP.replace("oa: {sink: {adapter: file, folder: oa}}", "oa: {sink: {adapter: queue}}").replace(
    'wms: {sink: {adapter: http, url: "URL", timeout: 2s, retry: [50ms, 100ms]}}', "wms: {sink: {adapter: queue}}"
)


def with_routes(*routes: str, base: str = QUIET) -> str:
    return base[: base.index("routes:")] + "routes:\n" + "".join(f"  {route}\n" for route in routes)


def test_an_event_reaches_every_subscriber_in_its_own_form(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        routing = with_routes("a: {on: order.placed, to: [wms, oa], json: {id: data.no}}", "b: {on: order.*, to: oa}")
        async with running(tmp_path, routing, broker) as bus:
            await bus.publish(placed("S-1"))
            await bus.idle()
            [wms], [first, second] = broker.messages(to("wms")), broker.messages(to("oa"))
            assert wms.body == first.body == b'{"id":"S-1"}'
            assert b'"specversion":"1.0"' in second.body
            assert wms.id == delivery_id("shop", "S-1", "a", "wms")
            assert {message.id for message in (wms, first, second)} == {
                delivery_id("shop", "S-1", route, system) for route, system in (("a", "wms"), ("a", "oa"), ("b", "oa"))
            }
            assert bus.value("bus_events_routed_total", route="a", system="wms") == 1

    play(story)


def test_every_round_of_a_route_is_a_delivery_of_its_own(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        route = "r: {on: order.placed, for: 'part in [1, 2, 3]', if: part != 2, to: wms, json: {part: part}}"
        async with running(tmp_path, with_routes(route), broker) as bus:
            await bus.publish(placed("S-1"))
            await bus.idle()
            made = broker.messages(to("wms"))
            assert [message.body for message in made] == [b'{"part":1}', b'{"part":3}']
            assert len({message.id for message in made}) == 2

    play(story)


def test_an_event_no_live_route_takes_is_counted_and_a_route_left_without_rounds_took_it(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        routing = with_routes(
            "shadow: {on: order.placed, to: wms, mode: shadow, json: data}",
            "off: {on: order.placed, to: wms, mode: 'off', json: data}",
            "none: {on: order.taken, for: 'x in []', to: wms, json: data}",
        )
        async with running(tmp_path, routing, broker) as bus:
            await bus.publish(placed("S-1"), replace(placed("T-1"), type="order.taken"))
            await bus.idle()
            assert broker.messages(to("wms")) == []
            assert bus.value("bus_events_unrouted_total", type="order.placed") == 1
            assert bus.value("bus_events_unrouted_total", type="order.taken") == 0
            assert bus.value("bus_events_shadowed_total", route="shadow", system="wms") == 1
            assert await bus.letters() == []

    play(story)


def test_the_same_event_again_is_taken_once_also_within_one_batch(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with running(tmp_path, with_routes("r: {on: order.placed, to: wms, json: data}"), broker) as bus:
            await bus.publish(placed("S-1"), placed("S-1"), placed("S-2"))
            await bus.publish(placed("S-1"))
            await bus.idle()
            assert numbers(broker.messages(to("wms"))) == ["S-1", "S-2"]
            assert bus.value("bus_events_duplicate_total", system="shop") == 2
            assert await bus.letters() == []

    play(story)


def test_the_same_identity_with_another_body_is_parked_and_each_of_them_can_be_named(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with running(tmp_path, with_routes("r: {on: order.placed, to: wms, json: data}"), broker) as bus:
            await bus.publish(placed("S-1"), placed("S-1", qty=3), placed("S-1", qty=4))
            letters = await bus.has_letters("identity-conflict", "identity-conflict")
            assert {letter.state for letter in letters} == {"parked"}
            assert len({letter.id for letter in letters}) == 2
            assert numbers(broker.messages(to("wms"))) == ["S-1"]
            assert bus.value("bus_events_conflict_total", system="shop") == 2

    play(story)


def test_names_from_outside_never_become_labels(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with running(tmp_path, with_routes("r: {on: order.placed, to: wms, json: data}"), broker) as bus:
            events = [replace(placed("S-1"), source=f"stranger-{n}") for n in range(5)]
            await bus.publish(*events, *events, Message("bus.documents", "d", b"{}", {"bus-system": "stranger"}))
            await bus.idle()
            assert bus.value("bus_events_duplicate_total", system="unknown") == 5
            assert bus.value("bus_documents_total", system="unknown", outcome="dead") == 1

    play(story)


def test_an_event_that_does_not_fit_is_kept_with_its_reason_and_goes_on_once_edited(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with running(tmp_path, with_routes("r: {on: order.placed, to: wms, json: data}"), broker) as bus:
            await bus.publish(
                placed("S-1", qty="many"), replace(placed("S-2"), type="order.unheard_of"), placed("S-3"),
                Message("bus.router", "S-4", b"{}", {"cloudEvents_id": "S-4"}),
            )
            letters = {letter.subject: letter for letter in await bus.has_letters(
                "event-type-unknown", "event-attribute-missing", "event-invalid"
            )}
            assert {message.to for message in broker.messages(INVALID)} == {INVALID}
            assert bus.value("bus_events_invalid_total", code="event-type-unknown") == 1
            await bus.edit(letters["S-1"], b'{"no": "S-1", "item": "I1", "qty": 5}')
            await bus.replay(subject="S-1")
            await until(lambda: sorted(numbers(broker.messages(to("wms")))) == ["S-1", "S-3"])

    play(story)


def test_a_mapping_that_fails_is_that_subscribers_letter_alone(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        routing = with_routes(
            "bad: {on: order.placed, to: wms, json: {no: data.no, note: data.note}, otherwise: {event: order.refused, "
            "map: {no: data.no, code: failure.code, message: failure.message}}}",
            "good: {on: order.placed, to: oa, json: data}",
            "told: {on: order.refused, to: oa, json: data}",
        )
        async with running(tmp_path, routing, broker) as bus:
            await bus.publish(placed("S-1"))
            [letter] = await bus.has_letters("mapped-empty")
            assert (letter.state, letter.system, letter.route, letter.subject) == ("dead", "wms", "bad", "S-1")
            assert "routing.yaml:" in letter.where
            assert letter.where.endswith("note")
            await until(lambda: len(broker.messages(to("oa"))) == 2)
            good, told = broker.messages(to("oa"))
            assert b'"qty":2' in good.body
            assert b'"code":"mapped-empty"' in told.body

            # dead once more after a replay: the reply says so anew, and is no conflict with the first
            await bus.replay(code="mapped-empty")
            await until(lambda: len(broker.messages(to("oa"))) == 3)
            await bus.has_letters("mapped-empty")

            [letter] = await bus.letters()
            await bus.edit(letter, b'{"no": "S-1", "item": "I1", "qty": 2, "note": "now"}')
            await bus.replay(system="wms")
            await until(lambda: len(broker.messages(to("wms"))) == 1)
            assert len(broker.messages(to("oa"))) == 3, "a replay is for the one route alone"

    play(story)


def test_a_replay_whose_event_is_spoilt_stays_with_its_route(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        routing = with_routes("bad: {on: order.placed, to: wms, json: {note: data.note}}")
        async with running(tmp_path, routing, broker) as bus:
            await bus.publish(placed("S-1"))
            [letter] = await bus.has_letters("mapped-empty")
            await bus.edit(letter, b'{"no": 1}')
            await bus.replay(system="wms")
            [letter] = await bus.has_letters("event-invalid")
            assert (letter.system, letter.route) == ("wms", "bad")
            assert broker.messages(dead("wms"))

    play(story)


def test_a_letter_keeps_its_id_whatever_a_replay_makes_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering(answer(status=400)) as target, running(tmp_path, target=target) as bus:
            await bus.publish(placed("S-1"))
            [refused] = await bus.has_letters("target-refused")
            await bus.edit(refused, b'{"no": 1}')
            assert await bus.replay(ids=frozenset((refused.id,))) == 1
            [spoilt] = await bus.has_letters("event-invalid")
            assert (spoilt.id, spoilt.system, spoilt.route) == (refused.id, refused.system, refused.route)

    play(story)


def test_an_event_that_was_published_under_another_type_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        message = event_message(placed("S-1"))
        async with running(tmp_path, QUIET) as bus:
            for key in ("order.placed", "order.taken"):
                headers = {**message.headers, "cloudEvents_id": key, PUBLISHED_AS: key}
                await bus.publish(msgspec.structs.replace(message, id=key, headers=headers))
            [letter] = await bus.has_letters("event-key-differs")
            assert (letter.type, letter.fields) == ("order.placed", {"key": "order.taken", "type": "order.placed"})

    play(story)


def test_a_replay_whose_route_is_gone_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        message = event_message(placed("S-1"))
        async with running(tmp_path, with_routes("r: {on: order.placed, to: wms, json: data}"), broker) as bus:
            headers = {**message.headers, REPLAY: 1, "bus-route": "former", "bus-system": "wms"}
            await bus.publish(msgspec.structs.replace(message, headers=headers))
            [letter] = await bus.has_letters("route-gone")
            assert letter.state == "parked"

    play(story)


def test_a_delivery_too_large_for_the_broker_is_a_letter_and_the_others_go(tmp_path: Path) -> None:
    async def story() -> None:
        from bus.runtime.embedded import EmbeddedBroker

        broker = EmbeddedBroker(tmp_path / "bus.db", max_body_bytes=2000)
        routing = with_routes(
            "big: {on: order.placed, to: wms, json: {a: data.note, b: data.note, c: data.note}}",
            "small: {on: order.placed, to: oa, json: {no: data.no}}",
        )
        async with running(tmp_path, routing, broker) as bus:
            await bus.publish(placed("S-1", note="x" * 1000), placed("S-2", note="y"))
            [letter] = await bus.has_letters("message-too-large")
            assert (letter.route, letter.subject) == ("big", "S-1")
            await bus.idle()
            depths = await broker.depth([to("wms"), to("oa")])
            assert (depths[to("wms")].messages, depths[to("oa")].messages) == (1, 2)

    play(story)


def test_an_event_in_structured_mode_is_delivered_with_its_whole_envelope(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        body = (
            b'{"specversion":"1.0","type":"order.placed","source":"shop","id":"S-1","time":"2026-11-01T08:00:00Z",'
            b'"data":{"no":"S-1","item":"I1","qty":2.50}}'
        )
        async with running(tmp_path, with_routes("r: {on: order.placed, to: wms, json: data}"), broker) as bus:
            await bus.publish(Message("bus.router", "S-1", body, {}, "application/cloudevents+json"))
            await until(lambda: len(broker.messages(to("wms"))) == 1)
            [delivery] = broker.messages(to("wms"))
            assert delivery.headers["cloudEvents_time"] == "2026-11-01T08:00:00Z"
            assert delivery.headers["cloudEvents_partitionkey"] == "S-1"
            assert b"2.50" in delivery.body

    play(story)


def test_one_key_keeps_its_order_through_the_partitions(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        routing = with_routes("r: {on: order.placed, to: wms, ordering: key, json: data}")
        async with running(tmp_path, routing, broker) as bus:
            events = [replace(placed(f"{key}-{n}"), key=key) for n in range(20) for key in "abc"]
            await bus.publish(*events)
            await bus.idle()
            came = numbers(broker.messages(to("wms")))
            for key in "abc":
                assert [no for no in came if no[0] == key] == [f"{key}-{n}" for n in range(20)]

    play(story)


def test_documents_become_events_and_decimals_keep_their_digits(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, target=target) as bus:
            status, told = await bus.post(order("S-1", qty="2.50"))
            assert (status, told) == (202, {"events": [{"type": "order.placed", "id": "S-1"}]})
            await until(lambda: len(target.requests) == 1)
            assert target.requests[0].body == b'{"no":"S-1","item":"I1","qty":2.50}'
            await until(lambda: bus.file("oa/S-1") is not None)
            assert Decimal(str(bus.file("oa/S-1")["qty"])) == Decimal("2.5")

    play(story)


def test_only_the_named_parts_run(tmp_path: Path) -> None:
    from bus.runtime.app import Parts

    async def story() -> None:
        broker = MemoryBroker()
        async with answering() as target:
            async with running(tmp_path, SHOP, broker, target=target, parts=Parts(True, frozenset())) as bus:
                await bus.publish(placed("S-1"))
                await bus.idle()
                assert (len(broker.messages(to("wms"))), target.requests) == (1, [])
            async with running(tmp_path, SHOP, broker, target=target, parts=Parts(False, frozenset({"wms"}))) as bus:
                await bus.publish(placed("S-2"))
                await until(lambda: len(target.requests) == 1)
                await asyncio.wait_for(bus.idle(), 5)
                assert numbers(broker.messages("bus.router")) == ["S-2"], "the router is another process's"
                assert numbers(broker.messages(to("oa"))) == ["S-1"]

    play(story)


ORDERED = SHOP.replace("to: wms, json: data", "to: wms, ordering: key, json: {share: 10 / data.qty}")


def test_a_mapping_that_fails_on_an_ordered_route_holds_back_its_key_and_a_replay_comes_to_its_place(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with answering() as target, running(tmp_path, ORDERED, broker, target=target) as bus:
            for n, qty in enumerate((0, 1, 2)):
                await bus.publish(replace(placed(f"S-{n}", qty=qty), key="a"))
            [letter] = await bus.has_letters("division-by-zero")
            assert (letter.key, letter.system, letter.route) == ("a", "wms", "to-wms")
            await until(lambda: len(broker.messages(held("wms"))) == 3)
            waiting = await behind(broker, [letter])
            assert [one.subject for one in waiting.of(letter)] == ["S-1", "S-2"]
            assert target.requests == []

            await bus.replay(system="wms")  # as wrong as before
            await until(lambda: bus.value("bus_deliveries_dead_total", route="to-wms", system="wms") == 2)
            [again] = await bus.has_letters("division-by-zero")
            assert (again.id, again.place) == (letter.id, letter.place)

            await bus.edit(again, b'{"no": "S-0", "item": "I1", "qty": 5}')
            await bus.replay(system="wms")
            await until(lambda: len(target.requests) == 3)
            assert [request.json["share"] for request in target.requests] == [2, 10, 5]
            await bus.idle()
            assert broker.messages(held("wms")) == []

    play(story)


def test_of_several_rounds_the_one_that_failed_is_replayed_and_the_others_keep_their_order(tmp_path: Path) -> None:
    async def story() -> None:
        route = "to-wms: {on: order.placed, for: 'part in [1, 2, 3]', to: wms, ordering: key, json: {no: 'f\"{data.no}-{part}\"'}}"
        bad = {"S-0-2"}

        def told(request: Request) -> bytes:
            return answer(status=400) if request.json["no"] in bad else answer()

        async with answering(told) as target, running(tmp_path, with_routes(route, base=SHOP), target=target) as bus:
            await bus.publish(replace(placed("S-0"), key="a"), replace(placed("S-1"), key="a"))
            [letter] = await bus.has_letters("target-refused")
            await until(lambda: len(bus.transport.messages(held("wms"))) == 5)
            assert len((await behind(bus.transport, [letter])).of(letter)) == 4
            bad.clear()
            await bus.replay(system="wms")
            await until(lambda: len(target.requests) == 7)
            assert target.numbers() == ["S-0-1", "S-0-2", "S-0-2", "S-0-3", "S-1-1", "S-1-2", "S-1-3"]

    play(story)


async def fail_and_mend(bus: Any) -> None:
    """Let an event fail to be divided by 0, hold back both rounds of the next one, mend it and replay it."""
    await bus.publish(replace(placed("S-0", qty=0), key="a"), replace(placed("S-1"), key="a"))
    [letter] = await bus.has_letters("division-by-zero")
    await until(lambda: len(bus.transport.messages(held("wms"))) == 3)
    await bus.edit(letter, b'{"no": "S-0", "item": "I1", "qty": 1}')
    await bus.replay(system="wms")


def test_rounds_that_could_not_be_mapped_come_to_one_place_in_their_order(tmp_path: Path) -> None:
    async def story() -> None:
        route = "to-wms: {on: order.placed, for: 'part in [1, 2]', to: wms, ordering: key, json: {no: 'f\"{data.no}-{part}\"', x: 1 / data.qty}}"
        async with answering() as target, running(tmp_path, with_routes(route, base=SHOP), target=target) as bus:
            await fail_and_mend(bus)
            await until(lambda: len(target.requests) == 4)
            assert target.numbers() == ["S-0-1", "S-0-2", "S-1-1", "S-1-2"]
            await bus.idle()
            assert bus.transport.messages(held("wms")) == []

    play(story)


def test_a_letter_whose_event_makes_no_delivery_any_more_lets_go_what_waited(tmp_path: Path) -> None:
    async def story() -> None:
        route = "to-wms: {on: order.placed, for: 'part in [1, 2]', if: 1 / data.qty < 1, to: wms, ordering: key, json: {no: data.no}}"
        async with answering() as target, running(tmp_path, with_routes(route, base=SHOP), target=target) as bus:
            await fail_and_mend(bus)
            await until(lambda: target.numbers() == ["S-1", "S-1"])
            await bus.has_letters()

    play(story)


def test_an_edit_that_is_no_event_comes_back_to_its_place(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering(answer(status=400)) as target, running(tmp_path, ORDERED, target=target) as bus:
            await bus.publish(replace(placed("S-0"), key="a"), replace(placed("S-1"), key="a"))
            [letter] = await bus.has_letters("target-refused")
            await bus.edit(letter, b'{"no": 7}')
            await bus.replay(system="wms")
            [again] = await bus.has_letters("event-invalid")
            assert (again.id, again.place, again.key) == (letter.id, letter.place, "a")

    play(story)


def test_an_ordered_route_to_a_system_that_reads_by_itself_keeps_its_letters_to_itself(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        route = "to-wms: {on: order.placed, to: wms, ordering: key, json: {share: 10 / data.qty}}"
        async with running(tmp_path, with_routes(route), broker) as bus:
            await bus.publish(replace(placed("S-0", qty=0), key="a"), replace(placed("S-1"), key="a"))
            [letter] = await bus.has_letters("division-by-zero")
            assert letter.place == 0
            assert numbers(broker.messages(to("wms"))) == ["S-1"]

    play(story)
