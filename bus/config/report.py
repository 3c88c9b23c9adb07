"""Reading one mapping of routing.yaml: known keys, what they hold, and everything that does not fit."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode, kind
from bus.nearest import nearest
from bus.places import Finding, Place


@dataclass(slots=True)
class Report:
    """The findings so far, in the order found."""

    findings: list[Finding] = field(default_factory=list)

    def error(self, code: str, place: Place, **fields: object) -> None:
        """Note an error; `near`, where given, makes the remedy."""
        self._add("error", code, place, fields)

    def warning(self, code: str, place: Place, **fields: object) -> None:
        """Note a warning."""
        self._add("warning", code, place, fields)

    def unknown(self, code: str, place: Place, word: str, known: Iterable[str], **fields: object) -> None:
        """Note an unknown word, with the nearest known one or all of them."""
        known = list(known)
        near = nearest(word, known)
        shown = {"near": near} if near else {}
        self.error(code, place, word=word, known=", ".join(known) or "–", **shown, **fields)

    def _add(self, severity: Literal["error", "warning"], code: str, place: Place, fields: dict[str, object]) -> None:
        self.findings.append(Finding(severity, code, place, fields))


class Section:
    """One mapping with known keys; a key that is not known is reported at once.

    Args:
        what: names the mapping to a person: `route po-to-wms`, `systems`.
    """

    def __init__(self, node: Node, known: Iterable[str], what: str, report: Report) -> None:
        self.place, self.what, self.report = node.place, what, report
        self.nodes: dict[str, Node] = {}
        self.keys: dict[str, ScalarNode] = {}
        known = tuple(known)
        if not isinstance(node, MapNode):
            report.error("mapping-needed", node.place, what=what, known=", ".join(known))
            return
        for key, value in node.items:
            if key.text in known:
                self.nodes.setdefault(key.text, value)
                self.keys.setdefault(key.text, key)
            else:
                report.unknown("unknown-key", key.place, key.text, known, what=what)

    def __contains__(self, key: str) -> bool:
        return key in self.nodes

    def get(self, key: str) -> Node | None:
        """What stands under a key, or None."""
        return self.nodes.get(key)

    def place_of(self, key: str) -> Place:
        """Where a key's value stands; where the key is missing, the mapping itself."""
        node = self.nodes.get(key)
        return node.place if node is not None else self.place

    def scalar(self, key: str) -> ScalarNode | None:
        """A single value under a key; anything else is reported."""
        node = self.nodes.get(key)
        if node is None:
            return None
        if isinstance(node, ScalarNode):
            if node.text.strip() or node.style != "plain":
                return node
            self.report.error("value-missing", self.keys[key].place, key=key, what=self.what)
            return None
        self.report.error("one-value-needed", node.place, key=key, what=self.what)
        return None

    def text(self, key: str, default: str = "") -> str:
        """The text under a key."""
        node = self.scalar(key)
        return node.text if node is not None else default

    def texts(self, key: str) -> tuple[ScalarNode, ...]:
        """One text, or a list of texts."""
        node = self.nodes.get(key)
        if node is None:
            return ()
        items = node.items if isinstance(node, ListNode) else (node,)
        found = []
        for item in items:
            if isinstance(item, ScalarNode) and item.text:
                found.append(item)
            else:
                self.report.error("one-value-needed", item.place, key=key, what=self.what)
        return tuple(found)

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        node = self.scalar(key)
        if node is None:
            return default
        if node.text not in allowed:
            self.report.unknown("unknown-choice", node.place, node.text, allowed, key=key)
            return default
        return node.text

    def need(self, *keys: str) -> bool:
        """Report each of these keys that is missing; say whether all are there."""
        missing = [key for key in keys if key not in self.nodes]
        for key in missing:
            self.report.error("key-missing", self.place, key=key, what=self.what)
        return not missing


def plain_value(node: Node) -> object:
    """A node as the plain value its text means by YAML 1.2: for adapters' options."""
    if isinstance(node, MapNode):
        return {key.text: plain_value(value) for key, value in node.items}
    if isinstance(node, ListNode):
        return [plain_value(item) for item in node.items]
    if kind(node) == "null":
        return None
    if kind(node) == "bool":
        return node.text.lower() == "true"
    return node.text
