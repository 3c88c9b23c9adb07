"""Purchase requisitions and purchase orders."""

from pydantic import Field

from schemas.parts import Accepted, Day, Line, Moment, Number, Part, Party, Rejected, Whole, event


class RequisitionLine(Line):
    """One item that is wanted."""

    line_no: Whole | None = Field(None, description="Number of the line")
    price: Number | None = Field(None, description="Expected price per unit")
    amount: Number | None = Field(None, description="Expected price of the line")
    supplier: Party | None = Field(None, description="Supplier the applicant proposes")
    needed_on: Day | None = Field(None, description="Day it is needed")


class RequisitionReference(Part):
    """Which requisition it is about."""

    requisition_no: str = Field(description="Purchase requisition number")


class Requisition(RequisitionReference):
    """Head of a purchase requisition."""

    applicant: str | None = Field(None, description="Who asks for it")
    department: str | None = Field(None, description="Department that asks for it")
    reason: str | None = Field(None, description="What it is for")
    needed_on: Day | None = Field(None, description="Day it is needed")
    supplier: Party | None = Field(None, description="Supplier the applicant proposes")
    currency: str | None = Field(None, description="Currency, ISO 4217")
    amount: Number | None = Field(None, description="Total amount")


@event("purchase_requisition.submitted")
class PurchaseRequisitionSubmitted(Requisition):
    """A purchase requisition was filed in the OA and waits for approval."""

    lines: list[RequisitionLine] = Field(description="Items that are wanted")


@event("purchase_requisition.accepted")
class PurchaseRequisitionAccepted(Accepted, RequisitionReference):
    """The ERP knows every item and supplier of the requisition."""


@event("purchase_requisition.rejected")
class PurchaseRequisitionRejected(Rejected, RequisitionReference):
    """The ERP cannot use the requisition, or no purchase order came of it; a person in the OA decides."""


@event("purchase_requisition.approved")
class PurchaseRequisitionApproved(Requisition):
    """A purchase requisition was approved; the ERP makes the purchase order."""

    approver: str | None = Field(None, description="Who approved it last")
    approved_at: Moment | None = Field(None, description="When it was approved")
    lines: list[RequisitionLine] | None = Field(None, description="Items as approved; missing: as submitted")


class PurchaseOrderLine(Line):
    """One item that is bought."""

    line_no: Whole | None = Field(None, description="Number of the line")
    price: Number | None = Field(None, description="Price per unit")
    amount: Number | None = Field(None, description="Price of the line")
    tax_rate: Number | None = Field(None, description="Tax rate in percent")
    due_date: Day | None = Field(None, description="Day this line is due")
    warehouse: str | None = Field(None, description="Warehouse of this line, where it has its own")
    requisition_no: str | None = Field(None, description="Requisition this line comes from")
    requisition_line: Whole | None = Field(None, description="Line of that requisition")


class PurchaseOrderReference(Part):
    """Which purchase order it is about."""

    po_no: str = Field(description="Purchase order number")


class PurchaseOrderHead(PurchaseOrderReference):
    """Head of a purchase order."""

    requisition_no: str | None = Field(None, description="Purchase requisition it was made from")
    version: Whole | None = Field(None, description="Version of the order, rising with every change")
    order_type: str | None = Field(None, description="Kind of order, e.g. standard, consignment, return")
    order_date: Day | None = Field(None, description="Day of the order")
    due_date: Day | None = Field(None, description="Day the goods are due")
    warehouse: str | None = Field(None, description="Warehouse that receives the goods")
    supplier: Party | None = Field(None, description="Who delivers")
    buyer: str | None = Field(None, description="Who buys")
    currency: str | None = Field(None, description="Currency, ISO 4217")
    amount: Number | None = Field(None, description="Total amount")
    remark: str | None = Field(None, description="Note on the order")


class PurchaseOrder(PurchaseOrderHead):
    """A whole purchase order."""

    lines: list[PurchaseOrderLine] = Field(description="Items that are bought")


@event("purchase_order.created")
class PurchaseOrderCreated(PurchaseOrder):
    """The ERP made a purchase order; its amount equals what was approved."""


@event("purchase_order.released")
class PurchaseOrderReleased(PurchaseOrder):
    """A purchase order was issued; the warehouse and the supplier prepare for it."""


@event("purchase_order.changed")
class PurchaseOrderChanged(PurchaseOrderHead):
    """An issued purchase order was edited; its subscribers accept or reject the new version."""

    reason: str | None = Field(None, description="Why it was changed")
    lines: list[PurchaseOrderLine] | None = Field(None, description="All lines, as now; missing: unchanged")


@event("purchase_order.cancelled")
class PurchaseOrderCancelled(PurchaseOrderHead):
    """An issued purchase order was called off; its subscribers accept or reject that."""

    reason: str | None = Field(None, description="Why it was cancelled")
    lines: list[PurchaseOrderLine] | None = Field(None, description="Lines that are cancelled; missing: all")


@event("purchase_order.accepted")
class PurchaseOrderAccepted(Accepted, PurchaseOrderReference):
    """A subscriber took over the purchase order, its change or its cancellation."""

    version: Whole | None = Field(None, description="Version that was accepted")


@event("purchase_order.rejected")
class PurchaseOrderRejected(Rejected, PurchaseOrderReference):
    """A subscriber refused the purchase order, its change or its cancellation, e.g. as already received."""

    version: Whole | None = Field(None, description="Version that was refused")


@event("purchase_order.status_changed")
class PurchaseOrderStatusChanged(PurchaseOrderReference):
    """A purchase order moved on: sent to the supplier, partly received, closed and so on."""

    status: str = Field(description="Status it has now")
    previous_status: str | None = Field(None, description="Status it had before")
    changed_at: Moment | None = Field(None, description="When it changed")
    supplier: Party | None = Field(None, description="Who delivers")
    remark: str | None = Field(None, description="Note on the change")
