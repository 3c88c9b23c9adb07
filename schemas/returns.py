"""Goods going back to the supplier."""

from pydantic import Field

from schemas.parts import Accepted, Moment, Number, Part, Party, Posted, Rejected, StockLine, event


class ReturnReference(Part):
    """Which purchase return it is about."""

    return_no: str = Field(description="Purchase return number")
    po_no: str | None = Field(None, description="Purchase order number")


class ReturnLine(StockLine):
    """Goods going back."""

    reason: str | None = Field(None, description="Why they go back")
    price: Number | None = Field(None, description="Price per unit")
    amount: Number | None = Field(None, description="Price of the line")


@event("purchase_return.requested")
class PurchaseReturnRequested(ReturnReference):
    """Goods are to go back to the supplier, after a rejection or a nonconformance."""

    report_no: str | None = Field(None, description="Nonconformance report it follows")
    notice_no: str | None = Field(None, description="Receiving notice whose inspection it follows")
    receipt_no: str | None = Field(None, description="Goods receipt that is returned from")
    warehouse: str | None = Field(None, description="Warehouse the goods leave")
    supplier: Party | None = Field(None, description="Who gets the goods back")
    reason: str | None = Field(None, description="Why they go back")
    remark: str | None = Field(None, description="Note on the return")
    lines: list[ReturnLine] = Field(description="Goods that go back")


@event("purchase_return.accepted")
class PurchaseReturnAccepted(Accepted, ReturnReference):
    """A subscriber took over the return."""


@event("purchase_return.shipped")
class PurchaseReturnShipped(ReturnReference):
    """The returned goods left the warehouse."""

    warehouse: str | None = Field(None, description="Warehouse the goods left")
    supplier: Party | None = Field(None, description="Who gets the goods back")
    carrier: str | None = Field(None, description="Who carries them")
    waybill: str | None = Field(None, description="Number of the waybill")
    shipped_at: Moment | None = Field(None, description="When they left")
    lines: list[ReturnLine] = Field(description="Goods that left")


@event("purchase_return.posted")
class PurchaseReturnPosted(Posted, ReturnReference):
    """The ERP took the returned goods out of its stock."""


@event("purchase_return.rejected")
class PurchaseReturnRejected(Rejected, ReturnReference):
    """A subscriber refused the return or its shipment; a person decides."""
