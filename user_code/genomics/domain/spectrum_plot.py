"""A picture of a call set: how many variants have which frequency."""

from pathlib import Path

import polars as pl

from user_code.genomics.domain.drawing import ODD, PASS, Axes

_BINS = 50


def frequency_counts(variant_analysis: Path) -> tuple[list[int], list[int]]:
    """Variants by allele frequency in 50 equal bins over 0 < af < 1: passing, dropped.

    Sites without a called alternate allele, or where it is fixed, have no place in a spectrum.
    """
    bin_of = (pl.col("af") * _BINS).cast(pl.Int32).clip(0, _BINS - 1)
    found = (
        pl.scan_parquet(variant_analysis, glob=False)
        .filter(pl.col("af").is_between(0, 1, closed="none"))
        .group_by(bin_of.alias("bin"), "passes")
        .len()
        .collect(engine="streaming")
    )
    counts = {(row["bin"], row["passes"]): row["len"] for row in found.iter_rows(named=True)}
    passing, dropped = (
        [counts.get((number, verdict), 0) for number in range(_BINS)] for verdict in (True, False)
    )
    return passing, dropped


def carrier_counts(variant_analysis: Path) -> tuple[list[int], list[int]]:
    """For the long form, which has no frequencies: variants by share of samples, 50 equal bins.

    Only passing observations count, so that no dropped variant has a place.
    """
    share = pl.col("sample_count") / pl.col("n_samples")
    found = (
        pl.scan_parquet(variant_analysis, glob=False)
        .filter(pl.col("sample_count") > 0)
        .group_by((share * _BINS).cast(pl.Int32).clip(0, _BINS - 1).alias("bin"))
        .len()
        .collect(engine="streaming")
    )
    counts = dict(found.iter_rows())
    return [counts.get(number, 0) for number in range(_BINS)], [0] * _BINS


def site_frequency_spectrum(variant_analysis: Path) -> str:
    """The spectrum; by share of carriers where there is no `af`."""
    passing, dropped = frequency_counts(variant_analysis)
    label = "frequency of the alternate allele"
    if not any(passing) and not any(dropped):
        (passing, dropped), label = carrier_counts(variant_analysis), "share of samples with it"
    axes = Axes("Site frequency spectrum", label, "variants", log_y=True)
    left = [number / _BINS for number in range(_BINS)]
    whole = [sum(pair) for pair in zip(passing, dropped, strict=True)]
    axes.bars(left, 1 / _BINS, 0, passing, PASS, "pass")
    axes.bars(left, 1 / _BINS, passing, whole, ODD, "dropped by quality")
    return axes.svg()
