"""What becomes of a delivery: done, again, parked, dead, and what is told of it."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.runtime.memory import MemoryBroker
from bus.topology import to

from tests.runtime.whole import (
    ITEMS,
    SHOP,
    Request,
    Target,
    Whole,
    answer,
    answering,
    numbers,
    order,
    placed,
    play,
    running,
    until,
)

ROUTE = "  to-wms: {on: order.placed, to: wms, json: data}\n"
JUDGED = SHOP.replace("retry: [50ms, 100ms]}}", """retry: [50ms, 100ms], success: response.flag == "success", failures: [
    {when: response.code == "S003", do: done}, {when: response.code == "S001", do: retry},
    {when: response.code == "B017", do: park}, {when: response.code == "X", do: dead}]}}""")
REPLYING = JUDGED.replace(ROUTE, """\
  to-wms:
    on: order.placed
    to: wms
    json: data
    then: {event: order.taken, map: {no: response.number}}
    otherwise: {event: order.refused, map: {no: data.no, code: failure.code, message: failure.message}}
  replies: {on: [order.taken, order.refused], to: oa, name: 'event.type + "-" + data.no', json: data}
""")


def failing(code: str, message: str = "told so") -> bytes:
    return answer({"flag": "failure", "code": code, "message": message})


@pytest.mark.parametrize(
    ("told", "state", "code"),
    [
        (failing("S003"), None, ""),
        (failing("B017"), "parked", "target-refused"),
        (failing("X"), "dead", "target-refused"),
        (failing("nobody knows"), "dead", "target-refused"),
        (failing("S001"), "dead", "retries-exhausted"),
        (answer(status=400), "dead", "target-refused"),
        (answer(status=302, location="http://127.0.0.1:9/"), "dead", "target-refused"),
        (answer(status=408), "dead", "retries-exhausted"),
        (answer(status=503), "dead", "retries-exhausted"),
        (answer("<html>Bad Gateway</html>", 502, content_type="text/html"), "dead", "retries-exhausted"),
        (answer("<html>Not Found</html>", 404, content_type="text/html"), "dead", "target-refused"),
    ],
)
def test_failures_are_sorted_by_the_first_line_that_fits(tmp_path: Path, told: bytes, state: str | None, code: str) -> None:
    async def story() -> None:
        async with answering(told) as target, running(tmp_path, JUDGED, target=target) as bus:
            await bus.publish(placed("S-1"))
            await until(lambda: len(target.requests) > 0)
            if state is None:
                await bus.idle()
                assert await bus.letters() == []
                return
            [letter] = await bus.has_letters(code)
            assert (letter.state, letter.system, letter.route, letter.subject) == (state, "wms", "to-wms", "S-1")
            assert letter.attempts == len(target.requests) == (3 if code == "retries-exhausted" else 1)
            assert len({request.headers["idempotency-key"] for request in target.requests}) == 1
            assert bus.value(f"bus_deliveries_{state}_total", route="to-wms", system="wms") == 1

            target.told = answer()
            assert await bus.replay(system="wms") == 1
            await bus.has_letters()
            assert target.numbers()[-1] == "S-1"

    play(story)


def test_nobody_there_is_tried_again_and_what_the_target_asked_for_is_waited(tmp_path: Path) -> None:
    async def story() -> None:
        times: list[float] = []

        def told(request: Request) -> bytes:
            times.append(time.monotonic())
            return answer(status=429, retry_after="1") if len(times) == 1 else answer()

        async with answering(told) as target, running(tmp_path, target=target) as bus:
            await target.close()
            await bus.publish(placed("S-1"))
            await until(lambda: bus.value("bus_deliveries_retried_total", route="to-wms", system="wms") >= 1)
            await target.open()
            await until(lambda: len(times) == 2)
            assert 0.9 < times[1] - times[0] < 2.5
            await bus.idle()
            assert await bus.letters() == []

    play(story)


def test_a_wait_longer_than_the_broker_has_a_delay_for_is_waited_to_its_end(tmp_path: Path) -> None:
    class Short(MemoryBroker):
        """Like RabbitMQ, it has only the delays of the schedule; the longest stands for all that are longer."""

        async def publish(self, *messages: Any) -> None:
            await super().publish(*messages)

        def settle(self, lent: Any, messages: Any, mark: Any) -> None:
            super().settle(lent, [msgspec.structs.replace(one, delay_s=min(one.delay_s, 0.1)) for one in messages], mark)

    async def story() -> None:
        times: list[float] = []

        def told(request: Request) -> bytes:
            times.append(time.monotonic())
            return answer(status=429, retry_after="1") if len(times) == 1 else answer()

        async with answering(told) as target, running(tmp_path, transport=Short(), target=target) as bus:
            await bus.publish(placed("S-1"))
            await until(lambda: len(times) == 2)
            assert times[1] - times[0] > 0.4

    play(story)


def test_replies_arrive_and_repeating_a_delivery_changes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        def told(request: Request) -> bytes:
            if request.json["no"] == "S-2":
                return failing("X", "no such item")
            return answer({"flag": "success", "number": "N-" + request.json["no"]})

        async with answering(told) as target, running(tmp_path, REPLYING, target=target) as bus:
            await bus.publish(placed("S-1"), placed("S-2"))
            await until(lambda: bus.file("oa/order.taken-N-S-1") is not None)
            await until(lambda: bus.file("oa/order.refused-S-2") is not None)
            assert bus.file("oa/order.refused-S-2") == {"no": "S-2", "code": "X", "message": "no such item"}
            [delivery] = [request for request in target.requests if request.json["no"] == "S-1"]

            # the delivery itself comes again, as after a crash between the target's answer and the bus's note of it
            stored = [message for message in sent if message.id == delivery.headers["idempotency-key"]]
            await bus.publish(stored[0])
            await until(lambda: target.numbers().count("S-1") == 2)
            await until(lambda: bus.value("bus_events_duplicate_total", system="wms") == 1)
            assert (await bus.has_letters("target-refused"))[0].subject == "S-2"

    sent: list[Any] = []
    become = MemoryBroker.settle

    def settle(broker: MemoryBroker, lent: Any, messages: Any, mark: Any) -> None:
        sent.extend(messages)
        become(broker, lent, messages, mark)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryBroker, "settle", settle)
        play(story)


def test_a_reply_that_cannot_be_made_is_kept_and_made_once_the_answer_has_what_it_needs(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, REPLYING, target=target) as bus:
            await bus.publish(placed("S-1"))
            [letter] = await bus.has_letters("path-missing")
            assert (letter.state, letter.route) == ("parked", "to-wms")
            target.told = answer({"flag": "success", "number": "N-1"})
            await bus.replay(system="wms")
            await until(lambda: bus.file("oa/order.taken-N-1") is not None)
            await bus.has_letters()

    play(story)


def test_an_answer_that_cannot_be_judged_is_parked(tmp_path: Path) -> None:
    async def story() -> None:
        routing = SHOP.replace("retry: [50ms, 100ms]}}", "success: decimal(response.left) > 0}}")
        async with answering(answer({"left": "plenty"})) as target, running(tmp_path, routing, target=target) as bus:
            await bus.publish(placed("S-1"), placed("S-2"))
            letters = await bus.has_letters("answer-unclear", "answer-unclear")
            assert {letter.state for letter in letters} == {"parked"}
            assert all(letter.where.startswith("routing.yaml:") or "routing.yaml:" in letter.where for letter in letters)
            assert len(target.requests) == 2

    play(story)


def test_a_target_that_is_down_is_left_alone_and_its_deliveries_keep_their_tries(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target:
            await target.close()
            routing = SHOP.replace("[50ms, 100ms]", "[1s, 1s, 1s]")
            async with running(tmp_path, routing, target=target) as bus:
                await bus.publish(*(placed(f"S-{n}") for n in range(40)))
                await until(lambda: bus.lines("adapter_down") != [])
                assert bus.value("bus_adapter_up", system="wms", side="sink") == 0
                assert "system=wms side=sink code=system-down" in bus.lines("adapter_down")[0]
                assert await bus.letters() == []
                tried = bus.value("bus_deliveries_retried_total", route="to-wms", system="wms")
                assert tried < 20, "most of them were not tried at all"
                await until(lambda: len(list((tmp_path / "oa").glob("S-*"))) == 40, "the others go on")
                await target.open()
                await until(lambda: len(set(target.numbers())) == 40, limit_s=15)
                await until(lambda: bus.value("bus_adapter_up", system="wms", side="sink") == 1)
                await bus.idle()
                assert await bus.letters() == []
                assert Counter(target.numbers()).most_common(1)[0][1] == 1

    play(story)


def test_a_failed_delivery_holds_back_its_own_key_alone(tmp_path: Path) -> None:
    async def story() -> None:
        tries: Counter[str] = Counter()

        def told(request: Request) -> bytes:
            no = request.json["no"]
            tries[no] += 1
            return answer(status=503) if no == "a-0" and tries[no] < 3 else answer()

        routing = SHOP.replace("to: wms, json: data", "to: wms, ordering: key, json: data").replace("100ms", "400ms")
        async with answering(told) as target, running(tmp_path, routing, target=target) as bus:
            await bus.publish(*(replace(placed(f"{key}-{n}"), key=key) for n in range(5) for key in "abc"))
            await bus.idle()
            came = target.numbers()
            for key in "abc":
                assert [no for no in dict.fromkeys(came) if no[0] == key] == [f"{key}-{n}" for n in range(5)]
            last_of_a0 = len(came) - 1 - came[::-1].index("a-0")
            assert {no for no in came[:last_of_a0] if no[0] != "a"} == {f"{key}-{n}" for n in range(5) for key in "bc"}
            assert all(no[0] != "a" or no == "a-0" for no in came[:last_of_a0])

    play(story)


def test_other_tables_taken_into_use_drop_nothing_that_waits_for_its_turn(tmp_path: Path) -> None:
    async def story() -> None:
        taken = asyncio.Event()

        async def slow(_request: Request) -> bytes:
            await taken.wait()
            return answer()

        async with answering(slow) as target, running(tmp_path, target=target) as bus:
            await bus.publish(*(placed(f"S-{n}") for n in range(50)))
            await until(lambda: len(bus.app.ends.deliveries["wms"]._jobs) == 50)
            before = bus.app.config
            (tmp_path / "item.csv").write_text(ITEMS + "I3,C,W-C\n")
            await until(lambda: bus.app.config is not before)
            taken.set()
            await until(lambda: len(target.requests) == 50)
            await bus.idle()
            assert sorted(target.numbers()) == sorted(f"S-{n}" for n in range(50))

    play(story)


def test_headers_name_and_path_reach_the_target(tmp_path: Path) -> None:
    async def story() -> None:
        route = "to-wms: {on: order.placed, to: wms, path: '\"orders/\" + data.no', headers: {X-Site: '\"SH\"'}, json: data}"
        routing = SHOP.replace(ROUTE, f"  {route}\n")
        async with answering() as target, running(tmp_path, routing, target=target) as bus:
            await bus.publish(placed("S-1"))
            await until(lambda: len(target.requests) == 1)
            assert target.requests[0].path == "/api/orders/S-1"
            assert target.requests[0].headers["x-site"] == "SH"
            assert target.requests[0].headers["ce-id"] == "S-1"
            await until(lambda: bus.file("oa/S-1") is not None)

    play(story)


class Raising:
    """A third party's sink at its worst."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    async def deliver(self, batch: Any) -> Any:
        match self.fault:
            case "raises":
                raise KeyError("canary")
            case "says too little":
                return []
        raise AssertionError

    async def close(self) -> None: ...


@pytest.mark.parametrize("fault", ["raises", "says too little"])
def test_a_sink_that_breaks_its_contract_loses_nothing(tmp_path: Path, fault: str) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, target=target) as bus:
            delivery = bus.app.ends.deliveries["wms"]
            delivery._sink, kept = Raising(fault), delivery._sink
            await bus.publish(placed("S-1"))
            [letter] = await bus.has_letters("retries-exhausted")
            assert letter.fields["answer"] == "sink-failed"
            assert "canary" not in "".join(bus.log)
            delivery._sink = kept
            await bus.replay(system="wms")
            await until(lambda: target.numbers() == ["S-1"])

    play(story)


def test_a_delivery_handed_out_again_after_a_broken_connection_is_delivered_once(tmp_path: Path) -> None:
    async def story() -> None:
        gate = asyncio.Event()

        async def told(request: Request) -> bytes:
            await gate.wait()
            return answer()

        broker = MemoryBroker()
        routing = SHOP.replace('url: "URL"', 'url: "URL", concurrency: 1')
        async with answering(told) as target, running(tmp_path, routing, broker, target=target) as bus:
            await bus.publish(placed("S-1"), placed("S-2"))
            await until(lambda: len(target.requests) == 1 and len(bus.app.ends.deliveries["wms"]._jobs) == 2)
            queue = broker._queues[to("wms")]
            for lent, kept in list(queue.lent.items()):  # what a transport does when its connection breaks
                del queue.lent[lent]
                queue.waiting.append(kept)
            broker._serve(queue)
            gate.set()
            await bus.idle()
            assert target.numbers() == ["S-1", "S-2"]
            assert broker.messages(to("wms")) == []

    play(story)


def test_deliveries_wait_for_a_system_that_reads_them_by_itself(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        routing = SHOP.replace("oa: {sink: {adapter: file, folder: oa}}", "oa: {sink: {adapter: queue}}")
        routing = routing.replace("to: oa, name: data.no,", "to: oa,")
        async with answering() as target, running(tmp_path, routing, broker, target=target) as bus:
            await post_all(bus, target)
            [delivery] = broker.messages(to("oa"))
            assert delivery.body == b'{"no":"S-1","item":"I1","qty":2}'
            assert (delivery.content_type, delivery.content_encoding) == ("application/json", "utf-8")
            assert "bus-event" not in delivery.headers
            assert numbers([delivery]) == ["S-1"]

    async def post_all(bus: Whole, target: Target) -> None:
        await bus.post(order("S-1"))
        await bus.idle()

    play(story)
