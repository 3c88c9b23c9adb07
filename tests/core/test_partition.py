"""Which partition an event goes to: the same for the same key, however the event is written."""

import pytest

from bus.ports import Header, Message
from bus.topology import PARTITIONS, ROUTER
from bus.wire import partition

PO_1 = "bus.router.6"


def of(headers: dict[str, Header], body: bytes = b"{}", content_type: str = "application/json") -> str:
    required: dict[str, Header] = {"cloudEvents_id": "1", "cloudEvents_source": "erp", "cloudEvents_type": "a.b"}
    return partition(Message(ROUTER, "m-1", body, {**required, **headers}, content_type))


@pytest.mark.parametrize("headers", [
    {"cloudEvents_partitionkey": "PO-1"}, {"cloudEvents:partitionkey": "PO-1"}, {"ce-partitionkey": "PO-1"},
    {"cloudEvents_subject": "PO-1"}, {"cloudEvents_partitionkey": b"PO-1"},
])  # fmt: skip
def test_a_key_has_one_partition_whichever_way_its_publisher_writes_it(headers: dict[str, Header]) -> None:
    assert of(headers) == PO_1


def test_a_structured_event_goes_where_its_key_goes() -> None:
    body = b'{"specversion": "1.0", "id": "1", "source": "erp", "type": "a.b", "partitionkey": "PO-1", "data": {}}'
    assert of({}, body, "application/cloudevents+json") == PO_1


def test_what_is_no_event_has_a_partition_too() -> None:
    assert partition(Message(ROUTER, "PO-1", b"no event")) == PO_1


@pytest.mark.parametrize(("key", "number"), [("PO-1", 6), ("PO-2", 4), ("PO-2026-001873", 0), ("采购-1", 2)])
def test_a_key_has_the_same_partition_for_ever_and_in_every_process(key: str, number: int) -> None:
    assert of({"cloudEvents_partitionkey": key}) == f"{ROUTER}.{number}"


def test_keys_are_spread_over_all_partitions() -> None:
    assert {of({"cloudEvents_partitionkey": f"PO-{n}"}) for n in range(100)} == {f"{ROUTER}.{n}" for n in range(PARTITIONS)}
