"""Sentences about files."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
