"""Paths: files are read and written inside the folder that the options name, and nothing is followed or overwritten."""

import asyncio
from pathlib import Path

import pytest

from adapters.file import FileSinkOptions, FileSourceOptions, sink, source
from adapters.file_folder import open_folder
from bus.adapter import Answer

from tests.adapters.support import Bus, outbound, running, site, until


def put(folder: Path, name: str) -> Answer:
    async def run() -> Answer:
        target = sink(FileSinkOptions(folder="out"), site(folder))
        try:
            (answer,) = await target.deliver([outbound(b"written", name=name)])
            return answer
        finally:
            await target.close()

    return asyncio.run(run())


@pytest.mark.parametrize("name", [
    "../victim", "../../victim", "/victim", "{folder}/victim", "sub/victim", "..\\victim", "..", ".", "victim\x00.csv",
    "～/victim/../../victim",
])
def test_a_name_out_of_the_folder_is_refused_for_good(name: str, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("victim")
    answer = put(tmp_path, name.format(folder=tmp_path))
    assert (answer.ok, answer.retry) == (False, False)
    assert (tmp_path / "victim").read_text() == "victim"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "victim"]


def test_a_link_in_place_of_the_file_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("victim")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "po.csv").symlink_to(tmp_path / "victim")
    answer = put(tmp_path, "po.csv")
    assert answer.ok
    assert answer.response["name"] != "po.csv"  # under a name of its own
    assert (tmp_path / "victim").read_text() == "victim"


def test_a_folder_exchanged_for_a_link_meanwhile_does_not_lead_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with open_folder(tmp_path / "out") as folder:
        (tmp_path / "out").rename(tmp_path / "moved")
        (tmp_path / "out").symlink_to(elsewhere)
        folder.write("po.csv", b"written")
    assert list(elsewhere.iterdir()) == []
    assert (tmp_path / "moved" / "po.csv").read_bytes() == b"written"


def test_a_link_to_a_file_outside_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('"canary"')
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "link.json").symlink_to(tmp_path / "secret")
    (inbox / "real.json").write_text("{}")
    bus = Bus()

    async def run() -> None:
        options = FileSourceOptions(folder="in", settle=0.0, poll=0.05)
        async with running(source(options, site(tmp_path)), bus.accept):
            await until(lambda: not (inbox / "real.json").exists(), "the file")

    asyncio.run(run())
    assert bus.bodies == [b"{}"]
    assert (inbox / "link.json").is_symlink()
