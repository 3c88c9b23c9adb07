"""What quality control found."""

from pydantic import Field

from schemas.parts import Accepted, Moment, Number, Part, Party, Posted, Rejected, StockLine, Whole, event
from schemas.receiving import NoticeReference


class InspectedLine(Part):
    """One batch as judged; the three quantities are three stock states."""

    item_code: str = Field(description="Item, by the bus's own code")
    batch: str | None = Field(None, description="Batch or lot")
    po_line: Whole | None = Field(None, description="Line of the purchase order")
    uom: str | None = Field(None, description="Unit of the quantities")
    inspected_qty: Number | None = Field(None, description="Quantity inspected")
    accepted_qty: Number | None = Field(None, description="Quantity that is good")
    concession_qty: Number | None = Field(None, description="Quantity used although it deviates")
    rejected_qty: Number | None = Field(None, description="Quantity that goes back or is scrapped")
    reason: str | None = Field(None, description="Reason of a concession or rejection")
    remark: str | None = Field(None, description="Note on the line")


@event("quality_inspection.completed")
class QualityInspectionCompleted(NoticeReference):
    """A batch was judged: accepted and conceded goods go into stock, rejected ones go back."""

    inspection_no: str | None = Field(None, description="Number of the inspection")
    po_no: str | None = Field(None, description="Purchase order number")
    warehouse: str | None = Field(None, description="Warehouse where the goods are")
    supplier: Party | None = Field(None, description="Who delivered")
    result: str | None = Field(None, description="Result of the whole: accepted, concession or rejected")
    inspector: str | None = Field(None, description="Who judged")
    inspected_at: Moment | None = Field(None, description="When it was judged")
    lines: list[InspectedLine] = Field(description="Batches as judged")


@event("quality_inspection.accepted")
class QualityInspectionAccepted(Accepted, NoticeReference):
    """A subscriber took over the result of the inspection; stock is not updated yet."""


@event("quality_inspection.posted")
class QualityInspectionPosted(Posted, NoticeReference):
    """The ERP moved the stock as the inspection judged."""


@event("quality_inspection.rejected")
class QualityInspectionRejected(Rejected, NoticeReference):
    """A subscriber refused the result of the inspection; a person decides."""


class ReportReference(Part):
    """Which nonconformance report it is about."""

    report_no: str = Field(description="Nonconformance report number")


class NonconformingLine(StockLine):
    """Goods that are short, wrong or damaged."""

    reason: str | None = Field(None, description="What is wrong, e.g. short, wrong_spec, damaged")
    expected_qty: Number | None = Field(None, description="Quantity that was expected")


@event("nonconformance.reported")
class NonconformanceReported(ReportReference):
    """The warehouse found goods short or of the wrong kind; purchasing and the supplier are told."""

    po_no: str | None = Field(None, description="Purchase order number")
    receipt_no: str | None = Field(None, description="Goods receipt number")
    warehouse: str | None = Field(None, description="Warehouse where the goods are")
    supplier: Party | None = Field(None, description="Who delivered")
    reason: str | None = Field(None, description="What is wrong with the delivery")
    reported_at: Moment | None = Field(None, description="When it was found")
    reporter: str | None = Field(None, description="Who found it")
    lines: list[NonconformingLine] = Field(description="Goods that do not conform, and how much")


@event("nonconformance.accepted")
class NonconformanceAccepted(Accepted, ReportReference):
    """The ERP took over the report; purchasing decides."""


@event("nonconformance.rejected")
class NonconformanceRejected(Rejected, ReportReference):
    """The ERP refused the report."""
