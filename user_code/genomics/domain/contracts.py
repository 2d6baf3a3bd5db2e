"""The tables of this domain: columns, types, units and keys, written once.

Everything else derives from here: the Parquet files are written with these types, the asset
checks compare against them, the UI shows the descriptions.
"""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Column:
    """One column: its Polars type and, in words, its definition and unit."""

    name: str
    dtype: pl.DataType
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Contract:
    """One table: its columns in order and the columns that identify a row."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


TEXT, INT, COUNT, REAL, FLAG = pl.String(), pl.Int64(), pl.Int32(), pl.Float64(), pl.Boolean()

RAW_GENOMIC_DATA = Contract(
    "raw_genomic_data",
    "What arrived: one row of integrity facts for each call set, no copy of the genotypes.",
    (
        Column("call_set", TEXT, "name of the call set, from the file's or folder's name"),
        Column("form", TEXT, "vcf, vcf.gz, bcf or parquet, as recognised from the content"),
        Column("reader", TEXT, "library and version that read it"),
        Column("n_files", COUNT, "files in the call set"),
        Column("n_bytes", INT, "size as landed, bytes"),
        Column("sha256", TEXT, "checksum of the file; of the list of checksums if several"),
        Column("n_samples", COUNT, "samples in the header, or distinct sample_id"),
        Column("n_records", INT, "records (VCF) or rows (Parquet) read"),
        Column("n_variants", INT, "rows after splitting multiallelic records; distinct variants"),
        Column("n_multiallelic", INT, "records with more than one alternate allele", True),
        Column("n_realigned", INT, "variants that left-alignment moved; null: no reference", True),
        Column("n_duplicates", INT, "rows whose variant an earlier row has, too", True),
        Column("reference", TEXT, "FASTA that reference alleles were checked against", True),
        Column("n_passing", INT, "of n_variants (VCF) or n_records (Parquet): kept"),
        Column("n_low_quality", INT, "dropped: quality below the limit"),
        Column("n_missing_quality", INT, "dropped: no quality given"),
        Column("min_qual", REAL, "the quality limit that was applied, Phred"),
        Column("genome_build", TEXT, "by contig lengths: GRCh37, GRCh38, T2T-CHM13v2 …", True),
        Column("contig_naming", TEXT, "chr (chr1) or plain (1)", True),
        Column("contigs_declared", FLAG, "whether the header has ##contig lines", True),
    ),
    key=("call_set",),
)

_SITE = (
    Column("chrom", TEXT, "contig as the file names it", True),
    Column("pos", INT, "position of the first base of ref, 1-based", True),
    Column("ref", TEXT, "reference allele", True),
    Column("alt", TEXT, "one alternate allele; . where the site has none", True),
    Column("variant_id", TEXT, "chrom:pos:ref:alt; in the Parquet form as given"),
    Column("site_id", TEXT, "the ID column of the VCF, e.g. an rs number", True),
    Column("qual", pl.Float32(), "QUAL of the site, Phred", True),
    Column("filter", TEXT, "FILTER as given; . where not applied", True),
)

QUALITY_FILTERED_VARIANTS = Contract(
    "quality_filtered_data",
    "The (split) variants that pass the quality limit, with compact genotypes.",
    (
        *_SITE,
        Column(
            "genotypes",
            pl.List(pl.Int8()),
            "count of this alt allele by sample, in the order of the sample list in the file's "
            "metadata; −1 where any allele is missing",
        ),
    ),
    key=("variant_id",),
)

QUALITY_FILTERED_OBSERVATIONS = Contract(
    "quality_filtered_data",
    "The observations (one sample, one variant) that pass the quality limit.",
    (
        Column("sample_id", TEXT, "sample"),
        Column("variant_id", TEXT, "variant"),
        Column("quality_score", REAL, "quality of the observation, Phred"),
    ),
    key=("sample_id", "variant_id"),
)

QUALITY_FILTERED_GENOTYPES = Contract(
    "quality_filtered_data",
    f"{QUALITY_FILTERED_OBSERVATIONS.description} With genotype fields.",
    (
        *QUALITY_FILTERED_OBSERVATIONS.columns,
        Column("genotype", pl.Int8(), "copies of alt; −1 where any allele is missing", True),
        Column("gq", pl.Float32(), "quality of the genotype, Phred", True),
        Column("dp", pl.Float32(), "reads", True),
    ),
    key=("sample_id", "variant_id"),
)

VARIANT_ANALYSIS = Contract(
    "variant_analysis",
    "All sites, one row for each (split) variant. Where the input has no genotypes (the Parquet "
    "form) the genotype columns are null: hom-ref can't be told from missing there.",
    (
        *_SITE,
        Column("passes", FLAG, "whether the row is in quality_filtered_data"),
        Column("reason", TEXT, "why not: low_quality or missing_quality", True),
        Column("ac", COUNT, "called copies of alt, half-missing genotypes included", True),
        Column("an", COUNT, "called alleles", True),
        Column("af", REAL, "ac / an; null if nothing is called", True),
        Column("n_samples", COUNT, "samples in the call set"),
        Column("n_called", COUNT, "samples with at least one called allele (bcftools NS)", True),
        Column("n_missing", COUNT, "n_samples − n_called", True),
        Column("call_rate", REAL, "n_called / n_samples", True),
        Column("n_hom_ref", COUNT, "complete genotypes of two or more alleles, none alt", True),
        Column("n_het", COUNT, "genotypes with alt and another called allele", True),
        Column("n_hom_alt", COUNT, "complete genotypes of two or more alleles, all alt", True),
        Column("n_hemi", COUNT, "haploid or half-missing genotypes with alt alone", True),
        Column("mean_dp", REAL, "mean of the given FORMAT/DP, reads", True),
        Column("mean_gq", REAL, "mean of the given FORMAT/GQ, Phred", True),
        Column("hwe_p", REAL, "exact Hardy-Weinberg test (Wigginton 2005) on diploids", True),
        Column("exc_het_p", REAL, "exact p of so many heterozygotes or more (ExcHet)", True),
        Column("inbreeding_f", REAL, "1 − het / (2pq × diploids); null if monomorphic", True),
        Column("sample_count", COUNT, "samples with called alt; Parquet form: passing rows"),
        Column("avg_quality", REAL, "mean GQ of those; Parquet form: mean quality_score", True),
        Column("variant_type", TEXT, "snp, mnp, insertion, deletion, complex, star, symbolic, ref"),
        Column("is_transition", FLAG, "A↔G or C↔T; null unless a snp", True),
        Column("is_singleton", FLAG, "ac = 1", True),
        Column("ac_adj", COUNT, "ac over genotypes of high quality (gnomAD's adj rule)", True),
        Column("an_adj", COUNT, "an over genotypes of high quality", True),
        Column("af_adj", REAL, "ac_adj / an_adj; null if none is of high quality", True),
        Column("n_het_adj", COUNT, "n_het over genotypes of high quality", True),
        Column("n_hom_alt_adj", COUNT, "n_hom_alt over genotypes of high quality", True),
        Column(
            "adj_fields",
            TEXT,
            "fields that decided on high quality, of GQ (at least 20), DP (10; haploid 5), AD "
            "(with DP: alt reads at least 0.2 of a het's), or as configured; one that the header "
            "doesn't declare isn't asked for",
            True,
        ),
    ),
    key=("variant_id",),
)

SAMPLE_QC = Contract(
    "sample_qc",
    "Quality of each sample over all (split) variants, passing or not. A genotype counts once for "
    "each alternate allele of its site, as after bcftools norm -m -any. From a call set without "
    "genotypes (the Parquet form): observations and their mean quality alone.",
    (
        Column("sample_id", TEXT, "sample"),
        Column("n_variants", INT, "(split) variants; Parquet form: the sample's observations"),
        Column("n_called", INT, "variants with at least one called allele", True),
        Column("n_missing", INT, "n_variants − n_called", True),
        Column("call_rate", REAL, "n_called / n_variants", True),
        Column("n_hom_ref", INT, "complete genotypes of two or more alleles, none alt", True),
        Column("n_het", INT, "genotypes with alt and another called allele", True),
        Column("n_hom_alt", INT, "complete genotypes of two or more alleles, all alt", True),
        Column("n_hemi", INT, "haploid or half-missing genotypes with alt alone", True),
        Column("r_het_hom", REAL, "n_het / n_hom_alt", True),
        Column(
            "n_singleton", INT, "variants with ac = 1 in the call set that this sample has", True
        ),
        Column("n_ti", INT, "transitions (A↔G, C↔T) that this sample has", True),
        Column("n_tv", INT, "other single-base changes that this sample has", True),
        Column("r_ti_tv", REAL, "n_ti / n_tv", True),
        Column("n_ins", INT, "insertions that this sample has", True),
        Column("n_del", INT, "deletions that this sample has", True),
        Column("mean_dp", REAL, "mean of the given FORMAT/DP over records, reads", True),
        Column("mean_gq", REAL, "mean of the given FORMAT/GQ; Parquet: quality_score", True),
        Column(
            "inbreeding_f",
            REAL,
            "(observed − expected) / (called − expected) homozygotes, over polymorphic autosomal "
            "variants, complete diploids; expected 1 − 2pq (plink2 --het)",
            True,
        ),
        Column(
            "f_x",
            REAL,
            "the same on X outside the pseudoautosomal regions, haploid genotypes as homozygous; "
            "null with fewer than 10 such variants",
            True,
        ),
        Column(
            "sex_by_x",
            TEXT,
            "male if f_x is 0.8 or more, or most genotypes on X are haploid; female if f_x is 0.2 "
            "or less; else null",
            True,
        ),
        Column("outlier_by", TEXT, "metrics far from their median (scaled MADs), by comma", True),
    ),
    key=("sample_id",),
)

COHORT_QC = Contract(
    "cohort_qc",
    "The call set as a whole, one row. Counts are of (split) variants, passing or not, unless "
    "they say otherwise; what needs genotypes is null for the Parquet form.",
    (
        Column("call_set", TEXT, "name of the call set"),
        Column("n_samples", COUNT, "samples"),
        Column("n_variants", INT, "(split) variants"),
        Column("n_passing", INT, "variants that pass; Parquet form: with a passing observation"),
        Column("n_snp", INT, "single-base changes"),
        Column("n_insertion", INT, "insertions"),
        Column("n_deletion", INT, "deletions"),
        Column("n_other", INT, "all other kinds (mnp, complex, star, symbolic, ref, unknown)"),
        Column("n_ti", INT, "transitions"),
        Column("n_tv", INT, "other single-base changes"),
        Column("r_ti_tv", REAL, "n_ti / n_tv", True),
        Column("r_ti_tv_passing", REAL, "the same over the variants that pass", True),
        Column("n_singleton", INT, "variants with ac = 1", True),
        Column("n_monomorphic", INT, "variants of which one allele alone is called", True),
        Column("call_rate", REAL, "share of genotypes with a called allele", True),
        Column("n_hwe_extreme", INT, "variants with hwe_p below 1e-6", True),
        Column("n_exc_het_extreme", INT, "variants with exc_het_p below 1e-6", True),
        Column("spectrum", TEXT, "variants by af, JSON: 50 equal bins over 0 < af < 1", True),
        Column("n_unusual_samples", COUNT, "samples with an outlier_by"),
        Column("n_female", COUNT, "samples whose sex_by_x is female", True),
        Column("n_male", COUNT, "samples whose sex_by_x is male", True),
        Column("genome_build", TEXT, "by contig lengths", True),
        Column("contig_naming", TEXT, "chr (chr1) or plain (1)", True),
        Column("thresholds", TEXT, "the limits that were applied, JSON"),
        Column("software", TEXT, "versions of what computed this"),
    ),
    key=("call_set",),
)
