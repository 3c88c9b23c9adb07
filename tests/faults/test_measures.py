"""How soon, how much, how flat: figures that take minutes, by `make soak`. Each also asserts its bar.

Everything is measured on the real processes around a real broker; BUS_SOAK_EVENTS scales the long ones.
"""

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.brokers import Broker, virtual_host
from tests.faults.history import check, verdict_table
from tests.faults.play import AHEAD, keep_pace
from tests.faults.story import ORDERED, SYSTEMS, subscribes
from tests.faults.world import BUS, World, a_world, until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

MIB = 2**20
EVENTS = int(os.environ.get("BUS_SOAK_EVENTS", "0"))  # 0: as many as the bar says
PREFETCH = 1000  # of a router, for each queue it reads; of dealing out, twice that
Figures = Callable[[str], None]


@contextlib.asynccontextmanager
async def flowing(broker: Broker, folder: Path, keys: int, versions: int) -> AsyncIterator[World]:
    """A world in which events flow; whoever reads is never more than AHEAD behind."""
    with virtual_host(broker, "measures") as url:
        async with a_world([url], folder) as world:
            await world.start_bus()
            await world.start_publisher(keys, versions)
            pace = asyncio.create_task(keep_pace(world))
            world.due = keys * versions
            await until(lambda: world.in_flight() > 0, "nothing flows")
            yield world
            pace.cancel()


async def drained(world: World) -> str:
    """Let everything arrive; return the checker's table. Raises AssertionError for a promise that was broken."""
    await until(world.programs["publisher"].done.is_set, "the publisher did not end", 1800)
    await world.drained()
    left = await world.left()
    await world.stop()
    verdicts = check(list(world.facts()), SYSTEMS, subscribes, ORDERED)
    assert all(verdict.sound and verdict.delivered == verdict.attempted for verdict in verdicts), verdict_table(verdicts)
    assert not left
    return verdict_table(verdicts)


def rss_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


async def arrives_anew(world: World) -> float:
    """Wait until an event that is published from now on reaches its reader; return how long that took."""
    world.look()
    before = set(world.invoked)
    start = time.monotonic()

    def there() -> bool:
        world.look()
        return bool(world.arrived["scm"] - before)

    await until(there, "nothing arrived", 60)
    return time.monotonic() - start


def test_flow_resumes_within_five_seconds_of_a_broker_s_restart(rabbitmq: Broker, tmp_path: Path, figures: Figures) -> None:
    async def play() -> list[float]:
        took = []
        async with flowing(rabbitmq, tmp_path, 500, 10_000) as world:
            for _ in range(10):
                await arrives_anew(world)
                await asyncio.to_thread(rabbitmq.kill)
                await asyncio.to_thread(rabbitmq.start)
                took.append(await arrives_anew(world))
        return took

    took = asyncio.run(play())
    figures(f"after a restart an event came through within {sorted(round(s, 2) for s in took)} s, median {statistics.median(took):.2f} s")
    assert statistics.median(took) <= 5.0


def test_under_an_alarm_memory_stays_flat_and_everything_arrives(rabbitmq: Broker, tmp_path: Path, figures: Figures) -> None:
    async def play() -> None:
        async with flowing(rabbitmq, tmp_path, 500, 60) as world:
            world.programs["publisher"].say(str(10**9))  # full input
            pids = [world.programs[name].pid for name in ("router-1", "router-2", "publisher")]
            await asyncio.to_thread(rabbitmq.ctl, "set_vm_memory_high_watermark", "0.00001")
            before = [rss_mib(pid) for pid in pids]
            grown = 0.0
            end = time.monotonic() + 60
            while time.monotonic() < end:
                await asyncio.sleep(0.5)
                grown = max(grown, *(rss_mib(pid) - was for pid, was in zip(pids, before, strict=True)))
            await asyncio.to_thread(rabbitmq.ctl, "set_vm_memory_high_watermark", "0.6")
            figures(f"60 s of alarm at full input: a process grew by {grown:.1f} MiB at most\n\n{await drained(world)}")
            assert grown <= 50

    asyncio.run(play())


def test_order_per_key_holds_when_routers_die_and_one_is_added(rabbitmq: Broker, tmp_path: Path, figures: Figures) -> None:
    async def play() -> None:
        async with flowing(rabbitmq, tmp_path, 500, (EVENTS or 50_000) // 500) as world:
            for name in ("router-3", "router-4"):
                await world.start(name, *BUS, "run", "--only", "router", "--broker", "{broker}")
                await world.ready(name)
            total = world.due
            for share, name in ((0.3, "router-1"), (0.5, "router-3")):
                await until(lambda share=share: world.has_acknowledged(int(total * share)), "too slow", 600)  # type: ignore[misc]  # bound now
                world.programs[name].kill()
            await until(lambda: world.has_acknowledged(int(total * 0.7)), "too slow", 600)
            await world.start("router-5", *BUS, "run", "--only", "router", "--broker", "{broker}")
            figures(f"four routers, two killed, one added, {total:,} events\n\n{await drained(world)}")

    asyncio.run(play())


def test_a_router_told_to_stop_under_load_ends_soon_and_loses_nothing(rabbitmq: Broker, tmp_path: Path, figures: Figures) -> None:
    async def play() -> None:
        took = []
        async with flowing(rabbitmq, tmp_path, 500, 100) as world:
            total, world.due = world.due, 0
            for turn in range(20):
                name = f"stopped-{turn}"
                router = await world.start(name, *BUS, "run", "--only", "router", "--broker", "{broker}")
                await world.ready(name)
                world.due += total // 25  # something is left for the next turns
                await until(lambda: world.in_flight() > AHEAD // 4, "nothing flows")
                took.append(await router.stop())
                assert not router.ended, f"exit code {router.ended}"
            assert not world.programs["publisher"].done.is_set(), "it ran dry"
            world.due = total
            told = await drained(world)
            figures(f"SIGTERM under load, 20 times: exit 0 within {max(took):.2f} s at most, median {statistics.median(took):.2f} s\n\n{told}")
            assert max(took) <= 20

    asyncio.run(play())


def test_memory_is_flat_over_a_million_events(rabbitmq: Broker, tmp_path: Path, figures: Figures) -> None:
    async def play() -> None:
        events = EVENTS or 1_000_000
        async with flowing(rabbitmq, tmp_path, events // 200, 200) as world:
            await world.programs["router-2"].stop()
            pid = world.programs["router-1"].pid
            seen = {}
            for share in (0.1, 0.5, 1.0):
                await until(lambda share=share: world.has_acknowledged(int(events * share)), "too slow", 3000)  # type: ignore[misc]  # bound now
                seen[share] = rss_mib(pid)
            figures(f"{events:,} events through one router, RSS in MiB at " + ", ".join(f"{s:.0%}: {m:.0f}" for s, m in seen.items()))
            assert seen[1.0] <= seen[0.1] * 1.25 + 10

    asyncio.run(play())
