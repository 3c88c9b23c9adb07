"""Sentences about functions."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
