"""Compiled expressions against the reference interpreter, over random data and random expressions."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.codecs.element import Element
from bus.errors import BusError
from bus.event import Event
from bus.expressions import compile as compiler
from bus.expressions.parse import parse
from bus.expressions.scope import Code, Scope
from bus.expressions.tree import Node
from bus.types import ANY, BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, TEXT, Field, ListOf, Record, Type

from tests.core.expressing import CONTEXT, program
from tests.reference import Fails, evaluate

EVENT = Event("order.released", "erp", "PO-1-v1", {}, subject="PO-1", time=datetime(2026, 3, 1, 8, tzinfo=UTC))
LINE = Record({
    "qty": Field(DECIMAL), "code": Field(TEXT), "due": Field(DATE, required=False), "price": Field(DECIMAL, required=False),
    "note": Field(TEXT, required=False), "class": Field(TEXT), "urgent": Field(BOOLEAN), "no": Field(INTEGER),
})  # fmt: skip
DATA = Record({
    "code": Field(TEXT), "note": Field(TEXT, required=False), "qty": Field(DECIMAL), "price": Field(DECIMAL, required=False),
    "no": Field(INTEGER), "open": Field(BOOLEAN), "held": Field(BOOLEAN, required=False), "due": Field(DATE),
    "paid": Field(DATE, required=False), "at": Field(DATETIME), "seen": Field(DATETIME, required=False), "from": Field(TEXT),
    "金额": Field(DECIMAL), "lines": Field(ListOf(LINE)), "tags": Field(ListOf(TEXT)), "sizes": Field(ListOf(INTEGER), required=False),
    "party": Field(Record({"name": Field(TEXT), "zip": Field(TEXT, required=False)})),
    "agent": Field(Record({"name": Field(TEXT), "fee": Field(DECIMAL, required=False)}), required=False),
})  # fmt: skip
# What an expression that the checker takes may still fail with: the data itself is the reason.
DATA_DEPENDENT = {
    "division-by-zero", "bad-index", "index-not-whole", "number-too-large", "unmapped-code", "number-unreadable", "number-has-fraction",
    "number-with-separators", "number-full-width", "number-out-of-range", "date-not-iso", "date-unreadable", "date-out-of-range",
    "function-needs-whole-number", "function-needs-size", "pad-fill", "split-separator", "amount-needs-cents", "pattern-wrong",
}  # fmt: skip


class Choices:
    """Random decisions from random bytes; when they run out, the simplest."""

    def __init__(self, choices: bytes) -> None:
        self.choices = iter(choices)

    def below(self, count: int) -> int:
        return next(self.choices, 0) % count

    def one(self, options: Any) -> Any:
        return options[self.below(len(options))]


NUMBERS = ("0", "1", "2", "-1", "5", "10", "0.5", "2.50", "-0.10", "12345678901234567890.123", "3", "1000")
TEXTS = ('""', '"A"', '"B"', "'a b'", '"WH01"', '"12.50"', '" "', '"中文"', '"2026-03-01"', r'"\"{x}\n"', '"0012"')
DATES = ("data.due", "data.paid", "parse_date(\"2026-02-28\", \"yyyy-MM-dd\")", "add_days(data.due, 3)", "first(data.lines).due")
FIELDS = ("code", "qty", "lines", "missing", "from", "class", "金额", "a", "empty", "nil", "flag", "day", "part")


def untyped(c: Choices, depth: int, names: tuple[str, ...] = ("x", "y", "z")) -> str:
    """An expression over documents whose shape nobody knows; a name is a value, mostly, or a row of one."""
    if depth <= 0:
        leaf = c.below(8)
        if leaf < 3:
            return f"document.{c.one(FIELDS)}"
        if leaf < 6:
            name = c.one(names)
            return f"{name}.{c.one(FIELDS)}" if name.startswith("n") or c.below(8) == 7 else str(name)
        return str(c.one((*NUMBERS, *TEXTS, "null", "true", "false")))

    def sub(inner: tuple[str, ...] = names) -> str:
        return untyped(c, depth - 1 - c.below(2), inner)

    def rows() -> str:
        return "rows" if c.below(3) else sub()

    fresh = f"n{depth}"
    kind = c.below(26)
    match kind:
        case 0 | 1:
            return f"document.{c.one(FIELDS)}.{c.one(FIELDS)}"
        case 2:
            return f'{c.one((*names, "document"))}["{c.one((*FIELDS, "@unit", "#text", "金额（元）"))}"]'
        case 3:
            return f"({sub()})[{c.one(('0', '1', '-1', '5', sub()))}]"
        case 4:
            return f"({sub()})[{c.one(('', '0', '1', '-2', sub()))}:{c.one(('', '1', '3', sub()))}]"
        case 5:
            return f"not ({sub()})"
        case 6:
            return f"-({sub()})"
        case 7:
            return f"(({sub()}) {c.one(('and', 'or'))} ({sub()}))"
        case 8 | 9:
            return f"(({sub()}) {c.one(('==', '!=', '<', '<=', '>', '>=', 'in', 'not in'))} ({sub()}))"
        case 10:
            return f"(({sub()}) {c.one(('<', '==', '<='))} ({sub()}) {c.one(('<', '!=', '>='))} ({sub()}))"
        case 11 | 12:
            return f"(({sub()}) {c.one('+-*/%')} ({sub()}))"
        case 13:
            return f"(({sub()}) if ({sub()}) else ({sub()}))"
        case 14:
            return f"[{', '.join(sub() for _ in range(c.below(4)))}]"
        case 15:
            return f'{{"A": {sub()}, "B": {c.one(NUMBERS)}}}[{sub()}]'
        case 16:
            return f'{{1: "one", 2.5: {c.one(TEXTS)}}}[{sub()}]'
        case 17:
            return f"[{sub((*names, fresh))} for {fresh} in {rows()}{c.one(('', f' if {sub((*names, fresh))}'))}]"
        case 18:
            return f"{c.one(('sum', 'any', 'all', 'min', 'max'))}({sub((*names, fresh))} for {fresh} in {rows()})"
        case 19:
            return f"{c.one(('sum', 'any', 'all', 'min', 'max'))}({c.one((sub(), f'{sub()}, {sub()}'))})"
        case 20:
            return f'f"{{ {sub()} }}-{{ {sub()} }}{{{{"'
        case 21:
            return f"{c.one(('text', 'decimal', 'upper', 'trim', 'has', 'count', 'first', 'last', 'unique', 'abs', 'integer'))}({sub()})"
        case 22:
            return f"{c.one(('default', 'starts', 'contains', 'split', 'join', 'cut', 'round', 'add_days'))}({sub()}, {sub()})"
        case 23:
            return f'{c.one(("lookup", "known"))}("item", {sub()})'
        case 24:
            return f'lookup("uom", [{sub()}, {sub()}], default={sub()})'
        case _:
            return f'{c.one(("sort", "group"))}({rows()}, "{c.one(FIELDS)}")'


def typed(c: Choices, wanted: str, depth: int, loop: str = "") -> str:
    """An expression over typed data that yields what is wanted, mostly."""
    if c.below(40) == 39:
        wanted = c.one(("number", "text", "boolean", "date"))
    sub = depth - 1 - c.below(2)
    lines = f"[{loop}]" if loop else "data.lines"
    if depth <= 0:
        own: dict[str, tuple[str, ...]] = {
            "number": ("data.qty", "data.price", "data.no", "data.金额", "data.lines[0].qty", "data.agent.fee", *NUMBERS),
            "text": ("data.code", "data.note", "data.from", "data.party.name", "data.party.zip", "data.agent.name", "event.id", *TEXTS),
            "boolean": ("data.open", "data.held", "true", "false", "first(data.lines).urgent"), "date": DATES,
        }
        of_loop = {
            "number": ("qty", "price", "no"), "text": ("code", "note", "class"), "boolean": ("urgent",), "date": ("due",),
        }
        if loop and c.below(2):
            return f"{loop}.{c.one(of_loop[wanted])}"
        return str(c.one(own[wanted]))

    def made(kind: str, inner: str = loop) -> str:
        return typed(c, kind, sub, inner)

    any_kind = c.one(("number", "text", "date"))
    common: tuple[Callable[[], str], ...] = (
        lambda: f"({made(wanted)} if {made('boolean')} else {c.one((made(wanted), 'null'))})",
        lambda: f"default({made(wanted)}, {made(wanted)})",
        lambda: f"[{made(wanted)}, {made(wanted)}][{c.one(('0', '1', '-1', '2'))}]",
        lambda: f"first([{made(wanted, 'r')} for r in data.lines if {made('boolean', 'r')}])" if not loop else made(wanted),
        lambda: f'{{"A": {made(wanted)}, "B": {made(wanted)}}}[{made("text")}]',
    )
    own_forms: dict[str, tuple[Callable[[], str], ...]] = {
        "number": (
            lambda: f"({made('number')} {c.one('+-*/%')} {made('number')})", lambda: f"-{made('number')}",
            lambda: f"{c.one(('sum', 'min', 'max'))}({made('number', 'r')} for r in {lines})" if not loop else made("number"),
            lambda: f"round({made('number')}, {c.one(('0', '1', '2'))})", lambda: f"abs({made('number')})",
            lambda: f"count({c.one(('data.lines', 'data.tags', 'data.sizes'))})", lambda: f"max({made('number')}, {made('number')})",
            lambda: f"days_between({made('date')}, {made('date')})", lambda: f"decimal({made('text')})",
        ),
        "text": (
            lambda: f"({made('text')} + {made('text')})", lambda: f"text({made(any_kind)})",
            lambda: f'f"{{ {made(any_kind)} }}/{{ {made("text")} }}"', lambda: f"{c.one(('upper', 'lower', 'trim', 'strip_zeros'))}({made('text')})",
            lambda: f"{made('text')}[{c.one(('0', '1', ''))}:{c.one(('2', '', '-1'))}]", lambda: f'replace({made("text")}, "A", {made("text")})',
            lambda: f'pad({made("text")}, {c.one(("5", "data.no"))}, "0")', lambda: f'join(split({made("text")}, "B"), {made("text")})',
            lambda: f'date({made("date")}, "yyyy/MM/dd")', lambda: f'lookup("item", {made("text")}, default={made("text")})',
            lambda: f"cut({made('text')}, 3)", lambda: f"{c.one(('min', 'max'))}({made('text')}, {made('text')})",
        ),
        "boolean": (
            lambda: f"({made(any_kind)} {c.one(('==', '!=', '<', '<=', '>', '>='))} {made(any_kind)})", lambda: f"(not {made('boolean')})",
            lambda: f"({made('boolean')} {c.one(('and', 'or'))} {made('boolean')})",
            lambda: f"({made(any_kind)} {c.one(('in', 'not in'))} [{made(any_kind)}, {made(any_kind)}])",
            lambda: f"({made('text')} {c.one(('in', 'not in'))} data.tags)", lambda: f"({made(any_kind)} {c.one(('==', '!='))} null)",
            lambda: f"({made('number')} < {made('number')} <= {made('number')})", lambda: f"has({made(any_kind)})",
            lambda: f"{c.one(('any', 'all'))}({made('boolean', 'r')} for r in data.lines)" if not loop else made("boolean"),
            lambda: f"{c.one(('starts', 'ends', 'contains'))}({made('text')}, {made('text')})", lambda: f'known("item", {made("text")})',
        ),
        "date": (lambda: f"add_days({made('date')}, {c.one(('1', '-30', 'data.no'))})", lambda: f"max({made('date')}, {made('date')})"),
    }  # fmt: skip
    forms = (*own_forms[wanted], *common)
    return forms[c.below(len(forms))]()


def some(c: Choices, depth: int = 3) -> Any:
    """A value as documents hold them: nulls, numbers, texts, dates, lists, mappings, elements."""
    kind = c.below(12 if depth else 8)
    leaves = (
        None, c.one((0, 1, -5, 12, 10**30)), Decimal(c.one(("0", "2.50", "-1.0", "1E+2", "0.333", "0.00"))), c.one((True, False)),
        c.one(("", "A", "B", " ", "12.50", "中文", "A,B", "2026-03-01")), date(2026, 3, 1 + c.below(3)),
        datetime(2026, 3, 1, c.below(24), tzinfo=UTC), c.one(("A", 1)),
    )
    if kind < 8:
        return leaves[kind]
    if kind == 8:
        return [some(c, depth - 1) for _ in range(c.below(4))]
    if kind == 9:
        return element(c, depth)
    return [element(c, depth - 1) for _ in range(2 + c.below(2))] if kind == 10 else mapping(c, depth)


def mapping(c: Choices, depth: int = 3) -> dict[str, Any]:
    """Some of the fields."""
    return {name: some(c, depth - 1) for name in FIELDS if c.below(2)}


def document(c: Choices) -> dict[str, Any]:
    """What the untyped expressions are about: a document, its rows, and values of any kind."""
    is_xml = c.below(3) == 2
    rows = [element(c, 2) if is_xml else mapping(c, 1) for _ in range(c.below(4))]
    return {"document": element(c, 4) if is_xml else mapping(c), "rows": rows, **{name: some(c, 1) for name in "xyz"}}


def element(c: Choices, depth: int) -> Element:
    """One element of an XML document."""
    children: dict[str, Any] = {}
    for name in FIELDS if depth > 0 else ():
        if not c.below(3):
            continue
        children[name] = [element(c, depth - 2), element(c, depth - 2)] if c.below(3) == 2 else element(c, depth - 1)
    return Element(c.one(FIELDS), c.one(("", "A", "5", "12.50")), {"unit": "EA"} if c.below(2) else {}, children)


def order(c: Choices) -> dict[str, Any]:
    """Data that fits DATA."""
    def number() -> Any:
        return c.one((0, 1, -3, Decimal("2.50"), Decimal("0.00"), Decimal(1000), 7))

    def text() -> str:
        return str(c.one(("", "A", "B", "12.50", " ", "中文", "x-1")))

    def fields(record: Record) -> dict[str, Any]:
        return {name: of(field.type) for name, field in record.fields.items() if field.required or c.below(2)}

    def of(type_: Any) -> Any:
        if isinstance(type_, Record):
            return fields(type_)
        if isinstance(type_, ListOf):
            return [of(type_.item) for _ in range(c.below(3))]
        day = date(2026, 2, 27 + c.below(2))
        simple: dict[Type, Callable[[], Any]] = {
            TEXT: text, DECIMAL: number, INTEGER: lambda: c.one((0, 1, 2, -1, 4)), BOOLEAN: lambda: c.one((True, False)), DATE: lambda: day,
            DATETIME: lambda: datetime(2026, 3, 1, c.below(24), tzinfo=UTC),
        }  # fmt: skip
        return simple[type_]()

    return fields(DATA)


def shown(value: Any) -> Any:
    """A value to compare by: a number by its digits, never equal to what is no number."""
    if isinstance(value, bool) or value is None:
        return (str(value),)
    if isinstance(value, int | Decimal):
        return ("number", f"{Decimal(value):f}" if value else "0")
    if isinstance(value, list):
        return [shown(member) for member in value]
    if isinstance(value, dict):
        return {name: shown(member) for name, member in value.items()}
    return (type(value), value)


def agree(text: str, compiled: Any, node: Any, names: dict[str, Any]) -> str:
    """Run both; their values, or the codes they fail with, must be the same. Return the code, or ""."""
    arguments = [*names.values(), EVENT, CONTEXT]
    try:
        got = shown(compiled(*arguments))
        failed = ""
    except BusError as error:
        got = failed = error.code
    try:
        expected = shown(evaluate(node, {**names, "event": EVENT}, CONTEXT))
    except Fails as fails:
        expected = fails.code
    assert got == expected, text
    assert failed != "expression-failed", text
    return failed


@settings(max_examples=1250, derandomize=True)
@given(st.binary(min_size=300, max_size=700))
def test_an_untyped_expression_means_what_the_reference_says(choices: bytes) -> None:
    c = Choices(choices)
    names = document(c)
    for _ in range(4):
        text = untyped(c, 1 + c.below(4))
        made = program(text, dict.fromkeys(names, ANY))
        node = parse(text)
        assert not isinstance(node, tuple), (text, node)
        if made.findings:
            continue  # what is written out contradicts itself: `"A" < 5`
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            agree(text, made.compiled(), node, names)


@contextmanager
def parts_of_unknown_type() -> Iterator[list[Type]]:
    """Gather the parts of whatever is compiled within that the checker knows nothing of."""
    unknown: list[Type] = []
    checked = compiler.compile_node

    def gathering(node: Node, scope: Scope) -> Code:
        code = checked(node, scope)
        if code.type in (ANY, ListOf(ANY)):
            unknown.append(code.type)
        return code

    compiler.compile_node = gathering
    try:
        yield unknown
    finally:
        compiler.compile_node = checked


@settings(max_examples=1250, derandomize=True)
@given(st.binary(min_size=300, max_size=700))
def test_a_typed_expression_means_what_the_reference_says_and_fails_only_for_its_data(choices: bytes) -> None:
    c = Choices(choices)
    names = {"data": order(c)}
    for _ in range(4):
        text = typed(c, c.one(("number", "text", "boolean", "date")), 1 + c.below(4))
        with parts_of_unknown_type() as unknown:
            made = program(text, {"data": DATA})
        node = parse(text)
        assert not isinstance(node, tuple), (text, node)
        if any(finding.severity == "error" for finding in made.findings):
            continue
        failed = agree(text, made.compiled(), node, names)
        assert not failed or unknown or failed in DATA_DEPENDENT, (text, failed)
