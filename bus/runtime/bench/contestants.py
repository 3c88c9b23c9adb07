"""Who does the task: a program that speaks AMQP, or the broker's own shovel.

Each takes events from `bus.router` and puts what it makes of them into `to.wms` and `to.scm`, and
acknowledges an event only when both are confirmed.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bus.errors import Unavailable
from bus.runtime.bench.task import FEW, ROUTES, Makes, queues
from bus.runtime.rabbitmq.node import PrivateNode
from bus.topology import ROUTER

FANOUT = "bench.fanout"
STOP_S, LOOK_EVERY_S = 20.0, 0.01
PREFETCH = 1000  # the shovel's own default


class Contestant(Protocol):
    """Somebody who does the task when started, until stopped."""

    name: str
    makes: Makes

    @property
    def queues(self) -> Sequence[str]:
        """Those of the subscribers that it serves."""

    @property
    def pids(self) -> Sequence[int]:
        """Its processes while it runs; none where it lives in the broker."""

    @property
    def boots(self) -> bool:
        """Whether the time from start to its first delivery is its own."""

    def start(self) -> None: ...

    def check(self) -> None:
        """Raise Unavailable when it has ended, though nobody told it to."""

    def stop(self) -> None:
        """Tell it to stop and wait until it has. Idempotent."""


class Program:
    """A command that finds the broker's URL in BUS_BROKER and runs until SIGTERM.

    Args:
        processes: how many of it run side by side.
        log: what it writes; the end of it is shown when it ends by itself.
        more: further environment.
        subscribers: how many it serves.
    """

    boots = True

    def __init__(
        self, name: str, command: Sequence[str], broker: str, log: Path, *, makes: Makes = Makes.deliveries,
        processes: int = 1, more: Mapping[str, str] | None = None, subscribers: int = FEW,
    ) -> None:
        self.name, self.makes, self.queues = name, makes, tuple(queues(subscribers))
        self._command, self._broker, self._log, self._processes = list(command), broker, log, processes
        self._more = more or {}
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> Sequence[int]:
        return [process.pid for process in self._running]

    def start(self) -> None:
        # To some clients a slash with nothing behind it is a virtual host with no name, and to the shovel, too.
        environment = {**os.environ, "BUS_BROKER": self._broker.rstrip("/"), **self._more}
        with self._log.open("wb") as log:
            for _ in range(self._processes):
                try:
                    self._running.append(subprocess.Popen(  # noqa: S603 - typed by whoever runs the bench
                        self._command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    ))
                except OSError as exc:
                    raise Unavailable("bench-ended", name=self.name, said=exc.strerror) from exc

    def check(self) -> None:
        if any(process.poll() is not None for process in self._running):
            said = self._log.read_text("utf-8", errors="replace").strip()[-1000:]
            raise Unavailable("bench-ended", name=self.name, said=said)

    async def until(self, true: Callable[[], bool], limit_s: float) -> None:
        """Return once it is true. Raises Unavailable when that takes too long, or when the program has ended."""
        end = time.monotonic() + limit_s
        while not true():
            self.check()
            if time.monotonic() > end:
                raise Unavailable("bench-nothing-came", seconds=round(limit_s))
            await asyncio.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        end = time.monotonic() + STOP_S
        for process in self._running:
            try:
                process.wait(max(end - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()


def bus_router(name: str, routing: Path, broker: str, processes: int = 1, subscribers: int = FEW) -> Program:
    """The bus itself: `bus run --only router`."""
    command = [sys.executable, "-m", "bus.cli", "run", "--only", "router", "--routing", str(routing)]
    log = routing.with_name(f"{name}.log")
    return Program(name, command, broker, log, processes=processes, subscribers=subscribers)


class Shovel:
    """The broker's shovel: on-confirm, to a fanout of both queues, the bytes untouched. Needs a node of one's own."""

    name, makes, boots = "shovel", Makes.copies, False
    pids: Sequence[int] = ()
    queues: Sequence[str] = tuple(ROUTES)

    def __init__(self, node: PrivateNode) -> None:
        self._node = node
        self._prepared = False

    def start(self) -> None:
        if not self._prepared:
            self._prepare()
            self._prepared = True
        url = self._node.url.rstrip("/")
        self._node.ctl("set_parameter", "shovel", "bench", json.dumps({
            "src-protocol": "amqp091", "src-uri": url, "src-queue": ROUTER, "src-prefetch-count": PREFETCH,
            "dest-protocol": "amqp091", "dest-uri": url, "dest-exchange": FANOUT, "ack-mode": "on-confirm",
        }))

    def check(self) -> None: ...

    def stop(self) -> None:
        if "bench" in self._node.ctl("list_parameters"):
            self._node.ctl("clear_parameter", "shovel", "bench")

    def _prepare(self) -> None:
        """Make the exchange; the queues are there by now."""
        file = self._node.folder / "fanout.json"
        bindings = [
            {"source": FANOUT, "destination": queue, "destination_type": "queue", "routing_key": "", "vhost": "/",
             "arguments": {}}
            for queue in ROUTES
        ]
        exchange = {"name": FANOUT, "vhost": "/", "type": "fanout", "durable": True, "auto_delete": False,
                    "internal": False, "arguments": {}}
        file.write_text(json.dumps({"exchanges": [exchange], "bindings": bindings}))
        self._node.ctl("import_definitions", str(file))
