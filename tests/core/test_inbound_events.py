"""Documents that are read, looked up in tables, or are events already."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from bus.errors import DocumentError, UnmappedCode
from bus.event import Event
from bus.inbound import Inbound

from tests.configuring import usable
from tests.core.gates import GATE, NOW, WIDE, failed, inbound, made

# ------------------------------------------------------------------------------------------------ lookups


def test_lookups_go_from_the_sender_s_code_to_the_bus_s() -> None:
    rules = WIDE.replace("no: document.no\n    count", 'no: lookup("item", document.item)\n    count')
    assert made(rules, {"no": "1", "item": "W2"})[0].event.data["no"] == "I-2"


@pytest.mark.parametrize(("expression", "awaited"), [
    ('lookup("item", document.item)', ("item", ("W9",), "wms", "bus")),
    ('lookup("item", document.item, by="bus", to="name")', ("item", ("W9",), "bus", "name")),
    ('lookup("uom", [document.item, "BOX"])', ("uom", ("W9", "BOX"), "bus", "bus")),
])
def test_a_code_nobody_knows_holds_the_document_and_says_what_it_waits_for(expression: str, awaited: tuple[Any, ...]) -> None:
    error = failed(WIDE.replace("no: document.no\n    count", f"no: '{expression}'\n    count"), {"no": "1", "item": "W9"})
    assert isinstance(error, UnmappedCode)
    assert (error.table, error.codes, error.to) == (awaited[0], awaited[1], awaited[3])


# -------------------------------------------------------------------------------------------- reading


def test_a_document_is_read_in_its_source_s_format() -> None:
    rules = inbound(GATE)
    assert rules.read("wms", b'{"no": 1.50}') == {"no": Decimal("1.50")}
    assert rules.read("oa", b"{}") == {}
    with pytest.raises(DocumentError, match="stands twice"):
        rules.read("wms", b'{"no": 1, "no": 2}')


def test_an_event_in_structured_mode_is_json_whatever_the_source_s_format_is() -> None:
    config = usable("""
        version: 1
        systems:
          wms: {source: {adapter: http, path: /in, format: xml, encoding: gb18030, max_body: 60}}
    """)
    rules = Inbound(config)
    assert rules.read("wms", '{"a": "物"}'.encode(), "application/cloudevents+json; charset=utf-8") == {"a": "物"}
    for body, code in ((b'{"a": 1, "a": 2}', "json-key-twice"), (b" " * 70, "document-too-large")):
        with pytest.raises(DocumentError) as error:
            rules.read("wms", body, "application/cloudevents+json")
        assert error.value.code == code


@pytest.mark.parametrize("content_type", ["application/cloudevents-batch+json", "application/cloudevents+avro"])
def test_events_in_another_form_are_refused_clearly(content_type: str) -> None:
    with pytest.raises(DocumentError) as error:
        inbound(GATE).read("wms", b"[]", content_type)
    assert error.value.code == "event-format"


# ------------------------------------------------------------------------- events that need no rule

WHOLE = {
    "specversion": "1.0", "id": "G-1", "source": "https://wms.example/plant/7", "type": "gate.passed", "subject": "PO-1",
    "time": "2025-07-01T08:30:00", "traceparent": "00-1", "sequence": 7, "data": {"no": "G-1", "weight": "12.50", "x": None},
}


@pytest.mark.parametrize("rules", [GATE, GATE + "  when: document.type == \"PO\"\n", "other:\n  from: erp\n  event: gate.closed\n  id: document.no\n  map: {no: document.no}\n"])
def test_an_event_from_a_database_or_a_file_needs_no_rule(rules: str) -> None:
    (new,) = made(rules, WHOLE)
    assert new.event == Event(
        "gate.passed", "wms", "G-1", {"no": "G-1", "weight": Decimal("12.50"), "x": None}, "PO-1",
        datetime.fromisoformat("2025-07-01T08:30:00+02:00"), "PO-1", {"traceparent": "00-1", "sequence": "7"},
    )
    assert new.body == b'{"no":"G-1","weight":"12.50","x":null}'


def test_an_event_is_its_sender_s_whatever_it_calls_its_source() -> None:
    assert made(GATE, {**WHOLE, "source": "erp"})[0].event.source == "wms"
    assert made(GATE, {name: value for name, value in WHOLE.items() if name != "source"})[0].event.source == "wms"
    assert WHOLE["source"] == "https://wms.example/plant/7"


def test_an_event_without_a_time_happened_when_it_came() -> None:
    assert made(GATE, {**WHOLE, "time": None})[0].event.time == NOW


@pytest.mark.parametrize(("changes", "code"), [
    ({"data": {"weight": 1}}, "event-invalid"), ({"data": None}, "event-attribute-missing"), ({"id": ""}, "event-attribute-missing"),
    ({"data_base64": "AA=="}, "event-data-base64"), ({"datacontenttype": "text/xml"}, "event-content-type"),
    ({"specversion": "0.3"}, "event-specversion"), ({"data": [1]}, "event-invalid"),
])
def test_an_event_that_the_router_would_refuse_is_refused_here(changes: dict[str, Any], code: str) -> None:
    assert failed(GATE, {**WHOLE, **changes}).code == code


def test_another_company_s_cloudevents_are_documents_like_any_other() -> None:
    rules = GATE.replace("document.no", "document.data.no") + '  when: document.type == "com.acme.gate"\n'
    (new,) = made(rules, {**WHOLE, "type": "com.acme.gate"})
    assert (new.event.type, new.event.id, new.event.extensions) == ("gate.passed", "G-1", {})


@pytest.mark.parametrize("type_", ["gate.pased", ["gate.passed"]])
def test_an_event_of_an_unknown_type_that_no_rule_takes_says_so(type_: object) -> None:
    codes = {"gate.pased": "event-type-unknown"}
    error = failed(GATE + "  when: document.no == \"x\"\n", {**WHOLE, "type": type_})
    assert error.code == codes.get(str(type_), "event-attribute-kind")
