"""Files taken from a real folder: whole, once, and moved to where their outcome puts them."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.file import FileSourceOptions, source
from bus.adapter import Accepted, Document
from bus.errors import ConfigurationError, DocumentError, Refused, Unavailable
from bus.texts import choose_language

from tests.adapters.support import Bus, raising, refusing, running, site, until


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def options(**more: Any) -> FileSourceOptions:
    return FileSourceOptions(**{"folder": "in", "settle": 0.05, "poll": 0.05, **more})


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def read(inbox: Path, bus: Bus, **more: Any) -> None:
    """Run the source until every file in the folder is moved away."""

    async def run() -> None:
        async with running(source(options(**more), site(inbox.parent)), bus.accept) as task:
            await until(lambda: task.done() or not [n for n in names(inbox) if n not in ("done", "failed")], "files")
            if task.done():
                await task

    asyncio.run(run())


def test_files_are_taken_in_the_order_of_their_names_and_done(inbox: Path) -> None:
    for name in ("b.json", "a.json", "c.json"):
        (inbox / name).write_bytes(name.encode())
    bus = Bus()
    read(inbox, bus)
    assert bus.bodies == [b"a.json", b"b.json", b"c.json"]
    assert bus.documents[0].name == "a.json"
    assert names(inbox / "done") == ["a.json", "b.json", "c.json"]
    assert (inbox / "done" / "a.json").read_bytes() == b"a.json"


def test_a_name_that_is_done_already_gets_a_number(inbox: Path) -> None:
    bus = Bus()
    for body in (b"1", b"2", b"3"):
        (inbox / "po.csv").write_bytes(body)
        read(inbox, bus)
    assert names(inbox / "done") == ["po.2.csv", "po.3.csv", "po.csv"]
    assert (inbox / "done" / "po.3.csv").read_bytes() == b"3"


def test_a_refused_file_is_failed_with_the_reason_beside_it_in_the_chosen_language(inbox: Path) -> None:
    (inbox / "po.json").write_bytes(b"canary")
    choose_language("zh_CN.UTF-8")
    read(inbox, Bus(refusing(DocumentError("http-content-encoding", coding="br"))))
    assert names(inbox / "failed") == ["po.json", "po.json.reason.txt"]
    reason = (inbox / "failed" / "po.json.reason.txt").read_text("utf-8")
    code, message, hint = reason.splitlines()
    assert code == "http-content-encoding"
    assert "不支持" in message
    assert "gzip" in hint
    assert "canary" not in reason


def test_a_file_refused_twice_keeps_both_and_both_reasons(inbox: Path) -> None:
    for body in (b"1", b"2"):
        (inbox / "po.json").write_bytes(body)
        read(inbox, Bus(refusing(Refused("http-gzip"))))
    assert names(inbox / "failed") == ["po.2.json", "po.2.json.reason.txt", "po.json", "po.json.reason.txt"]


def test_a_file_that_is_still_being_written_waits(inbox: Path) -> None:
    bus = Bus()

    async def run() -> None:
        async with running(source(options(settle=0.4), site(inbox.parent)), bus.accept):
            with (inbox / "slow.json").open("wb", buffering=0) as file:
                for _ in range(8):
                    file.write(b"x")
                    await asyncio.sleep(0.1)  # the pace of the writer, not a wait for the reader
                    assert bus.documents == []
            await until(lambda: names(inbox / "done") == ["slow.json"])

    asyncio.run(run())
    assert bus.bodies == [b"xxxxxxxx"]


def test_a_file_written_anew_while_the_bus_has_it_is_not_moved_away_unread(inbox: Path) -> None:
    (inbox / "po.json").write_bytes(b"old")

    class Writer(Bus):
        async def accept(self, document: Document) -> Accepted:
            if document.body == b"old":
                (inbox / "po.json").write_bytes(b"newer")
            return await super().accept(document)

    bus = Writer()
    read(inbox, bus)
    assert bus.bodies == [b"old", b"newer"]
    assert len({document.id for document in bus.documents}) == 2


def test_only_names_that_fit_the_pattern_are_taken_and_none_that_are_hidden(inbox: Path) -> None:
    for name in ("PO1.xml", "PO2.xml.tmp", ".PO3.xml", "order.xml"):
        (inbox / name).write_bytes(b"<a/>")
    bus = Bus()

    async def run() -> None:
        async with running(source(options(pattern="PO*.xml", format="xml"), site(inbox.parent)), bus.accept):
            await until(lambda: names(inbox / "done") == ["PO1.xml"])

    asyncio.run(run())
    assert [document.content_type for document in bus.documents] == ["application/xml"]
    assert names(inbox) == [".PO3.xml", "PO2.xml.tmp", "done", "failed", "order.xml"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_and_content_in_chinese_are_taken_as_they_are(inbox: Path, encoding: str) -> None:
    raw = os.fsencode(inbox) + b"/" + "采购订单_1.csv".encode(encoding)
    with open(raw, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write("单号\r\n采购-1".encode("gb18030"))
    bus = Bus()
    read(inbox, bus, pattern="*订单*.csv", format="csv", encoding="gb18030")
    assert bus.documents[0].name == "采购订单_1.csv"
    assert bus.bodies == ["单号\r\n采购-1".encode("gb18030")]
    assert [os.fsencode(name) for name in names(inbox / "done")] == ["采购订单_1.csv".encode(encoding)]


def test_links_folders_and_pipes_are_left_alone(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_bytes(b"secret")
    (inbox / "link.json").symlink_to(tmp_path / "secret.json")
    (inbox / "folder.json").mkdir()
    os.mkfifo(inbox / "pipe.json")
    (inbox / "po.json").write_bytes(b"{}")
    bus = Bus()

    async def run() -> None:
        async with running(source(options(), site(tmp_path)), bus.accept):
            await until(lambda: names(inbox / "done") == ["po.json"])

    asyncio.run(run())
    assert bus.bodies == [b"{}"]
    assert names(inbox) == ["done", "failed", "folder.json", "link.json", "pipe.json"]


def test_a_link_in_the_place_of_done_is_refused(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (inbox / "done").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(source(options(), site(tmp_path)).run(Bus().accept))
    assert caught.value.code == "file-not-a-folder"


def test_a_file_above_the_limit_is_failed_unread_and_the_next_goes_on(inbox: Path) -> None:
    (inbox / "big.json").write_bytes(b"x" * 101)
    (inbox / "small.json").write_bytes(b"x" * 100)
    bus = Bus()
    read(inbox, bus, max_body=100)
    assert len(bus.documents) == 1
    assert names(inbox / "failed") == ["big.json", "big.json.reason.txt"]


def test_a_file_the_bus_cannot_store_stays(inbox: Path) -> None:
    (inbox / "po.json").write_bytes(b"{}")
    with pytest.raises(Unavailable):
        asyncio.run(source(options(), site(inbox.parent)).run(Bus(raising(Unavailable("http-not-running"))).accept))
    assert names(inbox) == ["done", "failed", "po.json"]


def test_a_folder_that_is_missing_is_made_and_one_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    bus = Bus()

    async def run() -> None:
        async with running(source(options(folder="a/b"), site(tmp_path)), bus.accept):
            await until((tmp_path / "a" / "b" / "failed").is_dir)

    asyncio.run(run())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        asyncio.run(source(options(folder="file/in"), site(tmp_path)).run(bus.accept))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_change_is_noticed_long_before_the_next_poll(inbox: Path, encoding: str) -> None:
    bus = Bus()

    async def run() -> None:
        async with running(source(options(poll=60, settle=0), site(inbox.parent)), bus.accept):
            await until((inbox / "failed").is_dir)
            for number in range(100):
                if len(bus.documents) > 10:
                    break
                # One file after the other: nothing says when the watch has begun.
                (inbox / os.fsdecode(f"采购{number}.json".encode(encoding))).write_bytes(b"{}")
                await asyncio.sleep(0.1)
            assert len(bus.documents) > 10

    asyncio.run(run())


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from adapters.file import FileSourceOptions, source
from bus.adapter import Accepted, Site

async def accept(document):
    print(document.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

options = FileSourceOptions(folder="in", settle=0, poll=0.05)
asyncio.run(source(options, Site("wms", "UTC", Path(sys.argv[1]))).run(accept))
"""


def test_killed_between_storing_and_moving_the_file_is_read_again_as_the_same_document(inbox: Path) -> None:
    (inbox / "po.json").write_bytes(b"{}")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(inbox.parent)], capture_output=True, text=True, timeout=60, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    assert names(inbox) == ["done", "failed", "po.json"]
    bus = Bus()
    read(inbox, bus)
    assert [document.id for document in bus.documents] == [done.stdout.strip()]
    assert names(inbox / "done") == ["po.json"]
