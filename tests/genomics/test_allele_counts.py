"""Hand-checked records: missing, half-missing, haploid, polyploid, multiallelic, *, symbolic."""

from pathlib import Path

import polars as pl
import pytest

from tests.genomics.computed import compute
from tests.genomics.vcf_text import write_vcf
from user_code.genomics.domain.genotype_blocks import read_blocks
from user_code.genomics.domain.variant_rows import QcLimits

COLUMNS = ["alt", "ac", "an", "n_called", "n_missing", "n_hom_ref", "n_het", "n_hom_alt", "n_hemi"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(
            "1 9 . A G 50 . . GT 0/0 0/1 1/1 ./.", [("G", 3, 6, 3, 1, 1, 1, 1, 0)], id="plain"
        ),
        pytest.param(
            "1 9 . A G 50 . . GT ./1 0/. 1|1 .", [("G", 3, 4, 3, 1, 0, 0, 1, 1)], id="half-missing"
        ),
        pytest.param(
            "X 9 . A G 50 . . GT 0 1 0/1 .", [("G", 2, 4, 3, 1, 0, 1, 0, 1)], id="haploid"
        ),
        pytest.param(
            "1 9 . A G 50 . . GT 0/0/1 1/1/1 0/0/0 0/1",
            [("G", 5, 11, 4, 0, 1, 2, 1, 0)],
            id="triploid",
        ),
        pytest.param(
            "1 9 . A G,T 50 . . GT 1/2 0/2 1/1 0/0",
            [("G", 3, 8, 4, 0, 2, 1, 1, 0), ("T", 2, 8, 4, 0, 2, 2, 0, 0)],
            id="multiallelic",
        ),
        pytest.param(
            "1 9 . A *,<DEL> 50 . . GT 0/1 1/2 2/2 0/0",
            [("*", 2, 8, 4, 0, 2, 2, 0, 0), ("<DEL>", 3, 8, 4, 0, 2, 1, 1, 0)],
            id="star and symbolic",
        ),
        pytest.param(
            "1 9 . A . 50 . . GT 0/0 0/0 ./. 0/0", [(".", 0, 6, 3, 1, 3, 0, 0, 0)], id="no alt"
        ),
        pytest.param("1 9 . A G 50 . . DP 1 2 3 4", [("G", 0, 0, 0, 4, 0, 0, 0, 0)], id="no GT"),
    ],
)
def test_counts_by_hand(row: str, expected: list[tuple[object, ...]], tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "hand.vcf", [row], ["a", "b", "c", "d"])
    assert compute(path).analysis.select(COLUMNS).rows() == expected


def test_compact_genotypes_count_the_rows_own_allele_and_mark_what_is_incomplete(
    tmp_path: Path,
) -> None:
    rows = ["1 9 . A G,T 50 . . GT 1/2 2|2 ./1 ./.", "X 9 . A G 50 . . GT 1 0 0/1 1/1"]
    kept = compute(write_vcf(tmp_path / "c.vcf", rows, ["a", "b", "c", "d"])).filtered
    assert kept["genotypes"].to_list() == [[1, 0, -1, -1], [1, 2, -1, -1], [1, 0, 1, 2]]


def test_nothing_called_has_no_frequency(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf", ["1 9 . A G 50 . . GT:DP:GQ ./.:.:. ./.:.:."], ["a", "b"])
    row = compute(path).analysis.row(0, named=True)
    assert {row[name] for name in ("af", "mean_dp", "mean_gq", "avg_quality")} == {None}
    assert (row["call_rate"], row["hwe_p"], row["sample_count"]) == (0, 1, 0)


def test_sample_count_and_avg_quality_are_of_the_carriers(tmp_path: Path) -> None:
    row = "1 9 . A G 50 . . GT:GQ:DP 0/1:10:1 1/1:30:2 0/0:90:. ./.:.:4"
    found = compute(write_vcf(tmp_path / "c.vcf", [row], ["a", "b", "c", "d"])).analysis
    assert found.select("sample_count", "avg_quality").rows() == [(2, 20.0)]
    assert found["mean_gq"][0] == pytest.approx(130 / 3)
    assert found["mean_dp"][0] == pytest.approx(7 / 3)


def test_a_quality_equal_to_the_limit_passes(tmp_path: Path) -> None:
    rows = [f"1 {9 + n} . A G {qual} . . GT 0/1" for n, qual in enumerate(["32.92", "32.91", "."])]
    path = write_vcf(tmp_path / "c.vcf", rows, ["a"])
    found = compute(path, QcLimits(min_qual=32.92)).analysis
    assert found["passes"].to_list() == [True, False, False]
    assert found["reason"].to_list() == [None, "low_quality", "missing_quality"]
    lenient = compute(path, QcLimits(min_qual=32.92, keep_missing_quality=True)).analysis
    assert lenient["passes"].to_list() == [True, False, True]


def test_the_result_does_not_depend_on_the_size_of_the_blocks(tmp_path: Path) -> None:
    rows = [
        f"1 {9 + n} . A G{',T' if n % 3 == 0 else ''} {n} . . GT:DP 0/1:{n} {n % 2}/1:. ./.:3"
        for n in range(50)
    ]
    path = write_vcf(tmp_path / "c.bcf", rows, ["a", "b", "c"])
    whole = compute(path)
    for cells in (1, 10, 33):
        parts = compute(path, cells_per_block=cells)
        assert parts.analysis.equals(whole.analysis)
        assert parts.filtered.equals(whole.filtered)


def test_no_more_genotypes_are_held_than_asked_for(tmp_path: Path) -> None:
    rows = [f"1 {9 + n} . A G 50 . . GT 0/1 0/1 0/1 0/1" for n in range(40)]
    path = write_vcf(tmp_path / "c.vcf", rows, ["a", "b", "c", "d"])
    blocks = [block.alleles.shape for block in read_blocks(path, cells=50)]
    assert sum(shape[0] for shape in blocks) == 40
    assert max(shape[0] * shape[1] for shape in blocks) <= 50


def test_a_folder_of_chromosomes_is_one_call_set(tmp_path: Path) -> None:
    write_vcf(tmp_path / "parts/chr10.vcf.gz", ["X 5 . A G 50 . . GT 0/1"], ["a"])
    write_vcf(tmp_path / "parts/chr2.vcf", ["1 5 . A G 50 . . GT 0/1"], ["a"])
    tables = compute(tmp_path / "parts")
    assert tables.analysis["chrom"].to_list() == ["1", "X"]
    assert tables.raw.select("call_set", "n_files", "n_records").row(0) == ("parts", 2, 2)


def test_the_long_form_counts_passing_rows_by_variant(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "sample_id": ["a", "b", "a", "c", "a", "a"],
            "variant_id": ["1:5:A:G", "1:5:A:G", "rs7", "rs7", "rs8", "1:3:A:AT"],
            "quality_score": [35.0, 25.0, 10.0, 29.9, None, 40.0],
        }
    ).write_parquet(tmp_path / "rows.parquet")
    tables = compute(tmp_path / "rows.parquet")
    columns = ["variant_id", "pos", "sample_count", "avg_quality", "passes", "reason", "n_samples"]
    assert tables.analysis.select(columns).rows() == [
        ("1:3:A:AT", 3, 1, 40.0, True, None, 3),
        ("1:5:A:G", 5, 1, 35.0, True, None, 3),
        ("rs7", None, 0, None, False, "low_quality", 3),
        ("rs8", None, 0, None, False, "missing_quality", 3),
    ]
    counted = ["n_records", "n_variants", "n_passing", "n_low_quality", "n_missing_quality"]
    assert tables.raw.select(counted).row(0) == (6, 4, 2, 3, 1)
