"""Plan, apply and prune on whichever broker a URL names."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bus.config.model import Configuration
from bus.declarations import declarations
from bus.permissions import users
from bus.plan import Change, Wanted, wanted
from bus.runtime.app import topology_of
from bus.runtime.brokers import open_broker, store_path
from bus.topology import dead, to

AT_ONCE = 2000


def wanted_by(config: Configuration) -> Wanted:
    """Return what a configuration asks of a broker."""
    topology = topology_of(config)
    return wanted(topology, declarations(topology), users(config))


def queues_of(systems: Sequence[str], want: Wanted) -> tuple[str, ...]:
    """Return the queues of systems that are gone; of one that is still there, none."""
    return tuple(queue(name) for name in systems if name not in want.topology.systems for queue in (to, dead))


class Site(Protocol):
    """A broker as the place where a topology stands. Every call raises Unavailable, ConfigurationError."""

    async def plan(self) -> tuple[Change, ...]:
        """Say what `apply` would do. Changes nothing."""

    async def apply(self) -> tuple[Change, ...]:
        """Make what can be made, wait until it has settled, return what was done or could not be."""

    async def left_over(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return the queues that routing.yaml does not ask for, and what each holds.

        Args:
            queues: looked for as well, since no `apply` may know of them.
        """

    async def prune(self, queues: Sequence[str]) -> tuple[str, ...]:
        """Delete queues with everything in them; return those deleted.

        One that leads back to systems that live on is deleted only when it is empty.
        """


def site(url: str, want: Wanted) -> Site:
    """Return the broker that a URL names; nothing is connected yet. Raises UsageError."""
    path = store_path(url)
    if path is not None:
        return _File(url, path, want)
    open_broker(url, owner=False)  # knows which URLs there are
    from bus.runtime.rabbitmq.topology import RabbitSite

    return RabbitSite(url, want)


class _File:
    """The embedded broker: it makes its queues whenever it is opened, so little is left to say."""

    def __init__(self, url: str, path: Path, want: Wanted) -> None:
        self._url, self._path, self._want = url, path, want

    async def plan(self) -> tuple[Change, ...]:
        there = await asyncio.to_thread(self._held)
        missing = [queue for queue in self._want.topology.queues if queue not in there]
        return tuple(Change("create", "queue", queue, "plan-in-file", {"store": str(self._path)}) for queue in missing)

    async def apply(self) -> tuple[Change, ...]:
        done = await self.plan()
        if done:
            transport = open_broker(self._url, owner=False)
            await transport.open(self._want.topology)
            await transport.close()
        return done

    async def left_over(self, queues: Sequence[str]) -> Mapping[str, int]:
        del queues  # the file itself knows them all
        there = await asyncio.to_thread(self._held)
        return {name: held for name, held in there.items() if held and name not in self._want.topology.queues}

    async def prune(self, queues: Sequence[str]) -> tuple[str, ...]:
        transport = open_broker(self._url, owner=False)
        await transport.open(self._want.topology)
        try:
            for queue in queues:
                while waiting := await transport.pull(queue, AT_ONCE):
                    for received in waiting:
                        received.become()
                    await transport.drain()
        finally:
            await transport.close()
        return tuple(queues)

    def _held(self) -> Mapping[str, int]:
        """Return every queue in the file and what it holds; a file that is missing stays so."""
        from bus.runtime.embedded import WINDOW_S
        from bus.runtime.embedded_store import Store

        if not self._path.exists():
            return {}
        store = Store(self._path, owner=False, window_s=WINDOW_S, clock=time.time)
        store.open()
        try:
            names = tuple(store.declare(()))
            return {name: depth.messages for name, depth in store.depth(names).items()}
        finally:
            store.close()
