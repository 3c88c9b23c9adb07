"""`${NAME}` and `${NAME:-default}`, filled from the environment; for `systems` only.

As in a shell: the default counts when the variable is missing or empty. What comes from the
environment may be a secret, so it is handed back to be masked wherever something is shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.nearest import nearest
from bus.places import Finding

_VARIABLE = re.compile(r"\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|([^}]*\}?))")


@dataclass(frozen=True, slots=True)
class Filled:
    """A configuration with its variables filled in.

    Args:
        secrets: every text that came from the environment, "" left out; never to be shown.
        filled: `id()` of the scalars that hold one; they live in `node`.
    """

    node: Node
    findings: tuple[Finding, ...]
    secrets: frozenset[str]
    filled: frozenset[int]


def fill(node: Node, environment: Mapping[str, str]) -> Filled:
    """Fill the values of a node, never its keys; what is filled in is not searched again.

    A variable that is missing and has no default is an error at the place where it is named, and
    leaves nothing in its place.
    """
    filling = _Filling(environment)
    made = filling.node(node)
    ids = frozenset(map(id, filling.nodes))
    return Filled(made, tuple(filling.findings), frozenset(filling.secrets), ids)


@dataclass(slots=True)
class _Filling:
    environment: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    nodes: list[ScalarNode] = field(default_factory=list)

    def node(self, node: Node) -> Node:
        if isinstance(node, MapNode):
            return replace(node, items=tuple((key, self.node(value)) for key, value in node.items))
        if isinstance(node, ListNode):
            return replace(node, items=tuple(self.node(item) for item in node.items))
        return self.scalar(node) if "${" in node.text else node

    def scalar(self, node: ScalarNode) -> ScalarNode:
        came: list[str] = []
        text = _VARIABLE.sub(lambda match: self.variable(node, match, came), node.text)
        # Without its sheet: places within the text would be those of what was typed.
        made = replace(node, text=text, sheet=None)
        if came:
            self.secrets.update(came)
            self.nodes.append(made)
        return made

    def variable(self, node: ScalarNode, match: re.Match[str], came: list[str]) -> str:
        name, default, odd = match.groups()
        place = node.place_of(match.start(), len(match[0]))
        if odd is not None:
            self.findings.append(Finding("error", "environment-form", place))
            return ""
        text = self.environment.get(name)
        if text:
            came.append(text)
            return text
        if text is None and default is None:
            near = nearest(name, self.environment)
            code = "environment-missing-near" if near else ""
            fields = {"name": name, "near": near}
            self.findings.append(Finding("error", "environment-missing", place, fields, code))
        return default or ""
