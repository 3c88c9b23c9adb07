"""Paths in expressions as a person writes them, and which of them a condition shows to hold a value."""

from bus.expressions import tree

COMPUTED = "…"
# Conditions that are false, or null, when what they are about is null.
_NEED_A_VALUE = frozenset(("has", "known", "match", "starts", "ends", "contains"))


def path_of(node: tree.Node) -> str:
    """The path as a person writes it: `data.lines[0].qty`; `…` for what is computed."""
    if isinstance(node, tree.Name):
        return node.name
    if isinstance(node, tree.Attribute):
        return f"{path_of(node.of)}.{node.name}" if node.dotted else f'{path_of(node.of)}["{node.name}"]'
    if isinstance(node, tree.Item) and isinstance(node.index, tree.Literal):
        return f"{path_of(node.of)}[{node.index.value}]"
    return COMPUTED


def written(node: tree.Node) -> str:
    """A name, path or literal as a person writes it; `…` for what is computed."""
    if isinstance(node, tree.Literal):
        words = {None: "null", True: "true", False: "false"}
        return words[node.value] if node.value is None or isinstance(node.value, bool) else (
            f'"{node.value}"' if isinstance(node.value, str) else str(node.value))
    return path_of(node)


def is_null(node: tree.Node) -> bool:
    """Whether it is the word `null`."""
    return isinstance(node, tree.Literal) and node.value is None


def shown_present(node: tree.Node, *, holds: bool = True) -> frozenset[str]:
    """The paths that surely hold a value where this condition is true, or where it is not."""
    if isinstance(node, tree.Logic):
        every = (node.word == "and") == holds
        return frozenset().union(*(shown_present(part, holds=holds) for part in node.parts)) if every else frozenset()
    if isinstance(node, tree.Not):
        return shown_present(node.value, holds=not holds)
    if isinstance(node, tree.Compare):
        return _shown_by_comparison(node) if holds else _shown_by_difference(node)
    if not holds:
        return frozenset()
    if isinstance(node, tree.Call) and node.name in _NEED_A_VALUE:
        return _paths(node.arguments)
    return _paths((node,))


def _shown_by_comparison(node: tree.Compare) -> frozenset[str]:
    """Null compares false, so both sides hold a value; with `null` itself only `!=` shows one."""
    shown: frozenset[str] = frozenset()
    left = node.first
    for sign, right in node.rest:
        if not (is_null(left) or is_null(right)) or sign == "!=":
            shown |= _paths((left, right))
        left = right
    return shown


def _shown_by_difference(node: tree.Compare) -> frozenset[str]:
    """Where `x == null` does not hold, x holds a value."""
    (sign, right), *more = node.rest
    if more or sign != "==" or not (is_null(node.first) or is_null(right)):
        return frozenset()
    return _paths((node.first, right))


def _paths(nodes: tuple[tree.Node, ...]) -> frozenset[str]:
    found = (path_of(node) for node in nodes if isinstance(node, tree.Attribute))
    return frozenset(path for path in found if COMPUTED not in path)
