"""`bus explain`: what would happen to a document, for a person and for a machine; nothing is sent."""

import base64
from pathlib import Path
from typing import Any

import pytest

from bus.cli import explain
from bus.event import delivery_id

from tests.cli.commands import FILES, ROUTING, bus, folder, in_a_process

__all__ = ["bus", "folder"]

ITEM_LINE = ROUTING.split("\n").index('          item: lookup("item", line.item_code)') + 1


def test_an_event_is_explained_route_by_route(folder: Path, bus: Any) -> None:
    ran = bus("explain", "po.json")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "event purchase_order.released  PO-1  from erp",
        '✔ po-to-wms   line 28   data.warehouse "WH01" in ["WH01", "WH02"] ✔',
        "    → wms   POST https://wms.example.com/…   XML, 105 B",
        '        <?xml version="1.0" encoding="UTF-8"?>',
        "        <order><code>PO-1</code><line><item>SKU-6204</item></line></order>",
        '✘ po-vip      line 38   data.supplier.code == "VIP"   data.supplier.code is missing',
        "✔ po-to-oa    line 42   no condition",
        "    → oa   out/oa/PO-1.csv   CSV, 13 B",
        "        物料",
        "        A-100",
        "2 deliveries; nothing sent",
    ]
    assert not (folder / "out").exists()
    assert not (folder / ".bus").exists()


def test_a_password_and_a_token_of_a_url_are_never_shown(folder: Path, bus: Any) -> None:
    for arguments in (("explain", "po.json"), ("explain", "po.json", "-o", "json")):
        ran = bus(*arguments)
        assert "s3cret-word" not in ran.out + ran.err


def test_a_machine_reads_events_routes_and_deliveries(folder: Path, bus: Any) -> None:
    ran = bus("explain", "po.json", "-o", "json")
    assert ran.code == 0
    assert list(ran.json) == ["events", "rejected", "rules", "findings"]
    (event,) = ran.json["events"]
    assert event["rule"] is None
    assert (event["type"], event["id"], event["subject"]) == ("purchase_order.released", "PO-1-v1", "PO-1")
    assert event["data"]["lines"] == [{"item_code": "A-100", "qty": 12.5}]
    wms, vip, oa = event["routes"]
    assert wms == {
        "route": "po-to-wms", "line": 28, "matched": True, "reason": 'data.warehouse "WH01" in ["WH01", "WH02"] ✔',
        "deliveries": [{
            "system": "wms", "format": "xml", "id": delivery_id("erp", "PO-1-v1", "po-to-wms", "wms"),
            "document": '<?xml version="1.0" encoding="UTF-8"?>\n<order><code>PO-1</code><line><item>SKU-6204</item></line></order>',
            "failure": None,
        }],
    }
    assert (vip["matched"], vip["deliveries"]) == (False, [])
    assert "data.supplier.code is missing" in vip["reason"]
    assert base64.b64decode(oa["deliveries"][0]["document"]["base64"]).decode("gb18030") == "物料\r\nA-100\r\n"
    assert ran.json["rejected"] == []
    assert ran.json["findings"] == []


def test_a_failure_has_path_expression_line_and_column(folder: Path, bus: Any) -> None:
    ran = bus("explain", "new-item.json", "-o", "json")
    assert ran.code == 1
    (delivery,) = ran.json["events"][0]["routes"][0]["deliveries"]
    failure = delivery["failure"]
    assert (delivery["system"], delivery["document"]) == ("wms", None)
    assert {key: value for key, value in failure.items() if key != "message"} == {
        "code": "unmapped-code", "path": "order.line[0].item", "expression": 'lookup("item", line.item_code)', "line": ITEM_LINE, "column": 17,
    }
    assert "unmapped code" in failure["message"]
    ran = bus("explain", "new-item.json")
    assert f"routing.yaml:{ITEM_LINE}:17  unmapped code 'NEW' in lookup item, column wms" in ran.out
    assert ran.out.endswith("1 delivery; nothing sent\n")


def test_a_document_is_explained_with_its_sender(folder: Path, bus: Any) -> None:
    ran = bus("explain", "receipt.xml", "--from", "wms", "-o", "json")
    (event,) = ran.json["events"]
    assert (event["type"], event["id"], [route["route"] for route in event["routes"]]) == ("goods_receipt.confirmed", "R1", ["receipt-to-scm"])
    assert event["routes"][0]["deliveries"][0]["format"] == "cloudevents"


def test_a_document_that_no_rule_takes_is_rejected(folder: Path, bus: Any) -> None:
    ran = bus("explain", "open.xml", "--from", "wms", "-o", "json")
    assert ran.code == 1
    assert ran.json["events"] == []
    assert ran.json["rules"] == [{
        "rule": "wms-receipt", "line": ROUTING.split("\n").index("  wms-receipt:") + 1, "matched": False,
        "reason": 'document.receipt.status "OPEN" == "FULL" ✘',
    }]
    (rejected,) = ran.json["rejected"]
    assert (rejected["rule"], rejected["line"], rejected["failure"]["code"]) == (None, None, "no-rule")
    out = bus("explain", "open.xml", "--from", "wms").out
    assert "✘ the document of wms" in out
    assert '✘ wms-receipt   line 15   document.receipt.status "OPEN" == "FULL" ✘' in out
    assert "replay" not in out


def test_an_event_names_its_rule_and_shows_its_fields(folder: Path, bus: Any) -> None:
    assert bus("explain", "receipt.xml", "--from", "wms").out.splitlines()[:4] == [
        "event goods_receipt.confirmed  R1  from wms  by rule wms-receipt",
        "    receipt_no: R1", "    po_no: PO-1", "    lines[0]: {item_code: A-100, qty: 5}",
    ]


def test_a_misspelt_step_is_named_with_what_was_meant(folder: Path, bus: Any) -> None:
    (folder / "routing.yaml").write_text(ROUTING.replace("po_no: document.receipt.po", "po_no: document.receipt.statsu"), "utf-8")
    ran = bus("explain", "receipt.xml", "--from", "wms")
    assert ran.code == 1
    assert "document.receipt.statsu: no statsu below receipt; did you mean status?" in ran.out


def test_a_loop_that_loses_all_lines_by_a_misspelt_path_is_a_warning_at_its_place(folder: Path, bus: Any) -> None:
    (folder / "routing.yaml").write_text(ROUTING.replace("in document.receipt.line", "in document.receipt.lien"), "utf-8")
    ran = bus("explain", "receipt.xml", "--from", "wms", "-o", "json")
    assert ran.code == 0
    (finding,) = ran.json["findings"]
    at = ROUTING.split("\n").index("        for: line in document.receipt.line") + 1
    assert (finding["severity"], finding["code"], finding["line"], finding["column"]) == ("warning", "rounds-misspelt", at, 22)
    assert finding["message"].endswith("no lien below receipt; did you mean line?")
    assert "did you mean line?" in bus("explain", "receipt.xml", "--from", "wms").out


@pytest.mark.parametrize("command", ["explain", "publish"])
def test_a_system_that_sends_nothing_has_no_documents(folder: Path, bus: Any, command: str) -> None:
    ran = bus(command, "receipt.xml", "--from", "oa")
    assert (ran.code, ran.err) == (2, "error: oa has no source, so it sends nothing; sources: erp, wms\n")


def test_a_document_that_cannot_be_read_is_rejected_and_ends_with_1(folder: Path, bus: Any) -> None:
    ran = bus("explain", "broken.xml", "--from", "wms", "-o", "json")
    assert ran.code == 1
    assert (ran.json["events"], ran.json["rejected"][0]["rule"]) == ([], None)
    assert "XML" in ran.json["rejected"][0]["failure"]["message"]
    ran = bus("explain", "broken.xml", "--from", "wms")
    assert ran.code == 1
    assert "XML" in ran.out


def test_json_that_breaks_off_is_said_whoever_sent_it(folder: Path, bus: Any) -> None:
    (folder / "half.json").write_text('{"specversion": ')
    ran = bus("explain", "half.json")
    assert ran.code == 1
    assert ran.out.startswith("✘ the document\n    the JSON breaks off at its end, in line 1\n")


def test_a_rule_that_fails_is_named_with_its_line(folder: Path, bus: Any) -> None:
    (folder / "receipt.xml").write_text(FILES["receipt.xml"].replace("<no>R1</no>", "<no/>"), "utf-8")
    ran = bus("explain", "receipt.xml", "--from", "wms", "-o", "json")
    (rejected,) = ran.json["rejected"]
    assert (rejected["rule"], rejected["line"]) == ("wms-receipt", ROUTING.split("\n").index("  wms-receipt:") + 1)
    assert rejected["failure"]["expression"] == "document.receipt.no"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("receipt.xml", "--from", "wsm"), "did you mean wms?"),
        (("receipt.xml",), "--from"),
        (("missing.json",), "missing.json"),
        ((), "FILE"),
        (("po.json", "--routing", "missing.yaml"), "missing.yaml"),
    ],
)
def test_a_wrong_call_ends_with_2_and_the_way_out(folder: Path, bus: Any, arguments: tuple[str, ...], word: str) -> None:
    ran = bus("explain", *arguments)
    assert ran.code == 2
    assert word.lower() in ran.err.lower()


def test_an_event_of_an_unknown_type_says_so(folder: Path, bus: Any) -> None:
    (folder / "po.json").write_text(FILES["po.json"].replace("released", "relesed"), "utf-8")
    ran = bus("explain", "po.json")
    assert ran.code == 1
    assert "unknown event type purchase_order.relesed" in ran.out
    (event,) = bus("explain", "po.json", "-o", "json").json["events"]
    assert (event["failure"]["code"], event["routes"]) == ("event-type-unknown", [])
    assert ran.out.endswith("0 deliveries; nothing sent\n")


def test_a_route_whose_loop_makes_no_round_says_so(folder: Path, bus: Any) -> None:
    (folder / "routing.yaml").write_text(ROUTING.replace(
        "  po-vip:\n    on: purchase_order.released\n    when: data.supplier.code == \"VIP\"",
        "  po-vip:\n    on: purchase_order.released\n    for: line in data.lines\n    if: line.qty > 100"), "utf-8")
    ran = bus("explain", "po.json", "-o", "json")
    vip = ran.json["events"][0]["routes"][1]
    assert (vip["matched"], vip["deliveries"], vip["reason"]) == (True, [], "nothing to deliver: no round of its for: and if:")


def test_warnings_are_told_to_a_machine_and_errors_forbid_it(folder: Path, bus: Any) -> None:
    (folder / "routing.yaml").write_text(ROUTING.replace("code: data.po_no", "code: data.currency"), "utf-8")
    assert [finding["code"] for finding in bus("explain", "po.json", "-o", "json").json["findings"]] == ["may-be-missing"]
    (folder / "routing.yaml").write_text(ROUTING.replace("code: data.po_no", "code: data.pono"), "utf-8")
    ran = bus("explain", "po.json", "-o", "json")
    assert ran.code == 2
    assert "unknown field data.pono" in ran.err


def test_it_reads_well_in_chinese(folder: Path) -> None:
    ran = in_a_process("explain", "po.json", BUS_LANG="zh")
    assert ran.out.splitlines()[0] == "事件 purchase_order.released  PO-1  来自 erp"
    assert ran.out.endswith("投递 2 份；未发送任何内容\n")


def test_xml_stands_over_several_lines_on_a_terminal(folder: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fields_of_order(bus) == ["<order><code>PO-1</code><line><item>SKU-6204</item></line></order>"]
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(explain, "on_terminal", lambda: True)
    assert fields_of_order(bus) == [
        "<order>", "  <code>PO-1</code>", "  <line>", "    <item>SKU-6204</item>", "  </line>", "</order>",
    ]


def fields_of_order(bus: Any) -> list[str]:
    return [line.removeprefix("        ") for line in bus("explain", "po.json").out.splitlines() if line.strip().startswith("<") and "?xml" not in line]
