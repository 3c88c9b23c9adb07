"""Shapes of events: from models, with a company's own fields, as JSON Schema."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import AwareDatetime, BaseModel
from pydantic import Field as ModelField

from bus.errors import ConfigurationError
from bus.event_types import from_model, json_schema, merge, shipped
from bus.types import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    EventType,
    Field,
    ListOf,
    Record,
)
from schemas import EVENTS


class Load(BaseModel):
    """What a lorry carries."""

    kind: str = ModelField(description="What it is")
    weight: Decimal


class Gate(BaseModel):
    """A lorry at the gate."""

    pass_no: str = ModelField(description="Number of the pass")
    seals: list[str] | None = ModelField(None, description="Seals")
    axles: int = 2
    loaded: bool
    day: date
    at: AwareDatetime | None
    loads: list[Load]
    tare: Load | None = None
    note: Any = None


LOAD = Record({"kind": Field(TEXT, description="What it is"), "weight": Field(DECIMAL)})
GATE = Record({
    "pass_no": Field(TEXT, description="Number of the pass"),
    "seals": Field(ListOf(TEXT), required=False, description="Seals"),
    "axles": Field(INTEGER, required=False),
    "loaded": Field(BOOLEAN),
    "day": Field(DATE),
    "at": Field(DATETIME, required=False),
    "loads": Field(ListOf(LOAD)),
    "tare": Field(LOAD, required=False),
    "note": Field(ANY, required=False),
})


def test_a_model_becomes_a_record_with_its_descriptions() -> None:
    assert from_model(Gate) == GATE


def test_a_field_no_event_can_hold_is_named() -> None:
    class Scale(BaseModel):
        weights: list[float]

    with pytest.raises(TypeError, match=r"Scale\.weights\[\].*float"):
        from_model(Scale)


def test_a_field_of_two_types_is_named() -> None:
    class Scale(BaseModel):
        weight: Decimal | str

    with pytest.raises(TypeError, match=r"Scale\.weight"):
        from_model(Scale)


def test_every_shipped_type_is_named_and_described_to_its_last_field() -> None:
    assert list(shipped()) == sorted(EVENTS)
    for name, event_type in shipped().items():
        schema = json_schema(event_type)
        assert schema["title"] == name
        assert schema["description"] == event_type.description != ""
        assert [path for path, field in _fields(schema, name) if not field.get("description")] == []


def _fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from _fields(field, f"{path}.{name}")
        yield from _fields(field.get("items", {}), f"{path}.{name}[]")


def test_the_shipped_order_has_the_fields_architects_write() -> None:
    order = shipped()["purchase_order.released"].data
    assert (order.fields["po_no"].type, order.fields["po_no"].required) == (TEXT, True)
    assert (order.fields["due_date"].type, order.fields["due_date"].required) == (DATE, False)
    supplier, lines = order.fields["supplier"].type, order.fields["lines"].type
    assert isinstance(supplier, Record)
    assert isinstance(lines, ListOf)
    assert isinstance(lines.item, Record)
    assert [name for name, field in supplier.fields.items() if field.required] == ["code"]
    assert {name: field.type for name, field in lines.item.fields.items() if field.required} == {
        "item_code": TEXT, "qty": DECIMAL,
    }
    assert lines.item.fields["line_no"].type == INTEGER


def test_a_company_adds_fields_at_any_depth() -> None:
    base = EventType("gate.passed", GATE, "A lorry passed.")
    extra = Record({
        "driver": Field(TEXT, required=False),
        "loads": Field(ListOf(Record({"hazard": Field(TEXT, required=False)}))),
        "tare": Field(Record({"scale": Field(TEXT)})),
    })
    merged = merge(base, extra)
    assert (merged.name, merged.description) == (base.name, base.description)
    assert merged.data.fields["driver"] == Field(TEXT, required=False)
    assert merged.data.fields["loads"].type == ListOf(
        Record({**LOAD.fields, "hazard": Field(TEXT, required=False)})
    )
    assert merged.data.fields["tare"] == Field(Record({**LOAD.fields, "scale": Field(TEXT)}))
    assert list(merged.data.fields) == [*GATE.fields, "driver"]
    assert base.data == GATE


def test_a_field_that_is_there_may_become_required_and_never_optional() -> None:
    merged = merge(
        EventType("gate.passed", GATE),
        Record({"at": Field(DATETIME), "pass_no": Field(TEXT, required=False, description="theirs")}),
    )
    assert merged.data.fields["at"].required
    assert merged.data.fields["pass_no"] == Field(TEXT, description="Number of the pass")


@pytest.mark.parametrize(
    ("extra", "path", "was", "now"),
    [
        ({"day": Field(TEXT)}, "gate.passed: data.day", "date", "text"),
        ({"loads": Field(ListOf(TEXT))}, "gate.passed: data.loads[]", "mapping", "text"),
        ({"loads": Field(ListOf(Record({"weight": Field(TEXT)})))}, "gate.passed: data.loads[].weight", "decimal", "text"),
        ({"tare": Field(ListOf(LOAD))}, "gate.passed: data.tare", "mapping", "list of mapping"),
    ],
)
def test_a_field_declared_again_with_another_type_is_refused(
    extra: dict[str, Field], path: str, was: str, now: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        merge(EventType("gate.passed", GATE), Record(extra))
    assert str(error.value) == f"{path} is {was} already and cannot become {now}"


def test_json_schema_says_what_the_bus_accepts() -> None:
    schema = json_schema(EventType("gate.passed", GATE))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "description" not in schema
    assert schema["type"] == "object"
    assert schema["required"] == ["pass_no", "loaded", "day", "loads"]
    assert "additionalProperties" not in schema
    properties = schema["properties"]
    assert properties["pass_no"] == {"description": "Number of the pass", "type": "string"}
    assert properties["seals"] == {
        "description": "Seals", "type": ["array", "null"], "items": {"type": "string"},
    }
    assert properties["axles"]["type"] == ["integer", "string", "null"]
    assert properties["loaded"] == {"type": "boolean"}
    assert properties["day"]["format"] == "date"
    assert properties["tare"]["type"] == ["object", "null"]
    assert properties["tare"]["required"] == ["kind", "weight"]
    assert properties["note"] == {}
    weight = properties["loads"]["items"]["properties"]["weight"]
    assert weight["type"] == ["number", "string"]
    for text, fits in [("12.50", True), ("-1", True), ("1e3", False), ("", False), ("１２", False), ("1,5", False)]:
        assert bool(re.search(weight["pattern"], text)) is fits
    for text, fits in [
        ("2025-01-19T08:30:00+08:00", True), ("2025-01-19 08:30", True), ("2025-01-19", True),
        ("2025-01-19+05:30", False), ("2025-01-19T08:30:00+8", False),
    ]:
        assert bool(re.search(properties["at"]["pattern"], text)) is fits


def test_a_mapping_without_required_fields_asks_for_none() -> None:
    assert json_schema(EventType("x.happened", Record({}))) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "x.happened", "type": "object",
        "properties": {},
    }
