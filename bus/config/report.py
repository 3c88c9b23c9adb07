"""Reading one mapping of routing.yaml: known keys, what they hold, and everything that does not fit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode, kind
from bus.nearest import nearest
from bus.places import Finding, Place

_SYNONYMS = {  # keys of other tools → ours, where ours is known
    "retries": "retry", "attempts": "retry", "backoff": "retry", "foreach": "for", "loop": "for", "target": "to",
    "targets": "to", "condition": "when", "filter": "when", "event": "on", "events": "on", "trigger": "on",
}  # fmt: skip
_FORMAT_KEYS = ("format", "map", "mapping", "columns", "fields")  # of a route, whose format is the key itself
_COMMAS = re.compile("[,，、]")


@dataclass(slots=True)
class Report:
    """The findings so far, in the order found."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        """Those that are no warnings."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def error(self, code: str, place: Place, hint_code: str = "", /, **fields: object) -> None:
        """Note an error; `hint_code` where another remedy than the code's own fits."""
        self._add("error", code, place, fields, hint_code)

    def warning(self, code: str, place: Place, hint_code: str = "", /, **fields: object) -> None:
        """Note a warning."""
        self._add("warning", code, place, fields, hint_code)

    def unknown(
        self, code: str, place: Place, word: str, known: Iterable[str], hint_code: str = "", /, **fields: object
    ) -> str | None:
        """Note an unknown word; return the known one it is most like, which the remedy names, or None.

        Where none is like it, the remedy is `hint_code`'s, by default the list of all that are known.
        """
        known = list(known)
        synonym = _SYNONYMS.get(word.lower())
        near = synonym if synonym in known else nearest(word, known)
        if near is not None:
            self.error(code, place, word=word, near=near, **fields)
        else:
            code_ = hint_code or ("hint-choose-from" if known else "hint-leave-out")
            self.error(code, place, code_, word=word, known=", ".join(known), **fields)
        return near

    def _add(
        self, severity: Literal["error", "warning"], code: str, place: Place, fields: dict[str, object], hint_code: str
    ) -> None:
        self.findings.append(Finding(severity, code, place, fields, hint_code))


def was_reported(node: Node) -> bool:
    """Whether a node is empty because the reader could not take what stood there, and said so."""
    return isinstance(node, ScalarNode) and node.sheet is None and not any(node.span)


class Section:
    """One mapping with known keys; a key that is not known is reported at once.

    Args:
        what: names the mapping to a person: `routes.po-to-wms`, `systems`.
        place: where its name stands, if it has one; what is missing in it is told there.
    """

    def __init__(
        self, node: Node, known: Iterable[str], what: str, report: Report, place: Place | None = None
    ) -> None:
        self.place, self.what, self.report = place or node.place, what, report
        self.nodes: dict[str, Node] = {}
        self.keys: dict[str, ScalarNode] = {}
        self.meant: set[str] = set()  # what unknown keys probably are, so that none of these is missing
        self.unreadable = False  # a key is unknown
        known = tuple(known)
        self.readable = isinstance(node, MapNode)
        if not isinstance(node, MapNode):
            if not was_reported(node):
                hint_code = "hint-mapping-dashes" if isinstance(node, ListNode) and not node.typed else ""
                report.error("mapping-needed", self.place, hint_code, what=what, known=", ".join(known))
            return
        for key, value in node.items:
            if key.text in known:
                self.nodes.setdefault(key.text, value)
                self.keys.setdefault(key.text, key)
            elif key.text.endswith("?") and key.text[:-1] in known:
                name = key.text[:-1]
                report.error("unknown-key", key.place, "hint-key-without-mark", word=key.text, what=what, key=name)
                self.nodes.setdefault(name, value)
                self.keys.setdefault(name, key)
            elif key.text.lower() in _FORMAT_KEYS and "csv" in known:
                named = node.get("format")
                format_ = named.text if isinstance(named, ScalarNode) and named.text in known else "csv"
                report.error("unknown-key", key.place, "hint-key-format", word=key.text, what=what, format=format_)
            elif key.text:  # a key that is no text was reported
                near = report.unknown("unknown-key", key.place, key.text, known, what=what)
                self.meant.add(near or "")
                self.unreadable = True
                if near and isinstance(value, MapNode) and all(name.text != near for name, _ in node.items):
                    self.nodes[near], self.keys[near] = value, key  # else whatever names what is in there is an error

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
        if node is None or was_reported(node):
            return None
        if isinstance(node, ScalarNode):
            if node.text.strip():
                return node
            self.report.error("value-missing", self.keys[key].place, key=key, what=self.what)
            return None
        self.report.error("one-value-needed", node.place, key=key, what=self.what)
        return None

    def text(self, key: str, default: str = "") -> str:
        """The text under a key; quotes with nothing in them are a text too."""
        node = self.nodes.get(key)
        if isinstance(node, ScalarNode) and not node.text and node.style != "plain":
            return ""
        node = self.scalar(key)
        return node.text if node is not None else default

    def texts(self, key: str) -> tuple[ScalarNode, ...]:
        """One text, or a list of texts."""
        node = self.nodes.get(key)
        if not isinstance(node, ListNode):
            found = self.scalar(key)
            if found is not None and _COMMAS.search(found.text):
                names = ", ".join(name.strip() for name in _COMMAS.split(found.text))
                self.report.error("texts-needed", found.place, "hint-texts", key=key, what=self.what, names=names)
                return ()
            return (found,) if found is not None else ()
        texts = []
        for item in node.items:
            if isinstance(item, ScalarNode) and item.text.strip():
                texts.append(item)
            elif not was_reported(item):
                self.report.error("texts-needed", item.place, key=key, what=self.what)
        if not node.items:
            self.report.error("value-missing", self.keys[key].place, key=key, what=self.what)
        return tuple(texts)

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
        if self.readable:
            for key in missing:
                if key not in self.meant:
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
