"""`bus run` as a person starts it: ready, at work, stopped, and refused with one clear line."""

import contextlib
import json
import os
import pty
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import bus, in_a_process
from tests.cli.processes import LIMIT_S, ROUTING, Running, furnish, names, order, put, running, until

__all__ = ["bus"]


def test_it_says_that_it_is_ready_delivers_and_stops_when_told(tmp_path: Path) -> None:
    with running(furnish(tmp_path)) as bus:
        put(tmp_path, "a.json", order("S-1"))
        put(tmp_path, "b.json", "{")
        until(lambda: names(tmp_path / "out") == ["S-1"])
        until(lambda: "document_dead" in bus.err)
        ran = bus.stop()
    assert (ran.code, ran.out) == (0, "")
    ready, *lines = ran.err.splitlines()
    assert ready == "router ready"
    assert "\x1b" not in ran.err
    assert [line.split()[2] for line in lines] == ["document_dead"]
    assert names(tmp_path / "in" / "failed") == ["b.json", "b.json.reason.txt"]


def test_until_idle_does_all_there_is_and_ends(tmp_path: Path) -> None:
    furnish(tmp_path)
    for n in range(20):
        put(tmp_path, f"{n:02}.json", order(f"S-{n:02}", item="A" if n else "Z"))
    ran = Running(tmp_path, "--until-idle", "--log-json").ended()
    assert ran.code == 0
    assert names(tmp_path / "out") == [f"S-{n:02}" for n in range(1, 20)]
    summary = ran.err.splitlines()[-1]
    assert summary == "documents 20, events 19, deliveries 19; waiting 19, parked or dead 1"
    [parked] = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    assert (parked["event"], parked["code"], parked["system"]) == ("document_parked", "unmapped-code", "shop")


def test_start_and_first_delivery_cost_little_so_that_it_leaves_within_a_second_and_a_half(tmp_path: Path) -> None:
    furnish(tmp_path)
    in_a_process("--version")  # bytecode is cached
    put(tmp_path, "a.json", order("S-1"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert Running(tmp_path, "--until-idle").ended().code == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Its own time, of which a start is made; the clock's would be that of whoever else runs on this machine.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5


@pytest.mark.parametrize(
    ("only", "language", "said"), [((), "en", "another bus"), (("--only", "desk"), "zh", "另一个总线")]
)
def test_a_second_bus_on_the_same_file_is_refused(tmp_path: Path, only: tuple[str, ...], language: str, said: str) -> None:
    with running(furnish(tmp_path), *(("--only", "router") if only else ())) as first:
        second = Running(tmp_path / "..", "--routing", str(tmp_path / "routing.yaml"), *only,
                         BUS_BROKER=f"sqlite:{tmp_path}/.bus/bus.db", BUS_LANG=language).ended()
        assert second.code == 3
        complaint, *more = second.err.splitlines()
        assert str(first.process.pid) in complaint
        assert said in complaint
        assert len(more) <= 1, "at most a remedy"
        assert first.stop().code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--routing", "nowhere.yaml"], 2, "there is no nowhere.yaml"),
        (["--routing", "broken.yaml"], 2, "broken.yaml"),
        (["--only", "wsm"], 2, "--only wsm is none of router, shop, desk, mill"),
        (["--listen", "nonsense"], 2, "--listen nonsense is no HOST:PORT"),
        (["--metrics", "127.0.0.1:TAKEN"], 2, "--metrics 127.0.0.1:TAKEN"),
        (["--routing", "http.yaml", "--listen", "127.0.0.1:TAKEN"], 2, "--listen 127.0.0.1:TAKEN"),
        (["--broker", "ftp://x"], 2, "no broker for ftp:"),
        (["--broker", "sqlite:/proc/none/bus.db"], 3, "/proc/none"),
        (["--broker", "sqlite:item.csv"], 2, "item.csv"),
        (["--broker", "amqp://user:canary@127.0.0.1:1/"], 3, "127.0.0.1:1"),
        (["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_what_is_wrong_is_said_in_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bus: Any, arguments: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    (tmp_path / "broken.yaml").write_text("version: 1\nroutes: {r: {on: nothing, to: nobody}}\n")
    http = ROUTING.replace("{adapter: file, folder: in, settle: 0s, poll: 50ms}", "{adapter: http, path: /in}")
    (tmp_path / "http.yaml").write_text(http)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = bus("run", *(argument.replace("TAKEN", port) for argument in arguments))
    assert (ran.code, ran.out) == (code, "")
    [complaint] = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert said.replace("TAKEN", port) in complaint
    assert "Traceback" not in ran.err
    assert "canary" not in ran.err


def test_a_broker_that_takes_long_to_answer_can_be_interrupted(tmp_path: Path) -> None:
    furnish(tmp_path)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        bus = Running(tmp_path, "--broker", f"amqp://127.0.0.1:{silent.getsockname()[1]}/")
        silent.settimeout(LIMIT_S)
        connection, _ = silent.accept()  # it is connecting
        started = time.monotonic()
        with connection:
            ran = bus.stop(signal.SIGINT)
    assert ran.code == 0, ran.err
    assert time.monotonic() - started < 3


def _screen(descriptor: int, process: "subprocess.Popen[bytes]", wanted: bytes) -> bytes:
    seen = b""
    end = time.monotonic() + LIMIT_S
    while wanted not in seen:
        assert time.monotonic() < end, seen
        assert process.poll() is None, seen
        if select.select([descriptor], [], [], 0.1)[0]:
            seen += os.read(descriptor, 65536)
    return seen


def test_a_terminal_shows_what_goes_on_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    put(furnish(tmp_path), "a.json", order("S-1"))
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    del environment["NO_COLOR"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bus.cli", "run"], cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave, env=environment,
        start_new_session=True, preexec_fn=lambda: os.close(master),  # noqa: PLW1509 - one thread
    )
    os.close(slave)
    try:
        seen = _screen(master, process, b"Ctrl-C")
        until(lambda: names(tmp_path / "out") == ["S-1"])
        (tmp_path / "in").rename(tmp_path / "gone")
        (tmp_path / "in").write_text("no folder")
        seen += _screen(master, process, b"shop")
        for word in (b"system", b"delivered", b"waiting", b"mill", b"desk"):
            assert word in seen
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the terminal's end when nobody writes to it any more
            while last := os.read(master, 65536):
                seen += last
        assert process.wait(LIMIT_S) == 0
        assert b"Traceback" not in seen
    finally:
        process.kill()
        process.wait()
        os.close(master)
