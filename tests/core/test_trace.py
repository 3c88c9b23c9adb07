"""Which step of a path a document does not have, and what a failing rule says of it."""

from typing import Any

import pytest

from bus.adapter import SourceOptions
from bus.codecs import missing_at, read, row_line
from bus.codecs.xml_format import parse
from bus.inbound import Inbound, Outcome
from bus.mapping.trace import Missing, missing_below

from tests.configuring import usable
from tests.core.gates import GATE, NOW, SYSTEMS, TABLES, failed, inbound, made, outcome

DOCUMENT = {
    "head": {"number": "4711", "orders": [{"no": "1", "lines": [{"qty": "5"}]}, {"no": "2", "note": None}], "empty": None},
    "收/支": "支出", "13800138000": "a key that is data",
}
XML = parse('<a><b unit="EA"><c>1</c></b><b><d>2</d></b></a>')


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("document.head.numbr", Missing("document.head.numbr", "numbr", "head", "number", "number, orders, empty")),
        ('document["head"].nr + "-" + document.haed.number', Missing('document["head"].nr', "nr", "head", "", "number, orders, empty")),
        ("document.haed.number", Missing("document.haed", "haed", "document", "head", "head")),
        ("decimal(document.head.xyz)", Missing("document.head.xyz", "xyz", "head", "", "number, orders, empty")),
        ("document.head.orders[0].nr", Missing("document.head.orders[0].nr", "nr", "document.head.orders[0]", "no", "no, lines, note")),
        ("first(document.head.orders).nmo", Missing("….nmo", "nmo", "…", "no", "no, lines, note")),
        ("first([o.no for o in document.head.order])", Missing("document.head.order", "order", "head", "orders", "number, orders, empty")),
        ("first([o.no for o in document.head.orders if o.nott == 1])", Missing("o.nott", "nott", "o", "note", "no, lines, note")),
        ("sum(decimal(l.qtty) for o in document.head.orders for l in o.lines)", Missing("l.qtty", "qtty", "l", "qty", "qty")),
        ('lookup("item", document.nummer)', Missing("document.nummer", "nummer", "document", "", "head")),
        ('f"{document.head.numbr}"', Missing("document.head.numbr", "numbr", "head", "number", "number, orders, empty")),
        ("document.head.orders[document.at].no", Missing("document.at", "at", "document", "", "head")),
    ],
)
def test_the_first_step_that_is_not_there_is_named_with_what_is(text: str, missing: Missing) -> None:
    assert missing_below(text, document=DOCUMENT) == missing


@pytest.mark.parametrize(
    "text",
    [
        "document.head.number", "document.head.empty.below", "document.head.orders[1].note", "document.head.orders.no",
        "document.head.number.below", "default(document.remark, 0)", "document.remark if has(document.remark) else null",
        "other.thing", "nobody", "[o.lines for o in document.head.orders]", "first([o.x for o in others])", '"text"', "1 +",
        'document["收/支"]',
    ],
)
def test_what_is_there_or_may_be_missing_or_nobody_knows_is_no_missing_step(text: str) -> None:
    assert missing_below(text, document=DOCUMENT) is None


@pytest.mark.parametrize(
    ("text", "name", "near", "there"),
    [
        ("document.a.e", "e", "", "b"), ("first(document.a.b).cc", "cc", "c", "c, d"),
        ('first(document.a.b)["@unti"]', "@unti", "@unit", "@unit"), ('first(document.a.b)["@unit"]', "", "", ""),
        ('first(document.a.b)["#text"]', "", "", ""), ("first(document.a.b).c.x", "x", "", "–"),
    ],
)
def test_elements_and_attributes_are_steps_like_any(text: str, name: str, near: str, there: str) -> None:
    missing = missing_below(text, document=XML)
    assert (missing[1], *missing[3:]) == (name, near, there) if missing else not name


def test_swapped_letters_are_meant_before_changed_ones_and_long_lists_are_cut() -> None:
    missing = missing_below("document.E1EDL42", document={f"E1EDL{n}": "" for n in range(20, 41)})
    assert missing is not None
    assert (missing.near, missing.there.count(","), missing.there.endswith(", …")) == ("E1EDL24", 8, True)


# ------------------------------------------------------------------------------------------- in a rule

LINES = """
gate:
  from: wms
  event: gate.listed
  id: document.no
  map:
    no: document.no
    lines:
      for: line in document.lines
      if: line.kind == "A"
      item: line.item
"""


def listed(rules: str, document: Any) -> Outcome:
    return inbound_with_lists(rules).events("wms", document, NOW)


def inbound_with_lists(rules: str) -> Inbound:
    text = SYSTEMS.replace("      gate.closed:", "      gate.listed: {no: text, lines: [{item: text}]}\n      gate.closed:")
    text += "\n".join(f"      {line}" for line in rules.strip("\n").splitlines())
    return Inbound(usable(text.replace("    routes: {}\n", ""), TABLES))


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"no": "1", "line": [{"kind": "A", "item": "I"}]}, "rounds-misspelt"),
        ({"no": "1"}, "rounds-missing"),
        ({"no": "1", "lines": [{"kid": "A", "item": "I"}]}, "rounds-misspelt"),
        ({"no": "1", "lines": [{"kind": "B", "item": "I"}]}, None),
        ({"no": "1", "lines": []}, None),
        ({"no": "1", "lines": [{"kind": "A", "item": "I"}]}, None),
    ],
)
def test_a_list_that_loses_all_its_rounds_by_a_path_that_leads_nowhere_is_doubted(document: Any, code: str | None) -> None:
    result = listed(LINES, document)
    assert (len(result.events), result.failures) == (1, ())
    assert [failed.error.code for failed in result.doubts] == ([code] if code else [])
    assert listed(LINES, document).events[0].rule == "gate"


def test_a_doubt_has_its_place_and_two_loops_are_both_looked_at() -> None:
    nested = LINES.replace("for: line in document.lines", "for: [o in document.orders, line in o.lines]")
    (doubt,) = listed(nested, {"no": "1", "orders": [{"line": []}]}).doubts
    assert doubt.error.where is not None
    assert (doubt.error.where.path, doubt.error.where.expression) == ("lines", "document.orders")
    assert "o.lines: no lines below o; did you mean line?" in str(doubt.error)


def test_a_let_that_is_empty_is_followed_to_the_step_that_is_not_there() -> None:
    rules = """
gate:
  from: wms
  event: gate.passed
  id: document.no
  let:
    head: document.haed
    party: head.party
  map:
    no: party.name
"""
    error = failed(rules, {"no": "1", "head": {"party": {"name": "N"}}})
    assert str(error) == "document.haed: no haed below document; did you mean head?"
    assert error.where is not None
    assert (error.where.path, error.where.expression) == ("no", "party.name")
    assert failed(rules.replace("haed", "head"), {"no": "1", "head": None}).code == "mapped-empty"


def test_an_id_is_not_told_to_make_its_key_optional() -> None:
    misspelt = failed(GATE.replace("id: document.no", "id: document.nr"), {"no": "1", "x": "2"})
    assert (misspelt.code, misspelt.hint) == ("path-misspelt", "")
    missing = failed(GATE.replace("id: document.no", "id: document.truck"), {"no": "1"})
    assert "?" not in missing.hint
    assert "there is: no" in missing.hint


# ------------------------------------------------------------------------------------------- rows

CSV = b"a title\r\nno;qty\r\n\r\nG-1;1\r\nG-2;\"x\r\ny\"\r\nG-3;n.a.\r\n"


def rows(rules: str, body: bytes) -> Any:
    text = SYSTEMS.replace('{adapter: http, path: /in, format: json}', '{adapter: http, path: /in, format: csv, skip: 1, delimiter: ";"}')
    text += "\n".join(f"      {line}" for line in rules.strip("\n").splitlines())
    one = Inbound(usable(text.replace("    routes: {}\n", ""), TABLES))
    (failure,) = one.events("wms", one.read("wms", body), NOW, body).failures
    return failure.error


ROWS = "gate:\n  from: wms\n  for: row in document.rows\n  event: gate.passed\n  id: row.no\n  map: {no: row.no, weight: QTY}\n"


@pytest.mark.parametrize("quantity", ["decimal(row.qty)", "row.qty"])
def test_a_bad_row_is_named_by_its_line_of_the_file(quantity: str) -> None:
    assert str(rows(ROWS.replace("QTY", quantity), CSV.replace(b'"x\r\ny"', b"2"))).startswith("line 6 of the document: ")
    assert str(rows(ROWS.replace("QTY", quantity), CSV)).startswith("line 5 of the document: ")


def test_a_group_of_rows_is_named_by_its_first() -> None:
    rules = ROWS.replace("row in document.rows", 'row in group(document.rows, "no")').replace("QTY", "decimal(first(row.rows).qty)")
    assert str(rows(rules, CSV.replace(b'"x\r\ny"', b"2"))).startswith("line 6 of the document: ")


def test_a_misspelt_column_is_named_with_its_line() -> None:
    error = rows(ROWS.replace("weight: QTY", "count: integer(row.qyt)"), CSV)
    assert str(error) == "line 4 of the document: row.qyt: no qyt below row; did you mean qty?"


def test_a_line_is_told_only_where_there_are_lines() -> None:
    assert row_line("json", b"[]", SourceOptions(), 0) == row_line("csv", b"", SourceOptions(), 0) == 0
    assert row_line("csv", b"a\n\xff\n", SourceOptions(), 0) == row_line("csv", b"a\n1\n", SourceOptions(), 5) == 0
    assert row_line("csv", b"1\n2\n", SourceOptions(header=False), 1) == 2
    fixed = SourceOptions.model_validate({"format": "fixed", "columns": {"no": {"at": 1, "width": 3}}, "skip": 1})
    assert row_line("fixed", b"title\n\n123\n", fixed, 0) == 3
    assert read("fixed", b"title\n\n123\n", fixed) == {"rows": [{"no": "123"}]}
    assert outcome(GATE, {"no": "1"}) == inbound(GATE).events("wms", {"no": "1"}, NOW, b"{}")
    assert len(made(GATE, {"no": "1"})) == 1


@pytest.mark.parametrize("rows", [{}, [], [{"no": "2"}]])
def test_outside_a_loop_over_rows_no_row_is_in_hand(rows: Any) -> None:
    assert failed(GATE.replace("id: document.no", "id: text(decimal(document.no))"), {"no": "x", "rows": rows}).row is None


def test_of_two_lists_the_empty_one_is_looked_at() -> None:
    two = LINES + "    more:\n      for: line in document.mroe\n      item: line.item\n"
    text = SYSTEMS.replace("      gate.closed:", "      gate.listed: {no: text, lines: [{item: text}], more: [{item: text}]}\n      gate.closed:")
    text += "\n".join(f"      {line}" for line in two.strip("\n").splitlines())
    one = Inbound(usable(text.replace("    routes: {}\n", ""), TABLES))
    (doubt,) = one.events("wms", {"no": "1", "lines": [{"kind": "A", "item": "I"}], "more": []}, NOW).doubts
    assert doubt.error.where is not None
    assert doubt.error.where.path == "more"


def test_what_there_is_at_a_path_that_leads_nowhere() -> None:
    assert missing_at([{"no": "1"}], "rows[0].nr") == ("rows[0]", ("no",))
    assert missing_at([{"no": "1"}], "row[0].no") == ("rows", ("[0]",))
    assert missing_at({"no": "1"}, "no") == ("no", ())
