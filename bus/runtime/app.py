"""A running bus: sources, router, deliveries, put together, watched over and stopped in order.

Stopping is told as a story: sources take nothing more → the router and deliveries finish what they
hold → what was not begun is released → everything settled is stored → the broker is closed.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bus.config.model import Configuration
from bus.errors import BusError, ConfigurationError, UsageError
from bus.inbound import Inbound
from bus.routing import Routing
from bus.runtime.ends import Ends
from bus.runtime.files import Disk, folder_of
from bus.runtime.intake import Intake
from bus.runtime.listener import Listener
from bus.runtime.release import release
from bus.runtime.reload import Reloader
from bus.runtime.router import STORE_S, Router
from bus.runtime.status import StatusFile, status_of
from bus.runtime.telemetry import Telemetry
from bus.topology import DOCUMENTS, INVALID, Topology, dead, joined, to, topology

DEPTH_EVERY_S = 2.0
STATUS_EVERY_S = 1.0
LETTERS_EVERY_S = 0.5
IDLE_CHECKS = 3
IDLE_EVERY_S = 0.1
BROKER = "broker"
CONFIGURATION = "configuration"


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
        disk: what the configuration was read from, for reading it again when it changes.
        listen: `host:port` of HTTP sources.
    """

    def __init__(
        self, path: Path, config: Configuration, disk: Disk, transport: Any, telemetry: Telemetry, parts: Parts,
        listen: str, now_s: Callable[[], float] = time.time,
    ) -> None:
        self.config, self.transport, self.telemetry, self.parts = config, transport, telemetry, parts
        self.topology = topology_of(config)
        self.listener = Listener(listen)
        self.troubles: dict[str, BusError] = {}
        self.router = Router(transport, Routing(config), telemetry, now_s)
        self.intake = Intake(transport, Inbound(config), telemetry, now_s)
        self.ends = Ends(
            transport, self.listener, telemetry, folder_of(path), self.intake.accept, self._trouble, now_s
        )
        self.reloader = Reloader(path, disk, self._take, telemetry, partial(self._trouble, CONFIGURATION), now_s)
        self._status = StatusFile(folder_of(path), telemetry)
        self._unreleased = True
        self._watch_tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------------------ start and stop

    async def start(self) -> None:
        """Open the broker and begin. Raises BusError when something is missing from the start."""
        self.transport.on_trouble = self._broker_trouble
        await self.transport.open(self.topology)
        self.telemetry.metrics.broker_up.set(1)
        self.telemetry.in_use(self.reloader.version, self.config.systems)
        built = self.ends.build(None, self.config, self.router.routing, self.parts.has)
        await self.ends.prepare(built)
        if self.parts.router:
            await self.router.start(self.topology.router_queues)
            await self.intake.start()
        await self.ends.follow(built)
        looks = ((self._look_at_letters, LETTERS_EVERY_S), (self._look_at_depths, DEPTH_EVERY_S),
                 (self._write_status, STATUS_EVERY_S))
        self._watch_tasks = [asyncio.create_task(self._watch(look, every_s)) for look, every_s in looks]
        self._watch_tasks.append(asyncio.create_task(self.reloader.run()))

    async def stop(self) -> None:
        """Stop in order; nothing that was accepted is lost. Fine after a start that failed, too."""
        for task in self._watch_tasks:
            task.cancel()
        await asyncio.gather(*self._watch_tasks, return_exceptions=True)
        await self.ends.stop_sources()
        await self.listener.stop()
        await self.intake.stop()
        await self.router.stop()
        await self.ends.stop_sinks()
        with contextlib.suppress(BusError, TimeoutError):  # what cannot be stored now comes again
            async with asyncio.timeout(STORE_S):
                await self.transport.drain()
        await self.transport.close()
        self._status.remove()

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
        if not self.ends.idle or not self.intake.idle:
            return False
        own = [*self.topology.event_queues, DOCUMENTS] if self.parts.router else []
        try:
            depths = await self.transport.depth([*own, *(to(name) for name in self.ends.deliveries)])
        except BusError:  # the broker is away: nobody knows
            return False
        return not any(depth.messages for depth in depths.values())

    # -------------------------------------------------------------------------------------- reload

    async def _take(self, config: Configuration, disk: Disk) -> None:
        """Go on with another version of the configuration, everything at once, between two batches of events.

        What it needs is declared and settled before, and what it has no more ends after.

        Raises:
            BusError: it cannot be used; the one before goes on as if nothing had been.
        """
        old, new = self.topology, topology_of(config)
        if old.router_queues != new.router_queues:
            # Two routers, one with the former queues and one with the new ones, would let a key overtake itself.
            raise ConfigurationError("reload-ordering")
        routing, inbound = Routing(config), Inbound(config)
        both = joined(old, new)
        built = self.ends.build(self.config, config, routing, self.parts.has)
        try:
            if both != old:
                await self.transport.open(both)
            await self.ends.prepare(built)
        except BaseException:
            await self.ends.drop(built)
            raise
        # From here to the end of `use` nothing waits: every event and document sees one version.
        gone = self.config.systems.keys() - config.systems.keys()
        self.config, self.topology = config, new
        self.router.use(routing)
        self.intake.inbound = inbound
        self.ends.use(built)
        self.telemetry.in_use(disk.version, config.systems)
        self.reloader.in_use(disk.version)
        self._unreleased = True
        await self.ends.follow(built)
        if both != new:
            with contextlib.suppress(BusError):  # the broker is away; that it is told of more queues does no harm
                await self._let_go(gone, new)

    async def _let_go(self, gone: Iterable[str], topology: Topology) -> None:
        """Say what systems leave behind that are gone, and have it declared no more when the broker comes back."""
        left = await self.transport.depth([queue for name in sorted(gone) for queue in (to(name), dead(name))])
        for queue, depth in left.items():
            self.telemetry.left_over(queue, depth.messages)
        await self.transport.open(topology)

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

    async def _look_at_letters(self) -> None:
        """Release what waited for a code that is there since the last change."""
        if self._unreleased and self.parts.router:
            self._unreleased = False
            queues = [INVALID, *(dead(name) for name in self.config.systems)]
            try:
                await release(self.transport, queues, self.config, self.telemetry)
            except BusError:
                self._unreleased = True
                raise

    async def _write_status(self) -> None:
        await self._status.write(status_of(self))

    # ------------------------------------------------------------------------------------- trouble

    def _trouble(self, what: str, error: BusError | None) -> None:
        if error is None:
            self.troubles.pop(what, None)
        else:
            self.troubles[what] = error

    def _broker_trouble(self, error: BusError | None) -> None:
        self.telemetry.broker(error)
        self._trouble(BROKER, error)
