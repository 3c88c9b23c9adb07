"""`bus doctor` without a broker: routing.yaml, the embedded store, the systems."""

import asyncio
import contextlib
import http.server
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from bus.runtime.embedded import EmbeddedBroker
from bus.topology import Topology

from tests.topology.commands import Said, bus

SYSTEMS = """version: 1
systems:
  erp: {source: {adapter: queue}}
  %s
routes:
  po: {on: purchase_order.released, to: %s, %s}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(system: str = "oa: {sink: {adapter: file, folder: out}}", body: str = "json: data") -> None:
    Path("routing.yaml").write_text(SYSTEMS % (system, system.partition(":")[0], body))


def found(said: Said) -> dict[str, tuple[bool | None, str]]:
    return {check["check"]: (check["ok"], check["code"]) for check in said.json["checks"]}


def test_all_is_well_on_an_empty_desk() -> None:
    configure()
    said = bus("doctor")
    assert said.code == 0
    assert said.out.endswith("nothing is wrong\n")
    assert said.out.startswith("✔ routing           routing.yaml: no errors; routes: 1\n")
    assert not Path(".bus").exists()
    assert not Path("out").exists()


def test_a_broken_routing_yaml_is_one_finding_and_the_rest_is_looked_at() -> None:
    Path("routing.yaml").write_text("version: 1\nroutes: {po: {on: nothing}}\n")
    said = bus("doctor", "-o", "json")
    assert said.code == 1
    assert found(said)["routing"] == (False, "doctor-routing-errors")
    assert found(said)["store"] == (True, "doctor-folder")
    Path("routing.yaml").unlink()
    assert found(bus("doctor", "-o", "json"))["routing"] == (False, "routing-missing")


def test_the_store_says_who_has_it_and_what_it_holds(here: Path) -> None:
    configure()

    async def look() -> tuple[Said, Said]:
        broker = EmbeddedBroker(here / ".bus" / "bus.db")
        await broker.open(Topology(("erp", "oa")))
        during = await asyncio.to_thread(bus, "doctor", "-o", "json")
        await broker.close()
        return during, await asyncio.to_thread(bus, "doctor", "-o", "json")

    during, after = asyncio.run(look())
    assert found(during)["store.owner"] == (True, "doctor-store-owned")
    assert f"process {os.getpid()} runs" in during.out
    assert found(after)["store.owner"] == (None, "doctor-store-free")
    assert (during.code, after.code) == (0, 0)


def test_a_store_that_is_another_programs_file_is_named(here: Path) -> None:
    configure()
    with contextlib.closing(sqlite3.connect(here / "other.db")) as database:
        database.execute("CREATE TABLE t (x)")
    said = bus("doctor", "--broker", "sqlite:other.db", "-o", "json")
    assert (said.code, found(said)["store.file"]) == (1, (False, "store-foreign"))


def test_a_folder_in_the_way_of_a_file_is_named(here: Path) -> None:
    configure()
    (here / "out").write_text("a file")
    said = bus("doctor")
    assert said.code == 1
    assert f"✘ oa.sink           {here}/out cannot be written" in said.out


def test_a_database_is_asked_for_its_tables_and_none_is_made(here: Path) -> None:
    erp = 'fin: {sink: {adapter: database, url: "sqlite:///fin.db"}}'
    configure(erp, "rows: {invoice: {no: data.po_no}, missing: {no: data.po_no}}")
    said = bus("doctor", "-o", "json")
    assert (said.code, found(said)["fin.sink"]) == (1, (False, "doctor-no-file"))
    assert not (here / "fin.db").exists()
    with contextlib.closing(sqlite3.connect(here / "fin.db")) as database:
        database.execute("CREATE TABLE invoice (no TEXT)")
    said = bus("doctor", "-o", "json")
    assert (said.code, found(said)["fin.sink"]) == (1, (False, "database-no-table"))
    with contextlib.closing(sqlite3.connect(here / "fin.db")) as database:
        database.execute("CREATE TABLE missing (no TEXT)")
    assert found(bus("doctor", "-o", "json"))["fin.sink"] == (True, "doctor-database")


def test_a_source_table_is_looked_for(here: Path) -> None:
    configure('fin: {source: {adapter: database, url: "sqlite:///fin.db", table: outbox}, sink: {adapter: queue}}')
    sqlite3.connect(here / "fin.db").close()
    (here / "fin.db").touch()
    assert found(bus("doctor", "-o", "json"))["fin.source"] == (False, "database-no-table")


@contextlib.contextmanager
def serving(date: Callable[[], datetime]) -> Iterator[int]:
    """An HTTP server whose clock is what it says."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(405)
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(date(), usegmt=True)

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_target_that_answers_anything_is_reached_and_its_clock_compared() -> None:
    with serving(lambda: datetime.now(UTC)) as port:
        configure(f'wms: {{sink: {{adapter: http, url: "http://127.0.0.1:{port}/api?key=1"}}}}')
        said = bus("doctor")
        assert said.code == 0
        assert f"✔ wms.sink          http://127.0.0.1:{port} answers (405)" in said.out
    with serving(lambda: datetime.now(UTC) - timedelta(minutes=7)) as port:
        configure(f'wms: {{sink: {{adapter: http, url: "http://127.0.0.1:{port}/api"}}}}')
        said = bus("doctor")
        assert said.code == 1
        assert "differ by 42" in said.out


def test_a_target_that_is_down_is_unreachable_and_its_url_not_shown() -> None:
    configure('wms: {sink: {adapter: http, url: "http://127.0.0.1:9/canary"}}')
    said = bus("doctor")
    assert said.code == 3
    assert "✘ wms.sink          http://127.0.0.1:9 does not answer: Connection refused" in said.out
    assert "canary" not in said.out


def test_an_open_http_source_is_advice_and_no_fault() -> None:
    configure("wms: {source: {adapter: http, path: /in/wms}, sink: {adapter: queue}}")
    said = bus("doctor", "-o", "json")
    assert (said.code, found(said)["wms.source"]) == (0, (None, "doctor-http-unsigned"))


def test_a_wrong_broker_url_is_a_usage_error() -> None:
    configure()
    assert bus("doctor", "--broker", "redis://x").code == 2
