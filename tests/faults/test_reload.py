"""routing.yaml exchanged again and again under load, every third time for a broken one: two routers, a real broker.

Every version writes its number into the documents of two systems, so that an event that was routed by more
than one of them shows; every other one has a third system, which comes and goes with its queue and its sink.
"""

import asyncio
import itertools
import json
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from bus.errors import Unavailable
from bus.ports import Message, Received
from bus.runtime.app import topology_of
from bus.runtime.files import usable_configuration
from bus.runtime.rabbitmq import RabbitBroker
from bus.topology import ROUTER, to

from tests.brokers import Broker
from tests.faults.history import table
from tests.faults.world import BUS, Program, until

READERS = ("scm", "wms")
ROUTERS = ("router-1", "router-2")
AT_ONCE = 20


def routing(version: int) -> str:
    """The text of one version; every third is broken, every second has a system more."""
    made = f"json: {{event: event.id, version: {version}}}"
    third = version % 2 == 0
    return f"""\
version: 1
systems:
  mes: {{source: {{adapter: queue}}}}
  scm: {{sink: {{adapter: queue}}}}
  wms: {{sink: {{adapter: queue}}}}
  {"oa: {sink: {adapter: file, folder: oa}}" if third else ""}
events:
  order.changed: {{note: text}}
routes:
  to-scm: {{on: order.changed, to: scm, {made}}}
  to-wms: {{on: order.changed, to: {"nobody" if is_broken(version) else "wms"}, {made}}}
  {f"to-oa: {{on: order.changed, to: oa, name: event.id, {made}}}" if third else ""}
"""


def is_broken(version: int) -> bool:
    return version % 3 == 2


def event(number: int) -> Message:
    headers = {
        "cloudEvents_specversion": "1.0", "cloudEvents_type": "order.changed", "cloudEvents_source": "mes",
        "cloudEvents_id": f"E{number}", "cloudEvents_subject": f"E{number}", "cloudEvents_time": "2026-11-23T08:00:00Z",
    }
    return Message(ROUTER, f"E{number}", json.dumps({"note": "bolt M8 " * 60}).encode(), headers)


def is_ready(log: Path) -> bool:
    return log.exists() and b"router ready" in log.read_bytes()


def judgements(log: str) -> tuple[int, int]:
    """How many versions a router has taken, and how many it has refused."""
    return log.count(" configuration_reloaded "), log.count(" configuration_refused ")


def are_judged(programs: Sequence[Program], last: int) -> bool:
    broken = sum(map(is_broken, range(1, last + 1)))
    return all(judgements(program.log.read_text()) == (last - broken, broken) for program in programs)


@dataclass
class Flow:
    """What was published and what arrived."""

    acknowledged: set[str] = field(default_factory=set)
    arrived: dict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    stopping: bool = False

    def take(self, system: str) -> Callable[[Sequence[Received]], None]:
        def handle(batch: Sequence[Received]) -> None:
            for received in batch:
                document = json.loads(received.message.body)
                self.arrived[system][document["event"]].append(document["version"])
                received.become()
        return handle

    def with_third(self) -> set[str]:
        """Events that were routed by a version with the third system."""
        return {name for name in self.acknowledged if self.arrived["scm"][name][0] % 2 == 0}

    async def publish(self, bus: RabbitBroker) -> None:
        for start in itertools.count(0, AT_ONCE):
            if self.stopping:
                return
            batch = range(start, start + AT_ONCE)
            try:
                await bus.publish(*map(event, batch))
            except Unavailable:  # it may be stored or not: such events count for nothing
                continue
            self.acknowledged.update(f"E{number}" for number in batch)
            await asyncio.sleep(0.02)


async def exchange_under_load(
    broker: Broker, folder: Path, *, every_s: float, for_s: float, ask: bool
) -> tuple[Flow, int, list[str]]:
    """Return what flowed, the version in use at the end, and the routers' logs."""
    path = folder / "routing.yaml"
    path.write_text(routing(0))
    flow = Flow()
    async with AsyncExitStack() as stack:
        programs = []
        for name in ROUTERS:
            program = Program(name, [*BUS, "run", "--only", "router", "--only", "oa", "--broker", broker.url], folder)
            stack.push_async_callback(program.end)
            programs.append(program)
        for program in programs:
            await until(partial(is_ready, program.log), "no router was ready")
        bus = RabbitBroker(broker.url)
        config, _ = usable_configuration(path)
        await bus.open(topology_of(config))
        stack.push_async_callback(bus.close)
        for system in READERS:
            await bus.consume(to(system), flow.take(system), 500)
        publishing = asyncio.create_task(flow.publish(bus))
        last = int(for_s / every_s) // 3 * 3  # no broken one
        for version in range(1, last + 1):
            fresh = path.with_suffix(".fresh")
            fresh.write_text(routing(version))
            fresh.replace(path)
            if ask:
                for program in programs:
                    program.send(signal.SIGHUP)
            await asyncio.sleep(every_s)  # the pace of the exchange is what is under test
            await until(partial(are_judged, programs, version), f"version {version} was not judged by both routers")
        flow.stopping = True
        await publishing
        await until(lambda: all(flow.acknowledged <= flow.arrived[system].keys() for system in READERS), "events were lost")
        third = flow.with_third()
        await until(lambda: third <= {path.name for path in (folder / "oa").iterdir()}, "deliveries to the third system were lost")
        await asyncio.gather(*(program.stop() for program in programs))
        assert not sum((program.ended for program in programs), Counter()), "a router ended by itself"
    return flow, last, [program.log.read_text() for program in programs]


def check(flow: Flow, last: int, logs: Sequence[str], folder: Path) -> str:
    """Raise AssertionError for what was broken; return the figures."""
    versions: Counter[int] = Counter()
    for name in flow.acknowledged:
        seen = [flow.arrived[system][name] for system in READERS]
        assert seen[0] == seen[1], f"{name} was routed by {seen}"
        assert len(seen[0]) == 1, f"{name} came {len(seen[0])} times"
        versions[seen[0][0]] += 1
    assert not [version for version in versions if is_broken(version)]
    assert versions[last], "the last version was used"
    for name in flow.with_third():
        assert json.loads((folder / "oa" / name).read_bytes())["version"] == flow.arrived["scm"][name][0]
    assert "defect" not in "".join(logs)
    rows = [
        ("events", len(flow.acknowledged)), ("lost", 0), ("by more than one version", 0), ("versions written", last),
        ("of them broken", sum(map(is_broken, range(1, last + 1)))), ("versions that routed events", len(versions)),
        *((f"{name} took / refused", "{} / {}".format(*judgements(log))) for name, log in zip(ROUTERS, logs, strict=True)),
    ]
    return table(("", ""), rows)


def test_routing_exchanged_twice_a_second_loses_no_event_and_each_is_routed_by_one_version(
    rabbitmq: Broker, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    flow, last, logs = asyncio.run(exchange_under_load(rabbitmq, tmp_path, every_s=0.5, for_s=10, ask=True))
    figures(check(flow, last, logs, tmp_path))


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_routing_exchanged_every_two_seconds_for_a_minute_loses_no_event_and_each_is_routed_by_one_version(
    rabbitmq: Broker, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    flow, last, logs = asyncio.run(exchange_under_load(rabbitmq, tmp_path, every_s=2, for_s=60, ask=False))
    figures(check(flow, last, logs, tmp_path))
