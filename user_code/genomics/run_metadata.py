"""What each materialisation says beside rows, columns and cost: counts and pictures, no names."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from user_code.genomics.domain.contracts import (
    COHORT_QC,
    QUALITY_FILTERED_VARIANTS,
    RAW_GENOMIC_DATA,
    SAMPLE_QC,
    VARIANT_ANALYSIS,
)
from user_code.genomics.domain.qc_pass import Computed
from user_code.shared.run_facts import plot_metadata

_ARRIVED = (
    "form", "n_samples", "n_records", "n_multiallelic", "n_realigned", "n_duplicates", "reference",
    "sha256", "genome_build", "contig_naming", "contigs_declared", "reader",
)  # fmt: skip
_COHORT = ("n_variants", "n_passing", "r_ti_tv", "call_rate", "n_hwe_extreme", "n_unusual_samples")
_PICTURES = {
    VARIANT_ANALYSIS.name: ("site_frequency_spectrum", "hwe"),
    SAMPLE_QC.name: ("call_rate", "ti_tv", "het_hom"),
}


def extra_metadata(
    computed: Computed, pictures: Mapping[str, str], report: str, url: str | None = None
) -> dict[str, dict[str, Any]]:
    """By asset; `report` is the path of the call set's report, `url` where it is served."""
    facts = computed.raw_genomic_data.row(0, named=True)
    cohort = computed.cohort_qc.row(0, named=True)
    drawn = {
        asset: {
            name: plot_metadata(pictures[name].encode(), "svg+xml")
            for name in names
            if name in pictures
        }
        for asset, names in _PICTURES.items()
    }
    shown = {"report": dg.MetadataValue.url(url) if url else report}
    return {
        RAW_GENOMIC_DATA.name: {name: facts[name] for name in _ARRIVED if facts[name] is not None},
        QUALITY_FILTERED_VARIANTS.name: {
            "min_qual": facts["min_qual"],
            "dropped_low_quality": facts["n_low_quality"],
            "dropped_missing_quality": facts["n_missing_quality"],
        },
        VARIANT_ANALYSIS.name: {**drawn[VARIANT_ANALYSIS.name], **shown},
        SAMPLE_QC.name: {
            "unusual_samples": cohort["n_unusual_samples"],
            **drawn[SAMPLE_QC.name],
            **shown,
        },
        COHORT_QC.name: {
            **{name: cohort[name] for name in _COHORT if cohort[name] is not None},
            **shown,
            **({"report_file": report} if url else {}),
        },
    }
