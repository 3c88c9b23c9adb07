"""`bus topology` on a real broker: what it lacks, making it so, and what it never does."""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from bus.plan import RECORD
from bus.runtime.rabbitmq import RabbitBroker
from bus.runtime.rabbitmq.declare import SETTLE_S
from bus.testing import letter
from bus.topology import Topology

from tests.topology.commands import Said, bus

ROUTING = """version: 1
systems:
  erp: {source: {adapter: queue}}
  wms: {sink: {adapter: queue, retry: [5s]}}
  %s
routes:
  po: {on: purchase_order.released, to: wms, json: data%s}
"""
CRM = "crm: {sink: {adapter: queue, retry: [5s, 7s]}}"
class Desk:
    """A routing.yaml that changes, and a broker."""

    def __init__(self, folder: Path, host: str) -> None:
        self._file, self.host = folder / "routing.yaml", host
        self.write()

    def write(self, systems: str = "", *, ordered: bool = False) -> None:
        self._file.write_text(ROUTING % (systems, ", ordering: key" if ordered else ""))

    def topology(self, command: str, *options: str) -> Said:
        return bus("topology", command, "--routing", self._file, "--broker", self.host, *options)

    def changes(self, command: str) -> list[tuple[str, str, str]]:
        said = self.topology(command, "-o", "json")
        return [(change["action"], change["kind"], change["name"]) for change in said.json["changes"]]

    @contextlib.contextmanager
    def channel(self) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
        connection = pika.BlockingConnection(pika.URLParameters(self.host))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
        finally:
            connection.close()


@pytest.fixture
def desk(tmp_path: Path, host: str) -> Desk:
    return Desk(tmp_path, host)


def test_apply_does_what_plan_said_and_a_second_one_nothing(desk: Desk) -> None:
    planned = desk.topology("plan", "-o", "json")
    assert planned.code == 1
    assert ("create", "queue", "to.wms") in desk.changes("plan")
    done = desk.topology("apply", "-o", "json")
    assert (done.code, done.json) == (0, planned.json)
    assert "rabbitmqctl import_definitions" in done.err
    again = desk.topology("plan", "-o", "json")
    assert (again.code, again.json) == (0, {"changes": []})
    nothing = desk.topology("apply")
    assert (nothing.code, nothing.out, nothing.err) == (0, "nothing to do\n", "")


def test_apply_returns_when_young_quorum_queues_have_settled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.runtime.rabbitmq.topology.SETTLE_S", SETTLE_S)
    began = time.monotonic()
    desk.topology("apply")
    assert time.monotonic() - began >= 1.2  # a kill any earlier lost confirmed messages


def test_what_was_applied_carries_an_event_to_its_queue_without_the_bus_declaring_anything(desk: Desk) -> None:
    desk.topology("apply")
    with desk.channel() as channel:
        for exchange, key in (("bus.events", "purchase_order.released"), ("bus.documents", "erp"), ("bus.deliver", "to.wms")):
            channel.basic_publish(exchange, key, b"{}", mandatory=True)  # raises when no queue takes it
        assert channel.queue_declare("bus.router", passive=True).method.message_count == 1


def test_a_queue_of_another_kind_is_explained_and_everything_else_is_made(desk: Desk) -> None:
    with desk.channel() as channel:
        channel.queue_declare("to.wms", durable=True)
        channel.basic_publish("", "to.wms", b"waiting")
    said = desk.topology("apply")
    assert said.code == 1
    # Up to 3.x the broker calls a classic queue `none`.
    assert re.search(r"✘ cannot mend queue  to.wms  .*x-queue-type = (none|classic); the bus needs quorum; it holds 1", said.out)
    assert desk.changes("plan") == [("differs", "queue", "to.wms")]
    with desk.channel() as channel:
        assert channel.queue_declare("dead.wms", passive=True).method.message_count == 0
        channel.queue_delete("to.wms")
    assert desk.changes("apply") == [("create", "queue", "to.wms"), ("bind", "binding", "bus.deliver → to.wms")]
    assert desk.topology("plan").code == 0


def test_a_system_that_is_gone_keeps_its_messages_until_prune_is_told_to_delete_them(desk: Desk) -> None:
    desk.write(CRM)
    desk.topology("apply")
    with desk.channel() as channel:
        channel.basic_publish("bus.deliver", "to.crm", b"waiting")
        channel.basic_publish("bus.retry.7s", "to.wms", b"in seven seconds")
    desk.write()
    assert desk.changes("apply") == [
        ("revoke", "permission", "crm"), ("orphan", "queue", "bus.retry.7s"), ("orphan", "queue", "dead.crm"),
        ("orphan", "queue", "to.crm"),
    ]
    assert desk.topology("plan").code == 0
    listed = desk.topology("prune")
    assert (listed.code, listed.err) == (1, "nothing is deleted without --yes\n")
    assert "to.crm        1" in listed.out
    pruned = desk.topology("prune", "--yes")
    assert pruned.code == 1
    assert "bus.retry.7s stays: its 1 messages are on their way" in pruned.err
    assert pruned.out.endswith("deleted: 2\n")
    with desk.channel() as channel, pytest.raises(pika.exceptions.ChannelClosedByBroker):
        channel.queue_declare("to.crm", passive=True)
    left = desk.topology("prune", "-o", "json").json["queues"]
    assert left == [{"name": "bus.retry.7s", "messages": 1, "deleted": False}]
    desk.write(CRM)
    assert ("create", "queue", "to.crm") in desk.changes("plan")


def test_without_a_record_what_exists_is_seen_and_a_gone_system_is_pruned_by_name(desk: Desk) -> None:
    async def run() -> None:
        transport = RabbitBroker(desk.host)  # as `bus run` does
        await transport.open(Topology(("crm", "erp", "wms"), (5.0,)))
        await transport.publish(letter("1", "dead.crm"))
        await transport.close()

    asyncio.run(run())
    planned = desk.changes("plan")
    assert {(action, kind) for action, kind, name in planned if name != RECORD} == {("bind", "binding"), ("grant", "permission")}
    assert desk.topology("prune", "-o", "json").json == {"queues": []}
    named = desk.topology("prune", "crm", "wms", "--yes", "-o", "json")
    assert named.json["queues"] == [
        {"name": "dead.crm", "messages": 1, "deleted": True}, {"name": "to.crm", "messages": 0, "deleted": True},
    ]


def test_a_stale_record_does_not_hide_that_a_queue_was_deleted(desk: Desk) -> None:
    desk.topology("apply")
    with desk.channel() as channel:
        channel.queue_delete("bus.invalid")
    assert desk.changes("plan") == [("create", "queue", "bus.invalid"), ("bind", "binding", "bus.deliver → bus.invalid")]
    with desk.channel() as channel:
        channel.basic_publish("bus.deliver", RECORD, b"not ours")
    assert ("bind", "binding", "bus.deliver → to.wms") in desk.changes("plan")


def test_asking_for_order_moves_the_events_that_wait_and_leaves_one_way_in(desk: Desk) -> None:
    desk.topology("apply")
    properties = pika.BasicProperties(message_id="1", headers={"cloudEvents_type": "a.b", "cloudEvents_partitionkey": "PO-1"})
    with desk.channel() as channel:
        channel.basic_publish("bus.events", "a.b", b"{}", properties)
    desk.write(ordered=True)
    assert {("move", "queue", "bus.router"), ("remake", "queue", "to.wms")} <= set(desk.changes("plan"))
    assert desk.topology("apply").code == 0
    assert desk.topology("plan").code == 0
    with desk.channel() as channel:
        channel.basic_publish("bus.events", "a.b", b"{}", properties)
        held = [channel.queue_declare(queue, passive=True).method.message_count for queue in ("bus.partition", "bus.router")]
        assert held == [2, 0]


def test_a_queue_in_use_is_not_made_anew_for_order(desk: Desk) -> None:
    desk.topology("apply")
    desk.write(ordered=True)
    with desk.channel() as channel:
        channel.basic_consume("to.wms", lambda *_: None)
        said = desk.topology("apply")
        assert (said.code, "to.wms must be made anew" in said.err, "0 messages, 1 readers" in said.err) == (2, True, True)
        channel.basic_publish("bus.deliver", "to.wms", b"{}", mandatory=True)  # its way in is there again
    said = desk.topology("apply")
    assert (said.code, "✘ cannot mend queue  to.wms" in said.out) == (1, True)  # it holds something now


def test_two_who_plan_at_once_both_see_the_record(desk: Desk) -> None:
    from bus.runtime.files import read_configuration
    from bus.runtime.topology import site, wanted_by

    desk.topology("apply")
    want = wanted_by(read_configuration(desk._file)[0])

    async def run() -> list[object]:
        return list(await asyncio.gather(*(site(desk.host, want).plan() for _ in range(4))))

    assert asyncio.run(run()) == [()] * 4


def test_an_unreachable_broker_is_three_and_a_wrong_url_two(desk: Desk) -> None:
    desk.host = "amqp://127.0.0.1:1/"
    assert desk.topology("plan").code == 3
    desk.host = "amqps://host?cacertfile=nowhere.pem"
    assert desk.topology("plan").code == 2
    desk.host = "redis://host"
    assert desk.topology("plan").code == 2
