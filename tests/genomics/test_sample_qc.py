"""What is said of each sample: by hand, and against bcftools and plink2."""

from pathlib import Path

import polars as pl
import pytest

from tests.genomics.computed import compute, compute_once
from tests.genomics.vcf_text import write_vcf
from user_code.genomics.domain.contracts import SAMPLE_QC
from user_code.genomics.domain.sample_tally import flag_unusual_samples

ORACLES = ["hail_sample2.contigs", "CEU_Exon.contigs", "ashk-trio"]


def test_counts_by_hand(tmp_path: Path) -> None:
    rows = [
        "1 1 . A G 50 . . GT:DP:GQ 0/1:10:20 1/1:30:40 ./.:.:.",
        "1 2 . A C,T 5 . . GT:DP:GQ 1/2:20:30 0/0:10:10 0/1:5:6",
        "1 3 . A AT 50 . . GT:DP:GQ 0/0:30:. 0/1:.:. 0/0:7:8",
        "X 4 . AT A 50 . . GT 1 0 0/1",
    ]
    path = write_vcf(tmp_path / "c.vcf", rows, ["a", "b", "c"])
    columns = ["n_variants", "n_called", "n_hom_ref", "n_het", "n_hom_alt", "n_hemi"]
    columns += ["n_singleton", "n_ti", "n_tv", "n_ins", "n_del", "mean_dp", "mean_gq"]
    assert compute(path).samples.select("sample_id", *columns).rows() == [
        ("a", 5, 5, 1, 3, 0, 1, 1, 1, 2, 0, 1, 20.0, 25.0),
        ("b", 5, 5, 2, 1, 1, 0, 1, 1, 0, 1, 0, 20.0, 25.0),
        ("c", 5, 4, 2, 2, 0, 0, 0, 0, 1, 0, 1, 6.0, 7.0),
    ]


def section(path: Path, name: str) -> list[list[str]]:
    """The rows of one section of bcftools stats."""
    lines = (line.split("\t") for line in path.read_text().splitlines())
    return [columns for columns in lines if columns[0] == name]


@pytest.mark.parametrize("name", ORACLES)
def test_samples_equal_bcftools_stats(name: str, shared_data: Path) -> None:
    tables = compute_once(shared_data / f"genomics/{name}.vcf.gz")
    ours = tables.samples
    stats = shared_data / f"genomics/oracle/{name}.stats.split.bcftools.txt"
    theirs = section(stats, "PSC")
    columns = {"sample_id": 2, "n_ti": 6, "n_tv": 7, "n_missing": 13}
    for column, number in columns.items():
        assert ours[column].cast(pl.String).to_list() == [row[number] for row in theirs], column
    # bcftools' own het and hom counts are of SNPs; insertions and deletions are in PSI.
    if indels := section(stats, "PSI"):
        assert ours["n_ins"].to_list() == [int(row[7]) + int(row[9]) for row in indels]
        assert ours["n_del"].to_list() == [int(row[8]) + int(row[10]) for row in indels]


def test_singletons_equal_hail(shared_data: Path) -> None:
    """ac = 1. (bcftools stats counts a lone hom-alt genotype, too.)"""
    ours = compute_once(shared_data / "genomics/hail_sample2.contigs.vcf.gz").samples
    oracle = shared_data / "genomics/oracle/hail_sample2.contigs.samples.hail.tsv"
    theirs = pl.read_csv(oracle, separator="\t")
    assert ours["sample_id"].to_list() == theirs["s"].to_list()
    assert ours["n_singleton"].to_list() == theirs["sample_qc.n_singleton"].to_list()


@pytest.mark.parametrize("name", ORACLES)
def test_missing_genotypes_equal_plink2(name: str, shared_data: Path) -> None:
    ours = compute_once(shared_data / f"genomics/{name}.vcf.gz").samples
    theirs = pl.read_csv(shared_data / f"genomics/oracle/{name}.plink2.smiss", separator="\t")
    assert ours["n_missing"].to_list() == theirs["MISSING_CT"].to_list()
    assert ours["n_variants"].to_list() == theirs["OBS_CT"].to_list()


@pytest.mark.parametrize("name", ORACLES)
def test_inbreeding_equals_plink2(name: str, shared_data: Path) -> None:
    ours = compute_once(shared_data / f"genomics/{name}.vcf.gz").samples
    theirs = pl.read_csv(shared_data / f"genomics/oracle/{name}.plink2.het", separator="\t")
    assert ours["sample_id"].to_list() == theirs["#IID"].to_list()
    # plink2 prints six digits.
    assert (ours["inbreeding_f"] - theirs["F"]).abs().max() < 2e-6


def on_x(genotypes: list[str], positions: range) -> list[str]:
    """The same genotypes at each position; what is het in turn, so that nothing is monomorphic."""
    return [f"X {position} . A G 50 . . GT {' '.join(genotypes)}" for position in positions]


def test_sex_follows_from_the_genotypes_on_x(tmp_path: Path) -> None:
    rows = on_x(["0/1", "0/0", "0", "./.", "0/1"], range(3_000_000, 3_000_010))
    rows += on_x(["0/0", "1/1", "1", "./.", "0/1"], range(3_000_010, 3_000_020))
    samples = ["half", "hom", "haploid", "absent", "het"]
    found = compute(write_vcf(tmp_path / "c.vcf", rows, samples)).samples
    assert found["sex_by_x"].to_list() == ["female", "male", "male", None, "female"]
    assert found["f_x"].to_list()[1:4] == [1, 1, None]
    assert found["inbreeding_f"].null_count() == 5


@pytest.mark.parametrize(
    ("positions", "sex"),
    [
        (range(3_000_000, 3_000_009), None),  # too few
        (range(100_000, 100_020), None),  # pseudoautosomal
        (range(3_000_000, 3_000_010), "male"),
    ],
)
def test_few_or_pseudoautosomal_sites_do_not_tell_sex(
    positions: range, sex: str | None, tmp_path: Path
) -> None:
    rows = on_x(["0/0", "1/1", "0/1"], positions)
    found = compute(write_vcf(tmp_path / "c.vcf", rows, ["a", "b", "c"])).samples
    assert found["sex_by_x"][0] == sex


def with_call_rates(rates: list[float]) -> pl.DataFrame:
    rows = pl.DataFrame({"sample_id": [f"s{n}" for n in range(len(rates))], "call_rate": rates})
    return rows.with_columns(
        pl.lit(None).cast(kind).alias(name)
        for name, kind in SAMPLE_QC.schema.items()
        if name not in rows.columns
    )


def test_a_sample_far_from_the_median_is_flagged_with_the_metric_that_did_it() -> None:
    rates = [0.97, 0.98, 0.96, 0.97, 0.99, 0.98, 0.97, 0.96, 0.98, 0.97, 0.5]
    flagged = flag_unusual_samples(with_call_rates(rates), 5)
    assert flagged["outlier_by"].to_list() == [None] * 10 + ["call_rate"]


def test_nothing_is_unusual_among_few_or_equal_samples() -> None:
    few = flag_unusual_samples(with_call_rates([0.97, 0.98, 0.96, 0.5]), 5)
    equal = flag_unusual_samples(with_call_rates([0.97] * 20 + [0.5]), 5)
    assert few["outlier_by"].null_count() == few.height
    assert equal["outlier_by"].null_count() == equal.height


def test_the_long_form_says_how_many_and_how_good(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "sample_id": ["b", "a", "a"],
            "variant_id": ["v1", "v1", "v2"],
            "quality_score": [35, 25, 40],
        }
    ).write_parquet(tmp_path / "rows.parquet")
    found = compute(tmp_path / "rows.parquet").samples
    assert found.select("sample_id", "n_variants", "mean_gq", "n_called").rows() == [
        ("a", 2, 32.5, None),
        ("b", 1, 35.0, None),
    ]
