"""What each `bus run` says of itself for `bus status`: a small file beside routing.yaml, and who reads it.

Every process writes `.bus/status-HOST-PID.json` once a second, whole or not at all, and removes it when it
stops in good order. It listens to nobody, works with every broker, and holds names, numbers and reasons,
never a document or a secret. One that has not been written for a while is of a process that was killed,
or hangs; it is shown until another one starts.
"""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bus import __version__
from bus.ports import Depth
from bus.runtime.brokers import check_store, open_broker, store_path
from bus.runtime.reasons import Reason, reason_of
from bus.runtime.telemetry import Telemetry

FOLDER = ".bus"
PATTERN = "status-*.json"
STALE_S = 10.0  # not written for so long: the process is gone, or hangs


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """One system as one process sees it.

    Args:
        in_hand: deliveries taken from its queue and not settled. oldest_s: the age of the oldest of them.
    """

    down: Reason | None = None
    in_hand: int = 0
    oldest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One `bus run`.

    Args:
        parts: what it runs: `router` and names of systems.
        version, since_s: of the configuration in use.
        refusal, refused_s: why the files as they are now are not in use, and since when.
        queues: all that its configuration needs.
    """

    program: str
    at_s: float
    parts: Sequence[str]
    version: str
    since_s: float
    queues: Sequence[str]
    systems: Mapping[str, SystemStatus]
    refusal: Reason | None = None
    refused_s: float = 0.0
    broker: Reason | None = None
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)

    @property
    def name(self) -> str:
        """As people call it."""
        return f"{self.host}:{self.pid}"

    def is_gone(self, now_s: float) -> bool:
        """Whether it has died, or nothing was heard of it for too long."""
        return now_s - self.at_s > STALE_S or (self.host == socket.gethostname() and not _lives(self.pid))


def status_of(app: Any) -> ProcessStatus:
    """What a running bus says of itself."""
    reloader, systems = app.reloader, [name for name in app.config.systems if app.parts.has(name)]
    broker = app.troubles.get("broker")
    return ProcessStatus(
        __version__, time.time(), [*(["router"] if app.parts.router else []), *systems],
        reloader.version, reloader.since_s, app.topology.queues, {name: _system(app, name) for name in systems},
        reloader.refusal, reloader.refused_s, reason_of(broker) if broker is not None else None,
    )


def _system(app: Any, name: str) -> SystemStatus:
    delivery = app.ends.deliveries.get(name)
    down = app.troubles.get(name) or (delivery.trouble if delivery is not None else None)
    held = delivery.in_hand if delivery is not None else Depth(0, 0.0)
    return SystemStatus(reason_of(down) if down is not None else None, held.messages, round(held.oldest_s, 1))


def _lives(pid: int) -> bool:
    if os.name != "posix":  # elsewhere asking may end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


class StatusFile:
    """The file of this process."""

    def __init__(self, folder: Path, telemetry: Telemetry) -> None:
        self._folder, self._telemetry = folder / FOLDER, telemetry
        self._path = self._folder / f"status-{socket.gethostname()}-{os.getpid()}.json"
        self._told = self._swept = False

    async def write(self, status: ProcessStatus) -> None:
        """Replace what it said; where that is not possible, it is told once."""
        body = json.dumps(asdict(status), ensure_ascii=False, default=str).encode()
        try:
            await asyncio.to_thread(self._write, body, status.at_s)
            self._told = False
        except OSError as error:
            if not self._told:
                self._telemetry.status_unwritten(str(self._path), error.strerror or type(error).__name__)
            self._told = True

    def _write(self, body: bytes, now_s: float) -> None:
        self._folder.mkdir(exist_ok=True)
        if not self._swept:  # once: whoever dies from now on is to be seen
            self._swept = True
            for path, status in _all(self._folder):
                if status.is_gone(now_s):
                    path.unlink(missing_ok=True)
        fresh = self._path.with_suffix(".fresh")
        fresh.write_bytes(body)
        fresh.replace(self._path)

    def remove(self) -> None:
        """Say that this process has stopped in good order."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def processes(folder: Path, now_s: float) -> tuple[list[ProcessStatus], list[ProcessStatus]]:
    """Return what every `bus run` beside a routing.yaml has said last: those that live, and those that are gone."""
    every = [status for _, status in _all(folder / FOLDER)]
    return [one for one in every if not one.is_gone(now_s)], [one for one in every if one.is_gone(now_s)]


def _all(folder: Path) -> Iterator[tuple[Path, ProcessStatus]]:
    for path in sorted(folder.glob(PATTERN)):
        try:
            status = _read(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):  # gone by now, or of another release
            continue
        yield path, status


def _read(made: Mapping[str, Any]) -> ProcessStatus:
    def reason(found: Mapping[str, Any] | None) -> Reason | None:
        return Reason(**found) if found is not None else None

    systems = {
        name: SystemStatus(**{**one, "down": reason(one["down"])}) for name, one in made["systems"].items()
    }
    return ProcessStatus(
        **{**made, "systems": systems, "refusal": reason(made["refusal"]), "broker": reason(made["broker"])}
    )


async def depths(url: str, queues: Sequence[str]) -> Mapping[str, Depth]:
    """Say what queues hold, as the broker itself has it; one that does not exist is left out. Changes nothing.

    Raises:
        Unavailable, ConfigurationError, UsageError: the broker cannot be asked.
    """
    if (path := store_path(url)) is not None:
        check_store(url)
        return await asyncio.to_thread(_in_store, path, queues)
    open_broker(url, owner=False)  # knows which URLs there are
    from bus.runtime.rabbitmq.topology import Look, dialled

    async with dialled(url, "bus status") as connection:
        look = Look(connection)
        for queue in queues:
            await look.at(queue, is_queue=True)
        return {queue: Depth(messages, 0.0) for queue, messages in look.messages.items()}


def _in_store(path: Path, queues: Sequence[str]) -> Mapping[str, Depth]:
    from bus.runtime.embedded import WINDOW_S
    from bus.runtime.embedded_store import Store

    store = Store(path, owner=False, window_s=WINDOW_S, clock=time.time)
    store.open()
    try:
        return store.depth(queues)
    finally:
        store.close()
