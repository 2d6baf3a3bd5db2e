"""The report of a call set as a file: reports/genomics/<call_set>/report.html."""

from pathlib import Path

from user_code.genomics.domain.report import REPORT_NAME
from user_code.genomics.quarantine import DOMAIN
from user_code.shared.partition_keys import check_partition_key


def report_path(base: Path, call_set: str) -> Path:
    """Where it lies; `base` is the folder that has reports/ in it."""
    return base / "reports" / DOMAIN / check_partition_key(call_set) / REPORT_NAME


def publish_report(base: Path, call_set: str, document: str, run_id: str) -> Path:
    """Put the document in its place, replacing an earlier one whole.

    `run_id` keeps two runs over one call set from writing to the same temporary file.
    """
    path = report_path(base, call_set)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{run_id}.tmp")
    try:
        temporary.write_text(document, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
