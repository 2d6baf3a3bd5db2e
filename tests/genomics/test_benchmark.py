"""What the benchmark measures on: the made-up cohort, and the table of its figures."""

from pathlib import Path

from benchmarks.genomics import long_form
from benchmarks.genomics.__main__ import table
from benchmarks.genomics.generate import decompress_only, generate, repeat, write_reference
from benchmarks.genomics.peer_loops import cyvcf2
from benchmarks.genomics.peers import Cost
from tests.genomics.computed import compute


def test_the_made_up_cohort_is_whole_sorted_and_always_the_same(tmp_path: Path) -> None:
    path = generate(tmp_path / "c.vcf.gz", n_samples=40, n_variants=300)
    tables = compute(path)
    facts = tables.raw.row(0, named=True)
    assert (facts["n_samples"], facts["n_records"], facts["n_duplicates"]) == (40, 300, 0)
    assert tables.samples["call_rate"].mean() > 0.95
    assert cyvcf2(str(path))[0] == 300
    assert decompress_only(path) > path.stat().st_size
    again = generate(tmp_path / "again.vcf.gz", n_samples=40, n_variants=300)
    assert again.read_bytes() == path.read_bytes()


def test_a_longer_file_and_its_reference_belong_to_it(tmp_path: Path) -> None:
    path = generate(tmp_path / "c.vcf.gz", n_samples=20, n_variants=50)
    longer = compute(repeat(path, tmp_path / "long.vcf.gz", 3)).analysis
    assert longer["chrom"].to_list() == ["1"] * 50 + ["2"] * 50 + ["3"] * 50
    assert longer["ac"].to_list() == 3 * compute(path).analysis["ac"].to_list()
    reference = write_reference(path, tmp_path / "reference.fa")
    assert compute(path, reference=reference).raw["n_realigned"].item() == 0


def test_the_table_compares_medians() -> None:
    costs = {
        "decompression alone": [Cost(1, 1, 10)],
        "assay genomics qc": [Cost(4, 4, 100), Cost(2, 2, 100), Cost(9, 90, 300)],
        "peer": [Cost(8, 8, 50)],
    }
    assert table(costs).splitlines()[-1] == (
        "| peer | 8.0 s | 8.0 s | 50 MB | 2.00 × | 2.00 × | 8.0 × |"
    )


def test_all_ways_to_ask_the_long_form_agree(tmp_path: Path) -> None:
    landed = long_form.generate(tmp_path / "landed", n_samples=5, n_rows=40)
    stored = tmp_path / "stored.parquet"
    compute(landed).filtered.write_parquet(stored)
    answers = {
        long_form.answer(way, stored if way == long_form.STORED else landed)
        for way in (long_form.EAGER, long_form.STREAM, long_form.LANDED, long_form.STORED)
    }
    assert len(answers) == 1
