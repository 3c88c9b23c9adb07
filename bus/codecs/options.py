"""What a reader needs to know of a source: how its documents are written."""

from collections.abc import Mapping
from typing import Protocol


class ColumnOptions(Protocol):
    """Where a column of a fixed-width document stands: `at` from 1, both in bytes."""

    @property
    def at(self) -> int: ...
    @property
    def width(self) -> int: ...


class ReadOptions(Protocol):
    """`bus.adapter.SourceOptions`, seen from below: codecs know nothing of adapters."""

    @property
    def encoding(self) -> str: ...
    @property
    def max_body(self) -> int: ...
    @property
    def skip(self) -> int: ...
    @property
    def header(self) -> bool: ...
    @property
    def delimiter(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def trim(self) -> bool: ...
    @property
    def columns(self) -> Mapping[str, ColumnOptions]: ...
    @property
    def model_fields_set(self) -> set[str]:
        """The options somebody typed, as against those left at their default."""
