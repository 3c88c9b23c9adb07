"""What the signs of the language mean at run time; compiled expressions call these by name.

Null goes through: arithmetic over null is null, a comparison with null is false. Text and number
never mix. Numbers are exact up to MAX_DIGITS; whatever would grow without bound is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import MAX_PREC, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

from bus.codecs.element import Element
from bus.errors import ExpressionError
from bus.functions.dates import write_date
from bus.functions.strings import text as text_in

MAX_DIGITS = 1000  # before the point; as many behind it
MAX_TEXT = 8 * 1024 * 1024  # characters
MAX_ROUNDS = 1_000_000  # of all loops of one mapping together
MAX_ROUNDED = 12  # places for which `rounded` stands in for `round`
END = object()  # stands for the end that `s[2:]` leaves out

# The exponent is bounded as the digits are: 1E+900 has one digit, and a thousand once written out.
_EXACT = Context(
    prec=2 * MAX_DIGITS, rounding=ROUND_HALF_UP, Emin=-MAX_DIGITS, Emax=MAX_DIGITS - 1,
    traps=[Inexact, InvalidOperation, Overflow],
)
_DIVIDE = Context(
    prec=28, rounding=ROUND_HALF_UP, Emin=-MAX_DIGITS, Emax=MAX_DIGITS - 1, traps=[InvalidOperation, Overflow]
)
_ROUND = Context(prec=MAX_PREC, rounding=ROUND_HALF_UP)  # only `rounded` drops digits, and only once
_NUMBERS = frozenset((int, Decimal))
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
    key = plain(key)
    if value is None or key is None:
        return None
    if type(key) is str:
        return value.item(key) if type(value) is Element else field(value, key)
    if type(key) not in _NUMBERS:
        raise ExpressionError("index-not-whole", kind=kind(key))
    among = (value,) if type(value) is Element else value
    if type(among) not in (list, tuple, str):
        raise ExpressionError("no-items", kind=kind(value))
    index = _whole(key)
    if not -len(among) <= index < len(among):
        raise ExpressionError("bad-index", index=index, count=len(among))
    return among[index]


def choice(table: Mapping[Any, Any], key: Any) -> Any:
    """`{"ZP": "good", "CC": "bad"}[key]`: null for a code the table does not have."""
    key = plain(key)
    if key is None or not table:
        return None
    kinds = [kind(known) for known in table]
    if kind(key) not in kinds:
        raise ExpressionError("compare-kinds", left=kind(key), right=kinds[0])
    return table.get(key)


def choice_made(table: Mapping[Any, Callable[[], Any]], key: Any) -> Any:
    """The same of a table whose values are computed: only the one that is chosen."""
    make = choice(table, key)
    return None if make is None else make()


def part(value: Any, low: Any, high: Any) -> Any:
    """`value[0:10]` of a text or a list; null when one of the three is."""
    value = plain(value) if type(value) is Element else value
    low, high = plain(low), plain(high)
    if value is None or low is None or high is None:
        return None
    if type(value) not in (str, list):
        raise ExpressionError("no-items", kind=kind(value))
    return value[_whole(low) : None if high is END else _whole(high)]


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is Decimal and value.adjusted() < MAX_DIGITS and value == (whole := int(value)):
        return whole
    raise ExpressionError("index-not-whole", kind=kind(value))


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


def _check_order(value: Any) -> None:
    if type(value) in (bool, list, dict):
        raise ExpressionError("no-order", kind=kind(value))


def equal(left: Any, right: Any) -> bool:
    """`==`; false when a side is null (the compiler treats a written-out `null` by itself)."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return False
    _comparable(left, right)
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
        _check_order(left)
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
        if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
            left, right = plain(left), plain(right)
            if left is None or right is None:
                return None
            if sign == "+" and type(left) is str and type(right) is str:
                _bounded(len(left) + len(right))
                return left + right
            raise ExpressionError("compute-kinds", sign=sign, left=kind(left), right=kind(right))
        try:
            result = compute(left, right)
        except (Inexact, InvalidOperation, Overflow):
            raise ExpressionError("number-too-large", limit=MAX_DIGITS) from None
        return result or result.copy_abs()  # nobody orders -0

    return computed


def _divide(left: Any, right: Any) -> Decimal:
    if not right:
        raise ExpressionError("division-by-zero")
    value = _DIVIDE.divide(left, right)
    # 600/2 is 300, not 3E+2
    return value.quantize(1, context=_EXACT) if value.as_tuple().exponent > 0 else value  # type: ignore[operator] # finite here


def _modulo(left: Any, right: Any) -> Decimal:
    """What is left over, with the sign of the right side, as in Excel's MOD."""
    if not right:
        raise ExpressionError("division-by-zero")
    rest = _EXACT.remainder(left, right)
    return _EXACT.add(rest, right) if rest and (rest < 0) != (right < 0) else rest


add = _arithmetic("+", _EXACT.add)
subtract = _arithmetic("-", _EXACT.subtract)
multiply = _arithmetic("*", _EXACT.multiply)
divide = _arithmetic("/", _divide)
modulo = _arithmetic("%", _modulo)


def negate(value: Any) -> Any:
    """`-value`."""
    value = plain(value)
    if type(value) is Decimal:
        return value.copy_negate() if value else value.copy_abs()
    if value is None or type(value) is int:
        return None if value is None else -value
    raise ExpressionError("compute-kinds", sign="-", left=kind(value), right="number")


def _bounded(characters: int) -> None:
    """Refuse a text before it is made, when it would grow out of bounds."""
    if characters > MAX_TEXT:
        raise ExpressionError("text-too-long", limit=MAX_TEXT)


def template(zone: tzinfo, *parts: Any) -> str | None:
    """An f-string: null when a part is null."""
    made = []
    for value in parts:
        shown = value if type(value) is str else plain(value)
        if shown is None:
            return None
        made.append(text_in(zone, shown))
    _bounded(sum(map(len, made)))
    return "".join(made)


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
            if value is None:
                continue
            _check_order(value)
            if best is None or better(value, best):
                best = value
        return best

    return extreme


smallest = _extreme(less)
largest = _extreme(greater)


def as_text(value: Any) -> str | None:
    """A text, an element's too, or null; anything else is a failure."""
    value = plain(value)
    if value is None or type(value) is str:
        return value
    raise ExpressionError("not-a-text", kind=kind(value))


def call(function: Callable[..., Any], given: tuple[Any, ...], *arguments: Any, **named: Any) -> Any:
    """Call a function of the language with what it needs; null when an argument is null."""
    if None in arguments or (named and None in named.values()):
        return None
    return function(*given, *arguments, **named)


def rounded(number: Any, places: int) -> Any:
    """`round(number, 2)` of what is known to be a number or null: the function's own result, in a third of its time."""
    if type(number) is not Decimal:
        return number
    if places:
        result = _ROUND.scaleb(_ROUND.to_integral_value(_ROUND.scaleb(number, places)), -places)
    else:
        result = _ROUND.to_integral_value(number)
    return result if result or result.same_quantum(number) else result.copy_abs()


def dated(write: Callable[[date], str], zone: tzinfo, day: Any, pattern: str) -> str | None:
    """`date(day, pattern)`, where `write` is what the pattern makes of a day."""
    return write(day) if type(day) is date else call(write_date, (zone,), day, pattern)
