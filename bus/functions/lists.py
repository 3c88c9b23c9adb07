"""default and has, and what is done to lists; all of it keeps the order things came in.

Values are compared as the language compares them: 1 and 1.0 are the same, "1" and true are not 1,
an XML element is its text.
"""

from collections.abc import Callable, Hashable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bus.codecs.element import Element
from bus.errors import ExpressionError
from bus.functions.arguments import list_of, plain, shown, text_of

FieldOf = Callable[[Any, str], Any]
"""Reads a field of an item as the language does: null when it is missing."""


def default(value: Any, instead: Any) -> Any:
    """The value, or the other one when it is empty.

    >>> default(None, "n/a"), default("  ", "n/a"), default(0, 1)
    ('n/a', 'n/a', 0)
    """
    return instead if is_empty(value) else value


def has(value: Any) -> bool:
    """Whether there is anything: not null, not only blanks, not an empty list or mapping."""
    return not is_empty(value)


def is_empty(value: Any) -> bool:
    """Whether a value is null, a text of blanks, or a list, mapping or element with nothing in it."""
    held = type(value)
    if held is str:
        return not value or value.isspace()
    if held is list or held is dict:
        return not value
    if held is Element:
        return not (value.children or value.attributes or value.text.strip())
    return value is None


def first(values: Any) -> Any:
    """The first of a list; null when there is none."""
    items = list_of("first", values)
    return items[0] if items else None


def last(values: Any) -> Any:
    """The last of a list; null when there is none."""
    items = list_of("last", values)
    return items[-1] if items else None


def count(values: Any) -> int:
    """How many a list holds; null holds none."""
    return 0 if values is None else len(list_of("count", values))


def unique(values: Any) -> list[Any]:
    """Each value once, where it came first.

    >>> unique(["B", "A", "B"]), unique([Decimal("1.0"), 1, True, "1"])
    (['B', 'A'], [Decimal('1.0'), True, '1'])
    """
    seen: dict[Hashable, Any] = {}
    for value in list_of("unique", values):
        seen.setdefault(_identity(value), value)
    return list(seen.values())


def sort(field: FieldOf, values: Any, *names: Any) -> list[Any]:
    """In rising order, by the fields in turn or by the values themselves; equal ones as they came, null last.

    Raises:
        ExpressionError: values of different kinds, or of a kind without an order.
    """
    keys = _keys(field, "sort", values, names)
    for column in zip(*keys, strict=True):
        _check_order(column)
    ranked = [tuple((value is None, value) for value in key) for key in keys]
    order = sorted(range(len(ranked)), key=ranked.__getitem__)
    items = list_of("sort", values)
    return [items[at] for at in order]


def group(field: FieldOf, values: Any, *names: Any) -> list[dict[str, Any]]:
    """One mapping per different combination of the fields: they themselves, and `rows`, the items with it.

    >>> rows = [{"po": "1", "qty": 5}, {"po": "2", "qty": 1}, {"po": "1", "qty": 7}]
    >>> [(g["po"], len(g["rows"])) for g in group(dict.get, rows, "po")]
    [('1', 2), ('2', 1)]
    """
    if "rows" in names:
        raise ExpressionError("group-field-rows")
    groups: dict[Hashable, dict[str, Any]] = {}
    for item, key in zip(list_of("group", values), _keys(field, "group", values, names), strict=True):
        identity = tuple(map(_identity, key))
        if identity not in groups:
            groups[identity] = {**dict(zip(names, key, strict=True)), "rows": []}
        groups[identity]["rows"].append(item)
    return list(groups.values())


def _keys(field: FieldOf, function: str, values: Any, names: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What each item is sorted or grouped by."""
    items = list_of(function, values)
    fields = [text_of(function, name) for name in names]
    if not fields:
        return [(plain(item),) for item in items]
    return [tuple([plain(field(item, name)) for name in fields]) for item in items]


def _check_order(column: tuple[Any, ...]) -> None:
    """Refuse what has no order of its own; a date and a moment have none between them."""
    kinds: dict[Hashable, Any] = {}
    for value in column:
        if value is not None:
            kinds.setdefault(_kind(value), value)
    if len(kinds) > 1:
        one, other, *_ = kinds.values()
        raise ExpressionError("sort-kinds", one=shown(one), other=shown(other))
    if object in kinds:
        raise ExpressionError("sort-needs-field", value=shown(kinds[object]))


def _kind(value: Any) -> Hashable:
    if isinstance(value, bool):
        return bool
    if isinstance(value, int | Decimal):
        return Decimal
    if isinstance(value, datetime):
        return datetime, value.tzinfo is None  # no order between one with a zone and one without
    return str if isinstance(value, str) else date if isinstance(value, date) else object


def _identity(value: Any) -> Hashable:
    """Something that is equal and hashes equal exactly for values that are the same in the language."""
    try:
        return _frozen(value)
    except RecursionError:
        raise ExpressionError("function-nested-too-deep") from None


def _frozen(value: Any) -> Hashable:
    if isinstance(value, Element):
        if not value.children and not value.attributes:
            return str, value.text
        return "element", value.name, value.text, _frozen(value.attributes), _frozen(value.children)
    if isinstance(value, list):
        return "list", *map(_frozen, value)
    if isinstance(value, dict):
        return "mapping", *sorted((name, _frozen(part)) for name, part in value.items())
    return _kind(value), value
