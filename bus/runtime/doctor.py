"""What is wrong between here and the broker, and what to do about it. Changes nothing.

One look after another; a look that needs what failed before it is left out. `ok` is None where nothing
is wrong for sure: a piece of advice, or something that cannot be seen from here.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.config.model import Configuration
from bus.errors import BusError, Unavailable
from bus.plan import Wanted
from bus.runtime.brokers import open_broker, owner_of, store_path
from bus.runtime.files import find, folder_of, read_configuration
from bus.runtime.topology import wanted_by
from bus.texts import hint, say

LOW_DISK_BYTES = 1024**3
FEW = 6  # names in one line
EMPTY: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Check:
    """One look and what it found.

    Args:
        name: what was looked at; the same on every run.
        code, fields: of the sentence, whose hint is the remedy.
        unreachable: something does not answer at all.
    """

    name: str
    ok: bool | None
    code: str
    fields: Mapping[str, object]
    unreachable: bool = False

    @property
    def message(self) -> str:
        """What was found, in the chosen language."""
        return say(self.code, **self.fields)

    @property
    def remedy(self) -> str:
        """What to do, or ""."""
        return "" if self.ok else hint(self.code, **self.fields)


def listed(names: Sequence[str]) -> str:
    """The first of very many."""
    return ", ".join(names[:FEW]) + (" …" if len(names) > FEW else "")


def well(name: str, code: str, fields: Mapping[str, object] = EMPTY) -> Check:
    """Nothing is wrong."""
    return Check(name, ok=True, code=code, fields=fields)


def wrong(name: str, code: str, fields: Mapping[str, object] = EMPTY, *, unreachable: bool = False) -> Check:
    """Something is wrong."""
    return Check(name, ok=False, code=code, fields=fields, unreachable=unreachable)


def advice(name: str, code: str, fields: Mapping[str, object] = EMPTY) -> Check:
    """Nothing is wrong for sure."""
    return Check(name, ok=None, code=code, fields=fields)


def judged(name: str, codes: tuple[str, str], fields: Mapping[str, object], *, ok: bool) -> Check:
    """The first code when all is well, else the second."""
    return well(name, codes[0], fields) if ok else wrong(name, codes[1], fields)


def failed(name: str, error: BusError) -> Check:
    """The check that ended with an error of the bus."""
    return wrong(name, error.code, error.fields, unreachable=isinstance(error, Unavailable))


async def examine(routing: str | None, broker: str) -> AsyncIterator[Check]:
    """Look at everything, yielding each result as it is known. Raises UsageError for a wrong broker URL."""
    config, folder = None, Path()
    try:
        path = find(routing)
        config, _ = read_configuration(path)
        folder = folder_of(path)
        yield _configuration(path, config)
    except BusError as error:
        yield failed("routing", error)
    want = wanted_by(config) if config is not None and not config.errors else None
    async for check in _broker(broker, want):
        yield check
    if config is not None and not config.errors:
        from bus.runtime.doctor_systems import examine_systems

        async for check in examine_systems(config, folder):
            yield check


def _configuration(path: Path, config: Configuration) -> Check:
    fields = {"path": str(path), "count": len(config.errors), "routes": len(config.routes)}
    return judged("routing", ("doctor-routing", "doctor-routing-errors"), fields, ok=not config.errors)


async def _broker(url: str, want: Wanted | None) -> AsyncIterator[Check]:
    path = store_path(url)
    if path is not None:
        for check in await asyncio.to_thread(lambda: list(_store(path))):
            yield check
        return
    open_broker(url, owner=False)  # raises for a URL nobody understands
    from bus.runtime.rabbitmq.doctor import examine_broker

    async for check in examine_broker(url, want):
        yield check


def _store(path: Path) -> list[Check]:
    """Look at the embedded broker's file."""
    checks = [writable("store", path.parent)]
    parent = _existing(path.parent)
    free = shutil.disk_usage(parent).free
    sizes = {"path": str(parent), "free": f"{free / 1024**3:.1f}", "needed": f"{LOW_DISK_BYTES / 1024**3:.0f}"}
    checks.append(judged("store.disk", ("doctor-disk", "doctor-disk-low"), sizes, ok=free >= LOW_DISK_BYTES))
    if path.exists():
        checks += _store_file(path)
    return checks


def _store_file(path: Path) -> list[Check]:
    from bus.runtime.embedded import WINDOW_S
    from bus.runtime.embedded_store import Store

    store = Store(path, owner=False, window_s=WINDOW_S, clock=time.time)
    try:
        store.open()
    except BusError as error:
        return [failed("store.file", error)]
    try:
        held = store.depth(tuple(store.declare(())))
    except BusError as error:
        return [failed("store.file", error)]
    finally:
        store.close()
    waiting = sum(depth.messages for depth in held.values())
    checks = [well("store.file", "doctor-store", {"store": str(path), "queues": len(held), "messages": waiting})]
    owner = owner_of(path)
    if owner:
        return [*checks, well("store.owner", "doctor-store-owned", {"pid": owner})]
    return [*checks, advice("store.owner", "doctor-store-free", {"store": str(path)})]


def writable(name: str, folder: Path) -> Check:
    """Whether files can be made in a folder, or the folder itself where it is missing."""
    there = _existing(folder)
    ok = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    fields = {"path": str(folder), "parent": str(there)}
    return judged(name, ("doctor-folder", "doctor-folder-locked"), fields, ok=ok)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next((above for above in (folder, *folder.parents) if above.exists()), Path("/"))
