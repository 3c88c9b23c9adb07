"""`bus bench router`: the router on RabbitMQ, beside the broker's own shovel and whoever else does the same task.

All take turns in one run on one broker, in another order each round, so that all meet the same machine. Of
each turn the queue is prefilled before the contestant starts, and what counts lies between the first and the
last delivery: start-up is a figure of its own. When all have had theirs, events are published while each works, for the
most that go through, and for how long each is under way. Nothing is compared before every document that came out has
been looked at.
"""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bus.errors import Refused
from bus.ports import Message
from bus.runtime.bench.contestants import Contestant, Program, Shovel, bus_router
from bus.runtime.bench.figures import quantile, spread
from bus.runtime.bench.probe import latencies, sustained
from bus.runtime.bench.processes import cpu_s, machine, peak_mib
from bus.runtime.bench.rig import Rig
from bus.runtime.bench.task import FEW, LINES, MANY, Makes, faults, furnish, order
from bus.runtime.rabbitmq.node import PrivateNode
from bus.texts import say

OWN = "router"
YARDSTICK = "shovel"
DIRECT = "direct"
MANY_ROUTES, MANY_SUBSCRIBERS = f"{OWN}-1000-routes", f"{OWN}-{MANY}-subscribers"
BUS_ROUTES = 10
CALM_PER_S = 100.0
UNDER_WAY = 3000  # events, while it is found out how many a second come out as others go in
WARM_UP = 2000  # events that a contestant has had before it is found out how long each takes
PLUGINS = ("rabbitmq_shovel",)


@dataclass(frozen=True, slots=True)
class Other:
    """A program of somebody else's that does the task; its messages may be bare where it is told so."""

    name: str
    command: Sequence[str]
    makes: Makes = Makes.deliveries


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Args:
        events: of each turn.
        rounds: turns of each contestant.
        latency_s: how long each rate is kept up; 0 leaves latency out.
        processes: of the router, beside the one; 1 leaves that contestant out.
        wide: measure the router with very many routes, and with many subscribers of the order, as well.
    """

    events: int = 20_000
    rounds: int = 5
    latency_s: float = 3.0
    processes: int = 2
    others: Sequence[Other] = ()
    wide: bool = False


@dataclass(slots=True)
class Turn:
    """What one contestant did in one round; None where it cannot be told.

    Args:
        events_per_s: of a full queue.
        sustained_per_s: of events that are published meanwhile; what comes out is read, too.
        latency_ms: rate, p50 and p99 at half of the sustained rate, half of a full queue's, and at a calm one.
    """

    events_per_s: float
    cpu_us: float | None
    broker_cpu_us: float | None
    peak_mib: float | None
    start_s: float | None
    sustained_per_s: float | None = None
    latency_ms: dict[str, tuple[float, float | None, float | None]] = field(default_factory=dict)


def bench_router(plan: Plan, broker: str, note: Callable[[str, int], None]) -> dict[str, Any]:
    """Measure.

    Args:
        broker: URL of a RabbitMQ with an empty virtual host; "" starts one of our own, and only then is there a shovel.
        note: told of every turn before it begins: who, and in which round.

    Raises:
        Refused: somebody did not do the work that was asked for, so there is nothing to compare.
        Unavailable: no broker, or a contestant that ended by itself.
    """
    with tempfile.TemporaryDirectory(prefix="bus-bench-") as folder, _node(broker) as node:
        url = node.url if node is not None else broker
        contestants = _contestants(plan, url, node, Path(folder))
        told = machine()
        rig = Rig(url, node, MANY if plan.wide else FEW)
        turns = asyncio.run(_rounds(plan, rig, contestants, note))
    return _figures(plan, told, node is not None, contestants, turns)


@contextlib.contextmanager
def _node(broker: str) -> Iterator[PrivateNode | None]:
    if broker:
        yield None
        return
    node = PrivateNode(PLUGINS)
    try:
        node.start()
        yield node
    finally:
        node.remove()


def _contestants(plan: Plan, url: str, node: PrivateNode | None, folder: Path) -> list[Contestant]:
    routing = furnish(folder, BUS_ROUTES)
    found: list[Contestant] = [Shovel(node)] if node is not None else []
    found.append(bus_router(OWN, routing, url))
    if plan.processes > 1:
        found.append(bus_router(f"{OWN}-{plan.processes}", routing, url, plan.processes))
    if plan.wide:
        found.append(bus_router(MANY_ROUTES, furnish(folder / "routes", 1000), url))
        found.append(bus_router(MANY_SUBSCRIBERS, furnish(folder / "wide", BUS_ROUTES, MANY), url, subscribers=MANY))
    found += [
        Program(other.name, other.command, url, folder / f"{other.name}.log", makes=other.makes)
        for other in plan.others
    ]
    return found


async def _rounds(
    plan: Plan, rig: Rig, contestants: Sequence[Contestant], note: Callable[[str, int], None]
) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {contestant.name: [] for contestant in contestants}
    await rig.open()
    try:
        for round_ in range(1, plan.rounds + 1):
            # Those that are compared are measured close to each other: the machine differs from minute to minute.
            for contestant in random.sample(contestants, len(contestants)):  # who follows whom makes a twentieth
                note(contestant.name, round_)
                turns[contestant.name].append(await turn(plan, rig, contestant))
            if plan.latency_s:
                for contestant in random.sample(contestants, len(contestants)):
                    if contestant.name != MANY_SUBSCRIBERS:  # the probe reads two queues
                        note(say("bench-flow", name=contestant.name), round_)
                        await _flow(plan, rig, contestant, turns[contestant.name][-1])
                note(DIRECT, round_)
                nobody = Turn(0.0, None, None, None, None)
                nobody.latency_ms = await _latency(plan, rig, turns[OWN][-1], direct=True)
                turns.setdefault(DIRECT, []).append(nobody)
    finally:
        with contextlib.suppress(Exception):  # a broker that is given is left empty where that is possible
            await rig.clear()
        await rig.close()
    return turns


async def turn(plan: Plan, rig: Rig, contestant: Contestant) -> Turn:
    """One turn of one contestant. Raises Refused when it did not do its work, Unavailable when it ended."""
    numbers = await rig.prefill(plan.events)
    await rig.rest()
    started = time.perf_counter()
    async with _at_work(contestant):
        before = await rig.until_arrived(1, contestant.queues, contestant.check)
        first, used, broker_used = time.perf_counter(), cpu_s(contestant.pids), cpu_s(rig.pids)
        arrived = await rig.until_arrived(plan.events, contestant.queues, contestant.check)
        last, now_used, broker_now = time.perf_counter(), cpu_s(contestant.pids), cpu_s(rig.pids)
        memory = peak_mib(contestant.pids)
        refuse_unequal(contestant.name, numbers, await rig.take_out(contestant.queues), contestant.makes)
    await rig.clear()
    events = max(arrived - before, 1)
    return Turn(
        events / (last - first), _us(used, now_used, events), _us(broker_used, broker_now, events), memory,
        first - started if contestant.boots else None,
    )


async def _flow(plan: Plan, rig: Rig, contestant: Contestant, turn: Turn) -> None:
    """Find out what goes through while events are published, and how long each takes; put it into the turn.

    Raises Refused and Unavailable as `turn` does.
    """
    numbers = await rig.prefill(min(plan.events, WARM_UP))
    async with _at_work(contestant):
        await rig.until_arrived(len(numbers), contestant.queues, contestant.check)
        refuse_unequal(contestant.name, numbers, await rig.take_out(contestant.queues), contestant.makes)
        await rig.rest()
        enough = rig.numbers(int(turn.events_per_s * plan.latency_s) + UNDER_WAY)
        turn.sustained_per_s = await sustained(rig.url, enough, UNDER_WAY, plan.latency_s)
        turn.latency_ms = await _latency(plan, rig, turn)
    await rig.clear()


@contextlib.asynccontextmanager
async def _at_work(contestant: Contestant) -> AsyncIterator[None]:
    starting = asyncio.create_task(asyncio.to_thread(contestant.start))  # rabbitmqctl returns seconds after it did it
    try:
        yield
    finally:
        await starting
        await asyncio.to_thread(contestant.stop)


def refuse_unequal(
    name: str, numbers: range, came: Mapping[str, Sequence[Message]], makes: Makes, lines: int = LINES
) -> None:
    """Raise Refused unless exactly the work that was asked for came out: orders of so many lines."""
    found = faults(numbers, came, makes, lines)
    if found:
        worst = found[0]
        fault = say(
            f"bench-fault-{worst.kind}", count=worst.count, queue=worst.queue, number=f"45{worst.number:08}",
            events=len(numbers),
        )
        raise Refused("bench-unequal", name=name, fault=fault)


async def _latency(
    plan: Plan, rig: Rig, turn: Turn, *, direct: bool = False
) -> dict[str, tuple[float, float | None, float | None]]:
    """At the rates of that turn."""
    measured = {}
    half, busy = (turn.sustained_per_s or 0.0) / 2, turn.events_per_s / 2
    for name, rate in (("half", half), ("busy", busy), ("calm", CALM_PER_S)):
        await rig.rest()
        numbers = rig.numbers(max(int(rate * plan.latency_s), 1))
        taken = await latencies(rig.url, numbers, rate, direct=direct)
        measured[name] = rate, quantile(taken, 0.5), quantile(taken, 0.99)
    return measured


def _us(before_s: float | None, after_s: float | None, events: int) -> float | None:
    return None if before_s is None or after_s is None else (after_s - before_s) / events * 1e6


# ---------------------------------------------------------------------------------------- as data


def _figures(
    plan: Plan, told: dict[str, Any], own_node: bool, contestants: Sequence[Contestant],  # noqa: FBT001 - a fact, told once
    turns: dict[str, list[Turn]],
) -> dict[str, Any]:
    makes: dict[str, str] = {contestant.name: contestant.makes for contestant in contestants}
    subscribers = {contestant.name: contestant.queues for contestant in contestants}
    return {
        "date": datetime.now(UTC).date().isoformat(), "machine": told,
        "broker": "private" if own_node else "given", "events": plan.events, "rounds": plan.rounds,
        "body_bytes": len(order()),
        "contestants": {
            name: {
                "makes": makes[name],
                "events_per_s": spread((one.events_per_s for one in each), 0),
                "cpu_us_per_event": spread((one.cpu_us for one in each), 1),
                "cpu_us_per_delivery": spread((one.cpu_us and one.cpu_us / len(subscribers[name]) for one in each), 1),
                "broker_cpu_us_per_event": spread((one.broker_cpu_us for one in each), 1),
                "peak_memory_mib": spread((one.peak_mib for one in each), 1),
                "start_s": spread(one.start_s for one in each),
                "sustained_per_s": spread((one.sustained_per_s for one in each), 0),
                "latency_ms": _latencies(each),
            }
            for name, each in turns.items() if name != DIRECT
        },
        "direct_latency_ms": _latencies(turns.get(DIRECT, [])),
        "ratios": {
            f"{one}/{other}": _ratio(turns[one], turns[other])
            for name in turns if name not in {OWN, DIRECT}
            # More of our own against one of our own; ourselves against others.
            for one, other in [(name, OWN) if name.startswith(f"{OWN}-") else (OWN, name)]
        },
    }


def _ratio(turns: Sequence[Turn], others: Sequence[Turn]) -> dict[str, Any] | None:
    """Of the same round each, so that what the machine did meanwhile met both."""
    return spread(turn.events_per_s / other.events_per_s for turn, other in zip(turns, others, strict=True))


def _latencies(turns: Sequence[Turn]) -> dict[str, Any]:
    names = turns[0].latency_ms if turns else ()
    return {
        name: {
            "events_per_s": spread((one.latency_ms[name][0] for one in turns), 0),
            "p50": spread(one.latency_ms[name][1] for one in turns),
            "p99": spread(one.latency_ms[name][2] for one in turns),
        }
        for name in names
    }
