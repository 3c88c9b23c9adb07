"""`bus lint`: what it prints, what a machine reads, and with which code it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bus.texts import choose_language

from tests.cli.commands import ROUTING, bus, folder, in_a_process

__all__ = ["bus", "folder"]


def mistaken(folder: Path, old: str, new: str) -> None:
    """Put a mistake into routing.yaml."""
    assert old in ROUTING
    (folder / "routing.yaml").write_text(ROUTING.replace(old, new), "utf-8")


def test_a_clean_configuration_ends_with_0_and_one_line(folder: Path, bus: Any) -> None:
    ran = bus("lint")
    assert ran.code == 0
    assert ran.out.startswith("1 file, 4 routes: no errors (")
    assert ran.out.endswith(" s)\n")
    assert ran.err == ""


@pytest.mark.parametrize("old", ["data.warehouse in", "data.warehose in"])
def test_a_result_that_nobody_reads_is_no_error_beside_its_own(folder: Path, old: str) -> None:
    """As `bus lint | head` would have it; what is short is written only when Python ends."""
    mistaken(folder, "data.warehouse in", old)
    reads, writes = os.pipe()
    os.close(reads)
    ran = subprocess.run([sys.executable, "-m", "bus.cli", "lint"], stdout=writes, stderr=subprocess.PIPE, check=False)
    os.close(writes)
    assert (ran.returncode, ran.stderr) == (int(old != "data.warehouse in"), b"")


def test_an_error_is_shown_with_its_line_and_a_mark_under_the_place(folder: Path, bus: Any) -> None:
    mistaken(folder, "data.warehouse in", "data.warehose in")
    ran = bus("lint")
    assert ran.code == 1
    assert ran.out.splitlines()[:3] == [
        "routing.yaml:30:11  error  unknown field data.warehose (purchase_order.released)",
        '   30 |     when: data.warehose in ["WH01", "WH02"]',
        "      |           ^^^^^^^^^^^^^ did you mean data.warehouse?",
    ]
    assert ran.out.splitlines()[3].startswith("1 file, 4 routes: 1 error (")


def test_a_mark_stands_under_its_place_behind_chinese_too(folder: Path, bus: Any) -> None:
    mistaken(folder, "物料: line.item_code", "物料: line.itemcode")
    _, line, mark = bus("lint").out.splitlines()[:3]
    assert line == "   48 |       物料: line.itemcode"
    assert mark == "      |             ^^^^^^^^^^^^^ did you mean line.item_code?"  # a Chinese sign is two columns wide


def test_warnings_alone_end_with_0(folder: Path, bus: Any) -> None:
    mistaken(folder, "        code: data.po_no", "        code: data.currency")
    ran = bus("lint")
    assert ran.code == 0
    assert "  warning  data.currency may be missing" in ran.out
    assert "1 file, 4 routes: 1 warning (" in ran.out


def test_a_machine_reads_findings_and_the_number_of_routes(folder: Path, bus: Any) -> None:
    mistaken(folder, "data.warehouse in", "data.warehose in")
    ran = bus("lint", "-o", "json")
    assert ran.code == 1
    assert ran.json == {
        "findings": [{
            "file": "routing.yaml", "line": 30, "column": 11, "severity": "error", "code": "unknown-field",
            "message": "unknown field data.warehose (purchase_order.released)", "hint": "did you mean data.warehouse?",
        }],
        "routes": 4,
    }
    assert list(ran.json["findings"][0]) == ["file", "line", "column", "severity", "code", "message", "hint"]


def test_a_clean_configuration_is_an_empty_list_to_a_machine(folder: Path, bus: Any) -> None:
    assert bus("lint", "--output", "json").json == {"findings": [], "routes": 4}


def test_a_file_or_a_folder_may_be_named(folder: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "plant").mkdir()
    (folder / "plant" / "a.yaml").write_text(ROUTING.replace("lookups/", "../lookups/").split("routes:")[0], "utf-8")
    (folder / "plant" / "b.yaml").write_text("routes:" + ROUTING.split("routes:")[1], "utf-8")
    assert bus("lint", "plant").out.startswith("2 files, 4 routes: no errors")
    assert bus("lint", "--routing", "plant").code == 0
    monkeypatch.chdir(folder / "plant")
    assert bus("lint", "../routing.yaml").code == 0


def test_the_folder_routing_is_read_where_there_is_no_file(folder: Path, bus: Any) -> None:
    (folder / "routing").mkdir()
    (folder / "routing.yaml").rename(folder / "routing" / "all.yaml")
    (folder / "lookups").rename(folder / "routing" / "lookups")
    assert bus("lint").code == 0


@pytest.mark.parametrize("arguments", [("lint", "missing.yaml"), ("lint", "--what"), ("lint", "-o", "yaml"), ("lnt",)])
def test_a_wrong_call_ends_with_2_and_says_why(folder: Path, bus: Any, arguments: tuple[str, ...]) -> None:
    ran = bus(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err


def test_no_configuration_at_all_ends_with_2(folder: Path, bus: Any) -> None:
    (folder / "routing.yaml").unlink()
    assert bus("lint").code == 2


def test_a_file_that_is_not_utf8_ends_with_2(folder: Path, bus: Any) -> None:
    (folder / "routing.yaml").write_bytes("说明: 采购".encode("gbk"))
    ran = bus("lint")
    assert ran.code == 2
    assert "UTF-8" in ran.err + ran.out


def test_chinese_findings_are_chinese_from_the_first_word_to_the_last(folder: Path) -> None:
    mistaken(folder, "data.warehouse in", "data.warehose in")
    ran = in_a_process("lint", BUS_LANG="zh")
    assert ran.code == 1
    assert ran.out.splitlines()[0] == "routing.yaml:30:11  错误  未知字段 data.warehose（purchase_order.released）"
    assert ran.out.splitlines()[2].endswith("是否想写 data.warehouse？")
    assert ran.out.splitlines()[3].startswith("1 个文件，4 条路由：1 个错误（")


def test_both_languages_name_the_same_codes_and_places(folder: Path, bus: Any) -> None:
    mistaken(folder, "data.warehouse in", "data.warehose in")
    found = []
    for language in ("en", "zh"):
        choose_language(language)
        found.append([{k: v for k, v in f.items() if k not in ("message", "hint")} for f in bus("lint", "-o", "json").json["findings"]])
    assert found[0] == found[1]


HEAVY = ("pydantic", "lxml", "sqlalchemy", "rich", "msgspec", "asyncio", "yaml", "aiohttp", "httptools", "uvicorn", "prometheus_client", "pika")


def test_the_list_of_commands_loads_no_heavy_library(folder: Path) -> None:
    import subprocess

    script = f"import json, sys; import bus.cli.main; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_thousand_routes_are_linted_in_a_second(folder: Path, bus: Any) -> None:
    """Measured by the process's own clock, of which others on the machine take no part."""
    import time

    head, body = ROUTING.split("routes:\n")
    one = body.split("  po-vip:")[0]
    routes = "".join(one.replace("po-to-wms", f"po-to-wms-{n}").replace('"WH01"', f'"WH{n:04}"').replace("code: data", f"code_{n}: data") for n in range(1000))
    (folder / "routing.yaml").write_text(f"{head}routes:\n{routes}  receipt: {{on: goods_receipt.confirmed, to: scm}}\n", "utf-8")
    bus("schema")  # loads what it needs
    began = time.process_time()
    ran = bus("lint")
    assert ran.code == 0, ran.out
    assert "1001 routes" in ran.out
    assert time.process_time() - began < 2.0  # half that on a machine that does nothing else


@pytest.mark.parametrize(("charset", "mark"), [("gbk", "√"), ("ascii", "v"), ("utf-8", "✔")])
def test_a_terminal_of_another_charset_gets_plainer_marks(charset: str, mark: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "bus.cli", "test"], capture_output=True, check=False, cwd=root,
        env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": charset, "BUS_LANG": "zh"},
    )
    out = done.stdout.decode(charset)
    assert (done.returncode, done.stderr, mark in out) == (0, b"", True)
    assert ("通过" in out, "\\u901a\\u8fc7" in out) == (charset != "ascii", charset == "ascii")
