"""The story: one purchase order and its troubles, told scene by scene while it happens."""

import asyncio
import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from bus.cli.output import note, paint, show, table
from bus.demo.erp import LINE, RECEIPT, STATUS, Erp
from bus.demo.warehouse import Warehouse
from bus.errors import BusError, UsageError, why
from bus.letters import Letter
from bus.ports import Transport
from bus.runtime import deadletters
from bus.runtime.app import topology_of
from bus.runtime.brokers import open_broker
from bus.runtime.files import usable_configuration
from bus.texts import hint, say
from bus.topology import DOCUMENTS, Topology, to

PATIENCE_S = 20.0
LOOK_S = 0.02
DOWN_S = 1.0  # how long the warehouse is down
SYSTEMS = ("erp", "wms", "oa", "scm")
INBOX = Path("oa-inbox")
LOG = Path("bus.log")

Holds = Callable[[], bool | Awaitable[bool]]


class Stuck(Exception):
    """A scene did not come to its end."""


def play(folder: Path, broker: str) -> int:
    """Play the story in `folder`, which is made anew; return the exit code. No process is left behind."""
    started = time.monotonic()
    _furnish(folder)
    os.chdir(folder)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a story is told as it happens, to a pipe as well
    before = signal.signal(signal.SIGTERM, _end)
    stage = _Stage(broker)
    try:
        asyncio.run(stage.play())
    except Stuck as stuck:
        fields = {"what": str(stuck), "log": str(folder / LOG)}
        note(paint(say("error"), "red", sys.stderr) + say("demo-stuck", **fields))
        note("  " + hint("demo-stuck", **fields))
        return 1
    finally:
        stage.close()
        signal.signal(signal.SIGTERM, before)
    show()
    show(paint(say("demo-end", seconds=f"{time.monotonic() - started:.1f}", folder=str(folder)), "green"))
    if not stage.is_shared:
        show(say("demo-next"))
        show(say("demo-next-run"))
    return 0


def _end(*_: object) -> NoReturn:
    """Leave as Ctrl-C does, by way of every `finally`."""
    raise KeyboardInterrupt


def shipped(name: str) -> Path:
    """A file of the shipped configuration: beside the code in a wheel, at the root of a checkout."""
    packed = Path(str(files("bus"))) / "shipped" / name
    return packed if packed.exists() else Path(str(files("bus"))).parent / name


def _furnish(folder: Path) -> None:
    try:
        if folder.exists():
            if not (folder / "routing.yaml").exists() and any(folder.iterdir()):
                raise UsageError("demo-folder-taken", folder=str(folder))
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        for name in ("routing.yaml", "routing_test.yaml"):
            shutil.copy(shipped(name), folder / name)
        for name in ("lookups", "tests/documents"):
            shutil.copytree(shipped(name), folder / name)
    except OSError as error:
        reason = why(error)
        raise UsageError("demo-folder-unusable", folder=str(folder), reason=reason) from error


class _Stage:
    """The systems, the bus as a process of its own, and an eye on its queues."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.erp, self.wms = Erp(Path("erp.db").resolve()), Warehouse()
        self.wms.open()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.bus: subprocess.Popen[bytes] | None = None
        self.base = 4_500_000_000 + int(time.time()) % 10_000_000 * 10
        self.transport: Transport
        self.topology: Topology
        self.acted_at = time.monotonic()

    @property
    def is_shared(self) -> bool:
        """Whether others may use the same broker."""
        return self.broker.startswith("amqp")

    # ------------------------------------------------------------------------------ the machinery

    def _start_bus(self) -> None:
        environment = {**os.environ, "ERP_DB": self.erp.url, "WMS_URL": self.wms.url}
        command = [sys.executable, "-m", "bus.cli", "run", "--listen", f"127.0.0.1:{self.port}"]
        if self.broker:
            command += ["--broker", self.broker]
        with LOG.open("wb") as log:
            self.bus = subprocess.Popen(  # noqa: S603 - our own command
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def _until(self, what: str, holds: Holds) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            result = holds()
            if result if isinstance(result, bool) else await result:
                return
            if self.bus is not None and self.bus.poll() is not None:
                raise Stuck(say("demo-bus-ended", code=self.bus.returncode, said=_last_line(LOG)))
            await asyncio.sleep(LOOK_S)
        raise Stuck(what)

    def _act(self, scene: str, **fields: object) -> None:
        """Announce what a system does next; effects are timed from here."""
        show(say(scene, **fields))
        self.acted_at = time.monotonic()

    async def _effect(self, code: str, holds: Holds, **fields: object) -> None:
        """Wait for an effect, tell it, and how long after the act it was there."""
        told = say(code, **fields)
        await self._until(told, holds)
        show(f"  {paint('✔', 'green')} {told}  {paint(f'{time.monotonic() - self.acted_at:.2f} s', 'dim')}")

    async def _letters(self) -> list[Letter]:
        return await deadletters.found(self.transport, SYSTEMS, deadletters.Chosen())

    async def _letter(self, state: str, subject: str) -> Letter:
        """Wait for the letter about a document."""
        found: list[Letter] = []

        async def there() -> bool:
            found[:] = [one for one in await self._letters() if (one.state, one.subject) == (state, subject)]
            return bool(found)

        await self._until(say(f"state-{state}"), there)
        return found[0]

    async def _waiting(self, *queues: str) -> int:
        depths = await self.transport.depth(queues)
        return sum(depth.messages for depth in depths.values())

    def _in_oa(self, name: str) -> bool:
        return (INBOX / name).exists()

    def _confirm(self, receipt: str, order: str, status: str, lines: list[tuple[int, str, str, str]]) -> int:
        return self.wms.confirm(f"http://127.0.0.1:{self.port}", receipt, order, status, lines)

    # ----------------------------------------------------------------------------------- the story

    async def play(self) -> None:
        """All scenes, then the table."""
        os.environ.update(ERP_DB=self.erp.url, WMS_URL=self.wms.url)
        config, _ = usable_configuration(Path("routing.yaml"))
        self.topology, self.transport = topology_of(config), open_broker(self.broker, owner=False)
        await self.transport.open(self.topology)
        try:
            await self._play()
        finally:
            with contextlib.suppress(BusError):
                await self.transport.close()

    async def _play(self) -> None:
        depths = await self.transport.depth(self.topology.queues)
        if used := [name for name, depth in depths.items() if depth.messages]:
            raise UsageError("demo-broker-used", queues=", ".join(used))
        show(paint(say("demo-begin"), "bold"))
        show(say("demo-begin-what"))
        self._start_bus()
        await self._until(say("demo-starting"), lambda: b"router ready" in LOG.read_bytes())
        order = self.base + 1
        await self._released(str(order))
        await self._changed(str(order))
        await self._received(str(order))
        await self._down(str(order + 1))
        await self._unknown_code(str(order + 1))
        await self._refused(str(order + 2))
        await self._parked(str(order + 3))
        await self._settle()
        await self._table()

    async def _released(self, order: str) -> None:
        self._act("scene-released", order=order)
        self.erp.order(order, "RELEASE", [("104711", "120.000"), ("104801", "60.000")])

        async def at_portal() -> bool:
            return await self._waiting(to("scm")) >= 1

        await self._effect("demo-oa-file", lambda: self._in_oa(f"{order}.csv"), file=f"{INBOX}/{order}.csv")
        await self._effect("demo-scm-message", at_portal)
        await self._effect("demo-wms-order", lambda: f"{order} create" in self.wms.orders, tries=2)
        await self._effect("demo-accepted", lambda: self.erp.count(STATUS, po_no=order, status="accepted") == 1)

    async def _changed(self, order: str) -> None:
        self._act("scene-changed")
        self.erp.order(order, "CHANGE", [("104711", "120.000"), ("104801", "40.000")], version=2)
        await self._effect("demo-wms-change", lambda: f"{order} modify" in self.wms.orders)
        await self._effect("demo-accepted", lambda: self.erp.count(STATUS, po_no=order, status="accepted") == 2)

    async def _received(self, order: str) -> None:
        first, last = f"RK{order[-6:]}-1", f"RK{order[-6:]}-2"
        lines = [(10, "SKU-6204", "80", ""), (20, "SKU-S25", "40", "")]
        self._act("scene-received")
        self._confirm(first, order, "PARTFULFILLED", lines)
        await self._effect("demo-posted", lambda: self.erp.count(RECEIPT, receipt_no=first) == 1, receipt=first)
        status = self._confirm(first, order, "PARTFULFILLED", lines)
        self._confirm(last, order, "FULFILLED", [(10, "SKU-6204", "35", "5")])
        await self._effect("demo-posted", lambda: self.erp.count(RECEIPT, receipt_no=last) == 1, receipt=last)
        await self._effect(
            "demo-once", lambda: self.erp.count(RECEIPT, po_no=order) == 2 and self.erp.count(LINE) == 3,
            receipt=first, status=status,
        )
        posted, short = f"{last}-posted.csv", f"{last}-short.csv"
        await self._effect("demo-reply-oa", lambda: self._in_oa(posted), file=f"{INBOX}/{posted}")
        show(say("scene-short"))
        await self._effect("demo-short", lambda: self._in_oa(short), file=f"{INBOX}/{short}")

    async def _down(self, order: str) -> None:
        self.wms.close()
        self._act("scene-down")
        self.erp.order(order, "RELEASE", [("104712", "24.000")])
        await self._effect("demo-waits", lambda: self._in_oa(f"{order}.csv"))
        await asyncio.sleep(DOWN_S)
        self.wms.open()
        await self._effect("demo-recovered", lambda: f"{order} create" in self.wms.orders)

    async def _unknown_code(self, order: str) -> None:
        receipt, code = f"RK{order[-6:]}-1", "SKU-6305-B"
        self._act("scene-unknown")
        self._confirm(receipt, order, "FULFILLED", [(10, code, "24", "")])

        async def parked() -> bool:
            return any(letter.code == "unmapped-code" for letter in await self._letters())

        await self._effect("demo-unmapped", parked, value=code)
        _replace(Path("lookups/item.csv"), "SKU-6305\n", f"{code}\n")
        await self._effect("demo-released", lambda: self.erp.count(RECEIPT, receipt_no=receipt) == 1, receipt=receipt)

    async def _refused(self, order: str) -> None:
        self._act("scene-refused")
        self.erp.order(order, "RELEASE", [("105002", "500.000")])
        letter = await self._letter("dead", order)
        await self._effect("demo-dead", lambda: True, reason=letter.fields.get("reason", letter.message))
        told = f"{order}-rejected.csv"
        await self._effect("demo-rejected", lambda: self._in_oa(told), file=f"{INBOX}/{told}")
        self.wms.unknown_items.clear()

        async def replayed() -> bool:  # not while the bus itself goes through the letters, as it does with new lookups
            return (await deadletters.replay(self.transport, SYSTEMS, deadletters.Chosen(subject=order))).letters > 0

        await self._until(say("demo-replayed"), replayed)
        await self._effect("demo-replayed", lambda: f"{order} create" in self.wms.orders)

    async def _parked(self, order: str) -> None:
        self._act("scene-parked")
        self.erp.order(order, "RELEASE", [("104711", "10.000")], supplier="66600")
        letter = await self._letter("parked", order)
        await self._effect("demo-person", lambda: True, reason=letter.fields.get("reason", letter.message))

    async def _settle(self) -> None:
        """Wait until nothing is under way any more."""
        busy = (*self.topology.event_queues, DOCUMENTS, *(to(name) for name in ("erp", "wms", "oa")))

        async def quiet() -> bool:
            return not await self._waiting(*busy)

        await self._until(say("demo-settling"), quiet)

    async def _table(self) -> None:
        letters = await self._letters()
        portal = await deadletters.pull_all(self.transport, to("scm"))
        for received in portal:
            received.become()  # the portal reads its queue
        await self.transport.drain()
        orders = list(self.wms.orders)
        got = {
            "erp": say("got-erp", receipts=self.erp.count(RECEIPT), lines=self.erp.count(LINE),
                       statuses=self.erp.count(STATUS)),
            "wms": say("got-wms", orders=sum(key.endswith("create") for key in orders),
                       changes=sum(key.endswith("modify") for key in orders), requests=len(self.wms.requests)),
            "oa": say("got-oa", files=_files(INBOX)),
            "scm": say("got-scm", messages=len(portal)),
        }
        rows = []
        for name, what in got.items():
            waits = [letter for letter in letters if letter.system == name]
            rows.append((name, what, len(waits) or "–", "; ".join(map(_why, waits)) or "–"))
        show()
        for line in table(rows, (say("live-system"), say("column-got"), say("column-waits"), say("column-why"))):
            show(line)
        if self.is_shared:  # leave it as it was
            await deadletters.drop(self.transport, SYSTEMS, deadletters.Chosen())

    def close(self) -> None:
        """Stop everything."""
        if self.bus is not None and self.bus.poll() is None:
            self.bus.terminate()
            try:
                self.bus.wait(PATIENCE_S)
            except BaseException:  # impatient, or told to stop once more: it must not live on
                self.bus.kill()
                self.bus.wait()
                raise
        self.wms.close()
        self.erp.close()


def _why(letter: Letter) -> str:
    """Why a letter waits, in one phrase: the target's own words where there are some."""
    fields: dict[str, Any] = {"subject": letter.subject, "reason": letter.message, "answer": letter.code}
    return say("demo-why", **{**fields, **{name: letter.fields[name] for name in fields if name in letter.fields}})


def _replace(file: Path, old: str, new: str) -> None:
    """Let a person mend a file."""
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


def _files(folder: Path) -> int:
    return len(list(folder.iterdir()))


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip() and not line.startswith(" ")), "")
