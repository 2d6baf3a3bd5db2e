"""What a run of this domain can be told."""

from enum import Enum

import dagster as dg
from pydantic import Field

from user_code.genomics.domain.export import FORMATS
from user_code.genomics.domain.high_quality import AdjRule
from user_code.genomics.domain.variant_rows import QcLimits

# A name in the folder genomics/ of contracts.d, or empty for none.
_FILE_NAME = r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$"

# By the function, because vcf.gz can't be a name in a class.
OutputFormat = Enum("OutputFormat", {name: name for name in FORMATS})  # type: ignore[misc]


class CohortExportConfig(dg.Config):
    """What is written of a call set, and how."""

    min_quality_score: float = Field(
        default=30.0,
        ge=0,
        allow_inf_nan=False,
        description="Lowest quality that is written, Phred: QUAL (VCF, BCF) or quality_score. 0 "
        "writes all, also what has no quality.",
    )
    batch_size: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Variants written at a time. The content is the same for every value; memory "
        "grows with it.",
    )
    output_format: OutputFormat = Field(
        default=OutputFormat("csv"), description="csv, parquet or vcf.gz."
    )
    # By files, because the config of a run is seen by whoever sees the UI.
    keep_samples: str = Field(
        default="",
        pattern=_FILE_NAME,
        description="File name of a list in the folder genomics/ of contracts.d, a sample's name "
        "on each line: only these are written. Empty: all.",
    )
    remove_samples: str = Field(
        default="",
        pattern=_FILE_NAME,
        description="The same of samples to leave out. Empty: none.",
    )


class GenomicsQcConfig(dg.Config):
    """Limits for quality_filtered_data."""

    min_qual: float = Field(
        default=30.0,
        ge=0,
        allow_inf_nan=False,
        description="Lowest quality that passes, Phred: QUAL of the site (VCF, BCF) or "
        "quality_score of the observation (Parquet).",
    )
    keep_missing_quality: bool = Field(
        default=False, description="Whether rows without any quality pass."
    )

    outlier_mads: float = Field(
        default=5.0,
        gt=0,
        allow_inf_nan=False,
        description="A sample is marked unusual that is further than this from the median of a "
        "metric, in median absolute deviations (scaled to a standard deviation).",
    )

    adj_min_gq: float = Field(
        default=20.0, ge=0, description="Lowest GQ (Phred) of a genotype of high quality (adj)."
    )
    adj_min_dp: float = Field(
        default=10.0, ge=0, description="Lowest DP (reads) of a genotype of high quality."
    )
    adj_min_dp_haploid: float = Field(
        default=5.0, ge=0, description="The same of a haploid genotype."
    )
    adj_min_allele_balance: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Lowest share AD[alt] / DP of a heterozygous genotype of high quality.",
    )

    reference: str = Field(
        default="",
        pattern=_FILE_NAME,
        description="File name of a FASTA (plain or bgzipped, with its .fai) in the folder "
        "genomics/ of contracts.d: reference alleles are checked against it and variants "
        "left-aligned. Empty: neither.",
    )

    max_expanded_gb: float = Field(
        default=1000.0,
        gt=0,
        description="A file that decompresses to more than this (10^9 bytes) is refused.",
    )

    max_quarantine_gb: float = Field(
        default=50.0,
        ge=0,
        description="A refused call set of more than this (10^9 bytes) isn't copied to quarantine.",
    )

    def limits(self) -> QcLimits:
        adj = AdjRule(
            self.adj_min_gq, self.adj_min_dp, self.adj_min_dp_haploid, self.adj_min_allele_balance
        )
        return QcLimits(self.min_qual, self.keep_missing_quality, self.outlier_mads, adj)
