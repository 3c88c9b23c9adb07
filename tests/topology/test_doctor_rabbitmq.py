"""`bus doctor` on a real broker, one fault after the other."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest

from tests.brokers import Broker
from tests.topology.commands import Said, bus

ROUTING = """version: 1
systems:
  erp: {source: {adapter: queue}}
  wms: {sink: {adapter: queue, retry: [5s]}}
routes:
  po: {on: purchase_order.released, to: wms, json: data%s}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("routing.yaml").write_text(ROUTING % "")


def doctor(url: str) -> tuple[Said, dict[str, tuple[bool | None, str]]]:
    said = bus("doctor", "--broker", url, "-o", "json")
    return said, {check["check"]: (check["ok"], check["code"]) for check in said.json["checks"]}


def test_the_way_in_is_walked_step_by_step(host: str) -> None:
    where = urlsplit(host)
    assert doctor("amqp://nowhere.invalid")[0].code == 3
    for url, step in {
        "amqp://nowhere.invalid": ("broker.name", "doctor-name"),
        f"amqp://{where.hostname}:1": ("broker.port", "doctor-port"),
        host.replace("amqp:", "amqps:"): ("broker.tls", "amqp-tls"),
        f"amqp://guest:canary@{where.hostname}:{where.port}": ("broker.login", "amqp-login"),
        f"amqp://guest:guest@{where.hostname}:{where.port}/nowhere": ("broker.login", "amqp-vhost"),
    }.items():
        said, found = doctor(url)
        assert found[step[0]] == (False, step[1]), url
        assert list(found)[-1] == step[0], url  # nothing behind it can be known
        assert "canary" not in said.out + said.err


def test_an_empty_broker_lacks_the_topology_and_apply_is_the_remedy(host: str) -> None:
    said, found = doctor(host)
    assert (said.code, found["broker.topology"]) == (1, (False, "doctor-missing"))
    assert "bus topology apply makes them" in said.out
    bus("topology", "apply", "--broker", host)
    said, found = doctor(host)
    assert said.code == 0
    assert found["broker.topology"] == (True, "topology-same")
    assert found["broker.read"] == found["broker.read"] == (True, "doctor-may-read")
    assert found["broker.write"] == (True, "doctor-may-write")
    assert found["broker.user"] == (None, "doctor-guest")
    assert found["broker.clock"] == (None, "doctor-no-clock")
    assert "bus.compiled" not in found


def test_an_installation_without_a_compiler_is_told_what_it_costs(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bus.validate_compiled", None)
    said, found = doctor(host)
    assert found["bus.compiled"] == (None, "doctor-not-compiled")
    assert "not compiled: bus.validate_compiled" in said.out
    assert "install a C compiler" in said.out


def test_a_queue_that_differs_and_one_that_nobody_reads_are_named(host: str) -> None:
    bus("topology", "apply", "--broker", host)
    connection = pika.BlockingConnection(pika.URLParameters(host))
    channel = connection.channel()
    channel.queue_delete("to.wms")
    channel.queue_declare("to.wms", durable=True)
    channel.basic_publish("bus.events", "a.b", b"{}")
    Path("routing.yaml").write_text(ROUTING % ", ordering: key")
    said, found = doctor(host)
    connection.close()
    assert found["broker.queue"] == (False, "amqp-queue-differs")
    assert found["broker.orphans"] == (False, "doctor-orphans")
    assert "to.wms exists with x-single-active-consumer" in said.out


def test_a_user_without_rights_is_told_which_are_missing(rabbitmq: Broker, host: str) -> None:
    bus("topology", "apply", "--broker", host)
    name = urlsplit(host).path[1:]
    rabbitmq.ctl("add_user", "little", "pw")
    rabbitmq.ctl("set_permissions", "-p", name, "little", "^$", "^$", r"^to\..*$")
    said, found = doctor(host.replace("guest:guest", "little:pw"))
    assert said.code == 1
    assert found["broker.write"] == (False, "doctor-may-not-write")
    # From 4.1 on nobody is told of a queue that he may not use.
    assert {"broker.read": (False, "doctor-may-not-read"), "broker.topology": (False, "amqp-access")}.items() & found.items()
    assert "bus.events" in said.out or "bus.router" in said.out


def test_an_alarm_is_told_from_silence(rabbitmq: Broker, host: str) -> None:
    bus("topology", "apply", "--broker", host)
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.00001")
    try:
        said, found = doctor(host)
    finally:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
    assert (said.code, found["broker.alarm"]) == (3, (False, "amqp-alarm"))
    assert "memory" in said.out
