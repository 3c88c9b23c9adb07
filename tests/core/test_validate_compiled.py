"""What is read in C is what is read in Python, or it is left to Python."""

import sys
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import validate
from bus.event_types import shipped
from bus.runtime.bench.task import order
from bus.types import ANY, BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, TEXT, Field, ListOf, Record, Type
from bus.validate import _reader_in_python, compile_reader
from bus.validate_compiled import ordinary_reader

from tests.core.typed_bodies import ZONE, body_of, event_type, mutated, record_of, told
from tests.core.uncompiled import uncompiled

ORDER = shipped()["purchase_order.created"]


def agreed(record: Record, body: bytes, zone: str = ZONE) -> bool:
    """Say whether the body was read in C, after all that must be the same."""
    wanted = told(_reader_in_python(event_type(record)), body, zone)
    assert told(compile_reader(event_type(record)), body, zone) == wanted
    ordinary = ordinary_reader(record)
    alone = told(ordinary, body, zone) if ordinary else "None"
    assert alone in {"None", wanted}
    return alone != "None"


def test_it_is_built_and_taken() -> None:
    assert vars(validate)["ordinary_reader"] is ordinary_reader


def test_python_does_the_same_where_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = uncompiled(validate, "bus.validate_compiled", monkeypatch)
    assert alone.ordinary_reader(ORDER.data) is None
    for body in (order(), order(lines=0), b"{", b"{}"):
        assert told(alone.compile_reader(ORDER), body) == told(compile_reader(ORDER), body)


@settings(max_examples=200)
@given(st.randoms(), st.sampled_from((0.0, 0.05)))
def test_any_body_of_any_type_is_read_alike(chance: Random, oddness: float) -> None:
    record = record_of(chance)
    for _ in range(5):
        body = body_of(chance, record, oddness).encode()
        agreed(record, body)
        agreed(record, mutated(chance, body))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_broken_is_read_or_refused_alike(seed: int) -> None:
    chance = Random(seed)
    record = record_of(chance)
    ordinary, both, python = ordinary_reader(record), compile_reader(event_type(record)), _reader_in_python(event_type(record))
    for _ in range(300):
        body = mutated(chance, body_of(chance, record, 0.02).encode())
        wanted = told(python, body)
        assert told(both, body) == wanted
        assert ordinary is None or told(ordinary, body) in {"None", wanted}


def test_a_body_without_its_end_is_read_by_neither() -> None:
    body = order(lines=2)
    for size in range(len(body)):
        assert not agreed(ORDER.data, body[:size])
        assert not agreed(ORDER.data, body[:size] + b"\0" * (len(body) - size))


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_type_is_read_in_c(name: str) -> None:
    assert ordinary_reader(shipped()[name].data) is not None


@pytest.mark.parametrize("body", [order(), order(spec="轴承 25×52×15 mm"), order(spec='3/4"\n'), order(lines=0)])
def test_an_order_is_read_in_c(body: bytes) -> None:
    assert agreed(ORDER.data, body)


def test_names_are_those_that_code_of_python_holds() -> None:
    read = ordinary_reader(ORDER.data)
    assert read is not None
    data = read(order(), ZONE)
    assert data is not None
    for record in (data, data["supplier"], data["lines"][0]):
        assert all(name is sys.intern(name) for name in record)


def test_a_number_that_is_remembered_is_still_itself() -> None:
    """More of them than are remembered, equal ones that are written otherwise, and each of them again and again."""
    texts = [f"{n % 999}.{n:0{size}}" for size in (1, 6) for n in range(2000)] + ["1.5", "1.50", "-1.5", "0.0", "-0.0"]
    record = Record({"x": Field(ListOf(DECIMAL))})
    read = ordinary_reader(record)
    assert read is not None
    for _ in range(2):
        for order_ in (texts, texts[::-1]):
            data = read(f'{{"x": [{", ".join(order_)}]}}'.encode(), ZONE)
            assert data is not None
            assert list(map(str, data["x"])) == order_


IN_C: list[tuple[Type, list[str]]] = [
    (TEXT, ['""', '"a"', '"ab"', '"é"', '"六角"', '"😀"', '"\x7f"', r'"\u0041"', r'"\ud83d\ude00"', r'"\"\\\/\b\f\n\r\t"']),
    (INTEGER, ["0", "-1", "10", "9" * 18, "-" + "9" * 18]),
    (DECIMAL, ["0", "-3", "9" * 18, "12.50", "-0.0", "0.10", "0.000", "-0.5", "9" * 24 + ".123", "0." + "0" * 26]),
    (BOOLEAN, ["true", "false"]),
    (DATE, [f'"{day}"' for day in ("2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2025-04-30", "2025-01-31")]),
    (DATETIME, ['"2025-01-19T08:30:00Z"', '"2025-01-19"', '"2025-01-19 08:30"', '"2025-01-19T08:30:00.1234567+08"', r'"2025-01-19\u002008:30"']),
    (ANY, ["1", "-0.50", '"a"', "true", "false", "[]", "{}", '[1, null, [{"a": {}, "a": [2.5]}]]', '{"": "b"}', "[" * 31 + "]" * 31]),
    (ListOf(DATE), ["[]", "[ ]", '["2025-01-19"]', '["2025-01-19" , "2024-02-29"]']),
    (ListOf(ListOf(INTEGER)), ["[[]]", "[[1,2],[3]]"]),
    (ListOf(ANY), ["[[null]]", '[{"a": null}]']),
    (Record({}), ["{}", "{ }", '{"free": null}']),
]  # fmt: skip
IN_PYTHON: list[tuple[Type, list[str]]] = [
    (TEXT, ["null", "1", '"', '"a', '"\\"', '"a\\', '"a\tb"', '"a\0"', r'"\x"', r'"\u12"', r'"\ud800"', "'a'", "[]"]),
    (INTEGER, [
        "-0", "00", "01", "-01", "1" + "0" * 18, "-1" + "0" * 18, "9" * 40, "9" * 5000, "1.0", "1e2", "-", "+1", "1_0", "0x1", '"1"', "true", "null", "",
    ]),
    (DECIMAL, ["1.", ".5", "-.5", "1e3", "1.5e3", "1.5E-3", "1e400", "1.5.5", "9" * 25 + ".123", "0." + "0" * 27, '"1.5"', "NaN", "-Infinity", "1,5"]),
    (BOOLEAN, ["True", "truex", "tru", "fals", "1", '"true"', "null"]),
    (DATE, [f'"{day}"' for day in (
        "2023-02-29", "1900-02-29", "0000-01-01", "2025-04-31", "2025-13-01", "2025-00-10", "2025-01-00", "2025-01-32", "2025-W03-7", "2025-1-019",
        "2025/01/19", "2025-01-19 ", " 2025-01-19", "2025-01-1", "20250119", "2025-01-1:", "2025-01-/9", "-025-01-19", "2025-01--9", "２０25-01", "",
        r"2025-01-1\u0039", "2025-01-19T00:00",
    )]),
    (DATE, ["20250119", "null", '"2025-01-19', '"2025-01-1']),
    (DATETIME, ['"2025-01-19T24:00"', '"2025-01-19T08"', '"0001-01-01T00:00:00"', '""', "1737270000", '"2025-01-19T08:30', "null"]),
    (ANY, ["null", "[1,]", "[,1]", "[1 2]", "[", "]", '{"a"}', '{"a":}', '{"a":1,}', "{,}", '{"a" 1}', '{1:2}', r'{"\u0061":1}', "nul", "[" * 32 + "]" * 32, "1e3"]),
    (ListOf(DATE), ["[null]", "[1]", '["2025-01-19",]', '["2025-01-19"', "[", "{}", '"2025-01-19"', "null"]),
    (ListOf(ANY), ["[null]"]),
    (Record({}), ["[]", "null", "{", '{"a":1']),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value"), [(type_, value) for type_, values in IN_C for value in values])
def test_an_ordinary_value_is_read_in_c(type_: Type, value: str) -> None:
    for required in (True, False):
        assert agreed(Record({"x": Field(type_, required)}), b'{"x":%b}' % value.encode())
        assert agreed(Record({"x": Field(type_, required), "n": Field(INTEGER)}), b'{"x": %b , "n":1}' % value.encode())


@pytest.mark.parametrize(("type_", "value"), [(type_, value) for type_, values in IN_PYTHON for value in values])
def test_any_other_value_is_left_to_python(type_: Type, value: str) -> None:
    assert not agreed(Record({"x": Field(type_)}), b'{"x":%b}' % value.encode())
    assert not agreed(Record({"x": Field(type_), "n": Field(INTEGER)}), b'{"x": %b , "n":1}' % value.encode())


@pytest.mark.parametrize("value", [b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\xe4\xb8", b"\xff\\n"])
def test_octets_that_are_no_text_are_left_to_python(value: bytes) -> None:
    assert not agreed(Record({"x": Field(TEXT)}), b'{"x":"%b"}' % value)
    assert not agreed(Record({}), b'{"%b":1}' % value)


GATE = Record({"x": Field(TEXT), "n": Field(INTEGER, required=False)})


@pytest.mark.parametrize(("body", "in_c"), [
    ('{"x":"a"}', True), (' \r\n{\t"x" : "a" , "n":1 } \n', True), ('{"n":1,"x":"a"}', True), ('{"x":"a","n":null}', True),
    ('{"x":"a","x":"b"}', True), ('{"n":1,"x":"a","n":null}', True), ('{"n":null,"x":"a","n":2}', True),
    ('{"xx":"a","x":"b","":1}', True), ('{"x":"a","y":{"x":1,"n":"?"},"z":[],"y":null}', True),
    ("", False), (" ", False), ("\ufeff{}", False), ('\ufeff{"x":"a"}', False), ("null", False), ("[]", False), ('"x"', False), ("{}", False),
    ('{"n":1}', False), ('{"x":null}', False), ('{"x":"a","x":null}', False), ('{"x":null,"x":"a"}', False), ('{"x":1,"x":"a"}', False),
    ('{"x":"a"', False), ('{"x":"a",}', False), ('{"x":"a" "n":1}', False), ('{"x":"a";"n":1}', False), ('{"x" "a"}', False), ('{x:"a"}', False),
    ('{"x":"a"}{', False), ('{"x":"a"}}', False), ('{"x":"a"}\0', False), ('{"x":"a"}\v', False), ('\0{"x":"a"}', False),
    ('{"\\u0078":"a"}', False), ('{"x":"a","\\u006e":1}', False), ('{"x":"a","\\n":1}', False), ('{"x":"a","y":1e3}', False),
    ('{"x":"a","n":nul}', False), ('{"x":"a","n":nil }', False), ('{"x', False), ('{"x"', False), ('{"x":', False), ("{", False), ('{"', False),
])  # fmt: skip
def test_a_body_is_ordinary_or_left_to_python(body: str, in_c: bool) -> None:
    assert agreed(GATE, body.encode()) == in_c


def test_what_is_no_bytes_is_left_to_python() -> None:
    body: Any = bytearray(b'{"x":"a"}')
    assert not agreed(GATE, body)
    assert compile_reader(event_type(GATE))(body, ZONE) == {"x": "a"}


@pytest.mark.parametrize("zone", ["Nowhere/None", "../etc", ""])
def test_a_zone_that_is_none_is_refused_alike(zone: str) -> None:
    assert not agreed(Record({"x": Field(DATETIME)}), b'{"x":"2025-01-19T08:30"}', zone)
    assert agreed(Record({"x": Field(DATETIME)}), b'{"x":"2025-01-19T08:30Z"}', zone)


@pytest.mark.parametrize("name", ["", " ", "名称", "it's", "x" * 5000, "{place}", "\x7f", "/"])
def test_a_field_may_have_nearly_any_name(name: str) -> None:
    assert agreed(Record({name: Field(INTEGER), f"{name}n": Field(DATE)}), f'{{"{name}":1,"{name}n":"2025-01-19"}}'.encode())


@pytest.mark.parametrize("name", ['a"b', "\\", "a\nb", "\x1f", "\ud800"])
def test_a_type_with_a_name_that_needs_escapes_is_left_to_python(name: str) -> None:
    assert ordinary_reader(Record({"n": Field(ListOf(Record({name: Field(INTEGER)})))})) is None


def test_a_record_has_up_to_64_fields() -> None:
    fields = {f"f{n}": Field(INTEGER) for n in range(64)}
    members = [f'"f{n}":{n}' for n in range(64)]
    assert agreed(Record(fields), f"{{{','.join(members)}}}".encode())
    for n in (0, 31, 32, 63):
        assert not agreed(Record(fields), f"{{{','.join(members[:n] + members[n + 1 :])}}}".encode())
        assert agreed(Record({**fields, f"f{n}": Field(INTEGER, required=False)}), f"{{{','.join(members[:n] + members[n + 1 :])}}}".encode())
    assert ordinary_reader(Record({**fields, "f64": Field(INTEGER)})) is None


def test_a_type_is_up_to_32_levels_deep() -> None:
    type_: Type = INTEGER
    for _ in range(31):
        type_ = ListOf(type_)
    assert agreed(Record({"x": Field(type_)}), b'{"x":%b1%b}' % (b"[" * 31, b"]" * 31))
    assert ordinary_reader(Record({"x": Field(ListOf(type_))})) is None
    assert not agreed(Record({"x": Field(ListOf(type_))}), b'{"x":%b1%b}' % (b"[" * 32, b"]" * 32))
