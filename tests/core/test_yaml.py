"""Mistakes in typing → exact line, column and code; and everything that looks like one and is none."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bus.config.yaml import ListNode, MapNode, Node, ScalarNode, kind, read
from bus.places import Finding, Place
from bus.texts import TEXTS, choose_language

Told = list[tuple[int, int, str]]


def told(findings: list[Finding]) -> Told:
    return [(f.place.line, f.place.column, f.code) for f in findings]


def plain(node: Node | None) -> object:
    if isinstance(node, ScalarNode):
        return node.text
    if isinstance(node, MapNode):
        return {key.text: plain(value) for key, value in node.items}
    return [plain(item) for item in node.items] if isinstance(node, ListNode) else None


def scalar(node: Node | None, *path: str | int) -> ScalarNode:
    for step in path:
        if isinstance(node, MapNode):
            node = node.get(str(step))
        elif isinstance(node, ListNode):
            node = node.items[int(step)]
    assert isinstance(node, ScalarNode)
    return node


# ------------------------------------------------------------------------------------------ mistakes

Q = "quote-expression"
W = "yaml-full-width"

# text, what is told, what is read beside it
MISTAKES: list[tuple[str, Told, object]] = [
    # an expression that YAML reads otherwise
    ('name: "PO-" + data.po_no\nto: wms', [(1, 7, Q)], {"name": '"PO-" + data.po_no', "to": "wms"}),
    ('when: "A" == data.x  # why\nto: wms', [(1, 7, Q)], {"when": '"A" == data.x', "to": "wms"}),
    ("name: 'PO-' + data.po_no", [(1, 7, Q)], {"name": "'PO-' + data.po_no"}),
    ('name: "PO-" # c\n  + data.x\nto: wms', [(1, 7, Q), (1, 13, "yaml-comment-within")], {"name": '"PO-" + data.x', "to": "wms"}),
    ('name: "PO-" + data.x\n  + data.y\nto: wms', [(1, 7, Q)], {"name": '"PO-" + data.x + data.y', "to": "wms"}),
    ('name: "PO-"\n  + data.y\nto: wms', [(1, 7, Q)], {"name": '"PO-" + data.y', "to": "wms"}),
    ('when: data.x == "a: b"', [(1, 7, Q)], {"when": 'data.x == "a: b"'}),
    ('when: data.x == "a:"', [], {"when": 'data.x == "a:"'}),
    ('when:\n  data.x == "a: b"\nto: wms', [(2, 3, Q)], {"when": 'data.x == "a: b"', "to": "wms"}),
    ("when: x ? a : b", [(1, 7, Q)], {"when": "x ? a : b"}),
    ("note: see: below", [(1, 7, Q)], {"note": "see: below"}),
    ("note: see below:", [(1, 7, Q)], {"note": "see below:"}),
    ('note: data.a + " #1"', [(1, 7, Q)], {"note": 'data.a + " #1"'}),
    ("note: f(data.a #1)", [(1, 7, Q)], {"note": "f(data.a #1)"}),
    ('when: data.a == "x: y"\n  and b == "it\'s"  # why\nto: z', [(1, 7, Q)], {"when": 'data.a == "x: y" and b == "it\'s"', "to": "z"}),
    ("list:\n  - data.x == \"a: b\"\n  - 'a' + b", [(2, 5, Q), (3, 5, Q)], {"list": ['data.x == "a: b"', "'a' + b"]}),
    ('when: ["a", "b"][0]', [(1, 7, Q)], {"when": '["a", "b"][0]'}),
    ('qty: {"ZP": 1, "CC": 2}[code]', [(1, 6, Q)], {"qty": '{"ZP": 1, "CC": 2}[code]'}),
    ("sum: [a,\n  b] + c\nto: z", [(1, 6, Q)], {"sum": "[a, b] + c", "to": "z"}),
    ("when: !data.closed\nto: wms", [(1, 7, Q)], {"when": "!data.closed", "to": "wms"}),
    ("when: !urgent\nto: wms", [(1, 7, Q)], {"when": "!urgent", "to": "wms"}),
    ("when: !urgent and x\nto: wms", [(1, 7, Q)], {"when": "!urgent and x", "to": "wms"}),
    ("a: {when: !data.x, do: done}", [(1, 11, Q)], {"a": {"when": "!data.x", "do": "done"}}),
    ("when: * 2", [(1, 7, Q)], {"when": "* 2"}),
    ("when: &&x y", [(1, 7, Q)], {"when": "&&x y"}),
    ("when: @x", [(1, 7, Q)], {"when": "@x"}),
    ("when: %x", [(1, 7, Q)], {"when": "%x"}),
    ("when: `x`", [(1, 7, Q)], {"when": "`x`"}),
    ("when: > 5\nto: wms", [(1, 7, Q)], {"when": "> 5", "to": "wms"}),
    ("when: | x\nto: wms", [(1, 7, Q)], {"when": "| x", "to": "wms"}),
    # the same within brackets
    ("a: {a: f(x, y), b: g(z)}", [(1, 8, Q)], {"a": {"a": "f(x, y)", "b": "g(z)"}}),
    ('a: {when: x in ["S", "T"], do: done}', [(1, 11, Q)], {"a": {"when": 'x in ["S", "T"]', "do": "done"}}),
    ('a: {b: "PO-" + c, d: e}', [(1, 8, Q)], {"a": {"b": '"PO-" + c', "d": "e"}}),
    ('a: {b: x == "c, d"}', [(1, 8, Q)], {"a": {"b": 'x == "c, d"'}}),
    ('a: {b: x == "c: d"}', [(1, 8, Q)], {"a": {"b": 'x == "c: d"'}}),
    ("a: {b: x ? 1 : 2, c: d}", [(1, 8, Q)], {"a": {"b": "x ? 1 : 2", "c": "d"}}),
    ('a: {b: {"x": 1}[c]}', [(1, 8, Q)], {"a": {"b": '{"x": 1}[c]'}}),
    ("a: {b: @x, c: *}", [(1, 8, Q), (1, 15, Q)], {"a": {"b": "@x", "c": "*"}}),
    ("a: {b: ${X}, c: 1}", [(1, 8, Q)], {"a": {"b": "${X}", "c": "1"}}),
    ("a: [f(x, y), z]", [(1, 5, Q)], {"a": ["f(x, y)", "z"]}),
    ("a: {b: c #1}\nd: e", [(1, 8, Q)], {"a": {"b": "c #1"}, "d": "e"}),
    ("a: {\n  b: f(x, y),  # one, two\n  c: 'd'\n}", [(2, 6, Q)], {"a": {"b": "f(x, y)", "c": "d"}}),
    ("a: {b: f(x,\n  y), c: d}", [(1, 8, Q)], {"a": {"b": "f(x, y)", "c": "d"}}),
    ("a: [b, {c: d(e, f)}]", [(1, 12, Q)], {"a": ["b", {"c": "d(e, f)"}]}),
    # the colon and its blank
    ('when:data.x == "A"\nto: wms', [(1, 6, "yaml-colon-blank")], {"when": 'data.x == "A"', "to": "wms"}),
    ('when:data.x == "a: b"\nto: wms', [(1, 6, "yaml-colon-blank"), (1, 6, Q)], {"when": 'data.x == "a: b"', "to": "wms"}),
    ("r:\n  on:data.x", [(2, 6, "yaml-colon-blank")], {"r": {"on": "data.x"}}),
    ("f:\n  - when:x\n    do: done", [(2, 10, "yaml-colon-blank")], {"f": [{"when": "x", "do": "done"}]}),
    ("a:\u3000x\nb: \u3000y", [(1, 3, "yaml-colon-blank"), (2, 4, "yaml-wide-blank")], {"a": "x", "b": "y"}),
    ("a: {b:x, c: d}", [(1, 7, "yaml-colon-blank")], {"a": {"b": "x", "c": "d"}}),
    ("a: {b:x, c：y}", [(1, 7, "yaml-colon-blank"), (1, 11, W)], {"a": {"b": "x", "c": "y"}}),
    ("when data.x\nto: wms", [(1, 1, "yaml-no-colon")], {"to": "wms"}),
    ("a:\n  to: wms\n  when data.x\n  on: y", [(3, 3, "yaml-no-colon")], {"a": {"to": "wms", "on": "y"}}),
    ("f:\n  - when x\n    do: done", [(2, 5, "yaml-no-colon")], {"f": [{"do": "done"}]}),
    # full-width signs
    ("when：data.x\nto： wms", [(1, 5, W), (2, 3, W)], {"when": "data.x", "to": "wms"}),
    ('r:\n  when：data.x == "A：B"\n  to: wms', [(2, 7, W)], {"r": {"when": 'data.x == "A：B"', "to": "wms"}}),
    ("“name”: x\n‘to’: y", [(1, 1, W), (2, 1, W)], {"name": "x", "to": "y"}),
    ("name: “PO，1”", [(1, 7, W)], {"name": "PO，1"}),
    ("name: “PO: 1”", [(1, 7, W)], {"name": "PO: 1"}),
    ("to: 【wms，oa】", [(1, 5, W)], {"to": ["wms", "oa"]}),
    ("to: ［wms, oa］", [(1, 5, W)], {"to": ["wms", "oa"]}),
    ("to: [wms，oa]", [(1, 9, W)], {"to": ["wms", "oa"]}),
    ("a: {b: x，c: y}", [(1, 9, W)], {"a": {"b": "x", "c": "y"}}),
    ("＃ note\na: 1", [(1, 1, W)], {"a": "1"}),
    ("a:\n\u3000\u3000b: 1\n\u3000\u3000c: 2", [(2, 1, "yaml-wide-blank"), (3, 1, "yaml-wide-blank")], {"a": {"b": "1", "c": "2"}}),
    ("a: b\u200b\nc: d\x07", [(1, 5, "yaml-character"), (2, 5, "yaml-character")], {"a": "b", "c": "d"}),
    ("# odd \x07\u200b\na: b", [], {"a": "b"}),
    # keys that begin with a sign
    ("@version: 1\nb: 2", [(1, 1, "yaml-quote-key")], {"@version": "1", "b": "2"}),
    ("a: {@v: 1, b: 2}", [(1, 5, "yaml-quote-key")], {"a": {"@v": "1", "b": "2"}}),
    ("a:\n  b: 1\n  #text: data.x", [(3, 3, "yaml-hash-key")], {"a": {"b": "1"}}),
    ("[a, b]: c", [(1, 1, "yaml-key")], {"": "c"}),
    ("a: {{ data.x }}", [(1, 5, "yaml-key")], {"a": {"": ""}}),
    # quotes and brackets
    ('a: "x\nb: 1', [(1, 4, "yaml-unclosed-quote")], {"a": "x", "b": "1"}),
    ("a: 'x\nb: 1", [(1, 4, "yaml-unclosed-quote")], {"a": "x", "b": "1"}),
    ('a: "x\n  y\nb: 1', [(1, 4, "yaml-unclosed-quote")], {"a": "x y", "b": "1"}),
    ("a: 'it''s\nb: 'c'", [(1, 4, "yaml-unclosed-quote")], {"a": "it's", "b": "c"}),
    ('a: "\\\nb: 1', [(1, 4, "yaml-unclosed-quote")], {"a": "", "b": "1"}),
    ('a: {b: "x, c: d}\ne: f', [(1, 8, "yaml-unclosed-quote")], {"a": {"b": "x", "c": "d"}, "e": "f"}),
    ("to: [wms, oa\nwhen: x", [(1, 5, "yaml-unclosed-bracket")], {"to": ["wms", "oa"], "when": "x"}),
    ("a: [{b: c}, {d: e]\nf: g", [(1, 13, "yaml-unclosed-bracket")], {"a": [{"b": "c"}, {"d": "e"}], "f": "g"}),
    ("a: {\n  b: [c,  # one\n    d\ne: f", [(2, 6, "yaml-unclosed-bracket")], {"a": {"b": ["c", "d"]}, "e": "f"}),
    ("to: [wms, oa}\nwhen: x", [(1, 13, "yaml-wrong-bracket")], {"to": ["wms", "oa"], "when": "x"}),
    ("a: [x, y]]\nb: 1", [(1, 10, "yaml-stray-bracket")], {"a": ["x", "y"], "b": "1"}),
    ('a: "\\d+"\nb: {c: "\\w", d: "\\n"}', [(1, 5, "yaml-escape"), (2, 9, "yaml-escape")], {"a": "\\d+", "b": {"c": "\\w", "d": "\n"}}),
    # indentation
    ("  a:\n\tb: 1\n\tc: 2", [(2, 1, "yaml-tab"), (3, 1, "yaml-tab")], {"a": {"b": "1", "c": "2"}}),
    ("a:\n  b: 1\n\tc: 2\nd: 3", [(3, 1, "yaml-tab")], {"a": {"b": "1", "c": "2"}, "d": "3"}),
    ("a:\n      b: 1\n   \tc: 2\nd: 3", [(3, 4, "yaml-tab")], {"a": {"b": "1", "c": "2"}, "d": "3"}),
    ("\t\na: 1\n\t# tab\nb:\n  c: 1", [], {"a": "1", "b": {"c": "1"}}),
    ("r:\n    on: x\n   when: y\n   to: z", [(3, 4, "yaml-indent")], {"r": {"on": "x", "when": "y", "to": "z"}}),
    ("r:\n  on: x\n    when: y\n    to: z\nq: 1", [(3, 5, "yaml-indent")], {"r": {"on": "x", "when": "y", "to": "z"}, "q": "1"}),
    ("r:\n    a:\n      on: x\n     to: y\n      when: z", [(4, 6, "yaml-indent")], {"r": {"a": {"on": "x", "to": "y", "when": "z"}}}),
    ("f:\n  - when: x\n  do: y\n  - when: z", [(3, 3, "yaml-indent")], {"f": [{"when": "x", "do": "y"}, {"when": "z"}]}),
    ("f:\n  - when: x\n   do: y", [(3, 4, "yaml-indent")], {"f": [{"when": "x", "do": "y"}]}),
    ("to:\n  - wms\n  oa", [(3, 3, "yaml-list-item")], {"to": ["wms", "oa"]}),
    ("f:\n  when: x\n  - do: y\n    to: z\ng: 1", [(3, 3, "yaml-dash")], {"f": {"when": "x"}, "g": "1"}),
    ("f:\n  when: x\n  - do: y", [(3, 3, "yaml-dash")], {"f": {"when": "x"}}),
    ("to: - wms\non: x", [(1, 5, "yaml-dash")], {"to": "- wms", "on": "x"}),
    ("when: data.a  # first\n  and data.b\nto: z", [(1, 15, "yaml-comment-within")], {"when": "data.a and data.b", "to": "z"}),
    # what YAML offers and a configuration refuses
    ("a: 1\nb:\n  a: 2\n  a: 3\na: 4", [(4, 3, "yaml-duplicate-key"), (5, 1, "yaml-duplicate-key")], {"a": "4", "b": {"a": "3"}}),
    ('a: {b: 1, "b": 2}', [(1, 11, "yaml-duplicate-key")], {"a": {"b": "2"}}),
    ("a: &x 1\nb: *x", [(1, 4, "yaml-anchor"), (2, 4, "yaml-alias")], {"a": "1", "b": ""}),
    ("a: &x\n  b: 1\nc: {d: *x}", [(1, 4, "yaml-anchor"), (3, 8, "yaml-alias")], {"a": {"b": "1"}, "c": {"d": ""}}),
    ("a:\n  <<: 1", [(2, 3, "yaml-merge-key")], {"a": {"<<": "1"}}),
    ("a: !!python/object:os.system x", [(1, 4, "yaml-tag")], {"a": "x"}),
    ("a: !env HOME\nb: &c !d\n  e: f", [(1, 4, "yaml-tag"), (2, 4, "yaml-anchor"), (2, 7, "yaml-tag")], {"a": "HOME", "b": {"e": "f"}}),
    ("a: 1\n---\nb: 2", [(2, 1, "yaml-several-documents")], {"a": "1"}),
    ("a: 1\n...\nb: 2", [(3, 1, "yaml-several-documents")], {"a": "1"}),
    ("- a\n- b", [(1, 1, "yaml-top-level")], None),
    ("hello", [(1, 1, "yaml-top-level")], None),
    ("a: " + "[" * 70 + "]" * 70, [(1, 67, "yaml-too-deep")], None),
    ('a: "x" + y\nb: ' + "[" * 70 + "]" * 70, [(1, 4, Q), (2, 67, "yaml-too-deep")], None),
    # a doubtful comment stays one
    ("note: data.note #1\nto: wms", [(1, 7, Q)], {"note": "data.note", "to": "wms"}),
    # many at once, each at its place
    (
        'a: "x" + y\nb：1\n  c: 2\nd: [e\nf: "\\d"\ng:h\nd: 3',
        [(1, 4, Q), (2, 2, W), (3, 3, "yaml-indent"), (4, 4, "yaml-unclosed-bracket"), (5, 5, "yaml-escape"),
         (6, 3, "yaml-colon-blank"), (7, 1, "yaml-duplicate-key")],
        {"a": '"x" + y', "b": "1", "c": "2", "d": "3", "f": "\\d", "g": "h"},
    ),
    # what only YAML itself finds
    ("a: 1\nb: }\nc: 2", [(2, 4, "yaml-syntax")], {"a": "1", "c": "2"}),
    ("a: }\nb: 1\nc: }", [(1, 4, "yaml-syntax"), (3, 4, "yaml-syntax")], {"b": "1"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "beside"), MISTAKES)
def test_mistake_is_told_at_its_place_and_the_rest_is_read(text: str, expected: Told, beside: object) -> None:
    node, findings = read(text, "routing.yaml")
    assert told(findings) == expected
    if beside is not None:
        assert plain(node) == beside
