"""The call set as a whole: by hand, against bcftools, and as a report."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from tests.genomics.computed import compute, compute_once
from tests.genomics.vcf_text import write_vcf
from user_code.genomics.domain.cohort_plots import hwe_quantiles

ROWS = [
    "1 1 . A G 50 . . GT:DP 0/1:10 0/0:9 ./.:.",
    "1 2 . A C,T 5 . . GT:DP 1/2:10 0/0:9 0/1:8",
    "1 3 . A AT 50 . . GT:DP 0/0:10 0/0:9 0/0:8",
    "1 4 . AT A 50 . . GT:DP 1/1:10 1/1:9 0/1:8",
    "1 5 . A * 50 . . GT:DP 1/1:10 1/1:9 0/1:8",
]
SAMPLES = ["<b>one", "two", "three"]


def test_the_row_by_hand(tmp_path: Path) -> None:
    found = compute(write_vcf(tmp_path / "c.vcf", ROWS, SAMPLES)).cohort.row(0, named=True)
    counts = {name: found[name] for name in found if name.startswith("n_")}
    assert counts == {
        "n_samples": 3, "n_variants": 6, "n_passing": 4, "n_snp": 3, "n_insertion": 1,
        "n_deletion": 1, "n_other": 1, "n_ti": 1, "n_tv": 2, "n_singleton": 2,
        "n_monomorphic": 1, "n_hwe_extreme": 0, "n_exc_het_extreme": 0,
        "n_unusual_samples": 0, "n_female": 0, "n_male": 0,
    }  # fmt: skip
    assert (found["r_ti_tv"], found["r_ti_tv_passing"]) == (0.5, None)
    assert found["call_rate"] == pytest.approx(17 / 18)
    assert json.loads(found["thresholds"])["adj"]["min_gq"] == 20
    assert found["software"].startswith("assay ")
    # af of 1/4 and 1/6, 2/6, 5/6 twice; 0 has no place.
    filled = {place: n for place, n in enumerate(json.loads(found["spectrum"])) if n}
    assert filled == {8: 1, 12: 1, 16: 1, 41: 2}


@pytest.mark.parametrize("name", ["hail_sample2.contigs", "CEU_Exon.contigs", "ashk-trio"])
def test_transitions_equal_bcftools_stats(name: str, shared_data: Path) -> None:
    text = (shared_data / f"genomics/oracle/{name}.stats.split.bcftools.txt").read_text()
    (theirs,) = re.findall(r"^TSTV\t0\t(\d+)\t(\d+)\t", text, re.M)
    ours = compute_once(shared_data / f"genomics/{name}.vcf.gz").cohort.row(0, named=True)
    assert (ours["n_ti"], ours["n_tv"]) == tuple(map(int, theirs))


def test_the_report_stands_alone_and_escapes_what_it_names(tmp_path: Path) -> None:
    # One sample of twelve has half of its genotypes missing.
    samples = ["<b>one", *(f"s{number}" for number in range(11))]
    rows = []
    for number in range(40):
        first = "./." if number % 2 else "0/1"
        others = ["./." if number == place else "0/1" for place in range(11)]
        rows.append(f"1 {number + 1} . A G 50 . . GT {' '.join([first, *others])}")
    rows.append(f"1 99 . A G 50 . . GT ./. {' '.join(['./.'] * 5 + ['0/1'] * 6)}")
    report = compute(write_vcf(tmp_path / "c.vcf", rows, samples), report=True).report
    assert report.count("<svg ") == 5
    assert "&lt;b&gt;one" in report
    assert "<b>one" not in report
    assert "s3" not in report
    assert not re.search(r"(src|href)=\"(?!data:)", report)


def test_the_long_form_has_what_observations_tell(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "sample_id": ["a", "b", "a"],
            "variant_id": ["1:5:A:G", "1:5:A:G", "1:7:A:AC"],
            "quality_score": [35.0, 25.0, 10.0],
        }
    ).write_parquet(tmp_path / "rows.parquet")
    tables = compute(tmp_path / "rows.parquet", report=True)
    found = tables.cohort.row(0, named=True)
    assert {name: found[name] for name in ("n_samples", "n_variants", "n_passing", "n_ti")} == {
        "n_samples": 2, "n_variants": 2, "n_passing": 1, "n_ti": 1,
    }  # fmt: skip
    assert {found[name] for name in ("call_rate", "n_singleton", "spectrum", "n_female")} == {None}
    assert tables.report.count("<svg ") == 1


@pytest.mark.parametrize(
    "rows", [[], ["1 5 . A G 50 . . GT ./."], ["1 5 . A . 50 . . DP 3"]], ids=len
)
def test_files_that_tell_nothing_have_a_report_too(rows: list[str], tmp_path: Path) -> None:
    tables = compute(write_vcf(tmp_path / "c.vcf", rows, ["a"]), report=True)
    assert tables.report.count("<svg ") == 5
    assert tables.cohort["call_rate"].item() in (None, 0)


def test_uniform_p_values_lie_on_the_diagonal(tmp_path: Path) -> None:
    n = 10_000
    table = pl.DataFrame({"hwe_p": [(k + 0.5) / n for k in range(n)]}).with_columns(
        passes=True, ac=1, an=2
    )
    table.write_parquet(tmp_path / "v.parquet")
    expected, observed = hwe_quantiles(tmp_path / "v.parquet")
    far = [abs(a - b) for a, b in zip(expected, observed, strict=True) if a < 3]
    assert max(far) < 0.03
