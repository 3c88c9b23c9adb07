"""The sources and sinks that one process runs: built, begun, exchanged for those of another version, ended.

An end whose adapter, options and zone stay as they are runs on through a change of version. A sink that
ends finishes what is out and gives back the rest; a source that ends lets go of what is not stored yet.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bus.adapter import Accept, Site, Source
from bus.config.model import Configuration
from bus.errors import BusError
from bus.ports import Transport
from bus.routing import Routing
from bus.runtime.delivery import Delivery
from bus.runtime.intake import run_source
from bus.runtime.listener import Listener
from bus.runtime.telemetry import Telemetry
from bus.versions import Change, change

GRACE_S = 12.0  # for deliveries that are out when their sink is told to stop


@dataclass(frozen=True, slots=True)
class Built:
    """The ends that a version adds or changes; none of them runs yet."""

    change: Change
    routing: Routing
    sources: Mapping[str, Source]
    paths: Mapping[str, Mapping[str, Any]]  # of HTTP sources, by system
    deliveries: Mapping[str, Delivery]


class Ends:
    """The sources and sinks of the systems that this process runs.

    Args:
        folder: where relative paths start.
        accept: takes the documents of sources.
        on_trouble: told why a system's source does not work, and None when it does.
    """

    def __init__(
        self, transport: Transport, listener: Listener, telemetry: Telemetry, folder: Path, accept: Accept,
        on_trouble: Callable[[str, BusError | None], None], now_s: Callable[[], float],
    ) -> None:
        self._transport, self._listener, self._telemetry = transport, listener, telemetry
        self._folder, self._accept, self._on_trouble, self._now_s = folder, accept, on_trouble, now_s
        self.sources: dict[str, Source] = {}
        self.deliveries: dict[str, Delivery] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._paths: dict[str, Mapping[str, Any]] = {}

    @property
    def idle(self) -> bool:
        """Sources have brought everything, and sinks have nothing in hand."""
        return all(getattr(source, "idle", True) for source in self.sources.values()) and all(
            delivery.idle for delivery in self.deliveries.values()
        )

    def build(
        self, old: Configuration | None, new: Configuration, routing: Routing, has: Callable[[str], bool]
    ) -> Built:
        """Make what another version adds or changes; it touches nothing that runs. Raises BusError.

        Args:
            has: whether the ends of a system run in this process.
        """
        changed = change(old, new)
        sources, deliveries, paths = {}, {}, {}
        for name in sorted(filter(has, changed.sources_begin | changed.sinks_begin)):
            system, listened = new.systems[name], dict[str, Any]()
            site = Site(name, system.zone, self._folder, listened.__setitem__)
            if name in changed.sources_begin and system.source is not None and system.source.adapter.source is not None:
                sources[name] = system.source.adapter.source(system.source.options, site)
                paths[name] = listened
            if name in changed.sinks_begin and system.sink is not None and system.sink.adapter.sink is not None:
                sink = system.sink.adapter.sink(system.sink.options, site)
                deliveries[name] = Delivery(name, sink, self._transport, routing, self._telemetry, self._now_s)
        return Built(changed, routing, sources, paths, deliveries)

    async def prepare(self, built: Built) -> None:
        """Listen for new systems and deliver to them; for all others nothing changes yet.

        Raises:
            BusError: a port or a queue is not to be had; `drop` undoes what has begun by then.
        """
        for name, paths in built.paths.items():
            if name not in self.sources:
                self._listen(paths, {})
        if any(built.paths.values()):
            await self._listener.start()
        for name, delivery in built.deliveries.items():
            if name not in self.deliveries:
                self.deliveries[name] = delivery
                await delivery.start()

    async def drop(self, built: Built) -> None:
        """Let go of a version that cannot be used."""
        for paths in built.paths.values():
            self._listen({}, paths)
        for paths in self._paths.values():  # one that is back has perhaps been in the way of a new one
            self._listen(paths, {})
        for name, delivery in built.deliveries.items():
            if self.deliveries.get(name) is delivery:
                del self.deliveries[name]
        await asyncio.gather(*(delivery.stop(0) for delivery in built.deliveries.values()))

    async def follow(self, built: Built) -> None:
        """Begin the sources of a version that is in use now, exchange what it changes, end what it has no more."""
        changed = built.change
        for done in await asyncio.gather(
            *(self._exchange_source(name, built) for name in changed.sources_end | changed.sources_begin),
            *(self._exchange_sink(name, built) for name in changed.sinks_end | changed.sinks_begin),
            return_exceptions=True,
        ):
            if isinstance(done, BaseException):  # a third party's end may raise anything when it closes
                self._telemetry.defect("reload", done)

    def use(self, built: Built) -> None:
        """Let the sinks that stay take what comes from now on with another version."""
        for name in self.deliveries.keys() - built.change.sinks_end:
            self.deliveries[name].use(built.routing)

    async def stop_sources(self) -> None:
        """Take nothing more in."""
        await _cancelled(*self._tasks.values())

    async def stop_sinks(self) -> None:
        """Finish what is out, release the rest."""
        await asyncio.gather(*(delivery.stop(GRACE_S) for delivery in self.deliveries.values()))

    async def _exchange_source(self, name: str, built: Built) -> None:
        paths = built.paths.get(name, {})
        self._listen(paths, self._paths.pop(name, {}))
        if (task := self._tasks.pop(name, None)) is not None:
            await _cancelled(task)
            del self.sources[name]
            self._on_trouble(name, None)
        if (source := built.sources.get(name)) is not None:
            self.sources[name], self._paths[name] = source, paths
            self._tasks[name] = asyncio.create_task(
                run_source(name, source, self._accept, self._telemetry, partial(self._on_trouble, name))
            )

    async def _exchange_sink(self, name: str, built: Built) -> None:
        old, new = self.deliveries.get(name), built.deliveries.get(name)
        if old is new:  # begun already, or not of this process
            return
        if old is not None:
            await old.stop(GRACE_S)
            del self.deliveries[name]
        if new is not None:
            self.deliveries[name] = new
            try:
                await new.start()
            except BusError as error:  # the version is in use: this system is down, and the others are not
                self._telemetry.adapter(name, "sink", error)
                self._on_trouble(name, error)

    def _listen(self, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
        for path, app in new.items():
            self._listener.add(path, app)
        for path, app in old.items():
            self._listener.remove(path, app)


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
