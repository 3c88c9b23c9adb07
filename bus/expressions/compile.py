"""Checks an expression against the types in reach and turns it into Python, part by part.

One function per part, in a table. Each returns generated text with its type, so that what the schema
knows needs no check at run time, and what it contradicts is found at load.
"""

from collections.abc import Callable
from typing import Any

from bus.expressions import tree
from bus.expressions.calls import compile_call
from bus.expressions.parse import parse
from bus.expressions.scope import Code, Scope, kind_of, literal_type, local, unify
from bus.nearest import nearest
from bus.types import ANY, BOOLEAN, DECIMAL, NULL, TEXT, ListOf, Record, Type

_COMPARE = {
    "==": "equal", "!=": "unequal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}
_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}


def compile_source(source: str, scope: Scope) -> Code:
    """Return generated code for an expression; its faults are reported to the scope."""
    parsed = parse(source)
    if isinstance(parsed, tuple):
        scope.problems.extend(parsed)
        return Code("None", ANY, nullable=False)
    return compile_node(parsed, scope)


def compile_condition(source: str, scope: Scope) -> Code:
    """Return generated code that yields True or False, never null."""
    parsed = parse(source)
    if isinstance(parsed, tuple):
        scope.problems.extend(parsed)
        return Code("False", BOOLEAN, nullable=False)
    return condition(parsed, scope)


def compile_node(node: tree.Node, scope: Scope) -> Code:
    """Return generated code for one part."""
    return _COMPILERS[type(node)](node, scope)


def condition(node: tree.Node, scope: Scope) -> Code:
    """The same where true or false is needed: null counts as false."""
    code = compile_node(node, scope)
    if code.type == BOOLEAN:
        return code if not code.nullable else Code(f"({code.text} is True)", BOOLEAN, nullable=False)
    if code.type != ANY:
        scope.report("condition-needed", node.start, node.end, kind=str(code.type))
    return Code(f"truth({code.text})", BOOLEAN, nullable=False)


def _literal(node: tree.Literal, scope: Scope) -> Code:
    return Code(scope.constant(node.value), literal_type(node.value), nullable=node.value is None)


def _name(node: tree.Name, scope: Scope) -> Code:
    if (code := scope.names.get(node.name)) is not None:
        return code
    data = scope.names.get("data")
    fields = data.type.fields if data and isinstance(data.type, Record) else {}
    if node.name in fields:
        scope.report("name-is-field", node.start, node.end, word=node.name)
    elif (near := nearest(node.name, scope.names)) is not None:
        scope.report("name-unknown-near", node.start, node.end, word=node.name, near=near)
    else:
        scope.report("name-unknown", node.start, node.end, word=node.name)
    return Code("None", ANY, nullable=False)


def _attribute(node: tree.Attribute, scope: Scope) -> Code:
    of = compile_node(node.of, scope)
    if isinstance(of.type, Record):
        return _record_field(node, of, scope)
    if isinstance(of.type, ListOf):
        scope.report("list-has-no-field", node.start, node.end, path=path_of(node.of), name=node.name)
    elif of.type not in (ANY, NULL):
        scope.report("value-has-no-field", node.start, node.end, path=path_of(node.of), kind=str(of.type), name=node.name)
    if node.name[:1] in "@#" and not node.dotted:
        return Code(f"item({of.text}, {node.name!r})", ANY if node.name[0] == "@" else TEXT)
    return Code(f"field({of.text}, {node.name!r})")


def _record_field(node: tree.Attribute, of: Code, scope: Scope) -> Code:
    assert isinstance(of.type, Record)  # noqa: S101 - for the type checker; the caller looked
    known = of.type.fields.get(node.name)
    if known is None:
        near = nearest(node.name, of.type.fields)
        path = f"{path_of(node.of)}.{node.name}"
        fields: dict[str, object] = {"path": path, "type": scope.event_type or "…"}
        if near is not None:
            fields["near"] = f"{path_of(node.of)}.{near}"
        scope.report("unknown-field", node.start, node.end, **fields)
        return Code("None", ANY, nullable=False)
    if of.text == "event":
        return Code(f"event.{node.name}", known.type, nullable=False)
    if known.required and not of.nullable:
        return Code(f"{of.text}[{node.name!r}]", known.type, nullable=False)
    path = path_of(node)
    missing = "" if path in scope.present else of.missing or path
    text = f"({of.text} or EMPTY).get({node.name!r})" if of.nullable else f"{of.text}.get({node.name!r})"
    return Code(text, known.type, path not in scope.present, missing)


def shown_present(node: tree.Node) -> frozenset[str]:
    """The paths that surely hold a value where this condition is true: null compares false."""
    if isinstance(node, tree.Logic) and node.word == "and":
        return frozenset().union(*map(shown_present, node.parts))
    if isinstance(node, tree.Compare):
        sign, right = node.rest[0]
        if isinstance(right, tree.Literal) and right.value is None and sign != "!=":
            return frozenset()
        parts = (node.first, *(part for _, part in node.rest))
        return frozenset(path_of(part) for part in parts if isinstance(part, tree.Attribute))
    if isinstance(node, tree.Call) and node.name in ("has", "known", "match", "starts", "ends", "contains"):
        return frozenset(path_of(part) for part in node.arguments if isinstance(part, tree.Attribute))
    return frozenset([path_of(node)]) if isinstance(node, tree.Attribute) else frozenset()


def path_of(node: tree.Node) -> str:
    """The path as a person writes it: `data.lines[0].qty`; `…` for what is computed."""
    if isinstance(node, tree.Name):
        return node.name
    if isinstance(node, tree.Attribute):
        return f"{path_of(node.of)}.{node.name}" if node.dotted else f'{path_of(node.of)}["{node.name}"]'
    if isinstance(node, tree.Item) and isinstance(node.index, tree.Literal):
        return f"{path_of(node.of)}[{node.index.value}]"
    return "…"


def _item(node: tree.Item, scope: Scope) -> Code:
    of, index = compile_node(node.of, scope), compile_node(node.index, scope)
    if isinstance(node.of, tree.Table):
        values: Type = NULL
        for _, value in node.of.pairs:
            values = unify(values, compile_node(value, scope).type)
        return Code(f"item({of.text}, {index.text})", values)
    if kind_of(of.type) not in (None, "list", "text") and not isinstance(of.type, Record):
        scope.report("value-has-no-items", node.start, node.end, kind=str(of.type))
    inner = of.type.item if isinstance(of.type, ListOf) else TEXT if of.type == TEXT else ANY
    nullable = of.nullable or index.nullable or inner == ANY
    return Code(f"item({of.text}, {index.text})", inner, nullable, of.missing or index.missing)


def _slice(node: tree.Slice, scope: Scope) -> Code:
    of = compile_node(node.of, scope)
    low, high = (compile_node(end, scope).text if end else "None" for end in (node.low, node.high))
    if kind_of(of.type) not in (None, "list", "text"):
        scope.report("value-has-no-items", node.start, node.end, kind=str(of.type))
    return Code(f"part({of.text}, {low}, {high})", of.type, of.nullable, of.missing)


def _not(node: tree.Not, scope: Scope) -> Code:
    return Code(f"(not {condition(node.value, scope).text})", BOOLEAN, nullable=False)


def _negate(node: tree.Negate, scope: Scope) -> Code:
    value = compile_node(node.value, scope)
    if kind_of(value.type) not in (None, "number"):
        scope.report("compute-with", node.start, node.end, sign="-", kind=str(value.type), **_advice(value.type))
    return Code(f"negate({value.text})", DECIMAL, value.nullable, value.missing)


def _logic(node: tree.Logic, scope: Scope) -> Code:
    parts = [condition(part, scope).text for part in node.parts]
    return Code(f"({f' {node.word} '.join(parts)})", BOOLEAN, nullable=False)


def _compare(node: tree.Compare, scope: Scope) -> Code:
    left_node, left = node.first, compile_node(node.first, scope)
    made = []
    for sign, right_node in node.rest:
        right = compile_node(right_node, scope)
        made.append(_pair(sign, left_node, left, right_node, right, scope))
        left_node, left = right_node, right
    text = made[0] if len(made) == 1 else f"({' and '.join(made)})"
    return Code(text, BOOLEAN, nullable=False)


def _pair(sign: str, left_node: tree.Node, left: Code, right_node: tree.Node, right: Code, scope: Scope) -> str:
    if sign in ("in", "not in"):
        return _membership(sign, left_node, left, right_node, right, scope)
    for side, other in ((left_node, right), (right_node, left)):
        if isinstance(side, tree.Literal) and side.value is None:
            if sign not in ("==", "!="):
                scope.report("null-ordered", side.start, side.end, sign=sign)
            return f"({other.text} {'is' if sign == '==' else 'is not'} None)"
    kinds = kind_of(left.type), kind_of(right.type)
    if None not in kinds:
        if kinds[0] != kinds[1] or kinds[0] in ("list", "mapping"):
            _report_kinds(left_node, left, right_node, right, scope)
        elif not (left.nullable or right.nullable) and (sign in ("==", "!=") or kinds[0] != "boolean"):
            return f"({left.text} {sign} {right.text})"
        elif sign == "==" and not (left.nullable and right.nullable):
            return f"({left.text} == {right.text})"
    return f"{_COMPARE[sign]}({left.text}, {right.text})"


def _membership(
    sign: str, left_node: tree.Node, left: Code, right_node: tree.Node, right: Code, scope: Scope
) -> str:
    if isinstance(right_node, tree.Listing):
        kinds = {kind_of(compile_node(member, scope).type) for member in right_node.items}
        for member in right_node.items:
            code = compile_node(member, scope)
            if None not in (kind_of(left.type), kind_of(code.type)) and kind_of(left.type) != kind_of(code.type):
                _report_kinds(left_node, left, member, code, scope)
        values = [member.value for member in right_node.items if isinstance(member, tree.Literal)]
        if len(values) == len(right_node.items) and kinds == {"text"} and left.type == TEXT:
            constant = scope.constant(frozenset(values))
            if sign == "in" or not left.nullable:  # null is in no set of texts
                return f"({left.text} {sign} {constant})"
    elif kind_of(right.type) not in (None, "list", "mapping"):
        scope.report("in-needs-list", right_node.start, right_node.end, kind=str(right.type))
    return f"{'within' if sign == 'in' else 'not_within'}({left.text}, {right.text})"


def _report_kinds(left_node: tree.Node, left: Code, right_node: tree.Node, right: Code, scope: Scope) -> None:
    """A literal of the wrong kind is where the mend is; else the right side."""
    literal_left = isinstance(left_node, tree.Literal)
    node = left_node if literal_left else right_node
    fields: dict[str, object] = {"left": str(left.type), "right": str(right.type)}
    kinds = {kind_of(left.type), kind_of(right.type)}
    if isinstance(node, tree.Literal) and kinds == {"text", "number"}:
        fields["write"] = str(node.value) if isinstance(node.value, str) else f'"{node.value}"'
    code = "compare-types"
    if kinds & {"date", "datetime"} and "text" in kinds:
        code = "compare-date-text"
        fields["text"] = node.value if isinstance(node, tree.Literal) else "…"
    elif "list" in kinds or "mapping" in kinds:
        code = "compare-list"
    scope.report(code, node.start, node.end, **fields)


def _advice(type_: Type) -> dict[str, object]:
    return {"function": {"text": "decimal", "date": "days_between", "datetime": "days_between"}.get(kind_of(type_) or "", "decimal")}


def _as_text(node: tree.Node, code: Code) -> str:
    """How to write the value as text."""
    if isinstance(node, tree.Literal):
        return f'"{node.value}"'
    if kind_of(code.type) in ("date", "datetime"):
        return f'date({path_of(node)}, "yyyy-MM-dd")'
    return f'join({path_of(node)}, ",")' if kind_of(code.type) == "list" else f"text({path_of(node)})"


def _is_one_name(node: tree.Arithmetic, scope: Scope) -> bool:
    """`document.order-no`, which the grammar takes for a difference."""
    left, right = node.left, node.right
    if not isinstance(left, tree.Attribute) or not isinstance(right, tree.Name) or right.name in scope.names:
        return False
    if node.sign not in "-/" or not left.dotted or right.start != left.end + 1:
        return False
    name = f"{left.name}{node.sign}{right.name}"
    scope.report("field-quoted", left.start, right.end, name=name, write=f'{path_of(left.of)}["{name}"]')
    return True


def _arithmetic(node: tree.Arithmetic, scope: Scope) -> Code:
    if _is_one_name(node, scope):
        return Code("None", ANY, nullable=False)
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    kinds = kind_of(left.type), kind_of(right.type)
    nullable, missing = left.nullable or right.nullable, left.missing or right.missing
    text = f"{_ARITHMETIC[node.sign]}({left.text}, {right.text})"
    joins = node.sign == "+" and "text" in kinds
    if joins:
        for part, code in ((node.left, left), (node.right, right)):
            if kind_of(code.type) not in (None, "text"):
                scope.report("join-kinds", part.start, part.end, kind=str(code.type), write=_as_text(part, code))
        return Code(text, TEXT, nullable, missing)
    for part, code in ((node.left, left), (node.right, right)):
        if kind_of(code.type) not in (None, "number"):
            scope.report("compute-with", part.start, part.end, sign=node.sign, kind=str(code.type), **_advice(code.type))
    return Code(text, ANY if node.sign == "+" and None in kinds else DECIMAL, nullable, missing)


def _choose(node: tree.Choose, scope: Scope) -> Code:
    test = condition(node.condition, scope)
    then = compile_node(node.then, scope.knowing(shown_present(node.condition)))
    other = compile_node(node.other, scope)
    return Code(
        f"({then.text} if {test.text} else {other.text})",
        unify(then.type, other.type), then.nullable or other.nullable, then.missing or other.missing,
    )


def _listing(node: tree.Listing, scope: Scope) -> Code:
    inner: Type = NULL
    texts = []
    for member in node.items:
        code = compile_node(member, scope)
        inner = unify(inner, code.type)
        texts.append(code.text)
    return Code(f"[{', '.join(texts)}]", ListOf(ANY if inner == NULL else inner), nullable=False)


def _table(node: tree.Table, scope: Scope) -> Code:
    seen: set[Any] = set()
    pairs = []
    for key, value in node.pairs:
        if key.value in seen:
            scope.report("table-key-twice", key.start, key.end, key=key.value)
        seen.add(key.value)
        pairs.append(f"{scope.constant(key.value)}: {compile_node(value, scope).text}")
    return Code(f"{{{', '.join(pairs)}}}", ANY, nullable=False)


def _loops(node: tree.Comprehension, scope: Scope) -> tuple[str, Code]:
    """Return the `for … if …` part and the element, compiled where the loop names hold."""
    made = []
    for loop in node.loops:
        over = compile_node(loop.over, scope)
        element = loop_element(over, scope, loop.over)
        check_cover(loop.name, loop.start, loop.end, scope)
        scope = scope.with_names(**{loop.name: Code(local(loop.name), element.type, element.nullable)})
        tests = "".join(f" if {condition(test, scope).text}" for test in loop.conditions)
        made.append(f"for {local(loop.name)} in rounds({over.text}, budget){tests}")
    return " ".join(made), compile_node(node.element, scope)


def loop_element(over: Code, scope: Scope, node: tree.Node) -> Code:
    """What a loop over this value names in each round."""
    if isinstance(over.type, ListOf):
        return Code("", over.type.item, nullable=False)
    if over.type not in (ANY, NULL):
        scope.report("loop-needs-list", node.start, node.end, kind=str(over.type))
    return Code("", ANY, nullable=True)


def check_cover(name: str, start: int, end: int, scope: Scope) -> None:
    """A loop variable or `let` that covers a name in reach, or looks like a constant or a function."""
    if name in scope.names:
        scope.report("name-covered", start, end, word=name)


def _comprehension(node: tree.Comprehension, scope: Scope) -> Code:
    loops, element = _loops(node, scope)
    return Code(f"[{element.text} {loops}]", ListOf(element.type), nullable=False)


_AGGREGATES = {"sum": "total", "any": "any_true", "all": "all_true", "min": "smallest", "max": "largest"}


def _aggregate(node: tree.Aggregate, scope: Scope) -> Code:
    if isinstance(node.over, tree.Comprehension):
        loops, element = _loops(node.over, scope)
        values = f"{element.text} {loops}"
        where: tree.Node = node.over.element
    else:
        over = compile_node(node.over, scope)
        element = loop_element(over, scope, node.over)
        values = f"rounds({over.text}, budget)"
        where = node.over
    wanted = {"sum": "number", "any": "boolean", "all": "boolean"}.get(node.name)
    if wanted and kind_of(element.type) not in (None, wanted):
        write = f"{node.name}(decimal(…) for …)" if wanted == "number" else f'{node.name}(… == "…" for …)'
        scope.report("aggregate-of", where.start, where.end, name=node.name, kind=str(element.type), wanted=wanted, write=write)
    type_: Type = {"sum": DECIMAL, "any": BOOLEAN, "all": BOOLEAN}.get(node.name, element.type)
    return Code(f"{_AGGREGATES[node.name]}({values})", type_, nullable=node.name in ("min", "max"))


def _template(node: tree.Template, scope: Scope) -> Code:
    texts, nullable, missing = [], False, ""
    for part in node.parts:
        if isinstance(part, str):
            if part:
                texts.append(repr(part))
            continue
        code = compile_node(part, scope)
        if kind_of(code.type) in ("list", "mapping"):
            scope.report("text-of-list", part.start, part.end, kind=str(code.type))
        nullable, missing = nullable or code.nullable, missing or code.missing
        texts.append(code.text)
    return Code(f"template({', '.join(texts)})", TEXT, nullable, missing)


def _call(node: tree.Call, scope: Scope) -> Code:
    return compile_call(node, scope, compile_node)


_COMPILERS: dict[type[tree.Node], Callable[[Any, Scope], Code]] = {
    tree.Literal: _literal, tree.Name: _name, tree.Attribute: _attribute, tree.Item: _item, tree.Slice: _slice,
    tree.Not: _not, tree.Negate: _negate, tree.Logic: _logic, tree.Compare: _compare,
    tree.Arithmetic: _arithmetic, tree.Choose: _choose, tree.Listing: _listing, tree.Table: _table,
    tree.Comprehension: _comprehension, tree.Aggregate: _aggregate, tree.Template: _template, tree.Call: _call,
}
