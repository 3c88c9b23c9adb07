"""What all formats share: their names, charsets, single values; and text, which is nothing else."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.adapter import Column, SourceOptions
from bus.codecs import CONTENT_TYPES, FORMATS, SOURCE_FORMATS, Element, parse_written, read, write
from bus.codecs.charsets import byte_order_mark, charset, decode, label
from bus.codecs.scalars import text_of
from bus.errors import DocumentError


def test_every_format_has_a_content_type_and_what_is_read_is_written() -> None:
    assert set(CONTENT_TYPES) == set(FORMATS)
    assert set(SOURCE_FORMATS) < set(FORMATS)


def test_an_unknown_format_names_the_known_ones() -> None:
    known = r"^no format 'edi'; known: json, xml, csv, fixed, text"
    with pytest.raises(DocumentError, match=known + "$"):
        read("edi", b"x", SourceOptions())
    with pytest.raises(DocumentError, match=known + ", rows$"):
        write("edi", {}, {})
    with pytest.raises(DocumentError, match=known + ", rows$"):
        parse_written("edi", b"")


@given(st.text(min_size=1).filter(lambda text: not text.encode().isspace()))
def test_text_is_the_document_itself(text: str) -> None:
    body = write("text", text, {})
    assert read("text", body, SourceOptions(format="text")) == parse_written("text", body) == text.removeprefix("\ufeff")


def test_text_takes_any_single_value_and_no_other() -> None:
    assert write("text", Decimal("1E+2"), {}) == b"100"
    with pytest.raises(DocumentError, match=r"^text: a single value is needed"):
        write("text", ["a"], {})
    with pytest.raises(DocumentError, match=r"^text: gbk has no character U\+20BB7 𠮷$"):
        write("text", "中𠮷", {}, "gbk")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12.50"), "12.50"),
        (Decimal("1E-8"), "0.00000001"),
        (0, "0"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (date(2026, 1, 19), "2026-01-19"),
        (datetime(2026, 1, 19, 8, 30, tzinfo=UTC), "2026-01-19T08:30:00Z"),
        (datetime(2026, 1, 19, 8, 30, tzinfo=timezone(timedelta(hours=8))), "2026-01-19T08:30:00+08:00"),
        (Element("a", "5", {"u": "EA"}), "5"),
    ],
)
def test_a_single_value_is_written_the_same_in_every_format(value: Any, text: str) -> None:
    assert text_of(value, "") == text


@pytest.mark.parametrize("value", [1.5, b"x", Decimal("NaN"), Decimal("-Infinity"), {}, []])
def test_what_no_format_can_say_has_no_text(value: Any) -> None:
    with pytest.raises(DocumentError, match=r"^lines\[0\]: "):
        text_of(value, "lines[0]")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("uft-8", "utf-8"), ("gb18031", "gb18030"), ("latin1x", "latin-1"), ("unicode_escape", "utf-8, gb18030"), ("a\0b", "utf-8, gb18030")],
)
def test_an_unknown_charset_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(DocumentError) as caught:
        charset(name)
    assert (caught.value.code, caught.value.fields["nearest"]) == ("charset-unknown", nearest)


@pytest.mark.parametrize("name", ["zlib", "base64", "rot13", "utf-7", "idna", "punycode", "raw_unicode_escape", "hex", "bz2"])
def test_only_charsets_are_charsets(name: str) -> None:
    with pytest.raises(DocumentError):
        read("text", b"x", SourceOptions(encoding=name))


@pytest.mark.parametrize(
    ("typed", "written"),
    [("utf8", "UTF-8"), ("UTF-8-SIG", "UTF-8"), ("latin-1", "ISO-8859-1"), ("cp936", "GBK"), ("sjis", "Shift_JIS"), ("cp1252", "windows-1252")],
)
def test_a_charset_is_labelled_as_the_iana_knows_it(typed: str, written: str) -> None:
    assert label(typed) == written


@given(st.binary(max_size=40), st.sampled_from(["utf-8", "gb18030", "gbk", "big5", "shift_jis", "utf-16", "latin-1"]))
def test_bytes_are_read_whole_or_refused_with_their_offset(body: bytes, encoding: str) -> None:
    got: tuple[object, object]
    expected: tuple[object, object]
    try:
        expected = body.decode(encoding.replace("gbk", "gb18030")).removeprefix("\ufeff"), None
    except UnicodeDecodeError as exc:
        expected = "document-undecodable", exc.start
    try:
        got = decode(body, encoding), None
    except DocumentError as error:
        got = error.code, error.fields.get("offset")
    assert got in (expected, ("encoding-contradiction", None))
    assert got == expected or byte_order_mark(body)


BODIES = (
    b'{"a": [1, "\\u003a", 1e5], "b": {"c": null}}',
    b"<?xml version='1.0' encoding='gbk'?><a x='1'><b>\xd6\xd0</b><!-- c --><![CDATA[d]]>&amp;</a>",
    b'a,b\r\n"1\r\n",2\r\n',
)


@given(
    st.sampled_from(SOURCE_FORMATS),
    st.sampled_from(BODIES),
    st.binary(max_size=6),
    st.integers(0, 60),
    st.integers(0, 6),
    st.sampled_from(["utf-8", "gbk", "utf-16", "shift_jis"]),
)
def test_whatever_comes_is_read_or_refused_and_never_anything_else(
    format_: str, body: bytes, noise: bytes, at: int, cut: int, encoding: str
) -> None:
    options = SourceOptions(encoding=encoding, columns={"a": Column(at=2, width=3)})
    try:
        got = read(format_, body[:at] + noise + body[at + cut :], options)
    except DocumentError as error:
        got = str(error)
    assert got is not None or format_ == "json"
