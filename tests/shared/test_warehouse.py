"""One transaction per partition, exact values, and no older attempt over a newer one."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import psycopg2
import pytest

from user_code.shared.publishing import Attempt
from user_code.shared.store import ParquetStore
from user_code.shared.warehouse import SupersededError, Warehouse, replace_partition

DAY = "2025-01-01"


def rows(warehouse: Warehouse, columns: str = "version") -> list[tuple[object, ...]]:
    with warehouse.transaction() as cursor:
        cursor.execute(f"SELECT {columns} FROM shared_test.totals ORDER BY version, {columns}")
        return cursor.fetchall()


def attempt(warehouse: Warehouse, root: Path, run_id: str, started_at: datetime) -> Attempt:
    return Attempt(
        store=ParquetStore(root),
        warehouse=warehouse,
        context=dg.build_op_context(instance=dg.DagsterInstance.ephemeral()),
        domain="finance",
        asset="totals",
        run_id=run_id,
        started_at=started_at,
        partitions=[DAY],
    )


def publish(one: Attempt, version: int) -> None:
    one.publish(
        {DAY: pl.DataFrame({"version": [version]})},
        table="shared_test.totals",
        partition_column="day",
    )


def test_an_older_attempt_replaces_neither_newer_rows_nor_files(
    warehouse: Warehouse, table: str, tmp_path: Path
) -> None:
    zombie = attempt(warehouse, tmp_path, "zombie", warehouse.now())
    retry = attempt(warehouse, tmp_path, "retry", warehouse.now())
    publish(retry, 2)
    with pytest.raises(dg.Failure, match="run retry started later") as failed:
        publish(zombie, 1)
    assert failed.value.allow_retries is False
    assert rows(warehouse) == [(2,)]
    assert pl.read_parquet(tmp_path / f"finance/totals/{DAY}.parquet")["version"].to_list() == [2]
    assert len(list((tmp_path / "finance/totals").iterdir())) == 1
    publish(retry, 3)  # an attempt may publish again, and a later one always
    publish(attempt(warehouse, tmp_path, "later", warehouse.now()), 4)
    assert rows(warehouse, "version, run_id, day") == [(4, "later", date(2025, 1, 1))]


def test_a_failed_transaction_changes_nothing(
    warehouse: Warehouse, table: str, tmp_path: Path
) -> None:
    publish(attempt(warehouse, tmp_path, "first", warehouse.now()), 1)
    second = attempt(warehouse, tmp_path, "second", warehouse.now())
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        second.publish(
            {DAY: pl.DataFrame({"no_such_column": [1]})},
            table="shared_test.totals",
            partition_column="day",
        )
    assert rows(warehouse, "version, run_id") == [(1, "first")]
    assert pl.read_parquet(tmp_path / f"finance/totals/{DAY}.parquet").columns == ["version"]
    with warehouse.transaction() as cursor:
        cursor.execute("SELECT run_id FROM ops.partition_commits")
        assert cursor.fetchall() == [("first",)]


def test_a_second_writer_waits_for_the_first_and_then_sees_it(
    warehouse: Warehouse, table: str
) -> None:
    older, newer = warehouse.now(), warehouse.now()
    refused: list[str] = []

    def write_older() -> None:
        try:
            with warehouse.commit("totals", ["b", "a"], "older", older):
                pytest.fail("it passed the fence")
        except SupersededError as error:
            refused.append(str(error))

    with warehouse.commit("totals", ["a", "b"], "newer", newer):
        thread = threading.Thread(target=write_older)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "the fence did not hold it back"
    thread.join(10)
    assert len(refused) == 1


def test_values_arrive_exactly(warehouse: Warehouse, table: str) -> None:
    frame = pl.DataFrame(
        {
            "version": [1, 2],
            "amount": [Decimal("12345678901234567890.1234"), Decimal("-0.01")],
            "note": ['quote " comma, line\nbreak', ""],
            "score": [float("nan"), 0.1],
            "seen": [datetime(2025, 1, 1, 12, 30, 0, 123456, tzinfo=UTC), None],
            "flag": [True, None],
        },
        schema_overrides={"amount": pl.Decimal(38, 4)},
    )
    with warehouse.transaction() as cursor:
        assert replace_partition(cursor, table, {"day": DAY}, frame.lazy(), "r").inserted == 2
    first, second = rows(warehouse, "version, amount, note, seen, flag, run_id, score")
    assert first[:6] == (
        1,
        Decimal("12345678901234567890.1234"),
        'quote " comma, line\nbreak',
        datetime(2025, 1, 1, 12, 30, 0, 123456, tzinfo=UTC),
        True,
        "r",
    )
    assert str(first[6]) == "nan"
    assert second == (2, Decimal("-0.0100"), "", None, None, "r", 0.1)


def test_only_the_partition_is_replaced(warehouse: Warehouse, table: str) -> None:
    with warehouse.transaction() as cursor:
        for number, day in enumerate((DAY, "2025-01-02")):
            frame = pl.DataFrame({"version": [number], "day": [date.fromisoformat(day)]})
            replace_partition(cursor, table, {"day": day}, frame, "r")
        replace_partition(cursor, table, {"day": DAY}, pl.DataFrame({"version": [7]}), "r")
    assert rows(warehouse) == [(1,), (7,)]


def test_a_row_of_another_partition_is_refused(warehouse: Warehouse, table: str) -> None:
    frame = pl.DataFrame({"day": [date(2025, 1, 2)]})
    with (
        pytest.raises(ValueError, match="1 rows have another day than 2025-01-01"),
        warehouse.transaction() as cursor,
    ):
        replace_partition(cursor, table, {"day": DAY}, frame, "r")


def test_a_type_that_copy_has_no_text_for_is_refused(warehouse: Warehouse, table: str) -> None:
    with pytest.raises(ValueError, match="is List"), warehouse.transaction() as cursor:
        replace_partition(cursor, table, {"day": DAY}, pl.DataFrame({"note": [["a"]]}), "r")


def test_a_wrong_password_is_not_waited_for_but_an_absent_server_is(tmp_path: Path) -> None:
    begun = datetime.now(UTC)
    with pytest.raises(psycopg2.OperationalError):
        Warehouse(f"host={tmp_path} dbname=x", patience_seconds=1).connect()
    assert timedelta(seconds=0.3) < datetime.now(UTC) - begun < timedelta(seconds=5)
