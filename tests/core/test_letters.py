"""Letters: what waits for a person or a code, why, and how it is tried again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import letters
from bus.errors import (
    BusError,
    DocumentError,
    ExpressionError,
    Held,
    InvalidEvent,
    Rejected,
    Unavailable,
    UnmappedCode,
    Where,
)
from bus.event import Event
from bus.holds import ORDER, PLACE, over
from bus.letters import Letter
from bus.ports import Header, Message, shared
from bus.texts import choose_language
from bus.topology import DOCUMENTS, INVALID, ROUTER, dead
from bus.wire import ATTEMPT, NAME, ROUTE, SYSTEM, envelope, event_headers, event_message

NOW_S = 1737275400.25
EVENT = Event("purchase_order.released", "erp", "PO-1-v1", {"po_no": "PO-1"}, "PO-1")
SENT = event_message(EVENT)
REFUSED = Rejected("target-refused", system="wms", answer="B017", reason="blocked")


def of_event(error: BusError = REFUSED, headers: dict[str, Header] | None = None, **more: Any) -> Message:
    given_ = {"route": "po-to-wms", "system": "wms", **more}
    return letters.of_event({**SENT.headers, **(headers or {})}, "delivery-1", SENT.body, error, NOW_S, **given_)


def of_document(error: BusError | None = None, **more: Any) -> Message:
    error = error or Held("no-rule", system="wms")
    return letters.of_document("wms", "receipt.xml", "doc-1", b"<receipt/>", error, NOW_S, content_type="text/xml", **more)


def bare(headers: dict[str, Header]) -> Letter:
    return letters.read(Message(INVALID, "x", b"", headers))


# --------------------------------------------------------------------------------------------- written


def test_a_delivery_s_letter_lies_with_its_system_and_says_everything_about_it() -> None:
    letter = of_event(attempts=4, headers={letters.SINCE: 1737270000000})
    assert (letter.to, letter.id, letter.body) == (dead("wms"), "delivery-1", SENT.body)
    read = letters.read(letter)
    assert (read.state, read.code, read.system, read.route, read.attempts) == ("dead", "target-refused", "wms", "po-to-wms", 4)
    assert (read.type, read.subject, read.kind) == ("purchase_order.released", "PO-1", "event")
    assert (read.since_s, read.at_s) == (1737270000.0, NOW_S)
    assert read.message == "wms refused it: B017 blocked"


def test_a_letter_keeps_the_envelope_and_none_of_the_delivery_s_own_headers() -> None:
    letter = of_event(headers={"bus-name": "po.csv", "bus-event": b"{}", "bus-attempt": 3, "cloudEvents_x": "y"}, attempts=4)
    assert letter.headers.items() >= {**SENT.headers, "cloudEvents_x": "y", ATTEMPT: 4}.items()
    assert not {"bus-name", "bus-event"} & set(letter.headers)


def test_a_letter_without_a_delivery_lies_with_what_is_no_event() -> None:
    letter = letters.of_event({}, "m-1", b"<x/>", InvalidEvent("event-type-unknown", type="a.b"), NOW_S, content_type="text/xml")
    assert (letter.to, letter.content_type, letter.headers[letters.SINCE]) == (INVALID, "text/xml", 1737275400250)
    read = letters.read(letter)
    assert (read.system, read.route, read.type, read.state, read.attempts) == ("", None, "", "dead", 0)


@pytest.mark.parametrize(("route", "system", "queue"), [
    ("po-to-wms", "wms", dead("wms")), ("", "wms", INVALID), ("po-to-wms", "", INVALID), ("", "", INVALID),
])
def test_only_a_delivery_s_letter_lies_with_a_system(route: str, system: str, queue: str) -> None:
    assert of_event(route=route, system=system).to == queue


@pytest.mark.parametrize(("error", "state"), [
    (Held("no-rule", system="wms"), "parked"), (UnmappedCode("item", ("A",), "bus", "wms"), "parked"),
    (REFUSED, "dead"), (DocumentError("document-empty"), "dead"), (Unavailable("unavailable", what="x", reason="y"), "dead"),
])
def test_what_a_person_or_a_code_may_still_let_go_on_is_parked(error: BusError, state: str) -> None:
    assert letters.read(of_event(error)).state == state
    assert letters.is_parked(error) == (state == "parked")


def test_who_writes_a_letter_may_know_better_than_the_error() -> None:
    assert letters.read(of_event(REFUSED, state="parked")).state == "parked"


def test_a_document_s_letter_keeps_the_document_and_its_names() -> None:
    letter = of_document()
    assert (letter.to, letter.id, letter.body, letter.content_type) == (INVALID, "doc-1", b"<receipt/>", "text/xml")
    read = letters.read(letter)
    assert (read.kind, read.system, read.route, read.subject, read.type) == ("document", "wms", None, "receipt.xml", "")
    assert read.message == "no inbound rule takes this document of wms"
    assert (read.since_s, read.at_s, read.attempts) == (NOW_S, NOW_S, 0)


def test_each_rule_that_failed_has_a_letter_of_its_own_about_the_document() -> None:
    one, other = of_document(rule="wms-receipt"), of_document(rule="wms-short")
    assert one.id != other.id
    assert letters.replayed(one).id == letters.replayed(other).id == "doc-1"


def test_the_place_in_routing_yaml_is_kept() -> None:
    error = ExpressionError("mapped-empty")
    error.where = Where("request.lines[2].qty", "line.qty", "routing.yaml", 14, 11)
    assert letters.read(of_event(error)).where == "routing.yaml:14:11 request.lines[2].qty"
    error.where = Where("", "data.x > 1", "routing.yaml", 14, 11)
    assert letters.read(of_event(error)).where == "routing.yaml:14:11"


def test_the_reason_is_kept_as_facts_and_read_in_the_reader_s_language() -> None:
    letter = of_document()
    choose_language("zh")
    assert letters.read(letter).message == "没有 inbound 规则接收 wms 的这份单据"
    assert "bus dead replay" in letters.read(letter).hint


def test_fields_that_are_no_texts_are_kept_as_texts_and_long_ones_cut() -> None:
    error = DocumentError("document-too-large", bytes=9, limit=8, extra=[1, {"a": b"x"}], long="x" * 1000)
    fields = letters.read(of_event(error)).fields
    assert (fields["bytes"], fields["limit"], fields["extra"], len(fields["long"])) == ("9", "8", "[1, {'a': b'x'}]", 300)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_a_letter_s_id_fits_a_message_and_stays_the_same(id_: str) -> None:
    letter = letters.of_event({}, id_, b"", REFUSED, 0)
    assert len(letter.id.encode()) <= 255
    assert letter.id == letters.of_event({}, id_, b"", REFUSED, 1).id
    assert (letter.id == id_) == (len(id_.encode()) <= 255)


@pytest.mark.parametrize("size", [254, 255, 256])
def test_an_id_is_cut_only_where_it_must_be(size: int) -> None:
    letter = letters.of_event({}, "x" * size, b"", REFUSED, 0)
    assert (letter.id == "x" * size) == (size <= 255)
    assert len(letter.id) == min(size, 255)


def test_a_message_without_an_id_gets_a_letter_that_can_be_named() -> None:
    one, other = (letters.of_event({}, "", body, REFUSED, 0) for body in (b"1", b"2"))
    assert one.id
    assert one.id != other.id
    assert one.id == letters.of_event({}, "", b"1", REFUSED, 9).id


def test_long_ids_that_begin_alike_stay_different() -> None:
    one, other = (letters.of_document("wms", "n", "单" * 100 + end, b"", REFUSED, 0) for end in "ab")
    assert one.id != other.id
    assert one.headers[letters.DOCUMENT] == one.id


# ------------------------------------------------------------------------------------------------- read


def test_a_message_that_is_no_letter_gives_its_bare_facts() -> None:
    letter = bare({})
    assert letter == Letter("x", "dead", "unknown-reason", "", "", None, "", "", "event", 0, 0, 0, "")
    assert letter.message == "no reason was kept"


def test_the_envelope_of_an_invalid_event_is_read_under_every_prefix_and_type() -> None:
    letter = bare({"ce-type": "a.b", "cloudEvents:source": b"erp", "ce-subject": 7})
    assert (letter.type, letter.system, letter.subject) == ("a.b", "erp", "7")
    assert bare({"ce-id": "PO-1"}).subject == "PO-1"


@pytest.mark.parametrize("fields", ["", "{", "[1]", "null", '"x"', "{\"system\": 1}"])
def test_a_letter_whose_fields_nobody_can_read_still_shows_its_code(fields: str) -> None:
    letter = bare({letters.CODE: "target-refused", letters.FIELDS: fields})
    assert (letter.message, letter.hint) == ("target-refused", "")


def test_a_letter_of_another_version_shows_the_code_it_knows() -> None:
    letter = bare({letters.CODE: "flux-capacitor", letters.FIELDS: "{}"})
    assert (letter.code, letter.message, letter.hint) == ("flux-capacitor", "flux-capacitor", "")


def test_a_number_of_a_sentence_that_became_a_text_hurts_nobody() -> None:
    written = of_event(Unavailable("amqp-no-reply", address="mq:5672", what="publish", timeout=30.0))
    assert letters.read(written).message == "amqp-no-reply"


@pytest.mark.parametrize("value", ["soon", "-1", "1e9", b"\xff", "", "²"])
def test_times_that_are_none_are_unknown(value: Header) -> None:
    letter = bare({letters.SINCE: value, letters.AT: value, ATTEMPT: value})
    assert (letter.since_s, letter.at_s, letter.attempts) == (0, 0, 0)


# ----------------------------------------------------------------------------------------------- replay


def test_a_replayed_event_goes_through_the_router_to_the_one_route_it_failed_for() -> None:
    again = letters.replayed(of_event(attempts=4, headers={letters.SINCE: 1737270000000}))
    assert (again.to, again.id, again.body, again.content_type) == (ROUTER, "PO-1-v1", SENT.body, "application/json")
    assert dict(again.headers) == {
        **SENT.headers, letters.SINCE: 1737270000000, letters.REPLAY: 1, ROUTE: "po-to-wms", SYSTEM: "wms",
        letters.LETTER: of_event().id,
    }
    assert envelope(again)[0] == EVENT.with_data({})


def test_a_replay_is_counted() -> None:
    once = letters.replayed(of_event())
    twice = letters.replayed(of_event(headers=dict(once.headers)))
    assert (once.headers[letters.REPLAY], twice.headers[letters.REPLAY]) == (1, 2)


def test_a_replayed_document_goes_through_the_inbound_rules_under_its_own_id() -> None:
    again = letters.replayed(of_document(rule="wms-receipt"))
    assert (again.to, again.id, again.body, again.content_type) == (DOCUMENTS, "doc-1", b"<receipt/>", "text/xml")
    assert dict(again.headers) == {
        SYSTEM: "wms", NAME: "receipt.xml", letters.SINCE: 1737275400250, letters.REPLAY: 1,
    }


def test_a_replayed_invalid_event_is_routed_as_if_it_were_new() -> None:
    structured = b'{"specversion":"1.0","id":"PO-1","source":"erp","type":"a.b","data":{}}'
    letter = letters.of_event(
        {"x-own": "kept"}, "m-1", structured, InvalidEvent("event-type-unknown", type="a.b"), NOW_S,
        content_type="application/cloudevents+json",
    )
    again = letters.replayed(letter)
    assert (again.to, again.id, again.headers["x-own"]) == (ROUTER, "m-1", "kept")
    assert ROUTE not in again.headers
    assert envelope(again)[0].id == "PO-1"


def test_a_replay_does_not_make_up_when_the_event_came() -> None:
    assert letters.SINCE not in letters.replayed(Message(INVALID, "x", b"{}")).headers


# ------------------------------------------------------------------------------------------------- order


def test_a_letter_of_an_ordered_route_keeps_its_key_and_its_place_over_a_replay() -> None:
    letter = of_event(key="PO-1", place=7)
    read = letters.read(letter)
    assert (read.key, read.place) == ("PO-1", 7)
    again = letters.replayed(letter)
    assert (again.headers[ORDER], again.headers[PLACE], again.headers[letters.LETTER]) == ("PO-1", 7, "delivery-1")


def test_a_letter_that_holds_nothing_back_has_no_place() -> None:
    for letter in (of_event(), of_event(key="PO-1"), of_event(headers={ORDER: "PO-1", PLACE: 7})):
        assert letters.read(letter).place == 0
        assert letters.dropped(letter) == ()
        assert PLACE not in letters.replayed(letter).headers
    assert letters.ordered("", 7) == {}


def test_dropping_a_letter_lets_go_what_waits_behind_it() -> None:
    assert letters.dropped(of_event(key="PO-1", place=7)) == (over("wms", "PO-1", 7),)


# ------------------------------------------------------------------------------------------ waiting for a code


@pytest.mark.parametrize("codes", [("A-100",), ("A-100", "BOX"), ("物料/1", 'a"b', "c")])
def test_an_unmapped_code_is_kept_with_every_column_of_its_key(codes: tuple[str, ...]) -> None:
    letter = of_event(UnmappedCode("uom", codes, "bus", "wms"))
    assert letters.awaited_code(letter) == ("uom", "bus", "wms", codes)
    assert letters.awaited_code(of_document(UnmappedCode("uom", codes, "wms", "bus"))) == ("uom", "wms", "bus", codes)
    assert " / ".join(codes) in str(letters.read(letter).fields["value"])


def test_only_what_is_parked_waits_for_a_code() -> None:
    unmapped = UnmappedCode("item", ("A",), "bus", "wms")
    assert letters.awaited_code(of_event(REFUSED)) is None
    assert letters.awaited_code(of_event(unmapped, state="dead")) is None
    assert letters.awaited_code(of_event(Held("no-rule", system="wms"))) is None


@pytest.mark.parametrize("written", ["", "{", "[]", '["item", "bus", "wms"]', '["item", "bus", "wms", 7]', '{"a": 1}'])
def test_a_code_that_cannot_be_read_is_awaited_by_nobody(written: str) -> None:
    assert letters.awaited_code(Message(dead("wms"), "x", b"", {letters.STATE: "parked", letters.LOOKUP: written})) is None


def test_a_code_as_long_as_a_document_is_not_waited_for_and_fits_the_headers() -> None:
    letter = of_event(UnmappedCode("item", ("x" * 100_000,), "bus", "wms"))
    assert letters.awaited_code(letter) is None
    assert letters.read(letter).state == "parked"
    assert sum(len(str(value)) for value in letter.headers.values()) < 2000


# ------------------------------------------------------------------------------------------- deliveries


def test_a_delivery_carries_every_attribute_of_the_event_as_a_string() -> None:
    came: dict[str, Header] = {
        **event_headers(EVENT), "cloudEvents_time": 1737275400123, "cloudEvents_count": 7, "cloudEvents_ok": True,
        "cloudEvents_note": "物".encode(), "bus-since": 5, "x-own": "no", "ce-other": "no",
    }
    headers = letters.delivery_headers(letters.carried(came, EVENT), "po-to-wms", "", "", {})
    assert headers == {
        **event_headers(EVENT), "cloudEvents_time": "2025-01-19T08:30:00.123000Z", "cloudEvents_count": "7",
        "cloudEvents_ok": "true", "cloudEvents_note": "物", "bus-route": "po-to-wms",
    }


def test_a_delivery_carries_what_its_reader_needs() -> None:
    headers = letters.delivery_headers(shared({"cloudEvents_specversion": "1.0"}), "r", "po.csv", "/orders/1", {"X-Tenant": "7"})
    assert headers == {
        "cloudEvents_specversion": "1.0", "bus-route": "r", "bus-name": "po.csv", "bus-path": "/orders/1",
        "bus-header-X-Tenant": "7",
    }


def test_a_time_as_it_came_is_passed_on_to_the_last_digit() -> None:
    came: dict[str, Header] = {**event_headers(EVENT), "cloudEvents_time": "2025-01-19T08:30:00.1234567+08:00"}
    assert letters.delivery_headers(letters.carried(came, EVENT), "r", "", "", {})["cloudEvents_time"] == "2025-01-19T08:30:00.1234567+08:00"


def test_an_envelope_that_says_all_is_passed_on_as_it_is() -> None:
    came = shared({**event_headers(EVENT), "cloudEvents_correlationid": "C-1"}, b"as it came")
    event, _ = envelope(Message(ROUTER, EVENT.id, b"{}", came))
    assert letters.carried(came, event) is came
    assert letters.delivery_headers(came, "r", "", "", {}).begin is came


@pytest.mark.parametrize("odd", [{"x-own": "no"}, {"cloudEvents:note": "n"}, {"bus-since": "5"}, {"cloudEvents_datacontenttype": ""}])
def test_an_envelope_with_anything_beside_it_is_made_anew(odd: dict[str, str]) -> None:
    came = shared({**event_headers(EVENT), **odd}, b"as it came")
    event, _ = envelope(Message(ROUTER, EVENT.id, b"{}", came))
    assert letters.carried(came, event).encoded == b""


@pytest.mark.parametrize("came", [
    {}, {**event_headers(EVENT), "cloudEvents_time": "2025-01-19T16:30:00"}, {**event_headers(EVENT), "cloudEvents_subject": ""},
    {name.replace("cloudEvents_", "ce-"): value for name, value in event_headers(EVENT).items()},
])  # fmt: skip
def test_what_the_publisher_left_open_a_delivery_says(came: dict[str, Header]) -> None:
    assert letters.carried(came, EVENT) == event_headers(EVENT)
    assert letters.carried(shared({name: str(value) for name, value in came.items()}), EVENT) == event_headers(EVENT)


def test_a_letter_is_json_that_other_tools_can_read() -> None:
    headers = of_event(UnmappedCode("item", ("物料",), "bus", "wms")).headers
    assert json.loads(str(headers[letters.FIELDS])) == {"table": "item", "value": "物料", "column": "wms"}
    assert "物料" in str(headers[letters.LOOKUP])
    assert "物料" in str(headers[letters.FIELDS])
    assert json.loads(str(headers[letters.LOOKUP])) == ["item", "bus", "wms", "物料"]
