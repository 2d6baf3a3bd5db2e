"""Writes the large tables of a fast pass as its chunks come."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from user_code.genomics.domain import scan_kernel as kernel
from user_code.genomics.domain.chunk_scan import ScannedChunk
from user_code.genomics.domain.contracts import QUALITY_FILTERED_VARIANTS, VARIANT_ANALYSIS
from user_code.genomics.domain.duplicates import DuplicateCounter
from user_code.genomics.domain.integrity import FileFacts
from user_code.genomics.domain.qc_pass import SAMPLES_KEY, rows_per_group
from user_code.genomics.domain.scan_rows import tables
from user_code.genomics.domain.table_file import TableFile
from user_code.genomics.domain.variant_rows import LOW, UNKNOWN, QcLimits

# Chunks are made into a frame together, until there are so many rows or bytes of genotypes.
_ROWS = 10_000
_GENOTYPE_BYTES = 16_000_000


class ScanTables:
    """variant_analysis, and quality_filtered_data if it has a path. A context manager: an error
    inside removes both files."""

    def __init__(
        self,
        samples: tuple[str, ...],
        limits: QcLimits,
        filtered_path: Path | None,
        analysis_path: Path,
    ) -> None:
        self._n_samples, self._limits = len(samples), limits
        self._files = ExitStack()
        self._analysed = TableFile(analysis_path, VARIANT_ANALYSIS)
        self._kept = None
        if filtered_path:
            self._kept = TableFile(
                filtered_path,
                QUALITY_FILTERED_VARIANTS,
                {SAMPLES_KEY: json.dumps(samples)},
                rows_per_group(len(samples)),
            )
        self._duplicates = DuplicateCounter()
        self._waiting: list[ScannedChunk] = []
        self._waiting_rows = 0
        self._dropped = {LOW: 0, UNKNOWN: 0}
        self._n_passing = self._n_multiallelic = 0
        self.n_records = 0

    def __enter__(self) -> "ScanTables":
        for file in (self._analysed, self._kept):
            if file:
                self._files.enter_context(file)
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def add(self, chunk: ScannedChunk, adj_fields: str) -> None:
        """Add a chunk; it is written with others. Raises UnusualError."""
        self.n_records += len(chunk.records)
        self._n_multiallelic += int((chunk.records[:, kernel.N_ALTS] > 1).sum())
        self._waiting.append(chunk)
        self._waiting_rows += len(chunk.variants)
        n_bytes = self._waiting_rows * self._n_samples if self._kept else 0
        if self._waiting_rows >= _ROWS or n_bytes >= _GENOTYPE_BYTES:
            self.flush(adj_fields)

    def flush(self, adj_fields: str) -> None:
        """Write what waits."""
        if self._waiting_rows:
            analysis, passing = tables(
                self._waiting, self._n_samples, adj_fields, self._limits, self._kept is not None
            )
            self._analysed.write(analysis)
            self._duplicates.add(analysis)
            for reason in self._dropped:
                self._dropped[reason] += int((analysis["reason"] == reason).sum())
            self._n_passing += int(analysis["passes"].sum())
            if self._kept and passing is not None:
                self._kept.write(passing)
        self._waiting, self._waiting_rows = [], 0

    def add_metadata(self, metadata: Mapping[str, str]) -> None:
        """Add to both files' footers."""
        for file in (self._analysed, self._kept):
            if file:
                file.add_metadata(metadata)

    def counted(self, first: FileFacts, reader: str) -> dict[str, object]:
        """The facts of raw_genomic_data, once all is written; `first` is the first file."""
        return {
            "form": first.form,
            "reader": reader,
            "n_samples": self._n_samples,
            "n_records": self.n_records,
            "n_variants": self._analysed.rows,
            "n_multiallelic": self._n_multiallelic,
            "n_realigned": None,
            "n_duplicates": self._duplicates.n,
            "reference": None,
            "n_passing": self._n_passing,
            "n_low_quality": self._dropped[LOW],
            "n_missing_quality": self._dropped[UNKNOWN],
            "genome_build": first.genome_build,
            "contig_naming": first.contig_naming,
            "contigs_declared": first.contigs_declared,
        }
