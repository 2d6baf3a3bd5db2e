"""Runs the pass on a path and returns its tables."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from user_code.genomics.domain.call_set import open_call_set
from user_code.genomics.domain.call_set_pass import compute as compute_tables
from user_code.genomics.domain.report import draw_all, render_report
from user_code.genomics.domain.variant_rows import QcLimits


@dataclass(frozen=True)
class Tables:
    raw: pl.DataFrame
    filtered: pl.DataFrame
    analysis: pl.DataFrame
    samples: pl.DataFrame
    cohort: pl.DataFrame
    report: str


def compute(
    path: Path,
    limits: QcLimits | None = None,
    cells_per_block: int = 2_000_000,
    report: bool = False,
    reference: Path | None = None,
    fast_from: float = float("inf"),
) -> Tables:
    """All tables of the call set at `path`, and its report if asked; the general way by default."""
    with TemporaryDirectory() as folder:
        filtered, analysis = Path(folder) / "filtered.parquet", Path(folder) / "analysis.parquet"
        computed = compute_tables(
            open_call_set(path),
            limits or QcLimits(),
            filtered,
            analysis,
            cells_per_block=cells_per_block,
            reference=reference,
            fast_from=fast_from,
        )
        return Tables(
            computed.raw_genomic_data,
            pl.read_parquet(filtered),
            pl.read_parquet(analysis),
            computed.sample_qc,
            computed.cohort_qc,
            render_report(computed, draw_all(analysis, computed.sample_qc)) if report else "",
        )


@lru_cache(maxsize=4)
def compute_once(path: Path) -> Tables:
    """The same with default limits, remembered, for the larger reference files."""
    return compute(path)
