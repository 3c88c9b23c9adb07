"""The least each user needs, computed from routing.yaml; and the definitions made of it."""

import base64
import hashlib
import re
from typing import Any

import pytest

from bus.config.load import load
from bus.config.model import Configuration
from bus.declarations import declarations
from bus.definitions import definitions, password_hash, variable
from bus.permissions import BUS, DEPLOY, NOTHING, User, published, users
from bus.plan import Wanted, wanted
from bus.runtime.app import topology_of
from bus.runtime.files import adapters

ROUTING = """
version: 1
systems:
  erp: {source: {adapter: queue}, sink: {adapter: queue}}
  crm: {source: {adapter: queue}}
  wms: {source: {adapter: http, path: /in/wms}, sink: {adapter: http, url: "http://127.0.0.1:9/"}}
  scm: {sink: {adapter: queue}}
events:
  visit.planned: {visit_no: text}
  gate.opened: {gate: text}
inbound:
  wms-receipt: {from: wms, event: goods_receipt.accepted, id: document.no, map: {receipt_no: document.no}}
  crm-visit: {from: crm, event: visit.planned, id: document.no, map: {visit_no: document.no}}
routes:
  po: {on: [purchase_order.released, purchase_order.changed], from: erp, to: [wms, scm], json: data}
  receipt: {on: goods_receipt.accepted, to: erp, json: data}
  visit: {on: visit.planned, to: erp, json: data}
  gate: {on: gate.opened, to: scm, json: data}
  dropped: {on: item.changed, to: scm, json: data, mode: off}
  answer:
    on: purchase_order.cancelled
    to: wms
    json: data
    then: {event: purchase_order.accepted, map: {po_no: data.po_no}}
  answered: {on: purchase_order.accepted, to: erp, json: data}
"""


class _NoFiles:
    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)


def configuration(text: str = ROUTING) -> Configuration:
    return load({"routing.yaml": text}, _NoFiles(), {}, adapters())


@pytest.fixture(scope="module")
def by_name() -> dict[str, User]:
    return {user.name: user for user in users(configuration())}


def test_only_systems_that_speak_amqp_themselves_get_a_user(by_name: dict[str, User]) -> None:
    assert list(by_name) == [DEPLOY, BUS, "crm", "erp", "scm"]


def test_a_system_configures_nothing_and_reads_its_own_queue_alone(by_name: dict[str, User]) -> None:
    for name in ("crm", "erp", "scm"):
        assert by_name[name].configure == NOTHING
    assert by_name["crm"].read == NOTHING
    assert [queue for queue in ("to.scm", "to.erp", "to.scmx", "dead.scm", "bus.router") if re.search(by_name["scm"].read, queue)] == ["to.scm"]


def test_nobody_but_the_bus_and_who_declares_writes_to_queues(by_name: dict[str, User]) -> None:
    for name, user in by_name.items():
        assert not re.search(user.write, "amq.default")
        assert bool(re.search(user.write, "bus.deliver")) == (name in (BUS, DEPLOY))


def test_the_bus_declares_nothing(by_name: dict[str, User]) -> None:
    assert by_name[BUS].configure == NOTHING
    assert not re.search(by_name[BUS].write, "to.wms")
    for queue in ("bus.router", "bus.router.7", "bus.invalid", "to.wms", "dead.wms", "bus.documents", "bus.topology"):
        assert re.search(by_name[BUS].read, queue)


def test_a_publishers_own_types_are_those_routed_from_it_and_those_no_rule_or_reply_makes() -> None:
    config = configuration()
    assert config.errors == ()
    free = ("gate.opened", "purchase_order.cancelled")
    assert published("erp", config) == tuple(sorted((*free, "purchase_order.changed", "purchase_order.released")))
    assert published("crm", config) == tuple(sorted((*free, "visit.planned")))


def test_documents_may_be_published_under_ones_own_name_where_a_rule_reads_them(by_name: dict[str, User]) -> None:
    assert dict(by_name["crm"].topics)["bus.documents"] == "^crm$"
    assert "bus.documents" not in dict(by_name["erp"].topics)
    assert by_name["crm"].write == r"^(bus\.events|bus\.documents)$"


def test_a_publisher_of_nothing_writes_nothing() -> None:
    text = "systems: {erp: {source: {adapter: queue}}, oa: {sink: {adapter: file, folder: out}}}\nroutes: {}\n"
    (user,) = (user for user in users(configuration(text)) if user.name == "erp")
    assert (user.write, user.read, user.topics) == (NOTHING, NOTHING, ())


def _wanted() -> Wanted:
    config = configuration()
    shape = topology_of(config)
    return wanted(shape, declarations(shape), users(config))


def _named(made: list[dict[str, Any]], key: str, name: str) -> dict[str, Any]:
    (found,) = (entry for entry in made if entry[key] == name)
    return found


def test_definitions_hold_everything_the_plan_asks_for() -> None:
    want = _wanted()
    made = definitions(want, "prod", {"erp": "hash"})
    assert {queue["name"] for queue in made["queues"]} == {queue.name for queue in want.declarations.queues}
    assert {exchange["name"] for exchange in made["exchanges"]} == {exchange.name for exchange in want.declarations.exchanges}
    assert len(made["bindings"]) == len(want.declarations.bindings)
    assert {entry["vhost"] for key in ("queues", "exchanges", "bindings", "permissions", "topic_permissions") for entry in made[key]} == {"prod"}
    assert _named(made["users"], "name", "erp")["password_hash"] == "hash"
    assert _named(made["users"], "name", "scm")["password_hash"] == ""
    assert {entry["exchange"] for entry in made["topic_permissions"] if entry["user"] == "crm"} == {"bus.events", "bus.documents"}


def test_a_password_is_stored_as_salted_hash_only() -> None:
    stored = base64.b64decode(password_hash("canary", b"salt"))
    assert stored == b"salt" + hashlib.sha256(b"saltcanary").digest()
    # The worked example of RabbitMQ's documentation, https://www.rabbitmq.com/docs/passwords
    assert password_hash("test12", bytes.fromhex("908dc60a")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_a_users_password_has_one_variable() -> None:
    assert [variable(name) for name in ("erp", "wms-2", DEPLOY)] == ["BUS_PASSWORD_ERP", "BUS_PASSWORD_WMS_2", "BUS_PASSWORD_BUS_DEPLOY"]
