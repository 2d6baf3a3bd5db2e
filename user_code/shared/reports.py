"""A report as a file: reports/<domain>/<subject>/report.html, of a call set or of a source."""

from pathlib import Path

import polars as pl

from user_code.shared.partition_keys import check_partition_key
from user_code.shared.store import StagedFile, sync_file

REPORT_NAME = "report.html"


def report_path(base: Path, domain: str, subject: str) -> Path:
    """Where it lies; `base` is the folder that has reports/ in it."""
    return base / "reports" / domain / check_partition_key(subject) / REPORT_NAME


def report_url(reports_url: str, domain: str, subject: str) -> str:
    """Where a browser finds it; `reports_url` is where it finds what is in reports/."""
    return f"{reports_url}/{domain}/{check_partition_key(subject)}/{REPORT_NAME}"


def stage_report(base: Path, domain: str, subject: str, document: str, run_id: str) -> StagedFile:
    """Write the document beside its place, to be published with the tables, or discarded.

    `run_id` keeps two runs over one subject from writing to the same temporary file.
    """
    path = report_path(base, domain, subject)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{run_id}.tmp")
    try:
        temporary.write_text(document, encoding="utf-8")
        sync_file(temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return StagedFile(temporary, path, 0, pl.Schema())
