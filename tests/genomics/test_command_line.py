"""`assay genomics qc`, as it is typed."""

from pathlib import Path

import polars as pl
import pytest

from tests.genomics.vcf_text import HEADER, write_vcf
from user_code.cli import main

ROWS = ["1 100 rs1 A G 50 PASS . GT 0/0 0/1", "1 200 . C T 29 PASS . GT 0/0 0/1"]


def test_qc_leaves_the_tables_named_after_the_assets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_vcf(tmp_path / "cohort.vcf.gz", ROWS, ["s1", "s2"])
    out = tmp_path / "out"
    assert main(["genomics", "qc", str(path), "--out", str(out), "--genotypes"]) == 0
    assert {file.name: pl.read_parquet(file).height for file in out.glob("*.parquet")} == {
        "raw_genomic_data.parquet": 1,
        "quality_filtered_data.parquet": 1,
        "variant_analysis.parquet": 2,
        "sample_qc.parquet": 2,
        "cohort_qc.parquet": 1,
    }
    assert (out / "report.html").read_text().count("<svg ") == 5
    assert "2 samples, 2 records, 2 variants; kept 1" in capsys.readouterr().out


def test_the_limit_can_be_given(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "cohort.vcf", ROWS, ["s1", "s2"])
    assert main(["genomics", "qc", str(path), "--out", str(tmp_path), "--min-qual", "20"]) == 0
    assert pl.read_parquet(tmp_path / "variant_analysis.parquet")["passes"].sum() == 2
    assert not (tmp_path / "quality_filtered_data.parquet").exists()


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        ("0/5", "cohort.vcf, record 1: a genotype names an allele that ALT doesn't list"),
        ("a/b", "cohort.vcf, record 1: htslib can't read it"),
    ],
)
def test_a_refused_file_is_one_line_and_leaves_no_table(
    genotype: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_vcf(tmp_path / "cohort.vcf", [f"1 9 . A G 50 . . GT 0/1 {genotype}"], ["s1", "s2"])
    out = tmp_path / "out"
    assert main(["genomics", "qc", str(path), "--out", str(out)]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("limit", ["-1", "nan"])
def test_a_senseless_limit_is_refused(limit: str, tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "cohort.vcf", ROWS, ["s1", "s2"])
    assert main(["genomics", "qc", str(path), "--out", str(tmp_path), f"--min-qual={limit}"]) == 2


def test_tables_of_before_are_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    first = write_vcf(tmp_path / "first.vcf", ROWS, ["s1", "s2"])
    assert main(["genomics", "qc", str(first), "--out", str(out)]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_: object) -> str:
        raise OSError("no space left")

    monkeypatch.setattr("user_code.genomics.command_line.render_report", full)
    second = write_vcf(tmp_path / "second.vcf", ROWS[:1], ["s1", "s2"])
    assert main(["genomics", "qc", str(second), "--out", str(out)]) == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_file_that_changes_meanwhile_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_vcf(tmp_path / "cohort.vcf", ROWS, ["s1", "s2"])
    monkeypatch.setattr(
        "user_code.genomics.domain.inspection.Inspected.has_changed", lambda _self: True
    )
    assert main(["genomics", "qc", str(path), "--out", str(tmp_path / "out")]) == 2
    assert capfd.readouterr().err == ("assay: cohort was changed while it was read: run it again\n")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_header_without_contigs_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = "".join(line for line in HEADER.splitlines(True) if "contig" not in line)
    path = write_vcf(tmp_path / "cohort.vcf", ROWS, ["s1", "s2"], header)
    assert main(["genomics", "qc", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "the header declares no contigs" in capsys.readouterr().out
