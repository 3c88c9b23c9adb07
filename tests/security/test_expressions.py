"""Expressions: an allow-list. Whatever is not on it is found at load, and what is on it ends in time."""

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import BusError
from bus.inbound import Inbound
from bus.wire import utc_now

from tests.configuring import loaded, usable

ROUTING = """
version: 1
systems: {{wms: {{source: {{adapter: file, folder: in}}}}}}
events: {{note.written: {{note?: text}}}}
inbound:
  note:
    from: wms
    event: note.written
    id: "'1'"
    map: {{note?: {leaf}}}
"""
ESCAPES = (
    "().__class__.__bases__[0].__subclasses__()", "''.__class__", "document.__class__()", "__import__('os').system('touch canary')",
    "open('/etc/passwd').read()", "eval('1')", "exec('1')", "compile('1', '', 'eval')", "globals()", "locals()", "vars()",
    "getattr(document, 'x')", "setattr(document, 'x', 1)", "print(1)", "input()", "breakpoint()", "type(document)",
    "lambda: 1", "(lambda x: x)(1)", "[x for x in [1] for y in [2] for z in [3]]", "{x for x in [1]}", "(x for x in [1])",
    "{x: x for x in [1]}", "x := 1", "(x := 1)", "yield 1", "await document", "import os", "del document", "document = 1",
    "assert False", "raise ValueError", "*document", "[*document]", "{**document}", "b'bytes'", "u'x'", "...", "1j", "0x10", "9 ** 9 ** 9",
    "'a' * 1000000000", "1 << 100", "document @ 1", "~1", "document is null", "trim.__globals__", "trim.__call__('x')",
    "text(document).format(1)", "'{0.__class__}'.format(document)", "f'{document!r}'", "f'{document:>1000000000}'",
    "`ls`", "$HOME", "#", "os.environ", "event.__dict__", "document; 1", "print", "__builtins__", "__name__",
)


@pytest.mark.parametrize("escape", ESCAPES)
def test_an_escape_is_an_error_at_load(escape: str) -> None:
    leaf = "'" + escape.replace("'", "''") + "'"
    assert loaded(ROUTING.format(leaf=leaf)).errors, escape


def computed(expression: str, document: Any) -> Any:
    """Run an expression over a document; return what it makes, or the error."""
    config = usable(ROUTING.format(leaf="'" + expression.replace("'", "''") + "'"))
    outcome = Inbound(config).events("wms", document, utc_now(0))
    if outcome.failures:
        return outcome.failures[0].error
    return outcome.events[0].event.data.get("note")


@pytest.mark.parametrize("name", ["__class__", "__dict__", "__init__", "keys", "items", "pop", "__globals__"])
def test_a_name_is_a_field_of_the_document_and_never_of_an_object(name: str) -> None:
    assert computed(f"document.{name}", {}) is None
    assert computed(f'document["{name}"]', {}) is None
    assert computed(f"document.{name}", {name: "a field"}) == "a field"


GREEDY = {
    "a pattern that would try for ever": ('text(match(document.s, "(a+)+$"))', {"s": "a" * 50_000 + "!"}),
    "a text that doubles": ('replace(document.s, "a", document.s)', {"s": "a" * 100_000}),
    "a width beyond all bounds": ('pad(document.s, 1000000000, "x")', {"s": "a"}),
    "digits beyond all bounds": ("text(document.n * document.n)", {"n": Decimal("9" * 999)}),
    "rounds beyond all bounds": ("text(count([x for x in document.l for y in document.l]))", {"l": [1] * 5_000}),
}


@pytest.mark.parametrize("what", GREEDY)
def test_a_greedy_expression_ends_in_time(what: str) -> None:
    expression, document = GREEDY[what]
    began = time.process_time()
    made = computed(expression, document)
    assert time.process_time() - began < 5
    assert made is None or isinstance(made, str | BusError)


@given(st.text(st.sampled_from("document.note()[]{}'\"fx=<>+-*/%!:,_ 019\\\n#\u0000中"), max_size=40))
def test_no_text_brings_the_check_down(expression: str) -> None:
    leaf = "'" + expression.replace("'", "''").replace("\n", " ").replace("\x00", "") + "'"
    config = loaded(ROUTING.format(leaf=leaf))
    for finding in config.findings:
        assert finding.message
