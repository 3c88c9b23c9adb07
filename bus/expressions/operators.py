"""What the signs of the language mean at run time; compiled expressions call these by name.

Null goes through: arithmetic over null is null, a comparison with null is false. Text and number
never mix. Numbers are exact up to MAX_DIGITS; whatever would grow without bound is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Any

from bus.codecs.element import Element
from bus.errors import ExpressionError

MAX_DIGITS = 1000
MAX_TEXT = 8 * 1024 * 1024  # characters
MAX_ROUNDS = 2_000_000  # rounds of all loops of one mapping together
_EXACT = Context(prec=MAX_DIGITS, rounding=ROUND_HALF_UP, traps=[Inexact, InvalidOperation, Overflow])
_DIVIDE = Context(prec=28, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])
_WORDS: dict[type, str] = {
    str: "text", int: "number", Decimal: "number", bool: "boolean", date: "date", datetime: "datetime",
    list: "list", dict: "mapping", type(None): "null", Element: "text",
}


def kind(value: Any) -> str:
    """The word for what a value is, as the catalogue and messages use it."""
    return _WORDS.get(type(value), "value")


def plain(value: Any) -> Any:
    """An XML element as its text; anything else as it is. Several elements have no one text."""
    if type(value) is Element:
        if value.children:
            raise ExpressionError("element-is-group", name=value.name)
        return value.text
    if type(value) is list and value and type(value[0]) is Element:
        raise ExpressionError("holds-several", count=len(value), name=value[0].name)
    return value


def field(value: Any, name: str) -> Any:
    """`value.name`: null when it is missing, all the way down."""
    held = type(value)
    if held is dict:
        return value.get(name)
    if value is None:
        return None
    if held is Element:
        return value.child(name)
    if held is list:
        raise ExpressionError("holds-several", count=len(value), name=name)
    raise ExpressionError("no-fields", kind=kind(value), name=name)


def item(value: Any, key: Any) -> Any:
    """`value["a b"]`, `value[0]`: a missing name is null, a number outside the list is a failure."""
    if value is None or key is None:
        return None
    key = plain(key)
    if type(key) is str:
        if type(value) is Element:
            return value.item(key)
        return field(value, key)
    if type(value) is dict:  # a table written in the expression, by number
        return value.get(key)
    if type(key) is Decimal and key == key.to_integral_value():
        key = int(key)
    if type(key) is not int:
        raise ExpressionError("bad-index", index=kind(key), count=0)
    rounds = (value,) if type(value) is Element else value
    if type(rounds) not in (list, tuple, str):
        raise ExpressionError("no-items", kind=kind(value))
    if not -len(rounds) <= key < len(rounds):
        raise ExpressionError("bad-index", index=key, count=len(rounds))
    return rounds[key]


def part(value: Any, low: Any, high: Any) -> Any:
    """`value[0:10]` of a text or a list."""
    if value is None:
        return None
    if type(value) is Element:
        value = plain(value)
    if type(value) not in (str, list):
        raise ExpressionError("no-items", kind=kind(value))
    return value[_whole(low) : _whole(high)]


def _whole(value: Any) -> int | None:
    value = plain(value)
    if value is None:
        return None
    if type(value) in (int, Decimal) and value == int(value):
        return int(value)
    raise ExpressionError("bad-index", index=kind(value), count=0)


def truth(value: Any) -> bool:
    """A condition's value: null counts as false, and nothing but true and false counts otherwise."""
    if value is True:
        return True
    if value is False or value is None:
        return False
    raise ExpressionError("not-a-condition", kind=kind(value))


def _comparable(left: Any, right: Any) -> None:
    if kind(left) != kind(right) or type(left) in (list, dict):
        raise ExpressionError("compare-kinds", left=kind(left), right=kind(right))


def equal(left: Any, right: Any) -> bool:
    """`==`; false when a side is null (the compiler treats a written-out `null` by itself)."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return False
    if type(left) is not type(right):
        _comparable(left, right)
    elif type(left) in (list, dict):
        raise ExpressionError("compare-kinds", left=kind(left), right=kind(right))
    return bool(left == right)


def unequal(left: Any, right: Any) -> bool:
    """`!=`; false when a side is null."""
    left, right = plain(left), plain(right)
    return left is not None and right is not None and not equal(left, right)


def is_null(value: Any) -> bool:
    """`== null`."""
    return value is None


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        left, right = plain(left), plain(right)
        if left is None or right is None:
            return False
        _comparable(left, right)
        if type(left) is bool:
            raise ExpressionError("compare-kinds", left="boolean", right="boolean")
        return compare(left, right)

    return ordered


less = _ordered(lambda left, right: left < right)
less_equal = _ordered(lambda left, right: left <= right)
greater = _ordered(lambda left, right: left > right)
greater_equal = _ordered(lambda left, right: left >= right)


def within(value: Any, collection: Any) -> bool:
    """`value in collection`: one of a list's values, or a key of a table; false when either is null."""
    if value is None or collection is None:
        return False
    if type(collection) is Element:
        return equal(value, collection)
    if type(collection) in (list, dict):
        return any(equal(value, member) for member in collection)
    raise ExpressionError("in-what", kind=kind(collection))


def not_within(value: Any, collection: Any) -> bool:
    """`value not in collection`; false when either is null."""
    return value is not None and collection is not None and not within(value, collection)


def _arithmetic(sign: str, compute: Callable[[Any, Any], Decimal]) -> Callable[[Any, Any], Any]:
    def computed(left: Any, right: Any) -> Any:
        left, right = plain(left), plain(right)
        if left is None or right is None:
            return None
        if kind(left) != "number" or kind(right) != "number":
            if sign == "+" and type(left) is str and type(right) is str:
                return bounded(left + right)
            raise ExpressionError("compute-kinds", sign=sign, left=kind(left), right=kind(right))
        try:
            return compute(left, right)
        except DivisionByZero:
            raise ExpressionError("division-by-zero") from None
        except (Inexact, InvalidOperation, Overflow) as error:
            if sign in "/%" and not right:
                raise ExpressionError("division-by-zero") from error
            raise ExpressionError("number-too-large", limit=MAX_DIGITS) from error

    return computed


def _modulo(left: Decimal, right: Decimal) -> Decimal:
    rest = _EXACT.remainder(left, right)
    return _EXACT.add(rest, right) if rest and (rest < 0) != (right < 0) else rest


add = _arithmetic("+", _EXACT.add)
subtract = _arithmetic("-", _EXACT.subtract)
multiply = _arithmetic("*", _EXACT.multiply)
divide = _arithmetic("/", lambda left, right: _plain_quotient(_DIVIDE.divide(left, right)))
modulo = _arithmetic("%", _modulo)


def _plain_quotient(value: Decimal) -> Decimal:
    """6/2 is 3, and 600/2 is 300, not 3E+2."""
    return value.quantize(1, context=_EXACT) if value.as_tuple().exponent > 0 else value  # type: ignore[operator] # finite here


def negate(value: Any) -> Any:
    """`-value`."""
    value = plain(value)
    if value is None:
        return None
    if kind(value) != "number":
        raise ExpressionError("compute-kinds", sign="-", left=kind(value), right="number")
    return -value if type(value) is int else _EXACT.minus(value)


def bounded(text: str) -> str:
    """The text itself, unless it has grown out of bounds."""
    if len(text) > MAX_TEXT:
        raise ExpressionError("text-too-long", limit=MAX_TEXT)
    return text


def template(*parts: Any) -> str | None:
    """An f-string: null when a part is null."""
    made = []
    for value in parts:
        shown = value if type(value) is str else _shown(plain(value))
        if shown is None:
            return None
        made.append(shown)
    return bounded("".join(made))


def _shown(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, Decimal):
        return f"{value:f}" if type(value) is Decimal else str(value)
    if type(value) in (date, datetime):
        return str(value.isoformat())
    raise ExpressionError("text-of", kind=kind(value))


def rounds(value: Any, budget: list[int]) -> Sequence[Any]:
    """What a loop goes over: nothing for null, itself for one element. `budget` is what may still run."""
    if type(value) is list:
        budget[0] -= len(value)
        if budget[0] < 0:
            raise ExpressionError("too-many-rounds", limit=MAX_ROUNDS)
        return value
    if value is None:
        return ()
    if type(value) is Element:
        budget[0] -= 1
        return (value,)
    raise ExpressionError("loop-over", kind=kind(value))


def total(values: Iterable[Any]) -> Any:
    """`sum`: nulls do not count; the sum of nothing is 0."""
    result: Any = 0
    for value in values:
        if value is not None:
            result = add(result, value)
    if type(result) is str or type(result) is bool:
        raise ExpressionError("compute-kinds", sign="+", left="number", right=kind(result))
    return result


def any_true(values: Iterable[Any]) -> bool:
    """`any`: false over nothing."""
    return any(truth(value) for value in values)


def all_true(values: Iterable[Any]) -> bool:
    """`all`: true over nothing."""
    return all(truth(value) for value in values)


def _extreme(better: Callable[[Any, Any], bool]) -> Callable[[Iterable[Any]], Any]:
    def extreme(values: Iterable[Any]) -> Any:
        best: Any = None
        for value in values:
            value = plain(value)  # noqa: PLW2901 - an element stands for its text from here on
            if value is not None and (best is None or better(value, best)):
                best = value
        return best

    return extreme


smallest = _extreme(less)
largest = _extreme(greater)


def as_kind(*words: str) -> Callable[[Any], Any]:
    """Return a gate for arguments: an element becomes its text, another kind than `words` is a failure."""

    def gate(value: Any) -> Any:
        value = plain(value)
        if value is None or kind(value) in words:
            return value
        raise ExpressionError("argument-kind", kind=kind(value), wanted=words[0])

    return gate


as_text = as_kind("text")
as_number = as_kind("number")
as_moment = as_kind("date", "datetime")
as_date_text = as_kind("text", "date", "datetime")


def as_list(value: Any) -> Any:
    """An argument that must be a list; one element counts as a list of itself."""
    if type(value) is Element:
        return [value]
    if value is None or type(value) is list:
        return value
    raise ExpressionError("argument-kind", kind=kind(value), wanted="list")


def call(function: Callable[..., Any], arguments: tuple[Any, ...], *bound: Any, **named: Any) -> Any:
    """Call a function of the language: null when an argument is null."""
    for argument in arguments:
        if argument is None:
            return None
    return function(*bound, *arguments, **named)
