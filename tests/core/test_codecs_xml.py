"""XML in and out."""

import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.adapter import SourceOptions
from bus.codecs import Element, answer_of, parse_written, plain, read, write
from bus.errors import DocumentError

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
# Blanks alone are an empty element to the reader, and so is nothing.
WORDS = st.text(CHARACTERS | st.sampled_from("\t\n\r<>&\"' "), max_size=8).filter(lambda text: text == text.strip())
NAMES = st.from_regex(r"[A-Za-z_品名][A-Za-z0-9_.品-]{0,6}", fullmatch=True)
ATTRIBUTES = st.dictionaries(NAMES.map("@{}".format), WORDS, max_size=2)
TREES = st.recursive(
    WORDS,
    lambda inner: st.builds(
        lambda attributes, children: attributes | children,
        ATTRIBUTES,
        st.dictionaries(NAMES, inner | st.lists(inner, min_size=2, max_size=3), min_size=1, max_size=3),
    ),
    max_leaves=12,
)


def load(body: bytes | str, content_type: str = "", **options: Any) -> Element:
    body = body.encode() if isinstance(body, str) else body
    held = read("xml", body, SourceOptions(**options), content_type)
    assert isinstance(held, Element)
    return held


def root_of(body: bytes | str) -> Element:
    (root,) = load(body).children.values()
    assert isinstance(root, Element)
    return root


def refused(body: bytes | str, **options: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        load(body, **options)
    assert str(caught.value)
    return caught.value


def not_written(tree: Any, encoding: str = "utf-8") -> str:
    with pytest.raises(DocumentError) as caught:
        write("xml", tree, {}, encoding)
    assert str(caught.value)
    return f"{caught.value.code} {caught.value.fields.get('at', '')}".strip()


@given(NAMES, TREES)
def test_what_is_written_is_read_back(name: str, tree: Any) -> None:
    body = write("xml", {name: tree}, {})
    assert parse_written("xml", body) == plain(load(body)) == {name: tree}


# ------------------------------------------------------------------------------------------------ in


def test_elements_are_reached_by_local_name_whatever_their_prefix() -> None:
    document = load('<p:request xmlns:p="urn:a" xmlns="urn:b"><line p:no="1"/><p:line no="2"/></p:request>')
    request = document.child("request")
    assert isinstance(request, Element)
    lines = request.child("line")
    assert isinstance(lines, list)
    assert [line.item("@no") for line in lines] == ["1", "2"]
    assert request.child("header") is None


def test_text_attributes_and_children_are_items_too() -> None:
    qty = root_of('<qty xml:lang="zh" unitCode="EA">5<note>n</note></qty>')
    assert (qty.item("@unitCode"), qty.item("@lang"), qty.item("#text"), str(qty)) == ("EA", "zh", "5", "5")
    assert qty.item("@missing") is None
    assert qty.item("note") == Element("note", "n")


def test_of_two_attributes_of_one_local_name_the_one_without_prefix_counts() -> None:
    assert root_of('<a xmlns:x="u" type="own" x:type="other"/>').item("@type") == "own"
    assert root_of('<a xmlns:x="u" x:type="other" type="own" x:only="1"/>').attributes == {"type": "own", "only": "1"}


def test_blanks_are_kept_around_the_text_of_a_leaf_and_dropped_between_elements() -> None:
    root = root_of("<a>\n  <b>  5.000 </b>\n  <c> \n </c> <d/>tail </a>")
    assert plain(root) == {"#text": "tail", "b": "  5.000 ", "c": "", "d": ""}


def test_comments_and_instructions_are_ignored_and_cdata_is_text() -> None:
    assert root_of("<?x y?><a>1<!-- 9 -->2<?p q?>3<![CDATA[<4>]]></a><!-- end -->").text == "123<4>"


def test_a_representation_shows_no_content() -> None:
    assert repr(load("<a>secret</a>").child("a")) == "<Element a>"


def test_a_whole_document_is_plain_values_for_json() -> None:
    assert plain([load("<a><b x='1'/><b>2</b></a>"), {"n": 1}]) == [{"a": {"b": [{"@x": "1", "#text": ""}, "2"]}}, {"n": 1}]


def test_an_answer_is_reached_with_and_without_the_name_of_its_root() -> None:
    answer = answer_of(load("<response><flag>success</flag></response>"))
    assert answer.name == "response"
    assert answer.child("flag").text == answer.child("response").child("flag").text == "success"


def test_a_child_of_the_roots_own_name_comes_before_the_root() -> None:
    assert answer_of(root_of("<response><response>inner</response></response>")).child("response").text == "inner"


def test_an_answer_in_json_stays_as_it_is() -> None:
    assert answer_of({"flag": "success"}) == {"flag": "success"}


@pytest.mark.parametrize("declared", ["gb2312", "GBK", "gb18030", "cp936"])
def test_a_document_that_declares_gb2312_or_gbk_is_read_as_gb18030(declared: str) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?><a>㐀镕𠮷</a>'.encode("gb18030")
    assert root_of(body).text == "㐀镕𠮷"


@pytest.mark.parametrize(("encoding", "declared"), [("utf-16", "UTF-16"), ("utf-16", "utf-8"), ("utf-8-sig", "UTF-8"), ("big5", "Big5")])
def test_the_byte_order_mark_or_the_declaration_says_the_encoding(encoding: str, declared: str) -> None:
    body = f"<?xml version='1.0' encoding='{declared}'?><a>單</a>".encode(encoding)
    assert root_of(body).text == "單"


def test_the_declaration_wins_over_the_source_and_the_source_over_utf_8() -> None:
    assert plain(load('<?xml version="1.0" encoding="utf-8"?><a>中</a>', encoding="gb18030")) == {"a": "中"}
    assert plain(load("<a>中</a>".encode("gb18030"), encoding="gbk")) == {"a": "中"}
    assert plain(load("<a>中</a>".encode("gb18030"), "text/xml; charset=GBK")) == {"a": "中"}
    assert plain(load("\ufeff<a>中</a>", encoding="gb18030")) == {"a": "中"}
    assert plain(load('<?xml version="1.0" encoding="utf-8"?><a>中</a>', "text/xml; charset=nonsense")) == {"a": "中"}


@pytest.mark.parametrize("body", ['<?xml version="1.0" encoding="UTF-16"?><a/>', '\ufeff<?xml version="1.0" encoding="gbk"?><a/>'])
def test_a_declaration_that_the_bytes_contradict_is_refused(body: str) -> None:
    assert refused(body).code == "encoding-contradiction"


def test_bytes_that_do_not_fit_name_the_encoding_and_the_offset() -> None:
    error = refused(b'<?xml version="1.0" encoding="gbk"?><a>\xff</a>')
    assert (error.code, error.fields) == ("document-undecodable", {"encoding": "gbk", "offset": 39})


@pytest.mark.parametrize("name", ["klingon", "utf-7", "zlib"])
def test_an_unknown_encoding_is_refused(name: str) -> None:
    assert refused(f'<?xml version="1.0" encoding="{name}"?><a/>').code == "charset-unknown"


@pytest.mark.parametrize(
    "body",
    ["<a>", "<a/><b/>", "text", "<a>&nbsp;</a>", "<a>&#0;</a>", "<a>\0</a>", "<a>\x01</a>", "<a b='1' b='2'/>", "<p:a/>"],
)
def test_what_is_no_xml_is_refused(body: str) -> None:
    assert refused(body).code == "xml-malformed"


def test_an_error_names_line_and_column() -> None:
    assert str(refused("<a>\n  <b></a>")) == (
        "no valid XML at line 2, column 10: Opening and ending tag mismatch: b line 2 and a"
    )


def test_an_error_never_holds_the_content() -> None:
    for body in ("<a><!-- secret -- secret --></a>", "<a>secret<b></a>", "<a x='secret'><b></a>", "<a>secret & secret</a>"):
        assert "secret" not in str(refused(body))


# ------------------------------------------------------------------------------------------ security


def test_billion_laughs_is_refused_at_once() -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    start = time.process_time()
    assert refused(f'<!DOCTYPE l [<!ENTITY l0 "lol">{entities}]><l a="&l9;">&l9;</l>').code == "xml-doctype"
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "{canary}">]>',
        '<!DOCTYPE a SYSTEM "{canary}">',
        '<?p?><!-- c -->\n<!DOCTYPE a [<!ENTITY % x SYSTEM "{canary}"> %x;]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_file_gets_into_a_document(doctype: str, encoding: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("CANARY")
    error = refused((doctype.format(canary=canary.as_uri()) + "<a>&x;</a>").encode(encoding))
    assert error.code == "xml-doctype"
    assert "CANARY" not in str(error)


def test_no_file_is_included() -> None:
    body = '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/></a>'
    assert plain(root_of(body)) == {"include": {"@href": "/etc/passwd", "@parse": "text", "#text": ""}}


def test_the_word_doctype_in_text_is_no_doctype() -> None:
    assert root_of("<a><!-- <!DOCTYPE --><![CDATA[<!DOCTYPE x>]]></a>").text == "<!DOCTYPE x>"


@pytest.mark.parametrize("body", ["<!---->" * 50_000 + "<!DOCTYP", "<!-- " * 50_000 + "<!DOCTYPE", "<?x " * 50_000 + "<!DOCTYPE"])
def test_looking_for_a_doctype_takes_no_time(body: str) -> None:
    start = time.process_time()
    assert refused(body).code == "xml-malformed"
    assert time.process_time() - start < 0.2


def test_sixty_four_levels_are_taken_and_one_more_is_refused() -> None:
    assert load("<a>" * 64 + "</a>" * 64).child("a")
    assert refused("<a>" * 65 + "</a>" * 65).code == "document-too-deep"


@pytest.mark.parametrize("body", ["<a>" * 100_000, "<a>" * 100_000 + "</a>" * 100_000])
def test_a_hundred_thousand_levels_are_refused_at_once(body: str) -> None:
    start = time.process_time()
    assert refused(body).code == "document-too-deep"
    assert time.process_time() - start < 0.1


# ----------------------------------------------------------------------------------------------- out


def test_attributes_text_lists_and_namespaces_are_written_in_order() -> None:
    tree = {
        "p:request": {
            "@xmlns:p": "urn:p", "@version": "2.0", "@p:kind": 'a"b\n',
            "line": [{"@no": 1, "#text": Decimal("1E+2")}, "<2> & 3\r"],
            "p:due": date(2026, 1, 19), "none": [], "null": None, "empty": {}, "ok": True,
        }
    }  # fmt: skip
    assert write("xml", tree, {}) == DECLARATION + (
        b'<p:request xmlns:p="urn:p" version="2.0" p:kind="a&quot;b&#10;"><line no="1">100</line>'
        b"<line>&lt;2&gt; &amp; 3&#13;</line><p:due>2026-01-19</p:due><null></null><empty></empty><ok>true</ok></p:request>"
    )


def test_an_element_read_can_be_written() -> None:
    document = load("<a x='1'><b>1</b><b y='2'>3</b></a>")
    assert write("xml", document, {}) == DECLARATION + b'<a x="1"><b>1</b><b y="2">3</b></a>'
    assert write("xml", {"r": document.child("a")}, {}) == DECLARATION + b'<r x="1"><b>1</b><b y="2">3</b></r>'


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-8-sig", "big5"])
def test_the_declaration_names_the_encoding_that_is_written(encoding: str) -> None:
    body = write("xml", {"a": "單"}, {}, encoding)
    assert root_of(body).text == "單"
    assert parse_written("xml", body, encoding) == {"a": "單"}


def test_latin_1_is_declared_by_the_name_parsers_know() -> None:
    assert write("xml", {"a": "é"}, {}, "latin-1") == b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>\xe9</a>'


@pytest.mark.parametrize("tree", [{}, {"a": 1, "b": 2}, {"a": [1, 2]}, {"a": []}, "text", [{"a": 1}]])
def test_a_document_without_exactly_one_root_is_refused(tree: Any) -> None:
    assert not_written(tree) == "xml-one-root"


def test_a_root_in_a_list_of_one_is_one_root() -> None:
    assert write("xml", {"a": ["x"]}, {}) == DECLARATION + b"<a>x</a>"


@pytest.mark.parametrize("name", ["a b", "1a", "", "a:b:c", "-a", "a<", "@a", "a\n", "×"])
def test_what_is_no_name_is_refused(name: str) -> None:
    assert not_written({"r": {"x": {name: "1"}}} if name != "@a" else {"@a": 1}).startswith("xml-name")


def test_a_prefix_that_nobody_declared_is_refused() -> None:
    assert not_written({"r": {"p:a": 1}}) == "xml-prefix-undeclared r.p:a"
    assert not_written({"r": {"@p:a": 1}}) == "xml-prefix-undeclared r.@p:a"
    assert not_written({"r": {"a": {"@xmlns:p": "u"}, "p:b": 1}}) == "xml-prefix-undeclared r.p:b"
    assert write("xml", {"r": {"@xml:lang": "zh"}}, {}) == DECLARATION + b'<r xml:lang="zh"></r>'


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"r": {"@a": [1]}}, "value-not-single r.@a"),
        ({"r": {"#text": {}}}, "value-not-single r.#text"),
        ({"r": {"a": [[1]]}}, "value-not-single r.a[0]"),
        ({"r": {"a": [1, 1.5]}}, "value-unwritable r.a[1]"),
        ({"r": {"a": Decimal("NaN")}}, "value-unwritable r.a"),
    ],
)
def test_what_xml_cannot_say_is_refused_with_its_path(tree: Any, said: str) -> None:
    assert not_written(tree) == said


@pytest.mark.parametrize("sign", ["\0", "\x01", "\x0b", "\ufffe", "\ud800"])
def test_a_character_that_xml_cannot_hold_is_refused_with_field_and_number(sign: str) -> None:
    with pytest.raises(DocumentError, match=rf"^r\.a: XML cannot hold the character U\+{ord(sign):04X}$"):
        write("xml", {"r": {"a": f"x{sign}"}}, {})
    assert not_written({"r": {"@a": sign}}) == "xml-character r.@a"


def test_a_character_that_does_not_fit_is_refused_with_field_and_number() -> None:
    with pytest.raises(DocumentError, match=r"^r\.line\[1\]: gb2312 has no character U\+20BB7 𠮷$"):
        write("xml", {"r": {"line": ["中", "𠮷"]}}, {}, "gb2312")
