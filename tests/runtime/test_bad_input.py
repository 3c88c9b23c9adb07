"""Bad input, and nothing lost: one clear line, the document kept, the others go on, and a replay once mended."""

import asyncio
import shutil
import socket
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bus.errors import UsageError
from bus.runtime.embedded import EmbeddedBroker

from tests.proxy import Proxy
from tests.runtime.whole import SHOP, Told, answer, answering, order, placed, play, running, until

THREE = SHOP.replace("  wms:", """\
  mill: {source: {adapter: http, path: /xml, format: xml}}
  depot: {source: {adapter: http, path: /csv, format: csv, encoding: gb18030, max_body: 1000}}
  wms:""").replace("routes:", """\
  mill-order:
    from: mill
    event: order.placed
    id: document.order.no
    map: {no: document.order.no, item: "'I1'", qty: decimal(document.order.qty)}
  depot-order:
    from: depot
    for: row in document.rows
    event: order.placed
    id: row.no
    map: {no: row.no, item: "'I1'", qty: decimal(row.qty), note?: row.note}
routes:""")

BOMB = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><order><no>&b;</no><qty>1</qty></order>'
GOOD = {
    "shop": b'{"kind": "order", "no": "S-1", "item": "A", "qty": "2"}',
    "mill": b"<order><no>S-1</no><qty>2</qty></order>",
    "depot": "no,qty,note\r\nS-1,2,采购\r\n".encode("gb18030"),
}
PATHS = {"shop": ("/in", "application/json"), "mill": ("/xml", "application/xml"), "depot": ("/csv", "text/csv")}


@pytest.mark.parametrize(
    ("system", "body", "code", "state", "status"),
    [
        ("shop", b'{"kind": "order", "no": ', "json-truncated", "dead", 400),
        ("shop", b'{"kind": "order", "no": "S-1", "no": "S-2"}', "json-key-twice", "dead", 400),
        ("shop", '{"kind": "order", "no": "采购"}'.encode("gb18030"), "document-undecodable", "dead", 400),
        ("shop", b"[" * 5000 + b"]" * 5000, "document-too-deep", "dead", 400),
        ("shop", b'{"kind": "greeting"}', "no-rule", "parked", 202),
        ("shop", b'{"kind": "order", "no": "S-1", "item": "A", "qty": "many"}', "number-unreadable", "dead", 422),
        ("shop", b'{"kind": "order", "no": "S-1", "item": "Z", "qty": "2"}', "unmapped-code", "parked", 202),
        ("shop", b'{"kind": "order", "item": "A", "qty": "2"}', "path-missing-here", "dead", 422),
        (
            "shop", b'{"specversion": "1.0", "type": "order.lost", "id": "S-1", "source": "shop", "data": {"no": "S-1"}}',
            "event-type-unknown", "dead", 422,
        ),
        ("mill", b"<order><no>S-1</no>", "xml-malformed", "dead", 400),
        ("mill", BOMB, "xml-doctype", "dead", 400),
        ("mill", b"<order><no>S-1</no><no>S-2</no><qty>1</qty></order>", "holds-several", "dead", 422),
        ("depot", b'no,qty,note\r\nS-1,2,"half', "csv-malformed", "dead", 400),
        ("depot", b"no,qty,note\r\nS-1,2,\xff\xff\r\n", "document-undecodable", "dead", 400),
    ],
)
def test_a_document_that_cannot_be_taken_is_kept_and_taken_once_mended(
    tmp_path: Path, system: str, body: bytes, code: str, state: str, status: int
) -> None:
    async def story() -> None:
        path, content_type = PATHS[system]
        async with answering() as target, running(tmp_path, THREE, target=target) as bus:
            got, told = await bus.post(body, path, content_type)
            await bus.post(order("S-9"))
            [letter] = await bus.has_letters(code)
            assert (got, letter.state, letter.system, letter.route) == (status, state, system, None)
            assert (told.get("error") or told["problem"])["code"] == code
            [line] = bus.lines(f"document_{state}")
            assert f"system={system}" in line
            assert f"code={code}" in line
            assert "reason=" in line
            await until(lambda: target.numbers() == ["S-9"], "the others go on")

            await bus.edit(letter, GOOD[system])
            assert await bus.replay(code=code) == 1
            await until(lambda: target.numbers() == ["S-9", "S-1"])
            await bus.has_letters()

    play(story)


def test_a_document_too_large_stays_with_its_sender_who_is_told_the_limit(tmp_path: Path) -> None:
    async def story() -> None:
        async with answering() as target, running(tmp_path, THREE, target=target) as bus:
            status, told = await bus.post(b"no,qty,note\r\n" + b"S-1,2,x\r\n" * 200, "/csv", "text/csv")
            assert (status, told["error"]["code"]) == (413, "http-too-large")
            assert "1000" in told["error"]["message"]
            await bus.idle()
            assert await bus.letters() == []
            accepted = await bus.accept("depot", b"no,qty,note\r\n" + b"S-1,2,x\r\n" * 200)
            assert accepted.problem is not None
            assert accepted.problem.code == "document-too-large"
            assert await bus.letters() == []
            assert "document_refused" in bus.log[-1]

    play(story)


def test_a_large_document_that_a_system_published_by_itself_is_kept(tmp_path: Path) -> None:
    async def story() -> None:
        from bus.ports import Message

        async with answering() as target, running(tmp_path, THREE, target=target) as bus:
            await bus.publish(Message("bus.documents", "d-1", b"no,qty\r\n" + b"S-1,2\r\n" * 300, {"bus-system": "depot"}))
            [letter] = await bus.has_letters("document-too-large")
            assert (letter.system, letter.state) == ("depot", "dead")

    play(story)


def test_a_document_one_rule_takes_and_another_cannot_is_not_taken_by_halves_for_ever(tmp_path: Path) -> None:
    async def story() -> None:
        two = SHOP.replace("routes:", """\
  again:
    from: shop
    event: order.taken
    id: document.no + "-taken"
    map: {no: document.reference}
routes:""")
        async with answering() as target, running(tmp_path, two, target=target) as bus:
            status, told = await bus.post(order("S-1"))
            assert (status, [event["id"] for event in told["events"]]) == (202, ["S-1"])
            assert told["problem"]["code"] == "path-missing"
            [letter] = await bus.has_letters("path-missing")
            assert bus.lines("document_partly")
            await bus.edit(letter, b'{"kind": "order", "no": "S-1", "item": "A", "qty": "2", "reference": "R"}')
            await bus.replay(code="path-missing")
            await until(lambda: bus.value("bus_events_unrouted_total", type="order.taken") == 1)
            await bus.has_letters()
            assert target.numbers() == ["S-1"], "what was taken the first time is not taken twice"

    play(story)


async def _slow(_: object) -> bytes:
    await asyncio.sleep(5)
    return b""


NONSENSE: Mapping[str, Told] = {
    "binary": answer(bytes(range(256)), content_type="application/octet-stream"),
    "html": answer("<html><body>Bad <b>day</body></html>", content_type="text/html"),
    "broken json": answer('{"flag": "succ'),
    "broken xml": answer("<response><flag>success", content_type="application/xml"),
    "empty": answer(b""),
    "10 MB": answer(b'{"flag": "success", "x": "' + b"x" * 10_000_000 + b'"}'),
    "hangs up": b"",
    "hangs up in the middle": b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{",
    "no http": b"220 smtp.example ready\r\n",
    "slow": _slow,
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_a_target_that_answers_nonsense_is_no_success(tmp_path: Path, kind: str) -> None:
    async def story() -> None:
        routing = SHOP.replace("timeout: 2s, retry: [50ms, 100ms]", 'timeout: 300ms, retry: [50ms], success: response.flag == "success"')
        async with answering(NONSENSE[kind]) as target, running(tmp_path, routing, target=target) as bus:
            await bus.publish(placed("S-1"))
            passing = kind in ("hangs up", "hangs up in the middle", "no http", "slow")
            unclear = kind in ("html", "broken json", "broken xml")  # a text, where an answer with a flag was due
            code = "retries-exhausted" if passing else "answer-unclear" if unclear else "target-refused"
            [letter] = await bus.has_letters(code)
            assert letter.attempts == (2 if passing else 1)
            assert (letter.system, letter.route, letter.subject) == ("wms", "to-wms", "S-1")
            [line] = bus.lines("delivery_parked" if unclear else "delivery_dead")
            assert "reason=" in line
            await until(lambda: bus.file("oa/S-1") is not None, "the others go on")
            target.told = answer()
            await bus.replay(system="wms")
            await bus.has_letters()
            await bus.idle()
            assert target.numbers()[-1] == "S-1"

    play(story)


def test_a_lookup_broken_while_the_bus_runs_leaves_the_old_table_in_use(tmp_path: Path) -> None:
    async def story() -> None:
        table = tmp_path / "item.csv"
        async with answering() as target, running(tmp_path, target=target) as bus:
            table.write_text('bus,shop,wms\nI1,A,W-A\nI1,"C')
            await until(lambda: bus.lines("configuration_refused") != [])
            [line] = bus.lines("configuration_refused")
            assert "item.csv" in line
            assert "reason=" in line
            await bus.post(order("S-1"))
            await bus.post(order("S-2", item="C"))
            await bus.has_letters("unmapped-code")
            assert target.numbers() == ["S-1"], "the old table goes on"
            assert "configuration" in bus.app.troubles
            table.unlink()
            await until(lambda: len(bus.lines("configuration_refused")) == 2)
            table.write_text("bus,shop,wms\nI1,A,W-A\nI3,C,W-C\n")
            await until(lambda: target.numbers() == ["S-1", "S-2"], "what waited goes on by itself")
            assert "configuration" not in bus.app.troubles
            assert bus.value("bus_reloads_total", outcome="refused") == 2
            await bus.has_letters()

    play(story)


def test_a_full_disk_is_told_to_the_sender_and_the_bus_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def story() -> None:
        broker = EmbeddedBroker(tmp_path / "bus.db")
        async with answering() as target, running(tmp_path, SHOP, broker, target=target) as bus:
            writer = broker._store._writer
            (pages,) = writer.execute("PRAGMA page_count").fetchone()
            writer.execute(f"PRAGMA max_page_count = {pages + 4}")
            note = "x" * 20_000
            answers = await asyncio.gather(*(bus.post(order(f"S-{n}", note=note)) for n in range(6)))
            statuses = [status for status, _ in answers]
            assert statuses.count(503) >= 1
            await until(lambda: bus.lines("broker_in_trouble") != [])
            assert "code=disk-full" in bus.lines("broker_in_trouble")[0]
            assert bus.value("bus_broker_up") == 0
            writer.execute("PRAGMA max_page_count = 1000000")
            for n, status in enumerate(statuses):
                if status == 503:
                    assert (await bus.post(order(f"S-{n}", note=note)))[0] == 202
            await until(lambda: bus.value("bus_broker_up") == 1)
            await bus.idle()
            assert sorted(target.numbers()) == [f"S-{n}" for n in range(6)]
            assert await bus.letters() == []

    play(story)


def test_a_port_in_use_is_said_and_nothing_else_happens(tmp_path: Path) -> None:
    from bus.runtime import listener

    async def story() -> None:
        with socket.socket() as other, pytest.MonkeyPatch.context() as patch:
            other.bind(("127.0.0.1", 0))
            other.listen()
            address = f"127.0.0.1:{other.getsockname()[1]}"
            patch.setattr(listener, "split_address", lambda *_: ("127.0.0.1", other.getsockname()[1]))
            with pytest.raises(UsageError) as refused:
                async with running(tmp_path):
                    pass
            assert refused.value.code == "port-taken"
            assert "--listen" in str(refused.value)
            assert address

    play(story)


ROWS = SHOP.replace('wms: {sink: {adapter: http, url: "URL", timeout: 2s, retry: [50ms, 100ms]}}',
                    'wms: {sink: {adapter: database, url: "URL", retry: [100ms, 200ms, 500ms, 1s, 1s, 1s, 1s, 1s]}}').replace(
    "to-wms: {on: order.placed, to: wms, json: data}",
    "to-wms: {on: order.placed, to: wms, rows: {orders: {no: data.no, qty: data.qty}}}",
)


def test_a_database_without_the_table_is_a_letter_until_somebody_makes_it(tmp_path: Path) -> None:
    async def story() -> None:
        database = tmp_path / "wms.db"
        sqlite3.connect(database).close()
        async with running(tmp_path, ROWS.replace("URL", f"sqlite:///{database}")) as bus:
            await bus.publish(placed("S-1"))
            [letter] = await bus.has_letters("database-no-table-for")
            assert (letter.message, "bus_delivered" in letter.message) == ("there is no table orders; there are: -", False)
            assert "CREATE TABLE orders (no …, qty …)" in letter.hint
            await until(lambda: bus.file("oa/S-1") is not None, "the others go on")
            with sqlite3.connect(database) as connection:
                connection.execute("CREATE TABLE orders (no TEXT, qty NUMERIC)")
            await bus.replay(system="wms")
            await bus.has_letters()
            await bus.idle()
            with sqlite3.connect(database) as connection:
                assert connection.execute("SELECT no, qty FROM orders").fetchall() == [("S-1", 2)]

    play(story)


def test_a_staging_table_that_is_missing_is_said_and_read_once_it_is_there(tmp_path: Path) -> None:
    async def story() -> None:
        database = tmp_path / "shop.db"
        source = f'{{adapter: database, url: "sqlite:///{database}", table: outbox, poll: 50ms}}'
        routing = SHOP.replace("{adapter: http, path: /in, format: json}", source)
        sqlite3.connect(database).close()
        async with answering() as target, running(tmp_path, routing, target=target) as bus:
            await until(lambda: bus.lines("adapter_down") != [])
            assert "outbox" in bus.lines("adapter_down")[0]
            assert "reason=" in bus.lines("adapter_down")[0]
            assert bus.value("bus_adapter_up", system="shop", side="source") == 0
            assert "shop" in bus.app.troubles
            await bus.publish(placed("S-9"))
            await until(lambda: target.numbers() == ["S-9"], "the others go on")
            with sqlite3.connect(database) as connection:
                connection.execute("CREATE TABLE outbox (id INTEGER PRIMARY KEY, document TEXT, status TEXT, error TEXT)")
                body = GOOD["shop"].decode()
                connection.execute("INSERT INTO outbox (document, status) VALUES (?, 'new')", (body,))
            await until(lambda: target.numbers() == ["S-9", "S-1"])
            await until(lambda: bus.value("bus_adapter_up", system="shop", side="source") == 1)
            assert "shop" not in bus.app.troubles
            assert bus.lines("adapter_up")

    play(story)


def test_a_database_that_goes_away_and_returns_gets_everything_once(tmp_path: Path, postgresql: str) -> None:
    async def story() -> None:
        engine = sa.create_engine(postgresql, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for table in ("orders", "bus_delivered"):
                connection.execute(sa.text(f"DROP TABLE IF EXISTS {table}"))
            connection.execute(sa.text("CREATE TABLE orders (no TEXT, qty NUMERIC)"))
        address = engine.url.host or "", engine.url.port or 5432
        async with AsyncExitStack() as first:
            proxy = await first.enter_async_context(Proxy(*address))
            url = engine.url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("WMS_DB", url)
                await flow(first, partial(Proxy, *address, port=proxy.port))
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT no FROM orders ORDER BY no")).scalars().all()
        assert found == [f"S-{n}" for n in range(10)]

    async def flow(first: AsyncExitStack, again: Callable[[], Proxy]) -> None:
        async with running(tmp_path, ROWS.replace("URL", "${WMS_DB}")) as bus:
            await bus.publish(placed("S-0"))
            await until(lambda: bus.value("bus_deliveries_done_total", route="to-wms", system="wms") == 1)
            await first.aclose()
            await bus.publish(*(placed(f"S-{n}") for n in range(1, 10)))
            await until(lambda: bus.lines("adapter_down") != [])
            await until(lambda: bus.file("oa/S-9") is not None, "the others go on")
            async with again():
                await until(lambda: bus.value("bus_deliveries_done_total", route="to-wms", system="wms") == 10)
            assert await bus.letters() == []

    play(story)


def test_a_source_folder_that_vanishes_is_said_and_read_again_when_it_is_back(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "share" / "in"
        routing = SHOP.replace("{adapter: http, path: /in, format: json}", "{adapter: file, folder: share/in, settle: 0s, poll: 50ms}")
        folder.mkdir(parents=True)
        async with answering() as target, running(tmp_path, routing, target=target) as bus:
            (folder / "a.json").write_bytes(GOOD["shop"])
            await until(lambda: target.numbers() == ["S-1"])
            shutil.rmtree(tmp_path / "share")
            (tmp_path / "share").write_text("no folder at all")
            await until(lambda: bus.lines("adapter_down") != [])
            assert "reason=" in bus.lines("adapter_down")[0]
            await bus.publish(placed("S-9"))
            await until(lambda: target.numbers() == ["S-1", "S-9"], "the others go on")
            (tmp_path / "share").unlink()
            folder.mkdir(parents=True)
            (folder / "b.json").write_bytes(GOOD["shop"].replace(b"S-1", b"S-2"))
            await until(lambda: target.numbers() == ["S-1", "S-9", "S-2"])
            await until(lambda: bus.value("bus_adapter_up", system="shop", side="source") == 1)

    play(story)
