"""The report of a call set as a file: reports/genomics/<call_set>/report.html."""

from pathlib import Path

import polars as pl

from user_code.genomics.domain.report import REPORT_NAME
from user_code.genomics.quarantine import DOMAIN
from user_code.shared.partition_keys import check_partition_key
from user_code.shared.store import StagedFile, sync_file


def report_path(base: Path, call_set: str) -> Path:
    """Where it lies; `base` is the folder that has reports/ in it."""
    return base / "reports" / DOMAIN / check_partition_key(call_set) / REPORT_NAME


def report_url(reports_url: str, call_set: str) -> str:
    """Where a browser finds it; `reports_url` is where it finds what is in reports/."""
    return f"{reports_url}/{DOMAIN}/{check_partition_key(call_set)}/{REPORT_NAME}"


def stage_report(base: Path, call_set: str, document: str, run_id: str) -> StagedFile:
    """Write the document beside its place, to be published with the tables, or discarded.

    `run_id` keeps two runs over one call set from writing to the same temporary file.
    """
    path = report_path(base, call_set)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{run_id}.tmp")
    try:
        temporary.write_text(document, encoding="utf-8")
        sync_file(temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return StagedFile(temporary, path, 0, pl.Schema())
