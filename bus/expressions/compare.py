"""Comparisons: what the types in reach contradict is found, what they prove is compared directly."""

from dataclasses import replace
from typing import NamedTuple

from bus.expressions import tree
from bus.expressions.meant import date_call
from bus.expressions.paths import is_null, written
from bus.expressions.scan import Problem
from bus.expressions.scope import Code, Scope, kind_of
from bus.functions import check_date
from bus.types import TEXT, ListOf, Record

_COMPARE = {
    "==": "equal", "!=": "unequal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
    "in": "within", "not in": "not_within",
}


class Operand(NamedTuple):
    """One side of a comparison; `members` of a written-out list."""

    node: tree.Node
    code: Code
    members: tuple[Code, ...] = ()


def compare(signs: list[str], operands: list[Operand], scope: Scope) -> str:
    """Return generated code for `a < b`, or for `a < b <= c`, where b is computed once."""
    first, *rest = operands
    if len(signs) == 1:
        return _pair(signs[0], first, rest[0], scope)
    if all(_is_plain(operand.node) for operand in operands[1:-1]):
        pairs = zip(signs, operands, rest, strict=False)
        return f"({' and '.join(_pair(sign, left, right, scope) for sign, left, right in pairs)})"
    return _chain(signs, operands, 0, scope)


def _chain(signs: list[str], operands: list[Operand], at: int, scope: Scope) -> str:
    """Bind the sides that are needed twice to names; a later side is computed only when the earlier pair holds."""
    begin = 0 if at == 0 else at + 1
    names = [f"m{n}" for n in range(begin, at + 2)]
    given = ", ".join(operand.code.text for operand in operands[begin : at + 2])
    left, right = (operands[n]._replace(code=replace(operands[n].code, text=f"m{n}")) for n in (at, at + 1))
    text = _pair(signs[at], left, right, scope)
    if at + 2 == len(signs):
        last = operands[-1]
        text += f" and {_pair(signs[-1], right, last, scope)}"
    else:
        text += f" and {_chain(signs, operands, at + 1, scope)}"
    return f"(lambda {', '.join(names)}: {text})({given})"


def _is_plain(node: tree.Node) -> bool:
    """Whether computing it twice costs next to nothing."""
    while isinstance(node, tree.Attribute):
        node = node.of
    return isinstance(node, tree.Name | tree.Literal)


def _pair(sign: str, left: Operand, right: Operand, scope: Scope) -> str:
    if sign in ("in", "not in"):
        return _membership(sign, left, right, scope)
    for side, other in ((left, right), (right, left)):
        if is_null(side.node):
            return _with_null(sign, side.node, other, scope)
    kinds = kind_of(left.code.type), kind_of(right.code.type)
    if None not in kinds:
        if kinds[0] != kinds[1] or kinds[0] in ("list", "mapping"):
            report_kinds(left.node, left.code, right.node, right.code, scope)
        elif kinds[0] == "boolean" and sign not in ("==", "!="):
            scope.report("boolean-ordered", right.node.start, right.node.end, sign=sign)
        elif not (left.code.nullable or right.code.nullable):
            return f"({left.code.text} {sign} {right.code.text})"
        elif sign == "==" and not (left.code.nullable and right.code.nullable):
            return f"({left.code.text} == {right.code.text})"
    return f"{_COMPARE[sign]}({left.code.text}, {right.code.text})"


def _with_null(sign: str, null: tree.Node, other: Operand, scope: Scope) -> str:
    if sign not in ("==", "!="):
        scope.report("null-ordered", null.start, null.end, sign=sign)
    text = other.code.text
    if isinstance(other.node, tree.Literal):  # Python warns of `5 is None`
        return f"is_null({text})" if sign == "==" else f"(not is_null({text}))"
    return f"({text} {'is' if sign == '==' else 'is not'} None)"


def _membership(sign: str, left: Operand, right: Operand, scope: Scope) -> str:
    if isinstance(right.node, tree.Listing):
        for member, code in zip(right.node.items, right.members, strict=True):
            _check_member(left, member, code, scope)
        values = [member.value for member in right.node.items if isinstance(member, tree.Literal)]
        texts = frozenset(value for value in values if isinstance(value, str))
        are_texts = left.code.type == TEXT and len(values) == len(right.members) and len(texts) == len(set(values))
        if are_texts and (sign == "in" or not left.code.nullable):  # null is in no set, but `not in` is false for it
            return f"({left.code.text} {sign} {scope.constant(texts)})"
    elif isinstance(right.code.type, ListOf):
        _check_member(left, right.node, replace(right.code, type=right.code.type.item), scope)
    elif isinstance(right.code.type, Record):
        _check_member(left, right.node, replace(right.code, type=TEXT), scope)  # its names are texts
    elif kind_of(right.code.type) is not None:
        scope.report("in-needs-list", right.node.start, right.node.end, kind=str(right.code.type))
    return f"{_COMPARE[sign]}({left.code.text}, {right.code.text})"


def _check_member(left: Operand, node: tree.Node, member: Code, scope: Scope) -> None:
    kinds = kind_of(left.code.type), kind_of(member.type)
    if None not in kinds and (kinds[0] != kinds[1] or kinds[0] in ("list", "mapping")):
        report_kinds(left.node, left.code, node, member, scope)


def report_kinds(left_node: tree.Node, left: Code, right_node: tree.Node, right: Code, scope: Scope) -> None:
    """Report two values that never compare; a literal of the wrong kind is where the mend is, else the right side."""
    node = left_node if isinstance(left_node, tree.Literal) else right_node
    fields: dict[str, object] = {"left": str(left.type), "right": str(right.type)}
    kinds = {kind_of(left.type), kind_of(right.type)}
    if isinstance(node, tree.Literal) and kinds == {"text", "number"}:
        fields["write"] = str(node.value) if isinstance(node.value, str) else f'"{node.value}"'
    code = "compare-types"
    if kinds & {"date", "datetime"} and "text" in kinds:
        code = "compare-date-text"
        fields["write"] = _as_date(left_node if kind_of(left.type) == "text" else right_node)
    elif "list" in kinds or "mapping" in kinds:
        code = "compare-list"
    scope.problems.append(Problem(code, node.start, node.end, fields))


def _as_date(node: tree.Node) -> str:
    """How to read a text as a date: a written-out one by the pattern it is written in."""
    text = node.value if isinstance(node, tree.Literal) else None
    if not isinstance(text, str):
        return f"parse_date({written(node)})"
    if check_date(text) is None:
        return f'parse_date("{text}")'
    return date_call(text) or f'parse_date("{text}", "…")'
