"""Sentences about adapters."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
