"""What is wrong with an expression is found at load, under the characters that are wrong; ⟦…⟧ marks them."""

import inspect
import re
import sys

import pytest

from bus.expressions.parse import MAX_DEPTH, parse
from bus.expressions.scan import MAX_LENGTH, MAX_NESTING
from bus.texts import choose_language
from bus.types import BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, TEXT, Field, ListOf, Record

from tests.core.expressing import findings, program

LINE = Record({"sku": Field(TEXT), "qty": Field(DECIMAL), "note": Field(TEXT, required=False)})
DATA = Record({
    "no": Field(TEXT), "note": Field(TEXT, required=False), "qty": Field(DECIMAL), "count": Field(INTEGER), "open": Field(BOOLEAN),
    "day": Field(DATE), "at": Field(DATETIME), "lines": Field(ListOf(LINE)), "tags": Field(ListOf(TEXT)), "party": Field(Record({"name": Field(TEXT)})),
})  # fmt: skip


def check(table: str) -> pytest.MarkDecorator:
    """Parametrise a test by lines `code  expression with its marks`."""
    rows = [line.strip().split(None, 1) for line in table.strip().splitlines()]
    return pytest.mark.parametrize(("code", "marked"), rows, ids=[marked for _, marked in rows])


def assert_found(code: str, marked: str) -> None:
    marked = marked.replace("␤", "\n")
    text = re.sub("[⟦⟧]", "", marked)
    expected = [(code, under) for under in re.findall("⟦(.*?)⟧", marked, re.DOTALL)]
    assert findings(text, {"data": DATA}, nullable=False) == expected
    for language in ("zh", "en"):
        choose_language(language)
        for finding in program(text, {"data": DATA}, nullable=False).findings:
            assert finding.message
            assert "{" not in finding.hint.replace("{…", "").replace("{ }", "").replace("[ ] { }", "")


@check("""
    expression-unfinished  data.no ⟦+⟧
    expression-unfinished  data.no == "a" i⟦n⟧
    expression-unfinished  no⟦t⟧
    expression-unfinished  data⟦.⟧
    else-missing           ⟦"a" if data.open⟧
    expression-unreadable  ⟦and⟧ data.open
    expression-unreadable  data.lines[⟦]⟧
    expression-unreadable  data.⟦.no⟧
    text-not-closed        data.no == ⟦"a⟧
    text-not-closed        data.no == ⟦'a"⟧
    text-not-closed        ⟦f"{data.no⟧
    text-not-closed        ⟦f"{data.no}⟧
    text-prefix            match(data.no, ⟦r"[0-9]"⟧)
    text-prefix            ⟦b'a'⟧
    operator-missing       data.no ⟦data⟧.note
    operator-missing       data.no ⟦"a"⟧
    operator-missing       ""⟦"a"⟧""
    operator-missing       (data.no) ⟦5⟧ 6 7
    operator-missing       lambda ⟦x⟧: x
    operator-missing       import ⟦os⟧
    operator-missing       data.from ⟦data⟧.to
    foreign-word           data.no ⟦LIKE⟧ "a%"
    foreign-word           data.qty ⟦大于⟧ 5
    bracket-extra          data.no⟦)⟧
    bracket-extra          (data.no⟦]⟧
    bracket-open           ⟦(⟧data.no
    bracket-open           ([data.no]⟦[⟧0
    wrong-sign             data.no ⟦=⟧ "a"
    wrong-sign             data.no ⟦===⟧ "a"
    wrong-sign             data.open ⟦&&⟧ data.open
    wrong-sign             ⟦!⟧data.open
    wrong-sign             data.open ⟦?⟧ 1
    wrong-sign             any(line.sku ⟦=⟧ "a" for line in data.lines)
    wrong-sign             has(data.no ⟦=⟧ "a")
    wrong-sign             data.qty ⟦=<⟧ 5
    wrong-sign             round(data.qty⟦;⟧ 2)
    wrong-word             data.open ⟦AND⟧ data.open
    wrong-word             data.note == ⟦NULL⟧
    wrong-word             data.open == ⟦TRUE⟧
    unknown-field          sort(data.lines, ⟦"rows"⟧)
    unknown-field          group(data.lines, ⟦"rows"⟧)
    function-foreign       ⟦IF⟧(data.open, 1, 2)
    function-foreign       ⟦if⟧(data.open, 1, 2)
    function-foreign       ⟦AND⟧(data.open, data.open)
    function-foreign       ⟦len⟧(data.no)
    sign-unknown           data.qty ⟦**⟧ 2
    sign-unknown           data.qty ⟦//⟧ 2
    sign-unknown           data.qty ⟦<<⟧ 2
    sign-unknown           ⟦~⟧data.qty
    sign-unknown           ⟦$⟧data.qty
    sign-unknown           data.no⟦#⟧ comment
    sign-unknown           data.no ⟦\\⟧␤ + "a"
    sign-unknown           (x ⟦:=⟧ 5)
    sign-unknown           data.qty ⟦€⟧
    full-width             data.no ⟦＝⟧ "a"
    full-width             data.no == ⟦“a b”⟧
    full-width             count⟦（⟧data.lines)
    full-width             data.no⟦！＝⟧"a"
    full-width             data.no ⟦＝＝⟧ "a"
    full-width             data.no⟦\u3000⟧== "a"
    full-width             data.no == ⟦‘a⟧
    full-width             data.金额⟦（⟧元 > 5
    number-unclear         ⟦0012⟧
    number-unclear         data.qty > ⟦1e3⟧
    number-unclear         ⟦1_000⟧
    number-unclear         ⟦１２⟧
    number-unclear         ⟦.5⟧
    number-unclear         ⟦5.⟧
    number-unclear         ⟦1.e5⟧
    number-unclear         ⟦1.2.3⟧
    number-unclear         ⟦0x1F⟧
    number-unclear         ⟦5kg⟧
    field-quoted           ⟦data.lines.0⟧.sku
    field-quoted           ⟦data.2nd⟧
    field-quoted           ⟦data.金额（元）⟧ > 5
    field-quoted           ⟦data.温度℃⟧
    field-quoted           ⟦data.金额(元)⟧
    field-quoted           ⟦data.order-no⟧
    template-format        f"{data.qty⟦:⟧>5}"
    template-format        f"{data.qty⟦!⟧r}"
    expression-empty       f"a{⟦}⟧"
    expression-empty       f"a{⟦  ⟧}"
    bracket-extra          f"a⟦}⟧"
    list-in-brackets       data.no in ⟦("a", "b")⟧
    list-in-brackets       ⟦{"a", "b"}⟧
    list-in-brackets       ⟦(line.sku for line in data.lines)⟧
    list-in-brackets       ⟦data.no, data.note⟧
    not-in-language        ⟦{line.sku: 1 for line in data.lines}⟧
    not-in-language        count(⟦*data.lines⟧)
    plus-alone             ⟦+data.qty⟧
    is-not-equals          ⟦data.note is null⟧
    is-not-equals          ⟦data.note is not null⟧
    slice-step             data.no[0:5:⟦2⟧]
    table-key              {⟦data.no⟧: 1}[data.no]
    table-key              {⟦null⟧: 1}[data.no]
    table-key-twice        {"a": 1, ⟦"a"⟧: 2}[data.no]
    table-key-text         {⟦1⟧: 1}
    too-many-loops         ⟦[1 for a in data.tags for b in data.tags for c in data.tags]⟧
    loop-name              [1 for ⟦a, b⟧ in data.lines]
    loop-name              [1 for ⟦null⟧ in data.lines]
    loop-name              [1 for ⟦f"a"⟧ in data.lines]
    method-call            data.no.⟦trim⟧()
    generator-argument     count⟦(line for line in data.lines)⟧
""")
def test_what_the_grammar_does_not_have_is_found_where_it_stands(code: str, marked: str) -> None:
    assert_found(code, marked)


@check("""
    name-unknown           ⟦WH01⟧ == data.no
    name-unknown           data.qty - ⟦bonus⟧
    name-unknown           data.qty -⟦bonus⟧
    name-unknown           data["qty"]-⟦bonus⟧
    name-is-field          ⟦no⟧ == "a"
    name-unknown-near      ⟦dat⟧.no == "a"
    name-covered           [1 for ⟦data⟧ in data.lines]
    unknown-field          ⟦data.noo⟧ == "a"
    unknown-field          ⟦data.party.nam⟧ == "a"
    list-has-no-field      ⟦data.lines.sku⟧ == "a"
    value-has-no-field     ⟦data.no.x⟧ == "a"
    value-has-no-field     ⟦"".__class__⟧
    value-has-no-items     ⟦data.qty[0]⟧
    value-has-no-items     ⟦data.open[0:2]⟧
    index-kind             data.lines[⟦data.no⟧]
    index-kind             data.party[⟦data.qty⟧]
    index-kind             data.no[⟦"a"⟧:]
    index-kind             data.no[:⟦data.open⟧]
    condition-needed       not ⟦data.no⟧
    condition-needed       1 if ⟦data.qty⟧ else 2
    condition-needed       data.open and ⟦data.lines⟧
    condition-needed       [line for line in data.lines if ⟦line.qty⟧]
    condition-needed       1 if ⟦null⟧ else 2
    compare-types          data.qty > ⟦"5"⟧
    compare-types          ⟦5⟧ == data.no
    compare-types          data.qty == ⟦data.no⟧
    compare-types          data.day < ⟦data.at⟧
    compare-types          data.no in [⟦5⟧, "a", ⟦6⟧]
    compare-types          data.qty in ⟦data.tags⟧
    compare-types          ⟦5⟧ in data.party
    compare-types          {⟦"a"⟧: 1}[data.qty]
    compare-date-text      data.day == ⟦"2026-03-01"⟧
    compare-date-text      data.at > ⟦data.no⟧
    compare-list           data.tags == ⟦["a"]⟧
    compare-list           data.lines == ⟦5⟧
    compare-list           data.tags in [⟦data.tags⟧]
    null-ordered           data.qty > ⟦null⟧
    boolean-ordered        data.open < ⟦data.open⟧
    in-needs-list          "a" in ⟦data.no⟧
    compute-with           data.qty + 1 - ⟦data.no⟧
    compute-with           ⟦-data.no⟧
    compute-with           ⟦data.day⟧ - 1
    compute-with           ⟦data.day⟧ + 1
    join-kinds             data.no + ⟦data.qty⟧
    join-kinds             ⟦5⟧ + data.no
    join-kinds             data.no + ⟦data.day⟧
    join-kinds             data.no + ⟦data.tags⟧
    loop-needs-list        [1 for x in ⟦data.no⟧]
    loop-needs-list        sum(⟦data.qty⟧)
    aggregate-of           sum(⟦line.sku⟧ for line in data.lines)
    aggregate-of           sum(⟦data.tags⟧)
    aggregate-of           any(⟦line.qty⟧ for line in data.lines)
    aggregate-of           min(data.qty, ⟦data.no⟧)
    aggregate-of           max(⟦data.open⟧, data.day)
    text-of-list           f"{⟦data.lines⟧}"
    text-of-list           f"{⟦data.party⟧}"
    function-unknown       ⟦rond⟧(data.qty, 2)
    function-unknown       ⟦Upper⟧(data.no)
    function-unknown       ⟦qwertz⟧(data.no)
    argument-count         ⟦upper()⟧
    argument-count         ⟦upper(data.no, data.no)⟧
    argument-count         ⟦sum()⟧
    argument-count         ⟦first()⟧
    argument-count         ⟦replace(data.no, b="x")⟧
    argument-unknown       upper(data.no, x=⟦5⟧)
    argument-unknown       upper(data.no, s=⟦data.no⟧)
    argument-type          upper(⟦data.qty⟧)
    argument-type          round(⟦data.no⟧, 2)
    argument-type          join(⟦data.no⟧, ",")
    argument-type          starts(data.no, ⟦data.lines⟧)
    argument-count         ⟦lookup("item")⟧
    argument-count         ⟦known("item")⟧
    argument-unknown       lookup("item", data.no, too=⟦"erp"⟧)
    argument-unknown       known("item", data.no, default=⟦"erp"⟧)
    argument-unknown       lookup("item", data.no, to="erp", to=⟦"wms"⟧)
    lookup-name-computed   lookup(⟦data.no⟧, data.no)
    lookup-column-computed lookup("item", data.no, to=⟦data.no⟧)
    lookup-unknown         lookup(⟦"itm"⟧, data.no)
    lookup-unknown         lookup(⟦"qwertz"⟧, data.no)
    lookup-column          lookup("item", data.no, to=⟦"wmss"⟧)
    lookup-column          lookup("item", data.no, by=⟦"qwertz"⟧)
    lookup-key-count       lookup("uom", ⟦data.no⟧)
    lookup-key-count       lookup("uom", ⟦[data.no]⟧)
    lookup-key-count       lookup("item", ⟦[data.no, data.no]⟧)
    lookup-code-type       lookup("item", ⟦data.qty⟧)
    lookup-code-type       lookup("uom", [data.no, ⟦data.qty⟧])
""".replace("    compute-with           -⟦⟧data.no\n", ""))
def test_what_the_types_contradict_is_found_where_it_stands(code: str, marked: str) -> None:
    assert_found(code, marked)


def test_all_faults_of_one_expression_are_found_at_once() -> None:
    text = 'data.nno == 5 and data.qty > "5" and upper(data.qty) == lowr(data.no) and data.open + 1 == 2'
    found = [code for code, _ in findings(text, {"data": DATA})]
    assert found == ["unknown-field", "compare-types", "argument-type", "function-unknown", "compute-with"]
    assert findings("upper(data.a, data.b)", {"data": DATA})[1:] == [("unknown-field", "data.a"), ("unknown-field", "data.b")]


def test_full_width_signs_are_told_as_one_mistake() -> None:
    (finding,) = program("count（data.lines） ＞ 5", {"data": DATA}).findings
    assert finding.fields == {"sign": "（ ） ＞", "write": "( ) >"}


@pytest.mark.parametrize("text", [
    "sum(line.qty for line in data.lines)", 'lookup("item", data.no, by="bus", to="erp")', "data.lines[0].sku", "data.qty > 5 and not data.open",
    'data.no in data.tags', 'f"{data.no}/{data.qty}"', 'default(data.note, "")', "data.open == (data.qty > 5)", "min(data.day, data.day)",
    "data.note == null or data.note != data.no", "data.lines[0:2]", '{"a": data.qty, "b": data.count}[data.no] > 5', "data.party.name == data.no",
    "days_between(data.day, data.at) > 3", "[x.rows for x in group(data.lines, \"sku\")]", 'lookup("uom", [data.no, data.no], to="wms")',
    "[x.sku for x in group(data.lines, data.no)]", "[x.anything for x in group(data.lines, data.no)]", "sort(data.lines, data.no)[0].sku",
])  # fmt: skip
def test_what_is_right_is_found_right(text: str) -> None:
    assert findings(text, {"data": DATA}) == []


# ---------------------------------------------------------------------------------------------- bounds


def test_an_expression_has_a_bounded_length_and_depth() -> None:
    assert parse("1" * (MAX_LENGTH + 1))[0].code == "expression-too-long"  # type: ignore[index]  # problems
    deepest = "(" * MAX_NESTING + "1" + ")" * MAX_NESTING
    assert not isinstance(parse(deepest), tuple)
    for text in (f"({deepest})", "-" * (MAX_NESTING + 1) + "x", "not " * (MAX_NESTING + 1) + "x", "x" + ".y" * MAX_DEPTH + ".z", "x" + " + x" * (MAX_DEPTH + 1)):
        problems = parse(text)
        assert isinstance(problems, tuple)
        assert problems[0].code == "nested-too-deep"
    assert not isinstance(parse("x" + " - 1" * (MAX_DEPTH - 1)), tuple)


def test_an_expression_for_which_python_has_no_room_is_refused_and_not_a_crash() -> None:
    text = "no_room" + " - 1" * (MAX_DEPTH - 1)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + MAX_DEPTH)
    try:
        problems = parse(text)
    finally:
        sys.setrecursionlimit(limit)
        parse.cache_clear()
    assert isinstance(problems, tuple)
    assert [problem.code for problem in problems] == ["nested-too-deep"]
    assert not isinstance(parse(text), tuple)


def test_a_lookup_without_its_file_is_checked_as_far_as_it_goes() -> None:
    made = program('lookup("item", data.no)', {"data": DATA})
    made.scope.tables = {"item": None}
    made.scope.problems.clear()
    from bus.expressions.compile import compile_source

    compile_source('lookup("item", data.no, to="anything") + lookup("item", data.no)', made.scope)
    assert made.scope.problems == []
