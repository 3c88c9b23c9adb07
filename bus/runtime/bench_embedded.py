"""`bus bench embedded`: accept, route, write two formats, hand over to two readers; one process, with fsync."""

import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bus.event import Event
from bus.ports import Message, Received
from bus.routing import Routing
from bus.runtime.app import topology_of
from bus.runtime.bench_core import configuration, order
from bus.runtime.embedded import EmbeddedBroker
from bus.runtime.router import Router
from bus.runtime.telemetry import Telemetry
from bus.topology import to
from bus.wire import event_message

AT_ONCE, WINDOW, PREFETCH = 100, 8, 1000


def bench_embedded(events: int) -> dict[str, Any]:
    """Measure with so many events."""
    with tempfile.TemporaryDirectory(prefix="bus-bench-") as folder:
        seconds, cpu_s, handed = asyncio.run(_run(Path(folder) / "bus.db", events))
    return {
        "events": events, "seconds": round(seconds, 2), "events_per_s": round(events / seconds),
        "cpu_us_per_event": round(cpu_s / events * 1e6, 1), "handed_over": handed,
    }


async def _run(path: Path, events: int) -> tuple[float, float, int]:
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
        if len(seen) == 2 * events:
            finished.set()

    for system in ("wms", "scm"):
        await broker.consume(to(system), read, PREFETCH)
    await router.start(topology_of(config).router_queues)
    body = order()
    numbers = iter(range(0, events, AT_ONCE))

    async def publish() -> None:
        for start in numbers:
            await broker.publish(*(_message(n, body) for n in range(start, min(start + AT_ONCE, events))))

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


def _message(number: int, body: bytes) -> Message:
    event = Event("purchase_order.created", "erp", f"45{number:08}-v1", {})
    return event_message(event, body)
