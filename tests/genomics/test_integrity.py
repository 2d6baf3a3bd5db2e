"""Each kind of bad file is refused, with its place and what to do; nothing of it is computed."""

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pysam.bcftools
import pytest

from tests.genomics.computed import compute, compute_once
from tests.genomics.vcf_text import HEADER, vcf, write_vcf
from user_code.genomics.domain.call_set import open_call_set
from user_code.genomics.domain.inspection import InputChangedError, inspect_call_set
from user_code.genomics.domain.integrity import inspect_file
from user_code.genomics.domain.qc_pass import run_pass
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.variant_rows import QcLimits

SAMPLES = ["subject_one", "subject_two"]
ROWS = [f"1 {position} . A G 50 . . GT 0/1 1/1" for position in range(100, 3000, 10)]


def change(old: str, new: str, count: int = 1) -> Callable[[Path], None]:
    """Replaces text in a plain VCF; blanks stand for tabs."""

    def apply(path: Path) -> None:
        text = path.read_text()
        before, after = old.replace(" ", "\t"), new.replace(" ", "\t")
        assert before in text
        path.write_text(text.replace(before, after, count))

    return apply


def cut(n_bytes: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[:-n_bytes])


def regzip(path: Path) -> None:
    """Plain gzip instead of BGZF, cut in the middle."""
    whole = gzip.compress(gzip.decompress(path.read_bytes()))
    path.write_bytes(whole[: len(whole) // 2])


def flip(path: Path) -> None:
    """One wrong byte in the middle of the compressed data."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("c.vcf.gz", cut(28), r"c\.vcf\.gz, byte \d+: the BGZF end marker is missing"),
        ("c.bcf", cut(28), r"c\.bcf, byte \d+: the BGZF end marker is missing"),
        ("c.vcf.gz", regzip, r"after byte \d+: the compressed stream ends in the middle"),
        ("c.vcf.gz", flip, r"after byte \d+: the compressed stream is damaged"),
        ("c.vcf", change("1 200 . A G 50 . . GT 0/1 1/1", "1 200 . A G 50 . . GT 0/1"),
         r"c\.vcf, line 21: 10 columns where the header has 11"),
        ("c.vcf", cut(1), r"line 300: the last line has no line end"),
        ("c.vcf", cut(6), r"line 300: 10 columns where the header has 11"),
        ("c.vcf", change("1 200 .", "1 99 ."), r"line 21: the position is before the one above"),
        ("c.vcf", change("1 200 .", "X 200 ."), r"line 22: contig 1 comes a second time"),
        ("c.vcf", change("1 2990 .", "7 2990 ."), r"line 300: contig 7 is not in the header"),
        ("c.vcf", change("1 200 .", "1 3000000000 ."), r"line 21: POS is not a number below 2"),
        ("c.vcf", change("1 200 . A G 50", "1 200 . A G fifty"), r"line 21: QUAL is not a number"),
        ("c.vcf", change("GT 0/1 1/1", "GT a/b 1/1"), r"record 1: htslib can't read it"),
        ("c.vcf", change("GT 0/1 1/1", "GT 0/40000 1/1"), r"record 1: a genotype names an allele"),
        ("c.vcf", change("GT 0/1 1/1", f"GT {'/'.join('1' * 128)} 1/1"),
         r"a genotype has 128 alleles, more than 127"),
        ("c.vcf", change("1 200 .", "1 x ."), r"line 21: POS is not a number below"),
        ("c.vcf", change("subject_two", "subject_one"),
         r"line 10, column 11: a sample name stands twice"),
        ("c.vcf", change("A G 50", "A G,<NON_REF> 50"), r"line 11: this is a gVCF .*Joint-genot"),
        ("c.vcf", change("GT 0/1 1/1", "GT 0/1 1/2"), r"record 1: a genotype names an allele that"),
        ("c.vcf", change("A G 50 . . GT", "A . 50 . AA=C;END=150 GT"), r"line 11: this is a gVCF"),
        ("c.vcf", change("ID=X,length=155270560", "ID=X,length=156040895"),
         r"c\.vcf: its contigs have the lengths of GRCh37 and GRCh38"),
        ("c.vcf", change("subject_one subject_two", "subject_one "),
         r"line 10, column 11: a sample has no name"),
        ("c.vcf", change(" FORMAT subject_one subject_two", ""), r"line 10: there are no samples"),
        ("c.vcf", change("#CHROM ", "CHROM "), r"the header has no #CHROM line"),
        ("c.vcf", lambda path: path.write_bytes(b""), r"c\.vcf: the file is empty"),
        ("c.vcf", lambda path: path.write_text("a,b\n1,2\n"), r"neither VCF nor BCF"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused(
    name: str, damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = write_vcf(tmp_path / name, ROWS, SAMPLES)
    damage(path)
    with pytest.raises(RefusedInputError, match=message) as refused:
        compute(path)
    assert "subject_" not in str(refused.value)
    assert refused.value.advice.endswith(".")


def test_a_file_cut_at_a_block_boundary_in_its_middle_is_refused(tmp_path: Path) -> None:
    rows = [f"1 {position} . A G 50 . . GT 0/1 1/1" for position in range(1, 20_000)]
    path = write_vcf(tmp_path / "long.vcf.gz", rows, SAMPLES)
    blocks = [match.start() for match in re.finditer(b"\x1f\x8b\x08\x04", path.read_bytes())]
    assert len(blocks) > 4
    path.write_bytes(path.read_bytes()[: blocks[len(blocks) // 2]])
    with pytest.raises(RefusedInputError, match="end marker is missing"):
        compute(path)


def test_a_file_that_grows_while_it_is_read_is_an_error_that_passes(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf", ROWS, SAMPLES)
    inspected = inspect_call_set(open_call_set(path))
    os.utime(path, ns=(1, 1))
    tables = tmp_path / "filtered.parquet", tmp_path / "analysis.parquet"
    with pytest.raises(InputChangedError, match="c was changed while it was read"):
        run_pass(inspected, QcLimits(), *tables)
    assert not any(table.exists() for table in tables)


def test_an_index_that_counts_other_records_is_refused(tmp_path: Path) -> None:
    whole = write_vcf(tmp_path / "c.vcf.gz", ROWS, SAMPLES)
    pysam.bcftools.index("-t", str(whole), catch_stdout=False)
    assert compute(whole).raw["n_records"].item() == len(ROWS)
    write_vcf(tmp_path / "c.vcf.gz", ROWS[:-3], SAMPLES)
    with pytest.raises(RefusedInputError, match="it has 287 records, and its index counts 290"):
        compute(whole)


def test_an_unreadable_index_is_no_index(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf.gz", ROWS, SAMPLES)
    (tmp_path / "c.vcf.gz.tbi").write_bytes(b"nonsense")
    assert compute(path).raw["n_records"].item() == len(ROWS)


def test_a_file_that_expands_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf.gz", ROWS, SAMPLES)
    with pytest.raises(RefusedInputError, match=r"more than 1e-06 GB\. .* max_expanded_gb"):
        inspect_file(path, most_bytes=1000)


def test_a_row_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("user_code.genomics.domain.compressed_stream.MOST_ROW_BYTES", 10_000)
    path = tmp_path / "c.vcf.gz"
    path.write_bytes(gzip.compress(b"##" + b"x" * 100_000))
    with pytest.raises(RefusedInputError, match="one row is longer than 10,000 bytes"):
        inspect_file(path)


def test_contigs_in_two_styles_are_refused(tmp_path: Path) -> None:
    header = HEADER.replace("<ID=X,", "<ID=chrX,")
    rows = [ROWS[0], "chrX 5 . A G 50 . . GT 0/1 1/1"]
    with pytest.raises(RefusedInputError, match="chr1 and 1 name contigs side by side"):
        compute(write_vcf(tmp_path / "mixed.vcf", rows, SAMPLES, header))


def test_a_header_without_contigs_is_accepted_and_said(tmp_path: Path) -> None:
    header = "".join(line for line in HEADER.splitlines(True) if "##contig" not in line)
    raw = compute(write_vcf(tmp_path / "c.vcf", ROWS, SAMPLES, header)).raw.row(0, named=True)
    assert (raw["n_records"], raw["contigs_declared"], raw["genome_build"]) == (290, False, None)


def test_a_real_header_without_contigs_gives_the_same_tables(shared_data: Path) -> None:
    bare = compute(shared_data / "genomics/hail_sample2.vcf")
    declared = compute_once(shared_data / "genomics/hail_sample2.contigs.vcf.gz")
    # Its QUAL was rounded when the header was completed.
    assert bare.analysis.drop("qual").equals(declared.analysis.drop("qual"))
    assert bare.samples.equals(declared.samples)
    assert bare.raw["contigs_declared"].item() is False


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (["1 100 . A G 50 . . GT 0/1 1/1"], r"chr2\.vcf: contig 1 is in an earlier file"),
        (["X 5 . A G 50 . . GT 0/1 1/1", "1 9999 . A G 50 . . GT 0/1 1/1"], r"contig 1 is in an"),
        (["1 2990 . A G 50 . . GT 0/1 1/1", "X 5 . A G 50 . . GT 0/1 1/1"], None),
    ],
)
def test_files_of_a_folder_follow_each_other(
    second: list[str], message: str | None, tmp_path: Path
) -> None:
    write_vcf(tmp_path / "parts/chr1.vcf", ROWS, SAMPLES)
    path = tmp_path / "parts/chr2.vcf"
    path.write_text(vcf(second, SAMPLES, HEADER))
    if message is None:
        assert compute(tmp_path / "parts").raw["n_duplicates"].item() == 1
    else:
        with pytest.raises(RefusedInputError, match=message):
            compute(tmp_path / "parts")


def test_two_builds_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_vcf(tmp_path / "parts/chr1.vcf", ROWS, SAMPLES)
    header = HEADER.replace("249250621", "248956422").replace("155270560", "156040895")
    write_vcf(tmp_path / "parts/chrX.vcf", ["X 5 . A G 50 . . GT 0/1 1/1"], SAMPLES, header)
    with pytest.raises(RefusedInputError, match="its contigs are GRCh38's, those of the first"):
        compute(tmp_path / "parts")


def test_a_folder_with_other_samples_in_its_second_file_is_refused(tmp_path: Path) -> None:
    write_vcf(tmp_path / "parts/chr1.vcf", ROWS, SAMPLES)
    write_vcf(tmp_path / "parts/chr2.vcf", ROWS, SAMPLES[::-1])
    with pytest.raises(RefusedInputError, match=r"chr2\.vcf: its samples aren't those"):
        compute(tmp_path / "parts")


@pytest.mark.parametrize("ref", ["A", "ACGTACGTACGTACGTACGT"])
@pytest.mark.parametrize("name", ["c.vcf", "c.bcf"])
def test_a_block_of_reference_bases_is_a_gvcf_s_and_a_site_without_alt_is_not(
    ref: str, name: str, tmp_path: Path
) -> None:
    header = HEADER + '##INFO=<ID=END,Number=1,Type=Integer,Description="end">\n'
    site = f"1 100 a_long_identifier {ref} . 50 . . GT 0/0 0/0"
    assert compute(write_vcf(tmp_path / "site" / name, [site], SAMPLES, header)).raw.height == 1
    block = site.replace(" . . GT", " . END=150 GT")
    with pytest.raises(RefusedInputError, match="this is a gVCF"):
        compute(write_vcf(tmp_path / "block" / name, [block], SAMPLES, header))


@pytest.mark.parametrize("name", ["c.vcf", "c.bcf"])
def test_a_repeat_of_the_reference_s_length_is_no_block(name: str, tmp_path: Path) -> None:
    header = HEADER + (
        '##INFO=<ID=END,Number=1,Type=Integer,Description="end">\n'
        '##ALT=<ID=STR12,Description="Allele comprised of 12 repeat units">\n'
    )
    rows = ["1 100 . C . . . END=142 GT 0/0 0/0", "1 200 . C <STR12> . . END=212 GT 0/1 0/0"]
    tables = compute(write_vcf(tmp_path / name, rows, SAMPLES, header))
    assert tables.analysis["ac"].to_list() == [0, 1]


def test_a_real_gvcf_is_refused(shared_data: Path) -> None:
    with pytest.raises(RefusedInputError, match="Joint-genotype it first"):
        compute(shared_data / "genomics/HG00268.g.vcf.gz")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"sample_id": ["a"], "variant_id": ["v"]}, "the column quality_score is missing"),
        ({"sample_id": [None], "variant_id": ["v"], "quality_score": [1]}, "sample_id is empty"),
        ({"sample_id": ["a"], "variant_id": ["v"], "quality_score": ["x"]}, "is not a number"),
        ({"sample_id": [["a"]], "variant_id": ["v"], "quality_score": [1]}, "sample_id is neither"),
        ({"sample_id": ["a"], "variant_id": [0.5], "quality_score": [1]}, "variant_id is neither"),
        ({"sample_id": [b"\xff"], "variant_id": ["v"], "quality_score": [1]}, "is not UTF-8"),
    ],
)
def test_a_bad_long_form_is_refused(
    columns: dict[str, list[object]], message: str, tmp_path: Path
) -> None:
    pl.DataFrame(columns).write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(RefusedInputError, match=message):
        compute(tmp_path / "rows.parquet")


def test_a_long_form_without_rows_is_refused(tmp_path: Path) -> None:
    schema = {"sample_id": pl.String, "variant_id": pl.String, "quality_score": pl.Int64}
    pl.DataFrame(schema=schema).write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(RefusedInputError, match="in the Parquet rows: there are none"):
        compute(tmp_path / "rows.parquet")


def test_names_as_bytes_or_numbers_are_read(tmp_path: Path) -> None:
    columns = {"sample_id": [b"a", b"b"], "variant_id": [7, 7], "quality_score": [40, 50]}
    pl.DataFrame(columns).write_parquet(tmp_path / "rows.parquet")
    found = compute(tmp_path / "rows.parquet")
    assert found.samples["sample_id"].to_list() == ["a", "b"]
    assert found.analysis["variant_id"].to_list() == ["7"]


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"sample_id": ["a"], "variant_id": ["v"], "quality_score": [1]}).write_parquet(
        path
    )
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(RefusedInputError, match="can't be read as Parquet"):
        compute(path)
