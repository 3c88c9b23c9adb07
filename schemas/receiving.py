"""Goods coming in: the warehouse's inbound order, the notice to quality control, the receipt."""

from pydantic import Field

from schemas.parts import Accepted, Day, Flag, Moment, Part, Party, Posted, Rejected, StockLine, event
from schemas.purchasing import PurchaseOrderReference


@event("inbound_order.accepted")
class InboundOrderAccepted(Accepted, PurchaseOrderReference):
    """The warehouse made its inbound order for a purchase order and expects the goods."""

    wms_order_no: str | None = Field(None, description="Number of the warehouse's inbound order")
    warehouse: str | None = Field(None, description="Warehouse that expects the goods")
    dock: str | None = Field(None, description="Dock where the goods are expected")
    expected_at: Moment | None = Field(None, description="When the goods are expected")


@event("inbound_order.rejected")
class InboundOrderRejected(Rejected, PurchaseOrderReference):
    """The warehouse cannot make an inbound order for a purchase order."""


class NoticeReference(Part):
    """Which receiving notice it is about."""

    notice_no: str = Field(description="Receiving notice number")


@event("receiving_notice.created")
class ReceivingNoticeCreated(NoticeReference):
    """Goods arrived and wait for inspection."""

    po_no: str | None = Field(None, description="Purchase order number")
    warehouse: str | None = Field(None, description="Warehouse where the goods are")
    supplier: Party | None = Field(None, description="Who delivered")
    arrived_at: Moment | None = Field(None, description="When the goods arrived")
    remark: str | None = Field(None, description="Note on the notice")
    lines: list[StockLine] = Field(description="Goods to inspect")


@event("receiving_notice.accepted")
class ReceivingNoticeAccepted(Accepted, NoticeReference):
    """Quality control took over the receiving notice."""


@event("receiving_notice.rejected")
class ReceivingNoticeRejected(Rejected, NoticeReference):
    """Quality control cannot use the receiving notice."""


class ReceiptReference(Part):
    """Which goods receipt it is about."""

    receipt_no: str = Field(description="Goods receipt number")
    po_no: str | None = Field(None, description="Purchase order number")


@event("goods_receipt.confirmed")
class GoodsReceiptConfirmed(Part):
    """Goods were scanned and accepted in the warehouse; quantities are of this receipt alone."""

    receipt_no: str = Field(description="Goods receipt number")
    po_no: str = Field(description="Purchase order number")
    warehouse: str | None = Field(None, description="Warehouse that received the goods")
    supplier: Party | None = Field(None, description="Who delivered")
    delivery_note: str | None = Field(None, description="Number of the supplier's delivery note")
    notice_no: str | None = Field(None, description="Receiving notice the goods were inspected by")
    received_on: Day | None = Field(None, description="Business day of the receipt")
    received_at: Moment | None = Field(None, description="When the goods were received")
    operator: str | None = Field(None, description="Who received the goods")
    final: Flag | None = Field(None, description="Nothing more will come for this purchase order")
    remark: str | None = Field(None, description="Note on the receipt")
    lines: list[StockLine] = Field(description="Goods received")


@event("goods_receipt.accepted")
class GoodsReceiptAccepted(Accepted, ReceiptReference):
    """The ERP took over the receipt; stock is not updated yet."""


@event("goods_receipt.posted")
class GoodsReceiptPosted(Posted, ReceiptReference):
    """The ERP updated its stock for the receipt."""


@event("goods_receipt.rejected")
class GoodsReceiptRejected(Rejected, ReceiptReference):
    """The ERP refused the receipt; a person decides."""


@event("goods_receipt.reversed")
class GoodsReceiptReversed(ReceiptReference):
    """A receipt was taken back; the first one stays on record."""

    reverses: str = Field(description="Number of the receipt that is taken back")
    reason: str | None = Field(None, description="Why it is taken back")
    reversed_at: Moment | None = Field(None, description="When it was taken back")
    lines: list[StockLine] | None = Field(None, description="Goods taken back; missing: the whole receipt")
