"""Order per key on a whole bus without a disk: whatever fails, is replayed, dropped or killed."""

import asyncio
import json
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.adapter import Answer, Outbound
from bus.config.model import Configuration
from bus.event import Event
from bus.letters import Letter
from bus.routing import Routing
from bus.runtime import deadletters
from bus.runtime.app import topology_of
from bus.runtime.delivery import Delivery
from bus.runtime.files import usable_configuration
from bus.runtime.held import FENCE
from bus.runtime.memory import MemoryBroker
from bus.runtime.router import Router
from bus.runtime.telemetry import Telemetry
from bus.topology import dead, held, to
from bus.wire import event_message

from tests.runtime.whole import play, until, write

ROUTING = """\
version: 1
systems:
  shop: {source: {adapter: http, path: /in, format: json}}
  wms: {sink: {adapter: http, url: "http://127.0.0.1:9/", concurrency: 2, retry: [2ms]}}
events:
  order.placed: {no: text, qty: decimal}
  order.changed: {no: text, qty: decimal}
routes:
  placed: {on: order.placed, to: wms, ordering: key, json: {no: data.no, rest: 10 / data.qty}}
  changed: {on: order.changed, to: wms, ordering: key, json: {no: data.no, rest: 10 / data.qty}}
"""


@cache
def configuration() -> Configuration:
    with TemporaryDirectory() as folder:
        return usable_configuration(write(Path(folder), ROUTING))[0]


class Sink:
    """A target that refuses what it is told to, for good or for now."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.busy: set[str] = set()  # for one try
        self.effects: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def deliver(self, batch: Sequence[Outbound]) -> Sequence[Answer]:
        await asyncio.sleep(0)
        await self.open.wait()
        return [self._take(json.loads(one.body)["no"]) for one in batch]

    def _take(self, no: str) -> Answer:
        if no in self.busy:
            self.busy.remove(no)
            return Answer(ok=False, code="busy", retry=True)
        if no in self.bad:
            return Answer(ok=False, code="bad")
        self.effects.append(no)
        return Answer(ok=True)

    async def close(self) -> None: ...


def of(*letters: Letter) -> deadletters.Chosen:
    """These letters; all without any."""
    return deadletters.Chosen(frozenset(letter.id for letter in letters))


class Shop:
    """Orders by key, and the bus that takes them to the warehouse."""

    def __init__(self) -> None:
        self.config = configuration()
        self.topology = topology_of(self.config)
        self.broker, self.sink = MemoryBroker(), Sink()
        self.sent: dict[str, list[str]] = {"a": [], "b": [], "c": []}
        self.dropped: set[str] = set()

    async def start(self) -> None:
        await self.broker.open(self.topology)
        routing, telemetry = Routing(self.config), Telemetry(self.config.systems)
        self.router = Router(self.broker, routing, telemetry, time.time)
        self.delivery = Delivery("wms", self.sink, self.broker, routing, telemetry, time.time)
        await self.delivery.start()
        await self.router.start(self.topology.router_queues)

    async def die(self) -> None:
        self.broker.die()
        await self.router.stop()
        await self.delivery.stop(0)

    async def send(self, key: str, *, mapped: bool = True) -> str:
        """One more event of that key; one that is not mapped fails in the router until it is edited."""
        no = f"{key}-{len(self.sent[key])}"
        self.sent[key].append(no)
        type_ = "order.placed" if no.endswith("0") else "order.changed"
        await self.broker.publish(event_message(Event(type_, "shop", no, {"no": no, "qty": int(mapped)}, key=key)))
        return no

    async def pick(self, number: int) -> list[Letter]:
        """One letter of all."""
        found = await deadletters.found(self.broker, self.config.systems, deadletters.Chosen())
        return [found[number % len(found)]] if found else []

    async def replay(self, *letters: Letter) -> None:
        """Replay these, or all there are."""
        await deadletters.replay(self.broker, self.config.systems, of(*letters))

    async def drop(self, *letters: Letter) -> None:
        """Drop these, or all there are."""
        await deadletters.drop(self.broker, self.config.systems, of(*letters))

    async def mend(self) -> None:
        """Edit what could not be mapped, and let the target take everything."""
        self.sink.bad.clear()
        for letter in await deadletters.found(self.broker, self.config.systems, deadletters.Chosen()):
            body = json.dumps({"no": letter.subject, "qty": 1}).encode()
            assert (await deadletters.edit(self.broker, self.config.systems, letter, body)).letters == 1
            assert letter.system == "wms"

    def depth(self, *queues: str) -> int:
        return sum(len(self.broker.messages(queue)) for queue in queues)

    async def quiet(self) -> None:
        """Wait until nothing moves but what waits for a person."""
        moving = (*self.topology.event_queues, to("wms"))
        await until(lambda: self.depth(*moving) == 0 and self.delivery.idle, "it does not come to rest")

    async def all_delivered(self) -> None:
        async def replayed() -> bool:
            await self.quiet()
            await self.mend()
            await self.replay()
            await self.quiet()
            return self.depth(dead("wms")) == 0

        await until(replayed)

    def check(self) -> None:
        first = list(dict.fromkeys(self.sink.effects))
        for key, sent in self.sent.items():
            assert [no for no in first if no[0] == key] == [no for no in sent if no not in self.dropped]
        left = [message for message in self.broker.messages(held("wms")) if FENCE not in message.headers]
        assert not left
        assert self.depth(to("wms"), dead("wms")) == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from("aaabc")),
        st.tuples(st.just("send"), st.sampled_from("aaabc")),
        st.tuples(st.just("bad"), st.sampled_from("aaabc")),
        st.tuples(st.sampled_from(["unmapped", "busy"]), st.sampled_from("abc")),
        st.tuples(st.sampled_from(["replay", "mend and replay", "drop"]), st.integers(0, 9)),
        st.tuples(st.sampled_from(["quiet", "turns", "replay all", "restart"]), st.integers(0, 9)),
    ),
    max_size=40,
)


async def live(shop: Shop, steps: Sequence[tuple[str, Any]]) -> None:
    restarts = 0
    for word, argument in steps:
        if word in ("send", "bad", "busy", "unmapped"):
            if word in ("bad", "busy"):
                getattr(shop.sink, word).add(f"{argument}-{len(shop.sent[argument])}")
            await shop.send(argument, mapped=word != "unmapped")
        elif word in ("replay", "mend and replay", "drop"):
            picked = await shop.pick(argument)
            for letter in picked:
                if word == "mend and replay":
                    shop.sink.bad.discard(letter.subject)
                if word == "drop":
                    shop.dropped.add(letter.subject)
                    await shop.drop(letter)
                else:
                    await shop.replay(letter)
        elif word == "replay all":
            await shop.replay()
        elif word == "quiet":
            await shop.quiet()
        elif word == "turns":
            for _ in range(argument):
                await asyncio.sleep(0)
        elif restarts < 3:
            restarts += 1
            await shop.die()
            await shop.start()


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from([2, 500]), STEPS)
def test_the_order_of_a_key_holds_whatever_fails_is_replayed_dropped_or_killed(
    prefetch: int, steps: list[tuple[str, Any]]
) -> None:
    async def story() -> None:
        shop = Shop()
        await shop.start()
        try:
            await live(shop, steps)
            await shop.all_delivered()
            shop.check()
        finally:
            await shop.delivery.stop(0)
            await shop.router.stop()
            await shop.broker.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bus.runtime.delivery.PREFETCH", prefetch)
        play(story)


@pytest.mark.parametrize("turns", range(40))
def test_killed_at_any_moment_while_what_waited_is_let_go_the_order_holds(turns: int) -> None:
    async def story() -> None:
        shop = Shop()
        await shop.start()
        shop.sink.bad = {"a-0", "a-3"}
        for _ in range(6):
            await shop.send("a")
        await shop.quiet()
        shop.sink.bad.clear()
        await shop.replay()
        for turn in range(turns):
            if turn % 3 == 0:
                await shop.send("a")  # one more comes at any moment
            await asyncio.sleep(0)
        await shop.die()
        await shop.start()
        await shop.all_delivered()
        shop.check()
        await shop.delivery.stop(0)

    play(story)


@pytest.mark.parametrize("turns", range(20))
def test_what_comes_while_the_worker_is_full_does_not_overtake_what_was_let_go_before_it_died(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        shop = Shop()
        await shop.start()
        shop.sink.bad = {"a-0"}
        for _ in range(3):
            await shop.send("a")
        await shop.quiet()
        shop.sink.open.clear()
        shop.dropped.add("a-0")
        await shop.drop()
        await shop.send("b")
        await shop.send("a")  # behind the note and b-0: nobody takes it any more
        for _ in range(turns):
            await asyncio.sleep(0)
        await shop.die()
        shop.sink.open.set()
        await shop.start()
        await shop.all_delivered()
        shop.check()
        await shop.delivery.stop(0)

    monkeypatch.setattr("bus.runtime.delivery.PREFETCH", 2)
    play(story)
