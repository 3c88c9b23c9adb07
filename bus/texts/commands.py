"""Sentences about commands."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
