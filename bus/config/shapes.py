"""From YAML to the shape of a mapping: which keys repeat, which may be left out, where expressions stand."""

import re

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report, was_reported
from bus.expressions.meant import percentage, without_braces
from bus.mapping.shape import Entry, For, Group, Leaf, Let, Several, Shape, Source
from bus.places import Place

_LOOP = re.compile(r"\s*(?:(?P<counter>[^\W\d]\w*)\s*,\s*)?(?P<name>[^\W\d]\w*)\s+in\s+(?P<over>\S.*)", re.DOTALL)
_LOOP_START = re.compile(r"for\s+(?=.)", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*")
# Bare values that YAML, Excel and people read in different ways.
_UNCLEAR = re.compile(
    r"[+-]?0\d+(\.\d+)?|\d+:\d+(:\d+)?|[+-]?\d+(\.\d+)?[eE][+-]?\d+|\+\d+(\.\d+)?|0[xo]\w+|\d[\d_]*_\d+"
    r"|-?\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?%|\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{4}/\d{1,2}/\d{1,2}"
    r"|yes|no|on|off|Yes|No|On|Off|YES|NO|ON|OFF|TRUE|FALSE|NULL|Null|~|\.inf|\.nan"
)
_NUMBER_SIGNS = re.compile(r"^\+|[,_]")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_WORDS = {
    **dict.fromkeys(("yes", "on", "true"), "true"), **dict.fromkeys(("no", "off", "false"), "false"),
    **dict.fromkeys(("null", "~"), "null"),
}  # fmt: skip
_LOOP_KEYS = ("foreach", "for each", "for_each", "loop", "each")
RESERVED = ("for", "if", "let")


def source_of(node: Node | None, report: Report, place: Place | None = None) -> Source | None:
    """The expression a node holds; anything else in its place is reported.

    Args:
        place: of the key above it, where a missing value is told.
    """
    if node is None or was_reported(node):
        return None
    if not isinstance(node, ScalarNode):
        write = without_braces(node.typed)
        report.error("expression-needed" if write is None else "braces", node.place, write=write)
        return None
    if not node.text.strip():
        code = "expression-missing" if node.style == "plain" else "text-quoted-once"
        report.error(code, place or node.place if node.style == "plain" else node.place)
        return None
    if node.style == "plain" and _UNCLEAR.fullmatch(node.text):
        word, number = _WORDS.get(node.text.lower()), _NUMBER_SIGNS.sub("", node.text)
        number = percentage(node.text[:-1]) if node.text.endswith("%") else number
        code = "hint-leaf-unclear-word" if word else "hint-leaf-unclear-number" if _NUMBER.fullmatch(number) else ""
        report.error("leaf-unclear", node.place, code, text=node.text, word=word, number=number)
        return None
    return Source(node.text, node)


def shape_of(node: Node, report: Report, place: Place | None = None) -> Shape:
    """The shape of a whole mapping; for what was reported, a null stands in.

    Args:
        place: of the key above it, where what is missing in it is told.
    """
    if isinstance(node, MapNode):
        if without_braces(node.typed) is not None:
            source_of(node, report)
            return Leaf(Source("null", node.items[0][0]))
        return group_of(node, report, place)
    if isinstance(node, ListNode):
        return Several(tuple(shape_of(item, report) for item in node.items), place or node.place)
    return Leaf(source_of(node, report, place) or Source("null", node))


def group_of(node: MapNode, report: Report, place: Place | None = None) -> Group:
    """A mapping with its loops, condition, names and keys."""
    loops: tuple[For, ...] = ()
    condition: Source | None = None
    lets: tuple[Let, ...] = ()
    entries: list[Entry] = []
    seen: dict[str, ScalarNode] = {}
    for key, value in node.items:
        if key.text.lower() in _LOOP_KEYS and isinstance(value, ScalarNode) and _LOOP.fullmatch(value.text):
            report.error("loop-key", key.place, word=key.text)
            loops = loops_of(value, report, key.place)
        elif key.text.startswith("for ") and (found := _LOOP.fullmatch(key.text, 4)):
            report.error("loop-in-key", key.place, loop=key.text[4:])
            loops = (_for(found, key),)
            if isinstance(value, MapNode):  # what belongs beside it
                entries += group_of(value, report, key.place).entries
        elif key.text == "for":
            loops = loops_of(value, report, key.place)
        elif key.text == "if":
            condition = source_of(value, report, key.place)
        elif key.text == "let":
            lets = lets_of(value, report)
        else:
            entry = _entry(key, value, report)
            if entry is None:
                continue
            first = seen.setdefault(entry.key, key)
            if first is key:
                entries.append(entry)
            elif first.text != key.text:  # the same text twice was reported by the reader of YAML
                report.error("key-twice", key.place, key=entry.key, line=first.place.line)
    return Group(tuple(entries), place or node.place, loops, condition, lets, let_first(node))


def let_first(node: MapNode) -> bool:
    """Whether `let` stands above `if`, so that the condition sees its names."""
    order = [key.text for key, _ in node.items if key.text in ("let", "if")]
    return order[:2] == ["let", "if"]


def _entry(key: ScalarNode, value: Node, report: Report) -> Entry | None:
    word = key.text
    optional = word.endswith("?") and len(word) > 1
    name = word[:-1] if optional else word
    if name.startswith("=") and name[1:] in RESERVED:
        name = name[1:]
    if not name.strip():
        if not was_reported(key):
            report.error("key-empty", key.place)
        return None
    return Entry(name, optional, shape_of(value, report, key.place), key.place)


def loops_of(node: Node | None, report: Report, place: Place | None = None) -> tuple[For, ...]:
    """`line in data.lines`, `n, line in …`, or a list of these, the inner ones last."""
    if node is None:
        return ()
    items = node.items if isinstance(node, ListNode) else (node,)
    return tuple(loop for item in items if (loop := _loop(item, report, place)) is not None)


def _loop(node: Node, report: Report, place: Place | None) -> For | None:
    source = source_of(node, report, place)
    if source is None or not isinstance(node, ScalarNode):
        return None
    found = _LOOP.fullmatch(source.text)
    if found is None or _LOOP_START.match(source.text):
        code = "hint-for-shape-for" if _LOOP_START.match(source.text) else ""
        rest = source.text.removeprefix("for").strip()
        report.error("for-shape", node.place, code, text=source.text[:60], rest=rest[:60])
        words = rest.split()  # stand in for it with the name it probably has: `data.lines` names a line
        name = words[0] if len(words) > 1 else rest.rpartition(".")[2].removesuffix("s")
        return For(name, "", Source("null", node), node.place)
    return _for(found, node)


def _for(found: re.Match[str], node: ScalarNode) -> For:
    over = Source(found["over"], node, found.start("over"))
    return For(found["name"], found["counter"] or "", over, node.place_of(found.start("name"), len(found["name"])))


def lets_of(node: Node | None, report: Report) -> tuple[Let, ...]:
    """`let:` names and their expressions, in order."""
    if node is None or was_reported(node):
        return ()
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="let", known="total: sum(…)")
        return ()
    lets = []
    for key, value in node.items:
        if _NAME.fullmatch(key.text) is None:
            if not was_reported(key):
                report.error("let-name", key.place, name=key.text)
        else:
            lets.append(Let(key.text, source_of(value, report, key.place) or Source("null", key), key.place))
    return tuple(lets)
