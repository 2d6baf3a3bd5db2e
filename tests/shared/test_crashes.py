"""A writer is killed in the middle, twenty times: readers see the old or the new, whole."""

from __future__ import annotations

import json
import multiprocessing
import random
import runpy
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from user_code.shared.store import ParquetStore
from user_code.shared.warehouse import Warehouse

ROWS = 10_000
KILLS = 20
WRITER = Path(__file__).with_name("endless_writer.py")


def writing(store: ParquetStore) -> bool:
    folder = store.path("finance", "totals", "x").parent
    return any(path.suffix == ".tmp" for path in folder.glob(".*.tmp"))


def readable(store: ParquetStore) -> bool:
    return store.exists("finance", "totals", "2025-01-01")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the writer never wrote"
        time.sleep(0.002)


def version_in_file(store: ParquetStore) -> int:
    """The one version that all rows of the file have; fails on any other number of rows."""
    versions = pl.read_parquet(store.path("finance", "totals", "2025-01-01"))["version"]
    assert versions.len() == ROWS
    assert versions.n_unique() == 1
    return int(versions[0])


def version_in_table(warehouse: Warehouse) -> int:
    with warehouse.transaction() as cursor:
        cursor.execute("SELECT min(version), max(version), count(*) FROM shared_test.totals")
        lowest, highest, rows = cursor.fetchone() or (None, None, None)
    assert rows == ROWS
    assert lowest == highest
    return int(lowest)


def test_readers_see_old_or_new_whatever_is_killed(
    tmp_path: Path, warehouse: Warehouse, table: str
) -> None:
    store = ParquetStore(tmp_path)
    dice = random.Random(7)
    # One process imports everything, and forks a writer for each kill.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["user_code.shared.publishing"])
    seen = []
    first = killed_in_a_write = 0
    for _ in range(KILLS):
        where = {
            "dsn": warehouse._dsn,
            "root": str(tmp_path),
            "rows": ROWS,
            "versions": [first, first + 1000],
        }
        writer = context.Process(
            target=runpy.run_path,
            args=(str(WRITER),),
            kwargs={"init_globals": {"where_json": json.dumps(where)}},
        )
        writer.start()
        # Once its temporary file is there, the writer is at work; the first one may finish it.
        wait_for(lambda: writing(store) and (bool(seen) or readable(store)))
        end = time.monotonic() + dice.uniform(0, 0.15)
        while time.monotonic() < end:
            version_in_file(store)
        writer.kill()
        writer.join()
        killed_in_a_write += writing(store)
        for left in tmp_path.rglob(".*.tmp"):
            left.unlink()
        seen.append(version_in_file(store))
        # A kill between the rename and the commit leaves older rows, whole, until the retry.
        if seen[-1]:
            assert version_in_table(warehouse) <= seen[-1]
        first = seen[-1] + 1
    assert seen == sorted(seen)
    assert killed_in_a_write >= KILLS / 4
    where["versions"] = [first, first + 1]  # the retry that nobody kills
    runpy.run_path(str(WRITER), init_globals={"where_json": json.dumps(where)})
    assert version_in_file(store) == version_in_table(warehouse) == first
    assert store.partitions("finance", "totals") == ["2025-01-01"]
