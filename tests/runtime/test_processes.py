"""The whole bus as a process that is stopped, killed and poisoned while everything flows."""

import json
import random
import signal
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import bus
from tests.cli.processes import Running, free_port, names, put, running, until

__all__ = ["bus"]

ROUTING = """\
version: 1
systems:
  files: {source: {adapter: file, folder: in, settle: 0s, poll: 50ms}}
  web: {source: {adapter: http, path: /in}}
  table: {source: {adapter: database, url: "sqlite:///table.db", table: outbox, poll: 50ms, claim: 500ms, batch: 20}}
  erp: {sink: {adapter: database, url: "sqlite:///erp.db", retry: [50ms, 200ms, 1s, 1s, 1s]}}
  oa: {sink: {adapter: file, folder: oa}}
  wms: {sink: {adapter: http, url: "http://127.0.0.1:PORT/", concurrency: 4, retry: [50ms, 200ms, 1s, 1s, 1s]}}
events:
  order.placed: {no: text, n: integer}
inbound:
  from-files: {from: files, event: order.placed, id: document.no, map: {no: document.no, n: document.n}}
  from-web: {from: web, event: order.placed, id: document.no, map: {no: document.no, n: document.n}}
  from-table: {from: table, event: order.placed, id: document.no, map: {no: document.no, n: document.n}}
routes:
  to-erp: {on: order.placed, to: erp, rows: {orders: {no: data.no, n: data.n}}}
  to-oa: {on: order.placed, to: oa, name: data.no, json: data}
"""
TO_WMS = "  to-wms: {on: order.placed, to: wms, json: data}\n"


def document(kind: str, n: int) -> str:
    return json.dumps({"no": f"{kind}-{n:04}", "n": n})


def furnish(folder: Path, routing: str, rows: int = 0) -> None:
    """Write a configuration, its databases, and so many rows in the staging table."""
    (folder / "in").mkdir()
    (folder / "routing.yaml").write_text(routing.replace("PORT", "9"))
    with sqlite3.connect(folder / "erp.db") as erp, sqlite3.connect(folder / "table.db") as table:
        erp.execute("PRAGMA journal_mode = WAL")
        erp.execute("CREATE TABLE orders (no TEXT, n INTEGER)")
        table.execute("PRAGMA journal_mode = WAL")
        table.execute("CREATE TABLE outbox (id INTEGER PRIMARY KEY, document TEXT, status TEXT, error TEXT)")
        staged = [(document("t", n),) for n in range(rows)]
        table.executemany("INSERT INTO outbox (document, status) VALUES (?, 'new')", staged)


def in_erp(folder: Path) -> Counter[str]:
    with sqlite3.connect(folder / "erp.db") as erp:
        return Counter(no for (no,) in erp.execute("SELECT no FROM orders"))


def has_arrived(folder: Path, count: int) -> bool:
    return len(in_erp(folder)) >= count


class Sender(threading.Thread):
    """A system that posts its documents over HTTP, each until it is acknowledged."""

    def __init__(self, port: int, count: int) -> None:
        super().__init__(daemon=True)
        self._url, self._count = f"http://127.0.0.1:{port}/in", count
        self.acknowledged = 0

    def run(self) -> None:
        while self.acknowledged < self._count:
            request = urllib.request.Request(
                self._url, document("w", self.acknowledged).encode(), {"content-type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=5) as response:
                    assert response.status == 202
                self.acknowledged += 1
            except (OSError, urllib.error.URLError):
                time.sleep(0.02)


def test_a_bus_killed_at_random_brings_everything_exactly_once(tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 120
    port = free_port()
    furnish(tmp_path, ROUTING, rows=count)
    chance = random.Random(20260101)
    wanted = {f"{kind}-{n:04}" for kind in "ftw" for n in range(count)}
    sender = Sender(port, count)
    sender.start()
    arguments = ("--listen", f"127.0.0.1:{port}")
    for kill in range(4):
        with running(tmp_path, *arguments) as house:
            for n in range(kill * 30, kill * 30 + 30):
                put(tmp_path, f"{n:04}.json", document("f", n))
            enough = min(len(in_erp(tmp_path)) + chance.randrange(5, 60), 3 * count)
            until(partial(has_arrived, tmp_path, enough))
            house.kill()
    with running(tmp_path, *arguments) as house:
        until(lambda: sender.acknowledged == count and set(in_erp(tmp_path)) == wanted, "everything in the database")
        until(lambda: set(names(tmp_path / "oa")) == wanted, "everything in the files")
        assert house.stop().code == 0
        assert "poison" not in house.err
    assert Counter(in_erp(tmp_path).values()) == {1: 3 * count}, "exactly once"
    for name in wanted:
        assert json.loads((tmp_path / "oa" / name).read_bytes())["no"] == name
    monkeypatch.chdir(tmp_path)
    assert bus("dead", "list", "-o", "json").json["letters"] == []


def test_a_bus_told_to_stop_under_load_drains_in_time_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    count = 400
    came: list[str] = []

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            no = json.loads(self.rfile.read(int(self.headers["content-length"])))["no"]
            time.sleep(0.05)  # a target takes its time
            came.append(no)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    wms = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=wms.serve_forever, args=(0.05,), daemon=True).start()
    try:
        furnish(tmp_path, ROUTING.replace("PORT", str(wms.server_port)) + TO_WMS, rows=count)
        with running(tmp_path, "--listen", "127.0.0.1:0") as house:
            until(lambda: len(came) > 10)
            started = time.monotonic()
            assert house.stop().code == 0
            assert time.monotonic() - started < 10
            assert len(came) < count, "there was something left to do"
            assert "Traceback" not in house.err
        assert Running(tmp_path, "--until-idle", "--listen", "127.0.0.1:0").ended().code == 0
    finally:
        wms.shutdown()
        wms.server_close()
    wanted = {f"t-{n:04}" for n in range(count)}
    assert in_erp(tmp_path) == Counter(wanted)
    assert Counter(came) == Counter(wanted), "what the slow target was sent was awaited, and sent once"
    assert set(names(tmp_path / "oa")) == wanted


LETHAL = '''\
import os, signal
from bus.adapter import AdapterSpec, Answer, SinkOptions

class Sink:
    def __init__(self, site):
        self.path = site.folder / "taken"
    async def deliver(self, batch):
        for outbound in batch:
            if b"t-0007" in outbound.body:
                os.kill(os.getpid(), signal.SIGKILL)
        with self.path.open("a") as taken:
            taken.writelines(outbound.event.id + "\\n" for outbound in batch)
        return [Answer()] * len(batch)
    async def close(self): ...

SPEC = AdapterSpec(name="lethal", sink_options=SinkOptions, sink=lambda options, site: Sink(site))
'''


def test_a_delivery_that_kills_the_process_becomes_a_letter_and_its_neighbours_arrive(
    tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    (package / "lethal-1.0.dist-info").mkdir(parents=True)
    (package / "lethal.py").write_text(LETHAL)
    (package / "lethal-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: lethal\nVersion: 1.0\n")
    (package / "lethal-1.0.dist-info" / "entry_points.txt").write_text("[bus.adapters]\nlethal = lethal:SPEC\n")
    folder = tmp_path / "house"
    folder.mkdir()
    routing = ROUTING.replace('wms: {sink: {adapter: http, url: "http://127.0.0.1:PORT/", concurrency: 4, ', "wms: {sink: {adapter: lethal, ")
    furnish(folder, routing + TO_WMS, rows=30)
    deaths = 0
    for _ in range(10):
        ran = Running(folder, "--until-idle", "--listen", "127.0.0.1:0", PYTHONPATH=str(package)).ended()
        if ran.code == 0:
            break
        assert ran.code == -signal.SIGKILL
        deaths += 1
    assert (ran.code, deaths) == (0, 6)
    assert "message_poison" in ran.err
    wanted = {f"t-{n:04}" for n in range(30)}
    assert set((folder / "taken").read_text().split()) == wanted - {"t-0007"}
    assert in_erp(folder) == Counter(wanted)
    assert set(names(folder / "oa")) == wanted

    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(package))
    [letter] = bus("dead", "list", "--routing", str(folder / "routing.yaml"), "-o", "json").json["letters"]
    assert (letter["code"], letter["system"], letter["route"], letter["subject"]) == ("poison", "wms", "to-wms", "t-0007")
