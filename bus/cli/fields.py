"""An event type as `events:` of routing.yaml declares it: a line for each field, what it means beside it."""

from collections.abc import Iterator

from bus.cli.output import padded, width
from bus.types import EventType, ListOf, Record

INDENT = "  "
WIDEST = 40  # columns of a declaration; a longer one pushes its description to the right


def declaration(event: EventType) -> list[str]:
    """Return the lines below the event's name; they may be put into routing.yaml as they are."""
    lines = list(_lines(event.data, 1))
    columns = min(max((width(line) for line, _ in lines), default=0), WIDEST)
    return [f"{padded(line, columns)}  # {said}" if said else line for line, said in lines]


def _lines(record: Record, depth: int, comma: str = "") -> Iterator[tuple[str, str]]:
    """Yield each field with its description, those of a mapping or of a list of them below it.

    >>> from bus.types import TEXT, Field
    >>> list(_lines(Record({"po_no": Field(TEXT), "lines": Field(ListOf(Record({"note": Field(TEXT, False)})))}), 0))
    [('po_no: text', ''), ('lines: [{', ''), ('  note?: text,', ''), ('}]', '')]
    """
    for name, field in record.fields.items():
        head, said = f"{INDENT * depth}{name}{'' if field.required else '?'}:", " ".join(field.description.split())
        if isinstance(field.type, ListOf) and isinstance(field.type.item, Record):
            yield f"{head} [{{", said
            yield from _lines(field.type.item, depth + 1, ",")
            yield f"{INDENT * depth}}}]{comma}", ""
        elif isinstance(field.type, Record):
            yield f"{head} {{" if comma else head, said
            yield from _lines(field.type, depth + 1, comma)
            if comma:
                yield f"{INDENT * depth}}}{comma}", ""
        else:
            shown = f"[{field.type.item}]" if isinstance(field.type, ListOf) else str(field.type)
            yield f"{head} {shown}{comma}", said
