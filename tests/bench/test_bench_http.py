"""`bus bench http`: figures for what came out whole, and none for anything less."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bus.errors import Refused
from bus.runtime.bench.http import LINES, ORDERS, Tables
from bus.runtime.bench.http_ends import Target, post

from tests.cli.commands import bus

__all__ = ["bus"]

COUNT = 10


def test_documents_come_in_by_http_and_leave_for_a_database_and_a_server_in_every_round(
    bus: Any, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path / 'target.db'}"
    ran = bus("bench", "http", "--events", "40", "--rounds", "2", "--database", database, "-o", "json")
    assert ran.code == 0, ran.err
    figures = ran.json
    assert (figures["documents"], figures["database"], figures["answer_ms"]) == (40, "sqlite", 10)
    assert figures["in"]["documents_per_s"]["median"] > 0
    assert 0 < figures["in"]["taken_p50_ms"]["median"] <= figures["in"]["taken_p99_ms"]["median"]
    assert figures["sink"]["deliveries_per_s"]["median"] > 0
    assert sa.inspect(sa.create_engine(database)).get_table_names() == []


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Connection]:
    """A database with ten orders in it, each with five lines."""
    tables = Tables(f"sqlite:///{tmp_path / 'bench.db'}")
    tables.make()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'bench.db'}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for number in range(COUNT):
            connection.execute(sa.text(f"INSERT INTO {ORDERS} (po_no) VALUES ('45{number:08}')"))
            for line in range(1, 6):
                qty = Decimal(120 + line) + Decimal("0.5")
                connection.execute(sa.text(f"INSERT INTO {LINES} (po_no, qty) VALUES ('45{number:08}', {qty})"))
        yield connection
    engine.dispose()
    tables.drop()


def check(database: sa.Connection) -> None:
    tables = Tables(str(database.engine.url))
    try:
        tables.check(COUNT)
    finally:
        tables.dispose()


def test_every_order_once_with_its_lines_is_the_work(database: sa.Connection) -> None:
    check(database)


@pytest.mark.parametrize("spoilt", [
    f"DELETE FROM {ORDERS} WHERE po_no = '4500000003'",
    f"INSERT INTO {ORDERS} (po_no) VALUES ('4500000003')",
    f"UPDATE {ORDERS} SET po_no = '4500000099' WHERE po_no = '4500000003'",
    f"DELETE FROM {LINES} WHERE po_no = '4500000003' AND qty = 121.5",
    f"UPDATE {LINES} SET qty = 122 WHERE po_no = '4500000003' AND qty = 121.5",
    f"UPDATE {LINES} SET po_no = '4500000004' WHERE po_no = '4500000003'",
])
def test_a_database_that_holds_anything_else_is_refused(database: sa.Connection, spoilt: str) -> None:
    database.execute(sa.text(spoilt))
    with pytest.raises(Refused) as refused:
        check(database)
    assert refused.value.code == "bench-database-wrong"


def test_tables_of_somebody_else_are_left_alone(database: sa.Connection) -> None:
    with pytest.raises(Refused) as refused:
        Tables(str(database.engine.url)).make()
    assert refused.value.code == "bench-database-used"


def test_an_answer_other_than_taken_is_no_figure() -> None:
    async def send() -> None:
        target = Target(0.0)  # it answers 200, which a bus does not
        port = await target.start()
        try:
            await post(port, "/in", [b"{}"], 1)
        finally:
            await target.stop()

    with pytest.raises(Refused) as refused:
        asyncio.run(send())
    assert refused.value.code == "bench-http-answer"
