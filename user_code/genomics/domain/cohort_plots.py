"""Pictures of a cohort's quality. No sample's name is in any of them."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from user_code.genomics.domain.drawing import GREY, ODD, PASS, Axes

# −log10 p is counted in steps of this, so that memory doesn't grow with the variants.
_STEP, _MOST = 0.02, 60.0


def hwe_quantiles(variant_analysis: Path) -> tuple[list[float], list[float]]:
    """Expected and observed −log10 of hwe_p, by steps, over passing polymorphic variants."""
    step = (-pl.col("hwe_p").log10() / _STEP).clip(0, _MOST / _STEP).cast(pl.Int32)
    found = (
        pl.scan_parquet(variant_analysis, glob=False)
        .filter("passes", pl.col("ac") > 0, pl.col("ac") < pl.col("an"))
        .group_by(step.alias("step"))
        .len()
        .sort("step", descending=True)
        .collect(engine="streaming")
    )
    counts = found["len"].to_numpy().astype(np.float64)
    if not counts.size:
        return [], []
    rank = np.cumsum(counts) - counts / 2  # the middle of each step's variants, smallest p first
    expected = -np.log10(rank / counts.sum())
    return expected.tolist(), (found["step"] * _STEP).to_list()


def hwe_plot(variant_analysis: Path) -> str:
    """Quantiles of the exact test's p against those of a uniform one."""
    expected, observed = hwe_quantiles(variant_analysis)
    axes = Axes("Hardy-Weinberg equilibrium", "expected −log₁₀ p", "observed −log₁₀ p")
    most = max([1.0, *expected])
    axes.line([0, most], [0, most], GREY)
    axes.points(expected, observed, PASS)
    return axes.svg()


def call_rate_plot(samples: pl.DataFrame) -> str:
    """Call rate by sample, lowest first."""
    rows = samples.drop_nulls("call_rate").sort("call_rate")
    axes = Axes("Call rate by sample", "samples, by call rate", "call rate")
    unusual = _flagged(rows, "call_rate")
    for chosen, colour, label in ((~unusual, PASS, "usual"), (unusual, ODD, "unusual")):
        places = np.flatnonzero(chosen)
        axes.points(places, rows["call_rate"].to_numpy()[places], colour, label)
    return axes.svg()


def ti_tv_plot(samples: pl.DataFrame) -> str:
    """How many samples have which ratio of transitions to transversions."""
    ratios = samples["r_ti_tv"].drop_nulls().to_numpy()
    axes = Axes("Ti/Tv by sample", "transitions / transversions", "samples")
    if ratios.size:
        counts, edges = np.histogram(ratios, bins=min(50, max(5, ratios.size // 5)))
        axes.bars(edges[:-1], edges[1] - edges[0], 0, counts, PASS)
    return axes.svg()


def het_hom_plot(samples: pl.DataFrame) -> str:
    """Het/hom ratio against depth (against the number of variants without depth), outliers marked.

    Contamination raises the ratio, inbreeding lowers it.
    """
    labels = {"mean_dp": "mean depth, reads", "n_called": "called variants", "n_variants": "rows"}
    x = next(name for name in labels if samples[name].null_count() < samples.height)
    rows, label = samples.drop_nulls([x, "r_het_hom"]), labels[x]
    axes = Axes("Het/hom ratio by sample", label, "het / hom-alt")
    unusual = rows["outlier_by"].is_not_null().to_numpy()
    for chosen, colour, name in (
        (~unusual, PASS, "usual"),
        (unusual, ODD, "unusual in any metric"),
    ):
        points = rows.filter(pl.Series(chosen))
        size = 4 if colour == PASS else 7
        axes.points(points[x].to_numpy(), points["r_het_hom"].to_numpy(), colour, name, size)
    return axes.svg()


def _flagged(rows: pl.DataFrame, metric: str) -> NDArray[np.bool_]:
    named = rows["outlier_by"].fill_null("").str.split(",").list.contains(metric)
    return np.asarray(named.to_numpy(), np.bool_)
