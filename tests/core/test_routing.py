"""From one event to every subscriber's own document: which routes take it, in which order, and what each does alone."""

import json
from datetime import datetime
from typing import Any

import pytest

from bus.errors import BusError, InvalidEvent
from bus.event import Event, delivery_id
from bus.routing import Match, Routing

from tests.configuring import usable

SYSTEMS = """\
version: 1
systems:
  erp: {source: {adapter: queue}, zone: Europe/Berlin}
  mes: {source: {adapter: queue}}
  scm: {sink: {adapter: queue}}
  oa: {sink: {adapter: queue}}
events:
  order.placed: {no: text, qty?: decimal, at?: datetime, kind?: text}
  order.closed: {no: text}
routes:
"""


def routing(*routes: str) -> Routing:
    """Routes `name: {…}`, of which only what matters is written: to scm, as the event itself."""
    return Routing(usable(SYSTEMS + "".join(f"  {route}\n" for route in routes)))


def read(made: Routing, type_: str = "order.placed", system: str = "erp", **data: Any) -> tuple[Event, bytes]:
    body = json.dumps({"no": "PO-1", **data}).encode()
    return made.read(Event(type_, system, "PO-1-v1", {}, "PO-1"), body), body


def taken(made: Routing, type_: str = "order.placed", system: str = "erp", **data: Any) -> list[str]:
    """The routes and systems that get the event; `!` before one that fails."""
    return [f"{'!' if match.failure else ''}{match.route.name}>{match.system}" for match in made.matches(*read(made, type_, system, **data))]


# ----------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(("type_", "body", "code"), [
    ("order.placd", b'{"no": "PO-1"}', "event-type-unknown"),
    ("order.placed", b'{"no": "PO-1"', "event-unreadable"),
    ("order.placed", b'{"no": "\xd6"}', "event-unreadable"),
    ("order.placed", b"[" * 100_000, "event-unreadable"),
    ("order.placed", b'{"no": 1}', "event-invalid"),
    ("order.placed", b"[]", "event-invalid"),
])  # fmt: skip
def test_an_event_that_is_none_of_its_type_is_refused_with_the_reason(type_: str, body: bytes, code: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        routing("r: {on: order.placed, to: scm}").read(Event(type_, "erp", "1", {}), body)
    assert caught.value.code == code
    assert str(caught.value)


def test_an_unreadable_event_says_what_its_reader_said() -> None:
    with pytest.raises(InvalidEvent, match="line 1"):
        routing("r: {on: order.placed, to: scm}").read(Event("order.placed", "erp", "1", {}), b"{no: 1}")


@pytest.mark.parametrize(("system", "iso"), [("erp", "2026-07-01T08:30:00+02:00"), ("mes", "2026-07-01T08:30:00+08:00"), ("gone", "2026-07-01T08:30:00+08:00")])
def test_a_time_without_a_zone_is_its_sender_s(system: str, iso: str) -> None:
    event, _ = read(routing("r: {on: order.placed, to: scm}"), system=system, at="2026-07-01T08:30:00")
    assert event.data["at"] == datetime.fromisoformat(iso)


# ---------------------------------------------------------------------------------------------- matching


def test_every_route_that_takes_an_event_gets_it_in_the_order_written() -> None:
    made = routing(
        "last: {on: order.placed, to: scm, when: data.kind == \"A\"}", "both: {on: order.placed, to: [oa, scm]}",
        "text: {on: \"order.*\", to: oa, when: 'data.no in [\"PO-1\", \"PO-2\"]'}", "other: {on: order.closed, to: scm}",
        "first: {on: [order.closed, order.placed], to: scm, when: data.kind == \"A\" and data.qty > 5}",
    )
    assert taken(made, kind="A", qty=9) == ["last>scm", "both>oa", "both>scm", "text>oa", "first>scm"]
    assert taken(made, kind="A") == ["last>scm", "both>oa", "both>scm", "text>oa"]
    assert taken(made, kind="B", qty=9) == ["both>oa", "both>scm", "text>oa"]
    assert taken(made, no="PO-3") == ["both>oa", "both>scm"]
    assert taken(made, "order.closed") == ["text>oa", "other>scm"]


def test_an_event_that_no_route_takes_meets_none() -> None:
    assert taken(routing("r: {on: order.placed, to: scm}"), "order.closed") == []


def test_from_lets_only_its_systems_events_through() -> None:
    made = routing("one: {on: order.placed, from: mes, to: scm}", "two: {on: order.placed, from: [mes, erp], to: scm}", "any: {on: order.placed, to: scm}")
    assert taken(made, system="erp") == ["two>scm", "any>scm"]
    assert taken(made, system="mes") == ["one>scm", "two>scm", "any>scm"]


def test_from_is_asked_before_the_condition() -> None:
    made = routing("r: {on: order.placed, from: mes, to: scm, when: 1 / data.qty > 0}")
    assert taken(made, system="erp", qty=0) == []
    assert taken(made, system="mes", qty=0) == ["!r>scm"]


def test_a_route_that_is_off_takes_nothing_and_a_shadow_is_computed() -> None:
    made = routing("off: {on: order.placed, to: scm, mode: off}", "shadow: {on: order.placed, to: scm, mode: shadow}")
    (match,) = made.matches(*read(made))
    assert (match.route.mode, len(match.documents)) == ("shadow", 1)
    assert made.match_one(*read(made), "off", "scm") is None


def test_a_condition_that_cannot_be_computed_is_a_failure_of_its_route_alone() -> None:
    made = routing("bad: {on: order.placed, to: [scm, oa], when: 1 / data.qty > 0}", "good: {on: order.placed, to: scm}", "map: {on: order.placed, to: oa, json: {x: 1 / data.qty}}")
    failures = [match.failure for match in made.matches(*read(made, qty=0))]
    assert taken(made, qty=0) == ["!bad>scm", "!bad>oa", "good>scm", "!map>oa"]
    assert [(failure.code, failure.where.expression) for failure in failures if failure is not None and failure.where is not None] == [
        ("division-by-zero", "1 / data.qty > 0"), ("division-by-zero", "1 / data.qty > 0"), ("division-by-zero", "1 / data.qty"),
    ]  # fmt: skip


def test_a_field_that_one_type_does_not_know_fails_the_route_that_takes_it_for_the_other_s_text() -> None:
    made = routing("both: {on: \"order.*\", to: scm, when: 'data.kind in [\"A\", \"B\"] and data.no != \"\"'}", "good: {on: order.closed, to: oa}")
    assert taken(made, "order.placed", kind="A") == ["both>scm"]
    assert taken(made, "order.closed") == ["good>oa"]
    failed, good = made.matches(*read(made, "order.closed", kind=["A"]))
    assert failed.failure is not None
    assert failed.failure.where is not None
    assert (failed.failure.code, failed.failure.where.expression) == ("expression-failed", 'data.kind in ["A", "B"] and data.no != ""')
    assert (failed.failure.where.file, failed.failure.where.line) == ("routing.yaml", SYSTEMS.count("\n") + 1)
    assert good.failure is None


def test_a_delivery_s_id_is_made_of_the_event_the_route_the_system_and_the_round() -> None:
    made = routing("r: {on: order.placed, to: [scm, oa], for: 'n in [1, 2]', json: {n: n}}")
    ids = [document.id for match in made.matches(*read(made)) for document in match.documents]
    assert ids == [delivery_id("erp", "PO-1-v1", "r", system, number) for system in ("scm", "oa") for number in (0, 1)]
    assert len(set(ids)) == 4


# ----------------------------------------------------------------------------------- one route, as a replay asks


def alone(made: Routing, route: str, system: str, type_: str = "order.placed", **data: Any) -> Match | None:
    return made.match_one(*read(made, type_, **data), route, system)


def test_a_replay_gets_what_the_first_time_would_have_got() -> None:
    made = routing("r: {on: order.placed, to: [scm, oa], when: data.kind == \"A\", json: {no: data.no}}")
    assert alone(made, "r", "oa", kind="A") == list(made.matches(*read(made, kind="A")))[1]
    assert alone(made, "r", "oa", kind="B") is None


@pytest.mark.parametrize(("route", "system", "type_"), [("gone", "scm", "order.placed"), ("r", "oa", "order.placed"), ("r", "scm", "order.closed")])
def test_a_replay_to_a_route_or_a_system_that_is_gone_meets_none(route: str, system: str, type_: str) -> None:
    assert alone(routing("r: {on: order.placed, to: scm}"), route, system, type_) is None


@pytest.mark.parametrize("route", ["r: {on: order.placed, to: scm, when: 1 / data.qty > 0}", "r: {on: order.placed, to: scm, json: {x: 1 / data.qty}}"])
def test_a_replay_that_fails_says_why(route: str) -> None:
    match = alone(routing(route), "r", "scm", qty=0)
    assert match is not None
    assert isinstance(match.failure, BusError)
    assert (match.failure.code, match.documents) == ("division-by-zero", ())
