"""Sentences about a running bus: broker, deliveries, dead letters."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "unavailable": Text(
        "{what} does not answer: {reason}",
        "{what} 没有应答：{reason}",
    ),
}
