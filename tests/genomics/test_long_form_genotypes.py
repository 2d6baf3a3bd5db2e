"""Genotype fields of the long form tell the same as the VCF that they came from."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.genomics.computed import compute
from tests.genomics.vcf_text import HEADER, vcf
from user_code.genomics.domain.refusals import RefusedInputError

# What the long form can't have: the site's own columns, hence verdicts by QUAL, and sex.
_OF_THE_SITE = ("site_id", "qual", "filter", "passes", "reason", "sample_count", "avg_quality")
_OF_X = ("f_x", "sex_by_x", "outlier_by")
_WITHOUT_AD = "".join(line for line in HEADER.splitlines(True) if "ID=AD" not in line)
_NAMES = ["s1", "s2", "s3"]
_GT = st.sampled_from(["0/0", "0/1", "1|1", "./.", ".", "./1", "0/.", "1", "0", "0/1/1"])
_CELL = st.tuples(_GT, st.one_of(st.none(), st.integers(0, 60)), st.integers(0, 40))
_ROWS = st.lists(st.lists(_CELL, min_size=3, max_size=3), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(rows=_ROWS)
def test_whole_rows_tell_what_the_vcf_tells(
    rows: list[list[tuple[str, int | None, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("both")
    alts = ["G", "T", "AC"]
    lines = [
        f"1\t{number + 1}\t.\tA\t{alts[number % 3]}\t50\t.\t.\tGT:GQ:DP\t"
        + "\t".join(f"{gt}:{'.' if gq is None else gq}:{dp}" for gt, gq, dp in cells)
        for number, cells in enumerate(rows)
    ]
    (folder / "c.vcf").write_text(vcf(lines, _NAMES, _WITHOUT_AD))
    (folder / "long").mkdir()
    for place, name in enumerate(_NAMES):  # one file for each sample
        pl.DataFrame(
            [
                {
                    "sample_id": name,
                    "variant_id": f"1:{number + 1}:A:{alts[number % 3]}",
                    "quality_score": 50,
                    "genotype": cells[place][0],
                    "gq": cells[place][1],
                    "dp": cells[place][2],
                }
                for number, cells in enumerate(rows)
            ],
            schema_overrides={"gq": pl.Int64},
        ).write_parquet(folder / "long" / f"{name}.parquet")
    one, other = compute(folder / "c.vcf"), compute(folder / "long")
    assert_frame_equal(
        other.analysis.drop(_OF_THE_SITE), one.analysis.drop(_OF_THE_SITE), abs_tol=1e-6
    )
    assert_frame_equal(other.samples.drop(_OF_X), one.samples.drop(_OF_X), abs_tol=1e-6)
    same = ["call_rate", "n_singleton", "n_monomorphic", "spectrum", "r_ti_tv", "n_hwe_extreme"]
    assert other.cohort.select(same).rows() == one.cohort.select(same).rows()
    copies = pl.Series([copy for cells in one.filtered["genotypes"] for copy in cells])
    assert sorted(other.filtered["genotype"].to_list()) == copies.sort().to_list()


def _long(path: Path, **columns: list[object]) -> Path:
    size = len(next(iter(columns.values())))
    pl.DataFrame({"quality_score": [50] * size, **columns}).write_parquet(path)
    return path


def test_of_a_sample_without_a_row_nothing_is_known(tmp_path: Path) -> None:
    path = _long(
        tmp_path / "rows.parquet",
        sample_id=["a", "b", "a"],
        variant_id=["1:1:A:G", "1:1:A:G", "1:2:A:C"],
        genotype=[1, -1, 2],
    )
    tables = compute(path, report=True)
    shown = ["ac", "an", "n_called", "n_missing", "call_rate", "n_het", "n_hom_alt", "is_singleton"]
    assert tables.analysis.select(shown).rows() == [
        (1, 2, 1, 1, 0.5, 1, 0, True),
        (2, None, None, None, None, 0, 1, False),
    ]
    assert tables.samples.select("n_called", "call_rate", "n_het", "n_ti", "n_tv").rows() == [
        (2, 1.0, 1, 1, 1),
        (None, None, 0, 0, 0),
    ]
    assert tables.cohort["call_rate"].to_list() == [0.5]
    assert tables.filtered.columns == [
        "sample_id", "variant_id", "quality_score", "genotype", "gq", "dp",
    ]  # fmt: skip


def test_a_row_that_is_there_twice_makes_no_whole(tmp_path: Path) -> None:
    path = _long(
        tmp_path / "rows.parquet",
        sample_id=["a", "a", "b"],
        variant_id=["1:1:A:G", "1:1:A:G", "1:2:A:C"],
        genotype=["0/1", "0/1", "0/0"],
    )
    assert compute(path).analysis["an"].to_list() == [None, None]


@pytest.mark.parametrize("genotype", [["0/2"], ["1/1/"], ["het"], [3], [1.0]])
def test_what_is_no_genotype_is_refused(tmp_path: Path, genotype: list[object]) -> None:
    path = _long(tmp_path / "r.parquet", sample_id=["a"], variant_id=["v"], genotype=genotype)
    with pytest.raises(RefusedInputError, match="genotype"):
        compute(path)


def test_files_with_different_fields_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    _long(tmp_path / "c/a.parquet", sample_id=["a"], variant_id=["v"], gq=[10])
    _long(tmp_path / "c/b.parquet", sample_id=["b"], variant_id=["v"])
    with pytest.raises(RefusedInputError, match=r"b\.parquet.*other genotype fields"):
        compute(tmp_path / "c")
