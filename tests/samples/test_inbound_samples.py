"""Real documents of others on their whole way: inbound rule, event, route, another system's format.

The routing of each lies in `routing/`, written as an architect would. The documents lie where they are
read; a clone does not have them, so there nothing is found.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.config.load import load
from bus.config.model import Configuration
from bus.errors import BusError, ExpressionError, Held, IdentityConflict, InvalidEvent, UnmappedCode
from bus.explain import Explanation, explain
from bus.runtime.files import Disk, adapters

from tests.samples.test_codecs_samples import SAMPLES

ROUTING = Path(__file__).parent / "routing"
NOW = datetime(2025, 1, 1, tzinfo=UTC)
SHIPPED = "ni:///sha-256;aa49daa1fe0b773e0437e546078dc87de9c864d5b9babe84488f31478887fdf3?ver=CBV2.0"
RECEIVED = "ni:///sha-256;00e1e6eba3a7cc6125be4793a631f0af50f8322e0ab5f2c0bab994a11cec1d79?ver=CBV2.0"
CHANGED = "ni:///sha-256;e65c3a997e77f34b58306da7a82ab0fc91c7820013287700f0b50345e5795b97?ver=CBV2.0"
CORRECTIONS = [
    "ni:///sha-256;c6407ffcac52ec159528f2b556ba4ac3844c5aa48485c1fd61643e94f0a2d678?ver=CBV2.0",
    "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
]


class Expected(NamedTuple):
    """One event: its type, its attributes, its data as it travels, and each document made of it by route."""

    type: str
    id: str
    subject: str
    time: str
    data: str
    documents: dict[str, str]


def trace(id_: str, at: str, data: dict[str, Any], rows: dict[str, Any]) -> Expected:
    data = {"trace_id": id_, **data}
    rows = {"trace": [{"id": id_, "step": data["step"], "at": data["at"], "place": data["place"]}], **rows}
    return Expected("trace.recorded", id_, id_, at, compact(data), {"trace-to-store": compact(rows)})


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def items(id_: str, **roles: list[str]) -> list[dict[str, str]]:
    return [{"trace_id": id_, "role": role, "item": item} for role, found in roles.items() for item in found]


SHIPPED_ITEMS = [f"urn:epc:id:sgtin:0614141.107346.{n}" for n in (2017, 2018)]
INPUTS = ["urn:epc:id:sgtin:4012345.011122.25", "urn:epc:id:sgtin:4000001.065432.99886655"]
OUTPUTS = [f"urn:epc:id:sgtin:4012345.077889.{n}" for n in (25, 26, 27, 28)]
CLASSES = [
    ("urn:epc:class:lgtin:4012345.011111.4444", 10, {"uom": "KGM"}),
    ("urn:epc:class:lgtin:0614141.077777.987", 30, {}),
    ("urn:epc:idpat:sgtin:4012345.066666.*", 220, {}),
]
PO = {"kind": "po", "no": "http://transaction.acme.com/po/12345678"}
DESADV = {"kind": "desadv", "no": "urn:epcglobal:cbv:bt:0614141073467:1152"}

# File → routing, sender, and what comes of it.
EXPECTED: dict[str, tuple[str, str, list[Expected]]] = {
    "sap-idoc/matmas05-material-master.xml": ("sap", "sap", [Expected(
        "item.changed", "0000000215172311", "123456789", "2024-02-23T14:36:21+01:00",
        '{"code":"123456789","name":"DUMMY PRODUCT","status":"40","uom":"A12","category":"ABC123","barcode":"1234567891011",'
        '"weight":5.555,"volume":38.333,"shelf_life_days":0,"conversions":[{"uom":"201","factor":25},'
        '{"uom":"CS","factor":1,"barcode":"11223344556677"},{"uom":"L21","factor":5},{"uom":"PX","factor":42},'
        '{"uom":"H87","factor":1,"barcode":"7766554433221"},{"uom":"UPA","factor":42}]}',
        {"item-to-wms": "123456789         DUMMY PRODUCT       A1200000005.555  6\r\n"},
    )]),
    "sap-idoc/delvry07-inbound-delivery.xml": ("sap", "sap", [Expected(
        "purchase_order.released", "0000000233406367", "4800012345", "2024-03-19T06:14:11+01:00",
        '{"po_no":"4800012345","warehouse":"IN0S","due_date":"2025-01-20","supplier":{"code":"IN25P","name":"Example Company"},'
        '"lines":[{"line_no":20,"item_code":"654321234567","name":"KITCHEN PRODUCT","qty":5.000,"uom":"PCS"},'
        '{"line_no":30,"item_code":"111222333444","name":"ELECTRONICAL PRODUCT","qty":60.000,"uom":"PCS"}]}',
        {"order-to-wms": "order,position,sku,text,quantity,unit,due\r\n4800012345,1,K-1,KITCHEN PRODUCT,5.000,PCS,20.01.2025\r\n"
                         "4800012345,2,E-1,ELECTRONICAL PRODUCT,60.000,PCS,20.01.2025\r\n"},
    )]),
    "sap-idoc/delvry07-outbound-delivery.xml": ("sap", "sap", [Expected(
        "delivery_order.released", "0000000220928966", "0123456789", "2024-03-02T11:00:16+01:00",
        '{"delivery_no":"0123456789","warehouse":"FR0S","ship_to":{"code":"0123456789","name":"Sample Company","city":"Sample City",'
        '"country":"DE"},"due_date":"2025-01-02","weight":370.180,"lines":[{"line_no":10,"item_code":"876543212345","qty":180.000,'
        '"uom":"PCS","customer_po":"4567898765"}]}',
        {"delivery-to-wms": '{"shipment":"0123456789","consignee":{"code":"0123456789","name":"Sample Company","city":"Sample City",'
                            '"country":"DE"},"promised":"2025-01-02T00:00:00+05:30","items":[{"sku":"E-2","quantity":180.000,'
                            '"order":"4567898765"}]}'},
    )]),
    "gs1-xml/receiving-finished.xml": ("warehouse", "warehouse", [Expected(
        "goods_receipt.confirmed", "0123456789-finished", "1234567899", "2025-01-19T06:04:13+05:30",
        '{"receipt_no":"0123456789","po_no":"1234567899","warehouse":"IN20","received_on":"2025-01-19",'
        '"received_at":"2025-01-19T06:04:13+05:30","final":true,"lines":[{"po_line":20,"item_code":"887766554433","qty":5,'
        '"uom":"PCS","bin":"MAIN"},{"po_line":30,"item_code":"887766554433","qty":60,"uom":"PCS","bin":"MAIN"}]}',
        {"receipt-to-erp": '{"receipt":[{"receipt_no":"0123456789","po_no":"1234567899","received_at":"2025-01-19 08:34:13"}],'
                           '"receipt_line":[{"receipt_no":"0123456789","po_line":"00020","item":"000000887766554433","qty":5,"unit":"PCS"},'
                           '{"receipt_no":"0123456789","po_line":"00030","item":"000000887766554433","qty":60,"unit":"PCS"}]}'},
    )]),
    "gs1-xml/product-picked.xml": ("warehouse", "warehouse", [Expected(
        "shipment.confirmed", "8001583749-picked", "8001583749", NOW.isoformat(),
        '{"delivery_no":"8001583749","shipped_at":"2024-03-18T13:22:48+01:00","waybill":"2024110280",'
        '"lines":[{"line_no":1,"item_code":"4108531","qty":1,"uom":"PCS"}]}',
        {"shipment-to-portal": '{"delivery":"8001583749","tracking":"2024110280","shipped":"2024-03-18T13:22:48+01:00",'
                               '"lines":[{"item":"4108531","quantity":1}]}'},
    )]),
    "gs1-xml/outbound-status-update.xml": ("warehouse", "warehouse", [Expected(
        "delivery.status_changed", "8001577381-TRANSPORT_PLANNED", "8001577381", NOW.isoformat(),
        '{"delivery_no":"8001577381","status":"transport planned","at":"2024-03-19T15:00:00+01:00"}',
        {"status-to-office": "Lieferung;Status;geliefert\r\n8001577381;transport planned;19.03.2024 15:00\r\n"},
    )]),
    "gs1-xml/goods-movement.xml": ("warehouse", "warehouse", [Expected(
        "stock_status.changed", "0123456789-movement", "0123456789", "2024-03-01T19:15:19.293000+01:00",
        '{"report_no":"0123456789","warehouse":"FR20","moves":[{"item_code":"123456789","qty":-12,"at":"2024-03-01T19:15:06+01:00",'
        '"bin":"MAIN","status":"free"},{"item_code":"123456789","qty":12,"at":"2024-03-01T19:15:06+01:00","bin":"QUAL","status":"blocked"}]}',
        {"movement-to-host": "000000000123456789     -12MAIN free      \r\n000000000123456789      12QUAL blocked   \r\n"},
    )]),
    "ubl/order-2.0.xml": ("trade", "trade", [Expected(
        "purchase_order.released", "6E09886B-DC6E-439F-82D1-7CCAC7F4E3B1", "AEG012345", NOW.isoformat(),
        '{"po_no":"AEG012345","order_date":"2005-06-20","due_date":"2005-06-29","currency":"GBP","amount":100.00,'
        '"supplier":{"code":"CO001","name":"Consortial","contact":"Mrs Bouquet"},'
        '"remark":"order response required; payment is by BACS or by cheque",'
        '"lines":[{"line_no":1,"item_code":"6578489","name":"beeswax","qty":100,"uom":"KG","price":100.00}]}',
        {"order-to-office": "Order,Due,Supplier,Item,Quantity,Value,Terms\r\nAEG012345,29/06/2005,Consortial,6578489,100,10000.00,"
                            "order response required; payment is by BACS or by cheque\r\n"},
    )]),
    "ubl/receipt-advice-2.0.xml": ("trade", "trade", [
        Expected(
            "goods_receipt.confirmed", "89F82FA6-5331-491D-83BC-7B6CA7FD047C", "AEG012345", NOW.isoformat(),
            '{"receipt_no":"658398","po_no":"AEG012345","delivery_note":"565899","received_at":"2005-06-20T11:30:00Z",'
            '"lines":[{"po_line":1,"item_code":"6578489","qty":90,"uom":"KG","batch":"546378239","expires_on":"2010-01-01"}]}',
            {"receipt-to-supplier": '<?xml version="1.0" encoding="UTF-8"?>\n<r:receipt xmlns:r="urn:supplier:receipt" number="658398">'
                                    '<r:order>AEG012345</r:order><r:arrived>200506201930</r:arrived><r:line no="1"><r:lot>546378239</r:lot>'
                                    '<r:best>2010-01-01</r:best><r:quantity unit="KG">90</r:quantity></r:line></r:receipt>'},
        ),
        Expected(
            "nonconformance.reported", "89F82FA6-5331-491D-83BC-7B6CA7FD047C-short", "AEG012345", NOW.isoformat(),
            '{"report_no":"658398-short","po_no":"AEG012345","receipt_no":"658398","reason":"short",'
            '"lines":[{"item_code":"6578489","qty":10}]}',
            {"short-to-office": "Report,Reason,Pieces\r\n658398-short,short,10\r\n"},
        ),
    ]),
    "b2mml/material-definition.xml": ("mes", "planning", [Expected(
        "item.changed", "CRBN0001-2012-12-10T17:02:56.0Z", "CRBN0001", "2012-12-10T17:02:56+00:00",
        '{"code":"CRBN0001","name":"Product Courbon0001","uom":"KG","hazards":["C","XN"]}',
        {"item-to-mes": '{"material":"COURBON-1","text":"Product Courbon0001","unit":"KG","warnings":["C","XN"]}'},
    )]),
    "b2mml/production-schedule.xml": ("mes", "planning", [Expected(
        "production_order.released", "258456-2009-12-10T17:14:16.0Z", "258456", "2009-12-10T17:14:16+00:00",
        '{"order_no":"258456","product":"SO1215","qty":1.000,"components":['
        '{"item_code":"CRBN0001","qty":5.000,"uom":"KG","place":"BOX3"},{"item_code":"CRBN0002","qty":50.000,"uom":"KG","place":"BOX1"},'
        '{"item_code":"CRBN0001","qty":811.000,"uom":"KG","place":"BOX3"},{"item_code":"CRBN0003","qty":100.000,"uom":"KG","place":"BOX4"},'
        '{"item_code":"CRBN0001","lot":"CRBN0001_LOT01","qty":199.910,"uom":"KG"},'
        '{"item_code":"CRBN0002","lot":"CRBN0002_LOT01","qty":2152.3,"uom":"KG"}]}',
        {"order-to-mes": "258456|0010|COURBON-1|5.000||BOX3\r\n258456|0020|CRBN0002|50.000||BOX1\r\n258456|0030|COURBON-1|811.000||BOX3\r\n"
                         "258456|0040|CRBN0003|100.000||BOX4\r\n258456|0050|COURBON-1|199.910|CRBN0001_LOT01|\r\n"
                         "258456|0060|CRBN0002|2152.3|CRBN0002_LOT01|\r\n"},
    )]),
    "epcis/object-event-error-declaration.json": ("trace", "scanner", [
        trace(SHIPPED, "2005-04-03T20:33:31.116000-06:00", {
            "step": "shipping", "action": "observe", "at": "2005-04-03T20:33:31.116000-06:00",
            "place": "urn:epc:id:sgln:0614141.07346.1234", "items": SHIPPED_ITEMS, "documents": [PO],
        }, {"trace_item": items(SHIPPED, output=SHIPPED_ITEMS), "trace_quantity": []}),
        trace(RECEIVED, "2005-04-04T20:33:31.116000-06:00", {
            "step": "receiving", "action": "observe", "at": "2005-04-04T20:33:31.116000-06:00",
            "place": "urn:epc:id:sgln:0012345.11111.400", "items": SHIPPED_ITEMS[1:], "documents": [PO, DESADV],
        }, {"trace_item": items(RECEIVED, output=SHIPPED_ITEMS[1:]), "trace_quantity": []}),
        Expected(
            "trace.reversed", f"{SHIPPED}#error", f"{SHIPPED}#error", "2021-02-01T22:46:31.117000+00:00",
            compact({"reverses": SHIPPED, "reason": "incorrect data", "declared_at": "2021-02-01T22:46:31.117000Z",
                     "corrected_by": CORRECTIONS}),
            {"reversal-to-store": compact({"trace_error": [{"trace_id": SHIPPED, "reason": "incorrect data", "corrections": 2}]})},
        ),
    ]),
    "epcis/transformation-event.json": ("trace", "scanner", [
        trace(CHANGED, "2013-10-31T14:58:56.591000+00:00", {
            "step": "commissioning", "at": "2013-10-31T14:58:56.591000Z", "place": "urn:epc:id:sgln:4012345.00001.0",
            "inputs": INPUTS, "items": OUTPUTS, "quantities": [{"class": name, "qty": qty, **uom} for name, qty, uom in CLASSES],
            "documents": [{"kind": "batch", "no": "XYZ"}],
        }, {
            "trace_item": items(CHANGED, input=INPUTS, output=OUTPUTS),
            "trace_quantity": [
                {"trace_id": CHANGED, "line": n, "class": name, "qty": qty, **({"unit": uom["uom"]} if uom else {})}
                for n, (name, qty, uom) in enumerate(CLASSES, 1)
            ],
        }),
    ]),
}


def here(*samples: str) -> list[str]:
    return [sample for sample in samples if (SAMPLES / sample).is_file()]


@cache
def routing(name: str, old: str = "", new: str = "") -> Configuration:
    """The routing of that name, with one text in place of another."""
    path = ROUTING / f"{name}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    return load({str(path): text.replace(old, new) if old else text}, Disk(), {}, adapters())


def explained(sample: str, name: str, system: str, old: str = "", new: str = "") -> Explanation:
    return explain(routing(name, old, new), (SAMPLES / sample).read_bytes(), system, NOW)


def rejected(sample: str, name: str, system: str, old: str = "", new: str = "") -> BusError:
    found = explained(sample, name, system, old, new)
    assert found.events == ()
    (failed,) = found.rejected
    return failed.error


@pytest.mark.parametrize("name", sorted({"finance", *(name for name, _, _ in EXPECTED.values())}))
def test_the_routing_of_a_partner_is_without_a_single_finding(name: str) -> None:
    assert [f"{finding.place} {finding.message}" for finding in routing(name).findings] == []


@pytest.mark.parametrize("sample", here(*EXPECTED))
def test_a_real_document_reaches_another_system_in_its_format(sample: str) -> None:
    name, system, expected = EXPECTED[sample]
    found = explained(sample, name, system)
    assert found.rejected == ()
    got = []
    for one in found.events:
        assert one.failure is None
        documents = {
            match.route.name: "".join(document.body.decode(document.encoding) for document in match.documents)
            for considered in one.routes for match in considered.matches if match.failure is None
        }
        event = one.event
        got.append(Expected(event.type, event.id, event.subject, event.time.isoformat(), one.body.decode(), documents))
    assert got == expected


# ---------------------------------------------------------------------------------------------- statements


@pytest.mark.parametrize("sample", here("csv/alipay-gb18030-preamble.csv"))
def test_a_statement_in_gb18030_becomes_a_payment_a_row(sample: str) -> None:
    found = explained(sample, "finance", "alipay")
    assert found.rejected == ()
    assert [(one.event.id, one.event.data["amount"], one.event.data["direction"]) for one in found.events] == [
        ("202302xxxxxx0011000103xxxxxx 2023-02-12 21:32:14", Decimal("49.74"), "out"),
        ("2xxxxxxxxxxxxxxxxxxxxxxxxx9 2023-01-18 10:17:29", Decimal("222228.50"), "in"),
        ("xxxx 2023-07-10 13:10:16", Decimal("9.90"), "out"),
        ("xxxx 2023-07-10 13:20:16", Decimal("82.00"), "out"),
    ]
    (match,) = found.events[0].routes[0].matches
    (document,) = match.documents
    assert found.events[0].body.decode() == (
        '{"payment_no":"202302xxxxxx0011000103xxxxxx","order_no":"20230xxxxxxx014741014xxxxxx","amount":49.74,"direction":"out",'
        '"paid_at":"2023-02-12T21:32:14+08:00","payee":"xxxxxxxxxxxx","method":"交通银行信用卡(7449)","remark":"亲情卡"}'
    )
    assert (document.encoding, document.body.decode("gb18030")) == ("gb18030", (
        '<?xml version="1.0" encoding="GB18030"?>\n<payment no="202302xxxxxx0011000103xxxxxx"><amount currency="CNY">49.74</amount>'
        "<chinese>肆拾玖元柒角肆分</chinese><payee>xxxxxxxx</payee><account>7449</account><day>20230212</day></payment>"
    ))


@pytest.mark.parametrize("sample", here("csv/meituan-bom-crlf.csv"))
def test_a_statement_with_a_mark_and_guarded_numbers_becomes_a_payment_a_row(sample: str) -> None:
    found = explained(sample, "finance", "meituan")
    assert (len(found.events), found.rejected) == (29, ())
    assert found.events[0].body.decode() == (
        '{"payment_no":"25022811100401670006000394166443","order_no":"0_2204430449361044","amount":21.17,"direction":"out",'
        '"paid_at":"2025-02-28T20:35:25+08:00","payee":"喜茶（北京大兴万科广场店） 订单详情","method":"美团月付"}'
    )
    spent = sum(one.event.data["amount"] for one in found.events if one.event.data["direction"] == "out")
    got = sum(one.event.data["amount"] for one in found.events if one.event.data["direction"] == "in")
    # The statement's own head says 209.73, and 1175.68 without the repayment of a credit.
    assert (spent - Decimal("48.12"), got) == (Decimal("1175.68"), Decimal("209.73"))
    sent = [
        document.body.decode() for one in found.events for considered in one.routes
        for match in considered.matches for document in match.documents
    ]
    assert [json.loads(document)["amount"] for document in sent] == [218.0, 139.0, 119.0, 149.7, 139.8]
    assert sent[0] == (
        '{"no":"25022211100401670005107647721443","amount":218.00,"at":"2025-02-22T01:56:07+08:00",'
        '"payee":"【全天通用】沪小胖单人牛羊肉畅吃"}'
    )


# ------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("sample", here("epcis/invalid-object-event-action.json"))
def test_an_action_that_epcis_does_not_know_is_refused_with_its_place(sample: str) -> None:
    error = rejected(sample, "trace", "scanner")
    assert isinstance(error, ExpressionError)
    assert error.where is not None
    assert (error.where.path, error.where.expression.endswith("[e.action]")) == ("action", True)


@pytest.mark.parametrize("sample", here("epcis/invalid-quantity-as-text.json"))
def test_a_quantity_in_words_is_refused_with_its_place_and_advice(sample: str) -> None:
    error = rejected(sample, "trace", "scanner")
    assert isinstance(error, InvalidEvent)
    assert str(error) == (
        'trace.recorded: data.quantities[0].qty must be a number, or a text such as "12.50", not a text of another form'
    )
    assert error.where is not None
    assert (error.where.path, error.where.expression) == ("quantities[0].qty", "q.quantity")
    assert "decimal(…)" in error.hint


@pytest.mark.parametrize("sample", here("csv/alipay-gb18030-preamble.csv"))
def test_masked_numbers_that_are_no_identity_are_told_before_anything_is_lost(sample: str) -> None:
    error = rejected(
        sample, "finance", "alipay", 'id: f"{row.交易订单号} {row.交易时间}"', "id: row.交易订单号",
    )
    assert (type(error), error.fields) == (IdentityConflict, {"id": "xxxx"})


@pytest.mark.parametrize("sample", here("csv/alipay-gb18030-preamble.csv"))
def test_a_loop_over_a_misspelt_path_is_told(sample: str) -> None:
    error = rejected(sample, "finance", "alipay", "document.rows\n    if: row[", "document.row\n    if: row[")
    assert (type(error), error.code) == (Held, "no-event-path")


@pytest.mark.parametrize("sample", here("gs1-xml/goods-movement.xml"))
def test_a_partner_s_code_that_is_in_no_table_holds_the_document(sample: str) -> None:
    error = rejected(sample, "warehouse", "warehouse", "move.inventoryDispositionCode", "move.gtin")
    assert isinstance(error, UnmappedCode)
    assert (error.table, error.codes, error.by, error.to) == ("disposition", ("0123456789",), "warehouse", "bus")


OTHERS = {
    "ubl/order-2.0.xml": ("sap", "sap", "", ""),
    "sap-idoc/matmas05-material-master.xml": ("warehouse", "warehouse", "", ""),
    "epcis/transformation-event.json": ("trace", "scanner", '"TransformationEvent" for', '"QuantityEvent" for'),
}


@pytest.mark.parametrize("sample", here(*OTHERS))
def test_a_document_of_another_kind_is_held(sample: str) -> None:
    assert rejected(sample, *OTHERS[sample]).code == "no-rule"
