"""Check an event's data against its type and put typed values in place, as fast as Python can.

Two passes. The first is code generated per event type: it knows only the ordinary forms and leaves at
the first value that is anything else. The second, interpreted and thorough, then decides: it converts
the rarer forms, or names the faults. So a good event pays for no bookkeeping, and the second pass alone
defines what is valid; a property test holds the first to it.

Where it was compiled, `validate_compiled` reads an ordinary body before either pass, and another test holds
it to both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any, TypeVar

from msgspec import DecodeError

from bus.codecs.json_format import decode_ordinary, read_json_fast
from bus.errors import InvalidEvent
from bus.plain import (
    MAX_EXPONENT,
    in_range,
    parse_iso_date,
    parse_iso_datetime,
    plain_integer,
    plain_number,
    zone_info,
)
from bus.texts import language, say
from bus.types import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    EventType,
    ListOf,
    Record,
    Scalar,
    Type,
)

try:
    from bus.validate_compiled import ordinary_reader
except ImportError:

    def ordinary_reader(_: Record, /) -> Callable[[bytes, str], dict[str, Any] | None] | None:
        return None

Check = Callable[[Any, str], dict[str, Any]]
MAX_FAULTS = 5
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Fault:
    """One place that does not fit.

    Args:
        path: `data.lines[1].qty`; indexes count from 0, as in expressions.
        expected, found: codes of the catalogue for kinds of values, never a value; found is ""
            where the field is missing.
    """

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        if not self.found:
            return say("event-field-missing", path=self.path)
        return say("event-field-unfit", path=self.path, expected=say(self.expected), found=say(self.found))


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with one event, as a text in the language of whoever reads it."""

    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return ("；" if language() == "zh" else "; ").join(map(str, self.faults))


def compile_validator(event_type: EventType) -> Check:
    """Return `check(data, zone)`, which gives the data back with typed values in place of their texts.

    Dates become `date`, times `datetime` with a zone (`zone`, an IANA name, where they have none), texts
    that are plain numbers `Decimal` or `int`. An `integer` also takes a number that equals one, `2.0`;
    a float or a boolean is no number. null in an optional field stays and counts as missing. Fields the
    type does not know stay untouched.

    `check` changes the `data` it is given, dicts and lists that nobody else holds; its own result is
    valid again. It raises InvalidEvent with the first MAX_FAULTS faults, the data then half converted.
    """
    first_pass = _first_pass(event_type, _ORDINARY)

    def check(data: Any, zone: str) -> dict[str, Any]:
        try:
            first_pass(data, zone)
        except (KeyError, ValueError):
            return _decide(event_type, data, zone)
        return data  # type: ignore[no-any-return]  # the first pass took it for a dict

    return check


def compile_reader(event_type: EventType) -> Callable[[bytes, str], dict[str, Any]]:
    """Return `read(body, zone)`: what `check` gives of the value of a body, JSON in UTF-8.

    It raises DocumentError for what is no JSON, and InvalidEvent.
    """
    in_python = _reader_in_python(event_type)
    ordinary = ordinary_reader(event_type.data)
    if ordinary is None:
        return in_python

    def read(body: bytes, zone: str) -> dict[str, Any]:
        data = ordinary(body, zone)
        return in_python(body, zone) if data is None else data

    return read


def _reader_in_python(event_type: EventType) -> Callable[[bytes, str], dict[str, Any]]:
    """The same in Python: read for its type, a body costs a third less than read first and checked then."""
    first_pass = _first_pass(event_type, _DECODED)

    def read(body: bytes, zone: str) -> dict[str, Any]:
        try:
            data = decode_ordinary(body)
            first_pass(data, zone)
        except (KeyError, ValueError, DecimalException, DecodeError, RecursionError):
            return _decide(event_type, read_json_fast(body), zone)
        return data  # type: ignore[no-any-return]  # the first pass took it for a dict

    return read


# ---------------------------------------------------------------------------- the first pass: generated

_day = lru_cache(maxsize=4096)(parse_iso_date)  # the dates of business are few, and near today

# What becomes of a value {v} that is there, at {place}. Leaving for the second pass is `raise ValueError`.
_ORDINARY: dict[Scalar, tuple[str, ...]] = {
    TEXT: ("if type({v}) is not str: raise ValueError",),
    INTEGER: ("if type({v}) is not int: raise ValueError",),
    BOOLEAN: ("if type({v}) is not bool: raise ValueError",),
    DECIMAL: (
        "if type({v}) is not int:",
        "    if type({v}) is not Decimal or not {v}.is_finite(): raise ValueError",
        f"    if not -{MAX_EXPONENT} <= {{v}}.adjusted() <= {MAX_EXPONENT}: raise ValueError",
    ),
    DATE: (
        "if type({v}) is str:",
        "    if len({v}) != 10 or ({v} := iso_date({v})) is None: raise ValueError",
        "    {place} = {v}",
        "elif type({v}) is not date: raise ValueError",
    ),
    DATETIME: (
        "if type({v}) is str:",
        "    if ({v} := iso_datetime({v}, zone)) is None: raise ValueError",
        "    {place} = {v}",
        "elif type({v}) is not datetime or {v}.tzinfo is None: raise ValueError",
    ),
    ANY: ("if {v} is None: raise ValueError",),
}
# The same for what `decode_ordinary` made, whose numbers are all in range.
_DECODED = {**_ORDINARY, DECIMAL: ("if type({v}) is not Decimal and type({v}) is not int: raise ValueError",)}
MAX_NESTED = 12  # in one function; Python's own compiler stops at 20


def _first_pass(event_type: EventType, ordinary: Mapping[Scalar, Sequence[str]]) -> Callable[[Any, str], None]:
    names: dict[str, Any] = {
        "Decimal": Decimal, "date": date, "datetime": datetime, "iso_date": _day, "iso_datetime": parse_iso_datetime,
    }
    functions = _Functions(ordinary)
    entry = functions.of(event_type.data)
    code = compile("\n".join(functions.texts), f"<check {event_type.name}>", "exec")
    exec(code, names)  # noqa: S102 - text of our own; names of fields are quoted literals in it
    return names[entry]  # type: ignore[no-any-return]  # the text defines it


class _Functions:
    """Generated functions; `ordinary` says what a single value must be."""

    def __init__(self, ordinary: Mapping[Scalar, Sequence[str]]) -> None:
        self.ordinary, self.texts = ordinary, list[str]()

    def of(self, type_: Type) -> str:
        """Add the function that checks `type_`, after those it calls; return its name."""
        lines = self.lines(type_, "o", "", 0)
        name = f"f{len(self.texts)}"
        self.texts.append("\n    ".join((f"def {name}(o, zone):", *lines)))
        return name

    def lines(self, type_: Type, v: str, place: str, depth: int) -> list[str]:
        """The lines that check the value called `v`, and put at `place` what becomes of it."""
        if isinstance(type_, Scalar):
            return [line.replace("{v}", v).replace("{place}", place) for line in self.ordinary[type_]]
        if depth == MAX_NESTED:
            return [f"{self.of(type_)}({v}, zone)"]
        held = f"v{depth}"
        if isinstance(type_, ListOf):
            inner = self.lines(type_.item, held, f"{v}[n{depth}]", depth + 1)
            # Only a single value is put back, for which its position is needed.
            single = isinstance(type_.item, Scalar)
            loop = f"for n{depth}, {held} in enumerate({v}):" if single else f"for {held} in {v}:"
            return [f"if type({v}) is not list: raise ValueError", loop, *_indented(inner)]
        lines = [f"if type({v}) is not dict: raise ValueError"]
        for name, field_ in type_.fields.items():
            at = f"{v}[{name!r}]"
            inner = self.lines(field_.type, held, at, depth + 1)
            if field_.required:
                lines += (f"{held} = {at}", *inner)
            else:
                # `in` and a subscript cost half of a get(), as most optional fields are missing.
                lines += (f"if {name!r} in {v} and ({held} := {at}) is not None:", *_indented(inner))
        return lines


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


# ------------------------------------------------------------------------ the second pass: interpreted


def _decide(event_type: EventType, data: Any, zone: str) -> dict[str, Any]:
    examination = _Examination(zone)
    checked: dict[str, Any] = examination.value(event_type.data, data, "data")
    if not examination.faults:
        return checked
    faults = tuple(examination.faults[:MAX_FAULTS])
    raise InvalidEvent("event-invalid", type=event_type.name, path=faults[0].path, faults=Faults(faults))


class _Unfit(Exception):
    """The value is none of its type's; carries the code for what it is instead."""


@dataclass(slots=True)
class _Examination:
    """Converts one event's data and gathers what does not fit."""

    zone: str
    faults: list[Fault] = field(default_factory=list)

    def value(self, type_: Type, value: Any, path: str) -> Any:
        """Return the value as its type has it; what does not fit becomes a fault and stays as it was."""
        if isinstance(type_, Scalar):
            try:
                return _CONVERSIONS[type_](value, self.zone)
            except _Unfit as unfit:
                self.faults.append(Fault(path, _EXPECTED[type_], str(unfit)))
                return value
        if isinstance(type_, ListOf):
            if isinstance(value, list):
                self.items(type_, value, path)
            else:
                self.faults.append(Fault(path, "expected-list", _kind(value)))
        elif isinstance(value, dict):
            self.fields(type_, value, path)
        else:
            self.faults.append(Fault(path, "expected-mapping", _kind(value)))
        return value

    def items(self, type_: ListOf, values: list[Any], path: str) -> None:
        for n, item in enumerate(values):
            if len(self.faults) >= MAX_FAULTS:
                return
            values[n] = self.value(type_.item, item, f"{path}[{n}]")

    def fields(self, record: Record, values: dict[str, Any], path: str) -> None:
        for name, field_ in record.fields.items():
            here = _below(path, name)
            if name in values and (field_.required or values[name] is not None):
                values[name] = self.value(field_.type, values[name], here)
            elif field_.required:
                self.faults.append(Fault(here, "", ""))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if name.isidentifier() else f'{path}["{name}"]'


# bool stands before int and datetime before date, whose subclasses they are.
_FOUND: tuple[tuple[type, str], ...] = (
    (bool, "found-boolean"), (int, "found-number"), (Decimal, "found-number"), (float, "found-float"),
    (str, "found-text"), (datetime, "found-datetime"), (date, "found-date"),
    (list, "found-list"), (dict, "found-mapping"), (type(None), "found-null"),
)


def _kind(value: Any) -> str:
    if isinstance(value, str) and not value.strip():
        return "found-blank"
    return next((code for kind, code in _FOUND if isinstance(value, kind)), "found-other")


def _text(value: Any, _zone: str) -> str:
    if isinstance(value, str):
        return value
    raise _Unfit(_kind(value))


def _integer(value: Any, zone: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _decimal(value, zone)
    whole = int(number)
    if number != whole or (isinstance(value, str) and plain_integer(value) is None):
        raise _Unfit("found-fraction")
    return whole


def _decimal(value: Any, _zone: str) -> Decimal | int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        if in_range(value):
            return value
        raise _Unfit("found-range")
    return _read(value, plain_number)


def _boolean(value: Any, _zone: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _Unfit(_kind(value))


def _date(value: Any, _zone: str) -> date:
    if isinstance(value, datetime):
        # A mapping that parsed a day may hold its midnight; any other time would be cut.
        if value.time() == time.min:
            return value.date()
        raise _Unfit("found-datetime")
    if isinstance(value, date):
        return value
    return _read(value, parse_iso_date)


def _datetime(value: Any, zone: str) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=zone_info(zone))
    if isinstance(value, date):
        return datetime.combine(value, time.min, zone_info(zone))
    return _read(value, lambda text: parse_iso_datetime(text, zone))


def _any(value: Any, _zone: str) -> Any:
    if value is None:
        raise _Unfit("found-null")
    return value


def _read(value: Any, read: Callable[[str], _Value | None]) -> _Value:
    if not isinstance(value, str):
        raise _Unfit(_kind(value))
    result = read(value)
    if result is None:
        raise _Unfit("found-other-text" if value.strip() else "found-blank")
    return result


_CONVERSIONS: dict[Scalar, Callable[[Any, str], Any]] = {
    TEXT: _text, INTEGER: _integer, DECIMAL: _decimal, BOOLEAN: _boolean,
    DATE: _date, DATETIME: _datetime, ANY: _any,
}
_EXPECTED: dict[Scalar, str] = {
    TEXT: "expected-text", INTEGER: "expected-integer", DECIMAL: "expected-decimal",
    BOOLEAN: "expected-boolean", DATE: "expected-date", DATETIME: "expected-datetime", ANY: "expected-any",
}
