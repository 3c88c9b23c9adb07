"""How a message looks on RabbitMQ, and becomes itself again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.ports import Header, Message
from bus.runtime.rabbitmq.addressing import PACKED, Addressing, packed, unpacked
from bus.runtime.rabbitmq.frame_types import Arrived, Taker
from bus.runtime.rabbitmq.frames import Reader, publishes
from bus.runtime.rabbitmq.inlet import _message
from bus.topology import INVALID, ROUTER, Topology, dead, to

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TOPOLOGY = Topology(("wms",))
MANY = Topology(("wms", "scm", "oa"))


def arrived(message: Message) -> Arrived:
    """What the reader makes of a message that was published."""
    wire = Addressing(TOPOLOGY).wire(message)
    deliver = b"\x01\x00\x01" + (b"\x00\x3c\x00\x3c\x01c" + bytes(8) + b"\x00" + b"\x01x" + b"\x01y")
    method = deliver[:3] + len(deliver[3:]).to_bytes(4, "big") + deliver[3:] + b"\xce"
    found: list[Arrived] = []
    reader = Reader({1: Taker(found.extend, None)})
    reader.feed(publishes([(method, 1, wire.properties, wire.body)], 100_000))
    reader.rare()
    return found[0]


@given(st.dictionaries(TEXTS, TEXTS | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=20)), st.sampled_from((dead("wms"), INVALID, to("wms"))))
def test_a_message_s_headers_come_as_they_were_whichever_queue_they_went_to(headers: dict[str, Header], queue: str) -> None:
    headers = {f"bus-{name}": value for name, value in headers.items()}
    came = _message(queue, arrived(Message(queue, "1", b"{}", headers)))
    assert came.headers == headers


def test_a_letter_has_one_header_on_the_wire_and_a_delivery_its_own() -> None:
    headers: dict[str, Header] = {"cloudEvents_id": "PO-1", "bus-at": 5}
    assert list(arrived(Message(dead("wms"), "1", b"", headers)).headers or ()) == [PACKED]
    assert arrived(Message(to("wms"), "1", b"", headers)).headers == headers


@pytest.mark.parametrize("odd", [b"{}", "\ud800", '"' * 40_000])
def test_what_json_cannot_hold_or_makes_too_long_is_left_as_it_is(odd: Header) -> None:
    headers: dict[str, Header] = {"bus-event": odd}
    assert packed(headers) is headers


@pytest.mark.parametrize("odd", ["", "no JSON", "[1]", '{"a": [1]}', 7])
def test_what_another_program_calls_packed_is_an_ordinary_header(odd: Header) -> None:
    assert unpacked(odd) is None
    headers: dict[str, Header] = {PACKED: odd, "x": "y"}
    assert _message(dead("wms"), Arrived(1, "", "", None, None, headers, "1", b"")).headers == headers


def test_what_goes_to_one_queue_leaves_by_one_channel_and_of_two_queues_by_both() -> None:
    def lanes(addressing: Addressing, *systems: str) -> list[int]:
        return [addressing.wire(Message(to(system), "1", b"")).lane for system in systems]

    first = Addressing(MANY)
    assert lanes(first, "wms", "scm", "wms", "scm") == [0, 1, 0, 1]
    later = Addressing(Topology(("oa", *MANY.systems)), lanes=first.lanes)
    assert lanes(later, "oa", "scm", "wms", "scm", "wms") == [0, 1, 0, 1, 0]


def test_an_event_and_what_comes_later_leave_by_the_first_channel() -> None:
    addressing = Addressing(Topology(("wms",), delays_s=(1.0,)))
    addressing.wire(Message(to("wms"), "1", b""))
    addressing.wire(Message(dead("wms"), "1", b""))
    event = Message(ROUTER, "1", b"{}", {"cloudEvents_type": "purchase_order.released"})
    assert [addressing.wire(one).lane for one in (event, Message(to("wms"), "1", b"", delay_s=1.0))] == [0, 0]
