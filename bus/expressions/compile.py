"""Checks an expression against the types in reach and turns it into Python, part by part.

One function per part, in a table. Each returns generated text with its type, so that what the schema
knows needs no check at run time, and what it contradicts is found at load.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bus.expressions import tree
from bus.expressions.calls import compile_call
from bus.expressions.compare import Operand, compare, report_kinds
from bus.expressions.leaves import of_expression, of_leaf
from bus.expressions.parse import parse
from bus.expressions.paths import path_of, shown_present, written
from bus.expressions.scan import RESERVED, Problem
from bus.expressions.scope import Code, Scope, kind_of, literal_type, local, unify
from bus.nearest import nearest
from bus.types import ANY, BOOLEAN, DECIMAL, INTEGER, NULL, TEXT, ListOf, Record, Type

__all__ = ["check_cover", "compile_condition", "compile_source", "loop_element", "path_of", "shown_present"]

_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}
# What computes with something that is no number: sign and kind → function.
_COMPUTED_BY = {
    ("+", "date"): "add_days", ("+", "datetime"): "add_days",
    ("-", "date"): "days_between", ("-", "datetime"): "days_between",
}
_AGGREGATES = {"sum": "total", "any": "any_true", "all": "all_true", "min": "smallest", "max": "largest"}
_AGGREGATED = {"sum": "number", "any": "boolean", "all": "boolean"}
_ORDERED = ("number", "text", "date", "datetime")


def compile_source(source: str, scope: Scope) -> Code:
    """Return generated code for an expression; its faults are reported to the scope."""
    parsed = parse(source)
    if isinstance(parsed, tuple):
        scope.problems.extend(of_leaf(source, parsed, scope))
        return Code("None", ANY, nullable=False)
    before = len(scope.problems)
    code = compile_node(parsed, scope)
    scope.problems[before:] = of_leaf(source, scope.problems[before:], scope)
    return code


def compile_condition(source: str, scope: Scope) -> Code:
    """Return generated code that yields True or False, never null."""
    parsed = parse(source)
    if isinstance(parsed, tuple):
        scope.problems.extend(of_expression(source, parsed, scope))
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
    code = scope.names.get(node.name)
    return code if code is not None else _unknown_name(node, scope, node.name)


def _unknown_name(node: tree.Name, scope: Scope, text: str) -> Code:
    """Report a name that is not in reach; `text` is what should be in quotes, if it was meant as one."""
    records = {name: code.type.fields for name, code in scope.names.items() if isinstance(code.type, Record)}
    owner = next((name for name in reversed(records) if node.name in records[name] and name != "event"), None)
    if owner is not None:  # of the innermost loop, or of data
        scope.report("name-is-field", node.start, node.end, word=node.name, owner=owner)
    elif (near := nearest(node.name, scope.names)) is not None:
        scope.report("name-unknown-near", node.start, node.end, word=node.name, near=near, text=text)
    else:
        scope.report("name-unknown", node.start, node.end, word=node.name, text=text)
    return Code("None", ANY, nullable=False)


def _attribute(node: tree.Attribute, scope: Scope) -> Code:
    root = node.of
    while isinstance(root, tree.Attribute):
        root = root.of
    if isinstance(root, tree.Name) and root.name not in scope.names:
        return _unknown_name(root, scope, path_of(node))
    of = compile_node(node.of, scope)
    if isinstance(of.type, Record):
        return _record_field(node, of, scope)
    if isinstance(of.type, ListOf):
        scope.report("list-has-no-field", node.start, node.end, path=path_of(node.of), name=node.name)
    elif of.type not in (ANY, NULL):
        path, kind = path_of(node.of), str(of.type)
        scope.report("value-has-no-field", node.start, node.end, path=path, kind=kind, name=node.name)
    if node.name[:1] in "@#" and not node.dotted:
        return Code(f"item({of.text}, {node.name!r})")
    return Code(f"field({of.text}, {node.name!r})")


def _record_field(node: tree.Attribute, of: Code, scope: Scope) -> Code:
    assert isinstance(of.type, Record)  # noqa: S101 - for the type checker; the caller looked
    known = of.type.fields.get(node.name)
    if known is None:
        near = nearest(node.name, of.type.fields)
        path = f"{path_of(node.of)}.{node.name}"
        fields: dict[str, object] = {"path": path, "type": scope.event_type or "…"}
        if of.text == "event" and node.name == "data":
            fields["near"] = "data"
        elif near is not None:
            fields["near"] = f"{path_of(node.of)}.{near}"
        scope.problems.append(Problem("unknown-field", node.start, node.end, fields))
        return Code("None", ANY, nullable=False)
    if of.text == "event":
        return Code(f"event.{node.name}", known.type, nullable=False)
    names = (*(of.path or (of.text,)), node.name)
    if known.required and not of.nullable:
        return Code(f"{of.text}[{node.name!r}]", known.type, nullable=False, path=names)
    path = path_of(node)
    missing = "" if path in scope.present else of.missing or path
    text = f"({of.text} or EMPTY).get({node.name!r})" if of.nullable else f"{of.text}.get({node.name!r})"
    return Code(text, known.type, path not in scope.present, missing, path=names)


def _item(node: tree.Item, scope: Scope) -> Code:
    index = compile_node(node.index, scope)
    if isinstance(node.of, tree.Table):
        return _choice(node.of, node.index, index, scope)
    of = compile_node(node.of, scope)
    kind = kind_of(of.type)
    if kind not in (None, "list", "text", "mapping"):
        scope.report("value-has-no-items", node.start, node.end, kind=str(of.type))
    wanted = "text" if kind == "mapping" else "number"
    if kind_of(index.type) not in (None, wanted) and not (kind is None and index.type == TEXT):
        scope.report("index-kind", node.index.start, node.index.end, kind=str(index.type), wanted=wanted)
    inner = of.type.item if isinstance(of.type, ListOf) else TEXT if of.type == TEXT else ANY
    nullable = of.nullable or index.nullable or inner == ANY
    return Code(f"item({of.text}, {index.text})", inner, nullable, of.missing or index.missing)


def _choice(table: tree.Table, index_node: tree.Node, index: Code, scope: Scope) -> Code:
    """`{"ZP": "good"}[code]`: what is there for the code, null where nothing is."""
    _check_keys(table, scope)
    kinds = [kind_of(literal_type(key.value)) for key, _ in table.pairs]
    if kinds and kind_of(index.type) not in (None, *kinds):
        key = table.pairs[0][0]
        report_kinds(index_node, index, key, Code("", literal_type(key.value)), scope)
    if all(isinstance(value, tree.Literal) for _, value in table.pairs):
        held = {key.value: value.value for key, value in table.pairs if isinstance(value, tree.Literal)}
        type_: Type = NULL
        for value in held.values():
            type_ = unify(type_, literal_type(value))
        name = scope.constant(held)
        known = index.type == TEXT and set(kinds) == {"text"}
        return Code(f"{name}.get({index.text})" if known else f"choice({name}, {index.text})", type_)
    codes = [compile_node(value, scope) for _, value in table.pairs]
    type_ = NULL
    for code in codes:
        type_ = unify(type_, code.type)
    pairs = zip(table.pairs, codes, strict=True)
    made = ", ".join(f"{scope.constant(key.value)}: lambda: {code.text}" for (key, _), code in pairs)
    return Code(f"choice_made({{{made}}}, {index.text})", type_)


def _check_keys(table: tree.Table, scope: Scope) -> None:
    seen: set[Any] = set()
    for key, _ in table.pairs:
        if key.value in seen:
            scope.report("table-key-twice", key.start, key.end, key=key.value)
        seen.add(key.value)


def _slice(node: tree.Slice, scope: Scope) -> Code:
    of = compile_node(node.of, scope)
    if kind_of(of.type) not in (None, "list", "text"):
        scope.report("value-has-no-items", node.start, node.end, kind=str(of.type))
    texts, nullable, missing = [], of.nullable, of.missing
    for end, open_end in ((node.low, "0"), (node.high, "END")):
        if end is None:
            texts.append(open_end)
            continue
        code = compile_node(end, scope)
        if kind_of(code.type) not in (None, "number"):
            scope.report("index-kind", end.start, end.end, kind=str(code.type), wanted="number")
        nullable, missing = nullable or code.nullable, missing or code.missing
        texts.append(code.text)
    return Code(f"part({of.text}, {', '.join(texts)})", of.type, nullable, missing)


def _not(node: tree.Not, scope: Scope) -> Code:
    return Code(f"(not {condition(node.value, scope).text})", BOOLEAN, nullable=False)


def _negate(node: tree.Negate, scope: Scope) -> Code:
    value = compile_node(node.value, scope)
    _check_number("-", node, value, scope)
    return Code(f"negate({value.text})", INTEGER if value.type == INTEGER else DECIMAL, value.nullable, value.missing)


def _check_number(sign: str, node: tree.Node, code: Code, scope: Scope) -> None:
    kind = kind_of(code.type)
    if kind not in (None, "number"):
        function = _COMPUTED_BY.get((sign, kind), "decimal")
        scope.report("compute-with", node.start, node.end, sign=sign, kind=str(code.type), function=function)


def _logic(node: tree.Logic, scope: Scope) -> Code:
    """Parts are computed from the left, and none after the one that decides."""
    texts = []
    for part in node.parts:
        texts.append(condition(part, scope).text)
        scope = scope.knowing(shown_present(part, holds=node.word == "and"))
    return Code(f"({f' {node.word} '.join(texts)})", BOOLEAN, nullable=False)


def _compare(node: tree.Compare, scope: Scope) -> Code:
    before = len(scope.problems)
    parts, signs = (node.first, *(part for _, part in node.rest)), ("", *(sign for sign, _ in node.rest))
    operands = [_operand(part, scope) for part in parts]

    def compared(part: tree.Node | None, field: str) -> str:
        texts = (field if other is part else written(other) for other in parts)
        return " ".join(word for pair in zip(signs, texts, strict=True) for word in pair if word)

    _advise_loop("any", parts, compared, before, scope)
    return Code(compare([sign for sign, _ in node.rest], operands, scope), BOOLEAN, nullable=False)


def _advise_loop(
    function: str, parts: Sequence[tree.Node], shape: Callable[[tree.Node | None, str], str], before: int, scope: Scope
) -> None:
    """Say of each field of a list, `data.lines.qty`, found since then how the loop over the list is written.

    Args:
        shape: what is computed in each round, given the part that is the field, or None, and the field's path.
    """
    loop = next((name for name in ("line", "row", "one") if name not in scope.names), "x")
    for at, problem in enumerate(scope.problems[before:], before):
        if problem.code == "list-has-no-field" and not problem.hint_code:
            part = next((part for part in parts if (part.start, part.end) == (problem.start, problem.end)), None)
            each = shape(part, f"{loop}.{problem.fields['name']}")
            write = f"{function}({each} for {loop} in {problem.fields['path']})"
            fields = {**problem.fields, "write": write}
            scope.problems[at] = problem._replace(fields=fields, hint_code="hint-list-loop")


def _operand(node: tree.Node, scope: Scope) -> Operand:
    if not isinstance(node, tree.Listing):
        return Operand(node, compile_node(node, scope))
    members = tuple(compile_node(member, scope) for member in node.items)
    return Operand(node, _list_of(members), members)


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
        _check_number(node.sign, part, code, scope)
    return Code(text, ANY if node.sign == "+" and None in kinds else DECIMAL, nullable, missing)


def _choose(node: tree.Choose, scope: Scope) -> Code:
    test = condition(node.condition, scope)
    then = compile_node(node.then, scope.knowing(shown_present(node.condition)))
    other = compile_node(node.other, scope.knowing(shown_present(node.condition, holds=False)))
    return Code(
        f"({then.text} if {test.text} else {other.text})",
        unify(then.type, other.type), then.nullable or other.nullable, then.missing or other.missing,
    )


def _listing(node: tree.Listing, scope: Scope) -> Code:
    return _list_of(tuple(compile_node(member, scope) for member in node.items))


def _list_of(members: tuple[Code, ...]) -> Code:
    inner: Type = NULL
    for member in members:
        inner = unify(inner, member.type)
    nullable = any(member.nullable for member in members)
    text = f"[{', '.join(member.text for member in members)}]"
    return Code(text, _list_type(inner, nullable=nullable), nullable=False)


def _list_type(item: Type, *, nullable: bool) -> Type:
    """Items of a known type are never null; where one may be, nothing is known of them."""
    return ListOf(ANY if nullable or item == NULL else item)


def _table(node: tree.Table, scope: Scope) -> Code:
    """A table as a value is a mapping, so its keys are texts."""
    _check_keys(node, scope)
    pairs = []
    for key, value in node.pairs:
        if not isinstance(key.value, str):
            scope.report("table-key-text", key.start, key.end)
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
        return Code("", over.type.item, nullable=over.type.item == ANY)
    if over.type not in (ANY, NULL):
        scope.report("loop-needs-list", node.start, node.end, kind=str(over.type))
    return Code("", ANY, nullable=True)


def check_cover(name: str, start: int, end: int, scope: Scope) -> None:
    """Report a loop variable or `let` that covers a name in reach, or a word of the language."""
    if name in RESERVED:
        scope.report("name-reserved", start, end, word=name)
    elif name in scope.names:
        scope.report("name-covered", start, end, word=name)


def _comprehension(node: tree.Comprehension, scope: Scope) -> Code:
    loops, element = _loops(node, scope)
    return Code(f"[{element.text} {loops}]", _list_type(element.type, nullable=element.nullable), nullable=False)


def _aggregate(node: tree.Aggregate, scope: Scope) -> Code:
    parts: list[tuple[tree.Node, Code]]
    before = len(scope.problems)
    if isinstance(node.over, tree.Comprehension):
        loops, element = _loops(node.over, scope)
        values = f"{element.text} {loops}"
        parts = [(node.over.element, element)]
    elif isinstance(node.over, tree.Listing):
        parts = [(member, compile_node(member, scope)) for member in node.over.items]
        values = f"[{', '.join(code.text for _, code in parts)}]"
    else:
        over = compile_node(node.over, scope)
        if any(problem.code == "list-has-no-field" for problem in scope.problems[before:]):
            over = Code(over.text)  # what it is follows from that
        values = f"rounds({over.text}, budget)"
        parts = [(node.over, loop_element(over, scope, node.over))]
    _advise_loop(node.name, (node.over,), lambda part, field: field if part else f"{field} …", before, scope)
    _check_aggregated(node.name, parts, scope)
    inner: Type = NULL
    for _, code in parts:
        inner = unify(inner, code.type)
    type_: Type = {"sum": DECIMAL, "any": BOOLEAN, "all": BOOLEAN}.get(node.name, inner)
    return Code(f"{_AGGREGATES[node.name]}({values})", type_, nullable=node.name in ("min", "max"))


def _check_aggregated(name: str, parts: list[tuple[tree.Node, Code]], scope: Scope) -> None:
    """Sums are of numbers; the smallest and the largest of what has an order, all of one kind."""
    kinds = [kind_of(code.type) for _, code in parts]
    wanted = _AGGREGATED.get(name) or next((kind for kind in kinds if kind in _ORDERED), "number")
    write = f'{name}(… == "…" for …)' if wanted == "boolean" else f"{name}(decimal(…) for …)"
    for (part, code), kind in zip(parts, kinds, strict=True):
        if kind not in (None, wanted):
            shown = str(code.type)
            scope.report("aggregate-of", part.start, part.end, name=name, kind=shown, wanted=wanted, write=write)


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
    return Code(f"template({', '.join(('ctx.zone', *texts))})", TEXT, nullable, missing)


def _call(node: tree.Call, scope: Scope) -> Code:
    return compile_call(node, scope, compile_node)


_COMPILERS: dict[type[tree.Node], Callable[[Any, Scope], Code]] = {
    tree.Literal: _literal, tree.Name: _name, tree.Attribute: _attribute, tree.Item: _item, tree.Slice: _slice,
    tree.Not: _not, tree.Negate: _negate, tree.Logic: _logic, tree.Compare: _compare,
    tree.Arithmetic: _arithmetic, tree.Choose: _choose, tree.Listing: _listing, tree.Table: _table,
    tree.Comprehension: _comprehension, tree.Aggregate: _aggregate, tree.Template: _template, tree.Call: _call,
}
