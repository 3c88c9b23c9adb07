"""What explain says of a document: its events, every route of each, why, and what would be delivered."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bus.conditions import shown
from bus.errors import DocumentError, UsageError
from bus.explain import Considered, Explanation, document_json, explain, failure_json

from tests.core.linting import LOOKUPS, SYSTEMS, lint

NOW = datetime(2026, 12, 8, 9, 30, tzinfo=UTC)
ROUTES = """\
inbound:
  wms-receipt:
    from: wms
    when: document.receipt.status in ["PART", "FULL"]
    event: goods_receipt.confirmed
    id: document.receipt.no
    subject: document.receipt.po
    map:
      receipt_no: document.receipt.no
      po_no: document.receipt.po
      lines:
        for: line in document.receipt.line
        item_code: lookup("item", line.item)
        qty: decimal(line.qty)
  wms-short:
    from: wms
    when: document.receipt.status == "FULL"
    event: nonconformance.reported
    id: document.receipt.no + "-short"
    map:
      report_no: document.receipt.no
      po_no: document.receipt.po
      reason: document.receipt.reason
      lines:
        for: line in document.receipt.line
        item_code: lookup("item", line.item)
        qty: decimal(line.qty)
routes:
  po-to-wms:
    on: purchase_order.released
    when: data.warehouse in ["WH01", "WH02"] and 0 < data.version and has(data.po_no)
    to: wms
    xml:
      request:
        code: data.po_no
        line:
          for: line in data.lines
          item: lookup("item", line.item_code)
          qty: line.qty
  po-vip:
    on: purchase_order.released
    when: data.supplier.code == "VIP" or data.remark == "urgent"
    to: scm
  po-shadow: {on: purchase_order.released, to: scm, mode: shadow, json: data}
  po-off: {on: purchase_order.released, to: scm, mode: off}
  po-from-oa: {on: purchase_order.released, from: oa, to: scm}
  po-quick:
    on: purchase_order.released
    when: days_between(event.time, parse_date(data.remark)) > 5
    to: scm
  po-to-oa:
    on: purchase_order.released
    to: oa
    encoding: gb18030
    name: 'data.po_no + ".csv"'
    csv:
      for: line in data.lines
      物料: line.item_code
  receipt-to-erp:
    on: goods_receipt.confirmed
    to: erp
    rows:
      receipt: {no: data.receipt_no}
      line:
        for: line in data.lines
        qty: line.qty
"""
CONFIG = lint(SYSTEMS + LOOKUPS + ROUTES)


def event(**data: Any) -> bytes:
    """A released purchase order in structured mode."""
    filled = {"po_no": "PO-1", "warehouse": "WH01", "version": 1, "lines": [{"item_code": "A-100", "qty": 12}], **data}
    envelope = {"specversion": "1.0", "type": "purchase_order.released", "source": "erp", "id": "PO-1-v1", "subject": "PO-1"}
    return msgspec.json.encode({**envelope, "data": filled})


def receipt(status: str, item: str = "SKU-6204") -> bytes:
    """A receipt as the warehouse writes it."""
    return f"<receipt><no>R1</no><po>PO-1</po><status>{status}</status><line><item>{item}</item><qty>12.50</qty></line></receipt>".encode()


def considered(explanation: Explanation) -> dict[str, Considered]:
    """The routes of the one event by name."""
    (explained,) = explanation.events
    return {one.route.name: one for one in explained.routes}


def test_the_configuration_of_these_tests_has_no_errors() -> None:
    assert CONFIG.errors == ()


def test_every_route_on_the_events_type_is_considered_and_no_other() -> None:
    routes = considered(explain(CONFIG, event(), None, NOW))
    assert list(routes) == ["po-to-wms", "po-vip", "po-shadow", "po-off", "po-from-oa", "po-quick", "po-to-oa"]


def test_a_condition_is_told_in_its_parts_with_the_values() -> None:
    one = considered(explain(CONFIG, event(), None, NOW))["po-to-wms"]
    assert one.matched
    assert [(atom.text, atom.holds) for atom in one.atoms] == [
        ('data.warehouse "WH01" in ["WH01", "WH02"]', True), ("0 < data.version", True), ("has(data.po_no)", True),
    ]


def test_a_condition_that_does_not_hold_names_what_is_missing() -> None:
    one = considered(explain(CONFIG, event(supplier={"code": "S1"}), None, NOW))["po-vip"]
    assert not one.matched
    assert one.matches == ()
    assert [(atom.text, atom.holds, atom.missing) for atom in one.atoms] == [
        ('data.supplier.code "S1" == "VIP"', False, ""), ('data.remark == "urgent"', False, "data.remark"),
    ]


def test_a_route_that_is_off_or_for_another_sender_says_so() -> None:
    routes = considered(explain(CONFIG, event(), None, NOW))
    assert (routes["po-off"].matched, routes["po-off"].reason) == (False, "reason-off")
    assert (routes["po-from-oa"].matched, routes["po-from-oa"].reason) == (False, "reason-source")


def test_a_shadow_is_computed_and_says_that_it_is_one() -> None:
    one = considered(explain(CONFIG, event(), None, NOW))["po-shadow"]
    assert (one.matched, one.reason) == (True, "reason-shadow")
    assert one.matches[0].documents[0].body.startswith(b'{"po_no":"PO-1"')


def test_a_condition_that_cannot_be_computed_is_a_failure_of_the_route() -> None:
    one = considered(explain(CONFIG, event(remark="soon"), None, NOW))["po-quick"]
    assert (one.matched, one.reason) == (False, "reason-failed")
    assert one.matches[0].failure is not None
    assert one.atoms[0].failure is not None


def test_a_document_is_what_the_subscriber_would_get() -> None:
    routes = considered(explain(CONFIG, event(), None, NOW))
    (document,) = routes["po-to-wms"].matches[0].documents
    assert document.body.endswith(b"<request><code>PO-1</code><line><item>SKU-6204</item><qty>12</qty></line></request>")
    assert document_json("xml", document) == document.body.decode()
    assert document_json("csv", routes["po-to-oa"].matches[0].documents[0]) == {"base64": "zu/Bzw0KQS0xMDANCg=="}


def test_an_unmapped_code_is_told_with_path_expression_line_and_column() -> None:
    one = considered(explain(CONFIG, event(lines=[{"item_code": "A-100", "qty": 1}, {"item_code": "NEW", "qty": 1}]), None, NOW))["po-to-wms"]
    failure = failure_json(one.matches[0].failure)
    assert failure is not None
    line = (SYSTEMS + LOOKUPS + ROUTES).split("\n").index('          item: lookup("item", line.item_code)') + 1
    assert failure["code"] == "unmapped-code"
    assert {key: failure[key] for key in ("path", "expression", "line", "column")} == {
        "path": "request.line[1].item", "expression": 'lookup("item", line.item_code)', "line": line, "column": 17,
    }
    for word in ("unmapped code", "item", "NEW"):
        assert word in failure["message"]


def test_a_failure_without_an_expression_has_no_place() -> None:
    failure = failure_json(DocumentError("document-empty"))
    assert failure is not None
    assert [failure[key] for key in ("path", "expression", "line", "column")] == [None] * 4
    assert failure_json(None) is None


def test_a_document_becomes_every_event_its_rules_make() -> None:
    explanation = explain(CONFIG, receipt("PART"), "wms", NOW)
    assert [(one.event.type, one.event.id, one.event.subject, one.event.source) for one in explanation.events] == [
        ("goods_receipt.confirmed", "R1", "PO-1", "wms"),
    ]
    assert explanation.rejected == ()
    assert document_json("rows", explanation.events[0].routes[0].matches[0].documents[0]) == {
        "receipt": [{"no": "R1"}], "line": [{"qty": Decimal("12.50")}],
    }


def test_a_rule_that_fails_is_rejected_with_its_line_and_hides_no_other() -> None:
    explanation = explain(CONFIG, receipt("FULL"), "wms", NOW)
    assert [one.event.type for one in explanation.events] == ["goods_receipt.confirmed"]
    (failed,) = explanation.rejected
    assert failed.rule == "wms-short"
    assert failed.line == (SYSTEMS + LOOKUPS + ROUTES).split("\n").index("  wms-short:") + 1
    assert failed.error.where is not None
    assert failed.error.where.path == "reason"


def test_a_document_that_no_rule_takes_is_rejected_as_a_whole() -> None:
    explanation = explain(CONFIG, receipt("NEW"), "wms", NOW)
    assert explanation.events == ()
    assert [(failed.rule, failed.error.code) for failed in explanation.rejected] == [("", "no-rule")]


def test_a_document_that_cannot_be_read_is_a_document_error() -> None:
    with pytest.raises(DocumentError):
        explain(CONFIG, b"<receipt><no>R1", "wms", NOW)


def test_a_document_without_its_sender_asks_for_it() -> None:
    for body in (b"<receipt/>", b'{"po_no": "PO-1"}', b""):
        with pytest.raises(UsageError) as caught:
            explain(CONFIG, body, None, NOW)
        assert caught.value.code == "explain-from-whom"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"id": "1", "source": "erp", "type": "purchase_order.released", "data": {}}', "specversion"),
        (b'\xef\xbb\xbf\n{"specversion": "1.0", "id": "1", "data": {}}', "type"),
    ],
)
def test_what_is_nearly_an_event_is_told_what_it_has_not(body: bytes, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(CONFIG, body, None, NOW)
    assert (caught.value.code, caught.value.fields) == ("explain-no-event", {"name": name})


def test_a_document_that_begins_like_json_and_breaks_off_is_a_document_error() -> None:
    with pytest.raises(DocumentError):
        explain(CONFIG, b'{"specversion": "1.0", ', None, NOW)


def test_an_event_may_come_with_its_sender_too() -> None:
    (explained,) = explain(CONFIG, event(), "erp", NOW).events
    assert explained.event.id == "PO-1-v1"
    (explained,) = explain(CONFIG, event(), "scm", NOW).events
    assert explained.event.source == "erp"


def test_what_is_no_json_is_a_document_even_of_a_system_that_publishes_events_by_itself() -> None:
    with pytest.raises(DocumentError):
        explain(CONFIG, b"<order/>", "scm", NOW)


def test_an_event_that_does_not_fit_its_schema_meets_no_route() -> None:
    (explained,) = explain(CONFIG, event(lines="none"), None, NOW).events
    assert explained.failure is not None
    assert explained.routes == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("WH01", '"WH01"'), ("x" * 70, f'"{"x" * 60}"…'), (True, "true"), (False, "false"), (12, "12"),
        (Decimal("12.50"), "12.50"), ([1, 2], "[2]"), ({"a": 1}, "{…}"), (NOW, "2026-12-08T09:30:00+00:00"),
    ],
)
def test_a_value_of_a_condition_is_shown_as_a_person_reads_it(value: object, text: str) -> None:
    assert shown(value) == text


def test_an_explanation_fails_when_any_of_it_would_be_a_letter() -> None:
    assert explain(CONFIG, event(remark="soon"), None, NOW).fails
    text = ROUTES.replace('    when: document.receipt.status in ["PART", "FULL"]\n', "")
    config = lint(SYSTEMS + LOOKUPS + text)
    explanation = explain(config, b"<receipt><no>1</no><po>P</po></receipt>", "wms", NOW)
    assert next((tried.rule.name, tried.matched, tried.atoms) for tried in explanation.rules) == ("wms-receipt", True, ())
