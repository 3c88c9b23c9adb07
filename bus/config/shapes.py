"""From YAML to the shape of a mapping: which keys repeat, which may be left out, where expressions stand."""

import re

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report
from bus.mapping.shape import Entry, For, Group, Leaf, Let, Several, Shape, Source
from bus.places import Place

_LOOP = re.compile(r"\s*(?:(?P<counter>[^\W\d]\w*)\s*,\s*)?(?P<name>[^\W\d]\w*)\s+in\s+(?P<over>\S.*)", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*")
# Bare leaves that YAML, Excel and people read in different ways.
_UNCLEAR = re.compile(
    r"[+-]?0\d+(\.\d+)?|\d+:\d+(:\d+)?|[+-]?\d+(\.\d+)?[eE][+-]?\d+|\+\d+(\.\d+)?|0[xo]\w+|\d[\d_]*_\d+"
    r"|\d{4}-\d{2}-\d{2}([T ].*)?|yes|no|on|off|Yes|No|On|Off|YES|NO|ON|OFF|~|\.inf|\.nan"
)
RESERVED = ("for", "if", "let")


def source_of(node: Node | None, report: Report) -> Source | None:
    """The expression a node holds; a list or mapping in its place is reported."""
    if node is None:
        return None
    if not isinstance(node, ScalarNode):
        report.error("expression-needed", node.place)
        return None
    if not node.text.strip():
        report.error("leaf-empty" if node.style == "plain" else "text-quoted-once", node.place, text=node.text)
        return None
    return Source(node.text, node)


def shape_of(node: Node, report: Report) -> Shape | None:
    """The shape of a whole mapping; None when a leaf of it holds nothing."""
    if isinstance(node, MapNode):
        return group_of(node, report)
    if isinstance(node, ListNode):
        items = (shape_of(item, report) for item in node.items)
        return Several(tuple(item for item in items if item is not None), node.place)
    return leaf_of(node, report)


def leaf_of(node: ScalarNode, report: Report) -> Leaf | None:
    """One leaf; what looks like a number, time or word to YAML must be quoted twice."""
    if node.style == "plain" and _UNCLEAR.fullmatch(node.text):
        report.error("leaf-unclear", node.place, text=node.text)
        return None
    source = source_of(node, report)
    return Leaf(source) if source is not None else None


def group_of(node: MapNode, report: Report) -> Group:
    """A mapping with its loops, condition, names and keys."""
    loops: tuple[For, ...] = ()
    condition: Source | None = None
    lets: tuple[Let, ...] = ()
    order: list[str] = []
    entries: list[Entry] = []
    seen: dict[str, Place] = {}
    for key, value in node.items:
        word = key.text
        if word in RESERVED:
            order.append(word)
        if word == "for":
            loops = loops_of(value, report)
        elif word == "if":
            condition = source_of(value, report)
        elif word == "let":
            lets = lets_of(value, report)
        else:
            entry = _entry(key, value, report)
            if entry is not None and entry.key in seen:
                report.error("key-twice", key.place, key=entry.key, line=seen[entry.key].line)
            elif entry is not None:
                seen[entry.key] = key.place
                entries.append(entry)
    let_first = "let" in order and "if" in order and order.index("let") < order.index("if")
    return Group(tuple(entries), node.place, loops, condition, lets, let_first)


def _entry(key: ScalarNode, value: Node, report: Report) -> Entry | None:
    word = key.text
    optional = word.endswith("?") and len(word) > 1
    name = word[:-1] if optional else word
    if name.startswith("=") and name[1:] in RESERVED:
        name = name[1:]
    if not name.strip():
        report.error("key-empty", key.place)
        return None
    if isinstance(value, ScalarNode) and value.style == "plain" and not value.text.strip():
        report.error("leaf-empty", key.place, text=name)
        return None
    shape = shape_of(value, report)
    return Entry(name, optional, shape, key.place) if shape is not None else None


def loops_of(node: Node, report: Report) -> tuple[For, ...]:
    """`line in data.lines`, `n, line in …`, or a list of these, the inner ones last."""
    items = node.items if isinstance(node, ListNode) else (node,)
    return tuple(loop for item in items if (loop := _loop(item, report)) is not None)


def _loop(node: Node, report: Report) -> For | None:
    source = source_of(node, report)
    if source is None or not isinstance(node, ScalarNode):
        return None
    found = _LOOP.fullmatch(source.text)
    if found is None:
        report.error("for-shape", node.place, text=source.text[:60])
        return None
    over = Source(found["over"], node, found.start("over"))
    place = node.place_of(found.start("name"), len(found["name"]))
    return For(found["name"], found["counter"] or "", over, place)


def lets_of(node: Node | None, report: Report) -> tuple[Let, ...]:
    """`let:` names and their expressions, in order."""
    if node is None:
        return ()
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="let", known="total: sum(…)")
        return ()
    lets = []
    for key, value in node.items:
        if _NAME.fullmatch(key.text) is None:
            report.error("let-name", key.place, name=key.text)
        elif (source := source_of(value, report)) is not None:
            lets.append(Let(key.text, source, key.place))
    return tuple(lets)
