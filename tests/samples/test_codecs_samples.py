"""Real documents that others published, read where they lie; a clone does not have them, so there nothing is found."""

import os
from pathlib import Path
from typing import Any

import pytest

from bus.adapter import SourceOptions
from bus.codecs import MISSING, lookup_path, plain, read

# Read at import: the environment of a test has no settings of the person who runs it.
SAMPLES = Path(os.environ.get("BUS_SAMPLES") or Path(__file__).parents[2].parent / "shared" / "samples")

GOODS_MOVEMENT = "logisticsInventoryReportMessage.logisticsInventoryReport"
MOVED = f"{GOODS_MOVEMENT}.logisticsInventoryReportInventoryLocation.tradeItemInventoryEvent"
SHIPPED = "warehousingOutboundNotificationMessage.warehousingOutboundNotification.warehousingOutboundNotificationShipment"
RECEIVED = "warehousingInboundNotificationMessage.warehousingInboundNotification.warehousingInboundNotificationShipment"
REQUIRED = "SyncProductionSchedule.DataArea.ProductionSchedule.ProductionRequest.SegmentRequirement"

# File → options of the source, and what stands at some paths.
EXPECTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sap-idoc/delvry07-inbound-delivery.xml": (
        {},
        {
            "DELVRY07.IDOC.EDI_DC40.DOCNUM": "0000000233406367",
            "DELVRY07.IDOC.EDI_DC40.MESCOD": "IBG",
            "DELVRY07.IDOC.@BEGIN": "1",
            "DELVRY07.IDOC.E1EDL20.E1EDL24[0].MATNR": "000000654321234567",
            "DELVRY07.IDOC.E1EDL20.E1EDL24[1].LFIMG": "60.000",
            "DELVRY07.IDOC.E1EDL20.E1EDL24[2]": MISSING,
        },
    ),
    "sap-idoc/delvry07-outbound-delivery.xml": (
        {},
        {
            "DELVRY07.IDOC.EDI_DC40.MESCOD": "OBG",
            "DELVRY07.IDOC.E1EDL20.E1EDL24[0].LFIMG": "180.000",
            "DELVRY07.IDOC.E1EDL20.E1EDL24.MATNR": "000000876543212345",
        },
    ),
    "sap-idoc/matmas05-material-master.xml": (
        {},
        {
            "MATMAS05.IDOC.EDI_DC40.MESTYP": "MATMAS",
            "MATMAS05.IDOC.E1MARAM.MATNR": "000000000123456789",
            "MATMAS05.IDOC.E1MARAM.E1MAKTM[1].SPRAS": "D",
        },
    ),
    "gs1-xml/goods-movement.xml": (
        {},
        {
            f"{GOODS_MOVEMENT}.structureTypeCode": "LOCATION_BY_ITEM",
            f"{MOVED}[1].tradeItemQuantity": "12",
            f"{MOVED}[1].tradeItemQuantity.@measurementUnitCode": "H87",
        },
    ),
    "gs1-xml/outbound-status-update.xml": (
        {},
        {
            f"{SHIPPED}.warehousingOutboundStatusCode": "TRANSPORT_PLANNED",
            f"{SHIPPED}.actualDelivery.logisticEventDateTime.date": "2024-03-19+01:00",
        },
    ),
    "gs1-xml/product-picked.xml": (
        {},
        {
            f"{SHIPPED}.warehousingOutboundNotificationShipmentItem.actualDespatchQuantity": "1",
            f"{SHIPPED}.warehousingOutboundNotificationShipmentItem[0].transactionalReference.lineItemNumber": "10",
        },
    ),
    "gs1-xml/receiving-finished.xml": (
        {},
        {
            f"{RECEIVED}.warehousingInboundNotificationShipmentItem[0].actualReceiptQuantity": "5",
            f"{RECEIVED}.warehousingInboundNotificationShipmentItem[1].actualReceiptQuantity.#text": "60",
            f"{RECEIVED}.warehousingInboundNotificationShipmentItem[1].lineItemNumber": "000020",
            f"{RECEIVED}.warehousingInboundNotificationShipmentItem.lineItemNumber": MISSING,
        },
    ),
    "ubl/order-2.0.xml": (
        {},
        {
            "Order.AnticipatedMonetaryTotal.PayableAmount": "100.00",
            "Order.OrderLine.LineItem.Quantity": "100",
            "Order.OrderLine[0].LineItem.Quantity.@unitCode": "KGM",
        },
    ),
    "ubl/receipt-advice-2.0.xml": (
        {},
        {"ReceiptAdvice.ReceiptLine.ReceivedQuantity": "90", "ReceiptAdvice.ReceiptLine.ShortQuantity": "10"},
    ),
    "b2mml/material-definition.xml": (
        {},
        {
            "SyncMaterialDefinition.DataArea.MaterialDefinition.ID": "CRBN0001",
            "SyncMaterialDefinition.DataArea.MaterialDefinition.MaterialDefinitionProperty[1].Value[1].ValueString": "XN",
            "SyncMaterialDefinition.DataArea.MaterialDefinition.MaterialDefinitionProperty[0].Value.UnitOfMeasure": "",
            "SyncMaterialDefinition.DataArea.Sync": "",
        },
    ),
    "b2mml/production-schedule.xml": (
        {},
        {
            f"{REQUIRED}.MaterialRequirement.Quantity.QuantityString": "1.000",
            f"{REQUIRED}.SegmentRequirement.MaterialRequirement[2].Quantity.QuantityString": "811.000",
            f"{REQUIRED}.SegmentRequirement.SegmentRequirement.MaterialRequirement[1].Quantity.QuantityString": "2152.3",
        },
    ),
    "epcis/object-event-error-declaration.json": (
        {},
        {
            "schemaVersion": "2.0",
            "@context[1].example": "http://ns.example.com/epcis/",
            "epcisBody.eventList[0].errorDeclaration.reason": "incorrect_data",
            'epcisBody.eventList[1]["example:myField"]': "Example of a vendor/user extension",
        },
    ),
    "epcis/transformation-event.json": (
        {},
        {
            "epcisBody.eventList[0].inputQuantityList[0].quantity": 10,
            "epcisBody.eventList[0].bizStep": "commissioning",
        },
    ),
    "epcis/invalid-quantity-as-text.json": ({}, {"epcisBody.eventList[0].quantityList[0].quantity": "twenty"}),
    "epcis/invalid-object-event-action.json": ({}, {"epcisBody.eventList[0].action": "CREATE"}),
    "csv/alipay-gb18030-preamble.csv": (
        {"encoding": "gb18030", "skip": 24},
        {
            "rows[0].交易时间": "2023-02-12 21:32:14",
            "rows[0].金额": "49.74",
            "rows[0].商家订单号": "20230xxxxxxx014741014xxxxxx",
            "rows[9].金额": "82.00",
            "rows[9].c13": "",
            "rows[10]": MISSING,
        },
    ),
    "csv/meituan-bom-crlf.csv": (
        {"skip": 19},
        {
            "rows[0].交易单号": "25022811100401670006000394166443",
            "rows[0].订单标题": "喜茶（北京大兴万科广场店） 订单详情",
            "rows[28].实付金额": "¥19.20",
            "rows[29]": MISSING,
        },
    ),
}
FOUND = [name for name in EXPECTED if (SAMPLES / name).is_file()]


@pytest.mark.parametrize("name", FOUND)
def test_a_real_document_is_read_to_the_last_digit(name: str) -> None:
    options, values = EXPECTED[name]
    format_ = name.rpartition(".")[2]
    document = plain(read(format_, (SAMPLES / name).read_bytes(), SourceOptions(format=format_, **options)))
    assert {path: lookup_path(document, path) for path in values} == values


def test_every_sample_that_a_codec_reads_is_expected_here() -> None:
    lying = {path.relative_to(SAMPLES).as_posix() for kind in ("xml", "json", "csv") for path in SAMPLES.glob(f"*/*.{kind}")}
    assert lying in (set(), set(EXPECTED))
