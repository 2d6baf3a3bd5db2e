"""The long form counted and sorted by DuckDB, against loops over the same rows."""

from collections import defaultdict
from math import isclose, isnan
from pathlib import Path
from statistics import fmean

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.genomics.computed import compute
from user_code.genomics.domain.observation_counts import sort_observations
from user_code.genomics.domain.variant_rows import QcLimits

SITES = ["1:5:A:G", "1:20:C:T", "2:7:G:GA", "X:1:T:*"]
QUALITY = st.sampled_from([None, float("nan"), 0.0, 29.9, 30.0, 31.5, 99.0])
ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(SITES), QUALITY), min_size=1, max_size=30
)


def write(folder: Path, rows: list[tuple[str, str, float | None]]) -> Path:
    """A folder of two files, so that what is added up comes from several."""
    schema = {"sample_id": pl.String, "variant_id": pl.String, "quality_score": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    frame[::2].write_parquet(folder / "even.parquet")
    if len(rows) > 1:
        frame[1::2].write_parquet(folder / "odd.parquet")
    return folder


@given(rows=ROWS, keep_missing=st.booleans())
def test_counts_and_means_are_those_of_a_loop(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, float | None]],
    keep_missing: bool,
) -> None:
    limits = QcLimits(30.0, keep_missing_quality=keep_missing)
    tables = compute(write(tmp_path_factory.mktemp("set"), rows), limits)
    known: dict[str, list[float]] = defaultdict(list)
    by_sample: dict[str, list[float]] = defaultdict(list)
    passing = []
    for sample, variant, quality in rows:
        by_sample[sample] += []
        known[variant] += []
        missing = quality is None or isnan(quality)
        if not missing:
            by_sample[sample].append(quality)
        if keep_missing if missing else quality >= 30:
            passing.append((sample, variant))
            known[variant] += [] if missing else [quality]
    for row in tables.analysis.iter_rows(named=True):
        variant = row["variant_id"]
        assert row["sample_count"] == sum(each == variant for _, each in passing)
        good = known[variant]
        assert isclose(row["avg_quality"], fmean(good)) if good else row["avg_quality"] is None
    assert tables.analysis.height == len(known)
    for row in tables.samples.iter_rows(named=True):
        qualities = by_sample[row["sample_id"]]
        assert row["n_variants"] == sum(sample == row["sample_id"] for sample, *_ in rows)
        assert isclose(row["mean_gq"], fmean(qualities)) if qualities else row["mean_gq"] is None
    kept = tables.filtered.select("sample_id", "variant_id").rows()
    assert sorted(kept) == sorted(passing)
    # In the order of variant_analysis, then of samples.
    rank = {name: place for place, name in enumerate(tables.analysis["variant_id"])}
    assert kept == sorted(kept, key=lambda row: (rank[row[1]], row[0]))


def test_what_is_sorted_keeps_its_rows_and_says_where_it_comes_from(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"sample_id": ["b", "a", "a"], "variant_id": ["v", "v", "it's"], "gq": [1, None, 3]}
    )
    rows.write_parquet(tmp_path / "rows.parquet")
    target = tmp_path / "sorted.parquet"
    names = pl.Series(["v", "it's"])
    sort_observations(tmp_path / "rows.parquet", names, target, {"of": "a 'quoted' set"})
    assert pl.read_parquet(target).rows() == [("a", "v", None), ("b", "v", 1), ("a", "it's", 3)]
    assert pl.read_parquet_metadata(target)["of"] == "a 'quoted' set"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.parquet", "sorted.parquet"]


def test_files_that_write_names_as_other_types_are_one_call_set(tmp_path: Path) -> None:
    for name, ids in {"numbers": [7, 8], "text": ["7", "rs9"]}.items():
        pl.DataFrame(
            {"sample_id": [name] * 2, "variant_id": ids, "quality_score": [40, 50]}
        ).write_parquet(tmp_path / f"{name}.parquet")
    found = compute(tmp_path).analysis.select("variant_id", "sample_count").rows()
    assert dict(found) == {"7": 2, "8": 1, "rs9": 1}
