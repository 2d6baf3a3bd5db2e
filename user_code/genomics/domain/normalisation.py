"""Splits and left-aligns a file against its reference genome, as `bcftools norm` does.

Without a reference nothing is realigned, and splitting needs no second file: allele_counts does it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pysam
import pysam.bcftools
from pysam.utils import SamtoolsError
from pysam.version import __bcftools_version__

from user_code.genomics.domain.integrity import FileFacts
from user_code.genomics.domain.refusals import RefusedInputError

READER = f"bcftools {__bcftools_version__}"
_WRONG_BASE = re.compile(r"Reference allele mismatch at (\S+:\d+)")
_NO_CONTIG = re.compile(r"faidx_fetch_seq failed at (\S+):\d+")
# total/split/joined/realigned/…, whose number of columns depends on the version
_COUNTS = re.compile(r"^Lines\s+total/split/joined/realigned/\S+\s+(\d+)/(\d+)/\d+/(\d+)", re.M)


@dataclass(frozen=True)
class Normalised:
    """How many records were read, had several alternate alleles, were moved to the left."""

    n_records: int
    n_split: int
    n_realigned: int


def check_reference(reference: Path) -> None:
    """Index the FASTA if it isn't. Raises RefusedInputError where that can't be done."""
    if not reference.is_file():
        raise RefusedInputError(reference.name, "there is no such file", "Check the path.")
    if reference.with_name(reference.name + ".fai").is_file():
        return
    try:
        pysam.faidx(str(reference))
    except SamtoolsError as error:
        raise RefusedInputError(
            reference.name,
            "it can't be indexed as FASTA",
            "Index it, with samtools faidx; if it is compressed, use bgzip.",
        ) from error


def normalise(path: Path, facts: FileFacts, reference: Path, to: Path) -> Normalised:
    """Write the split, left-aligned records of `path` as BCF to `to`.

    Raises RefusedInputError where a reference allele isn't the reference's, or a contig isn't in
    it.
    """
    source = path
    headed = to.with_name(f"{to.name}.headed.tmp")
    try:
        header = str(pysam.bcftools.view("--no-version", "-h", str(path)))
        if (better := _complete(header, facts, reference)) != header:
            text = to.with_name(f"{to.name}.header.tmp")
            text.write_text(better, encoding="utf-8")
            try:
                pysam.bcftools.reheader(
                    "-h", str(text), "-o", str(headed), str(path), catch_stdout=False
                )
            finally:
                text.unlink()
            source = headed
        pysam.bcftools.norm(
            "--no-version", "-m", "-any", "-f", str(reference), "-c", "e", "-Ob1",
            "-o", str(to), str(source), catch_stdout=False,
        )  # fmt: skip
    except SamtoolsError as error:
        to.unlink(missing_ok=True)
        raise _refusal(path, reference, str(error)) from None
    finally:
        headed.unlink(missing_ok=True)
    said = pysam.bcftools.norm.get_messages()  # type: ignore[no-untyped-call]
    found = _COUNTS.search(str(said))
    if not found:
        raise RuntimeError(f"{path.name}: {READER} norm doesn't say what it has done")
    return Normalised(*(int(number) for number in found.groups()))


def _complete(header: str, facts: FileFacts, reference: Path) -> str:
    """The header as splitting needs it: contigs declared, AD as one number for each allele.

    Older callers declare AD with any number of values; each split row would keep them all.
    """
    header = re.sub(r"^(##FORMAT=<ID=AD,Number=)[^,]+", r"\1R", header, flags=re.M)
    if facts.contigs_declared:
        return header
    index = reference.with_name(f"{reference.name}.fai").read_text(encoding="utf-8")
    lengths = dict(line.split("\t")[:2] for line in index.splitlines())
    lines = [
        f"##contig=<ID={name},length={lengths[name]}>\n"
        for name in facts.contigs
        if name in lengths
    ]
    return header.replace("#CHROM\t", "".join(lines) + "#CHROM\t", 1)


def _refusal(path: Path, reference: Path, message: str) -> RefusedInputError:
    # bcftools' message quotes the row's alleles; the place is enough.
    if wrong := _WRONG_BASE.search(message):
        return RefusedInputError(
            f"{path.name}, {wrong[1]}",
            f"the reference allele isn't that of {reference.name}",
            "The call set was made against another reference: give that one.",
        )
    if absent := _NO_CONTIG.search(message):
        return RefusedInputError(
            f"{path.name}, contig {absent[1]}",
            f"{reference.name} has no such contig, or not so long",
            "Give the reference that the call set was made against, with the same contig names.",
        )
    return RefusedInputError(
        path.name, "bcftools can't normalise it", "Run bcftools norm -f on it, which says why."
    )
