"""The ERP: a real database with a staging table that it writes, and tables that the bus writes."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Numeric, String, Table, Text, create_engine, func, insert, select

METADATA = MetaData()
OUTBOX = Table(
    "bus_outbox", METADATA,
    Column("id", Integer, primary_key=True), Column("document", Text), Column("status", String(20)),
    Column("error", Text),
)
STATUS = Table(
    "order_status", METADATA,
    Column("id", Integer, primary_key=True), Column("po_no", String(20)), Column("status", String(20)),
    Column("reference", String(200)),
)
RECEIPT = Table(
    "goods_receipt", METADATA,
    Column("document_no", Integer, primary_key=True), Column("receipt_no", String(40), unique=True),
    Column("po_no", String(20)), Column("warehouse", String(10)),
)
LINE = Table(
    "goods_receipt_line", METADATA,
    Column("id", Integer, primary_key=True), Column("receipt_no", String(40)), Column("po_line", Integer),
    Column("matnr", String(18)), Column("qty", Numeric(15, 3)), Column("batch", String(20)),
)
ITEMS = {
    "104711": ("深沟球轴承 6204", "12.50"), "104712": ("深沟球轴承 6305", "18.80"),
    "104801": ("骨架油封 25x40x7", "3.20"), "105002": ("内六角螺栓 M8x30", "0.45"),
}


class Erp:
    """Writes documents into its outbox, reads what the bus posted."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._engine = create_engine(self.url, connect_args={"timeout": 10})
        METADATA.create_all(self._engine)

    def order(
        self, number: str, action: str, lines: list[tuple[str, str]], *, version: int = 1, supplier: str = "100042"
    ) -> None:
        """Release or change a purchase order of (item, quantity) lines."""
        document = {
            "type": "PO", "action": action, "ebeln": number, "version": version, "lifnr": supplier.zfill(10),
            "lifnm": "上海轴承有限公司", "werks": "1010", "eindt": "20261208", "waers": "CNY",
            "reason": "quantity reduced", "items": [
                {
                    "ebelp": f"{position * 10:05d}", "matnr": item.zfill(18), "maktx": ITEMS[item][0],
                    "menge": quantity, "meins": "ST", "netpr": ITEMS[item][1],
                }
                for position, (item, quantity) in enumerate(lines, 1)
            ],
        }
        with self._engine.begin() as connection:
            connection.execute(insert(OUTBOX).values(document=json.dumps(document, ensure_ascii=False), status="new"))

    def count(self, table: Table, **where: Any) -> int:
        """How many rows a table has."""
        query = select(func.count()).select_from(table)
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
