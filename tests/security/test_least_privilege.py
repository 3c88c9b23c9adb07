"""Least privilege: what the users of `bus topology export` may do on a real broker, and what it refuses them.

A system may publish events of its own types and documents of its own name, and read its own queue.
Nobody else may; nobody has the default exchange, which leads into every queue.
"""

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from bus.errors import ConfigurationError
from bus.ports import Message, Received
from bus.runtime.rabbitmq import RabbitBroker
from bus.testing import letter, pull_all
from bus.topology import ROUTER, Topology
from bus.wire import PUBLISHED_AS

from tests.brokers import Broker
from tests.topology.commands import bus

ROUTING = """version: 1
systems:
  erp: {source: {adapter: queue}}
  crm: {source: {adapter: queue}}
  scm: {sink: {adapter: queue, retry: [5s]}}
  wms: {sink: {adapter: queue, retry: [5s]}}
events: {visit.planned: {visit_no: text}}
inbound:
  visit: {from: crm, event: visit.planned, id: document.no, map: {visit_no: document.no}}
routes:
  po: {on: purchase_order.released, from: erp, to: [scm, wms], json: data}
  visit: {on: visit.planned, to: scm, json: data}
"""
TOPOLOGY = Topology(("crm", "erp", "scm", "wms"), (5.0,))
USERS = ("erp", "crm", "scm", "wms", "bus", "bus.deploy")
HOST = "least"


class Realm:
    """A virtual host with the users that the bus asks for; each has its name as password."""

    def __init__(self, broker: Broker, file: Path) -> None:
        self._plain = broker.url.rstrip("/")
        self.file = file

    def url(self, user: str) -> str:
        return f"{self._plain.replace('guest:guest', f'{user}:{user}')}/{HOST}"

    @contextlib.contextmanager
    def channel(self, user: str) -> Iterator[BlockingChannel]:
        connection = pika.BlockingConnection(pika.URLParameters(self.url(user)))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
        finally:
            with contextlib.suppress(pika.exceptions.AMQPError):
                connection.close()


@pytest.fixture(scope="module")
def realm(rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory) -> Realm:
    file = tmp_path_factory.mktemp("least") / "routing.yaml"
    file.write_text(ROUTING)
    passwords = {f"BUS_PASSWORD_{user.upper().replace('.', '_')}": user for user in USERS}
    with mock.patch.dict(os.environ, passwords):
        said = bus("topology", "export", "--routing", file, "--broker", f"amqp://host/{HOST}")
    assert (said.code, said.err) == (0, "")
    assert {user["name"] for user in json.loads(said.out)["users"]} == set(USERS)
    # What `rabbitmqctl import_definitions` does with a file, which a broker in a container could not see.
    body = base64.b64encode(said.out.encode()).decode()
    rabbitmq.ctl("eval", f'rabbit_definitions:import_raw(base64:decode(<<"{body}">>)).')
    return Realm(rabbitmq, file)


def publish(exchange: str, key: str, **properties: str) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.basic_publish(exchange, key, b"{}", pika.BasicProperties(**properties), mandatory=True)


def consume(queue: str) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.basic_consume(queue, lambda *_: None)


ALLOWED = {
    "erp publishes an event of its own": ("erp", publish("bus.events", "purchase_order.released")),
    "erp says that it is erp": ("erp", publish("bus.events", "purchase_order.released", user_id="erp")),
    "crm publishes a document of its own": ("crm", publish("bus.documents", "crm")),
    "scm reads its own queue": ("scm", consume("to.scm")),
    "the bus delivers": ("bus", publish("bus.deliver", "to.scm")),
    "the bus reads events": ("bus", consume("bus.router")),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_a_user_may_do_its_own_work(realm: Realm, what: str) -> None:
    user, act = ALLOWED[what]
    with realm.channel(user) as channel:
        act(channel)


REFUSED = {
    "scm reads a foreign queue": ("scm", consume("to.wms")),
    "scm takes from a foreign queue": ("scm", lambda channel: channel.basic_get("to.wms")),
    "scm reads its own dead letters, with other systems' reasons": ("scm", consume("dead.scm")),
    "scm reads events": ("scm", consume("bus.router")),
    "erp reads the queue of nobody": ("erp", consume("to.erp")),
    "scm empties a foreign queue": ("scm", lambda channel: channel.queue_purge("to.wms")),
    "scm deletes its own queue": ("scm", lambda channel: channel.queue_delete("to.scm")),
    "scm declares a queue": ("scm", lambda channel: channel.queue_declare("mine")),
    "scm declares an exchange": ("scm", lambda channel: channel.exchange_declare("mine", "topic")),
    "scm listens in on all events": ("scm", lambda channel: channel.queue_bind("to.scm", "bus.events", "#")),
    "scm publishes an event": ("scm", publish("bus.events", "purchase_order.released")),
    "erp publishes an event of another system": ("erp", publish("bus.events", "visit.planned")),
    "erp publishes an event that no route takes": ("erp", publish("bus.events", "item.changed")),
    "erp publishes a document as crm": ("erp", publish("bus.documents", "crm")),
    "crm publishes a document as wms": ("crm", publish("bus.documents", "wms")),
    "erp forges its name": ("erp", publish("bus.events", "purchase_order.released", user_id="crm")),
    "the bus forges its name": ("bus", publish("bus.deliver", "to.scm", user_id="erp")),
    "scm reads which events came before": ("scm", consume("bus.identities")),
    "erp says that an event came before": ("erp", publish("bus.deliver", "bus.identities")),
    "erp delivers past the router": ("erp", publish("bus.deliver", "to.scm")),
    "erp delivers by way of a delay": ("erp", publish("bus.retry.5s", "to.scm")),
    "erp writes to the default exchange": ("erp", publish("", "to.scm")),
    "the bus writes to the default exchange": ("bus", publish("", "to.scm")),
    "who declares writes to the default exchange": ("bus.deploy", publish("", "to.scm")),
    "the bus declares a queue": ("bus", lambda channel: channel.queue_declare("bus.mine", durable=True)),
    "who declares makes a queue of another name": ("bus.deploy", lambda channel: channel.queue_declare("mine")),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_broker_refuses_everything_else(realm: Realm, what: str) -> None:
    user, act = REFUSED[what]
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        _tried(realm, user, act)
    assert refused.value.reply_code in (403, 406)  # 406 for a name that did not log in


def _tried(realm: Realm, user: str, act: Callable[[BlockingChannel], object]) -> None:
    with realm.channel(user) as channel:
        act(channel)
        channel.basic_qos(prefetch_count=1)  # what has no answer of its own is refused by now


def test_the_bus_runs_as_its_own_user_and_is_named_on_what_it_delivers(realm: Realm) -> None:
    async def run() -> tuple[Message, str]:
        transport = RabbitBroker(realm.url("bus"))
        await transport.open(TOPOLOGY)
        try:
            await transport.publish(letter("1", ROUTER))
            (event,) = [one for one in await _pulled(transport) if one.message.id == "1"]
            event.become(letter("delivery-1", "to.scm"))
            await transport.drain()
        finally:
            await transport.close()
        return await asyncio.to_thread(_read_as_scm)

    async def _pulled(transport: RabbitBroker) -> list[Received]:
        return await pull_all(transport, ROUTER, (await transport.depth([ROUTER]))[ROUTER].messages)

    def _read_as_scm() -> tuple[Message, str]:
        with realm.channel("scm") as channel:
            while True:
                _, properties, body = channel.basic_get("to.scm", auto_ack=True)
                assert properties is not None, "the delivery is not there"
                if properties.message_id == "delivery-1":
                    return Message("to.scm", properties.message_id, body), properties.user_id

    message, user = asyncio.run(asyncio.wait_for(run(), 30))
    assert (message.body, user) == (b"{}", "bus")


def test_an_event_tells_the_router_that_it_was_published_under_another_type(realm: Realm) -> None:
    types = {"same": "purchase_order.released", "forged": "visit.planned"}
    with realm.channel("erp") as channel:
        for id_, type_ in types.items():
            properties = pika.BasicProperties(message_id=id_, headers={"cloudEvents_type": type_})
            channel.basic_publish("bus.events", "purchase_order.released", b"{}", properties, mandatory=True)
        properties = pika.BasicProperties(message_id="structured", content_type="application/cloudevents+json")
        channel.basic_publish("bus.events", "purchase_order.released", b"{}", properties, mandatory=True)

    async def run() -> dict[str, object]:
        transport = RabbitBroker(realm.url("bus"))
        await transport.open(TOPOLOGY)
        try:
            count = (await transport.depth([ROUTER]))[ROUTER].messages
            return {one.message.id: one.message.headers.get(PUBLISHED_AS) for one in await pull_all(transport, ROUTER, count)}
        finally:
            await transport.close()

    told = asyncio.run(asyncio.wait_for(run(), 30))
    released = "purchase_order.released"
    assert told.items() >= {"same": None, "forged": released, "structured": released}.items()


def test_a_system_reads_its_queue_with_the_command_line_as_its_own_user(realm: Realm) -> None:
    with realm.channel("bus") as channel:
        channel.basic_publish("bus.deliver", "to.wms", b"for wms alone", mandatory=True)
    said = bus("consume", "scm", "--peek", "--routing", realm.file, "--broker", realm.url("scm"))
    assert said.code == 0, said.err
    foreign = bus("consume", "wms", "--routing", realm.file, "--broker", realm.url("scm"))
    assert (foreign.code, foreign.out) == (2, "")


def test_who_declares_applies_the_topology_and_the_bus_plans_it(realm: Realm) -> None:
    applied = bus("topology", "apply", "--routing", realm.file, "--broker", realm.url("bus.deploy"))
    assert applied.code == 0, applied.err
    assert bus("topology", "plan", "--routing", realm.file, "--broker", realm.url("bus")).code == 0
    assert bus("doctor", "--routing", realm.file, "--broker", realm.url("bus")).code == 0


def test_a_queue_that_is_missing_stops_the_bus_instead_of_being_made_by_it(realm: Realm) -> None:
    async def run() -> None:
        await RabbitBroker(realm.url("bus")).open(Topology((*TOPOLOGY.systems, "new")))

    with pytest.raises(ConfigurationError) as stopped:
        asyncio.run(asyncio.wait_for(run(), 30))
    assert stopped.value.code == "amqp-access"
    assert "bus topology apply" in stopped.value.hint
