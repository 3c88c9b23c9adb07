from collections.abc import Callable, Sequence
from typing import Any

from bus.expressions.context import Context
from bus.mapping.pieces import Piece

def filler(
    pieces: Sequence[Piece], functions: tuple[Callable[..., Any], ...], with_commas: bool, /
) -> Callable[[Any, Any, Context], bytes | None] | None: ...
