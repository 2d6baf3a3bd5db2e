"""What a VCF header declares: samples, contigs, and whether repeats are called."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from user_code.genomics.domain.refusals import RefusedInputError

_CONTIG = re.compile(r"##contig=<(.*)>\s*$")
_REPEAT = re.compile(r"##ALT=<ID=STR\d+,")
_FIXED = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]


@dataclass
class VcfHeader:
    """Sample names in column order; contig lengths by name (0 where the header gives none).

    `calls_repeats`: alleles like <STR12> are declared, as ExpansionHunter and its kin do.
    """

    samples: list[str]
    contigs: dict[str, int] = field(default_factory=dict)
    calls_repeats: bool = False


def read_header(lines: Iterable[str], file_name: str) -> VcfHeader:
    """Read the header's lines up to and with #CHROM.

    Raises RefusedInputError where #CHROM is missing or malformed, without samples, or with the
    same sample twice.
    """
    contigs: dict[str, int] = {}
    calls_repeats = False
    for number, line in enumerate(lines, start=1):
        if match := _CONTIG.match(line):
            name = re.search(r"(?:^|,)ID=([^,>]+)", match[1])
            length = re.search(r"(?:^|,)length=(\d+)", match[1])
            if name:
                contigs[name[1]] = int(length[1]) if length else 0
        elif _REPEAT.match(line):
            calls_repeats = True
        elif line.startswith("#CHROM"):
            samples = _samples(line, f"{file_name}, line {number}")
            return VcfHeader(samples, contigs, calls_repeats)
    raise RefusedInputError(
        file_name, "the header has no #CHROM line", "Is it a VCF? Export it again."
    )


def _samples(line: str, place: str) -> list[str]:
    columns = line.rstrip("\r\n").split("\t")
    if columns[:8] != _FIXED or (len(columns) > 8 and columns[8] != "FORMAT"):
        raise RefusedInputError(
            place, "the #CHROM line lacks a fixed column", "Separate the columns by tabs."
        )
    samples = columns[9:]
    if not samples:
        raise RefusedInputError(
            place,
            "there are no samples",
            "A call set needs genotype columns; a list of sites doesn't do.",
        )
    if "" in samples:
        raise RefusedInputError(
            f"{place}, column {samples.index('') + 10}",
            "a sample has no name",
            "Name it, with bcftools reheader.",
        )
    if len(set(samples)) < len(samples):
        first = next(i for i, name in enumerate(samples) if name in samples[:i])
        raise RefusedInputError(
            f"{place}, column {first + 10}",
            "a sample name stands twice",
            "Rename or drop one of the two, with bcftools reheader or view -s.",
        )
    return samples
