"""JSON in and out."""

import json
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.adapter import SourceOptions
from bus.codecs import Element, parse_written, read, read_json_fast, write
from bus.errors import DocumentError

NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=4)
TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def load(body: bytes, content_type: str = "", **options: Any) -> Any:
    return read("json", body, SourceOptions(**options), content_type)


def refused(body: bytes, **options: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        load(body, **options)
    assert str(caught.value)
    return caught.value


@given(TREES)
def test_what_is_written_is_read_back_with_the_same_digits(tree: Any) -> None:
    body = write("json", tree, {})
    assert repr(load(body)) == repr(tree)
    assert read_json_fast(body) == parse_written("json", body) == tree


@given(TREES)
def test_any_json_of_pythons_own_writer_is_taken(tree: Any) -> None:
    body = json.dumps(tree, default=float).encode("utf-8", "surrogatepass")
    assert load(body) == json.loads(body, parse_float=Decimal)


def test_numbers_come_as_integers_of_any_size_and_decimals_with_their_digits() -> None:
    got = load(b'{"a": 12.50, "b": 12345678901234567890123, "c": 1e3, "d": -0.10}')
    assert [str(value) for value in got.values()] == ["12.50", "12345678901234567890123", "1E+3", "-0.10"]
    assert [type(value) for value in got.values()] == [Decimal, int, Decimal, Decimal]


@pytest.mark.parametrize("number", [b"1e401", b"-1E-401", b"1e99999999999999999999", b"7" * 5000])
def test_a_number_beyond_every_quantity_is_refused(number: bytes) -> None:
    assert refused(b'{"qty": ' + number + b"}").code == "json-number-out-of-range"
    with pytest.raises(DocumentError):
        read_json_fast(number)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,70})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
@example("0e-401")
@example("0e401")
@example("-0.0")
@example("1." + "0" * 40)
def test_a_number_comes_with_its_digits_or_is_refused_for_its_exponent(text: str) -> None:
    number = Decimal(text)
    if "e" in text.lower() and not -400 <= number.adjusted() <= 400:
        assert refused(text.encode()).code == "json-number-out-of-range"
    elif "." in text or "e" in text.lower():
        assert repr(read_json_fast(text.encode())) == repr(number)


@pytest.mark.parametrize("number", [b"1e400", b"1E-400", b"0." + b"1" * 500])
def test_a_number_at_the_edge_is_taken(number: bytes) -> None:
    assert load(number) == Decimal(number.decode())


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b"-Infinity", b"01", b"[1,]", b"{'a': 1}", b'"\0"', b"1 2"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert refused(body).code == "json-malformed"


def test_an_error_names_line_and_column_in_characters() -> None:
    error = refused('\ufeff{"品名":\n "中文", x}'.encode())
    assert str(error) == "no valid JSON at line 2, column 8: object keys must be strings"


def test_an_error_never_holds_the_content() -> None:
    assert "secret" not in str(refused(b'{"password": "secret" "x"}'))


def test_a_body_that_breaks_off_says_so() -> None:
    assert str(refused(b'{"a":\n[1, 2')) == "the JSON breaks off at its end, in line 2"


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"   "])
def test_an_empty_body_is_refused(body: bytes) -> None:
    assert refused(body).code == "document-empty"


def test_a_body_above_the_limit_is_refused_unread() -> None:
    assert refused(b"x" * 101, max_body=100).code == "document-too-large"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "b": 2, "a": 3}}]',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a": ":", "a": "\\u003a\\u003A"}',
        b'{"a": "\\u003a", "a": 1}',
        '{"数量": 1, "数量": 2}'.encode(),
    ],
)
def test_a_key_that_stands_twice_in_an_object_is_refused(body: bytes) -> None:
    assert refused(body).code == "json-key-twice"


@pytest.mark.parametrize(
    "body",
    [b'{"a\\u003c": "\\u003d"}', b'[{"a": 1}, {"a": 1}]', b'{"a": {"a": {"a": 1}}}', b'{"a:": "::", "b": ":"}', b'{"a\\u003a": "\\u003A:", "b": 1}'],
)
def test_colons_in_texts_and_the_same_key_in_other_objects_are_no_duplicates(body: bytes) -> None:
    assert load(body) == json.loads(body)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c:", ":"]), st.text(":\\\"a", max_size=3)), max_size=4), st.booleans())
def test_duplicates_are_found_exactly_where_there_are_some(members: list[tuple[str, str]], escaped: bool) -> None:
    body = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in members) + "}"
    if escaped:
        body = body.replace("a:", "a\\u003a")
    try:
        json.loads(body)
    except ValueError:
        return  # an escape put where none may stand
    if len(dict(json.loads(body, object_pairs_hook=list))) == len(json.loads(body, object_pairs_hook=list)):
        assert load(body.encode()) == json.loads(body)
    else:
        assert refused(body.encode()).code == "json-key-twice"


def test_the_fast_reader_takes_the_last_of_two_equal_keys() -> None:
    assert read_json_fast(b'\xef\xbb\xbf{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(("opening", "closing", "times"), [(b"[", b"]", 64), (b'{"a":', b"}", 64), (b'[{"a":', b"}]", 32)])
def test_sixty_four_levels_are_taken_and_one_more_is_refused(opening: bytes, closing: bytes, times: int) -> None:
    assert load(opening * times + b"1" + closing * times)
    assert refused(opening * times + b"[]" + closing * times).code == "document-too-deep"


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert len(load(b"[" + b"[]," * 1000 + b"{}]")) == 1001


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_a_hundred_thousand_brackets_are_refused_at_once(body: bytes) -> None:
    start = time.process_time()
    assert refused(body).code == "document-too-deep"
    with pytest.raises(DocumentError):
        read_json_fast(body)
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', b'{"a\xc0\x80": 1}', b'"\xed\xa0\x80"'])
def test_bytes_that_are_not_utf_8_are_refused_with_their_offset(body: bytes) -> None:
    error = refused(body)
    assert error.code == "document-undecodable"
    with pytest.raises(UnicodeDecodeError) as expected:
        body.decode()
    assert error.fields == {"encoding": "utf-8", "offset": expected.value.start}


def test_half_a_surrogate_pair_is_refused() -> None:
    assert refused(b'"\\ud800 and more"').code == "json-malformed"


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "GB2312", "big5", "utf-16", "utf-8-sig"])
def test_the_encoding_is_the_one_declared(encoding: str) -> None:
    assert load(write("json", {"單": "中"}, {}, encoding.replace("GB2312", "gbk")), encoding=encoding) == {"單": "中"}


def test_the_charset_of_the_content_type_counts_where_the_source_says_nothing() -> None:
    body = '{"名": "中"}'.encode("gb18030")
    assert load(body, 'application/json; charset="GB18030"') == {"名": "中"}
    assert load(body, "application/json; charset=utf-8", encoding="gb18030") == {"名": "中"}
    assert load(b"{}", "application/json") == {}


def test_numbers_are_written_with_their_digits_and_without_exponents() -> None:
    tree = {"a": Decimal("1E+5"), "b": Decimal("0.00000001"), "c": [Decimal("12.50"), 10**30, -7]}
    assert write("json", tree, {}) == b'{"a":100000,"b":0.00000001,"c":[12.50,1000000000000000000000000000000,-7]}'


def test_dates_and_times_are_written_as_iso_8601() -> None:
    china = timezone(timedelta(hours=8))
    tree = [date(2026, 1, 19), datetime(2026, 1, 19, 8, 30, tzinfo=UTC), datetime(2026, 1, 19, 8, 30, 0, 5000, china)]
    assert write("json", tree, {}) == b'["2026-01-19","2026-01-19T08:30:00Z","2026-01-19T08:30:00.005000+08:00"]'


def test_an_element_is_written_as_text_or_mapping() -> None:
    tree = {"qty": Element("qty", "5", {"unitCode": "EA"}), "code": Element("code", "0012"), "ok": True, "no": None}
    assert write("json", tree, {}) == b'{"qty":{"@unitCode":"EA","#text":"5"},"code":"0012","ok":true,"no":null}'


@pytest.mark.parametrize(
    ("tree", "place"),
    [({"a": [1, Decimal("NaN")]}, "a[1]"), ({"a": {"b": 1.5}}, "a.b"), ([b"x"], "[0]"), (Decimal("Infinity"), "document")],
)
def test_what_json_cannot_say_is_refused_with_its_path(tree: Any, place: str) -> None:
    with pytest.raises(DocumentError) as caught:
        write("json", tree, {})
    assert (caught.value.code, caught.value.fields["at"]) == ("value-unwritable", place)


@pytest.mark.parametrize(
    ("tree", "encoding", "said"),
    [
        ({"a": {"b": ["x", "中"]}}, "latin-1", "a.b[1]: latin-1 has no character U+4E2D 中"),
        ({"a": [["x"], 1], "b": "中"}, "ascii", "b: ascii has no character U+4E2D 中"),
        ({"中": 1}, "ascii", "中: ascii has no character U+4E2D 中"),
        ({"a": "\ud800"}, "utf-8", "a: utf-8 has no character U+D800"),
        ("中", "ascii", "document: ascii has no character U+4E2D 中"),
        ({"a": Element("a", "中")}, "ascii", "a: ascii has no character U+4E2D 中"),
    ],
)
def test_a_character_that_does_not_fit_is_refused_with_field_and_number(tree: Any, encoding: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        write("json", tree, {}, encoding)
    assert str(caught.value) == said


def test_rows_are_written_as_a_mapping_of_lists_by_table() -> None:
    tree = {"bus_receipt_line": [{"qty": Decimal("12.5")}, {"qty": Decimal(3)}]}
    body = write("rows", tree, {})
    assert body == b'{"bus_receipt_line":[{"qty":12.5},{"qty":3}]}'
    assert parse_written("rows", body) == tree
