"""Sentences about documents."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
