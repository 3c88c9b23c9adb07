"""Turns the text of an expression into its parts, by way of Python's own `ast`.

`ast` gives the grammar for nothing; what the language does not have is refused here, part by part,
with its column and with what to write instead.
"""

import ast
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from bus.expressions import tree
from bus.expressions.scan import MAX_LENGTH, OPERATORS, Problem, Scanned, scan

MAX_DEPTH = 60  # parts within parts; keeps recursion and generated brackets within Python's own bounds
AGGREGATES = frozenset(("sum", "any", "all", "min", "max"))
CONSTANTS = {"null": None, "true": True, "false": False}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_REFUSED = {
    ast.Lambda: "lambda", ast.Await: "await", ast.Starred: "*", ast.Set: "{…}", ast.DictComp: "{… for …}",
    ast.SetComp: "{… for …}", ast.NamedExpr: ":=", ast.Tuple: ",", ast.Yield: "yield", ast.YieldFrom: "yield",
    ast.GeneratorExp: "(… for …)",
}


class _Refused(Exception):  # noqa: N818 - never leaves this file; a jump out of the recursion, not an error class
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@lru_cache(maxsize=20_000)
def parse(source: str) -> tree.Node | tuple[Problem, ...]:
    """Return the parts of an expression, or every problem with how it is written.

    >>> parse("data.qty > 5").first.name
    'qty'
    >>> parse("data.qty = 5")[0].code
    'wrong-sign'
    """
    scanned = scan(source)
    if scanned.problems:
        return scanned.problems
    try:
        parsed = ast.parse(scanned.masked.lstrip(), mode="eval")
        lead = len(scanned.masked) - len(scanned.masked.lstrip())
        return _Reader(source, scanned, lead).read(parsed.body, 0)
    except _Refused as refused:
        return (refused.problem,)
    except SyntaxError as error:
        return (_syntax_problem(source, scanned, error),)
    except (RecursionError, MemoryError):
        return (Problem("nested-too-deep", 0, 1, {"limit": MAX_DEPTH}),)


def _syntax_problem(source: str, scanned: Scanned, error: SyntaxError) -> Problem:
    lead = len(scanned.masked) - len(scanned.masked.lstrip())
    at = min(max((error.offset or 1) - 1 + lead, 0), max(len(source) - 1, 0))
    rest = source[at:].split()
    end = len(source.rstrip())
    if not rest or source[end - 1] in "+-*/%<>=,.(" or source.split()[-1] in OPERATORS:
        return Problem("expression-unfinished", end - 1, end)
    return Problem("expression-unreadable", at, at + len(rest[0]), {"word": rest[0][:40]})


class _Reader:
    """Reads `ast` nodes of one expression; positions come true because the mask kept them."""

    def __init__(self, source: str, scanned: Scanned, lead: int) -> None:
        self.source, self.templates, self.lead = source, scanned.templates, lead

    def span(self, node: Any) -> tuple[int, int]:
        return node.col_offset + self.lead, node.end_col_offset + self.lead

    def refuse(self, code: str, node: Any, **fields: object) -> _Refused:
        return _Refused(Problem(code, *self.span(node), fields))

    def read(self, node: ast.expr, depth: int) -> tree.Node:
        if depth > MAX_DEPTH:
            raise self.refuse("nested-too-deep", node, limit=MAX_DEPTH)
        reader = _READERS.get(type(node))
        if reader is None:
            what = _REFUSED.get(type(node), type(node).__name__.lower())
            raise self.refuse("not-in-language", node, what=what)
        return reader(self, node, depth + 1)

    def constant(self, node: ast.Constant, _depth: int) -> tree.Node:
        start, end = self.span(node)
        text = self.source[start:end]
        if text[0] in "\"'":
            return tree.Literal(start, end, unescape(text[1:-1]))
        if not text[0].isdigit() and text[0] != ".":  # Python's own True, False, None
            return tree.Literal(start, end, node.value)  # type: ignore[arg-type]  # one of the three
        return tree.Literal(start, end, Decimal(text) if "." in text else int(text))

    def name(self, node: ast.Name, depth: int) -> tree.Node:
        start, end = self.span(node)
        if start in self.templates:
            return self.template(start, end, depth)
        word = self.source[start:end]
        if word in CONSTANTS:
            return tree.Literal(start, end, CONSTANTS[word])
        return tree.Name(start, end, word)

    def attribute(self, node: ast.Attribute, depth: int) -> tree.Node:
        start, end = self.span(node)
        of = self.read(node.value, depth)
        width = len(node.attr)
        return tree.Attribute(start, end, of, self.source[end - width : end], end - width)

    def subscript(self, node: ast.Subscript, depth: int) -> tree.Node:
        start, end = self.span(node)
        of = self.read(node.value, depth)
        if isinstance(node.slice, ast.Slice):
            if node.slice.step is not None:
                raise self.refuse("slice-step", node.slice.step)
            low, high = node.slice.lower, node.slice.upper
            return tree.Slice(
                start, end, of, low and self.read(low, depth), high and self.read(high, depth)
            )
        index = self.read(node.slice, depth)
        if isinstance(index, tree.Literal) and isinstance(index.value, str):
            return tree.Attribute(start, end, of, index.value, index.start, dotted=False)
        return tree.Item(start, end, of, index)

    def boolean(self, node: ast.BoolOp, depth: int) -> tree.Node:
        parts = tuple(self.read(value, depth) for value in node.values)
        return tree.Logic(*self.span(node), "and" if isinstance(node.op, ast.And) else "or", parts)

    def unary(self, node: ast.UnaryOp, depth: int) -> tree.Node:
        value = self.read(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return tree.Not(*self.span(node), value)
        if isinstance(node.op, ast.USub):
            if isinstance(value, tree.Literal) and isinstance(value.value, int | Decimal):
                return tree.Literal(*self.span(node), -value.value)
            return tree.Negate(*self.span(node), value)
        raise self.refuse("not-in-language", node, what="+")

    def arithmetic(self, node: ast.BinOp, depth: int) -> tree.Node:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        return tree.Arithmetic(*self.span(node), _ARITHMETIC[type(node.op)], left, right)

    def compare(self, node: ast.Compare, depth: int) -> tree.Node:
        rest = []
        for op, value in zip(node.ops, node.comparators, strict=True):
            if type(op) not in _COMPARISONS:
                raise self.refuse("is-not-equals", node)
            rest.append((_COMPARISONS[type(op)], self.read(value, depth)))
        return tree.Compare(*self.span(node), self.read(node.left, depth), tuple(rest))

    def choose(self, node: ast.IfExp, depth: int) -> tree.Node:
        parts = (self.read(part, depth) for part in (node.test, node.body, node.orelse))
        return tree.Choose(*self.span(node), *parts)

    def listing(self, node: ast.List, depth: int) -> tree.Node:
        return tree.Listing(*self.span(node), tuple(self.read(item, depth) for item in node.elts))

    def table(self, node: ast.Dict, depth: int) -> tree.Node:
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise self.refuse("not-in-language", node, what="**")
            read_key = self.read(key, depth)
            if not isinstance(read_key, tree.Literal):
                raise self.refuse("table-key", key)
            pairs.append((read_key, self.read(value, depth)))
        return tree.Table(*self.span(node), tuple(pairs))

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp, depth: int) -> tree.Node:
        if len(node.generators) > 2:
            raise self.refuse("too-many-loops", node)
        loops = []
        for loop in node.generators:
            if not isinstance(loop.target, ast.Name) or loop.is_async:
                raise self.refuse("loop-name", loop.target)
            start, end = self.span(loop.target)
            over = self.read(loop.iter, depth)
            conditions = tuple(self.read(test, depth) for test in loop.ifs)
            loops.append(tree.Loop(start, end, self.source[start:end], over, conditions))
        return tree.Comprehension(*self.span(node), self.read(node.elt, depth), tuple(loops))

    def call(self, node: ast.Call, depth: int) -> tree.Node:
        if not isinstance(node.func, ast.Name):
            if isinstance(node.func, ast.Attribute):
                start, end = self.span(node.func)
                name = self.source[end - len(node.func.attr) : end]
                raise _Refused(Problem("method-call", end - len(name), end, {"name": name}))
            raise self.refuse("not-in-language", node, what="(…)(…)")
        start, end = self.span(node.func)
        name = self.source[start:end]
        if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            if name not in AGGREGATES:
                raise self.refuse("generator-argument", node.args[0], name=name)
            return tree.Aggregate(*self.span(node), name, self.comprehension(node.args[0], depth))
        named = []
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.refuse("not-in-language", keyword.value, what="**")
            at = keyword.col_offset + self.lead
            named.append((self.source[at : at + len(keyword.arg)], self.read(keyword.value, depth)))
        arguments = tuple(self.read(argument, depth) for argument in node.args)
        if name in AGGREGATES and arguments and not named:
            over = arguments[0] if len(arguments) == 1 else tree.Listing(*self.span(node), arguments)
            return tree.Aggregate(*self.span(node), name, over)
        return tree.Call(*self.span(node), name, arguments, tuple(named))

    def template(self, start: int, end: int, depth: int) -> tree.Node:
        parts: list[str | tree.Node] = []
        text, position, last = "", start + 2, end - 1
        while position < last:
            sign = self.source[position]
            if sign in "{}" and self.source[position + 1] == sign and position + 1 < last:
                text, position = text + sign, position + 2
            elif sign == "{":
                closing = self._closing(position, last)
                parts += [unescape(text), self._inner(position + 1, closing, depth)]
                text, position = "", closing + 1
            elif sign == "}":
                raise _Refused(Problem("bracket-extra", position, position + 1, {"sign": "}"}))
            elif sign == "\\":
                text, position = text + self.source[position : position + 2], position + 2
            else:
                text, position = text + sign, position + 1
        return tree.Template(start, end, (*parts, unescape(text)))

    def _closing(self, opening: int, last: int) -> int:
        depth, quote = 0, ""
        for position in range(opening, last):
            sign = self.source[position]
            if quote:
                quote = "" if sign == quote else quote
            elif sign in "\"'":
                quote = sign
            elif sign in "{[(":
                depth += 1
            elif sign in "}])":
                depth -= 1
                if depth == 0:
                    return position
            elif depth == 1 and (sign == ":" or (sign == "!" and self.source[position + 1] != "=")):
                raise _Refused(Problem("template-format", position, position + 1))
        raise _Refused(Problem("bracket-open", opening, opening + 1, {"sign": "{"}))

    def _inner(self, start: int, end: int, depth: int) -> tree.Node:
        """Read the expression in the braces; blanks before it keep its columns those of the whole."""
        if end - start > MAX_LENGTH or depth > MAX_DEPTH or not self.source[start:end].strip():
            raise _Refused(Problem("expression-empty", start, end + 1))
        scanned = scan(" " * start + self.source[start:end])
        if scanned.problems:
            raise _Refused(scanned.problems[0])
        body = scanned.masked.lstrip()
        try:
            parsed = ast.parse(body, mode="eval")
        except SyntaxError as error:
            raise _Refused(_syntax_problem(self.source[:end], scanned, error)) from error
        return _Reader(self.source[:end], scanned, len(scanned.masked) - len(body)).read(parsed.body, depth)


_READERS: dict[type[ast.expr], Callable[[_Reader, Any, int], tree.Node]] = {
    ast.Constant: _Reader.constant, ast.Name: _Reader.name, ast.Attribute: _Reader.attribute,
    ast.Subscript: _Reader.subscript, ast.BoolOp: _Reader.boolean, ast.UnaryOp: _Reader.unary,
    ast.BinOp: _Reader.arithmetic, ast.Compare: _Reader.compare, ast.IfExp: _Reader.choose,
    ast.List: _Reader.listing, ast.Dict: _Reader.table, ast.ListComp: _Reader.comprehension,
    ast.Call: _Reader.call,
}


def unescape(text: str) -> str:
    r"""Return what a text means between its quotes; a backslash before other signs stays, for patterns.

    >>> unescape(r"\d+\n")
    '\\d+\n'
    """
    if "\\" not in text:
        return text
    made, position = [], 0
    while position < len(text):
        sign = text[position]
        following = text[position + 1 : position + 2]
        if sign == "\\" and following in _ESCAPES and following:
            made.append(_ESCAPES[following])
            position += 2
        elif sign == "\\" and following == "u" and _is_hex(text[position + 2 : position + 6]):
            made.append(chr(int(text[position + 2 : position + 6], 16)))
            position += 6
        else:
            made.append(sign)
            position += 1
    return "".join(made)


def _is_hex(digits: str) -> bool:
    return len(digits) == 4 and all(digit in "0123456789abcdefABCDEF" for digit in digits)
