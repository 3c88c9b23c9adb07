"""What people type who know Excel, German dates and templates is told with advice that is right when it is followed."""

import re
from typing import Any

import pytest

from tests.core.linting import SYSTEMS, assert_found, lint, route, sink, system, unmarked, when, xml

TWICE = "a text is quoted twice, YAML takes one pair: "


def line(value: str) -> str:
    """A route with this value in each line."""
    return route(f"json:\n  lines:\n    for: line in data.lines\n    value: {value}")


def mistakes(kind: str, *rows: tuple[str, str, str, str]) -> list[Any]:
    """Cases by the file with its mark, the code, the remedy, and what is typed after reading it in place of the mark."""
    return [pytest.param(*row, id=f"{kind} {re.findall('⟦.*⟧', row[0])[0]}") for row in rows]


WHOLE_TEXTS = mistakes(
    "text without quotes",
    (xml("⟦CGRK⟧"), "name-unknown", TWICE + "\"'CGRK'\"", "\"'CGRK'\""),
    (xml('"⟦CGRK⟧"'), "name-unknown", TWICE + "\"'CGRK'\"", "'CGRK'"),
    (xml("⟦asn⟧.csv"), "name-unknown", TWICE + "\"'asn.csv'\"", ""),
    (xml("⟦dta⟧"), "name-unknown-near", f"did you mean data? {TWICE}\"'dta'\"", "\"'dta'\""),
    (xml("Example ⟦Company⟧"), "operator-missing", TWICE + "\"'Example Company'\"", ""),
    (xml("1.5 ⟦kg⟧"), "operator-missing", TWICE + "\"'1.5 kg'\"", ""),
    (xml("⟦5kg⟧"), "number-unclear", TWICE + "\"'5kg'\"", "\"'5kg'\""),
    (xml("⟦A⟧-100/B"), "name-unknown", TWICE + "\"'A-100/B'\"", ""),
    (xml("⟦20.01.2025⟧"), "date-bare", f"write parse_date(\"20.01.2025\", \"dd.MM.yyyy\"); {TWICE}\"'20.01.2025'\"", "\"'20.01.2025'\""),
    (xml("⟦20.01.2025⟧"), "date-bare", f"write parse_date(\"20.01.2025\", \"dd.MM.yyyy\"); {TWICE}\"'20.01.2025'\"",
     'date(parse_date("20.01.2025", "dd.MM.yyyy"), "yyyy-MM-dd")'),
)

DATES = mistakes(
    "date",
    (when("data.due_date > ⟦20.01.2025⟧"), "date-bare", 'write parse_date("20.01.2025", "dd.MM.yyyy")', 'parse_date("20.01.2025", "dd.MM.yyyy")'),
    (when("data.due_date > ⟦2025-01-20⟧"), "date-bare", 'write parse_date("2025-01-20")', 'parse_date("2025-01-20")'),
    (when("data.due_date > ⟦1/20/2025⟧"), "date-bare", 'write parse_date("01/20/2025", "MM/dd/yyyy")', 'parse_date("01/20/2025", "MM/dd/yyyy")'),
    (when('data.due_date > ⟦"20.01.2025"⟧'), "compare-date-text", 'write parse_date("20.01.2025", "dd.MM.yyyy")', 'parse_date("20.01.2025", "dd.MM.yyyy")'),
    (when('data.due_date > ⟦"2025-01-20"⟧'), "compare-date-text", 'write parse_date("2025-01-20")', 'parse_date("2025-01-20")'),
    (when('data.due_date > ⟦"next week"⟧'), "compare-date-text", 'write parse_date("next week", "…")', 'parse_date("2025-01-20")'),
    (when("data.due_date > ⟦data.po_no⟧"), "compare-date-text", "write parse_date(data.po_no)", "parse_date(data.po_no)"),
    (when("data.due_date > ⟦99.99.2025⟧"), "number-unclear", 'write digits with a point, or a text in quotes: "99.99.2025"', ""),
    (when('data.due_date > parse_date(⟦"20.01.2025"⟧)'), "date-not-iso", 'write parse_date("20.01.2025", "dd.MM.yyyy")', '"20.01.2025", "dd.MM.yyyy"'),
    (when('data.due_date > parse_date(⟦"20 Jan"⟧)'), "date-not-iso", 'say how it is written: parse_date(…, "dd.MM.yyyy")', '"20.01.2025", "dd.MM.yyyy"'),
    (when('data.due_date > parse_date(⟦"2025-01-20"⟧, "dd.MM.yyyy")'), "date-unreadable", 'write parse_date("2025-01-20")', '"20.01.2025"'),
)

EXCEL = mistakes(
    "excel",
    (xml("⟦=⟧data.po_no"), "equals-first", "leave = out", ""),
    (xml('"⟦=⟧data.po_no"'), "equals-first", "leave = out", ""),
    (xml('data.po_no ⟦&⟧ "-1"'), "wrong-sign", "write +", "+"),
    (when('data.po_no == "A" ⟦&⟧ data.currency == "B"'), "wrong-sign", "write and", "and"),
    (line("line.qty * ⟦10%⟧"), "percentage", "write 0.1", "0.1"),
    (when("data.lines[0].qty > ⟦1,5⟧"), "amount-comma", "write 1.5, with a decimal point", "1.5"),
    (when("data.lines[0].qty > ⟦1.000,50⟧"), "amount-comma", "write 1000.50, with a decimal point", "1000.50"),
    (xml('⟦TEXT⟧(data.due_date, "DD.MM.YYYY")', "due?"), "function-foreign", 'here that is date(data.due_date, "dd.MM.yyyy")', ""),
    (xml('⟦text(data.due_date, "dd.MM.yyyy")⟧', "due?"), "argument-count", 'write date(data.due_date, "dd.MM.yyyy")', 'date(data.due_date, "dd.MM.yyyy")'),
    (line('⟦TEXT⟧(line.qty, "0.00")'), "function-foreign", "here that is round(line.qty, 2)", ""),
    (line('⟦TEXT⟧(line.qty, "@")'), "function-foreign", "here that is text(x)", ""),
    (xml("⟦DATE⟧(2025, 1, 20)"), "function-foreign", 'here that is parse_date("2025-01-20")', ""),
    (xml("⟦DATE⟧(2025, 1, count(data.lines))"), "function-foreign", 'here that is parse_date("2025-01-20")', ""),
    (xml("⟦VLOOKUP⟧(data.po_no, item, 4, FALSE)"), "function-foreign", 'here that is lookup("table", code)', ""),
    (when('⟦IFS⟧(data.po_no="A", TRUE)'), "function-foreign", "here that is x if condition else y", ""),
    (when('⟦IF⟧(data.po_no="A", TRUE, FALSE)'), "function-foreign", "here that is x if condition else y", ""),
    (xml('⟦如果⟧(data.po_no=="A","个","件")'), "function-foreign", "here that is x if condition else y", ""),
    (xml('⟦TEXTJOIN⟧(",", TRUE, data.po_no)'), "function-foreign", "here that is join([a, b], sep)", ""),
    (xml('⟦SWITCH⟧(data.po_no, "a", 1)'), "function-foreign", 'here that is {"a": 1, "b": 2}[x], or x if condition else y', ""),
    (xml("⟦MID⟧(data.po_no, 2, 3)"), "function-foreign", "here that is s[a:b], counted from 0: MID(s, 2, 3) is s[1:4]", ""),
    (xml('⟦FIND⟧("-", data.po_no)'), "function-foreign", "here that is contains(s, a)", ""),
    (xml("⟦VALUE⟧(data.po_no)"), "function-foreign", "here that is decimal(x)", ""),
    (line("⟦ROUNDUP⟧(line.qty, 0)"), "function-foreign", "here that is round(x, 0) if round(x, 0) >= x else round(x, 0) + 1", ""),
    (route("json: {n: '⟦sum⟧'}").replace("⟦sum⟧", "sum(⟦data.lines.qty⟧)"), "list-has-no-field", "write sum(line.qty for line in data.lines)",
     "line.qty for line in data.lines"),
    (route("json: {n: 'sum(⟦data.lines.qty⟧ * 2)'}"), "list-has-no-field", "write sum(line.qty … for line in data.lines)", ""),
    (route("json: {n: 'join(⟦data.lines.item_code⟧, \";\")'}"), "list-has-no-field",
     "for one write first(data.lines).item_code, for all [line.item_code for line in data.lines]", "[line.item_code for line in data.lines]"),
    (when("⟦data.lines.qty⟧ > 5"), "list-has-no-field", "write any(line.qty > 5 for line in data.lines)", ""),
    (when("0 < ⟦data.lines.qty⟧ < 5"), "list-has-no-field", "write any(0 < line.qty < 5 for line in data.lines)", ""),
    (line("⟦line.item⟧ code").replace("⟦line.item⟧ code", "line.item ⟦code⟧"), "operator-missing", "did you mean line.item_code?", ""),
    (xml("data.supplier.na ⟦me⟧"), "operator-missing", "did you mean data.supplier.name?", ""),
    (xml("data.supplier.co ⟦me⟧"), "operator-missing", "texts join with +, conditions with and, or", ""),
    (xml("data.po_no.co ⟦me⟧"), "operator-missing", "texts join with +, conditions with and, or", ""),
)

OTHERS = mistakes(
    "other language",
    (xml("⟦{data.po_no}⟧").replace("{data.po_no}", "${data.po_no}"), "braces", "write data.po_no", "data.po_no"),
    (xml("⟦asn_{data.po_no}.csv⟧"), "braces", 'write f"asn_{data.po_no}.csv"', 'f"asn_{data.po_no}.csv"'),
    (when('data.po_no.⟦startswith⟧("DE")'), "method-call", 'write starts(data.po_no, "DE")', ""),
    (xml('event.time.⟦strftime⟧("%Y")'), "method-call", 'write date(event.time, "%Y")', ""),
    (xml("data.po_no.⟦strip⟧()"), "method-call", "write trim(data.po_no)", ""),
    (xml("data.po_no.⟦zfill⟧(5)"), "method-call", 'write pad(data.po_no, 5, "0")', ""),
    (xml("'\";\".⟦join⟧([data.po_no])'"), "method-call", 'write join([data.po_no], ";")', ""),
    (xml("data.po_no.⟦encode⟧()"), "method-call", "functions take the value in brackets, e.g. trim(value); there is none of this name", ""),
    (when('⟦data.po_no is "A"⟧'), "is-not-equals", "write ==", 'data.po_no == "A"'),
    (when('⟦data.po_no is not "A"⟧'), "is-not-equals", "write !=", 'data.po_no != "A"'),
    (when("⟦data.remark is null⟧"), "is-not-equals", "write == null or != null; for empty texts too: not has(x)", "data.remark == null"),
    (when("data.po_no == ⟦„DE01“⟧"), "full-width", 'switch the keyboard to English and write "DE01"', '"DE01"'),
    (xml("lookup(⟦item⟧, data.po_no)"), "lookup-name-computed", 'write lookup("item", data.po_no)', '"item"'),
    (xml("lookup(⟦itm⟧, data.po_no)"), "lookup-name-computed", 'write lookup("item", data.po_no)', '"item"'),
    (when('⟦document.Order.cac:Reference.cbc:ID⟧ == "A"'), "field-prefixed",
     "elements are read by their local names: write document.Order.Reference.ID", ""),
    (xml('⟦data.lines.@unit⟧'), "field-quoted", 'write data.lines["@unit"]', ""),
    (xml("date(data.due_date, ⟦dd⟧.MM.yyyy)", "due?"), "name-unknown", 'a text is written in quotes: "dd.MM.yyyy"', ""),
)


CONFIGURATION = mistakes(
    "other tool",
    (route("json: data", to="⟦wms, oa⟧"), "texts-needed", "write to: [wms, oa]", "[wms, oa]"),
    (route("json: data", to="⟦wms，oa⟧"), "texts-needed", "write to: [wms, oa]", "[wms, oa]"),
    (route("⟦format⟧: json"), "unknown-key", "the format is the key: write json: and below it what is written", ""),
    (route("⟦format⟧: [json]"), "unknown-key", "the format is the key: write csv: and below it what is written", ""),
    (route("json: data").replace("on: purchase_order.released", "⟦event⟧: purchase_order.released"), "unknown-key", "did you mean on?", "on"),
    (route("⟦when?⟧: data.po_no == \"A\"\njson: data"), "unknown-key", "write when: without ?; give a default(…) for what may be missing", "when"),
    (route("csv:\n  ⟦foreach⟧: line in data.lines\n  qty: line.qty", to="oa"), "loop-key", "did you mean for:?", "for"),
    (route("csv:\n  ⟦for line in data.lines⟧:\n  qty: line.qty", to="oa"), "loop-in-key",
     "write for: line in data.lines, and beside it what each makes", ""),
    (route("json:\n  lines:\n    ⟦for line in data.lines⟧:\n      qty: line.qty"), "loop-in-key",
     "write for: line in data.lines, and beside it what each makes", ""),
    (sink("⟦retries⟧: 3s"), "unknown-option", "did you mean retry?", "retry"),
    (system("sink: {adapter: database, url: ⟦mes.db⟧}"), "database-url-sqlite",
     "write sqlite:///mes.db, with three strokes; the file is relative to routing.yaml", "sqlite:///mes.db"),
    (system('sink: {adapter: database, url: "⟦jdbc:sqlite:mes.db⟧"}').replace('"⟦', '⟦"').replace('⟧"', '"⟧'), "database-url-sqlite",
     "write sqlite:///mes.db, with three strokes; the file is relative to routing.yaml", "sqlite:///mes.db"),
    (system("source: {adapter: database, url: ⟦sqlite://mes.db⟧, table: t}"), "database-url-sqlite",
     "write sqlite:///mes.db, with three strokes; the file is relative to routing.yaml", "sqlite:///mes.db"),
    (system("sink: {adapter: database, url: ⟦jdbc:postgresql://db1/mes⟧}"), "database-url-form",
     "write it like sqlite:///file.db, postgresql://user:password@host/database or mysql://user:password@host/database", "postgresql://db1/mes"),
    (SYSTEMS + "lookups: {item: ⟦item.csv⟧}", "lookup-file-missing", "did you mean lookups/item.csv?", "lookups/item.csv"),
    (route("- json: data").replace("- json", "⟦-⟧ json"), "yaml-dash", "leave the - out: json:", ""),
    (xml("⟦{data.po_no}⟧"), "braces", "write data.po_no", "data.po_no"),
    (xml("⟦{{data.po_no}}⟧"), "braces", "write data.po_no", "data.po_no"),
    (xml("⟦{{data.po_no}}.csv⟧"), "braces", 'write f"{data.po_no}.csv"', 'f"{data.po_no}.csv"'),
    (when("⟦{data.po_no}⟧"), "braces", "write data.po_no", 'data.po_no == "A"'),
    (when('⟦"data.po_no == "A""⟧'), "quote-expression", "put the whole expression in single quotes: when: 'data.po_no == \"A\"'", "'data.po_no == \"A\"'"),
    (when("⟦'data.po_no == \"A\"' and has(data.remark)⟧"), "quote-expression",
     "put the whole expression in single quotes: when: 'data.po_no == \"A\" and has(data.remark)'", "'data.po_no == \"A\" and has(data.remark)'"),
    (xml("⟦10%⟧"), "leaf-unclear", "write 0.1; a text is quoted twice: \"'10%'\"", "0.1"),
)
SHIFTED = """\
version: 1
systems:
  erp:
    sink: {adapter: database, url: "sqlite:///erp.db"}
  wms:
    source: {adapter: http, path: /in/wms, format: xml}
inbound:
  wms-receipt:
    from: wms
    event: goods_receipt.confirmed
    id: document.no
    map:
      receipt_no: document.no
      po_no: document.po
      lines:
        for: line in document.lines
        item_code: line.code
        qty: decimal(line.qty)
routes:
  receipt-to-erp:
    on: goods_receipt.confirmed
    to: erp
    rows:
      receipt:
        receipt_no: data.receipt_no
        po_no: data.po_no
"""


@pytest.mark.parametrize(("text", "code", "hint", "followed"), [*WHOLE_TEXTS, *DATES, *EXCEL, *OTHERS, *CONFIGURATION])
def test_what_is_written_as_elsewhere_is_told_as_it_is_written_here(text: str, code: str, hint: str, followed: str) -> None:
    assert_found(text, (code, hint))
    if followed:
        again, _ = unmarked(re.sub("⟦.*⟧", lambda _: followed, text))
        assert lint(again).findings == ()


@pytest.mark.parametrize(("typed", "shifted"), [
    ("      receipt_no: document.no", "    ⟦receipt_no:⟧ document.no"),
    ("      receipt_no: document.no", "       ⟦receipt_no:⟧ document.no"),
    ("      receipt_no: document.no", "⟦\t⟧receipt_no: document.no"),
    ("      po_no: document.po", "    ⟦po_no:⟧ document.po"),
    ("      po_no: document.po", "        ⟦po_no:⟧ document.po"),
    ("      po_no: document.po", "⟦\t⟧po_no: document.po"),
    ("        receipt_no: data.receipt_no", "      ⟦receipt_no:⟧ data.receipt_no"),
])  # fmt: skip
def test_a_line_in_the_wrong_column_is_told_and_nothing_that_follows_from_it(typed: str, shifted: str) -> None:
    assert lint(SHIFTED).findings == ()
    text, places = unmarked(SHIFTED.replace(typed, shifted))
    found = lint(text).findings
    assert [(f.place.line, f.place.column) for f in found] == [(line, column) for _, line, column, _ in places]
    assert {finding.code for finding in found} <= {"yaml-indent", "yaml-tab"}
    right = len(typed) - len(typed.lstrip()) + 1
    assert all(f"column {right}," in finding.hint for finding in found if finding.code == "yaml-indent")


def test_keys_beside_their_name_instead_of_below_it_are_told_at_the_name_alone() -> None:
    below = "      receipt_no: document.no\n      po_no: document.po\n      lines:\n"
    text = SHIFTED.replace("    map:\n", "    ⟦map⟧:\n").replace(below, below.replace("      ", "    "))
    assert_found(text, ("mapping-needed", "begin what belongs to it two columns further right"))


def test_a_section_or_a_route_written_as_a_list_is_read_as_it_was_meant() -> None:
    section = SYSTEMS + "⟦routes⟧:\n  - a:\n      on: purchase_order.released\n      to: wms\n"
    assert_found(section, ("mapping-needed", "leave the - out: each name is a key"))
    one = SYSTEMS + "routes:\n  ⟦a⟧:\n    - on: purchase_order.released\n    - to: wms\n"
    assert_found(one, ("mapping-needed", "leave the - out: each name is a key"))


def test_a_field_whose_type_is_unknown_is_right_wherever_it_is_used() -> None:
    event = "events:\n  gate_pass.issued: {pass_no: text, weight: ⟦number⟧}\n"
    taker = "routes:\n  a: {on: gate_pass.issued, to: wms, json: {w: 'round(data.weight, 2)'}}\n"
    assert_found(SYSTEMS + event + taker, ("type-unknown", "did you mean decimal?"))
