"""YAML with places: what an architect typed, and everything that is wrong with how it was typed.

YAML reads some expressions otherwise than their author: as a comment, a tag, two entries of a
mapping. `bus.config.mend` finds these and whatever YAML refuses, tells each at its place, and mends
the lines so that all the rest is read, and found, as well.
"""

import re
from typing import Any

import yaml

from bus.config.mend import mend, quote_paths
from bus.config.nodes import Kind, ListNode, MapNode, Node, ScalarNode, Style, kind
from bus.config.sheet import Sheet
from bus.places import Finding, Place

__all__ = ["Kind", "ListNode", "MapNode", "Node", "ScalarNode", "kind", "read"]

MAX_CHARACTERS = 2 * 1024 * 1024
MAX_DEPTH = 64  # no document of a business is deeper, and whoever walks the nodes may recurse
_MAX_READINGS = 10  # of one file: each ends at a fault that `mend` does not know …
_MAX_TOLD = 3  # … and later ones mostly follow from the first

_Composed = tuple[Node, list[Finding]]  # the top node, and what is wrong with it beyond its form
_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_STYLES: dict[str | None, Style] = {"'": "single", '"': "double", "|": "block", ">": "block"}

# Controls, line breaks that no editor shows as one, halves of characters, and blanks of no width.
_UNFIT = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b\u2028\u2029\u2060\ud800-\udfff\ufeff\ufffe\uffff]")

# What YAML says, our code for it, and whether it is told where the thing began or where it failed.
_PROBLEMS: tuple[tuple[str, str, bool], ...] = (
    ("found unexpected end of stream", "yaml-unclosed-quote", True),
    ("did not find expected ',' or", "yaml-unclosed-bracket", True),
    ("could not find expected ':'", "yaml-no-colon", True),
    ("did not find expected <document start>", "yaml-several-documents", False),
    ("did not find expected", "yaml-syntax", False),
)


class _TooDeep(Exception):
    """Nesting beyond MAX_DEPTH; `args` hold the place."""


def read(text: str, file: str) -> tuple[Node | None, list[Finding]]:
    """Return what the text holds, and everything found in it from top to bottom.

    Faults do not end it: the node is what could be read beside them, so whoever goes on with it finds
    the faults of the rest. An empty text is an empty mapping. None when there is nothing to go on
    with: too large, too deep, or no mapping at the top.
    """
    if len(text) > MAX_CHARACTERS:
        return None, [Finding("error", "yaml-too-large", Place(file), {"limit": MAX_CHARACTERS})]
    sheet = Sheet(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), file)
    _mend_characters(sheet)
    try:
        node = _mapping(sheet)
    except _TooDeep as deep:
        sheet.error("yaml-too-deep", deep.args[0], limit=MAX_DEPTH)
        node = None
    return node, sheet.findings


def _mend_characters(sheet: Sheet) -> None:
    for number, line in enumerate(sheet.lines):
        if not line.isascii() or not line.isprintable():
            for match in _UNFIT.finditer(line):
                if not line.lstrip().startswith("#"):
                    name = f"U+{ord(match[0]):04X}"
                    sheet.error("yaml-character", sheet.place(number, match.start()), character=name)
                sheet.edit(number, match.start(), 1, " ")


def _mapping(sheet: Sheet) -> Node | None:
    """Read, mend and read again, until nothing is left that YAML refuses."""
    composed = _attempt(sheet)
    if composed is None:
        quote_paths(sheet)
        composed = _attempt(sheet)
    changed = mend(sheet, broken=composed is None)
    if changed or composed is None:
        composed = _insist(sheet)
    if composed is None:
        return None
    node, found = composed
    for finding in found:
        sheet.found(finding)
    if isinstance(node, ScalarNode) and kind(node) == "null":
        return MapNode((), node.place)
    if not isinstance(node, MapNode):
        sheet.error("yaml-top-level", node.place)
        return None
    return node


def _attempt(sheet: Sheet) -> _Composed | None:
    try:
        return _compose(sheet)
    except yaml.MarkedYAMLError:
        return None


def _insist(sheet: Sheet) -> _Composed | None:
    """Read once more for every fault that only YAML itself finds, leaving out its line."""
    for reading in range(_MAX_READINGS):
        try:
            return _compose(sheet)
        except yaml.MarkedYAMLError as error:
            _drop(sheet, error, tell=reading < _MAX_TOLD)
    return None


def _drop(sheet: Sheet, error: yaml.MarkedYAMLError, *, tell: bool) -> None:
    """Leave out the line with a fault that only YAML found."""
    problem = str(error.problem)
    code, at_beginning = next(
        ((code, began) for says, code, began in _PROBLEMS if problem.startswith(says)), ("yaml-syntax", False)
    )
    mark: Any = (at_beginning and error.context_mark) or error.problem_mark
    line, column = min(mark.line, len(sheet.lines) - 1), mark.column
    while line and not sheet.lines[line].strip():
        line, column = line - 1, 0
    if tell:
        sheet.error(code, sheet.place(line, column), typed=sheet.lines[line][column : column + 1])
    sheet.edit(line, 0, len(sheet.lines[line]), "")


def _compose(sheet: Sheet) -> _Composed:
    """Make the nodes of the first document, and say what in it is YAML but not ours.

    Raises:
        yaml.MarkedYAMLError: YAML cannot read it.
        _TooDeep: it is nested beyond MAX_DEPTH.
    """
    loader = _LOADER(sheet.text)
    found: list[Finding] = []
    root: Node = ScalarNode("", sheet.place(0, 0))
    documents = 0
    open_: list[tuple[Any, list[Any]]] = []
    event: Any
    while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = _scalar(sheet, event)
            if event.anchor or event.tag:
                _check_properties(sheet, event, found)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(open_) == MAX_DEPTH:
                raise _TooDeep(_place(sheet, event))
            _check_properties(sheet, event, found)
            open_.append((event, []))
            continue
        elif isinstance(event, yaml.CollectionEndEvent):
            start, items = open_.pop()
            node = _collection(sheet, start, event, items, found)
        elif isinstance(event, yaml.AliasEvent):
            node = ScalarNode("", _place(sheet, event))
            found.append(Finding("error", "yaml-alias", node.place))
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                found.append(Finding("error", "yaml-several-documents", _place(sheet, event)))
                break
            continue
        else:
            continue
        if open_:
            open_[-1][1].append(node)
        else:
            root = node
    return root, found


# The events are Any: their marks may be None by type, and never are when they come from a file.


def _place(sheet: Sheet, event: Any, end: Any = None) -> Place:
    begin, stop = event.start_mark, (end or event).end_mark
    width = stop.column - begin.column if stop.line == begin.line else len(sheet.lines[begin.line])
    return sheet.place(begin.line, begin.column, width)


def _scalar(sheet: Sheet, event: Any) -> ScalarNode:
    begin, stop = event.start_mark, event.end_mark
    span = (begin.line, begin.column, stop.line, stop.column)
    width = stop.column - begin.column if stop.line == begin.line else MAX_CHARACTERS
    place = sheet.place(begin.line, begin.column, width)
    return ScalarNode(event.value, place, _STYLES.get(event.style, "plain"), sheet, span)


def _collection(sheet: Sheet, start: Any, end: Any, items: list[Any], found: list[Finding]) -> Node:
    begin, stop = start.start_mark, end.end_mark
    typed = ""
    if start.flow_style:
        place = _place(sheet, start, end)
        typed = sheet.typed[begin.line][place.column - 1 :]
        if stop.line == begin.line:
            typed = typed[: place.width]
    else:
        place = sheet.place(begin.line, begin.column)
    if isinstance(start, yaml.SequenceStartEvent):
        return ListNode(tuple(items), place, typed)
    keys = [_key(key, found) for key in items[::2]]
    seen: dict[str, Place] = {}
    for key in keys:
        first = seen.setdefault(key.text, key.place)
        if first is not key.place:
            fields = {"key": key.text, "line": first.line}
            found.append(Finding("error", "yaml-duplicate-key", key.place, fields))
    return MapNode(tuple(zip(keys, items[1::2], strict=True)), place, typed)


def _key(node: Node, found: list[Finding]) -> ScalarNode:
    if not isinstance(node, ScalarNode):
        found.append(Finding("error", "yaml-key", node.place))
        return ScalarNode("", node.place)
    if node.text == "<<" and node.style == "plain":
        found.append(Finding("error", "yaml-merge-key", node.place))
    return node


def _check_properties(sheet: Sheet, event: Any, found: list[Finding]) -> None:
    begin = event.start_mark
    for sign, name, code in (("&", event.anchor, "yaml-anchor"), ("!", event.tag, "yaml-tag")):
        if name:
            line = sheet.lines[begin.line]
            column = max(line.find(sign, begin.column), begin.column)
            width = len(line[column:].split(None, 1)[0])
            found.append(Finding("error", code, sheet.place(begin.line, column, width)))
