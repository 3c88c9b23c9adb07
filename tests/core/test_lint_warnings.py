"""What may be meant but probably is not: reported as a warning, with which everything still runs."""

import pytest

from tests.core.linting import LOOKUPS, SYSTEMS, Mistake, assert_found, inbound, lint, route, table, when, xml

RECEIPT = """\
receipt_no: document.no
po_no: document.po
lines:
  for: line in document.lines
  item_code: lookup("item", line.code)
  qty: decimal(line.qty)"""
ITEM_RULE = """\
  {0}-item:
    from: {0}
    event: item.changed
    id: document.code
    map: {{code: document.code}}
"""
WMS_RULE = inbound(RECEIPT).split("routes:")[0]

MISSING = table(
    ("in JSON", route("json: {remark: ⟦data.remark⟧}"), "may-be-missing", "write remark?: to leave it out, or default(data.remark, …)"),
    ("of what may be missing", route("json: {supplier: ⟦data.supplier⟧.name}"), "may-be-missing",
     "write supplier?: to leave it out, or default(data.supplier.name, …)"),
    ("in XML", xml("⟦data.remark⟧", "remark"), "may-be-missing", "write remark?: to leave it out, or default(data.remark, …)"),
    ("in an attribute", route('xml:\n  order:\n    "@remark": ⟦data.remark⟧'), "may-be-missing",
     "write @remark?: to leave it out, or default(data.remark, …)"),
    ("in a column", route("csv:\n  for: line in data.lines\n  单位: ⟦line.uom⟧"), "may-be-missing", "write 单位?: to leave it out, or default(line.uom, …)"),
    ("in rows", route("rows:\n  bus_order: {wh: ⟦data.warehouse⟧}", to="erp"), "may-be-missing",
     "write wh?: to leave it out, or default(data.warehouse, …)"),
    ("in a call", xml('date(⟦data.due_date⟧, "yyyy-MM-dd")', "due"), "may-be-missing", "write due?: to leave it out, or default(data.due_date, …)"),
    ("in a lookup", xml('lookup("warehouse", ⟦data.warehouse⟧)', "wh"), "may-be-missing",
     "write wh?: to leave it out, or default(data.warehouse, …)"),
    ("in a template", xml('f"{⟦data.remark⟧}!"', "note"), "may-be-missing", "write note?: to leave it out, or default(data.remark, …)"),
    ("by way of a let", route("let: {note: data.remark}\njson: {note: ⟦note⟧}"), "may-be-missing",
     "write note?: to leave it out, or default(data.remark, …)"),
    ("in a file's name", route("name: '⟦data.currency⟧ + \".csv\"'\njson: data", to="oa"), "may-be-missing", "write default(data.currency, …)"),
    ("of a whole document", route("xml: ⟦data.supplier⟧"), "may-be-missing", "write default(data.supplier, …)"),
    ("in a header", route("headers: {X-Remark: ⟦data.remark⟧}\njson: data"), "may-be-missing", "write default(data.remark, …)"),
    ("in a part of several types", route("json: {warehouse: ⟦data.version⟧}", on="[purchase_order.released, purchase_order.changed]"),
     "may-be-missing", "write warehouse?: to leave it out, or default(data.version, …)"),
)

NEVER = table(
    ("false", when("⟦false⟧"), "never-matches", ""),
    ("one field, two values", when('data.warehouse == "WH01" and ⟦data.warehouse == "WH02"⟧'), "never-matches", ""),
    ("a value outside a list", when('data.warehouse in ["WH01", "WH02"] and ⟦data.warehouse == "WH03"⟧'), "never-matches", ""),
    ("a value and not it", when('data.warehouse == "WH01" and ⟦data.warehouse != "WH01"⟧'), "never-matches", ""),
    ("null and a value", when('data.remark == null and ⟦data.remark == "urgent"⟧'), "never-matches", ""),
    ("null and not null", when("data.remark == null and ⟦data.remark != null⟧"), "never-matches", ""),
    ("above and below", when("data.lines[0].qty > 100 and ⟦data.lines[0].qty < 10⟧"), "never-matches", ""),
    ("a range the wrong way round", when("⟦100 < data.lines[0].qty < 10⟧"), "never-matches", ""),
    ("a value out of range", when("data.version == 3 and ⟦data.version > 5⟧"), "never-matches", ""),
    ("an open range of nothing", when("data.version >= 5 and ⟦data.version < 5⟧"), "never-matches", ""),
    ("another event's type", when('⟦event.type == "purchase_order.changed"⟧'), "never-matches", ""),
    ("a system nobody declared", when('⟦event.source == "epr"⟧'), "never-matches", ""),
    ("both sides of an or", when('⟦event.source == "epr" or event.type == "x.y"⟧'), "never-matches", ""),
    ("within brackets", when('has(data.remark) and (data.version == 1 and ⟦data.version == 2⟧)'), "never-matches", ""),
)


@MISSING
def test_a_possibly_missing_field_is_found_where_it_is_mapped(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint), severity="warning")


@NEVER
def test_a_route_that_can_never_match_is_found_at_the_part_that_forbids_it(mistake: Mistake) -> None:
    hint = "was or meant instead of and? Check the values"
    (finding,) = assert_found(mistake.text, (mistake.code, hint), severity="warning")
    assert "po-to-wms" in finding.message


@pytest.mark.parametrize(
    "condition",
    [
        'data.warehouse == "WH01" or data.warehouse == "WH02"',
        'data.warehouse in ["WH01", "WH02"] and data.warehouse != "WH01"',
        "data.version > 1 and data.version < 3",
        "data.version >= 5 and data.version <= 5",
        '0 < data.version <= 5 and data.version == 5',
        'event.type == "purchase_order.released" and event.source == "erp"',
        'upper(data.po_no) == "A" and lower(data.po_no) == "b"',
        'data.lines[0].item_code == "A" and data.lines[1].item_code == "B"',
        "data.remark != null and data.remark != \"\"",
        'not (data.warehouse == "WH01" and data.warehouse == "WH02")',
        'data.warehouse not in ["WH01"] and data.warehouse not in ["WH02"]',
        'data.version > 5 or false',
    ],
)
def test_a_condition_that_may_hold_is_left_alone(condition: str) -> None:
    assert lint(when(condition)).findings == ()


@pytest.mark.parametrize(
    ("expression", "code", "hint"),
    [
        ('⟦date("yyyy-MM-dd")⟧', "date-not-iso", 'the date comes first: date(…, "yyyy-MM-dd")'),
        ('⟦date("2026-02-30", "dd.MM.yyyy")⟧', "date-not-iso", 'say how it is written: parse_date(…, "dd.MM.yyyy")'),
        ('default(data.remark, ⟦date("tomorrow")⟧)', "date-not-iso", 'say how it is written: parse_date(…, "dd.MM.yyyy")'),
        ('⟦add_days("2026-02-30", 3)⟧', "date-not-iso", 'say how it is written: parse_date(…, "dd.MM.yyyy")'),
        ('⟦cut("4500012345", -1)⟧', "function-needs-size", "give a number from 0"),
    ],
)
def test_a_call_that_is_written_out_and_always_fails_is_found(expression: str, code: str, hint: str) -> None:
    assert_found(xml(f"'{expression}'", "due"), (code, hint), severity="warning")


@pytest.mark.parametrize(
    "expression",
    [
        'date("2026-02-28")', 'add_days("2026-02-28", 3)', 'date("2026-02-28", null)', 'pad("7", 3, "0")', 'decimal("x")',
        'parse_date("2026-02-28", zone="Asia/Tokyo")', 'split("a,b", ",")[0]',
    ],
)
def test_a_call_that_is_written_out_is_left_alone_where_it_can_be_computed(expression: str) -> None:
    assert not [one for one in lint(xml(f"'{expression}'", "due")).findings if one.severity == "warning"]


def test_a_required_field_that_is_mapped_as_optional_is_found() -> None:
    assert_found(
        inbound(RECEIPT.replace("po_no", "⟦po_no?⟧")), ("required-optional", "leave the ? out, or give a default(…)"), severity="warning"
    )


ORDER = """\
po_no: document.po
warehouse: document.wh
supplier?: {code?: document.vendor.no, name?: document.vendor.name}
lines: {for: line in document.lines, line_no: line.no, item_code: line.code, qty: line.qty}
"""


@pytest.mark.parametrize("name", ["name?", "name"])
def test_a_required_field_may_be_optional_where_all_around_it_is_left_out_without_it(name: str) -> None:
    text = inbound(ORDER.replace("name?", name)).replace("goods_receipt.confirmed", "purchase_order.released")
    found = [one.code for one in lint(text).findings if one.severity == "warning" and one.code.startswith("required")]
    assert found == ([] if name.endswith("?") else ["required-optional"])


def test_beside_a_condition_that_cannot_be_read_nobody_knows_what_may_be_missing() -> None:
    (finding,) = lint(route('when: data.remark = "x"\njson: {remark: data.remark}')).findings
    assert finding.code != "may-be-missing"


def test_a_rule_of_a_system_without_a_source_is_found() -> None:
    text = inbound(RECEIPT).replace("    source: {adapter: http, path: /in/wms, format: xml, secret: \"${WMS_SECRET}\"}\n", "")
    assert_found(
        text.replace("from: wms", "from: ⟦wms⟧"),
        ("system-without-source", "add source: {adapter: …} below systems.wms, unless it sends over AMQP by itself"), severity="warning",
    )


def test_an_event_that_nobody_sends_is_found_at_the_route() -> None:
    text = SYSTEMS.replace("    source: {adapter: database, url: \"${ERP_DB}\", table: bus_outbox}\n", "").replace(
        "    source: {adapter: file, folder: in/oa}\n", "")
    assert_found(
        text + LOOKUPS + WMS_RULE[WMS_RULE.index("inbound:"):]
        + "routes:\n  receipt-to-erp: {on: goods_receipt.confirmed, to: erp}\n  ⟦po-to-oa⟧: {on: purchase_order.released, to: oa}\n",
        ("nobody-sends", "write an inbound rule for it, or give its system source: {adapter: queue}"), severity="warning",
    )


def test_an_event_that_another_system_sends_is_found_at_the_route() -> None:
    rules = WMS_RULE + "  erp-item:\n    from: erp\n    event: item.changed\n    id: document.code\n    map: {code: document.code}\n"
    assert_found(
        rules + "routes:\n  item-to-wms: {on: item.changed, to: wms}\n  ⟦receipt-to-oa⟧: {on: goods_receipt.confirmed, from: erp, to: oa}\n"
        "  receipt-to-erp: {on: goods_receipt.confirmed, to: erp}\n",
        ("nobody-sends-from", "leave from out, or name the system that sends it"), severity="warning",
    )


def test_a_system_that_publishes_to_its_queue_may_send_any_event() -> None:
    text = WMS_RULE.replace("  scm:\n    sink", "  scm:\n    source: {adapter: queue}\n    sink")
    routes = "routes:\n  a: {on: goods_receipt.confirmed, to: erp}\n  b: {on: delivery.status_changed, from: scm, to: erp}\n"
    assert [f.code for f in lint(text + routes).findings if f.code.startswith("nobody")] == []


def test_an_event_that_no_route_takes_is_found_where_it_is_made() -> None:
    text = WMS_RULE.replace("event: goods_receipt.confirmed", "event: ⟦goods_receipt.confirmed⟧")
    assert_found(text, ("nobody-takes", "write a route on it, if it matters to somebody"), severity="warning")


def test_a_shadow_or_a_route_that_is_off_takes_no_event_off_the_list() -> None:
    for mode in ("shadow", "off"):
        text = inbound(RECEIPT) + f"    mode: {mode}\n"
        assert [finding.code for finding in lint(text).findings] == ["nobody-takes"]


def test_a_reply_that_no_route_takes_is_found() -> None:
    text = route("json: data\nthen: {event: ⟦inbound_order.accepted⟧, map: {po_no: data.po_no}}")
    (finding,) = assert_found(text, ("nobody-takes", "write a route on it, if it matters to somebody"), severity="warning")
    assert finding.message == "no route takes inbound_order.accepted, which routes.po-to-wms makes"


def test_a_reply_that_is_the_event_itself_is_a_loop() -> None:
    text = route("then: {event: ⟦item.changed⟧, map: {code: data.code}}", on="item.changed")
    codes = [finding.code for finding in lint(text.replace("⟦", "").replace("⟧", "")).findings]
    assert "events-in-a-loop" in codes


def test_a_loop_over_two_routes_is_found_at_both_replies() -> None:
    text = SYSTEMS + LOOKUPS + """\
routes:
  erp-to-wms:
    on: item.changed
    from: erp
    to: wms
    then: {event: ⟦supplier.changed⟧, map: {code: data.code}}
  wms-to-erp:
    on: supplier.changed
    to: erp
    then: {event: ⟦item.changed⟧, map: {code: data.code}}
"""
    hint = "break the loop with a when:, or answer with another event"
    assert_found(text, ("events-in-a-loop", hint), ("events-in-a-loop", hint), severity="warning")


def test_two_ways_to_the_same_event_are_no_loop() -> None:
    routes = "".join(
        f"  {name}: {{on: {on}, to: scm, then: {{event: {event}, map: {{code: data.code}}}}}}\n"
        for name, on, event in (
            ("a", "item.changed", "supplier.changed"), ("b", "item.changed", "customer.changed"), ("c", "supplier.changed", "warehouse.changed"),
            ("d", "customer.changed", "warehouse.changed"), ("e", "warehouse.changed", "department.changed"),
            ("f", "bin.changed", "item.changed"),
        )
    )
    codes = [finding.code for finding in lint(f"{SYSTEMS}routes:\n{routes}").findings]
    assert "events-in-a-loop" not in codes


def test_a_route_back_to_the_sender_is_found() -> None:
    both = SYSTEMS + "inbound:\n" + ITEM_RULE.format("erp") + ITEM_RULE.format("wms")
    assert_found(
        both + "routes:\n  ⟦item-to-both⟧: {on: item.changed, to: [erp, wms]}\n",
        ("back-to-sender", 'add from: oa, scm, or when: event.source != "…"'), severity="warning",
    )
    assert_found(
        both + "routes:\n  ⟦item-to-wms⟧: {on: item.changed, from: wms, to: wms}\n  item-to-erp: {on: item.changed, from: wms, to: erp}\n",
        ("back-to-sender", 'add from: erp, oa, scm, or when: event.source != "…"'), severity="warning",
    )


def test_a_route_that_names_its_senders_or_looks_at_them_is_left_alone() -> None:
    both = SYSTEMS + "inbound:\n" + ITEM_RULE.format("erp") + ITEM_RULE.format("wms")
    routes = """\
routes:
  item-to-wms: {on: item.changed, from: erp, to: wms}
  item-to-erp: {on: item.changed, to: erp, when: event.source != "erp"}
"""
    assert lint(both + routes).findings == ()


def test_warnings_alone_are_no_errors() -> None:
    config = lint(xml("data.remark"))
    assert len(config.findings) == 1
    assert config.errors == ()
