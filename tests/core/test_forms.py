"""What a form fills in is what the generated Python makes, or it is left to Python."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from bus.config.model import Configuration
from bus.event import Event
from bus.mapping import forms
from bus.mapping.forms_compiled import filler
from bus.routing import LARGE, Routing

from tests.configuring import loaded
from tests.core.mapped import FILES, ORDER, document, failure, made_of, routing_yaml, told
from tests.core.uncompiled import uncompiled

EVENT = Event("order.released", "erp", "PO-1-v1", {}, subject="PO-1")
TEXTS = ("PO-1", "", " ", "\u2003", "x" * 300, "R&D <1>", "a<b", "a>b", "a&b", 'a"b', "a\\b", "a\rb", "a\nb", '3/4" 5\\8', "采购 六角螺栓", "a\r\n\tb", "\x01", "\ufffe", "😀\uffff", "￾ï¿½", "\x7f")
NUMBERS = ("0", "-0", "-0.0", "7", "-12", "0.5", "1.5", "9.995", "99.99", "0.001", "120.500", "-1.25", "1e3", "1.5e-9", "12345678901234567890", "0.00000001")
# What may stand at a key, with the fields of `mapped.HEAD`; `{line}` is the row in hand.
EVERYWHERE = (
    "data.no", "data.note", "data.qty", "data.price", "data.count", "data.open", "data.day", "data.due", "data.at", "data.party.name",
    "data.party.zip", '"const"', '"<&>"', "12", "1.50", "true", '""', "event.id", "event.time", "text(data.count)", "data.qty * 2",
    "round(data.qty, 0)", "round(data.price, 2)", "round(data.qty, 3)", "round(data.count, 1)", 'date(data.due, "dd.MM.yyyy")',
    'default(data.note, "n/a")', 'lookup("item", data.note)', 'lookup("item", data.no, default="-")', "count(data.lines)",
    "sum(line.qty for line in data.lines)", "data.lines[0].sku", 'f"{data.no}/{data.count}"', "named", "data.note if data.open else null",
)
IN_ROW = ("line.sku", "line.qty", "line.note", "line.ok", "round(line.qty, 1)", 'lookup("item", line.sku)', 'lookup("uom", [line.sku, "BOX"])', "n", "twice")
TREES = ("data.tags", "data.party", "data.lines", "data.codes", "[data.no, data.note]")
CONDITIONS = ("data.open", "data.qty > 1", "has(data.note)", 'data.note == "x"')


def mapping(chance: Random, format_: str) -> dict[str, Any]:
    """A route's own keys: its format, and lets."""
    whole = group(chance, format_, 0, row=False)
    return {"let": {"named": chance.choice(EVERYWHERE[:20])}, format_: whole if format_ == "json" else {"root": whole}}


def group(chance: Random, format_: str, depth: int, *, row: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if format_ == "xml" and chance.random() < 0.3:
        for n in range(chance.randint(1, 2)):
            made[f"@a{n}{chance.choice(('', '?'))}"] = value(chance, "csv", row=row)
    if format_ == "xml" and chance.random() < 0.1:
        made["#text"] = value(chance, "csv", row=row)
    for n in range(chance.randint(0, 4)):
        key, what = f"k{n}{chance.choice(('', '?'))}", chance.random()
        if depth < 3 and what < 0.15:
            made[key] = group(chance, format_, depth + 1, row=row)
        elif depth < 3 and what < 0.25:
            made[key] = {"if": chance.choice(CONDITIONS), **group(chance, format_, depth + 1, row=row)}
        elif depth < 3 and what < 0.5 and not row:
            made[key] = loop(chance, format_, depth + 1)
        else:
            made[key] = value(chance, format_, row=row)
    return made


def loop(chance: Random, format_: str, depth: int) -> dict[str, Any]:
    head: dict[str, Any] = {"for": "n, line in data.lines"}
    if chance.random() < 0.2:
        head["if"] = chance.choice(("line.qty > 0", "line.ok"))
    return {**head, "let": {"twice": chance.choice(("line.qty * 2", "line.note", "line.sku"))}, **group(chance, format_, depth, row=True)}


def value(chance: Random, format_: str, *, row: bool) -> str:
    choices = (*EVERYWHERE, *IN_ROW * 2) if row else EVERYWHERE
    return chance.choice(TREES if format_ != "csv" and chance.random() < 0.05 else choices)


def order(chance: Random, oddness: float) -> bytes:
    """An order, some of whose values are odd or not there."""
    def text(plain: str) -> str:
        return chance.choice(TEXTS) if chance.random() < oddness else plain

    def number() -> str:
        return chance.choice(NUMBERS) if chance.random() < oddness else chance.choice(("3", "1.50", "0"))

    def some(members: Mapping[str, Any]) -> dict[str, Any]:
        return {name: held for name, held in members.items() if not name.endswith("?") or chance.random() < 0.7}

    numbers: list[str] = []

    def placed() -> str:
        numbers.append(number())
        return f"@{len(numbers) - 1}@"

    lines = [
        some({"sku": text(chance.choice("ABD")), "qty": placed(), "note?": text("x"), "ok?": chance.random() < 0.5})
        for _ in range(chance.randint(0, 3))
    ]
    held = {
        **ORDER, "no": text("A"), "qty": placed(), "count": chance.choice((0, 3, -1, 10**17)), "open": chance.random() < 0.5, "lines": lines,
        **some({"note?": text("B"), "price?": placed(), "due?": "2026-12-31", "tags?": [text("t")] * chance.randint(0, 2), "party?": some({"name": text("甲"), "zip?": text("1")})}),
    }
    body = json.dumps(_bare(held), ensure_ascii=False)
    for n, digits in enumerate(numbers):
        body = body.replace(f'"@{n}@"', digits)
    return body.encode()


def _bare(held: Any) -> Any:
    if isinstance(held, dict):
        return {name.removesuffix("?"): _bare(part) for name, part in held.items()}
    return [_bare(part) for part in held] if isinstance(held, list) else held


def agreed(config: Configuration, bodies: list[bytes]) -> Counter[str]:
    """Hold both against each other; count what the form filled in."""
    both, python = Routing(config), Routing(config)
    with patch.object(forms, "filler", lambda *_: None):
        wanted = [told(made_of(python, body)) for body in bodies]
    (target,) = both.targets.values()
    seen: Counter[str] = Counter()
    for body, want in zip(bodies, wanted, strict=True):
        assert told(made_of(both, body)) == want
        if target._fill is None:
            seen["no form"] += 1
            continue
        event = both.read(Event("order.released", "erp", "PO-1-v1", {}, subject="PO-1"), body)
        filled = target._fill(event, event.data, target.context)
        seen["left" if filled is None else "filled"] += 1
        if isinstance(want, tuple) and filled is not None:
            assert filled == want[0].body
    return seen


@pytest.mark.parametrize("format_", ["json", "xml"])
@pytest.mark.parametrize("seed", range(40))
def test_any_mapping_of_any_order_comes_out_alike(format_: str, seed: int) -> None:
    chance = Random(f"{format_}{seed}")
    seen: Counter[str] = Counter()
    for _ in range(12):
        text = routing_yaml(yaml.safe_dump(mapping(chance, format_), allow_unicode=True, sort_keys=False, width=1000))
        config = loaded(text, FILES)
        if not config.errors:
            seen += agreed(config, [order(chance, oddness) for oddness in (0, 0, 0.05, 0.3)])
    assert seen["filled"] > 0


def test_they_are_built_and_taken() -> None:
    assert vars(forms)["filler"] is filler


def test_python_does_the_same_where_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = uncompiled(forms, "bus.mapping.forms_compiled", monkeypatch)
    assert alone.filler((), (), True) is None


@pytest.mark.parametrize("sign", [chr(n) for n in (*range(0x80), 0xA0, 0x2028, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600)])
@pytest.mark.parametrize("mapping", ["json: {a: data.no, b: 1}", "xml: {r: {a: data.no}}", 'xml: {r: {"@a": data.no}}'])
def test_any_sign_comes_out_alike(mapping: str, sign: str) -> None:
    for no in (sign, f"a{sign}b", f"中{sign}"):
        agreed(loaded(routing_yaml(mapping), FILES), [json.dumps({**ORDER, "no": no}).encode()])


@pytest.mark.parametrize(("value", "places", "rounded"), [
    ("0.5", 0, "1"), ("0.4", 0, "0"), ("9.5", 0, "10"), ("99.995", 2, "100.00"), ("9.994", 2, "9.99"), ("1.25", 1, "1.3"),
    ("0.001", 2, "0.00"), ("120.500", 2, "120.50"), ("7", 2, "7"), ("7.1", 2, "7.1"), ("-0.4", 0, "0"), ("-2.5", 0, "-3"),
])  # fmt: skip
def test_numbers_are_rounded_half_up_in_their_place(value: str, places: int, rounded: str) -> None:
    assert document(f"json: {{a: 'round(data.qty, {places})'}}", qty=value) == f'{{"a":{rounded}}}'


def test_numbers_and_days_are_written_as_they_are_whatever_was_written_before() -> None:
    routing = Routing(loaded(routing_yaml("json: {q: data.qty, c?: data.count, d?: data.day}"), FILES))
    (target,) = routing.targets.values()
    decimals = [Decimal(f"{n % 999}.{n:0{size}}") for size in (1, 6, 20) for n in range(1500)]
    counts = [0, -1, 10, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**30]
    days = [date(1, 1, 1), date(999, 12, 31), date(2024, 2, 29), date(9999, 12, 31)]
    assert target.documents(EVENT.with_data({"qty": Decimal(1)}), b"") != ()  # draws the form
    fill = target._fill
    assert fill is not None
    for _ in range(2):
        for n, decimal in enumerate((*decimals, *decimals, *(Decimal(str(one)) for one in reversed(decimals)))):
            count, day = counts[n % len(counts)], days[n % len(days)]
            made = fill(EVENT, {"qty": decimal, "count": count, "day": day}, target.context)
            assert made == f'{{"q":{decimal:f},"c":{count},"d":"{day}"}}'.encode()


def filled(mapping: str, **data: Any) -> bytes | None:
    """What a form alone makes of an order."""
    routing = Routing(loaded(routing_yaml(mapping), FILES))
    body = json.dumps({**ORDER, **data}).encode()
    event = routing.read(Event("order.released", "erp", "PO-1-v1", {}, subject="PO-1"), body)
    routing.matches(event, body)
    (target,) = routing.targets.values()
    assert target._fill is not None
    return target._fill(event, event.data, target.context)


@pytest.mark.parametrize(("mapping", "data", "made"), [
    ("json: {a: data.no, b?: data.note, c: 1}", {}, b'{"a":"PO-1","c":1}'),
    ("json: {a?: data.note, b?: data.due, c?: data.price}", {}, b"{}"),
    ("json: {a: {for: n, line in data.lines, k: n, s: line.sku}}", {"lines": []}, b'{"a":[]}'),
    ("json: {a?: {for: line in data.lines, s: line.sku}, b: 1}", {"lines": []}, b'{"b":1}'),
    ("xml: {r: {'@a?': data.note, b?: {c?: data.note}, d: data.qty}}", {}, b'<?xml version="1.0" encoding="UTF-8"?>\n<r><d>2.5</d></r>'),
    ("xml: {r: {a?: {'@x': data.no}}}", {}, b'<?xml version="1.0" encoding="UTF-8"?>\n<r><a x="PO-1"></a></r>'),
    ("json: {a: 'lookup(\"item\", data.no)'}", {"no": "A"}, b'{"a":"a-1"}'),
])  # fmt: skip
def test_what_is_ordinary_is_filled_in(mapping: str, data: dict[str, Any], made: bytes) -> None:
    mapping = mapping.replace("for: n, line in data.lines", '"for": "n, line in data.lines"')
    assert filled(mapping, **data) == made


@pytest.mark.parametrize(("mapping", "data"), [
    ("json: {a: data.no}", {"no": " "}),
    ("json: {a: 'lookup(\"item\", data.no)'}", {"no": "Z"}),
    ("json: {a: data.party.zip}", {}),
    ("xml: {r: {a: data.no}}", {"no": "\x01"}),
    ("xml: {r: {a: 'round(data.qty, 0)'}}", {"qty": -2.5}),
    ("json: {a: 'data.qty / (data.count - 3)'}", {}),
    ("json: {a: {for: line in data.lines, b: {for: other in data.lines, c: data.no}}}", {"lines": [{"sku": "A", "qty": 1}] * 600, "no": "x" * 300}),
    ("json: {a: {for: line in data.lines, b?: {for: other in data.lines, c: data.no, if: other.ok}}}", {"lines": [{"sku": "A", "qty": 1}] * 600}),
])  # fmt: skip
def test_what_is_not_is_left_to_python(mapping: str, data: dict[str, Any]) -> None:
    assert filled(mapping, **data) is None


def test_a_large_event_is_python_s_alone() -> None:
    routing = Routing(loaded(routing_yaml("json: {a: data.no}"), FILES))
    (target,) = routing.targets.values()
    for padding, asked in ((0, 1), (LARGE, 1)):
        body = json.dumps({**ORDER, "note": "x" * padding}).encode()
        event = routing.read(Event("order.released", "erp", "PO-1-v1", {}, subject="PO-1"), body)
        made = target.documents(event, body)
        with patch.object(target, "_fill", wraps=target._fill) as fill:
            assert target.documents(event, body) == made
            assert fill.call_count == asked - (padding > 0)


def test_why_nothing_can_be_filled_in_is_said_with_its_place() -> None:
    error = failure("json: {a: {b: data.party.zip}}")
    assert error.where is not None
    assert error.where.path == "a.b"
