"""The fast pass: one reading of a call set's VCFs, compiled, on two threads, checks included.

It says nothing about faults: at whatever it doesn't know it raises UnusualError, and the general
way (inspection, then qc_pass) starts anew and gives its results or its refusal.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import isal
import numba
import numpy as np

from user_code.genomics.domain import scan_kernel as kernel
from user_code.genomics.domain.call_set import CallSet
from user_code.genomics.domain.chunk_scan import (
    Rules,
    SampleCounts,
    ScannedChunk,
    ScannedText,
    scan_row,
    scan_text,
)
from user_code.genomics.domain.compressed_stream import MOST_ROW_BYTES, CompressedStream
from user_code.genomics.domain.format_layouts import FormatLayouts
from user_code.genomics.domain.genome_build import (
    MixedBuildsError,
    contig_naming,
    pseudoautosomal_regions,
    recognise_build,
)
from user_code.genomics.domain.genotype_blocks import declared_fields, open_vcf
from user_code.genomics.domain.high_quality import AdjRule, asked_fields
from user_code.genomics.domain.integrity import FileFacts, RecordOrder
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.sample_tally import SampleTally
from user_code.genomics.domain.text_chunks import TextChunk, TextChunks, UnusualError
from user_code.genomics.domain.vcf_header import VcfHeader, read_header

READER = f"numba {numba.__version__}, isal {isal.__version__}"
_THREADS = 2
# Chunks counted or waiting at once: enough to do while the main thread writes tables, and few where
# each takes megabytes for its counts by sample.
_MOST_AHEAD, _SAMPLES_AHEAD = 8, 40_000


@dataclass(frozen=True)
class Opened:
    """A file's header: its text's size in bytes, what it declares."""

    form: str
    n_bytes: int
    header: VcfHeader
    build: str | None
    declared: frozenset[str]
    layouts: FormatLayouts

    @property
    def adj_fields(self) -> list[str]:
        return asked_fields(self.declared)


def open_file(path: Path, most_bytes: float) -> Opened:
    """Read the header; UnusualError unless it is a VCF's that every reader accepts."""
    try:
        with CompressedStream(path, most_bytes) as stream:
            if stream.peek(1) != b"#":
                raise UnusualError("not the text of a VCF")
            lines = []
            while line := stream.readline():
                lines.append(line)
                if not line.startswith(b"##"):
                    break
            form = "vcf.gz" if stream.is_gzip else "vcf"
        text = [line.decode("utf-8", "replace") for line in lines]
        header = read_header(text, path.name)
        reader = open_vcf(path)
        build = recognise_build(header.contigs)
        with closing(reader):
            if list(reader.samples) != header.samples:
                raise UnusualError("sample names that readers understand differently")
            declared = declared_fields(reader.raw_header)
    except (RefusedInputError, MixedBuildsError) as error:
        raise UnusualError("a header that is refused") from error
    layouts = FormatLayouts("".join(text))
    return Opened(form, sum(map(len, lines)), header, build, declared, layouts)


class FileScan:
    """Iterates over the counts of one file's chunks; `facts` are there after the last one."""

    def __init__(
        self, path: Path, opened: Opened, adj: AdjRule, most_bytes: float, genotypes: bool
    ) -> None:
        self._path, self._opened, self._most_bytes = path, opened, most_bytes
        self.build = opened.build
        asked = opened.adj_fields
        self._rules = Rules(
            len(opened.header.samples),
            opened.layouts,
            adj,
            ("GQ" in asked, "DP" in asked, "AD" in asked),
            np.array(pseudoautosomal_regions(self.build), np.int64).reshape(-1, 2),
            genotypes,
        )
        n_samples = self._rules.n_samples
        self._ahead = max(3, min(_MOST_AHEAD, _SAMPLES_AHEAD // n_samples))
        self._counts = [SampleCounts(n_samples) for _ in range(self._ahead + 1)]
        self._buffers = [bytearray() for _ in range(_THREADS)]
        self._row = bytearray()  # a row that its chunk has begun
        self._order = RecordOrder(opened.header)
        self._n_records = self._n_variants = 0
        self._chunks: TextChunks | None = None
        self.adj_fields = ",".join(asked)
        self.facts: FileFacts | None = None

    def __iter__(self) -> Iterator[ScannedChunk]:
        with ThreadPoolExecutor(_THREADS) as pool:
            chunks = TextChunks(self._path, self._opened.n_bytes, self._most_bytes)
            self._chunks = chunks
            waiting: deque[Future[ScannedText]] = deque()
            for number, chunk in enumerate(chunks):
                if len(waiting) == self._ahead:
                    yield from self._in_order(waiting.popleft().result())
                # A chunk adds to the counts that a chunk which is done added to: the order of
                # additions, and with it each last digit, doesn't depend on the threads.
                waiting.append(pool.submit(self._scan, chunk, self._counts[number % self._ahead]))
            while waiting:
                yield from self._in_order(waiting.popleft().result())
        if self._row:
            raise UnusualError("the last line has no line end")
        naming = contig_naming(self._order.seen)
        if naming == "mixed":
            raise UnusualError("two styles of contig names")
        self.facts = FileFacts(
            self._opened.form,
            chunks.n_bytes,
            chunks.sha256,
            tuple(self._opened.header.samples),
            self._n_records,
            tuple(self._order.seen),
            self._order.first_position,
            self._order.last_position,
            bool(self._opened.header.contigs),
            self.build,
            naming,
        )

    def _scan(self, chunk: TextChunk, counts: SampleCounts) -> ScannedText:
        buffer = self._buffers.pop()  # there are as many as threads
        try:
            return scan_text(chunk, buffer, self._rules, counts)
        finally:
            self._buffers.append(buffer)

    def _in_order(self, text: ScannedText) -> Iterator[ScannedChunk]:
        """The rows of a chunk, and before them the one that began in an earlier chunk."""
        self._row += text.head
        if len(self._row) >= MOST_ROW_BYTES:
            raise UnusualError("a row without end")
        if not text.ends_a_row:
            return
        for chunk in scan_row(bytes(self._row), self._rules, self._counts[self._ahead]):
            yield self._checked(chunk)
        for chunk in text.scanned:
            yield self._checked(chunk)
        self._row = bytearray(text.tail)

    def _checked(self, chunk: ScannedChunk) -> ScannedChunk:
        """The order of contigs and positions, from chunk to chunk and contig to contig."""
        starts = np.flatnonzero(chunk.records[:, kernel.NEW_CHROM]).tolist()
        if not starts or starts[0] > 0:
            starts = [0, *starts]
        for start, end in zip(starts, [*starts[1:], len(chunk.records)], strict=True):
            for record in (start, end - 1):
                position = int(chunk.records[record, kernel.POS])
                try:
                    self._order.check("", chunk.heads[7 * record], position)
                except RefusedInputError as error:
                    raise UnusualError("records that aren't sorted") from error
        self._n_records += len(chunk.records)
        self._n_variants += len(chunk.variants)
        return chunk

    def expected_records(self, so_far: int) -> int | None:
        """About how many records there will be, if `so_far` are in what was read."""
        if not self._chunks or not self._chunks.n_read:
            return None
        return max(so_far + 1, so_far * self._chunks.n_bytes // self._chunks.n_read)

    def add_to(self, tally: SampleTally) -> None:
        """Add what was counted by sample to the tally of the call set."""
        samples = np.sum([counts.samples for counts in self._counts], axis=0)
        expected = np.sum([counts.expected for counts in self._counts], axis=0)
        totals = np.sum([counts.totals for counts in self._counts], axis=0)
        all_expected = np.sum([counts.expected_totals for counts in self._counts], axis=0)
        other = {
            "n_missing": samples[kernel.S_MISSING],
            "n_het": samples[kernel.S_HET],
            "n_hom_alt": samples[kernel.S_HOM_ALT],
            "n_hemi": samples[kernel.S_HEMI],
        }
        homozygosity = tally.merge(
            self._n_variants,
            {
                **other,
                "n_hom_ref": self._n_variants - sum(other.values()) - samples[kernel.S_OTHER],
                "n_ti": samples[kernel.S_TI],
                "n_tv": samples[kernel.S_TV],
                "n_ins": samples[kernel.S_INS],
                "n_del": samples[kernel.S_DEL],
                "n_singleton": samples[kernel.S_SINGLETON],
                "mean_dp": samples[kernel.S_DP],
                "given_dp": self._n_records - samples[kernel.S_DP_MISSING],
                "mean_gq": samples[kernel.S_GQ],
                "given_gq": self._n_records - samples[kernel.S_GQ_MISSING],
            },
        )
        homozygosity.merge(
            (
                totals[kernel.T_SITES] - samples[kernel.S_UNCOUNTED],
                samples[kernel.S_HETS],
                all_expected[0] - expected[0],
            ),
            (
                totals[kernel.T_X_SITES] - samples[kernel.S_X_UNCOUNTED],
                samples[kernel.S_X_HETS],
                all_expected[1] - expected[1],
            ),
            samples[kernel.S_X_HAPLOID],
            totals[kernel.T_X_VARIANTS] - samples[kernel.S_X_CALLED_LESS],
        )


def open_files(call_set: CallSet, most_bytes: float) -> list[Opened]:
    """The headers of all files, which have the same samples; else UnusualError."""
    opened = [open_file(path, most_bytes) for path in call_set.files]
    if any(one.header.samples != opened[0].header.samples for one in opened):
        raise UnusualError("files of other samples")
    return opened
