"""Mistakes in typing → exact line, column and code; and everything that looks like one and is none."""

import pytest
import yaml

from bus.config.yaml import ListNode, MapNode, Node, ScalarNode, read
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
    ('a:\n  "@v: "1"\n  b: "c"', [(2, 3, "yaml-unclosed-quote")], {"a": {"@v": "1", "b": "c"}}),
    ("a': 1\nb: @", [(1, 1, "yaml-unclosed-quote"), (2, 4, Q)], {"a": "1", "b": "@"}),
    # indentation
    ("  a:\n\tb: 1\n\tc: 2", [(2, 1, "yaml-tab"), (3, 1, "yaml-tab")], {"a": {"b": "1", "c": "2"}}),
    ("a:\n  b: 1\n\tc: 2\nd: 3", [(3, 1, "yaml-tab")], {"a": {"b": "1", "c": "2"}, "d": "3"}),
    ("a:\n      b: 1\n   \tc: 2\nd: 3", [(3, 4, "yaml-tab")], {"a": {"b": "1", "c": "2"}, "d": "3"}),
    ("\t\na: 1\n\t# tab\nb:\n  c: 1", [], {"a": "1", "b": {"c": "1"}}),
    ("r:\n    on: x\n   when: y\n   to: z", [(2, 5, "yaml-indent")], {"r": {"on": "x", "when": "y", "to": "z"}}),
    ("r:\n  on: x\n    when: y\n    to: z\nq: 1", [(3, 5, "yaml-indent")], {"r": {"on": "x", "when": "y", "to": "z"}, "q": "1"}),
    ("r:\n    a:\n      on: x\n     to: y\n      when: z", [(4, 6, "yaml-indent")], {"r": {"a": {"on": "x", "to": "y", "when": "z"}}}),
    ("f:\n  - when: x\n  do: y\n  - when: z", [(3, 3, "yaml-indent")], {"f": [{"when": "x", "do": "y"}, {"when": "z"}]}),
    ("f:\n  - when: x\n   do: y", [(3, 4, "yaml-indent")], {"f": [{"when": "x", "do": "y"}]}),
    ("to:\n  - wms\n  oa", [(3, 3, "yaml-list-item")], {"to": ["wms", "oa"]}),
    ("f:\n  when: x\n  - do: y\n    to: z\ng: 1", [(3, 3, "yaml-dash")], {"f": {"when": "x"}, "g": "1"}),
    ("f:\n  when: x\n  - do: y", [(3, 3, "yaml-dash")], {"f": {"when": "x", "do": "y"}}),
    ("f:\n  when: x\n  - do: y\n    if: z", [(3, 3, "yaml-dash")], {"f": {"when": "x"}}),
    ("r:\n  a:\n    on: x\n- b:\n    on: y", [(4, 1, "yaml-dash")], {"r": {"a": {"on": "x"}, "b": {"on": "y"}}}),
    ("r:\n  map:\n  a: 1\n    b: 2\n    c: 3", [(3, 3, "yaml-indent")], {"r": {"map": {"a": "1", "b": "2", "c": "3"}}}),
    ("r:\n    a: 1\n  b: 2\n    c: 3", [(3, 3, "yaml-indent")], {"r": {"a": "1", "b": "2", "c": "3"}}),
    ("r:\n  a:\n\tb: 1\n    c: 2", [(3, 1, "yaml-tab")], {"r": {"a": {"b": "1", "c": "2"}}}),
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
    ("{\n,\n", [(1, 1, "yaml-unclosed-bracket"), (1, 1, "yaml-syntax"), (2, 1, "yaml-syntax")], {}),
    ("a: 1\nb: {\n  ,,\n  c: d}", [(3, 3, "yaml-syntax")], None),
    ("a: 1\nb: {,\n\n,", [(2, 4, "yaml-unclosed-bracket"), (2, 5, "yaml-syntax"), (4, 1, "yaml-syntax")], {"a": "1"}),
    ("a: 1\nb: }\nc: 2", [(2, 4, "yaml-syntax")], {"a": "1", "c": "2"}),
    ("a: }\nb: 1\nc: }", [(1, 4, "yaml-syntax"), (3, 4, "yaml-syntax")], {"b": "1"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "beside"), MISTAKES)
def test_mistake_is_told_at_its_place_and_the_rest_is_read(text: str, expected: Told, beside: object) -> None:
    node, findings = read(text, "routing.yaml")
    assert told(findings) == expected
    if beside is not None:
        assert plain(node) == beside


def test_files_with_windows_line_ends_and_byte_order_mark_have_the_same_places() -> None:
    node, findings = read('\ufeffa: "x" + y\r\nb:\r\n  c：d\r\n', "routing.yaml")
    assert told(findings) == [(1, 4, Q), (3, 4, W)]
    assert plain(node) == {"a": '"x" + y', "b": {"c": "d"}}


def test_what_cannot_be_mended_leaves_nothing_to_go_on_with() -> None:
    node, findings = read("a: 1\n" + "b: }\n" * 30, "routing.yaml")
    assert node is None
    assert len(findings) == 3


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    node, findings = read("a: 1\n" * 500_000, "routing.yaml")
    assert node is None
    assert told(findings) == [(1, 1, "yaml-too-large")]


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "---\n", "\ufeff"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    node, findings = read(text, "routing.yaml")
    assert plain(node) == {}
    assert not findings


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('name: "PO-" + data.po_no  # c', "put the whole expression in single quotes: name: '\"PO-\" + data.po_no'  # c"),
        ("  f: {a: f('x', y)}", "put the whole expression in single quotes: f: {a: 'f(''x'', y)'}"),
        ("when: !data.x", "write `not` instead of `!`, or put the whole expression in single quotes: when: '!data.x'"),
        ('a: "b"\n  + c', "put the whole expression in single quotes: a: '\"b\" …"),
        ("when:data.x\nto: y", "write a blank after the colon: when: data.x; when in doubt put the whole expression in single quotes"),
        ("when：data.x", "switch the keyboard to English and write ': '"),
        ("r:\n    on: x\n   to: y", "begin it at column 5, or in the column of the line above that it belongs to"),
    ],
)
def test_a_remedy_shows_what_to_write(text: str, remedy: str) -> None:
    _, findings = read(text, "routing.yaml")
    assert [finding.hint for finding in findings] == [remedy]


@pytest.mark.parametrize(
    "text", ['s: {url: mysql://u:hunter2@h, x(1, 2)}', 'secret: "hunter2" y', 'a: "b" + mysql://u:hunter2@h', "password:hunter2"]
)
def test_a_remedy_shows_no_secret(text: str) -> None:
    _, findings = read(text, "f.yaml")
    assert findings
    assert "hunter2" not in "".join(finding.hint + finding.message for finding in findings)


def test_a_remedy_shows_only_the_beginning_of_a_long_line() -> None:
    _, findings = read('a: "' + "x" * 500 + '" + y', "f.yaml")
    assert findings[0].hint.endswith("x…")
    assert len(findings[0].hint) < 250


def test_every_finding_has_its_sentence_in_both_languages() -> None:
    found = [finding for text, _, _ in MISTAKES for finding in read(text, "f.yaml")[1]]
    for language in ("en", "zh"):
        choose_language(language)
        for finding in found:
            assert finding.message
            assert finding.hint, finding.code
    told_codes = {finding.code for finding in found} | {"yaml-too-large"}
    assert {code for code in TEXTS if code.startswith("yaml-")} <= told_codes


# ------------------------------------------------------------------------------------------ look-alikes

CLEAN = r"""
version: 1

systems:
  erp:
    zone: Asia/Shanghai                     # default; times without a zone mean this one
    source: {adapter: database, url: "${ERP_DB}", table: bus_outbox}
  wms:
    sink:
      url: https://wms.local/api#anchor
      success: response.flag == "success"   # HTTP 200 alone is not success
      failures:
        - {when: response.code == "S003", do: done}      # already exists: counts as delivered
        - when: response.code == "B017"  #说明：停放
          do: park
      retry: [5s, 30s, 5m, 1h]
      name: 'data.po_no + ".csv"'
      folder: C:\out\oa
      quoted: "a \"b\" \\ \u4e2d\x41"
      pattern: 'C:\'
      flow: {pattern: 'C:\', x: "a, b: c # d", y: 'it''s', z: it's, "w":1, v: [a: b]}

lookups:
  uom: {file: lookups/uom.csv, key: [item, uom]}

events:
  gate_pass.issued:
    lines: [{item_code: text, qty: decimal, due?: date}]
  multi: {
    a: 1,   # first, of two: "x
    b: [2,
      3]
  }

routes:
  po-to-wms:
    on:
    - purchase_order.released
    - purchase_order.*
    when: data.warehouse in ["WH01", "WH02"]
      # not a comment's end
    to: [wms, oa]
    "quoted key": x
    'single': y
    description: |
      free: text, "unclosed, # and {brackets
      {tab}a tab
    folded: >-  # header
      one
      two: three
    long: "one
      two: three # four"
    other: 'one

      two''s'
    xml:
      request:
        "@version": "'2.0'"
        "#text": data.x
        p:Name: data.y
        金额（元）: data.amount
        a: f(x, y)
        b: data.rows[0]["b c"]
        c: s[0:10]
        d: -1
        e: x == "it's" or y == 'say "hi"'
        f: 12:30
        g: f"{a}-{b}"
        h: 5" pipe  # of steel
        i: don't do that
        j: a#b
        k: "=for"
        l: ~
        m: data.a
          + data.b
          - data.c
        n: "“quoted”（full），width：all"
        o: 说明：没有问题，“引用”。
        for: n, line in data.lines
        remark?: data.remark   # `?`: left out when empty
  nested:
  -  - - a
       - b
     - c: d
       e: f
  -
    g: h
  - # nothing here
    i: j
  empty:
""".replace("TAB", "\ta tab")


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  b: \"one\n备注：two\"\n  c: d",  # quotes and brackets may go on further left
        "a: {b: c,\nd: e}",
        "a: {b: [x ' y], c: z ' w}",
        "a: x\n  \ty",
        "a: 'x'  \t# y",
        "a:\tb",
    ],
)
def test_what_yaml_allows_and_hardly_anyone_writes_stays_clean(text: str) -> None:
    node, findings = read(text, "f")
    assert told(findings) == []
    assert plain(node) == yaml.load(text, yaml.CBaseLoader)


def test_look_alikes_of_mistakes_stay_clean() -> None:
    node, findings = read(CLEAN, "routing.yaml")
    assert told(findings) == []
    assert plain(node) == yaml.load(CLEAN, yaml.CBaseLoader)


def test_places_in_a_document_may_be_keys_within_brackets() -> None:
    text = 'events: [{type: a.b, data.lines[0].qty: "12.5"}]\ndeliveries: {r: {row[0].qty: "1", row[1].qty: f(x, y)}}'
    node, findings = read(text, "routing_test.yaml")
    assert told(findings) == [(2, 47, Q)]
    assert plain(node) == {
        "events": [{"type": "a.b", "data.lines[0].qty": "12.5"}],
        "deliveries": {"r": {"row[0].qty": "1", "row[1].qty": "f(x, y)"}},
    }
    assert isinstance(node, MapNode)
    events = node.get("events")
    assert isinstance(events, ListNode)
    event = events.items[0]
    assert isinstance(event, MapNode)
    assert event.items[1][0].place == Place("routing_test.yaml", 1, 22, 17)
