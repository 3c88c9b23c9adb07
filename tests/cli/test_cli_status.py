"""`bus status` and reloading as a person meets them: processes, signals, exit codes, a terminal."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker
from tests.cli.commands import bus
from tests.cli.processes import LIMIT_S, ROUTING, Running, furnish, names, order, put, running, until
from tests.cli.test_cli_run import _screen

__all__ = ["bus"]

BROKEN = ROUTING.replace("number: data.no", "number: data.nr")
MORE = ROUTING.replace("  mill:", "  oa:\n    sink: {adapter: file, folder: oa}\n  mill:") + (
    "  to-oa: {on: order.placed, to: oa, name: data.no, json: data}\n"
)


OWN_TERMINAL = """
import fcntl, os, termios
os.setsid()
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
from bus.cli.main import main
main()
"""


def exchange(folder: Path, routing: str) -> None:
    """Replace routing.yaml whole."""
    (folder / "fresh").write_text(routing)
    (folder / "fresh").replace(folder / "routing.yaml")


def test_status_shows_the_version_what_waits_and_why_a_reload_was_refused(
    tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    with running(tmp_path) as house:
        until(lambda: bus("status", "-o", "json").code == 0)
        said = bus("status")
        assert said.out.endswith("all is well\n")
        assert str(house.process.pid) in said.out
        [one] = bus("status", "-o", "json").json["processes"]
        put(tmp_path, "a.json", order("S-1"))
        exchange(tmp_path, MORE)
        until(lambda: "configuration_reloaded" in house.err)
        put(tmp_path, "b.json", order("S-2"))
        until(lambda: names(tmp_path / "oa") == ["S-2"])
        until(lambda: bus("status", "-o", "json").json["processes"][0]["version"] != one["version"])
        exchange(tmp_path, BROKEN)
        until(lambda: "configuration_refused" in house.err)
        until(lambda: bus("status").code == 1)
        text = bus("status").out
        assert "routing.yaml:21:56" in text
        assert "data.nr" in text
        found = bus("status", "-o", "json").json
        assert found["well"] is False
        assert [need["code"] for need in found["needs"]] == ["status-refused"]
        assert found["processes"][0]["refused"]["place"] == "routing.yaml:21:56"
        by_name = {system["system"]: system for system in found["systems"]}
        assert (by_name["mill"]["waiting"], by_name["oa"]["state"]) == (2, "up")
        assert by_name["mill"]["oldest_s"] > 0
        put(tmp_path, "c.json", order("S-3", item="Z"))
        exchange(tmp_path, MORE)
        until(lambda: [need["code"] for need in bus("status", "-o", "json").json["needs"]] == ["status-letters"])
        house.kill()
    said = bus("status")
    assert said.code == 1
    assert "is gone without having stopped" in said.out
    with running(tmp_path) as house:
        assert house.stop().code == 0
    assert "no bus run is at work" in bus("status").out


def test_status_without_a_broker_says_so(tmp_path: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    said = bus("status")
    assert (said.code, (tmp_path / ".bus").exists()) == (3, False)
    assert "there is no store" in said.err
    assert bus("status", "--broker", "amqp://user:canary@127.0.0.1:1/", "-o", "json").code == 3
    assert "canary" not in bus("status", "--broker", "amqp://user:canary@127.0.0.1:1/").err
    assert bus("status", "--broker", "ftp://x").code == 2


def test_status_lists_every_process_on_a_rabbitmq(
    tmp_path: Path, rabbitmq: Broker, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(tmp_path, "--only", "router", "--broker", rabbitmq.url))
        desk = Running(tmp_path, "--only", "desk", "--broker", rabbitmq.url)
        stack.callback(desk.kill)

        def seen() -> list[list[str]]:
            return [one["runs"] for one in bus("status", "-o", "json", "--broker", rabbitmq.url).json["processes"]]

        until(lambda: sorted(seen()) == [["desk"], ["router"]])
        exchange(tmp_path, MORE)
        until(lambda: len({one["version"] for one in bus("status", "-o", "json", "--broker", rabbitmq.url).json["processes"]}) == 1)
        until(lambda: "oa" in {one["system"] for one in bus("status", "-o", "json", "--broker", rabbitmq.url).json["systems"]})


def _was_read(house: Running, times: int) -> bool:
    return house.err.count("configuration_unchanged") >= times


@pytest.mark.parametrize("times", [1, 3])
def test_sighup_reads_the_files_now_and_ends_nothing(tmp_path: Path, times: int) -> None:
    with running(furnish(tmp_path)) as house:
        for n in range(times):
            house.process.send_signal(signal.SIGHUP)
            until(partial(_was_read, house, n + 1))
        put(tmp_path, "a.json", order("S-1"))
        until(lambda: names(tmp_path / "out") == ["S-1"])
        assert house.stop().code == 0


def test_a_terminal_shows_a_refused_reload_and_its_end_ends_the_bus(tmp_path: Path) -> None:
    furnish(tmp_path)
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160"}
    del environment["NO_COLOR"]
    process = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, "run"],
        cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave, env=environment,
        preexec_fn=lambda: os.close(master),  # noqa: PLW1509 - one thread
    )
    os.close(slave)
    try:
        _screen(master, process, b"Ctrl-C")
        exchange(tmp_path, BROKEN)
        _screen(master, process, b"stays in use")
    finally:
        os.close(master)  # as when its window is closed
        try:
            assert process.wait(LIMIT_S) == 0
        finally:
            process.kill()
            process.wait()
