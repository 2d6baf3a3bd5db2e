"""What passes of a call set as one file: the same content for every batch size, in every form."""

from pathlib import Path

import polars as pl
import pysam.bcftools
import pytest

from tests.genomics.vcf_text import HEADER, write_vcf
from user_code.genomics.domain.call_set import open_call_set
from user_code.genomics.domain.export import FORMATS, choose_samples, export
from user_code.genomics.domain.inspection import Inspected, inspect_call_set
from user_code.genomics.domain.refusals import RefusedInputError

ROWS = [
    "1 1 rs1 A G 50 . . GT:DP 0/1:10 0|0:9 ./.:.",
    "1 2 . A C,T 30 PASS . GT:DP 1/2:10 0/0:9 0/1:8",
    "1 3 . A AT 29.9 . . GT:DP 0/0:10 0/0:9 0/0:8",
    "1 4 . A C . . . GT:DP 0/0:10 0/0:9 0/0:8",
    "X 4 . AT A 99 q10 . GT:DP 1:10 1/1:9 0/1:8",
]
SAMPLES = ["s,1", "s2", "s3"]


def inspected(folder: Path, rows: list[str] = ROWS, header: str = HEADER) -> Inspected:
    path = write_vcf(folder / "in/c.vcf.gz", rows, SAMPLES, header)
    return inspect_call_set(open_call_set(path))


def test_csv_has_a_column_for_each_sample(tmp_path: Path) -> None:
    out = tmp_path / "c.csv"
    assert export(inspected(tmp_path), out, "csv").rows == 4
    assert out.read_text() == (
        'chrom,pos,ref,alt,variant_id,site_id,qual,filter,"s,1",s2,s3\n'
        "1,1,A,G,1:1:A:G,rs1,50.0,.,1,0,\n"
        "1,2,A,C,1:2:A:C,,30.0,PASS,1,0,1\n"
        "1,2,A,T,1:2:A:T,,30.0,PASS,1,0,0\n"
        "X,4,AT,A,X:4:AT:A,,99.0,q10,1,2,1\n"
    )


def test_vcf_holds_the_passing_records_as_bcftools_views_them(tmp_path: Path) -> None:
    call_set = inspected(tmp_path)
    assert export(call_set, tmp_path / "c.vcf.gz", "vcf.gz").rows == 3
    theirs = pysam.bcftools.view("-H", "-i", "QUAL>=30", str(call_set.call_set.files[0]))
    assert pysam.bcftools.view("-H", str(tmp_path / "c.vcf.gz")) == theirs
    pysam.bcftools.index("-t", str(tmp_path / "c.vcf.gz"), catch_stdout=False)


@pytest.mark.parametrize("output_format", FORMATS)
def test_from_0_on_all_is_written_also_without_quality(output_format: str, tmp_path: Path) -> None:
    rows = ["1 1 . A G . . . GT 0/1 0/0 0/0", "1 2 . A G 0 . . GT 0/1 0/0 0/0"]
    call_set, out = inspected(tmp_path, rows), tmp_path / "all.out"
    assert export(call_set, out, output_format, min_quality_score=0).rows == 2
    assert export(call_set, out, output_format, min_quality_score=0.1).rows == 0


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_content_does_not_depend_on_the_batch_size(output_format: str, tmp_path: Path) -> None:
    call_set = inspected(tmp_path)
    contents = []
    for batch_size in (1, 2, 1000):
        out = tmp_path / f"{batch_size}.out"
        export(call_set, out, output_format, batch_size=batch_size)
        contents.append(
            pl.read_parquet(out).rows() if output_format == "parquet" else out.read_bytes()
        )
    assert contents[0] == contents[1] == contents[2]


def test_samples_can_be_chosen_and_counts_of_the_whole_cohort_are_left_out(tmp_path: Path) -> None:
    header = HEADER + '##INFO=<ID=AC,Number=A,Type=Integer,Description="x">\n'
    header += '##INFO=<ID=MQ,Number=1,Type=Integer,Description="x">\n'
    rows = ["1 1 . A G 50 . AC=3;MQ=7 GT 0/1 1/1 0/0"]
    path = write_vcf(tmp_path / "in/c.vcf.gz", rows, ["s1", "s2", "s3"], header)
    call_set = inspect_call_set(open_call_set(path))
    chosen = choose_samples(call_set, ["s3", "s2"], ["s2"])
    assert chosen == ["s3"]
    export(call_set, tmp_path / "c.csv", "csv", samples=chosen)
    assert (tmp_path / "c.csv").read_text().endswith("filter,s3\n1,1,A,G,1:1:A:G,,50.0,.,0\n")
    export(
        call_set, tmp_path / "c.vcf.gz", "vcf.gz", samples=choose_samples(call_set, None, ["s2"])
    )
    (line,) = pysam.bcftools.view("-H", str(tmp_path / "c.vcf.gz")).splitlines()
    assert line.split("\t")[7:] == ["MQ=7", "GT", "0/1", "0/0"]
    assert pysam.bcftools.view("-h", str(tmp_path / "c.vcf.gz")).endswith("FORMAT\ts1\ts3\n")


def test_a_header_without_contigs_is_completed(tmp_path: Path) -> None:
    header = "".join(line for line in HEADER.splitlines(True) if "##contig" not in line)
    path = write_vcf(tmp_path / "in/c.vcf", ROWS, SAMPLES, header)
    export(inspect_call_set(open_call_set(path)), tmp_path / "c.vcf.gz", "vcf.gz")
    pysam.bcftools.view("-Ob", "-o", str(tmp_path / "c.bcf"), str(tmp_path / "c.vcf.gz"),
                        catch_stdout=False)  # fmt: skip
    assert "##contig=<ID=X>" in pysam.bcftools.view("-h", str(tmp_path / "c.bcf"))


@pytest.mark.parametrize(
    ("keep", "remove", "message"),
    [
        (["s2", "subject"], [], r"1 of the listed samples aren't in it"),
        (None, SAMPLES, r"no sample is left"),
        (["s,1"], [], r"has a comma in it"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(
    keep: list[str] | None, remove: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(RefusedInputError, match=message) as refused:
        choose_samples(inspected(tmp_path), keep, remove)
    assert "subject" not in str(refused.value)


def test_the_long_form_has_observations_and_no_vcf(tmp_path: Path) -> None:
    pl.DataFrame(
        {"sample_id": ["a", "b"], "variant_id": ["v", "v"], "quality_score": [35.0, 25.0]}
    ).write_parquet(tmp_path / "rows.parquet")
    call_set = inspect_call_set(open_call_set(tmp_path / "rows.parquet"))
    assert export(call_set, tmp_path / "c.csv", "csv", min_quality_score=20).rows == 2
    assert export(call_set, tmp_path / "c.parquet", "parquet").rows == 1
    with pytest.raises(RefusedInputError, match="no genotypes"):
        export(call_set, tmp_path / "c.vcf.gz", "vcf.gz")
    assert not (tmp_path / "c.vcf.gz").exists()
    chosen = choose_samples(call_set, None, ["a"])
    assert export(call_set, tmp_path / "c.csv", "csv", samples=chosen).rows == 0
