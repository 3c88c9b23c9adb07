"""The faults, each done to a world that works; each returns what it met in flight."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from bus.topology import to

from tests.brokers import Broker, Cluster
from tests.faults.story import READERS
from tests.faults.world import ROUTERS, SINKS, World, until

ENOUGH = 20  # in flight when a fault strikes
ALARM_S = 3.0
CONNECTIONS = 2  # of a router: one to consume, one to publish

Strike = Callable[[World, Broker, random.Random], Awaitable[int]]


async def busy(world: World, *systems: str) -> int:
    """Wait until enough is under way; return how much."""
    counts = [0]
    world.due = max(world.due, len(world.acknowledged)) + 400  # after the last fault all that was due may have arrived

    def enough() -> bool:
        counts.append(world.in_flight(*systems))
        return counts[-1] >= ENOUGH

    await until(enough, "nothing was under way")
    return counts[-1]


async def kill_router(world: World, broker: Broker, chance: random.Random) -> int:
    name = chance.choice(ROUTERS)
    await until(lambda: world.programs[name].runs, f"{name} did not run")
    met = await busy(world)
    world.programs[name].kill()
    return met


async def stop_router(world: World, broker: Broker, chance: random.Random) -> int:
    """Stopped for longer than its heartbeat, it goes on later and knows nothing of what it missed."""
    name = chance.choice(ROUTERS)
    await until(lambda: world.programs[name].runs, f"{name} did not run")
    met = await busy(world)
    world.programs[name].send(signal.SIGSTOP)
    await asyncio.sleep(4 * world.heartbeat_s)
    world.programs[name].send(signal.SIGCONT)
    return met


async def kill_reader(world: World, broker: Broker, chance: random.Random) -> int:
    name = chance.choice(READERS)
    met = await busy(world, name)
    world.programs[name].kill()
    return met


async def kill_sink(world: World, broker: Broker, chance: random.Random) -> int:
    name = SINKS[0]
    met = await busy(world, name)
    world.programs[name].kill()
    return met


async def kill_publisher(world: World, broker: Broker, chance: random.Random) -> int:
    met = await busy(world)
    world.programs["publisher"].kill()
    return met


async def kill_broker(world: World, broker: Broker, chance: random.Random) -> int:
    met = await busy(world)
    await asyncio.to_thread(broker.kill)
    await asyncio.to_thread(broker.start)
    return met


async def close_connections(world: World, broker: Broker, chance: random.Random) -> int:
    met = await busy(world)
    await asyncio.to_thread(broker.ctl, "close_all_connections", "a fault")
    return met


async def cut(world: World, broker: Broker, chance: random.Random) -> int:
    name = chance.choice((*ROUTERS, *SINKS, *READERS, "publisher"))
    met = await busy(world)
    await until(lambda: any(proxy.cut() for proxy in world.proxies[name]), f"{name} was not connected")
    return met


async def swallow(world: World, broker: Broker, chance: random.Random) -> int:
    """A black hole; it ends once the router has noticed and calls anew."""
    name = chance.choice(ROUTERS)
    # One that is just starting, or calling anew, would end the fault before it has met anything.
    await until(lambda: sum(proxy.alive for proxy in world.proxies[name]) >= CONNECTIONS, f"{name} was not connected")
    met = await busy(world)
    before = sum(proxy.accepted for proxy in world.proxies[name])
    for proxy in world.proxies[name]:
        proxy.swallow()
    try:
        await until(
            lambda: sum(proxy.accepted for proxy in world.proxies[name]) > before, f"{name} noticed nothing",
            4 * (world.heartbeat_s + 5),  # twice as long as it takes where nobody else wants the processor
        )
    finally:
        for proxy in world.proxies[name]:
            proxy.restore()
    return met


async def alarm_memory(world: World, broker: Broker, chance: random.Random) -> int:
    met = await busy(world)
    await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.00001")
    await asyncio.sleep(ALARM_S)
    await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.6")
    return met


async def alarm_disk(world: World, broker: Broker, chance: random.Random) -> int:
    met = await busy(world)
    await asyncio.to_thread(broker.ctl, "set_disk_free_limit", str(10**15))
    await asyncio.sleep(ALARM_S)
    await asyncio.to_thread(broker.ctl, "set_disk_free_limit", "50MB")
    return met


async def delete_queue(world: World, broker: Broker, chance: random.Random) -> int:
    """With nothing in it, for that would be lost by the deletion; then at once something for it."""
    publisher = world.programs["publisher"]
    publisher.say("hold")
    try:
        await until(lambda: not world.in_flight("oa"), "the queue was not empty")
        await asyncio.to_thread(broker.ctl, "delete_queue", "-p", urlsplit(world.url).path[1:], to("oa"))
    finally:
        publisher.say("go")
    world.due += 400  # what was free to go meanwhile has gone
    counts = [0]

    def met() -> bool:
        counts.append(world.in_flight("oa"))
        return bool(counts[-1]) or publisher.done.is_set()

    await until(met, "nothing came for the queue")
    return counts[-1]


async def kill_node(cluster: Cluster, world: World, broker: Broker, chance: random.Random) -> int:
    """One of three: what the other two hold goes on; it is back before this returns."""
    node = chance.choice(cluster.nodes)
    # A node that has just come back may not have all its replicas yet; then the third alone would be no majority.
    while await asyncio.to_thread(node.ctl, "eval", "length(rabbit_quorum_queue:list_with_minimum_quorum()).") != "0\n":
        await asyncio.sleep(0.2)
    met = await busy(world)
    await asyncio.to_thread(node.kill)
    world.due += 400
    enough = len(world.acknowledged) + 200
    done = world.programs["publisher"].done
    await world.goes_on_until(lambda: len(world.acknowledged) >= enough or done.is_set(), "nothing went on without a node")
    await asyncio.to_thread(node.start)
    await asyncio.to_thread(node.ctl, "await_startup")
    return met


FAULTS: Mapping[str, Strike] = {
    "router killed": kill_router,
    "router stopped": stop_router,
    "reader killed": kill_reader,
    "sink killed": kill_sink,
    "publisher killed": kill_publisher,
    "broker killed": kill_broker,
    "connections closed by the broker": close_connections,
    "connection cut": cut,
    "black hole": swallow,
    "memory alarm": alarm_memory,
    "disk alarm": alarm_disk,
    "queue deleted": delete_queue,
}

# How often each of them strikes in a round.
ROUND: Mapping[str, int] = {
    "router killed": 3, "router stopped": 1, "reader killed": 2, "sink killed": 1, "publisher killed": 1,
    "broker killed": 1, "connections closed by the broker": 1, "connection cut": 3, "black hole": 1,
    "memory alarm": 1, "disk alarm": 1, "queue deleted": 1,
}
