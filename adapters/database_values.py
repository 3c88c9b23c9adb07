"""Values on their way into columns (texts and numbers of JSON → what the column holds) and out of them."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from bus.errors import Refused
from bus.plain import MAX_EXPONENT, in_range, parse_iso_date, parse_iso_datetime, plain_number, zone_info

T = TypeVar("T")
EXACT = Context(prec=MAX_EXPONENT * 3)  # beyond every number that is in range

_encode = msgspec.json.Encoder(decimal_format="number").encode


def converter(column: sa.Column[Any], kind: sa.types.TypeEngine[Any], zone: str) -> Callable[[Any], Any]:
    """Return what makes of a value of a JSON document one that the type `kind` of the column takes.

    `kind` is the reflected type; one that nobody knows takes the value as it is. A time with a zone goes into
    a column without one as the clock in `zone`, the system's, showed it. It raises Refused when the column
    cannot hold the value exactly: databases round and cut silently, the bus does not.
    """
    convert = next((convert for type_, convert in INTO if isinstance(kind, type_)), _as_it_is)

    def into_column(value: Any) -> Any:
        if value is None:
            return None
        try:
            return convert(value, kind, zone)
        except (ValueError, TypeError, ArithmeticError) as exc:
            raise Refused("row-value", table=column.table.name, name=column.name, type=_type_name(kind)) from exc

    return into_column


def for_sqlite(value: Any) -> Any:
    """Return what SQLite's driver binds: decimals and times as text, which keeps every digit."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value) if isinstance(value, (Decimal, date, time)) else value


def as_text(value: Any) -> str:
    """Return a key's value as `response.key` shows it."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def row_document(row: Mapping[str, Any], kinds: Mapping[str, sa.types.TypeEngine[Any]]) -> bytes:
    """Return a row as a JSON mapping: decimals with their digits, dates in ISO 8601, texts as they are.

    >>> row_document({"qty": Decimal("12.50"), "due": date(2026, 11, 23)}, {})
    b'{"qty":12.50,"due":"2026-11-23"}'
    """
    return _encode({name: _out_of_column(value, kinds.get(name)) for name, value in row.items()})


def _out_of_column(value: Any, kind: sa.types.TypeEngine[Any] | None) -> Any:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(value)
    if isinstance(value, timedelta):  # how MySQL's driver gives a TIME
        whole_s = value // timedelta(seconds=1)
        return f"{whole_s // 3600:02}:{whole_s // 60 % 60:02}:{whole_s % 60:02}"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, str):
        if isinstance(kind, sa.JSON):
            return msgspec.Raw(value.encode())
        return value.rstrip(" ") if isinstance(kind, sa.CHAR) else value  # padded to its length
    if isinstance(value, (int, Decimal, date, time)) or value is None:
        return value
    return str(value)


def _type_name(kind: sa.types.TypeEngine[Any]) -> str:
    return str(kind) if isinstance(kind, (sa.Numeric, sa.String)) else type(kind).__name__.upper()


def _as_it_is(value: Any, _kind: Any, _zone: str) -> Any:
    if isinstance(value, (dict, list)):
        raise TypeError(value)
    return value


def _text(value: Any, kind: sa.String, _zone: str) -> str:
    if isinstance(value, (dict, list)):
        raise TypeError(value)
    if isinstance(value, bool):
        value = "true" if value else "false"
    text = value if isinstance(value, str) else as_text(value)
    if kind.length is not None and len(text) > kind.length:
        raise ValueError(text)
    return text


def _number(value: Any) -> Decimal:
    number = _known(plain_number(value)) if isinstance(value, str) else Decimal(value)
    if not in_range(number):
        raise ValueError(value)
    return number


def _integer(value: Any, _kind: Any, _zone: str) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError(value)
    return int(number)


def _decimal(value: Any, kind: sa.Numeric[Any], _zone: str) -> Decimal:
    number = _number(value)
    if kind.precision is not None:
        scale = kind.scale or 0
        # Zeros at the end are no loss; a digit beyond the scale, or too many before the point, is.
        if number != EXACT.quantize(number, Decimal(1).scaleb(-scale)):
            raise ValueError(value)
        if abs(number) >= Decimal(10) ** (kind.precision - scale):
            raise ValueError(value)
    return number


def _float(value: Any, _kind: Any, _zone: str) -> float:
    return float(_number(value))


def _boolean(value: Any, _kind: Any, _zone: str) -> bool:
    return _known({"true": True, "false": False, "1": True, "0": False}.get(str(value).lower()))


def _date(value: Any, _kind: Any, _zone: str) -> date:
    return _known(parse_iso_date(value))


def _datetime(value: Any, kind: Any, zone: str) -> datetime:
    moment = _known(parse_iso_datetime(value, zone))
    if getattr(kind, "timezone", False):
        return moment
    return moment.astimezone(zone_info(zone)).replace(tzinfo=None)


def _known(read: T | None) -> T:
    if read is None:
        raise ValueError
    return read


def _time(value: Any, _kind: Any, _zone: str) -> time:
    return time.fromisoformat(value)


def _json(value: Any, _kind: Any, _zone: str) -> str:
    return _encode(value).decode()


def now_utc() -> datetime:
    """Return the time, without a zone, as `bus_delivered.written_at` holds it."""
    return datetime.now(UTC).replace(tzinfo=None)


INTO: tuple[tuple[type[sa.types.TypeEngine[Any]], Callable[[Any, Any, str], Any]], ...] = (
    (sa.Boolean, _boolean),
    (sa.Integer, _integer),
    (sa.Float, _float),  # before Numeric, of which SQLAlchemy 2.0 makes it one
    (sa.Numeric, _decimal),
    (sa.DateTime, _datetime),
    (sa.Date, _date),
    (sa.Time, _time),
    (sa.JSON, _json),
    (sa.Enum, _as_it_is),  # before String, of which it is one
    (sa.String, _text),
)
