"""`bus bench http`: documents in by HTTP and out into a database, and events out to a slow HTTP server.

The bus is a process of its own on the embedded broker, with fsync; what came out is counted and compared
before there is a figure.
"""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bus.errors import Refused, Unavailable, UsageError
from bus.ports import Message
from bus.runtime.app import topology_of
from bus.runtime.bench.contestants import Program
from bus.runtime.bench.figures import quantile, spread
from bus.runtime.bench.http_ends import Target, post
from bus.runtime.bench.processes import cpu_s, machine, peak_mib
from bus.runtime.bench.router import refuse_unequal
from bus.runtime.bench.task import HEAD, TABLES, Makes, configuration, events, order
from bus.runtime.embedded import EmbeddedBroker
from bus.runtime.rabbitmq.node import free_ports
from bus.topology import to

SENDERS = 32
CONCURRENCY = 64
ANSWER_S = 0.010
READY_S, STUCK_S, LOOK_EVERY_S = 30.0, 20.0, 0.02
IN = """
version: 1
systems:
  shop: {{source: {{adapter: http, path: /in/shop}}}}
  erp: {{sink: {{adapter: database, url: "${{BENCH_DATABASE}}"}}}}
inbound:
  order:
    from: shop
    event: purchase_order.created
    id: document.po_no
    map:
      po_no: document.po_no
      warehouse: document.warehouse
      supplier: {{code: document.supplier.code}}
      lines: {{for: line in document.lines, item_code: line.item_code, qty: line.qty}}
routes:
  po-to-erp:
    on: purchase_order.created
    to: erp
    rows:
      {order}: {{po_no: data.po_no, warehouse: data.warehouse, supplier: data.supplier.code}}
      {line}: {{for: line in data.lines, po_no: data.po_no, item: line.item_code, qty: line.qty}}
"""
SINK = f'{{adapter: http, url: "http://127.0.0.1:PORT/", concurrency: {CONCURRENCY}, success: response.ok}}'
OUT = HEAD.replace("wms: {sink: {adapter: queue}}", f"wms: {{sink: {SINK}}}").partition("  po-to-scm:")[0]
ORDERS, LINES = "bench_order", "bench_order_line"
DELIVERED = "bus_delivered"  # the sink's own: what it remembers would make the next run's orders repetitions


def bench_http(count: int, rounds: int, database: str, note: Callable[[str, int], None]) -> dict[str, Any]:
    """Measure with so many documents each time.

    Args:
        database: URL of an empty one; "" is an SQLite file.

    Raises:
        Refused: something was lost, doubled or changed.
    """
    told = machine()
    into: list[dict[str, float | None]] = []
    out: list[dict[str, float | None]] = []
    for round_ in range(1, rounds + 1):
        note("http-in", round_)
        into.append(_isolated(lambda folder: _into_database(folder, count, database)))
        note("http-sink", round_)
        out.append(_isolated(lambda folder: _out_to_server(folder, count)))
    return {
        "date": datetime.now(UTC).date().isoformat(), "machine": told, "documents": count, "rounds": rounds,
        "database": sa.make_url(database).get_backend_name() if database else "sqlite", "answer_ms": ANSWER_S * 1000,
        "in": {name: spread(one[name] for one in into) for name in into[0]},
        "sink": {name: spread(one[name] for one in out) for name in out[0]},
    }


def _isolated(run: Callable[[Path], Any]) -> Any:
    with tempfile.TemporaryDirectory(prefix="bus-bench-") as folder:
        return asyncio.run(run(Path(folder)))


def _bus(folder: Path, port: int, database: str = "") -> Program:
    command = [
        sys.executable, "-m", "bus.cli", "run", "--routing", str(folder / "routing.yaml"),
        "--listen", f"127.0.0.1:{port}",
    ]
    return Program("bus", command, f"sqlite:{folder / 'bus.db'}", folder / "bus.log", more={"BENCH_DATABASE": database})


# ------------------------------------------------------------------------------- in, to a database


async def _into_database(folder: Path, count: int, database: str) -> dict[str, float | None]:
    database = database or f"sqlite:///{folder / 'target.db'}"
    tables = Tables(database)
    (folder / "routing.yaml").write_text(IN.format(order=ORDERS, line=LINES))
    (port,) = free_ports(1)
    bus = _bus(folder, port, database)
    bodies = [order(number) for number in range(count)]
    tables.make()
    try:
        bus.start()
        await bus.until(lambda: _listens(port), READY_S)
        before, started = cpu_s(bus.pids), time.perf_counter()
        taken = await post(port, "/in/shop", bodies, SENDERS)
        await _until_all(lambda: asyncio.to_thread(tables.count), count, bus)
        seconds, after = time.perf_counter() - started, cpu_s(bus.pids)
        memory = peak_mib(bus.pids)
        tables.check(count)
    finally:
        bus.stop()
        tables.drop()
    return {
        "documents_per_s": count / seconds, "cpu_us": _us(before, after, count), "peak_mib": memory,
        "taken_p50_ms": quantile(taken, 0.5), "taken_p99_ms": quantile(taken, 0.99),
    }


class Tables:
    """Where orders go; made for a run and dropped after it."""

    def __init__(self, url: str) -> None:
        try:
            self._engine = sa.create_engine(url)
        except (sa.exc.ArgumentError, ImportError) as exc:
            raise UsageError("bench-database", reason=str(exc)) from exc
        self._all = sa.MetaData()
        text = sa.String(80)
        columns = [sa.Column(name, text) for name in ("po_no", "warehouse", "supplier")]
        self._orders = sa.Table(ORDERS, self._all, *columns)
        self._lines = sa.Table(
            LINES, self._all, sa.Column("po_no", text), sa.Column("item", text), sa.Column("qty", sa.Numeric(12, 2)),
        )

    def make(self) -> None:
        """Raises Refused when they are there: somebody else's."""
        try:
            there = {ORDERS, LINES, DELIVERED}.intersection(sa.inspect(self._engine).get_table_names())
            if there:
                raise Refused("bench-database-used", table=min(there))
            self._all.create_all(self._engine)
        except sa.exc.OperationalError as exc:
            raise Unavailable("bench-database-away") from exc

    def drop(self) -> None:
        """Leave nothing of them behind."""
        sa.Table(DELIVERED, self._all)
        self._all.drop_all(self._engine)
        self.dispose()

    def dispose(self) -> None:
        """Let the connections go."""
        self._engine.dispose()

    def count(self) -> int:
        """How many orders there are."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(self._orders)).scalar_one()

    def check(self, count: int) -> None:
        """Raise Refused unless every order is there once, with its five lines and their quantities."""
        with self._engine.connect() as connection:
            numbers = connection.execute(sa.select(self._orders.c.po_no)).scalars().all()
            line = self._lines.c
            lines = connection.execute(
                sa.select(sa.func.count(), sa.func.sum(line.qty), sa.func.count(line.po_no.distinct()))
            ).one()
        wanted = {f"45{number:08}" for number in range(count)}
        if len(numbers) != count or set(numbers) != wanted:
            raise Refused("bench-database-wrong", rows=len(numbers), orders=count)
        # 121.5 + 122.5 + 123.5 + 124.5 + 125.5
        if (lines[0], Decimal(str(lines[1])), lines[2]) != (5 * count, Decimal("617.5") * count, count):
            raise Refused("bench-database-wrong", rows=lines[0], orders=count)


# ------------------------------------------------------------------------------ out, to a server


async def _out_to_server(folder: Path, count: int) -> dict[str, float | None]:
    target = Target(ANSWER_S)
    port, listen = await target.start(), free_ports(1)[0]
    for name, table in TABLES.items():
        (folder / name).write_text(table)
    (folder / "routing.yaml").write_text(OUT.replace("PORT", str(port)))
    broker = EmbeddedBroker(folder / "bus.db")
    await broker.open(topology_of(configuration(2)))
    for start in range(0, count, 500):
        await broker.publish(*events(range(start, min(start + 500, count))))
    await broker.close()
    bus = _bus(folder, listen)
    bus.start()
    try:
        await bus.until(lambda: bool(target.came), READY_S)
        before = cpu_s(bus.pids)
        await _until_all(lambda: _now(len(target.came)), count, bus)
        after, memory = cpu_s(bus.pids), peak_mib(bus.pids)
    finally:
        await asyncio.to_thread(bus.stop)
        await target.stop()
    came = [Message(to("wms"), key, body) for key, body in target.came]
    refuse_unequal("bus", range(count), {to("wms"): came}, Makes.documents)
    return {
        "deliveries_per_s": (count - 1) / (target.last_s - target.first_s), "cpu_us": _us(before, after, count),
        "peak_mib": memory,
    }


# ------------------------------------------------------------------------------------- waiting


async def _now(count: int) -> int:
    return count


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _until_all(count_now: Callable[[], Any], count: int, bus: Program) -> None:
    """Return when so many are there, or when no more come: then the check says what is missing."""
    seen, since = -1, time.monotonic()
    while (there := await count_now()) < count:
        bus.check()
        if there != seen:
            seen, since = there, time.monotonic()
        elif time.monotonic() - since > STUCK_S:
            return
        await asyncio.sleep(LOOK_EVERY_S)


def _us(before_s: float | None, after_s: float | None, count: int) -> float | None:
    return None if before_s is None or after_s is None else (after_s - before_s) / count * 1e6
