"""A call set's tables, the fast way where it goes, else the general way; the results are the same.

The fast way reads each byte once, compiled (call_set_scan); the general way inspects the files and
then reads them with htslib (inspection, qc_pass).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from user_code.genomics.domain.call_set import CallSet
from user_code.genomics.domain.genotype_blocks import CELLS_PER_BLOCK
from user_code.genomics.domain.inspection import (
    InputChangedError,
    check_files,
    inspect_call_set,
    state_of,
)
from user_code.genomics.domain.qc_pass import Computed, Progress, conclude, run_pass
from user_code.genomics.domain.sample_tally import SampleTally
from user_code.genomics.domain.variant_rows import QcLimits

# Loading the compiled code takes as long as the general way takes for this.
FAST_FROM_BYTES = 4_000_000

Footer = Callable[[tuple[str, ...]], Mapping[str, str]]  # the files' SHA-256 → a footer's metadata


def compute(
    call_set: CallSet,
    limits: QcLimits,
    quality_filtered_data: Path | None,
    variant_analysis: Path,
    *,
    most_bytes: float = 1e12,
    footer: Footer = lambda _: {},
    progress: Progress = lambda *_: None,
    reference: Path | None = None,
    cells_per_block: int = CELLS_PER_BLOCK,
    fast_from: float = FAST_FROM_BYTES,
) -> Computed:
    """Write both tables to these paths (the first only if asked); returns the small ones.

    `most_bytes` is the limit of a file's decompressed size, `fast_from` the size of a call set
    from which the fast way is tried. Raises RefusedInputError or InputChangedError; then no file
    is left.
    """
    n_bytes = sum(path.stat().st_size for path in call_set.files)
    if not call_set.is_long_form and not reference and n_bytes >= fast_from:
        found = _scan(
            call_set, limits, quality_filtered_data, variant_analysis, most_bytes, footer, progress
        )
        if found:
            return found
    inspected = inspect_call_set(call_set, most_bytes)
    return run_pass(
        inspected,
        limits,
        quality_filtered_data,
        variant_analysis,
        metadata=footer(inspected.sha256),
        progress=progress,
        cells_per_block=cells_per_block,
        reference=reference,
    )


def _scan(
    call_set: CallSet,
    limits: QcLimits,
    filtered_path: Path | None,
    analysis_path: Path,
    most_bytes: float,
    footer: Footer,
    progress: Progress,
) -> Computed | None:
    """The fast way; None where something is unusual, or compiled code can't be had here."""
    try:
        # Only a pass over a large file waits for the compiler's half a second.
        from user_code.genomics.domain import call_set_scan
        from user_code.genomics.domain.scan_tables import ScanTables
        from user_code.genomics.domain.text_chunks import UnusualError
    except (ImportError, RuntimeError):  # numba finds no folder to keep compiled code in
        return None
    paths = [path for path in (filtered_path, analysis_path) if path]
    before = state_of(call_set)
    try:
        opened = call_set_scan.open_files(call_set, most_bytes)
        scans = [
            call_set_scan.FileScan(path, one, limits.adj, most_bytes, filtered_path is not None)
            for path, one in zip(call_set.files, opened, strict=True)
        ]
        samples = tuple(opened[0].header.samples)
        with ScanTables(samples, limits, filtered_path, analysis_path) as tables:
            for scan in scans:
                for chunk in scan:
                    tables.add(chunk, scan.adj_fields)
                    progress(tables.n_records, scan.expected_records(tables.n_records))
                tables.flush(scan.adj_fields)
            facts = tuple(scan.facts for scan in scans if scan.facts)
            check_files(call_set, facts)
            sha256 = tuple(one.sha256 for one in facts)
            tables.add_metadata(footer(sha256))
        progress(tables.n_records, tables.n_records)
        tally = SampleTally(len(samples), facts[0].genome_build)
        for scan in scans:
            scan.add_to(tally)
        computed = conclude(
            call_set,
            sha256,
            tables.counted(facts[0], call_set_scan.READER),
            tally.table(samples, limits.outlier_mads),
            analysis_path,
            limits,
        )
        if state_of(call_set) != before:
            raise InputChangedError(f"{call_set.name} was changed while it was read: run it again")
    except UnusualError:
        return None
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    return computed
