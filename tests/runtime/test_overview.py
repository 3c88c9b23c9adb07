"""What `bus status` makes of what processes say and the broker holds; and the files they say it in."""

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.errors import Unavailable
from bus.ports import Depth
from bus.runtime import status
from bus.runtime.memory import MemoryBroker
from bus.runtime.overview import Overview, overview
from bus.runtime.reasons import Reason, reason_of
from bus.runtime.status import ProcessStatus, StatusFile, SystemStatus, processes
from bus.runtime.telemetry import Log, Telemetry

from tests.runtime.whole import SHOP, answer, answering, placed, play, running, until

QUEUES = ("bus.router", "bus.invalid", "to.oa", "to.wms", "dead.oa", "dead.wms")
DOWN = Reason("system-down", {"system": "wms", "reason": "503"})


def process(*parts: str, pid: int = 1, version: str = "v1", **more: Any) -> ProcessStatus:
    systems = {name: more.pop(name, SystemStatus()) for name in parts if name != "router"}
    return ProcessStatus("0.1.0", 0.0, parts, version, 0.0, QUEUES, systems, host="mq", pid=pid, **more)


def held(**depths: int) -> dict[str, Depth]:
    return {name: Depth(depths.get(name.replace(".", "_"), 0), 0.0) for name in QUEUES}


def codes(seen: Overview) -> list[str]:
    return [need.what.code for need in seen.needs]


def test_a_bus_with_nothing_wrong_needs_nobody() -> None:
    seen = overview([process("router", "oa", "wms")], [], held(to_wms=7), in_hand_too=True)
    assert codes(seen) == []
    assert [(one.name, one.state, one.waiting) for one in seen.systems] == [("oa", "up", 0), ("wms", "up", 7)]


def test_what_is_in_hand_waits_too_where_the_broker_does_not_count_it() -> None:
    said = [process("wms", wms=SystemStatus(None, 5, 12.0)), process("wms", pid=2, wms=SystemStatus(None, 4, 30.0))]
    [_, wms] = overview(said, [], held(to_wms=7), in_hand_too=False).systems
    assert (wms.waiting, wms.oldest_s) == (16, 30.0)
    assert overview(said, [], held(to_wms=7), in_hand_too=True).systems[1].waiting == 7


def test_a_system_is_down_when_it_does_not_answer_or_its_process_is_gone_and_not_run_when_nobody_runs_it() -> None:
    seen = overview([process("wms", wms=SystemStatus(DOWN))], [], held(), in_hand_too=True)
    assert [(one.name, one.state) for one in seen.systems] == [("oa", "absent"), ("wms", "down")]
    assert codes(seen) == ["status-down"]
    assert "503" in str(seen.needs[0].what)
    assert seen.needs[0].hint == DOWN.hint != "", "what it comes from knows the remedy"
    seen = overview([process("router")], [process("wms", pid=2)], held(), in_hand_too=True)
    assert [(one.name, one.state) for one in seen.systems] == [("oa", "absent"), ("wms", "down")]
    assert codes(seen) == ["status-gone"]
    seen = overview([process("router"), process("wms", pid=3)], [process("wms", pid=2)], held(), in_hand_too=True)
    assert [one.state for one in seen.systems] == ["absent", "up"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([], "status-nobody"),
        ([process("router", version="v1"), process("oa", pid=2, version="v2")], "status-versions"),
        ([process("router", refusal=Reason("event-type-unknown", {"type": "x"}, "routing.yaml:3:4", 1))], "status-refused"),
        ([process("router", broker=Reason("amqp-alarm", {"reason": "memory"}))], "status-broker"),
    ],
)
def test_whatever_needs_a_person_is_said(said: list[ProcessStatus], code: str) -> None:
    assert codes(overview(said, [], held(), in_hand_too=True)) == [code]


def test_events_that_nobody_routes_need_a_router() -> None:
    waiting = held(bus_router=2)
    assert codes(overview([process("wms")], [], waiting, in_hand_too=True)) == ["status-no-router"]
    assert codes(overview([process("router"), process("wms", pid=2)], [], waiting, in_hand_too=True)) == []
    assert codes(overview([process("wms")], [], held(), in_hand_too=True)) == []
    elsewhere = {**waiting, "bus.router": Depth(2, 0.0, readers=1)}
    assert codes(overview([process("wms")], [], elsewhere, in_hand_too=True)) == []
    shared = {**held(), "bus.router.3": Depth(5, 0.0)}
    [need] = overview([process("wms")], [], shared, in_hand_too=True).needs
    assert str(need.what) == "5 events wait, and no router runs"


@pytest.mark.parametrize("queue", ["dead_wms", "bus_invalid"])
def test_letters_need_a_person(queue: str) -> None:
    assert codes(overview([process("router")], [], held(**{queue: 2}), in_hand_too=True)) == ["status-letters"]


# ------------------------------------------------------------------------------------------ the file


def told(folder: Path) -> tuple[StatusFile, io.StringIO]:
    log = io.StringIO()
    return StatusFile(folder, Telemetry(log=Log(log))), log


def of(pid: int, host: str = "") -> ProcessStatus:
    said = ProcessStatus("0.1.0", time.time(), ["router"], "v1", 1.0, ["bus.router"], {}, pid=pid)
    return replace(said, host=host) if host else said


def test_what_a_process_says_is_read_as_it_was_written_and_gone_when_it_stops(tmp_path: Path) -> None:
    file, _ = told(tmp_path)
    reason = reason_of(Unavailable(what="wms", reason="refused"))
    said = ProcessStatus(
        "0.1.0", time.time(), ["router", "wms"], "v1", 1.5, ["bus.router"], {"wms": SystemStatus(reason, 2, 3.5)},
        Reason("event-type-unknown", {"type": "x"}, "routing.yaml:3:4", 2, "hint"), 2.5, reason,
    )
    asyncio.run(file.write(said))
    assert processes(tmp_path, time.time()) == ([said], [])
    assert processes(tmp_path, time.time() + status.STALE_S + 1) == ([], [said]), "nothing was heard of it for too long"
    file.remove()
    file.remove()
    assert processes(tmp_path, time.time()) == ([], [])
    assert [path.name for path in (tmp_path / ".bus").iterdir()] == []


def test_a_process_that_died_is_gone_at_once_and_forgotten_when_the_next_one_starts(tmp_path: Path) -> None:
    died = subprocess.Popen([sys.executable, "-c", ""])
    died.wait()
    file, _ = told(tmp_path)
    asyncio.run(file.write(of(died.pid)))
    [path] = (tmp_path / ".bus").iterdir()
    path.rename(path.with_name(f"status-here-{died.pid}.json"))
    (tmp_path / ".bus" / "status-here-1.json").write_text("{of another rele")
    living, gone = processes(tmp_path, time.time())
    assert (living, [one.pid for one in gone]) == ([], [died.pid])
    next_one, _ = told(tmp_path)
    asyncio.run(next_one.write(of(os.getpid())))
    living, gone = processes(tmp_path, time.time())
    assert ([one.pid for one in living], gone) == ([os.getpid()], [])


def test_a_process_of_another_machine_is_judged_by_its_last_word_alone(tmp_path: Path) -> None:
    file, _ = told(tmp_path)
    asyncio.run(file.write(of(2**22 + 1, "elsewhere")))
    assert len(processes(tmp_path, time.time())[0]) == 1


def test_a_folder_that_cannot_be_written_is_told_once_and_the_bus_goes_on(tmp_path: Path) -> None:
    (tmp_path / ".bus").write_text("no folder")
    file, log = told(tmp_path)
    for _ in range(3):
        asyncio.run(file.write(of(1)))
    [line] = log.getvalue().splitlines()
    assert "status_unwritten" in line


def test_a_running_bus_says_what_it_uses_what_is_down_and_what_it_holds(tmp_path: Path) -> None:
    async def story() -> None:
        broker = MemoryBroker()
        async with answering(answer(status=503)) as target, running(tmp_path, SHOP.replace("50ms, 100ms", "10s"), broker, target=target) as bus:
            await bus.publish(*(placed(f"S-{n}") for n in range(8)))
            await until(lambda: bus.lines("adapter_down") != [])

            def said() -> bool:
                living, _ = processes(tmp_path, time.time())
                return bool(living) and living[0].systems["wms"].down is not None

            await until(said)
            [one], _ = processes(tmp_path, time.time())
            assert one.version == bus.app.reloader.version
            assert one.parts == ["router", "shop", "wms", "oa"]
            assert one.systems["oa"].down is None
            assert "to.wms" in one.queues
            [path] = (tmp_path / ".bus").iterdir()
            assert set(json.loads(path.read_bytes())) >= {"version", "since_s", "systems", "refusal"}
        assert list((tmp_path / ".bus").iterdir()) == []

    play(story)
