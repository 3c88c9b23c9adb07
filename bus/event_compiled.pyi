from collections.abc import Mapping
from typing import Any

from bus.event import OrdinaryEnvelope

def delivery_id(source: str, id_: str, route: str, system: str, round_: int | str = 0) -> str: ...
def ordinary_envelope(headers: Mapping[str, Any], names: tuple[str, ...], /) -> OrdinaryEnvelope | None: ...
