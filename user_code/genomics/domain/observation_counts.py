"""Observations of the long form, counted by variant or by sample, or sorted: by DuckDB.

It groups and sorts text in a fraction of the memory that a frame of all rows takes.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

# Of what it may take before it goes on on disk: a run's container has little more.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "512MB",
}

# A NaN is no quality. isnan() is not asked: DuckDB answers it from the file's smallest and largest
# value, which leave NaN out. Names that older writers don't mark as text come as bytes.
_COUNTS = """
    SELECT name,
        count(*) AS n_rows,
        count(*) FILTER (quality >= $limit) AS n_good,
        count(*) FILTER (quality IS NULL) AS n_unknown,
        avg(quality) FILTER (quality >= $limit) AS mean_good,
        avg(quality) AS mean
    FROM (
        SELECT {name}::VARCHAR AS name, CASE WHEN isfinite(q) OR isinf(q) THEN q END AS quality
        FROM (
            SELECT {name}, quality_score::DOUBLE AS q
            FROM read_parquet($files, binary_as_string = true, union_by_name = true)
        )
    )
    GROUP BY name
"""

_SORTED = """
    COPY (
        SELECT rows.* FROM read_parquet($rows) AS rows JOIN ranks USING (variant_id)
        ORDER BY rank, sample_id
    ) TO $target (FORMAT parquet, COMPRESSION zstd, KV_METADATA {metadata})
"""


def count_observations(
    files: Sequence[Path], by: Literal["variant_id", "sample_id"], min_quality: float
) -> pl.DataFrame:
    """Parquet files with sample_id, variant_id, quality_score → a row for each variant or sample.

    Its name is in the column `by`. `n_rows`, of these `n_good` with a quality of `min_quality` or
    more, and `n_unknown` without one; `mean_good` and `mean` of the qualities. Raises duckdb.Error
    where a value can't be read.
    """
    values = {"files": [str(path) for path in files], "limit": min_quality}
    with duckdb.connect(config=_SETTINGS) as connection:
        counted: pl.DataFrame = connection.sql(_COUNTS.format(name=by), params=values).pl()
    return counted.rename({"name": by})


def sort_observations(
    rows: Path, variants: pl.Series, target: Path, metadata: Mapping[str, str]
) -> None:
    """Write a Parquet file's rows to `target` in the order of `variants`, then of sample_id.

    `variants` are all names of the column variant_id, each once. What doesn't fit into memory waits
    in a folder beside `target`. So kept, the rows take a third of the room, and whoever asks for
    some variants, or groups by them, is done in half the time.
    """
    waiting = target.with_name(f".{target.name.lstrip('.')}.sort.tmp")
    pairs = ", ".join(f"{_quoted(key)}: {_quoted(value)}" for key, value in metadata.items())
    ranks = pl.DataFrame({"variant_id": variants, "rank": range(len(variants))})
    try:
        with duckdb.connect(config={**_SETTINGS, "temp_directory": str(waiting)}) as connection:
            connection.register("ranks", ranks)
            connection.execute(
                _SORTED.format(metadata="{" + pairs + "}"),
                {"rows": str(rows), "target": str(target)},
            )
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
