"""Names in the landing zone, builds, kinds of variants."""

import pytest

from user_code.genomics.automation import landed_call_set
from user_code.genomics.domain.call_set import find_call_set
from user_code.genomics.domain.genome_build import MixedBuildsError, recognise_build
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.variant_types import is_transition, variant_type


@pytest.mark.parametrize(
    ("path", "call_set"),
    [
        ("genomics/cohort.vcf", "cohort"),
        ("genomics/cohort.vcf.gz", "cohort"),
        ("genomics/cohort.v2.vcf.bgz", "cohort.v2"),
        ("genomics/cohort.bcf", "cohort"),
        ("genomics/cohort.vcf.gz.tbi", "cohort"),
        ("genomics/raw_samples.parquet", "raw_samples"),
        ("genomics/families", "families"),
        ("genomics/notes.txt", None),
        ("genomics/reads.bam", None),
        ("genomics/a/b.vcf", None),
        ("genomics/-rf.vcf", None),
        ("genomics/.vcf", None),
    ],
)
def test_a_landed_path_names_its_call_set(path: str, call_set: str | None) -> None:
    assert landed_call_set(path) == call_set


def test_two_files_of_one_name_are_refused(tmp_path) -> None:
    (tmp_path / "cohort.vcf").touch()
    (tmp_path / "cohort.bcf").touch()
    with pytest.raises(RefusedInputError, match=r"cohort\.vcf, cohort\.bcf"):
        find_call_set(tmp_path, "cohort")


def test_a_vanished_file_is_said(tmp_path) -> None:
    with pytest.raises(RefusedInputError, match="no longer in the landing zone"):
        find_call_set(tmp_path, "cohort")


@pytest.mark.parametrize(
    ("lengths", "build"),
    [
        ({"1": 249250621}, "GRCh37"),
        ({"chr1": 248956422, "chrX": 156040895}, "GRCh38"),
        ({"chr22": 51324926}, "T2T-CHM13v2"),
        ({"1": 0}, None),
        ({}, None),
    ],
)
def test_the_build_is_told_by_lengths(lengths: dict[str, int], build: str | None) -> None:
    assert recognise_build(lengths) == build


def test_lengths_of_two_builds_are_none() -> None:
    with pytest.raises(MixedBuildsError, match="GRCh37 and GRCh38"):
        recognise_build({"1": 249250621, "2": 242193529})


@pytest.mark.parametrize(
    ("ref", "alt", "kind", "transition"),
    [
        ("A", "G", "snp", True),
        ("C", "T", "snp", True),
        ("A", "C", "snp", False),
        ("CGT", "CAT", "snp", True),
        ("AC", "GT", "mnp", None),
        ("A", "AT", "insertion", None),
        ("AT", "A", "deletion", None),
        ("CGTGTGT", "CGT", "deletion", None),
        ("AC", "GTT", "complex", None),
        ("A", "*", "star", None),
        ("A", "<DEL>", "symbolic", None),
        ("A", "A[1:5[", "symbolic", None),
        ("A", ".", "ref", None),
    ],
)
def test_kinds_of_variants(ref: str, alt: str, kind: str, transition: bool | None) -> None:
    assert variant_type(ref, alt) == kind
    assert is_transition(ref, alt) is transition
