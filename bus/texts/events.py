"""Sentences about events."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
