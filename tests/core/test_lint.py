"""What the architect types wrong in keys, names, systems, events and rules is found at its place, with the way out."""

import pytest

from bus.config.routes import KEYS as ROUTE_KEYS
from bus.texts import choose_language

from tests.core.linting import (
    LOOKUPS,
    SYSTEMS,
    Mistake,
    assert_found,
    inbound,
    lint,
    route,
    seen,
    sink,
    system,
    table,
    unmarked,
    when,
)

RECEIPT = """\
receipt_no: document.no
po_no: document.po
lines:
  for: line in document.lines
  item_code: lookup("item", line.code)
  qty: decimal(line.qty)"""
GATE = SYSTEMS + "events:\n  gate_pass.issued:\n"

KEYS = table(
    ("a key of a route", route('⟦whne⟧: data.warehouse == "WH01"\njson: data'), "unknown-key", "did you mean when?"),
    ("a key of a system", system("⟦snk⟧: {adapter: queue}"), "unknown-key", "did you mean sink?"),
    ("a key at the top", SYSTEMS + "⟦route⟧: {}", "unknown-key", "did you mean routes?"),
    ("a key at the top that nothing is like", SYSTEMS + "⟦queues⟧: {}", "unknown-key",
     "write one of: version, systems, lookups, events, inbound, routes"),
    ("a key of an inbound rule", inbound(RECEIPT, "⟦whem⟧: document.kind == \"R\"\n"), "unknown-key", "did you mean when?"),
    ("a key of a reply", route("json: data\nthen:\n  ⟦evnt⟧: goods_receipt.posted\n  map: {receipt_no: data.po_no}"),
     "unknown-key", "did you mean event?"),
    ("a key of a lookup", SYSTEMS + "lookups:\n  uom: {file: lookups/uom.csv, ⟦keys⟧: [item, uom]}", "unknown-key", "did you mean key?"),
    ("a key of failures", sink('failures: [{⟦wen⟧: response.code == "1", do: done}]'), "unknown-key", "did you mean when?"),
    ("an option of a source", system("source: {adapter: http, ⟦pth⟧: /in/mes}"), "unknown-option", "did you mean path?"),
    ("an option of a sink", sink("⟦tiemout⟧: 5s"), "unknown-option", "did you mean timeout?"),
    ("the key that is missing", SYSTEMS + "routes:\n  ⟦po-to-wms⟧:\n    on: purchase_order.released", "key-missing", "add to: …"),
    ("the option that is missing", system("⟦source⟧: {adapter: http}"), "key-missing", "add path: …"),
    ("no adapter", system("⟦sink⟧: {folder: out}"), "key-missing", "add adapter: …"),
    ("the adapter alone", system("sink: ⟦queue⟧"), "adapter-needed", "write sink: {adapter: queue, …}"),
    ("a key with nothing behind it", route("⟦encoding⟧:\njson: data"), "value-missing",
     "write it after the colon and a blank, or leave encoding out"),
    ("a list where one value is", route("encoding: ⟦[gbk, utf-8]⟧\njson: data"), "one-value-needed",
     "write encoding: and the value on the same line"),
    ("a text where keys are", SYSTEMS + "routes:\n  ⟦po-to-wms⟧: purchase_order.released", "mapping-needed",
     f"write there: {', '.join(ROUTE_KEYS)}"),
    ("a route twice", SYSTEMS + "routes:\n  a: {on: purchase_order.released, to: wms}\n  ⟦a⟧: {on: purchase_order.changed, to: wms}",
     "yaml-duplicate-key", "keep one of the two"),
    ("a field twice, once optional", route("json:\n  po: data.po_no\n  ⟦po?⟧: data.currency"), "key-twice", "leave one out"),
    ("another version", SYSTEMS.replace("version: 1", "version: ⟦2⟧"), "version-unknown", "write version: 1"),
)

NAMES = table(
    ("a system in to", route("json: data", to="⟦wsm⟧"), "system-unknown", "did you mean wms?"),
    ("a system in a list", route("json: data", to="[wms, ⟦smc⟧]"), "system-unknown", "did you mean scm?"),
    ("a system that nothing is like", route("json: data", to="⟦plant7⟧"), "system-unknown",
     "declare it under systems:; there are: erp, wms, oa, scm"),
    ("a system in from of a route", route("from: ⟦epr⟧\njson: data"), "system-unknown", "did you mean erp?"),
    ("a system in from of a rule", inbound(RECEIPT).replace("from: wms", "from: ⟦wmss⟧"), "system-unknown", "did you mean wms?"),
    ("a system twice", route("json: data", to="[wms, ⟦wms⟧]"), "target-twice", "leave one out"),
    ("a system without a sink", route("json: data").replace("    sink: {adapter: queue}", "    description: portal").replace(
        "to: wms", "to: ⟦scm⟧"), "system-without-sink", "add sink: {adapter: …} below systems.scm"),
    ("a system called bus", SYSTEMS + "  ⟦bus⟧: {sink: {adapter: queue}}", "system-name",
     "use letters, digits, - and _; bus is the column of the canonical codes"),
    ("an event type", route("json: data", on="⟦purchase_order.relesed⟧"), "event-unknown", "did you mean purchase_order.released?"),
    ("an event type in a list", route("json: data", on="[purchase_order.released, ⟦purchase_ordr.changed⟧]"), "event-unknown",
     "did you mean purchase_order.changed?"),
    ("a pattern of event types", route("json: data", on="⟦purchse_order.*⟧"), "event-unknown", "did you mean purchase_order.*?"),
    ("an event nobody declared", route("json: data", on="⟦truck.weighed⟧"), "event-unknown",
     "declare it under events:; `bus schema` lists all there are"),
    ("the event of a rule", inbound(RECEIPT).replace("event: goods_receipt.confirmed", "event: ⟦goods_recept.confirmed⟧"),
     "event-unknown", "did you mean goods_receipt.confirmed?"),
    ("the event of a reply", route("json: data\nthen: {event: ⟦inbound_order.acepted⟧, map: {po_no: data.po_no}}"),
     "event-unknown", "did you mean inbound_order.accepted?"),
    ("an adapter", system("sink: {adapter: ⟦qeue⟧}"), "adapter-unknown", "did you mean queue?"),
    ("an adapter that is not there", system("sink: {adapter: ⟦sftp⟧, host: x}"), "adapter-unknown",
     "write one of: database, file, http, queue"),
    ("a mode", route("mode: ⟦shadw⟧\njson: data"), "unknown-choice", "did you mean shadow?"),
    ("what to do with a failure", sink('failures: [{when: response.code == "1", do: ⟦skip⟧}]'), "unknown-choice",
     "write one of: retry, done, park, dead"),
    ("a method", sink("method: ⟦GET⟧"), "unknown-choice", "write one of: POST, PUT, PATCH, DELETE"),
    ("a time zone", system("zone: ⟦Asia/Shangai⟧\nsink: {adapter: queue}"), "zone-unknown", "write an IANA name, e.g. Asia/Shanghai"),
)

EVENTS = table(
    ("a type of databases", GATE + "    pass_no: ⟦varchar(20)⟧", "type-unknown", "did you mean text?"),
    ("a type of programming languages", GATE + "    weight: ⟦float⟧", "type-unknown", "did you mean decimal?"),
    ("a type in Chinese", GATE + "    weight: ⟦金额⟧", "type-unknown", "did you mean decimal?"),
    ("a type mistyped", GATE + "    weight: ⟦decmal⟧", "type-unknown", "did you mean decimal?"),
    ("? behind the type", GATE + "    vehicle: ⟦text?⟧", "type-optional", "? belongs behind the name: vehicle?: text"),
    ("a list of two types", GATE + "    lines: ⟦[text, decimal]⟧", "list-of-one",
     "write [text], or [{item_code: text, qty: decimal}]"),
    ("a field that is no word", GATE + "    ⟦pass-no⟧: text", "field-name", "use letters, digits and _"),
    ("a field twice, once optional", GATE + "    pass_no: text\n    ⟦pass_no?⟧: text", "field-twice", "leave one out"),
    ("an event name without a dot", SYSTEMS + "events:\n  ⟦GatePass⟧: {pass_no: text}", "event-name",
     "write noun.past_tense in small letters, e.g. gate_pass.issued"),
    ("a shipped field of another type", SYSTEMS + "events:\n  purchase_order.released:\n    lines: [{⟦qty⟧: text}]",
     "event-field-of-another-type", "Give your own field another name."),
)

MAPS = table(
    ("a required field", inbound(RECEIPT.replace("po_no: document.po\n", "")).replace("    map:", "    ⟦map⟧:"), "required-not-mapped",
     "add po_no: … (text)"),
    ("a required field of a line", inbound(RECEIPT.replace("\n  qty: decimal(line.qty)", "").replace("lines:", "⟦lines⟧:")),
     "required-not-mapped", "add qty: … (decimal)"),
    ("no map at all", inbound(RECEIPT).split("    map:")[0].replace("event: goods_receipt.confirmed", "event: ⟦goods_receipt.confirmed⟧")
     + "routes:\n  r: {on: goods_receipt.confirmed, to: erp}", "map-missing", "add map: with receipt_no, po_no, lines"),
    ("a field mistyped", inbound(RECEIPT.replace("po_no", "⟦po_nr⟧")), "event-has-no-field", "did you mean po_no?"),
    ("a field of one's own", inbound("⟦truck⟧: document.truck\n" + RECEIPT), "event-has-no-field",
     "declare it: events: {goods_receipt.confirmed: {truck?: text}}, or leave it out"),
    ("a list without for", inbound("receipt_no: document.no\npo_no: document.po\n⟦lines⟧:\n  item_code: document.item\n  qty: document.qty"),
     "list-field-needs-for", "add for: line in … below it"),
    ("keys below a single value", inbound(RECEIPT.replace("po_no: document.po", "⟦po_no⟧: {no: document.po}")), "field-type", "map a value that is text"),
    ("a list where one event is made", inbound(RECEIPT.replace("receipt_no:", "for: ⟦row⟧ in document.rows\nreceipt_no:", 1)), "for-beside",
     "write for: beside map:, not below it"),
    ("a list where one reply is made", route("json: data\nthen:\n  event: inbound_order.accepted\n  map: {for: ⟦row⟧ in response.rows, po_no: row.no, wms_order_no: row.id}")
     + "  accepted-to-erp: {on: inbound_order.accepted, to: erp}\n", "for-beside", "write for: beside map:, not below it"),
    ("true in a number", inbound(RECEIPT.replace("decimal(line.qty)", "⟦true⟧")), "field-type", "map a value that is decimal"),
    ("a number in a text", inbound(RECEIPT.replace("document.po", "⟦count(document.lines)⟧")), "field-type", "say text(…)"),
    ("a text in true or false", inbound("final: ⟦document.status + \"\"⟧\n" + RECEIPT), "field-type", 'compare it, e.g. … == "Y"'),
    ("a map in a reply", route("json: data\nthen:\n  event: inbound_order.accepted\n  ⟦map⟧: {wms_order_no: response.id}")
     + "  accepted-to-erp: {on: inbound_order.accepted, to: erp}\n",
     "required-not-mapped", "add po_no: … (text)"),
)


@KEYS
def test_a_wrong_key_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@NAMES
def test_an_unknown_name_is_found_with_the_nearest_one(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@EVENTS
def test_a_wrong_declaration_of_an_event_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@MAPS
def test_a_map_that_does_not_fill_its_event_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


TWENTY = SYSTEMS + """\
  mes:
    zone: ⟦Beijing⟧
    sink:
      adapter: http
      url: "https://mes.example.com/api"
      retry: [⟦5 sec⟧, 30s]
      success: response.flag == ⟦ok⟧
lookups:
  item: lookups/item.csv
  warehouse: ⟦lookups/warehous.csv⟧
events:
  gate_pass.issued:
    weight: ⟦float⟧
inbound:
  wms-receipt:
    from: ⟦wmss⟧
    when: document.status ⟦=⟧ "FULFILLED"
    event: goods_receipt.confirmed
    id: document.no
    map:
      receipt_no: document.no
      ⟦po_nr⟧: document.po
      lines:
        for: ⟦for line in document.lines⟧
        item_code: lookup("item", line.code)
        qty: ⟦12:30⟧
routes:
  po-to-wms:
    on: purchase_order.released
    to: ⟦wsm⟧
    when: ⟦data.warehose⟧ in ["WH01", "WH02"] ⟦AND⟧ has(data.remark)
    xml:
      order: data.po_no
      ⟦remark⟧: data.currency
  po-to-oa:
    on: purchase_order.released
    to: oa
    csv:
      for: line in data.lines
      数量: ⟦rond⟧(line.qty, 0)
      金额: line.qty ⟦×⟧ 2
      仓库: lookup("warehouse", ⟦warehouse⟧)
    ⟦json⟧: data
    retry: [⟦1 hour⟧]
    ⟦ordring⟧: key
    then:
      event: goods_receipt.posted
      map: {receipt_no: ⟦datum⟧.po_no, erp_document: response.key}
"""


def test_twenty_mistakes_in_one_file_are_all_found_at_once() -> None:
    text, places = unmarked(TWENTY)
    # A condition that cannot be read has no fields, so that one of its two mistakes waits for the other.
    places.remove(next(place for place in places if place[3] == len("data.warehose")))
    assert len(places) == 20
    found = [seen(finding) for finding in lint(text).findings if finding.severity == "error"]
    assert [finding[:4] for finding in found] == places


def test_findings_come_in_the_order_of_the_file() -> None:
    places = [finding.place for finding in lint(unmarked(TWENTY)[0]).findings]
    assert places == sorted(places)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_finding_says_what_is_wrong_and_what_to_write_in_both_languages(language: str) -> None:
    choose_language(language)
    for finding in lint(unmarked(TWENTY)[0]).findings:
        assert finding.message
        assert finding.hint
        assert "{" not in finding.message
        assert any("一" <= sign <= "龥" for sign in finding.message) is (language == "zh") or finding.message.isascii()


def test_a_folder_of_files_is_one_configuration_and_each_fault_names_its_file() -> None:
    base, _ = unmarked(SYSTEMS + LOOKUPS)
    mistyped, places = unmarked("routes:\n  po-to-oa:\n    on: purchase_order.released\n    to: ⟦ao⟧\n    json: ⟦datta⟧\n", "routing/b.yaml")
    config = lint({"routing/a.yaml": base.replace("lookups/", "../lookups/"), "routing/b.yaml": mistyped})
    assert [seen(finding)[:4] for finding in config.findings] == places
    assert config.files == ("routing/a.yaml", "routing/b.yaml")


def test_a_name_defined_in_two_files_names_both_places() -> None:
    first = "routes:\n  po-to-wms: {on: purchase_order.released, to: wms}\n"
    second, places = unmarked("routes:\n  ⟦po-to-wms⟧: {on: purchase_order.changed, to: wms}\n", "b.yaml")
    (finding,) = lint({"a.yaml": SYSTEMS + first, "b.yaml": second}).findings
    assert seen(finding) == (*places[0], "error", "defined-twice", "rename or remove one of the two")
    line = (SYSTEMS + first).split("\n").index("  po-to-wms: {on: purchase_order.released, to: wms}") + 1
    assert finding.message == f"po-to-wms is defined twice; first at a.yaml:{line}:3"


def test_a_system_and_an_event_defined_in_two_files_are_found_too() -> None:
    event = "events:\n  gate_pass.issued: {pass_no: text}\n"
    config = lint({"a.yaml": SYSTEMS + event, "b.yaml": "systems:\n  scm: {sink: {adapter: queue}}\n" + event})
    assert [(f.code, f.fields["name"]) for f in config.findings] == [("defined-twice", "scm"), ("defined-twice", "gate_pass.issued")]


def test_a_broken_file_hides_nothing_of_the_others() -> None:
    broken, places = unmarked("routes:\n  a:\n    on: purchase_order.released\n\u2003⟦to:⟧ wms\n".replace("\u2003", " "), "b.yaml")
    config = lint({"a.yaml": SYSTEMS, "b.yaml": broken, "c.yaml": "routes:\n  c: {on: purchase_order.released, to: smc}\n"})
    assert places[0] in [seen(finding)[:4] for finding in config.findings]
    assert any(f.place.file == "c.yaml" and f.code == "system-unknown" for f in config.findings)


def test_one_mistake_in_a_condition_for_several_targets_is_told_once() -> None:
    assert_found(
        when("⟦data.warehose⟧ == \"WH01\"").replace("to: wms", "to: [wms, oa, scm]"),
        ("unknown-field", "did you mean data.warehouse?"),
    )
