"""What expressions mean: literals, names and fields, null, numbers, comparisons, texts, loops."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bus.codecs.element import Element
from bus.event import Event
from bus.expressions.context import Context
from bus.types import ANY, BOOLEAN, DATE, DECIMAL, INTEGER, TEXT, Field, ListOf, Record

from tests.core.expressing import AN_EVENT, CONTEXT, failure, program, run

LINES = [{"sku": "A", "qty": Decimal("2.5")}, {"sku": "B", "qty": 4}, {"sku": "C"}]
DATA = {"po_no": "PO-1", "lines": LINES, "from": "erp", "class": "X", "金额": 5, "empty": "", "blank": " \u3000", "none": None}


def value(text: str) -> Any:
    """The value of an expression over DATA, nothing known of its types."""
    return run(text, data=DATA)


def check(table: dict[str, Any]) -> pytest.MarkDecorator:
    """Parametrise a test by expressions and what they are."""
    return pytest.mark.parametrize(("text", "expected"), table.items(), ids=list(table))


def same(got: Any, expected: Any) -> bool:
    """Equal, and of one kind: true is no 1, and 2.50 is written otherwise than 2.5."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return got is expected
    return bool(got == expected) and (not isinstance(expected, Decimal) or f"{Decimal(got):f}" == f"{expected:f}")


# ------------------------------------------------------------------------------------------- literals


@check({
    "true": True, "false": False, "null": None, "True": True, "False": False, "None": None, "12": 12, "-3": -3, "12.50": Decimal("12.50"),
    "-0.10": Decimal("-0.10"), '"a b"': "a b", "'a b'": "a b", '""': "", "[]": [], "[1, 'x', null]": [1, "x", None], "[1, 2,]": [1, 2],
    r'"a\nb\t\"\'\\"': "a\nb\t\"'\\", r'"\d+\.\w"': r"\d+\.\w", r'"\u4e2d"': "中", r'"\u12"': r"\u12", '"中文"': "中文", '"a\nb"': "a\nb",
    '{"a": 1}["a"]': 1, "(1)": 1, "  1  ": 1, "1 +\n  2": Decimal(3), "f\"\"": "", 'f"{{}}"': "{}", "--5": 5,
})  # fmt: skip
def test_a_literal_is_what_it_looks_like(text: str, expected: Any) -> None:
    assert same(value(text), expected)


def test_a_literal_keeps_all_its_digits_whatever_they_are() -> None:
    assert f"{value('0.12345678901234567890123456789012345678901234567890'):f}" == "0.12345678901234567890123456789012345678901234567890"
    assert f"{value('-1.2345678901234567890123456789012345678901'):f}" == "-1.2345678901234567890123456789012345678901"
    assert value("123456789012345678901234567890") == 123456789012345678901234567890


# ------------------------------------------------------------------------------------ names and fields


@check({
    "data.po_no": "PO-1", 'data["po_no"]': "PO-1", "data.lines[0].sku": "A", "data.lines[-1].sku": "C", "data.from": "erp", "data.class": "X",
    "data.金额": 5, 'data["金额"]': 5, "data.if": None, "data.None": None, "data.and or true": True, "data . po_no": "PO-1",
})  # fmt: skip
def test_after_a_dot_any_word_is_a_field(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@check({
    "data.missing": None, "data.missing.deeper.still": None, 'data.missing["x"]': None, "data.missing[5]": None, "data.none.x": None,
    "data.missing[0:3]": None, "[x for x in data.missing]": [], "data.lines[2].qty": None,
})
def test_a_missing_field_is_null_all_the_way_down(text: str, expected: Any) -> None:
    assert same(value(text), expected)


def test_names_are_compared_as_typed_without_folding() -> None:
    folding = {"field": "plain", "ﬁeld": "ligature", "Ｆ": "wide", "\u212a": "kelvin"}
    assert run("x.ﬁeld", x=folding) == "ligature"
    assert run("x.Ｆ", x=folding) == "wide"
    assert run("x.K", x=folding) is None
    assert run("x.\u212a", x=folding) == "kelvin"
    assert run("[行.名 for 行 in x]", x=[{"名": "甲"}]) == ["甲"]
    assert run("[Line.a + line.a for Line in x for line in x]", x=[{"a": 1}, {"a": 2}]) == [2, 3, 3, 4]


def test_python_s_own_words_may_name_what_the_language_does_not_use_them_for() -> None:
    assert run("[class.from for class in x if class.import > 1]", x=[{"from": "a", "import": 1}, {"from": "b", "import": 2}]) == ["b"]
    assert run("[self.a for self in x]", x=[{"a": 1}]) == [1]


def test_the_envelope_has_its_six_fields() -> None:
    event = Event("t", "erp", "1", {}, subject="s", key="k", time=datetime(2026, 3, 1, tzinfo=UTC))
    made = program("[event.id, event.source, event.type, event.subject, event.key]").compiled()
    assert made(event, CONTEXT) == ["1", "erp", "t", "s", "k"]
    assert program("event.time").compiled()(event, CONTEXT) == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_field_of_what_has_none_fails_and_names_both() -> None:
    error = failure("x.a.b", x={"a": "text"})
    assert (error.code, error.fields) == ("no-fields", {"kind": "text", "name": "b"})


# ------------------------------------------------------------------------------------------------ null


@check({
    "data.none == null": True, "null == data.missing": True, "data.po_no == null": False, "data.po_no != null": True,
    "data.none != null": False, "null == null": True, "5 == null": False, "5 != null": True, "data.none == data.missing": False,
    "data.none != data.po_no": False, "data.none != 5": False, "data.none < 5": False, "data.none >= 5": False, "5 > data.none": False,
    "data.none in [null, 1]": False, "data.none not in [1]": False, "1 in data.none": False, "1 not in data.none": False, "null in []": False,
    "1 < data.none < 5": False, "null == data.none == null": True,
})  # fmt: skip
def test_null_compares_false_except_with_null_itself(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@check({
    "data.none + 1": None, "1 - data.none": None, "data.none * 2": None, "data.none / 0": None, "5 % data.none": None, "-data.none": None,
    '"a" + data.none': None, 'f"a{data.none}b"': None, "upper(data.none)": None, "round(data.none, 2)": None, "round(5.5, data.none)": None,
    'replace("a", data.none, "b")': None, "first(data.none)": None, 'date(data.none, "yyyy")': None, "data.po_no[data.none:]": None,
    "data.po_no[:data.none]": None, "data.lines[data.none]": None, '{"a": 1}[data.none]': None, "min(data.none)": None, "max([])": None,
})  # fmt: skip
def test_null_goes_through_what_computes(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@check({
    "default(data.none, 5)": 5, 'default("", "x")': "x", 'default(" ", "x")': "x", "default(0, 5)": 0, "default(false, true)": False,
    "default(data.lines[0].sku, 1 / 0)": "A", "has(data.none)": False, "has(data.blank)": False, "has(0)": True, "has([])": False,
    "count(data.none)": 0, "count(data.lines)": 3, 'known("item", data.none)': False, "default(data.none, null)": None,
    "default([], [1])": [1],
})
def test_default_has_count_and_known_take_null(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@check({
    "data.none and true": False, "not data.none": True, "data.none or false": False, "1 if data.none else 2": 2,
    "[x for x in [1, 2] if null == 1]": [], "any(x.b for x in [data])": False, "all(x.b for x in [data])": False,
})
def test_null_is_no_true_where_a_condition_is_needed(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@pytest.mark.parametrize("text", ["data.po_no and true", "not data.金额", "1 if data.po_no else 2", "any(x.sku for x in data.lines)"])
def test_what_is_neither_true_nor_false_is_no_condition(text: str) -> None:
    assert failure(text, data=DATA).code == "not-a-condition"


# --------------------------------------------------------------------------------------------- numbers


@check({
    "0.1 + 0.2": Decimal("0.3"), "1.50 + 1": Decimal("2.50"), "2.5 * 2.0": Decimal("5.00"), "3 - 5": Decimal(-2), "7 % 3": Decimal(1),
    "-7 % 3": Decimal(2), "7 % -3": Decimal(-2), "7.5 % 2": Decimal("1.5"), "1 / 3": Decimal("0.3333333333333333333333333333"),
    "2 / 3": Decimal("0.6666666666666666666666666667"), "600 / 2": Decimal(300), "10.00 / 4": Decimal("2.50"), "1 / 8": Decimal("0.125"),
    "0 * -5": Decimal(0), "0 / -5": Decimal(0), "-6 % 3": Decimal(0), "-(5 - 5)": Decimal(0), "-data.金额": -5, "1 + 2 * 3": Decimal(7),
    "(1 + 2) * 3": Decimal(9), "12345678901234567890.5 * 10000000000.5": Decimal("123456789018518518355617283945.25"),
    "2 * 3 == 6.00": True, "1 == 1.0": True, "sum([0.1, 0.2, null])": Decimal("0.3"), "sum([])": 0, "10 / 4 / 5": Decimal("0.5"),
})  # fmt: skip
def test_numbers_are_exact_and_a_quotient_has_28_digits(text: str, expected: Any) -> None:
    assert same(value(text), expected)


def test_a_quotient_is_rounded_half_away_from_zero() -> None:
    exact = "2.00000000000000000000000000005"  # 30 digits; the 29th is the half
    assert f"{value(f'{exact} / 1'):f}" == "2.000000000000000000000000000"
    assert f"{value('2.0000000000000000000000000005 / 1'):f}" == "2.000000000000000000000000001"
    assert f"{value('-2.0000000000000000000000000005 / 1'):f}" == "-2.000000000000000000000000001"


@pytest.mark.parametrize("text", ["1 / 0", "1 % 0", "0 / 0", "data.金额 / (data.金额 - 5)", "1.5 / 0.00"])
def test_division_by_zero_fails_the_delivery(text: str) -> None:
    error = failure(text, data=DATA)
    assert error.code == "division-by-zero"
    assert error.where is not None
    assert (error.where.expression, error.where.line, error.where.column) == (text, 1, 1)


@pytest.mark.parametrize("text", ["x.n * x.n", "x.n + x.m", "x.m - x.n", "x.n / x.small", "x.n % x.three"])
def test_a_number_that_grows_out_of_bounds_is_refused(text: str) -> None:
    data = {"n": Decimal("9.9E+999"), "m": Decimal("1E-1500"), "small": Decimal("1E-9"), "three": Decimal("1E-1999")}
    assert failure(text, x=data).code == "number-too-large"


@check({
    "round(2.345, 2)": Decimal("2.35"), "round(-2.345, 2)": Decimal("-2.35"), "round(5, 2)": Decimal(5), "round(2.5, 2)": Decimal("2.5"),
    "round(2.500, 2)": Decimal("2.50"), "round(0.5)": Decimal(1), "round(-0.4, 0)": Decimal(0), "round(1250, -2)": Decimal(1300),
    "round(x.q, 1)": Decimal("7.3"), "round(x.q, 13)": Decimal("7.25"), "round(digits=1, x=7.25)": Decimal("7.3"), "round(x.none, 1)": None,
    "round(0.00004, 2)": Decimal("0.00"),
})  # fmt: skip
def test_round_is_half_away_from_zero_and_adds_no_zeros(text: str, expected: Any) -> None:
    record = Record({"q": Field(DECIMAL), "none": Field(DECIMAL, required=False)})
    assert same(run(text, types={"x": record}, x={"q": Decimal("7.25")}), expected)


@pytest.mark.parametrize(
    "text", ["x.a + x.n", "x.n - x.a", "x.n * x.t", "x.l / 2", "-x.a", "x.n % x.a", "x.a - x.a", "x.d + 1", "sum([x.a])", "-x.t", "sum([x.t])"]
)
def test_text_and_number_never_mix(text: str) -> None:
    data = {"a": "5", "n": 5, "t": True, "l": [1], "d": date(2026, 3, 1)}
    assert failure(text, x=data).code == "compute-kinds"


# ----------------------------------------------------------------------------------------- comparisons


@check({
    "0 < data.金额 <= 5": True, "0 < data.金额 < 5": False, "1 < 2 < 3 < 4": True, "1 < 2 > 3": False, '"a" < "b"': True, "1 == 1 == 1": True,
    "0 < data.lines[0].qty + 1 <= 3.5": True, "0 < abs(-5) < 3": False, "0 < abs(-5) < 7 < abs(-9)": True, "2 in [1, 2.0]": True,
    '"B" in ["A", "B"]': True, '"B" not in ["A"]': True, '"b" in ["A", "B"]': False, '"a" in {"a": 1}': True, '"b" in {"a": 1}': False,
    "5 < abs(3) < 1 / 0": False, "true == true": True, "true != false": True, "5 in [x.qty for x in data.lines]": False,
})  # fmt: skip
def test_comparisons_chain_and_look_into_lists(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@pytest.mark.parametrize(
    ("text", "code"),
    [("x.n > x.a", "compare-kinds"), ("x.n == x.a", "compare-kinds"), ("x.n != x.a", "compare-kinds"), ("x.l == x.l", "compare-kinds"),
     ("x.d == x.d", "compare-kinds"), ("x.n in [x.a]", "compare-kinds"), ("x.day < x.at", "compare-kinds"), ("x.t == 1", "compare-kinds"),
     ("x.t < x.t", "no-order"), ("min([x.t])", "no-order"), ("max(x.l, x.l)", "no-order"), ("x.a in x.a", "in-what"), ("1 in x.n", "in-what"),
     ("min(x.n, x.a)", "compare-kinds")],
)
def test_what_never_compares_fails_and_is_no_silent_false(text: str, code: str) -> None:
    data = {"a": "5", "n": 5, "t": True, "l": [1], "d": {"e": 1}, "day": date(2026, 3, 1), "at": datetime(2026, 3, 1, tzinfo=UTC)}
    assert failure(text, x=data).code == code


def test_what_stands_between_two_signs_is_computed_once() -> None:
    text = "0 < sum(x.n for x in x1) < 10"
    for _ in range(6):
        text = f"true == ({text}) == true"
    assert program(text, {"x1": ANY}).lines[-1].count("total(") == 1
    assert run(text, x1=[{"n": 5}]) is True


# ----------------------------------------------------------------------------------------------- texts


@check({
    '"a" + "b" + "c"': "abc", "data.po_no[0:2]": "PO", "data.po_no[3:]": "1", "data.po_no[:2]": "PO", "data.po_no[-1:]": "1", "data.po_no[0]": "P",
    "data.po_no[1:99]": "O-1", "data.po_no[:]": "PO-1", "data.po_no[1.0:2]": "O", "data.lines[1:][0].sku": "B", "data.lines[5:]": [],
    'f"{data.po_no}-{data.金额}"': "PO-1-5", 'f"{1.50}/{true}"': "1.50/true", "f'{data.po_no}'": "PO-1", 'f"{ {"a": "x"}["a"] }"': "x",
    'f"{data["po_no"]}{data.lines[0:1][0].sku}"': "PO-1A", 'f"{f"{data.金额}"}"': "5", 'f"a\\n{1}"': "a\n1", r'f"\d{1}"': r"\d1", 'f"{{{1}}}"': "{1}",
    'f"{"}"}"': "}", 'f"{data.po_no == "x"}"': "false", "f\"{'a' + \"b\"}\"": "ab", 'F"{1}"': "1",
})  # fmt: skip
def test_texts_join_cut_and_fill_templates(text: str, expected: Any) -> None:
    assert same(value(text), expected)


def test_a_template_shows_values_as_text_does() -> None:
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    x = {"at": at, "day": date(2026, 3, 1), "n": Decimal("1E+3"), "e": Element("e", "5")}
    assert run('f"{x.at} {x.day} {x.n} {x.e}"', x=x) == "2026-03-01T16:00:00+08:00 2026-03-01 1000 5"
    assert run('f"{x.at}" == text(x.at)', x=x) is True
    assert failure('f"{x}"', x=x).code == "function-needs-single-value"


@pytest.mark.parametrize(
    ("text", "code"),
    [("x.s[5]", "bad-index"), ("x.l[-3]", "bad-index"), ("x.l[0.5]", "index-not-whole"), ("x.l[true]", "index-not-whole"), ("x.n[0]", "no-items"),
     ("x.l[x.s:]", "index-not-whole"), ("x.n[0:1]", "no-items"), ("x.l[0.5:]", "index-not-whole"), ("x.d[0]", "no-items"), ("x.s[x.s]", "no-fields"),
     ("x.d[0:1]", "no-items")],
)
def test_a_bad_index_fails_the_delivery(text: str, code: str) -> None:
    if program(text, {"x": ANY}).findings:
        text = text.replace("true", "x.t")
    assert failure(text, x={"s": "abc", "l": [1, 2], "n": 5, "d": {"a": 1}, "t": True}).code == code


# -------------------------------------------------------------------------------------- choices, loops


@check({
    "1 if data.金额 > 3 else 2": 1, '"a" if false else "b" if false else "c"': "c", '{"ZP": "good", "CC": "bad"}["CC"]': "bad",
    '{"ZP": "good"}["XX"]': None, "{1: 'one', 2.5: 'more'}[1.0]": "one", "{true: 'Y', false: 'N'}[data.金额 == 5]": "Y", "{}[1]": None,
    '{"a": 1 / 0, "b": data.po_no}["b"]': "PO-1", '{"a": data.po_no}["x"]': None, '{"a": {"b": 7}["b"]}["a"]': 7, '{"a": 1}["a"] + 1': Decimal(2),
    "1 / 0 if data.金额 == 0 else 1": 1, '{"PO-1": "x"}[data.po_no]': "x",
})  # fmt: skip
def test_only_what_is_chosen_is_computed(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@check({
    "[x.sku for x in data.lines]": ["A", "B", "C"], "[x.sku for x in data.lines if x.qty > 3]": ["B"],
    "[x.sku for x in data.lines if x.qty > 1 if x.qty < 3]": ["A"], "[x.sku + y for x in data.lines for y in [\"1\", \"2\"] if x.sku == y + \"\"]": [],
    "[x * y for x in [1, 2] for y in [10, 20] if x > 1]": [Decimal(20), Decimal(40)], "sum(x.qty for x in data.lines)": Decimal("6.5"),
    "sum(x.qty for x in data.lines if x.sku != \"B\")": Decimal("2.5"), "any(x.qty > 3 for x in data.lines)": True,
    "all(x.qty > 3 for x in data.lines)": False, "min(x.qty for x in data.lines)": Decimal("2.5"), "max(x.sku for x in data.lines)": "C",
    "sum([x.qty for x in data.lines])": Decimal("6.5"), "max(1, 3, 2)": 3, "min(data.金额, 3)": 3, "any([])": False, "all([])": True,
    "any(true for x in data.missing)": False, "max(null, 3)": 3, "count([x for x in data.lines])": 3, "sum([sum([1, y]) for y in [1, 2]])": Decimal(5),
    "sum(5, 6)": Decimal(11), "any(1 / 0 == 1 for x in [])": False, "any([true, 1 == 1])": True,
})  # fmt: skip
def test_loops_gather_sum_and_compare(text: str, expected: Any) -> None:
    assert same(value(text), expected)


def test_a_loop_over_what_is_no_list_fails() -> None:
    assert failure("[y for y in x.a]", x={"a": "text"}).code == "loop-over"
    assert failure("sum(x.a)", x={"a": 5}).code == "loop-over"
    assert failure("any(x.a for x in x1)", x1=[{"a": "no"}]).code == "not-a-condition"


# -------------------------------------------------------------------------------------- types in reach

LINE = Record({"sku": Field(TEXT), "qty": Field(DECIMAL), "due": Field(DATE, required=False), "ok": Field(BOOLEAN)})
TYPED = Record({
    "no": Field(TEXT), "note": Field(TEXT, required=False), "n": Field(INTEGER), "price": Field(DECIMAL, required=False), "open": Field(BOOLEAN),
    "held": Field(BOOLEAN, required=False), "day": Field(DATE), "lines": Field(ListOf(LINE)), "tags": Field(ListOf(TEXT), required=False),
    "party": Field(Record({"name": Field(TEXT, required=False)}), required=False),
})  # fmt: skip
ORDER = {"no": "PO-1", "n": 5, "open": True, "day": date(2026, 3, 1), "lines": [{"sku": "A", "qty": Decimal("2.5"), "ok": True}]}


@check({
    "data.no == \"PO-1\"": True, "data.note == \"x\"": False, "data.note != \"x\"": False, "data.price < 5": False, "data.n < 6": True,
    "data.no in [\"PO-1\", \"PO-2\"]": True, "data.note in [\"x\"]": False, "data.note not in [\"x\"]": False, "data.no not in [\"x\"]": True,
    "data.held": None, "not data.held": True, "data.held == true": False, "data.open and data.n == 5": True, "data.party.name": None,
    "has(data.party.name)": False, "data.lines[0].due == null": True, "upper(data.note)": None, "data.n + data.n": Decimal(10),
    "[q < 5 for q in [x.due for x in data.lines] if false]": [], "data.tags": None, "\"x\" in data.tags": False, "count(data.tags)": 0,
    "data.price if data.price != null else 1": 1, "0 if data.price == null else data.price + 1": 0, "-data.n": -5, "data.note + \"x\"": None,
    "data.note == data.note": False, "data.price == data.n": False, "data.day > parse_date(\"2026-02-28\", \"yyyy-MM-dd\")": True,
    "[p < 5 for p in [1, data.price]]": [True, False], "[p + 1 for p in [data.price]]": [None], "abs(first([data.price]))": None,
    "data.note != null and data.note == \"x\"": False, "data.note == null or data.note == \"x\"": True, "not has(data.note) or data.note == \"x\"": True,
    "{\"PO-1\": 1}[data.no]": 1, "{\"PO-1\": 1}[data.note]": None, "data.open == data.open": True, "data.lines[0].sku + data.no": "APO-1",
    "group(data.lines, \"sku\")[0].rows[0].qty": Decimal("2.5"), "data[data.no]": None, "min(data.price, 3)": 3,
    "data.open if data.open else null": True, "1 if (data.open if data.open else null) else 2": 1,
})  # fmt: skip
def test_what_the_types_prove_changes_nothing_but_the_code(text: str, expected: Any) -> None:
    assert same(run(text, types={"data": TYPED}, data=ORDER), expected)
    if not text.startswith("[q <"):
        assert same(run(text, data=ORDER), expected)


def test_a_condition_shows_a_value_to_be_there_only_where_it_does() -> None:
    """A path that may be null and is taken for one that is not would fail within Python."""
    shaky = {
        "data.price + 1 if null == data.price else 0": None, "abs(data.price) if null == data.price else 0": None,
        "abs(data.price) if data.price == null == null else 0": None, "abs(data.price) if not (data.price != null) else 0": None,
        "abs(last(data.lines).p) if first(data.lines).p == 1 else 0": None, "abs(data.price) if data.n == 5 or data.price == 1 else 0": None,
    }
    lines = [{"p": 1}, {"p": None}]
    record = Record({**TYPED.fields, "lines": Field(ListOf(Record({"p": Field(INTEGER, required=False)})))})
    for text, expected in shaky.items():
        assert run(text, types={"data": record}, data={**ORDER, "lines": lines}) == expected, text


# ---------------------------------------------------------------------------------------- XML elements


XML = Element("order", "", {"version": "2.0"}, {
    "no": Element("no", "0012"), "qty": Element("qty", "5", {"unitCode": "EA"}), "none": Element("none"),
    "line": [Element("line", "", {}, {"sku": Element("sku", "A")}), Element("line", "", {}, {"sku": Element("sku", "B")})],
    "one": Element("one", "", {}, {"sku": Element("sku", "C")}), "code": [Element("code", "X"), Element("code", "Y")],
})  # fmt: skip


@check({
    'x.no == "0012"': True, "x.no + x.qty": "00125", "decimal(x.qty)": Decimal(5), 'x.qty["@unitCode"]': "EA", 'x.qty["#text"]': "5", 'x.no["#text"]': "0012",
    'x["@version"]': "2.0", 'x.no["@unitCode"]': None, "x.none == null": False, 'x.none == ""': True, "has(x.none)": False, "x.missing.deeper": None,
    "[l.sku + \"\" for l in x.line]": ["A", "B"], "[l.sku + \"\" for l in x.one]": ["C"], "x.one[0].sku == \"C\"": True, "first(x.one).sku == \"C\"": True,
    "count(x.one)": 1, "count(x.line)": 2, "x.line[1].sku + \"\"": "B", "\"X\" in x.code": True, "\"0012\" in x.no": True, "\"Z\" in x.code": False,
    "x.no[0:2]": "00", "upper(x.no)": "0012", "last(x.code) + \"\"": "Y", "max(x.code)": "Y", "default(x.none, \"-\")": "-", "x[\"no\"] + \"\"": "0012",
    "{\"0012\": 1}[x.no]": 1, "x.missing[\"@a\"]": None,
})  # fmt: skip
def test_an_element_is_its_text_and_one_is_a_list_of_itself(text: str, expected: Any) -> None:
    assert same(run(text, x=XML), expected)


@pytest.mark.parametrize(
    ("text", "code", "fields"),
    [("x.line.sku", "holds-several", {"count": 2, "name": "sku"}), ("x.code == \"X\"", "holds-several", {"count": 2, "name": "code"}),
     ("upper(x.code)", "holds-several", {"count": 2, "name": "code"}), ("x.one + \"\"", "element-is-group", {"name": "one"}),
     ("x.line[\"@id\"]", "holds-several", {"count": 2, "name": "@id"}), ("x.line[\"sku\"]", "holds-several", {"count": 2, "name": "sku"})],
)
def test_several_elements_have_no_one_value_and_the_message_says_what_to_do(text: str, code: str, fields: dict[str, object]) -> None:
    error = failure(text, x=XML)
    assert (error.code, error.fields) == (code, fields)
    if code == "holds-several":
        assert str(error).startswith("holds 2")
        assert error.hint == "say first(…) or loop"


# ---------------------------------------------------------------------------------- calls and lookups


@check({
    'pad("7", 3, fill="0")': "007", 'pad(width=3, s="7", fill="0")': "007", 'replace(b="-", a="/", s="a/b")': "a-b",
    'date(parse_date("2026-03-01 08:00", zone="UTC"), "HH:mm")': "16:00", 'text(parse_date(s="01.03.2026", pattern="dd.MM.yyyy"))': "2026-03-01",
    'parse_date("2026-03-01", zone=null)': None, 'sort([3, 1, 2])': [1, 2, 3], 'cut_bytes("采购PO", 5)': "采购P", 'match("WH01", "^WH[0-9]+$")': True,
    'first(sort(data.lines, "sku")).sku': "A", 'gs1("(10)LOT", "10")': "LOT", "amount_in_chinese(123.45)": "壹佰贰拾叁元肆角伍分",
    'group(data.lines, "sku")[1].rows[0].qty': 4, 'join(unique(["a", "b", "a"]), ",")': "a,b",
})  # fmt: skip
def test_functions_are_called_by_place_or_by_name(text: str, expected: Any) -> None:
    assert same(value(text), expected)


def test_the_field_to_group_or_sort_by_may_be_computed() -> None:
    types = {"data": Record({"by": Field(TEXT), "lines": Field(ListOf(Record({"sku": Field(TEXT), "unit": Field(TEXT)})))})}
    lines = [{"sku": "B", "unit": "EA"}, {"sku": "A", "unit": "EA"}]
    groups, first = '[f"{g.unit} {count(g.rows)}" for g in group(data.lines, data.by)]', "sort(data.lines, data.by)[0].sku"
    assert run(groups, types=types, data={"by": "unit", "lines": lines}) == ["EA 2"]
    assert run(groups, types=types, data={"by": "sku", "lines": lines}) == [None, None]
    assert [run(first, types=types, data={"by": by, "lines": lines}) for by in ("sku", "unit")] == ["A", "B"]


@check({
    'lookup("item", "A")': "a-1", 'lookup("item", "a-1", by="wms", to="bus")': "A", 'lookup("item", "1", by="erp", to="name")': "Bolt",
    'lookup("item", "Z", default="?")': "?", 'lookup("item", "B", default=0)': 0, 'lookup("item", data.none)': None, 'lookup("item", " ")': None,
    'lookup("item", data.none, default="-")': "-", 'known("item", "A")': True, 'known("item", "B")': False, 'known("item", "Z")': False,
    'known("item", "1", by="erp")': True, 'lookup("uom", ["A", "BOX"])': "10", 'lookup("uom", ["B", "BOX"])': "6", 'lookup("uom", ["A", ""])': None,
    'known("uom", ["A", "EA"])': True, 'lookup("uom", ["A", "BOX"], to="bus")': "12", 'lookup("item", "Z", default=null)': None,
})  # fmt: skip
def test_a_lookup_goes_from_bus_to_the_target_unless_it_says_otherwise(text: str, expected: Any) -> None:
    assert same(value(text), expected)


@pytest.mark.parametrize(("text", "fields"), [
    ('lookup("item", "Z")', {"table": "item", "value": "Z", "column": "wms"}),
    ('lookup("item", "B")', {"table": "item", "value": "B", "column": "wms"}),
    ('lookup("uom", ["A", "X"])', {"table": "uom", "value": "A / X", "column": "wms"}),
    ('lookup("item", "9", by="erp", to="bus")', {"table": "item", "value": "9", "column": "erp"}),
])  # fmt: skip
def test_a_missing_code_or_an_empty_cell_waits_for_the_code(text: str, fields: dict[str, object]) -> None:
    error = failure(text, data=DATA)
    assert (error.code, error.fields) == ("unmapped-code", fields)
    assert "unmapped code" in str(error)


def test_a_code_is_a_text() -> None:
    assert failure('lookup("item", x)', x=5).code == "lookup-code-kind"
    assert failure('known("uom", ["A", x])', x=5).code == "lookup-code-kind"
    assert run('lookup("item", x.code)', x=Element("x", "", {}, {"code": Element("code", "A")})) == "a-1"


def test_times_are_those_of_the_target_s_zone() -> None:
    context = Context("wms", ZoneInfo("America/New_York"), "utf-8", None, {})
    at = datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert run('date(x, "yyyy-MM-dd HH:mm")', context, x=at) == "2026-02-28 21:00"
    assert AN_EVENT.time == datetime(1970, 1, 1, tzinfo=UTC)
