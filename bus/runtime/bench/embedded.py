"""`bus bench embedded`: accept, route, write two formats, hand over to two readers; one process, with fsync."""

import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bus.ports import Received
from bus.routing import Routing
from bus.runtime.app import topology_of
from bus.runtime.bench.task import configuration, events
from bus.runtime.embedded import EmbeddedBroker
from bus.runtime.router import Router
from bus.runtime.telemetry import Telemetry
from bus.topology import to

AT_ONCE, WINDOW, PREFETCH = 100, 8, 1000


def bench_embedded(count: int) -> dict[str, Any]:
    """Measure with so many events."""
    with tempfile.TemporaryDirectory(prefix="bus-bench-") as folder:
        seconds, cpu_s, handed = asyncio.run(_run(Path(folder) / "bus.db", count))
    return {
        "events": count, "seconds": round(seconds, 2), "events_per_s": round(count / seconds),
        "cpu_us_per_event": round(cpu_s / count * 1e6, 1), "handed_over": handed,
    }


async def _run(path: Path, count: int) -> tuple[float, float, int]:
    config = configuration(10)
    broker = EmbeddedBroker(path)
    await broker.open(topology_of(config))
    router = Router(broker, Routing(config), Telemetry(), time.time)
    seen: set[str] = set()
    finished = asyncio.Event()

    def read(batch: Sequence[Received]) -> None:
        for received in batch:
            seen.add(received.message.id)
            received.become()
        if len(seen) == 2 * count:
            finished.set()

    for system in ("wms", "scm"):
        await broker.consume(to(system), read, PREFETCH)
    await router.start(topology_of(config).router_queues)
    numbers = iter(range(0, count, AT_ONCE))

    async def publish() -> None:
        for start in numbers:
            await broker.publish(*events(range(start, min(start + AT_ONCE, count))))

    gc.collect()
    gc.freeze()
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    await asyncio.gather(*(publish() for _ in range(WINDOW)))
    await finished.wait()
    await broker.drain()
    seconds = time.perf_counter() - started
    now = resource.getrusage(resource.RUSAGE_SELF)
    await broker.close()
    return seconds, now.ru_utime + now.ru_stime - cpu.ru_utime - cpu.ru_stime, len(seen)
