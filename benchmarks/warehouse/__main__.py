"""`python -m benchmarks.warehouse [--rows N]`: a day into a table, beside the plain COPY of it.

On a PostgreSQL of its own, with the settings that it comes with, the real table and its key. What
the server's process needs counts as CPU, too.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from benchmarks.warehouse.transactions import DAY, corrected, made_up
from control_plane.migrate_ops import migrate_ops
from user_code.settings import settings
from user_code.shared.migrate import migrate
from user_code.shared.table_writing import replace_partition
from user_code.shared.warehouse import Warehouse

# deploy/ holds configuration, and is not an installed package.
sys.path.insert(0, str(Path(__file__).parents[2] / "deploy"))
from embedded_postgres import start_postgres

TABLE = "finance.financial_transactions"
WAYS = ("plain COPY", "first load", "the same again", "3 % corrected")
Figures = tuple[float, float, int]
"""Wall seconds, CPU seconds of both processes, rows that were changed."""


@contextmanager
def fresh_warehouse() -> Iterator[Warehouse]:
    """A new server with all tables, gone at the end; the connection is the role `user_code`."""
    with tempfile.TemporaryDirectory() as folder:
        started = start_postgres(
            Path(folder) / "data", Path(folder) / "secrets", cleanup_mode="delete"
        )
        try:
            there = settings(started.environment)
            migrate_ops(there.warehouse_dsn("migrator"))
            migrate(there.warehouse_dsn("migrator"))
            yield Warehouse(there.warehouse_dsn())
        finally:
            started.stop()


def timed(warehouse: Warehouse, work: Callable[..., int]) -> Figures:
    """`work(cursor)` in one transaction, its commit included."""
    with warehouse.transaction() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
        wall, cpu = time.monotonic(), time.process_time() + _server_seconds(stat)
        changed = work(cursor)
        cursor.connection.commit()
        spent = time.process_time() + _server_seconds(stat) - cpu
        return time.monotonic() - wall, spent, changed


def _server_seconds(stat: Path) -> float:
    if not stat.exists():
        return 0.0
    words = stat.read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def empty(warehouse: Warehouse) -> None:
    """No row, and no dead one either, as a day's first load finds it."""
    with warehouse.transaction() as cursor:
        cursor.execute(f"DELETE FROM {TABLE}")
    connection = warehouse.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {TABLE}")
    connection.close()


def one_round(warehouse: Warehouse, day: pl.DataFrame) -> dict[str, Figures]:
    """Each way once, on the same rows."""
    text = io.BytesIO()
    day.with_columns(pl.lit("run").alias("run_id")).write_csv(text, include_header=False)
    columns = ", ".join((*day.columns, "run_id"))

    def copy(cursor) -> int:
        text.seek(0)
        cursor.copy_expert(f"COPY {TABLE} ({columns}) FROM STDIN WITH (FORMAT csv)", text)
        return day.height

    def write(rows: pl.DataFrame, run: str) -> Callable[..., int]:
        where = {"file_date": DAY}
        return lambda cursor: replace_partition(cursor, TABLE, where, rows, run).total

    empty(warehouse)
    found = {"plain COPY": timed(warehouse, copy)}
    empty(warehouse)
    found["first load"] = timed(warehouse, write(day, "first"))
    found["the same again"] = timed(warehouse, write(day, "second"))
    found["3 % corrected"] = timed(warehouse, write(corrected(day), "third"))
    return found


def wrong_amounts(warehouse: Warehouse, day: pl.DataFrame) -> int:
    """How many amounts that come back aren't those of `corrected(day)`, to the digit."""
    with warehouse.transaction() as cursor:
        cursor.execute(f"SELECT transaction_id, amount::text FROM {TABLE}")
        came = pl.DataFrame(cursor.fetchall(), schema=["transaction_id", "text"], orient="row")
    sent = corrected(day).select("transaction_id", pl.col("amount").cast(pl.String))
    both = sent.join(came, on="transaction_id", how="full")
    return int(both.select((pl.col("amount").ne_missing(pl.col("text"))).sum()).item())


def main() -> None:
    """Measure each way in turn, print the best of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.warehouse", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    given = parser.parse_args()
    day = made_up(given.rows)
    with fresh_warehouse() as warehouse:
        rounds = [one_round(warehouse, day) for _ in range(given.rounds)]
        wrong = wrong_amounts(warehouse, day)
    best = {
        way: tuple(min(one[way][figure] for one in rounds) for figure in range(3)) for way in WAYS
    }
    base = best["plain COPY"]
    print(f"{day.height:,} rows, the best of {given.rounds}\n")
    print("| | wall | CPU | of COPY's wall | of its CPU | rows changed |")
    print("|---|---|---|---|---|---|")
    for way, (wall, cpu, changed) in best.items():
        print(
            f"| {way} | {wall:.1f} s | {cpu:.1f} s | {wall / base[0]:.2f} × "
            f"| {cpu / base[1]:.2f} × | {changed:,} |"
        )
    print(f"\n{wrong} of {day.height:,} amounts came back with another digit.")


if __name__ == "__main__":
    main()
