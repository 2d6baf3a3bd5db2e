"""Adds up, block by block, what sample_qc says of each sample."""

from collections.abc import Mapping

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
)
from user_code.genomics.domain.contracts import SAMPLE_QC
from user_code.genomics.domain.genotype_blocks import GenotypeBlock
from user_code.genomics.domain.homozygosity import InbreedingAndSex

_CLASSES = {
    "n_missing": MISSING,
    "n_hom_ref": HOM_REF,
    "n_het": HET,
    "n_hom_alt": HOM_ALT,
    "n_hemi": HEMI,
}
_KINDS = ("n_ti", "n_tv", "n_ins", "n_del", "n_singleton")

# Metrics in which a sample can be unusual, and how few samples say nothing of what is usual.
METRICS = (
    "call_rate", "r_het_hom", "r_ti_tv", "n_singleton", "mean_dp", "mean_gq", "inbreeding_f",
)  # fmt: skip
FEWEST_SAMPLES = 10
# Scales the median absolute deviation to the standard deviation of a normal distribution.
_MAD_TO_SD = 1.4826


class SampleTally:
    """Running totals by sample. Memory depends on the number of samples alone."""

    def __init__(self, n_samples: int, build: str | None = None) -> None:
        self._n_variants = 0
        self._totals = {name: np.zeros(n_samples, np.int64) for name in (*_CLASSES, *_KINDS)}
        self._sums = {name: np.zeros(n_samples) for name in ("mean_dp", "mean_gq")}
        self._homozygosity = InbreedingAndSex(n_samples, build)
        self._given = {name: np.zeros(n_samples, np.int64) for name in self._sums}

    def add(self, block: GenotypeBlock, counts: AlleleCounts, analysis: pl.DataFrame) -> None:
        """Add a block; `analysis` are its rows of variant_analysis, one per row of `counts`."""
        self._n_variants += analysis.height
        for name, wanted in _CLASSES.items():
            self._totals[name] += (counts.classes == wanted).sum(axis=0)
        carries = counts.carries
        transition, kind = analysis["is_transition"], analysis["variant_type"]
        rows = {
            "n_ti": transition.fill_null(False),
            "n_tv": ~transition.fill_null(True),
            "n_ins": kind == "insertion",
            "n_del": kind == "deletion",
            "n_singleton": analysis["is_singleton"],
        }
        for name, chosen in rows.items():
            self._totals[name] += carries[chosen.to_numpy()].sum(axis=0)
        for name, values in {"mean_dp": block.depth, "mean_gq": block.genotype_quality}.items():
            given = ~np.isnan(values)
            self._sums[name] += np.where(given, values, np.float32(0)).sum(axis=0, dtype=float)
            self._given[name] += given.sum(axis=0)
        self._homozygosity.add(analysis["chrom"], analysis["pos"], counts)

    def merge(self, n_variants: int, totals: Mapping[str, NDArray[np.int64]]) -> InbreedingAndSex:
        """Add what was counted elsewhere over so many variants.

        `totals` by sample: n_missing … n_singleton, and mean_dp, mean_gq (sums of values) with
        given_dp, given_gq (how many). Returns what inbreeding and sex are to be added to.
        """
        self._n_variants += n_variants
        for name, found in self._totals.items():
            found += totals[name]
        for name, sums in self._sums.items():
            sums += totals[name]
            self._given[name] += totals[name.replace("mean", "given")]
        return self._homozygosity

    def table(self, samples: tuple[str, ...], outlier_mads: float) -> pl.DataFrame:
        """The rows of sample_qc, in the order of the header."""
        totals = self._totals
        called = self._n_variants - totals["n_missing"]
        rows = pl.DataFrame(
            {
                "sample_id": list(samples),
                "n_variants": np.full(len(samples), self._n_variants),
                "n_called": called,
                **totals,
                "call_rate": _ratio(called, np.full(len(samples), self._n_variants)),
                "r_het_hom": _ratio(totals["n_het"], totals["n_hom_alt"]),
                "r_ti_tv": _ratio(totals["n_ti"], totals["n_tv"]),
                **{name: _ratio(self._sums[name], self._given[name]) for name in self._sums},
                **self._homozygosity.columns(),
            }
        )
        return flag_unusual_samples(rows, outlier_mads)


def flag_unusual_samples(rows: pl.DataFrame, mads: float) -> pl.DataFrame:
    """Add `outlier_by`: the metrics that are more than `mads` scaled MADs from their median.

    Nothing is flagged among fewer than 10 samples, nor in a metric without any spread.
    """
    flags = []
    for metric in METRICS:
        away = (pl.col(metric) - pl.col(metric).median()).abs()
        spread = away.median() * _MAD_TO_SD
        unusual = (spread > 0) & (away > mads * spread) & (pl.len() >= FEWEST_SAMPLES)
        flags.append(pl.when(unusual).then(pl.lit(metric)))
    named = pl.concat_str(*flags, separator=",", ignore_nulls=True)
    with_flags = rows.with_columns(pl.when(named != "").then(named).alias("outlier_by"))
    return with_flags.select(
        pl.col(name).cast(kind).alias(name) for name, kind in SAMPLE_QC.schema.items()
    )


def _ratio(part: NDArray[np.generic], whole: NDArray[np.int64]) -> pl.Series:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(whole > 0, part / whole, np.nan)  # type: ignore[operator]
    return pl.Series(ratios).fill_nan(None)
