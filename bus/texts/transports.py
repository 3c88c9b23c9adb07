"""Sentences about transports."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
}
