"""What a person sees of an event or a document: a line for each field, long lists cut, XML over several lines."""

from collections.abc import Iterator, Mapping
from typing import Any

MOST_ITEMS = 3  # of a list
MOST_CHARACTERS = 100  # of a line
INDENT = "  "


def fields_of(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield `po_no: 4500012345`, `lines[0]: {item_code: …, qty: …}`; of a list the first few.

    >>> list(fields_of({"no": "G-1", "lines": [{"item": "A", "qty": 1}] * 5}))[2:]
    ['lines[1]: {item: A, qty: 1}', 'lines[2]: {item: A, qty: 1}', 'lines: … 5']
    """
    for name, value in data.items():
        if type(value) is not list or not value:
            yield _cut(f"{name}: {_shown(value)}")
            continue
        for position, member in enumerate(value[:MOST_ITEMS]):
            yield _cut(f"{name}[{position}]: {_shown(member)}")
        if len(value) > MOST_ITEMS:
            yield f"{name}: … {len(value)}"


def _shown(value: Any) -> str:
    from bus.codecs.scalars import text_of  # loads every format, which the list of commands must not wait for

    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(part)}" for name, part in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(_shown, value)) + "]"
    return "null" if value is None else text_of(value, "")


def _cut(line: str) -> str:
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}…"


def indented(xml: str) -> str:
    r"""An XML document of the bus with an element a line; its declaration stays as it is.

    >>> print(indented('<?xml version="1.0"?>\n<a><b>1</b><c/></a>'))
    <?xml version="1.0"?>
    <a>
      <b>1</b>
      <c/>
    </a>
    """
    from xml.dom import minidom  # only a terminal needs it

    declaration, _, body = xml.partition("?>")
    tree = minidom.parseString(body.encode())  # noqa: S318 - the bus wrote it itself
    _, _, text = tree.toprettyxml(indent=INDENT).partition("?>")
    return f"{declaration}?>\n{text.strip()}"
