"""`bus demo`: the whole story, the same on every broker and every time, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker, virtual_host
from tests.cli.commands import bus, in_a_process
from tests.cli.processes import until

__all__ = ["bus"]

GOT = {
    "erp": ("3 receipts of 4 lines, 5 replies", "–", "–"),
    "wms": ("3 orders, 1 change, in 7 requests", "1", "the supplier is blocked (B017)"),
    "oa": ("9 CSV files", "–", "–"),
    "scm": ("9 messages", "–", "–"),
}


def play(folder: Path, broker: str = "", **environment: str) -> str:
    """Play it; return what it told."""
    done = subprocess.run(
        [sys.executable, "-m", "bus.cli", "demo", "--folder", "demo", *(("--broker", broker) if broker else ())], cwd=folder,
        capture_output=True, text=True, check=False, timeout=60, encoding="utf-8", start_new_session=True,
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def table(told: str) -> dict[str, tuple[str, ...]]:
    """The rows of the table at its end; of the last column what stands behind the document number."""
    rows = [re.split(r"  +", line) for line in told.splitlines() if line.split(" ")[0] in GOT]
    return {name: (got, waits, why.split(": ", 1)[-1]) for name, got, waits, why in rows}


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def test_the_story_has_the_same_end_twice_in_a_row_and_what_it_left_can_be_looked_into(
    tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = play(tmp_path)
    assert table(told) == GOT
    assert told.count("✔") == 19
    assert max(map(columns, told.splitlines())) <= 100
    assert "defect" not in (tmp_path / "demo" / "bus.log").read_text("utf-8")
    monkeypatch.chdir(tmp_path / "demo")
    [letter] = bus("dead", "list", "-o", "json").json["letters"]
    assert (letter["state"], letter["system"], letter["code"]) == ("parked", "wms", "target-refused")
    assert bus("lint").code == 0
    tested = bus("test")
    assert (tested.code, "✘" in tested.out) == (0, False), tested.out
    monkeypatch.chdir(tmp_path)

    chinese = play(tmp_path, BUS_LANG="zh")
    assert "供应商已冻结（B017）" in chinese
    assert chinese.count("✔") == 19
    assert max(map(columns, chinese.splitlines())) <= 100
    assert not re.search(r"[a-z]{4,} [a-z]{3,} [a-z]{3,}", chinese), "no English sentence"


def test_the_story_is_the_same_on_rabbitmq_twice_in_a_row(tmp_path: Path, rabbitmq: Broker) -> None:
    with virtual_host(rabbitmq, "demo") as url:
        for _ in range(2):
            assert table(play(tmp_path, url)) == GOT


def test_a_demo_told_to_end_leaves_no_process_behind(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "bus.cli", "demo"], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True, env={**os.environ, "PYTHONUTF8": "1"},
        )
    until(lambda: "✔" in (tmp_path / "out").read_text("utf-8") or demo.poll() is not None)
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(25) == 130
    assert "Traceback" not in (tmp_path / "out").read_text("utf-8")
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)


def test_what_stands_in_the_demos_way_is_said(tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    for arguments, code, said in (
        (("--folder", "mine"), 2, "mine is no folder of the demo"),
        (("--folder", "file"), 2, "the demo cannot write to file"),
        (("--folder", "file/inside"), 2, "the demo cannot write to file/inside"),
        (("--broker", "ftp://x"), 2, "no broker for ftp:"),
        (("--broker", "amqp://127.0.0.1:1/"), 3, "127.0.0.1:1"),
    ):
        monkeypatch.chdir(tmp_path)
        ran = bus("demo", *arguments)
        assert (ran.code, ran.out) == (code, ""), ran.err
        assert said in ran.err
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_help_names_the_folder(tmp_path: Path) -> None:
    assert "--folder" in in_a_process("demo", "--help").out
