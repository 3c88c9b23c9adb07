"""The check of an event's data: what it converts, what it refuses and how it says so, and how fast."""

import copy
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from bus.codecs import read_json_fast
from bus.errors import DocumentError, InvalidEvent
from bus.event_types import shipped
from bus.plain import in_range, parse_iso_date, parse_iso_datetime, plain_integer, plain_number
from bus.texts import choose_language
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
    Scalar,
    Type,
)
from bus.validate import MAX_FAULTS, Faults, _decide, _reader_in_python, compile_reader, compile_validator
from schemas import EVENTS

ZONE = "Asia/Shanghai"
SHANGHAI = ZoneInfo(ZONE)
READ = msgspec.json.Decoder(float_hook=Decimal)
WRITE = msgspec.json.Encoder(decimal_format="number").encode
MISSING = object()


def _one(type_: Type, *, required: bool = True) -> EventType:
    return EventType("gate.passed", Record({"x": Field(type_, required=required)}))


def _check(type_: Type, value: object, zone: str = ZONE) -> Any:
    return compile_validator(_one(type_))({"x": value}, zone)["x"]


def _fault(event_type: EventType, data: object) -> str:
    with pytest.raises(InvalidEvent) as error:
        compile_validator(event_type)(data, ZONE)
    return str(error.value)


# ------------------------------------------------------------------------------------------ plain texts


@pytest.mark.parametrize("text", ["0", "-0", "12.50", "-1", "0012", "9" * 61, "0." + "1" * 60])
def test_a_plain_number_keeps_its_digits(text: str) -> None:
    number = plain_number(text)
    assert number is not None
    assert number.as_tuple() == Decimal(text).as_tuple()
    assert in_range(number)


@pytest.mark.parametrize(
    "text",
    ["", " ", "1e3", "1_000", "１２", "1,234.50", "10-", "+1", ".5", "5.", "NaN", "Infinity", "0x1F", " 1", "1\n", "9" * 62, "0." + "1" * 61, "٣"],
)
def test_a_text_that_is_no_plain_number_is_none(text: str) -> None:
    assert plain_number(text) is None
    assert plain_integer(text) is None


@given(st.decimals(min_value=-(10**60), max_value=10**60, allow_nan=False, places=4))
def test_a_number_written_plainly_is_read_back(number: Decimal) -> None:
    assert plain_number(f"{number:f}") == number


@given(st.dates())
def test_a_date_written_plainly_is_read_back(day: date) -> None:
    assert parse_iso_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    ["", "00000000", "20250119", "2025-W03-7", "2025-019", "2025-1-19", "2025-02-30", "0000-01-01", "2025-01-19 ", "２０25-01-19", "2025-01-19+05:30", "2025-01-19T00:00:00"],
)
def test_a_text_that_is_no_date_is_none(text: str) -> None:
    assert parse_iso_date(text) is None


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))]),
                    min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - hypothesis wants them naive
def test_a_time_written_plainly_is_read_back(moment: datetime) -> None:
    assert parse_iso_datetime(moment.isoformat(), ZONE) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-19T08:30:00Z", "2025-01-19T08:30:00+00:00"),
        ("2025-01-19T08:30:00+08:00", "2025-01-19T08:30:00+08:00"),
        ("2025-01-19T08:30:00+0800", "2025-01-19T08:30:00+08:00"),
        ("2025-01-19T08:30:00-03", "2025-01-19T08:30:00-03:00"),
        ("2025-01-19T08:30:00", "2025-01-19T08:30:00+08:00"),
        ("2025-01-19 08:30", "2025-01-19T08:30:00+08:00"),
        ("2025-01-19", "2025-01-19T00:00:00+08:00"),
        ("1988-07-01T12:00", "1988-07-01T12:00:00+09:00"),
        ("2025-01-19T08:30:00.1", "2025-01-19T08:30:00.100000+08:00"),
        ("2025-01-19T08:30:00,1234567", "2025-01-19T08:30:00.123456+08:00"),
        ("2025-01-19T08:30:00.123456789Z", "2025-01-19T08:30:00.123456+00:00"),
        ("9999-12-31T23:59:59", "9999-12-31T23:59:59+08:00"),
    ],
)
def test_a_time_is_read_in_the_zone_it_names_or_the_given_one(text: str, moment: str) -> None:
    read = parse_iso_datetime(text, ZONE)
    assert read is not None
    assert read.isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        "", "00000000", "2025-01-19+05:30", "2025-01-19T08", "2025-01-19T08:30:00+8", "2025-01-19T24:00:00", "2025-02-30T00:00",
        "2025-01-19T08:30:00.1234567890", "2025-01-19T08:30:00 Z", "2025-01-19T08:30:60", "2025-01-19T08:30:00+24:00",
        "20250119T083000", "2025-01-19t08:30", "0001-01-01T00:00:00", "1737270000", "2025-01-19T08:30:00\n",
    ],
)
def test_a_text_that_is_no_time_is_none(text: str) -> None:
    assert parse_iso_datetime(text, ZONE) is None


# ------------------------------------------------------------------------------------------ conversions


@pytest.mark.parametrize(
    ("type_", "value", "wanted"),
    [
        (TEXT, "0012", "0012"),
        (TEXT, "", ""),
        (INTEGER, 7, 7),
        (INTEGER, "0007", 7),
        (INTEGER, "-7", -7),
        (INTEGER, Decimal("2.0"), 2),
        (INTEGER, 10**400, 10**400),
        (DECIMAL, 7, 7),
        (DECIMAL, Decimal("12.50"), Decimal("12.50")),
        (DECIMAL, "12.50", Decimal("12.50")),
        (DECIMAL, Decimal("1E+3"), Decimal("1E+3")),
        (BOOLEAN, True, True),
        (DATE, "2025-01-19", date(2025, 1, 19)),
        (DATE, date(2025, 1, 19), date(2025, 1, 19)),
        (DATE, datetime(2025, 1, 19, tzinfo=SHANGHAI), date(2025, 1, 19)),
        (DATETIME, "2025-01-19T08:30", datetime(2025, 1, 19, 8, 30, tzinfo=SHANGHAI)),
        (DATETIME, datetime(2025, 1, 19, 8, 30, tzinfo=UTC), datetime(2025, 1, 19, 8, 30, tzinfo=UTC)),
        (DATETIME, datetime(2025, 1, 19, 8, 30), datetime(2025, 1, 19, 8, 30, tzinfo=SHANGHAI)),  # noqa: DTZ001 - the case itself
        (DATETIME, date(2025, 1, 19), datetime(2025, 1, 19, tzinfo=SHANGHAI)),
        (ANY, {"free": [1]}, {"free": [1]}),
        (ListOf(DATE), ["2025-01-19"], [date(2025, 1, 19)]),
        (ListOf(ListOf(DECIMAL)), [["1.0"], []], [[Decimal("1.0")], []]),
        (Record({}), {"free": None}, {"free": None}),
    ],
)
def test_a_value_that_fits_comes_back_typed(type_: Type, value: object, wanted: object) -> None:
    result = _check(type_, value)
    assert result == wanted
    assert type(result) is type(wanted)
    assert str(result) == str(wanted)
    assert _check(type_, result) == wanted


def test_the_digits_of_a_number_stay_as_they_were_sent() -> None:
    data = READ.decode(b'{"x": 1250.00}')
    assert str(compile_validator(_one(DECIMAL))(data, ZONE)["x"]) == "1250.00"


NUMBER = 'a number, or a text such as "12.50"'
DAY = 'a date such as "2025-01-19"'
MOMENT = 'a time such as "2025-01-19T08:30:00+08:00"'


@pytest.mark.parametrize(
    ("type_", "value", "expected", "found"),
    [
        (TEXT, 12, "a text", "a number"),
        (TEXT, Decimal("1.5"), "a text", "a number"),
        (TEXT, None, "a text", "null"),
        (TEXT, [], "a text", "a list"),
        (INTEGER, True, "an integer", "true or false"),
        (INTEGER, "1_000", "an integer", "a text of another form"),
        (INTEGER, "12.0", "an integer", "a number with a fraction"),
        (INTEGER, Decimal("1.5"), "an integer", "a number with a fraction"),
        (INTEGER, Decimal("1e400"), "an integer", "a number of absurd size"),
        (INTEGER, 2.0, "an integer", "a binary floating-point number, which is not exact"),
        (DECIMAL, "", NUMBER, "an empty text"),
        (DECIMAL, "NaN", NUMBER, "a text of another form"),
        (DECIMAL, "1e3", NUMBER, "a text of another form"),
        (DECIMAL, "１２", NUMBER, "a text of another form"),
        (DECIMAL, Decimal("NaN"), NUMBER, "a number of absurd size"),
        (DECIMAL, Decimal("1e400"), NUMBER, "a number of absurd size"),
        (DECIMAL, Decimal("-1e-400"), NUMBER, "a number of absurd size"),
        (DECIMAL, False, NUMBER, "true or false"),
        (DECIMAL, 1.5, NUMBER, "a binary floating-point number, which is not exact"),
        (BOOLEAN, "true", "true or false", "a text"),
        (BOOLEAN, 1, "true or false", "a number"),
        (DATE, "2025-01-19+05:30", DAY, "a text of another form"),
        (DATE, "00000000", DAY, "a text of another form"),
        (DATE, "  ", DAY, "an empty text"),
        (DATE, 20250119, DAY, "a number"),
        (DATE, datetime(2025, 1, 19, 8, 30, tzinfo=SHANGHAI), DAY, "a time"),
        (DATETIME, "2025-01-19+05:30", MOMENT, "a text of another form"),
        (DATETIME, 1737270000, MOMENT, "a number"),
        (ListOf(TEXT), "a", "a list", "a text"),
        (ListOf(TEXT), {"a": 1}, "a list", "a mapping"),
        (Record({}), "", "a mapping", "an empty text"),
        (Record({}), date(2025, 1, 19), "a mapping", "a date"),
        (Record({}), b"", "a mapping", "something no event can hold"),
        (ANY, None, "a value", "null"),
    ],
)
def test_a_value_of_another_kind_is_named_by_its_kind_alone(type_: Type, value: object, expected: str, found: str) -> None:
    assert _fault(_one(type_), {"x": value}) == f"gate.passed: data.x must be {expected}, not {found}"


@pytest.mark.parametrize("type_", [TEXT, INTEGER, DECIMAL, BOOLEAN, DATE, DATETIME, ANY, ListOf(TEXT), Record({"y": Field(TEXT)})])
def test_null_counts_as_missing_where_a_field_may_be_missing(type_: Type) -> None:
    check = compile_validator(_one(type_, required=False))
    assert check({}, ZONE) == {}
    assert check({"x": None}, ZONE) == {"x": None}
    assert _fault(_one(type_), {}) == "gate.passed: data.x is missing"
    assert _fault(_one(type_), {"x": None}).endswith(", not null")


def test_the_other_fields_stay_when_one_needs_a_second_look() -> None:
    event_type = EventType("gate.passed", Record({"x": Field(DATE, required=False), "free": Field(ANY), "n": Field(INTEGER)}))
    assert compile_validator(event_type)({"x": None, "free": [1], "n": "7"}, ZONE) == {"x": None, "free": [1], "n": 7}


def test_fields_the_type_does_not_know_are_kept() -> None:
    data = {"x": "1", "cost_center": "4711", "free": [{"qty": "1e3"}]}
    assert compile_validator(_one(TEXT))(copy.deepcopy(data), ZONE) == data


def test_the_zone_of_the_system_is_used_for_times_without_one() -> None:
    assert _check(DATETIME, "2025-07-19T08:30", "America/New_York").isoformat() == "2025-07-19T08:30:00-04:00"


# ---------------------------------------------------------------------------------------------- faults


def test_the_first_faults_are_told_at_once_with_their_paths() -> None:
    data = {
        "po_no": 17, "due_date": "19.01.2025", "supplier": {},
        "lines": [{"item_code": "1", "qty": "1"}, {"item_code": 12}] + [{}] * 100_000,
    }
    with pytest.raises(InvalidEvent) as error:
        compile_validator(shipped()["purchase_order.released"])(data, ZONE)
    faults = error.value.fields["faults"]
    assert isinstance(faults, Faults)
    assert [(fault.path, fault.found) for fault in faults.faults] == [
        ("data.po_no", "found-number"), ("data.due_date", "found-other-text"), ("data.supplier.code", ""),
        ("data.lines[1].item_code", "found-number"), ("data.lines[1].qty", ""),
    ]
    assert len(faults.faults) == MAX_FAULTS
    assert error.value.fields["path"] == "data.po_no"
    assert str(error.value).startswith('purchase_order.released: data.po_no must be a text, not a number; data.due_date must be')
    assert "19.01" not in str(error.value)
    assert "bus schema purchase_order.released" in error.value.hint


def test_faults_are_told_in_the_language_of_the_reader() -> None:
    with pytest.raises(InvalidEvent) as error:
        compile_validator(_one(DATE))({}, ZONE)
    choose_language("zh")
    assert str(error.value) == "gate.passed：缺少 data.x"


def test_a_name_that_is_no_word_is_written_as_expressions_write_it() -> None:
    event_type = EventType("gate.passed", Record({"金额（元）": Field(DECIMAL), "from": Field(TEXT)}))
    assert _fault(event_type, {}) == 'gate.passed: data["金额（元）"] is missing; data.from is missing'


@pytest.mark.parametrize("data", [None, [], "{}", 1])
def test_data_that_is_no_mapping_is_refused(data: object) -> None:
    assert _fault(_one(TEXT), data).startswith("gate.passed: data must be a mapping, not ")


@pytest.mark.parametrize("name", ["it's", 'a"b', "x\ny", "{place}", "o", "def", "\\", "x']; raise SystemExit #"])
def test_a_field_may_have_any_name(name: str) -> None:
    event_type = EventType("gate.passed", Record({name: Field(DATE), "n": Field(ListOf(DATE), required=False)}))
    assert compile_validator(event_type)({name: "2025-01-19"}, ZONE) == {name: date(2025, 1, 19)}


def test_nesting_as_deep_as_anyone_declares_is_checked() -> None:
    type_: Type = DATE
    value: Any = "2025-01-19"
    for _ in range(40):
        type_, value = ListOf(Record({"x": Field(type_, required=False)})), [{"x": value}]
    assert str(_check(type_, value)).count("datetime.date") == 1


# ------------------------------------------------------------------ the two passes, and pydantic beside them

ODD: list[object] = [
    None, True, 0, -12, 10**30, "", "0012", "12.50", "1e3", "NaN", "１２", "1_000", "true", "9" * 62,
    Decimal("12.50"), Decimal("2.0"), Decimal("2.5"), Decimal("1e50"), Decimal("1e400"), Decimal("1e-61"), Decimal("NaN"),
    "2025-01-19", "2025-02-30", "20250119", "2025-01-19+05:30", "2025-01-19T08:30:00+08:00", "2025-01-19 08:30:00.123456Z",
    "2025-01-19T08:30:61Z", [], {}, [None], ["1"], {"code": "1"},
]
ORDINARY: dict[Scalar, list[object]] = {
    TEXT: ["PO-1", "六角螺栓"],
    INTEGER: [1, "10"],
    DECIMAL: [Decimal("12.50"), 3, "0.10"],
    BOOLEAN: [True, False],
    DATE: ["2025-01-19", date(2025, 1, 19)],
    DATETIME: ["2025-01-19T08:30:00Z", "2025-01-19T08:30:00.1+08:00", datetime(2025, 1, 19, tzinfo=UTC)],
}


def _values(draw: st.DrawFn, type_: Type) -> Any:
    if isinstance(type_, ListOf):
        return [_values(draw, type_.item) for _ in range(draw(st.integers(0, 3)))]
    if isinstance(type_, Record):
        names = [
            name for name, field in type_.fields.items()
            if draw(st.integers(0, 40)) > (0 if field.required else 25)
        ]
        return {name: _odd(draw, type_.fields[name].type) for name in names} | {"of_their_own": 1.5}
    return draw(st.sampled_from(ORDINARY[type_]))


def _odd(draw: st.DrawFn, type_: Type) -> Any:
    if draw(st.integers(0, 40)) > 0:
        return _values(draw, type_)
    # The one difference there is: the bus knows the sender's zone, a model does not.
    return draw(st.sampled_from([odd for odd in ODD if not (type_ == DATETIME and odd == "2025-01-19")]))


@st.composite
def _payloads(draw: st.DrawFn) -> tuple[str, Any]:
    name = draw(st.sampled_from(sorted(EVENTS)))
    return name, _values(draw, shipped()[name].data)


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (InvalidEvent, DocumentError, ValidationError):
        return MISSING


CHECKS = {name: compile_validator(event_type) for name, event_type in shipped().items()}


@given(_payloads())
@example(("purchase_order.released", {"po_no": "1", "lines": [{"item_code": "1", "qty": Decimal("1e60")}]}))
def test_the_check_accepts_what_the_model_accepts_and_reads_the_same(payload: tuple[str, Any]) -> None:
    name, data = payload
    checked = _outcome(lambda: CHECKS[name](copy.deepcopy(data), ZONE))
    modelled = _outcome(lambda: EVENTS[name].model_validate(copy.deepcopy(data)).model_dump(exclude_unset=True))
    assert checked == modelled


@given(_payloads())
def test_both_passes_give_the_same(payload: tuple[str, Any]) -> None:
    name, data = payload
    checked = _outcome(lambda: CHECKS[name](copy.deepcopy(data), ZONE))
    decided = _outcome(lambda: _decide(shipped()[name], copy.deepcopy(data), ZONE))
    assert repr(checked) == repr(decided)


READERS = {
    (by, name): by(event_type) for by in (compile_reader, _reader_in_python) for name, event_type in shipped().items()
}
BOTH = pytest.mark.parametrize("by", [compile_reader, _reader_in_python], ids=["compiled", "python"])


def _read_and_checked(name: str, body: bytes) -> Any:
    return CHECKS[name](read_json_fast(body), ZONE)


@BOTH
@given(_payloads())
def test_a_body_is_read_for_its_type_as_it_is_read_and_checked(by: Any, payload: tuple[str, Any]) -> None:
    name, data = payload
    body = WRITE(data)
    read = _outcome(lambda: READERS[by, name](body, ZONE))
    assert repr(read) == repr(_outcome(lambda: _read_and_checked(name, body)))


@BOTH
@pytest.mark.parametrize("value", [
    "1e60", "1e61", "-1E-60", "1e-61", "0e-61", "0e61", "1e-32", "0." + "1" * 59, "0." + "1" * 62, "7" * 61 + ".0", "7" * 62 + ".0", "1e401", "2.0", "-0",
    '"12.50"', '"1e3"', '"NaN"', "NaN", "true", "null", "", '"\\ud800"', "[" * 2000,
])  # fmt: skip
@pytest.mark.parametrize("body", ['{"x": %s}', '\ufeff{"x": %s}', '{"x": "?", "x": %s, "y": %s}', '{"x": 1.5, "y": %s}'])
@pytest.mark.parametrize("type_", [DECIMAL, INTEGER, ANY])
def test_whatever_stands_for_a_number_is_read_for_its_type_as_it_is_read_and_checked(by: Any, type_: Type, body: str, value: str) -> None:
    encoded = body.replace("%s", value).encode()
    read, check = by(_one(type_)), compile_validator(_one(type_))

    def told(call: Callable[[], Any]) -> str:
        try:
            return repr(call())
        except (InvalidEvent, DocumentError) as error:
            return f"{error.code}: {error}"

    assert told(lambda: read(encoded, ZONE)) == told(lambda: check(read_json_fast(encoded), ZONE))


# ----------------------------------------------------------------------------------------------- speed

ORDER = json.dumps({
    "po_no": "PO-2026-001873", "requisition_no": "PR-2026-000771", "order_date": "2026-11-02",
    "due_date": "2026-11-16", "warehouse": "WH01", "currency": "CNY", "amount": 3904.5, "buyer": "E0042",
    "supplier": {"code": "S00017", "name": "华东精密件有限公司", "level": "VIP"}, "remark": "急件，收货前请先电话联系仓库",
    "lines": [
        {
            "line_no": n, "item_code": f"0001230{n}", "name": "六角螺栓 M8×40 镀锌", "spec": "M8x40 GB/T 5782", "qty": 120 + n / 2,
            "uom": "PCS", "price": 6.25, "amount": 781.25 + n,
        }
        for n in range(1, 6)
    ],
}, ensure_ascii=False).encode()


def test_an_ordinary_order_costs_microseconds() -> None:
    check = CHECKS["purchase_order.released"]

    def once() -> float:
        orders = [READ.decode(ORDER) for _ in range(100)]
        start = time.perf_counter()
        for order in orders:
            check(order, ZONE)
        return (time.perf_counter() - start) / len(orders) * 1e6

    best_us = min(once() for _ in range(50))
    print(f"{len(ORDER)} bytes checked in {best_us:.2f} µs")  # noqa: T201 - the figure is what one reads here
    assert best_us < 100
