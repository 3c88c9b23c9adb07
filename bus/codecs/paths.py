"""Looking a value up in a document by the path people write: `request.orderLines.orderLine[1].planQty`."""

import re
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from bus.errors import UsageError


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""What a path leads to where the document has nothing; null is a value."""

# A word, [n] counted from 0 (-1 is the last), or ["any text"].
_STEP = re.compile(r"""(?:^|(?<=.)\.)([^.\[\]"']+)|\[(-?[0-9]{1,9})\]|\["([^"]*)"\]|\['([^']*)'\]""")


@lru_cache(maxsize=4096)
def parse_path(path: str) -> tuple[str | int, ...]:
    """Return the steps of a path, names and indexes; UsageError for what is no path.

    >>> parse_path('lines[1].qty["@unit"]')
    ('lines', 1, 'qty', '@unit')
    """
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            break
        word, index, double, single = found.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(next(text for text in (word, double, single) if text is not None))
        at = found.end()
    if not steps or at < len(path):
        raise UsageError("path-malformed", typed=path, column_no=at + 1)
    return tuple(steps)


def lookup_path(tree: Any, path: str) -> Any:
    """Return what stands at `path` in a tree of plain values, or MISSING.

    A single element counts as a list of one, and a list of one as its element; of several, a name leads
    nowhere. An XML element with attributes is its text. Prefixes do not count: `p:Name` finds `Name`.
    `rows` before anything else is the list itself, as in `document.rows`.

    >>> lookup_path({"request": {"line": {"qty": "30"}}}, "request.line[0].qty")
    '30'
    """
    steps = parse_path(path)
    if type(tree) is list and steps[0] == "rows":
        steps = steps[1:]
    value = tree
    for step in steps:
        value = _index(value, step) if type(step) is int else _field(value, str(step))
        if value is MISSING:
            return MISSING
    if type(value) is dict and "#text" in value and all(key[:1] in ("@", "#") for key in value):
        return value["#text"]
    return value


def missing_at(tree: Any, path: str) -> tuple[str, tuple[str, ...]]:
    """Of a path that leads nowhere return the part that leads somewhere, and what there is.

    >>> missing_at({"request": {"no": "1", "line": [{"qty": "30"}]}}, "request.line[1].qty")
    ('request.line', ('[0]',))
    >>> missing_at({"request": {"no": "1"}}, "request.nr")
    ('request', ('no',))
    >>> missing_at([{"qty": "30"}], "row[0].qty")
    ('rows', ('[0]',))
    """
    steps = parse_path(path)
    value, at = tree, ""
    if type(tree) is list:
        at = "rows"
        steps = steps[1:] if steps[0] == "rows" else steps
    for step in steps:
        below = _index(value, step) if type(step) is int else _field(value, str(step))
        if below is MISSING:
            break
        value = below
        at = f"{at}[{step}]" if type(step) is int else f"{at}.{step}".lstrip(".")
    if type(value) is list:
        return at, tuple(f"[{n}]" for n in range(len(value)))
    return at, tuple(value) if type(value) is dict else ()


def _index(value: Any, at: int) -> Any:
    held = value if type(value) is list else [value]
    return held[at] if -len(held) <= at < len(held) else MISSING


def _field(value: Any, name: str) -> Any:
    if type(value) is list and len(value) == 1:
        value = value[0]
    if type(value) is dict:
        if name in value:
            return value[name]
        return value.get(name.rpartition(":")[2], MISSING)
    return value if name == "#text" and type(value) is str else MISSING
