"""Envelopes on the wire: CloudEvents in every spelling the bus reads, and the one it writes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.errors import BusError, DocumentError
from bus.event import Event
from bus.ports import Header, Message, following, shared
from bus.topology import ROUTER, dead, to
from bus.wire import (
    EVENT,
    EVENT_LENGTH,
    JSON,
    MAX_EVENT_HEADER,
    ROUTE,
    attribute_of,
    cloudevents_json,
    envelope,
    event_body,
    event_headers,
    event_message,
    header_text,
    is_structured,
    split_event,
    structured,
    time_text,
    utc_now,
    with_event,
)

AT = datetime(2025, 1, 19, 8, 30, tzinfo=UTC)
REQUIRED: dict[str, Header] = {"cloudEvents_id": "PO-1-v1", "cloudEvents_source": "erp", "cloudEvents_type": "order.placed"}
WHOLE = {"specversion": "1.0", "id": "PO-1-v1", "source": "erp", "type": "order.placed", "data": {"po_no": "PO-1"}}

# What CloudEvents allows in a string: any character but controls and half surrogate pairs.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60).filter(str.strip)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,19}", fullmatch=True).filter(
    lambda name: name not in {"id", "source", "type", "subject", "time", "partitionkey", "specversion", "datacontenttype", "data"}
)
ZONED = st.datetimes(
    datetime(1970, 1, 2), datetime(2200, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
DATA = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
        | st.decimals(allow_nan=False, allow_infinity=False, places=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab名", max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
EVENTS = st.builds(
    Event, type=TEXTS, source=TEXTS, id=TEXTS, data=DATA, subject=TEXTS, time=ZONED, key=TEXTS,
    extensions=st.dictionaries(NAMES, TEXTS, max_size=3),
)


def message(headers: dict[str, Header] | None = None, body: bytes = b"{}", content_type: str = JSON, **more: Any) -> Message:
    return Message(more.pop("to", ROUTER), more.pop("id", ""), body, {**REQUIRED, **(headers or {})}, content_type, **more)


def whole(**changes: Any) -> bytes:
    return json.dumps({**WHOLE, **changes}, ensure_ascii=False).encode()


def read(headers: dict[str, Header] | None = None, **more: Any) -> Event:
    return envelope(message(headers, **more), AT)[0]


def refused(of: Message) -> BusError:
    with pytest.raises(BusError) as error:
        envelope(of, AT)
    return error.value


# ------------------------------------------------------------------------------------------ round trips


@given(EVENTS)
def test_an_event_comes_back_out_of_its_message_as_it_went_in(event: Event) -> None:
    sent = event_message(event)
    assert envelope(sent) == (event.with_data({}), sent.body)
    assert all(isinstance(value, str) for value in sent.headers.values())


@given(EVENTS, st.sampled_from(["cloudEvents_", "cloudEvents:", "CLOUDEVENTS:", "ce-"]))
def test_every_prefix_says_the_same(event: Event, prefix: str) -> None:
    sent = event_message(event)
    # What the draft with `ce-` could not tell from the HTTP binding is another test's subject.
    headers = {prefix + name[len("cloudEvents_"):]: value for name, value in sent.headers.items() if "%" not in str(value)}
    headers |= {name: value for name, value in sent.headers.items() if "%" in str(value)}
    assert envelope(Message(ROUTER, event.id, sent.body, headers)) == (event.with_data({}), sent.body)


@given(EVENTS)
@example(Event("a.b", "erp", "100% 采购 \"1\"", {}))
def test_the_http_binding_s_percent_encoding_is_undone(event: Event) -> None:
    safe = "!#$&'()*+,/:;<=>?@[\\]^`{|}"  # all of printable ASCII but the blank, the quote and the percent sign
    headers: dict[str, Header] = {
        "Ce-" + name[len("cloudEvents_"):].title(): quote(str(value), safe=safe)
        for name, value in event_message(event).headers.items()
    }
    assert envelope(Message(ROUTER, "", b"{}", headers))[0] == event.with_data({})


@given(EVENTS)
def test_structured_mode_says_the_same_as_binary_mode(event: Event) -> None:
    document = cloudevents_json(event, event_body(event.data))
    for content_type in ("application/cloudevents+json", "Application/CloudEvents+JSON; charset=UTF-8", "application/cloudevents"):
        found, body = envelope(Message(ROUTER, "of the message", document, {}, content_type))
        assert (found, body) == (event.with_data({}), event_body(event.data))


@given(DATA)
def test_data_keeps_its_digits_in_structured_mode(data: dict[str, Any]) -> None:
    body = event_body(data)
    assert structured(b'{"specversion":"1.0","id":"1","source":"a","type":"b","data":' + body + b"}")[1] == body


def test_an_event_s_decimals_never_get_an_exponent() -> None:
    assert event_body({"a": Decimal("1E+3"), "b": [Decimal("0E-9")], "c": "1E+3", "d": Decimal("12.50")}) == (
        b'{"a":1000,"b":[0.000000000],"c":"1E+3","d":12.50}'
    )


# --------------------------------------------------------------------------------------- what is written


def test_an_event_travels_in_binary_mode_with_every_attribute_as_a_string() -> None:
    event = Event("order.placed", "erp", "PO-1-v1", {"qty": Decimal("12.50")}, "PO-1", AT, "PO-1", {"causationid": "x"})
    assert event_message(event) == Message(ROUTER, "PO-1-v1", b'{"qty":12.50}', {
        "cloudEvents_specversion": "1.0", "cloudEvents_id": "PO-1-v1", "cloudEvents_source": "erp",
        "cloudEvents_type": "order.placed", "cloudEvents_subject": "PO-1", "cloudEvents_time": "2025-01-19T08:30:00Z",
        "cloudEvents_partitionkey": "PO-1", "cloudEvents_causationid": "x",
    }, "application/json", "utf-8")


def test_a_body_that_is_given_is_not_written_again() -> None:
    assert event_message(Event("a.b", "erp", "1", {}), b'{ "a": 1 }').body == b'{ "a": 1 }'


def test_the_whole_event_as_one_document_holds_the_data_as_it_came() -> None:
    event = Event("order.placed", "erp", "PO-1-v1", {}, "PO-1", AT, "key", {"causationid": "x"})
    assert cloudevents_json(event, b'{ "qty": 12.50 }') == (
        b'{"specversion":"1.0","id":"PO-1-v1","source":"erp","type":"order.placed","subject":"PO-1",'
        b'"time":"2025-01-19T08:30:00Z","partitionkey":"key","datacontenttype":"application/json",'
        b'"causationid":"x","data":{ "qty": 12.50 }}'
    )


def test_times_are_written_with_their_offset_and_utc_as_z() -> None:
    assert time_text(AT) == "2025-01-19T08:30:00Z"
    assert time_text(AT.astimezone(timezone(timedelta(hours=8)))) == "2025-01-19T16:30:00+08:00"
    assert utc_now(1737275400.5) == AT + timedelta(seconds=0.5)


# ------------------------------------------------------------------------------------------- what is read


def test_what_is_not_said_is_the_default() -> None:
    event = read()
    assert (event.subject, event.key, event.time, event.extensions) == ("PO-1-v1", "PO-1-v1", AT, {})
    assert read({"cloudEvents_subject": "PO-1"}).key == "PO-1"


def test_the_message_s_id_stands_in_for_a_missing_one() -> None:
    headers = {name: value for name, value in REQUIRED.items() if name != "cloudEvents_id"}
    assert envelope(Message(ROUTER, "PO-9", b"{}", headers))[0].id == "PO-9"
    assert read(id="other").id == "PO-1-v1"


def test_the_preferred_prefix_wins_wherever_it_stands() -> None:
    assert read({"ce-subject": "b", "cloudEvents:subject": "c", "cloudEvents_subject": "a"}).subject == "a"
    assert read({"cloudEvents_subject": "a", "ce-subject": "b"}).subject == "a"
    assert read({"ce-subject": "b", "cloudEvents:subject": "c"}).subject == "b"


def test_other_headers_are_no_attributes() -> None:
    assert read({"bus-since": 1, "x-match": "all", "cloudEvents": "x", "cloudEvents_": "x", "ce-": "x"}).extensions == {}
    assert read({"cloudEvents_data": "x", "ce-data_base64": "x"}).extensions == {}


def test_extensions_are_kept_by_lower_case_name() -> None:
    assert read({"cloudEvents_traceparent": "00-1", "ce-Sequence": "0007", "cloudEvents:dataschema": "urn:x"}).extensions == {
        "traceparent": "00-1", "sequence": "0007", "dataschema": "urn:x",
    }


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (True, "true"), (False, "false"), (b"\xe7\x89\xa9", "物"), ("", "")])
def test_a_header_of_another_type_is_read_as_cloudevents_spells_it(value: Header, text: str) -> None:
    assert read({"cloudEvents_x": value, "cloudEvents:y": value}).extensions == {"x": text, "y": text}


def test_a_long_string_that_an_older_client_made_binary_is_text_again() -> None:
    assert read({"cloudEvents_subject": ("采" * 100).encode()}).subject == "采" * 100


def test_a_percent_sign_that_encodes_nothing_stays() -> None:
    """RabbitMQ's draft writes `ce-` headers as they are."""
    for text in ("50% off", "100%", "A%41", "%zz", "%E9", "%e4%b8 %ad", "é%20"):
        assert read({"ce-subject": text}).subject == text
    assert read({"cloudEvents_subject": "a%20b", "cloudEvents:x": "a%20b"}).subject == "a%20b"
    assert read({"ce-subject": "a%20b"}).subject == "a b"
    assert read({"ce-subject": "%e9%87%87"}).subject == "采"


@pytest.mark.parametrize(("written", "moment"), [
    ("2025-01-19T08:30:00Z", AT),
    ("2025-01-19T16:30:00+08:00", AT),
    ("2025-01-19T08:30:00.1234567Z", AT + timedelta(microseconds=123456)),
    ("2025-01-19T08:30:00.123456789Z", AT + timedelta(microseconds=123456)),
    (1737275400123, AT + timedelta(milliseconds=123)),  # AMQP 1.0's timestamp, as the Python SDK writes it
    ("", AT),
])
def test_time_is_read_in_every_form_publishers_use(written: Header, moment: datetime) -> None:
    assert read({"cloudEvents_time": written}).time == moment


def test_a_time_without_zone_is_the_system_s() -> None:
    naive = message({"cloudEvents_time": "2025-01-19T08:30:00"})
    assert envelope(naive)[0].time.isoformat() == "2025-01-19T08:30:00+08:00"
    assert envelope(naive, AT, {"erp": "Europe/Berlin", "wms": "UTC"})[0].time.isoformat() == "2025-01-19T08:30:00+01:00"
    assert structured(whole(time="2025-01-19T08:30:00"), AT, {"erp": "UTC"})[0].time == AT


def test_a_byte_order_mark_is_no_part_of_the_data() -> None:
    assert envelope(message(body=b"\xef\xbb\xbf{}"))[1] == b"{}"
    assert structured(b"\xef\xbb\xbf" + whole())[1] == b'{"po_no":"PO-1"}'


@pytest.mark.parametrize("content_type", [
    "application/json; charset=utf-8", "Application/JSON", "text/json", "application/vnd.erp.order+json", "",
    "application/octet-stream",
])
def test_data_that_is_json_by_any_name_is_taken(content_type: str) -> None:
    assert read(content_type=content_type).id == "PO-1-v1"
    assert read({"cloudEvents_datacontenttype": content_type}).extensions == {}


def test_attributes_of_structured_mode_may_be_numbers_and_booleans_and_null_is_missing() -> None:
    event, _ = structured(whole(sequence=7, flag=True, ratio=1.5, subject=None, time=None, data_base64=None), AT)
    assert event.extensions == {"sequence": "7", "flag": "true", "ratio": "1.5"}
    assert (event.subject, event.time) == ("PO-1-v1", AT)


def test_headers_beside_a_structured_event_do_not_count() -> None:
    assert envelope(message({"cloudEvents_id": "other"}, whole(), "application/cloudevents+json"))[0].id == "PO-1-v1"


def test_what_claims_to_be_an_event_is_told_from_other_json() -> None:
    assert is_structured(WHOLE)
    assert is_structured({"specversion": "1.0", "type": "a.b", "data_base64": "AA=="})
    assert not is_structured({"type": "PO", "data": {}})
    assert not is_structured([WHOLE])


# ---------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_an_event_without_a_name_of_its_own_is_refused(name: str, value: str | None) -> None:
    headers = dict(REQUIRED)
    del headers[f"cloudEvents_{name}"]
    if value is not None:
        headers[f"cloudEvents_{name}"] = value
    error = refused(Message(ROUTER, "", b"{}", headers))
    assert (error.code, str(error)) == ("event-attribute-missing", f"the event has no {name}")
    assert refused(Message(ROUTER, "", whole(**{name: value}), {}, "application/cloudevents+json")).fields == {"name": name}


REFUSED: dict[str, tuple[Message, str]] = {
    "an older version": (message({"cloudEvents_specversion": "0.3"}), "event-specversion"),
    "an older version, structured": (message(None, whole(specversion="0.3"), "application/cloudevents+json"), "event-specversion"),
    "a batch": (message(None, b"[]", "application/cloudevents-batch+json"), "event-format"),
    "another event format": (message(None, b"<event/>", "application/cloudevents+xml; charset=utf-8"), "event-format"),
    "data in XML": (message(None, b"<order/>", "application/xml"), "event-content-type"),
    "data in XML by attribute": (message({"ce-datacontenttype": "text/xml"}), "event-content-type"),
    "data in XML, structured": (
        message(None, whole(datacontenttype="application/xml", data="<a/>"), "application/cloudevents+json"), "event-content-type",
    ),
    "binary data": (message(None, whole(data_base64="AA=="), "application/cloudevents+json"), "event-data-base64"),
    "no data": (message(None, whole(data=None), "application/cloudevents+json"), "event-attribute-missing"),
    "no event": (message(None, b"[1]", "application/cloudevents+json"), "event-not-structured"),
    "no JSON": (message(None, b'{"id":', "application/cloudevents+json"), "json-truncated"),
    "a list for an attribute": (message(None, whole(subject=["PO-1"]), "application/cloudevents+json"), "event-attribute-kind"),
    "bytes that are no UTF-8": (message({"cloudEvents_subject": b"\xb2\xc9"}), "event-attribute-text"),
    "a day that does not exist": (message({"cloudEvents_time": "2025-02-30T00:00:00Z"}), "event-attribute-time"),
    "a time that is no time": (message({"cloudEvents_time": "2025-01-19+05:30"}), "event-attribute-time"),
    "a time beyond all calendars": (message({"cloudEvents_time": 2**62}), "event-attribute-time"),
    "a line break in the id": (message({"cloudEvents_id": "PO-1\n"}), "event-attribute-control"),
    "a control character in an extension": (message({"cloudEvents_note": "a\x85b"}), "event-attribute-control"),
    "half a surrogate pair": (message({"cloudEvents_subject": "\ud83d"}), "event-attribute-control"),
    "an id no message could bear": (message({"cloudEvents_id": "单" * 86}), "event-id-too-long"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_bus_cannot_carry_is_refused_by_name(case: str) -> None:
    sent, code = REFUSED[case]
    error = refused(sent)
    assert error.code == code
    assert "PO-1" not in str(error)


def test_wide_blanks_and_other_scripts_are_no_control_characters() -> None:
    assert read({"cloudEvents_subject": "采购　单 \u00a0\u200b\U0001f69a"}).subject == "采购　单 \u00a0\u200b\U0001f69a"
    assert len(read({"cloudEvents_id": "单" * 85}).id.encode()) == 255
    assert refused(message({"cloudEvents_id": "x" * 256})).fields == {"limit": 255}


def test_a_refusal_names_the_attribute_and_never_shows_its_value() -> None:
    assert str(refused(message({"cloudEvents_note": "se\x00cret"}))) == (
        "the event's note holds a line break or another control character"
    )
    with pytest.raises(DocumentError, match="not application/cloudevents-batch"):
        envelope(message(None, b"[]", "application/cloudevents-batch+json"))


# --------------------------------------------------------------------------------------------- deliveries


@pytest.mark.parametrize("content_type", ["application/xml", "application/cloudevents+json", "text/csv", JSON])
def test_a_delivery_has_its_envelope_in_the_headers_whatever_it_holds(content_type: str) -> None:
    delivery = message({ROUTE: "po-to-wms"}, b"\xff not JSON", content_type, to=to("wms"), id="delivery-1")
    event, body = envelope(delivery, AT)
    assert (event.id, body) == ("PO-1-v1", b"\xff not JSON")


def test_a_letter_is_no_delivery() -> None:
    assert refused(message(None, b"", "application/xml", to=dead("wms"))).code == "event-content-type"


@pytest.mark.parametrize("size", [2, MAX_EVENT_HEADER, MAX_EVENT_HEADER + 1, 3 * MAX_EVENT_HEADER])
def test_a_delivery_carries_its_event_s_data_in_a_header_or_behind_its_own(size: int) -> None:
    headers = following(shared({"cloudEvents_id": "PO-1"}))
    data = b"{" + b" " * (size - 2) + b"}"
    body = with_event(headers, b"<order/>", data)
    assert split_event(message(headers, body)) == (b"<order/>", data)
    assert (EVENT in headers) == (size <= MAX_EVENT_HEADER)
    assert headers["cloudEvents_id"] == "PO-1"


@pytest.mark.parametrize("headers", [{}, {EVENT_LENGTH: 0}, {EVENT_LENGTH: 99}, {EVENT_LENGTH: -1}, {EVENT_LENGTH: "2"}])
def test_a_delivery_that_carries_no_event_is_all_document(headers: dict[str, Header]) -> None:
    assert split_event(message(headers, b"<order/>")) == (b"<order/>", None)


def test_event_data_that_a_client_turned_into_text_is_bytes_again() -> None:
    assert split_event(message({EVENT: '{"名":1}'}, b"x")) == (b"x", '{"名":1}'.encode())


# ------------------------------------------------------------------------------------------- odds and ends


def test_headers_are_shown_as_text_whatever_they_are() -> None:
    assert [header_text(value) for value in ("a", 7, b"\xe7\x89\xa9", b"\xff")] == ["a", "7", "物", "\ufffd"]
    assert header_text(1737275400123, "time") == "2025-01-19T08:30:00.123000Z"


def test_an_attribute_is_known_by_any_prefix() -> None:
    assert [attribute_of(name) for name in ("cloudEvents_Type", "cloudEvents:type", "CE-Type", "bus-type", "ce-data")] == [
        "type", "type", "type", "", "",
    ]


def test_the_headers_of_an_event_are_what_the_envelope_reads() -> None:
    event = Event("a.b", "erp", "1", {}, "s", AT, "k", {"x": "y"})
    assert envelope(Message(ROUTER, "", b"", event_headers(event)))[0] == event


ODD: st.SearchStrategy[Header] = (
    st.sampled_from(("", " ", "1.0", "1.1", "2.0", "a\n", "物", "2025-01-19T08:30:00Z", "no time", "i" * 256, "物" * 86, "image/png")) | st.integers()
)


@given(st.dictionaries(
    st.sampled_from(sorted({*event_headers(Event("", "", "", {})), "cloudEvents_note", "cloudEvents_NOTE", "cloudEvents_data"})), ODD, max_size=4,
), st.booleans())  # fmt: skip
def test_the_quick_way_to_an_ordinary_envelope_reads_what_the_thorough_one_does(odd: dict[str, Header], bare: bool) -> None:
    headers = {**({} if bare else event_headers(Event("a.b", "erp", "1", {}, "s", AT, "k", {"x": "y"}))), **odd}
    results: list[object] = []
    for more in ({}, {"x-other": "nothing of an envelope: now the quick way is closed"}):
        try:
            results.append(envelope(Message(ROUTER, "", b"{}", {**headers, **more}), AT))
        except BusError as error:
            results.append((error.code, error.fields))
    assert results[0] == results[1]
