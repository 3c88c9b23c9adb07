"""Secrets come from the environment alone, and no output, log, error or file of the bus shows one."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.configuring import loaded
from tests.topology.commands import Said, bus

CANARY = "canary"
ROUTING = """version: 1
systems:
  erp: {source: {adapter: queue}}
  wms:
    source: {adapter: http, path: /in/wms, secret: "${WMS_SECRET}"}
    sink:
      adapter: http
      url: "http://user:${WMS_PASSWORD}@127.0.0.1:9/api?token=${WMS_TOKEN}"
      headers: {Authorization: "Bearer ${WMS_BEARER}"}
      retry: [10ms]
  fin: {sink: {adapter: database, url: "postgresql://bus:${FIN_PASSWORD}@127.0.0.1:1/fin", retry: [10ms]}}
  oa: {sink: {adapter: file, folder: "${OA_FOLDER}"}}
routes:
  po-to-wms: {on: purchase_order.released, to: wms, json: data}
  po-to-fin: {on: purchase_order.released, to: fin, rows: {orders: {no: data.po_no}}}
  po-to-oa: {on: purchase_order.released, to: oa, name: "event.id + '/x'", json: data}
"""
TESTS = "tests: [{name: nothing, event: po.json, deliveries: {}}]\n"
EVENT = {
    "specversion": "1.0", "type": "purchase_order.released", "source": "erp", "id": "PO-1", "subject": "PO-1",
    "data": {"po_no": "PO-1", "warehouse": "WH01", "lines": [{"item_code": "A", "qty": 1}]},
}
SECRETS = ("WMS_SECRET", "WMS_PASSWORD", "WMS_TOKEN", "WMS_BEARER", "FIN_PASSWORD", "OA_FOLDER", "BUS_PASSWORD_ERP")
BROKER = f"amqp://erp:{CANARY}@127.0.0.1:1/"
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "lint": ("lint",),
    "lint as json": ("lint", "-o", "json"),
    "test": ("test", "-o", "json"),
    "explain": ("explain", "po.json"),
    "explain as json": ("explain", "po.json", "-o", "json"),
    "publish": ("publish", "po.json"),
    "run": ("run", "--until-idle", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-json"),
    "dead list": ("dead", "list"),
    "dead list as json": ("dead", "list", "-o", "json"),
    "doctor": ("doctor",),
    "doctor as json": ("doctor", "-o", "json"),
    "plan": ("topology", "plan", "-o", "json"),
    "export": ("topology", "export"),
    "schema": ("schema", "purchase_order.released"),
    "an unreachable broker": ("doctor", "--broker", BROKER),
    "running on an unreachable broker": ("run", "--broker", BROKER),
    "a broker URL that is wrong": ("publish", "po.json", "--broker", f"amqp://erp:{CANARY}@host/a/b"),
    "a broker of another kind": ("run", "--broker", f"redis://:{CANARY}@host"),
}


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routing.yaml").write_text(ROUTING)
    Path("routing_test.yaml").write_text(TESTS)
    Path("po.json").write_text(json.dumps(EVENT))
    for name in SECRETS:
        monkeypatch.setenv(name, f"{CANARY}-{name.lower()}")
    monkeypatch.setenv("BUS_LOG", "debug")
    monkeypatch.setenv("OA_FOLDER", "out")  # a path is shown; it is filled from the environment all the same


def _without_canary(said: Said) -> None:
    assert CANARY not in said.out
    assert CANARY not in said.err


def test_no_command_shows_a_secret_whatever_fails() -> None:
    for what, command in COMMANDS.items():
        said = bus(*command)
        assert said.out + said.err, f"{what} said nothing"
        _without_canary(said)
    letters = bus("dead", "list", "-o", "json").json["letters"]
    assert {letter["system"] for letter in letters} == {"wms", "fin", "oa"}  # all of them failed
    for letter in letters:
        _without_canary(bus("dead", "show", letter["id"]))
    found = [path for path in Path().rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert found == []


def test_not_even_a_traceback_shows_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bus.cli", "--debug", "run", "--broker", BROKER], capture_output=True, text=True,
        check=False, env={**os.environ, "COLUMNS": "200"},
    )
    assert "Unavailable" in done.stderr
    assert CANARY not in done.stdout + done.stderr


WRITTEN_OUT = {
    "a key": "wms: {source: {adapter: http, path: /in, secret: canary}}",
    "a password in a URL": 'wms: {sink: {adapter: http, url: "http://user:canary@host/"}}',
    "a token in a URL": 'wms: {sink: {adapter: http, url: "http://host/?token=canary"}}',
    "a header": 'wms: {sink: {adapter: http, url: "http://host/", headers: {Authorization: Bearer canary}}}',
    "a database's password": 'wms: {sink: {adapter: database, url: "postgresql://bus:canary@host/db"}}',
}


@pytest.mark.parametrize("what", WRITTEN_OUT)
def test_a_secret_written_into_routing_yaml_is_an_error_that_does_not_repeat_it(what: str) -> None:
    config = loaded(f"version: 1\nsystems: {{{WRITTEN_OUT[what]}}}\n")
    (error,) = (error for error in config.errors if error.code == "secret-written-out")
    assert CANARY not in error.message + error.hint
