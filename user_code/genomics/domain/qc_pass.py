"""One pass over an inspected call set computes all of its tables, streamed."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from user_code.genomics.domain import genotype_blocks, long_form
from user_code.genomics.domain.call_set import CallSet
from user_code.genomics.domain.cohort_summary import summarise_cohort
from user_code.genomics.domain.contracts import (
    QUALITY_FILTERED_VARIANTS,
    RAW_GENOMIC_DATA,
    VARIANT_ANALYSIS,
)
from user_code.genomics.domain.duplicates import DuplicateCounter
from user_code.genomics.domain.inspection import InputChangedError, Inspected, joint_sha256
from user_code.genomics.domain.integrity import FileFacts
from user_code.genomics.domain.observation_counts import sort_observations
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.sample_tally import SampleTally
from user_code.genomics.domain.table_file import TableFile
from user_code.genomics.domain.variant_rows import LOW, UNKNOWN, QcLimits, analyse

if TYPE_CHECKING:
    from user_code.genomics.domain.normalisation import Normalised

SAMPLES_KEY = "assay.samples"  # in the metadata of quality_filtered_data: JSON list, column order

Progress = Callable[[int, int | None], None]  # records done, of how many


@dataclass(frozen=True)
class Computed:
    """What a pass returns: raw_genomic_data and cohort_qc (a row each), the rows of sample_qc.

    The larger tables are in the files that it wrote.
    """

    raw_genomic_data: pl.DataFrame
    sample_qc: pl.DataFrame
    cohort_qc: pl.DataFrame
    sha256: tuple[str, ...]  # of each file, in reading order

    def tables(self) -> dict[str, pl.DataFrame]:
        """The small tables by name."""
        return {
            "raw_genomic_data": self.raw_genomic_data,
            "sample_qc": self.sample_qc,
            "cohort_qc": self.cohort_qc,
        }


def run_pass(
    inspected: Inspected,
    limits: QcLimits,
    quality_filtered_data: Path | None,
    variant_analysis: Path,
    *,
    metadata: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    cells_per_block: int = genotype_blocks.CELLS_PER_BLOCK,
    reference: Path | None = None,
) -> Computed:
    """Write both tables to these paths (the first only if asked); returns the small ones.

    With a `reference` FASTA, variants are left-aligned first, in a copy beside the tables.
    `metadata` goes into both files' footers. Memory depends on `cells_per_block` (genotypes held
    at once), not on the file. Raises RefusedInputError or InputChangedError; then neither file is
    left.
    """
    paths = (quality_filtered_data, variant_analysis)
    compute = _long_form if inspected.call_set.is_long_form else _vcf
    try:
        counted, sample_qc = compute(
            inspected,
            limits,
            *paths,
            metadata or {},
            progress or (lambda *_: None),
            cells_per_block,
            reference,
        )
        computed = conclude(
            inspected.call_set, inspected.sha256, counted, sample_qc, variant_analysis, limits
        )
        if inspected.has_changed():
            raise InputChangedError(
                f"{inspected.call_set.name} was changed while it was read: run it again"
            )
    except BaseException:
        for path in paths:
            if path:
                path.unlink(missing_ok=True)
        raise
    return computed


def conclude(
    call_set: CallSet,
    sha256: tuple[str, ...],
    counted: Mapping[str, object],
    sample_qc: pl.DataFrame,
    variant_analysis: Path,
    limits: QcLimits,
) -> Computed:
    """The small tables; RuntimeError unless all that came in was kept or dropped."""
    _check_conserved(call_set, counted)
    row = {
        "call_set": call_set.name,
        "n_files": len(call_set.files),
        "n_bytes": sum(path.stat().st_size for path in call_set.files),
        "sha256": joint_sha256(sha256),
        "min_qual": limits.min_qual,
        **counted,
    }
    raw = pl.DataFrame([row], schema=RAW_GENOMIC_DATA.schema)
    return Computed(
        raw, sample_qc, summarise_cohort(row, variant_analysis, sample_qc, limits), sha256
    )


def _vcf(
    inspected: Inspected,
    limits: QcLimits,
    filtered_path: Path | None,
    analysis_path: Path,
    metadata: Mapping[str, str],
    progress: Progress,
    cells: int,
    reference: Path | None,
) -> tuple[dict[str, object], pl.DataFrame]:
    with_samples = {**metadata, SAMPLES_KEY: json.dumps(inspected.samples)}
    group_rows = rows_per_group(len(inspected.samples))
    expected = None if reference else sum(facts.n_records for facts in inspected.files)
    tally = SampleTally(len(inspected.samples), inspected.files[0].genome_build)
    done = n_records = n_passing = n_multiallelic = n_realigned = 0
    duplicates = DuplicateCounter()
    dropped = {LOW: 0, UNKNOWN: 0}
    with (
        TableFile(filtered_path, QUALITY_FILTERED_VARIANTS, with_samples, group_rows)
        if filtered_path
        else nullcontext() as kept,
        TableFile(analysis_path, VARIANT_ANALYSIS, metadata) as analysed,
    ):
        for path, facts in zip(inspected.call_set.files, inspected.files, strict=True):
            before = done
            with _aligned(path, facts, reference, analysis_path) as (source, aligned):
                for block in genotype_blocks.read_blocks(source, cells):
                    analysis, passing, counts = analyse(block, limits)
                    tally.add(block, counts, analysis)
                    duplicates.add(analysis)
                    analysed.write(analysis)
                    if kept:
                        kept.write(passing)
                    n_passing += passing.height
                    done += len(block.pos)
                    n_multiallelic += sum(len(alts) > 1 for alts in block.alts)
                    for reason in dropped:
                        dropped[reason] += int((analysis["reason"] == reason).sum())
                    progress(done, expected)
            n_read = aligned.n_records if aligned else done - before
            n_records += n_read
            n_multiallelic += aligned.n_split if aligned else 0
            n_realigned += aligned.n_realigned if aligned else 0
            if n_read != facts.n_records:
                raise RefusedInputError(
                    path.name,
                    f"htslib reads {n_read} of its {facts.n_records} records",
                    "The file is damaged: export or copy it again.",
                )
    first = inspected.files[0]
    counted: dict[str, object] = {
        "form": first.form,
        "reader": genotype_blocks.READER,
        "n_samples": len(inspected.samples),
        "n_records": n_records,
        "n_variants": analysed.rows,
        "n_multiallelic": n_multiallelic,
        "n_realigned": n_realigned if reference else None,
        "n_duplicates": duplicates.n,
        "reference": reference.name if reference else None,
        "n_passing": n_passing,
        "n_low_quality": dropped[LOW],
        "n_missing_quality": dropped[UNKNOWN],
        "genome_build": first.genome_build,
        "contig_naming": first.contig_naming,
        "contigs_declared": first.contigs_declared,
    }
    return counted, tally.table(inspected.samples, limits.outlier_mads)


def rows_per_group(n_samples: int) -> int:
    """Rows of a row group of quality_filtered_data: at most 4 million genotypes, about."""
    return max(1000, min(50_000, 4_000_000 // n_samples))


@contextmanager
def _aligned(
    path: Path, facts: FileFacts, reference: Path | None, beside: Path
) -> Iterator[tuple[Path, "Normalised | None"]]:
    """The file to read: itself, or its left-aligned copy, which is removed afterwards."""
    if reference is None:
        yield path, None
        return
    # Only runs with a reference pay for loading bcftools.
    from user_code.genomics.domain.normalisation import normalise

    copy = beside.with_name(f".{beside.name.lstrip('.')}.aligned.tmp")
    try:
        yield copy, normalise(path, facts, reference, copy)
    finally:
        copy.unlink(missing_ok=True)


def _long_form(
    inspected: Inspected,
    limits: QcLimits,
    filtered_path: Path | None,
    analysis_path: Path,
    metadata: Mapping[str, str],
    progress: Progress,
    _cells: int,
    _reference: Path | None,
) -> tuple[dict[str, object], pl.DataFrame]:
    observations = long_form.scan_observations(inspected.call_set)
    summary = long_form.summarise(inspected.call_set, observations, limits)
    summary.variant_analysis.write_parquet(analysis_path, metadata=dict(metadata))
    n_passing = int(summary.variant_analysis["sample_count"].sum())
    if filtered_path:
        unsorted = filtered_path.with_name(f".{filtered_path.name.lstrip('.')}.unsorted.tmp")
        try:
            long_form.keep_passing(observations, limits).sink_parquet(unsorted)
            variants = summary.variant_analysis["variant_id"]
            sort_observations(unsorted, variants, filtered_path, metadata)
        finally:
            unsorted.unlink(missing_ok=True)
        n_passing = pl.scan_parquet(filtered_path, glob=False).select(pl.len()).collect().item()
    progress(summary.n_records, summary.n_records)
    counted = {
        "form": "parquet",
        "reader": long_form.READER,
        "n_samples": summary.sample_qc.height,
        "n_records": summary.n_records,
        "n_variants": summary.variant_analysis.height,
        "n_passing": n_passing,
        "n_low_quality": summary.n_low_quality,
        "n_missing_quality": summary.n_missing_quality,
    }
    return counted, summary.sample_qc


def _check_conserved(call_set: CallSet, counted: Mapping[str, object]) -> None:
    """in = kept + dropped, or nothing is published."""
    whole = counted["n_records" if call_set.is_long_form else "n_variants"]
    parts = [counted[name] for name in ("n_passing", "n_low_quality", "n_missing_quality")]
    if whole != sum(int(str(part)) for part in parts):
        raise RuntimeError(
            f"{call_set.name}: {whole} rows in, but kept and dropped are {parts}; "
            "this is a fault of the program, please report it"
        )
