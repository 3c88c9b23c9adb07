"""`bus test`: passed and failed, every difference with path, expected and got, and what no test reaches."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import FILES, ROUTING, bus, folder, in_a_process

__all__ = ["bus", "folder"]

WRONG = FILES["routing_test.yaml"].replace("order.code: PO-1", "order.code: PO-9")


def test_tests_that_pass_end_with_0(folder: Path, bus: Any) -> None:
    ran = bus("test")
    assert ran.code == 0
    assert ran.out.splitlines() == ["✔ an order reaches the warehouse", "✔ an order of something new waits", "2 passed, 0 failed"]
    assert ran.err == ""


def test_a_test_that_fails_ends_with_1_and_shows_path_expected_and_got(folder: Path, bus: Any) -> None:
    (folder / "routing_test.yaml").write_text(WRONG, "utf-8")
    ran = bus("test")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "✘ an order reaches the warehouse", "    deliveries.po-to-wms.order.code  (routing_test.yaml:2)", "      expected PO-9",
        "      got      PO-1", "✔ an order of something new waits", "1 passed, 1 failed",
    ]


def test_a_machine_reads_what_passed_and_every_difference(folder: Path, bus: Any) -> None:
    (folder / "routing_test.yaml").write_text(WRONG, "utf-8")
    ran = bus("test", "-o", "json")
    assert ran.code == 1
    assert ran.json == {
        "passed": 1, "failed": 1,
        "tests": [
            {"name": "an order reaches the warehouse", "outcome": "failed",
             "differences": [{"path": "deliveries.po-to-wms.order.code", "expected": "PO-9", "got": "PO-1"}]},
            {"name": "an order of something new waits", "outcome": "passed", "differences": []},
        ],
    }


def test_cover_names_the_routes_that_no_test_reaches(folder: Path, bus: Any) -> None:
    ran = bus("test", "--cover")
    assert ran.code == 0
    assert ran.out.splitlines()[2:5] == ["2 of 4 routes reached; not reached:", "    po-vip", "    receipt-to-scm"]
    assert bus("test", "--cover", "-o", "json").json["uncovered"] == ["po-vip", "receipt-to-scm"]


def test_cover_of_everything_ends_without_a_list(folder: Path, bus: Any) -> None:
    vip = 'tests:\n  - name: all\n    event: {type: purchase_order.released, source: erp, data: {po_no: P, warehouse: WH01, supplier: {code: VIP}, lines: [{item_code: A-100, qty: 1}]}}\n'
    receipt = "  - {name: receipt, from: wms, document: receipt.xml}\n"
    (folder / "routing_test.yaml").write_text(vip + receipt, "utf-8")
    assert "4 of 4 routes reached" in bus("test", "--cover").out
    assert "not reached" not in bus("test", "--cover").out


def test_a_mistake_in_the_tests_is_shown_like_one_of_lint(folder: Path, bus: Any) -> None:
    (folder / "routing_test.yaml").write_text(FILES["routing_test.yaml"].replace("event: po.json", "evnt: po.json"), "utf-8")
    ran = bus("test")
    assert ran.code == 1
    assert "routing_test.yaml:3:5  error  unknown key evnt in tests[0]" in ran.out
    assert "did you mean event?" in ran.out
    ran = bus("test", "-o", "json")
    assert [finding["code"] for finding in ran.json["findings"]] == ["unknown-key"]


@pytest.mark.parametrize("text", ["", "tests:", "tests: {}", "tests: [", "- a", "version: 1"])
def test_a_file_without_tests_says_so_and_ends_with_1(folder: Path, bus: Any, text: str) -> None:
    (folder / "routing_test.yaml").write_text(text, "utf-8")
    ran = bus("test")
    assert ran.code == 1
    assert "routing_test.yaml:1:" in ran.out


def test_another_file_of_tests_may_be_named(folder: Path, bus: Any) -> None:
    (folder / "more.yaml").write_text(FILES["routing_test.yaml"], "utf-8")
    (folder / "routing_test.yaml").unlink()
    assert bus("test", "--tests", "more.yaml").code == 0
    ran = bus("test")
    assert (ran.code, "routing_test.yaml" in ran.err) == (2, True)


def test_a_configuration_with_errors_ends_with_2_and_shows_them(folder: Path, bus: Any) -> None:
    (folder / "routing.yaml").write_text(ROUTING.replace("to: wms", "to: wsm"), "utf-8")
    ran = bus("test")
    assert ran.code == 2
    assert "unknown system wsm" in ran.err
    assert "did you mean wms?" in ran.err


def test_tests_are_found_beside_the_configuration_wherever_one_stands(folder: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert bus("test", "../routing.yaml").code == 0
    assert bus("test", "--routing", str(folder)).code == 0


def test_a_file_that_is_not_utf8_ends_with_2(folder: Path, bus: Any) -> None:
    (folder / "routing_test.yaml").write_bytes("tests: # 测试".encode("gbk"))
    assert bus("test").code == 2


def test_the_result_is_chinese_for_a_chinese_reader(folder: Path) -> None:
    (folder / "routing_test.yaml").write_text(WRONG, "utf-8")
    ran = in_a_process("test", BUS_LANG="zh")
    assert ran.code == 1
    assert "      期望 PO-9" in ran.out
    assert ran.out.endswith("通过 1，失败 1\n")
