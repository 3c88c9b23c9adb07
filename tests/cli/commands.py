"""The command `bus` called as a person calls it, in a folder with a configuration of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.cli.main import main

ROUTING = """\
version: 1
systems:
  erp:
    source: {adapter: file, folder: in/erp, format: json}
  wms:
    source: {adapter: http, path: /in/wms, format: xml}
    sink: {adapter: http, url: "https://bus:${WMS_PASSWORD}@wms.example.com/api?token=${WMS_PASSWORD}"}
  oa:
    sink: {adapter: file, folder: out/oa, encoding: gb18030}
  scm:
    sink: {adapter: queue}
lookups:
  item: lookups/item.csv
inbound:
  wms-receipt:
    from: wms
    when: document.receipt.status == "FULL"
    event: goods_receipt.confirmed
    id: document.receipt.no
    map:
      receipt_no: document.receipt.no
      po_no: document.receipt.po
      lines:
        for: line in document.receipt.line
        item_code: lookup("item", line.item)
        qty: decimal(line.qty)
routes:
  po-to-wms:
    on: purchase_order.released
    when: data.warehouse in ["WH01", "WH02"]
    to: wms
    xml:
      order:
        code: data.po_no
        line:
          for: line in data.lines
          item: lookup("item", line.item_code)
  po-vip:
    on: purchase_order.released
    when: data.supplier.code == "VIP"
    to: scm
  po-to-oa:
    on: purchase_order.released
    to: oa
    name: 'data.po_no + ".csv"'
    csv:
      for: line in data.lines
      物料: line.item_code
  receipt-to-scm:
    on: goods_receipt.confirmed
    to: scm
"""
FILES = {
    "routing.yaml": ROUTING,
    "lookups/item.csv": "bus,wms\nA-100,SKU-6204\n",
    "po.json": json.dumps({
        "specversion": "1.0", "type": "purchase_order.released", "source": "erp", "id": "PO-1-v1", "subject": "PO-1",
        "data": {"po_no": "PO-1", "warehouse": "WH01", "lines": [{"item_code": "A-100", "qty": 12.50}]},
    }),
    "new-item.json": json.dumps({
        "specversion": "1.0", "type": "purchase_order.released", "source": "erp", "id": "PO-2-v1", "subject": "PO-2",
        "data": {"po_no": "PO-2", "warehouse": "WH01", "lines": [{"item_code": "NEW", "qty": 1}]},
    }),
    "receipt.xml": "<receipt><no>R1</no><po>PO-1</po><status>FULL</status><line><item>SKU-6204</item><qty>5</qty></line></receipt>",
    "open.xml": "<receipt><no>R1</no><po>PO-1</po><status>OPEN</status></receipt>",
    "broken.xml": "<receipt><no>R1",
    "routing_test.yaml": """\
tests:
  - name: an order reaches the warehouse
    event: po.json
    deliveries: {po-to-wms: {order.code: PO-1, "order.line[0].item": SKU-6204}, po-to-oa: {}}
  - name: an order of something new waits
    event: new-item.json
    deliveries: {po-to-wms: {outcome: park}, po-to-oa: {}}
""",
}


class Ran(NamedTuple):
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, its tests and documents; the working directory."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WMS_PASSWORD", "s3cret-word")
    return tmp_path


@pytest.fixture
def bus(capsys: pytest.CaptureFixture[str]) -> Any:
    """Call the command in this process."""

    def call(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        written = capsys.readouterr()
        assert "Traceback" not in written.err
        code = left.value.code
        assert isinstance(code, int)
        return Ran(code, written.out, written.err)

    return call


def in_a_process(*arguments: str, **environment: str) -> Ran:
    """Call the command as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bus.cli", *arguments], capture_output=True, text=True, check=False, encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    )
    return Ran(done.returncode, done.stdout, done.stderr)
