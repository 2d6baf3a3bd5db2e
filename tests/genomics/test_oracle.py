"""Real call sets against what bcftools and plink2 say of them. Zero mismatches."""

from pathlib import Path

import polars as pl
import pytest

from tests.genomics.computed import compute_once

pytestmark = pytest.mark.parametrize(
    "name", ["hail_sample2.contigs", "CEU_Exon.contigs", "ashk-trio"]
)

# The oracles print six digits.
_PRINTED = 1e-5


def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(
        path, separator="\t", null_values=[".", "nan"], infer_schema_length=None
    ).rename(lambda name: name.removeprefix("#"))


def same(ours: pl.Series, theirs: pl.Series) -> bool:
    if not ours.is_null().equals(theirs.is_null()):
        return False
    difference = (ours.cast(pl.Float64) - theirs.cast(pl.Float64)).abs()
    return bool((difference <= _PRINTED * theirs.cast(pl.Float64).abs()).fill_null(True).all())


def test_counts_frequencies_means_and_hwe_equal_bcftools(name: str, shared_data: Path) -> None:
    ours = compute_once(shared_data / f"genomics/{name}.vcf.gz").analysis
    theirs = table(shared_data / f"genomics/oracle/{name}.variants.split.bcftools.tsv")
    assert ours["pos"].to_list() == theirs["pos"].to_list()
    assert ours["alt"].to_list() == theirs["alt"].to_list()
    pairs = {
        "ac": "AC", "an": "AN", "af": "AF", "n_called": "NS", "n_het": "AC_Het",
        "n_hemi": "AC_Hemi", "hwe_p": "HWE", "exc_het_p": "ExcHet",
        "mean_dp": "mean_DP", "mean_gq": "mean_GQ",
    }  # fmt: skip
    wrong = {
        column: other
        for column, other in pairs.items()
        if other in theirs.columns and not same(ours[column], theirs[other])
    }
    assert wrong == {}
    assert same(ours["n_hom_alt"] * 2, theirs["AC_Hom"])  # bcftools counts its alleles
    assert ((1 - ours["call_rate"]) - theirs["F_MISSING"]).abs().max() < _PRINTED


def test_genotype_counts_equal_plink2(name: str, shared_data: Path) -> None:
    ours = compute_once(shared_data / f"genomics/{name}.vcf.gz").analysis
    oracle = shared_data / "genomics/oracle"
    counts, genotypes = (
        table(oracle / f"{name}.plink2.{kind}").filter(~pl.col("ALT").str.contains(","))
        for kind in ("acount", "gcount")
    )
    assert ours["ac"].to_list() == counts["ALT_CTS"].to_list()
    assert ours["an"].to_list() == counts["OBS_CT"].to_list()
    pairs = {
        "n_hom_ref": "HOM_REF_CT",
        "n_het": "HET_REF_ALT_CTS",
        "n_hom_alt": "TWO_ALT_GENO_CTS",
        "n_missing": "MISSING_CT",
    }
    for column, other in pairs.items():
        assert ours[column].to_list() == genotypes[other].to_list(), column


def test_inbreeding_by_variant_equals_plink2(name: str, shared_data: Path) -> None:
    ours = compute_once(shared_data / f"genomics/{name}.vcf.gz").analysis
    theirs = table(shared_data / f"genomics/oracle/{name}.plink2.hardy")
    assert ours["pos"].len() == theirs.height
    expected = theirs["E(HET_A1)"].cast(pl.Float64)
    found = theirs["O(HET_A1)"].cast(pl.Float64)
    f = pl.select(pl.when(expected > 0).then(1 - found / expected)).to_series()
    assert ours["inbreeding_f"].is_null().equals(f.is_null())
    # From six digits each of two numbers, whose ratio is taken from 1.
    assert (ours["inbreeding_f"] - f).abs().max() < 4 * _PRINTED


def test_the_sites_are_kept_by_quality_alone(name: str, shared_data: Path) -> None:
    tables = compute_once(shared_data / f"genomics/{name}.vcf.gz")
    expected = tables.analysis.filter(pl.col("qual").fill_null(0) >= 30)
    assert tables.filtered["variant_id"].to_list() == expected["variant_id"].to_list()
    facts = tables.raw.row(0, named=True)
    dropped = facts["n_low_quality"] + facts["n_missing_quality"]
    assert facts["n_variants"] == facts["n_passing"] + dropped
