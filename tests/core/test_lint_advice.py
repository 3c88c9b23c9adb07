"""What people type who know Excel, German dates and templates is told with advice that is right when it is followed."""

import re

import pytest

from tests.core.linting import assert_found, lint, route, unmarked, when, xml

TWICE = "a text is quoted twice, YAML takes one pair: "


def line(value: str) -> str:
    """A route with this value in each line."""
    return route(f"json:\n  lines:\n    for: line in data.lines\n    value: {value}")


def mistakes(*rows: tuple[str, str, str, str]) -> pytest.MarkDecorator:
    """Parametrise a test by the file with its mark, the code, the remedy, and what is typed after reading it in place of the mark."""
    return pytest.mark.parametrize(("text", "code", "hint", "followed"), rows, ids=[re.findall("⟦.*⟧", row[0])[0] for row in rows])


WHOLE_TEXTS = mistakes(
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
    (when("data.due_date > ⟦20.01.2025⟧"), "date-bare", 'write parse_date("20.01.2025", "dd.MM.yyyy")', 'parse_date("20.01.2025", "dd.MM.yyyy")'),
    (when("data.due_date > ⟦2025-01-20⟧"), "date-bare", 'write parse_date("2025-01-20")', 'parse_date("2025-01-20")'),
    (when("data.due_date > ⟦1/20/2025⟧"), "date-bare", 'write parse_date("01/20/2025", "MM/dd/yyyy")', 'parse_date("01/20/2025", "MM/dd/yyyy")'),
    (when('data.due_date > ⟦"20.01.2025"⟧'), "compare-date-text", 'write parse_date("20.01.2025", "dd.MM.yyyy")', 'parse_date("20.01.2025", "dd.MM.yyyy")'),
    (when('data.due_date > ⟦"2025-01-20"⟧'), "compare-date-text", 'write parse_date("2025-01-20")', 'parse_date("2025-01-20")'),
    (when('data.due_date > ⟦"next week"⟧'), "compare-date-text", 'write parse_date("next week", "…")', 'parse_date("2025-01-20")'),
    (when("data.due_date > ⟦data.po_no⟧"), "compare-date-text", "write parse_date(data.po_no)", "parse_date(data.po_no)"),
    (when('data.due_date > parse_date(⟦"20.01.2025"⟧)'), "date-not-iso", 'write parse_date("20.01.2025", "dd.MM.yyyy")', '"20.01.2025", "dd.MM.yyyy"'),
    (when('data.due_date > parse_date(⟦"20 Jan"⟧)'), "date-not-iso", 'say how it is written: parse_date(…, "dd.MM.yyyy")', '"20.01.2025", "dd.MM.yyyy"'),
    (when('data.due_date > parse_date(⟦"2025-01-20"⟧, "dd.MM.yyyy")'), "date-unreadable", 'write parse_date("2025-01-20")', '"20.01.2025"'),
)

EXCEL = mistakes(
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
)

OTHERS = mistakes(
    (xml("⟦{data.po_no}⟧").replace("{data.po_no}", "${data.po_no}"), "braces", "write data.po_no", "data.po_no"),
    (xml("⟦asn_{data.po_no}.csv⟧"), "braces", 'write f"asn_{data.po_no}.csv"', 'f"asn_{data.po_no}.csv"'),
    (when('data.po_no.⟦startswith⟧("DE")'), "method-call", 'write starts(data.po_no, "DE")', ""),
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


def assert_advised(text: str, code: str, hint: str, followed: str) -> None:
    assert_found(text, (code, hint))
    if followed:
        again, _ = unmarked(re.sub("⟦.*⟧", lambda _: followed, text))
        assert lint(again).findings == ()


@WHOLE_TEXTS
def test_a_text_without_quotes_is_told_to_be_quoted_twice(text: str, code: str, hint: str, followed: str) -> None:
    assert_advised(text, code, hint, followed)


@DATES
def test_a_date_is_told_with_the_pattern_it_is_written_in(text: str, code: str, hint: str, followed: str) -> None:
    assert_advised(text, code, hint, followed)


@EXCEL
def test_what_excel_calls_otherwise_is_told_as_it_is_written_here(text: str, code: str, hint: str, followed: str) -> None:
    assert_advised(text, code, hint, followed)


@OTHERS
def test_what_other_languages_write_is_told_as_it_is_written_here(text: str, code: str, hint: str, followed: str) -> None:
    assert_advised(text, code, hint, followed)
