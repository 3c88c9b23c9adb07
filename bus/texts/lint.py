"""Sentences about lint."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
