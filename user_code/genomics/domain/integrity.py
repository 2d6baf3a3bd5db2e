"""Looks at every byte of a VCF or BCF before anything is computed from it.

htslib reads the rows before a cut as if they were all, and fills rows with too few columns with
missing genotypes. So each record is looked at here first, and the number of records has to agree
with what the reader finds later.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from user_code.genomics.domain.compressed_stream import CompressedStream
from user_code.genomics.domain.genome_build import (
    MixedBuildsError,
    contig_naming,
    recognise_build,
)
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.vcf_header import VcfHeader, read_header

_DAMAGED = "The file is damaged or was cut: export or copy it again."
_PERHAPS_CUT = "Export or copy it again; or add the line end, if nothing else is missing."
_LAST_POSITION = 2**31 - 1  # htslib would wrap a larger one around, and reads a bad QUAL as 0
_GVCF = (b"<NON_REF>", b"<*>")


@dataclass(frozen=True)
class FileFacts:
    """One inspected file: `n_records` data rows; `sha256` of the bytes as landed."""

    form: str
    n_bytes: int
    sha256: str
    samples: tuple[str, ...]
    n_records: int
    contigs: tuple[str, ...]  # those that records are on, in their order
    first_position: int  # of the first record, 1-based; 0 without records
    last_position: int
    contigs_declared: bool
    genome_build: str | None
    contig_naming: str | None


def inspect_file(path: Path, most_bytes: float = float("inf")) -> FileFacts:
    """Read a VCF, VCF.gz or BCF whole, in constant memory; at most `most_bytes` decompressed.

    Raises RefusedInputError at the first fault: cut or damaged compression, malformed header,
    duplicate samples, a row with too few or too many columns, unsorted positions, contigs that
    the header doesn't declare, two naming styles, a gVCF.
    """
    with CompressedStream(path, most_bytes) as stream:
        if stream.peek(3) == b"BCF":
            form, header, records = "bcf", *_open_bcf(stream, path.name)
        elif stream.peek(1) == b"#":
            form = "vcf.gz" if stream.is_gzip else "vcf"
            header, records = _open_text(stream, path.name)
        else:
            raise RefusedInputError(
                path.name, "the content is neither VCF nor BCF", "Check what was exported."
            )
        try:
            build = recognise_build(header.contigs)
        except MixedBuildsError as error:
            raise RefusedInputError(
                path.name,
                f"its contigs have the lengths of {error}",
                "Lift all records over to one build, and declare the contigs of that one.",
            ) from None
        order = RecordOrder(header)
        n_records = 0
        for place, contig, position, alts, is_block in records:
            # A repeat that is as long as the reference's has an end, and no alternate allele.
            is_block = is_block and not header.calls_repeats
            if is_block or any(mark in alts for mark in _GVCF):
                raise RefusedInputError(
                    place,
                    "this is a gVCF (it has reference blocks)",
                    "Joint-genotype it first (GATK GenotypeGVCFs, GLnexus) and land the result.",
                )
            order.check(place, contig, position)
            n_records += 1
        naming = contig_naming(order.seen)
        if naming == "mixed":
            raise RefusedInputError(
                path.name, "chr1 and 1 name contigs side by side", "Rename them to one style."
            )
        return FileFacts(
            form,
            stream.n_bytes,
            stream.sha256(),
            tuple(header.samples),
            n_records,
            tuple(order.seen),
            order.first_position,
            order.last_position,
            bool(header.contigs),
            build,
            naming,
        )


# Place, contig, position (1-based), alternate alleles, whether it is a block of reference bases.
Record = tuple[str, str, int, bytes, bool]


def _open_text(stream: CompressedStream, name: str) -> tuple[VcfHeader, Iterator[Record]]:
    lines = []
    while line := stream.readline():
        lines.append(line)
        if not line.startswith(b"##"):
            break
    header = read_header((line.decode("utf-8", "replace") for line in lines), name)
    return header, _text_records(stream, name, len(lines), 9 + len(header.samples))


def _text_records(
    stream: CompressedStream, name: str, number: int, n_columns: int
) -> Iterator[Record]:
    while line := stream.readline():
        number += 1
        place = f"{name}, line {number}"
        found = line.count(b"\t") + 1
        if found != n_columns:
            raise RefusedInputError(
                place, f"{found} columns where the header has {n_columns}", _DAMAGED
            )
        if not line.endswith(b"\n"):
            raise RefusedInputError(place, "the last line has no line end", _PERHAPS_CUT)
        contig, position, _, _, alts, quality, _, info = line.split(b"\t", 8)[:8]
        if not position.isdigit() or int(position) > _LAST_POSITION:
            raise RefusedInputError(place, "POS is not a number below 2^31", _DAMAGED)
        if quality != b"." and not _is_number(quality):
            raise RefusedInputError(place, "QUAL is not a number", _DAMAGED)
        # Sites of all kinds may lack an alternate allele; only blocks of several also have an end.
        is_block = alts == b"." and (info.startswith(b"END=") or b";END=" in info)
        yield place, contig.decode("utf-8", "replace"), int(position), alts, is_block


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _open_bcf(stream: CompressedStream, name: str) -> tuple[VcfHeader, Iterator[Record]]:
    head = stream.read(9)
    (length,) = struct.unpack("<I", head[5:9].ljust(4, b"\0"))
    text = stream.read(length)
    if len(text) < length:
        raise RefusedInputError(name, "the file ends in its header", _DAMAGED)
    header = read_header(text.rstrip(b"\0").decode("utf-8", "replace").splitlines(), name)
    return header, _bcf_records(stream, name, header)


def _bcf_records(stream: CompressedStream, name: str, header: VcfHeader) -> Iterator[Record]:
    contigs = list(header.contigs)
    number = 0
    while sizes := stream.read(8):
        number += 1
        place = f"{name}, record {number}"
        n_shared, n_own = struct.unpack("<II", sizes.ljust(8, b"\0"))
        shared, own = stream.read(n_shared), stream.read(n_own)
        if len(sizes) < 8 or len(shared) < max(n_shared, 24) or len(own) < n_own:
            raise RefusedInputError(place, "the file ends within the record", _DAMAGED)
        contig, position, span, _, alleles, counts = struct.unpack("<iiifII", shared[:24])
        if counts & 0xFFFFFF != len(header.samples):
            raise RefusedInputError(place, "its number of samples isn't the header's", _DAMAGED)
        known = contigs[contig] if 0 <= contig < len(contigs) else f"contig number {contig}"
        is_block = alleles >> 16 == 1 and span > _length_of_ref(shared)
        yield place, known, position + 1, shared, is_block


def _length_of_ref(shared: bytes) -> int:
    """Bases of REF in a BCF record's shared part: the second of its typed strings, after ID."""
    place, length = 24, 0
    for _ in range(2):
        place += length
        length, place = shared[place] >> 4, place + 1
        if length == 15:  # then the length follows, as a typed integer of 1, 2 or 4 bytes
            size = 1 << (shared[place] & 15) - 1 if shared[place] & 15 < 3 else 4
            length = int.from_bytes(shared[place + 1 : place + 1 + size], "little")
            place += 1 + size
    return length


class RecordOrder:
    """Positions rise within a contig, contigs come in one piece, and the header knows them."""

    def __init__(self, header: VcfHeader) -> None:
        self._declared = header.contigs
        self.seen: dict[str, None] = {}
        self.first_position = self.last_position = 0
        self._contig = ""

    def check(self, place: str, contig: str, position: int) -> None:
        if contig != self._contig:
            if contig in self.seen:
                raise RefusedInputError(
                    place, f"contig {contig} comes a second time", "Sort it, with bcftools sort."
                )
            if self._declared and contig not in self._declared:
                raise RefusedInputError(
                    place,
                    f"contig {contig} is not in the header, which declares others",
                    "Repair the header, with bcftools reheader --fai.",
                )
            self.seen[contig] = None
        elif position < self.last_position:
            raise RefusedInputError(
                place, "the position is before the one above", "Sort it, with bcftools sort."
            )
        self.first_position = self.first_position or position
        self._contig, self.last_position = contig, position
