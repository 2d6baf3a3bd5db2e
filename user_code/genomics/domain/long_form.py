"""The long form: Parquet with one row for each observation (sample_id, variant_id, quality_score).

Hom-ref can't be told from missing in it: there is no AN, AF, call rate or HWE, those are null.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from user_code.genomics.domain.call_set import CallSet
from user_code.genomics.domain.contracts import (
    QUALITY_FILTERED_OBSERVATIONS,
    SAMPLE_QC,
    VARIANT_ANALYSIS,
)
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.sample_tally import flag_unusual_samples
from user_code.genomics.domain.variant_rows import LOW, UNKNOWN, QcLimits
from user_code.genomics.domain.variant_types import is_transition, variant_type

READER = f"polars {pl.__version__}"
_SITE = r"^([^:]+):(\d+):([ACGTNacgtn]+):([ACGTNacgtn*]+|<[^>]+>|\.)$"


@dataclass(frozen=True)
class LongFormCounts:
    """Rows read and dropped by reason, distinct samples and variants, rows written."""

    n_records: int
    n_low_quality: int
    n_missing_quality: int
    n_samples: int
    n_variants: int
    n_passing: int


def scan_observations(call_set: CallSet) -> pl.LazyFrame:
    """The three columns of all files, lazily, in the contract's types.

    Raises RefusedInputError for a file that is no Parquet, lacks a column, has one of another
    type, or has rows without sample or variant.
    """
    frames = [_scan(path) for path in call_set.files]
    observations = pl.concat(frames) if len(frames) > 1 else frames[0]
    nameless = pl.any_horizontal(pl.col("sample_id", "variant_id").is_null()).sum()
    n_nameless = observations.select(nameless).collect(engine="streaming").item()
    if n_nameless:
        raise RefusedInputError(
            call_set.name,
            f"{n_nameless} rows have no sample_id or variant_id",
            "Both identify an observation: fill them.",
        )
    return observations


def _scan(path: Path) -> pl.LazyFrame:
    try:
        found = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RefusedInputError(
            path.name, "it can't be read as Parquet", "It was probably cut: write or copy it again."
        ) from error
    for name in QUALITY_FILTERED_OBSERVATIONS.names:
        if name not in found:
            raise RefusedInputError(
                path.name,
                f"the column {name} is missing",
                "The long form needs sample_id, variant_id and quality_score.",
            )
    if not found["quality_score"].is_numeric():
        raise RefusedInputError(
            path.name, "quality_score is not a number", "Write it as integer or float."
        )
    return pl.scan_parquet(path, glob=False).select(
        pl.col(column.name).cast(column.dtype) for column in QUALITY_FILTERED_OBSERVATIONS.columns
    )


def checksum(files: tuple[Path, ...]) -> list[str]:
    """SHA-256 of each file."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests


def keep_passing(observations: pl.LazyFrame, limits: QcLimits) -> pl.LazyFrame:
    """The rows whose quality_score reaches the limit."""
    return observations.filter(_passes(limits))


def summarise_by_variant(observations: pl.LazyFrame, limits: QcLimits) -> pl.LazyFrame:
    """variant_analysis of all variants: sample_count and avg_quality over the rows that pass."""
    passes = _passes(limits)
    summary = observations.group_by("variant_id").agg(
        sample_count=passes.sum(),
        avg_quality=pl.col("quality_score").filter(passes).mean(),
        unknown=_quality().is_null().all(),
    )
    n_samples = observations.select(pl.col("sample_id").n_unique().alias("n_samples"))
    parts = pl.col("variant_id").str.extract_groups(_SITE)
    site = [
        parts.struct[index].cast(kind, strict=False).alias(name)
        for index, (name, kind) in enumerate(
            {"chrom": pl.String, "pos": pl.Int64, "ref": pl.String, "alt": pl.String}.items()
        )
    ]
    sort_by = ["chrom", "pos", "variant_id"]
    why = pl.when(pl.col("unknown")).then(pl.lit(UNKNOWN)).otherwise(pl.lit(LOW))
    return (
        summary.join(n_samples, how="cross")
        .with_columns(*site, passes=pl.col("sample_count") > 0)
        .with_columns(
            _by_alleles(variant_type, pl.String()).fill_null("unknown").alias("variant_type"),
            _by_alleles(is_transition, pl.Boolean()).alias("is_transition"),
            reason=pl.when(~pl.col("passes")).then(why),
        )
        .sort(sort_by, nulls_last=True)
        .select(
            (pl.col(name) if name in _COMPUTED else pl.lit(None)).cast(kind).alias(name)
            for name, kind in VARIANT_ANALYSIS.schema.items()
        )
    )


def summarise_by_sample(observations: pl.LazyFrame, limits: QcLimits) -> pl.DataFrame:
    """sample_qc as far as observations tell: how many, and their mean quality."""
    summary = (
        observations.group_by("sample_id")
        .agg(n_variants=pl.len(), mean_gq=_quality().mean())
        .sort("sample_id")
        .collect(engine="streaming")
    )
    absent = [name for name in SAMPLE_QC.names if name not in summary.columns]
    rows = summary.with_columns(pl.lit(None, pl.Float64()).alias(name) for name in absent)
    return flag_unusual_samples(rows, limits.outlier_mads)


_COMPUTED = {
    "chrom", "pos", "ref", "alt", "variant_id", "passes", "reason", "n_samples",
    "sample_count", "avg_quality", "variant_type", "is_transition",
}  # fmt: skip


def write_tables(
    observations: pl.LazyFrame,
    limits: QcLimits,
    quality_filtered_data: Path,
    variant_analysis: Path,
    metadata: Mapping[str, str],
) -> LongFormCounts:
    """Both tables as Parquet files, streamed; returns what was counted."""
    keep_passing(observations, limits).sink_parquet(quality_filtered_data, metadata=dict(metadata))
    summarise_by_variant(observations, limits).sink_parquet(
        variant_analysis, metadata=dict(metadata)
    )
    known = _quality().is_not_null()
    row = observations.select(
        n_records=pl.len(),
        n_low_quality=(known & ~_passes(limits)).sum(),
        n_missing_quality=(~known & ~_passes(limits)).sum(),
        n_samples=pl.col("sample_id").n_unique(),
    ).collect(engine="streaming")
    return LongFormCounts(
        **row.row(0, named=True),
        n_variants=_rows(variant_analysis),
        n_passing=_rows(quality_filtered_data),
    )


def _quality() -> pl.Expr:
    return pl.col("quality_score").fill_nan(None)


def _passes(limits: QcLimits) -> pl.Expr:
    return (_quality() >= limits.min_qual).fill_null(limits.keep_missing_quality)


def _by_alleles(function: object, kind: pl.DataType) -> pl.Expr:
    def one(alleles: dict[str, str | None]) -> object:
        if alleles["ref"] is None or alleles["alt"] is None:
            return None
        return function(alleles["ref"], alleles["alt"])  # type: ignore[operator]

    return pl.struct("ref", "alt").map_elements(one, return_dtype=kind)


def _rows(path: Path) -> int:
    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
