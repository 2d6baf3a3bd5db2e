"""Exact tests and counts against `bcftools +fill-tags`, where a bcftools with plugins is installed.

The one that pysam brings has no plugins. Ploidies above two are left out: the plugin counts two
alleles of each genotype.
"""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.genomics.computed import compute
from tests.genomics.vcf_text import write_vcf

TAGS = {
    "HWE": "hwe_p", "ExcHet": "exc_het_p", "AC": "ac", "AN": "an", "NS": "n_called",
    "AC_Het": "n_het", "AC_Hemi": "n_hemi",
}  # fmt: skip


@pytest.fixture(scope="module")
def bcftools() -> str:
    found = shutil.which("bcftools")
    if not found:
        pytest.skip("no bcftools on PATH; only one with plugins has +fill-tags")
    listed = subprocess.run([found, "plugin", "-l"], capture_output=True, text=True)
    if "fill-tags" not in listed.stdout:
        pytest.skip("the bcftools on PATH has no plugin fill-tags")
    return found


@pytest.mark.parametrize(
    "genotypes",
    [
        ["0/0"] * 6 + ["0/1"] * 4 + ["1/1"] * 2 + ["./."],
        ["0/0", "0|1", "1/1", "./1", "0/.", "./."],
        ["0", "1", ".", "0/1", "1/1", "0/0"],
    ],
    ids=["diploid", "half-missing", "haploid"],
)
def test_counts_and_exact_tests_equal(genotypes: list[str], bcftools: str, tmp_path: Path) -> None:
    chance = random.Random(3)
    samples = [f"s{number}" for number in range(30)]
    rows = [
        f"1 {position} . A G 50 . . GT {' '.join(chance.choices(genotypes, k=len(samples)))}"
        for position in range(1, 201)
    ]
    path = write_vcf(tmp_path / "c.vcf", rows, samples)
    filled = tmp_path / "filled.bcf"
    plugin = [bcftools, "+fill-tags", path, "-Ob", "-o", filled, "--", "-t", ",".join(TAGS)]
    subprocess.run(plugin, check=True, capture_output=True)
    query = [bcftools, "query", "-f", " ".join(f"%{tag}" for tag in TAGS) + "\n", filled]
    text = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    ours = compute(path).analysis.select(TAGS.values()).rows()
    for row, line in zip(ours, text.splitlines(), strict=True):
        assert row == pytest.approx([float(number) for number in line.split()], rel=1e-5)
