"""The embedded broker where the disk, the file or another program stands in its way."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bus.errors import BusError, ConfigurationError, Refused, Unavailable
from bus.ports import Mark
from bus.runtime.embedded import EmbeddedBroker
from bus.testing import Inbox, letter, until
from bus.topology import INVALID, ROUTER, to

from tests.transports.embedded import ids, opened, play


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


def refusal(path: Path, **options: Any) -> BusError:
    async def story() -> None:
        async with opened(path, **options):
            pass

    with pytest.raises(BusError) as raised:
        asyncio.run(story())
    assert "\n" not in str(raised.value)
    return raised.value


def limit_pages(broker: EmbeddedBroker, spare: int | None) -> None:
    """Let the file grow by `spare` pages and no further, as a full disk does; None: by any number."""
    db = broker._store._writer
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {1_000_000_000 if spare is None else pages + spare}")


# ----------------------------------------------------------------------------------------- trouble


def test_a_full_disk_refuses_publishers_and_goes_on_by_itself(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            said: list[BusError | None] = []
            broker.on_trouble = said.append
            await broker.publish(letter("before"))
            limit_pages(broker, 2)
            with pytest.raises(Unavailable) as raised:
                await broker.publish(letter("too much", body=bytes(200_000)))
            assert raised.value.code == "disk-full"
            assert str(path) in str(raised.value)
            await broker.publish(letter("small"))
            assert said == [raised.value, None]
            limit_pages(broker, None)
            await broker.publish(letter("too much", body=bytes(200_000)))
            assert ids(await broker.pull(ROUTER, 10)) == ["before", "small", "too much"]
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    play(story)


@pytest.mark.parametrize("size_bytes", [200_000, 2_000_000])
def test_what_cannot_be_stored_stays_in_hand_and_is_repeated(path: Path, size_bytes: int) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            troubled, well = asyncio.Event(), asyncio.Event()
            broker.on_trouble = lambda trouble: (troubled if trouble else well).set()
            await broker.publish(*(letter(f"{n}") for n in range(20)))
            batch = await broker.pull(ROUTER, 20)
            limit_pages(broker, 2)
            batch[7].become(letter("large", to("wms"), bytes(size_bytes)), mark=Mark("seven", b"7"))
            for received in (*batch[:7], *batch[8:]):
                received.become(letter(received.message.id, to("wms")))
            drained = asyncio.ensure_future(broker.drain())
            await troubled.wait()

            async def others_are_stored() -> bool:
                return (await broker.depth([to("wms")]))[to("wms")].messages == 19

            await until(others_are_stored)
            assert not drained.done()
            assert await broker.pull(ROUTER, 20) == []
            assert (await broker.depth([ROUTER]))[ROUTER].messages == 1
            limit_pages(broker, None)
            await drained
            assert well.is_set()
            assert sorted(ids(await broker.pull(to("wms"), 30))) == sorted(
                ["large", *(f"{n}" for n in range(20) if n != 7)]
            )
            assert broker.known(["seven"]) == {"seven": b"7"}

    play(story)


def test_closing_on_a_full_disk_returns_and_leaves_the_message_in_its_queue(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            await broker.publish(letter("PO-1"))
            (received,) = await broker.pull(ROUTER, 1)
            limit_pages(broker, 0)
            received.become(letter("PO-1", to("wms"), bytes(200_000)))
            publishing = asyncio.ensure_future(broker.publish(letter("PO-2", body=bytes(200_000))))
            await asyncio.sleep(0)
            await broker.close()
            with pytest.raises(Unavailable):
                await publishing
            with pytest.raises(Unavailable):
                await broker.drain()
        async with opened(path) as broker:
            assert ids(await broker.pull(ROUTER, 5)) == ["PO-1"]

    play(story)


def test_a_locked_file_delays_and_loses_nothing(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                publishing = asyncio.ensure_future(broker.publish(letter("PO-1")))
                await asyncio.wait([publishing], timeout=0.2)
                assert not publishing.done()
                other.execute("ROLLBACK")
            await publishing
            assert ids(await broker.pull(ROUTER, 5)) == ["PO-1"]

    play(story)


@pytest.mark.parametrize("size_bytes", [11, 1_001])
def test_a_message_that_is_too_large_is_refused_and_its_origin_stays_in_hand(path: Path, size_bytes: int) -> None:
    async def story() -> None:
        async with opened(path, max_body_bytes=10) as broker:
            with pytest.raises(Refused) as raised:
                await broker.publish(letter("fits"), letter("large", body=bytes(size_bytes)))
            assert raised.value.code == "message-too-large"
            await broker.publish(letter("PO-1"))
            (received,) = await broker.pull(ROUTER, 5)
            with pytest.raises(Refused):
                received.become(letter("large", to("wms"), bytes(size_bytes)))
            received.become(letter("PO-1", INVALID))
            await broker.drain()
            assert ids(await broker.pull(INVALID, 5)) == ["PO-1"]

    play(story)


def test_a_queue_that_does_not_exist_is_refused(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            with pytest.raises(Refused) as raised:
                await broker.publish(letter("PO-1", to("nobody")))
            assert "to.nobody" in str(raised.value)
            with pytest.raises(Refused):
                await broker.consume(to("nobody"), Inbox(), 1)
            assert await broker.pull(to("nobody"), 1) == []

    play(story)


# ------------------------------------------------------------------------------- files it does not take


def test_a_folder_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert isinstance(error, ConfigurationError)
    assert error.code == "store-is-folder"


@pytest.mark.parametrize("owner", [True, False])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, owner: bool) -> None:
    path.write_text("purchase orders\n" * 1_000)
    assert refusal(path, owner=owner).code == "store-foreign"
    assert path.read_text() == "purchase orders\n" * 1_000


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE ledger (amount TEXT)")
    before = path.read_bytes()
    error = refusal(path)
    assert isinstance(error, ConfigurationError)
    assert error.code == "store-foreign"
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    asyncio.run(_open_and_close(path))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    error = refusal(path)
    assert isinstance(error, ConfigurationError)
    assert error.code == "store-newer"
    assert "99" in str(error)


def test_a_damaged_file_is_refused(path: Path) -> None:
    asyncio.run(_open_and_close(path))
    with path.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(3_000))
    assert refusal(path).code == "store-damaged"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "file" / "bus.db").code == "store-not-writable"
    assert refusal(tmp_path / "file" / "bus.db", owner=False).code == "store-not-writable"


@pytest.mark.parametrize("owner", [True, False])
def test_a_folder_that_cannot_be_written_is_refused(owner: bool) -> None:
    # Nobody makes files there, not even root, for whom modes of a temporary folder mean nothing.
    assert refusal(Path("/proc/bus.db"), owner=owner).code == "store-not-writable"


async def _open_and_close(path: Path) -> None:
    async with opened(path):
        pass


def test_every_commit_is_on_the_disk_before_anyone_hears_of_it(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as broker:
            db = broker._store._writer
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: the log is synced at every commit

    play(story)


def test_a_listener_that_raises_does_not_end_the_writing(path: Path) -> None:
    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
        async with opened(path) as broker:

            def listen(trouble: BusError | None) -> None:
                raise ValueError("a defect")

            broker.on_trouble = listen
            limit_pages(broker, 0)
            with pytest.raises(Unavailable):
                await broker.publish(letter("too much", body=bytes(200_000)))
            limit_pages(broker, None)
            await broker.publish(letter("PO-1"))
            assert ids(await broker.pull(ROUTER, 5)) == ["PO-1"]

    play(story)
