"""Places in files, and what lint found there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bus.texts import hint, say


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: line and column count from 1, column and width in characters."""

    file: str
    line: int = 1
    column: int = 1
    width: int = 1

    def at(self, offset: int, width: int = 1) -> "Place":
        """The place `offset` characters further on the same line."""
        return Place(self.file, self.line, self.column + offset, width)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing lint says; `code` and `fields` make the sentence, `hint_code` another remedy than the code's own."""

    severity: Literal["error", "warning"]
    code: str
    place: Place
    fields: Mapping[str, object] = field(default_factory=dict)
    hint_code: str = ""

    @property
    def message(self) -> str:
        """The sentence, in the chosen language."""
        return say(self.code, **self.fields)

    @property
    def hint(self) -> str:
        """The remedy, or ""."""
        return hint(self.hint_code or self.code, **self.fields)
