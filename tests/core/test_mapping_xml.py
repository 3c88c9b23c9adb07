"""XML out of a mapping: elements, attributes, text, prefixes, repetition; the same bytes as the tree's own writer."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.codecs import write
from bus.codecs.xml_writer import declaration
from bus.errors import BusError
from bus.expressions.scope import Code, Scope
from bus.mapping import to_tree, to_xml
from bus.mapping.generate import Program
from bus.mapping.shape import Entry, For, Group, Leaf, Let, Several, Shape
from bus.places import Place
from bus.types import ANY, DATE, DECIMAL, TEXT, Field, ListOf, Record

from tests.core.expressing import CONTEXT, source
from tests.core.mapped import checked, document, failure
from tests.core.test_expressions_reference import Choices, some

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def xml(mapping: str, **data: Any) -> str:
    """The document without its declaration."""
    text = document(mapping, **data)
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


@pytest.mark.parametrize(("mapping", "expected"), [
    ("xml: {a: {b: data.no, c: data.qty, d: data.open, e: data.day}}", "<a><b>PO-1</b><c>2.5</c><d>true</d><e>2026-03-01</e></a>"),
    ("xml: {a: {'@v': \"'2.0'\", '@n?': data.note, '#text': data.no}}", '<a v="2.0">PO-1</a>'),
    ("xml: {a: {'@v?': data.no, b?: data.note, c?: {d?: data.note}}}", '<a v="PO-1"></a>'),
    ("xml: {a: data.no}", "<a>PO-1</a>"),
    ("xml: {a: {b: {for: 'n, l in data.lines', if: l.qty > 0, '@n': n, sku: l.sku}}}", '<a><b n="1"><sku>A</sku></b><b n="2"><sku>B</sku></b></a>'),
    ("xml: {a: {b: {for: l in data.lines, if: l.qty > 99, c: l.sku}}}", "<a></a>"),
    ("xml: {a: {b: '[l.sku for l in data.lines]', c?: data.tags}}", "<a><b>A</b><b>B</b><b>C</b></a>"),
    ("xml: {a: {b: [data.no, \"'x'\", {c: 1}]}}", "<a><b>PO-1</b><b>x</b><b><c>1</c></b></a>"),
    ("xml: {a: {b?: [data.note, data.no, {c?: data.note}]}}", "<a><b>PO-1</b></a>"),
    ("xml: {a: {'@xmlns': \"'urn:a'\", '@xmlns:p': \"'urn:p'\", 'p:b': data.no, '@p:c': \"'1'\"}}", '<a xmlns="urn:a" xmlns:p="urn:p" p:c="1"><p:b>PO-1</p:b></a>'),
    ("xml: {a: {b: {'@q': \"'1'\", '#text?': data.note}, c: {'#text': data.qty, d: 1}}}", '<a><b q="1"></b><c>2.5<d>1</d></c></a>'),
    ("xml: {a: {b: {if: data.open, c: 1}, d: {if: not data.open, c: 1}, e?: {if: data.open, f?: data.note}}}", "<a><b><c>1</c></b></a>"),
    ("xml: {a: {let: {x: data.no + '-'}, b: x, c: {let: {y: x + x}, d: y}}}".replace("'-'", '"-"'), "<a><b>PO-1-</b><c><d>PO-1-PO-1-</d></c></a>"),
    ("xml: {a: {lines?: {line: {for: l in data.lines, if: l.qty > 99, c: l.sku}}, n?: {m?: {o?: data.note}}}}", "<a></a>"),
    ("xml: {a: {l?: {for: l in data.lines, note?: l.note}}}", "<a><l><note>x</note></l></a>"),
    ("xml: {采购: {单号: data.no}}", "<采购><单号>PO-1</单号></采购>"),
    ("let: {x: data.no}\nxml: {let: {y: x}, a: {b: y}}", "<a><b>PO-1</b></a>"),
    ("xml: {a: {b: data.party, c?: data.party}}", '<a><b><name>n&amp;</name><zip></zip></b><c><name>n&amp;</name><zip></zip></c></a>'),
    ("xml: {a: {b: data.qty * 1000, c: data.lines}}", "<a><b>2500.0</b><c><sku>A</sku><qty>1</qty></c><c><sku>B</sku><qty>2</qty></c></a>"),
])  # fmt: skip
def test_a_mapping_becomes_elements(mapping: str, expected: str) -> None:
    data: dict[str, Any] = {"party": {"name": "n&", "zip": ""}} if "party" in mapping else {}
    if "c: data.lines" in mapping:
        data = {"lines": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}]}
    assert xml(mapping, **data) == expected


def test_text_and_attributes_are_escaped() -> None:
    nasty = "<&>\"'\t\n\r]]>"
    assert xml("xml: {a: {'@b': data.no, '@c?': data.note, d: data.no, e?: data.note, '#text': data.no}}", no=nasty, note=nasty) == (
        "<a b=\"&lt;&amp;&gt;&quot;'&#9;&#10;&#13;]]&gt;\" c=\"&lt;&amp;&gt;&quot;'&#9;&#10;&#13;]]&gt;\">"
        "<d>&lt;&amp;&gt;\"'\t\n&#13;]]&gt;</d><e>&lt;&amp;&gt;\"'\t\n&#13;]]&gt;</e>&lt;&amp;&gt;\"'\t\n&#13;]]&gt;</a>"
    )


@pytest.mark.parametrize("mapping", ["xml: {a: {b: data.no}}", "xml: {a: {b?: data.no}}", "xml: {a: {'@b': data.no}}", "xml: {a: {'@b?': data.no}}", "xml: {a: {b: '[data.no]'}}"])
@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\ufffe"])
def test_a_character_xml_cannot_hold_is_a_failure_that_names_it(mapping: str, sign: str) -> None:
    error = failure(mapping, no=f"a{sign}b")
    assert error.code == "character-not-in-xml"
    assert f"U+{ord(sign):04X}" in str(error)
    assert error.where is not None


def test_names_that_come_from_the_data_are_checked() -> None:
    error = failure("xml: {a: data.party}", party={"name": "n", 'x><evil a="': "1"})
    assert error.code == "xml-name"


@pytest.mark.parametrize("mapping", ["xml: {a?: {b?: data.note}}", "xml: {a: {if: data.note != null, b: 1}}", "xml: {a?: data.note}", "xml: {a?: data.tags}"])
def test_a_document_without_its_root_is_a_failure(mapping: str) -> None:
    assert failure(mapping).code == "xml-one-root"
    assert xml("xml: {a?: {b?: data.note}}", note="x") == "<a><b>x</b></a>"


@pytest.mark.parametrize(("mapping", "code"), [
    ("xml: {a: {b: data.note}}", "mapped-empty"), ("xml: {a: {'@b': data.note}}", "mapped-empty"), ("xml: {a: {'#text': data.note}}", "mapped-empty"),
    ("xml: {a: {b: data.price}}", "mapped-empty"), ("xml: {a: {b: data.tags}}", "mapped-empty"), ("xml: {a: {b: [data.note]}}", "mapped-empty"),
    ("xml: {a: {b: data.due}}", "mapped-empty"), ("xml: {a: {'@b': data.lines}}", "not-one-value"), ("xml: {a: {'#text': data.lines}}", "not-one-value"),
    ("xml: {a: {b: [data.lines]}}", "not-one-value"), ("xml: {a: {b: '[[1], [2]]'}}", "not-one-value"),
])  # fmt: skip
def test_what_has_no_place_in_an_element_is_a_failure(mapping: str, code: str) -> None:
    assert failure(mapping).code == code


@pytest.mark.parametrize(("mapping", "code"), [
    ("xml: {a: 1, b: 2}", "xml-roots"), ("xml: {for: l in data.lines, a: l.sku}", "xml-roots"), ("xml: {a: {for: l in data.lines, b: l.sku}}", "xml-root-repeats"),
    ("xml: {a: {'p:b': 1}}", "xml-prefix"), ("xml: {'1a': 1}", "xml-name-unfit"), ("xml: {a: {'@b': {c: 1}}}", "attribute-not-single"), ("xml: {a: {'#text': {c: 1}}}", "attribute-not-single"),
])  # fmt: skip
def test_what_is_no_xml_is_found_at_load(mapping: str, code: str) -> None:
    assert code in [finding.code for finding in checked(mapping).findings]


def test_an_expression_that_yields_the_whole_is_written_as_a_tree() -> None:
    assert xml("xml: '{\"a\": data.party}'", party={"name": "n"}) == "<a><name>n</name></a>"


# ------------------------------------------------------------------ the same bytes as the tree's own writer

HERE = Place("here")
TYPED = Record({
    "t": Field(TEXT), "u": Field(TEXT, required=False), "n": Field(DECIMAL), "m": Field(DECIMAL, required=False), "d": Field(DATE, required=False),
    "l": Field(ListOf(Record({"s": Field(TEXT), "o": Field(TEXT, required=False)}))), "k": Field(ListOf(TEXT), required=False),
})  # fmt: skip
EXPRESSIONS = (
    "data.t", "data.u", "data.n", "data.m", "data.d", "data.k", "data.l", "doc.a", "doc.part", "doc", '"x"', "1.50", "[data.t, data.u]", "doc.code", "true",
    'default(data.u, "-")', "[]", '{"@v": data.t, "c": data.u}', "null", "data.t + data.t", "lines[0:1]", "[x.s for x in data.l]", 'f"{data.n}"',
)  # fmt: skip
LOOPED = ("it.s", "it.o", "it", *EXPRESSIONS)


def mapping_of(c: Choices, depth: int, loop: bool = False) -> Group:
    """A random mapping of elements, attributes and text."""
    entries: dict[str, Entry] = {}
    for _ in range(c.below(5)):
        key = c.one(("a", "b", "c", "p:d", "@v", "@w", "#text", "e"))
        leaf_only = key[0] in "@#"
        value: Shape = Leaf(source(c.one(LOOPED if loop else EXPRESSIONS))) if leaf_only or depth <= 0 or c.below(3) == 0 else shape_of(c, depth - 1, loop)
        entries[key] = Entry(key, bool(c.below(2)), value, HERE)
    lets = (Let(f"let{depth}", source('"let"'), HERE),) if c.below(6) == 5 and not loop else ()
    condition = source(c.one(("data.u != null", "true", "false"))) if c.below(4) == 3 else None
    return Group(tuple(entries.values()), HERE, (), condition, lets)


def shape_of(c: Choices, depth: int, loop: bool) -> Shape:
    kind = c.below(5)
    if kind < 2:
        return mapping_of(c, depth, loop)
    if kind == 2:
        items = (Leaf(source(c.one(LOOPED if loop else EXPRESSIONS))) if c.below(2) else mapping_of(c, depth, loop) for _ in range(c.below(4)))
        return Several(tuple(items), HERE)
    if kind == 3 or loop:
        return Leaf(source(c.one(LOOPED if loop else EXPRESSIONS)))
    inner = mapping_of(c, depth, loop=True)
    return Group(inner.entries, HERE, (For("it", c.one(("", "no")), source(c.one(("data.l", "lines", "null"))), HERE),), inner.condition, inner.lets)


def compiled(root: Entry, emit: Callable[[Group, Program, Scope], str]) -> Callable[..., Any]:
    names = {"data": Code("data", TYPED, nullable=False), "doc": Code("doc", ANY), "lines": Code("lines", ANY)}
    program = Program("test", "data, doc, lines, ctx", Scope(names, "route", (), {}))
    program.line(f"return {emit(Group((root,), HERE), program, program.scope)}")
    return program.compiled()


@settings(max_examples=1500, derandomize=True)
@given(st.binary(min_size=150, max_size=500))
def test_generated_writers_give_the_bytes_of_the_tree_s_writer(choices: bytes) -> None:
    c = Choices(choices)
    body = mapping_of(c, 3)
    prefix = Entry("@xmlns:p", False, Leaf(source("'urn:p'")), HERE)
    root = Entry("root", c.below(8) == 7, Group((prefix, *body.entries), HERE, (), body.condition, body.lets), HERE)
    text = c.one(("A", "x<&>\"y\n", "", " ", "中\r"))
    optional = {name: value for name, value in (("u", text), ("m", 5), ("k", ["p", ""])) if c.below(2)}
    data = {"t": c.one(("A", "B&")), "n": 3, "l": [{"s": "1"}, {"s": "<2>", "o": text}][: c.below(3)], **optional}
    arguments = (data, some(c, 2), [some(c, 1) for _ in range(c.below(3))], CONTEXT)

    def outcome(run: Callable[[], bytes]) -> bytes | None:
        try:
            return run()
        except BusError:
            return None

    as_tree = compiled(root, lambda group, program, scope: to_tree.emit(group, program, scope, ""))
    as_text = compiled(root, to_xml.emit_document)
    expected = outcome(lambda: write("xml", as_tree(*arguments), {}, "utf-8"))
    got = outcome(lambda: declaration("utf-8").encode() + as_text(*arguments).encode())
    assert got == expected
