"""From a system's own documents to events, by the inbound rules."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bus.adapter import SourceOptions
from bus.codecs import read
from bus.errors import DocumentError, ExpressionError, Held, IdentityConflict, InvalidEvent
from bus.event import Event
from bus.inbound import Outcome, problem_of
from bus.routing import Routing
from bus.wire import envelope, event_message

from tests.core.gates import GATE, NOW, WIDE, failed, inbound, made, outcome

# ------------------------------------------------------------------------------------------------ rules


def test_a_rule_makes_an_event_with_the_defaults_of_what_it_does_not_say() -> None:
    (new,) = made(GATE, {"no": "G-1"})
    assert new.event == Event("gate.passed", "wms", "G-1", {"no": "G-1"}, "G-1", NOW, "G-1")
    assert new.body == b'{"no":"G-1"}'


def test_subject_key_and_time_are_what_the_rule_says() -> None:
    rules = GATE + "  subject: document.order\n  key: document.truck\n  time: document.at\n"
    (new,) = made(rules, {"no": "G-1", "order": "PO-1", "truck": "T-1", "at": "2025-01-19T09:30:00.1234567+01:00"})
    assert (new.event.subject, new.event.key) == ("PO-1", "T-1")
    assert new.event.time == datetime(2025, 1, 19, 8, 30, 0, 123456, UTC)
    (new,) = made(GATE + "  subject: document.order\n", {"no": "G-1", "order": "PO-1"})
    assert new.event.key == "PO-1"


@pytest.mark.parametrize(("time", "iso"), [
    ("document.at", "2025-07-01T08:30:00+02:00"),
    ("parse_date(document.at)", "2025-07-01T08:30:00+02:00"),
    ("document.on", "2025-07-01T00:00:00+02:00"),
    ("parse_date(document.on)", "2025-07-01T00:00:00+02:00"),
    ('parse_date(document.at + "Z")', "2025-07-01T08:30:00+00:00"),
    ('parse_date(document.at, "yyyy-MM-ddTHH:mm:ss", "Asia/Shanghai")', "2025-07-01T08:30:00+08:00"),
])
def test_a_time_without_zone_is_the_sender_s(time: str, iso: str) -> None:
    (new,) = made(GATE + f"  time: '{time}'\n", {"no": "G-1", "at": "2025-07-01T08:30:00", "on": "2025-07-01"})
    assert new.event.time.isoformat() == iso


@pytest.mark.parametrize("at", ["soon", 20250701, True, "2025-02-30"])
def test_a_time_that_is_none_is_refused(at: object) -> None:
    error = failed(GATE + "  time: document.at\n", {"no": "G-1", "at": at})
    assert (type(error), error.code) == (InvalidEvent, "event-attribute-time")
    assert error.where is not None
    assert (error.where.path, error.where.expression) == ("time", "document.at")


@pytest.mark.parametrize("field", ["subject", "key", "time"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_a_rule_maps_must_be_there(field: str, value: object) -> None:
    error = failed(GATE + f"  {field}: document.x\n", {"no": "G-1", "x": value})
    assert error.code == "part-empty"
    assert error.where is not None
    assert error.where.path == field


def test_every_rule_that_takes_a_document_makes_its_events_in_the_order_written() -> None:
    rules = GATE + """
shut:
  from: wms
  when: document.closed
  event: gate.closed
  id: document.no + "-closed"
  map: {no: document.no}
other:
  from: erp
  event: gate.closed
  id: document.no
  map: {no: document.no}
"""
    types = [(new.event.type, new.event.id) for new in made(rules, {"no": "G-1", "closed": True})]
    assert types == [("gate.passed", "G-1"), ("gate.closed", "G-1-closed")]
    assert [new.event.type for new in made(rules, {"no": "G-1", "closed": False})] == ["gate.passed"]


def test_one_event_for_each_group_of_rows() -> None:
    rules = """
gate:
  from: wms
  for: g in group(document.rows, "po")
  event: gate.passed
  id: g.po
  map:
    no: g.po
    lines:
      for: row in g.rows
      item: row.item
      qty: row.qty
"""
    rows = [{"po": "A", "item": "x", "qty": "1.50"}, {"po": "B", "item": "y", "qty": "2"}, {"po": "A", "item": "z", "qty": "3"}]
    events = made(rules, {"rows": rows})
    assert [new.event.id for new in events] == ["A", "B"]
    assert events[0].body == b'{"no":"A","lines":[{"item":"x","qty":1.50},{"item":"z","qty":3}]}'


def test_a_document_no_rule_takes_is_held_and_never_dropped() -> None:
    (failure,) = outcome(GATE + "  when: document.no == \"x\"\n", {"no": "G-1"}).failures
    assert (failure.rule, failure.line, type(failure.error), failure.error.code) == ("", 0, Held, "no-rule")
    assert failed("other:\n  from: erp\n  event: gate.closed\n  id: document.no\n  map: {no: document.no}\n", {}).code == "no-rule"


def test_a_document_of_a_system_nobody_knows_is_refused_before_it_is_read() -> None:
    rules = inbound(GATE)
    (failure,) = rules.events("mes", {"no": "G-1"}, NOW).failures
    assert (failure.rule, failure.line, failure.error.code) == ("", 0, "system-not-known")
    with pytest.raises(DocumentError, match="mes is no system"):
        rules.read("mes", b"no JSON")


def test_a_rule_that_fails_leaves_the_others_their_events_and_is_named_with_its_line() -> None:
    rules = GATE + """
shut:
  from: wms
  event: gate.closed
  id: document.no + "-closed"
  map: {no: document.driver}
"""
    result = outcome(rules, {"no": "G-1"})
    assert [new.event.type for new in result.events] == ["gate.passed"]
    (failure,) = result.failures
    assert (failure.rule, failure.error.code) == ("shut", "path-missing")
    assert failure.line == inbound(rules).config.rules[1].place.line
    assert problem_of(result.failures) is failure.error
    assert problem_of(()) is None


def test_a_condition_that_cannot_be_computed_is_a_failure_of_its_rule() -> None:
    error = failed(GATE + "  when: document.no > 5\n", {"no": "G-1"})
    assert isinstance(error, ExpressionError)
    assert error.where is not None
    assert error.where.expression == "document.no > 5"


def test_one_event_that_cannot_be_made_holds_back_its_rule_s_others() -> None:
    """All or none: the replay of the letter makes them together."""
    rules = "gate:\n  from: wms\n  for: x in document.all\n  event: gate.passed\n  id: x.no\n  map: {no: x.no, weight?: x.weight}\n"
    result = outcome(rules, {"all": [{"no": "1"}, {"no": "2", "weight": "heavy"}]})
    assert result.events == ()
    assert [failure.error.code for failure in result.failures] == ["event-map-unfit"]


# --------------------------------------------------------------------------------- rules that make nothing

LOOP = "gate:\n  from: wms\n  for: x in document.all\n  event: gate.passed\n  id: x.no\n  map: {no: x.no}\n"
NESTED = LOOP.replace("for: x in document.all", "for: [y in document.all, x in y.inner]")


@pytest.mark.parametrize(("rules", "document", "code"), [
    (LOOP, {"al": [{"no": "1"}]}, "no-event-path"),
    (LOOP, {"all": None}, "no-event"),
    (LOOP + "  if: x.ok\n", {}, "no-event-path"),
    (NESTED, {"all": [{"inner": []}]}, "no-event"),
    (NESTED, {"all": [{"iner": [{"no": "1"}]}]}, "no-event"),
])
def test_a_loop_that_finds_nothing_is_held_and_not_silently_done(rules: str, document: Any, code: str) -> None:
    error = failed(rules, document)
    assert (type(error), error.code) == (Held, code)
    assert code == "no-event" or "no all below document" in str(error)


@pytest.mark.parametrize(("rules", "document"), [
    (LOOP, {"all": []}),
    (LOOP + "  if: x.ok\n", {"all": [{"no": "1", "ok": False}]}),
    (GATE + "  if: document.ok\n", {"no": "1", "ok": False}),
])
def test_an_empty_list_and_what_if_leaves_out_are_done(rules: str, document: Any) -> None:
    assert outcome(rules, document) == Outcome(())


# ----------------------------------------------------------------------------------- what the event holds

def test_plain_texts_go_into_typed_fields_and_leave_as_what_they_are() -> None:
    (new,) = made(WIDE, {
        "no": "0012", "count": "0012", "weight": "12.50", "on": "2025-07-01", "at": "2025-07-01 08:30", "ok": True,
        "lines": [{"item": "x", "qty": "1.0", "own": "1.0"}],
    })
    assert new.event.data["weight"] == Decimal("12.50")
    assert new.body == (
        b'{"no":"0012","count":12,"weight":12.50,"on":"2025-07-01","at":"2025-07-01T08:30:00+02:00","ok":true,'
        b'"lines":[{"item":"x","qty":1.0,"own":"1.0"}]}'
    )


@pytest.mark.parametrize(("document", "path"), [
    ({"weight": "1,234.50"}, "data.weight"), ({"weight": "１２"}, "data.weight"), ({"weight": "1e3"}, "data.weight"),
    ({"count": "1.5"}, "data.count"), ({"on": "20250701"}, "data.on"), ({"ok": "true"}, "data.ok"),
    ({"lines": [{"item": "x"}]}, "data.lines[0].qty"), ({"lines": {"item": "x"}}, "data.lines"),
])
def test_what_the_router_would_refuse_is_refused_here(document: Mapping[str, Any], path: str) -> None:
    error = failed(WIDE, {"no": "G-1", **document})
    assert (type(error), error.fields["path"]) == (InvalidEvent, path)
    assert "decimal(…)" in error.hint
    assert error.where is not None
    assert error.where.expression == f"document.{path.split('.')[1].partition('[')[0]}"
    assert path == f"data.{error.where.path}"


UNFIT: dict[str, tuple[str, str | None]] = {
    "map: {no: document.no, lines: [{item: document.no, qty: document.no}, {item: document.no, qty: document.bad}]}":
        ("data.lines[1].qty", "document.bad"),
    "map: {no: document.no, lines: document.lines}": ("data.lines[0].qty", "document.lines"),
    "map: {no: document.no, lines: {for: line in document.lines, item: document.no, qty: line.qty}}":
        ("data.lines[0].qty", "line.qty"),
    "map: {no: document.no, lines: [{for: line in document.lines, item: document.no, qty: line.qty}]}":
        ("data.lines[0].qty", None),
    "map: {no: document.no, lines: [{item: document.no, qty: '1'}, {if: document.no == \"1\", item: document.no, qty: document.bad}]}":
        ("data.lines[1].qty", None),
}


@pytest.mark.parametrize("mapping", UNFIT)
def test_the_place_of_a_value_that_fits_no_field_is_the_expression_that_made_it(mapping: str) -> None:
    path, expression = UNFIT[mapping]
    document = {"no": "1", "bad": "x", "lines": [{"item": "x", "qty": "many"}]}
    error = failed(GATE.replace("map: {no: document.no}", mapping), document)
    assert error.fields["path"] == path
    assert (error.where.expression if error.where is not None else None) == expression


@pytest.mark.parametrize("document", [
    {"no": "G-1", "weight": "12.50", "on": "2025-07-01", "at": "2025-07-01 08:30", "lines": [{"item": "x", "qty": 1}]},
    {"no": "单 1", "count": 10**30, "weight": Decimal("1E+3"), "lines": []},
])
def test_an_event_a_rule_makes_is_one_the_router_takes(document: Any) -> None:
    rules = inbound(WIDE)
    (new,) = rules.events("wms", document, NOW).events
    event, body = envelope(event_message(new.event, new.body))
    assert Routing(rules.config).read(event, body) == new.event


def test_a_document_passed_on_whole_is_not_changed_for_the_next_rule() -> None:
    rules = WIDE + """
second:
  from: wms
  when: document.lines[0].qty == "1.0"
  event: gate.closed
  id: document.no + "-2"
  map: {no: document.no}
"""
    document = {"no": "1", "lines": [{"item": "x", "qty": "1.0"}]}
    assert len(made(rules, document)) == 2
    assert document["lines"] == [{"item": "x", "qty": "1.0"}]


def test_an_xml_element_becomes_its_text_wherever_it_goes() -> None:
    rules = inbound(WIDE.replace("document.", "document.gate.") + "  time: document.gate.at\n  key: document.gate.count\n")
    body = "<gate><no>0012</no><count>7</count><weight>\n 12.50 </weight><at>2025-07-01T08:30:00Z</at><ok/></gate>"
    (failure,) = rules.events("wms", read("xml", body.encode(), SourceOptions()), NOW).failures
    assert failure.error.code == "event-map-unfit"  # with blanks around it, it is no plain number
    body = body.replace("\n 12.50 ", "12.50")
    (new,) = rules.events("wms", read("xml", body.encode(), SourceOptions()), NOW).events
    assert new.body == b'{"no":"0012","count":7,"weight":12.50,"at":"2025-07-01T08:30:00Z"}'
    assert (new.event.key, new.event.time) == ("7", datetime(2025, 7, 1, 8, 30, tzinfo=UTC))


SEALS = GATE.replace("no: document.no}", "no: document.no, seals?: document.seal}")


@pytest.mark.parametrize(("seals", "expected"), [
    ("", None), ("<seal/>", None), ("<seal> </seal>", None), ("<seal>S-1</seal>", ["S-1"]), ("<seal>S-1</seal><seal side='left'>S-2</seal>", ["S-1", "S-2"]),
])  # fmt: skip
def test_a_list_of_texts_takes_elements_one_or_several(seals: str, expected: list[str] | None) -> None:
    document = read("xml", f"<gate><no>1</no>{seals}</gate>".encode(), SourceOptions())
    (new,) = made(SEALS.replace("document.", "document.gate."), document)
    assert new.event.data.get("seals") == expected


@pytest.mark.parametrize(("seals", "code", "path"), [
    ("S-1", "event-map-unfit", "data.seals"), (7, "event-map-unfit", "data.seals"), ({"a": "S-1"}, "event-map-unfit", "data.seals"),
    (["S-1", 7], "event-map-unfit", "data.seals[1]"), ([["S-1"]], "not-one-value", None),
])  # fmt: skip
def test_what_is_no_list_of_texts_is_not_made_one(seals: Any, code: str, path: str | None) -> None:
    error = failed(SEALS, {"no": "1", "seal": seals})
    assert (error.code, error.fields.get("path")) == (code, path)
    assert error.where is not None
    assert error.where.expression == "document.seal"


# ----------------------------------------------------------------------------------------------- identity


@pytest.mark.parametrize("key", ["id", "subject", "key"])
@pytest.mark.parametrize("no", [5, Decimal("1.50"), True, ["G-1"], {"a": "G-1"}])
def test_what_names_an_event_is_a_text_and_no_number_becomes_one_by_itself(key: str, no: object) -> None:
    rules = GATE.replace("id: document.no", "id: document.x") if key == "id" else GATE + f"  {key}: document.x\n"
    error = failed(rules, {"no": "G-1", "x": no})
    assert (error.code, error.hint) == ("not-a-text", "say text(…)")
    assert error.where is not None
    assert (error.where.path, error.where.expression) == (key, "document.x")


@pytest.mark.parametrize(("no", "code"), [("x" * 256, "event-id-too-long"), ("单" * 86, "event-id-too-long"),
                                          ("G\n1", "event-attribute-control")])
def test_an_id_that_cannot_travel_is_refused(no: str, code: str) -> None:
    error = failed(GATE, {"no": no})
    assert error.code == code
    assert error.where is not None
    assert (error.where.path, error.where.expression) == ("id", "document.no")
    assert made(GATE, {"no": "单" * 85})[0].event.id == "单" * 85


def test_two_rules_that_give_different_events_one_id_are_told_so() -> None:
    rules = GATE + "shut:\n  from: wms\n  event: gate.closed\n  id: document.no\n  map: {no: document.no}\n"
    result = outcome(rules, {"no": "G-1"})
    assert [new.event.type for new in result.events] == ["gate.passed"]
    (failure,) = result.failures
    assert (failure.rule, type(failure.error), failure.error.code) == ("shut", IdentityConflict, "event-id-twice")


def test_two_rounds_that_give_different_events_one_id_are_told_so() -> None:
    rules = LOOP.replace("map: {no: x.no}", "map: {no: x.no, weight?: x.weight}")
    assert failed(rules, {"all": [{"no": "1", "weight": 1}, {"no": "1", "weight": 2}]}).code == "event-id-twice"


def test_the_same_event_twice_in_a_document_is_one() -> None:
    assert [new.event.id for new in made(LOOP, {"all": [{"no": "1"}, {"no": "2"}, {"no": "1"}]})] == ["1", "2"]
