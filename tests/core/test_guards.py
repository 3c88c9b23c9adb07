"""Routes are found by the value their condition begins with, and the same ones as when each condition is asked."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.event import Event
from bus.guards import Guard, guard_of
from bus.routing import Match, Routing, Target
from bus.types import ANY, DATE, DECIMAL, TEXT, Field, ListOf, Record

from tests.configuring import usable
from tests.core.expressing import source
from tests.core.test_expressions_reference import Choices

DATA = Record({
    "no": Field(TEXT), "qty": Field(DECIMAL), "due": Field(DATE), "code": Field(ANY), "tags": Field(ListOf(TEXT)),
    "party": Field(Record({"zone": Field(TEXT), "site": Field(Record({"code": Field(TEXT)}), required=False)}), required=False),
    "lines": Field(ListOf(Record({"sku": Field(TEXT)}))),
})  # fmt: skip


@pytest.mark.parametrize(("condition", "path", "values"), [
    ('data.no == "A"', ("data", "no"), {"A"}),
    ('data.no in ["A", "B", "A"]', ("data", "no"), {"A", "B"}),
    ('data["no"] == "A"', ("data", "no"), {"A"}),
    ('data.party.site.code == "A"', ("data", "party", "site", "code"), {"A"}),
    ('event.source in ["erp"]', ("event", "source"), {"erp"}),
    ('event.key == ""', ("event", "key"), {""}),
    ('data.no == "A" and data.qty > 5', ("data", "no"), {"A"}),
    ('data.no == "A" and data.party.zone == "B" and 1 / data.qty > 5', ("data", "no"), {"A"}),
    ('(data.no == "A") and (data.qty > 5 or data.qty < 1)', ("data", "no"), {"A"}),
])  # fmt: skip
def test_a_condition_that_begins_with_a_text_compared_is_found_by_that_text(condition: str, path: tuple[str, ...], values: set[str]) -> None:
    assert guard_of(source(condition), DATA) == Guard(path, frozenset(values))


@pytest.mark.parametrize("condition", [
    'data.no != "A"', 'data.no not in ["A"]', 'not data.no == "A"', 'data.no == "A" or data.qty > 5', 'data.no > "A"', "data.qty == 5",
    'data.qty > 5 and data.no == "A"',  # the first part may fail, and must then be heard
    'data.no == "A" == true', 'data.no in ["A", null]', 'data.no in ["A", data.party.zone]', "data.no in data.tags", "data.no in []", "data.no == null",
    'data.no == data.party.zone', 'data.no == "A" + "B"', '"A" == data.no', 'data.no == f"A"', 'upper(data.no) == "A"', 'data.no[0:1] == "A"', '"A" == "A"',
    'data.code == "A"', 'data.due == parse_date("2026-03-01")', 'data.party.name == "A"', 'data.nobody.zone == "A"', 'data.lines[0].sku == "A"',
    'data.no.x == "A"', 'data.lines.sku == "A"', 'data == "A"', 'ctx.no == "A"', "true", "",
])  # fmt: skip
def test_any_other_condition_is_asked_each_time(condition: str) -> None:
    assert guard_of(source(condition), DATA) is None


def test_a_route_without_a_condition_has_nothing_to_be_found_by() -> None:
    assert guard_of(None, DATA) is None


# ---------------------------------------------------------------------------------- the same matches

HEAD = """\
version: 1
systems:
  erp: {source: {adapter: queue}}
  mes: {source: {adapter: queue}}
  scm: {sink: {adapter: queue}}
  oa: {sink: {adapter: queue}}
events:
  order.placed: {no: text, kind?: text, qty: decimal, code?: text, only?: text, party?: {zone?: text, site?: {code: text}}}
  order.changed: {no?: text, kind: text, qty: decimal, code?: integer, party: {zone?: text}}
routes:
"""
TEXTS = ("A", "B", "", "中")
PATHS = ("data.no", "data.kind", 'data["kind"]', "data.party.zone", "event.source", "event.subject", "event.key")
ASKED = (
    "data.qty > 1", "10 / data.qty > 3", "has(data.no)", "data.kind == null", 'event.type == "order.placed"', 'match(data.kind, "[AB]")', 'data.kind in ["A", null]',
    'data.kind in ["A", data.no]', '"A" == data.kind', "data.kind == data.no", 'data.kind == "A" == data.no', "true",
)  # fmt: skip
# What only one of the types has, or each has of another type, can be named by a route for both.
PATHS_OF_BOTH = (*PATHS, "data.only", "data.party.site.code", "data.code")
ASKED_OF_BOTH = (*ASKED, "data.code == 1", "data.code > data.qty")
SHAPES = ("{}", "{} and {}", "{} and ({} or {})", "({} and {}) and {}", "{} or {}", "({} or {}) and {}", "not ({})", "not ({}) and {}")


def text(c: Choices) -> str:
    return f'"{c.one(TEXTS)}"'


def part(c: Choices, of_both: bool) -> str:
    if c.below(4) == 3:
        return str(c.one(ASKED_OF_BOTH if of_both else ASKED))
    path, sign = c.one(PATHS_OF_BOTH if of_both else PATHS), c.one(("==", "==", "in", "in", "!=", ">", "<="))
    return f"{path} {sign} {text(c) if sign != 'in' else f'[{text(c)}, {text(c)}]'}"


def route(c: Choices, name: str) -> str:
    of_both = c.below(2) == 1
    on = c.one(('"order.*"', "[order.changed, order.placed]") if of_both else ("order.placed", "order.changed"))
    when = c.one(SHAPES).format(part(c, of_both), part(c, of_both), part(c, of_both))
    keys = [f"on: {on}", f"to: {c.one(('scm', '[oa, scm]'))}", f"json: {c.one(('{n: data.qty}', '{n: 1 / data.qty}'))}"]
    keys += [f"when: '{when}'"] * (c.below(8) > 0) + [f"from: {c.one(('erp', '[mes, erp]'))}"] * (c.below(4) == 3) + ["mode: off"] * (c.below(8) == 7)
    return f"  {name}: {{{', '.join(keys)}}}\n"


def came(c: Choices) -> tuple[Event, bytes]:
    """An event; a field that its type does not know is kept, whatever it holds."""
    type_ = c.one(("order.placed", "order.changed"))
    data: dict[str, Any] = {"no": c.one(TEXTS), "kind": c.one(TEXTS), "qty": c.one((0, 1, 2.5, 5)), "party": {}}
    data |= c.one(({}, {"only": c.one((*TEXTS, None))} if type_ == "order.placed" else {"only": c.one(("A", 1, ["A"], {"A": 1}))}))
    data |= c.one(({}, {"code": c.one((*TEXTS, None) if type_ == "order.placed" else (0, 1, None))}))
    data["party"] |= c.one(({}, {"zone": c.one((*TEXTS, None))}))
    data["party"] |= c.one(({}, {"site": None}, {"site": {"code": c.one(TEXTS)}}))
    return Event(type_, c.one(("erp", "mes")), "id", {}, c.one(TEXTS)), json.dumps(data).encode()


def shown(match: Match) -> tuple[Any, ...]:
    failure = match.failure and (match.failure.code, match.failure.fields, match.failure.where)
    return match.route.name, match.system, match.documents, failure


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.binary(min_size=200, max_size=300))
def test_an_event_meets_the_same_routes_as_when_every_condition_is_asked(choices: bytes) -> None:
    c = Choices(choices)
    routing = Routing(usable(HEAD + "".join(route(c, f"r{number}") for number in range(8))))
    for unread, body in (came(c) for _ in range(12)):
        event = routing.read(unread, body)
        asked = (routing.match_one(event, body, name, system) for name, system in routing.targets)
        assert [shown(match) for match in routing.matches(event, body)] == [shown(match) for match in asked if match is not None]


@pytest.mark.parametrize(("condition", "extra", "is_asked"), [
    ('data.warehouse == "{}"', "", False),  # found by it, so it holds
    ('data.warehouse == "{}"', "from: erp, ", True),
    ('data.warehouse in ["{0}", "other {0}"] and 1 / data.qty > 0', "", True),
])  # fmt: skip
def test_a_hundred_routes_that_each_name_their_warehouse_cost_one_condition_at_most(
    condition: str, extra: str, is_asked: bool, monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    ask = Target.matches

    def noted(target: Target, event: Event) -> bool:
        asked.append(target.route.name)
        return ask(target, event)

    monkeypatch.setattr(Target, "matches", noted)
    head = "version: 1\nsystems: {erp: {source: {adapter: queue}}, scm: {sink: {adapter: queue}}}\nevents: {order.placed: {warehouse: text, qty: decimal}}\nroutes:\n"
    lines = [f"  r{n}: {{on: order.placed, to: scm, {extra}when: '{condition.format(f'WH{n}')}'}}\n" for n in range(100)]
    routing = Routing(usable(head + "".join(lines)))
    for warehouse, expected in (("WH42", ["r42"]), ("WH100", []), ("WH7", ["r7"])):
        asked.clear()
        body = json.dumps({"warehouse": warehouse, "qty": 1}).encode()
        event = routing.read(Event("order.placed", "erp", "1", {}), body)
        assert [match.route.name for match in routing.matches(event, body)] == expected
        assert asked == (expected if is_asked else [])
