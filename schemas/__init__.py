"""The business events the bus ships: one pydantic model per type, one file per business area.

Python programs build and read event data with them; the bus derives its checks, its documentation and
what expressions may name from them. Nothing here knows the bus.

>>> order = EVENTS["purchase_order.released"].model_validate(
...     {"po_no": "PO-1", "lines": [{"item_code": "0012", "qty": "12.50"}]}
... )
>>> order.lines[0].qty
Decimal('12.50')
"""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel

# Imported for what they hold: every model enters itself where it is defined.
from schemas import master_data, operations, purchasing, quality, receiving, returns  # noqa: F401 - as said above
from schemas.parts import MODELS

__all__ = ["EVENTS"]

EVENTS: Mapping[str, type[BaseModel]] = MappingProxyType(MODELS)
"""Every shipped event type and the model of its data; a model's docstring says what happened."""
