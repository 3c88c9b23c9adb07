"""A second meaning of the expression language, slow and plain: what compiled expressions are held against.

It walks the parts of an expression and shares nothing with the compiler but these parts and the table of
functions: its own null, its own comparisons, numbers as fractions with a count of decimal places.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bus.codecs.element import Element
from bus.errors import ExpressionError, UnmappedCode
from bus.expressions import tree
from bus.expressions.context import Context
from bus.functions import FUNCTIONS
from bus.types import ANY, ListOf

Names = Mapping[str, Any]
ROUNDS = 1_000_000
DIGITS = 1000
CHARACTERS = 8 * 1024 * 1024


class Fails(Exception):
    """The expression cannot be computed; carries the code of the sentence that says why."""

    @property
    def code(self) -> str:
        return str(self.args[0])


def evaluate(node: tree.Node, names: Names, context: Context) -> Any:
    """Return the value of an expression, or raise Fails."""
    return _Evaluation(context).value(node, names)


def holds(node: tree.Node, names: Names, context: Context) -> bool:
    """The same of a condition: null counts as false."""
    return _Evaluation(context).condition(node, names)


def word_for(value: Any) -> str:
    """What a value is, in the words of the language."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | Decimal):
        return "number"
    if isinstance(value, str | Element):
        return "text"
    if isinstance(value, datetime):
        return "datetime"
    if isinstance(value, date):
        return "date"
    return "list" if isinstance(value, list) else "mapping"


def plain(value: Any) -> Any:
    """An element as its text; several elements, or one that holds elements, have none."""
    if isinstance(value, Element):
        if value.children:
            raise Fails("element-is-group")
        return value.text
    if isinstance(value, list) and value and isinstance(value[0], Element):
        raise Fails("holds-several")
    return value


def exponent(number: int | Decimal) -> int:
    """The power of ten of the last digit."""
    return int(number.as_tuple().exponent) if isinstance(number, Decimal) else 0


def written(exact: Fraction, digits: int) -> Decimal:
    """A fraction with so many digits behind the point; it must not need more."""
    scaled = exact * 10**digits
    assert scaled.denominator == 1
    if abs(exact) >= Fraction(10) ** DIGITS or len(str(abs(scaled.numerator))) > 2 * DIGITS:
        raise Fails("number-too-large")
    text = str(abs(scaled.numerator)).rjust(digits + 1, "0")
    point = len(text) - digits
    sign = "-" if exact < 0 else ""
    return Decimal(f"{sign}{text[:point]}.{text[point:]}" if digits else f"{sign}{text}")


def quotient(left: int | Decimal, right: int | Decimal) -> Decimal:
    """The exact quotient where 28 digits are enough for it, else the nearest of 28 digits, halves away from zero."""
    exact = Fraction(left) / Fraction(right)
    ideal = max(0, exponent(right) - exponent(left))
    if not exact:
        return written(exact, ideal)
    power = 0  # of ten, of the first digit
    while abs(exact) >= Fraction(10) ** (power + 1):
        power += 1
    while abs(exact) < Fraction(10) ** power:
        power -= 1
    last = power - 27
    steps = abs(exact) / Fraction(10) ** last
    whole = int(steps + Fraction(1, 2))
    rounded = whole * Fraction(10) ** last * (1 if exact > 0 else -1)
    if rounded != exact:
        return written(rounded, max(0, -last) if whole < 10**28 else max(0, -last - 1))
    digits = ideal
    while (exact * 10**digits).denominator != 1:
        digits += 1
    return written(exact, digits)


class _Evaluation:
    """One evaluation, and how many rounds of loops it has left."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.rounds_left = ROUNDS

    def value(self, node: tree.Node, names: Names) -> Any:
        result: Any = getattr(self, f"_{type(node).__name__.lower()}")(node, names)
        return result

    def condition(self, node: tree.Node, names: Names) -> bool:
        value = self.value(node, names)
        if value is None or isinstance(value, bool):
            return value is True
        raise Fails("not-a-condition")

    def _literal(self, node: tree.Literal, _names: Names) -> Any:
        return node.value

    def _name(self, node: tree.Name, names: Names) -> Any:
        return names[node.name]

    def _attribute(self, node: tree.Attribute, names: Names) -> Any:
        return self.field(self.value(node.of, names), node.name, bracketed=not node.dotted)

    def field(self, value: Any, name: str, *, bracketed: bool = False) -> Any:
        if value is None:
            return None
        if isinstance(value, dict):
            return value.get(name)
        if isinstance(value, Element):
            if bracketed and name.startswith("@"):
                return value.attributes.get(name[1:])
            if bracketed and name == "#text":
                return value.text
            return value.children.get(name)
        if isinstance(value, list):
            raise Fails("holds-several")
        if word_for(value) == "mapping":  # the event
            return getattr(value, name)
        raise Fails("no-fields")

    def _item(self, node: tree.Item, names: Names) -> Any:
        if isinstance(node.of, tree.Table):
            return self.choice(node.of, plain(self.value(node.index, names)), names)
        of, index = self.value(node.of, names), plain(self.value(node.index, names))
        if of is None or index is None:
            return None
        if isinstance(index, str):
            return self.field(of, index, bracketed=True)
        if word_for(index) != "number":
            raise Fails("index-not-whole")
        among = [of] if isinstance(of, Element) else of
        if not isinstance(among, list | str):
            raise Fails("no-items")
        if index != int(index):
            raise Fails("index-not-whole")
        position = int(index)
        if position >= len(among) or position < -len(among):
            raise Fails("bad-index")
        return among[position]

    def choice(self, table: tree.Table, key: Any, names: Names) -> Any:
        """Only the value that is chosen is computed."""
        if key is None or not table.pairs:
            return None
        if word_for(key) not in [word_for(known.value) for known, _ in table.pairs]:
            raise Fails("compare-kinds")
        for known, value in table.pairs:
            if word_for(known.value) == word_for(key) and known.value == key:
                return self.value(value, names)
        return None

    def _slice(self, node: tree.Slice, names: Names) -> Any:
        of = self.value(node.of, names)
        low = self.value(node.low, names) if node.low is not None else 0
        high = self.value(node.high, names) if node.high is not None else "the end"
        of = plain(of) if isinstance(of, Element) else of
        low, high = plain(low), plain(high)
        if of is None or low is None or high is None:
            return None
        if not isinstance(of, str | list):
            raise Fails("no-items")
        first = self.whole(low)
        return of[first:] if node.high is None else of[first : self.whole(high)]

    def whole(self, value: Any) -> int:
        if word_for(value) != "number" or value != int(value):
            raise Fails("index-not-whole")
        return int(value)

    def _not(self, node: tree.Not, names: Names) -> bool:
        return not self.condition(node.value, names)

    def _negate(self, node: tree.Negate, names: Names) -> Any:
        value = plain(self.value(node.value, names))
        if value is None:
            return None
        if word_for(value) != "number":
            raise Fails("compute-kinds")
        return -value if isinstance(value, int) else written(-Fraction(value), max(0, -exponent(value)))

    def _logic(self, node: tree.Logic, names: Names) -> bool:
        decisive = node.word == "or"
        for part in node.parts:
            if self.condition(part, names) is decisive:
                return decisive
        return not decisive

    def _compare(self, node: tree.Compare, names: Names) -> bool:
        left_node, left = node.first, self.value(node.first, names)
        for sign, right_node in node.rest:
            right = self.value(right_node, names)
            if not self.pair(sign, left_node, left, right_node, right):
                return False
            left_node, left = right_node, right
        return True

    def pair(self, sign: str, left_node: tree.Node, left: Any, right_node: tree.Node, right: Any) -> bool:
        if sign == "in":
            return self.within(left, right)
        if sign == "not in":
            return left is not None and right is not None and not self.within(left, right)
        written_null = [
            other for node, other in ((left_node, right), (right_node, left))
            if isinstance(node, tree.Literal) and node.value is None
        ]
        if written_null:
            return (written_null[0] is None) == (sign == "==")
        left, right = plain(left), plain(right)
        if left is None or right is None:
            return False
        if sign in ("==", "!="):
            return self.same(left, right) == (sign == "==")
        self.check_same_kind(left, right)
        if word_for(left) == "boolean":
            raise Fails("no-order")
        less, greater = left < right, left > right
        return bool({"<": less, ">": greater, "<=": not greater, ">=": not less}[sign])

    def check_same_kind(self, left: Any, right: Any) -> None:
        if word_for(left) != word_for(right) or word_for(left) in ("list", "mapping"):
            raise Fails("compare-kinds")

    def same(self, left: Any, right: Any) -> bool:
        self.check_same_kind(left, right)
        return bool(left == right)

    def within(self, value: Any, collection: Any) -> bool:
        if value is None or collection is None:
            return False
        members = [collection] if isinstance(collection, Element) else collection
        if not isinstance(members, list | dict):
            raise Fails("in-what")
        for member in members:
            one, other = plain(value), plain(member)
            if one is not None and other is not None and self.same(one, other):
                return True
        return False

    def _arithmetic(self, node: tree.Arithmetic, names: Names) -> Any:
        left, right = self.value(node.left, names), self.value(node.right, names)
        return self.computed(node.sign, left, right)

    def computed(self, sign: str, left: Any, right: Any) -> Any:
        left, right = plain(left), plain(right)
        if left is None or right is None:
            return None
        if sign == "+" and isinstance(left, str) and isinstance(right, str):
            if len(left + right) > CHARACTERS:
                raise Fails("text-too-long")
            return left + right
        if word_for(left) != "number" or word_for(right) != "number":
            raise Fails("compute-kinds")
        a, b, digits = Fraction(left), Fraction(right), max(0, -exponent(left), -exponent(right))
        if sign in "/%" and not b:
            raise Fails("division-by-zero")
        if sign == "/":
            return quotient(left, right)
        if sign == "*":
            return written(a * b, max(0, -exponent(left) - exponent(right)))
        if sign == "%":
            return written(a - b * (a / b).__floor__(), digits)
        return written(a + b if sign == "+" else a - b, digits)

    def _choose(self, node: tree.Choose, names: Names) -> Any:
        return self.value(node.then if self.condition(node.condition, names) else node.other, names)

    def _listing(self, node: tree.Listing, names: Names) -> list[Any]:
        return [self.value(item, names) for item in node.items]

    def _table(self, node: tree.Table, names: Names) -> dict[Any, Any]:
        return {key.value: self.value(value, names) for key, value in node.pairs}

    def _comprehension(self, node: tree.Comprehension, names: Names) -> list[Any]:
        return list(self.elements(node, names))

    def elements(self, node: tree.Comprehension, names: Names, at: int = 0) -> Iterator[Any]:
        if at == len(node.loops):
            yield self.value(node.element, names)
            return
        loop = node.loops[at]
        for item in self.rounds(self.value(loop.over, names)):
            inner = {**names, loop.name: item}
            if all(self.condition(test, inner) for test in loop.conditions):
                yield from self.elements(node, inner, at + 1)

    def rounds(self, value: Any) -> list[Any]:
        if value is None:
            return []
        items = [value] if isinstance(value, Element) else value
        if not isinstance(items, list):
            raise Fails("loop-over")
        self.rounds_left -= len(items)
        if self.rounds_left < 0:
            raise Fails("too-many-rounds")
        return items

    def _aggregate(self, node: tree.Aggregate, names: Names) -> Any:
        if isinstance(node.over, tree.Comprehension):
            values = self.elements(node.over, names)
        elif isinstance(node.over, tree.Listing):
            values = iter(self._listing(node.over, names))
        else:
            values = iter(self.rounds(self.value(node.over, names)))
        if node.name in ("any", "all"):
            return self.decided(values, decisive=node.name == "any")
        return self.summed(values) if node.name == "sum" else self.extreme(values, largest=node.name == "max")

    def decided(self, values: Iterator[Any], *, decisive: bool) -> bool:
        for value in values:
            if value is not None and not isinstance(value, bool):
                raise Fails("not-a-condition")
            if (value is True) is decisive:
                return decisive
        return not decisive

    def summed(self, values: Iterator[Any]) -> Any:
        result: Any = 0
        for value in values:
            if value is not None:
                result = self.computed("+", result, value)
        return result

    def extreme(self, values: Iterator[Any], *, largest: bool) -> Any:
        best = None
        for one in values:
            value = plain(one)
            if value is None:
                continue
            if word_for(value) in ("boolean", "list", "mapping"):
                raise Fails("no-order")
            if best is not None:
                self.check_same_kind(value, best)
            if best is None or (value > best if largest else value < best):
                best = value
        return best

    def _template(self, node: tree.Template, names: Names) -> str | None:
        values = [part if isinstance(part, str) else self.value(part, names) for part in node.parts]
        texts = []
        for one in values:
            value = plain(one)
            if value is None:
                return None
            texts.append(self.function("text", [value], {}))
        if sum(map(len, texts)) > CHARACTERS:
            raise Fails("text-too-long")
        return "".join(texts)

    def _call(self, node: tree.Call, names: Names) -> Any:
        if node.name in ("lookup", "known"):
            return self.looked_up(node, names)
        if node.name == "default":
            first = self.value(node.arguments[0], names)
            return first if self.function("has", [first], {}) else self.value(node.arguments[1], names)
        parameters = FUNCTIONS[node.name].parameters
        arguments = []
        for at, argument in enumerate(node.arguments):
            value, wanted = self.value(argument, names), parameters[min(at, len(parameters) - 1)].type
            takes = wanted if isinstance(wanted, tuple) else (wanted,)
            arguments.append(value if any(t == ANY or isinstance(t, ListOf) for t in takes) else plain(value))
        named = {name: plain(self.value(argument, names)) for name, argument in node.named}
        if not FUNCTIONS[node.name].takes_null and (None in map(_or_some, arguments) or None in named.values()):
            return None
        return self.function(node.name, arguments, named)

    def function(self, name: str, arguments: list[Any], named: Mapping[str, Any]) -> Any:
        function = FUNCTIONS[name]
        given = {
            "zone": self.context.zone, "encoding": self.context.encoding, "numbers": self.context.numbers,
            "field": self.field,
        }
        try:
            return function.call(*(given[need] for need in function.needs), *arguments, **named)
        except ExpressionError as error:
            raise Fails(error.code) from error

    def looked_up(self, node: tree.Call, names: Names) -> Any:
        """Row by row, in the direction of a route unless the call says otherwise."""
        (table_node, code_node), options = node.arguments, dict(node.named)
        assert isinstance(table_node, tree.Literal)
        table = self.context.tables[str(table_node.value)]
        parts = code_node.items if isinstance(code_node, tree.Listing) else (code_node,)
        codes = [self.code(value) for value in [self.value(part, names) for part in parts]]
        column = {side: self._column(options.get(side)) for side in ("by", "to")}
        by, to = column["by"] or "bus", column["to"] or self.context.system
        found = self.row(table, table.key or (by,), codes, to) if all(codes) else None
        if node.name == "known":
            return found is not None
        if found is None and "default" in options:
            return self.value(options["default"], names)
        if found is None and all(codes):
            raise Fails(UnmappedCode("", (), "", "").code)
        return found

    def code(self, value: Any) -> str:
        """A code is a text; "" when there is none."""
        value = plain(value)
        if value is not None and not isinstance(value, str):
            raise Fails("lookup-code-kind")
        return "" if value is None or not value.strip() else value

    def _column(self, option: tree.Node | None) -> str:
        return str(option.value) if isinstance(option, tree.Literal) else ""

    def row(self, table: Any, columns: tuple[str, ...], codes: list[str], to: str) -> str | None:
        cells = zip(*(table.cells[column] for column in columns), table.cells[to], strict=True)
        return next((answer for *known, answer in cells if known == codes and answer), None)


def _or_some(value: Any) -> Any:
    """Something that compares with None, whatever the value is."""
    return None if value is None else True
