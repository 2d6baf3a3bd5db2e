"""The one row of cohort_qc, from the tables of the other assets."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import polars as pl

from user_code import __version__
from user_code.genomics.domain.contracts import COHORT_QC
from user_code.genomics.domain.spectrum_plot import frequency_counts
from user_code.genomics.domain.variant_rows import QcLimits

_EXTREME = 1e-6


def summarise_cohort(
    facts: Mapping[str, object], variant_analysis: Path, samples: pl.DataFrame, limits: QcLimits
) -> pl.DataFrame:
    """The row of a call set; `facts` is its row of raw_genomic_data, `samples` its sample_qc."""
    counted = (
        pl.scan_parquet(variant_analysis, glob=False)
        .select(**_counts(), **_genotype_counts())
        .collect(engine="streaming")
        .row(0, named=True)
    )
    has_genotypes = samples["n_het"].null_count() < samples.height or facts["form"] != "parquet"
    row = {
        **facts,
        **counted,
        "r_ti_tv": _ratio(counted["n_ti"], counted["n_tv"]),
        "r_ti_tv_passing": _ratio(counted["n_ti_passing"], counted["n_tv_passing"]),
        "n_unusual_samples": samples["outlier_by"].is_not_null().sum(),
        "n_female": (samples["sex_by_x"] == "female").sum(),
        "n_male": (samples["sex_by_x"] == "male").sum(),
        "spectrum": json.dumps([sum(pair) for pair in zip(*frequency_counts(variant_analysis),
                                                          strict=True)]),
        "thresholds": json.dumps(asdict(limits), sort_keys=True),
        "software": f"assay {__version__}, {facts['reader']}, polars {pl.__version__}",
    }  # fmt: skip
    if not has_genotypes:
        row.update(dict.fromkeys((*_genotype_counts(), "spectrum", "n_female", "n_male")))
    return pl.DataFrame([{name: row.get(name) for name in COHORT_QC.names}], COHORT_QC.schema)


def _counts() -> dict[str, pl.Expr]:
    kind, transition, passes = pl.col("variant_type"), pl.col("is_transition"), pl.col("passes")
    named = ["snp", "insertion", "deletion"]
    return {
        "n_variants": pl.len(),
        "n_passing": passes.sum(),
        **{f"n_{name}": (kind == name).sum() for name in named},
        "n_other": (~kind.is_in(named)).sum(),
        "n_ti": transition.sum(),
        "n_tv": (~transition).sum(),
        "n_ti_passing": (transition & passes).sum(),
        "n_tv_passing": (~transition & passes).sum(),
    }


def _genotype_counts() -> dict[str, pl.Expr]:
    ac, an = pl.col("ac"), pl.col("an")
    return {
        "n_singleton": (ac == 1).sum(),
        "n_monomorphic": ((an > 0) & ((ac == 0) | (ac == an))).sum(),
        # Nothing by nothing, of a file without records, is null.
        "call_rate": (pl.col("n_called").sum() / _genotyped().sum()).fill_nan(None),
        "n_hwe_extreme": (pl.col("hwe_p") < _EXTREME).sum(),
        "n_exc_het_extreme": (pl.col("exc_het_p") < _EXTREME).sum(),
    }


def _genotyped() -> pl.Expr:
    """Samples of the variants of which each has a genotype: all, but in the long form."""
    return pl.col("n_samples").cast(pl.Int64).filter(pl.col("n_called").is_not_null())


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
