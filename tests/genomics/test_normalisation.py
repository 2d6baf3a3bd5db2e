"""Left-alignment and the check of reference alleles, against the bcftools that pysam brings."""

import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pysam.bcftools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.genomics.computed import compute
from tests.genomics.vcf_text import HEADER, write_vcf
from user_code.cli import main
from user_code.genomics.domain.normalisation import check_reference
from user_code.genomics.domain.refusals import RefusedInputError

LETTERS = random.Random(7)
# Repeats, in which insertions and deletions can be moved.
SEQUENCE = "".join(LETTERS.choice("ACGT") * LETTERS.randint(1, 5) for _ in range(150))
SAMPLES = ["a", "b"]


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "tiny.fa"
    path.write_text(f">1\n{SEQUENCE}\n>X\n{SEQUENCE}\n")
    check_reference(path)
    return path


@st.composite
def records(draw: st.DrawFn) -> list[str]:
    """SNPs, insertions and deletions at sorted positions, one or two alternate alleles."""
    made = []
    for pos in sorted(draw(st.sets(st.integers(1, len(SEQUENCE) - 8), min_size=1, max_size=8))):
        ref = SEQUENCE[pos - 1 : pos - 1 + draw(st.integers(1, 5))]
        alts = set(draw(st.lists(st.text("ACGT", min_size=1, max_size=5), min_size=1, max_size=2)))
        alts = {ref[0] + alt[1:] if len(ref) + len(alt) > 2 else alt for alt in alts} - {ref}
        if alts:
            genotypes = [draw(st.sampled_from(["0/1", "1/1", "./.", "0/0"])) for _ in SAMPLES]
            made.append(f"1 {pos} . {ref} {','.join(sorted(alts))} 50 . . GT {' '.join(genotypes)}")
    return made


@settings(max_examples=40)
@given(rows=records(), form=st.sampled_from(["vcf", "vcf.gz", "bcf"]))
def test_variants_equal_those_of_bcftools_norm(
    rows: list[str], form: str, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("norm")
    path = write_vcf(folder / f"c.{form}", rows, SAMPLES)
    theirs = folder / "theirs.vcf"
    pysam.bcftools.norm(
        "-m", "-any", "-f", str(reference), "-Ov", "-o", str(theirs), str(path), catch_stdout=False
    )
    expected = [
        tuple(line.split("\t")[column] for column in (1, 3, 4))
        for line in theirs.read_text().splitlines()
        if not line.startswith("#")
    ]
    tables = compute(path, reference=reference)
    ours = tables.analysis.select("pos", "ref", "alt").rows()
    assert [(str(pos), ref, alt) for pos, ref, alt in ours] == expected
    facts = tables.raw.row(0, named=True)
    assert facts["n_records"] == len(rows)
    assert facts["n_multiallelic"] == sum("," in row.split()[4] for row in rows)
    assert facts["n_duplicates"] == len(ours) - len(set(ours))
    assert facts["reference"] == "tiny.fa"
    assert [file.name for file in folder.glob(".*")] == []


def moved_pair() -> list[str]:
    """The same deletion of one base of a run, written at its left end and further right."""
    place = next(i for i in range(5, 100) if len(set(SEQUENCE[i : i + 3])) == 1
                 and SEQUENCE[i - 1] != SEQUENCE[i])  # fmt: skip
    left, right = SEQUENCE[place - 1 : place + 1], SEQUENCE[place : place + 2]
    return [
        f"1 {place} . {left} {left[0]} 50 . . GT 0/1 0/0",
        f"1 {place + 1} . {right} {right[0]} 50 . . GT 0/0 0/1",
    ]


def test_what_was_moved_and_became_a_duplicate_is_counted(reference: Path, tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf", moved_pair(), SAMPLES)
    found = compute(path, reference=reference).raw.row(0, named=True)
    assert (found["n_realigned"], found["n_duplicates"]) == (1, 1)
    without = compute(path).raw.row(0, named=True)
    assert (without["n_realigned"], without["n_duplicates"], without["reference"]) == (
        None,
        0,
        None,
    )


def test_duplicates_are_counted_across_blocks(tmp_path: Path) -> None:
    rows = ["1 5 . A G 50 . . GT 0/1 0/0", "1 5 . A C 50 . . GT 0/1 0/0"] * 3
    rows += ["1 6 . A G 50 . . GT 0/1 0/0"] * 2
    path = write_vcf(tmp_path / "c.vcf", rows, SAMPLES)
    for cells in (1, 6, 1000):
        assert compute(path, cells_per_block=cells).raw["n_duplicates"].item() == 5


def test_an_allele_s_own_reads_decide_though_ad_is_declared_with_any_number(
    reference: Path, tmp_path: Path
) -> None:
    base = SEQUENCE[9]
    alts = [letter for letter in "ACGT" if letter != base][:2]
    row = f"1 10 . {base} {','.join(alts)} 50 . . GT:GQ:DP:AD 1/2:50:20:0,19,1 0/2:50:20:10,0,10"
    header = HEADER.replace("ID=AD,Number=R", "ID=AD,Number=.")
    header = "".join(line for line in header.splitlines(True) if "##contig" not in line)
    path = write_vcf(tmp_path / "c.vcf", [row], SAMPLES, header)
    expected = compute(path).analysis
    assert expected["ac_adj"].to_list() == [1, 1]
    assert compute(path, reference=reference).analysis.equals(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda row: " ".join([*row.split()[:3], "TTTTT", "T", *row.split()[5:]]),
            r"c\.vcf, 1:\d+: the reference allele isn't that of tiny\.fa",
        ),
        (lambda row: row.replace("1 ", "7 ", 1), r"contig 7: tiny\.fa has no such contig"),
    ],
)
def test_another_reference_is_noticed(
    change: Callable[[str], str], message: str, reference: Path, tmp_path: Path
) -> None:
    header = HEADER + "##contig=<ID=7,length=1000>\n"
    row = change(moved_pair()[0])
    path = write_vcf(tmp_path / "c.vcf", [row], SAMPLES, header)
    with pytest.raises(RefusedInputError, match=message):
        compute(path, reference=reference)


def test_the_command_takes_a_reference_and_limits(reference: Path, tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf", moved_pair(), SAMPLES)
    (tmp_path / "limits.toml").write_text("min_qual = 60\nadj_min_gq = 10\n")
    command = ["genomics", "qc", str(path), "--out", str(tmp_path / "out")]
    extra = ["--reference", str(reference), "--config", str(tmp_path / "limits.toml")]
    assert main([*command, *extra]) == 0
    found = pl.read_parquet(tmp_path / "out/raw_genomic_data.parquet").row(0, named=True)
    assert (found["n_realigned"], found["n_passing"], found["min_qual"]) == (1, 0, 60)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("min_quality = 3", "limits.toml, min_quality: there is no such setting"),
        ("min_qual = -3", "limits.toml, min_qual: it isn't a number from 0"),
        ("min_qual = true", "limits.toml, min_qual: it isn't a number from 0"),
        ("keep_missing_quality = 3", "keep_missing_quality: it is neither true nor false"),
        ("min_qual", "limits.toml: it can't be read"),
        ("min_qual = inf", "limits.toml, min_qual: it isn't a number from 0"),
        ("outlier_mads = 0", "limits.toml, outlier_mads: it isn't a number above 0"),
        ("adj_min_allele_balance = 2", "adj_min_allele_balance: it isn't a number from 0 to 1"),
    ],
)
def test_a_wrong_limit_is_named(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_vcf(tmp_path / "c.vcf", moved_pair(), SAMPLES)
    (tmp_path / "limits.toml").write_text(text)
    command = ["genomics", "qc", str(path), "--out", str(tmp_path / "out")]
    assert main([*command, "--config", str(tmp_path / "limits.toml")]) == 2
    assert message in capsys.readouterr().err


def test_a_file_of_limits_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_vcf(tmp_path / "c.vcf", moved_pair(), SAMPLES)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.toml").mkdir()
    for name in ("bytes.toml", "folder.toml", "absent.toml"):
        command = ["genomics", "qc", str(path), "--out", str(tmp_path / "out")]
        assert main([*command, "--config", str(tmp_path / name)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"assay: {name}: it can't be read")
        assert error.count("\n") == 1


def test_an_absent_reference_is_said(tmp_path: Path) -> None:
    with pytest.raises(RefusedInputError, match=r"absent\.fa: there is no such file"):
        check_reference(tmp_path / "absent.fa")
