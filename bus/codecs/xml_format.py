"""XML in, by local names and without anything a DTD brings; XML out, from a tree of keys."""

import re
from typing import Any

from lxml import etree

from bus.codecs.charsets import byte_order_mark, charset, decode
from bus.codecs.element import Element, holder_of
from bus.codecs.options import ReadOptions
from bus.errors import DocumentError

MAX_DEPTH = 64

_DECLARED = re.compile(
    rb"""(?:\xef\xbb\xbf)?<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']"""
)
# Nothing but declarations and comments may stand before it. One pattern of all of that would have to be possessive, so
# as not to backtrack, and Python 3.11.2, which is Debian 12's, errs over such.
_ASIDE = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->)", re.DOTALL).match
_DOCTYPE = re.compile(r"\s*<!DOCTYPE").match
_PARSER = etree.XMLParser(
    encoding="utf-8",  # the text is decoded here, strictly, whatever its declaration still says
    resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False,
    remove_comments=True, remove_pis=True,
)  # fmt: skip


def read(body: bytes, _options: ReadOptions, encoding: str) -> Element:
    """Return a nameless element around the root. What the document declares of its encoding wins."""
    return parse(decode(body, _encoding(body, encoding)))


def parse(text: str) -> Element:
    """Return a nameless element around the root of a text, whatever encoding it declares."""
    # Before parsing: entities in attributes are expanded whatever the parser was told.
    if "<!DOCTYPE" in text and _has_doctype(text):
        raise DocumentError("xml-doctype")
    try:
        root = etree.fromstring(text.encode(), _PARSER)
    except etree.XMLSyntaxError as exc:
        if "depth" in exc.msg:
            raise DocumentError("document-too-deep", limit=MAX_DEPTH) from None
        line, column = exc.position
        # One of libxml2's messages quotes the document: what follows the beginning of a comment.
        reason = exc.msg.partition(", line ")[0].partition(": <!--")[0].strip()[:200]
        raise DocumentError("xml-malformed", reason=reason, line_no=line, column_no=column) from None
    return holder_of(_element(root, 1))


def _has_doctype(text: str) -> bool:
    """Whether one stands before the root."""
    at = 0
    while aside := _ASIDE(text, at):
        at = aside.end()
    return _DOCTYPE(text, at) is not None


def _encoding(body: bytes, encoding: str) -> str:
    mark = byte_order_mark(body)
    if mark == "utf-16":
        return mark
    found = _DECLARED.match(body)
    if not found:
        return mark or encoding
    declared = found[1].decode()
    # A declaration that can be read byte by byte is not UTF-16, as .NET's string writers like to claim.
    if charset(declared).startswith("utf-16"):
        raise DocumentError("encoding-contradiction", declared=declared, found="UTF-8")
    return declared


def _element(node: Any, depth: int) -> Element:
    if depth > MAX_DEPTH:
        raise DocumentError("document-too-deep", limit=MAX_DEPTH)
    children: dict[str, Element | list[Element]] = {}
    text = node.text or ""
    for child in node:
        made = _element(child, depth + 1)
        held = children.get(made.name)
        if held is None:
            children[made.name] = made
        elif type(held) is list:
            held.append(made)
        else:
            children[made.name] = [held, made]  # type: ignore[list-item]  # not a list, so an element
        if child.tail:
            text += child.tail
    if text and (children or text.isspace()):
        text = text.strip()
    tag = node.tag
    return Element(tag[tag.find("}") + 1 :], text, _attributes(node.items()), children)


def _attributes(items: list[tuple[str, str]]) -> dict[str, str]:
    found = {name[name.find("}") + 1 :]: text for name, text in items}
    if len(items) > 1 and any(name[0] == "{" for name, _ in items):
        found.update((name, text) for name, text in items if name[0] != "{")
    return found
