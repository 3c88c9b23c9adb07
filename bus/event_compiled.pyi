from collections.abc import Mapping
from datetime import datetime
from typing import Any

def delivery_id(source: str, id_: str, route: str, system: str, round_: int | str = 0) -> str: ...
def ordinary_envelope(
    headers: Mapping[str, Any], names: tuple[str, ...], /
) -> tuple[str, str, str, str, datetime, str] | None: ...
