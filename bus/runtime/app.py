"""A running bus: sources, router, deliveries, put together, watched over and stopped in order.

Stopping is told as a story: sources take nothing more → the router and deliveries finish what they
hold → what was not begun is released → everything settled is stored → the broker is closed.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bus.adapter import Site, Sink, Source
from bus.config.model import Configuration
from bus.errors import BusError, UsageError
from bus.inbound import Inbound
from bus.routing import Routing
from bus.runtime.delivery import Delivery
from bus.runtime.files import Disk, folder_of, usable_configuration
from bus.runtime.intake import Intake, run_source
from bus.runtime.listener import Listener
from bus.runtime.release import release
from bus.runtime.router import Router
from bus.runtime.telemetry import Telemetry
from bus.topology import DOCUMENTS, INVALID, SUSPECTS, Topology, dead, to, topology

DEPTH_EVERY_S = 2.0
LOOKUPS_EVERY_S = 1.0
GRACE_S = 15.0
IDLE_CHECKS = 3
IDLE_EVERY_S = 0.15


def topology_of(config: Configuration) -> Topology:
    """The queues a configuration needs."""
    delays: set[float] = set()
    for system in config.systems.values():
        if system.sink is not None:
            delays.update(system.sink.options.retry)
    for route in config.routes:
        delays.update(route.retry_s or ())
    return topology(config.systems, delays, ordered=any(route.ordered for route in config.routes))


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the bus this process runs: everything, or what `--only` names."""

    router: bool = True
    systems: frozenset[str] | None = None

    def has(self, system: str) -> bool:
        return self.systems is None or system in self.systems


def parts_of(only: tuple[str, ...], config: Configuration) -> Parts:
    """Read `--only router`, `--only wms`. Raises UsageError."""
    if not only:
        return Parts()
    for name in only:
        if name != "router" and name not in config.systems:
            raise UsageError("only-unknown", name=name, known=", ".join(("router", *config.systems)))
    return Parts("router" in only, frozenset(only) - {"router"})


class App:
    """One process of the bus.

    Args:
        path: routing.yaml or the folder of it, for reloading lookups.
        listen: `host:port` of HTTP sources.
    """

    def __init__(
        self, path: Path, config: Configuration, disk: Disk, transport: Any, telemetry: Telemetry, parts: Parts,
        listen: str, now_s: Callable[[], float] = time.time,
    ) -> None:
        self.config, self.transport, self.telemetry, self.parts = config, transport, telemetry, parts
        self.topology = topology_of(config)
        self.listener = Listener(listen)
        self._path, self._disk, self._folder, self._now_s = path, disk, folder_of(path), now_s
        self.deliveries: dict[str, Delivery] = {}
        self.sources: dict[str, Source] = {}
        self.troubles: dict[str, BusError] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        routing = Routing(config)
        self.router = Router(transport, routing, telemetry, now_s)
        self.intake = Intake(transport, Inbound(config), telemetry, now_s)

    async def start(self) -> None:
        """Open the broker and begin. Raises BusError when something is missing from the start."""
        self.transport.on_trouble = self._broker_trouble
        await self.transport.open(self.topology)
        self.telemetry.metrics.broker_up.set(1)
        routing = self.router.routing
        for name, system in self.config.systems.items():
            if not self.parts.has(name):
                continue
            site = Site(name, system.zone, self._folder, self.listener.add)
            if system.source is not None and system.source.adapter.source is not None:
                self.sources[name] = system.source.adapter.source(system.source.options, site)
            if system.sink is not None and system.sink.adapter.sink is not None:
                sink: Sink = system.sink.adapter.sink(system.sink.options, site)
                self.deliveries[name] = Delivery(name, sink, self.transport, routing, self.telemetry, self._now_s)
        await self.listener.start()
        for delivery in self.deliveries.values():
            await delivery.start()
        if self.parts.router:
            await self.router.start(self.topology.router_queues)
            await self.intake.start()
            self._tasks.append(asyncio.create_task(self._watch_lookups()))
        for name, source in self.sources.items():
            self._tasks.append(asyncio.create_task(
                run_source(name, source, self.intake.accept, self.telemetry, self._source_trouble)
            ))
        self._tasks.append(asyncio.create_task(self._watch_depths()))

    async def stop(self) -> None:
        """Stop in order; nothing that was accepted is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.listener.stop()
        if self.parts.router:
            await self.intake.stop()
            await self.router.stop()
        await asyncio.gather(*(delivery.stop(GRACE_S) for delivery in self.deliveries.values()))
        await self.transport.drain()
        await self.transport.close()

    async def run(self, stopping: asyncio.Event, *, until_idle: bool = False) -> None:
        """Run until `stopping` is set, a part fails for good, or nothing is left to do."""
        waits = [asyncio.create_task(stopping.wait()), *self._tasks]
        if until_idle:
            waits.append(asyncio.create_task(self.idle()))
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in (waits[0], *waits[1 + len(self._tasks):]):
            task.cancel()
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def idle(self) -> None:
        """Return when sources have brought everything and nothing is left but what is parked or dead."""
        quiet = 0
        while quiet < IDLE_CHECKS:
            await asyncio.sleep(IDLE_EVERY_S)
            quiet = quiet + 1 if await self._is_idle() else 0

    async def _is_idle(self) -> bool:
        if not all(getattr(source, "idle", True) for source in self.sources.values()):
            return False
        if not self.intake.idle or not all(delivery.idle for delivery in self.deliveries.values()):
            return False
        queues = [*self.topology.router_queues, DOCUMENTS, SUSPECTS, *(to(name) for name in self.deliveries)]
        depths = await self.transport.depth(queues)
        return not any(depth.messages for depth in depths.values())

    def _source_trouble(self, system: str, error: BusError | None) -> None:
        if error is not None:
            self.troubles[system] = error

    def _broker_trouble(self, error: BusError | None) -> None:
        self.telemetry.broker(error)
        if error is None:
            self.troubles.pop("broker", None)
        else:
            self.troubles["broker"] = error

    async def _watch_depths(self) -> None:
        while True:
            self.telemetry.depths(await self.transport.depth(self.topology.queues))
            await asyncio.sleep(DEPTH_EVERY_S)

    async def _watch_lookups(self) -> None:
        """Read lookup tables again when one changed; release what waited for a code that is there now."""
        queues = [INVALID, *(dead(name) for name in self.config.systems)]
        await release(self.transport, queues, self.config, self.telemetry)
        stamps = self._stamps()
        while True:
            await asyncio.sleep(LOOKUPS_EVERY_S)
            now = self._stamps()
            if now == stamps:
                continue
            stamps = now
            try:
                config, disk = await asyncio.to_thread(usable_configuration, self._path)
            except BusError as error:
                findings = getattr(error, "findings", ())
                self.telemetry.lookups("refused", files=len(now), findings=len(findings))
                self.troubles["lookups"] = error
                continue
            self.troubles.pop("lookups", None)
            self._use(config, disk)
            self.telemetry.lookups("loaded", files=len(now), findings=0)
            await release(self.transport, queues, config, self.telemetry)

    def _use(self, config: Configuration, disk: Disk) -> None:
        """Go on with new tables; systems, rules and routes stay those the bus was started with."""
        fresh = replace(self.config, tables=config.tables)
        self.config, self._disk = fresh, disk
        routing = Routing(fresh)
        self.router.routing, self.intake.inbound = routing, Inbound(fresh)
        for delivery in self.deliveries.values():
            delivery.use(routing)

    def _stamps(self) -> Mapping[str, tuple[int, int]]:
        stamps = {}
        for path in self._disk.read_files:
            try:
                stat = os.stat(path)  # noqa: PTH116 - the paths are those typed, relative to the working directory
                stamps[path] = (stat.st_mtime_ns, stat.st_size)
            except OSError:
                stamps[path] = (0, 0)
        return stamps

