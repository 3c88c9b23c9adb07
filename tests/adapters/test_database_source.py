"""A staging table read from real databases: every row once, and its outcome written back."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.database import DatabaseSourceOptions, check, source
from bus.adapter import Accepted, Document
from bus.errors import BusError, ConfigurationError, DocumentError, Held, Refused, Unavailable

from tests.adapters.support import Bus, raising, refusing, running, site, until

OUTBOX = """
create table bus_outbox (
  id integer primary key, document {text}, status varchar(10), error varchar(40), po_no varchar(20),
  qty numeric(12, 3), due date, kind char(6))
"""


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with an empty staging table."""
    where: str = f"sqlite:///{tmp_path}/erp.db" if request.param == "sqlite" else request.getfixturevalue(request.param)
    execute(where, "drop table if exists bus_outbox", OUTBOX.format(text="text"))
    return where


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def stage(url: str, *ids: int, status: str | None = None) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for id_ in ids:
            values = {"id": id_, "document": f'{{"po_no":"PO-{id_}"}}', "status": status}
            statement = "insert into bus_outbox (id, document, status) values (:id, :document, :status)"
            connection.execute(sa.text(statement), values)


def statuses(url: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("select id, status, error from bus_outbox order by id")]


def options(url: str, **more: Any) -> DatabaseSourceOptions:
    return DatabaseSourceOptions(url=url, table="bus_outbox", poll=0.05, **more)


def read(url: str, folder: Path, bus: Bus, count: int, **more: Any) -> list[tuple[Any, ...]]:
    """Run the source until no row is new or taken any more; return the table."""

    async def run() -> list[tuple[Any, ...]]:
        async with running(source(options(url, **more), site(folder)), bus.accept) as task:
            await until(
                lambda: task.done() or sum(row[1] in ("done", "failed") for row in statuses(url)) == count, "rows"
            )
            if task.done():
                await task
        return statuses(url)

    return asyncio.run(run())


def test_new_rows_are_handed_over_by_key_and_done(url: str, tmp_path: Path) -> None:
    stage(url, 3, 1)
    stage(url, 2, status="new")
    stage(url, 9, status="done")
    bus = Bus()
    assert read(url, tmp_path, bus, 4) == [(1, "done", None), (2, "done", None), (3, "done", None), (9, "done", None)]
    assert bus.bodies == [b'{"po_no":"PO-1"}', b'{"po_no":"PO-2"}', b'{"po_no":"PO-3"}']
    assert [document.name for document in bus.documents] == ["bus_outbox 1", "bus_outbox 2", "bus_outbox 3"]
    assert bus.documents[0].content_type == "application/json"


def test_more_rows_than_a_batch_are_all_read(url: str, tmp_path: Path) -> None:
    stage(url, *range(25))
    bus = Bus()
    read(url, tmp_path, bus, 25, batch=10)
    assert len(bus.documents) == 25


def test_a_refused_row_is_failed_and_says_why_as_far_as_its_column_holds(url: str, tmp_path: Path) -> None:
    stage(url, 1)
    [(_, status, error)] = read(url, tmp_path, Bus(refusing(DocumentError("http-gzip"))), 1)
    assert status == "failed"
    assert error == "http-gzip: the body is not one whole gzip stream"[:40]


def test_a_row_that_is_only_held_is_done_for_its_system(url: str, tmp_path: Path) -> None:
    stage(url, 1)
    bus = Bus(refusing(Held("http-gzip")))
    [(_, status, error)] = read(url, tmp_path, bus, 1)
    assert status == "done"
    assert error.startswith("http-gzip")


def test_a_row_corrected_and_set_to_new_loses_its_error_and_is_another_document(url: str, tmp_path: Path) -> None:
    stage(url, 1)
    bus = Bus(refusing(Refused("http-gzip")))
    read(url, tmp_path, bus, 1)
    execute(url, "update bus_outbox set status = 'new', document = '{}'")
    fixed = Bus()
    assert read(url, tmp_path, fixed, 1) == [(1, "done", None)]
    assert fixed.documents[0].id != bus.documents[0].id


def test_rows_the_bus_cannot_store_are_new_again(url: str, tmp_path: Path) -> None:
    stage(url, 1, 2)

    async def run() -> None:
        await source(options(url), site(tmp_path)).run(Bus(raising(Unavailable("http-not-running"))).accept)

    with pytest.raises(Unavailable):
        asyncio.run(run())
    assert statuses(url) == [(1, "new", None), (2, "new", None)]


def test_rows_claimed_at_shutdown_are_new_again(url: str, tmp_path: Path) -> None:
    stage(url, 1)

    async def run() -> None:
        reached = asyncio.Event()

        async def hang(document: Document) -> Accepted:
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with running(source(options(url), site(tmp_path)), hang):
            await reached.wait()
            assert statuses(url) == [(1, "taken", None)]

    asyncio.run(run())
    assert statuses(url) == [(1, "new", None)]


def test_two_readers_never_take_the_same_row(url: str, tmp_path: Path) -> None:
    stage(url, *range(60))

    async def run() -> None:
        first, second = (source(options(url, batch=7), site(tmp_path)) for _ in range(2))
        async with running(first, bus.accept), running(second, bus.accept):
            await until(lambda: len(bus.documents) >= 60 and {s for _, s, _ in statuses(url)} == {"done"})

    bus = Bus()
    asyncio.run(run())
    assert Counter(document.name for document in bus.documents).most_common(1)[0][1] == 1


def test_a_row_whose_reader_died_is_read_again_after_the_claim_ends(url: str, tmp_path: Path) -> None:
    stage(url, 1, status="taken")
    bus = Bus()
    assert read(url, tmp_path, bus, 1, claim=0.3) == [(1, "done", None)]
    assert len(bus.documents) == 1


def test_a_source_has_not_brought_everything_while_a_dead_reader_s_row_waits_for_its_claim_to_end(url: str, tmp_path: Path) -> None:
    stage(url, 1, status="taken")
    bus = Bus()
    arrived: list[int] = []

    async def run() -> None:
        reader = source(options(url, claim=0.3), site(tmp_path))
        async with running(reader, bus.accept):
            await until(lambda: bool(getattr(reader, "idle", True)))
            arrived.append(len(bus.documents))

    asyncio.run(run())
    assert arrived == [1]


def test_columns_make_a_document_with_digits_dates_and_codes_as_they_are(url: str, tmp_path: Path) -> None:
    execute(
        url,
        "insert into bus_outbox (id, po_no, qty, due, kind, status) values (7, '0012', 12.5, '2026-11-23', 'ZP', 'new')",
    )
    bus = Bus()
    read(url, tmp_path, bus, 1, columns=["po_no", "qty", "due", "kind"])
    digits = "12.5" if url.startswith("sqlite") else "12.500"  # SQLite stores a number, not its digits
    assert bus.bodies == [f'{{"po_no":"0012","qty":{digits},"due":"2026-11-23","kind":"ZP"}}'.encode()]


def test_without_a_document_column_the_row_is_the_document_but_for_its_status(url: str, tmp_path: Path) -> None:
    execute(url, "drop table bus_outbox")
    execute(url, "create table bus_outbox (id integer primary key, po_no varchar(9), status varchar(9), error varchar(9))")
    execute(url, "insert into bus_outbox (id, po_no) values (1, 'PO-1')")
    bus = Bus()
    read(url, tmp_path, bus, 1)
    assert json.loads(bus.bodies[0]) == {"id": 1, "po_no": "PO-1"}


def test_numeric_statuses_a_key_of_two_columns_and_no_error_column_will_do(url: str, tmp_path: Path) -> None:
    execute(url, "drop table bus_outbox")
    execute(url, "create table bus_outbox (a varchar(5), b integer, doc varchar(99), flag integer, primary key (a, b))")
    execute(url, "insert into bus_outbox values ('x', 1, '{}', 0), ('x', 2, '[]', 0), ('y', 1, '1', 3)")
    bus = Bus()

    async def run() -> None:
        chosen = options(
            url, document="doc", status="flag", statuses={"new": "0", "taken": "1", "done": "2", "failed": "9"}
        )
        async with running(source(chosen, site(tmp_path)), bus.accept):
            await until(lambda: count() == 2)

    def count() -> int:
        with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
            return int(connection.exec_driver_sql("select count(*) from bus_outbox where flag = 2").scalar_one())

    asyncio.run(run())
    assert [document.name for document in bus.documents] == ["bus_outbox x/1", "bus_outbox x/2"]


def test_xml_in_a_text_column_loses_an_encoding_that_is_not_true_any_more(url: str, tmp_path: Path) -> None:
    execute(url, """insert into bus_outbox (id, document) values (1, '<?xml version="1.0" encoding="GBK"?><a>采购</a>')""")
    bus = Bus()
    read(url, tmp_path, bus, 1, format="xml")
    assert bus.bodies == ['<?xml version="1.0"?><a>采购</a>'.encode()]


def test_a_row_larger_than_max_body_is_failed_and_the_next_one_goes_on(url: str, tmp_path: Path) -> None:
    stage(url, 1, 2)
    execute(url, f"update bus_outbox set document = '{'x' * 300}' where id = 1")
    bus = Bus()
    table = read(url, tmp_path, bus, 2, max_body=200)
    assert [row[1] for row in table] == ["failed", "done"]
    assert len(bus.documents) == 1


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ({"table": "bus_outbix"}, "database-no-table", "bus_outbox"),
        ({"table": 'x";drop table bus_outbox'}, "database-no-table", "bus_outbox"),
        ({"status": "state"}, "database-no-column", "document"),
        ({"error": "reason"}, "database-no-column", "reason"),
        ({"columns": ["po_nr"]}, "database-no-column", "po_no"),
        ({"key": ["id", "line"]}, "database-no-column", "line"),
        ({"document": "body"}, "database-no-column", "document"),
        ({"status": "qty"}, "database-status", "new"),
        ({"statuses": {"failed": "failed for good"}}, "database-status", "VARCHAR(10)"),
    ],
)
def test_what_is_missing_is_said_with_what_is_there(
    url: str, tmp_path: Path, wrong: dict[str, Any], code: str, said: str
) -> None:
    chosen = DatabaseSourceOptions(**{"url": url, "table": "bus_outbox", **wrong})
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(source(chosen, site(tmp_path)).run(Bus().accept))
    assert caught.value.code == code
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_without_a_key_is_said(url: str, tmp_path: Path) -> None:
    execute(url, "drop table bus_outbox", "create table bus_outbox (document varchar(9), status varchar(9))")
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(source(options(url), site(tmp_path)).run(Bus().accept))
    assert caught.value.code == "database-no-key"


@pytest.mark.parametrize("given", ["postgresql://bus:SECRET@127.0.0.1:9/erp", "mysql://bus:SECRET@127.0.0.1:9/erp"])
def test_a_database_that_does_not_answer_is_unavailable(given: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        asyncio.run(source(options(given), site(tmp_path)).run(Bus().accept))
    assert "SECRET" not in str(caught.value)


def test_json_and_enum_columns_of_postgresql_are_read_and_written(postgresql: str, tmp_path: Path) -> None:
    execute(
        postgresql,
        "drop table if exists bus_outbox",
        "drop type if exists bus_state",
        "create type bus_state as enum ('new', 'taken', 'done', 'failed')",
        "create table bus_outbox (id uuid primary key default gen_random_uuid(), document jsonb, status bus_state, error text)",
        """insert into bus_outbox (document) values ('{"qty": 12.500}')""",
    )
    bus = Bus()
    [(_, status, _)] = read(postgresql, tmp_path, bus, 1)
    assert status == "done"
    assert bus.bodies == [b'{"qty": 12.500}']
    execute(postgresql, "drop table bus_outbox", "drop type bus_state")


def test_a_value_that_no_document_can_hold_fails_its_own_row_only(postgresql: str, tmp_path: Path) -> None:
    execute(postgresql, "drop table if exists bus_outbox", OUTBOX.format(text="text"))
    execute(postgresql, "insert into bus_outbox (id, due, qty) values (1, 'infinity', 1), (2, null, 'NaN'), (3, null, 3)")
    bus = Bus()
    table = read(postgresql, tmp_path, bus, 3, columns=["qty", "due"])
    assert [row[1] for row in table] == ["failed", "failed", "done"]


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ({"document": "d", "columns": ["a"]}, "columns"),
        ({"columns": ["a"], "format": "xml"}, "format"),
        ({"table": 'x";drop'}, "table"),
        ({"columns": ["a\x00"]}, "columns"),
    ],
)
def test_options_that_contradict_are_found_before_the_database_is_asked(wrong: dict[str, Any], option: str) -> None:
    chosen = DatabaseSourceOptions(**{"url": "sqlite://", "table": "t", **wrong})
    found: list[tuple[str, BusError]] = list(check(chosen))
    assert [name for name, _ in found] == [option]
    assert all(str(error) and error.hint for _, error in found)
