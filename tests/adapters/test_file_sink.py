"""Files written to a real folder: whole, inside it, once, and over nobody else's."""

import asyncio
import errno
import os
import resource
import stat
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.file import FileSinkOptions, sink
from adapters.file_sink import _check
from bus.adapter import Answer, Outbound
from bus.errors import Refused, Unavailable

from tests.adapters.support import outbound, site


def deliver(tmp_path: Path, *batches: Sequence[Outbound], folder: str = "out/oa") -> list[Sequence[Answer]]:
    async def run() -> list[Sequence[Answer]]:
        target = sink(FileSinkOptions(folder=folder), site(tmp_path))
        try:
            return [await target.deliver(batch) for batch in batches]
        finally:
            await target.close()

    return asyncio.run(run())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_delivery_is_a_file_of_its_name(tmp_path: Path) -> None:
    body = "单号\r\n采购-1".encode("gb18030")
    [[answer]] = deliver(tmp_path, [outbound(body, name="采购-1.csv", content_encoding="gb18030")])
    assert answer == Answer(response={"name": "采购-1.csv"})
    assert files(tmp_path / "out" / "oa") == {"采购-1.csv": body}


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [("application/json", "json"), ("application/xml", "xml"), ("text/csv", "csv"), ("text/plain", "txt"),
     ("application/cloudevents+json", "json")],
)  # fmt: skip
def test_without_a_name_the_delivery_id_is_one(tmp_path: Path, content_type: str, extension: str) -> None:
    delivery = outbound(b"x", content_type=content_type)
    [[answer]] = deliver(tmp_path, [delivery])
    assert answer.response == {"name": f"{delivery.id}.{extension}"}


def test_a_delivery_that_comes_again_is_the_same_file(tmp_path: Path) -> None:
    first, again, mixed = deliver(
        tmp_path, [outbound(b"1", 1, name="po.csv")], [outbound(b"1", 1, name="po.csv")],
        [outbound(b"1", 1, name="po.csv"), outbound(b"2", 2, name="two.csv")],
    )  # fmt: skip
    assert again == first
    assert mixed[0] == first[0]
    assert files(tmp_path / "out" / "oa") == {"po.csv": b"1", "two.csv": b"2"}


def test_another_delivery_of_the_same_name_overwrites_nothing_and_keeps_its_own_name(tmp_path: Path) -> None:
    one, two = outbound(b"1", 1, name="po.csv"), outbound(b"2", 2, name="po.csv")
    own = f"po~{two.id[:8]}.csv"
    [first], [second], [again] = deliver(tmp_path, [one], [two], [two])
    assert first.response == {"name": "po.csv"}
    assert second.response == again.response == {"name": own}
    assert files(tmp_path / "out" / "oa") == {"po.csv": b"1", own: b"2"}
    (tmp_path / "out" / "oa" / "po.csv").unlink()  # its reader has taken it
    [[later]] = deliver(tmp_path, [two])
    assert later.response == {"name": own}


def test_a_name_and_its_own_name_both_taken_waits_for_a_person(tmp_path: Path) -> None:
    delivery = outbound(b"1", name="po.csv")
    folder = tmp_path / "out" / "oa"
    folder.mkdir(parents=True)
    (folder / "po.csv").write_bytes(b"x")
    (folder / f"po~{delivery.id[:8]}.csv").write_bytes(b"y")
    [[answer]] = deliver(tmp_path, [delivery])
    assert (answer.ok, answer.code, answer.retry) == (False, "file-name-taken", True)
    assert len(files(folder)) == 2


@pytest.mark.parametrize(
    "name",
    ["../po.csv", "/etc/po.csv", "a/b.csv", "a\\b.csv", "..", ".", ".hidden", "po\x00.csv", "po\n.csv", "CON", "nul.csv",
     "com1.txt", "po.csv.", "po.csv ", "x" * 300, "采" * 100, "\ud800.csv"],
)  # fmt: skip
def test_a_name_that_is_no_plain_file_name_is_refused_for_good(tmp_path: Path, name: str) -> None:
    [[bad, good]] = deliver(tmp_path, [outbound(b"x", 1, name=name), outbound(b"x", 2, name="ok.csv")])
    assert (bad.ok, bad.retry) == (False, False)
    assert bad.code in ("file-name-slash", "file-name-reserved")
    bad.message.encode()
    assert good.ok
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["ok.csv"]


@given(st.text(max_size=12))
def test_a_name_that_is_taken_stays_in_its_folder(name: str) -> None:
    try:
        _check(name)
    except Refused:
        return
    assert not name or os.path.normpath(f"/base/{name}") == f"/base/{name}"


def test_a_link_in_the_folder_is_not_written_through(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "oa"
    folder.mkdir(parents=True)
    (tmp_path / "victim").write_bytes(b"victim")
    (folder / "po.csv").symlink_to(tmp_path / "victim")
    delivery = outbound(b"x", name="po.csv")
    (folder / f".{delivery.id}.tmp").symlink_to(tmp_path / "victim")
    [[answer]] = deliver(tmp_path, [delivery])
    assert answer.response == {"name": f"po~{delivery.id[:8]}.csv"}
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert not (folder / f".{delivery.id}.tmp").is_symlink()


def test_a_temporary_file_of_a_killed_writer_is_in_nobodys_way(tmp_path: Path) -> None:
    delivery = outbound(b"whole", name="po.csv")
    folder = tmp_path / "out" / "oa"
    folder.mkdir(parents=True)
    (folder / f".{delivery.id}.tmp").write_bytes(b"ha")
    [[answer]] = deliver(tmp_path, [delivery])
    assert answer.ok
    assert files(folder) == {"po.csv": b"whole"}


def test_a_share_without_links_is_written_to_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    one, two = outbound(b"1", 1, name="po.csv"), outbound(b"2", 2, name="po.csv")
    [answers] = deliver(tmp_path, [one, two])
    assert all(answer.ok for answer in answers)
    assert files(tmp_path / "out" / "oa") == {"po.csv": b"1", f"po~{two.id[:8]}.csv": b"2"}


def test_a_file_that_does_not_fit_on_the_disk_is_tried_again_and_leaves_no_half(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))  # a disk that is full, as far as we can tell
    try:
        [[big, small]] = deliver(
            tmp_path, [outbound(b"x" * 200_000, 1, name="big.csv"), outbound(b"x", 2, name="small.csv")]
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (big.ok, big.retry, big.code) == (False, True, "file-unavailable")
    assert small.ok
    assert files(tmp_path / "out" / "oa") == {"small.csv": b"x"}


class PowerCut:
    """What a power cut would leave: files as of their own last fsync, names as of the folder's, or from when they were given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leaves: dict[str, int] = {}  # bytes by name
        self.may_leave: dict[str, int] = {}  # when the system had written the name by itself
        self._synced: dict[int, int] = {}
        self._fsync, self._link = os.fsync, os.link
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "link", self.link)

    def fsync(self, fd: int) -> None:
        self._fsync(fd)
        state = os.fstat(fd)
        if stat.S_ISDIR(state.st_mode):
            self.leaves = {entry.name: self._synced.get(entry.inode(), 0) for entry in os.scandir(fd)}
        else:
            self._synced[state.st_ino] = state.st_size

    def link(self, source: str, name: str, **where: Any) -> None:
        self._link(source, name, **where)
        self.may_leave[name] = self._synced.get(os.stat(source, dir_fd=where["src_dir_fd"]).st_ino, 0)


def test_what_was_answered_outlives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = PowerCut(monkeypatch)
    [answers] = deliver(tmp_path, [outbound(b"x" * n, n, name=f"{n}.csv") for n in (1, 20, 300)])
    assert all(answer.ok for answer in answers)
    assert cut.leaves == cut.may_leave == {"1.csv": 1, "20.csv": 20, "300.csv": 300}


def test_files_of_a_batch_wait_for_the_disk_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together, fsync = threading.Barrier(4, timeout=30), os.fsync

    def slow(fd: int) -> None:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            together.wait()  # nobody goes on alone
        fsync(fd)

    monkeypatch.setattr(os, "fsync", slow)
    [answers] = deliver(tmp_path, [outbound(b"x", n, name=f"{n}.csv") for n in range(8)])
    assert [answer.response for answer in answers] == [{"name": f"{n}.csv"} for n in range(8)]


def test_the_same_document_twice_in_a_batch_is_one_file_and_the_first_comer_has_the_plain_name(tmp_path: Path) -> None:
    batch = [outbound(body, n, name="po.csv") for n, body in enumerate((b"1", b"2", b"1"))]
    [answers] = deliver(tmp_path, [*batch, batch[1]])
    own = f"po~{batch[1].id[:8]}.csv"
    assert [answer.response["name"] for answer in answers] == ["po.csv", own, "po.csv", own]
    assert files(tmp_path / "out" / "oa") == {"po.csv": b"1", own: b"2"}


def test_a_folder_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(Unavailable) as caught:
        deliver(tmp_path, [outbound(b"x")])
    assert "wms" in str(caught.value)
