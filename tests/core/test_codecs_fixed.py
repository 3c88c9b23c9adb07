"""Fixed widths in and out."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.adapter import Column, SourceOptions
from bus.codecs import parse_written, read, write
from bus.errors import DocumentError

COLUMNS = {"id": Column(at=1, width=5), "city": Column(at=6, width=6), "qty": Column(at=12, width=6)}
TEXTS = st.text(st.characters(codec="gbk", exclude_categories=("Cc", "Zl", "Zp", "Zs")), max_size=5)


def load(body: bytes, columns: dict[str, Column], **options: Any) -> list[dict[str, str]]:
    document = read("fixed", body, SourceOptions(columns=columns, **options))
    assert list(document) == ["rows"]
    held: list[dict[str, str]] = document["rows"]
    return held


def not_written(tree: Any, encoding: str = "gb18030") -> str:
    with pytest.raises(DocumentError) as caught:
        write("fixed", tree, {}, encoding)
    return str(caught.value)


@given(
    st.lists(st.tuples(TEXTS, TEXTS).filter(any), min_size=1, max_size=3),
    st.sampled_from(["gb18030", "gbk", "utf-8", "utf-8-sig"]),
)
def test_what_is_written_is_read_back(cells: list[tuple[str, str]], encoding: str) -> None:
    tree = [{"a": {"value": a, "width": 20}, "b": {"value": b, "width": 16, "fill": " "}} for a, b in cells]
    body = write("fixed", tree, {}, encoding)
    table = [{"a": a, "b": b} for a, b in cells]
    assert parse_written("fixed", body, encoding, {"columns": {"a": 20, "b": 16}}) == table
    assert load(body, {"a": Column(at=1, width=20), "b": Column(at=21, width=16)}, encoding=encoding) == table
    assert {len(line) for line in body.removeprefix("\ufeff".encode()).splitlines()} == {36}


# ------------------------------------------------------------------------------------------------ in


def test_places_and_widths_count_bytes_of_the_encoding() -> None:
    body = "HEAD\r\nA1   北京  5.00\r\n\r\n   \r\nB2   上海       7\n00003Xian\n".encode("gbk")
    assert load(body, COLUMNS, encoding="gb2312", skip=1) == [
        {"id": "A1", "city": "北京", "qty": "5.00"},
        {"id": "B2", "city": "上海", "qty": "     7"},
        {"id": "00003", "city": "Xian", "qty": ""},
    ]


def test_a_column_that_cuts_a_character_in_two_is_refused_with_line_and_column() -> None:
    with pytest.raises(DocumentError, match=r"^line 2: column 'city' cuts a character of gb18030 in two$"):
        load("A\nA北京\n".encode("gbk"), {"city": Column(at=2, width=3)}, encoding="gbk")


def test_utf_16_counts_two_bytes_a_character() -> None:
    assert load("中文ab\n".encode("utf-16"), {"a": Column(at=1, width=4), "b": Column(at=5, width=4)}, encoding="utf-16") == [
        {"a": "中文", "b": "ab"}
    ]


def test_a_source_without_columns_is_refused() -> None:
    with pytest.raises(DocumentError, match="needs `columns`"):
        load(b"x", {})


def test_a_nul_is_refused_with_its_line() -> None:
    with pytest.raises(DocumentError, match=r"^line 2 holds a NUL"):
        load(b"a\nb\0\n", COLUMNS)


# ----------------------------------------------------------------------------------------------- out


def test_columns_are_filled_to_their_width_in_bytes() -> None:
    tree = [
        {
            "city": {"value": "北京", "width": 6},
            "qty": {"value": Decimal("5.0"), "width": 6, "align": "right", "fill": "0"},
            "none": {"value": None, "width": 2, "fill": "*"},
            "mark": {"value": "x", "width": 4, "align": "left"},
        }
    ]
    body = write("fixed", tree, {}, "gb18030")
    assert body == "北京  0005.0**x   \r\n".encode("gb18030")
    assert parse_written("fixed", body, "gb18030") == ["北京  0005.0**x   "]


def test_utf_16_has_one_mark_and_no_more() -> None:
    body = write("fixed", [{"a": {"value": "中", "width": 6}}, {"a": {"value": "b", "width": 6}}], {}, "utf-16")
    assert body.decode("utf-16") == "中  \r\nb  \r\n"
    assert parse_written("fixed", body, "utf-16", {"columns": {"a": 6}}) == [{"a": "中"}, {"a": "b"}]


def test_no_rows_are_no_lines() -> None:
    assert write("fixed", [], {}) == b""
    assert parse_written("fixed", b"") == []


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"value": "北京", "width": 3}, "[0].a: the text has 4 bytes, the column only 3"),
        ({"value": "北", "width": 6, "fill": "　"}, None),
        ({"value": "x", "width": 4, "fill": "　"}, "[0].a: '　' cannot fill 4 bytes; `fill` is one character that fits in evenly"),
        ({"value": "x", "width": 4, "fill": ""}, "[0].a: '' cannot fill 4 bytes; `fill` is one character that fits in evenly"),
        ({"value": "x", "width": 5, "fill": "ab"}, "[0].a: 'ab' cannot fill 5 bytes; `fill` is one character that fits in evenly"),
        ({"value": "x\ny", "width": 9}, "[0].a: the text holds a line break, which would end the record"),
        ({"value": "x"}, "[0].a: a fixed-width column needs `value` and `width`"),
        ("x", "[0].a: a fixed-width column needs `value` and `width`"),
        ({"value": [1], "width": 3}, "[0].a: a single value is needed here, not a list or a mapping"),
    ],
)
def test_a_cell_fits_exactly_or_is_refused_with_its_path(cell: Any, said: str | None) -> None:
    if said is None:
        assert write("fixed", [{"a": cell}], {}, "gb18030") == "北　　\r\n".encode("gb18030")
    else:
        assert not_written([{"a": cell}]) == said


def test_a_character_that_does_not_fit_is_refused_with_field_and_number() -> None:
    assert not_written([{"a": {"value": "x𠮷", "width": 9}}], "gb2312") == "[0].a: gb2312 has no character U+20BB7 𠮷"
