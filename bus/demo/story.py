"""The story: one purchase order and its troubles, told scene by scene while it happens."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from bus.cli.output import note, paint, show, table
from bus.demo.erp import LINE, RECEIPT, STATUS, Erp
from bus.demo.warehouse import Warehouse
from bus.errors import UsageError
from bus.letters import Letter
from bus.runtime import deadletters
from bus.runtime.app import topology_of
from bus.runtime.brokers import open_broker
from bus.runtime.files import usable_configuration
from bus.texts import say
from bus.topology import to

PATIENCE_S = 20.0
SYSTEMS = ("erp", "wms", "oa", "scm")


class Stuck(Exception):
    """A scene did not come to its end."""


def play(folder: Path, broker: str) -> int:
    """Play the story in `folder`, which is made anew; return the exit code."""
    started = time.monotonic()
    _furnish(folder)
    os.chdir(folder)
    stage = _Stage(broker)
    try:
        asyncio.run(stage.play())
    except Stuck as stuck:
        note(paint(say("demo-stuck", what=str(stuck), log=str(folder / "bus.log")), "red", sys.stderr))
        return 1
    finally:
        stage.close()
    show(paint(say("demo-end", seconds=f"{time.monotonic() - started:.1f}", folder=str(folder)), "green"))
    return 0


def shipped(name: str) -> Path:
    """A file of the shipped configuration: beside the code in a wheel, at the root of a checkout."""
    packed = Path(str(files("bus"))) / "shipped" / name
    return packed if packed.exists() else Path(str(files("bus"))).parent / name


def _furnish(folder: Path) -> None:
    if folder.exists():
        if not (folder / "routing.yaml").exists() and any(folder.iterdir()):
            raise UsageError("demo-folder-taken", folder=str(folder))
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    shutil.copy(shipped("routing.yaml"), folder / "routing.yaml")
    shutil.copytree(shipped("lookups"), folder / "lookups")


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
        self.transport: Any = None
        self.portal = 0

    # ------------------------------------------------------------------------------ the machinery

    def _start_bus(self) -> None:
        environment = {**os.environ, "ERP_DB": self.erp.url, "WMS_URL": self.wms.url, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "bus.cli", "run", "--listen", f"127.0.0.1:{self.port}"]
        if self.broker:
            command += ["--broker", self.broker]
        with Path("bus.log").open("wb") as log:
            self.bus = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own command

    async def _until(self, what: str, holds: Callable[[], bool | Awaitable[bool]]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            result = holds()
            if result if isinstance(result, bool) else await result:
                return
            if self.bus is not None and self.bus.poll() is not None:
                raise Stuck(say("demo-bus-ended", code=self.bus.returncode))
            await asyncio.sleep(0.05)
        raise Stuck(what)

    async def _scene(self, code: str, what: str, holds: Callable[[], bool | Awaitable[bool]], **fields: object) -> None:
        """Tell what happens, wait for its effect, tell how long it took."""
        started = time.monotonic()
        await self._until(what, holds)
        show(f"  {paint('✔', 'green')} {say(code, **fields)}  {paint(f'{time.monotonic() - started:.2f} s', 'dim')}")

    async def _letters(self) -> list[Letter]:
        taken = await deadletters.chosen(self.transport, SYSTEMS, deadletters.Chosen())
        for _, received in taken:
            received.release()
        return [letter for letter, _ in taken]

    async def _depth(self, queue: str) -> int:
        depths = await self.transport.depth([queue])
        return int(depths[queue].messages) if queue in depths else 0

    async def _at_portal(self, at_least: int) -> bool:
        return await self._depth(to("scm")) >= at_least

    def _in_oa(self, name: str) -> bool:
        return (Path("oa-inbox") / name).exists()

    # ----------------------------------------------------------------------------------- the story

    async def play(self) -> None:
        """All scenes, then the table."""
        try:
            await self._play()
        finally:
            if self.transport is not None:
                await self.transport.close()

    async def _play(self) -> None:
        os.environ.update(ERP_DB=self.erp.url, WMS_URL=self.wms.url)
        config, _ = usable_configuration(Path("routing.yaml"))
        self.transport = open_broker(self.broker, owner=False)
        await self.transport.open(topology_of(config))
        topology = topology_of(config)
        depths = await self.transport.depth(topology.queues)
        if any(depth.messages for depth in depths.values()):
            raise UsageError("demo-broker-used", queues=", ".join(name for name, depth in depths.items() if depth.messages))
        show(paint(say("demo-begin"), "bold"))
        self._start_bus()
        await self._until("router ready", lambda: b"router ready" in Path("bus.log").read_bytes())
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
        show(say("scene-released", order=order))
        self.erp.order(order, "RELEASE", [("104711", "120.000"), ("104801", "60.000")])
        await self._scene("demo-wms-order", "wms order", lambda: f"{order} create" in self.wms.orders, tries=2)
        await self._scene("demo-oa-file", "oa file", lambda: self._in_oa(f"{order}.csv"), file=f"oa-inbox/{order}.csv")
        await self._scene("demo-scm-message", "scm message", lambda: self._at_portal(1))
        await self._scene("demo-accepted", "accepted", lambda: self.erp.count(STATUS, po_no=order, status="accepted") == 1)

    async def _changed(self, order: str) -> None:
        show(say("scene-changed"))
        self.erp.order(order, "CHANGE", [("104711", "120.000"), ("104801", "40.000")], version=2)
        await self._scene("demo-wms-change", "wms change", lambda: f"{order} modify" in self.wms.orders)
        await self._scene("demo-accepted", "accepted", lambda: self.erp.count(STATUS, po_no=order, status="accepted") == 2)

    async def _received(self, order: str) -> None:
        show(say("scene-received"))
        bus = f"http://127.0.0.1:{self.port}"
        first, last = f"RK{order[-6:]}-1", f"RK{order[-6:]}-2"
        lines = [(10, "SKU-6204", "80", ""), (20, "SKU-S25", "40", "")]
        self.wms.confirm(bus, first, order, "PARTFULFILLED", lines)
        await self._scene("demo-posted", "receipt 1", lambda: self.erp.count(RECEIPT, receipt_no=first) == 1, receipt=first)
        status = self.wms.confirm(bus, first, order, "PARTFULFILLED", lines)
        self.wms.confirm(bus, last, order, "FULFILLED", [(10, "SKU-6204", "35", "5")])
        await self._scene("demo-posted", "receipt 2", lambda: self.erp.count(RECEIPT, receipt_no=last) == 1, receipt=last)
        await self._scene(
            "demo-once", "once", lambda: self.erp.count(RECEIPT, po_no=order) == 2 and self.erp.count(LINE) == 3,
            receipt=first, status=status,
        )
        await self._scene("demo-reply-oa", "reply", lambda: self._in_oa(f"{last}-posted.csv"), file=f"oa-inbox/{last}-posted.csv")
        show(say("scene-short"))
        await self._scene("demo-short", "short", lambda: self._in_oa(f"{last}-short.csv"), file=f"oa-inbox/{last}-short.csv")

    async def _down(self, order: str) -> None:
        show(say("scene-down"))
        self.wms.close()
        self.erp.order(order, "RELEASE", [("104712", "24.000")])
        await self._scene("demo-waits", "oa file", lambda: self._in_oa(f"{order}.csv"))
        await asyncio.sleep(1.0)  # the time the warehouse is down
        self.wms.open()
        await self._scene("demo-recovered", "wms order", lambda: f"{order} create" in self.wms.orders)

    async def _unknown_code(self, order: str) -> None:
        show(say("scene-unknown"))
        receipt = f"RK{order[-6:]}-1"
        self.wms.confirm(f"http://127.0.0.1:{self.port}", receipt, order, "FULFILLED", [(10, "SKU-6305-B", "24", "")])

        async def parked() -> bool:
            return any(letter.code == "unmapped-code" for letter in await self._letters())

        await self._scene("demo-unmapped", "parked", parked, value="SKU-6305-B")
        table_file = Path("lookups/item.csv")
        table_file.write_text(table_file.read_text("utf-8").replace("SKU-6305\n", "SKU-6305-B\n"), "utf-8")
        await self._scene("demo-released", "released", lambda: self.erp.count(RECEIPT, receipt_no=receipt) == 1, receipt=receipt)

    async def _refused(self, order: str) -> None:
        show(say("scene-refused"))
        self.erp.order(order, "RELEASE", [("105002", "500.000")])

        async def dead() -> bool:
            return any(letter.state == "dead" and letter.subject == order for letter in await self._letters())

        await self._scene("demo-dead", "dead letter", dead)
        await self._scene("demo-rejected", "rejected", lambda: self._in_oa(f"{order}-rejected.csv"), file=f"oa-inbox/{order}-rejected.csv")
        self.wms.unknown_items.clear()
        taken = await deadletters.chosen(self.transport, SYSTEMS, deadletters.Chosen(subject=order))
        await deadletters.replay(self.transport, taken, lambda _: None)
        await self._scene("demo-replayed", "replayed", lambda: f"{order} create" in self.wms.orders)

    async def _parked(self, order: str) -> None:
        show(say("scene-parked"))
        self.erp.order(order, "RELEASE", [("104711", "10.000")], supplier="66600")

        async def parked() -> bool:
            return any(letter.state == "parked" and letter.subject == order for letter in await self._letters())

        await self._scene("demo-person", "parked for a person", parked)

    async def _settle(self) -> None:
        """Wait until nothing is under way any more."""
        async def quiet() -> bool:
            queues = ["bus.router", *(f"bus.router.{n}" for n in range(8)), "bus.documents", *(to(name) for name in ("erp", "wms", "oa"))]
            depths = await self.transport.depth(queues)
            return not any(depth.messages for depth in depths.values())

        await self._until("quiet", quiet)

    async def _table(self) -> None:
        letters = await self._letters()
        portal = await self.transport.pull(to("scm"), 10_000)
        for received in portal:
            received.become()  # the portal reads its queue
        await self.transport.drain()
        files_ = len(list(Path("oa-inbox").iterdir()))
        rows = [
            ("erp", say("got-erp", receipts=self.erp.count(RECEIPT), lines=self.erp.count(LINE), statuses=self.erp.count(STATUS))),
            ("wms", say("got-wms", orders=sum(key.endswith("create") for key in self.wms.orders),
                        changes=sum(key.endswith("modify") for key in self.wms.orders), requests=len(self.wms.requests))),
            ("oa", say("got-oa", files=files_)),
            ("scm", say("got-scm", messages=len(portal))),
        ]
        waits = {name: [letter for letter in letters if letter.system == name] for name, _ in rows}
        show()
        shown = [
            (name, got, len(waits[name]) or "–", "; ".join(f"{letter.subject}: {letter.message}" for letter in waits[name]) or "–")
            for name, got in rows
        ]
        for line in table(shown, (say("live-system"), say("column-got"), say("column-waits"), say("column-why"))):
            show(line)
        if self.broker.startswith("amqp"):  # leave a shared broker as it was
            taken = await deadletters.chosen(self.transport, SYSTEMS, deadletters.Chosen())
            await deadletters.drop(self.transport, taken)

    def close(self) -> None:
        """Stop everything."""
        if self.bus is not None and self.bus.poll() is None:
            self.bus.terminate()
            try:
                self.bus.wait(20)
            except subprocess.TimeoutExpired:
                self.bus.kill()
        self.wms.close()
        self.erp.close()
