"""Functions of the language called as compiled expressions call them."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bus.adapter import Numbers
from bus.codecs.element import Element
from bus.errors import ExpressionError
from bus.functions import FUNCTIONS
from bus.texts import choose_language

SHANGHAI = ZoneInfo("Asia/Shanghai")


def field(value: Any, name: str) -> Any:
    """Read a field of a mapping or an element; null when it is missing."""
    if isinstance(value, Element):
        return value.child(name)
    return value.get(name) if isinstance(value, dict) else None


def call(
    function_name: str, /, *arguments: Any, numbers: Numbers | None = None, encoding: str = "utf-8",
    here: ZoneInfo = SHANGHAI, **named: Any,
) -> Any:
    """Call a function with what it needs before the arguments; null for null, as the language has it."""
    function = FUNCTIONS[function_name]
    if not function.takes_null and None in [a for a in arguments if a is None]:
        return None
    needs = {"zone": here, "encoding": encoding, "numbers": numbers, "field": field}
    return function.call(*[needs[need] for need in function.needs], *arguments, **named)


def outcome(function_name: str, /, *arguments: Any, **settings: Any) -> ExpressionError | None:
    """Call a function that may refuse, and return its error; any other exception is a defect."""
    try:
        call(function_name, *arguments, **settings)
    except ExpressionError as error:
        return error
    return None


def refusal(function_name: str, /, *arguments: Any, **settings: Any) -> ExpressionError:
    """Call a function that must refuse; its message and remedy can be said in both languages."""
    with pytest.raises(ExpressionError) as caught:
        call(function_name, *arguments, **settings)
    for language in ("zh", "en"):
        choose_language(language)
        assert str(caught.value)
        assert caught.value.hint
    return caught.value
