"""Hot reload in a running bus: what changes, what goes on, and what is refused."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.config.model import Configuration
from bus.errors import ConfigurationError, Unavailable
from bus.ports import Received
from bus.runtime import reload
from bus.runtime.files import Disk, read_configuration, usable_configuration
from bus.runtime.memory import MemoryBroker
from bus.runtime.reload import Reloader
from bus.runtime.telemetry import Telemetry
from bus.topology import Topology, to

from tests.runtime.whole import (
    ITEMS,
    SHOP,
    Request,
    Whole,
    answer,
    answering,
    order,
    placed,
    play,
    running,
    until,
    write,
)

OA = "  oa: {sink: {adapter: file, folder: oa}}\n"
TO_OA = "  to-oa: {on: order.placed, to: oa, name: data.no, json: data}\n"
WITHOUT_OA = SHOP.replace(OA, "").replace(TO_OA, "")
BROKEN = SHOP.replace("data.no, json: data", "data.nr, json: data")


async def reloaded(bus: Whole, routing: str) -> None:
    """Put a routing.yaml in the place of the one there is, and wait until it is in use."""
    before = len(bus.lines("configuration_reloaded"))
    exchange(bus.folder / "routing.yaml", routing)
    await until(lambda: len(bus.lines("configuration_reloaded")) > before, "it was not taken")


async def refused(bus: Whole, routing: str) -> str:
    """The same with one that is refused; return the log line."""
    before = len(bus.lines("configuration_refused"))
    exchange(bus.folder / "routing.yaml", routing)
    await until(lambda: len(bus.lines("configuration_refused")) > before, "it was not refused")
    return bus.lines("configuration_refused")[-1]


def exchange(path: Path, text: str) -> None:
    """Replace a file whole, as careful programs do."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_routes_rules_and_tables_change_together_and_the_version_shows(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, target=target) as bus:
            routing = SHOP.replace("URL", target.url)
            first = bus.app.reloader.version
            assert bus.value("bus_configuration_info", version=first) == 1
            exchange(tmp_path / "item.csv", ITEMS + "I3,C,W-C\n")
            await reloaded(bus, routing.replace("json: data}", 'json: {no: data.no, code: \'lookup("item", data.item)\'}}', 1))
            await bus.post(order("S-1", item="C"))
            await until(lambda: target.numbers() == ["S-1"])
            assert target.requests[0].json == {"no": "S-1", "code": "W-C"}
            second = bus.app.reloader.version
            assert second != first
            assert bus.telemetry.metrics.registry.get_sample_value("bus_configuration_info", {"version": first}) is None
            assert bus.value("bus_configuration_info", version=second) == 1
            assert bus.value("bus_reloads_total", outcome="used") >= 1
            assert f"before={first}" in bus.lines("configuration_reloaded")[0]

    play(story)


def test_a_broken_file_leaves_the_old_version_in_use_and_is_said_once_in_log_metric_and_status(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, target=target) as bus:
            version = bus.app.reloader.version
            line = await refused(bus, BROKEN.replace("URL", target.url))
            assert 'reason="routing.yaml:' in line.replace(f"{tmp_path}/", "")
            assert " error " in line
            assert "data.nr" in line
            assert bus.value("bus_reload_failed") == 1
            assert bus.value("bus_reloads_total", outcome="refused") == 1
            assert version in str(bus.app.troubles["configuration"])
            await bus.post(order("S-1"))
            await until(lambda: target.numbers() == ["S-1"], "the old version goes on")
            bus.app.reloader.ask()
            await until(lambda: len(bus.lines("configuration_refused")) == 2, "whoever asks is told again")
            exchange(tmp_path / "routing.yaml", SHOP.replace("URL", target.url))
            await until(lambda: bus.lines("configuration_unchanged") != [], "it is again what is in use")
            assert bus.value("bus_reload_failed") == 0
            assert bus.app.troubles == {}
            assert bus.app.reloader.version == version
            assert len(bus.lines("configuration_refused")) == 2

    play(story)


def test_a_new_system_begins_and_one_that_is_gone_finishes_and_leaves_its_queue(tmp_path: Path) -> None:
    async def story() -> None:
        gate = asyncio.Event()

        async def told(request: Request) -> bytes:
            await gate.wait()
            return answer()

        async with answering(told) as target, running(tmp_path, WITHOUT_OA, target=target) as bus:
            await bus.publish(placed("S-1"), placed("S-2"))
            await until(lambda: len(target.requests) == 2)
            exchange(tmp_path / "routing.yaml", SHOP[: SHOP.index("  wms: ")] + OA + SHOP[SHOP.index("lookups:"):].replace(
                "  to-wms: {on: order.placed, to: wms, json: data}\n", ""
            ).replace("order.taken", "order.token"))
            await until(lambda: "wms" not in bus.app.config.systems)
            await bus.publish(placed("S-3"))
            await until(lambda: bus.file("oa/S-3") is not None, "the new system gets its deliveries")
            assert "wms" in bus.app.ends.deliveries, "it has two deliveries out"
            gate.set()
            await until(lambda: "wms" not in bus.app.ends.deliveries)
            await until(lambda: len(bus.lines("queue_left_over")) == 2)
            assert [line.split("queue=")[1] for line in bus.lines("queue_left_over")] == [
                "to.wms messages=0", "dead.wms messages=0",
            ]
            assert await bus.letters() == []
            assert target.numbers() == ["S-1", "S-2"], "what was out was finished, and sent once"

    play(story)


def test_what_a_system_that_is_gone_could_not_be_sent_waits_in_its_queue_until_it_is_back(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with answering(answer(status=503)) as target, running(tmp_path, SHOP, broker, target=target) as bus:
            routing = SHOP.replace("URL", target.url).replace("50ms, 100ms", "50ms, 50ms, 50ms, 50ms, 10s")
            await reloaded(bus, routing)
            await bus.publish(placed("S-1"))
            await until(lambda: target.requests != [])
            await reloaded(bus, routing.replace(routing[routing.index("  wms:"): routing.index("  oa:")], "").replace(
                "  to-wms: {on: order.placed, to: wms, json: data}\n", ""
            ))
            await until(lambda: "wms" not in bus.app.ends.deliveries)
            assert len(broker.messages(to("wms"))) == 1
            target.told = answer()
            await reloaded(bus, routing)
            await until(lambda: bus.value("bus_deliveries_done_total", route="to-wms", system="wms") == 1)
            assert await bus.letters() == []

    play(story)


def test_a_sink_with_other_options_is_exchanged_and_the_others_run_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as one, answering() as other, running(tmp_path, target=one) as bus:
            wms, oa = (bus.app.ends.deliveries[name] for name in ("wms", "oa"))
            await bus.publish(*(placed(f"S-{n}") for n in range(50)))
            await reloaded(bus, SHOP.replace("URL", other.url))
            await until(lambda: bus.app.ends.deliveries["wms"] is not wms)
            assert bus.app.ends.deliveries["oa"] is oa
            await bus.publish(placed("S-50"))
            await bus.idle()
            assert sorted(one.numbers() + other.numbers()) == sorted(f"S-{n}" for n in range(51))
            assert other.numbers()[-1] == "S-50"

    play(story)


def test_a_delivery_in_hand_is_judged_by_the_version_it_was_taken_with(tmp_path: Path) -> None:
    async def story() -> None:
        gate = asyncio.Event()

        async def told(request: Request) -> bytes:
            await gate.wait()
            return answer(status=500)

        then = "to: wms, json: data, retry: [], otherwise: {event: order.refused, map: {no: data.no, code: failure.code, message: '\"VERSION\"'}}"
        routing = SHOP.replace("to: wms, json: data", then)
        async with answering(told) as target, running(tmp_path, routing.replace("VERSION", "one"), target=target) as bus:
            await bus.publish(placed("S-1"))
            await until(lambda: target.requests != [])
            gone = SHOP.replace("  order.refused: {no: text, code: text, message: text}\n", "")
            await reloaded(bus, gone.replace("URL", target.url))
            gate.set()
            letters = {letter.code: letter for letter in await bus.has_letters("retries-exhausted", "event-type-unknown")}
            assert letters["retries-exhausted"].attempts == 1, "not the schedule of the new version"

    play(story)


def test_ordering_that_comes_in_needs_a_restart_and_is_refused_with_that_reason(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, target=target) as bus:
            line = await refused(bus, SHOP.replace("URL", target.url).replace("to: wms,", "to: wms, ordering: key,"))
            assert "code=reload-ordering" in line
            await bus.post(order("S-1"))
            await until(lambda: target.numbers() == ["S-1"])
            assert not bus.app.topology.ordered

    play(story)


def test_what_the_broker_refuses_leaves_everything_as_it_was_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Strict(MemoryBroker):
        refuses = False

        async def open(self, topology: Topology) -> None:
            if self.refuses:
                raise ConfigurationError("amqp-queue-differs", name="to.oa", argument="a", wanted="b", found="c")
            await super().open(topology)

    async def story() -> None:
        monkeypatch.setattr(reload, "AGAIN_S", 0.1)
        broker = Strict()
        async with answering() as target, running(tmp_path, WITHOUT_OA, broker, target=target) as bus:
            broker.refuses = True
            line = await refused(bus, SHOP.replace("URL", target.url))
            assert "code=amqp-queue-differs" in line
            assert set(bus.app.ends.deliveries) == {"wms"}
            assert set(bus.app.config.systems) == {"shop", "wms"}
            broker.refuses = False
            await until(lambda: "oa" in bus.app.ends.deliveries, "it is used as soon as it can be")
            assert len(bus.lines("configuration_refused")) == 1, "tried again without a word"
            await bus.post(order("S-1"))
            await until(lambda: bus.file("oa/S-1") is not None)
            assert bus.app.troubles == {}

    play(story)


def test_the_first_http_source_opens_the_port_and_a_port_that_is_taken_refuses_the_version(tmp_path: Path) -> None:
    async def story() -> None:
        http = "shop: {source: {adapter: http, path: /in, format: json}}"
        async with answering() as target, running(tmp_path, SHOP.replace(http, "shop: {source: {adapter: queue}}"), target=target) as bus:
            assert not bus.app.listener.has_paths
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                other.listen()
                bus.app.listener.port = other.getsockname()[1]
                assert "code=port-taken" in await refused(bus, SHOP.replace("URL", target.url))
                assert not bus.app.listener.has_paths
            bus.app.listener.port = 0
            bus.app.reloader.ask()
            await until(lambda: bus.app.listener.has_paths)
            await until(lambda: bus.lines("configuration_reloaded") != [])
            assert (await bus.post(order("S-1")))[0] == 202

    play(story)


def test_a_path_follows_its_system_and_is_nobody_s_when_that_is_gone(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, target=target) as bus:
            renamed = SHOP.replace("URL", target.url).replace("shop", "store")
            exchange(tmp_path / "item.csv", ITEMS.replace("shop", "store"))
            await reloaded(bus, renamed)
            assert (await bus.post(order("S-1")))[0] == 202
            await until(lambda: bus.value("bus_events_accepted_total", system="store") == 1)
            await reloaded(bus, renamed.replace("path: /in", "path: /documents"))
            assert (await bus.post(order("S-2"), "/documents"))[0] == 202
            assert (await bus.post(order("S-2")))[0] == 404

    play(story)


def test_every_event_is_routed_by_one_version_alone(tmp_path: Path) -> None:
    """Both routes write the version; whatever moment it changes at, their documents of one event agree."""
    async def story() -> None:
        def version(n: int) -> str:
            return SHOP.replace("wms: {sink: {adapter: http, url: \"URL\", timeout: 2s, retry: [50ms, 100ms]}}", "wms: {sink: {adapter: queue}}").replace(
                OA, "  oa: {sink: {adapter: queue}}\n").replace("name: data.no, json: data", "json: data").replace(
                "json: data}", f"json: {{no: data.no, version: '{n}'}}}}")

        broker = MemoryBroker()
        async with running(tmp_path, version(0), broker) as bus:
            documents: dict[str, dict[str, bytes]] = {"wms": {}, "oa": {}}

            def take(system: str) -> Callable[[Any], None]:
                def handle(batch: list[Received]) -> None:
                    for received in batch:
                        documents[system][str(received.message.headers["cloudEvents_id"])] = received.message.body
                        received.become()
                return handle

            for system in documents:
                await broker.consume(to(system), take(system), 100)
            published = 0
            for n in range(1, 6):
                exchange(tmp_path / "routing.yaml", version(n))
                while len(bus.lines("configuration_reloaded")) < n:
                    await bus.publish(placed(f"S-{published}"))
                    published += 1
                    await asyncio.sleep(0)
            await bus.idle()
        assert len(documents["wms"]) == published
        assert documents["wms"] == documents["oa"]
        assert len(set(documents["wms"].values())) > 3

    play(story)


class Watched:
    """A reloader whose looks a test makes one by one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = write(folder, SHOP.replace("URL", "http://127.0.0.1:9/"))
        _, disk = usable_configuration(self.path)
        self.taken: list[str] = []
        self.failure: Unavailable | None = None
        self.reloader = Reloader(self.path, disk, self._take, Telemetry(), lambda _error: None)

    async def _take(self, config: Configuration, disk: Disk) -> None:
        if self.failure is not None:
            raise self.failure
        self.taken.append(disk.version)
        self.reloader.in_use(disk.version)

    async def look(self, *, asked: bool = False) -> int:
        """Look once; return how many versions were taken so far."""
        await self.reloader._look(asked=asked)
        return len(self.taken)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(tmp_path, monkeypatch)


def test_a_file_that_is_still_being_written_is_not_taken(watched: Watched) -> None:
    async def story() -> None:
        whole = watched.path.read_text() + "  more: {on: order.placed, to: oa, name: data.no, json: data}\n"
        for end in (len(whole) - 62, len(whole) - 30, len(whole)):  # the first part of it is a whole routing.yaml, too
            watched.path.write_text(whole[:end])
            assert await watched.look() == 0, "it has just changed"
        assert await watched.look() == 1
        assert await watched.look() == 1

    asyncio.run(story())


def test_a_file_that_changes_while_it_is_read_is_read_again(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        def disturbed(path: Path) -> Any:
            config = read_configuration(path)
            watched.path.write_text(watched.path.read_text() + "# another line\n")
            return config

        monkeypatch.setattr(reload, "read_configuration", disturbed)
        assert await watched.look(asked=True) == 0
        assert await watched.look() == 0
        monkeypatch.setattr(reload, "read_configuration", read_configuration)
        assert await watched.look() == 1

    asyncio.run(story())


def test_a_lookup_that_was_missing_is_noticed_when_it_comes(watched: Watched) -> None:
    async def story() -> None:
        text = watched.path.read_text()
        watched.path.write_text(text.replace("item.csv}", "item.csv, uom: uom.csv}"))
        for _ in range(4):
            assert await watched.look() == 0
        assert watched.reloader.refusal is not None
        assert watched.reloader.refusal.code == "lookup-file-missing"
        (watched.path.parent / "uom.csv").write_text("bus,wms\nEA,PCS\n")
        for _ in range(4):
            await watched.look()
        assert len(watched.taken) == 1
        assert watched.reloader.refusal is None

    asyncio.run(story())


def test_one_who_asks_need_not_wait_and_files_that_are_the_same_are_not_taken_again(watched: Watched) -> None:
    async def story() -> None:
        assert await watched.look(asked=True) == 0, "nothing has changed"
        os.utime(watched.path)
        for _ in range(3):
            assert await watched.look() == 0, "only its time has"
        watched.path.write_text(watched.path.read_text() + "# a remark\n")
        assert await watched.look(asked=True) == 1

    asyncio.run(story())


def test_a_folder_of_files_is_watched_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        folder = tmp_path / "routing"
        path = write(folder, SHOP.replace("URL", "http://127.0.0.1:9/"))
        watched = Watched(folder, monkeypatch)
        watched.path = path
        _, disk = usable_configuration(folder)
        watched.reloader = Reloader(folder, disk, watched._take, Telemetry(), lambda _error: None)
        (folder / "more.yaml").write_text("routes: {more: {on: order.placed, to: oa, name: data.no, json: data}}\n")
        (folder / ".#more.yaml").symlink_to("an editor's lock")
        (folder / "more_test.yaml").write_text("this is: [no routing")
        await watched.look()
        assert await watched.look() == 1
        (folder / "more.yaml").unlink()
        await watched.look()
        assert await watched.look() == 2
        assert watched.reloader.refusal is None

    asyncio.run(story())
