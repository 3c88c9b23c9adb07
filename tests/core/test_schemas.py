"""The shipped models: complete, described, exact, and content with what real systems send."""

import ast
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

import schemas
from schemas import EVENTS
from schemas.parts import MODELS, Part, event

# Rows of the list of business events: what is published, and the replies their flow implies.
ROWS: dict[int, str] = {
    1: "purchase_requisition.submitted purchase_requisition.accepted purchase_requisition.rejected",
    2: "purchase_requisition.approved",
    3: "purchase_order.created",
    4: "purchase_order.released",
    5: "inbound_order.accepted inbound_order.rejected",
    6: "purchase_order.status_changed",
    7: "purchase_order.changed purchase_order.cancelled purchase_order.accepted purchase_order.rejected",
    8: "receiving_notice.created receiving_notice.accepted receiving_notice.rejected",
    9: "goods_receipt.confirmed goods_receipt.accepted goods_receipt.rejected goods_receipt.reversed",
    10: "goods_receipt.posted",
    11: "quality_inspection.completed quality_inspection.accepted quality_inspection.posted quality_inspection.rejected",
    12: "nonconformance.reported nonconformance.accepted nonconformance.rejected",
    13: "purchase_return.requested purchase_return.accepted",
    14: "purchase_return.shipped purchase_return.posted purchase_return.rejected",
    41: "item.changed item.applied item.rejected bom.changed bom.applied bom.rejected",
    42: "supplier.changed supplier.applied supplier.rejected customer.changed customer.applied customer.rejected",
    43: "warehouse.changed warehouse.applied warehouse.rejected bin.changed bin.applied bin.rejected",
    58: "reconciliation.mismatch_found reconciliation.mismatch_resolved delivery.dead_lettered delivery.replayed",
}

LINES = [{"item_code": "0012", "qty": "12.50"}]
# The least each published event may hold.
LEAST: dict[str, dict[str, Any]] = {
    "purchase_requisition.submitted": {"requisition_no": "PR-1", "lines": LINES},
    "purchase_requisition.approved": {"requisition_no": "PR-1"},
    "purchase_order.created": {"po_no": "PO-1", "lines": LINES},
    "purchase_order.released": {"po_no": "PO-1", "lines": LINES},
    "purchase_order.changed": {"po_no": "PO-1"},
    "purchase_order.cancelled": {"po_no": "PO-1"},
    "purchase_order.accepted": {"po_no": "PO-1"},
    "purchase_order.rejected": {"po_no": "PO-1", "code": "B017", "message": "received"},
    "purchase_order.status_changed": {"po_no": "PO-1", "status": "sent"},
    "inbound_order.accepted": {"po_no": "PO-1"},
    "inbound_order.rejected": {"po_no": "PO-1", "code": "B017", "message": "no dock"},
    "receiving_notice.created": {"notice_no": "RN-1", "lines": LINES},
    "goods_receipt.confirmed": {"receipt_no": "GR-1", "po_no": "PO-1", "lines": LINES},
    "goods_receipt.posted": {"receipt_no": "GR-1", "erp_document": "5000000017"},
    "goods_receipt.rejected": {"receipt_no": "GR-1", "code": "M7-021", "message": "period closed"},
    "goods_receipt.reversed": {"receipt_no": "GR-2", "reverses": "GR-1"},
    "quality_inspection.completed": {"notice_no": "RN-1", "lines": [{"item_code": "0012"}]},
    "nonconformance.reported": {"report_no": "NC-1", "lines": LINES},
    "purchase_return.requested": {"return_no": "RT-1", "lines": LINES},
    "purchase_return.shipped": {"return_no": "RT-1", "lines": LINES},
    "item.changed": {"code": "0012"},
    "item.applied": {"item_code": "0012"},
    "item.rejected": {"item_code": "0012", "code": "E1", "message": "there twice"},
    "bom.changed": {"code": "0012", "components": LINES},
    "supplier.changed": {"code": "S-1"},
    "customer.changed": {"code": "C-1"},
    "warehouse.changed": {"code": "WH01"},
    "bin.changed": {"code": "A-01-01"},
    "reconciliation.mismatch_found": {"source": "erp", "id": "PO-1-v1", "reason": "missing"},
    "delivery.dead_lettered": {"source": "erp", "id": "PO-1-v1", "reason": "HTTP 400"},
}


def test_every_event_of_the_rows_has_a_model_and_every_model_a_row() -> None:
    assert sorted(EVENTS) == sorted(" ".join(ROWS.values()).split())


@pytest.mark.parametrize("name", EVENTS)
def test_a_model_says_what_happened_and_what_each_field_means(name: str) -> None:
    undescribed: list[str] = []

    def walk(model: type[BaseModel], path: str) -> None:
        for field_name, info in model.model_fields.items():
            if not info.description:
                undescribed.append(f"{path}.{field_name}")
            for inner in _models(info.annotation):
                walk(inner, f"{path}.{field_name}")

    assert "__doc__" in vars(EVENTS[name])
    walk(EVENTS[name], name)
    assert undescribed == []


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


@pytest.mark.parametrize("name", LEAST)
def test_the_least_a_system_can_send_is_enough(name: str) -> None:
    model = EVENTS[name]
    model.model_validate(LEAST[name])
    for missing in LEAST[name]:
        with pytest.raises(ValidationError, match=missing):
            model.model_validate({key: value for key, value in LEAST[name].items() if key != missing})


@pytest.mark.parametrize("name", [name for name in EVENTS if name.endswith(".rejected")])
def test_a_rejection_gives_code_and_message(name: str) -> None:
    fields = EVENTS[name].model_fields
    assert fields["code"].is_required()
    assert fields["message"].is_required()


def test_a_whole_order_is_read_exactly_and_unknown_fields_are_kept() -> None:
    order: Any = EVENTS["purchase_order.released"].model_validate({
        "po_no": "PO-2026-001873",
        "requisition_no": "PR-2026-000771",
        "buyer": "E0042",
        "currency": "CNY",
        "amount": Decimal("1562.50"),
        "warehouse": "WH01",
        "due_date": "2026-11-16",
        "remark": "urgent",
        "supplier": {"code": "S00017", "name": "East China Precision", "level": "VIP"},
        "lines": [{
            "line_no": "00010", "item_code": "000123", "name": "bolt", "spec": "M8x40", "qty": "1250.00",
            "uom": "PCS", "price": Decimal("1.25"), "amount": "1562.50", "due_date": date(2026, 11, 16), "lot": "x",
        }],
        "cost_center": "4711",
    })
    assert (order.due_date, order.supplier.level, order.cost_center) == (date(2026, 11, 16), "VIP", "4711")
    line = order.lines[0]
    assert (line.line_no, line.item_code, str(line.qty), line.lot) == (10, "000123", "1250.00", "x")


@pytest.mark.parametrize("qty", [1.5, True, "1e3", "1_000", "１２", "NaN", "", " 1", Decimal("NaN"), Decimal("1e400"), None])
def test_a_quantity_that_is_no_plain_number_is_refused(qty: object) -> None:
    with pytest.raises(ValidationError, match="qty"):
        EVENTS["purchase_order.released"].model_validate({"po_no": "1", "lines": [{"item_code": "1", "qty": qty}]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"po_no": 17},
        {"due_date": "2025-01-19+05:30"},
        {"due_date": "20250119"},
        {"due_date": 0},
        {"due_date": "2025-02-30"},
        {"version": True},
        {"version": "1_0"},
        {"version": 1.0},
        {"supplier": {"name": "no code"}},
    ],
)
def test_a_value_of_another_kind_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        EVENTS["purchase_order.released"].model_validate(LEAST["purchase_order.released"] | wrong)


@pytest.mark.parametrize("time", ["2025-01-19T08:30:00", "2025-01-19+05:30", "2025-01-19", 1737270000])
def test_a_time_without_a_zone_is_refused(time: object) -> None:
    with pytest.raises(ValidationError, match="received_at"):
        EVENTS["goods_receipt.confirmed"].model_validate(LEAST["goods_receipt.confirmed"] | {"received_at": time})


def test_a_time_with_a_zone_is_read() -> None:
    moment = datetime(2025, 1, 19, 0, 30, tzinfo=UTC)
    for time in ("2025-01-19T08:30:00+08:00", "2025-01-19 00:30:00Z", moment):
        receipt: Any = EVENTS["goods_receipt.confirmed"].model_validate(
            LEAST["goods_receipt.confirmed"] | {"received_at": time}
        )
        assert receipt.received_at == moment


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=r"goods_receipt\.posted.*GoodsReceiptPosted"):
        event("goods_receipt.posted")(Part)
    assert MODELS["goods_receipt.posted"].__name__ == "GoodsReceiptPosted"


def test_the_schemas_import_nothing_but_pydantic_and_themselves() -> None:
    imported: set[str] = set()
    for file in Path(schemas.__file__ or "").parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
    assert imported <= {"collections", "datetime", "decimal", "pydantic", "re", "schemas", "types", "typing"}
