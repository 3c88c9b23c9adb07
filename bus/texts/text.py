"""One sentence of the catalogue."""

from typing import NamedTuple


class Text(NamedTuple):
    """A sentence and its remedy in both languages; `{field}` marks what is filled in."""

    en: str
    zh: str
    hint_en: str = ""
    hint_zh: str = ""
