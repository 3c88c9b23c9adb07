"""Master data that one system keeps and the others follow; sent per change and as a nightly whole."""

from pydantic import Field

from schemas.parts import Applied, Day, Flag, Line, Number, Part, Rejected, Whole, event


class MasterRecord(Part):
    """What every master record has; a higher version replaces a lower one."""

    code: str = Field(description="Code of the record")
    version: Whole | None = Field(None, description="Version, rising with every change")
    name: str | None = Field(None, description="Name of the record")
    status: str | None = Field(None, description="Status, e.g. active, blocked, deleted")
    remark: str | None = Field(None, description="Note on the record")


class Conversion(Part):
    """How many base units one unit of another kind is."""

    uom: str = Field(description="The other unit")
    factor: Number = Field(description="Base units in one of it")
    barcode: str | None = Field(None, description="Barcode of that packing")


class BatchAttribute(Part):
    """Something recorded with every batch of an item."""

    code: str = Field(description="Code of the attribute")
    name: str | None = Field(None, description="Name of the attribute")
    required: Flag | None = Field(None, description="Whether a batch must have it")


@event("item.changed")
class ItemChanged(MasterRecord):
    """An item was created or edited."""

    spec: str | None = Field(None, description="Specification or model")
    uom: str | None = Field(None, description="Base unit")
    category: str | None = Field(None, description="Category of the item")
    barcode: str | None = Field(None, description="Barcode of the base unit")
    batch_managed: Flag | None = Field(None, description="Whether stock is kept by batch")
    serial_managed: Flag | None = Field(None, description="Whether stock is kept by serial number")
    shelf_life_days: Whole | None = Field(None, description="Days from production to the last day of use")
    batch_attributes: list[BatchAttribute] | None = Field(None, description="Recorded with each batch")
    conversions: list[Conversion] | None = Field(None, description="Other units it is counted in")
    weight: Number | None = Field(None, description="Gross weight of one base unit in kilograms")
    volume: Number | None = Field(None, description="Volume of one base unit in cubic metres")


class RecordRejected(Rejected):
    """Reply: the subscriber's master data stays as it was."""

    version: Whole | None = Field(None, description="Version that was refused")


class ItemReference(Part):
    """Which item it is about."""

    item_code: str = Field(description="Item, by the bus's own code")


@event("item.applied")
class ItemApplied(Applied, ItemReference):
    """A subscriber's item is now the same."""


@event("item.rejected")
class ItemRejected(RecordRejected, ItemReference):
    """A subscriber refused an item, e.g. the code is there twice."""


class Component(Line):
    """What goes into a product; its quantity is for one batch size of the product."""

    line_no: Whole | None = Field(None, description="Number of the line")
    scrap_rate: Number | None = Field(None, description="Expected loss in percent")
    operation: str | None = Field(None, description="Operation that uses it")
    substitute_for: str | None = Field(None, description="Item it may replace")


@event("bom.changed")
class BomChanged(MasterRecord):
    """A bill of materials was created or edited; `code` is that of the product."""

    batch_size: Number | None = Field(None, description="Quantity of product they make; missing: 1")
    uom: str | None = Field(None, description="Unit of the batch size")
    valid_from: Day | None = Field(None, description="First day it is used")
    valid_to: Day | None = Field(None, description="Last day it is used")
    components: list[Component] = Field(description="What goes into the product, all of it")


@event("bom.applied")
class BomApplied(Applied, ItemReference):
    """A subscriber's bill of materials is now the same; `item_code` is that of the product."""


@event("bom.rejected")
class BomRejected(RecordRejected, ItemReference):
    """A subscriber refused a bill of materials; `item_code` is that of the product."""


class Qualification(Part):
    """A licence or certificate."""

    kind: str = Field(description="What it certifies")
    number: str | None = Field(None, description="Number of the certificate")
    valid_to: Day | None = Field(None, description="Last day it is valid")


class PartyRecord(MasterRecord):
    """A company the business deals with."""

    short_name: str | None = Field(None, description="Short name")
    level: str | None = Field(None, description="Grade given to it, e.g. VIP")
    tax_no: str | None = Field(None, description="Tax number or unified social credit code")
    contact: str | None = Field(None, description="Person to speak to")
    phone: str | None = Field(None, description="Telephone number")
    address: str | None = Field(None, description="Postal address")
    currency: str | None = Field(None, description="Currency, ISO 4217")
    payment_terms: str | None = Field(None, description="Terms of payment")


@event("supplier.changed")
class SupplierChanged(PartyRecord):
    """A supplier was created or edited."""

    qualification: str | None = Field(None, description="Status, e.g. qualified, on_trial")
    qualifications: list[Qualification] | None = Field(None, description="Its licences and certificates")


class SupplierReference(Part):
    """Which supplier it is about."""

    supplier_code: str = Field(description="Code of the supplier")


@event("supplier.applied")
class SupplierApplied(Applied, SupplierReference):
    """A subscriber's supplier is now the same."""


@event("supplier.rejected")
class SupplierRejected(RecordRejected, SupplierReference):
    """A subscriber refused a supplier, e.g. code and name disagree."""


@event("customer.changed")
class CustomerChanged(PartyRecord):
    """A customer was created or edited."""

    credit_limit: Number | None = Field(None, description="Highest open amount")


class CustomerReference(Part):
    """Which customer it is about."""

    customer_code: str = Field(description="Code of the customer")


@event("customer.applied")
class CustomerApplied(Applied, CustomerReference):
    """A subscriber's customer is now the same."""


@event("customer.rejected")
class CustomerRejected(RecordRejected, CustomerReference):
    """A subscriber refused a customer, e.g. code and name disagree."""


@event("warehouse.changed")
class WarehouseChanged(MasterRecord):
    """A warehouse was created or edited."""

    parent: str | None = Field(None, description="Site or warehouse it belongs to")
    kind: str | None = Field(None, description="Kind of warehouse, e.g. raw, finished, quarantine, virtual")
    address: str | None = Field(None, description="Postal address")


class WarehouseReference(Part):
    """Which warehouse it is about."""

    warehouse: str = Field(description="Code of the warehouse")


@event("warehouse.applied")
class WarehouseApplied(Applied, WarehouseReference):
    """A subscriber's warehouse is now the same."""


@event("warehouse.rejected")
class WarehouseRejected(RecordRejected, WarehouseReference):
    """A subscriber refused a warehouse."""


@event("bin.changed")
class BinChanged(MasterRecord):
    """A bin was created or edited."""

    warehouse: str | None = Field(None, description="Warehouse the bin is in")
    parent: str | None = Field(None, description="Zone or aisle it belongs to")
    kind: str | None = Field(None, description="Kind of bin, e.g. pallet, shelf, dock")


class BinReference(Part):
    """Which bin it is about."""

    bin: str = Field(description="Code of the bin")
    warehouse: str | None = Field(None, description="Warehouse the bin is in")


@event("bin.applied")
class BinApplied(Applied, BinReference):
    """A subscriber's bin is now the same."""


@event("bin.rejected")
class BinRejected(RecordRejected, BinReference):
    """A subscriber refused a bin."""
