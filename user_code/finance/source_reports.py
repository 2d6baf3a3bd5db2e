"""The sources' reports as files and links: reports/finance/<source>/report.html."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl

from user_code.finance.domain.quarantine_counts import count_quarantine, count_quarantined
from user_code.finance.domain.source_report import SourceRecords, render_source_report
from user_code.finance.landed_days import DOMAIN, DUPLICATES
from user_code.shared.publishing import Attempt
from user_code.shared.reports import REPORT_NAME, report_url, stage_report
from user_code.shared.store import ParquetStore, StagedFile


def stage_reports(
    attempt: Attempt,
    base: Path,
    history: pl.DataFrame,
    model: pl.DataFrame,
    findings: pl.DataFrame,
) -> list[StagedFile]:
    """A report of each source, to be published with the findings; `base` has reports/ in it.

    A source of which nothing is left gets a report that says so.
    """
    records = _records(attempt.store, base)
    earlier = {path.parent.name for path in (base / "reports" / DOMAIN).glob(f"*/{REPORT_NAME}")}
    staged: list[StagedFile] = []
    try:
        for source in sorted(set(history["source"]) | set(records) | earlier):
            document = render_source_report(
                source, records.get(source, SourceRecords()), history, model, findings
            )
            staged.append(stage_report(base, DOMAIN, source, document, attempt.run_id))
    except BaseException:
        for file in staged:
            file.discard()
        raise
    return staged


def report_links(base: Path, reports: Sequence[StagedFile], reports_url: str) -> dg.MetadataValue:
    """A link to each source's report; its path where reports aren't served."""
    places = {report.target.parent.name: report.target.relative_to(base) for report in reports}
    return dg.MetadataValue.md(
        "\n".join(
            f"- [{source}]({report_url(reports_url, DOMAIN, source)})"
            if reports_url
            else f"- `{place}`"
            for source, place in places.items()
        )
    )


def _records(store: ParquetStore, base: Path) -> dict[str, SourceRecords]:
    """What is kept apart, by source."""
    folder = base / "quarantine" / DOMAIN
    quarantined = count_quarantined(folder)
    duplicates = _duplicates(store)
    reasons: dict[str, dict[str, int]] = {}
    by_reason = count_quarantine(folder).group_by("source", "reason").agg(pl.col("records").sum())
    for source, reason, count in by_reason.iter_rows():
        reasons.setdefault(source, {})[reason] = count
    return {
        source: SourceRecords(
            duplicates.get(source, 0), quarantined.get(source, 0), reasons.get(source, {})
        )
        for source in {*duplicates, *quarantined}
    }


def _duplicates(store: ParquetStore) -> dict[str, int]:
    days = store.partitions(DOMAIN, DUPLICATES)
    if not days:
        return {}
    return dict(store.scan(DOMAIN, DUPLICATES, days).group_by("source").len().collect().iter_rows())
