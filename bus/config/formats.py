"""What each format asks of a mapping's shape: roots, names, prefixes, flat columns, tables."""

import re
from collections.abc import Iterator, Mapping

from bus.config.nodes import MapNode, Node, ScalarNode
from bus.config.report import Report, Section, plain_value
from bus.mapping.shape import Entry, Group, Leaf, Several, Shape

FORMATS = ("json", "xml", "csv", "fixed", "text", "rows")
COLUMN_KEYS = ("value", "width", "align", "fill")
_XML_NAME = re.compile(r"[^\W\d][\w.\-·]*")


def check_shape(format_: str, shape: Shape, report: Report) -> None:
    """Report what this format cannot be written from."""
    check = {"xml": _check_xml, "csv": _check_flat, "fixed": _check_flat, "text": _check_text, "rows": _check_rows}
    if format_ in check:
        check[format_](shape, report)
    else:
        for entry in _entries(shape):
            if entry.key.startswith("@") and isinstance(entry.value, Leaf):
                report.warning("attribute-in-json", entry.place, key=entry.key)


def _entries(shape: Shape) -> Iterator[Entry]:
    if isinstance(shape, Group):
        yield from shape.entries
    elif isinstance(shape, Several):
        for item in shape.items:
            yield from _entries(item)


def _check_xml(shape: Shape, report: Report) -> None:
    if isinstance(shape, Leaf):
        return
    roots = list(_entries(shape))
    if isinstance(shape, Several) or shape.loops or len(roots) != 1:
        place = roots[1].place if len(roots) > 1 else shape.place
        report.error("xml-roots", place, count=len(roots), names=", ".join(entry.key for entry in roots))
    for root in roots:
        if isinstance(root.value, Several) or (isinstance(root.value, Group) and root.value.loops):
            report.error("xml-root-repeats", root.place, name=root.key)
        _check_element(root, frozenset(("xml",)), report)


def _check_element(entry: Entry, prefixes: frozenset[str], report: Report) -> None:
    children = list(_entries(entry.value))
    prefixes |= {child.key[7:] for child in children if child.key.startswith("@xmlns:")}
    _check_name(entry.key, entry, prefixes, report)
    for child in children:
        if child.key.startswith("@"):
            if not isinstance(child.value, Leaf):
                report.error("attribute-not-single", child.place, key=child.key)
            if not child.key.startswith("@xmlns"):
                _check_name(child.key[1:], child, prefixes, report)
        elif child.key == "#text":
            if not isinstance(child.value, Leaf):
                report.error("attribute-not-single", child.place, key=child.key)
        else:
            _check_element(child, prefixes, report)


def _check_name(name: str, entry: Entry, prefixes: frozenset[str], report: Report) -> None:
    prefix, _, local = name.rpartition(":")
    if not all(_XML_NAME.fullmatch(part) for part in (prefix, local) if part) or not local or name.startswith(":"):
        report.error("xml-name-unfit", entry.place, name=name)
    elif prefix and prefix not in prefixes:
        report.error("xml-prefix", entry.place, prefix=prefix, name=name)


def _check_flat(shape: Shape, report: Report) -> None:
    for entry in _entries(shape):
        if not isinstance(entry.value, Leaf):
            report.error("column-not-single", entry.place, key=entry.key)


def _check_text(shape: Shape, report: Report) -> None:
    if not isinstance(shape, Leaf):
        report.error("text-is-expression", shape.place)


def _check_rows(shape: Shape, report: Report) -> None:
    if not isinstance(shape, Group) or shape.loops:
        place = shape.source.place_of() if isinstance(shape, Leaf) else shape.place
        report.error("rows-by-table", place)
        return
    for table in shape.entries:
        if isinstance(table.value, Leaf):
            report.error("rows-by-table", table.place)
        for column in _entries(table.value):
            if not isinstance(column.value, Leaf):
                report.error("column-not-single", column.place, key=column.key)


def fixed_layout(node: Node, report: Report) -> tuple[Node, Mapping[str, Mapping[str, object]]]:
    """Split `{value, width, align, fill}` columns into a plain mapping of values, and the layout."""
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="fixed", known="item: {value: …, width: 10}")
        return node, {}
    items: list[tuple[ScalarNode, Node]] = []
    layout: dict[str, Mapping[str, object]] = {}
    for key, value in node.items:
        if key.text in ("for", "if", "let"):
            items.append((key, value))
            continue
        section = Section(value, COLUMN_KEYS, f"fixed.{key.text}", report)
        if not section.need("value", "width"):
            continue
        name = key.text.removesuffix("?").removeprefix("=")
        width = section.text("width")
        if not width.isdigit() or width == "0":
            report.error("width-unclear", section.place_of("width"), text=width)
            continue
        fill = section.get("fill")
        column: dict[str, object] = {"width": int(width), "align": section.choice("align", ("left", "right"), "left")}
        if fill is not None:
            column["fill"] = str(plain_value(fill))
            if len(str(plain_value(fill))) != 1:
                report.error("fill-unclear", fill.place)
        layout[name] = column
        items.append((key, section.nodes["value"]))
    return MapNode(tuple(items), node.place), layout
