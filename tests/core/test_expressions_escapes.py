"""Attempts to get out of the language: each is refused at load, fails bounded, or is the harmless value it looks like."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bus.codecs.element import Element
from bus.errors import BusError
from bus.event import Event
from bus.expressions.parse import parse
from bus.routing import LARGE, Routing
from bus.types import ANY

from tests.configuring import loaded, usable
from tests.core.expressing import AN_EVENT, CONTEXT, program

SECONDS, MEBIBYTES = 4.0, 100  # measured 0.5 s; several times that with branches counted on a busy machine
DATA = {"a": "text", "n": 5, "list": [1, 2], "__class__": "own", "field": "plain", "rows": [{"x": 1}] * 1500}
NAMES = {"data": DATA, "xml": Element("root", "text", {"a": "1"}, {"child": Element("child", "c")}), "ctx2": None}


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Import what the first configuration needs before the clock runs."""
    usable(chain("1", "{x}", 1))


@contextmanager
def soon() -> Iterator[None]:
    """What happens within takes no more than SECONDS of the machine's time."""
    started = time.process_time()
    yield
    assert time.process_time() - started < SECONDS


def outcome(text: str) -> Any:
    """`refused: code` when found at load, `fails: code` when it fails, else the value."""
    made = program(text, dict.fromkeys(NAMES, ANY))
    if refused := [finding for finding in made.findings if finding.severity == "error"]:
        return f"refused: {refused[0].code}"
    run = made.compiled()
    try:
        return run(*NAMES.values(), AN_EVENT, CONTEXT)
    except BusError as error:
        return f"fails: {error.code}"


def attempts(table: dict[str, Any]) -> pytest.MarkDecorator:
    """Parametrise a test by attempts and what becomes of them."""
    return pytest.mark.parametrize(("text", "expected"), table.items(), ids=[ascii(text[:60]) for text in table])


@attempts({
    # dunder access: a field like any other, and no attribute of anything
    "data.__class__": "own", 'data["__class__"]': "own", "data.__dict__": None, "data.__class__.__mro__": "fails: no-fields", "xml.__class__": None,
    "xml.children": None, "xml.attributes": None, "xml.text": None, 'xml["@__class__"]': None, "data.list.__class__": "fails: holds-several",
    '"".__class__': "refused: value-has-no-field", "().__class__": "refused: list-in-brackets", "[].__class__": "refused: list-has-no-field",
    "{}.__class__": None, "1 .real": "refused: value-has-no-field", "event.__class__": "refused: unknown-field", "event.data": "refused: unknown-field",
    'event["__class__"]': "refused: unknown-field", "event.time.tzinfo": "refused: value-has-no-field", "data.a.join": "fails: no-fields",
    "event.extensions": "refused: unknown-field", "data.n.__index__": "fails: no-fields", "data.get": None, "data.items": None,
    # calls of what is no function of the language
    "__import__('os')": "refused: function-unknown", "getattr(data, 'a')": "refused: function-unknown", "eval('1')": "refused: function-unknown",
    "exec('1')": "refused: function-unknown", "open('/etc/passwd')": "refused: function-unknown", "globals()": "refused: function-unknown",
    "type(data)": "refused: function-unknown", "print(1)": "refused: function-unknown", "data.pop('a')": "refused: method-call",
    "data.rows.clear()": "refused: method-call", "upper.__globals__": "refused: name-unknown", "upper": "refused: name-unknown", "(upper)('a')": "A",
    "upper('a')('b')": "refused: not-in-language", "[upper][0]('a')": "refused: not-in-language", "data.a('x')": "refused: method-call",
    "(lambda: 1)()": "refused: expression-unreadable", "lambda x: x": "refused: operator-missing", "f'{data}'()": "refused: function-unknown",
    "data()": "refused: function-unknown", "null()": "refused: function-unknown", "sum.__self__": "refused: name-unknown",
    # names that generated code uses
    "ctx": "refused: name-unknown-near", "ctx.tables": "refused: name-unknown-near", "budget": "refused: name-unknown", "made": "refused: name-unknown",
    "v_line": "refused: name-unknown", "c0": "refused: name-unknown", "EMPTY": "refused: name-unknown", "f_upper": "refused: name-unknown",
    "f_upper('a')": "refused: function-unknown", "plain(data)": "refused: function-unknown", "enumerate(data)": "refused: function-unknown",
    "__builtins__": "refused: name-unknown", "m0": "refused: name-unknown", "self": "refused: name-unknown", "END": "refused: name-unknown",
    "[budget for budget in [1]]": [1], "[ctx for ctx in [1]]": [1], "[v_x + x for v_x in [1] for x in [2]]": [3], "[made for made in [1]]": [1],
    "[rounds for rounds in [1] for plain in [2]]": [1], "[c0 in ['a', 'b'] for c0 in ['a']]": [True], "[upper(upper) for upper in ['a']]": ["A"],
    "[m0 < abs(-2) < m1 for m0 in [1] for m1 in [3]]": [True], "[data2 for data2 in [1]]": [1], "[v_ for v_ in [1] for _v in [2]]": [1],
    # look-alikes
    "ｄａｔａ.a": "refused: name-unknown-near", "𝒹ata.a": "refused: name-unknown-near", "data.ﬁeld": None, "data.ｆｉｅｌｄ": None, "ｅval('1')": "refused: function-unknown",
    "data.__ｃlass__": None, "data․a": "refused: sign-unknown", "data。a": "refused: full-width", "data\u200b.a": "refused: sign-unknown",
    "data.a\u202e": "refused: field-quoted", "１＋１": "refused: number-unclear", "ºr": "refused: name-unknown",
    # templates
    "f'{data.a!r}'": "refused: template-format", "f'{data.n:>9999999999}'": "refused: template-format", "f'{data.a.__class__}'": "fails: no-fields",
    "f'{data.n=}'": "refused: wrong-sign", "'{0.__class__}'": "{0.__class__}", "'%s' % data.a": "refused: compute-with", "f'{{data}}'": "{data}",
    r"f'\N{BULLET}'": "refused: name-unknown", "f'{lambda: 1}'": "refused: template-format", "f'{data.n:{data.n}}'": "refused: template-format",
    'f"{"}{"}"': "}{", "f'{'": "refused: text-not-closed", "f'{data.a}}'": "refused: bracket-extra", "f'{*data}'": "refused: expression-unreadable",
    # what Python has and the language has not
    "(x := 5)": "refused: sign-unknown", "[x := 5]": "refused: sign-unknown", "x = 5": "refused: wrong-sign", "data.n = 6": "refused: wrong-sign",
    "del data": "refused: operator-missing", "import os": "refused: operator-missing", "yield 1": "refused: operator-missing",
    "await data": "refused: operator-missing", "data; data": "refused: wrong-sign", "data\nimport os": "refused: operator-missing", "*data": "refused: expression-unreadable",
    "[*data.list]": "refused: not-in-language", "{**data}": "refused: sign-unknown", "upper(**data)": "refused: sign-unknown", "data.list[::2]": "refused: slice-step",
    "data.list[0, 1]": "refused: list-in-brackets", "data.list[...]": "refused: not-in-language", "@data": "refused: sign-unknown", "`data`": "refused: sign-unknown",
    "data if data": "refused: else-missing", "[x async for x in data]": "refused: operator-missing", "{x for x in data.list}": "refused: list-in-brackets",
    "not": "refused: expression-unfinished", "data -> data": "refused: sign-unknown", "data.n @ data.n": "refused: sign-unknown", "~data.n": "refused: sign-unknown",
    # what ends or hides a line
    "data.a # comment": "refused: sign-unknown", "data.a \\\n + 'b'": "refused: sign-unknown", "data\x00.a": "refused: sign-unknown", "'a\x00b'": "a\x00b",
    "data\x0c.a": "refused: sign-unknown", "data.n +\r\n 1": 6, "'a\nb'": "a\nb", "'a\u2028b'": "a\u2028b", "'\ud800' + 'x'": "\ud800x", "\ufeffdata.n": "refused: sign-unknown",
    "'''a'''": "refused: operator-missing", "r'a'": "refused: text-prefix", "b'a'": "refused: text-prefix", "u'a'": "refused: text-prefix",
    # texts that would end the text they are written into
    "\"'''\\\"\"": "'''\"", r"'\\'": "\\", r"'\\' + '\\\''": "\\\\'", "'\\x41{0}%s{x}'": "\\x41{0}%s{x}", 'data["a\'b\\"]{}#"]': None,
    "data['\\n\\t{event.id}']": None, '{"\'": 1, "{": 2}["{"]': 2, "lookup('item\\'', 'A')": "refused: lookup-unknown", "'\\\\N{BULLET}'": "\\N{BULLET}",
    # keywords as loop names
    "[class for class in [1]]": [1], "[None for None in [1]]": "refused: loop-name", "[true for true in [1]]": "refused: loop-name", "[if for if in [1]]": "refused: expression-unreadable",
    "[is for is in [1]]": "refused: expression-unreadable", "[x.is for x in data.rows[0:1]]": [None], "[import.x for import in data.rows[0:1]]": [1], "[_ for _ in [1]]": [1],
    "[__class__ for __class__ in [1]]": [1], "[f'a' for f'a' in [1]]": "refused: loop-name", "[data for data in [1]]": "refused: name-covered",
})  # fmt: skip
def test_nothing_gets_out_of_the_language(text: str, expected: Any) -> None:
    with soon():
        got = outcome(text)
    assert got == expected
    assert type(got) is type(expected) or str(got) == str(expected)


@attempts({
    # huge numbers and powers
    "9**9**9": "refused: sign-unknown", "1 << 99999": "refused: sign-unknown", "1e999999999": "refused: number-unclear", "1.e999999999": "refused: number-unclear",
    "1.j": "refused: number-unclear", "'a' * 99999999": "refused: compute-with", "[1] * 99999999": "refused: compute-with", "data.a * 99999999": "fails: compute-kinds",
    "pad('x', 999999999999, '0')": "fails: function-too-long", "round(1, 999999999)": 1, "'x'[0:99999999999999999999]": "x", "add_days('2026-01-01', 99999999999999)": "fails: date-out-of-range",
    "1 % 0": "fails: division-by-zero", "data.list[99999999999999999999999]": "fails: bad-index",
    # loops over loops
    "[1 for a in data.rows for b in data.rows]": "fails: too-many-rounds", "[[1 for b in data.rows] for a in data.rows]": "fails: too-many-rounds",
    "sum(sum(1 for b in data.rows) for a in data.rows)": "fails: too-many-rounds", "[1 for a in data.rows for b in data.rows for c in data.rows]": "refused: too-many-loops",
    "any(count([0 for x in data.rows]) == 0 for y in data.rows)": "fails: too-many-rounds", "count([0 for a in data.rows])": 1500,
    "[[[1 for a in data.rows] for b in data.rows] for c in data.rows]": "fails: too-many-rounds",
    # depth and length
    "(" * 999 + "1" + ")" * 999: "refused: nested-too-deep", "[" * 200 + "]" * 200: "refused: nested-too-deep", "{'a':" * 99 + "1" + "}" * 99: "refused: nested-too-deep",
    "-" * 3000 + "1": "refused: nested-too-deep", "not " * 900 + "true": "refused: nested-too-deep", "data" + ".a" * 1900: "refused: nested-too-deep", "1" + "+1" * 1900: "refused: nested-too-deep",
    "1 if true else " * 200 + "1": "refused: nested-too-deep", "f'{" * 300 + "1" + "}'" * 300: "refused: text-not-closed", "upper(" * 500 + "'a'" + ")" * 500: "refused: nested-too-deep",
    "data" + "[0]" * 900: "refused: nested-too-deep", "1" * 1_000_000: "refused: expression-too-long", "(" * 1_000_000: "refused: expression-too-long", "'" + "a" * 3990 + "'": "a" * 3990,
    "9" * 3999: int("9" * 3999), "true" + " and true" * 440: True, "1" + " < 2" * 999: False, "f'" + "{1}" * 1300 + "'": "1" * 1300, "[" + "1," * 1900 + "]": [1] * 1900,
    "1 in [" * 20 + "1" + "]" * 20: "refused: compare-types", "0 < (" * 25 + "abs(1)" + ") < 2" * 25: "refused: compare-types",
    "true == (" * 25 + "abs(1) == 1" + ") == true" * 25: True, '{"a": ' * 28 + "1" + '}["a"]' * 28: 1, "default(null, " * 25 + "1" + ")" * 25: 1, "[x for x in " * 25 + "[1]" + "]" * 25: [1],
    "-(" * 25 + "1" + ")" * 25: -1, "not (" * 25 + "true" + ")" * 25: False, "upper(f'{" * 12 + "data.a" + "}')" * 12: "TEXT", "match(data.a, '(a+)+$')": False, "match(data.a, '" + "(" * 500 + "')": "refused: pattern-bracket",
})  # fmt: skip
def test_nothing_grows_without_bound(text: str, expected: Any) -> None:
    with soon():
        assert outcome(text) == expected


# ------------------------------------------------------------------------------------ through `let` chains


def chain(first: str, step: str, steps: int, last: str = "{x}") -> str:
    """A route whose names each make more of the one before."""
    lets = [f"      x0: {first}"] + [f"      x{n}: '{step.format(x=f'x{n - 1}')}'" for n in range(1, steps + 1)]
    head = "version: 1\nsystems:\n  erp: {source: {adapter: queue}}\n  scm: {sink: {adapter: queue}}\nroutes:\n  r:\n    on: gate_pass.issued\n    to: scm\n    let:\n"
    return head + "\n".join(lets) + f"\n    json:\n      a: '{last.format(x=f'x{steps}')}'\nevents:\n  gate_pass.issued: {{no: text, rows: [{{x: text}}]}}\n"


@pytest.mark.parametrize(("first", "step", "last", "code"), [
    ("12345", "{x} * {x}", "{x}", "number-too-large"),
    ("data.no", "{x} + {x}", "{x}", "text-too-long"),
    ("data.no", 'f"{{{x}}}{{{x}}}{{{x}}}"', "{x}", "text-too-long"),
    ("data.no", 'replace({x}, "A", "AAAAAAAAAA")', "{x}", "function-too-long"),
    ("data.no", 'join([{x}, {x}, {x}], "-")', "{x}", "function-too-long"),
    ("data.no", "[{x}, {x}]", "{x}", "too-many-rounds"),
    ("data.no", '{{"a": {x}, "b": {x}}}', "{x}", "too-many-rounds"),
    ("data.rows", "[r for r in {x} for s in data.rows]", "count({x})", "too-many-rounds"),
])  # fmt: skip
def test_what_grows_from_name_to_name_is_refused_in_time(first: str, step: str, last: str, code: str) -> None:
    routing = Routing(usable(chain(first, step, 60, last)))
    body = json.dumps({"no": "A", "rows": [{"x": "1"}] * 200}).encode()
    event = routing.read(Event("gate_pass.issued", "erp", "1", {}), body)
    with soon():
        assert list(routing.matches(event, body))
    tracemalloc.start()
    (match,) = routing.matches(event, body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert match.failure is not None
    assert match.failure.code == code
    assert match.failure.where is not None
    assert peak < MEBIBYTES * 2**20


@pytest.mark.parametrize("format_", [
    "json: {l: {for: r in data.rows, a: data.no}}", "xml: {l: {r: {for: r in data.rows, a: data.no}}}", "csv: {for: r in data.rows, a: data.no}",
    "json: {l: {for: r in data.rows, a: '[data.no, r.x]'}}",
])
def test_a_long_text_in_every_round_is_refused_in_time(format_: str) -> None:
    text = chain("1", "{x}", 1).replace("json:\n      a: 'x1'", format_)
    routing = Routing(usable(text))
    body = json.dumps({"no": "N" * 1_000_000, "rows": [{"x": "1"}] * 2000}).encode()
    event = routing.read(Event("gate_pass.issued", "erp", "1", {}), body)
    with soon():
        (match,) = routing.matches(event, body)
    assert match.failure is not None
    assert match.failure.code == "document-grows"


@pytest.mark.parametrize("format_", [
    "json: {l: {for: r in data.rows, m: {for: s in data.rows, a: data.no}}}", "csv: {for: r in data.rows, a: data.no}",
])  # fmt: skip
def test_the_text_of_a_small_event_in_rounds_within_rounds_is_refused_before_it_is_written(format_: str) -> None:
    text = chain("1", "{x}", 1).replace("json:\n      a: 'x1'", format_)
    routing = Routing(usable(text))
    rows = 100 if format_.startswith("json") else 4000
    body = json.dumps({"no": "N" * 20_000, "rows": [{"x": ""}] * rows}).encode()
    assert len(body) < LARGE
    event = routing.read(Event("gate_pass.issued", "erp", "1", {}), body)
    with soon():
        (match,) = routing.matches(event, body)
    assert match.failure is not None
    assert match.failure.code == "document-grows"


# --------------------------------------------------------------------------- through every other name

STRANGE = ["a'b", 'a"b', "a{b}", "{data}", "a\\", "a\nb", "a\x00b", "'''", '"""', "#", "%s", "{i1}", "\\N{BULLET}", "a\u2028b", "😀", "); import os", "made", "def", "\\"]


def quoted(name: str) -> str:
    """The name as YAML holds any sign there is: in double quotes, all but letters escaped."""
    return '"' + "".join(sign if sign.isalnum() and sign.isascii() else f"\\U{ord(sign):08x}" for sign in name) + '"'


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_a_name_of_any_signs_stays_the_name_it_is(name: str) -> None:
    """Routes, JSON keys, headers, table columns, CSV headers: what is quoted in YAML is quoted in what is made of it."""
    key = quoted(name)
    config = usable(f"""
        version: 1
        systems:
          erp: {{source: {{adapter: queue}}}}
          scm: {{sink: {{adapter: queue}}}}
        events:
          gate_pass.issued: {{no: text, rows?: [{{x: text}}]}}
        routes:
          {key}:
            on: gate_pass.issued
            to: scm
            headers: {{{quoted("X-" + name)}: data.no}}
            json:
              {key}: data.no
              inner:
                for: r in data.rows
                {key}: r.x
          csv:
            on: gate_pass.issued
            to: scm
            csv: {{{key}: data.no}}
        """)
    routing = Routing(config)
    body = b'{"no": "1", "rows": [{"x": "2"}]}'
    event = routing.read(Event("gate_pass.issued", "erp", "1", {}), body)
    first, second = routing.matches(event, body)
    assert first.failure is None
    assert json.loads(first.documents[0].body) == {name: "1", "inner": [{name: "2"}]}
    assert first.documents[0].headers == {"X-" + name: "1"}
    assert second.failure is None
    assert second.documents[0].body.decode().splitlines()[-1] == "1"


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_a_failure_below_a_strange_key_names_it_and_shows_no_data(name: str) -> None:
    config = usable(f"""
        version: 1
        systems:
          erp: {{source: {{adapter: queue}}}}
          scm: {{sink: {{adapter: queue}}}}
        events:
          gate_pass.issued: {{no: text, secret: text, rows?: [{{x: text}}]}}
        routes:
          r:
            on: gate_pass.issued
            to: scm
            json:
              inner:
                for: r in data.rows
                {quoted(name)}: decimal(r.x)
        """)
    routing = Routing(config)
    body = b'{"no": "1", "secret": "hunter2", "rows": [{"x": "2"}, {"x": "x"}]}'
    event = routing.read(Event("gate_pass.issued", "erp", "1", {}), body)
    (match,) = routing.matches(event, body)
    assert match.failure is not None
    assert match.failure.where is not None
    assert match.failure.where.path == f"inner[1].{name}".replace("{i1}", match.failure.where.path.rpartition(".")[2])
    assert "hunter2" not in repr(match.failure.where)


@pytest.mark.parametrize("name", [*STRANGE, "a b", "1a", "a>b", "a/b", "a=\"1\"", "-a", ":a", "a:b:c"], ids=ascii)
def test_an_element_s_name_is_a_name_of_xml_or_refused(name: str) -> None:
    config = loaded(f"""
        version: 1
        systems:
          erp: {{source: {{adapter: queue}}}}
          scm: {{sink: {{adapter: queue}}}}
        routes:
          r: {{on: purchase_order.created, to: scm, xml: {{root: {{{quoted(name)}: data.po_no, "@v": "'1'"}}}}}}
        """)
    codes = {finding.code for finding in config.errors}
    assert codes == (set() if name in ("made", "def") else {"xml-prefix"} if name == "a:b:c" and "xml-prefix" in codes else {"xml-name-unfit"})


def test_the_name_of_a_lookup_or_a_system_is_data_in_generated_code() -> None:
    made = program("lookup(\"it'em\\\"{x}\", 'A')", {"data": ANY})
    assert [finding.code for finding in made.findings] == ["lookup-unknown"]
    assert not isinstance(parse("lookup(\"it'em\\\"{x}\", 'A')"), tuple)
