"""Turns a block of records into rows of variant_analysis and quality_filtered_data."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from user_code.genomics.domain.allele_counts import (
    HEMI,
    HET,
    HOM_ALT,
    HOM_REF,
    MISSING,
    AlleleCounts,
    count_alleles,
)
from user_code.genomics.domain.contracts import QUALITY_FILTERED_VARIANTS, VARIANT_ANALYSIS
from user_code.genomics.domain.genotype_blocks import GenotypeBlock
from user_code.genomics.domain.hardy_weinberg import exact_tests, inbreeding
from user_code.genomics.domain.high_quality import AdjRule, adj_statistics
from user_code.genomics.domain.variant_types import is_transition, variant_type

LOW, UNKNOWN = "low_quality", "missing_quality"


@dataclass(frozen=True)
class QcLimits:
    """What a site must have to pass: QUAL at least `min_qual` (Phred).

    A site without QUAL does not pass unless `keep_missing_quality`. A sample is unusual that is
    more than `outlier_mads` median absolute deviations (scaled to a standard deviation) from the
    median of a metric. `adj` says which genotypes count as of high quality.
    """

    min_qual: float = 30.0
    keep_missing_quality: bool = False
    outlier_mads: float = 5.0
    adj: AdjRule = field(default_factory=AdjRule)


def analyse(
    block: GenotypeBlock, limits: QcLimits
) -> tuple[pl.DataFrame, pl.DataFrame, AlleleCounts]:
    """Rows of variant_analysis (all), of quality_filtered_data (what passes), and the counts.

    Multiallelic records become one row for each alternate allele, in the order of ALT.
    """
    alts = [listed or ["."] for listed in block.alts]
    per_record = np.fromiter(map(len, alts), np.int64, len(alts))
    variant = np.repeat(np.arange(len(alts)), per_record)
    first_row = np.cumsum(per_record) - per_record
    has_alt = np.fromiter(map(bool, block.alts), np.bool_, len(alts))
    alt = np.where(has_alt[variant], np.arange(len(variant)) - first_row[variant] + 1, 0)
    counts = count_alleles(block.alleles, variant, alt)
    sites = _sites(block, variant, [allele for listed in alts for allele in listed])
    analysis = judge(sites, _statistics(block, counts, variant, limits), limits)
    keep = analysis["passes"].to_numpy()
    passing = sites.filter(analysis["passes"]).with_columns(
        pl.Series("genotypes", counts.copies[keep], dtype=_row_of(counts)).arr.to_list()
    )
    return analysis, passing.select(QUALITY_FILTERED_VARIANTS.names), counts


def judge(
    sites: pl.DataFrame, statistics: dict[str, pl.Expr | pl.Series], limits: QcLimits
) -> pl.DataFrame:
    """Rows of variant_analysis: sites and what was counted of them, and whether they pass."""
    rows = sites.with_columns(_verdict(limits), **statistics).with_columns(_reason())
    return rows.select(
        pl.col(column.name).cast(column.dtype) for column in VARIANT_ANALYSIS.columns
    )


def variant_id() -> pl.Expr:
    """chrom:pos:ref:alt."""
    parts = ("chrom", pl.col("pos").cast(pl.String), "ref", "alt")
    return pl.concat_str(*parts, separator=":").alias("variant_id")


def _row_of(counts: AlleleCounts) -> pl.DataType:
    return pl.Array(pl.Int8(), counts.copies.shape[1])


def _sites(block: GenotypeBlock, variant: NDArray[np.int64], alts: list[str]) -> pl.DataFrame:
    records = pl.DataFrame(
        {
            "chrom": block.chrom,
            "pos": pl.Series(block.pos, dtype=pl.Int64),
            "ref": block.ref,
            "site_id": pl.Series(block.site_id, dtype=pl.String),
            "qual": pl.Series(block.qual).fill_nan(None),
            "filter": block.filter,
        }
    )
    return (
        records[variant]
        .with_columns(pl.Series("alt", alts, dtype=pl.String))
        .with_columns(variant_id())
        .select(name for name in QUALITY_FILTERED_VARIANTS.names if name != "genotypes")
    )


def _verdict(limits: QcLimits) -> pl.Expr:
    # QUAL is single precision in htslib; the limit has to be, too, or 32.92 < 32.92.
    enough = pl.col("qual") >= pl.lit(limits.min_qual, dtype=pl.Float32)
    return enough.fill_null(limits.keep_missing_quality).alias("passes")


def _reason() -> pl.Expr:
    why = pl.when(pl.col("qual").is_null()).then(pl.lit(UNKNOWN)).otherwise(pl.lit(LOW))
    return pl.when(~pl.col("passes")).then(why).alias("reason")


def _statistics(
    block: GenotypeBlock, counts: AlleleCounts, variant: NDArray[np.int64], limits: QcLimits
) -> dict[str, pl.Expr | pl.Series]:
    n_samples = counts.copies.shape[1]
    quality = block.genotype_quality[variant]
    n_missing, carries = counts.of_class(MISSING), counts.carries
    n_called = n_samples - n_missing
    exact_p, excess_p = exact_tests(*counts.diploid)
    kinds = [
        variant_type(block.ref[record], allele)
        for record, listed in enumerate(block.alts)
        for allele in listed or ["."]
    ]
    transitions = [
        is_transition(block.ref[record], allele)
        for record, listed in enumerate(block.alts)
        for allele in listed or ["."]
    ]
    return {
        "ac": pl.Series(counts.ac),
        "an": pl.Series(counts.an),
        "af": _ratio(counts.ac, counts.an),
        "n_samples": pl.lit(n_samples),
        "n_called": pl.Series(n_called),
        "n_missing": pl.Series(n_missing),
        "call_rate": pl.Series(n_called / n_samples),
        "n_hom_ref": pl.Series(counts.of_class(HOM_REF)),
        "n_het": pl.Series(counts.of_class(HET)),
        "n_hom_alt": pl.Series(counts.of_class(HOM_ALT)),
        "n_hemi": pl.Series(counts.of_class(HEMI)),
        "mean_dp": _mean(block.depth)[variant],
        "mean_gq": _mean(block.genotype_quality)[variant],
        "hwe_p": pl.Series(exact_p),
        "exc_het_p": pl.Series(excess_p),
        "inbreeding_f": pl.Series(inbreeding(*counts.diploid)).fill_nan(None),
        "sample_count": pl.Series(carries.sum(axis=1, dtype=np.int32)),
        "avg_quality": _mean(quality, carries),
        "variant_type": pl.Series(kinds, dtype=pl.String),
        "is_transition": pl.Series(transitions, dtype=pl.Boolean),
        "is_singleton": pl.Series(counts.ac == 1),
        **adj_statistics(block, counts, variant, limits.adj),
    }


def _ratio(part: NDArray[np.int32], whole: NDArray[np.int32]) -> pl.Series:
    with np.errstate(invalid="ignore", divide="ignore"):
        return pl.Series(part / whole).fill_nan(None)


def _mean(values: NDArray[np.float32], where: NDArray[np.bool_] | None = None) -> pl.Series:
    """Mean by row of the values that are given (and, if asked, of those `where`); null if none."""
    given = ~np.isnan(values)
    if where is not None:
        given &= where
    sums = np.where(given, values, np.float32(0)).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return pl.Series(sums / given.sum(axis=1)).fill_nan(None)
