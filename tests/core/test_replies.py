"""From a target's answer to the event that says what became of a delivery."""

from datetime import datetime

import pytest

from bus.adapter import Answer
from bus.errors import InvalidEvent, UnmappedCode
from bus.event import Event
from bus.inbound import NewEvent, Replies
from bus.routing import Routing
from bus.wire import envelope, event_message

from tests.configuring import usable
from tests.core.gates import NOW, TABLES

REPLIES = """
    version: 1
    systems:
      erp: {source: {adapter: queue}}
      wms:
        zone: Europe/Berlin
        sink: {adapter: http, url: "http://127.0.0.1:1/in"}
    lookups: {item: item.csv}
    events:
      order.placed: {no: text, item: text}
      order.accepted: {no: text, item?: text, wms_no?: text, at?: datetime}
      order.rejected: {no: text, code: text, message: text}
    routes:
      order-to-wms:
        on: order.placed
        to: wms
        json: {no: data.no, item: 'lookup("item", data.item)'}
        then:
          event: order.accepted
          %s
          map: {no: data.no, item?: 'lookup("item", response.item)', wms_no?: response.no, at?: response.at}
        otherwise:
          event: order.rejected
          map: {no: data.no, code: failure.code, message: failure.message}
      silent: {on: order.placed, to: wms, json: data}
      accepted-to-wms: {on: "order.*", to: wms}
"""
PLACED = Event(
    "order.placed", "erp", "PO-1-v1", {"no": "PO-1", "item": "I-1"}, "PO-1", NOW, "key-1",
    {"correlationid": "c-1", "traceparent": "00-1", "sequence": "7", "causationid": "before"},
)


def reply(
    word: str, answer: Answer, extra: str = "", route: str = "order-to-wms", delivery: str = "delivery-1"
) -> NewEvent | None:
    config = usable(REPLIES.replace("%s", extra), TABLES)
    target = Routing(config).targets[route, "wms"]
    replies = Replies(config)
    first = replies.reply(target, word, PLACED, answer, delivery, NOW)
    assert first == replies.reply(target, word, PLACED, answer, delivery, NOW)
    return first


def test_a_reply_is_the_target_s_event_with_an_id_made_of_the_delivery_s() -> None:
    new = reply("then", Answer(response={"item": "W2", "no": "77", "at": "2025-07-01T08:30:00"}))
    assert new is not None
    assert new.event == Event(
        "order.accepted", "wms", "delivery-1:order.accepted",
        {"no": "PO-1", "item": "I-2", "wms_no": "77", "at": datetime.fromisoformat("2025-07-01T08:30:00+02:00")},
        "PO-1", NOW, "key-1", {"correlationid": "c-1", "traceparent": "00-1", "causationid": "PO-1-v1"},
    )
    assert new.body == b'{"no":"PO-1","item":"I-2","wms_no":"77","at":"2025-07-01T08:30:00+02:00"}'


def test_a_reply_is_an_event_the_router_takes() -> None:
    new = reply("then", Answer(response={"item": "W1"}))
    assert new is not None
    event, body = envelope(event_message(new.event, new.body))
    assert Routing(usable(REPLIES.replace("%s", ""), TABLES)).read(event, body) == new.event


def test_a_refusal_s_reply_says_why() -> None:
    new = reply("otherwise", Answer(ok=False, code="B017", message="blocked"))
    assert new is not None
    assert new.event.id == "delivery-1:order.rejected"
    assert new.body == b'{"no":"PO-1","code":"B017","message":"blocked"}'
    unsaid = reply("otherwise", Answer(ok=False))
    assert unsaid is not None
    assert unsaid.body == b'{"no":"PO-1","code":"-","message":"-"}'


def test_a_reply_may_say_its_own_subject_key_and_time() -> None:
    extra = "subject: response.no\n          key: response.item\n          time: response.at"
    new = reply("then", Answer(response={"no": "77", "item": "W1", "at": "2025-07-01T08:30:00"}), extra)
    assert new is not None
    assert (new.event.subject, new.event.key, new.event.time.isoformat()) == ("77", "W1", "2025-07-01T08:30:00+02:00")


def test_a_route_without_replies_makes_none() -> None:
    assert reply("then", Answer(), route="silent") is None
    assert reply("otherwise", Answer(), route="silent") is None


def test_a_code_the_target_answers_that_nobody_knows_holds_the_reply() -> None:
    with pytest.raises(UnmappedCode) as error:
        reply("then", Answer(response={"item": "W9"}))
    assert (error.value.by, error.value.to, error.value.codes) == ("wms", "bus", ("W9",))


def test_a_reply_that_fits_no_schema_is_refused() -> None:
    with pytest.raises(InvalidEvent):
        reply("then", Answer(response={"at": "soon"}))


def test_a_control_character_in_an_attribute_no_rule_names_has_no_place() -> None:
    """A reply keeps the key of the event it answers, and the id of the delivery."""
    with pytest.raises(InvalidEvent) as error:
        reply("then", Answer(response={}), delivery="a\nb")
    assert (error.value.code, error.value.where) == ("event-attribute-control", None)
