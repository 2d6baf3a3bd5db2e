"""The report of a call set: one HTML file that needs nothing else, pictures included.

It and the tables are the only places where sample names stand.
"""

import json
from collections import Counter
from pathlib import Path

import polars as pl

from user_code.genomics.domain import cohort_plots
from user_code.genomics.domain.contracts import COHORT_QC, RAW_GENOMIC_DATA, SAMPLE_QC
from user_code.genomics.domain.qc_pass import Computed
from user_code.genomics.domain.sample_tally import METRICS
from user_code.genomics.domain.spectrum_plot import site_frequency_spectrum
from user_code.shared.html_page import facts_table, html_page, rows_table

_MOST_LISTED = 500


def draw_all(variant_analysis: Path, samples: pl.DataFrame) -> dict[str, str]:
    """SVG by name: site_frequency_spectrum, hwe, call_rate, ti_tv, het_hom.

    Of the long form, only what its columns tell.
    """
    pictures = {"site_frequency_spectrum": site_frequency_spectrum(variant_analysis)}
    if samples["n_called"].null_count() < samples.height:
        pictures["hwe"] = cohort_plots.hwe_plot(variant_analysis)
        pictures["call_rate"] = cohort_plots.call_rate_plot(samples)
    if samples["n_het"].null_count() < samples.height:
        pictures["ti_tv"] = cohort_plots.ti_tv_plot(samples)
        pictures["het_hom"] = cohort_plots.het_hom_plot(samples)
    return pictures


def render_report(computed: Computed, pictures: dict[str, str]) -> str:
    """The whole document. Every text from the input is escaped."""
    cohort = computed.cohort_qc.row(0, named=True)
    facts = computed.raw_genomic_data.row(0, named=True)
    name = str(cohort["call_set"])
    images = "".join(f"<p>{svg}</p>" for svg in pictures.values())
    described = {
        column.name: column.description
        for column in (*RAW_GENOMIC_DATA.columns, *COHORT_QC.columns)
    }
    long = {"spectrum", "thresholds"}
    arrived = [(key, facts[key], described[key]) for key in facts if key != "call_set"]
    whole = [
        (key, cohort[key], described[key]) for key in cohort if key not in facts and key not in long
    ]
    limits = [(key, value, "") for key, value in json.loads(cohort["thresholds"]).items()]
    return html_page(
        name,
        f"Quality of {name}",
        f"<h2>Cohort</h2>{facts_table(whole)}{images}"
        f"<h2>Unusual samples</h2>{_unusual(computed.sample_qc)}"
        f"<h2>What arrived</h2>{facts_table(arrived)}<h2>Limits</h2>{facts_table(limits)}",
    )


def _unusual(samples: pl.DataFrame) -> str:
    """How many are unusual in which metric, and who: at most 500, the table has them all."""
    flagged = samples.filter(pl.col("outlier_by").is_not_null())
    if flagged.is_empty():
        return f"<p>None of {samples.height:,}.</p>"
    by_metric = Counter(
        metric for listed in flagged["outlier_by"].to_list() for metric in listed.split(",")
    )
    text = {column.name: column.description for column in SAMPLE_QC.columns}
    counts = facts_table((name, by_metric[name], text[name]) for name in METRICS if by_metric[name])
    names = ["sample_id", "outlier_by", *METRICS]
    listed = rows_table(names, flagged.select(names).head(_MOST_LISTED).iter_rows())
    return f"<p>{flagged.height:,} of {samples.height:,}, by metric:</p>{counts}{listed}"
