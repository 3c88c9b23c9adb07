"""Rows written to real databases: whole, exact, and once."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.database import DatabaseSinkOptions, sink
from adapters.database_rows import TOGETHER_BYTES
from bus.adapter import Answer, Outbound
from bus.errors import ConfigurationError

from tests.adapters.support import outbound, site

ROOT = Path(__file__).parents[2]
RECEIPTS = """
create table bus_receipt (
  id {serial}, receipt_no varchar(20) not null, po_no varchar(20), amount numeric(12, 2), due date,
  posted_at timestamp null, urgent boolean null, constraint uq_receipt unique (receipt_no))
"""
LINES = """
create table bus_receipt_line (
  receipt_no varchar(20) not null, line_no integer not null, qty numeric(12, 3) not null check (qty > 0),
  item_code varchar(8), primary key (receipt_no, line_no))
"""
SERIALS = {
    "sqlite": "integer primary key",
    "postgresql": "serial primary key",
    "mysql": "integer primary key auto_increment",
}
TABLES = ("bus_receipt_line", "bus_receipt", "bus_delivered")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with two empty tables."""
    where = f"sqlite:///{tmp_path}/erp.db" if request.param == "sqlite" else request.getfixturevalue(request.param)
    engine = sa.create_engine(where, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table in TABLES:
            connection.exec_driver_sql(f"drop table if exists {table}")
        connection.exec_driver_sql(RECEIPTS.format(serial=SERIALS[engine.dialect.name]))
        connection.exec_driver_sql(LINES)
    yield where
    engine.dispose()


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def deliver(url: str, tmp_path: Path, *batches: Sequence[Outbound]) -> list[Sequence[Answer]]:
    async def run() -> list[Sequence[Answer]]:
        target = sink(DatabaseSinkOptions(url=url), site(tmp_path))
        try:
            return [await target.deliver(batch) for batch in batches]
        finally:
            await target.close()

    return asyncio.run(run())


def receipt(number: int, **header: Any) -> Outbound:
    no = f"GR-{number}"
    return outbound(
        json.dumps({
            "bus_receipt": [{"receipt_no": no, "po_no": "PO-1", **header}],
            "bus_receipt_line": [
                {"receipt_no": no, "line_no": 1, "qty": 12.5, "item_code": "0012"},
                {"receipt_no": no, "line_no": 2, "qty": 3},
            ],
        }).encode(),
        number,
    )


def test_all_tables_of_a_delivery_are_written_and_the_first_key_is_the_answer(url: str, tmp_path: Path) -> None:
    [[answer]] = deliver(url, tmp_path, [receipt(1)])
    assert answer == Answer(response={"key": "1", "rows": 3})
    assert rows(url, "select id, receipt_no, po_no from bus_receipt") == [(1, "GR-1", "PO-1")]
    assert rows(url, "select line_no, item_code from bus_receipt_line order by line_no") == [(1, "0012"), (2, None)]


def test_a_key_that_the_row_brings_is_the_answer(url: str, tmp_path: Path) -> None:
    body = {"bus_receipt_line": [{"receipt_no": "GR-1", "line_no": 7, "qty": 1}]}
    [[answer]] = deliver(url, tmp_path, [outbound(json.dumps(body).encode())])
    assert answer.response == {"key": "GR-1/7", "rows": 1}


def test_a_delivery_that_comes_again_writes_nothing_and_answers_the_same(url: str, tmp_path: Path) -> None:
    first, again, mixed = deliver(url, tmp_path, [receipt(1)], [receipt(1)], [receipt(2), receipt(1)])
    assert again == first
    assert [answer.response["key"] for answer in mixed] == ["2", "1"]
    assert rows(url, "select count(*) from bus_receipt") == [(2,)]
    assert rows(url, "select count(*) from bus_delivered") == [(2,)]


def test_a_delivery_twice_in_one_batch_is_written_once(url: str, tmp_path: Path) -> None:
    [answers] = deliver(url, tmp_path, [receipt(1), receipt(1)])
    assert [answer.ok for answer in answers] == [True, True]
    assert rows(url, "select count(*) from bus_receipt") == [(1,)]


def test_a_bad_delivery_leaves_its_neighbours_unharmed(url: str, tmp_path: Path) -> None:
    taken = receipt(3)
    stolen = outbound(taken.body, 4)  # the same receipt number under another delivery
    [answers] = deliver(url, tmp_path, [receipt(1), receipt(2, po_no=None), taken, stolen, receipt(5)])
    assert [answer.ok for answer in answers] == [True, True, True, False, True]
    assert (answers[3].code, answers[3].retry) == ("row-duplicate", False)
    assert rows(url, "select count(*) from bus_receipt") == [(4,)]
    assert rows(url, "select count(*) from bus_receipt_line") == [(8,)]
    assert rows(url, "select count(*) from bus_delivered") == [(4,)]


def line(number: int, **more: Any) -> dict[str, Any]:
    return {"receipt_no": f"GR-{number}", "line_no": 1, "qty": number, **more}


def test_deliveries_to_other_tables_and_with_other_columns_share_a_batch(url: str, tmp_path: Path) -> None:
    bodies = [
        {"bus_receipt_line": [line(1), line(2, item_code="0012"), line(3)]},
        {"bus_receipt_line": [line(4, item_code="0013")]},
        {"bus_receipt_line": [], "bus_receipt": [{"receipt_no": "GR-5"}, {"receipt_no": "GR-6", "po_no": "PO-6"}]},
        {"bus_receipt_line": [line(7)], "bus_receipt": [{"receipt_no": "GR-7"}]},
        {"bus_receipt": []},
    ]
    [answers] = deliver(url, tmp_path, [outbound(json.dumps(body).encode(), n) for n, body in enumerate(bodies)])
    assert [answer.response for answer in answers] == [
        {"key": "GR-1/1", "rows": 3}, {"key": "GR-4/1", "rows": 1}, {"key": "1", "rows": 2}, {"key": "GR-7/1", "rows": 2},
        {"key": None, "rows": 0},
    ]
    assert rows(url, "select receipt_no, item_code from bus_receipt_line order by receipt_no") == [
        ("GR-1", None), ("GR-2", "0012"), ("GR-3", None), ("GR-4", "0013"), ("GR-7", None)
    ]
    assert rows(url, "select receipt_no, po_no from bus_receipt order by id") == [
        ("GR-5", None), ("GR-6", "PO-6"), ("GR-7", None)
    ]


def test_a_batch_needs_fewer_statements_than_it_has_deliveries_and_writes_every_row(url: str, tmp_path: Path) -> None:
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    batch = [outbound(json.dumps({"bus_receipt_line": [line(n)]}).encode(), n) for n in range(1, 201)]
    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        [answers] = deliver(url, tmp_path, batch)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
    assert all(answer.ok for answer in answers)
    written = [statement for statement in statements if "bus_receipt_line" in statement and "INSERT" in statement]
    assert 1 <= len(written) < 20
    assert rows(url, "select count(*), sum(qty) from bus_receipt_line") == [(200, sum(range(1, 201)))]
    assert rows(url, "select count(*) from bus_delivered") == [(200,)]


def test_documents_too_large_to_be_in_memory_together_are_written_one_after_the_other(url: str, tmp_path: Path) -> None:
    padding = b" " * (TOGETHER_BYTES // 2)
    batch = [outbound(json.dumps({"bus_receipt_line": [line(n)]}).encode() + padding, n) for n in range(1, 6)]
    [answers] = deliver(url, tmp_path, batch)
    assert [answer.response["key"] for answer in answers] == [f"GR-{n}/1" for n in range(1, 6)]
    assert rows(url, "select count(*) from bus_receipt_line") == [(5,)]


def test_names_that_need_quotes_are_written_as_they_are(url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    table = sa.Table("Bus Odd", sa.MetaData(), *(sa.Column(name, sa.String(20)) for name in ("100 %", "select", "a;b")))
    table.drop(engine, checkfirst=True)
    table.create(engine)
    row = {"100 %": "a", "select": "%s", "a;b": "'"}
    [[answer]] = deliver(url, tmp_path, [outbound(json.dumps({"Bus Odd": [row, row]}).encode())])
    with engine.begin() as connection:
        assert list(connection.execute(sa.select(table)).mappings()) == [row, row]
        table.drop(connection)
    assert answer.response == {"key": None, "rows": 2}


@pytest.mark.parametrize(
    ("header", "code", "said"),
    [
        ({"receipt_no": None}, "row-null", "receipt_no"),
        ({"colour": "red"}, "row-no-column", "colour"),
        ({"amount": "SECRET"}, "row-value", "amount"),
        ({"amount": 0.125}, "row-value", "NUMERIC(12, 2)"),
        ({"amount": 12345678901}, "row-value", "amount"),
        ({"po_no": "SECRET" * 4}, "row-value", "po_no"),
        ({"due": "2026-02-30"}, "row-value", "due"),
        ({"po_no": {"a": 1}}, "row-value", "po_no"),
        ({"urgent": "perhaps"}, "row-value", "urgent"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_name_and_without_its_values(
    url: str, tmp_path: Path, header: dict[str, Any], code: str, said: str
) -> None:
    [[answer]] = deliver(url, tmp_path, [receipt(1, **header)])
    assert (answer.ok, answer.retry, answer.code) == (False, False, code)
    assert said.lower() in answer.message.replace("DECIMAL", "NUMERIC").lower()
    assert "bus_receipt" in answer.message
    assert "SECRET" not in answer.message
    assert rows(url, "select count(*) from bus_receipt") == [(0,)]


def test_a_check_that_fails_is_named(url: str, tmp_path: Path) -> None:
    body = {"bus_receipt_line": [{"receipt_no": "GR-1", "line_no": 1, "qty": -1}]}
    [[answer]] = deliver(url, tmp_path, [outbound(json.dumps(body).encode())])
    assert (answer.code, answer.retry) == ("row-check", False)
    assert "bus_receipt_line" in answer.message


def test_a_duplicate_names_its_constraint_and_not_the_value(url: str, tmp_path: Path) -> None:
    _, [answer] = deliver(url, tmp_path, [receipt(1)], [outbound(receipt(1).body, 9)])
    assert answer.code == "row-duplicate"
    assert "receipt" in answer.message
    assert "GR-1" not in answer.message


def test_decimals_dates_and_times_arrive_exactly(url: str, tmp_path: Path) -> None:
    sent = {"amount": "1234567890.10", "due": "2026-11-23", "posted_at": "2026-11-23T08:30:00Z"}
    [[answer]] = deliver(url, tmp_path, [receipt(1, **sent)])
    assert answer.ok
    [(amount, due, posted_at)] = rows(url, "select amount, due, posted_at from bus_receipt")
    assert Decimal(str(amount)) == Decimal("1234567890.10")
    assert str(due) == "2026-11-23"
    assert str(posted_at) == "2026-11-23 16:30:00"  # as the clock in the system's zone showed it


def test_big_decimals_of_json_keep_every_digit(url: str, tmp_path: Path) -> None:
    body = b'{"bus_receipt_line": [{"receipt_no": "GR-1", "line_no": 1, "qty": 123456789.125}]}'
    [[answer]] = deliver(url, tmp_path, [outbound(body)])
    assert answer.ok
    [(qty,)] = rows(url, "select qty from bus_receipt_line")
    assert Decimal(str(qty)) == Decimal("123456789.125")


def test_an_unknown_table_is_refused_with_those_that_are_there(url: str, tmp_path: Path) -> None:
    [[answer]] = deliver(url, tmp_path, [outbound(b'{"bus_receit": [{"a": 1}]}')])
    assert (answer.code, answer.retry) == ("database-no-table-for", False)
    assert "bus_receipt_line" in answer.message


def test_a_column_widened_after_a_refusal_takes_the_replay(url: str, tmp_path: Path) -> None:
    async def run() -> Answer:
        target = sink(DatabaseSinkOptions(url=url), site(tmp_path))
        [refused] = await target.deliver([receipt(1, remark="late")])
        assert refused.code == "row-no-column"
        with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
            connection.exec_driver_sql("alter table bus_receipt add column remark varchar(10)")
        [answer] = await target.deliver([receipt(1, remark="late")])
        await target.close()
        return answer

    assert asyncio.run(run()).ok


def test_a_body_that_is_no_mapping_of_tables_is_refused(url: str, tmp_path: Path) -> None:
    [[answer]] = deliver(url, tmp_path, [outbound(b"[1, 2]")])
    assert (answer.code, answer.retry) == ("rows-unreadable", False)


def test_a_table_of_deliveries_made_by_hand_is_used_as_it_is(url: str, tmp_path: Path) -> None:
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(
            "create table bus_delivered (delivery_id varchar(64) primary key, route varchar(99), written_at timestamp)"
        )
    first, again = deliver(url, tmp_path, [receipt(1)], [receipt(1)])
    assert first[0].ok
    assert again[0].ok
    assert rows(url, "select count(*) from bus_receipt") == [(1,)]


@pytest.mark.parametrize(
    "url", ["postgresql://bus:SECRET@127.0.0.1:9/erp", "mysql://bus:SECRET@127.0.0.1:9/erp", "sqlite:////proc/no/erp.db"]
)
def test_a_database_that_does_not_answer_is_tried_again(url: str, tmp_path: Path) -> None:
    [answers] = deliver(url, tmp_path, [receipt(1), receipt(2)])
    assert [(answer.ok, answer.retry, answer.code) for answer in answers] == [(False, True, "database-unavailable")] * 2
    assert "SECRET" not in answers[0].message


def test_two_sinks_at_once_write_each_delivery_once(url: str, tmp_path: Path) -> None:
    async def run() -> list[Sequence[Answer]]:
        sinks = [sink(DatabaseSinkOptions(url=url), site(tmp_path)) for _ in range(2)]
        batch = [receipt(number) for number in range(1, 21)]
        try:
            await sinks[0].deliver([receipt(0)])  # the table is there
            return list(await asyncio.gather(*(each.deliver(batch) for each in sinks)))
        finally:
            for each in sinks:
                await each.close()

    answers = asyncio.run(run())
    assert rows(url, "select count(*) from bus_receipt") == [(21,)]
    assert all(answer.ok or answer.retry for batch in answers for answer in batch)
    assert any(all(answer.ok for answer in batch) for batch in answers)


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.adapters.test_database_sink import deliver, receipt

for first in range(0, 400, 4):
    deliver(sys.argv[1], Path(), [receipt(number) for number in range(first, first + 4)])
    print(first, flush=True)
"""


def test_killed_while_it_writes_every_delivery_is_there_once_after_it_came_again(url: str, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout is not None
        while writer.stdout.readline() != b"20\n":
            assert writer.poll() is None
        writer.kill()
    deliver(url, tmp_path, [receipt(number) for number in range(40)])
    count = len(rows(url, "select * from bus_delivered"))
    assert count >= 40
    assert rows(url, "select count(*), count(distinct receipt_no) from bus_receipt") == [(count, count)]
    assert rows(url, "select count(*) from bus_receipt_line") == [(2 * count,)]


def test_a_server_that_is_used_to_cutting_values_is_told_not_to(mariadb: str, tmp_path: Path) -> None:
    engine = sa.create_engine(mariadb, poolclass=sa.NullPool)
    with engine.begin() as connection:
        strict = connection.exec_driver_sql("select @@global.sql_mode").scalar_one()
        connection.exec_driver_sql("drop table if exists bus_small, bus_delivered")
        connection.exec_driver_sql("create table bus_small (id integer primary key, qty tinyint)")
        connection.exec_driver_sql("set global sql_mode = ''")
    try:
        [[answer]] = deliver(mariadb, tmp_path, [outbound(b'{"bus_small": [{"id": 1, "qty": 1000}]}')])
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("set global sql_mode = %s", (strict,))
    assert (answer.ok, answer.retry, answer.code) == (False, False, "row-refused")
    assert "qty" in answer.message


@pytest.mark.parametrize(("url", "code"), [("erp SECRET", "database-url"), ("db9000://erp", "database-driver")])
def test_a_url_nobody_can_use_is_said_at_once_and_not_shown(url: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sink(DatabaseSinkOptions(url=url), site(tmp_path))
    assert caught.value.code == code
    assert "SECRET" not in str(caught.value)
