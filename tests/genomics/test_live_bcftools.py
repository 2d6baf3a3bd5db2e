"""Generated VCFs with everything odd in them, against the bcftools that pysam brings."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pysam.bcftools
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.genomics.computed import compute
from tests.genomics.vcf_text import write_vcf

ALLELES = ["A", "G", "T", "AC", "ACGT", "*", "<DEL>"]


@st.composite
def genotypes(draw: st.DrawFn, n_alts: int) -> str:
    allele = st.integers(0, n_alts).map(str)
    ploidy = draw(st.sampled_from([1, 2, 2, 2, 3]))
    called = [draw(allele) for _ in range(ploidy)]
    missing = draw(st.sampled_from(["none", "none", "none", "all", "half"]))
    if missing == "all":
        called = ["."] * ploidy
    elif missing == "half" and ploidy == 2:
        called[draw(st.integers(0, 1))] = "."
    return draw(st.sampled_from("/|")).join(called)


@st.composite
def rows(draw: st.DrawFn, n_samples: int) -> list[str]:
    made = []
    for position in range(100, 100 + draw(st.integers(1, 8))):
        alts = draw(st.lists(st.sampled_from(ALLELES), min_size=1, max_size=3, unique=True))
        n_fields = draw(st.sampled_from([4, 4, 4, 3, 2, 1]))
        fields = ["GT", *draw(st.permutations(["DP", "GQ", "AD"]))][:n_fields]
        # Around the thresholds of high quality, with its allele balance of 0.2 met exactly, too.
        reads = st.sampled_from([".", "0", "2", "2", "3", "9", "10", "10", "12", "40"])
        by_allele = st.lists(reads, min_size=len(alts) + 1, max_size=len(alts) + 1)
        values = {
            "GT": genotypes(len(alts)),
            "DP": st.sampled_from(["10", "50", "10", "9", "4", "5", ".", "0"]),
            "GQ": st.sampled_from(["20", "99", "20", "19", "0", "."]),
            "AD": st.one_of(by_allele.map(",".join), by_allele.map(",".join), st.just(".")),
        }
        samples = [":".join(draw(values[field]) for field in fields) for _ in range(n_samples)]
        qual = draw(st.sampled_from([".", "12.5", "30", "99"]))
        row = ["1", str(position), ".", "C", ",".join(alts), qual, ".", ".", ":".join(fields)]
        made.append(" ".join([*row, *samples]))
    return made


ADJ_HET = 'GT="het" & FMT/GQ>=20 & FMT/DP>=10 & FMT/AD[*:1]>=0.2*FMT/DP'
QUERY = f'%ALT\t%AC\t%AN\t%N_PASS(GT="het")\t%N_PASS(GT="AA")\t%QUAL\t%N_PASS({ADJ_HET})\n'


def bcftools_counts(path: Path, samples: list[str]) -> list[list[str]]:
    split, counted = path.with_name("split.bcf"), path.with_name("counted.bcf")
    pysam.bcftools.norm("-m", "-any", "-Ob", "-o", str(split), str(path), catch_stdout=False)
    pysam.bcftools.view(
        "-s", ",".join(samples), "-Ob", "-o", str(counted), str(split), catch_stdout=False
    )
    text = pysam.bcftools.query("-f", QUERY, str(counted))
    return [line.split("\t") for line in text.splitlines()]


@settings(max_examples=25, deadline=None)
@given(data=st.data(), form=st.sampled_from(["vcf", "vcf.gz", "bcf"]))
def test_counts_equal_bcftools(data: st.DataObject, form: str) -> None:
    samples = [f"s{number}" for number in range(data.draw(st.integers(1, 6)))]
    with TemporaryDirectory() as folder:
        path = write_vcf(Path(folder) / f"made.{form}", data.draw(rows(len(samples))), samples)
        theirs = bcftools_counts(path, samples)
        ours = compute(path, cells_per_block=7).analysis
    assert ours["alt"].to_list() == [row[0] for row in theirs]
    assert ours["ac"].to_list() == [int(row[1]) for row in theirs]
    assert ours["an"].to_list() == [int(row[2]) for row in theirs]
    assert ours["n_het"].to_list() == [int(row[3]) for row in theirs]
    assert ours["n_hom_alt"].to_list() == [int(row[4]) for row in theirs]
    assert ours["n_het_adj"].to_list() == [int(row[6]) for row in theirs]
    assert [row["qual"] for row in ours.to_dicts()] == [
        None if row[5] == "." else float(row[5]) for row in theirs
    ]


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_halves_of_the_samples_add_up_to_the_whole(data: st.DataObject) -> None:
    samples = ["s1", "s2", "s3", "s4"]
    made = data.draw(rows(4))
    with TemporaryDirectory() as folder:
        whole = write_vcf(Path(folder) / "whole.vcf", made, samples)
        halves = []
        for name, columns in {"left": (9, 10), "right": (11, 12)}.items():
            part = [
                " ".join([*row.split()[:9], *(row.split()[column] for column in columns)])
                for row in made
            ]
            halves.append(write_vcf(Path(folder) / f"{name}.vcf", part, samples[:2]))
        left, right = (compute(half).analysis for half in halves)
        total = compute(whole).analysis
    for column in ("ac", "an", "n_called", "n_het", "n_hom_ref", "n_hom_alt", "n_hemi"):
        assert (left[column] + right[column]).to_list() == total[column].to_list(), column


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_halves_of_the_variants_add_up_to_the_whole(data: st.DataObject) -> None:
    samples = ["s1", "s2", "s3"]
    made = data.draw(rows(3))
    cut = data.draw(st.integers(0, len(made)))
    with TemporaryDirectory() as folder:
        whole, left, right = (
            compute(write_vcf(Path(folder) / f"{name}.vcf", part, samples))
            for name, part in {"whole": made, "left": made[:cut], "right": made[cut:]}.items()
        )
    assert whole.analysis.equals(left.analysis.vstack(right.analysis))
    counts = [name for name in whole.samples.columns if name.startswith("n_")]
    for name in counts:
        total = left.samples[name] + right.samples[name]
        assert total.to_list() == whole.samples[name].to_list(), name
