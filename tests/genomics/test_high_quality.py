"""Counts over genotypes of high quality: gnomAD's rule by hand, and bcftools on a real cohort."""

from pathlib import Path

import pysam.bcftools
import pytest

from tests.genomics.computed import compute, compute_once
from tests.genomics.vcf_text import HEADER, write_vcf
from user_code.genomics.domain.high_quality import AdjRule
from user_code.genomics.domain.variant_rows import QcLimits

COLUMNS = ["ac_adj", "an_adj", "n_het_adj", "n_hom_alt_adj", "adj_fields"]


def without(header: str, *fields: str) -> str:
    lines = header.splitlines(True)
    return "".join(
        line for line in lines if not any(f"##FORMAT=<ID={name}" in line for name in fields)
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(
            "1 9 . A G 50 . . GT:GQ:DP:AD 0/0:20:10:10,0 0/1:20:10:8,2 1/1:19:10:0,10 "
            "0/1:99:10:9,1",
            (1, 4, 1, 0, "GQ,DP,AD"),
            id="limits are reached",
        ),
        pytest.param(
            "1 9 . A G 50 . . GT:GQ:DP:AD 1/1:20:9:0,9 1/1:20:.:0,9 1/1:.:10:0,9 1/1:20:10:.",
            (2, 2, 0, 1, "GQ,DP,AD"),
            id="what lacks a declared field fails; a hom needs no AD",
        ),
        pytest.param(
            "1 9 . A G 50 . . GT:GQ:DP 0/1:20:10 1/1:20:10 0/0:20:10 0/1:20:10",
            (2, 4, 0, 1, "GQ,DP,AD"),
            id="a declared field that the record lacks fails its hets",
        ),
        pytest.param(
            "X 9 . A G 50 . . GT:GQ:DP:AD 1:20:5:0,5 1:20:4:0,4 0:20:5:5,0 1/1:20:5:0,5",
            (1, 2, 0, 0, "GQ,DP,AD"),
            id="a haploid needs half the depth",
        ),
    ],
)
def test_by_hand(row: str, expected: tuple[object, ...], tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "hand.vcf", [row], ["a", "b", "c", "d"])
    assert compute(path).analysis.select(COLUMNS).row(0) == expected


def test_each_row_of_a_multiallelic_site_is_judged_by_its_own_reads(tmp_path: Path) -> None:
    rows = [
        "1 9 . A G,T 50 . . GT:GQ:DP:AD 1/2:50:20:0,18,2 0/2:50:10:5,0,5",
        "1 10 . A . 50 . . GT:GQ:DP:AD 0/0:50:20:20 0/0:50:10:10",
        "1 11 . A G 50 . . GT:GQ:DP:AD 0/1:50:20:10,10 0/1:50:10:9,1",
    ]
    found = compute(write_vcf(tmp_path / "c.vcf", rows, ["a", "b"])).analysis
    assert found["ac_adj"].to_list() == [1, 1, 0, 1]
    assert found["an_adj"].to_list() == [4, 2, 4, 2]


@pytest.mark.parametrize(
    ("absent", "fields", "ac"),
    [
        (["AD"], "GQ,DP", 2),
        (["DP"], "GQ", 3),
        (["GQ", "DP", "AD"], "none", 4),
        (["GQ"], "DP,AD", 1),
    ],
)
def test_an_undeclared_field_is_not_asked_for(
    absent: list[str], fields: str, ac: int, tmp_path: Path
) -> None:
    names = ["GT", *(name for name in ("GQ", "DP", "AD") if name not in absent)]
    values = {
        "GT": ["0/1", "0/1", "0/1", "0/1"],
        "GQ": ["50", "50", "50", "3"],
        "DP": ["20", "20", "3", "3"],
        "AD": ["10,10", "20,0", "1,2", "1,2"],
    }
    cells = [":".join(values[name][sample] for name in names) for sample in range(4)]
    row = f"1 9 . A G 50 . . {':'.join(names)} {' '.join(cells)}"
    path = write_vcf(tmp_path / "c.vcf", [row], ["a", "b", "c", "d"], without(HEADER, *absent))
    found = compute(path).analysis.select("adj_fields", "ac_adj").row(0)
    assert found == (fields, ac)


def test_the_limits_can_be_set(tmp_path: Path) -> None:
    row = "1 9 . A G 50 . . GT:GQ:DP:AD 0/1:10:4:3,1 0/1:9:4:3,1"
    path = write_vcf(tmp_path / "c.vcf", [row], ["a", "b"])
    limits = QcLimits(adj=AdjRule(10, 4, 4, 0.25))
    assert compute(path, limits).analysis["ac_adj"].item() == 1


RULE = 'FMT/GQ>=20 & FMT/DP>=10 & (GT!="het" | FMT/AD[*:1]/FMT/DP>=0.2)'


@pytest.mark.parametrize("name", ["hail_sample2.contigs", "ashk-trio"])
def test_the_counts_equal_those_that_bcftools_filters(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / f"genomics/{name}.vcf.gz"
    split, kept = tmp_path / "split.bcf", tmp_path / "kept.bcf"
    pysam.bcftools.norm("-m", "-any", "-Ob", "-o", str(split), str(source), catch_stdout=False)
    pysam.bcftools.filter(
        "-S", ".", "-i", RULE, "-Ob", "-o", str(kept), str(split), catch_stdout=False
    )
    # AC and AN are counted anew where samples are chosen, here all.
    samples = compute_once(source).samples["sample_id"]
    counted = tmp_path / "counted.bcf"
    pysam.bcftools.view(
        "-s", ",".join(samples), "-Ob", "-o", str(counted), str(kept), catch_stdout=False
    )
    text = pysam.bcftools.query(
        "-f", '%AC\t%AN\t%N_PASS(GT="het")\t%N_PASS(GT="AA")\n', str(counted)
    )
    theirs = [tuple(map(int, line.split("\t"))) for line in text.splitlines()]
    ours = compute_once(source).analysis
    assert ours["adj_fields"].unique().to_list() == ["GQ,DP,AD"]
    assert ours.select(COLUMNS[:-1]).rows() == theirs
