"""What generated mappings do with the values they place: empty ones fail, others become tree or XML text."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from bus.codecs import xml_writer
from bus.codecs.element import Element
from bus.codecs.element import plain as tree_of
from bus.codecs.scalars import text_of
from bus.errors import DocumentError, ExpressionError
from bus.expressions.context import Context, codes
from bus.expressions.operators import MAX_ROUNDS, kind, plain
from bus.functions.lists import is_empty
from bus.lookups import Code

# What XML text may not hold as it is: markup, control characters, and CR, which readers turn into LF.
special = re.compile("[&<>\"\r\n\t\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]").search
_CONTROL = re.compile("[\x00-\x1f\x7f]").search
MAX_DOCUMENT = 64 * 1024 * 1024  # characters; eight times what a source takes by default
_CONTAINERS = frozenset((Element, list, dict))
PASS_ON = object()  # stands for a body that leaves byte for byte as it came


def is_hollow(value: Any) -> bool:
    """A mapping that was left out, or holds nothing but lists without a single round; an attribute is no list."""
    return value is None or all(type(part) is list and not part and name[0] not in "@#" for name, part in value.items())


def tree(value: Any, budget: list[int]) -> Any:
    """A value as the plain tree a format is written from: elements become texts, mappings or lists.

    `budget` is what may still be made: a list of lists of the same list needs no loop to grow.
    """
    if type(value) not in _CONTAINERS:
        return value
    _spend(value, budget)
    return tree_of(value)


def _spend(value: Any, budget: list[int]) -> None:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        held = value if type(value) is list else (value if type(value) is dict else value.children).values()
        budget[0] -= len(held) + 1
        if budget[0] < 0:
            raise ExpressionError("too-many-rounds", limit=MAX_ROUNDS)
        waiting += [part for part in held if type(part) in _CONTAINERS]


def single(value: Any) -> Any:
    """A single value, an element as its text; a list or a mapping is a failure."""
    value = plain(value)
    if type(value) in (list, dict):
        raise ExpressionError("not-one-value", kind=kind(value))
    return value


def singles(value: Any, budget: list[int]) -> Any:
    """A list of single values; one element is a list of itself, and nothing when it is empty."""
    if type(value) is Element:
        text = single(value)
        return None if is_empty(text) else [text]
    if type(value) is not list:
        return value
    budget[0] -= len(value)
    return [single(member) for member in value]


def trees(value: Any, budget: list[int]) -> Any:
    """A list of trees; one element is a list of itself."""
    return tree([value] if type(value) is Element else value, budget)


def weighed(made: Any, limit: int = MAX_DOCUMENT) -> Any:
    """What was made, unless its texts together are too much to be meant: a long one in each of many rounds."""
    left, waiting = limit, [made]
    while waiting:
        value = waiting.pop()
        if type(value) is str:
            left -= len(value)
        elif type(value) in (list, tuple):
            waiting += value
        elif type(value) is dict:
            waiting += value.values()
        if left < 0:
            raise ExpressionError("document-grows", limit=limit)
    return made


def grows() -> NoReturn:
    """Refuse a document whose pieces together are more than `weighed` allows."""
    raise ExpressionError("document-grows", limit=MAX_DOCUMENT)


def empty() -> NoReturn:
    """Refuse a value that must not be empty."""
    raise ExpressionError("mapped-empty")


def need(value: Any) -> Any:
    """A value that must not be empty: null, "" or only blanks."""
    if value is None or (type(value) is str and (not value or value.isspace())):
        empty()
    return value


def need_text(value: Any) -> Any:
    """`need` for what is known to be text or null."""
    if not value or value.isspace():
        empty()
    return value


def need_rounds(made: list[Any]) -> None:
    """Refuse a list that came out empty."""
    if not made:
        raise ExpressionError("rounds-empty")


def need_line(value: Any) -> Any:
    """`need_text` for what goes into a header: a line break there would begin another header."""
    if (found := _CONTROL(need_text(value))) is not None:
        raise ExpressionError("control-character", character=f"U+{ord(found.group()):04X}")
    return value


def default_of(value: Any, otherwise: Callable[[], Any]) -> Any:
    """`default(value, otherwise)`: the second is computed only when the first is empty."""
    return otherwise() if is_empty(value) else value


def xml_text(value: Any) -> str:
    """The text of an element, escaped; empty fails."""
    if type(value) is not str:
        value = text_of(need(single(value)), "")
    elif not value or value.isspace():
        empty()
    return escaped(value) if special(value) else value


def xml_codes(ctx: Context, table: str, by: str, to: str) -> Mapping[Code, str]:
    """`codes` with those answers only that XML takes as they are."""
    kept = ctx.kept.get((table, by, to))
    if kept is None:
        column = codes(ctx, table, by, to)
        plain_ones = {code: answer for code, answer in column.items() if not special(answer)}
        kept = ctx.kept[table, by, to] = column if len(plain_ones) == len(column) else plain_ones
    return kept


def xml_number(value: Any) -> str:
    """`xml_text` for what is known to be a number or null."""
    if value is None:
        empty()
    text = str(value)
    return f"{value:f}" if "E" in text else text  # to format each would take three times as long


def escaped(text: str) -> str:
    """Text with markup escaped; a character XML 1.0 cannot hold is a failure that names it."""
    return xml_writer.escape_text(_checked(text))


def _checked(text: str) -> str:
    try:
        return xml_writer.check_characters(text, "")
    except DocumentError as error:
        raise ExpressionError("character-not-in-xml", character=error.fields["character"]) from None


def xml_attribute(value: Any) -> str:
    """The text of an attribute, escaped; empty fails."""
    return xml_writer.escape_attribute(_checked(text_of(need(single(value)), "")))


def xml_optional_attribute(name: str, value: Any) -> str:
    """` name="…"`, or "" when the value is empty."""
    return "" if is_empty(value) else f' {name}="{xml_attribute(value)}"'


def xml_optional(name: str, value: Any, budget: list[int]) -> str:
    """`<name>…</name>`, once for each value of a list, or "" when empty."""
    if type(value) is str:
        return f"<{name}>{xml_text(value)}</{name}>" if value and not value.isspace() else ""
    return "" if is_empty(value) else xml_any(name, value, budget)


def xml_any(name: str, value: Any, budget: list[int]) -> str:
    """An element of whatever the expression yields; empty fails. A list repeats it."""
    value = need(tree(value, budget))
    if type(value) is list:
        return "".join([xml_member(name, member) for member in value])
    return xml_member(name, value) if type(value) is dict else f"<{name}>{xml_text(value)}</{name}>"


def xml_member(name: str, value: Any) -> str:
    """One element; a mapping becomes its attributes and children, whose names come from the data and are checked."""
    if type(value) is not dict:
        return f"<{name}>{escaped(text_of(single(value), ''))}</{name}>"
    body = xml_writer.write({"x": value}, {}, "utf-8").decode()
    return f"<{name}{body[body.index('<x') + 2 : -2]}{name}>"


def xml_one_root(text: str) -> str:
    """The text of a document whose root might have been left out, which no document can do without."""
    if not text:
        raise DocumentError("xml-one-root", count=0)
    return text


def rows_of(made: Any) -> list[dict[str, Any]]:
    """What a mapping of columns made: a list of rows, also where it had no `for`."""
    return made if type(made) is list else [made]


def as_columns(rows: Any, layout: Mapping[str, Mapping[str, object]]) -> list[dict[str, Any]]:
    """Rows of a fixed-width mapping with each column's width, alignment and filling."""
    return [
        {name: {"value": value, **layout.get(name, {})} for name, value in row.items()}
        for row in rows_of(rows)
    ]
