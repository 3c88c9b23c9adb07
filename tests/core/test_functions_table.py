import ast
import inspect
from decimal import Decimal
from typing import Any

import pytest

from bus.errors import ExpressionError
from bus.functions import (
    FUNCTIONS,
    Function,
    check_date_pattern,
    check_identifier,
    check_parse_pattern,
    check_pattern,
    check_zone,
    date_pattern_type,
    gs1_type,
)
from bus.texts import choose_language
from bus.types import ANY, BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, NULL, TEXT, ListOf, Record, Type

from tests.core.calling import call

CONTRACT = [
    "text", "decimal", "integer", "round", "abs",
    "upper", "lower", "trim", "pad", "strip_zeros", "replace", "split", "join", "starts", "ends", "contains",
    "match", "extract", "cut", "cut_bytes", "date", "parse_date", "add_days", "days_between",
    "default", "has", "first", "last", "count", "unique", "sort", "group", "amount_in_chinese", "gs1",
]
ALL = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
WORDS = {"true": True, "false": False, "null": None}


def evaluate(source: str) -> Any:
    """Evaluate calls, literals, lists and mappings, numbers as the language reads them."""

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return call(name, *map(value, arguments))
            case ast.Name(id=word):
                return WORDS[word]
            case ast.List(elts=items):
                return [value(item) for item in items]
            case ast.Dict(keys=keys, values=values):
                return {value(key): value(part) for key, part in zip(keys, values, strict=True) if key}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.Constant(value=float()):
                return Decimal(ast.get_source_segment(source, node) or "")
            case ast.Constant(value=constant):
                return constant
        raise AssertionError(ast.dump(node))

    return value(ast.parse(source, mode="eval").body)


def test_every_function_of_the_contract_but_lookup_and_known_is_there_and_no_other() -> None:
    assert sorted(FUNCTIONS) == sorted(CONTRACT)
    assert all(name == function.name for name, function in FUNCTIONS.items())


@ALL
def test_an_example_gives_what_the_manual_says(function: Function) -> None:
    left, arrow, right = function.example.partition(" → ")
    assert arrow
    assert f"{function.name}(" in left
    got, expected = evaluate(left), evaluate(right)
    assert got == expected
    assert isinstance(got, type(expected))
    assert str(got) == str(expected)  # the digits too


@ALL
def test_a_function_says_what_it_does_in_both_languages(function: Function) -> None:
    assert function.about == f"function-{function.name.replace('_', '-')}"
    said = [choose_language(language) and function.description for language in ("en", "zh")]
    assert len(set(said)) == 2
    assert all(text.endswith((".", "。")) for text in said)


@ALL
def test_parameters_fit_what_is_called(function: Function) -> None:
    given = list(inspect.signature(function.call).parameters.values())[len(function.needs) :]
    for parameter, python in zip(function.parameters, given, strict=True):
        assert (python.kind is inspect.Parameter.VAR_POSITIONAL) == parameter.variadic
        assert parameter.variadic or parameter.required == (python.default is inspect.Parameter.empty)
        if not parameter.required and not parameter.variadic:
            assert python.name == parameter.name  # can be given by name
    required = [parameter.required for parameter in function.parameters]
    assert required == sorted(required, reverse=True)


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("round", (INTEGER, INTEGER), DECIMAL),
        ("abs", (INTEGER,), INTEGER),
        ("abs", (DECIMAL,), DECIMAL),
        ("split", (TEXT, TEXT), ListOf(TEXT)),
        ("first", (ListOf(DATE),), DATE),
        ("last", (ANY,), ANY),
        ("unique", (ListOf(TEXT),), ListOf(TEXT)),
        ("sort", (ANY,), ListOf(ANY)),
        ("default", (TEXT, TEXT), TEXT),
        ("default", (INTEGER, INTEGER), INTEGER),
        ("default", (DECIMAL, INTEGER), DECIMAL),
        ("default", (NULL, DATE), DATE),
        ("default", (NULL, NULL), NULL),
        ("default", (ANY, TEXT), ANY),
        ("default", (Record(), TEXT), ANY),
        ("add_days", (DATE, INTEGER), DATE),
        ("add_days", (DATETIME, INTEGER), DATETIME),
        ("add_days", (TEXT, INTEGER), ANY),
        ("has", (ANY,), BOOLEAN),
    ],
)
def test_the_type_of_a_result_follows_from_the_arguments(
    name: str, arguments: tuple[Type, ...], result: Type
) -> None:
    assert FUNCTIONS[name].result_of(arguments) == result


def test_a_pattern_written_out_says_whether_a_date_or_a_moment_is_read() -> None:
    assert date_pattern_type("yyyyMMdd") == DATE
    assert date_pattern_type("yyyy-MM-ddXXX") == DATE
    assert date_pattern_type("yyyy-MM-dd HH:mm") == DATETIME
    assert date_pattern_type("%Y-%m-%d") == ANY


@pytest.mark.parametrize(
    ("identifier", "result"),
    [("10", TEXT), ("(17)", DATE), ("7003", DATETIME), ("310n", DECIMAL), ("3103", DECIMAL), ("392", DECIMAL),
     ("37", TEXT), ("99", TEXT), ("4300", TEXT), ("5", ANY)],
)  # fmt: skip
def test_an_identifier_written_out_says_what_a_scan_gives(identifier: str, result: Type) -> None:
    assert gs1_type(identifier) == result


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (check_pattern, "^PO-[0-9]+$", "(PO"),
        (check_date_pattern, "HH:mm", "%H:%M"),
        (check_parse_pattern, "yyyyMMdd", "MMdd"),
        (check_zone, "Europe/Berlin", "Europe/Atlantis"),
        (check_identifier, "310n", "5"),
    ],
)
def test_lint_hears_of_what_is_wrong_before_any_document(check: Any, right: str, wrong: str) -> None:
    assert check(right) is None
    assert isinstance(check(wrong), ExpressionError)
