"""What the business areas share: exact scalars, the parts of documents, and the replies publishers get.

Required is what the business cannot do without: a document's number or code, and of a line what and
how much. The rest is optional, because real systems send little. Fields a model does not know are kept.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MODELS: dict[str, type[BaseModel]] = {}
_Model = TypeVar("_Model", bound=type[BaseModel])


def event(name: str) -> Callable[[_Model], _Model]:
    """Make the decorated model the shape of the event type `name`; each name is taken once."""

    def enter(model: _Model) -> _Model:
        if name in MODELS:
            raise ValueError(f"event type {name!r} is defined by {MODELS[name].__name__} already")
        MODELS[name] = model
        return model

    return enter


def _exact(value: object) -> object:
    bad = isinstance(value, bool | float) or (
        isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,61}(\.[0-9]{1,60})?", value)
    )
    # 1e999999999 is eleven bytes that arithmetic makes gigabytes of.
    if bad or (isinstance(value, Decimal) and not (value.is_finite() and abs(value.adjusted()) <= 60)):
        raise ValueError("give a Decimal, an int or a plain number as text, below 1e61")
    return value


def _whole(value: object) -> object:
    # int() would take 1_000 and full-width digits.
    bad = isinstance(value, bool | float) or (
        isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,61}", value)
    )
    if bad:
        raise ValueError("give an int, or an integer as plain text")
    return value


def _day(value: object) -> object:
    # pydantic would take seconds since 1970.
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if not isinstance(value, date):
        raise ValueError("give a date, or a text yyyy-MM-dd")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _moment(value: object) -> object:
    # fromisoformat reads 2025-01-19+05:30 as half past five.
    if isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}", value):
        return datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise ValueError("give a datetime, or a text yyyy-MM-ddTHH:mm:ss and a zone")  # noqa: TRY004 - as above
    return value


Number = Annotated[Decimal, BeforeValidator(_exact)]
"""A quantity or an amount, with the digits it was written with; never a float."""

Whole = Annotated[int, BeforeValidator(_whole)]
"""An integer."""

Flag = Annotated[bool, Field(strict=True)]
"""true or false, and no 1, "yes" or "true"."""

Day = Annotated[date, BeforeValidator(_day)]
"""A day of the business calendar."""

Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""When something happened, always with a zone."""


class Part(BaseModel):
    """Base of every model: what is in it stays as it is, and what it does not know is kept."""

    # Deferred: the bus reads the fields and never validates with pydantic; a third of its start.
    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class Line(Part):
    """What and how much: the base of every line of a document."""

    item_code: str = Field(description="Item, by the bus's own code")
    qty: Number = Field(description="Quantity, in the line's unit")
    uom: str | None = Field(None, description="Unit of the quantity")
    name: str | None = Field(None, description="Name of the item, as the sender knows it")
    spec: str | None = Field(None, description="Specification or model of the item")
    remark: str | None = Field(None, description="Note on the line")


class StockLine(Line):
    """A line of goods that can be touched: which batch, in which state, where."""

    po_line: Whole | None = Field(None, description="Line of the purchase order")
    batch: str | None = Field(None, description="Batch or lot")
    serial_nos: list[str] | None = Field(None, description="Serial numbers, one per piece")
    quality: str | None = Field(None, description="Quality status, e.g. good, concession, rejected")
    bin: str | None = Field(None, description="Bin in the warehouse")
    produced_on: Day | None = Field(None, description="Day of production")
    expires_on: Day | None = Field(None, description="Last day of use")


class Party(Part):
    """A company, as a document names it."""

    code: str = Field(description="Code of the company")
    name: str | None = Field(None, description="Name of the company")
    level: str | None = Field(None, description="Grade given to it, e.g. VIP")
    contact: str | None = Field(None, description="Person to speak to")
    phone: str | None = Field(None, description="Telephone number")


class Accepted(Part):
    """Reply: syntax and mapping are fine. Nothing is posted yet."""

    reference: str | None = Field(None, description="Number the accepting system gave the document")
    accepted_at: Moment | None = Field(None, description="When it was accepted")
    message: str | None = Field(None, description="What the accepting system says about it")


class Posted(Part):
    """Reply: the business effect happened."""

    erp_document: str = Field(description="Number of the document the ERP posted")
    posted_on: Day | None = Field(None, description="Posting date in the books")
    posted_at: Moment | None = Field(None, description="When it was posted")


class Rejected(Part):
    """Reply: refused for good, a person decides."""

    code: str = Field(description="Error code of the refusing system")
    message: str = Field(description="Reason, in the refusing system's words")
    field: str | None = Field(None, description="Field the reason is about")
    rejected_at: Moment | None = Field(None, description="When it was refused")


class Applied(Part):
    """Reply: the subscriber's master data now says the same."""

    version: Whole | None = Field(None, description="Version that was applied")
    applied_at: Moment | None = Field(None, description="When it was applied")
