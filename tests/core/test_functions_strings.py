import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bus.codecs.element import Element
from bus.functions import check_pattern

from tests.core.calling import call, refusal

ENCODINGS = ("utf-8", "gb18030", "gbk", "utf-16", "utf-16-le", "iso-2022-kr", "latin-1")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("PO-1", "PO-1"),
        ("", ""),
        (12, "12"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0E-7"), "0.0000000"),
        (True, "true"),
        (False, "false"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 0, 30, tzinfo=UTC), "2026-03-01T08:30:00+08:00"),
    ],
)
def test_text_writes_any_single_value(value: Any, written: str) -> None:
    assert call("text", value) == written


@pytest.mark.parametrize("value", [[], ["a"], {"a": "b"}])
def test_text_of_a_list_or_mapping_is_refused_without_showing_it(value: Any) -> None:
    error = refusal("text", value)
    assert error.code == "function-needs-single-value"
    assert '"' not in str(error)


@pytest.mark.parametrize("function", ["upper", "lower", "trim", "strip_zeros"])
@pytest.mark.parametrize("value", [12, Decimal("1.5"), True, date(2026, 3, 1), ["a"]])
def test_a_number_is_no_text_and_the_remedy_is_named(function: str, value: Any) -> None:
    error = refusal(function, value)
    assert error.code == "function-needs-text"
    assert "text(…)" in error.hint


def test_case_and_blanks() -> None:
    assert call("upper", "wh01 采购") == "WH01 采购"
    assert call("lower", "WH01") == "wh01"
    assert call("trim", " \t\u3000\u00a0WH 01\r\n") == "WH 01"


@pytest.mark.parametrize(
    ("arguments", "padded"),
    [
        (("12", 5, "0"), "00012"),
        ((12, 5, "0"), "00012"),
        ((Decimal("12.50"), 8, " "), "   12.50"),
        (("123456", 5, "0"), "123456"),
        (("12", 0, "0"), "12"),
        (("12", 4), "  12"),
        (("仓", 3, "零"), "零零仓"),
        (("12", Decimal(4), "0"), "0012"),
    ],
)
def test_pad_fills_on_the_left_and_never_shortens(arguments: tuple[Any, ...], padded: str) -> None:
    assert call("pad", *arguments) == padded


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("12", 5, ""), "pad-fill"),
        (("12", 5, "00"), "pad-fill"),
        (("12", 5, 0), "function-needs-text"),
        (("12", -1, "0"), "function-needs-size"),
        (("12", "5", "0"), "function-needs-number"),
        (("12", Decimal("5.5"), "0"), "function-needs-whole-number"),
        ((True, 5, "0"), "function-needs-text"),
    ],
)
def test_pad_refuses_what_it_cannot_mean(arguments: tuple[Any, ...], code: str) -> None:
    assert refusal("pad", *arguments).code == code


@pytest.mark.parametrize(
    ("code", "stripped"),
    [("000", "0"), ("0", "0"), ("", ""), ("000104711", "104711"), ("00A0", "A0"), ("104711", "104711")],
)
def test_strip_zeros_leaves_one_zero_of_nothing_but_zeros(code: str, stripped: str) -> None:
    assert call("strip_zeros", code) == stripped


def test_replace_of_nothing_changes_nothing() -> None:
    assert call("replace", "A/B/C", "/", "") == "ABC"
    assert call("replace", "ABC", "", "-") == "ABC"


def test_split_keeps_empty_parts_and_an_empty_text_has_none() -> None:
    assert call("split", "A,,B,", ",") == ["A", "", "B", ""]
    assert call("split", "", ",") == []
    assert refusal("split", "A,B", "").code == "split-separator"


def test_join_writes_single_values_and_leaves_nulls_out() -> None:
    leaf = Element("item", "X9")
    assert call("join", ["A", 5, Decimal("1.50"), None, leaf, True], ", ") == "A, 5, 1.50, X9, true"
    assert call("join", [], ",") == ""


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([{"a": 1}], "function-needs-single-value"),
        ([Element("order", children={"no": Element("no")})], "function-element-is-group"),
        ("ABC", "function-needs-list"),
    ],
)
def test_join_refuses_what_has_no_one_text(values: Any, code: str) -> None:
    assert refusal("join", values, ",").code == code


def test_parts_of_a_text_are_found() -> None:
    assert call("starts", "PO-1", "PO-") is True
    assert call("ends", "order.xml", ".json") is False
    assert call("contains", "steel bolt M8", "bolt") is True
    assert refusal("contains", ["bolt"], "bolt").code == "function-needs-text"


@pytest.mark.parametrize("function", sorted({"upper", "pad", "cut", "date", "parse_date", "gs1", "first", "unique"}))
def test_null_gives_null(function: str) -> None:
    assert call(function, None, 1, "0") is None


# ------------------------------------------------------------------------------------------- cut


def test_cut_counts_characters() -> None:
    assert call("cut", "采购订单", 2) == "采购"
    assert call("cut", "PO", 5) == "PO"
    assert call("cut", "PO", 0) == ""
    assert refusal("cut", "PO", -1).code == "function-needs-size"


@pytest.mark.parametrize(
    ("encoding", "text", "size", "part"),
    [
        ("utf-8", "采购PO", 5, "采"),
        ("utf-8", "采购PO", 6, "采购"),
        ("gb18030", "采购PO", 5, "采购P"),
        ("gb18030", "采购PO", 3, "采"),
        ("gb18030", "𠮷0", 3, ""),  # four bytes, of which the second is a digit
        ("gb18030", "a\U0001f69a", 4, "a"),
        ("utf-16", "ab", 3, ""),
        ("utf-16", "ab", 4, "a"),
        ("utf-16", "ab", 1, ""),
        ("utf-8", "PO", 100, "PO"),
        ("utf-8", "PO", 0, ""),
    ],
)
def test_cut_bytes_keeps_whole_characters_in_the_targets_encoding(
    encoding: str, text: str, size: int, part: str
) -> None:
    assert call("cut_bytes", text, size, encoding=encoding) == part


@given(st.text(alphabet="aZ0é采购𠮷€한", max_size=30), st.integers(0, 40), st.sampled_from(ENCODINGS))
def test_cut_bytes_never_exceeds_and_one_character_more_would(text: str, size: int, encoding: str) -> None:
    assume(text.encode(encoding, errors="ignore").decode(encoding) == text)
    part = call("cut_bytes", text, size, encoding=encoding)
    assert text.startswith(part)
    assert not part or len(part.encode(encoding)) <= size
    assert part == text or len(text[: len(part) + 1].encode(encoding)) > size


def test_a_character_that_the_target_cannot_have_is_named() -> None:
    error = refusal("cut_bytes", "ab𠮷", 10, encoding="gbk")
    assert error.code == "character-not-in-encoding"
    assert "𠮷 (U+20BB7)" in str(error)


# -------------------------------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("xx WH01", "WH[0-9]+", True),
        ("xx WH01", "^WH[0-9]+", False),
        ("采购订单", "^采.{2}单$", True),
        ("PO-1", r"\bPO", True),
        ("PO-1", "\bPO", True),  # "\b" is a backspace in a text of the language
        ("XPO-1", "\bPO", False),
        ("wh01", "(?i)WH", True),
        ("", "^$", True),
    ],
)
def test_match_looks_anywhere_in_the_text(text: str, pattern: str, found: bool) -> None:
    assert call("match", text, pattern) is found


@pytest.mark.parametrize(
    ("text", "pattern", "part"),
    [
        ("PO-2026-001873", r"-(\d+)$", "001873"),
        ("PO-2026-001873", r"\d+", "2026"),
        ("PO", r"\d+", None),
        ("b", "(a)|b", None),
        ("规格：M8×40", "M([0-9]+)×([0-9]+)", "8"),
        ("批号【甲1】", "【(.+?)】", "甲1"),
        ("a-b", "(?P<left>.)-(?P<right>.)", "a"),
        ("x", "y*", ""),
    ],
)
def test_extract_gives_the_first_group_or_the_whole(text: str, pattern: str, part: str | None) -> None:
    assert call("extract", text, pattern) == part


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("(?=PO)", "pattern-looks-around"),
        ("PO(?!-)", "pattern-looks-around"),
        ("(?<=PO)1", "pattern-looks-around"),
        (r"(a)\1", "pattern-escape"),
        (r"PO\Z", "pattern-escape"),
        ("(PO", "pattern-bracket"),
        ("PO)", "pattern-bracket"),
        ("[PO", "pattern-bracket"),
        ("*PO", "pattern-repetition"),
        ("a++", "pattern-repetition"),
        ("a{1001}", "pattern-too-large"),
        (r"((\pL{100}){100}){9}", "pattern-too-large"),
        (r"\pL{200}", "pattern-too-large"),
        (r"\p{Klingon}", "pattern-unreadable"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_explained(pattern: str, code: str) -> None:
    assert refusal("match", "PO-1", pattern).code == code
    error = check_pattern(pattern)
    assert error is not None
    assert error.code == code


def test_half_a_character_is_refused_by_patterns() -> None:
    assert refusal("match", "a\ud800b", "a").code == "text-not-unicode"


@given(st.text(max_size=40), st.sampled_from(["[0-9]+", "^a", "b$", "[采购]", "a.c", "x|y"]))
def test_match_finds_what_pythons_own_expressions_find(text: str, pattern: str) -> None:
    assume("\n" not in text)  # `$` and `.` differ at line ends
    assert call("match", text, pattern) == bool(re.search(pattern, text))
    found = re.search(pattern, text)
    assert call("extract", text, pattern) == (found.group() if found else None)
