"""What `bus bench router` accepts as the work: all of it, and nothing that is quicker because it is less."""

import asyncio
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from bus.event import Event
from bus.ports import Message
from bus.routing import Routing
from bus.runtime.app import topology_of
from bus.runtime.bench.task import (
    LARGE_LINES,
    ROUTES,
    Makes,
    configuration,
    events,
    faults,
    large_order,
    order,
)
from bus.runtime.memory import MemoryBroker
from bus.runtime.router import Router
from bus.runtime.telemetry import Telemetry
from bus.topology import to

NUMBERS = range(100, 120)
XML, JSON = to("wms"), to("scm")
Came = dict[str, list[Message]]


def routed() -> Came:
    """What the bus makes of the orders."""

    async def route() -> Came:
        broker, config = MemoryBroker(), configuration(10)
        await broker.open(topology_of(config))
        router = Router(broker, Routing(config), Telemetry(), time.time)
        await router.start(topology_of(config).router_queues)
        await broker.publish(*events(NUMBERS))
        while any(len(broker.messages(queue)) < len(NUMBERS) for queue in ROUTES):
            await asyncio.sleep(0)
        return {queue: list(broker.messages(queue)) for queue in ROUTES}

    return asyncio.run(asyncio.wait_for(route(), 20))


def test_an_order_has_the_size_and_the_lines_that_figures_are_told_for() -> None:
    assert 1150 <= len(order()) <= 1200
    assert order().count(b"item_code") == 5


def test_a_large_order_has_its_size_and_lines() -> None:
    assert 4_900_000 <= len(large_order(1)) <= 5_100_000
    assert large_order(1).count(b"item_code") == LARGE_LINES == 20_000


def test_a_large_order_is_the_work_when_every_line_came() -> None:
    small = order(7, lines=40)
    config = configuration(2)
    event = Routing(config).read(Event("purchase_order.created", "erp", "4500000007-v1", {}), small)
    came = {
        to(match.system): [Message(to(match.system), "-", document.body) for document in match.documents]
        for match in Routing(config).matches(event, small)
    }
    assert faults(range(7, 8), came, Makes.documents, lines=40) == []
    assert [fault.kind for fault in faults(range(7, 8), came, Makes.documents, lines=41)] == ["document", "document"]


def test_the_bus_does_the_work() -> None:
    assert faults(NUMBERS, routed(), Makes.deliveries) == []


def test_copies_of_events_are_the_work_of_the_shovel() -> None:
    copies = {queue: list(events(NUMBERS)) for queue in ROUTES}
    assert faults(NUMBERS, copies, Makes.copies) == []
    assert {fault.kind for fault in faults(NUMBERS, copies, Makes.deliveries)} == {"document", "message"}


def test_messages_with_nothing_around_the_documents_pass_only_where_that_is_said() -> None:
    bare = {queue: [Message(queue, "", one.body) for one in messages] for queue, messages in routed().items()}
    assert faults(NUMBERS, bare, Makes.documents) == []
    assert [fault.kind for fault in faults(NUMBERS, bare, Makes.deliveries)] == ["message", "message"]


def _rewritten(queue: str, old: bytes, new: bytes) -> Callable[[Came], None]:
    def rewrite(came: Came) -> None:
        assert old in came[queue][3].body, came[queue][3].body
        came[queue][3] = replace(came[queue][3], body=came[queue][3].body.replace(old, new))

    return rewrite


def _headed(queue: str, name: str, value: str) -> Callable[[Came], None]:
    def rewrite(came: Came) -> None:
        assert name in came[queue][3].headers
        came[queue][3] = replace(came[queue][3], headers={**came[queue][3].headers, name: value})

    return rewrite


def _lost(came: Came) -> None:
    del came[XML][3]


def _repeated(came: Came) -> None:
    came[JSON].append(came[JSON][3])


def _of_another(came: Came) -> None:
    came[JSON][3] = replace(came[JSON][3], body=came[JSON][4].body)


def _under_a_new_id(came: Came) -> None:
    came[XML][3] = replace(came[XML][3], id="f3f10d1a-1f4f-4bdc-8f0c-000000000000")


def _with_the_warehouse_last(came: Came) -> None:
    warehouse, end = b"<warehouseCode>SH-A</warehouseCode>", b"</entryOrder>"
    body = came[XML][3].body.replace(warehouse, b"").replace(end, warehouse + end)
    assert len(body) == len(came[XML][3].body)
    came[XML][3] = replace(came[XML][3], body=body)


CHEATS: dict[str, tuple[Callable[[Came], None], set[str]]] = {
    "an order is lost": (_lost, {"missing"}),
    "an order comes twice": (_repeated, {"repeated"}),
    "one document stands in another's place": (_of_another, {"missing", "repeated", "message"}),
    "an order nobody placed": (_rewritten(JSON, b"4500000103", b"4500000999"), {"missing", "foreign"}),
    "half rounds to even": (_rewritten(XML, b"<planQty>123<", b"<planQty>122<"), {"document"}),
    "decimals become text": (_rewritten(JSON, b"121.5", b'"121.5"'), {"document"}),
    "a code is not mapped": (_rewritten(XML, b"SH-A", b"WH01"), {"document"}),
    "elements change places": (_with_the_warehouse_last, {"document"}),
    "a random message id": (_under_a_new_id, {"message"}),
    "the route is not named": (_headed(JSON, "bus-route", ""), {"message"}),
    "the envelope is another's": (_headed(XML, "cloudEvents_id", "4500000104-v1"), {"message"}),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_it_is_not_the_work_where(cheat: str) -> None:
    came = routed()
    spoil, kinds = CHEATS[cheat]
    spoil(came)
    found = faults(NUMBERS, came, Makes.deliveries)
    assert {fault.kind for fault in found} == kinds
    assert {fault.count for fault in found} == {1}
