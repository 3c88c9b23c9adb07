"""An element of an XML document as expressions see it, and the same as plain values."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, repr=False)
class Element:
    """One element, by local names: prefixes and namespaces are gone, comments too.

    Args:
        text: its own text, "" when empty or only blanks. A leaf keeps the blanks around its text; of
            an element with elements inside, the text between them is joined and stripped.
        attributes: by local name, `xml:lang` as `lang`; where two share it, the one without a prefix.
        children: an element that occurs once stands for itself, several as a list in their order.
    """

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: "dict[str, Element | list[Element]]" = field(default_factory=dict)

    def child(self, name: str) -> "Element | list[Element] | None":
        """Return the element of that name, the list of several, or None for a missing one."""
        return self.children.get(name)

    def item(self, key: str) -> "Element | list[Element] | str | None":
        """Return what `x["@unitCode"]`, `x["#text"]` or `x["name"]` means; None for what is missing."""
        if key.startswith("@"):
            return self.attributes.get(key[1:])
        if key == "#text":
            return self.text
        return self.children.get(key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        # Its name only: the content of a document never gets into a log or a traceback.
        return f"<Element {self.name}>"


def holder_of(root: Element) -> Element:
    """Return what `document` names: a nameless element around the root, so that `document.request` is it."""
    return Element("", children={root.name: root})


def answer_of(value: Any) -> Any:
    """Return what `response` names when a target answered `value`, as `read` gave it.

    Of XML that is the root element itself, so that `response.flag` works where the root is `<response>`;
    `response.response.flag` works as well, unless the root has a child of its own name. JSON stays as it is.
    """
    if type(value) is not Element:
        return value
    root = value
    if not value.name:
        (root,) = value.children.values()  # type: ignore[assignment]  # a holder has one root, never a list
    return Element(root.name, root.text, root.attributes, {root.name: root, **root.children})


def plain(value: Any) -> Any:
    """Return the value with every Element in it as text, mapping and list; the rest is kept.

    A leaf without attributes is its text, any other element a mapping with `@name`, `#text` and children.

    >>> plain(Element("qty", "5", {"unitCode": "EA"}))
    {'@unitCode': 'EA', '#text': '5'}
    """
    kind = type(value)
    if kind is Element:
        if not value.attributes and not value.children:
            return value.text
        parts = {f"@{name}": text for name, text in value.attributes.items()}
        if value.text or not value.children:
            parts["#text"] = value.text
        parts.update((name, plain(child)) for name, child in value.children.items())
        return parts
    if kind is dict:
        return {name: plain(part) for name, part in value.items()}
    if kind is list:
        return [plain(part) for part in value]
    return value
