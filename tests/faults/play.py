"""One play: events flow, faults strike one after the other, everything drains, and the history is checked."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.brokers import Broker
from tests.faults.faults import FAULTS, Strike
from tests.faults.history import Verdict, check, fault_table, verdict_table
from tests.faults.story import ORDERED, SYSTEMS, subscribes
from tests.faults.world import HEARTBEAT_S, World, a_world

AHEAD = 800


@dataclass(frozen=True, slots=True)
class Report:
    """What a play has shown."""

    head: str
    verdicts: Sequence[Verdict]
    faults: str
    missed: Sequence[str]  # faults that met nothing in flight
    left: Mapping[str, int]  # what waits in queues at the end
    crashes: Mapping[str, Counter[int]]
    failed: int  # events the bus refused

    def __str__(self) -> str:
        return f"{self.head}\n\n{verdict_table(self.verdicts)}\n\n{self.faults}"

    def check(self) -> None:
        """Raise AssertionError for the first promise that was broken."""
        for verdict in self.verdicts:
            assert verdict.sound, f"{self.head}: {verdict}"
            assert verdict.delivered == verdict.attempted, f"{self.head}: {verdict}"
        assert not self.failed, f"{self.failed} events were refused"
        assert not self.left, f"left in queues: {self.left}"
        assert not self.crashes, f"ended by themselves: {self.crashes}"
        assert not self.missed, f"met nothing in flight: {self.missed}"


async def play(
    broker: Broker, url: str, folder: Path, schedule: Sequence[str], *, keys: int, versions: int, seed: int,
    faults: Mapping[str, Strike] = FAULTS, heartbeat_s: int = HEARTBEAT_S,
) -> Report:
    """Publish keys × versions events while the faults of the schedule strike at random moments."""
    start = time.monotonic()
    chance = random.Random(seed)
    async with a_world(url.split(","), folder, heartbeat_s) as world:
        await world.start_bus()
        publisher = await world.start_publisher(keys, versions)
        pace = asyncio.create_task(keep_pace(world))
        await strike(world, broker, [(fault, faults[fault]) for fault in schedule], chance, keys * versions)
        world.due = keys * versions
        await world.goes_on_until(publisher.done.is_set, "the publisher did not end")
        pace.cancel()
        await world.drained()
        left = await world.left()
        await world.stop()
        return report(world, left, f"seed {seed}, {keys * versions:,} events, {len(schedule)} faults", start)


async def keep_pace(world: World) -> None:
    """Let the publisher be no more than AHEAD before those who read, so that every fault finds something to hit."""
    while True:
        world.look()
        arrived = min(len(world.arrived[system]) for system in SYSTEMS if system != "oa")
        world.programs["publisher"].say(str(min(world.due, arrived) + AHEAD))
        await asyncio.sleep(0.1)


async def strike(
    world: World, broker: Broker, schedule: Sequence[tuple[str, Strike]], chance: random.Random, events: int
) -> None:
    """Let every fault strike once so many events are acknowledged, with a share of them left for the end."""
    pace = events / (len(schedule) + 2)
    for number, (fault, done_to) in enumerate(schedule, 1):
        world.due = due = int((number - chance.random()) * pace)
        await world.goes_on_until(partial(world.has_acknowledged, due), f"no {due} events were acknowledged")
        world.history.note([{"type": "invoke", "f": "fault", "fault": fault}])
        in_flight = await done_to(world, broker, chance)
        world.history.note([{"type": "ok", "f": "fault", "fault": fault, "in_flight": in_flight}])


def report(world: World, left: Mapping[str, int], head: str, start: float) -> Report:
    """Check what has happened, offline."""
    facts = list(world.facts())
    hits = Counter(fact["fault"] for fact in facts if fact["f"] == "fault" and fact["type"] == "ok" and fact["in_flight"])
    tried = Counter(fact["fault"] for fact in facts if fact["f"] == "fault" and fact["type"] == "invoke")
    return Report(
        head=f"{head}, {time.monotonic() - start:.0f} s",
        verdicts=check(facts, SYSTEMS, subscribes, ORDERED),
        faults=fault_table(facts),
        missed=sorted(fault for fault in tried if not hits[fault]),
        left=left,
        crashes={name: program.ended for name, program in world.programs.items() if program.ended},
        failed=sum(fact["type"] == "fail" for fact in facts),
    )
