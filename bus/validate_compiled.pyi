from collections.abc import Callable
from typing import Any

from bus.types import Record

def ordinary_reader(data: Record, /) -> Callable[[bytes, str], dict[str, Any] | None] | None: ...
