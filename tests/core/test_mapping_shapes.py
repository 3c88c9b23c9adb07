"""What a mapping makes: keys, loops, conditions, names, optional keys; JSON, CSV, fixed widths, tables, text."""

from typing import Any

import pytest

from tests.core.mapped import checked, document, documents, failure, json_of

LONG = "N" * 40


def codes(mapping: str) -> list[str]:
    return [finding.code for finding in checked(mapping).findings]


# ---------------------------------------------------------------------------------------- keys and leaves


def test_keys_come_out_in_the_order_written_and_leaves_are_expressions() -> None:
    text = document("""
        json:
          z: data.no
          a: data.qty
          deep: {b: "'x'", list: [data.no, "'y'", {c: 1}], n: null == data.note}
        """)
    assert text == '{"z":"PO-1","a":2.5,"deep":{"b":"x","list":["PO-1","y",{"c":1}],"n":true}}'


@pytest.mark.parametrize(("leaf", "expected"), [("0", "0"), ("30", "30"), ("12.50", "12.50"), ("-1", "-1"), ("true", True), ("\"'CGRK'\"", "CGRK"),
                                                ("'data.no'", "PO-1"), ("data.day", "2026-03-01"), ("data.at", "2026-03-01T08:00:00Z"), ("data.open", True)])
def test_a_plain_number_is_itself_and_text_is_quoted_twice(leaf: str, expected: Any) -> None:
    assert json_of(f"json: {{a: {leaf}}}") == {"a": expected}


@pytest.mark.parametrize("leaf", ["0012", "12:30", "1e3", "NO", "on", "yes", "2026-03-01"])
def test_a_bare_leaf_that_reads_two_ways_is_an_error_that_offers_the_quoted_one(leaf: str) -> None:
    (finding,) = checked(f"json: {{a: {leaf}}}").errors
    assert finding.code == "leaf-unclear"
    assert f"\"'{leaf}'\"" in finding.hint


def test_a_key_keeps_what_was_typed() -> None:
    assert json_of("json: {0012: 1, 12:30: 2, 1e3: 3, NO: 4, on: 5, 金额: 6}") == {"0012": "1", "12:30": "2", "1e3": "3", "NO": "4", "on": "5", "金额": "6"}


def test_decimals_leave_with_the_digits_they_came_with() -> None:
    assert document("json: {a: data.qty, b: 'data.lines[0].qty', c: data.qty + 1.00}", qty="120.500") == '{"a":120.500,"b":1,"c":121.500}'


def test_half_a_character_is_refused_by_the_name_of_its_field() -> None:
    error = failure(r'''json: {a: {b: ["'x'", '"\ud83d"']}}''')
    assert (error.code, error.fields["at"], error.fields["character"]) == ("character-does-not-fit", "a.b[1]", "U+D83D")
    assert json_of(r'''json: {a: '"\u91c7"'}''') == {"a": "采"}


def test_a_field_that_is_really_called_for_if_or_let_is_written_with_an_equals_sign() -> None:
    assert json_of('json: {"=for": data.no, "=if": 1, "=let?": 2, "=x": 3}') == {"for": "PO-1", "if": "1", "let": "2", "=x": "3"}


def test_the_whole_event_s_data_is_passed_on_with_fields_nobody_knows() -> None:
    (made,) = documents("json: data", secret_field={"deep": [1, 2.50]})
    assert b'"secret_field": {"deep": [1, 2.5]}' in made.body
    assert "secret_field" in document("json: data\nencoding: gb18030", secret_field="中")


def test_without_a_format_the_event_itself_goes() -> None:
    sent = json_of("description: everything")
    assert (sent["specversion"], sent["type"], sent["id"], sent["data"]["no"]) == ("1.0", "order.released", "PO-1-v1", "PO-1")


# ----------------------------------------------------------------------------------------- optional keys


@pytest.mark.parametrize("data", [{}, {"note": ""}, {"note": " \u3000\n"}, {"note": None}])
def test_an_optional_key_is_left_out_when_empty(data: dict[str, Any]) -> None:
    assert json_of("json: {no: data.no, note?: data.note, tags?: data.tags, party?: {zip?: data.party.zip}}", **data) == {"no": "PO-1"}


def test_an_optional_key_is_kept_when_there_is_anything() -> None:
    mapping = "json: {note?: data.note, tags?: data.tags, zero?: 'data.lines[2].qty', no?: data.open and false, party?: {zip?: data.party.zip}}"
    made = json_of(mapping, note="x", tags=["a"], party={"name": "n", "zip": "1"})
    assert made == {"note": "x", "tags": ["a"], "zero": "0", "no": False, "party": {"zip": "1"}}


def test_an_empty_list_and_an_empty_mapping_are_empty() -> None:
    assert json_of("json: {a?: data.tags, b?: data.party, c?: '[]', d: data.no}", tags=[]) == {"d": "PO-1"}
    assert json_of("json: {a: data.tags, d: '[]'}", tags=[]) == {"a": [], "d": []}


def test_under_an_optional_key_whatever_comes_out_empty_is_left_out() -> None:
    mapping = """
        json:
          lines?: {for: line in data.lines, note?: line.note}
          notes?: [data.note, "'x'", {a?: data.note}, {if: data.open, b: 1}, {if: not data.open, c: 1}]
          none?: {for: line in data.lines, if: line.qty > 99, sku: line.sku}
          hollow?: {rows: {for: line in data.codes, sku: line.code}}
          both?: {rows: {for: line in data.codes, sku: line.code}, no: data.no}
        """
    assert json_of(mapping) == {"lines": [{"note": "x"}], "notes": ["x", {"b": "1"}], "both": {"rows": [], "no": "PO-1"}}


@pytest.mark.parametrize("data", [{}, {"note": ""}, {"note": "  "}])
def test_a_required_key_that_is_empty_fails_the_delivery_and_names_the_path(data: dict[str, Any]) -> None:
    error = failure("json:\n  a:\n    b: data.note", **data)
    assert (error.code, error.where.path if error.where else "") == ("mapped-empty", "a.b")


def test_a_default_fills_an_empty_key() -> None:
    assert json_of('json:\n  a: default(data.note, "-")\n  b: default(data.price, 0)', note=" ") == {"a": "-", "b": "0"}


# -------------------------------------------------------------------------------------------------- loops


def test_for_repeats_and_a_counter_counts_the_rounds_that_come_out() -> None:
    mapping = "json: {l: {for: 'n, line in data.lines', if: line.qty > 0, n: n, sku: line.sku}}"
    assert json_of(mapping) == {"l": [{"n": "1", "sku": "A"}, {"n": "2", "sku": "B"}]}
    assert json_of(mapping.replace("qty > 0", 'sku != "A"'))["l"] == [{"n": "1", "sku": "B"}, {"n": "2", "sku": "C"}]
    assert json_of("json: {l: {for: 'n, line in data.lines', n: n}}")["l"] == [{"n": "1"}, {"n": "2"}, {"n": "3"}]


def test_for_over_null_does_nothing_and_nothing_left_is_an_empty_list() -> None:
    assert json_of("json: {l: {for: c in data.codes, code: c.code}}") == {"l": []}
    assert json_of("json: {l: {for: l in data.lines, if: l.qty > 99, sku: l.sku}}") == {"l": []}


NESTED = """
    csv:
      for:
        - o, line in data.lines
        - p, part in line.parts
      if: part.no != "-"
      o: o
      p: p
      sku: line.sku
      part: part.no
    """


def test_a_list_of_fors_nests_and_each_counter_counts_its_own_rounds() -> None:
    parts = [{"sku": "A", "qty": 1, "parts": [{"no": "a1"}, {"no": "-"}, {"no": "a2"}]}, {"sku": "B", "qty": 1, "parts": [{"no": "-"}]},
             {"sku": "C", "qty": 1}, {"sku": "D", "qty": 1, "parts": [{"no": "d1"}]}]  # fmt: skip
    assert document(NESTED, lines=parts).splitlines() == ["o,p,sku,part", "1,1,A,a1", "1,2,A,a2", "2,1,D,d1"]
    unfiltered = NESTED.replace('      if: part.no != "-"\n', "")
    assert document(unfiltered, lines=parts).splitlines() == ["o,p,sku,part", "1,1,A,a1", "1,2,A,'-", "1,3,A,a2", "2,1,B,'-", "3,1,D,d1"]


def test_three_loops_nest_and_count() -> None:
    mapping = "json: {l: {for: ['a, x in data.lines', 'b, y in data.lines', 'c, z in data.lines'], if: 'x.qty * y.qty > 0', n: '[a, b, c]'}}"
    numbers = [item["n"] for item in json_of(mapping)["l"]]
    assert numbers == [[a, b, c] for a in "12" for b in "12" for c in "123"]


def test_a_mapping_can_be_a_list_altogether() -> None:
    assert json_of("json: {for: l in data.lines, sku: l.sku}") == [{"sku": "A"}, {"sku": "B"}, {"sku": "C"}]
    assert json_of("json: [data.no, {a: 1}]") == ["PO-1", {"a": "1"}]


def test_an_expression_can_be_the_whole() -> None:
    assert json_of("json: '[l.sku for l in data.lines]'") == ["A", "B", "C"]
    assert json_of("json: data.lines") == [{"sku": "A", "qty": "1"}, {"sku": "B", "qty": "2.5", "note": "x", "ok": False}, {"sku": "C", "qty": "0"}]


def test_loops_nest_ten_deep_and_no_deeper() -> None:
    def nested(depth: int) -> str:
        return "json: {l: {for: [" + ", ".join(f"x{n} in data.lines" for n in range(depth)) + "], a: x0.sku}}"

    assert len(json_of(nested(10), lines=[{"sku": "A", "qty": 1}])["l"]) == 1
    assert codes(nested(11)) == ["nested-too-deep"]


# --------------------------------------------------------------------------------------------- if and let


def test_if_leaves_a_part_out_and_filters_rounds() -> None:
    mapping = "json: {no: data.no, party: {if: data.party != null, name: data.party.name}, l: {for: l in data.lines, if: l.ok, a: l.sku}}"
    assert json_of(mapping) == {"no": "PO-1", "l": []}
    assert json_of(mapping, party={"name": "n"}, lines=[{"sku": "A", "qty": 1, "ok": True}]) == {"no": "PO-1", "party": {"name": "n"}, "l": [{"a": "A"}]}


def test_let_is_computed_in_order_and_seen_below() -> None:
    mapping = """
        let: {a: data.no + "-", b: a + a}
        name: b + ".json"
        headers: {X-B: b}
        json:
          let: {c: b + "c"}
          c: c
          in: {let: {d: c + "d"}, d: d, e: [d, b]}
          lines: {for: l in data.lines, let: {q: l.qty * 2, r: q + 1}, r: r}
        """
    (made,) = documents(mapping)
    assert json_of(mapping) == {"c": "PO-1-PO-1-c", "in": {"d": "PO-1-PO-1-cd", "e": ["PO-1-PO-1-cd", "PO-1-PO-1-"]}, "lines": [{"r": "3"}, {"r": "6.0"}, {"r": "1"}]}
    assert (made.name, made.headers) == ("PO-1-PO-1-.json", {"X-B": "PO-1-PO-1-"})


def test_a_let_above_its_if_is_seen_by_it_and_one_below_is_not_computed_without_it() -> None:
    assert json_of("json: {l: {for: l in data.lines, let: {q: 1 / (l.qty + 1)}, if: q < 0.9, sku: l.sku}}")["l"] == [{"sku": "A"}, {"sku": "B"}]
    assert json_of("json: {l: {for: l in data.lines, if: l.qty != 0, let: {q: 2 / l.qty}, q: q}}")["l"] == [{"q": "2"}, {"q": "0.8"}]
    assert codes("json: {l: {for: l in data.lines, if: q < 9, let: {q: l.qty}, q: q}}") == ["name-unknown"]


def test_a_route_s_own_if_and_for_decide_about_deliveries() -> None:
    mapping = "for: n, line in data.lines\nif: line.qty > 0\nlet: {k: text(n) + line.sku}\nname: k\npath: '\"/\" + k'\njson: {k: k}"
    made = documents(mapping)
    assert [(one.name, one.path, one.body) for one in made] == [("1A", "/1A", b'{"k":"1A"}'), ("2B", "/2B", b'{"k":"2B"}')]
    assert len({one.id for one in made}) == 2
    assert documents("if: data.qty > 100\njson: data") == ()


def test_the_id_of_a_delivery_does_not_depend_on_what_if_lets_pass() -> None:
    both = documents("for: line in data.lines\njson: {sku: line.sku}")
    second = documents('for: line in data.lines\nif: line.sku == "B"\njson: {sku: line.sku}')
    assert second[0].id == both[1].id


@pytest.mark.parametrize(("mapping", "found"), [
    ("json: {if: data.open, a: 1}", ["if-beside"]), ("xml: {if: data.open, a: {b: 1}}", ["if-beside"]),
    ("json: {l: {for: data in data.lines, a: 1}}", ["name-covered"]), ("json: {l: {for: 'null, l in data.lines', a: 1}}", ["name-reserved"]),
    ("json: {let: {true: 1}, a: 1}", ["name-reserved"]), ("json: {l: {for: 'l, l in data.lines', a: 1}}", ["name-covered"]),
    ("json: {l: {for: l in data.no, a: 1}}", ["loop-needs-list"]), ("json: {l: {for: l in data., a: 1}}", ["expression-unfinished"]),
    ("json: {l: {for: l in data.lines, if: l.qty, a: 1}}", ["condition-needed"]), ("json: {l: {for: l in data.lines, if: l., a: 1}}", ["expression-unfinished"]),
    ("headers: {X: data.qty}\njson: data", ["text-needed"]), ("json: {a: data.note}", ["may-be-missing"]), ("name: data.note\njson: data", ["may-be-missing"]),
    ("csv: {a: data.lines}", ["text-of-list"]), ("text: data.tags", ["text-of-list", "may-be-missing"]), ("json: {a: {b: data.nope, c: data.no +}}", ["unknown-field", "expression-unfinished"]),
    ("json: {let: {n: data.note}, a: n}", ["may-be-missing"]), ("if: data.note != null\njson: {a: data.note}", []), ("when: has(data.note)\njson: {a: data.note}", []),
    ("json: {a: {if: data.note != null, b: data.note}}", []), ("json: {a: {if: data.note == null, b: data.note}}", ["may-be-missing"]),
])  # fmt: skip
def test_what_is_wrong_with_a_mapping_is_found_at_load(mapping: str, found: list[str]) -> None:
    assert codes(mapping) == found


# ------------------------------------------------------------------------------------------------ formats


def test_csv_has_a_header_from_its_keys_and_crlf_and_guards_formulas() -> None:
    mapping = "csv: {for: l in data.lines, 物料: l.sku, qty: l.qty, note?: l.note, f: '\"=1+\" + l.sku'}"
    assert document(mapping).split("\r\n") == ["物料,qty,note,f", "A,1,,'=1+A", "B,2.5,x,'=1+B", "C,0,,'=1+C", ""]
    assert document(mapping + "\noptions: {formulas: keep, header: false, delimiter: ';'}").split("\r\n")[0] == "A;1;;=1+A"
    assert document("csv: {a: data.no, b: '\"x, \\\"y\\\"\"'}").split("\r\n") == ["a,b", 'PO-1,"x, ""y"""', ""]


def test_csv_without_a_single_row_still_has_its_header() -> None:
    assert document("csv: {for: l in data.lines, if: l.qty > 99, a: l.sku, b?: l.note}") == "a,b\r\n"
    assert document("csv: {for: l in data.lines, if: l.qty > 99, a: l.sku}\noptions: {header: false}") == ""


def test_fixed_columns_have_widths_in_bytes_of_the_encoding_and_never_cut() -> None:
    mapping = """
        encoding: gb18030
        fixed:
          for: n, l in data.lines
          no: {value: n, width: 3, align: right, fill: "0"}
          name: {value: '"采购" + l.sku', width: 6}
          note?: {value: l.note, width: 2}
        """
    assert document(mapping) == "001采购A   \r\n002采购B x \r\n003采购C   \r\n"
    error = failure(mapping.replace("width: 6", "width: 4"))
    assert (error.code, error.fields["at"]) == ("fixed-too-long", "[0].name")


def test_rows_are_a_list_per_table() -> None:
    mapping = """
        rows:
          head: {no: data.no, note?: data.note}
          line: {for: l in data.lines, if: l.qty > 0, no: data.no, qty: l.qty}
          none: {for: c in data.codes, no: c.code}
          left: {if: not data.open, no: data.no}
        """
    assert json_of(mapping) == {"head": [{"no": "PO-1"}], "line": [{"no": "PO-1", "qty": "1"}, {"no": "PO-1", "qty": "2.5"}], "none": []}


def test_text_is_one_expression() -> None:
    (made,) = documents('text: join([l.sku for l in data.lines], "\\n")\nencoding: gb18030')
    assert (made.body, made.content_type, made.encoding) == (b"A\nB\nC", "text/plain", "gb18030")
    assert document("text: data.qty") == "2.5"
    assert failure("text: default(data.note, null)").code == "mapped-empty"


@pytest.mark.parametrize(("mapping", "at"), [
    ("json: {l: {for: l in data.lines, a: '\"霂\" if l.sku == \"B\" else \"x\"'}}", "l[1].a"), ("csv: {for: l in data.lines, a: '\"霂\" if l.sku == \"B\" else \"x\"'}", "[1].a"),
    ("xml: {r: {l: {for: l in data.lines, a: '\"霂\" if l.sku == \"B\" else \"x\"'}}}", "r.l[1].a"), ("xml: {r: {\"@a\": \"'霂'\"}}", "r.@a"), ("text: \"'霂'\"", "text"),
])
def test_a_character_that_does_not_fit_names_field_and_character(mapping: str, at: str) -> None:
    error = failure(mapping + "\nencoding: gb2312")
    assert (error.fields["at"], error.fields["character"], error.fields["encoding"]) == (at, "U+9702 霂", "gb2312")
    assert "U+9702 霂" in str(error)


def test_cut_bytes_counts_in_the_encoding_of_the_target() -> None:
    mapping = 'text: cut_bytes("采购订单", 5)'
    assert document(mapping) == "采"
    assert document(mapping + "\nencoding: gb18030") == "采购"


def test_a_header_cannot_hold_a_line_break() -> None:
    assert documents("headers: {X-Note: data.note}\nwhen: has(data.note)\njson: data", note="fine 中")[0].headers == {"X-Note": "fine 中"}
    error = failure("headers: {X-Note: data.note}\nwhen: has(data.note)\njson: data", note="a\r\nEvil: 1")
    assert (error.code, error.fields) == ("control-character", {"character": "U+000D"})


# ---------------------------------------------------------------------------------------------- failures


def test_a_failure_says_path_expression_line_and_column() -> None:
    error = failure("json:\n  lines:\n    for: line in data.lines\n    if: line.qty >= 0\n    inner:\n      q: 1 / line.qty")
    assert error.code == "division-by-zero"
    where = error.where
    assert where is not None
    assert (where.path, where.expression, where.file, where.line, where.column) == ("lines[2].inner.q", "1 / line.qty", "routing.yaml", 31, 14)


@pytest.mark.parametrize(("mapping", "path", "expression"), [
    ("json: {l: {for: [x in data.lines, y in data.lines], a: 1 / (x.qty + y.qty - 4.5)}}", None, None),
    ("json: {l: {for: ['x in data.lines', 'y in [x.qty]'], a: 1 / (y - 2.5)}}", "l[1][0].a", "1 / (y - 2.5)"),
    ("json: {l: {for: 'x in [1 / data.count, 1 / (data.count - 3)]', a: x}}", "l", "[1 / data.count, 1 / (data.count - 3)]"),
    ("json: {l: {for: l in data.lines, if: 1 / l.qty > 0, a: 1}}", "l[2]", "1 / l.qty > 0"),
    ("json: {l: {for: l in data.lines, let: {q: 1 / l.qty}, a: q}}", "l[2]", "1 / l.qty"),
    ("let: {q: 1 / (data.count - 3)}\njson: {a: q}", "", "1 / (data.count - 3)"),
    ("json: ['1', 1 / (data.count - 3)]", "[1]", "1 / (data.count - 3)"),
    ("json: {a: ['1', {if: data.open, b: 1 / (data.count - 3)}]}", "a[1].b", "1 / (data.count - 3)"),
    ("name: text(1 / (data.count - 3))\njson: {a: 1}", "name", "text(1 / (data.count - 3))"),
    ("headers: {X-A: text(1 / (data.count - 3))}\njson: {a: 1}", "headers.X-A", "text(1 / (data.count - 3))"),
    ("when: 1 / (data.count - 3) > 0\njson: {a: 1}", "", "1 / (data.count - 3) > 0"),
    ("csv: {for: l in data.lines, a: 1 / l.qty}", "[2].a", "1 / l.qty"),
    ("rows: {t: {for: l in data.lines, a: 1 / l.qty}}", "t[2].a", "1 / l.qty"),
    ("text: text(1 / (data.count - 3))", "", "text(1 / (data.count - 3))"),
    ("xml: {r: {l: {for: l in data.lines, a: 1 / l.qty}}}", "r.l[2].a", "1 / l.qty"),
    ("xml: {r: {\"@a\": 1 / (data.count - 3)}}", "r.@a", "1 / (data.count - 3)"),
    ("xml: {r: {a: {\"@b\": \"'1'\", \"#text\": 1 / (data.count - 3)}}}", "r.a.#text", "1 / (data.count - 3)"),
    ("json:\n  a: lookup(\"item\", \"B\")", "a", 'lookup("item", "B")'),
])  # fmt: skip
def test_a_failure_names_the_path_with_its_rounds(mapping: str, path: str | None, expression: str | None) -> None:
    if path is None:
        assert json_of(mapping)["l"]
        return
    error = failure(mapping)
    assert error.where is not None
    assert (error.where.path, error.where.expression) == (path, expression)


def test_a_condition_that_cannot_be_computed_is_a_failure_of_its_route() -> None:
    error = failure('when: decimal(data.no) > 5\njson: data')
    assert error.code == "number-unreadable"


@pytest.mark.parametrize(("code", "expected"), [
    ('lookup("item", data.no)', "R&D"), ('lookup("uom", [data.no, data.note])', "<6>"), ('lookup("uom", [data.no, text(data.note)])', "<6>"),
    ('lookup("item", data.no) + "!"', "R&D!"), ('f"{lookup(\'item\', data.no)}"', "R&D"),
])  # fmt: skip
def test_a_code_becomes_the_target_s_own(code: str, expected: str) -> None:
    mapping = f"a: {code!r}" if "'" not in code else f"a: >-\n    {code}"
    escaped = expected.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for key in ("a", "a?"):
        written = mapping.replace("a:", f"{key}:", 1)
        assert json_of(f"json:\n  {written}", no="D", note="BOX") == {"a": expected}
        assert document(f"xml:\n  {written}", no="D", note="BOX").endswith(f"<a>{escaped}</a>")


@pytest.mark.parametrize("format_", ["json", "xml"])
@pytest.mark.parametrize(("code", "no", "error"), [
    ('lookup("item", data.no)', " ", "mapped-empty"), ('lookup("item", data.no)', "X", "unmapped-code"), ('lookup("item", data.no)', "B", "unmapped-code"),
    ('lookup("item", data.note)', "A", "mapped-empty"), ('lookup("uom", [data.no, data.note])', "A", "mapped-empty"),
    ('lookup("uom", [data.no, text(data.qty)])', "A", "unmapped-code"),
])  # fmt: skip
def test_a_code_that_is_empty_or_unmapped_says_so_at_its_place(format_: str, code: str, no: str, error: str) -> None:
    failed = failure(f"{format_}:\n  a: '{code}'", no=no)
    assert failed.code == error
    assert failed.where is not None
    assert (failed.where.path, failed.where.expression) == ("a", code)


def test_an_unmapped_code_parks_the_delivery_and_names_table_and_code() -> None:
    error = failure('json:\n  a: lookup("item", data.lines[1].sku)')
    assert (error.code, error.fields) == ("unmapped-code", {"table": "item", "value": "B", "column": "scm"})
    mapping = 'json:\n  a: lookup("item", data.lines[0].sku)\n  b: lookup("item", data.no, default="-")\n  c: lookup("uom", ["A", "BOX"])'
    assert json_of(mapping) == {"a": "a-1", "b": "-", "c": "10"}


