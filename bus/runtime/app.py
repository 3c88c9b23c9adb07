"""A running bus: sources, router, deliveries, put together, watched over and stopped in order.

Stopping is told as a story: sources take nothing more → the router and deliveries finish what they
hold → what was not begun is released → everything settled is stored → the broker is closed.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bus.adapter import Sink, Site, Source
from bus.config.model import Configuration
from bus.errors import BusError, ConfigurationError, UsageError
from bus.inbound import Inbound
from bus.routing import Routing
from bus.runtime.delivery import Delivery
from bus.runtime.files import Disk, folder_of, usable
from bus.runtime.intake import Intake, run_source
from bus.runtime.listener import Listener
from bus.runtime.release import release
from bus.runtime.router import Router
from bus.runtime.telemetry import Telemetry
from bus.topology import DOCUMENTS, INVALID, Topology, dead, to, topology

DEPTH_EVERY_S = 2.0
LOOKUPS_EVERY_S = 1.0
GRACE_S = 12.0  # for deliveries that are out when the bus is told to stop
STORE_S = 5.0  # … and for the broker to store what became of them
IDLE_CHECKS = 3
IDLE_EVERY_S = 0.1
BROKER = "broker"
LOOKUPS = "lookups"


def topology_of(config: Configuration) -> Topology:
    """The queues a configuration needs."""
    delays: set[float] = set()
    for system in config.systems.values():
        if system.sink is not None:
            delays.update(system.sink.options.retry)
    for route in config.routes:
        delays.update(route.retry_s or ())
    return topology(config.systems, delays, (name for route in config.routes if route.ordered for name in route.to))


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the bus this process runs: everything, or what `--only` names."""

    router: bool = True
    systems: frozenset[str] | None = None

    def has(self, system: str) -> bool:
        """Whether the sources and deliveries of a system run here."""
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
        path: routing.yaml or the folder of it, for messages and relative paths.
        disk: what the configuration was read from, for reading lookups again.
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
        self._source_tasks: list[asyncio.Task[None]] = []
        self._watch_tasks: list[asyncio.Task[None]] = []
        self.router = Router(transport, Routing(config), telemetry, now_s)
        self.intake = Intake(transport, Inbound(config), telemetry, now_s)

    # ------------------------------------------------------------------------------ start and stop

    async def start(self) -> None:
        """Open the broker and begin. Raises BusError when something is missing from the start."""
        self.transport.on_trouble = self._broker_trouble
        await self.transport.open(self.topology)
        self.telemetry.metrics.broker_up.set(1)
        for name, system in self.config.systems.items():
            if not self.parts.has(name):
                continue
            site = Site(name, system.zone, self._folder, self.listener.add)
            if system.source is not None and system.source.adapter.source is not None:
                self.sources[name] = system.source.adapter.source(system.source.options, site)
            if system.sink is not None and system.sink.adapter.sink is not None:
                sink: Sink = system.sink.adapter.sink(system.sink.options, site)
                self.deliveries[name] = Delivery(
                    name, sink, self.transport, self.router.routing, self.telemetry, self._now_s
                )
        await self.listener.start()
        for delivery in self.deliveries.values():
            await delivery.start()
        if self.parts.router:
            await self.router.start(self.topology.router_queues)
            await self.intake.start()
        for name, source in self.sources.items():
            self._source_tasks.append(asyncio.create_task(
                run_source(name, source, self.intake.accept, self.telemetry, partial(self._trouble, name))
            ))
        for look, every_s in ((self._look_at_lookups(), LOOKUPS_EVERY_S), (self._look_at_depths, DEPTH_EVERY_S)):
            self._watch_tasks.append(asyncio.create_task(self._watch(look, every_s)))

    async def stop(self) -> None:
        """Stop in order; nothing that was accepted is lost. Fine after a start that failed, too."""
        tasks = [*self._watch_tasks, *self._source_tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.listener.stop()
        await self.intake.stop()
        await self.router.stop()
        await asyncio.gather(*(delivery.stop(GRACE_S) for delivery in self.deliveries.values()))
        with contextlib.suppress(BusError, TimeoutError):  # what cannot be stored now comes again
            await asyncio.wait_for(self.transport.drain(), STORE_S)
        await self.transport.close()

    async def run(self, stopping: asyncio.Event, *, until_idle: bool = False) -> None:
        """Run until `stopping` is set, or nothing is left to do."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(stopping.wait())]
        if until_idle:
            waits.append(asyncio.create_task(self.idle()))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()

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
        own = [*self.topology.event_queues, DOCUMENTS] if self.parts.router else []
        try:
            depths = await self.transport.depth([*own, *(to(name) for name in self.deliveries)])
        except BusError:  # the broker is away: nobody knows
            return False
        return not any(depth.messages for depth in depths.values())

    # ------------------------------------------------------------------------------------ watching

    async def _watch(self, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            try:
                await look()
            except BusError:  # the broker is away, which is told elsewhere
                pass
            except Exception as error:  # noqa: BLE001 - looking on must not end the work
                self.telemetry.defect("watch", error)
            await asyncio.sleep(every_s)

    async def _look_at_depths(self) -> None:
        self.telemetry.depths(await self.transport.depth(self.topology.queues))

    def _look_at_lookups(self) -> Callable[[], Awaitable[None]]:
        """Read lookup tables again when one changed; release what waited for a code that is there now."""
        stamps, unreleased = self._stamps(), True

        async def look() -> None:
            nonlocal stamps, unreleased
            now = self._stamps()
            if now != stamps:
                stamps = now
                unreleased = await self._read_lookups() or unreleased
            if unreleased and self.parts.router:
                queues = [INVALID, *(dead(name) for name in self.config.systems)]
                await release(self.transport, queues, self.config, self.telemetry)
            unreleased = False

        return look

    async def _read_lookups(self) -> bool:
        """Use the tables as they are now, or go on with those there are; say whether there are new ones."""
        try:
            config, disk = await asyncio.to_thread(usable, self._disk.texts, self._path)
        except BusError as error:
            first = next((one for one in getattr(error, "findings", ()) if one.severity == "error"), None)
            told = (f"{first.place} {first.message}", first.hint) if first is not None else (str(error), error.hint)
            self.telemetry.lookups("refused", files=len(self._disk.read_files), first=told[0], hint=told[1])
            self._trouble(LOOKUPS, ConfigurationError("lookups-refused", reason=told[0]))
            return False
        self._trouble(LOOKUPS, None)
        self._use(config, disk)
        self.telemetry.lookups("loaded", files=len(disk.read_files))
        return True

    def _use(self, config: Configuration, disk: Disk) -> None:
        """Go on with new tables; systems, rules and routes stay those the bus was started with."""
        self.config, self._disk = replace(self.config, tables=config.tables), disk
        routing = Routing(self.config)
        self.router.use(routing)
        self.intake.inbound = Inbound(self.config)
        for delivery in self.deliveries.values():
            delivery.use(routing)

    def _stamps(self) -> Mapping[str, object]:
        stamps: dict[str, object] = {}
        for path in self._disk.read_files:
            try:
                stat = os.stat(path)  # noqa: PTH116 - the paths are those typed, relative to the working directory
                stamps[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            except OSError:
                stamps[path] = None
        return stamps

    # ------------------------------------------------------------------------------------- trouble

    def _trouble(self, what: str, error: BusError | None) -> None:
        if error is None:
            self.troubles.pop(what, None)
        else:
            self.troubles[what] = error

    def _broker_trouble(self, error: BusError | None) -> None:
        self.telemetry.broker(error)
        self._trouble(BROKER, error)
