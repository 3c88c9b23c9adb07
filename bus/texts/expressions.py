"""Sentences about expressions."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
