"""Calls in expressions: the functions of the language, and lookups with their direction."""

from collections.abc import Callable
from bus.errors import BusError
from bus.expressions import tree
from bus.expressions.parse import AGGREGATES
from bus.expressions.scope import Code, Scope, kind_of
from bus.functions import (
    FUNCTIONS,
    Function,
    Parameter,
    check_date_pattern,
    check_identifier,
    check_parse_pattern,
    check_pattern,
    check_zone,
    date_pattern_type,
    gs1_type,
)
from bus.nearest import nearest
from bus.types import ANY, BOOLEAN, TEXT, Field, ListOf, Record, Type

Compile = Callable[[tree.Node, Scope], Code]

# What people from Excel, SQL, JavaScript and Python type → what does it here.
FOREIGN = {
    "if": "x if condition else y", "iif": "x if condition else y", "iferror": "default(x, y)",
    "len": "count(x)", "length": "count(x)", "size": "count(x)", "str": "text(x)", "string": "text(x)",
    "int": "integer(x)", "float": "decimal(x)", "number": "decimal(x)", "tonumber": "decimal(x)",
    "vlookup": 'lookup("table", code)', "xlookup": 'lookup("table", code)', "map": 'lookup("table", code)',
    "concat": "a + b", "concatenate": "a + b", "left": "s[0:n]", "mid": "s[a:b]", "right": "s[-n:]",
    "substr": "s[a:b]", "substring": "s[a:b]", "nvl": "default(x, y)", "coalesce": "default(x, y)",
    "ifnull": "default(x, y)", "isnull": "x == null", "isnotnull": "has(x)", "exists": "has(x)",
    "isempty": "not has(x)", "isblank": "not has(x)", "lpad": "pad(s, width, fill)", "rjust": "pad(s, width, fill)",
    "zfill": 'pad(s, width, "0")', "format": "date(x, pattern)", "format_date": "date(x, pattern)",
    "to_date": "parse_date(s, pattern)", "strptime": "parse_date(s, pattern)", "strftime": "date(x, pattern)",
    "now": "event.time", "today": "event.time", "sysdate": "event.time", "ltrim": "trim(s)", "strip": "trim(s)",
    "startswith": "starts(s, a)", "endswith": "ends(s, a)", "includes": "contains(s, a)", "has_key": "has(x)",
    "regex": "match(s, pattern)", "like": "match(s, pattern)", "average": "sum(…) / count(…)", "avg": "sum(…) / count(…)",
    "substitute": "replace(s, a, b)", "roundup": "round(x, digits)", "ceil": "round(x, 0)", "floor": "round(x, 0)",
}
_LITERAL_CHECKS: dict[tuple[str, int], Callable[[str], BusError | None]] = {
    ("date", 1): check_date_pattern, ("parse_date", 1): check_parse_pattern, ("parse_date", 2): check_zone,
    ("match", 1): check_pattern, ("extract", 1): check_pattern, ("gs1", 1): check_identifier,
}
# Functions whose result follows from what their second argument says, where it is written out.
_LITERAL_TYPES: dict[str, Callable[[str], Type]] = {"parse_date": date_pattern_type, "gs1": gs1_type}
_CONVERSIONS = {  # (what it is, what is needed) → how to write that
    ("number", "text"): "text(…)", ("boolean", "text"): "text(…)", ("date", "text"): 'date(…, "yyyy-MM-dd")',
    ("datetime", "text"): 'date(…, "yyyy-MM-dd HH:mm:ss")', ("text", "number"): "decimal(…)", ("text", "date"): "parse_date(…)",
    ("text", "list"): 'split(…, ",")', ("list", "text"): 'join(…, ",")',
}
_NEEDS = {"zone": "ctx.zone", "encoding": "ctx.encoding", "numbers": "ctx.numbers", "field": "field"}


def compile_call(node: tree.Call, scope: Scope, compile_node: Compile) -> Code:
    """Return generated code for a call; an unknown function, wrong arguments are reported."""
    if node.name in ("lookup", "known"):
        return _lookup(node, scope, compile_node)
    function = FUNCTIONS.get(node.name)
    if function is None:
        _report_unknown(node, scope)
        return Code("None", ANY, nullable=False)
    bound = _bind(node, function, scope)
    codes = []
    for parameter, argument in bound:
        code = compile_node(argument, scope)
        _check_type(node, parameter, argument, code, scope)
        codes.append(code)
    _check_literals(node, bound, scope)
    result = _result(function, bound, codes)
    if node.name in ("group", "sort") and codes and isinstance(codes[0].type, ListOf):
        fields = _fields_named(bound[1:], codes[0].type.item, scope)
        if node.name == "group" and fields:
            result = ListOf(Record({**fields, "rows": Field(codes[0].type)}))
    if node.name == "default" and len(codes) == 2:
        return Code(f"default_of({codes[0].text}, lambda: {codes[1].text})", result, codes[1].nullable, codes[1].missing)
    return _code(function, bound, codes, result)


def _fields_named(bound: list[tuple[Parameter, tree.Node]], item: Type, scope: Scope) -> dict[str, Field]:
    """The fields that `group(data.lines, "item_code")` names, where the schema knows them; others are reported."""
    fields: dict[str, Field] = {}
    if not isinstance(item, Record):
        return fields
    for _, argument in bound:
        if not isinstance(argument, tree.Literal) or not isinstance(argument.value, str) or argument.value == "rows":
            return {}
        known = item.fields.get(argument.value)
        if known is None:
            near = nearest(argument.value, item.fields)
            shown = {"path": argument.value, "type": scope.event_type or "…", **({"near": near} if near else {})}
            scope.report("unknown-field", argument.start, argument.end, **shown)
            return {}
        fields[argument.value] = known
    return fields


def _code(
    function: Function, bound: list[tuple[Parameter, tree.Node]], codes: list[Code], result: Type
) -> Code:
    needs = [_NEEDS[need] for need in function.needs]
    texts = [
        code.text if code.type != ANY or _takes_any(parameter) else f"plain({code.text})"
        for (parameter, _), code in zip(bound, codes, strict=True)
    ]
    named = [
        f"{parameter.name}={text}" if parameter.keyword_only else text
        for (parameter, _), text in zip(bound, texts, strict=True)
    ]
    nullable = any(code.nullable for code in codes)
    name = f"f_{function.name}"
    if function.takes_null or not nullable:
        text = f"{name}({', '.join([*needs, *named])})"
    else:  # called only when no argument is null
        text = f"call({name}, ({''.join(f'{t}, ' for t in texts)}){''.join(f', {need}' for need in needs)})"
    missing = "" if function.takes_null else next((code.missing for code in codes if code.missing), "")
    return Code(text, result, (nullable and not function.takes_null) or function.may_be_null, missing)


def _result(function: Function, bound: list[tuple[Parameter, tree.Node]], codes: list[Code]) -> Type:
    by_literal = _LITERAL_TYPES.get(function.name)
    if by_literal is not None and len(bound) > 1:
        second = bound[1][1]
        if isinstance(second, tree.Literal) and isinstance(second.value, str):
            return by_literal(second.value)
    return function.result_of(tuple(code.type for code in codes))


def _takes_any(parameter: Parameter) -> bool:
    types = parameter.type if isinstance(parameter.type, tuple) else (parameter.type,)
    return any(type_ == ANY or isinstance(type_, ListOf) for type_ in types)


def _report_unknown(node: tree.Call, scope: Scope) -> None:
    end = node.start + len(node.name)
    write = FOREIGN.get(node.name.lower())
    near = nearest(node.name, (*FUNCTIONS, *AGGREGATES, "lookup", "known"))
    if node.name.lower() in FUNCTIONS:
        scope.report("function-unknown", node.start, end, name=node.name, near=node.name.lower())
    elif write is not None:
        scope.report("function-foreign", node.start, end, name=node.name, write=write)
    elif near is not None:
        scope.report("function-unknown", node.start, end, name=node.name, near=near)
    else:
        known = ", ".join((*FUNCTIONS, *sorted(AGGREGATES), "lookup", "known"))
        scope.report("function-unknown", node.start, end, hint_code="function-unlisted", name=node.name, known=known)


def _bind(node: tree.Call, function: Function, scope: Scope) -> list[tuple[Parameter, tree.Node]]:
    """Pair arguments with parameters; what does not pair is reported."""
    bound: list[tuple[Parameter, tree.Node]] = []
    positional = [p for p in function.parameters if not p.keyword_only]
    for position, argument in enumerate(node.arguments):
        if position < len(positional):
            bound.append((positional[position], argument))
        elif positional and positional[-1].variadic:
            bound.append((positional[-1], argument))
        else:
            _report_count(node, function, scope)
            return bound[:0]
    by_name = {p.name: p for p in function.parameters}
    for name, argument in node.named:
        parameter = by_name.get(name)
        if parameter is None or any(parameter is taken for taken, _ in bound):
            scope.report(
                "argument-unknown", argument.start, argument.end, name=node.name, argument=name, shape=_shape(function)
            )
            return bound[:0]
        else:
            bound.append((parameter, argument))
    given = {parameter.name for parameter, _ in bound}
    if any(p.required and p.name not in given for p in function.parameters):
        _report_count(node, function, scope)
        return bound[:0]
    return bound


def _report_count(node: tree.Call, function: Function, scope: Scope) -> None:
    got = len(node.arguments)
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
    scope.report(
        "argument-type", argument.start, argument.end, name=node.name, wanted=wanted, kind=str(code.type),
        write=write, hint_code="" if write else "argument-type-other",
    )


def _check_literals(node: tree.Call, bound: list[tuple[Parameter, tree.Node]], scope: Scope) -> None:
    for position, (_, argument) in enumerate(bound):
        check = _LITERAL_CHECKS.get((node.name, position))
        if check and isinstance(argument, tree.Literal) and isinstance(argument.value, str):
            error = check(argument.value)
            if error is not None:
                scope.report(error.code, argument.start, argument.end, **error.fields)


def _lookup(node: tree.Call, scope: Scope, compile_node: Compile) -> Code:
    shape = "lookup(table, code, by=, to=, default=)" if node.name == "lookup" else "known(table, code, by=)"
    if len(node.arguments) != 2:
        scope.report("argument-count", node.start, node.end, name=node.name, shape=shape, got=len(node.arguments))
        return Code("None", TEXT, nullable=False)
    table_node, code_node = node.arguments
    if not isinstance(table_node, tree.Literal) or not isinstance(table_node.value, str):
        scope.report("lookup-name-computed", table_node.start, table_node.end)
        return Code("None", TEXT, nullable=False)
    allowed = ("by", "to", "default") if node.name == "lookup" else ("by",)
    options: dict[str, tree.Node] = {}
    for name, argument in node.named:
        if name not in allowed:
            scope.report("argument-unknown", argument.start, argument.end, name=node.name, argument=name, shape=shape)
        options[name] = argument
    by, to = _direction(table_node, options, scope)
    code = _codes(code_node, table_node.value, scope, compile_node)
    arguments = f"ctx, {table_node.value!r}, {code.text}, {by}, {to}"
    if node.name == "known":
        return Code(f"known({arguments})", BOOLEAN, nullable=False)
    if "default" in options:
        default = compile_node(options["default"], scope)
        return Code(f"lookup_or({arguments}, lambda: {default.text})", TEXT, default.nullable, default.missing)
    return Code(f"lookup({arguments})", TEXT, code.nullable, code.missing)


def _codes(node: tree.Node, table: str, scope: Scope, compile_node: Compile) -> Code:
    """The code, or the list of codes of a table with several key columns; all of them text."""
    known = scope.tables.get(table)
    width = len(known.key) if known is not None else 0
    if isinstance(node, tree.Listing):
        if known is not None and width != len(node.items):
            _report_width(node, table, known.key, len(node.items), scope)
        codes = [compile_node(member, scope) for member in node.items]
        for member, code in zip(node.items, codes, strict=True):
            _check_code(member, code, scope)
        missing = next((c.missing for c in codes if c.missing), "")
        return Code(f"({''.join(f'{c.text}, ' for c in codes)})", TEXT, any(c.nullable for c in codes), missing)
    if known is not None and width > 1:
        _report_width(node, table, known.key, 1, scope)
    code = compile_node(node, scope)
    _check_code(node, code, scope)
    return code


def _report_width(node: tree.Node, table: str, key: tuple[str, ...], got: int, scope: Scope) -> None:
    code = f"[{', '.join(key)}]" if len(key) > 1 else "code"
    fields = {"table": table, "wanted": max(len(key), 1), "got": got, "shape": f'lookup("{table}", {code})'}
    scope.report("lookup-key-count", node.start, node.end, **fields)


def _check_code(node: tree.Node, code: Code, scope: Scope) -> None:
    if kind_of(code.type) not in (None, "text"):
        scope.report("lookup-code-type", node.start, node.end, kind=str(code.type))


def _direction(table_node: tree.Literal, options: dict[str, tree.Node], scope: Scope) -> tuple[str, str]:
    """Return generated code for the columns read by and written to, checking that the table has them."""
    table = str(table_node.value)
    if table not in scope.tables:
        near = nearest(table, scope.tables)
        fields: dict[str, object] = {"table": table, "known": ", ".join(scope.tables) or "–"}
        if near is not None:
            fields["near"] = near
        scope.report("lookup-unknown", table_node.start, table_node.end, **fields)
        return "None", "None"
    inbound = scope.direction == "inbound"
    sides = {"by": None if inbound else "bus", "to": "bus" if inbound else None}
    made = {}
    for side, column in sides.items():
        option = options.get(side)
        if option is None:
            wanted = (column,) if column else scope.systems
            made[side] = repr(column) if column else "ctx.system"
            where: tree.Node = table_node
        elif isinstance(option, tree.Literal) and isinstance(option.value, str):
            wanted, made[side], where = (option.value,), repr(option.value), option
        else:
            scope.report("lookup-column-computed", option.start, option.end, side=side)
            continue
        for name in wanted:
            _check_column(table, name, where, scope)
            if side == "by" and name != "bus":
                scope.read_back.add((table, name))
    return made.get("by", "None"), made.get("to", "None")


def _check_column(table: str, column: str, node: tree.Node, scope: Scope) -> None:
    known = scope.tables[table]
    if known is None or column in known.columns:
        return
    fields = {"table": table, "column": column, "columns": ", ".join(known.columns)}
    near = nearest(column, known.columns)
    hint_code = "lookup-column-near" if near else ""
    scope.report("lookup-column", node.start, node.end, hint_code=hint_code, near=near, **fields)
