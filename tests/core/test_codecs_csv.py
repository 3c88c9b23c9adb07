"""CSV in and out."""

import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.adapter import SourceOptions
from bus.codecs import Element, parse_written, read, write
from bus.errors import DocumentError

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
ROWS = st.lists(
    st.fixed_dictionaries({"a": CELLS, "b c": CELLS, "项目": CELLS}).filter(
        lambda row: any(cell.strip() for cell in row.values())
    ),
    max_size=4,
)


def rows(body: bytes | str, content_type: str = "", **options: Any) -> list[dict[str, str | None]]:
    body = body.encode() if isinstance(body, str) else body
    document = read("csv", body, SourceOptions(**options), content_type)
    assert list(document) == ["rows"]
    held: list[dict[str, str | None]] = document["rows"]
    return held


def refused(body: bytes | str, **options: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        rows(body, **options)
    assert str(caught.value)
    return caught.value


def not_written(tree: Any, encoding: str = "utf-8", **options: Any) -> str:
    with pytest.raises(DocumentError) as caught:
        write("csv", tree, options, encoding)
    assert str(caught.value)
    return f"{caught.value.code} {caught.value.fields.get('at', '')}".strip()


@given(ROWS, st.sampled_from([",", ";", "\t"]), st.sampled_from(['"', "'"]))
def test_what_is_written_is_read_back(table: list[dict[str, str]], delimiter: str, quote: str) -> None:
    options = {"formulas": "keep", "delimiter": delimiter, "quote": quote}
    body = write("csv", table, options)
    assert parse_written("csv", body, "utf-8", options) == table
    if table:
        assert rows(body, delimiter=delimiter, quote=quote, trim=False) == table


# ------------------------------------------------------------------------------------------------ in


def test_rows_come_by_header_and_a_short_row_has_nulls() -> None:
    body = '\ufeff品号, 数量 ,备注\r\nA1,"12,50", x \r\nB2,3\r\n'
    assert rows(body) == [{"品号": "A1", "数量": "12,50", "备注": "x"}, {"品号": "B2", "数量": "3", "备注": None}]


def test_a_row_longer_than_the_header_is_refused_with_its_line() -> None:
    assert str(refused('a,b\n"1\n1",2\n\n1,2,\n')) == "line 5 has 3 cells, but the header has 2"


def test_line_breaks_in_quotes_belong_to_the_cell() -> None:
    assert rows('a,b\r\n"x\r\ny","p\nq\u2028r"\r\n') == [{"a": "x\r\ny", "b": "p\nq\u2028r"}]


def test_only_line_ends_end_a_line() -> None:
    assert rows("a\n1\x0c\x1c2\x853\u20284\n", trim=False) == [{"a": "1\x0c\x1c2\x853\u20284"}]
    assert rows("a\r1\r\n2\n3") == [{"a": "1"}, {"a": "2"}, {"a": "3"}]


def test_lines_with_nothing_in_them_are_dropped() -> None:
    assert rows('\n \na,b\n\n,\n"", \n1,2\n\n') == [{"a": "1", "b": "2"}]


def test_a_long_header_over_short_rows_cannot_fill_the_memory() -> None:
    start = time.process_time()
    error = refused("a" + "," * 100_000 + "\n" + "1\n" * 100_000)
    assert (error.code, error.fields) == ("csv-rows-too-short", {"line_no": 12, "columns": 100_001})
    assert refused("," * 100_000 + "c7").code == "csv-header-twice"
    assert time.process_time() - start < 2


def test_lines_are_skipped_however_they_look() -> None:
    assert rows('a preamble, with "quotes\n\n---\na;b\n1;2', skip=3, delimiter=";") == [{"a": "1", "b": "2"}]
    assert refused('\n\na\n"1', skip=2).fields["line_no"] == 4


def test_without_a_header_columns_go_by_number() -> None:
    assert rows("1,2\n3\n4,5,6\n", header=False) == [{"c1": "1", "c2": "2"}, {"c1": "3", "c2": None}, {"c1": "4", "c2": "5", "c3": "6"}]


def test_a_column_without_a_name_goes_by_its_number() -> None:
    assert rows("a,,b,\n1,2,3,\n") == [{"a": "1", "c2": "2", "b": "3", "c4": ""}]


def test_a_name_twice_in_the_header_is_refused() -> None:
    assert str(refused("a,b, a\n1,2,3")) == "the column 'a' stands twice in the header"


def test_cells_lose_their_padding_unless_trim_is_off() -> None:
    body = 'id,qty\n"\t0012345678901234567","　5.00 \xa0"\n'
    assert rows(body) == [{"id": "0012345678901234567", "qty": "5.00"}]
    assert rows(body, trim=False) == [{"id": "\t0012345678901234567", "qty": "　5.00 \xa0"}]


def test_a_quote_after_a_blank_is_a_quote() -> None:
    assert rows('a,b\n1, "2,3"\n') == [{"a": "1", "b": "2,3"}]


def test_without_a_quote_sign_quotes_are_text() -> None:
    assert rows('a\n5" pipe\n', quote="") == [{"a": '5" pipe'}]


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "gb2312", "utf-16", "utf-8", "utf-8-sig"])
def test_the_encoding_is_the_one_declared(encoding: str) -> None:
    body = "品号\n北京\n".encode(encoding)
    assert rows(body, encoding=encoding) == rows(body, f"text/csv; charset={encoding}") == [{"品号": "北京"}]


def test_a_byte_order_mark_of_another_encoding_is_refused() -> None:
    assert refused("\ufeff品号\n1", encoding="gb18030").code == "encoding-contradiction"
    assert refused("品号\n1".encode("utf-16")).code == "encoding-contradiction"


def test_utf_16_without_a_mark_is_not_taken_for_text() -> None:
    error = refused("a\nb\n".encode("utf-16-le"))
    assert (error.code, error.fields) == ("document-nul", {"line_no": 1})


@pytest.mark.parametrize("body", ['a\n"x"y\n', 'a\n"x', "a\n" + "x" * 200_000])
def test_what_is_no_csv_is_refused_with_its_line(body: str) -> None:
    error = refused(body)
    assert (error.code, error.fields["line_no"]) == ("csv-malformed", 2)
    assert "x" * 10 not in str(error)


@pytest.mark.parametrize("options", [{"delimiter": "||"}, {"delimiter": ""}, {"quote": "\n"}, {"delimiter": "'", "quote": "'"}])
def test_a_delimiter_or_quote_that_cannot_be_is_refused(options: dict[str, str]) -> None:
    assert refused("a\n1", **options).code == "csv-option"
    assert not_written([{"a": 1}], **options) == "csv-option"


# ----------------------------------------------------------------------------------------------- out


def test_rows_are_written_with_header_crlf_and_quotes_only_where_needed() -> None:
    table = [
        {"po": "PO-1", "qty": Decimal("1E+2"), "note": 'a "b"', "day": date(2026, 1, 19)},
        {"po": "x,y", "qty": -5, "late": True, "note": None},
        {"po": Element("po", "0012"), "note": "two\nlines"},
    ]
    assert write("csv", table, {}) == (
        b"po,qty,note,day,late\r\n"
        b'PO-1,100,"a ""b""",2026-01-19,\r\n'
        b'"x,y",-5,,,true\r\n'
        b'0012,,"two\nlines",,\r\n'
    )  # fmt: skip


def test_columns_keep_their_order_and_stay_when_no_row_has_them() -> None:
    assert write("csv", [{"b": 1}], {"columns": ["a", "b", "c"]}) == b"a,b,c\r\n,1,\r\n"
    assert write("csv", [], {"columns": ["a", "b"]}) == b"a,b\r\n"
    assert write("csv", [], {}) == b""
    assert parse_written("csv", b"") == []


def test_a_mapping_alone_is_one_row_and_the_header_can_be_left_out() -> None:
    body = write("csv", {"a": 1, "b": "x"}, {"header": False, "delimiter": ";"})
    assert body == b"1;x\r\n"
    assert parse_written("csv", body, "utf-8", {"header": False, "delimiter": ";"}) == [{"c1": "1", "c2": "x"}]


@given(st.characters(codec="utf-8"), st.text(st.characters(codec="utf-8"), max_size=5))
def test_no_text_begins_like_a_formula(first: str, rest: str) -> None:
    body = write("csv", [{"a": first + rest, first + rest: "x"}], {"header": False}).decode()
    cell = body.removeprefix('"')
    assert cell[0] not in "=+-@\t\r\n" or cell == "\r\n"
    assert cell.startswith("'") == (first in "'=+-@\t\r\n")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.integers())
def test_numbers_are_never_guarded(number: Decimal | int) -> None:
    assert Decimal(write("csv", [{"a": number}], {"header": False}).decode()) == number


def test_formulas_are_kept_where_the_route_says_so() -> None:
    assert write("csv", [{"=a": "=1+1"}], {"formulas": "keep"}) == b"=a\r\n=1+1\r\n"
    assert write("csv", [{"=a": "-x"}], {"formulas": "guard"}) == b"'=a\r\n'-x\r\n"


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ([{"a": 1}, {"a": [1]}], "value-not-single [1].a"),
        ([{"a": {}}], "value-not-single [0].a"),
        ([{"a": 1.5}], "value-unwritable [0].a"),
        ([{"a": 1}, "x"], "rows-expected [1]"),
        ("x", "rows-expected [0]"),
    ],
)
def test_what_csv_cannot_say_is_refused_with_its_path(tree: Any, said: str) -> None:
    assert not_written(tree) == said


def test_a_cell_that_needs_a_quote_where_there_is_none_is_refused() -> None:
    assert not_written([{"a": "x"}, {"a": "x;y"}], delimiter=";", quote="") == "csv-needs-quote [1]"


def test_a_character_that_does_not_fit_is_refused_with_field_and_number() -> None:
    with pytest.raises(DocumentError, match=r"^\[1\]\.name: gbk has no character U\+20BB7 𠮷$"):
        write("csv", [{"name": "中"}, {"name": "𠮷"}], {}, "gbk")


def test_a_mark_for_excel_is_written_with_utf_8_sig() -> None:
    assert write("csv", [{"名": "中"}], {}, "utf-8-sig") == "\ufeff名\r\n中\r\n".encode()
