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
from bus.expressions.meant import method_call
from bus.expressions.scan import CONSTANTS, OPERATORS, RESERVED, Problem, Scanned, brace_end, scan
from bus.expressions.tree import AGGREGATES

MAX_DEPTH = 60  # parts within parts; keeps recursion and generated brackets within Python's own bounds
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_REFUSED: dict[type[ast.expr], str] = {ast.Starred: "*", ast.DictComp: "{… for …}"}
_LISTS = (ast.Tuple, ast.Set, ast.GeneratorExp, ast.SetComp)  # of SQL and Python, where [ ] is meant


class _Refused(Exception):
    """A jump out of the recursion, which never leaves this file."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems


@lru_cache(maxsize=20_000)
def parse(source: str) -> tree.Node | tuple[Problem, ...]:
    """Return the parts of an expression, or every problem with how it is written.

    >>> parse("data.qty > 5").first.name
    'qty'
    >>> parse("data.qty = 5")[0].code
    'wrong-sign'
    """
    try:
        return _read(source, 0, None, 0)
    except _Refused as refused:
        return refused.problems
    except (RecursionError, MemoryError):
        return (Problem("nested-too-deep", 0, 1, {"limit": MAX_DEPTH}),)


def _read(source: str, start: int, end: int | None, depth: int) -> tree.Node:
    """Read a part of the source: all of it, or what stands in the braces of an f-string."""
    scanned = scan(source, start, end)
    if scanned.problems:
        raise _Refused(*scanned.problems)
    body = scanned.masked.lstrip()
    lead = start + len(scanned.masked) - len(body)
    try:
        parsed = ast.parse(body, mode="eval")
    except SyntaxError as error:
        raise _Refused(_syntax_problem(source[:end], lead, error)) from None
    return _Reader(source, scanned, lead).read(parsed.body, depth)


def _syntax_problem(source: str, lead: int, error: SyntaxError) -> Problem:
    end = len(source.rstrip())
    at = min(lead + max(error.offset or 1, 1) - 1, end - 1)
    if "expected 'else'" in error.msg:
        return Problem("else-missing", at, end)
    if source[end - 1] in "+-*/%<>=,.(" or source.rsplit(None, 1)[-1] in OPERATORS:
        return Problem("expression-unfinished", end - 1, end)
    word = (source[at:].split() or [source[at:]])[0]
    return Problem("expression-unreadable", at, at + len(word), {"word": word[:40]})


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
        if isinstance(node, _LISTS):
            raise self.refuse("list-in-brackets", node)
        if reader is None:
            raise self.refuse("not-in-language", node, what=_REFUSED.get(type(node), type(node).__name__.lower()))
        return reader(self, node, depth + 1)

    def constant(self, node: ast.Constant, _depth: int) -> tree.Node:
        start, end = self.span(node)
        text = self.source[start:end]
        if node.value is ...:
            raise self.refuse("not-in-language", node, what=text)
        if text[0] in "\"'":
            return tree.Literal(start, end, unescape(text[1:-1]))
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
            ends = (self.read(part, depth) if part is not None else None for part in (low, high))
            return tree.Slice(start, end, of, *ends)
        index = self.read(node.slice, depth)
        if isinstance(index, tree.Literal) and isinstance(index.value, str) and not isinstance(of, tree.Table):
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
            if isinstance(value, tree.Literal) and type(value.value) is int:
                return tree.Literal(*self.span(node), -value.value)
            if isinstance(value, tree.Literal) and type(value.value) is Decimal:  # `-` would round to 28 digits
                return tree.Literal(*self.span(node), value.value.copy_negate())
            return tree.Negate(*self.span(node), value)
        raise self.refuse("plus-alone", node)

    def arithmetic(self, node: ast.BinOp, depth: int) -> tree.Node:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        return tree.Arithmetic(*self.span(node), _ARITHMETIC[type(node.op)], left, right)

    def compare(self, node: ast.Compare, depth: int) -> tree.Node:
        pairs = list(zip(node.ops, node.comparators, strict=True))
        for op, value in pairs:
            if isinstance(op, ast.Is | ast.IsNot):
                start, end = self.span(value)
                hint_code = "" if CONSTANTS.get(self.source[start:end], "") is None else "hint-is-equals"
                fields = {"write": "==" if isinstance(op, ast.Is) else "!="}
                raise _Refused(Problem("is-not-equals", *self.span(node), fields, hint_code=hint_code))
        rest = tuple((_COMPARISONS[type(op)], self.read(value, depth)) for op, value in pairs)
        return tree.Compare(*self.span(node), self.read(node.left, depth), rest)

    def choose(self, node: ast.IfExp, depth: int) -> tree.Node:
        parts = (self.read(part, depth) for part in (node.test, node.body, node.orelse))
        return tree.Choose(*self.span(node), *parts)

    def listing(self, node: ast.List, depth: int) -> tree.Node:
        return tree.Listing(*self.span(node), tuple(self.read(item, depth) for item in node.elts))

    def table(self, node: ast.Dict, depth: int) -> tree.Node:
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            assert key is not None  # noqa: S101 - for the type checker; `**` was refused as a sign
            read_key = self.read(key, depth)
            if not isinstance(read_key, tree.Literal) or read_key.value is None:
                raise self.refuse("table-key", key)
            pairs.append((read_key, self.read(value, depth)))
        return tree.Table(*self.span(node), tuple(pairs))

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp, depth: int) -> tree.Node:
        if len(node.generators) > 2:
            raise self.refuse("too-many-loops", node)
        loops = []
        for loop in node.generators:
            if not isinstance(loop.target, ast.Name):
                raise self.refuse("loop-name", loop.target)
            start, end = self.span(loop.target)
            if self.source[start:end] in RESERVED or start in self.templates:
                raise self.refuse("loop-name", loop.target)
            over = self.read(loop.iter, depth)
            conditions = tuple(self.read(test, depth) for test in loop.ifs)
            loops.append(tree.Loop(start, end, self.source[start:end], over, conditions))
        return tree.Comprehension(*self.span(node), self.read(node.elt, depth), tuple(loops))

    def call(self, node: ast.Call, depth: int) -> tree.Node:
        if not isinstance(node.func, ast.Name):
            if isinstance(node.func, ast.Attribute):
                raise self._method(node, node.func)
            raise self.refuse("not-in-language", node, what="(…)(…)")
        start, end = self.span(node.func)
        name = self.source[start:end]
        if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            if name not in AGGREGATES:
                raise self.refuse("generator-argument", node.args[0], name=name)
            return tree.Aggregate(*self.span(node), name, self.comprehension(node.args[0], depth))
        named = []
        for keyword in node.keywords:
            assert keyword.arg is not None  # noqa: S101 - for the type checker; `**` was refused as a sign
            at = keyword.col_offset + self.lead
            named.append((self.source[at : at + len(keyword.arg)], self.read(keyword.value, depth)))
        arguments = tuple(self.read(argument, depth) for argument in node.args)
        if name in AGGREGATES and arguments:
            over = arguments[0] if len(arguments) == 1 else tree.Listing(*self.span(node), arguments)
            return tree.Aggregate(*self.span(node), name, over)
        return tree.Call(*self.span(node), name, arguments, tuple(named))

    def _method(self, node: ast.Call, function: ast.Attribute) -> _Refused:
        """`data.code.trim()`; or a field with brackets in its name, `row.金额(元)`."""
        _, end = self.span(function)
        start = end - len(function.attr)
        name = self.source[start:end]
        of = self.span(function.value)
        if name.isascii():
            arguments = [self.source[slice(*self.span(argument))] for argument in node.args]
            write = method_call(self.source[slice(*of)], name, arguments)
            hint_code = "" if write else "hint-method-unknown"
            return _Refused(Problem("method-call", start, end, {"name": name, "write": write}, hint_code=hint_code))
        _, end = self.span(node)
        name = self.source[start:end]
        write = f'{self.source[slice(*of)]}["{name}"]'
        return _Refused(Problem("field-quoted", of[0], end, {"name": name, "write": write}))

    def template(self, start: int, end: int, depth: int) -> tree.Node:
        """Read an f-string: its texts, and what stands in its braces."""
        parts: list[str | tree.Node] = []
        text, position, last = "", start + 2, end - 1
        while position < last:
            sign = self.source[position]
            if sign in "{}" and self.source[position + 1] == sign and position + 1 < last:
                text, position = text + sign, position + 2
            elif sign == "{":
                closing = brace_end(self.source, position, last)
                assert closing is not None  # noqa: S101 - for the type checker; the scanner found it
                parts += [unescape(text), _read(self.source, position + 1, closing, depth)]
                text, position = "", closing + 1
            elif sign == "}":
                raise _Refused(Problem("bracket-extra", position, position + 1, {"sign": "}"}))
            else:
                width = 2 if sign == "\\" else 1
                text, position = text + self.source[position : position + width], position + width
        return tree.Template(start, end, (*parts, unescape(text)))


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
