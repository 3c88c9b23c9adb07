"""Calls in expressions: the functions of the language, and lookups with their direction."""

import re
from collections.abc import Callable
from datetime import UTC

from bus.errors import BusError
from bus.expressions import tree
from bus.expressions.lookup_calls import Compile, compile_lookup
from bus.expressions.meant import date_call
from bus.expressions.operators import MAX_ROUNDED
from bus.expressions.paths import written
from bus.expressions.scan import Problem
from bus.expressions.scope import Code, Scope, kind_of
from bus.expressions.slips import FOREIGN_FUNCTIONS
from bus.expressions.tree import AGGREGATES
from bus.functions import (
    FUNCTIONS,
    Function,
    Parameter,
    check_date,
    check_date_pattern,
    check_identifier,
    check_parse_pattern,
    check_pattern,
    check_zone,
    date_pattern_type,
    day_writer,
    gs1_type,
)
from bus.nearest import nearest
from bus.types import ANY, DATE, DECIMAL, TEXT, Field, ListOf, Record, Type

_Bound = list[tuple[Parameter, tree.Node]]

_LITERAL_CHECKS: dict[tuple[str, int], Callable[[str], BusError | None]] = {
    ("date", 1): check_date_pattern, ("parse_date", 1): check_parse_pattern, ("parse_date", 2): check_zone,
    ("match", 1): check_pattern, ("extract", 1): check_pattern, ("gs1", 1): check_identifier,
}
# Functions whose result follows from what their second argument says, where it is written out.
_LITERAL_TYPES: dict[str, Callable[[str], Type]] = {"parse_date": date_pattern_type, "gs1": gs1_type}
_CONVERSIONS = {  # (what it is, what is needed) → how to write that
    ("number", "text"): "text(…)", ("boolean", "text"): "text(…)", ("date", "text"): 'date(…, "yyyy-MM-dd")',
    ("datetime", "text"): 'date(…, "yyyy-MM-dd HH:mm:ss")',
    ("text", "number"): "decimal(…)", ("text", "date"): "parse_date(…)",
    ("text", "list"): 'split(…, ",")', ("list", "text"): 'join(…, ",")',
}
_PLACES = re.compile(r"[#0,]*(?:\.(0+))?")  # Excel's pattern of a number
_NEEDS = {"zone": "ctx.zone", "encoding": "ctx.encoding", "numbers": "ctx.numbers", "field": "field"}


def compile_call(node: tree.Call, scope: Scope, compile_node: Compile) -> Code:
    """Return generated code for a call; an unknown function, wrong arguments are reported."""
    if node.name in ("lookup", "known"):
        return compile_lookup(node, scope, compile_node)
    function = FUNCTIONS.get(node.name)
    if node.name in AGGREGATES:  # with anything in its brackets it is no call
        scope.report("argument-count", node.start, node.end, name=node.name, shape=f"{node.name}(list)", got=0)
        return Code("None", ANY, nullable=False)
    if function is None or _of_excel(node):
        _report_unknown(node, scope)
        return Code("None", ANY, nullable=False)
    bound = _bind(node, function, scope)
    if bound is None:
        for argument in (*node.arguments, *(argument for _, argument in node.named)):
            compile_node(argument, scope)  # their faults are told as well
        return Code("None", ANY, nullable=False)
    codes, faults = [], len(scope.problems)
    for parameter, argument in bound:
        code = compile_node(argument, scope)
        _check_type(node, parameter, argument, code, scope)
        codes.append(code)
    _check_literals(function, bound, scope)
    if node.name == "parse_date":
        _check_date(bound, scope)
    if len(scope.problems) == faults:
        _check_constant(node, function, bound, scope)
    result = _result(function, bound, codes)
    if node.name in ("group", "sort") and isinstance(codes[0].type, ListOf):
        fields = _fields_named(bound[1:], codes[0].type.item, scope)
        if node.name == "group" and fields:
            result = ListOf(Record({**fields, "rows": Field(codes[0].type)}))
    if node.name == "default":
        value, other = codes
        return Code(f"default_of({value.text}, lambda: {other.text})", result, other.nullable, other.missing)
    quick = _QUICK.get(node.name)
    return (quick(bound, codes, scope) if quick is not None else None) or _code(function, bound, codes, result)


def _rounded(bound: _Bound, codes: list[Code], _scope: Scope) -> Code | None:
    """The quick form of `round(x, 2)`, the commonest call there is: of a number, to places written out."""
    digits = bound[1][1] if len(bound) == 2 else None
    if not isinstance(digits, tree.Literal) or type(digits.value) is not int or kind_of(codes[0].type) != "number":
        return None
    if not 0 <= digits.value <= MAX_ROUNDED:
        return None
    number, places = codes[0], digits.value
    text = f"rounded({number.text}, {places})"
    return Code(text, DECIMAL, number.nullable, number.missing, path=number.path, places=places)


def _dated(bound: _Bound, codes: list[Code], scope: Scope) -> Code | None:
    """The quick form of `date(day, "yyyy-MM-dd")`: of a date, by a pattern written out."""
    pattern = bound[1][1] if len(bound) == 2 else None
    if not isinstance(pattern, tree.Literal) or type(pattern.value) is not str or codes[0].type != DATE:
        return None
    if check_date_pattern(pattern.value) or (write := day_writer(pattern.value)) is None:
        return None
    text = f"dated({scope.constant(write)}, ctx.zone, {codes[0].text}, {codes[1].text})"
    return Code(text, TEXT, missing=codes[0].missing)


_QUICK: dict[str, Callable[[_Bound, list[Code], Scope], Code | None]] = {"round": _rounded, "date": _dated}


def _fields_named(bound: _Bound, item: Type, scope: Scope) -> dict[str, Field]:
    """The fields that `group(data.lines, "item_code")` names, where the schema knows them; others are reported."""
    fields: dict[str, Field] = {}
    if not isinstance(item, Record):
        return fields
    for _, argument in bound:
        if not isinstance(argument, tree.Literal) or not isinstance(argument.value, str):
            return {}
        known = item.fields.get(argument.value)
        if known is None:
            near = nearest(argument.value, item.fields)
            shown: dict[str, object] = {"path": argument.value, "type": scope.event_type or "…"}
            shown |= {"near": near} if near else {}
            scope.problems.append(Problem("unknown-field", argument.start, argument.end, shown))
            return {}
        fields[argument.value] = known
    return fields


def _code(function: Function, bound: _Bound, codes: list[Code], result: Type) -> Code:
    needs = [_NEEDS[need] for need in function.needs]
    texts = []
    for at, ((parameter, _), code) in enumerate(zip(bound, codes, strict=True)):
        text = code.text if code.type != ANY or _takes_any(parameter) else f"plain({code.text})"
        in_place = parameter.variadic or function.parameters[at] is parameter
        texts.append(text if in_place and not parameter.keyword_only else f"{parameter.name}={text}")
    nullable = any(code.nullable for code in codes)
    name = f"f_{function.name}"
    if function.takes_null or not nullable:
        text = f"{name}({', '.join([*needs, *texts])})"
    else:  # called only when no argument is null
        text = f"call({name}, ({''.join(f'{need}, ' for need in needs)}), {', '.join(texts)})"
    missing = "" if function.takes_null else next((code.missing for code in codes if code.missing), "")
    return Code(text, result, (nullable and not function.takes_null) or function.may_be_null, missing)


def _result(function: Function, bound: _Bound, codes: list[Code]) -> Type:
    by_literal = _LITERAL_TYPES.get(function.name)
    if by_literal is not None:
        said = next((argument for parameter, argument in bound if parameter is function.parameters[1]), None)
        if isinstance(said, tree.Literal) and isinstance(said.value, str):
            return by_literal(said.value)
    return function.result_of(tuple(code.type for code in codes))


def _takes_any(parameter: Parameter) -> bool:
    types = parameter.type if isinstance(parameter.type, tuple) else (parameter.type,)
    return any(type_ == ANY or isinstance(type_, ListOf) for type_ in types)


def _report_unknown(node: tree.Call, scope: Scope) -> None:
    end = node.start + len(node.name)
    write = _of_excel(node) or FOREIGN_FUNCTIONS.get(node.name.lower())
    near = nearest(node.name, (*FUNCTIONS, *AGGREGATES, "lookup", "known"))
    if node.name in FUNCTIONS:
        got = len(node.arguments)
        scope.report("argument-count", node.start, node.end, name=node.name, shape=write, got=got)
    elif write is None and node.name.lower() in FUNCTIONS:
        scope.report("function-unknown", node.start, end, name=node.name, near=node.name.lower())
    elif write is not None:
        scope.report("function-foreign", node.start, end, name=node.name, write=write)
    elif near is not None:
        scope.report("function-unknown", node.start, end, name=node.name, near=near)
    else:
        known = ", ".join((*FUNCTIONS, *sorted(AGGREGATES), "lookup", "known"))
        hint_code = "hint-function-unlisted"
        scope.report("function-unknown", node.start, end, hint_code=hint_code, name=node.name, known=known)


def _of_excel(node: tree.Call) -> str | None:
    """How `TEXT(x, "DD.MM.YYYY")` and `DATE(2025, 1, 20)` are written here, whose functions have other arguments."""
    values = [argument.value if isinstance(argument, tree.Literal) else None for argument in node.arguments]
    if node.name.lower() == "text" and len(values) == 2 and isinstance(values[1], str):
        error, value = check_date_pattern(values[1]), written(node.arguments[0])
        if error is None:
            return f'date({value}, "{values[1]}")'
        if "right" in error.fields:
            return f"date({value}, {error.fields['right']})"
        places = _PLACES.fullmatch(values[1])
        return f"round({value}, {len(places[1] or '')})" if places is not None else "text(x)"
    if node.name.lower() == "date" and len(values) == 3:
        whole = [value for value in values if type(value) is int]
        return date_call("-".join(map(str, whole))) or 'parse_date("2025-01-20")'
    return None


def _bind(node: tree.Call, function: Function, scope: Scope) -> _Bound | None:
    """Pair arguments with parameters, in the parameters' order; None where they do not pair, which is reported."""
    positional = [p for p in function.parameters if not p.keyword_only]
    if len(node.arguments) > len(positional) and not (positional and positional[-1].variadic):
        _report_count(node, function, scope)
        return None
    bound = [(positional[min(at, len(positional) - 1)], argument) for at, argument in enumerate(node.arguments)]
    by_name = {p.name: p for p in function.parameters}
    for name, argument in node.named:
        parameter = by_name.get(name)
        if parameter is None or any(parameter is taken for taken, _ in bound):
            shape = _shape(function)
            scope.report("argument-unknown", argument.start, argument.end, name=node.name, argument=name, shape=shape)
            return None
        bound.append((parameter, argument))
    given = {parameter.name for parameter, _ in bound}
    if any(p.required and p.name not in given for p in function.parameters):
        _report_count(node, function, scope)
        return None
    return sorted(bound, key=lambda pair: function.parameters.index(pair[0]))


def _report_count(node: tree.Call, function: Function, scope: Scope) -> None:
    got = len(node.arguments) + len(node.named)
    scope.report("argument-count", node.start, node.end, name=node.name, shape=_shape(function), got=got)


def _shape(function: Function) -> str:
    """`round(x, digits)`; what may be left out has its own brackets."""
    parts = [p.name + (", …" if p.variadic else "") for p in function.parameters]
    texts = [part if p.required else f"[{part}]" for p, part in zip(function.parameters, parts, strict=True)]
    return f"{function.name}({', '.join(texts)})"


def _check_type(node: tree.Call, parameter: Parameter, argument: tree.Node, code: Code, scope: Scope) -> None:
    types = parameter.type if isinstance(parameter.type, tuple) else (parameter.type,)
    got = kind_of(code.type)
    if got is None or ANY in types or got in {kind_of(type_) for type_ in types}:
        return
    wanted = " / ".join(dict.fromkeys(kind_of(type_) or str(type_) for type_ in types))
    kinds = {kind_of(type_) for type_ in types}
    write = next((by for (has, needs), by in _CONVERSIONS.items() if has == got and needs in kinds), "")
    hint_code = "" if write else "hint-argument-type-other"
    if node.name == "date" and parameter.name == "pattern" and (pattern := _pattern_first(node)):
        write, hint_code = f'date({written(argument)}, "{pattern}")', "hint-date-forgotten"
    scope.report(
        "argument-type", argument.start, argument.end, name=node.name, wanted=wanted, kind=str(code.type),
        write=write, hint_code=hint_code,
    )


def _check_literals(function: Function, bound: _Bound, scope: Scope) -> None:
    for parameter, argument in bound:
        check = _LITERAL_CHECKS.get((function.name, function.parameters.index(parameter)))
        if check and isinstance(argument, tree.Literal) and isinstance(argument.value, str):
            error = check(argument.value)
            if error is not None:
                scope.problems.append(Problem(error.code, argument.start, argument.end, error.fields))


def _check_constant(node: tree.Call, function: Function, bound: _Bound, scope: Scope) -> None:
    """What is written out as a whole is computed at once: it would fail for every document."""
    values = [
        argument.value for (parameter, argument), at in zip(bound, function.parameters, strict=False)
        if isinstance(argument, tree.Literal) and argument.value is not None
        and parameter is at and not parameter.keyword_only
    ]
    if len(values) < max(len(bound), 1) or set(function.needs) - {"zone"}:
        return
    try:
        function.call(*(UTC for _ in function.needs), *values)
    except BusError as error:
        pattern = _pattern_first(node) if node.name == "date" and len(values) == 1 else ""
        fields = {**error.fields, "write": f'date(…, "{pattern}")'} if pattern else error.fields
        hint_code = "hint-date-forgotten" if pattern else ""
        scope.problems.append(Problem(error.code, node.start, node.end, fields, warning=True, hint_code=hint_code))


def _pattern_first(node: tree.Call) -> str:
    """The pattern that stands where the date should, `date("yyyy-MM-dd", …)`; "" where none does."""
    first = node.arguments[0] if node.arguments else None
    text = first.value if isinstance(first, tree.Literal) and isinstance(first.value, str) else ""
    return text if text and check_parse_pattern(text) is None else ""


def _check_date(bound: _Bound, scope: Scope) -> None:
    """A text written out in `parse_date(…)` is read at once, to say that its pattern is missing or another."""
    texts = {
        parameter.name: argument.value for parameter, argument in bound
        if isinstance(argument, tree.Literal) and isinstance(argument.value, str)
    }
    if not {"s"} <= texts.keys() or len(texts) < len(bound) or check_parse_pattern(texts.get("pattern", "yyyy")):
        return
    error = check_date(texts["s"], texts.get("pattern"))
    if error is not None:
        argument, write = bound[0][1], date_call(texts["s"])
        hint_code = "hint-date-written" if write else ""
        fields = {**error.fields, "write": write}
        scope.problems.append(Problem(error.code, argument.start, argument.end, fields, hint_code=hint_code))
