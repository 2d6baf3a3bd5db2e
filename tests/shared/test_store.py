"""The Parquet store: keys are checked, files are replaced whole, what lacks is named."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from user_code.shared.partition_keys import PartitionKeyError, check_partition_key
from user_code.shared.store import (
    DamagedFileError,
    MissingPartitionError,
    ParquetStore,
    StagedFile,
    file_metadata,
)

FRAME = pl.DataFrame({"a": [1, 2], "b": ["x", None]})


@pytest.fixture
def store(tmp_path: Path) -> ParquetStore:
    return ParquetStore(tmp_path)


def publish(store: ParquetStore, frame: pl.DataFrame, key: str = "k") -> None:
    store.stage(frame, "finance", "totals", key, run_id="r").publish()


@pytest.mark.parametrize(
    "key", ["../x", "/etc/x", "x" * 300, "", ".", "..", ".x", "a/b", "a\n", "-x", "é", "a\0"]
)
def test_a_key_that_could_leave_the_folder_is_refused(store: ParquetStore, key: str) -> None:
    for call in (
        lambda: store.path("finance", "totals", key),
        lambda: store.exists("finance", "totals", key),
        lambda: store.scan("finance", "totals", [key]),
        lambda: store.stage(FRAME, "finance", "totals", key, run_id="r"),
        lambda: store.stage(FRAME, "finance", "totals", "k", run_id=key),
    ):
        with pytest.raises(PartitionKeyError):
            call()
    assert not list(store.root.rglob("*.parquet"))


@given(st.text())
def test_an_allowed_key_is_always_one_file_name(key: str) -> None:
    try:
        check_partition_key(key)
    except PartitionKeyError:
        return
    path = ParquetStore(Path("/root")).path("finance", "totals", key)
    assert path.resolve().parent == Path("/root/finance/totals")


def test_a_refused_key_is_shown_short() -> None:
    with pytest.raises(PartitionKeyError) as refused:
        check_partition_key("x" * 300)
    assert len(str(refused.value)) < 250


def test_what_is_published_is_read_and_nothing_else_is_there(store: ParquetStore) -> None:
    staged = store.stage(FRAME.lazy(), "finance", "totals", "k", run_id="r", input_sha256=["s"])
    assert not store.exists("finance", "totals", "k")
    assert store.partitions("finance", "totals") == []
    staged.publish()
    staged.discard()
    assert (staged.rows, staged.schema) == (2, FRAME.schema)
    assert store.partitions("finance", "totals") == ["k"]
    assert_frame_equal(store.scan("finance", "totals", ["k"]).collect(), FRAME)
    assert pl.read_parquet_metadata(staged.target) | file_metadata("r", ["s"]) == (
        pl.read_parquet_metadata(staged.target)
    )
    assert [path.name for path in staged.target.parent.iterdir()] == ["k.parquet"]


def test_a_discarded_file_leaves_the_old_one(store: ParquetStore) -> None:
    publish(store, FRAME)
    store.stage(FRAME.head(1), "finance", "totals", "k", run_id="other").discard()
    assert store.scan("finance", "totals", ["k"]).collect().height == 2


def test_a_frame_that_fails_leaves_no_temporary_file(store: ParquetStore) -> None:
    broken = pl.LazyFrame({"a": ["x"]}).with_columns(pl.col("a").cast(pl.Int64))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        store.stage(broken, "finance", "totals", "k", run_id="r")
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_what_a_killed_writer_left_is_swept_after_a_day(store: ParquetStore) -> None:
    assert store.sweep("finance", "totals") == 0
    fresh = store.temporary_path("finance", "totals", "k", "fresh")
    left = store.temporary_path("finance", "totals", "k", "left")
    publish(store, FRAME)
    for path in (fresh, left):
        path.touch()
    for path in (left, store.path("finance", "totals", "k")):
        os.utime(path, (1, 1))
    assert store.sweep("finance", "totals") == 1
    assert fresh.exists()
    assert store.exists("finance", "totals", "k")


def test_what_lacks_is_named_with_what_to_do(store: ParquetStore) -> None:
    publish(store, FRAME, "k1")
    with pytest.raises(MissingPartitionError, match=r"k2, k3: materialise totals"):
        store.scan("finance", "totals", ["k1", "k2", "k3"])
    with pytest.raises(MissingPartitionError):
        store.scan("finance", "totals", [])


def test_columns_that_older_files_lack_are_null(store: ParquetStore) -> None:
    publish(store, FRAME.select("a"), "old")
    publish(store, FRAME, "new")
    frame = store.scan("finance", "totals", ["old", "new"]).collect()
    assert frame["b"].to_list() == [None, None, "x", None]


def test_columns_that_newer_files_lack_are_null_too(store: ParquetStore) -> None:
    publish(store, FRAME, "k1")
    publish(store, FRAME.select("a", pl.lit(1.5).alias("c")), "k2")
    publish(store, FRAME.select("a"), "k3")
    os.utime(store.path("finance", "totals", "k3"), (4e9, 4e9))
    frame = store.scan("finance", "totals", ["k1", "k2", "k3"]).collect()
    assert frame["a"].to_list() == [1, 2] * 3
    assert frame["b"].to_list() == ["x", None, None, None, None, None]
    assert frame["c"].to_list() == [None, None, 1.5, 1.5, None, None]


def test_a_note_is_published_with_the_rows(store: ParquetStore) -> None:
    publish(store, FRAME)
    assert store.note("finance", "totals", "k", "files") is None
    staged = store.stage(FRAME, "finance", "totals", "k", run_id="r", notes={"files": "[]"})
    assert store.note("finance", "totals", "k", "files") is None
    staged.publish()
    assert store.note("finance", "totals", "k", "files") == "[]"


def test_a_writer_of_its_own_is_checked(store: ParquetStore, tmp_path: Path) -> None:
    path = store.temporary_path("finance", "totals", "k", "r")
    FRAME.write_parquet(path)
    with pytest.raises(ValueError, match="file_metadata"):
        store.stage_file(path, "finance", "totals", "k", run_id="r")
    FRAME.write_parquet(path, metadata=file_metadata("r"))
    with pytest.raises(DamagedFileError, match="wrote 3 rows, read 2"):
        store.stage_file(path, "finance", "totals", "k", run_id="r", rows=3)
    staged: StagedFile = store.stage_file(path, "finance", "totals", "k", run_id="r", rows=2)
    staged.publish()
    assert store.exists("finance", "totals", "k")
    with pytest.raises(ValueError, match="temporary_path"):
        store.stage_file(tmp_path / "elsewhere", "finance", "totals", "k", run_id="r")
