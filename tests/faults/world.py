"""The whole bus as processes around a real broker, each kept running and each with its own way to the broker.

    publisher ─▶ broker ◀─▶ router-1, router-2 (`bus run --only router`)
                   ├─▶ erp (`bus run --only erp`: rows in a database)    ├─▶ wms, scm (read their queues by themselves)
                   └─▶ oa (`bus run --only oa`: files)

Between each process and each node of the broker lies a proxy.
"""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bus.runtime.rabbitmq import RabbitBroker
from bus.topology import DOCUMENTS, INVALID, dead, to

from tests.faults.history import Fact, History, Tail
from tests.faults.story import READERS, ROUTING, SYSTEMS, UNREACHABLE, is_spare, topology_in
from tests.proxy import Proxy

ROOT = Path(__file__).parents[2]
ROUTERS = ("router-1", "router-2")
SINKS = ("erp", "oa")
HEARTBEAT_S = 2
WAIT_S = 60.0
BUS = (sys.executable, "-c", "from bus.cli.main import main; main()")


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, limit_s: float = WAIT_S) -> float:
    """Return how long it took until the condition held."""
    start = time.monotonic()
    while True:
        held = condition()
        if await held if isinstance(held, Awaitable) else held:
            return time.monotonic() - start
        assert time.monotonic() - start < limit_s, f"{what} within {limit_s:.0f} s"
        await asyncio.sleep(0.02)


class Program:
    """A process that is started again whenever it ends, as a supervisor would."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name, self._command, self._folder = name, command, folder
        self.log = folder / f"{name}.log"
        self.ended: Counter[int] = Counter()  # exit codes nobody asked for
        self.done = asyncio.Event()
        self._killed = False
        self._wanted = True
        self._process: asyncio.subprocess.Process | None = None
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while self._wanted:
            with self.log.open("ab") as log:
                self._process = process = await asyncio.create_subprocess_exec(
                    *self._command, cwd=self._folder, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            code = await process.wait()
            if code == 0:
                break
            if not self._killed and code != UNREACHABLE:
                self.ended[code] += 1
            self._killed = False
        self.done.set()

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL; it is started again."""
        if self._process is not None and self._process.returncode is None:
            self._killed = True
            self._process.kill()

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def say(self, line: str) -> None:
        """Write a line to its stdin; one that is not there now hears nothing."""
        if self._process is not None and self._process.stdin is not None and self.runs:
            self._process.stdin.write(f"{line}\n".encode())

    async def stop(self) -> float:
        """SIGTERM; return how long it took to end."""
        start = time.monotonic()
        self._wanted = False
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            if (code := await self._process.wait()) not in {0, -signal.SIGTERM}:
                self.ended[code] += 1
        await self._keeper
        return time.monotonic() - start

    async def end(self) -> None:
        """End it at once, whatever it does."""
        self._wanted = False
        if self._process is not None and self._process.returncode is None:
            self._killed = True
            self._process.kill()
        await self._keeper


class World:
    """Everything around one broker or cluster; `folder` keeps what happened."""

    def __init__(
        self, urls: Sequence[str], folder: Path, stack: contextlib.AsyncExitStack, heartbeat_s: int = HEARTBEAT_S
    ) -> None:
        self.url = ",".join(urls)
        self.folder, self.heartbeat_s = folder, heartbeat_s
        self.topology = topology_in(folder)
        self.proxies: dict[str, list[Proxy]] = {}
        self.programs: dict[str, Program] = {}
        self.history = History(folder / "faults.jsonl")
        self._urls, self._stack = urls, stack
        self._published = Tail(folder / "publisher.jsonl")
        self._delivered = {system: Tail(folder / f"{system}.jsonl") for system in READERS}
        self.invoked: set[str] = set()
        self.due = 0  # events to be acknowledged before the next fault
        self.spare = 0  # of these, the ones that go to `oa`
        self.acknowledged: set[str] = set()
        self.arrived: dict[str, set[str]] = {system: set() for system in SYSTEMS}
        self._names: set[str] = set()  # of files, as of the last look

    # ----------------------------------------------------------------------------------- processes

    async def start(self, name: str, *command: str) -> Program:
        """Start a program; `{broker}` in its command becomes its way to the broker."""
        ways = []
        self.proxies[name] = []
        for url in self._urls:
            where = urlsplit(url)
            proxy = await self._stack.enter_async_context(Proxy(where.hostname or "", where.port or 5672))
            self.proxies[name].append(proxy)
            ways.append(url.replace(f":{where.port}", f":{proxy.port}") + f"?heartbeat={self.heartbeat_s}")
        filled = [part.replace("{broker}", ",".join(ways)) for part in command]
        program = self.programs[name] = Program(name, filled, self.folder)
        self._stack.push_async_callback(program.end)
        return program

    async def start_bus(self) -> None:
        """Start routers and sinks; returns once a router routes."""
        for name in ROUTERS:
            await self.start(name, *BUS, "run", "--only", "router", "--broker", "{broker}")
        for name in SINKS:
            await self.start(name, *BUS, "run", "--only", name, "--broker", "{broker}")
        for name in READERS:
            await self.start(name, sys.executable, "-m", "tests.faults.reader", "{broker}", str(self.folder), name)
        for name in ROUTERS:
            await self.ready(name)

    async def start_publisher(self, keys: int, versions: int) -> Program:
        module = (sys.executable, "-m", "tests.faults.publisher")
        return await self.start("publisher", *module, "{broker}", str(self.folder), str(keys), str(versions))

    async def ready(self, name: str) -> None:
        log = self.programs[name].log
        await until(lambda: log.exists() and b"router ready" in log.read_bytes(), f"{name} was not ready")

    async def stop(self) -> None:
        """Stop everything in good order."""
        await asyncio.gather(*(program.stop() for program in self.programs.values()))

    # ------------------------------------------------------------------------------------ what moves

    def look(self) -> None:
        """Take in what has happened since the last look."""
        for fact in self._published.new():
            event = fact["event"]
            if fact["type"] == "ok":
                self.acknowledged.add(event)
            elif event not in self.invoked:
                self.invoked.add(event)
                self.spare += is_spare(event)
        for system, tail in self._delivered.items():
            self.arrived[system].update(fact["event"] for fact in tail.new())
        self.arrived["erp"].update(event for event, _ in self.rows(len(self.arrived["erp"])))
        names = {entry.name for entry in os.scandir(self.folder / "oa")} - self._names
        self._names |= names
        self.arrived["oa"].update(event for event, _ in _final(names))

    def in_flight(self, *systems: str) -> int:
        """Count deliveries to these systems, or to all, whose event is begun and that have not arrived."""
        self.look()
        begun = {system: self.spare if system == "oa" else len(self.invoked) for system in systems or SYSTEMS}
        return sum(max(0, count - len(self.arrived[system])) for system, count in begun.items())

    def has_acknowledged(self, events: int) -> bool:
        """Whether the bus has said so of that many; as of the last look."""
        return len(self.acknowledged) >= events

    def rows(self, after: int = 0) -> list[tuple[str, int]]:
        """What the database holds, in the order it was written."""
        with contextlib.closing(sqlite3.connect(self.folder / "erp.db", timeout=30)) as database:
            return database.execute("SELECT event, place FROM arrival WHERE place > ?", [after]).fetchall()

    def files(self) -> Iterator[tuple[str, str]]:
        """Event and name of every file that is there under its final name."""
        return _final(entry.name for entry in os.scandir(self.folder / "oa"))

    def facts(self) -> Iterator[Fact]:
        """Everything that happened, each process in its own order."""
        for name in ("publisher", *READERS, "faults"):
            yield from Tail(self.folder / f"{name}.jsonl").new()
        for event, place in self.rows():
            yield {"type": "ok", "f": "deliver", "system": "erp", "event": event, "id": str(place)}
        for event, name in self.files():
            whole = json.loads((self.folder / "oa" / name).read_bytes())["event"] == event
            yield {"type": "ok", "f": "deliver", "system": "oa", "event": event if whole else name, "id": name}

    async def goes_on_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for it however long it takes, while anything is acknowledged or arrives, and somebody looks."""
        seen: tuple[int, ...] = ()
        since = time.monotonic()
        while not condition():
            moved = (len(self.acknowledged), *map(len, self.arrived.values()))
            if moved != seen:
                seen, since = moved, time.monotonic()
            assert time.monotonic() - since < WAIT_S, f"{what}: nothing moved for {WAIT_S:.0f} s"
            await asyncio.sleep(0.05)

    async def drained(self, limit_s: float = WAIT_S) -> None:
        """Return once everything that was acknowledged has arrived everywhere."""
        self.look()
        seen, since = -1, time.monotonic()
        while (left := self.in_flight()) and time.monotonic() - since < limit_s:
            if left != seen:
                seen, since = left, time.monotonic()
            await asyncio.sleep(0.1)

    async def left(self) -> Mapping[str, int]:
        """What still waits in any queue when nothing moves any more: repetitions take their time."""
        queues = [*self.topology.event_queues, DOCUMENTS, INVALID, *map(to, SYSTEMS), *map(dead, SYSTEMS)]
        bus = RabbitBroker(self.url)
        await bus.open(self.topology)
        try:
            seen, since = None, time.monotonic()
            while time.monotonic() - since < WAIT_S:
                depths = {queue: depth.messages for queue, depth in (await bus.depth(queues)).items() if depth.messages}
                if not depths:
                    break
                if depths != seen:
                    seen, since = depths, time.monotonic()
                await asyncio.sleep(0.2)
        finally:
            await bus.close()
        return depths


def _final(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Event and name of every file that has its final name."""
    return ((name.partition(".")[0].partition("~")[0], name) for name in names if not name.startswith("."))


@contextlib.asynccontextmanager
async def a_world(urls: Sequence[str], folder: Path, heartbeat_s: int = HEARTBEAT_S) -> AsyncIterator[World]:
    """A world whose processes end with it, however that is."""
    (folder / "routing.yaml").write_text(ROUTING)
    (folder / "oa").mkdir()
    with contextlib.closing(sqlite3.connect(folder / "erp.db")) as database:
        database.execute(
            "CREATE TABLE arrival (place INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT, code TEXT, version INTEGER)"
        )
        database.commit()
    async with contextlib.AsyncExitStack() as stack:
        yield World(urls, folder, stack, heartbeat_s)
