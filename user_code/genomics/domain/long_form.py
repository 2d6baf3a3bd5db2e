"""The long form: Parquet with one row for each observation (sample_id, variant_id, quality_score).

Hom-ref can't be told from missing in it: there is no AN, AF, call rate or HWE, those are null,
unless optional genotype fields tell (long_form_genotypes).
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import duckdb
import polars as pl

from user_code.genomics.domain import long_form_genotypes as genotypes
from user_code.genomics.domain.call_set import CallSet
from user_code.genomics.domain.contracts import (
    QUALITY_FILTERED_GENOTYPES,
    QUALITY_FILTERED_OBSERVATIONS,
    SAMPLE_QC,
    VARIANT_ANALYSIS,
    Contract,
)
from user_code.genomics.domain.observation_counts import count_observations
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.sample_tally import flag_unusual_samples
from user_code.genomics.domain.variant_rows import LOW, UNKNOWN, QcLimits
from user_code.genomics.domain.variant_types import is_transition, variant_type

READER = f"polars {pl.__version__}"
_ROWS = "in the Parquet rows"
_SITE = r"^([^:]+):(\d+):([ACGTNacgtn]+):([ACGTNacgtn*]+|<[^>]+>|\.)$"
# Older writers of Parquet don't mark text as such; names that are all empty are refused later.
_IDS = (pl.String, pl.Categorical, pl.Enum, pl.Binary, pl.Null)


_Rows = TypeVar("_Rows", pl.DataFrame, pl.LazyFrame)


@dataclass(frozen=True)
class Summary:
    """What one reading of all observations tells."""

    variant_analysis: pl.DataFrame
    sample_qc: pl.DataFrame
    n_records: int
    n_low_quality: int
    n_missing_quality: int


def scan_observations(call_set: CallSet) -> pl.LazyFrame:
    """The three columns of all files, and the genotype fields they have, lazily, in our types.

    Raises RefusedInputError for a file that is no Parquet, lacks a column that the first has, or
    has one of another type.
    """
    frames = [_scan(path) for path in call_set.files]
    first = frames[0].collect_schema()
    for path, frame in zip(call_set.files, frames, strict=True):
        if frame.collect_schema() != first:
            raise RefusedInputError(
                path.name,
                "it has other genotype fields than the first file",
                "Give all files of the call set the same columns.",
            )
    return pl.concat(frames) if len(frames) > 1 else frames[0]


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
    for name in ("sample_id", "variant_id"):
        if not (found[name].is_integer() or found[name] in _IDS):
            raise RefusedInputError(
                path.name, f"{name} is neither text nor a whole number", "Write it as text."
            )
    if not found["quality_score"].is_numeric():
        raise RefusedInputError(
            path.name, "quality_score is not a number", "Write it as integer or float."
        )
    fields = genotypes.given_fields(found, path.name)
    three = QUALITY_FILTERED_OBSERVATIONS.columns
    return pl.scan_parquet(path, glob=False).select(
        *(pl.col(column.name).cast(column.dtype) for column in three),
        *genotypes.field_expressions(found, fields),
    )


@contextmanager
def reading(place: str) -> Iterator[None]:
    """While rows are read: values that can't be are refused, named by `place`, without a value."""
    try:
        yield
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError, duckdb.Error):
        # Not chained: the library's own message quotes the value.
        raise RefusedInputError(
            place,
            "a value can't be read: the file is damaged, or a name is not UTF-8",
            "Write or copy it again.",
        ) from None


def checksum(files: tuple[Path, ...]) -> list[str]:
    """SHA-256 of each file."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests


def keep_passing(observations: pl.LazyFrame, limits: QcLimits) -> pl.LazyFrame:
    """The rows whose quality_score reaches the limit; with genotype fields if there are any."""
    rows = observations.filter(_passes(limits))
    if _fields(observations):
        return rows.pipe(_to_contract, QUALITY_FILTERED_GENOTYPES)
    return rows


def _fields(observations: pl.LazyFrame) -> tuple[str, ...]:
    return tuple(name for name in genotypes.FIELDS if name in observations.collect_schema())


def summarise(call_set: CallSet, observations: pl.LazyFrame, limits: QcLimits) -> Summary:
    """Both summaries of the call set's rows; memory depends on samples and variants alone.

    `observations` is what scan_observations gave of it. Raises RefusedInputError for rows without
    sample or variant, for values that can't be read, and if there are no rows.
    """
    counted = _counted(call_set, "variant_id", limits)
    if counted.is_empty():
        raise RefusedInputError(
            _ROWS, "there are none", "A call set needs observations: write the file again."
        )
    by_variant = counted.select(
        "variant_id",
        sample_count=_passing(limits),
        avg_quality="mean_good",
        unknown=pl.col("n_unknown") == pl.col("n_rows"),
    )
    by_sample = _counted(call_set, "sample_id", limits).select(
        "sample_id",
        n_variants="n_rows",
        mean_gq="mean",
        low=pl.col("n_rows") - pl.col("n_good") - pl.col("n_unknown"),
        missing=pl.col("n_good") + pl.col("n_unknown") - _passing(limits),
    )
    fields = _fields(observations)
    if fields:
        with reading(_ROWS):
            more = (
                observations.group_by("variant_id")
                .agg(**genotypes.by_variant(fields, limits.adj))
                .collect(engine="streaming")
            )
        more = genotypes.finish_variants(more, by_sample["sample_id"], fields)
        by_variant = by_variant.join(more, on="variant_id")
    by_variant = _with_sites(by_variant, by_sample.height)
    if fields:
        with reading(_ROWS):
            more = genotypes.by_sample(observations, by_variant, fields).collect(engine="streaming")
        more = genotypes.finish_samples(more, by_variant["variant_id"])
        by_sample = by_sample.drop(set(by_sample.columns) & set(more.columns) - {"sample_id"})
        by_sample = by_sample.join(more, on="sample_id")
    return Summary(
        _to_contract(by_variant, VARIANT_ANALYSIS).sort(
            "chrom", "pos", "variant_id", nulls_last=True
        ),
        _samples(by_sample, limits),
        n_records=int(by_sample["n_variants"].sum()),
        n_low_quality=int(by_sample["low"].sum()),
        n_missing_quality=int(by_sample["missing"].sum()),
    )


def _counted(
    call_set: CallSet, by: Literal["variant_id", "sample_id"], limits: QcLimits
) -> pl.DataFrame:
    with reading(_ROWS):
        counted = count_observations(call_set.files, by, limits.min_qual)
    if counted[by].null_count():
        raise RefusedInputError(_ROWS, f"a {by} is empty", "It identifies an observation: fill it.")
    return counted


def _passing(limits: QcLimits) -> pl.Expr:
    """Counted rows that pass: one without a quality does if the limits say so."""
    good = pl.col("n_good")
    return good + pl.col("n_unknown") if limits.keep_missing_quality else good


def _with_sites(by_variant: pl.DataFrame, n_samples: int) -> pl.DataFrame:
    """With what a variant's name tells, and the verdict."""
    parts = pl.col("variant_id").str.extract_groups(_SITE)
    kinds = {"chrom": pl.String, "pos": pl.Int64, "ref": pl.String, "alt": pl.String}
    site = [
        parts.struct[index].cast(kind, strict=False).alias(name)
        for index, (name, kind) in enumerate(kinds.items())
    ]
    why = pl.when(pl.col("unknown")).then(pl.lit(UNKNOWN)).otherwise(pl.lit(LOW))
    return by_variant.with_columns(
        *site, passes=pl.col("sample_count") > 0, n_samples=pl.lit(n_samples)
    ).with_columns(
        _by_alleles(variant_type, pl.String()).fill_null("unknown").alias("variant_type"),
        _by_alleles(is_transition, pl.Boolean()).alias("is_transition"),
        reason=pl.when(~pl.col("passes")).then(why),
    )


def _samples(by_sample: pl.DataFrame, limits: QcLimits) -> pl.DataFrame:
    """sample_qc as far as observations tell."""
    rows = _to_contract(by_sample, SAMPLE_QC).sort("sample_id")
    return flag_unusual_samples(rows, limits.outlier_mads)


def _to_contract(rows: _Rows, contract: Contract) -> _Rows:
    """The contract's columns in its types; null where `rows` has none."""
    there = rows.collect_schema()
    return rows.select(
        (pl.col(name) if name in there else pl.lit(None)).cast(kind).alias(name)
        for name, kind in contract.schema.items()
    )


def _quality() -> pl.Expr:
    return pl.col("quality_score").fill_nan(None)


def _passes(limits: QcLimits) -> pl.Expr:
    return (_quality() >= limits.min_qual).fill_null(limits.keep_missing_quality)


def _by_alleles(function: Callable[[str, str], object], kind: pl.DataType) -> pl.Expr:
    def one(alleles: dict[str, str | None]) -> object:
        ref, alt = alleles["ref"], alleles["alt"]
        return None if ref is None or alt is None else function(ref, alt)

    return pl.struct("ref", "alt").map_elements(one, return_dtype=kind)
