"""Order per key with processes that are killed, and `bus dead` beside them, on the embedded broker and on RabbitMQ."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker, rabbitmq
from tests.cli.commands import bus
from tests.cli.processes import LIMIT_S, Running, running, until

__all__ = ["bus", "rabbitmq"]

ROUTING = """\
version: 1
systems:
  shop: {source: {adapter: queue}}
  wms: {sink: {adapter: http, url: "http://127.0.0.1:PORT/", concurrency: 4, retry: [50ms]}}
events:
  order.placed: {no: text, qty: decimal}
  order.changed: {no: text, qty: decimal}
routes:
  placed: {on: order.placed, to: wms, ordering: key, json: {no: data.no}}
  changed: {on: order.changed, to: wms, ordering: key, json: {no: data.no, share: 10 / data.qty}}
"""


class Warehouse:
    """An HTTP server that refuses what it is told to."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.took: list[str] = []
        self.refused: list[str] = []
        warehouse = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                no = json.loads(self.rfile.read(int(self.headers["content-length"])))["no"]
                is_bad = no in warehouse.bad
                (warehouse.refused if is_bad else warehouse.took).append(no)
                self.send_response(400 if is_bad else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    warehouse = Warehouse()
    yield warehouse
    warehouse.close()


class House:
    """The folder, the broker, the command, and the processes that run."""

    def __init__(self, folder: Path, broker: str, bus: Any, processes: int) -> None:
        self.folder, self.broker, self._bus, self._processes = folder, broker, bus, processes

    def start(self, stack: ExitStack) -> list[Running]:
        runs = []
        for n in range(self._processes):
            where = self.folder / f"process-{n}"
            where.mkdir(exist_ok=True)
            (where / "routing.yaml").write_text((self.folder / "routing.yaml").read_text())
            runs.append(stack.enter_context(running(where, "--broker", self.broker)))
        return runs

    def send(self, *numbers: str, qty: int = 1) -> None:
        """Events of the keys that their numbers begin with; `qty` 0 cannot be mapped."""
        files = []
        for no in numbers:
            type_ = "order.placed" if no.endswith("0") else "order.changed"
            event = {
                "specversion": "1.0", "type": type_, "source": "shop", "id": no, "subject": no, "partitionkey": no[:2],
                "data": {"no": no, "qty": qty},
            }
            files.append(self.folder / f"{no}.json")
            files[-1].write_text(json.dumps(event))
        assert self("publish", *map(str, files)).code == 0

    def __call__(self, *arguments: str) -> Any:
        return self._bus(*arguments, "--broker", self.broker)

    def behind(self) -> dict[str, int]:
        """How many wait behind each letter."""
        return {letter["subject"]: letter["behind"] for letter in self("dead", "list", "-o", "json").json["letters"]}

    def settled(self) -> bool:
        """Whether nothing is on its way to the warehouse: what was answered, and not settled, comes again after a kill."""
        queues = self("status", "-o", "json").json["queues"]
        return not sum(queue["messages"] for queue in queues if queue["queue"] == "to.wms")

    def waits(self, **expected: int) -> None:
        wanted, seen = {no.replace("_", "-"): count for no, count in expected.items()}, self.behind()
        end = time.monotonic() + LIMIT_S
        while seen != wanted:
            assert time.monotonic() < end, seen
            seen = self.behind()


def tell_the_story(house: House, warehouse: Warehouse) -> None:
    warehouse.bad = {"k1-0"}
    with ExitStack() as stack:
        first = house.start(stack)
        house.send(*(f"{key}-{n}" for n in range(4) for key in ("k1", "k2")))
        house.waits(k1_0=3)
        until(lambda: warehouse.took == ["k2-0", "k2-1", "k2-2", "k2-3"])
        until(house.settled)
        for process in first:
            process.kill()
        house.start(stack)
        house.send("k1-4", qty=0)  # what fails in the router has its place, too
        house.send("k1-5", "k2-4")
        house.waits(k1_0=4, k1_4=1)

        [letter] = [one for one in house("dead", "list", "-o", "json").json["letters"] if one["subject"] == "k1-0"]
        shown = house("dead", "show", letter["id"], "-o", "json").json
        assert [one["subject"] for one in shown["behind"]] == ["k1-1", "k1-2", "k1-3", "k1-5"]
        assert "k1-1  changed" in house("dead", "show", letter["id"]).out

        house("dead", "replay", letter["id"])
        until(lambda: warehouse.refused.count("k1-0") == 2)
        house.waits(k1_0=4, k1_4=1)
        warehouse.bad.clear()
        house("dead", "replay", letter["id"])
        house.send("k1-6")
        house.waits(k1_4=2)
        until(lambda: [no for no in warehouse.took if no[:2] == "k1"] == ["k1-0", "k1-1", "k1-2", "k1-3"])
        house("dead", "drop", "--subject", "k1-4")
        until(lambda: [no for no in warehouse.took if no[:2] == "k1"][4:] == ["k1-5", "k1-6"])
        house.waits()
        assert [no for no in warehouse.took if no[:2] == "k2"] == [f"k2-{n}" for n in range(5)]
        assert Counter(warehouse.took).most_common(1)[0][1] == 1


def furnished(folder: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder / "routing.yaml").write_text(ROUTING.replace("PORT", str(warehouse.port)))
    monkeypatch.chdir(folder)
    return folder


def test_embedded_what_waits_behind_a_letter_keeps_its_order_over_kill_replay_and_drop(
    tmp_path: Path, warehouse: Warehouse, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnished(tmp_path, warehouse, monkeypatch)
    tell_the_story(House(tmp_path, f"sqlite:{tmp_path}/bus.db", bus, processes=1), warehouse)


def test_rabbitmq_what_waits_behind_a_letter_keeps_its_order_over_kill_replay_and_drop(
    tmp_path: Path, warehouse: Warehouse, bus: Any, monkeypatch: pytest.MonkeyPatch, rabbitmq: Broker
) -> None:
    furnished(tmp_path, warehouse, monkeypatch)
    rabbitmq.ctl("add_vhost", "behind")
    rabbitmq.ctl("set_permissions", "-p", "behind", "guest", ".*", ".*", ".*")
    try:
        tell_the_story(House(tmp_path, f"{rabbitmq.url.rstrip('/')}/behind", bus, processes=2), warehouse)
    finally:
        rabbitmq.ctl("delete_vhost", "behind")
