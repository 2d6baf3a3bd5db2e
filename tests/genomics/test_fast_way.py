"""The fast way against the general way: the same tables, or left to the general way."""

import hashlib
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from samples.bgzf import END_MARKER, compress
from tests.genomics.computed import Tables, compute
from tests.genomics.test_live_bcftools import rows
from tests.genomics.vcf_text import HEADER, write_vcf
from user_code.genomics.domain import call_set_pass, text_chunks
from user_code.genomics.domain.refusals import RefusedInputError

SAMPLES = ["s1", "s2", "s3", "s4"]
REAL = [
    "CEU_Exon.contigs", "CEU_Exon", "ashk-trio", "hail_sample2.contigs", "mixed_ploidy", "triploid",
]  # fmt: skip


def outcome(path: Path, fast: bool) -> Tables | str:
    try:
        return compute(path, fast_from=0 if fast else float("inf"))
    except RefusedInputError as error:
        return str(error)


def assert_both_ways_agree(path: Path) -> None:
    fast, general = outcome(path, True), outcome(path, False)
    if isinstance(fast, str) or isinstance(general, str):
        assert fast == general
        return
    pairs = [
        (fast.analysis, general.analysis),
        (fast.filtered, general.filtered),
        (fast.samples, general.samples),
        (fast.raw.drop("reader"), general.raw.drop("reader")),
        (fast.cohort.drop("software"), general.cohort.drop("software")),
    ]
    for ours, theirs in pairs:
        assert_frame_equal(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str, shared_data: Path) -> None:
    assert_both_ways_agree(shared_data / f"genomics/{name}.vcf.gz")


INFO = """##INFO=<ID=DP,Number=1,Type=Integer,Description="depth">
##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">
##INFO=<ID=DB,Number=0,Type=Flag,Description="known">
##INFO=<ID=NOTE,Number=.,Type=String,Description="text">
"""
MIXED = [
    "1 100 rs1 A G 50 PASS DP=30;AF=0.5;DB;NOTE=a,b GT:AD:DP:GQ 0/1:10,2:12:40 1|1:0,9:9:99 "
    "./.:.:.:. 0/0:20,0:20:60",
    "1 100 . A AT,C 1e3 q10 . GT:GQ:DP:AD 1/2:30:20:0,10,10 0/2:.:20:9,1,10 0|0 2/2:20:10:0,0,10",
    "1 300 . AC A . . . GT 0/. ./1 0/1 1/1",
    "X 3000000 . C T 31.5 . . GT:DP:GQ 0:6:30 1:4:30 0/1:10:20 0|0:9:99",
    "X 3000001 . C . 31.5 . . GT:DP:GQ 0:6:30 0:4:30 0/0:10:20 .:9:99",
]


def test_the_usual_goes_the_fast_way(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf.gz", MIXED, SAMPLES, HEADER + INFO)
    assert compute(path, fast_from=0).raw["reader"].item().startswith("numba")
    assert_both_ways_agree(path)


def bgzip(text: bytes, path: Path, size: int) -> Path:
    """Written in blocks of `size` bytes."""
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    path.write_bytes(b"".join(compress(part)[: -len(END_MARKER)] for part in parts) + END_MARKER)
    return path


def test_blocks_and_chunks_of_blocks_may_end_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = write_vcf(tmp_path / "c.vcf", MIXED, SAMPLES, HEADER + INFO).read_bytes()
    path = tmp_path / "c.vcf.gz"
    for size, blocks in [*((size, 1) for size in range(11, 311, 20)), (7, 5), (50, 2), (2000, 1)]:
        monkeypatch.setattr(text_chunks, "BLOCKS", blocks)
        found = compute(bgzip(text, path, size), fast_from=0)
        assert found.raw["reader"].item().startswith("numba")
        assert found.raw["sha256"].item() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert_both_ways_agree(bgzip(text, path, 11))


def test_damaged_blocks_go_the_general_way(tmp_path: Path) -> None:
    text = write_vcf(tmp_path / "c.vcf", MIXED, SAMPLES, HEADER + INFO).read_bytes()
    path = bgzip(text, tmp_path / "c.vcf.gz", 200)
    whole = path.read_bytes()
    chance = random.Random(5)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole) - len(END_MARKER))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert_both_ways_agree(path)


@pytest.mark.parametrize("form", ["c.vcf", "c.vcf.gz"])
def test_a_last_line_without_its_end_goes_the_general_way(form: str, tmp_path: Path) -> None:
    text = write_vcf(tmp_path / "c.vcf", MIXED, SAMPLES, HEADER + INFO).read_bytes()[:-1]
    path = tmp_path / form
    if form == "c.vcf":
        path.write_bytes(text)
    else:
        bgzip(text, path, 200)
    found = outcome(path, True)
    assert isinstance(found, str) or found.raw["reader"].item().startswith("cyvcf2")
    assert_both_ways_agree(path)


def test_chunks_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_vcf(tmp_path / "c.vcf", MIXED, SAMPLES, HEADER + INFO)
    for size in range(1, 400, 3):
        monkeypatch.setattr(text_chunks, "CHUNK_BYTES", size)
        assert compute(path, fast_from=0).raw["reader"].item().startswith("numba")
    monkeypatch.setattr(text_chunks, "CHUNK_BYTES", 7)
    assert_both_ways_agree(path)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), form=st.sampled_from(["vcf", "vcf.gz", "bcf"]))
def test_made_up_files(data: st.DataObject, form: str) -> None:
    samples = [f"s{number}" for number in range(data.draw(st.integers(1, 6)))]
    with TemporaryDirectory() as folder:
        made = data.draw(rows(len(samples)))
        assert_both_ways_agree(write_vcf(Path(folder) / f"made.{form}", made, samples))


def test_a_gvcf_and_two_builds_are_refused_both_ways(tmp_path: Path) -> None:
    block = write_vcf(tmp_path / "g.vcf", ["1 9 . A . . . END=20 GT 0/0 0/0 0/0 0/0"], SAMPLES)
    header = HEADER.replace("155270560", "156040895")
    builds = write_vcf(tmp_path / "b.vcf", ["1 9 . A G 9 . . GT 0/0 0/0 0/0 0/1"], SAMPLES, header)
    for path in (block, builds):
        assert isinstance(outcome(path, True), str)
        assert_both_ways_agree(path)


def test_one_wrong_byte_anywhere(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf", MIXED, SAMPLES, HEADER + INFO)
    whole = path.read_bytes()
    body = whole.index(b"#CHROM")
    chance = random.Random(7)
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[chance.randrange(body, len(whole))] = chance.choice(b"\t\n.:/|,;<*0129-+eAGx \xff")
        path.write_bytes(damaged)
        assert_both_ways_agree(path)


def test_small_files_go_the_general_way(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "c.vcf.gz", MIXED, SAMPLES, HEADER + INFO)
    found = compute(path, fast_from=call_set_pass.FAST_FROM_BYTES)
    assert found.raw["reader"].item().startswith("cyvcf2")
