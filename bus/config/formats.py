"""What each format asks of a mapping's shape: roots, names, prefixes, flat columns, tables."""

import re
from collections.abc import Iterator, Mapping

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode, kind
from bus.config.report import Report, Section, plain_value, was_reported
from bus.mapping.shape import Entry, Group, Leaf, Several, Shape
from bus.places import Place

FORMATS = ("json", "xml", "csv", "fixed", "text", "rows")
COLUMN_KEYS = ("value", "width", "align", "fill")
CSV_KEYS = ("header", "delimiter", "quote", "formulas")
_WIDTH = re.compile("[1-9][0-9]{0,4}")
_XML_NAME = re.compile(r"[^\W\d][\w.\-·]*")


def check_shape(format_: str, shape: Shape, report: Report) -> None:
    """Report what this format cannot be written from."""
    check = {"xml": _check_xml, "csv": _check_flat, "fixed": _check_flat, "text": _check_text, "rows": _check_rows}
    if format_ in check:
        check[format_](shape, report)


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


def fixed_layout(node: Node, place: Place, report: Report) -> tuple[Node, Mapping[str, Mapping[str, object]]]:
    """Split `{value, width, align, fill}` columns into a plain mapping of values, and the layout."""
    if isinstance(node, ListNode):
        parts = [fixed_layout(item, item.place, report) for item in node.items]
        layouts = {name: column for _, layout in parts for name, column in layout.items()}
        return ListNode(tuple(part for part, _ in parts), node.place), layouts
    if not isinstance(node, MapNode):
        if not was_reported(node):
            report.error("mapping-needed", place, what="fixed", known="item: {value: …, width: 10}")
        return MapNode((), node.place), {}
    items: list[tuple[ScalarNode, Node]] = []
    layout: dict[str, Mapping[str, object]] = {}
    for key, value in node.items:
        if key.text in ("for", "if", "let"):
            items.append((key, value))
        elif isinstance(value, ScalarNode):
            if not was_reported(value):
                report.error("column-layout", value.place, key=key.text, value=value.text)
            items.append((key, value))
        else:
            section = Section(value, COLUMN_KEYS, f"fixed.{key.text}", report, key.place)
            if section.need("value") | section.need("width") and "value" in section:
                items.append((key, section.nodes["value"]))
            layout[key.text.removesuffix("?").removeprefix("=")] = _column(section, report)
    return MapNode(tuple(items), node.place), layout


def _column(section: Section, report: Report) -> Mapping[str, object]:
    width = section.scalar("width")
    if width is not None and not _WIDTH.fullmatch(width.text):
        report.error("width-unclear", width.place, text=width.text)
        width = None
    column: dict[str, object] = {
        "width": int(width.text) if width is not None else 1,
        "align": section.choice("align", ("left", "right"), "left"),
    }
    fill = section.get("fill")
    if isinstance(fill, ScalarNode):
        column["fill"] = fill.text
        if len(fill.text) != 1:
            report.error("fill-unclear", fill.place, text=fill.text)
    elif fill is not None:
        report.error("one-value-needed", fill.place, key="fill", what=section.what)
    return column


def read_options(node: Node | None, format_: str, what: str, report: Report) -> Mapping[str, object]:
    """The options that stand beside a format's columns."""
    if node is None or was_reported(node):
        return {}
    if format_ != "csv":
        report.error("options-of-csv", node.place, format=format_ or "CloudEvents")
        return {}
    section = Section(node, CSV_KEYS, what, report)
    options: dict[str, object] = {}
    header = section.scalar("header")
    if header is not None:
        options["header"] = plain_value(header)
        if kind(header) != "bool":
            report.error("option-boolean", header.place, option="header")
    for name in ("delimiter", "quote"):
        sign = section.get(name)
        if isinstance(sign, ScalarNode):
            options[name] = sign.text
            if len(sign.text) != 1 and not (name == "quote" and sign.text == "" and sign.style != "plain"):
                report.error("sign-unclear", sign.place, option=name, text=sign.text)
    if "formulas" in section:
        options["formulas"] = section.choice("formulas", ("keep",), "keep")
    return options
