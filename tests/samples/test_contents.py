"""What is in the samples: a cohort with flaws, feeds with planted faults and else plausible."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from datetime import date
from pathlib import Path

import cyvcf2
import pytest

from samples import bgzf, cohort, transactions

UNTIL = date(2025, 3, 31)


@pytest.fixture(scope="module")
def cohort_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cohort") / "demo.vcf.gz"
    path.write_bytes(bgzf.compress(cohort.vcf_text(seed=1).encode()))
    return path


@pytest.fixture(scope="module")
def files() -> list[transactions.DayFile]:
    return list(transactions.day_files(UNTIL, seed=1))


@pytest.mark.parametrize("size", [0, 1, bgzf.BLOCK_BYTES, bgzf.BLOCK_BYTES + 1])
def test_bgzf_is_gzip_that_ends_with_the_marker(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)

    packed = bgzf.compress(data[:size])

    assert packed.endswith(bgzf.END_MARKER)
    assert gzip.decompress(packed) == data[:size]


def test_htslib_reads_50_samples_by_2000_sites_in_order(cohort_file: Path) -> None:
    vcf = cyvcf2.VCF(str(cohort_file))
    places = [(vcf.seqnames.index(v.CHROM), v.POS) for v in vcf]

    assert tuple(vcf.samples) == cohort.SAMPLES
    assert len(places) == cohort.VARIANTS
    assert places == sorted(places)


def test_the_cohort_has_low_quality_and_multiallelic_sites_and_poor_samples(
    cohort_file: Path,
) -> None:
    missing: Counter[str] = Counter()
    low = multiallelic = 0
    for variant in cyvcf2.VCF(str(cohort_file)):
        low += variant.QUAL < 30
        multiallelic += len(variant.ALT) > 1
        missing.update(
            sample
            for sample, kind in zip(cohort.SAMPLES, variant.gt_types, strict=True)
            if kind == 2
        )

    assert 150 < low < 350
    assert 30 < multiallelic < 100
    assert {sample for sample, _ in missing.most_common(3)} == cohort.POOR_SAMPLES


def test_every_ordinary_day_has_1000_to_1600_rows(files: list[transactions.DayFile]) -> None:
    planted = {transactions.DOUBLED, transactions.OUTAGE}
    for file in files:
        rows = len(file.text.splitlines()) - 1
        if (file.source, (UNTIL - file.day).days) not in planted:
            assert 1_000 <= rows <= 1_600, file.path


def test_the_doubled_day_repeats_its_bookings_under_new_ids(
    files: list[transactions.DayFile],
) -> None:
    (text,) = [f.text for f in files if (f.source, (UNTIL - f.day).days) == transactions.DOUBLED]
    rows = list(csv.DictReader(io.StringIO(text)))
    half = len(rows) // 2

    assert len({row["transaction_id"] for row in rows}) == len(rows) > 2_000
    same = sum(a["amount"] == b["amount"] for a, b in zip(rows[:half], rows[half:], strict=True))
    assert same > 0.99 * half


def test_about_one_row_in_a_thousand_is_bad(files: list[transactions.DayFile]) -> None:
    rows = [row for file in files for row in csv.DictReader(io.StringIO(file.text))]
    bad = sum(
        row["amount"] in ("", "12,5O")
        or row["currency"] not in ("EUR", "USD", "GBP")
        or row["booked_at"].startswith("2025-02-30")
        for row in rows
    )

    assert 0.0007 < bad / len(rows) < 0.0013
