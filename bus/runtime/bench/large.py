"""`bus bench large`: an order of 5 MB with 20,000 lines comes in by HTTP, among small ones.

The bus is one process, on the embedded broker and then on RabbitMQ. Small orders come all the while, each on
time whatever became of those before, so a bus that is busy with the large one shows as what they wait. What
came into the two subscribers' queues is compared before there is a figure.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bus.errors import Refused, Unavailable
from bus.ports import Message, Received
from bus.runtime.app import topology_of
from bus.runtime.bench.contestants import Program
from bus.runtime.bench.figures import spread
from bus.runtime.bench.http_ends import post
from bus.runtime.bench.processes import machine, memory_mib, peak_mib
from bus.runtime.bench.router import refuse_unequal
from bus.runtime.bench.task import (
    HEAD,
    LARGE_LINES,
    LINES,
    ROUTES,
    TABLES,
    Makes,
    configuration,
    large_order,
    number_in,
    order,
)
from bus.runtime.brokers import open_broker, store_path
from bus.runtime.rabbitmq.node import PrivateNode, free_ports

EVERY_S = 0.02  # a small order comes
BEFORE, BEHIND = 100, 150
PREFETCH = 1000
LOOK_EVERY_S, READY_S, STUCK_S = 0.002, 30.0, 20.0
SOURCE = "erp: {source: {adapter: http, path: /in}}"
RULE = """inbound:
  order:
    from: erp
    event: purchase_order.created
    id: document.po_no + "-v1"
    map:
      po_no: document.po_no
      version: document.version
      order_date: document.order_date
      due_date: document.due_date
      warehouse: document.warehouse
      supplier: {code: document.supplier.code, name: document.supplier.name}
      currency: document.currency
      lines:
        for: line in document.lines
        line_no: line.line_no
        item_code: line.item_code
        name: line.name
        qty: line.qty
        uom: line.uom
        price: line.price
        spec: line.spec
        due_date: line.due_date
routes:"""
ROUTING = HEAD.replace("erp: {source: {adapter: queue}}", SOURCE).replace("routes:", RULE)

Figures = dict[str, float | None]


def bench_large(rounds: int, broker: str, note: Callable[[str, int], None]) -> dict[str, Any]:
    """Measure one large order in each round, on each broker, and each with a process of its own.

    Args:
        broker: URL of a RabbitMQ with an empty virtual host; "" starts a private node.

    Raises:
        Refused: something was lost, doubled or changed.
    """
    told = machine()
    runs: dict[str, list[Figures]] = {"embedded": [], "rabbitmq": []}
    with ExitStack() as stack:
        if not broker:
            node = PrivateNode()
            stack.callback(node.remove)
            node.start()
            broker = node.url
        for round_ in range(1, rounds + 1):
            for name, url in (("embedded", ""), ("rabbitmq", broker)):
                note(name, round_)
                with tempfile.TemporaryDirectory(prefix="bus-bench-") as folder:
                    runs[name].append(asyncio.run(_run(Path(folder), url)))
    return {
        "date": datetime.now(UTC).date().isoformat(), "machine": told, "rounds": rounds,
        "body_bytes": len(large_order(0)), "lines": LARGE_LINES,
        **{name: {what: spread(one[what] for one in each) for what in each[0]} for name, each in runs.items()},
    }


async def _run(folder: Path, url: str) -> Figures:
    for name, table in TABLES.items():
        (folder / name).write_text(table)
    (folder / "routing.yaml").write_text(ROUTING)
    url = url or f"sqlite:{folder / 'bus.db'}"
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "bus.cli", "run", "--routing", str(folder / "routing.yaml")]
    bus = Program("bus", [*command, "--listen", f"127.0.0.1:{port}"], url, folder / "bus.log")
    bus.start()
    try:
        return await _measured(_Queues(url), bus, port)
    finally:
        await asyncio.to_thread(bus.stop)


async def _measured(queues: "_Queues", bus: Program, port: int) -> Figures:
    # Another second, another order: a broker that was given has seen those of earlier benches.
    first = time.time_ns() // 10**9 % 50_000 * 1_000
    large, numbers = first + 1, range(first + 2, first + 2 + BEFORE + BEHIND)
    body = large_order(large)
    sent: dict[int, float] = {}
    sending = []

    def send(number: int, body: bytes) -> None:
        sent[number] = time.perf_counter()
        sending.append(asyncio.create_task(post(port, "/in", [body], 1)))

    await _ready(bus, port, order(first))
    await queues.open()
    try:
        started = time.perf_counter()
        for n, number in enumerate(numbers):
            await asyncio.sleep(max(started + n * EVERY_S - time.perf_counter(), 0))
            if n == BEFORE:
                before = memory_mib(bus.pids)
                send(large, body)
            send(number, order(number))
        await asyncio.gather(*sending)
        await bus.until(lambda: sent.keys() <= queues.whole.keys(), STUCK_S)
        peak = peak_mib(bus.pids)
    finally:
        await queues.close()
    refuse_unequal("bus", numbers, queues.came(lambda number: number in numbers), Makes.documents)
    refuse_unequal("bus", range(large, large + 1), queues.came(lambda n: n == large), Makes.documents, LARGE_LINES)
    took = {number: queues.whole[number] - since for number, since in sent.items()}
    return {
        "seconds": took[large],
        "small_before_ms": max(took[number] for number in numbers[:BEFORE]) * 1000,
        "small_behind_ms": max(took[number] for number in numbers[BEFORE:]) * 1000,
        "memory_times": None if peak is None or before is None else (peak - before) * 2**20 / len(body),
    }


class _Queues:
    """Both subscribers' queues, looked into beside the bus, and when each order had come into both."""

    def __init__(self, url: str) -> None:
        self.whole: dict[int, float] = {}
        self._transport = open_broker(url, owner=False)
        self._pulls = store_path(url) is not None  # only the bus itself may consume there
        self._came: dict[str, list[Message]] = {queue: [] for queue in ROUTES}
        self._half: set[int] = set()
        self._pulling: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to look."""
        await self._transport.open(topology_of(configuration(LINES)))
        for queue in ROUTES:
            if self._pulls:
                self._pulling.append(asyncio.create_task(self._pull(queue)))
            else:
                await self._transport.consume(queue, lambda batch, queue=queue: self._take(queue, batch), PREFETCH)

    async def close(self) -> None:
        """Look no more; on RabbitMQ, leave nothing behind."""
        for task in self._pulling:
            task.cancel()
        await self._transport.drain()
        await self._transport.close()

    def came(self, which: Callable[[int], bool]) -> dict[str, list[Message]]:
        """The messages of those orders, by queue."""
        return {
            queue: [message for message in messages if which(number_in(message.body))]
            for queue, messages in self._came.items()
        }

    async def _pull(self, queue: str) -> None:
        while True:
            self._take(queue, await self._transport.pull(queue, PREFETCH))
            await asyncio.sleep(LOOK_EVERY_S)

    def _take(self, queue: str, batch: Sequence[Received]) -> None:
        now = time.perf_counter()
        for received in batch:
            self._came[queue].append(received.message)
            number = number_in(received.message.body)
            if number in self._half:
                self.whole.setdefault(number, now)
            self._half.add(number)
            if not self._pulls:  # in the file the rest of the bench need not wait for this to be stored
                received.become()


async def _ready(bus: Program, port: int, body: bytes) -> None:
    """Return when the bus has taken a first order."""
    end = time.monotonic() + READY_S
    while True:
        try:
            await post(port, "/in", [body], 1)
        except (Refused, Unavailable):
            if time.monotonic() > end:
                raise
            bus.check()
            await asyncio.sleep(LOOK_EVERY_S)
        else:
            return
